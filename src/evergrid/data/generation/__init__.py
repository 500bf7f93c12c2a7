"""Generators of real and synthetic power systems, and what they generated."""
