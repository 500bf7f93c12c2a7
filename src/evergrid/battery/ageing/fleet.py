"""How whole fleets of large cells age: rates from tables, a battery after the other on all cores.

Of a window the models need two rates. That of time depends on state and temperature: it is read
from a table, between four of its points. That of use depends on temperature, depth and mean
current: it is worked out at the lowest, the middle and the highest temperature of the window; the
parabola through these has a mean that follows from the means of the temperature and its square.
Where these rates are far apart, it is worked out at every point. On request both are worked out at
every point by the model's formulas.

Fade grows as ``rate (x / unit)^p``, where ``x`` goes on from where the rate's curve has the fade.
So its root ``fade^(1/p)`` simply adds up ``rate^(1/p)`` per unit of each window: the root is the
state, and the fade itself, which slows down throughput, follows by the first terms of its series
where a window adds little.
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
    Profile,
)
from evergrid.core.arrays import Array, Float
from evergrid.core.computing.all_cores import on_all_cores
from evergrid.core.computing.kernels import kernel
from evergrid.core.units import H_PER_DAY, ZERO_C_IN_K

SOC_POINTS, TEMPERATURE_POINTS = 129, 181  # of the table; between points rates err by some 1e-4
FAR_APART = 1.5  # rates in a window, beyond which they are no parabola: one is the size of a sum
LITTLE = 0.01  # of a root, that a window adds, from which the series errs by 1e-8 of a fade
# Profiles hold no NaN and no infinity, so minima need not look for one.
FAST_MATH = {"contract", "reassoc", "nnan", "ninf", "nsz", "arcp"}
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": FAST_MATH}


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
    exact: bool = False,
) -> Fade:
    """The fade at the end of a profile, as `life.lived` has it but for 2e-3 of what is added.

    Args:
        model: How the batteries age.
        profile: What they go through.
        fade: What they bring; new batteries by default.
        window_h: Length of a window.
        exact: Rates by the formulas, without the table. What differs from `life.lived` is then only
            how the mean is taken of steps in which the state of charge moves far.

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
    kernel = _kernel(type(model), exact)
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
def _table(model: type[AbstractLargeCell]) -> Float[Array, "soc temperature term"]:
    """Calendar rates on an even grid of states and temperatures.

    Each field of it holds the four terms of its bilinear form side by side, which are read at once.
    Beyond the last row and column stand copies of them, so that the ends need no case of their own.
    """
    soc = np.linspace(0.0, 1.0, SOC_POINTS)[:, None]
    kelvin = np.linspace(LOWEST_C, HIGHEST_C, TEMPERATURE_POINTS)[None] + ZERO_C_IN_K
    rate = np.asarray(model.calendar_rate(model.state_term(soc), kelvin))
    rate = np.pad(rate, ((0, 1), (0, 1)), mode="edge")
    corner, by_soc, by_kelvin = rate[:-1, :-1], np.diff(rate, axis=0), np.diff(rate, axis=1)
    terms = (corner, by_kelvin[:-1], by_soc[:, :-1], np.diff(by_kelvin, axis=0))
    return np.ascontiguousarray(np.stack(terms, axis=-1))


@cache
def _kernel(model: type[AbstractLargeCell], exact: bool) -> Any:
    """The loop over batteries and their windows, compiled with the rates of a model in it."""
    cycle_rate = njit(**OPTIONS)(model.cycle_rate)
    state_term = njit(**OPTIONS)(model.state_term)
    calendar_rate = njit(**OPTIONS)(model.calendar_rate)

    @njit(**OPTIONS)
    @no_type_check
    def by_formula(table, soc, temperature_c):
        """The rate by time at one state and temperature, for which no table is needed."""
        return calendar_rate(state_term(soc), temperature_c + ZERO_C_IN_K)

    rate_at = by_formula if exact else between_points

    @njit(**OPTIONS)
    @no_type_check
    def mean_calendar_rate(table, soc, temperature_c, rates):
        """Mean over a window of the rate by time, whose rates at points go into ``rates``.

        In a step in which the state of charge moves far, the rate in its middle counts too
        (Simpson's rule), as rates bend.
        """
        last, term, total = len(soc) - 1, 0.0, 0.0
        for k in range(last + 1):
            if not exact:
                rates[k] = between_points(table, soc[k], temperature_c[k])
                continue
            if k == 0 or soc[k] != soc[k - 1]:  # at rest it stays what it is
                term = state_term(soc[k])
            rates[k] = calendar_rate(term, temperature_c[k] + ZERO_C_IN_K)
        for k in range(1, last + 1):
            total += (rates[k - 1] + rates[k]) / 2.0
        for k in range(1, last + 1):
            if abs(soc[k] - soc[k - 1]) > FAR_MOVE:
                half_way = (temperature_c[k - 1] + temperature_c[k]) / 2.0
                middle = rate_at(table, (soc[k - 1] + soc[k]) / 2.0, half_way)
                total += (2.0 * middle - rates[k - 1] - rates[k]) / 3.0
        return total / last

    @njit(**OPTIONS)
    @no_type_check
    def point_by_point(found, temperature_c, c_rate):
        """Mean over a window of the rate by use at each of its points."""
        total = 0.0
        for k in range(len(temperature_c)):
            rate = cycle_rate(temperature_c[k] + ZERO_C_IN_K, found.depth, c_rate)
            total += rate if 0 < k < len(temperature_c) - 1 else rate / 2.0
        return total / (len(temperature_c) - 1)

    @njit(**OPTIONS)  # holds the rate of one model, so it is not kept
    @no_type_check
    def mean_cycle_rate(found, temperature_c, c_rate):
        """Mean over a window: by a parabola, or point by point where the rate may have a corner."""
        low_k, range_k = found.lowest_c + ZERO_C_IN_K, found.highest_c - found.lowest_c
        at_low = cycle_rate(low_k, found.depth, c_rate)
        if range_k < 1e-9:
            return at_low
        if exact:
            return point_by_point(found, temperature_c, c_rate)
        at_middle = cycle_rate(low_k + range_k / 2, found.depth, c_rate)
        at_high = cycle_rate(low_k + range_k, found.depth, c_rate)
        if FAR_APART * min(at_low, at_middle, at_high) < max(at_low, at_middle, at_high):
            return point_by_point(found, temperature_c, c_rate)
        bend = 2.0 * (at_low - 2.0 * at_middle + at_high)
        x, square = found.mean_x / range_k, found.mean_square / range_k**2
        return at_low + x * (at_high - at_low) - bend * (x - square)

    @njit(**OPTIONS)  # holds the rate of one model, so it is not kept
    @no_type_check
    def run(table, laws, soc, temperature_c, calendar, cycle, first, stop):
        """Age the batteries of a range in place, window by window."""
        steps = laws.steps
        rates = np.empty(steps + 1)
        per_time, per_use = 1.0 / laws.calendar_power, 1.0 / laws.cycle_power
        for n in range(first, stop):
            by_time, by_use = calendar[n], cycle[n]
            time_root, use_root = by_time**per_time, by_use**per_use
            for begin in range(0, soc.shape[1] - 1, steps):
                states = soc[n, begin : begin + steps + 1]
                temperatures = temperature_c[n, begin : begin + steps + 1]
                left = max(1.0 - by_time - by_use, 0.0)
                rate = mean_calendar_rate(table, states, temperatures, rates)
                more = max(rate, 0.0) ** per_time * laws.calendar_days
                by_time = grown(by_time, time_root, more, laws.calendar_power)
                time_root += more
                found = stress(states, temperatures, REST_C_RATE * laws.step_h)
                if found.moved > 0.0:
                    c_rate = found.moving / (steps * laws.step_h) * left
                    rate = mean_cycle_rate(found, temperatures, c_rate)
                    more = max(rate, 0.0) ** per_use * (found.moved / 2.0 * left / laws.cycle_unit)
                    by_use = grown(by_use, use_root, more, laws.cycle_power)
                    use_root += more
            calendar[n] = time_root**laws.calendar_power
            cycle[n] = use_root**laws.cycle_power

    return run


class WindowStress(NamedTuple):
    """What a window does to one battery.

    Attributes:
        moved: Way that its state of charge moves.
        moving: The part of that way that is faster than rest.
        depth: Highest minus lowest state of charge.
        lowest_c: Temperature.
        highest_c: Temperature.
        mean_x: Mean over time of the temperature above the lowest.
        mean_square: Mean of its square.
    """

    moved: float
    moving: float
    depth: float
    lowest_c: float
    highest_c: float
    mean_x: float
    mean_square: float


@kernel(**OPTIONS)
@no_type_check
def grown(fade, root, more, power):
    """The fade whose root was that of a fade and grows: ``(root + more)^power``."""
    if more > LITTLE * root:
        return (root + more) ** power
    x = more / root if root > 0.0 else 0.0
    series = 1.0 + (power - 1.0) / 2.0 * x * (1.0 + (power - 2.0) / 3.0 * x)
    return fade * (1.0 + power * x * series)


@kernel(**OPTIONS)
@no_type_check
def stress(soc, temperature_c, rest):
    """Way, depth and temperatures of a window."""
    last = len(soc) - 1
    moved, moving, low, high = 0.0, 0.0, soc[0], soc[0]
    for k in range(1, last + 1):
        move = abs(soc[k] - soc[k - 1])
        moved += move
        moving += move if move >= rest else 0.0
        low, high = min(low, soc[k]), max(high, soc[k])
    begin = temperature_c[0]
    end = temperature_c[last] - begin  # above the begin, so that squares lose no digits
    cold, hot, total, square = 0.0, 0.0, -end / 2.0, -end * end / 2.0
    for k in range(1, last + 1):
        x = temperature_c[k] - begin
        cold, hot = min(cold, x), max(hot, x)
        total += x
        square += x * x
    mean, square = total / last, square / last
    square += cold * (cold - 2.0 * mean)
    return WindowStress(moved, moving, high - low, begin + cold, begin + hot, mean - cold, square)


@kernel(**OPTIONS)
@no_type_check
def between_points(table, soc, temperature_c):
    """The value of a table between the four of its points around a state and a temperature."""
    x = soc * (SOC_POINTS - 1)
    y = (temperature_c - LOWEST_C) * ((TEMPERATURE_POINTS - 1) / (HIGHEST_C - LOWEST_C))
    i, j = np.int32(x), np.int32(y)
    a, b = x - i, y - j
    terms = table[i, j]
    return terms[0] + b * terms[1] + a * (terms[2] + b * terms[3])
