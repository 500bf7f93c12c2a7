"""Small tables that tests make dirty in one place at a time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.data.sessions.assumptions import PlugIns

DAY = datetime(2022, 7, 4, tzinfo=UTC)


@pytest.fixture
def sessions_table() -> pl.DataFrame:
    """Three good rows of the sessions table."""
    return pl.DataFrame(
        {
            "session_id": ["s1", "s2", "s3"],
            "asset_id": ["ev-1", "ev-2", "ev-1"],
            "site_id": ["depot", "depot", "depot"],
            "arrival_utc": [DAY, DAY, DAY + timedelta(hours=10)],
            "departure_utc": [DAY + timedelta(hours=h) for h in (8, 9, 20)],
            "capacity_kwh": [60.0, 60.0, 60.0],
            "energy_arrival_kwh": [20.0, 30.0, 40.0],
            "energy_departure_kwh": [50.0, 50.0, 50.0],
            "energy_reserve_kwh": [10.0, 10.0, 10.0],
            "max_charge_kw": [11.0, 11.0, 11.0],
            "max_discharge_kw": [11.0, 0.0, 11.0],
            "efficiency_charge": [0.93, 0.93, 0.93],
            "efficiency_discharge": [0.93, 0.93, 0.93],
            "wear_cost_per_kwh": [0.03, 0.03, 0.03],
            "wear_rise_per_kwh_per_kw": [0.0, 0.002, 0.01],
            "calendar_wear_per_kwh_h": [0.0, 0.0001, 0.0005],
        }
    )


@pytest.fixture
def sites_table() -> pl.DataFrame:
    """A depot under a feeder; the feeder has no limits."""
    return pl.DataFrame(
        {
            "site_id": ["feeder", "depot"],
            "parent_id": [None, "feeder"],
            "import_limit_kw": [None, 50.0],
            "export_limit_kw": [None, 30.0],
        },
        schema_overrides={"parent_id": pl.String},
    )


@pytest.fixture
def prices_table() -> pl.DataFrame:
    """Four hours of prices."""
    return pl.DataFrame(
        {
            "time_utc": [DAY + timedelta(hours=h) for h in range(4)],
            "import_price_per_mwh": [50.0, 60.0, -5.0, 80.0],
            "export_price_per_mwh": [40.0, 50.0, -5.0, 70.0],
        }
    )


@pytest.fixture
def load_table() -> pl.DataFrame:
    """Two hours of load at two sites."""
    return pl.DataFrame(
        {
            "site_id": ["depot", "depot", "feeder", "feeder"],
            "time_utc": [DAY, DAY + timedelta(hours=1)] * 2,
            "load_kw": [10.0, 12.0, 100.0, 110.0],
        }
    )


@pytest.fixture
def generation_table() -> pl.DataFrame:
    """Two hours of generation at the depot."""
    return pl.DataFrame(
        {
            "site_id": ["depot", "depot"],
            "time_utc": [DAY, DAY + timedelta(hours=1)],
            "generation_kw": [0.0, 7.5],
        }
    )


@pytest.fixture
def limits_table() -> pl.DataFrame:
    """Two hours of limits at two sites; the feeder must feed in the first."""
    return pl.DataFrame(
        {
            "site_id": ["depot", "depot", "feeder", "feeder"],
            "time_utc": [DAY, DAY + timedelta(hours=1)] * 2,
            "import_limit_kw": [30.0, None, -5.0, 40.0],
            "export_limit_kw": [None, 0.0, 60.0, None],
        }
    )


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Writes a frame under a name that ends in .parquet or .csv and returns the path."""

    def write(frame: pl.DataFrame, name: str = "table.parquet") -> Path:
        path = tmp_path / name
        if path.suffix == ".csv":
            frame.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%:z")
        else:
            frame.write_parquet(path)
        return path

    return write


@pytest.fixture(scope="session")
def plugins() -> Callable[..., PlugIns]:
    """Makes plug-ins of lists: start and length in hours, energy; the rest has defaults."""

    def make(
        start_h: list[float], stay_h: list[float], delivered_kwh: list[float], **more: Any
    ) -> PlugIns:
        names = np.array([f"s{i}" for i in range(len(start_h))], dtype=object)
        arrival = np.datetime64("2022-07-04", "us") + _span(start_h)
        columns: dict[str, Any] = {
            "session_id": names,
            "asset_id": np.array([f"plug-{name}" for name in names], dtype=object),
            "site_id": np.full(len(names), "here", dtype=object),
            "arrival_utc": arrival,
            "departure_utc": arrival + _span(stay_h),
            "delivered_kwh": np.array(delivered_kwh, dtype=float),
        }
        for name, values in more.items():
            columns[name] = np.array(values, dtype=object if name.endswith("_id") else float)
        return PlugIns(**columns)

    return make


def _span(hours: list[float]) -> np.ndarray:
    return np.round(np.array(hours, dtype=float) * 3.6e9).astype("timedelta64[us]")
