"""Stores whose power comes in whole steps, at or above a least, with few starts."""
