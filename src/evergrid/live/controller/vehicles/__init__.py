"""Vehicles that are plugged in, as the service decides for them and follows what they do."""
