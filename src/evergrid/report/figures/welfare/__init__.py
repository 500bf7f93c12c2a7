"""Figures of who gains, who loses, and which rate is best."""
