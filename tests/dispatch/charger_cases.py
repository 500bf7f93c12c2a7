"""A workplace with chargers of one and three phases, small enough to be looked through."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from evergrid.core.timegrid import TimeGrid
from evergrid.model.charging.chargers import ANY_STARTS, Chargers
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import Sites, no_load

START = datetime(2025, 1, 14, tzinfo=UTC)
INF = np.inf


def text(values: Any) -> Any:
    return np.array(values, dtype=object)


def a_workplace(
    seed: int, *, cars: int = 6, steps: int = 24, rules: dict[str, Any] | None = None, **sites: Any
) -> Portfolio:
    """Cars that stay from the morning on, half of them on one phase; steps of a quarter hour."""
    rng = np.random.default_rng(seed)
    grid = TimeGrid(START, 0.25, steps)
    ids = text([f"s{i}" for i in range(cars)])
    names = text([f"c{i}" for i in range(cars)])
    phases = np.where(np.arange(cars) % 2, 1, 3)
    most = np.where(phases == 1, 32.0, 16.0)
    arrival = grid.times[rng.integers(0, 3, cars)]
    rating = phases * most * 0.23
    sessions = Sessions(
        session_id=ids,
        asset_id=ids,
        site_id=np.full(cars, "office", dtype=object),
        arrival_utc=arrival,
        departure_utc=np.full(cars, grid.times[-1] + np.timedelta64(15, "m")),
        capacity_kwh=np.full(cars, 60.0),
        energy_arrival_kwh=np.full(cars, 20.0),
        energy_departure_kwh=20.0 + rng.uniform(2, 9, cars),
        energy_reserve_kwh=np.full(cars, 10.0),
        max_charge_kw=rating,
        max_discharge_kw=np.zeros(cars),
        efficiency_charge=np.full(cars, 0.93),
        efficiency_discharge=np.full(cars, 0.93),
        wear_cost_per_kwh=np.zeros(cars),
        charger_id=names,
        phases=phases,
    )
    chargers = {
        "charger_id": names,
        "site_id": sessions.site_id,
        "phases": phases,
        "phase": text([f"L{1 + i // 2 % 3}" for i in range(cars)]),
        "least_a": np.full(cars, 6.0),
        "most_a": most,
        "step_a": np.ones(cars),
        "voltage_v": np.full(cars, 230.0),
        "least_on_min": np.zeros(cars),
        "least_off_min": np.zeros(cars),
        "most_starts": np.full(cars, ANY_STARTS),
    }
    for name, value in (rules or {}).items():
        chargers[name] = np.full(cars, value, chargers[name].dtype)
    of_site = {"import_limit_kw": INF, "export_limit_kw": INF, "demand_charge_per_kw": 0.0} | sites
    office = Sites(
        site_id=text(["office"]),
        parent_id=text([""]),
        net_metering=np.array([False]),
        **{name: np.array([value]) for name, value in of_site.items()},
    )
    price = rng.uniform(50, 250, steps)
    prices = Prices(grid.times, price, price, np.zeros(steps), "EUR")
    made = Chargers(**chargers)
    return assemble(grid, sessions, office, no_load(), prices, chargers=made)


def v2g(portfolio: Portfolio) -> Portfolio:
    """The same, with cars that can feed as they charge."""
    sessions = portfolio.sessions
    return replace(portfolio, sessions=replace(sessions, max_discharge_kw=sessions.max_charge_kw))
