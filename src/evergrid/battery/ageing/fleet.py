"""How whole fleets of large cells age: rates from tables, a battery after the other on all cores.

Of a window the models need two rates. That of time depends on state and temperature: it is read
from a table, between four of its points. That of use depends on temperature, depth and mean
current: it is worked out at the lowest, the middle and the highest temperature of the window; a
parabola through these is averaged over time. Then each fade goes on along its power law, as in
`power_law`.
"""

from functools import cache, partial
from typing import Any, NamedTuple, no_type_check

import numpy as np
from numba import njit

from evergrid.battery.ageing.model import REST_C_RATE, AbstractLargeCell, Fade
from evergrid.battery.ageing.profile import (
    FAR_MOVE,
    HIGHEST_C,
    LOWEST_C,
    ZERO_C_IN_K,
    Profile,
)
from evergrid.core.all_cores import on_all_cores
from evergrid.core.arrays import Array, Float
from evergrid.core.kernels import kernel
from evergrid.core.units import H_PER_DAY

SOC_POINTS, TEMPERATURE_POINTS = 129, 181  # of the table; between points rates err by some 1e-4
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


class Laws(NamedTuple):
    """Powers and units of the two laws, and the windows that they are asked for.

    Attributes:
        calendar_power: Of the loss by time.
        calendar_days: Window over the unit of that law.
        cycle_power: Of the loss by use.
        cycle_unit: Cycles that the rate is for.
        step_h: Length of a step.
        steps: Steps of a window.
    """

    calendar_power: float
    calendar_days: float
    cycle_power: float
    cycle_unit: float
    step_h: float
    steps: int


def aged(
    model: AbstractLargeCell,
    profile: Profile,
    fade: Fade | None = None,
    *,
    window_h: float = H_PER_DAY,
) -> Fade:
    """The fade at the end of a profile, as `life.lived` has it up to 1e-3 of what is added.

    Args:
        model: How the batteries age.
        profile: What they go through.
        fade: What they bring; new batteries by default.
        window_h: Length of a window.

    Raises:
        InputError: The profile is no whole number of windows.
    """
    steps = profile.window_steps(window_h)
    before = Fade.new(len(profile.soc)) if fade is None else fade
    calendar, cycle = before.calendar.copy(), before.cycle.copy()
    laws = Laws(
        model.calendar.power,
        window_h / H_PER_DAY / model.calendar.unit,
        model.cycle.power,
        model.cycle.unit,
        profile.step_h,
        steps,
    )
    kernel = _kernel(type(model))
    work = partial(
        kernel,
        _table(type(model)),
        laws,
        np.ascontiguousarray(profile.soc),
        np.ascontiguousarray(profile.temperature_c),
        calendar,
        cycle,
    )
    on_all_cores(work, len(profile.soc))
    return Fade(calendar, cycle, before.resistance_calendar, before.resistance_cycle)


@cache
def _table(model: type[AbstractLargeCell]) -> Float[Array, "soc temperature"]:
    """Calendar rates on an even grid of states and temperatures."""
    soc = np.linspace(0.0, 1.0, SOC_POINTS)[:, None]
    kelvin = np.linspace(LOWEST_C, HIGHEST_C, TEMPERATURE_POINTS)[None] + ZERO_C_IN_K
    return np.asarray(model.calendar_rate(soc, kelvin))


@cache
def _kernel(model: type[AbstractLargeCell]) -> Any:
    """The loop over batteries and their windows, compiled with the cycle rate of a model in it."""
    cycle_rate = njit(**OPTIONS)(model.cycle_rate)

    @njit(**OPTIONS)  # holds the rate of one model, so it is not kept
    @no_type_check
    def mean_cycle_rate(temperature_c, depth, c_rate):
        """Mean over a window by a parabola through the rates at three temperatures."""
        low, high = temperature_c.min(), temperature_c.max()
        at_low = cycle_rate(low + ZERO_C_IN_K, depth, c_rate)
        if high - low < 1e-9:
            return at_low
        at_middle = cycle_rate((low + high) / 2 + ZERO_C_IN_K, depth, c_rate)
        at_high = cycle_rate(high + ZERO_C_IN_K, depth, c_rate)
        bend = 2.0 * (at_low - 2.0 * at_middle + at_high)
        total = 0.0
        for k in range(len(temperature_c)):
            x = (temperature_c[k] - low) / (high - low)
            rate = at_low + x * (at_high - at_low) - bend * x * (1.0 - x)
            total += rate if 0 < k < len(temperature_c) - 1 else rate / 2.0
        return total / (len(temperature_c) - 1)

    @njit(**OPTIONS)  # holds the rate of one model, so it is not kept
    @no_type_check
    def run(table, laws, soc, temperature_c, calendar, cycle, first, stop):
        """Age the batteries of a range in place, window by window."""
        steps = laws.steps
        for n in range(first, stop):
            by_time, by_use = calendar[n], cycle[n]
            for begin in range(0, soc.shape[1] - 1, steps):
                states = soc[n, begin : begin + steps + 1]
                temperatures = temperature_c[n, begin : begin + steps + 1]
                left = 1.0 - by_time - by_use
                rate = mean_calendar_rate(table, states, temperatures)
                by_time = advanced(by_time, rate, laws.calendar_days, laws.calendar_power)
                moved, moving, depth = movement(states, REST_C_RATE * laws.step_h)
                if moved > 0.0:
                    c_rate = moving / (steps * laws.step_h) * left
                    rate = mean_cycle_rate(temperatures, depth, c_rate)
                    cycles = moved / 2.0 * left / laws.cycle_unit
                    by_use = advanced(by_use, rate, cycles, laws.cycle_power)
            calendar[n], cycle[n] = by_time, by_use

    return run


@kernel(**OPTIONS)
@no_type_check
def advanced(fade, rate, amount, power):
    """As `power_law.advanced`, for one battery."""
    if rate <= 0.0:
        return fade
    return rate * ((fade / rate) ** (1.0 / power) + amount) ** power


@kernel(**OPTIONS)
@no_type_check
def movement(soc, rest):
    """Way that a state of charge moves, the part of it that is faster than rest, and the depth."""
    moved, moving, low, high = 0.0, 0.0, soc[0], soc[0]
    for k in range(1, len(soc)):
        move = abs(soc[k] - soc[k - 1])
        moved += move
        moving += move if move >= rest else 0.0
        low, high = min(low, soc[k]), max(high, soc[k])
    return moved, moving, high - low


@kernel(**OPTIONS)
@no_type_check
def mean_calendar_rate(table, soc, temperature_c):
    """Mean over a window of the rate by time.

    In a step in which the state of charge moves far, the rate in its middle counts too (Simpson's
    rule), as rates bend.
    """
    total = 0.0
    before = between_points(table, soc[0], temperature_c[0])
    for k in range(1, len(soc)):
        after = between_points(table, soc[k], temperature_c[k])
        if abs(soc[k] - soc[k - 1]) > FAR_MOVE:
            half_way = (temperature_c[k - 1] + temperature_c[k]) / 2.0
            middle = between_points(table, (soc[k - 1] + soc[k]) / 2.0, half_way)
            total += (before + 4.0 * middle + after) / 6.0
        else:
            total += (before + after) / 2.0
        before = after
    return total / (len(soc) - 1)


@kernel(**OPTIONS)
@no_type_check
def between_points(table, soc, temperature_c):
    """The value of a table between the four of its points around a state and a temperature."""
    rows, columns = table.shape
    x = soc * (rows - 1)
    y = (temperature_c - LOWEST_C) * ((columns - 1) / (HIGHEST_C - LOWEST_C))
    i, j = min(int(x), rows - 2), min(int(y), columns - 2)
    a, b = x - i, y - j
    low = table[i, j] + b * (table[i, j + 1] - table[i, j])
    high = table[i + 1, j] + b * (table[i + 1, j + 1] - table[i + 1, j])
    return low + a * (high - low)
