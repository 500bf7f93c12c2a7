"""Figures of feeders: maps, loading, strength, hosting capacity, slow devices."""
