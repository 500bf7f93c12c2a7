"""What one store draws in slots of one price, put into few runs: loops over its slots."""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.computing.kernels import kernel
from evergrid.engine.few_starts.change import badness, keeps_energy, write
from evergrid.engine.few_starts.fleet import INNER, ON_KW, OUTER, ROUNDING_KW, SAME_COST

TINY = 2e-3  # share of the least power below which it is left over from an iteration


class OneStore(NamedTuple):
    """What a store does, slot by slot.

    Attributes:
        amount_kw: Power.
        most_kw: Greatest power that its own limit and those above it leave.
        least_kw: Below which it should not be on.
        cost: Of a kWh.
        fixed: Whether it may not change here.
        crowd_kw: What the topmost node above draws or feeds already.
        group: Slots of one cost, which are free to take what they have together.
        on_before: Whether the store is on when the program begins.
    """

    amount_kw: Float[Array, " slot"]
    most_kw: Float[Array, " slot"]
    least_kw: Float[Array, " slot"]
    cost: Float[Array, " slot"]
    fixed: Bool[Array, " slot"]
    crowd_kw: Float[Array, " slot"]
    group: Bool[Array, " slot"]
    on_before: bool


@kernel(**OUTER)
@no_type_check
def improve(fleet, stores):
    """Put what each of some stores does at each price into few runs, where that is better."""
    for store in stores:
        begin = fleet.begin[store]
        one = _one_store(fleet, store)
        _move_tiny(one)
        order, at = fleet.by_cost[begin : fleet.end[store] + 1], 0
        while at < len(order):
            stop = at + 1
            while stop < len(order):
                if fleet.cost[order[stop]] - fleet.cost[order[stop - 1]] > SAME_COST:
                    break
                stop += 1
            if stop > at + 1:  # one slot alone has no other to give to
                for t in range(len(one.group)):
                    one.group[t] = False
                for i in range(at, stop):
                    one.group[order[i] - begin] = not one.fixed[order[i] - begin]
                _place(one)
            at = stop
        given = fleet.amount_kw[begin : fleet.end[store] + 1]
        before = badness(given, fleet.least_kw, begin, one.on_before)
        better = badness(one.amount_kw, fleet.least_kw, begin, one.on_before) < before
        if better and keeps_energy(fleet, store, one.amount_kw):
            write(fleet, store, one.amount_kw)


@kernel(**INNER)
@no_type_check
def _one_store(fleet, store):
    """The slots of a store, with the room that nodes above leave."""
    begin, stop = fleet.begin[store], fleet.end[store] + 1
    real, flag = np.empty((3, stop - begin)), np.zeros((2, stop - begin), np.bool_)
    one = OneStore(
        real[0],
        real[1],
        fleet.least_kw[begin:stop],
        fleet.cost[begin:stop],
        flag[0],
        real[2],
        flag[1],
        fleet.on_before[store],
    )
    # A slot may rise by the least room on the way up the tree. One that may not fall to nothing, as
    # a limit above asks for it, is fixed.
    for t in range(stop - begin):
        amount, step = fleet.amount_kw[begin + t], fleet.first[store] + t
        more, fewer, node = np.inf, np.inf, fleet.node[store]
        while node >= 0:
            net = fleet.net_kw[node, step]
            more = min(more, fleet.top_kw[node, step] - net)
            fewer = min(fewer, net - fleet.bottom_kw[node, step])
            one.crowd_kw[t] = net - amount
            node = fleet.parent[node]
        stuck = amount > ROUNDING_KW and fewer < amount - ROUNDING_KW
        one.fixed[t] = stuck or fleet.fixed[begin + t]
        one.amount_kw[t] = amount
        one.most_kw[t] = min(fleet.limit_kw[begin + t], amount + max(more, 0.0))
    return one


@kernel(**INNER)
@no_type_check
def _move_tiny(one):
    """What is left over from an iteration goes where it costs no more, and the store is on."""
    count = len(one.amount_kw)
    for t in range(count):
        little = one.amount_kw[t]
        if little <= 0.0 or little >= TINY * one.least_kw[t] or one.fixed[t]:
            continue
        best, at = np.inf, -1
        for u in range(count):
            free = not one.fixed[u] and one.amount_kw[u] >= TINY * one.least_kw[u]
            room = one.most_kw[u] - one.amount_kw[u]
            if free and u != t and room >= little and one.cost[u] < best:
                best, at = one.cost[u], u
        if at >= 0 and best <= one.cost[t]:
            one.amount_kw[at] += little
            one.amount_kw[t] = 0.0


@kernel(**INNER)
@no_type_check
def _place(one):
    """Put what slots of one cost have together into as few runs of them as there can be."""
    amount, group, count = one.amount_kw, one.group, len(one.amount_kw)
    before, total, uneven = amount.copy(), 0.0, False
    for t in range(count):
        if group[t]:
            total += amount[t]
            if 0.0 < amount[t] < one.most_kw[t] - ROUNDING_KW:
                uneven = True
    if not uneven:
        return
    for t in range(count):
        if group[t]:
            amount[t] = 0.0
    left = total
    while left > ROUNDING_KW and _fill_next(one, left):
        left = total
        for t in range(count):
            if group[t]:
                left -= amount[t]
    given = badness(before, one.least_kw, 0, one.on_before)
    if left > ROUNDING_KW or badness(amount, one.least_kw, 0, one.on_before) >= given:
        for t in range(count):
            amount[t] = before[t]
        return
    for t in range(count):  # what rounding leaves goes into any slot of the group
        if left != 0.0 and group[t] and amount[t] > abs(left):
            amount[t] += left
            return


@kernel(**INNER)
@no_type_check
def _fill_next(one, left):
    """Fill the run of free slots that suits best; whether there was any.

    A run beside one that is on costs no start, and comes first. Else one that takes all that is
    left, and of several the least crowded; else the one that takes most. Slots that reach their
    least power come before all others.
    """
    count = len(one.amount_kw)
    best, first, stop, beside = -np.inf, -1, -1, False
    least_share = 1.0
    while first < 0 and least_share >= 0.0:
        t = 0
        while t < count:
            a, room, crowd = t, 0.0, 0.0
            while t < count and _is_free(one, t, least_share):
                room += one.most_kw[t]
                crowd += one.crowd_kw[t]
                t += 1
            if t == a:
                t += 1
                continue
            near = _is_on(one, a - 1) or _is_on(one, t)
            value = 3e9 if near else 1e9
            value += 1e9 - crowd / (t - a) if room >= left else room
            if value > best:
                best, first, stop, beside = value, a, t, near
        least_share -= 1.0
    if first < 0:
        return False
    _fill_run(one, first, stop, left, beside)
    return True


@kernel(**INNER)
@no_type_check
def _is_on(one, t):
    """Whether the store is on in a slot, or before the first one."""
    if t < 0:
        return one.on_before
    return t < len(one.amount_kw) and one.amount_kw[t] > ON_KW


@kernel(**INNER)
@no_type_check
def _is_free(one, t, least_share):
    """Whether a slot may be filled, up to a share of its least power at least."""
    most = one.most_kw[t]
    if not one.group[t] or one.amount_kw[t] > 0.0 or most <= ROUNDING_KW:
        return False
    return most >= least_share * one.least_kw[t]


@kernel(**INNER)
@no_type_check
def _fill_run(one, first, stop, left, beside):
    """Put what is left into a run: into all of it, or into the shortest part that suits best."""
    first, stop, room = _window(one, first, stop, left, beside)
    scale = min(left / room, 1.0)
    if stop - first == 1 and scale * room < one.least_kw[first] <= room:
        missing = _borrow(one, one.least_kw[first] - scale * room)
        scale = (scale * room + missing) / room
    for t in range(first, stop):
        one.amount_kw[t] = scale * one.most_kw[t]


@kernel(**INNER)
@no_type_check
def _window(one, first, stop, left, beside):
    """The shortest part of a run that takes what is left: at its end, or where least is drawn.

    All of the run where no part takes it; and the power of what is found.
    """
    from_right = beside and not _is_on(one, first - 1)
    best, a_best, b_best, found = np.inf, first, stop, 0.0
    for a in range(first, stop):
        room, crowd, b = 0.0, 0.0, a
        while b < stop and room < left:
            room += one.most_kw[b]
            crowd += one.crowd_kw[b]
            b += 1
        if room < left and a > first:
            break
        value = (b - a) * 1e9 + crowd / (b - a)
        if beside:
            value = float(stop - b if from_right else a - first)
        if value < best:
            best, a_best, b_best, found = value, a, b, room
    return a_best, b_best, found


@kernel(**INNER)
@no_type_check
def _borrow(one, missing):
    """Take power from slots that are filled above their least, evenly; what was taken."""
    count, spare = len(one.amount_kw), 0.0
    for t in range(count):
        if one.group[t] and one.amount_kw[t] > one.least_kw[t]:
            spare += one.amount_kw[t] - one.least_kw[t]
    if spare < missing:
        return 0.0
    for t in range(count):
        if one.group[t] and one.amount_kw[t] > one.least_kw[t]:
            one.amount_kw[t] -= missing / spare * (one.amount_kw[t] - one.least_kw[t])
    return missing
