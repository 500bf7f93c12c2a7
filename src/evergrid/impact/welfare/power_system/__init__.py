"""The power system that a fleet meets: its supply, its hours, what feeding and storage change."""
