"""Cells of published models: how fast they age, and from which experiments."""
