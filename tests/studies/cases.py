"""Small random cases: vehicles below a tree of sites, with load, prices and a meter."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.studies import plan

Planned = Callable[..., tuple[plan.Result, Path]]
START = datetime(2024, 1, 10, tzinfo=UTC)
HOURS = [START + timedelta(hours=hour) for hour in range(24)]
SITES = ("street", "office")


def sessions(rng: np.random.Generator, count: int):
    """Sessions of which some begin before the day, some outlast it, and some only charge."""
    arrival = rng.integers(-120, 900, count)
    capacity = rng.uniform(30, 90, count)
    there, owed = np.sort(rng.uniform(0.1, 0.95, (2, count)), axis=0) * capacity
    rating = rng.choice([3.7, 7.4, 11.0], count)
    return pl.DataFrame(
        {
            "session_id": [f"s{i}" for i in range(count)],
            "asset_id": [f"car-{i}" for i in range(count)],
            "site_id": rng.choice(SITES, count),
            "arrival_utc": [START + timedelta(minutes=int(m)) for m in arrival],
            "departure_utc": [
                START + timedelta(minutes=int(m)) for m in arrival + rng.integers(200, 900, count)
            ],
            "capacity_kwh": capacity,
            "energy_arrival_kwh": there,
            "energy_departure_kwh": owed,
            "energy_reserve_kwh": 0.2 * capacity,
            "max_charge_kw": rating,
            "max_discharge_kw": np.where(rng.random(count) < 0.7, rating, 0.0),
            "efficiency_charge": rng.uniform(0.85, 1.0, count),
            "efficiency_discharge": rng.uniform(0.85, 1.0, count),
            "wear_cost_per_kwh": rng.uniform(0.0, 0.03, count),
        }
    )


def prices(rng: np.random.Generator):
    bought = rng.uniform(20, 200, 24)
    return pl.DataFrame(
        {
            "time_utc": HOURS,
            "import_price_per_mwh": bought,
            "export_price_per_mwh": bought * 0.85,
            "carbon_price_per_mwh": rng.uniform(0, 30, 24),
        }
    )


def site_load(rng: np.random.Generator):
    return pl.DataFrame(
        {
            "site_id": np.repeat(SITES, 24),
            "time_utc": HOURS * 2,
            "load_kw": np.concatenate([rng.uniform(0, 8, 24), rng.uniform(-5, 10, 24)]),
        }
    )


def configuration(meter: bool):
    return {
        "horizon": {"start": "2024-01-10", "step_min": 30},
        "sessions": {"file": "sessions.parquet"},
        "prices": {"file": "prices.parquet"},
        "site_load_file": "site_load.parquet",
        "site": [
            {"site_id": "feeder", "import_limit_kw": 45, "export_limit_kw": 20},
            {"site_id": "street", "parent_id": "feeder", "import_limit_kw": 25},
            {
                "site_id": "office",
                "parent_id": "feeder",
                "demand_charge_per_kw": 0.05,
                "net_metering": meter,
            },
        ],
        "battery": [
            {
                "asset_id": "battery-1",
                "site_id": "street",
                "capacity_kwh": 20,
                "power_kw": 5,
                "energy_start_kwh": 10,
            }
        ],
    }
