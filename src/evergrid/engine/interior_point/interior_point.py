"""Programs of any size, solved to many digits: a primal-dual interior-point method that knows them.

Every iteration solves the whole Newton system exactly, by elimination along the structure of the
program: tridiagonal systems per store, then dense ones per node up the tree. The work grows in
proportion to the number of stores, and the number of iterations hardly grows at all. Trees of
nodes that share nothing take their own steps and stop on their own; within a tree a store that
nothing blocks goes further than the whole tree can.

Source:
    S. Mehrotra (1992), On the implementation of a primal-dual interior point method, SIAM J.
    Optim. 2(4), doi 10.1137/0802028, for the predictor and corrector; the elimination and the
    steps are ours.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.tree import add_up, levels
from evergrid.engine.certificate import Certificate, Dual, certify, proven
from evergrid.engine.interior_point import barrier, store_state
from evergrid.engine.interior_point import flowgates as gate_barrier
from evergrid.engine.interior_point import store_kernels as columns
from evergrid.engine.interior_point.barrier import Rows
from evergrid.engine.interior_point.flowgates import GateTerm
from evergrid.engine.interior_point.node_barrier import NodeBarrier, Points
from evergrid.engine.interior_point.node_tree import NodeTree
from evergrid.engine.interior_point.store_kernels import STEP_SHARE, UNBLOCKED
from evergrid.engine.interior_point.store_state import Start, Stores
from evergrid.engine.interior_point.zones import AbstractZones, NoZones, Reach, Totals
from evergrid.engine.parts import part, roots
from evergrid.engine.program import Program, slot_costs
from evergrid.engine.progress import GapProgress, ignore_gap
from evergrid.engine.solution import Guess
from evergrid.engine.terms import flowgates

EXPORT_KW = 5e-7  # export limits may be exceeded by this once powers are cancelled
ENERGY_KWH = 1e-8  # energy may miss its balance by this; it is recomputed from powers at the end
FLOOR = 1e-8  # share of the first gap below which rounding takes over
DAMPING = 1e-5  # proximal curvature, as a share of the first products: bounds every answer
OWN_SHARE = 0.8  # weight of a store's own longest step against that of its tree
STALLED = 1e-7  # a step shorter than this, again and again, means there is no interior
WANTED_SHARE = 0.3  # of the gap asked for, which every tree is to reach
DIVERGED = 1e4  # multiple of the first gap beyond which there is no schedule to find
MOST_ITERATIONS = 100
REST_SHARE = 0.5  # of nodes still worked on, below which they go on in a smaller run
FEW_NODES = 64  # for so few it does not pay
RESUMED = ("own_price", "net", "mu", "gap", "scale", "wanted", "residual", "stalls")
MOST_BYTES = 16e9  # of squares of steps, beyond which the method is not begun
AT_ONCE = 128  # nodes whose squares are held at a time
REFINEMENTS = 3  # of the answer to flowgates, whose system is as exact as the tree
QUIET = np.errstate(all="ignore")  # what is lost comes to inf and NaN, by which it is known
MOST_POLISHED = 2  # iterations more where the certificate proves less than the method thinks


@dataclass(frozen=True)
class Iterate:
    """Where the method stopped.

    Attributes:
        power_kw: Power of each slot, the smaller of the two directions cancelled.
        dual: Prices that prove a bound.
        limit_price: What a node's own limits add to its parent's price, per kWh.
        solved: Whether each node's tree reached the tolerances.
        iterations: How many were made.
        history: Gap, and largest residual as a multiple of what is allowed, after each iteration.
        certificate: What is proven, where that was looked at.
    """

    power_kw: Float[Array, " slot"]
    dual: Dual
    limit_price: Float[Array, "node step"]
    solved: Bool[Array, " node"]
    iterations: int
    history: Float[Array, "iteration 2"]
    certificate: Certificate | None = None


def missing(program: Program, method: str = "interior_point") -> str:
    """What the program has that this form of the method does not cover; empty if it covers it."""
    for term in program.terms:
        if method not in term.methods:
            return term.name
    gates = flowgates.of(program)
    if gates is not None and len(gates) > gate_barrier.MOST_FLOWGATES:
        return f"{len(gates):,} flowgates"
    if (size := squares_bytes(program)) > MOST_BYTES:
        return f"sites and steps so many that one tree of them takes {size / 1e9:,.0f} GB of memory"
    return ""


def squares_bytes(program: Program) -> float:
    """Memory of the largest tree's nodes, each of which holds a square of its steps."""
    nodes = np.bincount(roots(program), minlength=program.nodes)
    return float(min(nodes.max(initial=0), AT_ONCE)) * 8.0 * float(program.steps) ** 2


def supports(program: Program) -> bool:
    """Whether the method solves the program as it is: nothing is missing, no meter is concave."""
    return not missing(program) and not (program.surcharge_per_kwh < 0).any()


def minimise(
    program: Program,
    *,
    gap: float,
    deadline: float,
    guess: Guess | None = None,
    progress: GapProgress = ignore_gap,
) -> Iterate:
    """Iterate until every tree's relative gap is below ``gap``, or the deadline.

    Args:
        program: What to solve; `supports` it.
        gap: Relative gap to reach.
        deadline: In seconds of ``time.perf_counter``.
        guess: Where to begin, from a plan for nearly the same program.
        progress: Called with the iteration reached and its gap, relative to the cost.
    """

    def iterated(piece: Program, begin: Guess | None) -> Iterate:
        run = Run(piece, gap, begin=begin)
        return pursue(run, piece, run.result, gap=gap, deadline=deadline, progress=progress)

    if guess is None:
        return iterated(program, None)
    good = proven(program, guess.power_kw, guess.dual, gap)
    if not good.any():
        return iterated(program, guess)
    made = _with_rest(program, guess, good, iterated)
    proof = certify(program, made.power_kw, made.dual)
    if proof.gap <= gap or time.perf_counter() > deadline or not made.solved.all():
        return replace(made, certificate=proof)
    return iterated(program, Guess(made.power_kw, made.dual, made.limit_price))


def _with_rest(
    program: Program,
    guess: Guess,
    good: Bool[Array, " node"],
    iterated: Callable[[Program, Guess], Iterate],
) -> Iterate:
    """The guess in the trees for which it is good, and what is iterated from it in the rest."""
    nodes = np.flatnonzero(~good)
    dual = guess.dual
    power, value = guess.power_kw.copy(), dual.energy_value.copy()
    price, of_budget = dual.power_price.copy(), dual.budget_price.copy()
    limit_price, solved = guess.limit_price.copy(), np.ones(program.nodes, bool)
    history, terms = np.zeros((0, 2)), dual.term_prices
    if len(nodes):
        rest = part(program, nodes)
        found = iterated(rest.program, guess.of(rest))
        power[rest.slots], value[rest.slots] = found.power_kw, found.dual.energy_value
        price[nodes], of_budget[nodes] = found.dual.power_price, found.dual.budget_price
        limit_price[nodes], solved[nodes] = found.limit_price, found.solved
        history, terms = found.history, found.dual.term_prices
    dual = Dual(value, price, of_budget, terms)
    return Iterate(power, dual, limit_price, solved, len(history), history)


def least_products(
    program: Program, guess: Guess, gap: float, centre: float, least_scale: float = 0.0
) -> Float[Array, " node"]:
    """Products of each node with which the gap of a guess would be about the one to be reached.

    Args:
        program: What to solve.
        guess: What is expected of its solution.
        gap: Relative gap to be reached.
        centre: Product to start from without a guess.
        least_scale: Least cost to which the gap is relative.
    """
    tree = roots(program)
    of_store, of_slot = tree[program.node], tree[program.node[program.store]]
    paid = slot_costs(program, guess.power_kw)
    cost, turnover = (np.bincount(of_slot, a, program.nodes) for a in (paid, np.abs(paid)))
    scale = np.maximum(np.abs(cost), 1e-3 * turnover)
    count = np.bincount(of_store, 5 * (program.stop - program.first), program.nodes)
    least = WANTED_SHARE * gap * np.maximum(scale, least_scale) / np.maximum(count, 1)
    return np.maximum(least, FLOOR * centre)[tree]


def pursue(
    run: "Run",
    program: Program,
    read: Callable[[], Iterate],
    *,
    gap: float,
    deadline: float,
    progress: GapProgress = ignore_gap,
) -> Iterate:
    """Iterate until what is read off proves the gap for the whole program, or the deadline."""
    last_gap, polished = np.inf, 0
    while True:
        run.until(deadline, progress)
        run.rest()
        made = read()
        proof = certify(program, made.power_kw, made.dual)
        over = polished == MOST_POLISHED or time.perf_counter() > deadline
        if over or proof.gap <= gap or proof.gap > 0.5 * last_gap:
            return replace(made, certificate=proof)
        last_gap, polished = proof.gap, polished + 1
        run.active = (run.solved & run.used)[run.tree]


class Run:
    """The state of the method: stores, the barrier of the nodes, and the tree between them."""

    def __init__(
        self,
        program: Program,
        gap: float,
        *,
        rows: Rows | None = None,
        begin: Start | Guess | None = None,
        zones: AbstractZones | None = None,
        outer: bool = False,
        unseen: Bool[Array, " slot"] | None = None,
        least_scale: float = 0.0,
    ) -> None:
        # Programs that hold capacity have a run of their own.
        assert all(isinstance(term, flowgates.FlowgateTerm) for term in program.terms)
        self.program, self.tolerance, self.least_scale = program, gap, least_scale
        self.zones = zones or NoZones(program.steps)
        self.tree = roots(program)
        self.zone_tree = self.tree[self.zones.above]
        start = begin if isinstance(begin, Start) else store_state.start(program)
        self.centre = start.centre
        self.stores = Stores(program, unseen)
        given = rows or barrier.rows(program)
        if isinstance(begin, Guess):
            least = least_products(program, begin, gap, self.centre, least_scale)
            self.stores.begin_from(begin, least)
            self.net = self._net(self.stores.net(), self.zones.net)
            self.barrier = NodeBarrier(given, self.net, self.centre)
            self.own_price = self._own(begin.dual.power_price)
            self.gates = GateTerm.begin(program, self.net, self.centre, begin.dual, least)
            of_budget = program.step_h * begin.dual.budget_price
            of_nodes = self.own_price if self.gates is None else self.own_price - self.gates.price()
            self.barrier.begin_from(of_nodes, of_budget, self.net, least)
        else:
            self.stores.begin(start)
            self.net = self._net(self.stores.net(), self.zones.net)
            self.barrier = NodeBarrier(given, self.net, self.centre)
            self.own_price = self.barrier.own_price()
            self.gates = GateTerm.begin(program, self.net, self.centre)
            if self.gates is not None:
                self.own_price += self.gates.price()
        self.price = self.own_price
        self.levels = levels(program.parent)
        self.outer, self.unseen = outer, unseen
        self.nodes = NodeTree(
            program.parent, program.steps, self.stores.chunk_node, self.barrier.rows, outer=outer
        )
        self._evaluate_nothing()
        self.coupled |= outer

    def _evaluate_nothing(self) -> None:
        p = self.program
        stores = self._by_tree(self.stores.count)
        np.add.at(stores, self.zone_tree, self.zones.count)
        self.count = stores + self._by_tree(self.barrier.count)
        if self.gates is not None:
            self.count[self.tree[0]] += self.gates.size
        self.used = (stores > 0) & (p.parent < 0)
        self.mu = np.full(p.nodes, self.centre)
        self.gap = np.full(p.nodes, np.inf)
        self.scale = np.full(p.nodes, np.inf)
        self.wanted = np.zeros(p.nodes)
        self.residual = np.full(p.nodes, np.inf)
        self.active = self.used[self.tree]
        self.coupled = (self._by_tree(self.barrier.count) > 0)[self.tree]
        self.coupled |= self.gates is not None
        self.stalls = np.zeros(p.nodes, np.int64)
        self.solved = np.zeros(p.nodes, bool)
        self.history: list[tuple[float, float]] = []
        self.elsewhere = (0.0, 0.0)  # gap and scale of trees that are done, while a rest is solved

    @property
    def iterations(self) -> int:
        """How many iterations were made."""
        return len(self.history)

    def _by_tree(self, of_node: Shaped[Array, " node"]) -> Float[Array, " node"]:
        """Sum over the nodes of each tree, at its root."""
        return np.bincount(self.tree, of_node, self.program.nodes)

    def _net(
        self, own: Float[Array, "node step"], of_zones: Float[Array, "zone step"]
    ) -> Float[Array, "node step"]:
        """Net power of each node from that of its own stores and of the zones below it."""
        np.add.at(own, self.zones.above, of_zones)
        return add_up(own, self.program.parent)

    def _own(self, price: Float[Array, "node step"]) -> Float[Array, "node step"]:
        """What each node adds to its parent's price."""
        own = price.copy()
        inner = self.program.parent >= 0
        own[inner] -= price[self.program.parent[inner]]
        return own

    def _down(
        self, own: Float[Array, "node step"], outside: Float[Array, " step"]
    ) -> Float[Array, "node step"]:
        """Prices of all nodes from what each adds to its parent's."""
        price = own.copy()
        for number, rows in enumerate(self.levels):
            price[rows] += price[self.program.parent[rows]] if number else outside
        return price

    def rest(self) -> None:
        """Give back the room to work in until it is needed again."""
        self.stores.rest()
        self.nodes.rest()

    # -- one iteration ----------------------------------------------------------------------

    def until(self, deadline: float, progress: GapProgress = ignore_gap) -> None:
        """Iterate until every tree is done or known to be lost, or the deadline."""
        while (
            self.active.any()
            and self.iterations < MOST_ITERATIONS
            and time.perf_counter() < deadline
        ):
            if self._mostly_done():
                self._solve_rest(deadline, progress)
                return
            self.iterate()
            progress(self.iterations, self.relative_gap())

    def _mostly_done(self) -> bool:
        """Whether so many trees are done that the rest is better solved by itself."""
        whole = not (self.outer or len(self.zones.above))
        nodes = self.program.nodes
        return whole and nodes > FEW_NODES and int(self.active.sum()) < REST_SHARE * nodes

    def _solve_rest(self, deadline: float, progress: GapProgress) -> None:
        """Go on with the trees that are not done in a run of their own, and take over its point."""
        nodes, inside = np.flatnonzero(self.active), self.active[self.stores.slot_node]
        piece = part(self.program, nodes)
        self.rest()
        rest = Run(
            piece.program,
            self.tolerance,
            rows=self.barrier.rows.of(nodes),
            begin=Start(self.centre, 0.0),
            unseen=None if self.unseen is None else self.unseen[piece.slots],
            least_scale=self.least_scale,
        )
        every = np.arange(len(nodes))
        rest.stores.point[:] = self.stores.point[:, inside]
        rest.barrier.put(every, self.barrier.part(nodes))
        for name in RESUMED:
            getattr(rest, name)[:] = getattr(self, name)[nodes]
        rest.history = self.history
        done = self.used & ~self.active
        gap, scale = self.elsewhere
        rest.elsewhere = (gap + self.gap[done].sum(), scale + self.scale[done].sum())
        rest.until(deadline, progress)
        self.stores.point[:, inside] = rest.stores.point
        self.barrier.put(nodes, rest.barrier.part(every))
        for name in (*RESUMED, "solved", "active"):
            getattr(self, name)[nodes] = getattr(rest, name)

    def iterate(self) -> None:
        """Factor, predict, correct, move."""
        outside = np.zeros(self.program.steps)
        self.factor(outside)
        self.ask(np.zeros(len(self.mu)))
        predicted = self.direct(outside, predict=True)
        self.ask(self.target(predicted))
        reach = self.direct(outside, predict=False).step()
        self.evaluate(self.move(reach), reach)

    @QUIET
    def factor(self, outside: Float[Array, " step"]) -> None:
        """Eliminate stores and nodes up the tree, at prices that begin with the outside's."""
        self.stores.ready()
        self.nodes.ready()
        self.price = self._down(self.own_price, outside)
        self.products = self.barrier.nothing
        self.barrier.prepare(self.net)
        damping = DAMPING * self.centre
        self.stores.factor(damping, self.coupled, self.nodes.answers, self.active)
        above = self.zones.above
        seen = self.zones.factor(self.price[above])
        self.nodes.factor(self.barrier, self.active, above, seen)
        if self.gates is not None and self.active.any():
            self.gates = self.gates.prepared(self.net, self.nodes, self.barrier, self.active)

    @QUIET
    def ask(self, target: Float[Array, " node"]) -> None:
        """What all would do at present prices, aiming at these products; at 0 to predict."""
        self.goal = target[self.tree]
        predict = not self.goal.any()
        self.push = self.own_price - self.barrier.aim(self.goal, self.products)
        if self.gates is not None:
            self.gates = self.gates.aimed(float(self.goal[0]), predict=predict)
            self.push -= self.gates.aimed_price()
        self.change = self.stores.respond(self.price, self.goal, self.active, predict=predict)
        np.add.at(self.change, self.zones.above, self.zones.ask(self.goal[self.zones.above]))
        self.answered = self.change.copy() if self.gates is not None else self.change
        self.nodes.up(self.barrier, self.push, self.change, self.active)

    @QUIET
    def direct(self, outside: Float[Array, " step"], *, predict: bool) -> Reach:
        """The step of everything, and how far it can be taken."""
        dprice = self.nodes.down(self.barrier, self.push, self.change, self.active, outside)
        for _ in range(0 if self.gates is None else REFINEMENTS):
            assert self.gates is not None
            # once more with what the flowgates answer to that, then with what rounding left of it
            missed = self.gates.missed(self.change)
            self.gates = self.gates.answering(missed, predict=predict)
            push = self.push - self.gates.answer_price()
            self.change = self.answered.copy()
            self.nodes.up(self.barrier, push, self.change, self.active)
            dprice = self.nodes.down(self.barrier, push, self.change, self.active, outside)
        self.dprice = self._own(dprice)
        self.dprice[self.program.parent < 0] -= outside
        self.stores.direct(dprice, self.goal, self.active, predict=predict)
        self.step = self.barrier.step(self.change, self.nodes.pooled())
        if predict:
            self.products = self.barrier.products(self.step, self.step)
        self.longest = self.barrier.longest(self.step)
        of_zones = self.zones.direct(dprice[self.zones.above], predict=predict)
        return self._reach(self.step, of_zones)

    def _reach(self, step: Points, of_zones: Reach) -> Reach:
        report, point = self.stores.report, self.barrier.point
        longest = np.full((2, self.program.nodes), UNBLOCKED)
        chunk_tree = self.tree[self.stores.chunk_node]
        elsewhere = (of_zones.primal, of_zones.dual)
        for i, column in enumerate((columns.PRIMAL, columns.DUAL)):
            np.minimum.at(longest[i], chunk_tree, report[:, column])
            np.minimum.at(longest[i], self.tree, self.longest[i])
            np.minimum.at(longest[i], self.zone_tree, elsewhere[i])
        gap = np.stack([self._reported(column) for column in columns.GAPS])
        for i, pair in enumerate(((point, point), (step, point), (point, step), (step, step))):
            gap[i] += self._by_tree(self.barrier.total(*pair))
            np.add.at(gap[i], self.zone_tree, of_zones.gap[i])
        if self.gates is not None:
            root = self.tree[0]
            longest[:, root] = np.minimum(longest[:, root], self.gates.longest())
            gap[:, root] += self.gates.gaps()
        return Reach(longest[0], longest[1], gap)

    @QUIET
    def target(self, predicted: Reach) -> Float[Array, " node"]:
        """Mehrotra's rule: centre less, the further the predicted step already goes."""
        primal, dual = np.minimum(predicted.primal, 1.0), np.minimum(predicted.dual, 1.0)
        gap, count = predicted.gap, np.maximum(self.count, 1)
        self.mu = gap[0] / count
        ahead = (gap[0] + primal * gap[1] + dual * gap[2] + primal * dual * gap[3]) / count
        share = np.maximum(ahead, 0.0) / np.maximum(self.mu, 1e-300)
        enough = 0.1 * self.wanted / count  # smaller only loses digits
        # unless more than the gap is asked for, and what is asked for is not a residual
        enough[(self.gap <= self.wanted) & (self.residual <= 1.0)] *= 0.1
        return np.maximum(np.clip(share**3, 1e-6, 1.0) * self.mu, enough)

    @QUIET
    def move(self, reach: Reach) -> Totals:
        """Take the step: every store and node as far as it can go itself, tempered."""
        common = (reach.primal[self.tree], reach.dual[self.tree])
        self.stores.move(self.goal, *common, OWN_SHARE, self.active)
        primal, dual = (
            np.where(self.active, tempered(longest, shared), 0.0)
            for longest, shared in zip(self.longest, common, strict=True)
        )
        if self.gates is not None:  # what they add to prices of many nodes moves with them
            dual = np.where(self.active, common[1], 0.0)
        self.own_price += dual[:, None] * self.dprice
        at = self.zone_tree
        step = Reach(reach.primal[at], reach.dual[at], reach.gap[:, at])
        powers, totals = self.zones.move(step)
        self.net = self._net(self.stores.net_reported(), powers.net)
        self.lift = self._net(self.stores.lift_reported(), powers.lift)
        self.barrier.move(self.step, primal, dual, self.net)
        if self.gates is not None and self.active.any():
            self.gates = self.gates.moved(common[0][0], common[1][0], self.net)
        return self._totals(totals)

    def _reported(self, column: int) -> Float[Array, " node"]:
        """Sum of what the chunks told, at each tree's root."""
        tree = self.tree[self.stores.chunk_node]
        report = np.bincount(tree, self.stores.report[:, column], self.program.nodes)
        return report.astype(float)  # without any chunk it counts in integers

    def _totals(self, of_zones: Totals) -> Totals:
        point, p = self.barrier.point, self.program
        exceeded = self.net + self.lift - p.net_high_kw
        exceeded = np.where(self.barrier.rows.held[1], exceeded, 0.0).max(axis=1)
        residual = self.barrier.residual(self.net)
        sums = Totals(
            gap=self._reported(columns.GAP) + self._by_tree(self.barrier.total(point, point)),
            residual=np.zeros(p.nodes),
            cost=self._reported(columns.COST) + self._by_tree(self.barrier.cost()),
            turnover=self._reported(columns.TURNOVER),
            over=np.zeros(p.nodes),
        )
        if self.gates is not None:
            root = self.tree[0]
            sums.gap[root] += self.gates.gaps()[0]
            residual[root] = max(residual[root], self.gates.residual(self.net))
            exceeded[root] = max(exceeded[root], self.gates.exceeded(self.net + self.lift))
        for name in ("gap", "cost", "turnover"):
            np.add.at(getattr(sums, name), self.zone_tree, getattr(of_zones, name))
        report = self.stores.report[:, columns.RESIDUAL] / ENERGY_KWH
        np.maximum.at(residual, self.stores.chunk_node, report)
        for name, worst in (("residual", residual), ("over", exceeded)):
            np.maximum.at(getattr(sums, name), self.tree, worst)
            np.maximum.at(getattr(sums, name), self.zone_tree, getattr(of_zones, name))
        return sums

    def evaluate(self, totals: Totals, reach: Reach) -> None:
        """Which trees are done, and which will never be."""
        self.gap, self.residual = totals.gap, totals.residual
        self.scale = np.maximum(np.abs(totals.cost), 1e-3 * totals.turnover)
        self.scale = np.maximum(self.scale, self.least_scale)
        least = FLOOR * self.centre * self.count
        self.wanted = np.maximum(WANTED_SHARE * self.tolerance * self.scale, least)
        done = (self.gap <= self.wanted) & (self.residual <= 1.0)
        # Where it pays to waste energy one direction never fits: it stops at the least gap.
        done &= (totals.over <= EXPORT_KW) | (self.gap <= 2 * least)
        taken = np.minimum(reach.primal, reach.dual)
        self.stalls = np.where(taken < STALLED, self.stalls + 1, 0)
        lost = ~(self.gap <= DIVERGED * self.centre * self.count)  # also where it is NaN
        stuck = (self.stalls >= 3) | lost
        self.solved |= self.active & done[self.tree]
        self.active &= ~(done | stuck)[self.tree]
        gap = self.elsewhere[0] + self.gap[self.used].sum()
        self.history.append((gap, self.residual[self.used].max(initial=0.0)))

    # -- reading ----------------------------------------------------------------------------

    def relative_gap(self) -> float:
        """The gap of all trees as a share of their cost."""
        gap, scale = self.elsewhere
        scale += self.scale[self.used].sum()
        return float((gap + self.gap[self.used].sum()) / max(scale, 1e-300))

    def result(self, outside: Float[Array, " step"] | None = None) -> Iterate:
        """The iterate in the order of the program; prices begin with the outside's."""
        answer = self.stores.answer()
        limits = self.barrier.steps.point.multiplier[:2].max(axis=0)
        shown = np.where(limits > 1e-6 * self.centre, limits, 0.0) / self.program.step_h
        nothing = np.zeros(self.program.steps)
        price = self._down(self.own_price, nothing if outside is None else outside)
        price, shown = np.nan_to_num(price), np.nan_to_num(shown)
        of_budget = np.nan_to_num(self.barrier.budget_price()) / self.program.step_h
        return Iterate(
            power_kw=answer.power_kw,
            dual=Dual(answer.energy_value, price, of_budget, self._term_prices()),
            limit_price=shown,
            solved=self.solved | ~self.used[self.tree],
            iterations=self.iterations,
            history=np.array(self.history).reshape(-1, 2),
        )

    def _term_prices(self) -> tuple[Float[Array, "..."], ...]:
        """What one more of each row of each term costs."""
        if self.gates is None:
            return tuple(np.zeros(len(rows)) for rows in self.program.term_rows)
        return (self.gates.term_price(),)


def tempered(longest: Array, common: Array) -> Array:
    """A step between what one node could take by itself and what all can take together."""
    return np.minimum(STEP_SHARE * longest, 1.0) ** OWN_SHARE * common ** (1.0 - OWN_SHARE)
