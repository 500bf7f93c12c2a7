"""Cycles in a state of charge, counted by rainflow: how deep each is, around what, how often.

Points are read one after the other onto a stack of reversals. Whenever the last range is at least
the one before, that one is a cycle: a whole one inside, half a one at the begin of the series.
What is left at the end are half cycles.

Source:
    ASTM E1049-85 (2017), Standard practices for cycle counting in fatigue analysis, 5.4.4.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel

OPTIONS = {"nogil": True, "error_model": "numpy"}


class Cycles(NamedTuple):
    """The cycles of one series, in the order in which they close.

    Attributes:
        depth: Highest minus lowest value.
        mean: The value half way.
        weight: 1 for a whole cycle, 0.5 for half a one.
    """

    depth: Float[Array, " cycle"]
    mean: Float[Array, " cycle"]
    weight: Float[Array, " cycle"]


def cycles(series: Float[Array, " point"]) -> Cycles:
    """The cycles of one series."""
    return Cycles(*_counted(np.ascontiguousarray(series)))


def sum_of_powers(series: Float[Array, "battery point"], power: float) -> Float[Array, " battery"]:
    """Depths of the cycles of many series, each to a power, summed with their counts.

    With power 1 these are the equivalent full cycles of a state of charge, up to rounding.
    """
    return _summed(np.ascontiguousarray(series), power)


@kernel(**OPTIONS)
@no_type_check
def _counted(series):
    """Depth, mean and count of each cycle."""
    stack = np.empty(len(series))
    depth, mean, count = np.empty(len(series)), np.empty(len(series)), np.empty(len(series))
    found, height = 0, 0
    for k in range(len(series)):
        if not _turns(series, k):
            continue
        stack[height] = series[k]
        height += 1
        while height >= 3:
            last = abs(stack[height - 1] - stack[height - 2])
            before = abs(stack[height - 2] - stack[height - 3])
            if last < before:
                break
            depth[found] = before
            mean[found] = 0.5 * (stack[height - 3] + stack[height - 2])
            if height == 3:  # at the begin of the series: half a cycle, whose first point goes
                count[found] = 0.5
                stack[0], stack[1] = stack[1], stack[2]
                height = 2
            else:  # between others: a whole cycle, whose two points go
                count[found] = 1.0
                stack[height - 3] = stack[height - 1]
                height -= 2
            found += 1
    for k in range(height - 1):
        depth[found] = abs(stack[k] - stack[k + 1])
        mean[found] = 0.5 * (stack[k] + stack[k + 1])
        count[found] = 0.5
        found += 1
    return depth[:found], mean[:found], count[:found]


@kernel(**OPTIONS)
@no_type_check
def _turns(series, k):
    """Whether a series turns at a point, which it does at both its ends; the last of equal ones."""
    last = len(series) - 1
    if k in (0, last):
        return True
    if series[k + 1] == series[k]:
        return False
    before = k - 1
    while before >= 0 and series[before] == series[k]:
        before -= 1
    if before < 0:
        return False
    return (series[k] > series[before]) != (series[k + 1] > series[k])


@kernel(**OPTIONS)
@no_type_check
def _summed(series, power):
    total = np.zeros(len(series))
    for n in range(len(series)):
        depth, _, count = _counted(series[n])
        for k in range(len(depth)):
            total[n] += count[k] * depth[k] ** power
    return total
