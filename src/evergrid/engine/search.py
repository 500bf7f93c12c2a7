"""From the answer of a convex program to a schedule: which direction, which side, when a reserve.

A convex program lets a store draw and feed at once, a meter lie between drawing and feeding, and a
store leave its reserve. Where its answer does so, or is not proven good, decisions are searched
tree by tree: by branch and bound in small trees, by closing what the answer itself leaves in
large ones.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.status import Status
from evergrid.engine.certificate import Dual, tree_bounds, tree_costs
from evergrid.engine.highs import mixed_integer
from evergrid.engine.parts import Part, part, roots
from evergrid.engine.program import Program, cost, energy_path, net_power
from evergrid.engine.violations import TOLERANCE, violations

IMPROVING_S = 10.0  # time given to better decisions where a schedule is known
FINDING_S = 60.0  # time given to one tree in which no schedule is known
# Of that time for branch and bound where terms make nearly every slot a decision; where it finds
# nothing, closing what the answer leaves often does.
DECIDING_SHARE = 0.7
MOST_ROUNDS = 12  # of closing directions and choosing sides

Convex = Callable[[Program, float], Float[Array, " slot"] | None]


@dataclass(frozen=True)
class SearchResult:
    """What the search came to.

    Attributes:
        status: Feasible where every tree has a schedule; infeasible where one is known to have
            none; otherwise the time was over.
        power_kw: The schedule.
        bound: What branch and bound proved of each tree's cost, at its root; None where it was not
            used.
        searched: Whether any tree was searched.
    """

    status: Status
    power_kw: Float[Array, " slot"]
    bound: Float[Array, " node"] | None
    searched: bool


def search(
    program: Program,
    power_kw: Float[Array, " slot"],
    dual: Dual,
    *,
    convex: Convex,
    gap: float,
    improve: bool,
    deadline: float,
    fallback: Float[Array, " slot"] | None = None,
    wasting: Bool[Array, " slot"] | None = None,
    improvable: Bool[Array, " node"] | bool = True,
) -> SearchResult:
    """A schedule that keeps every rule, from the answer of the convex program.

    Args:
        program: What to solve.
        power_kw: The convex answer, one direction cancelled.
        dual: Its prices.
        convex: Solves a program in which decisions are made, until a deadline; None where it has
            no schedule, or none was found.
        gap: Relative gap that is good enough.
        improve: Whether to search trees whose schedule is not proven good.
        deadline: In seconds of ``time.perf_counter``.
        fallback: A schedule that keeps every limit, where one is known.
        wasting: Slots that draw and feed at once in the convex answer; where this is None, all in
            which that could pay.
        improvable: Nodes whose trees may be searched for a better schedule than a good one.
    """
    wasting = program.simultaneous if wasting is None else wasting
    violated, poor = _open_trees(program, power_kw, dual, gap, wasting)
    wanted = violated | (poor & improvable if improve else False)
    if not wanted.any():
        return SearchResult(Status.FEASIBLE, power_kw, None, searched=False)
    power, bound = power_kw.copy(), np.full(program.nodes, -np.inf)
    statuses = [Status.FEASIBLE]
    improved_by = min(deadline, time.perf_counter() + IMPROVING_S)
    for root in _by_need(program, power, dual, violated, wanted):
        piece = _tree(program, int(root))
        known = None if fallback is None else fallback[piece.slots]
        known = known if violated[root] else power[piece.slots]
        until = min(deadline, time.perf_counter() + FINDING_S) if violated[root] else improved_by
        status, found, proven = _tree_schedule(
            piece.program, power[piece.slots], known, convex=convex, gap=gap, deadline=until
        )
        statuses.append(status)
        power[piece.slots], bound[root] = found, proven
    bad = [status for status in statuses if not status.good]
    return SearchResult(bad[0] if bad else Status.FEASIBLE, power, bound, searched=True)


def _open_trees(
    program: Program,
    power_kw: Float[Array, " slot"],
    dual: Dual,
    gap: float,
    wasting: Bool[Array, " slot"],
) -> tuple[Bool[Array, " node"], Bool[Array, " node"]]:
    """Trees, at their roots, that break a rule, and those that are not proven good but could be."""
    is_root = roots(program) == np.arange(program.nodes)
    violated = violations(program, power_kw).by_tree(program) > TOLERANCE
    undecided = has_decisions(program, wasting)
    paid, least = tree_costs(program, power_kw), tree_bounds(program, dual)
    missed = paid - least > 0.3 * gap * np.maximum(np.abs(paid), 1e-9)
    return violated & is_root, undecided & (missed | program.tied) & is_root


def has_decisions(program: Program, wasting: Bool[Array, " slot"]) -> Bool[Array, " node"]:
    """Which trees have any, at their roots; slots count that waste energy, or could."""
    root, found = roots(program), np.zeros(program.nodes, bool)
    found[root[program.node[program.store[wasting]]]] = True
    found[root[program.concave.any(axis=1)]] = True
    found[root[program.node[program.reserved]]] = True
    return found


def _by_need(
    program: Program,
    power_kw: Float[Array, " slot"],
    dual: Dual,
    violated: Bool[Array, " node"],
    wanted: Bool[Array, " node"],
) -> Array:
    """Roots of the trees to search: those without a schedule first, then what costs most."""
    over = tree_costs(program, power_kw) - tree_bounds(program, dual)
    rows = np.nonzero(wanted)[0]
    return rows[np.lexsort((-over[rows], ~violated[rows]))]


def _tree(program: Program, root: int) -> Part:
    """The tree below a root."""
    return part(program, np.nonzero(roots(program) == root)[0])


def _tree_schedule(
    program: Program,
    answer: Float[Array, " slot"],
    known: Float[Array, " slot"] | None,
    *,
    convex: Convex,
    gap: float,
    deadline: float,
) -> tuple[Status, Float[Array, " slot"], float]:
    """The best schedule of one tree found in time, and what is proven about its cost."""
    bound, status = -np.inf, Status.TIME_LIMIT
    candidates = [] if known is None else [known]
    if mixed_integer.fits(program):
        left_s = max(deadline - time.perf_counter(), 0.0)
        if program.terms:
            left_s *= DECIDING_SHARE
        if left_s > 0:
            decided = mixed_integer.solve(program, gap=gap, time_limit_s=left_s)
            bound = decided.bound if np.isfinite(decided.bound) else -np.inf
            status = decided.status
            if status.good:
                candidates.append(decided.power_kw)
    if not status.good and status is not Status.INFEASIBLE:
        made = close(program, answer, convex=convex, deadline=deadline)
        candidates += [] if made is None else [made]
    kept = [c for c in candidates if violations(program, c).by_tree(program).max() <= TOLERANCE]
    if kept:
        return Status.FEASIBLE, min(kept, key=lambda c: cost(program, c)), bound
    return (Status.TIME_LIMIT if status.good else status), answer, bound


def close(
    program: Program, answer: Float[Array, " slot"], *, convex: Convex, deadline: float
) -> Float[Array, " slot"] | None:
    """A schedule by closing directions, choosing sides and holding reserves as an answer has them.

    Each round closes, in the slots where wasting energy could pay, the direction in which the
    answer does not go, until the answer keeps every rule. Sides of meters are chosen anew until
    the cost falls no more. It need not be the best, and none need be found where one exists.
    """
    held = _with_reserves(program, answer)
    sided = linearised(held, _draws(program, answer))
    best, least = None, np.inf
    for _ in range(MOST_ROUNDS):
        made = convex(sided, deadline)
        if made is None:
            break
        if violations(program, made).by_tree(program).max() <= TOLERANCE:
            paid = cost(program, made)
            if paid > least - 1e-9 * max(1.0, abs(least)):
                break
            best, least = made, paid
            if not program.concave.any():
                break
        held = closed(held, made)
        sided = linearised(held, _draws(program, made))
    return best


def closed(program: Program, answer: Float[Array, " slot"]) -> Program:
    """The program with a direction closed wherever both are open and wasting could pay."""
    tiny = 1e-9
    open_slots, zero = program.simultaneous, np.abs(answer) <= tiny
    none = np.zeros(program.slots, bool)
    draw, feed = (none if c is None else c for c in (program.closed_draw, program.closed_feed))
    decided = open_slots & ~zero
    if not decided.any():  # the last ones open stand still: they may draw
        return replace(program, closed_feed=feed | open_slots)
    return replace(
        program,
        closed_draw=draw | (decided & (answer > 0)),
        closed_feed=feed | (decided & (answer < 0)),
    )


def _with_reserves(program: Program, answer: Float[Array, " slot"]) -> Program:
    """The program where each reserve is held from the slot in which the answer reaches it."""
    if not len(program.reserved):
        return program
    assert program.reserve_kwh is not None
    energy = energy_path(program, answer)
    none = np.zeros(program.slots, bool)
    no_feed = none.copy() if program.closed_feed is None else program.closed_feed.copy()
    floor = np.full(program.slots, -np.inf)
    for store in program.reserved:
        begin, stop = program.begin[store], program.end[store] + 1
        reserve = program.reserve_kwh[store]
        reached = np.nonzero(energy[begin:stop] >= reserve - 1e-9)[0]
        first = begin + reached[0] if len(reached) else stop
        no_feed[begin : min(first + 1, stop)] = True
        floor[first:stop] = reserve
    return replace(program, closed_feed=no_feed, floor_kwh=floor)


def _draws(program: Program, answer: Float[Array, " slot"]) -> Bool[Array, "node step"]:
    """Whether each node draws from above."""
    return program.load_kw - net_power(program, answer) > 0


def linearised(program: Program, draws: Bool[Array, "node step"] | None = None) -> Program:
    """The program with a line in the place of each surcharge below 0, and reserves left out.

    With sides given, the line is exact on the side where a node is, and above the cost on the
    other. Without, it is the chord over all that the node could draw, and below the cost.
    """
    if program.convex:
        return program
    cells = program.surcharge_per_kwh < 0
    low, high = program.drawn_range_kw
    if draws is None:
        width = np.where(program.concave, high - low, 1.0)
        slope = np.where(program.concave, high / width, (low >= 0).astype(float))
        offset = np.where(program.concave, slope * low, 0.0)
    else:
        slope, offset = np.where(draws, 1.0, 0.0), np.zeros(cells.shape)
    price = np.where(cells, program.surcharge_per_kwh * slope, 0.0)
    shift = tree.add_down(price, program.parent)[program.node[program.store], program.step]
    paid = np.where(cells, price * program.load_kw - program.surcharge_per_kwh * offset, 0.0).sum()
    return replace(
        program,
        draw_price_per_kwh=program.draw_price_per_kwh + shift,
        feed_price_per_kwh=program.feed_price_per_kwh + shift,
        surcharge_per_kwh=np.maximum(program.surcharge_per_kwh, 0.0),
        constant=program.constant + program.step_h * float(paid),
        reserve_kwh=None,
    )
