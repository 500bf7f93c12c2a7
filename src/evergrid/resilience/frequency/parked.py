"""What vehicles at their chargers can hold for a frequency product at a moment, each its promise.

Without an order a vehicle charges at full power from its arrival until it has what it is owed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import W_PER_KW
from evergrid.dispatch.track import droop
from evergrid.model.charging.chargers import LEAST_A, USUAL_V, usual_phases
from evergrid.model.session import Sessions
from evergrid.resilience.frequency.response import Control, FleetResponse, levels_hz

HOUR = np.timedelta64(1, "h")
GROUPS = 64  # of chargers that measure at one moment; more change the nadir by less than 0.1 mHz
NAMEPLATE = 0.2  # of a step by which a nameplate such as 11 kW is below 16 A at 230 V
EPSILON = 1e-9  # of a step, lost in rounding
TURN = np.sqrt(2.0) - 1.0  # of a phase; turns never come back to the same place

Due = Callable[[Float[Array, " level"]], Float[Array, " level"]]


@dataclass(frozen=True)
class Chargers:
    """Whole steps of the chargers of some sessions.

    Attributes:
        step_kw: By which power is set: 1 A on each phase.
        charge_kw: Greatest power drawn, in whole steps.
        discharge_kw: Greatest power fed.
        phase: Where each rounds, from 0 to 1.
    """

    step_kw: Float[Array, " vehicle"]
    charge_kw: Float[Array, " vehicle"]
    discharge_kw: Float[Array, " vehicle"]
    phase: Float[Array, " vehicle"]

    def settable(self, power_kw: Float[Array, "vehicle *level"]) -> Float[Array, "vehicle *level"]:
        """The power that each sets, in whole steps: 0, or at least 6 A, within its rating."""
        columns = (self.step_kw, self.phase, self.charge_kw, self.discharge_kw)
        rows = [values.reshape(-1, *(1,) * (power_kw.ndim - 1)) for values in columns]
        step, phase, charge, discharge = (np.broadcast_to(one, power_kw.shape) for one in rows)
        within = np.clip(power_kw, -charge, discharge)
        wanted = (np.abs(within) / step + EPSILON).ravel()
        steps = droop.steps(1.0, wanted, np.full(wanted.shape, int(LEAST_A)), phase.ravel())
        most = np.where(within < 0, charge, discharge)
        return np.sign(within) * np.minimum(steps.reshape(within.shape) * step, most)


def chargers_of(sessions: Sessions) -> Chargers:
    """The chargers of sessions, one for each; all round at one half until `spread` tells where."""
    rating = np.maximum(sessions.max_charge_kw, sessions.max_discharge_kw)
    step_kw = usual_phases(rating) * USUAL_V / W_PER_KW
    charge, discharge = (
        np.floor(rating / step_kw + NAMEPLATE) * step_kw
        for rating in (sessions.max_charge_kw, sessions.max_discharge_kw)
    )
    return Chargers(step_kw, charge, discharge, np.full(len(sessions), 0.5))


def spread(chargers: Chargers, row: Int[Array, " vehicle"], turn: int = 0) -> Chargers:
    """The same chargers, those of the rows each rounding at a place of its own.

    Args:
        chargers: Of all sessions.
        row: Of the vehicles that answer together.
        turn: With each turn other chargers come first, so that not always the same ones move.
    """
    phase = chargers.phase.copy()
    phase[row] = (droop.phases(len(row)) + turn * TURN) % 1.0
    return replace(chargers, phase=phase)


@dataclass(frozen=True)
class ParkedVehicles:
    """Vehicles that are plugged in at a moment, and what they can hold from then on.

    Attributes:
        row: Of each among the sessions.
        base_kw: Power without an order, into the grid.
        energy_kwh: In the cells.
        up_kw: That it can add for the hours asked, its promise and its reserve kept.
        down_kw: That it can take away.
    """

    row: Int[Array, " vehicle"]
    base_kw: Float[Array, " vehicle"]
    energy_kwh: Float[Array, " vehicle"]
    up_kw: Float[Array, " vehicle"]
    down_kw: Float[Array, " vehicle"]

    def __len__(self) -> int:
        return len(self.row)

    def most_mw(self, *, up: bool, down: bool) -> float:
        """The greatest award that the vehicles can hold in the directions asked."""
        held = [self.up_kw.sum()] * up + [self.down_kw.sum()] * down
        return float(min(held)) / 1000.0


def parked(
    sessions: Sessions,
    chargers: Chargers,
    moment: np.datetime64,
    hours: float,
    energy_kwh: Float[Array, " session"] | None = None,
    *,
    stay_h: float = 0.0,
) -> ParkedVehicles:
    """The vehicles plugged in at a moment, with what they can hold for some hours.

    A vehicle that holds power up must afterwards still reach what it is owed by charging at full
    power, and keep its reserve; one that holds power down needs room in its battery. One that
    leaves before the hours are over holds nothing.

    Args:
        sessions: All of them.
        chargers: Of each session.
        moment: In UTC.
        hours: For which all of it must last.
        energy_kwh: In the cells of each session now; as charging at once makes it by default.
        stay_h: As that is the case for one that leaves before these are over, where longer.
    """
    (row,) = np.nonzero((sessions.arrival_utc <= moment) & (sessions.departure_utc > moment))
    here, rating = sessions.select(row), chargers.charge_kw[row]
    since_h = -(here.arrival_utc - moment) / HOUR
    left_h = (here.departure_utc - moment) / HOUR
    into = rating * here.efficiency_charge
    owed = np.maximum(here.energy_departure_kwh, here.energy_arrival_kwh)
    energy = np.minimum(here.energy_arrival_kwh + into * since_h, owed)
    energy = energy if energy_kwh is None else energy_kwh[row]
    base_kw = np.where(energy < owed - EPSILON, -rating, 0.0)
    reachable = energy + into * np.maximum(left_h - hours, 0.0)
    spare = np.minimum(energy - here.energy_reserve_kwh, reachable - here.energy_departure_kwh)
    most = np.clip(_at_grid(spare, here) / hours, -rating, chargers.discharge_kw[row])
    fed = _whole(most, chargers.step_kw[row])
    room = np.maximum(here.capacity_kwh - energy, 0.0) / here.efficiency_charge
    drawn = _whole(np.minimum(room / hours, rating), chargers.step_kw[row])
    stays = left_h >= max(stay_h, hours) - EPSILON
    up = np.where(stays, np.maximum(fed - base_kw, 0.0), 0.0)
    down = np.where(stays, np.maximum(base_kw + drawn, 0.0), 0.0)
    return ParkedVehicles(row, base_kw, energy, up, down)


def _whole(power_kw: Float[Array, " vehicle"], step_kw: Float[Array, " vehicle"]) -> Array:
    """The next lower power that can be set: what is rounded up later would not last."""
    amperes = np.floor(power_kw / step_kw + EPSILON)
    lower = np.where(amperes > 0, 0.0, np.where(amperes < 0, -LEAST_A, 0.0))
    return np.where(np.abs(amperes) < LEAST_A, lower, amperes) * step_kw


def _at_grid(cells_kwh: Float[Array, " vehicle"], of: Sessions) -> Float[Array, " vehicle"]:
    """Energy at the plug of an energy out of the cells, below 0 for one into them."""
    out = cells_kwh * of.efficiency_discharge
    return np.where(cells_kwh > 0, out, cells_kwh / of.efficiency_charge)


def parts_kw(
    vehicles: ParkedVehicles, award_mw: float
) -> tuple[Float[Array, " vehicle"], Float[Array, " vehicle"]]:
    """Each vehicle's part of an award, up and down, by what it can hold."""
    parts = []
    for held in (vehicles.up_kw, vehicles.down_kw):
        whole = held.sum()
        parts.append(1000.0 * award_mw * held / whole if whole > 0 else np.zeros(len(held)))
    return parts[0], parts[1]


def fleet_response(
    vehicles: ParkedVehicles,
    chargers: Chargers,
    award_mw: float,
    due: Due,
    span_hz: float,
    *,
    hours: float,
    control: Control,
) -> FleetResponse:
    """The answer of parked vehicles, charger by charger in whole steps, as groups.

    Args:
        vehicles: Who is there.
        chargers: Of each session.
        award_mw: Dealt out by what each can hold.
        due: Share of the award that is due at deviations.
        span_hz: Deviation beyond which it is constant.
        hours: For which all of it lasts.
        control: How chargers measure and follow.

    Raises:
        InputError: An award above what the vehicles can hold.
    """
    share = due(levels_hz(span_hz))
    asked = {"up": bool(share.max() > 0), "down": bool(share.min() < 0)}
    most = vehicles.most_mw(**asked)
    if award_mw > most * (1 + EPSILON):
        rule = f"be at most {most:,.4g} MW, what the vehicles that are plugged in can hold"
        fix = "Lower the award, add vehicles, or choose another time."
        raise_if_any("fleet", [Fault("award_mw", rule, (award_mw,), fix=fix)])
    up, down = parts_kw(vehicles, award_mw)
    if control.spread:
        chargers = spread(chargers, vehicles.row)
    groups = max(min(GROUPS, len(vehicles)), 1)
    orders = np.zeros((groups, len(share)))
    for group in range(groups if award_mw > 0 else 0):
        mine = np.arange(group, len(vehicles), groups)
        of = _rows(chargers, vehicles.row[mine])
        base = vehicles.base_kw[mine, None]
        wanted = np.where(share > 0, up[mine, None] * share, down[mine, None] * share)
        told = of.settable(base + wanted) - base
        orders[group] = told.sum(axis=0) * groups / (1000.0 * award_mw)
    return FleetResponse(award_mw, span_hz, orders, control, award_mw * hours)


def _rows(chargers: Chargers, row: Int[Array, " vehicle"]) -> Chargers:
    return Chargers(
        chargers.step_kw[row],
        chargers.charge_kw[row],
        chargers.discharge_kw[row],
        chargers.phase[row],
    )
