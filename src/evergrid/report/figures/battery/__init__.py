"""Figures of batteries: how they age, and what ages them."""
