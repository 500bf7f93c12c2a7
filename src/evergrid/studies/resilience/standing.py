"""What it costs on usual days to keep energy in vehicles, and what is in them at each hour."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import ConfigError, SolveError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.dispatch import plan
from evergrid.dispatch.options import Options
from evergrid.inputs.microgrid import HOURS_A_DAY, VehiclesEntry
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import Sites, no_load
from evergrid.studies.resilience.config import StandingEntry

MIDNIGHT = datetime(2025, 1, 14, tzinfo=UTC)  # any day: prices are given by hour
STEP_H = 0.25
LEAST_TOLD_KWH = 1e-3  # missing at departure


@dataclass(frozen=True)
class StandingReserves:
    """One vehicle on a usual day, for each reserve that it may keep.

    Attributes:
        reserve_kwh: Kept at all times once it is reached; the first is what the vehicles keep
            anyhow, for their way home.
        cost_per_day: Net cost of the day: what is drawn less what is fed, and wear.
        given_up_per_day: By which that is more than with the first.
        hour: Of the local clock, at the start of each step while it is plugged in.
        energy_kwh: In the cells then.
        status: Of each plan.
    """

    reserve_kwh: Float[Array, " reserve"]
    cost_per_day: Float[Array, " reserve"]
    given_up_per_day: Float[Array, " reserve"]
    hour: Float[Array, " step"]
    energy_kwh: Float[Array, "reserve step"]
    status: tuple[str, ...]

    def energy_at(self, reserve: int, hour: Float[Array, " moment"]) -> Float[Array, " moment"]:
        """Energy in the cells at hours of the clock; NaN where it is not plugged in."""
        step = self.step_at(hour)
        found = self.energy_kwh[reserve][np.maximum(step, 0)]
        return np.where(step >= 0, found, np.nan)

    def step_at(self, hour: Float[Array, " moment"]) -> Int[Array, " moment"]:
        """Step in which those hours of the clock lie; -1 where it is not plugged in."""
        step = np.floor((hour - self.hour[0]) % HOURS_A_DAY / STEP_H + 1e-9).astype(int)
        return np.where(step < len(self.hour), step, -1)


def planned(entry: StandingEntry, vehicles: VehiclesEntry) -> StandingReserves:
    """The cheapest day of one vehicle for each reserve, by the same plan as the study ``plan``.

    A vehicle that comes with less than the reserve charges up to it first, at its full power.

    Raises:
        ConfigError: Energies above the capacity, reserves below the vehicles' own.
        SolveError: A plan that is not proven the cheapest.
    """
    _check(entry, vehicles)
    own = vehicles.energy_reserve_kwh
    reserves = np.array([own, *(reserve for reserve in entry.reserve_kwh if reserve > own)])
    days = [_day(entry, vehicles, reserve) for reserve in reserves]
    cost = np.array([day.cost for day in days])
    energy = np.array([day.energy_kwh for day in days])
    return StandingReserves(
        reserve_kwh=reserves,
        cost_per_day=cost,
        given_up_per_day=cost - cost[0],
        hour=(entry.plugged_in[0] + STEP_H * np.arange(energy.shape[1])) % HOURS_A_DAY,
        energy_kwh=energy,
        status=tuple(day.status for day in days),
    )


class _Day(NamedTuple):
    """What a day costs, with the energy at the start of each step."""

    cost: float
    energy_kwh: Float[Array, " step"]
    status: str


def _day(entry: StandingEntry, vehicles: VehiclesEntry, reserve_kwh: float) -> _Day:
    """Up to the reserve at full power, in whole steps, and from there on the cheapest plan."""
    steps = _steps(entry)
    missing = max(reserve_kwh - entry.energy_arrival_kwh, 0.0)
    most = vehicles.max_charge_kw * vehicles.efficiency_charge * STEP_H  # into the cells, a step
    first = int(np.ceil(missing / most - 1e-9)) if missing else 0
    if first >= steps:
        rule = "leave time to charge up to each of reserve_kwh"
        got = (str(list(entry.plugged_in)),)
        raise ConfigError("config", [Fault("standing.plugged_in", rule, got)])
    rising = entry.energy_arrival_kwh + missing * np.arange(first) / max(first, 1)
    portfolio = _portfolio(entry, vehicles, reserve_kwh, first)
    found = plan.v2g(portfolio, Options(end_value_per_kwh=0.0))
    if found.status is not Status.OPTIMAL:
        raise SolveError(
            found.status, f"It is the usual day with a reserve of {reserve_kwh:g} kWh."
        )
    if found.shortfall_kwh > LEAST_TOLD_KWH:
        rule = "leave time to charge what a vehicle is owed when it leaves"
        fix = f"{found.shortfall_kwh:.1f} kWh are missing."
        got = (str(list(entry.plugged_in)),)
        raise ConfigError("config", [Fault("standing.plugged_in", rule, got, fix=fix)])
    (ends,) = found.schedule.energy_kwh
    planned_kwh = np.concatenate([[entry.energy_arrival_kwh + missing], ends[:-1]])
    drawn = missing / vehicles.efficiency_charge / max(first, 1)
    bought = sum(per_kwh_from_per_mwh(_price(entry, step)) * drawn for step in range(first))
    return _Day(found.costs.net + bought, np.concatenate([rising, planned_kwh]), found.status.value)


def _steps(entry: StandingEntry) -> int:
    """Of the time in which vehicles are plugged in."""
    start, end = entry.plugged_in
    return round((end - start) % HOURS_A_DAY / STEP_H)


def _price(entry: StandingEntry, step: int) -> float:
    """Price of drawing in that step after plugging in."""
    hour = int(entry.plugged_in[0] + step * STEP_H + 1e-9) % HOURS_A_DAY
    return entry.import_price_per_mwh[hour]


def _portfolio(
    entry: StandingEntry, vehicles: VehiclesEntry, reserve_kwh: float, skipped: int
) -> Portfolio:
    """One vehicle from so many steps after it is plugged in until it leaves."""
    first = MIDNIGHT + timedelta(hours=entry.plugged_in[0] + skipped * STEP_H)
    grid = TimeGrid(first, STEP_H, _steps(entry) - skipped)
    last = first + timedelta(hours=grid.steps * STEP_H)
    one = {
        "capacity_kwh": vehicles.capacity_kwh,
        "energy_arrival_kwh": max(entry.energy_arrival_kwh, reserve_kwh if skipped else 0.0),
        "energy_departure_kwh": entry.energy_departure_kwh,
        "energy_reserve_kwh": reserve_kwh,
        "max_charge_kw": vehicles.max_charge_kw,
        "max_discharge_kw": vehicles.max_discharge_kw,
        "efficiency_charge": vehicles.efficiency_charge,
        "efficiency_discharge": vehicles.efficiency_discharge,
        "wear_cost_per_kwh": entry.wear_per_kwh,
    }
    name = np.array([vehicles.name], dtype=object)
    sessions = Sessions(
        session_id=name,
        asset_id=name,
        site_id=np.array(["site"], dtype=object),
        arrival_utc=np.array([datetime64(first)]),
        departure_utc=np.array([datetime64(last)]),
        **{key: np.array([value]) for key, value in one.items()},
    )
    hours = np.arange(2 * HOURS_A_DAY)
    price = np.array(entry.import_price_per_mwh)[hours % HOURS_A_DAY]
    prices = Prices(
        time_utc=datetime64(MIDNIGHT) + hours * np.timedelta64(1, "h"),
        import_price_per_mwh=price,
        export_price_per_mwh=price - entry.export_loss_per_mwh,
        carbon_price_per_mwh=np.zeros(len(hours)),
        currency=entry.currency,
    )
    unlimited = np.array([np.inf])
    sites = Sites(
        site_id=np.array(["site"], dtype=object),
        parent_id=np.array([""], dtype=object),
        import_limit_kw=unlimited,
        export_limit_kw=unlimited,
        demand_charge_per_kw=np.zeros(1),
        net_metering=np.zeros(1, bool),
    )
    return assemble(grid, sessions, sites, no_load(), prices)


def _check(entry: StandingEntry, vehicles: VehiclesEntry) -> None:
    most = vehicles.capacity_kwh
    faults = [
        Fault(f"standing.{field}", f"be at most the capacity, {most:g} kWh", (value,))
        for field, value in (
            ("energy_arrival_kwh", entry.energy_arrival_kwh),
            ("energy_departure_kwh", entry.energy_departure_kwh),
            ("reserve_kwh", max(entry.reserve_kwh)),
        )
        if value > most
    ]
    if (low := min(entry.reserve_kwh)) < vehicles.energy_reserve_kwh:
        rule = f"be at least energy_reserve_kwh of the vehicles, {vehicles.energy_reserve_kwh:g}"
        faults.append(Fault("standing.reserve_kwh", rule, (low,)))
    if faults:
        raise ConfigError("config", faults)
