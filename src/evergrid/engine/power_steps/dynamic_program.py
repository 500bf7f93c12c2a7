"""The cheapest run of one store in whole steps, by dynamic programming over its energy.

A state is the energy held, in bins, with whether the store is on, for how long it has been so, and
how often it has started. Each bin keeps the best path that ends in it together with the energy that
this path holds to every digit, so nothing that is owed is lost in rounding. Where every slot has a
full share and nothing is fed, energies of one bin are equal, and the answer is the optimum. Where
it is not, `run_bound` tells what no run can cost less than.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel

EPS_KWH = 1e-9  # by which a limit of energy may be missed, for rounding


class StoreCase(NamedTuple):
    """What one store may do and what that costs.

    Attributes:
        cost: Of each level in each slot; infinite where it may not be taken.
        change_kwh: Energy gained by each level in each slot.
        level: Steps drawn by each level, below 0 where they are fed.
        floor_kwh: Least energy at the end of each slot.
        high_kwh: Most energy.
        start_kwh: Energy when it begins.
        reserve_kwh: Below which nothing is fed; -inf for none.
        owed_kwh: Energy owed at the end.
        short_price_per_kwh: Of energy that is owed and not there.
        end_value_per_kwh: Of energy at the end.
        worth_per_kwh: By which paths of one bin are compared that hold a little more or less.
        start_price: Of a start, to choose among plans that cost the same.
        bin_kwh: Width of a bin.
        low_kwh: Where the bins begin.
        bins: How many there are.
        least_on: Slots on after a start, at least 1.
        least_off: Slots off after a run, at least 1.
        most_starts: Starts at most; below 0 for no limit.
        on_before: Slots on before the first.
        off_before: Slots off before the first.
    """

    cost: Float[Array, "slot level"]
    change_kwh: Float[Array, "slot level"]
    level: Int[Array, " level"]
    floor_kwh: Float[Array, " slot"]
    high_kwh: float
    start_kwh: float
    reserve_kwh: float
    owed_kwh: float
    short_price_per_kwh: float
    end_value_per_kwh: float
    worth_per_kwh: float
    start_price: float
    bin_kwh: float
    low_kwh: float
    bins: int
    least_on: int
    least_off: int
    most_starts: int
    on_before: int
    off_before: int


class Run(NamedTuple):
    """The cheapest run of a store.

    Attributes:
        steps: Drawn in each slot, below 0 where they are fed.
        cost: Of the run with what is short and left at the end; infinite where there is none.
    """

    steps: Int[Array, " slot"]
    cost: float


@kernel(nogil=True, error_model="numpy")
@no_type_check
def entered(case, layer, moves):
    """The layer that follows one when a store draws or feeds, or is off; below 0 if it may not."""
    runs = case.least_on + case.least_off
    run = layer % runs
    is_on = run < case.least_on
    if not moves:
        if is_on and run < case.least_on - 1:
            return -1  # it must stay on
        return layer - run + (case.least_on if is_on else min(run + 1, runs - 1))
    if is_on:
        return layer - run + min(run + 1, case.least_on - 1)
    if run < runs - 1:
        return -1  # it must stay off
    if case.most_starts < 0:
        return layer - run
    into = layer - run + runs
    return into if into < runs * (case.most_starts + 1) else -1


@kernel(nogil=True, error_model="numpy")
@no_type_check
def cheapest(case):
    """The cheapest run of one store, see `StoreCase`.

    A layer of states is a number of starts with a run: on for 1, 2 .. ``least_on`` slots or more,
    then off for 1 .. ``least_off`` or more.
    """
    slots, levels = case.cost.shape
    runs = case.least_on + case.least_off
    counted = case.most_starts >= 0
    layers = runs * (case.most_starts + 1 if counted else 1)
    best = np.full((layers, case.bins), np.inf)
    held = np.zeros((layers, case.bins))
    came = np.full((slots, layers, case.bins), -1, np.int32)
    took = np.zeros((slots, layers, case.bins), np.int16)
    filled = np.zeros(case.bins, np.int64)  # bins of a layer that any path ends in
    if case.on_before > 0:
        first = min(case.on_before, case.least_on) - 1
    else:
        first = case.least_on + min(max(case.off_before, 1), case.least_off) - 1
    per_kwh, low = 1.0 / case.bin_kwh, case.low_kwh - 0.5 * case.bin_kwh
    at = round((case.start_kwh - case.low_kwh) / case.bin_kwh)
    best[first, at], held[first, at] = 0.0, case.start_kwh
    for t in range(slots):
        following = np.full((layers, case.bins), np.inf)
        energy = np.zeros((layers, case.bins))
        floor = case.floor_kwh[t] - EPS_KWH
        for layer in range(layers):
            count = 0
            for b in range(case.bins):
                if best[layer, b] < np.inf:
                    filled[count] = b
                    count += 1
            if count == 0:
                continue
            is_on = layer % runs < case.least_on
            idle, moving = entered(case, layer, False), entered(case, layer, True)
            for level in range(levels):
                into = idle if case.level[level] == 0 else moving
                price = case.cost[t, level]
                if into < 0 or price == np.inf:
                    continue
                change = case.change_kwh[t, level]
                if not (is_on or case.level[level] == 0):
                    price += case.start_price
                for i in range(count):
                    b = filled[i]
                    now = held[layer, b] + change
                    if now > case.high_kwh + EPS_KWH or now < floor:
                        continue
                    if change < 0.0 and now < case.reserve_kwh - EPS_KWH:
                        continue
                    to = int((now - case.low_kwh) * per_kwh + 0.5)
                    if now < low or to >= case.bins:
                        continue
                    paid = best[layer, b] + price
                    if paid - case.worth_per_kwh * now < (
                        following[into, to] - case.worth_per_kwh * energy[into, to]
                    ):
                        following[into, to], energy[into, to] = paid, now
                        came[t, into, to] = layer * case.bins + b
                        took[t, into, to] = level
        best, held = following, energy
    total, layer, b = np.inf, -1, -1
    for i in range(layers):
        for k in range(case.bins):
            if best[i, k] < np.inf:
                short = max(case.owed_kwh - EPS_KWH - held[i, k], 0.0)
                paid = best[i, k] + case.short_price_per_kwh * short
                paid -= case.end_value_per_kwh * held[i, k]
                if paid < total:
                    total, layer, b = paid, i, k
    steps = np.zeros(slots, np.int64)
    if layer >= 0:
        for t in range(slots - 1, -1, -1):
            steps[t] = case.level[took[t, layer, b]]
            back = came[t, layer, b]
            layer, b = back // case.bins, back % case.bins
    return Run(steps, total)
