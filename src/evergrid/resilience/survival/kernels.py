"""The loops of survival: one outage step by step, and probabilities of states step by step."""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel

UNMET_KW = 1e-6  # load up to which rounding counts as served


class OutageSeries(NamedTuple):
    """What changes from step to step; the battery as in `BatterySeries`.

    Attributes:
        net_kw: Load less generation of sun and wind.
        power_kw: Of the battery.
        capacity_kwh: Its room.
        start_kwh: Its energy if the outage begins in that step.
        arrival_kwh: Energy that comes.
        departure_kwh: Energy that goes.
    """

    net_kw: Float[Array, " step"]
    power_kw: Float[Array, " step"]
    capacity_kwh: Float[Array, " step"]
    start_kwh: Float[Array, " step"]
    arrival_kwh: Float[Array, " step"]
    departure_kwh: Float[Array, " step"]


class Plant(NamedTuple):
    """What does not change: the generator sets that run, and efficiencies of the battery.

    Attributes:
        power_kw: Of all sets that run.
        lowest_kw: Below which they cannot be turned down.
        fuel: In the tank.
        fuel_per_kwh: Slope of their consumption.
        fuel_per_h: Consumption of all when idle.
        efficiency_charge: Of the battery.
        efficiency_discharge: Of the battery.
    """

    power_kw: float
    lowest_kw: float
    fuel: float
    fuel_per_kwh: float
    fuel_per_h: float
    efficiency_charge: float
    efficiency_discharge: float


@kernel(error_model="numpy")
@no_type_check
def all_starts(series, plant, step_h, longest, steps):
    """Steps served from every start, at most `longest`; fills `steps`."""
    for start in range(len(steps)):
        steps[start] = _steps_served(series, plant, step_h, longest, start)


@kernel(error_model="numpy")
@no_type_check
def _steps_served(series, plant, step_h, longest, start):
    """Steps served before the first that is not."""
    count = len(series.net_kw)
    energy, fuel = series.start_kwh[start], plant.fuel
    step = start
    for past in range(longest):
        room = series.capacity_kwh[step]
        if past > 0:
            energy += series.arrival_kwh[step] - series.departure_kwh[step]
            energy = min(max(energy, 0.0), room)
        rest = series.net_kw[step]
        surplus = max(-rest, 0.0)
        if rest > 0.0 and plant.power_kw > 0.0:
            # Turned down no further than it can be, up to its rating and what the tank still gives.
            wanted = min(max(rest, plant.lowest_kw), plant.power_kw)
            consumed = (plant.fuel_per_kwh * wanted + plant.fuel_per_h) * step_h
            if consumed > fuel:
                spare = fuel / step_h - plant.fuel_per_h
                wanted = min(wanted, max(spare, 0.0) / plant.fuel_per_kwh) if spare > 0.0 else 0.0
                consumed = fuel
            fuel -= consumed
            surplus = max(wanted - rest, 0.0)
            rest -= wanted
        if surplus > 0.0:
            taken = min(surplus, series.power_kw[step]) * step_h * plant.efficiency_charge
            energy += min(taken, room - energy)
        elif rest > 0.0:
            most = min(series.power_kw[step], energy * plant.efficiency_discharge / step_h)
            if rest > most + UNMET_KW:
                return past
            energy = max(energy - rest * step_h / plant.efficiency_discharge, 0.0)
        step = step + 1 if step + 1 < count else 0
    return longest


class MarkovChain(NamedTuple):
    """States of generators, and what the battery can do in each of its levels.

    Attributes:
        transition: Probability of a state after a step (column), given that before it (row).
        power_kw: Of the generators that work in each state.
        battery_kw: What the battery can give in each level.
        charge: Levels gained per kW of surplus over a step.
        discharge: Levels lost per kW that the battery gives.
        inverter_kw: Power of the battery in both directions.
    """

    transition: Float[Array, "state state"]
    power_kw: Float[Array, " state"]
    battery_kw: Float[Array, " level"]
    charge: float
    discharge: float
    inverter_kw: float


@kernel(error_model="numpy")
@no_type_check
def all_survivals(chain, start, level, net_kw, survival):
    """Probability that each outage is survived up to the end of each of its steps.

    The states of an outage are (generators that work) x (level of the battery). Only levels that
    are in use are looked at: from one level at the start their number grows slowly.

    Args:
        chain: The states.
        start: Probability of each state of generators as the outage begins.
        level: Of the battery, by step in which it begins.
        net_kw: Load less sun and wind.
        survival: By start and duration; filled.
    """
    states, levels, count = len(start), len(chain.battery_kw), len(net_kw)
    durations = survival.shape[1]
    now = np.zeros((states, levels))
    then = np.zeros((states, levels))
    chance = np.zeros(levels)
    for begin in range(count):
        now[:] = 0.0
        now[:, level[begin]] = start
        low, high = level[begin], level[begin]  # levels in use
        step = begin
        for duration in range(durations):
            load_kw = net_kw[step]
            then[:] = 0.0
            alive, next_low, next_high = 0.0, levels, -1
            for after in range(states):
                chance[low : high + 1] = 0.0
                for before in range(after, states):  # nothing is repaired
                    part = chain.transition[before, after]
                    if part > 0.0:
                        for place in range(low, high + 1):
                            chance[place] += now[before, place] * part
                surplus_kw = chain.power_kw[after] - load_kw
                moved_kw = min(max(surplus_kw, -chain.inverter_kw), chain.inverter_kw)
                per_kw = chain.charge if moved_kw > 0.0 else chain.discharge
                shift = int(np.rint(moved_kw * per_kw))
                for place in range(low, high + 1):
                    if chance[place] == 0.0:
                        continue
                    if surplus_kw + chain.battery_kw[place] < -UNMET_KW:
                        continue
                    alive += chance[place]
                    target = min(max(place + shift, 0), levels - 1)
                    then[after, target] += chance[place]
                    next_low, next_high = min(next_low, target), max(next_high, target)
            survival[begin, duration] = alive
            if next_high < 0:
                break
            low, high = next_low, next_high
            now, then = then, now
            step = step + 1 if step + 1 < count else 0
