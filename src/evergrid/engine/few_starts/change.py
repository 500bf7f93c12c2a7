"""Whether a store is better with other powers, whether it may have them, and taking them over."""

from typing import no_type_check

from evergrid.core.computing.kernels import kernel
from evergrid.engine.few_starts.fleet import INNER, ON_KW, ROUNDING_KW, ROUNDING_KWH


@kernel(**INNER)
@no_type_check
def badness(amount_kw, least_kw, begin, on_before):
    """Starts, and slots below the least power, of which there is one for each slot from a begin."""
    found, was_on = 0, on_before
    for t in range(len(amount_kw)):
        on = amount_kw[t] > ON_KW
        if on and not was_on:
            found += 1
        if on and amount_kw[t] < least_kw[begin + t] - ROUNDING_KW:
            found += 1
        was_on = on
    return found


@kernel(**INNER)
@no_type_check
def keeps_energy(fleet, store, amount_kw):
    """Whether the energy stays within its limits, now that it comes or goes at other times."""
    begin, more = fleet.begin[store], 0.0
    for t in range(len(amount_kw)):
        k = begin + t
        more += (amount_kw[t] - fleet.amount_kw[k]) * fleet.stored[k]
        was = fleet.held_kwh[k]
        low, high = min(fleet.floor_kwh[k], was), max(fleet.full_kwh[store], was)
        if was + more < low - ROUNDING_KWH or was + more > high + ROUNDING_KWH:
            return False
    return True


@kernel(**INNER)
@no_type_check
def write(fleet, store, amount_kw):
    """Put new powers into the schedule, the energy and the sums of all nodes above."""
    begin, more = fleet.begin[store], 0.0
    for t in range(len(amount_kw)):
        k, step = begin + t, fleet.first[store] + t
        change = amount_kw[t] - fleet.amount_kw[k]
        more += change * fleet.stored[k]
        fleet.held_kwh[k] += more
        if change == 0.0:
            continue
        fleet.amount_kw[k] = amount_kw[t]
        node = fleet.node[store]
        while node >= 0:
            fleet.net_kw[node, step] += change
            node = fleet.parent[node]
