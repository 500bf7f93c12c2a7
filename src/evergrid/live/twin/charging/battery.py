"""What a simulated vehicle and its charger do with a power that they are told to have.

Power changes in steps and is constant between them, so that every energy is exact: a battery is
moved forward only when somebody looks or something changes. A charger draws or feeds whole steps
of current, at least its least, or nothing. Near full the vehicle takes less, step by step.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from evergrid.battery.converter import LossCurve
from evergrid.core.units import S_PER_H, W_PER_KW
from evergrid.model.charging.chargers import LEAST_A, NOMINAL, USUAL_V

TAPER_SOC = 0.9  # from which a vehicle takes less current; assumed: packs at 11 kW are far below 1C
STANDBY_KW = 0.005  # of a charger with a vehicle that takes nothing; assumed
USUAL_EFFICIENCY = 0.93  # one way at the rating; of the measured 0.87 from the plug and back
USUAL_CHARGE = LossCurve.two_way(1.0 - USUAL_EFFICIENCY)
USUAL_DISCHARGE = LossCurve.two_way(1.0 / USUAL_EFFICIENCY - 1.0)
DIRECT_STEP_A = 0.01  # on the grid side of a charger of direct current; assumed
ALMOST = 1e-9  # kWh, and steps, that are rounding


@dataclass(frozen=True)
class StationCharger:
    """A charging point, and how it moves.

    One of direct current is counted in steps of its grid side, which are small.

    Attributes:
        phases: 1 or 3.
        most_a: Greatest current of each phase.
        discharge_a: Greatest current that it feeds; 0 where it only charges.
        voltage_v: From phase to neutral, that steps of current are counted with.
        least_a: Least current while it draws or feeds.
        step_a: Step of current.
        latency_s: From an order that was accepted until power begins to change.
        ramp_kw_per_s: By which power then changes.
        ramp_step_s: Time between two steps of a ramp.
        standby_kw: What it draws from the grid while the vehicle takes nothing.
        charge: Loss while it draws, over the rating.
        discharge: Loss while it feeds.
        direct_current: Whether the vehicle is charged with direct current.
    """

    phases: int
    most_a: float
    discharge_a: float
    voltage_v: float = USUAL_V
    least_a: float = LEAST_A
    step_a: float = 1.0
    latency_s: float = 0.2
    ramp_kw_per_s: float = 11.0
    ramp_step_s: float = 0.2
    standby_kw: float = STANDBY_KW
    charge: LossCurve = USUAL_CHARGE
    discharge: LossCurve = USUAL_DISCHARGE
    direct_current: bool = False

    @property
    def step_kw(self) -> float:
        """Power of one step of current on all phases."""
        return self.step_a * self.phases * self.voltage_v / W_PER_KW

    @property
    def most_kw(self) -> float:
        """Greatest power that it draws."""
        return self.most_a / self.step_a * self.step_kw

    @property
    def discharge_kw(self) -> float:
        """Greatest power that it feeds."""
        return self.discharge_a / self.step_a * self.step_kw

    @property
    def least_steps(self) -> int:
        """Steps of the least current."""
        return round(self.least_a / self.step_a)


def charger(
    charge_kw: float,
    discharge_kw: float,
    phases: int,
    *,
    efficiency_charge: float = USUAL_EFFICIENCY,
    efficiency_discharge: float = USUAL_EFFICIENCY,
    direct_current: bool = False,
) -> StationCharger:
    """A charger of these ratings, in whole amperes, with these efficiencies at its rating.

    Args:
        charge_kw: Greatest power drawn, as it is sold.
        discharge_kw: Greatest power fed; 0 where it only charges.
        phases: 1 or 3.
        efficiency_charge: Energy into the cells per energy drawn.
        efficiency_discharge: Energy fed per energy out of the cells.
        direct_current: Whether it takes any current, as no pilot of alternating current rules it.
    """
    return StationCharger(
        phases=phases,
        most_a=_amperes(charge_kw, phases),
        discharge_a=_amperes(discharge_kw, phases),
        charge=LossCurve.two_way(1.0 - efficiency_charge),
        discharge=LossCurve.two_way(1.0 / efficiency_discharge - 1.0),
        direct_current=direct_current,
        **({"least_a": DIRECT_STEP_A, "step_a": DIRECT_STEP_A} if direct_current else {}),
    )


def _amperes(rating_kw: float, phases: int) -> float:
    """Whole amperes of each phase that a rating stands for: 11 kW is 16 A."""
    amperes = rating_kw * W_PER_KW / (phases * USUAL_V)
    near = round(amperes)
    return float(near if abs(amperes - near) <= NOMINAL * max(near, 1) else math.floor(amperes))


@dataclass(frozen=True)
class Vehicle:
    """A vehicle that is plugged in.

    Attributes:
        capacity_kwh: Usable energy of the cells.
        reserve_kwh: Energy that discharging leaves in the cells.
        taper_soc: From which it takes less current.
    """

    capacity_kwh: float
    reserve_kwh: float
    taper_soc: float = TAPER_SOC


class Change(NamedTuple):
    """Power that is wanted from a moment on.

    Attributes:
        time_s: From when.
        power_kw: Into the grid.
        reactive_kvar: Into the grid.
    """

    time_s: float
    power_kw: float
    reactive_kvar: float = 0.0


class OutletState(NamedTuple):
    """A charger with a vehicle at one moment.

    Attributes:
        time_s: The moment.
        energy_kwh: In the cells.
        drawn_kwh: Register of energy drawn from the grid.
        fed_kwh: Register of energy fed into it.
        power_kw: Into the grid; where it changes at this moment, that before or after is told.
        reactive_kvar: Into the grid.
        least_kwh: Least energy that was in the cells.
    """

    time_s: float
    energy_kwh: float
    drawn_kwh: float = 0.0
    fed_kwh: float = 0.0
    power_kw: float = 0.0
    reactive_kvar: float = 0.0
    least_kwh: float = math.inf


class ChargerFlow(NamedTuple):
    """Power at both sides of a charger.

    Attributes:
        power_kw: Into the grid.
        cells_kw: Out of the cells.
    """

    power_kw: float
    cells_kw: float


class Piece(NamedTuple):
    """A time of constant power.

    Attributes:
        begin_s: From when.
        end_s: Until when.
        power_kw: Into the grid.
    """

    begin_s: float
    end_s: float
    power_kw: float


def whole_steps(at: StationCharger, wanted_kw: float, low_kw: float, high_kw: float) -> float:
    """The power, into the grid, nearest to a wanted one that the charger can hold.

    Args:
        at: The charger.
        wanted_kw: Into the grid.
        low_kw: The most it may draw, as a power into the grid: 0 or less.
        high_kw: The most it may feed: 0 or more.
    """
    step_kw, least = at.step_kw, at.least_steps
    most_in = _whole(min(-low_kw, at.most_kw) / step_kw)
    most_out = _whole(min(high_kw, at.discharge_kw) / step_kw)
    steps = round(abs(wanted_kw) / step_kw)
    steps = min(steps, most_out if wanted_kw > 0 else most_in)
    if steps < least:
        room = most_out if wanted_kw > 0 else most_in
        near_least = abs(wanted_kw) / step_kw >= least / 2 and room >= least
        steps = least if near_least else 0
    return math.copysign(steps * step_kw, wanted_kw) if steps else 0.0


def _whole(steps: float) -> int:
    return max(math.floor(steps + 1e-6), 0)


def most_charge_kw(at: StationCharger, of: Vehicle, energy_kwh: float) -> float:
    """The most that the vehicle draws at an energy, in whole steps; 0 where it is full.

    From its taper on, the current falls evenly to the least, which it keeps until full.
    """
    if energy_kwh >= of.capacity_kwh - ALMOST:
        return 0.0
    begin_kwh = of.taper_soc * of.capacity_kwh
    span = round(at.most_a / at.step_a) - at.least_steps
    if energy_kwh <= begin_kwh - ALMOST or span <= 0:
        return at.most_kw
    share = (energy_kwh - begin_kwh) / (of.capacity_kwh - begin_kwh)
    return at.most_kw - (math.floor(share * span + 1e-6) + 1) * at.step_kw


def flow(
    at: StationCharger, of: Vehicle, energy_kwh: float, wanted_kw: float, reactive_kvar: float = 0.0
) -> ChargerFlow:
    """What vehicle and charger do at an energy with a power that is wanted.

    A charger that takes nothing is fed by the grid, with what its reactive power loses.
    """
    rating = at.most_kw
    room = most_charge_kw(at, of, energy_kwh) if wanted_kw < 0 else 0.0
    drawing, feeding = room > 0, wanted_kw > 0 and energy_kwh > of.reserve_kwh + ALMOST
    if not drawing and not feeding:
        idle = at.standby_kw
        if reactive_kvar:
            idle = rating * _loss(at.discharge, abs(reactive_kvar) / rating)
        return ChargerFlow(-idle, 0.0)
    power = wanted_kw if feeding else -min(-wanted_kw, room)
    share = math.hypot(power, reactive_kvar) / rating
    if feeding:
        return ChargerFlow(power, power + rating * _loss(at.discharge, share))
    return ChargerFlow(power, min(power + rating * _loss(at.charge, share), 0.0))


def _loss(curve: LossCurve, share: float) -> float:
    return curve.k0 + curve.k1 * share + curve.k2 * share * share


def _next_edge_kwh(at: StationCharger, of: Vehicle, energy_kwh: float, cells_kw: float) -> float:
    """The energy at which the power may change by itself, while the cells give a power."""
    if cells_kw > 0:
        return of.reserve_kwh
    begin_kwh = of.taper_soc * of.capacity_kwh
    span = round(at.most_a / at.step_a) - at.least_steps
    if energy_kwh < begin_kwh - ALMOST:
        return begin_kwh
    if span <= 0:
        return of.capacity_kwh
    width = (of.capacity_kwh - begin_kwh) / span
    passed = math.floor((energy_kwh - begin_kwh) / width + 1e-6)
    return min(begin_kwh + (passed + 1) * width, of.capacity_kwh)


def seconds_to_edge(at: StationCharger, of: Vehicle, energy_kwh: float, wanted: Change) -> float:
    """Time until the power may change by itself; infinite where it never does."""
    held = flow(at, of, energy_kwh, wanted.power_kw, wanted.reactive_kvar)
    if not held.cells_kw:
        return math.inf
    edge = _next_edge_kwh(at, of, energy_kwh, held.cells_kw)
    return max((energy_kwh - edge) / held.cells_kw * S_PER_H, 0.0)


def advanced(
    at: StationCharger, of: Vehicle, state: OutletState, wanted: list[Change], until_s: float
) -> tuple[OutletState, list[Piece]]:
    """The state at a later moment, and the pieces of constant power until then.

    Args:
        at: The charger.
        of: The vehicle.
        state: Where it stands.
        wanted: Powers wanted, in order of time, the first of them by now.
        until_s: The moment.
    """
    pieces: list[Piece] = []
    for number, change in enumerate(wanted):
        end_s = until_s
        if number + 1 < len(wanted):
            end_s = min(wanted[number + 1].time_s, until_s)
        while state.time_s < end_s:
            begin_s = state.time_s
            state = _moved(at, of, state, change, end_s)
            pieces.append(Piece(begin_s, state.time_s, state.power_kw))
    return state, pieces


def _moved(
    at: StationCharger, of: Vehicle, state: OutletState, change: Change, end_s: float
) -> OutletState:
    """The state after the longest time of constant power, at most until a moment."""
    energy = state.energy_kwh
    power, cells = flow(at, of, energy, change.power_kw, change.reactive_kvar)
    after = energy - cells * (end_s - state.time_s) / S_PER_H
    if cells:
        edge = _next_edge_kwh(at, of, energy, cells)
        if (after - edge) * cells <= 0:
            end_s = min(state.time_s + (energy - edge) / cells * S_PER_H, end_s)
            after = edge
    energy_at_meter = power * (end_s - state.time_s) / S_PER_H
    drawn, fed = max(-energy_at_meter, 0.0), max(energy_at_meter, 0.0)
    return OutletState(
        end_s,
        after,
        state.drawn_kwh + drawn,
        state.fed_kwh + fed,
        power,
        change.reactive_kvar,
        min(state.least_kwh, after),
    )


def ramp(at: StationCharger, begin: Change, goal_kw: float, goal_kvar: float = 0.0) -> list[Change]:
    """The steps in which power goes from one value to another, the last of them at the goal."""
    apart = goal_kw - begin.power_kw
    count = max(math.ceil(abs(apart) / (at.ramp_kw_per_s * at.ramp_step_s) - 1e-9), 1)
    return [
        Change(
            begin.time_s + number * at.ramp_step_s,
            begin.power_kw + apart * (number + 1) / count if number + 1 < count else goal_kw,
            goal_kvar,
        )
        for number in range(count)
    ]
