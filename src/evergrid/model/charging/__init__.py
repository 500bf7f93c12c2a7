"""Chargers as records: ratings, phases and steps, and which site each is at."""
