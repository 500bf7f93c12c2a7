"""A small case of value stacking: eight cars and a battery, six hours of a made-up market."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

START = datetime(2024, 5, 6, 18, tzinfo=UTC)
HOURS, DAYS_BEFORE = 6, 2


def files(folder: Path) -> None:
    """Prices of energy and of a reserve, by the hour, from two days before on."""
    rng = np.random.default_rng(1)
    hours = 24 * DAYS_BEFORE + HOURS
    times = [START + timedelta(hours=hour - 24 * DAYS_BEFORE) for hour in range(hours)]
    price = rng.uniform(20, 120, hours)
    pl.DataFrame(
        {"time_utc": times, "import_price_per_mwh": price, "export_price_per_mwh": price}
    ).write_parquet(folder / "prices.parquet")
    pl.DataFrame({"time_utc": times, "price_per_mw": rng.uniform(1, 20, hours)}).write_parquet(
        folder / "reserve.parquet"
    )


def configuration(**changed: Any) -> dict[str, Any]:
    battery = {
        "asset_id": "battery-1",
        "site_id": "street",
        "capacity_kwh": 100.0,
        "power_kw": 50.0,
        "energy_start_kwh": 50.0,
    }
    reserve = {"name": "reserve", "direction": "up", "file": "reserve.parquet", "hold_min": 60}
    both = {"name": "regulation", "price_per_mw": 12.0, "step_kw": 5.0, "least_kw": 5.0}
    return {
        "horizon": {"start": START.isoformat(), "days": HOURS / 24, "step_min": 30},
        "prices": {"file": "prices.parquet", "currency": "EUR"},
        "battery": [battery],
        "fleet": [
            {"place": "home", "vehicles": 8, "sites": ["street"], "time_zone": "Europe/Oslo"}
        ],
        "service": [both, reserve],
    } | changed
