"""How far the energy and power of sessions can move, each by itself, up and down over time."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.timegrid import TimeGrid
from evergrid.model.schedule import Slots, slots
from evergrid.model.session import Sessions

HOUR = np.timedelta64(1, "h")
US_PER_H = 3_600_000_000


def energy_envelope(
    sessions: Sessions, grid: TimeGrid
) -> tuple[Float[Array, "session step"], Float[Array, "session step"]]:
    """Lowest and highest energy of each session at the end of each step, 0 when away.

    The highest is reached by charging at full power from arrival. The lowest is the deepest
    discharge from which the energy owed at departure can still be reached; where it cannot be
    reached at all, both are the path of full charging. Limits of sites are not applied.

    Source:
        Energy balance of one battery; no outside source.
    """
    at = slots(sessions, grid)
    lowest, highest = (np.zeros((len(sessions), grid.steps)) for _ in range(2))
    lowest[at.session, at.step], highest[at.session, at.step] = _edges(sessions, grid, at)
    return lowest, highest


def fleet_envelope(
    sessions: Sessions, grid: TimeGrid
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Sums of `energy_envelope` over the sessions, without an array of session by step."""
    at = slots(sessions, grid)
    lowest, highest = _edges(sessions, grid, at)
    return (
        np.bincount(at.step, lowest, grid.steps),
        np.bincount(at.step, highest, grid.steps),
    )


def _edges(
    sessions: Sessions, grid: TimeGrid, at: Slots
) -> tuple[Float[Array, " slot"], Float[Array, " slot"]]:
    """Lowest and highest energy at the end of each slot."""
    elapsed_h = _elapsed_h(at, grid.step_h)
    arrival = np.maximum(sessions.arrival_utc, grid.times[0])
    left_h = (sessions.departure_utc - arrival) / np.timedelta64(1, "h")
    rate_in = sessions.max_charge_kw * sessions.efficiency_charge
    rate_out = sessions.max_discharge_kw / sessions.efficiency_discharge
    floor = np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)
    row = at.session
    charged = rate_in[row] * elapsed_h
    highest = np.minimum(sessions.capacity_kwh[row], sessions.energy_arrival_kwh[row] + charged)
    chargeable = rate_in[row] * np.maximum(left_h[row] - elapsed_h, 0.0)
    owed = sessions.energy_departure_kwh[row] - chargeable
    drained = sessions.energy_arrival_kwh[row] - rate_out[row] * elapsed_h
    lowest = np.maximum(np.maximum(floor[row], owed), drained)
    return np.minimum(lowest, highest), highest


def _elapsed_h(at: Slots, step_h: float) -> Float[Array, " slot"]:
    """Time connected from arrival to the end of each slot."""
    summed = np.cumsum(at.share)
    lengths = at.stop - at.first
    before = np.append(0.0, summed)[np.cumsum(lengths) - lengths]
    return step_h * (summed - before[at.session])


@dataclass(frozen=True)
class SustainedPower:
    """Constant power that connected sessions can hold for a while, from given instants on.

    One row per pair of a session and an instant at which the hold begins. All powers are net
    at the plug, positive into the grid.

    Attributes:
        session: Session of each row.
        instant: Instant of each row.
        high_kw: Most power; negative where the vehicle must charge to keep the driver's promise.
        low_kw: Least power: the most it can draw.
        baseline_kw: Mean power over the hold when nothing is asked: charging as early as
            possible up to what is owed, then resting.
        energy_kwh: Energy in the cells at the instant, on that baseline.
        around_plan_kw: How far power can move either way, through the whole hold, around a power
            that a plan chose, from an energy at the instant that it chose too.
        planned_energy_kwh: That energy.
    """

    session: Int[Array, " row"]
    instant: Int[Array, " row"]
    high_kw: Float[Array, " row"]
    low_kw: Float[Array, " row"]
    baseline_kw: Float[Array, " row"]
    energy_kwh: Float[Array, " row"]
    around_plan_kw: Float[Array, " row"]
    planned_energy_kwh: Float[Array, " row"]

    @property
    def up_kw(self) -> Float[Array, " row"]:
        """How far power can rise above the baseline."""
        return np.maximum(self.high_kw - self.baseline_kw, 0.0)

    @property
    def down_kw(self) -> Float[Array, " row"]:
        """How far power can fall below the baseline."""
        return np.maximum(self.baseline_kw - self.low_kw, 0.0)

    @property
    def both_kw(self) -> Float[Array, " row"]:
        """How far power can move either way around the baseline, through the whole hold.

        Energy then lies between that of the two constant powers, whatever a signal asks for: so
        much can be promised for a block that lasts as long as the hold, or for a signal that never
        takes or gives more than the hold at full power.
        """
        return np.minimum(self.up_kw, self.down_kw)


def sustained(
    sessions: Sessions,
    instants: Shaped[Array, " instant"],
    duration_h: float,
    *,
    stated_utc: Shaped[Array, " session"] | None = None,
) -> SustainedPower:
    """Power each session can hold constant for ``duration_h`` from each instant on.

    Exact for these assumptions: until the instant a vehicle charges as early as possible up to
    what it is owed; it stays plugged in for the whole hold, holds one power, and afterwards may
    charge at full power until it leaves with what it is owed. A session counts from its arrival
    until its departure less the duration, and only while it is also stated to stay that long.

    Args:
        sessions: Who is connected, when.
        instants: Starts of the hold, ``datetime64[us]`` in UTC, in ascending order.
        duration_h: Length of the hold, above 0.
        stated_utc: Departures known beforehand, which the promise is kept by; the real ones by
            default.

    Source:
        Energy balance of one battery; no outside source. The tests solve the same as a linear
        program.
    """
    stated = sessions.departure_utc if stated_utc is None else stated_utc
    hold = np.timedelta64(round(duration_h * US_PER_H), "us")
    first = np.searchsorted(instants, sessions.arrival_utc, side="left")
    until = np.minimum(sessions.departure_utc, stated) - hold
    stop = np.maximum(np.searchsorted(instants, until, side="right"), first)
    row, instant = _pairs(first, stop)
    at = instants[instant]
    since_h = (at - sessions.arrival_utc[row]) / HOUR
    after_h = (stated[row] - at) / HOUR - duration_h
    rate_in = (sessions.max_charge_kw * sessions.efficiency_charge)[row]
    owed = sessions.energy_departure_kwh[row]
    start = sessions.energy_arrival_kwh[row]
    goal = np.maximum(owed, start)
    energy = np.minimum(goal, start + rate_in * since_h)
    floor = np.minimum(sessions.energy_reserve_kwh[row], start)
    least = np.maximum(floor, owed - rate_in * np.maximum(after_h, 0.0))
    resting = np.minimum(goal, energy + rate_in * duration_h)
    high = _power(sessions, row, energy - least, duration_h)
    # Of all energies that a plan can have reached, that which leaves room for a hold of full
    # charging: below it no power downwards is lost, above it no more than that is gained upwards.
    lowest = start - sessions.max_discharge_kw[row] / sessions.efficiency_discharge[row] * since_h
    lowest = np.maximum(np.maximum(floor, lowest), least - rate_in * duration_h)
    roomy = sessions.capacity_kwh[row] - rate_in * duration_h
    highest = np.minimum(sessions.capacity_kwh[row], start + rate_in * since_h)
    planned = np.minimum(np.maximum(roomy, lowest), highest)
    planned_high = _power(sessions, row, planned - least, duration_h)
    planned_low = _power(sessions, row, planned - sessions.capacity_kwh[row], duration_h)
    return SustainedPower(
        session=row,
        instant=instant,
        high_kw=high,
        low_kw=_power(sessions, row, energy - sessions.capacity_kwh[row], duration_h),
        baseline_kw=_power(sessions, row, energy - resting, duration_h),
        energy_kwh=energy,
        around_plan_kw=np.maximum(planned_high - planned_low, 0.0) / 2.0,
        planned_energy_kwh=planned,
    )


def _pairs(
    first: Int[Array, " session"], stop: Int[Array, " session"]
) -> tuple[Int[Array, " row"], Int[Array, " row"]]:
    """Every session with each of its instants ``first .. stop - 1``."""
    lengths = stop - first
    row = np.repeat(np.arange(len(first)), lengths)
    instant = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths - first, lengths)
    return row, instant


def _power(
    sessions: Sessions,
    row: Int[Array, " row"],
    given_kwh: Float[Array, " row"],
    duration_h: float,
) -> Float[Array, " row"]:
    """Constant net power that takes this energy from the cells, or puts it in if negative."""
    fed = given_kwh * sessions.efficiency_discharge[row] / duration_h
    drawn = given_kwh / sessions.efficiency_charge[row] / duration_h
    power = np.where(given_kwh > 0, fed, drawn)
    return np.clip(power, -sessions.max_charge_kw[row], sessions.max_discharge_kw[row])
