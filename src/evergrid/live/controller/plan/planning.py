"""The plan for those who are plugged in now: the same functions as in a study, on the same records.

Everything here is pure and can be sent to another process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import SolveError
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import S_PER_H
from evergrid.dispatch import plan as energy_plan
from evergrid.dispatch.options import Options
from evergrid.dispatch.services import plan as service_plan
from evergrid.inputs import regulation
from evergrid.inputs import sites as site_sources
from evergrid.live.config import Config
from evergrid.live.controller.vehicles import vehicle as vehicles
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.live.devices.adapter import Device
from evergrid.live.signals.prices import on_grid
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import SiteLimits, no_load
from evergrid.model.time_series.signal import RegulationMarket

SECOND_US = 1_000_000
LEAST_STAY_S = 60.0  # in a plan, of a vehicle that should have left already


@dataclass(frozen=True)
class PlanRequest:
    """What a plan is made of.

    Attributes:
        portfolio: Those who are plugged in, from the begin of the plan on.
        market: Prices of regulation; None where none is sold.
        config: How to plan, and what to offer.
        row: Station of each session.
        transaction: Of each session, as another vehicle may be there when the plan is made.
    """

    portfolio: Portfolio
    market: RegulationMarket | None
    config: Config
    row: Shaped[Array, " session"]
    transaction: Shaped[Array, " session"]


@dataclass(frozen=True)
class MadePlan:
    """A plan as the controller follows it.

    Attributes:
        start_s: UTC seconds since 1970.
        step_s: Length of a step.
        row: Station of each session.
        transaction: Of each session.
        power_kw: Into the grid.
        before_kwh: In the cells at the begin of each step.
        energy_kwh: In the cells at the end of each step.
        held_kw: Held for regulation.
        award_kw: Of each hour, both ways.
        price_per_mwh: Of energy drawn.
        status: Earned.
        gap: Relative.
        solve_s: Seconds.
    """

    start_s: float
    step_s: float
    row: Shaped[Array, " session"]
    transaction: Shaped[Array, " session"]
    power_kw: Float[Array, "session step"]
    before_kwh: Float[Array, "session step"]
    energy_kwh: Float[Array, "session step"]
    held_kw: Float[Array, "session step"]
    award_kw: Float[Array, " hour"]
    price_per_mwh: Float[Array, " step"]
    status: str
    gap: float
    solve_s: float

    def step_at(self, wall_s: float) -> int:
        """Step of a moment, the last one at most."""
        step = int((wall_s - self.start_s + 1e-6) // self.step_s)
        return min(max(step, 0), self.power_kw.shape[1] - 1)

    def award_at(self, wall_s: float) -> float:
        """Award planned for the hour of a moment."""
        hour = int((wall_s - self.start_s + 1e-6) // S_PER_H)
        return float(self.award_kw[min(max(hour, 0), len(self.award_kw) - 1)])


def request(
    config: Config,
    devices: Sequence[Device],
    plugged_in: dict[int, Vehicle],
    prices: Prices,
    market: RegulationMarket | None,
    *,
    start_s: float,
    limits: SiteLimits | None = None,
) -> PlanRequest | None:
    """What to plan from a moment on; None where nobody takes part who is still there then.

    Args:
        config: Of the service.
        devices: Every station, by row.
        plugged_in: Vehicles with their energies at that moment, by row.
        prices: Of energy; beyond their end those of a day before count.
        market: Prices of regulation; None where none is sold.
        start_s: A whole step, UTC seconds since 1970.
        limits: Of sites, that change over time; the lasting ones alone by default.

    Raises:
        InputError: Prices that do not cover the horizon.
    """
    planning = config.planning
    there = {
        row: vehicle
        for row, vehicle in plugged_in.items()
        if not vehicle.charges_at_once and vehicle.ready_s > start_s + LEAST_STAY_S
    }
    if not there:
        return None
    grid = TimeGrid(
        datetime.fromtimestamp(start_s, UTC),
        planning.step_min / 60.0,
        round(planning.horizon_h * 60.0 / planning.step_min),
    )
    portfolio = assemble(
        grid,
        _sessions(config, devices, there, start_s),
        site_sources.listed(config.site),
        no_load(),
        on_grid(prices, grid).prices,
        limits,
    )
    sold = market if market is not None and config.market is not None else None
    row = {f"{one.station}/{one.transaction}": row for row, one in there.items()}
    rows = np.array([row[name] for name in portfolio.sessions.session_id], np.int64)
    transactions = _names([there[one].transaction for one in rows.tolist()])
    return PlanRequest(portfolio, sold, config, rows, transactions)


def _sessions(
    config: Config, devices: Sequence[Device], there: dict[int, Vehicle], start_s: float
) -> Sessions:
    """Vehicles as sessions that begin with the plan."""
    ones, efficiency = list(there.values()), np.full(len(there), config.vehicle.efficiency)

    def numbers(name: str) -> Float[Array, " session"]:
        return np.array([getattr(one, name) for one in ones], float)

    capacity, energy = numbers("capacity_kwh"), numbers("energy_kwh")
    return Sessions(
        session_id=_names([f"{one.station}/{one.transaction}" for one in ones]),
        asset_id=_names([one.station for one in ones]),
        site_id=_names([devices[row].site for row in there]),
        arrival_utc=_times(np.full(len(ones), start_s)),
        departure_utc=_times(numbers("ready_s")),
        capacity_kwh=capacity,
        energy_arrival_kwh=np.minimum(energy, capacity),
        energy_departure_kwh=np.minimum(numbers("aim_kwh"), capacity),
        energy_reserve_kwh=np.minimum(numbers("reserve_kwh"), capacity),
        max_charge_kw=np.array([vehicles.charge_kw_at(one, config.vehicle) for one in ones]),
        max_discharge_kw=numbers("max_discharge_kw"),
        efficiency_charge=efficiency,
        efficiency_discharge=efficiency,
        wear_cost_per_kwh=np.full(len(ones), config.vehicle.wear_cost_per_kwh),
    )


def _names(names: list[str]) -> Shaped[Array, " session"]:
    return np.array(names, dtype=object)


def _times(seconds: Float[Array, " session"]) -> Shaped[Array, " session"]:
    return np.round(seconds * SECOND_US).astype(np.int64).astype("datetime64[us]")


def make(asked: PlanRequest) -> MadePlan:
    """The plan of least net cost, with regulation where it is sold.

    Raises:
        SolveError: No plan was found in the time allowed.
    """
    portfolio, config = asked.portfolio, asked.config
    value = energy_plan.end_value_per_kwh(portfolio)
    options = Options(value, smooth=False, time_limit_s=config.planning.time_limit_s)
    alone = energy_plan.v2g(portfolio, options)
    if asked.market is None or config.market is None:
        return _made(asked, alone, np.zeros(alone.schedule.power_kw.shape), np.zeros(1))
    service = regulation.service(config.market, config.award, portfolio.grid, asked.market)
    try:
        with_regulation = service_plan.plan(portfolio, [service], options, alone=alone)
    except SolveError:
        return _made(asked, alone, np.zeros(alone.schedule.power_kw.shape), np.zeros(1))
    return _made(asked, with_regulation, with_regulation.held_kw[0], with_regulation.award_kw[0])


def _made(
    asked: PlanRequest,
    found: energy_plan.Plan | service_plan.ServicePlan,
    held_kw: Float[Array, "session step"],
    award_kw: Float[Array, " hour"],
) -> MadePlan:
    portfolio, schedule = asked.portfolio, found.schedule
    before = np.roll(schedule.energy_kwh, 1, axis=1)
    before[:, 0] = portfolio.sessions.energy_arrival_kwh
    return MadePlan(
        start_s=portfolio.grid.start_utc.timestamp(),
        step_s=portfolio.grid.step_h * S_PER_H,
        row=asked.row,
        transaction=asked.transaction,
        power_kw=schedule.power_kw,
        before_kwh=before,
        energy_kwh=schedule.energy_kwh,
        held_kw=held_kw,
        award_kw=award_kw,
        price_per_mwh=portfolio.prices.import_price_per_mwh,
        status=str(found.status),
        gap=float(found.certificate.gap),
        solve_s=found.solve_s,
    )
