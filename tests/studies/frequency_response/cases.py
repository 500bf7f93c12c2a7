"""A small case of frequency response: forty cars, a loss in a small area, and a made-up record."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

START = datetime(2025, 1, 15, 0, tzinfo=UTC)  # at night, when cars are at home
TICKS = 900


def configuration(**changed: Any) -> dict[str, Any]:
    """A loss of 3 MW; with ``record`` the made-up record."""
    return {
        "area": {"base_mw": 40.0, "inertia_s": 3.0, "load_mw": 30.0},
        "governor": {"reserve_mw": 6.0},
        "event": {
            "start": START.isoformat(),
            "loss_mw": 3.0,
            "duration_s": 20.0,
            "limit_hz": 49.0,
            "vehicles_each": 20.0,
        },
        "response": {"most_mw": 1.0},
        "sweep": {"inertia_s": [2.0, 4.0], "award_share": [0.5, 1.0]},
        "fleet": [
            {"place": "home", "vehicles": 40, "sites": ["street"], "time_zone": "UTC"},
        ],
    } | changed


def record(folder: Path, **changed: Any) -> dict[str, Any]:
    """A record of half an hour that falls at its end, with two gaps, and how to read it."""
    second = 2.0 * np.arange(TICKS)
    frequency = 50.0 + 0.04 * np.sin(second / 60.0)
    frequency[-20:] -= 0.15
    frequency[[100, 400]] = np.nan
    times = [START + timedelta(seconds=float(each)) for each in second]
    frame = pl.DataFrame({"time_utc": times, "frequency_hz": frequency}).fill_nan(None)
    frame.write_csv(folder / "frequency.csv")
    return {"file": "frequency.csv"} | changed
