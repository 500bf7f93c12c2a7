"""A simulated station: its timers, its power, its bay, and how it answers."""
