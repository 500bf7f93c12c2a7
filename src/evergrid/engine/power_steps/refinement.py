"""The cheapest run of one store in whole steps, and what no run costs less than.

Runs are merged where they are on or off alike and hold nearly the same energy: what stands for them
costs as little as the cheapest and holds as much as the fullest. So a cheapest way through what is
merged costs no more than any run. A run that takes what then looks best in each slot is mostly
near to that. What cannot lead to a cheaper one is left out, the rest is merged in narrower bins,
and so on: bins become so narrow that hardly any two runs of those that are left are merged.

Source:
    Bounds by relaxed states that are refined where they matter, as N. Boland, M. Hewitt,
    L. Marshall, M. Savelsbergh (2017), The continuous-time service network design problem,
    Operations Research 65, doi 10.1287/opre.2017.1624, refine times.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel
from evergrid.engine.power_steps.dynamic_program import EPS_KWH, StoreCase, entered

NARROWER = (1, 4, 8, 16, 32, 64, 256)  # bins in one of the first width
MOST_LABELS = 3_000_000  # in all slots, beyond which bins become no narrower
FUTILE_BINS = 3  # widths in a row that prove no more, after which bins become no narrower
ROUNDING = 1e-9  # money by which a run may be dearer than one that is known


class Labels(NamedTuple):
    """What runs are merged to before each slot and after the last, by layer, then by energy.

    Attributes:
        first: Of each slot's labels, and the end of all.
        key: Layer times bins plus bin.
        layer: Of `dynamic_program.cheapest`.
        cost: So far, of the cheapest run.
        energy_kwh: Of the fullest.
        to_go: What any run that holds at most so much still costs at least.
    """

    first: Int[Array, " end"]
    key: Int[Array, " label"]
    layer: Int[Array, " label"]
    cost: Float[Array, " label"]
    energy_kwh: Float[Array, " label"]
    to_go: Float[Array, " label"]


class Best(NamedTuple):
    """The cheapest run that was found.

    Attributes:
        steps: Drawn in each slot, below 0 where they are fed.
        cost: Of the run; infinite where none was found.
        bound: What no run costs less than, at most the cost.
    """

    steps: Int[Array, " slot"]
    cost: float
    bound: float


def cheapest(case: StoreCase, known: Int[Array, " slot"], near: float) -> Best:
    """The cheapest run of a store, see `StoreCase`; prices of starts are not counted.

    Args:
        case: The store; its bins are the widest.
        known: A run that keeps all rules, the better the faster.
        near: Money between bound and run at which bins are narrow enough.
    """
    best, bound, futile = Best(known, run_cost(case, known), -np.inf), -np.inf, 0
    labels = _none(len(case.cost))
    for narrower in NARROWER:
        width = case.bin_kwh / narrower
        finer = case._replace(bin_kwh=width, bins=narrower * case.bins + 1)
        labels, complete = _merged(finer, labels, best.cost)
        if not complete:
            break
        last = slice(labels.first[-2], labels.first[-1])
        total = (labels.cost[last] + labels.to_go[last]).min(initial=np.inf)
        before, bound = bound, max(bound, min(float(total), best.cost))
        futile = futile + 1 if bound - before <= ROUNDING else 0
        steps, ended = _followed(case, labels)
        if ended and (paid := run_cost(case, steps)) < best.cost:
            best = Best(steps, paid, bound)
        if best.cost - bound <= max(near, ROUNDING) or futile == FUTILE_BINS:
            break
    return best._replace(bound=min(bound, best.cost))


def run_cost(case: StoreCase, steps: Int[Array, " slot"]) -> float:
    """What a run costs without its starts; infinite where a level may not be taken."""
    row, column = np.arange(len(steps)), np.searchsorted(case.level, steps)
    held = case.start_kwh + float(case.change_kwh[row, column].sum())
    short = max(case.owed_kwh - EPS_KWH - held, 0.0)
    paid = float(case.cost[row, column].sum())
    return paid + case.short_price_per_kwh * short - case.end_value_per_kwh * held


def _none(slots: int) -> Labels:
    """Nothing, before anything is merged."""
    numbers, whole = np.zeros(0), np.zeros(0, np.int64)
    return Labels(np.zeros(slots + 2, np.int64), whole, whole, numbers, numbers, numbers)


@kernel(nogil=True, error_model="numpy")
@no_type_check
def _merged(case, wider, known):
    """Labels with what is still to be paid, and whether they are not too many.

    Args:
        case: The store, with bins of this width.
        wider: Labels of wider bins; none at first.
        known: What a run costs that keeps all rules.
    """
    slots, levels = case.cost.shape
    runs = case.least_on + case.least_off
    layers = runs * (case.most_starts + 1 if case.most_starts >= 0 else 1)
    cost, energy = np.full(layers * case.bins, np.inf), np.zeros(layers * case.bins)
    emptiest = np.zeros(layers * case.bins)
    touched, place = np.empty(layers * case.bins, np.int64), np.empty(levels, np.int64)
    size = 1024
    keys, costs, energies = np.empty(size, np.int64), np.empty(size), np.empty(size)
    lows = np.empty(size)  # what the emptiest of the runs of each label holds
    first = np.zeros(slots + 2, np.int64)
    per_kwh = 1.0 / case.bin_kwh
    if case.on_before > 0:
        layer = min(case.on_before, case.least_on) - 1
    else:
        layer = case.least_on + min(max(case.off_before, 1), case.least_off) - 1
    keys[0] = layer * case.bins + int((case.start_kwh - case.low_kwh) * per_kwh + 0.5)
    costs[0], energies[0], lows[0], first[1] = 0.0, case.start_kwh, case.start_kwh, 1
    complete = True
    for t in range(slots):
        count, before = 0, -1
        for one in range(first[t], first[t + 1]):
            layer = keys[one] // case.bins
            if layer != before:
                before = layer
                _turn_to(case, wider, t + 1, layer, place)
            for level in range(levels):
                low = lows[one] + case.change_kwh[t, level]
                if low > case.high_kwh + EPS_KWH:
                    continue
                into, now = _next(case, t, layer, level, energies[one])
                if into < 0:
                    continue
                low = max(low, case.floor_kwh[t] - EPS_KWH)
                paid = costs[one] + case.cost[t, level]
                place[level] = _holding(wider, place[level], t + 1, into, now)
                if paid + _still(wider, place[level], t + 1, into) > known + ROUNDING:
                    continue
                to = into * case.bins + int((now - case.low_kwh) * per_kwh + 0.5)
                if cost[to] == np.inf:
                    touched[count] = to
                    count += 1
                    cost[to], energy[to], emptiest[to] = paid, now, low
                else:
                    cost[to], energy[to] = min(cost[to], paid), max(energy[to], now)
                    emptiest[to] = min(emptiest[to], low)
        begin, end = first[t + 1], first[t + 1] + count
        first[t + 2] = end
        while end > size:
            size *= 2
            keys = np.append(keys, np.empty(size // 2, np.int64))
            costs = np.append(costs, np.empty(size // 2))
            energies = np.append(energies, np.empty(size // 2))
            lows = np.append(lows, np.empty(size // 2))
        keys[begin:end] = np.sort(touched[:count])
        for one in range(begin, end):
            costs[one], energies[one] = cost[keys[one]], energy[keys[one]]
            lows[one] = emptiest[keys[one]]
            cost[keys[one]] = np.inf
        if end > MOST_LABELS:
            complete = False
            break
    end = first[slots + 1]
    labels = Labels(
        first, keys[:end], keys[:end] // case.bins, costs[:end], energies[:end], np.empty(end)
    )
    if complete:
        _count_back(case, labels, wider)
    return labels, complete


@kernel(nogil=True, error_model="numpy")
@no_type_check
def _count_back(case, labels, wider):
    """Write what is still to be paid, from the last slot to the first.

    Where a step leads to what was left out, the bound of wider bins stands for it: a run may come
    there by another way and cost less.
    """
    slots, levels = case.cost.shape
    for one in range(labels.first[slots], labels.first[slots + 1]):
        short = max(case.owed_kwh - EPS_KWH - labels.energy_kwh[one], 0.0)
        worth = case.end_value_per_kwh * labels.energy_kwh[one]
        labels.to_go[one] = case.short_price_per_kwh * short - worth
    place, there = np.empty(levels, np.int64), np.empty(levels, np.int64)
    # The least of each step's cost and what is still to be paid where it leads. Labels of a layer
    # are in order of energy, so that each level's place among the next ones only moves on.
    for t in range(slots - 1, -1, -1):
        end, before = labels.first[t + 2], -1
        for one in range(labels.first[t], labels.first[t + 1]):
            if labels.layer[one] != before:
                before = labels.layer[one]
                _turn_to(case, wider, t + 1, before, place)
                _turn_to(case, labels, t + 1, before, there)
            least = np.inf
            for level in range(levels):
                into, now = _next(case, t, before, level, labels.energy_kwh[one])
                if into < 0:
                    continue
                to = into * case.bins + int((now - case.low_kwh) / case.bin_kwh + 0.5)
                at = there[level]
                while at < end and labels.key[at] < to:
                    at += 1
                there[level] = at
                if at < end and labels.key[at] == to and labels.energy_kwh[at] >= now:
                    rest = labels.to_go[at]
                else:
                    place[level] = _holding(wider, place[level], t + 1, into, now)
                    rest = _still(wider, place[level], t + 1, into)
                least = min(least, case.cost[t, level] + rest)
            labels.to_go[one] = least


@kernel(nogil=True, error_model="numpy")
@no_type_check
def _next(case, t, layer, level, energy):
    """Layer and energy after a level is taken; a layer below 0 where it may not be.

    What holds less may go on where this is full, so it goes on too, and stays full.
    """
    if case.cost[t, level] == np.inf:
        return -1, 0.0
    change = case.change_kwh[t, level]
    now = min(energy + change, case.high_kwh)
    if now < case.floor_kwh[t] - EPS_KWH or (change < 0.0 and now < case.reserve_kwh - EPS_KWH):
        return -1, 0.0
    return entered(case, layer, case.level[level] != 0), now


@kernel(nogil=True, error_model="numpy")
@no_type_check
def _turn_to(case, labels, t, layer, place):
    """Write where the labels of a slot begin that each level leads to from a layer."""
    begin, end = labels.first[t], labels.first[t + 1]
    of = labels.layer[begin:end]
    idle = begin + np.searchsorted(of, entered(case, layer, False))
    moving = begin + np.searchsorted(of, entered(case, layer, True))
    for level in range(len(place)):
        place[level] = idle if case.level[level] == 0 else moving


@kernel(nogil=True, error_model="numpy")
@no_type_check
def _holding(labels, begin, t, layer, energy):
    """The first label of a slot from one on that is of a layer and holds so much, or beyond it."""
    at, end = begin, labels.first[t + 1]
    while at < end and (
        labels.layer[at] < layer or (labels.layer[at] == layer and labels.energy_kwh[at] < energy)
    ):
        at += 1
    return at


@kernel(nogil=True, error_model="numpy")
@no_type_check
def _still(labels, at, t, layer):
    """What wider bins say that a run with some energy still costs at least.

    That of the label that holds as much or just more, at `_holding`, or else of the fullest there
    is: no run that is worth to be looked at holds more than that. Infinite where no such run comes
    to the layer.
    """
    if labels.first[-1] == 0:
        return -np.inf  # nothing is known yet
    if at < labels.first[t + 1] and labels.layer[at] == layer:
        return labels.to_go[at]
    if at > labels.first[t] and labels.layer[at - 1] == layer:
        return labels.to_go[at - 1]
    return np.inf


@kernel(nogil=True, error_model="numpy")
@no_type_check
def _followed(case, labels):
    """The run that takes in each slot what costs least with what is then still to be paid.

    What it holds is to every digit. Beside it, whether it comes to the end.
    """
    slots, levels = case.cost.shape
    steps = np.zeros(slots, np.int64)
    energy, layer = case.start_kwh, labels.layer[0]
    for t in range(slots):
        best, taken, to, held = np.inf, -1, layer, energy
        for level in range(levels):
            if energy + case.change_kwh[t, level] > case.high_kwh + EPS_KWH:
                continue
            into, now = _next(case, t, layer, level, energy)
            if into < 0:
                continue
            begin, end = labels.first[t + 1], labels.first[t + 2]
            at = begin + np.searchsorted(labels.layer[begin:end], into)
            at = _holding(labels, at, t + 1, into, now)
            paid = case.cost[t, level] + _still(labels, at, t + 1, into)
            if paid < best:
                best, taken, to, held = paid, level, into, now
        if taken < 0:
            return steps, False
        steps[t], layer, energy = case.level[taken], to, held
    return steps, True
