"""The cheapest way to switch each block at prices of what it takes: by dynamic programming.

A block is never closed, or closed once and for good, or once and opened again, or closed more than
once. The cheapest pattern of each kind is found, so that a search may rule kinds out.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.kernels import kernel

NEVER, KEPT, ONCE, MORE = range(4)  # kinds of patterns
KINDS = 4
NEAR = 1e-9  # share by which a power may be above a limit


class PatternBlocks(NamedTuple):
    """Blocks, and in which steps sources could carry one if it were the only one.

    Attributes:
        power_kw: Once it is warm.
        cold_mean: Excess as a share of it, mean over a step, by age in steps.
        cold_first: The same at the start of a step.
        load_kw: Most that a block can draw, mean over the step.
        first_kw: Most that it can draw as a step begins.
        pickup_kw: Most that it can draw as it is closed.
        trips: Whether a block may be opened.
    """

    power_kw: Float[Array, " block"]
    cold_mean: Float[Array, "block age"]
    cold_first: Float[Array, "block age"]
    load_kw: Float[Array, " step"]
    first_kw: Float[Array, "block step"]
    pickup_kw: Float[Array, " step"]
    trips: bool


class PatternPrices(NamedTuple):
    """What a pattern costs by what it does in each step; less than 0 for what it is worth.

    Attributes:
        stay: Of being closed.
        close: Of closing.
        open: Of opening.
        load: Of a kW, mean over the step.
        first: Of a kW as the step begins.
    """

    stay: Float[Array, "block step"]
    close: Float[Array, "block step"]
    open: Float[Array, "block step"]
    load: Float[Array, " step"]
    first: Float[Array, "block step"]


class PatternScope(NamedTuple):
    """Patterns among which the cheapest is looked for.

    Attributes:
        least: Steps of the last interval in which a block is closed, at least.
        most: And at most.
        must: 1 in steps in which a block must be closed, -1 where it must be open, else 0.
    """

    least: Int[Array, " block"]
    most: Int[Array, " block"]
    must: Int[Array, "block step"]


class Patterns(NamedTuple):
    """The cheapest pattern of each kind and what it costs; infinite where there is none."""

    cost: Float[Array, "block kind"]
    closed: Bool[Array, "block kind step"]


def cheapest(blocks: PatternBlocks, prices: PatternPrices, scope: PatternScope) -> Patterns:
    """The cheapest pattern of each kind for each block."""
    count, steps = prices.stay.shape
    found = Patterns(np.full((count, KINDS), np.inf), np.zeros((count, KINDS, steps), bool))
    value, back = np.zeros((2, steps)), np.zeros((2, steps), np.int64)
    forced = np.zeros((count, steps + 1), np.int64)
    forced[:, 1:] = np.cumsum(scope.must == 1, axis=1)
    _find(blocks, prices, scope, forced, found, value, back)
    return found


@kernel(error_model="numpy")
@no_type_check
def _find(blocks, prices, scope, forced, found, value, back):
    """Fills the patterns, forward over steps.

    After at least one interval, `value[0, t]` is the least cost of the steps before t where step
    t - 1 is open, `value[1, t]` where it is closed and step t is the first to be open. `back[0]`
    has whether step t - 1 was the first to be open, `back[1]` in which step that interval began.
    `forced` counts the steps before each in which a block must be closed.
    """
    count, steps = prices.stay.shape
    for k in range(count):
        power, all_forced = blocks.power_kw[k], forced[k, steps]
        if all_forced == 0:
            found.cost[k, NEVER] = 0.0
        value[:] = np.inf
        kept = once = once_end = more = more_end = steps
        for begin in range(steps):
            if begin > 0 and scope.must[k, begin - 1] < 1:
                back[0, begin] = value[1, begin - 1] < value[0, begin - 1]
                value[0, begin] = min(value[0, begin - 1], value[1, begin - 1])
            if power * (1.0 + blocks.cold_first[k, 0]) > blocks.pickup_kw[begin] * (1.0 + NEAR):
                continue
            fresh = 0.0 if forced[k, begin] == 0 else np.inf  # this interval is the first
            before = min(value[0, begin], fresh)
            if np.isinf(before):
                continue
            cost = prices.close[k, begin]
            for step in range(begin, steps):
                load = power * (1.0 + blocks.cold_mean[k, step - begin])
                first = power * (1.0 + blocks.cold_first[k, step - begin])
                if load > blocks.load_kw[step] * (1.0 + NEAR) or scope.must[k, step] < 0:
                    break
                if first > blocks.first_kw[k, step] * (1.0 + NEAR):
                    break
                cost += load * prices.load[step] + first * prices.first[k, step]
                cost += prices.stay[k, step]
                end, total = step + 1, cost
                within = scope.least[k] <= end - begin <= scope.most[k]
                if end < steps:
                    if not blocks.trips:
                        continue
                    total += prices.open[k, end]
                    if before + total < value[1, end]:
                        value[1, end], back[1, end] = before + total, begin
                    if forced[k, end] < all_forced:
                        continue
                    if within and fresh + total < found.cost[k, ONCE]:
                        found.cost[k, ONCE], once, once_end = total, begin, end
                elif within and fresh + total < found.cost[k, KEPT]:
                    found.cost[k, KEPT], kept = total, begin
                if within and value[0, begin] + total < found.cost[k, MORE]:
                    found.cost[k, MORE], more, more_end = value[0, begin] + total, begin, end
        found.closed[k, KEPT, kept:] = True
        found.closed[k, ONCE, once:once_end] = True
        found.closed[k, MORE, more:more_end] = True
        step = more if more < steps else 0  # that interval came after others
        while step > 0:
            if back[0, step]:
                end = step - 1
                step = back[1, end]
                found.closed[k, MORE, step:end] = True
                fresh = 0.0 if forced[k, step] == 0 else np.inf
                if fresh <= value[0, step]:
                    break
            else:
                step -= 1
