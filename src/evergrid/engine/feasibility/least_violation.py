"""What must give way before a program has a schedule at all, and the schedule that gives way least.

A limit or budget may be broken only where load alone breaks it, and by no more than that. Within it
least energy owed is left unserved, then least is broken. Money has no part in it, and no store
draws and feeds at once to make room.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import SolveError
from evergrid.core.status import Status
from evergrid.engine import search
from evergrid.engine.feasibility import relaxation
from evergrid.engine.highs import mixed_integer
from evergrid.engine.highs.linear_program import Least
from evergrid.engine.highs.model import TIE_TOLERANCE, Model
from evergrid.engine.parts import Part, pick, roots, rows_by, trees
from evergrid.engine.program import Program, cost, energy_path, net_power, over_budget
from evergrid.engine.solution import EXCESS_WEIGHT, Guess, Relaxation, failed
from evergrid.engine.terms.unpaid_feed import UnpaidFeed
from evergrid.engine.violations import TOLERANCE, violations

BATCH_SLOTS = 60_000  # of whole trees that one linear program holds
LARGE_SLOTS = 300_000  # of one tree, beyond which the interior point finds what gives way
DECIDING_S = 20.0  # time given to branch and bound in one tree
DECIDING_GAP = 1e-8  # relative, of kWh
COST_GAP = 1e-6  # relative, of what schedules cost that give way alike
CLOSINGS = 4  # rounds of closing directions in one large tree
ROOM = 1e-7  # kWh or kW by which what gives way is widened, for rounding


@dataclass(frozen=True)
class _Least:
    """What was found of one program.

    Attributes:
        power_kw: A schedule of it once it gives way.
        limiting: Whether a node's limit in a step is a cause.
        exhausted: Whether a node's budget is.
        proven: Whether nothing gives way less.
    """

    power_kw: Float[Array, " slot"]
    limiting: Bool[Array, "node step"]
    exhausted: Bool[Array, " node"]
    proven: bool


def find(
    program: Program,
    *,
    time_limit_s: float = 600.0,
    wanted: Bool[Array, " node"] | None = None,
    budget_weight: float = EXCESS_WEIGHT,
    unpaid: UnpaidFeed | None = None,
) -> Relaxation:
    """The least that must give way.

    Args:
        program: What has no schedule, or for which none was found.
        time_limit_s: For all of it.
        wanted: Trees to look at, by their nodes; all by default. The others give way nowhere, and
            their schedule is zeros.
        budget_weight: Of a kWh beyond a budget against one of shortfall.
        unpaid: What schedules that give way alike pay beside the program's costs, for what they
            feed beyond limits.

    Raises:
        SolveError: It was not found in the time allowed.
    """
    deadline = time.perf_counter() + time_limit_s
    made = failed(program, Status.FEASIBLE, 0.0).guess
    limiting = np.zeros((program.nodes, program.steps), bool)
    exhausted, proven = np.zeros(program.nodes, bool), True
    bound, root = np.full(program.nodes, -np.inf), roots(program)
    for batch in _batches(program, wanted, unpaid):
        found = _of_batch(batch.program, deadline, budget_weight)
        fee = None if unpaid is None else unpaid.part(batch.nodes, batch.stores)
        cheapest = _cheapest(batch.program, found, fee, deadline)
        made.put(batch, cheapest.guess)
        limiting[batch.nodes], exhausted[batch.nodes] = found.limiting, found.exhausted
        if fee is not None:
            bound[root[batch.nodes[0]]] = cheapest.bound
        proven &= found.proven and cheapest.sure
    looked_at = np.ones(program.nodes, bool) if wanted is None else wanted
    relaxed = _relaxation(program, made, limiting, exhausted, looked_at, proven=proven)
    return relaxed if unpaid is None else replace(relaxed, bound=bound)


def _relaxation(
    program: Program,
    made: Guess,
    limiting: Bool[Array, "node step"],
    exhausted: Bool[Array, " node"],
    looked_at: Bool[Array, " node"],
    *,
    proven: bool,
) -> Relaxation:
    """What a schedule breaks, as it is, and the program in which it does not."""
    net, energy = net_power(program, made.power_kw), energy_path(program, made.power_kw)
    held = energy[program.end]
    short = np.where(looked_at[program.node], program.energy_end_kwh - held, 0.0)
    low = np.where(looked_at[:, None], program.net_low_kw - net, 0.0)
    high = np.where(looked_at[:, None], net - program.net_high_kw, 0.0)
    beyond = np.where(looked_at, over_budget(program, net), 0.0)
    budget = program.budget_kwh
    # What is missed by rounding alone is not told, but gives way as well: the schedule must fit.
    widened = replace(
        program,
        energy_end_kwh=np.where(short > 0, held - ROOM, program.energy_end_kwh),
        net_low_kw=np.where(low > 0, net - ROOM, program.net_low_kw),
        net_high_kw=np.where(high > 0, net + ROOM, program.net_high_kw),
        budget_kwh=None if budget is None else budget + np.where(beyond > 0, beyond + ROOM, 0.0),
    )
    short, over, beyond = (
        np.where(amount > TOLERANCE, amount, 0.0)
        for amount in (short, np.maximum(low, high), beyond)
    )
    return Relaxation(widened, short, over, limiting, beyond, exhausted, made, proven)


def _batches(
    program: Program, wanted: Bool[Array, " node"] | None, unpaid: UnpaidFeed | None
) -> Iterator[Part]:
    """Whole trees in batches of modest size; a tree whose feed may go unpaid is one by itself."""
    root = roots(program)
    slots = np.bincount(root[program.node], program.stop - program.first, program.nodes)
    top = np.unique(root)
    top = top if wanted is None else top[wanted[top]]
    batch = np.full(program.nodes, -1)
    batch[top] = (np.cumsum(slots[top]) // BATCH_SLOTS).astype(np.int64)
    if unpaid is not None:
        alone = np.intersect1d(top, root[unpaid.node])
        batch[alone] = program.slots + np.arange(len(alone))  # beyond all other numbers
    numbers = np.unique(batch[top])
    of_node = batch[root]
    store_rows = rows_by(of_node[program.node], numbers)
    for nodes, stores in zip(rows_by(of_node, numbers), store_rows, strict=True):
        yield pick(program, nodes, stores)


def _of_batch(program: Program, deadline: float, budget_weight: float) -> _Least:
    """By HiGHS, and tree by tree once more where its answer cannot be followed."""
    if program.slots > LARGE_SLOTS:
        return _of_large(program, deadline, budget_weight)
    model = Model(program, elastic=True, budget_weight=budget_weight)
    _solved(model.run(_left_s(deadline)), deadline)
    power_kw, limiting, exhausted = model.power(), *_causes(model)
    unfollowed = _unfollowed(program, power_kw, _claimed(program, model), budget_weight)
    proven = True
    for nodes in trees(program):
        if not unfollowed[nodes].any():
            continue
        piece = pick(program, nodes, np.nonzero(np.isin(program.node, nodes))[0])
        found = _decided(piece.program, deadline, budget_weight)
        power_kw[piece.slots] = found.power_kw
        limiting[nodes], exhausted[nodes] = found.limiting, found.exhausted
        proven &= found.proven
    return _Least(power_kw, limiting, exhausted, proven)


@dataclass(frozen=True)
class _Cheapest:
    """A schedule among those that give way alike.

    Attributes:
        guess: Its powers, and the prices at it where it was priced.
        sure: Whether it surely costs least.
        bound: No such schedule costs less; -inf where none gives way, or it was not looked for.
    """

    guess: Guess
    sure: bool
    bound: float = -np.inf


def _cheapest(
    program: Program, found: _Least, unpaid: UnpaidFeed | None, deadline: float
) -> _Cheapest:
    """The schedule of least cost among those that give way no more.

    Who goes short, and where and when a limit is passed, is often open. In a very large program it
    stays as it was found.
    """
    best = replace(failed(program, Status.FEASIBLE, 0.0).guess, power_kw=found.power_kw)
    short, beyond = _given(program, found.power_kw)
    if max(short.max(initial=0.0), beyond.max(initial=0.0)) <= TOLERANCE:
        return _Cheapest(best, sure=True)
    if program.slots > LARGE_SLOTS:
        return _Cheapest(best, sure=False)
    terms = program.terms if unpaid is None else (*program.terms, unpaid)
    priced, least = replace(program, terms=terms), Least(short, beyond)
    model = Model(priced, elastic=True, least=least)
    bound = -np.inf
    if model.solve(_left_s(deadline), COST_GAP).good:
        bound = mixed_integer.lowered(program, float(model.arrays.cost @ model.values))
        if _gives_no_more(program, model.power(), least):
            best = _guess(program, model)
            if cost(priced, best.power_kw) <= bound + COST_GAP * max(1.0, abs(bound)):
                return _Cheapest(best, sure=True, bound=bound)
    if not mixed_integer.fits(priced):
        return _Cheapest(best, sure=False, bound=bound)
    model.add_flags()
    status, proven = model.decide(min(DECIDING_S, _left_s(deadline)), COST_GAP)
    if status is not Status.INFEASIBLE:  # a schedule is known
        bound = np.fmax(bound, mixed_integer.lowered(program, proven))
    solved = status.good and model.solve(_left_s(deadline), COST_GAP).good
    if solved and _gives_no_more(program, model.power(), least):
        return _Cheapest(_guess(program, model), sure=status is Status.OPTIMAL, bound=bound)
    return _Cheapest(best, sure=False, bound=bound)


def _guess(program: Program, model: Model) -> Guess:
    """The answer of a model with its prices, without those of terms that it has of its own."""
    dual = model.dual()
    dual = replace(dual, term_prices=dual.term_prices[: len(program.terms)])
    return Guess(model.power(), dual, model.limit_price())


def _given(
    program: Program, power_kw: Float[Array, " slot"]
) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
    """Energy short, and energy beyond limits and budgets, of each tree at its root."""
    root = roots(program)
    net, energy = net_power(program, power_kw), energy_path(program, power_kw)
    short = np.maximum(program.energy_end_kwh - energy[program.end], 0.0)
    over = np.maximum(np.maximum(program.net_low_kw - net, net - program.net_high_kw), 0.0).sum(
        axis=1
    )
    beyond = program.step_h * over + np.maximum(over_budget(program, net), 0.0)
    nodes = program.nodes
    return np.bincount(root[program.node], short, nodes), np.bincount(root, beyond, nodes)


def _gives_no_more(program: Program, power_kw: Float[Array, " slot"], least: Least) -> bool:
    """Whether a schedule keeps what is firm, and gives way no more than it must."""
    if (violations(_firm(program), power_kw).by_tree(program) > TOLERANCE).any():
        return False
    short, beyond = _given(program, power_kw)
    room = TOLERANCE * (program.steps + program.stores)
    return bool(
        (short <= least.short_kwh + room).all() and (beyond <= least.beyond_kwh + room).all()
    )


def _firm(program: Program) -> Program:
    """The program with what may not give way alone: limits as far as load alone breaks them."""
    low, high = program.firm_range_kw
    return replace(
        program,
        net_low_kw=low,
        net_high_kw=high,
        energy_end_kwh=program.energy_low_kwh,
        budget_kwh=None,
    )


def _causes(model: Model) -> tuple[Bool[Array, "node step"], Bool[Array, " node"]]:
    """Limits and budgets that cost service."""
    return model.limit_price() > 0, model.dual().budget_price > TIE_TOLERANCE


def _claimed(program: Program, model: Model) -> Float[Array, " node"]:
    """What gives way in each tree by the linear program's own account, weighted, at the roots."""
    short, excess, overdraft = model.slack()
    return _weighted(program, short, excess.sum(axis=1), model.budget_weight * overdraft)


def _weighted(
    program: Program,
    short_kwh: Float[Array, " store"],
    excess_kw: Float[Array, " node"],
    weighted_overdraft: Float[Array, " node"],
) -> Float[Array, " node"]:
    root = roots(program)
    beyond = EXCESS_WEIGHT * program.step_h * excess_kw + weighted_overdraft
    total = np.bincount(root[program.node], short_kwh, program.nodes)
    return total + np.bincount(root, beyond, program.nodes)


def _unfollowed(
    program: Program,
    power_kw: Float[Array, " slot"],
    claimed: Float[Array, " node"],
    budget_weight: float,
) -> Bool[Array, " node"]:
    """Trees whose schedule breaks more than the linear program claims.

    There stores draw and feed at once, or leave a reserve: what that cancels to is something else.
    """
    broken = violations(_firm(program), power_kw).by_tree(program) > TOLERANCE
    net, energy = net_power(program, power_kw), energy_path(program, power_kw)
    short = np.maximum(program.energy_end_kwh - energy[program.end], 0.0)
    over = np.maximum(np.maximum(program.net_low_kw - net, net - program.net_high_kw), 0.0)
    beyond = np.maximum(over_budget(program, net), 0.0)
    more = _weighted(program, short, over.sum(axis=1), budget_weight * beyond) - claimed
    root = roots(program)
    return broken | (more > EXCESS_WEIGHT * TOLERANCE * program.steps)[root]


def _decided(program: Program, deadline: float, budget_weight: float) -> _Least:
    """One tree with its decisions as whole numbers, or closed as its own answer has them."""
    if mixed_integer.fits(program):
        model = Model(program, elastic=True, budget_weight=budget_weight)
        model.add_flags()
        status, _ = model.decide(min(DECIDING_S, _left_s(deadline)), DECIDING_GAP)
        if status.good and model.run(_left_s(deadline)).good:
            return _Least(model.power(), *_causes(model), proven=status is Status.OPTIMAL)
    held = _without_reserves(program)
    model = Model(held, elastic=True, budget_weight=budget_weight)
    _solved(model.run(_left_s(deadline)), deadline)
    while (both := model.both_directions()).any():
        model.follow_energy(both)  # to rest is always possible, so this ends
        _solved(model.run(_left_s(deadline)), deadline)
    return _Least(model.power(), *_causes(model), proven=False)


def _without_reserves(program: Program) -> Program:
    """The program in which stores that begin below a reserve do not feed at all."""
    if not len(program.reserved):
        return program
    below = np.isin(program.store, program.reserved)
    closed = below if program.closed_feed is None else program.closed_feed | below
    return replace(program, closed_feed=closed)


def _of_large(program: Program, deadline: float, budget_weight: float) -> _Least:
    """By the interior point; directions are closed as its answer has them, until it can be kept."""
    held = _without_reserves(program)
    made = relaxation.relax(held, deadline=deadline, budget_weight=budget_weight)
    for _ in range(CLOSINGS):
        claimed = np.full(program.nodes, np.inf)
        if (
            made.solved.all()
            and not _unfollowed(program, made.power_kw, claimed, budget_weight).any()
        ):
            break
        held = search.closed(held, made.power_kw)
        made = relaxation.relax(held, deadline=deadline, budget_weight=budget_weight)
    if not made.solved.all():
        raise SolveError(Status.TIME_LIMIT if time.perf_counter() >= deadline else Status.NUMERICAL)
    whole = held is program
    return _Least(made.power_kw, made.limiting, made.exhausted, proven=whole)


def _solved(status: Status, deadline: float) -> None:
    if not status.good:
        late = time.perf_counter() >= deadline
        raise SolveError(Status.TIME_LIMIT if late else Status.NUMERICAL)


def _left_s(deadline: float) -> float:
    return max(deadline - time.perf_counter(), 0.01)
