"""Among schedules of equal cost, one whose stores start less and draw no less than they should.

Where slots of a store cost the same, an answer may put a little of its energy into each of them.
What it draws in all slots of one price is taken together, store by store, and put into as few
runs as there can be, at a power that is not below the least where that can be. Stores behind one
limit exchange what they draw, so that each draws in turn and their sum stays as it is. Nothing is
put where a limit, a peak or a meter would make it cost more, and what comes out is recomputed.
"""

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.few_starts.exchange import exchange
from evergrid.engine.few_starts.fleet import ON_KW, ROUNDING_KW, Fleet
from evergrid.engine.few_starts.runs import improve
from evergrid.engine.program import Program, cost, energy_path, net_power, peaks
from evergrid.engine.violations import TOLERANCE, violations

DRAW, FEED = -1.0, 1.0  # sign of power in either direction
PAIRS = 10_000  # that are looked at, so that a large fleet's plan takes little longer
FEWEST_PARTNERS = 1  # of each store, all the same
WORTH = 0.4  # pairs that exchanged, a store: below, another turn would gain little
DEARER = 1e-9  # share of the cost by which rounding may raise it
METER_KW = 1e-6  # drawn from above, below which a meter may turn


def improved(
    program: Program,
    power_kw: Float[Array, " slot"],
    least_kw: Float[Array, " store"],
    *,
    on_before: Bool[Array, " store"],
) -> Float[Array, " slot"]:
    """The schedule, or one of the same cost with fewer starts and fewer slots of little power.

    Programs with terms, such as flowgates, and stores that begin below a reserve stay as they are.

    Args:
        program: What is scheduled.
        power_kw: Its schedule.
        least_kw: Power of each store below which it should not be on; 0 for one left as it is.
        on_before: Whether each store is on when the program begins.
    """
    if program.terms or not (least_kw > 0).any():
        return power_kw
    made = power_kw
    for sign in (DRAW, FEED):
        made = _in_one_direction(program, made, least_kw, on_before, sign)
    return made if made is power_kw or _as_good(program, power_kw, made) else power_kw


def _in_one_direction(
    program: Program,
    power_kw: Float[Array, " slot"],
    least_kw: Float[Array, " store"],
    on_before: Bool[Array, " store"],
    sign: float,
) -> Float[Array, " slot"]:
    """The schedule with what stores draw, or feed, in fewer runs; the same where there are few."""
    amount = np.maximum(sign * power_kw, 0.0)
    least = np.minimum(least_kw, program.charge_kw)
    least[program.reserved] = 0.0
    least_of_slot = least[program.store] * program.share

    def fluttering(amount_kw: Float[Array, " slot"]) -> Int[Array, " some"]:
        """Stores that could do with fewer starts, or with more power in some slots."""
        bad = _badness(program, amount_kw, least_of_slot, on_before)
        return np.flatnonzero((least > 0) & (bad > np.where(on_before, 0, 1)))

    stores = fluttering(amount)
    if not len(stores):
        return power_kw
    # First each store by itself, then pairs behind one limit in turns with it, as long as pairs
    # that are tried are worth their time.
    fleet = _fleet(program, power_kw, least_of_slot, on_before, sign)
    improve(fleet, stores)
    # Near ones share a node, and leave at about the same time.
    order = np.lexsort((program.stop, program.node, fleet.root))
    moved = np.ones(program.stores, bool)
    stores, pairs = fluttering(fleet.amount_kw), program.stores
    while len(stores) > 1 and pairs > WORTH * len(stores):
        before = fleet.amount_kw.copy()
        partners = max(PAIRS // len(stores), FEWEST_PARTNERS)
        pairs = exchange(fleet, order[np.isin(order, stores)], partners, moved)
        improve(fleet, stores)
        stores = fluttering(fleet.amount_kw)
        moved = np.bincount(program.store, fleet.amount_kw != before, program.stores) > 0
    return np.where(fleet.amount_kw == amount, power_kw, sign * fleet.amount_kw)


def _badness(
    program: Program,
    amount_kw: Float[Array, " slot"],
    least_kw: Float[Array, " slot"],
    on_before: Bool[Array, " store"],
) -> Int[Array, " store"]:
    """Starts of each store, and its slots below the least power."""
    on = amount_kw > ON_KW
    was_on = np.append(False, on[:-1])
    was_on[program.begin] = on_before
    below = on & (amount_kw < least_kw - ROUNDING_KW)
    count = (on & ~was_on).astype(np.int64) + below
    return np.add.reduceat(count, program.begin)


def _fleet(
    program: Program,
    power_kw: Float[Array, " slot"],
    least_kw: Float[Array, " slot"],
    on_before: Bool[Array, " store"],
    sign: float,
) -> Fleet:
    net = net_power(program, power_kw)
    low, high = _room(program, net)
    drawn = program.load_kw - net > 0
    surcharge = tree.add_down(np.where(drawn, program.surcharge_per_kwh, 0.0), program.parent)
    draws = sign == DRAW
    price = program.draw_price_per_kwh if draws else program.feed_price_per_kwh
    cost = -sign * (price + surcharge[program.node[program.store], program.step])
    curves = program.curves or (np.zeros(program.slots), np.zeros(program.slots))
    # Feeding is drawing with all signs turned, so that loops know one direction alone.
    return Fleet(
        begin=program.begin,
        end=program.end,
        first=program.first.astype(np.int64),
        node=program.node.astype(np.int64),
        parent=program.parent.astype(np.int64),
        depth=tree.depth(program.parent),
        root=tree.roots(program.parent)[program.node],
        on_before=on_before,
        amount_kw=np.maximum(sign * power_kw, 0.0),
        least_kw=least_kw,
        limit_kw=program.charge_limit_kw if draws else program.discharge_limit_kw,
        cost=cost,
        by_cost=np.lexsort((cost, program.store)),
        fixed=(curves[0] > 0) | (curves[1] > 0) | (sign * power_kw < -ON_KW),
        partial=program.share < 1.0,
        stored=program.gain if draws else -program.drain,
        held_kwh=energy_path(program, power_kw),
        floor_kwh=program.energy_floor_kwh,
        full_kwh=program.energy_high_kwh,
        net_kw=sign * net,
        bottom_kw=-high if draws else low,
        top_kw=-low if draws else high,
    )


def _room(
    program: Program, net: Float[Array, "node step"]
) -> tuple[Float[Array, "node step"], Float[Array, "node step"]]:
    """Net power of each node within which no limit breaks, no peak rises and no meter turns."""
    low, high = program.net_low_kw.copy(), program.net_high_kw.copy()
    load, drawn = program.load_kw, program.load_kw - net
    peaked = (program.peak_price_per_kw > 0)[:, None]
    peak = peaks(program, np.maximum(drawn, 0.0))[:, None]
    single = (program.counted == 1)[:, None]
    low = np.where(peaked & single, np.maximum(low, load - peak), low)
    low = np.where(peaked & ~single, np.maximum(low, net), low)
    metered = program.surcharge_per_kwh != 0
    draws, feeds = drawn > METER_KW, drawn < -METER_KW
    high = np.where(metered & ~feeds, np.minimum(high, np.where(draws, load, net)), high)
    low = np.where(metered & ~draws, np.maximum(low, np.where(feeds, load, net)), low)
    return low, high


def _as_good(program: Program, given: Float[Array, " slot"], made: Float[Array, " slot"]) -> bool:
    """Whether a schedule costs no more than the given one, and breaks nothing that it keeps."""
    before, after = violations(program, given), violations(program, made)
    worst = (
        (after.worst_power_kw, before.worst_power_kw),
        (after.worst_energy_kwh, before.worst_energy_kwh),
        (after.worst_node_kw, before.worst_node_kw),
    )
    paid, was = cost(program, made), cost(program, given)
    kept = all(new <= max(old, 0.5 * TOLERANCE) for new, old in worst)
    return kept and paid <= was + DEARER * max(1.0, abs(was))
