"""How many vehicles a feeder takes, and what stops it."""
