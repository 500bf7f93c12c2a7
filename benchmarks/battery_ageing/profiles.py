"""Hourly years of cars that drive, feed and charge, each with a depth and a climate of its own."""

import numpy as np

HOURS = 8760
CORNERS_H = (0.0, 1.0, 6.0, 7.0, 8.0, 17.0, 18.0, 21.0, 24.0)


def years(vehicles: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """State of charge, and temperature in C, at the hours of a year, both ends included."""
    draw = np.random.default_rng(seed)
    full = draw.uniform(0.6, 0.9, vehicles)
    home = full - draw.uniform(0.05, 0.3, vehicles)
    low = home - draw.uniform(0.0, 0.25, vehicles)
    half = (full + home) / 2
    corners = np.stack([low, low, full, full, half, half, home, low, low], axis=1)
    hour = np.arange(HOURS + 1)
    day = np.stack([np.interp(np.arange(24), CORNERS_H, car) for car in corners])
    soc = np.concatenate([np.tile(day, HOURS // 24), day[:, :1]], axis=1)
    mean_c = draw.uniform(5.0, 25.0, (vehicles, 1))
    season = -10.0 * np.cos(2 * np.pi * hour / HOURS) + 4.0 * np.sin(2 * np.pi * (hour - 9) / 24)
    return soc, mean_c + season
