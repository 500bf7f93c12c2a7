"""A small case of regulation: twelve cars and a battery through six hours of a made-up signal."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

START = datetime(2022, 7, 12, 4, tzinfo=UTC)  # midnight in New York
HOURS = 6


def files(folder: Path) -> None:
    """A signal of six hours, prices of energy and of regulation."""
    rng = np.random.default_rng(1)
    second = np.arange(0, HOURS * 3600, 2)
    wave = 0.7 * np.sin(second / 97.0) + 0.3 * np.sin(second / 31.0)
    pl.DataFrame({"second": second, "signal": wave}).write_csv(folder / "signal.csv")
    times = [START + timedelta(hours=hour) for hour in range(HOURS)]
    price = rng.uniform(20, 80, HOURS)
    pl.DataFrame(
        {"time_utc": times, "import_price_per_mwh": price, "export_price_per_mwh": price}
    ).write_parquet(folder / "prices.parquet")
    pl.DataFrame(
        {"time_begin_utc": times, "reg_ccp": price / 2, "reg_pcp": price / 20}
    ).write_parquet(folder / "market.parquet")


def configuration(**changed: Any) -> dict[str, Any]:
    battery = {
        "asset_id": "battery-1",
        "site_id": "street",
        "capacity_kwh": 100.0,
        "power_kw": 50.0,
        "energy_start_kwh": 50.0,
        "wear_cost_per_kwh": 0.01,
    }
    return {
        "horizon": {"start": "2022-07-12T04:00:00Z", "days": HOURS / 24, "step_min": 30},
        "prices": {"file": "prices.parquet", "currency": "USD"},
        "signal": {"file": "signal.csv"},
        "market": {"file": "market.parquet", "mileage_ratio": 3.0},
        "award": {"step_kw": 5.0, "least_kw": 5.0},
        "fleet": [
            {
                "place": "home",
                "vehicles": 12,
                "sites": ["street"],
                "time_zone": "America/New_York",
            }
        ],
        "battery": [battery],
    } | changed
