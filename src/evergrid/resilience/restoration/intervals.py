"""A good plan to begin with: one interval for each block, improved by simulated annealing.

Branch and bound proves quickly, and finds slowly: leftovers of energy are to be cut into whole
steps of whole blocks. So what is found comes from here, what is proven from there. Only for sites
without a sun and a diesel set, where all batteries are one fleet.

Source:
    S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi (1983), Optimization by simulated annealing,
    Science 220(4598), doi:10.1126/science.220.4598.671.
"""

from collections.abc import Sequence
from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.kernels import kernel
from evergrid.resilience.restoration.program import FleetCut, fleet_limits, source_limits
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.steps import StepTables

TRIES = 600_000
FIRST_SHARE, LAST_SHARE = 20.0, 0.01  # temperature, as a share of a step of the heaviest block
NEAR = 1e-9


class IntervalLimits(NamedTuple):
    """What a set of intervals must keep to, as arrays for the kernel."""

    power_kw: Float[Array, " block"]
    worth: Float[Array, " block"]
    parent: Int[Array, " block"]
    order: Int[Array, " block"]
    scale: Float[Array, " block"]
    cold_mean: Float[Array, "block step"]
    cold_first: Float[Array, "block step"]
    feed_kw: Float[Array, " step"]
    fed_kwh: Float[Array, " step"]
    pickup_kw: Float[Array, " step"]
    first_kw: Float[Array, " step"]
    first_kva: Float[Array, " step"]
    forming: Bool[Array, " step"]
    cut: Float[Array, "cut step"]
    cut_kwh: Float[Array, " cut"]
    closings: int
    trips: bool
    interruption: float
    step_h: float


def applies(table: StepTables) -> bool:
    """Whether all batteries are one fleet, and the only sources."""
    return not (table.diesel_there.any() or table.solar_kw.any())


def improved(
    table: StepTables,
    rule: RestorationRule,
    pickup_share: Float[Array, " step"],
    cuts: Sequence[FleetCut],
    closed: Bool[Array, "block step"],
) -> Bool[Array, "block step"]:
    """A better plan from the first interval of each block, the same at each call."""
    limits = _limits(table, rule, pickup_share, cuts)
    steps = table.steps
    first = np.where(closed.any(axis=1), closed.argmax(axis=1), steps)
    after = (np.cumsum(~closed, axis=1) > 0) & (np.arange(steps) > first[:, None])
    last = np.where((after & ~closed).any(axis=1), (after & ~closed).argmax(axis=1), steps)
    last = np.maximum(last, first)
    begin, end = first.astype(np.int64), last.astype(np.int64)
    heat = float((limits.worth * table.step_h).max())
    load, room = np.zeros((3, steps)), np.zeros((4, len(begin)), np.int64)
    anneal(limits, begin, end, heat * FIRST_SHARE, heat * LAST_SHARE, TRIES, load, room)
    at = np.arange(steps)
    return (at >= begin[:, None]) & (at < end[:, None])


def _limits(
    table: StepTables,
    rule: RestorationRule,
    pickup_share: Float[Array, " step"],
    cuts: Sequence[FleetCut],
) -> IntervalLimits:
    feed_kw, fed_kwh = fleet_limits(table, np.zeros(len(table.energy_kwh), bool))
    sources = source_limits(table)
    first_kw = sources.power_kw - (sources.largest_kw if rule.reserve_for_largest else 0.0)
    depth = np.zeros(len(table.parent), np.int64)
    above = table.parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, table.parent[above], -1)
    shape = (len(cuts), table.steps)
    return IntervalLimits(
        power_kw=table.power_kw,
        worth=table.weight * table.power_kw,
        parent=table.parent,
        order=np.argsort(depth, kind="stable"),
        scale=1 / table.power_factor,
        cold_mean=table.cold_mean,
        cold_first=table.cold_first,
        feed_kw=feed_kw,
        fed_kwh=fed_kwh,
        pickup_kw=pickup_share * sources.power_kw,
        first_kw=first_kw,
        first_kva=sources.apparent_kva,
        forming=sources.forming,
        cut=np.array([cut.steps for cut in cuts], float).reshape(shape),
        cut_kwh=np.array([cut.most_kwh for cut in cuts], float),
        closings=rule.closings_per_step,
        trips=rule.planned_trips,
        interruption=rule.interruption_h,
        step_h=table.step_h,
    )


@kernel(error_model="numpy")
@no_type_check
def anneal(limits, begin, end, hot, cold, tries, load, room):
    """Improves intervals in place; ends with the best that were met."""
    count, steps = len(begin), load.shape[1]
    cost = _cost(limits, begin, end, load)
    if np.isinf(cost):
        begin[:], end[:] = steps, steps
        cost = _cost(limits, begin, end, load)
    best = cost
    room[0], room[1] = begin, end
    state = np.uint64(0x9E3779B97F4A7C15)
    for attempt in range(tries):
        heat = hot * (cold / hot) ** (attempt / tries)
        room[2], room[3] = begin, end
        state = _next(state)
        k = np.int64(state % np.uint64(count))
        state = _next(state)
        kind = np.int64(state % np.uint64(8))
        state = _next(state)
        by = 1 + np.int64(state % np.uint64(4 if kind < 6 else steps))
        state = _next(state)
        other = np.int64(state % np.uint64(count))
        state = _next(state)
        sign = 1 if state % np.uint64(2) == 0 else -1
        _move(limits, begin, end, kind, k, other, by, sign, steps)
        now = _cost(limits, begin, end, load)
        state = _next(state)
        chance = float(state >> np.uint64(11)) / 9007199254740992.0
        if now <= cost or chance < np.exp((cost - now) / heat):
            cost = now
            if cost < best - NEAR:
                best = cost
                room[0], room[1] = begin, end
        else:
            begin[:], end[:] = room[2], room[3]
    begin[:], end[:] = room[0], room[1]


@kernel(error_model="numpy")
@no_type_check
def _next(state):
    """Xorshift of 64 bits: the same numbers on every machine."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    return state


@kernel(error_model="numpy")
@no_type_check
def _move(limits, begin, end, kind, k, other, by, sign, steps):
    """One change: an end, a beginning, energy from one block to another, a place, on or off."""
    if kind <= 1:
        _set(limits, begin, end, k, begin[k], end[k] + sign * by, steps)
    elif kind == 2:
        _set(limits, begin, end, k, begin[k] + sign * by, end[k], steps)
    elif kind <= 4:
        _set(limits, begin, end, k, begin[k], end[k] + by, steps)
        _set(limits, begin, end, other, begin[other], end[other] - by, steps)
    elif kind == 5:
        _set(limits, begin, end, k, begin[k] + sign * by, end[k] + sign * by, steps)
    elif kind == 6:
        at = begin[other] if end[other] > begin[other] else 0
        _set(limits, begin, end, k, at, at + by, steps)
        if sign > 0:
            _set(limits, begin, end, other, steps, steps, steps)
    else:
        _set(limits, begin, end, k, steps, steps, steps)


@kernel(error_model="numpy")
@no_type_check
def _set(limits, begin, end, k, first, last, steps):
    """An interval, with those above it made to hold it, and those below it kept within it."""
    last = min(last, steps) if limits.trips or last <= first else steps
    begin[k], end[k] = max(first, 0), last
    if end[k] <= begin[k]:
        begin[k], end[k] = steps, steps
    below, above = k, limits.parent[k]
    while above >= 0 and end[k] > begin[k]:
        if end[above] <= begin[above]:
            begin[above], end[above] = begin[below], end[below]
        begin[above] = min(begin[above], begin[below])
        end[above] = max(end[above], end[below])
        below, above = above, limits.parent[above]
    for child in limits.order:
        above = limits.parent[child]
        if above >= 0 and end[child] > begin[child]:
            begin[child] = max(begin[child], begin[above])
            end[child] = min(end[child], end[above])
            if end[child] <= begin[child]:
                begin[child], end[child] = steps, steps


@kernel(error_model="numpy")
@no_type_check
def _cost(limits, begin, end, load):
    """Weighted energy not served, with what interruptions count; infinite where a limit breaks."""
    steps = load.shape[1]
    load[:] = 0.0
    cost = 0.0
    for k in range(len(begin)):
        power, worth = limits.power_kw[k], limits.worth[k]
        cost += worth * limits.step_h * (steps - (end[k] - begin[k]))
        if end[k] <= begin[k]:
            continue
        if end[k] < steps:
            cost += worth * limits.interruption
        for step in range(begin[k], end[k]):
            first = power * (1.0 + limits.cold_first[k, step - begin[k]])
            load[0, step] += power * (1.0 + limits.cold_mean[k, step - begin[k]])
            load[1, step] += first
            load[2, step] += first * limits.scale[k]
    fed = 0.0
    for step in range(steps):
        fed += load[0, step] * limits.step_h
        near = 1.0 + NEAR
        if load[0, step] > limits.feed_kw[step] * near or fed > limits.fed_kwh[step] * near:
            return np.inf
        if load[1, step] > limits.first_kw[step] * near:
            return np.inf
        if load[2, step] > limits.first_kva[step] * near:
            return np.inf
        if load[0, step] > 0.0 and not limits.forming[step]:
            return np.inf
    return cost if _switching(limits, begin, end, load) else np.inf


@kernel(error_model="numpy")
@no_type_check
def _switching(limits, begin, end, load):
    """Whether pick-up, the number of closings and what has been learnt of the fleet allow it."""
    for k in range(len(begin)):
        if end[k] <= begin[k]:
            continue
        picked, count = 0.0, 0
        for other in range(len(begin)):
            if begin[other] == begin[k] and end[other] > begin[other]:
                picked += limits.power_kw[other] * (1.0 + limits.cold_first[other, 0])
                count += 1
        if picked > limits.pickup_kw[begin[k]] * (1.0 + NEAR) or count > limits.closings:
            return False
    for row in range(len(limits.cut_kwh)):
        asked = 0.0
        for step in range(load.shape[1]):
            asked += limits.cut[row, step] * load[0, step] * limits.step_h
        if asked > limits.cut_kwh[row] * (1.0 + NEAR):
            return False
    return True
