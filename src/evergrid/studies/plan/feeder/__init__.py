"""A plan on a feeder: what it keeps, and how its report tells it."""
