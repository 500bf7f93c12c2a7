"""Figures of what happens when the grid fails or is about to."""
