"""A small case of rule books: forty cars and a battery through a day, in a zone without DST."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

START = datetime(2026, 1, 13, tzinfo=UTC)
START_2022 = datetime(2022, 7, 12, tzinfo=UTC)


def files(folder: Path, start: datetime = START) -> None:
    """Prices of energy through a day."""
    times = [start + timedelta(hours=hour) for hour in range(24)]
    frame = {"time_utc": times, "import_price_per_mwh": 80.0, "export_price_per_mwh": 80.0}
    pl.DataFrame(frame).write_parquet(folder / "prices.parquet")


def configuration(**changed: Any) -> dict[str, Any]:
    battery = {
        "asset_id": "battery-1",
        "site_id": "street",
        "capacity_kwh": 3000.0,
        "power_kw": 1500.0,
        "energy_start_kwh": 1500.0,
    }
    return {
        "horizon": {"start": "2026-01-13T00:00:00Z", "days": 1, "step_min": 60},
        "prices": {"file": "prices.parquet", "currency": "EUR"},
        "fleet": [
            {"place": "home", "vehicles": 40, "sites": ["street"], "time_zone": "Europe/Berlin"}
        ],
        "battery": [battery],
    } | changed
