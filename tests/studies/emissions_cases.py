"""A small case of emissions: five cars and a battery, a day of made-up prices and factors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

START = datetime(2024, 5, 6, tzinfo=UTC)
HOURS, BEFORE = 24, 72


def files(folder: Path) -> None:
    """Prices and factors by the hour, from three days before on."""
    rng = np.random.default_rng(1)
    times = [START + timedelta(hours=hour - BEFORE) for hour in range(BEFORE + HOURS)]
    price = rng.uniform(20, 120, len(times))
    pl.DataFrame(
        {"time_utc": times, "import_price_per_mwh": price, "export_price_per_mwh": price}
    ).write_parquet(folder / "prices.parquet")
    for name in ("marginal", "average", "residual_mix"):
        factor = rng.uniform(100, 900, len(times))
        pl.DataFrame({"time_utc": times, "emissions_kg_per_mwh": factor}).write_parquet(
            folder / f"{name}.parquet"
        )
    moer = {"time_utc": times, "moer_pge_kg_per_kwh": np.full(len(times), 0.4)}
    pl.DataFrame(moer).write_parquet(folder / "moer.parquet")
    made = [START + timedelta(minutes=5 * k) for k in range(12 * HOURS)]
    for name, factor in (("forecast", 0.4), ("forecast_kg_per_mwh", 400.0)):
        leads = {f"f{k}": np.full(len(made), factor) for k in range(1, 37)}
        pl.DataFrame({"time_utc": made} | leads).write_parquet(folder / f"{name}.parquet")
    times_of_none = pl.Series([], dtype=pl.Datetime("us", "UTC"))
    pl.DataFrame(
        {"time_utc": times_of_none, "error_kg_per_mwh": pl.Series([], dtype=pl.Float64)}
    ).write_parquet(folder / "no_errors.parquet")


def generation(folder: Path, generation_kw: float) -> None:
    """Generation at the street from 10 to 12 o'clock."""
    times = [START + timedelta(minutes=30 * k) for k in range(2 * HOURS)]
    made = [generation_kw if 10 <= time.hour < 12 else 0.0 for time in times]
    table = {"site_id": ["street"] * len(times), "time_utc": times, "generation_kw": made}
    pl.DataFrame(table).write_parquet(folder / "site_generation.parquet")


def configuration(**changed: Any) -> dict[str, Any]:
    battery = {
        "asset_id": "battery-1",
        "site_id": "street",
        "capacity_kwh": 400.0,
        "power_kw": 100.0,
        "energy_start_kwh": 200.0,
    }
    given = {
        "horizon": {"start": START.isoformat(), "days": HOURS / 24, "step_min": 30},
        "prices": {"file": "prices.parquet", "currency": "EUR"},
        "marginal": {"file": "marginal.parquet"},
        "average": {"file": "average.parquet"},
        "residual_mix": {"file": "residual_mix.parquet", "matched_share": 0.25},
        "battery": [battery],
        "fleet": [{"place": "home", "vehicles": 5, "sites": ["street"], "time_zone": "UTC"}],
        "site": [{"site_id": "street", "import_limit_kw": 200.0, "export_limit_kw": 200.0}],
        "prices_per_tonne": [0.0, 50.0, 500.0],
    } | changed
    return {key: value for key, value in given.items() if value is not None}
