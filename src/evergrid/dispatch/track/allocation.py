"""How many chargers of each type run, and at which power, so that least is lost?

Of a charger that runs, k0 is lost whatever its power, and k2 rises with its square: least is lost
per energy at p* = sqrt(k0 / k2). So for a power P about P / p* chargers run, not all of them and
not as few as can. Types are called by their loss at p*; once a further one would cost more than
loading those that run, all are loaded to the same marginal loss. What remains is that chargers are
whole.

Chargers of different size or loss have plans of their own, and what the signal asks for comes
beside them: no group of types alike is moved against the signal. Without that the type that loses
least would do what is planned for the others.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Int
from evergrid.core.computing.kernels import kernel
from evergrid.dispatch.track.charger_types import (
    BUCKETS,
    DRAW,
    FEED,
    FULL_DRAW,
    FULL_DRAW_ONLY,
    FULL_FEED,
    FULL_FEED_ONLY,
    PHASES,
    STUCK,
)
from evergrid.dispatch.track.fleet_state import BASE, DUE

BISECTIONS = 50  # of a marginal loss, to a milliwatt in a gigawatt


class Choice(NamedTuple):
    """Who runs, and at which power.

    Attributes:
        take: How many of each item run.
        running: How many of each type.
        way: Direction of each type.
        low: Steps of those of a type with the lower loading.
        high: Of those with the upper one.
        extra: How many have the upper one.
        odd: Steps of one more, which has what these leave over; 0 for none.
        full: How many beside those that run have full power, as planned.
    """

    take: Int[Array, " item"]
    running: Int[Array, " type"]
    way: Int[Array, " type"]
    low: Int[Array, " type"]
    high: Int[Array, " type"]
    extra: Int[Array, " type"]
    odd: Int[Array, " type"]
    full: Int[Array, " type"]


@kernel(error_model="numpy")
@no_type_check
def empty_choice(types, items):
    """Nobody runs."""
    return Choice(
        np.zeros(items, np.int64),
        np.zeros(types, np.int64),
        np.zeros(types, np.int64),
        np.zeros(types, np.int64),
        np.zeros(types, np.int64),
        np.zeros(types, np.int64),
        np.zeros(types, np.int64),
        np.zeros(types, np.int64),
    )


@kernel(error_model="numpy")
@no_type_check
def split(types, counts, planned_w, asked_w, choice):
    """Choose who runs so that each group does what is planned for it and more the signal's way.

    Least is lost among all choices in which no group has less power than planned while the signal
    asks for more, nor more while it asks for less. Found from below: the groups that least loss
    would move against the signal keep their plan, and the others share what is left, until none
    is moved against it. A group that is fixed stays so, as what is left for others only shrinks.

    Args:
        types: Tables of the types.
        counts: Chargers of each item.
        planned_w: Planned, and due to drivers, of each group.
        asked_w: Power above the plan.
        choice: Written.

    Returns:
        Whether the fleet reaches it.
    """
    groups = len(planned_w)
    rest_w = asked_w + planned_w.sum()
    free = np.ones(groups, np.bool_)
    reached = allot(types, counts, rest_w, free, choice)
    if groups == 1:
        return reached
    able_w = most_w(types, counts, groups)
    # Whole chargers may leave something to move, by those that are not free any more.
    reached = -able_w[:, DRAW].sum() <= rest_w <= able_w[:, FEED].sum()
    own_w = possible_w(planned_w, able_w)
    beside_w = rest_w - own_w.sum()
    for _ in range(groups):
        against = against_signal(powers_w(types, choice, groups), own_w, beside_w, free)
        if not np.any(against) or np.all(against == free):
            break
        for group in np.flatnonzero(against):
            only = np.zeros(groups, np.bool_)
            only[group] = True
            allot(types, counts, own_w[group], only, choice)
            rest_w -= powers_w(types, choice, groups)[group]
            free[group] = False
        allot(types, counts, rest_w, free, choice)
    return reached


@kernel(error_model="numpy")
@no_type_check
def most_w(types, counts, groups):
    """Power of all of each group that can be called, in each direction."""
    able_w = np.zeros((groups, 2))
    for item in range(len(counts)):
        if counts[item] > 0:
            kind, bucket = item // (BUCKETS * PHASES), item // PHASES % BUCKETS
            full_w = types.ways[kind].most * types.limits[kind].step_w * counts[item]
            if bucket <= FULL_FEED:
                able_w[types.limits[kind].group, DRAW] += full_w[DRAW]
            if bucket >= FULL_DRAW:
                able_w[types.limits[kind].group, FEED] += full_w[FEED]
    return able_w


@kernel(error_model="numpy")
@no_type_check
def possible_w(planned_w, able_w):
    """Power of each group by its plan, as far as those that can be called can reach.

    They make up for drivers' charging as far as that is planned for their group: nobody feeds
    because another charges late.
    """
    base_w = planned_w[:, BASE]
    own_w = np.minimum(base_w + planned_w[:, DUE], np.maximum(base_w, 0))
    return np.minimum(np.maximum(own_w, -able_w[:, DRAW]), able_w[:, FEED])


@kernel(error_model="numpy")
@no_type_check
def powers_w(types, choice, groups):
    """Power of each group into the grid."""
    found = np.zeros(groups)
    for kind in range(len(choice.way)):
        low = choice.running[kind] - choice.extra[kind] - (1 if choice.odd[kind] > 0 else 0)
        steps = low * choice.low[kind] + choice.extra[kind] * choice.high[kind] + choice.odd[kind]
        steps += choice.full[kind] * types.ways[kind, choice.way[kind]].most
        sign = 1 if choice.way[kind] == FEED else -1
        found[types.limits[kind].group] += sign * steps * types.limits[kind].step_w
    return found


@kernel(error_model="numpy")
@no_type_check
def against_signal(power_w, own_w, beside_w, free):
    """Groups, of the free ones, that are moved the other way than the whole fleet."""
    moved_w = power_w - own_w if beside_w >= 0.0 else own_w - power_w
    return free & (moved_w < 0.0)


@kernel(error_model="numpy")
@no_type_check
def allot(types, counts, net_w, groups, choice):
    """Choose who of some groups runs at least loss; returns whether they reach the power.

    Args:
        types: Tables of the types.
        counts: Chargers of each item.
        net_w: Power of these groups into the grid, without what is due to drivers.
        groups: Whether each group is one of them.
        choice: Their part is written.
    """
    per_type, among = BUCKETS * PHASES, np.zeros_like(counts)
    for kind in range(len(types.limits)):
        if groups[types.limits[kind].group]:
            items = slice(kind * per_type, (kind + 1) * per_type)
            among[items] = counts[items]
    way = FEED if net_w >= 0.0 else DRAW
    made_up_w = net_w + opposed_w(types, among, way)
    if (made_up_w >= 0.0) != (way == FEED):
        way = FEED if made_up_w >= 0.0 else DRAW
        made_up_w = net_w + opposed_w(types, among, way)
    wanted = max(made_up_w if way == FEED else -made_up_w, 0.0)
    found = empty_choice(len(types.limits), len(counts))
    wanted -= take_planned(types, among, way, wanted, found)
    call(types, among, way, wanted, found.take, found.running)
    reached = load(types, way, wanted, found)
    for kind in range(len(types.limits)):
        if groups[types.limits[kind].group]:
            items = slice(kind * per_type, (kind + 1) * per_type)
            choice.take[items] = found.take[items]
            choice.running[kind], choice.way[kind] = found.running[kind], way
            choice.low[kind], choice.high[kind] = found.low[kind], found.high[kind]
            choice.extra[kind], choice.odd[kind] = found.extra[kind], found.odd[kind]
            choice.full[kind] = found.full[kind]
    return reached


@kernel(error_model="numpy")
@no_type_check
def is_full(bucket, way):
    """Whether chargers of a bucket are planned to run at full power in a direction."""
    if way == FEED:
        return bucket in (FULL_FEED, FULL_FEED_ONLY)
    return bucket in (FULL_DRAW, FULL_DRAW_ONLY)


@kernel(error_model="numpy")
@no_type_check
def planned_full(counts, kind, way):
    """How many of a type are in these buckets."""
    first, second = (FULL_FEED, FULL_FEED_ONLY) if way == FEED else (FULL_DRAW_ONLY, FULL_DRAW)
    total = 0
    for phase in range(PHASES):
        total += counts[(kind * BUCKETS + first) * PHASES + phase]
        total += counts[(kind * BUCKETS + second) * PHASES + phase]
    return total


@kernel(error_model="numpy")
@no_type_check
def take_planned(types, among, way, wanted_w, found):
    """Who is planned at full power has it before others are called, as it could not catch up.

    Where less is wanted than all of them would have, nobody else is called. Where more is wanted,
    but less than a charger has at least, one of them shares it with another.

    Args:
        types: Tables of the types.
        among: Chargers of each item; changed to those that are still to be called.
        way: Direction.
        wanted_w: Power in that direction.
        found: Who has full power, written.

    Returns:
        Their power.
    """
    total, least_w, sharing = 0.0, np.inf, -1
    for kind in range(len(types.limits)):
        found.full[kind] = planned_full(among, kind, way)
        if found.full[kind] > 0:
            total += found.full[kind] * types.ways[kind, way].most * types.limits[kind].step_w
            sharing = kind
        least_w = min(least_w, types.limits[kind].least * types.limits[kind].step_w)
    if sharing < 0:
        return 0.0
    given = wanted_w >= total
    if not given:
        found.full[:] = 0
    elif 0.5 * types.limits[sharing].step_w < wanted_w - total < least_w:
        found.full[sharing] -= 1
        total -= types.ways[sharing, way].most * types.limits[sharing].step_w
    else:
        sharing = -1
    for item in range(len(among)):
        full = is_full(item // PHASES % BUCKETS, way)
        if given and full and among[item] > 0:
            shared = 1 if item // (BUCKETS * PHASES) == sharing else 0
            found.take[item] = among[item] - shared
            among[item] = shared
            sharing = -1 if shared else sharing
        elif not given and not full and item % PHASES != STUCK:
            among[item] = 0
    return total if given else 0.0


@kernel(error_model="numpy")
@no_type_check
def opposed_w(types, totals, way):
    """What must be made up for: chargers that cannot stop and run the other way at least power."""
    total = 0.0
    for item in range(STUCK, len(totals), PHASES):
        if totals[item] == 0:
            continue
        kind, bucket = item // (BUCKETS * PHASES), item // PHASES % BUCKETS
        least = totals[item] * types.limits[kind].least * types.limits[kind].step_w
        if way == FEED and (bucket < FULL_DRAW or types.ways[kind, FEED].most == 0):
            total += least
        elif way == DRAW and bucket > FULL_FEED:
            total -= least
    return total


@kernel(error_model="numpy")
@no_type_check
def loading_w(types, kind, way, marginal):
    """Power at which a type's loss rises so fast with power, within its limits."""
    power = (marginal - types.ways[kind, way].k1) / types.ways[kind, way].curvature_per_w
    least = types.limits[kind].least * types.limits[kind].step_w
    return min(
        max(power, float(least)), float(types.ways[kind, way].most * types.limits[kind].step_w)
    )


@kernel(error_model="numpy")
@no_type_check
def total_w(types, way, running, marginal):
    """Power of all that run at one marginal loss."""
    total = 0.0
    for kind in range(len(running)):
        if running[kind] > 0:
            total += running[kind] * loading_w(types, kind, way, marginal)
    return total


@kernel(error_model="numpy")
@no_type_check
def call(types, counts, way, wanted_w, take, running):
    """Choose how many of each item run.

    Args:
        types: Tables of the types.
        counts: Chargers of each item.
        way: Direction.
        wanted_w: Power in that direction, at least 0.
        take: How many of each item run; added to.
        running: How many of each type; added to.
    """
    marginal = total = 0.0
    for item in types.order[way]:
        if item < 0:
            break
        there = counts[item]
        if there == 0:
            continue
        kind = item // (BUCKETS * PHASES)
        # What cannot stop comes first, then items by their least loss per energy and the plan.
        # Before a type that loses more begins to run, all that run are loaded until their marginal
        # loss is as high as that.
        if types.ways[kind, way].slope > marginal:
            marginal = types.ways[kind, way].slope
            total = total_w(types, way, running, marginal)
        each = loading_w(types, kind, way, marginal)
        if item % PHASES == STUCK:
            chosen = there
        elif total >= wanted_w:
            break
        else:
            chosen = min(there, _whole((wanted_w - total) / each, total / each))
            if chosen == 0 and total == 0.0:
                least = types.limits[kind].least * types.limits[kind].step_w
                if wanted_w < 0.5 * least:
                    continue  # another type may have a smaller least power
                chosen = 1
        take[item] += chosen
        running[kind] += chosen
        total += chosen * each
        if chosen < there:
            break


@kernel(error_model="numpy")
@no_type_check
def _whole(more, already):
    """Of ``more`` further chargers, the whole number at which least is lost.

    With n chargers alike, n k0 + k2 P^2 / n is least at the n with n (n - 1) < (P / p*)^2 <=
    n (n + 1).
    """
    below = np.floor(more)
    n = already + below
    return int(below) + (1 if n > 0.0 and (already + more) ** 2 > n * (n + 1.0) else 0)


@kernel(error_model="numpy")
@no_type_check
def load(types, way, wanted_w, choice):
    """Steps of those that run: two loadings for each type, and one charger that has what is left.

    Returns:
        Whether all of them together reach the wanted power.
    """
    running = choice.running
    below, above = 0.0, 0.0  # marginal losses
    for kind in range(len(running)):
        if running[kind] > 0:
            able = types.ways[kind, way]
            full = able.most * types.limits[kind].step_w * able.curvature_per_w
            above = max(above, able.k1 + full)
    reached = total_w(types, way, running, above) >= wanted_w
    for _ in range(BISECTIONS):
        middle = 0.5 * (below + above)
        if total_w(types, way, running, middle) < wanted_w:
            below = middle
        else:
            above = middle
    for kind in range(len(running)):
        if running[kind] > 0:
            steps = loading_w(types, kind, way, above) / types.limits[kind].step_w
            step_up(types, kind, way, steps, choice)
    return reached


@kernel(error_model="numpy")
@no_type_check
def step_up(types, kind, way, steps, choice):
    """Loadings below and above a mean, how many have the upper one, and who has the rest."""
    limit, most, number = types.limits[kind], types.ways[kind, way].most, choice.running[kind]
    low = limit.least + int(max(steps - limit.least, 0.0)) // limit.stride * limit.stride
    low = min(low, most)
    high = min(low + limit.stride, most)
    left = max(int(np.round(steps * number)) - low * number, 0)
    extra = min(left // (high - low), number) if high > low else 0
    left -= extra * (high - low)
    choice.low[kind], choice.high[kind], choice.extra[kind] = low, high, extra
    choice.odd[kind] = low + left if 0 < left < high - low and extra < number else 0
