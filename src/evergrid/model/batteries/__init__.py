"""Batteries as records: what they hold, how old they are, what their makers allow."""
