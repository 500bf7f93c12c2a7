"""Figures of what a fleet sells beside energy."""
