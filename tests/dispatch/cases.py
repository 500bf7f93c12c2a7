"""Small portfolios of every kind, drawn at random but always with something to decide."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.accounts import site_power
from evergrid.model.batteries.warranty import Warranties
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.prices import Prices
from evergrid.model.schedule import Schedule
from evergrid.model.session import Sessions
from evergrid.model.site import SiteLoad, Sites, no_load

START = datetime(2022, 7, 4, tzinfo=UTC)


@dataclass(frozen=True)
class CaseSettings:
    """What a random portfolio has in it."""

    sessions: int = 12
    steps: int = 48
    step_h: float = 0.5
    room_kw: float = 25.0
    net_metering: bool = False
    demand_charge_per_kw: float = 0.0
    carbon: bool = False
    load_kw: float = 0.0
    overhang: bool = False
    spread: float = 0.0
    wear: float = 0.01
    wear_rise: float = 0.0
    calendar_wear: float = 0.0
    warranty_kwh: float | None = None
    budget_kwh: float = np.inf  # of the feeder


CASES = {
    "plain": CaseSettings(),
    "tight": CaseSettings(room_kw=14.0),
    "net meter with load": CaseSettings(net_metering=True, load_kw=6.0, room_kw=40.0, spread=30.0),
    "demand charge": CaseSettings(demand_charge_per_kw=2.0),
    "carbon": CaseSettings(carbon=True),
    "beyond the horizon": CaseSettings(overhang=True),
    "everything": CaseSettings(
        net_metering=True,
        demand_charge_per_kw=1.0,
        carbon=True,
        load_kw=4.0,
        room_kw=35.0,
        overhang=True,
        spread=20.0,
    ),
    "wear that rises": CaseSettings(wear_rise=0.004),
    "wear by time": CaseSettings(calendar_wear=0.0006, overhang=True, step_h=0.5),
    "warranty": CaseSettings(warranty_kwh=4.0),
    "energy budget": CaseSettings(budget_kwh=110.0, load_kw=4.0),
}


def site_energy(portfolio: Portfolio, schedule: Schedule) -> np.ndarray:
    """Energy that each site draws over the horizon, with its load, less what is fed."""
    return -portfolio.grid.step_h * site_power(portfolio, schedule).sum(axis=1)


def a_portfolio(seed: int, kind: CaseSettings | None = None) -> Portfolio:
    """A random portfolio in which everyone can be served."""
    kind = kind or CaseSettings()
    rng = np.random.default_rng(seed)
    grid = TimeGrid(START, kind.step_h, kind.steps)
    n = kind.sessions
    hours = grid.horizon_h
    arrival_h = rng.uniform(-2 if kind.overhang else 0, 0.5 * hours, n)
    stay_h = rng.uniform(3, 8 if not kind.overhang else hours, n)
    departure_h = arrival_h + stay_h
    if not kind.overhang:
        departure_h = np.minimum(departure_h, hours)
    inside_h = np.minimum(departure_h, hours) - np.maximum(arrival_h, 0)
    capacity = rng.uniform(30, 70, n)
    energy = capacity * rng.uniform(0.2, 0.6, n)
    owed = np.minimum(energy + 0.9 * 7.0 * inside_h * rng.uniform(0, 0.3, n), capacity)
    names = np.array([f"session-{i}" for i in range(n)], dtype=object)
    ids = np.array(["feeder", "east", "west"], dtype=object)
    sessions = Sessions(
        session_id=names,
        asset_id=names,
        site_id=ids[1 + np.arange(n) % 2],
        arrival_utc=_times(grid, arrival_h),
        departure_utc=_times(grid, departure_h),
        capacity_kwh=capacity,
        energy_arrival_kwh=energy,
        energy_departure_kwh=owed,
        energy_reserve_kwh=0.1 * capacity,
        max_charge_kw=np.full(n, 7.0),
        max_discharge_kw=np.where(rng.random(n) < 0.8, 7.0, 0.0),
        efficiency_charge=rng.uniform(0.88, 0.97, n),
        efficiency_discharge=rng.uniform(0.88, 0.97, n),
        wear_cost_per_kwh=np.full(n, kind.wear),
        wear_rise_per_kwh_per_kw=kind.wear_rise * (1.0 + np.arange(n) % 3),
        calendar_wear_per_kwh_h=kind.calendar_wear * (np.arange(n) % 4),
    )
    room = np.array([2 * kind.room_kw, kind.room_kw, kind.room_kw])
    sites = Sites(
        site_id=ids,
        parent_id=np.array(["", "feeder", "feeder"], dtype=object),
        import_limit_kw=room,
        export_limit_kw=room,
        demand_charge_per_kw=np.array([kind.demand_charge_per_kw, 0.0, 0.0]),
        net_metering=np.array([False, kind.net_metering, False]),
        energy_budget_kwh=np.array([kind.budget_kwh, np.inf, np.inf]),
    )
    load = SiteLoad(
        site_id=np.array(["east"], dtype=object),
        time_utc=grid.times,
        load_kw=rng.uniform(-0.5, 1.0, (1, grid.steps)) * kind.load_kw,
    )
    made = assemble(grid, sessions, sites, load, prices(seed, grid, kind))
    if kind.warranty_kwh is None:
        return made
    limited = names[: n // 2]
    return replace(made, warranties=Warranties(limited, np.full(n // 2, kind.warranty_kwh)))


@dataclass(frozen=True)
class Stay:
    """A stay at a charger of 10 kW without losses, of a battery of 100 kWh that is empty."""

    arrival_h: float
    departure_h: float
    owed_kwh: float
    feeds: bool = False
    held_kwh: float = 0.0


def by_hand(stays: list[Stay], price_per_mwh: list[float], **site: Any) -> Portfolio:
    """A portfolio of hourly prices at one site without losses, to be worked out by hand."""
    price, n = np.array(price_per_mwh), len(stays)
    grid = TimeGrid(START, 1.0, len(price))
    names = np.array([f"session-{i}" for i in range(n)], dtype=object)
    sessions = Sessions(
        session_id=names,
        asset_id=names,
        site_id=np.full(n, "depot", dtype=object),
        arrival_utc=_times(grid, np.array([stay.arrival_h for stay in stays], float)),
        departure_utc=_times(grid, np.array([stay.departure_h for stay in stays], float)),
        capacity_kwh=np.full(n, 100.0),
        energy_arrival_kwh=np.array([stay.held_kwh for stay in stays], float),
        energy_departure_kwh=np.array([stay.owed_kwh for stay in stays], float),
        energy_reserve_kwh=np.zeros(n),
        max_charge_kw=np.full(n, 10.0),
        max_discharge_kw=np.array([10.0 if stay.feeds else 0.0 for stay in stays]),
        efficiency_charge=np.ones(n),
        efficiency_discharge=np.ones(n),
        wear_cost_per_kwh=np.zeros(n),
        wear_rise_per_kwh_per_kw=np.zeros(n),
    )
    columns = {
        "import_limit_kw": np.array([np.inf]),
        "export_limit_kw": np.array([np.inf]),
        "demand_charge_per_kw": np.zeros(1),
        "net_metering": np.zeros(1, bool),
    }
    sites = Sites(
        site_id=np.array(["depot"], dtype=object),
        parent_id=np.array([""], dtype=object),
        **(columns | {name: np.array([value]) for name, value in site.items()}),
    )
    money = Prices(grid.times, price, price, np.zeros(len(price)), "EUR")
    return assemble(grid, sessions, sites, no_load(), money)


def prices(seed: int, grid: TimeGrid, kind: CaseSettings) -> Prices:
    """Prices that rise and fall, with a spread between drawing and feeding."""
    rng = np.random.default_rng(seed + 1)
    wave = 80 + 50 * np.sin(np.arange(grid.steps) / grid.steps * 4 * np.pi)
    price = wave + rng.normal(0, 10, grid.steps)
    carbon = rng.uniform(0, 30, grid.steps) if kind.carbon else np.zeros(grid.steps)
    return Prices(grid.times, price + kind.spread, price, carbon, "EUR")


def _times(grid: TimeGrid, hours: np.ndarray) -> np.ndarray:
    return grid.times[0] + (hours * 3600e6).astype("timedelta64[us]")
