"""A street whose homes have many vehicles, with prices that ask for more than its wires carry."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch import plan
from evergrid.dispatch.network.feeder_check import SiteConnections
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.connections import Connections, at_loads
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import power_flow
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.limits import Limits
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.session import Sessions
from evergrid.model.site import SiteLoad, Sites
from tests.dispatch.cases import START, CaseSettings, prices
from tests.grid.cases import street

GRID = TimeGrid(START, 0.5, 24)
LIMITS = Limits(low_pu=0.94, high_pu=1.06, transformer=1.0, unbalance=0.03)
WIDE = Limits(low_pu=0.3, high_pu=2.0, line=50.0, transformer=50.0, unbalance=0.99)


@dataclass(frozen=True)
class StreetFleet:
    """The street with a fleet.

    Attributes:
        feeder: As read.
        portfolio: Vehicles at its loads; the last of them stands at a garage below the shop.
        limits: What must hold.
    """

    feeder: Feeder
    portfolio: Portfolio
    limits: Limits

    @cached_property
    def loads(self) -> Connections:
        """Its loads."""
        return at_loads(self.feeder)

    @cached_property
    def case(self) -> FeederCase:
        """What the feeder carries without vehicles."""
        branches, steps = self.feeder.branches, self.portfolio.grid.steps
        load = self.loads.share.T @ -self.portfolio.load_kw[1:-1]
        per_kw = branches.reactive_kvar / branches.power_kw
        network = power_flow.reduce(self.feeder)
        state = np.zeros(steps, np.int64)
        step_h = self.portfolio.grid.step_h
        return FeederCase((network,), state, load, load * per_kw[:, None], step_h, self.limits)

    @cached_property
    def connections(self) -> SiteConnections:
        """Sites by row: the root, the loads in their order, the garage below the last."""
        count = len(self.loads)
        place = np.concatenate([[-1], np.arange(count), [count - 1]])
        share = self.loads.share.toarray()
        return SiteConnections(place, np.arange(1, count + 1), share, lambda fleet_kw: self.case)

    @property
    def options(self) -> plan.Options:
        """How it is planned."""
        return plan.Options(plan.end_value_per_kwh(self.portfolio))


def wired(
    folder: Path,
    seed: int,
    limits: Limits = LIMITS,
    *,
    vehicles: int = 14,
    rating_kw: float = 7.0,
    owed: float = 0.15,
    resting: bool = False,
) -> StreetFleet:
    """A street with vehicles dealt out to its loads.

    Args:
        folder: Where its file is written.
        seed: Of stays, energies and prices.
        limits: What must hold.
        vehicles: How many there are.
        rating_kw: Of each charger, both ways.
        owed: Share of what a charger can deliver that is owed at most.
        resting: Whether nothing is owed and nothing pays.
    """
    feeder = opendss.read(street(folder))
    loads = at_loads(feeder)
    rng = np.random.default_rng(seed)
    names = [str(name) for name in loads.name]
    site_id = np.array(["street", *names, "garage"], dtype=object)
    at = rng.integers(0, len(names), vehicles)
    session_site = np.array(names, dtype=object)[at]
    session_site[-1] = "garage"
    arrival = rng.integers(0, GRID.steps // 2, vehicles)
    stay = np.minimum(rng.integers(6, 16, vehicles), GRID.steps - arrival)
    capacity = rng.uniform(40, 80, vehicles)
    energy = capacity * rng.uniform(0.3, 0.6, vehicles)
    most = 0.9 * rating_kw * stay * GRID.step_h
    wanted = np.minimum(energy + most * rng.uniform(0, owed, vehicles), capacity)
    ids = np.array([f"s{i}" for i in range(vehicles)], dtype=object)
    step = np.timedelta64(round(GRID.step_h * 3600), "s")
    sessions = Sessions(
        session_id=ids,
        asset_id=ids,
        site_id=session_site,
        arrival_utc=GRID.times[0] + arrival * step,
        departure_utc=GRID.times[0] + (arrival + stay) * step,
        capacity_kwh=capacity,
        energy_arrival_kwh=energy,
        energy_departure_kwh=np.zeros(vehicles) if resting else wanted,
        energy_reserve_kwh=0.1 * capacity,
        max_charge_kw=np.full(vehicles, rating_kw),
        max_discharge_kw=np.full(vehicles, rating_kw),
        efficiency_charge=np.full(vehicles, 0.93),
        efficiency_discharge=np.full(vehicles, 0.93),
        wear_cost_per_kwh=np.full(vehicles, 9.0 if resting else 0.01),
        wear_rise_per_kwh_per_kw=np.zeros(vehicles),
    )
    count = len(site_id)
    sites = Sites(
        site_id=site_id,
        parent_id=np.array(["", *["street"] * len(names), names[-1]], dtype=object),
        import_limit_kw=np.full(count, np.inf),
        export_limit_kw=np.full(count, np.inf),
        demand_charge_per_kw=np.zeros(count),
        net_metering=np.zeros(count, bool),
    )
    shape = 0.6 + 0.4 * np.sin(np.arange(GRID.steps) / GRID.steps * 2 * np.pi)
    drawn = np.bincount(loads.owner, -feeder.branches.power_kw[loads.row])[:, None] * shape
    load = SiteLoad(np.array(names, dtype=object), GRID.times, drawn)
    portfolio = assemble(GRID, sessions, sites, load, prices(seed, GRID, CaseSettings()))
    return StreetFleet(feeder, portfolio, limits)
