"""Large programs solved on CPUs by a primal-dual interior-point method of our own."""
