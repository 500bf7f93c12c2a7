"""Who came, and what a fleet could have delivered on each past day."""
