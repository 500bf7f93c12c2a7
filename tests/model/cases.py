"""Small whole records that the tests of the model break one rule at a time."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import Sites

DAY = TimeGrid(datetime(2024, 1, 10, tzinfo=UTC), 1.0, 24)


def names(prefix: str, count: int):
    return np.array([f"{prefix}{i}" for i in range(count)], dtype=object)


def make_sessions(count: int = 3, **changed: Any):
    """Sessions of cars that stay for a day from midnight; columns can be replaced."""
    arrival = np.full(count, np.datetime64("2024-01-10", "us"))
    columns = {
        "session_id": names("s", count),
        "asset_id": names("car-", count),
        "site_id": np.full(count, "depot", dtype=object),
        "arrival_utc": arrival,
        "departure_utc": arrival + np.timedelta64(1, "D"),
        "capacity_kwh": np.full(count, 60.0),
        "energy_arrival_kwh": np.full(count, 20.0),
        "energy_departure_kwh": np.full(count, 50.0),
        "energy_reserve_kwh": np.full(count, 10.0),
        "max_charge_kw": np.full(count, 11.0),
        "max_discharge_kw": np.full(count, 7.0),
        "efficiency_charge": np.full(count, 0.95),
        "efficiency_discharge": np.full(count, 0.9),
        "wear_cost_per_kwh": np.full(count, 0.02),
        "wear_rise_per_kwh_per_kw": np.full(count, 0.001),
    }
    for name, values in changed.items():
        columns[name] = np.array(values, dtype=columns[name].dtype)
    return Sessions(**columns)


def make_sites(parents: dict[str, str], **changed: Any):
    """A tree of sites from the name of each site's parent."""
    count = len(parents)
    columns = {
        "site_id": np.array(list(parents), dtype=object),
        "parent_id": np.array(list(parents.values()), dtype=object),
        "import_limit_kw": np.full(count, 100.0),
        "export_limit_kw": np.full(count, np.inf),
        "demand_charge_per_kw": np.zeros(count),
        "net_metering": np.zeros(count, bool),
        "energy_budget_kwh": np.full(count, np.inf),
        "generation_curtailable": np.ones(count, bool),
        "demand_charge_period": np.full(count, "month", dtype=object),
        "demand_peak_kw": np.zeros(count),
        "demand_charge_peaks": np.ones(count, np.int64),
    }
    for name, values in changed.items():
        columns[name] = np.array(values, dtype=columns[name].dtype)
    return Sites(**columns)


def make_prices(hours: int = 24, **changed: Any):
    """Hourly prices of a day; columns can be replaced."""
    columns = {
        "time_utc": np.datetime64("2024-01-10", "us") + np.arange(hours) * np.timedelta64(1, "h"),
        "import_price_per_mwh": np.linspace(50.0, 150.0, hours),
        "export_price_per_mwh": np.linspace(40.0, 140.0, hours),
        "carbon_price_per_mwh": np.zeros(hours),
    }
    return Prices(currency="EUR", **(columns | changed))


def faults_of(function: Callable[..., object], *args: Any, **options: Any):
    """The faults, by field, of a call that must be refused."""
    with pytest.raises(InputError) as caught:
        function(*args, **options)
    return {fault.field: fault for fault in caught.value.faults}
