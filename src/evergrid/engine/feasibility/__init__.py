"""What must give way before a program has a schedule, and how one keeps its limits."""
