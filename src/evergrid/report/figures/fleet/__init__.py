"""Figures of fleets: power, energy, promises and how they were kept."""
