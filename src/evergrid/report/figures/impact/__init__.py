"""Figures of what a fleet does to carbon and to society."""
