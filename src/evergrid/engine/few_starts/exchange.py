"""What two stores draw behind one limit, shared out anew so that they draw one after the other."""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.engine.few_starts.change import badness, keeps_energy, write
from evergrid.engine.few_starts.fleet import INNER, OUTER, ROUNDING_KW, SAME_COST


@kernel(**OUTER)
@no_type_check
def exchange(fleet, stores, partners, moved):
    """Let pairs of some stores exchange power where that is better; how many pairs did.

    In each step a pair draws together what it drew, and over all steps each draws what it drew. So
    both are served alike, nothing costs more, and no limit above both sees a difference.

    Args:
        fleet: All stores and nodes.
        stores: Those that exchange, each with some of its tree that follow.
        partners: With how many of those that follow each may.
        moved: Whether each store of the fleet has moved since all pairs were looked at; a pair of
            which none has is passed over.
    """
    pairs, size, count = 0, 0, len(stores)
    bad = np.empty(count, np.int64)
    for i in range(count):
        size = max(size, fleet.end[stores[i]] - fleet.begin[stores[i]] + 1)
        bad[i] = _badness_now(fleet, stores[i])
    work = np.empty((4, size))
    for i in range(count):
        for j in range(i + 1, min(i + 1 + partners, count)):
            a, b = stores[i], stores[j]
            if fleet.root[a] != fleet.root[b]:
                break
            if bad[i] < 2 or bad[j] < 2 or not (moved[a] or moved[b]):
                continue
            was = bad[i] + bad[j]
            if _shared_out(fleet, a, b, work, was) or _shared_out(fleet, b, a, work, was):
                bad[i], bad[j] = _badness_now(fleet, a), _badness_now(fleet, b)
                pairs += 1
    return pairs


@kernel(**INNER)
@no_type_check
def _badness_now(fleet, store):
    """Of what a store does now."""
    begin = fleet.begin[store]
    amount_kw = fleet.amount_kw[begin : fleet.end[store] + 1]
    return badness(amount_kw, fleet.least_kw, begin, fleet.on_before[store])


@kernel(**INNER)
@no_type_check
def _shared_out(fleet, a, b, work, was):
    """Let one of a pair draw as early as it can, and the other the rest; whether it was better."""
    begin_a, begin_b = fleet.begin[a], fleet.begin[b]
    new_a = work[0, : fleet.end[a] - begin_a + 1]
    new_b = work[1, : fleet.end[b] - begin_b + 1]
    low = max(fleet.first[a], fleet.first[b])
    stop = min(fleet.first[a] + len(new_a), fleet.first[b] + len(new_b))
    least, most = work[2], work[3]
    _bounds(fleet, a, b, low, stop, least, most)
    left = 0.0  # what the least leaves to be given
    for t in range(stop - low):
        left -= least[t]
    if left <= ROUNDING_KW:
        return False
    for t in range(len(new_a)):
        new_a[t] = fleet.amount_kw[begin_a + t]
    for t in range(len(new_b)):
        new_b[t] = fleet.amount_kw[begin_b + t]
    for t in range(stop - low):
        more = min(most[t] - least[t], left)
        left -= more
        new_a[low - fleet.first[a] + t] += least[t] + more
        new_b[low - fleet.first[b] + t] -= least[t] + more
    # What one takes the other gives, slot by slot: limits above them see no change.
    found = badness(new_a, fleet.least_kw, begin_a, fleet.on_before[a])
    found += badness(new_b, fleet.least_kw, begin_b, fleet.on_before[b])
    if found >= was or not keeps_energy(fleet, a, new_a) or not keeps_energy(fleet, b, new_b):
        return False
    write(fleet, a, new_a)
    write(fleet, b, new_b)
    return True


@kernel(**INNER)
@no_type_check
def _bounds(fleet, a, b, low, stop, least, most):
    """By how much the one may draw more in each step, and the other less; none where both differ.

    Steps in which a store is there for a part only are left as they are: a kW stores less there.
    """
    to_a, to_b = fleet.begin[a] - fleet.first[a], fleet.begin[b] - fleet.first[b]
    for step in range(low, stop):
        k, m, t = to_a + step, to_b + step, step - low
        least[t], most[t] = 0.0, 0.0
        if fleet.fixed[k] or fleet.fixed[m] or fleet.partial[k] or fleet.partial[m]:
            continue
        if abs(fleet.cost[k] - fleet.cost[m]) > SAME_COST:
            continue
        fewer = min(fleet.amount_kw[k], fleet.limit_kw[m] - fleet.amount_kw[m])
        more = min(fleet.amount_kw[m], fleet.limit_kw[k] - fleet.amount_kw[k])
        x, y = fleet.node[a], fleet.node[b]
        while x != y:  # nodes below the lowest one above both see the difference
            if y < 0 or (x >= 0 and fleet.depth[x] >= fleet.depth[y]):
                more = min(more, fleet.top_kw[x, step] - fleet.net_kw[x, step])
                fewer = min(fewer, fleet.net_kw[x, step] - fleet.bottom_kw[x, step])
                x = fleet.parent[x]
            else:
                fewer = min(fewer, fleet.top_kw[y, step] - fleet.net_kw[y, step])
                more = min(more, fleet.net_kw[y, step] - fleet.bottom_kw[y, step])
                y = fleet.parent[y]
        least[t], most[t] = -max(fewer, 0.0), max(more, 0.0)
