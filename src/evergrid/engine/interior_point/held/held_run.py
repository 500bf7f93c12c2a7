"""The interior point for programs that hold capacity: every tree at once, tied by awards.

A Newton step is eliminated in three layers, each of which sees two kinds of prices by step: of net
power, and of what is held of each award.

1. Stores (`slot_kernels`). In each slot the shares drawn, fed and held are eliminated; what is left
   is a control problem with one state, the energy. A store's answer to all prices is a matrix,
   formed without a solve.
2. Nodes (`node_kernels`), up their trees: limits with all called count net power and what is held.
3. Awards (`awards`): all trees together answer the prices of awards, and one dense system makes
   what is held the same in each step of a block.

What could not be held at all, for want of power, energy or of anybody in a step of the block, is
left out (`layout`), since it would leave no room inside; `row_prices` finds its prices afterwards.
What is read off is made to fit every limit (`readout`), so that the last digits of what ties the
stores need not be iterated for.
"""

import time
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.tree import add_up
from evergrid.engine.certificate import Certificate, certify
from evergrid.engine.interior_point import barrier, store_state
from evergrid.engine.interior_point import store_kernels as columns
from evergrid.engine.interior_point.barrier import Barrier, Rows
from evergrid.engine.interior_point.held import (
    layout,
    readout,
    row_prices,
    slot_kernels,
    slot_rows,
    threads,
)
from evergrid.engine.interior_point.held.awards import Awards
from evergrid.engine.interior_point.held.layout import Layout
from evergrid.engine.interior_point.held.node_tree import CallTree
from evergrid.engine.interior_point.held.records import HeldPoint, HeldSums
from evergrid.engine.interior_point.interior_point import (
    DAMPING,
    EXPORT_KW,
    FLOOR,
    MOST_ITERATIONS,
    STALLED,
    WANTED_SHARE,
    Iterate,
    tempered,
)
from evergrid.engine.interior_point.store_kernels import STEP_SHARE
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap

DIVERGED = 1e8  # multiple of the first gap beyond which there is no schedule to find
BALANCE_KWH = 1e-7  # that energy may miss its balance by; it is recomputed from powers at the end
OWN_SHARE = 0.8  # weight of a store's own longest step against that of all
OFFSET_SHARE = 1.0  # of the gap to reach, that making all held fit may cost; it is proven anew
TYPICAL_SHARE = 0.5  # weight of the step that stores can take against that of all together
LESS = 0.3  # of the gap is asked for where the certificate proves less than the method thinks
MOST_IN_VAIN = 3  # times in a row that this proves little more


def minimise(
    program: Program, *, gap: float, deadline: float, progress: GapProgress = ignore_gap
) -> Iterate:
    """Iterate until the certificate proves the gap, or the deadline.

    Args:
        program: What to solve; `layout.missing` has nothing to say of it.
        gap: Relative gap to reach.
        deadline: In seconds of ``time.perf_counter``.
        progress: Called with the iteration reached and its gap, relative to the cost.
    """
    run = HeldRun(program, gap)
    best, least, vain = None, np.inf, 0
    while True:
        run.until(deadline, progress)
        made, proof = run.result()
        reached = proof.gap if proof.keeps_limits else np.inf
        if best is None or reached < least:
            best = made
        vain = 0 if reached < 0.5 * least else vain + 1
        least = min(least, reached)
        over = not run.solved or time.perf_counter() > deadline
        if over or least <= gap or vain == MOST_IN_VAIN:
            return best
        run.ask_for_less()


class HeldRun:
    """The state of the method: stores, nodes with their rows, and awards.

    Rows of nodes are of several kinds: of net power alone, and with each set of awards that could
    be called together. Kinds lie one after the other along the axis of nodes of a barrier.
    """

    def __init__(self, program: Program, gap: float) -> None:
        self.program, self.tolerance = program, gap
        made = self.layout = layout.made(program)
        start = store_state.start(layout.without_holders(program, made.term))
        self.centre = start.centre
        self.chunks = len(made.kernels.chunks)
        self._make_room(made)
        place = (made.sets, made.kernels, self.point)
        threads.each(
            slot_rows.begin_straight, self.chunks, *place, start.centre, start.worth, program.step_h
        )
        # Stores begin on a straight line of energy, all else where that leaves it: slacks are what
        # is left of limits, multipliers the centre over them.
        self.parts, rows = _rows(program, made)
        self.held = self._sums()
        self.barrier = Barrier(rows, self._counted(self.held), self.centre)
        self.row_price = self.barrier.own_price()
        self.awards = Awards(
            made.block, made.least_kw, made.most_kw, self._of_awards(), self.centre
        )
        self.tree = CallTree(program.parent, made.kernels.chunks[:, 2], self.parts, program.steps)
        rows_per_slot = slot_rows.count_rows(made.sets)
        self.count = len(made.source) * rows_per_slot + self.barrier.count.sum() + self.awards.count
        self.mu = self.centre
        self.share = WANTED_SHARE
        self.gap = self.residual = self.scale = np.inf
        self.stalls = 0
        self.solved, self.lost = False, not made.possible
        self.history: list[tuple[float, float]] = []

    def _make_room(self, made: Layout) -> None:
        """Arrays of the iterate."""
        slots, stores = len(made.source), len(made.store)
        awards, chunks = made.term.awards, len(made.kernels.chunks)
        rows, shares = slot_rows.count_rows(made.sets), 2 + awards
        size = shares * (shares + 1) // 2 + 2 * shares + 4
        widths = (rows, rows, rows, shares, 0, 0, size, shares, 0, 0, shares, 0)
        self.point = HeldPoint._make(np.zeros((slots, n) if n else slots) for n in widths)
        self.sums = HeldSums(
            nets=np.zeros((chunks, 1 + awards, self.program.steps)),
            lifts=np.zeros((chunks, self.program.steps)),
            report=np.zeros((chunks, 9)),
            reach=np.zeros((stores, 2)),
        )

    # -- sums ---------------------------------------------------------------------------------

    def _sums(self) -> Float[Array, "node out step"]:
        """Net power and what is held of each award, below each node, at present."""
        made, p = self.layout, self.program
        share, kernels = self.point.share, made.kernels
        draw, feed = kernels.of_slot[:, slot_rows.DRAW], kernels.of_slot[:, slot_rows.FEED]
        awards = made.term.awards
        kw = [feed * share[:, 1] - draw * share[:, 0]]
        kw += [(draw + feed) * made.alive[a] * share[:, 2 + a] for a in range(awards)]
        cell, size = made.of_node * p.steps + made.step, p.nodes * p.steps
        own = [np.bincount(cell, one, size).reshape(p.nodes, -1) for one in kw]
        return np.stack([add_up(one, p.parent) for one in own], axis=1)

    def _by_node(self, of_chunk: Float[Array, "chunk out step"]) -> Float[Array, "node out step"]:
        total = np.zeros((self.program.nodes, *of_chunk.shape[1:]))
        np.add.at(total, self.layout.kernels.chunks[:, 2], of_chunk)
        return total

    def _counted(self, sums: Float[Array, "node out step"]) -> Float[Array, "row step"]:
        """What each row counts of these sums, kind by kind."""
        return np.einsum("kq,gqs->kgs", self.parts, sums).reshape(-1, sums.shape[2])

    def _by_kind(self, of_rows: Float[Array, "row step"]) -> Float[Array, "kind node step"]:
        return of_rows.reshape(len(self.parts), self.program.nodes, -1)

    def prices(self) -> Float[Array, "node out step"]:
        """Prices of net power and of awards at each node."""
        own = np.einsum("kq,kgs->gqs", self.parts, self._by_kind(self.row_price))
        price = own
        for number, nodes in enumerate(self.tree.levels):
            if number:
                price[nodes] += price[self.program.parent[nodes]]
            else:
                price[nodes, 1:] += self.awards.price
        return price

    # -- one iteration ------------------------------------------------------------------------

    def until(self, deadline: float, progress: GapProgress = ignore_gap) -> None:
        """Iterate until the gap is closed, all is lost, or the deadline."""
        most = len(self.history) + MOST_ITERATIONS
        while not (self.solved or self.lost):
            if len(self.history) >= most or time.perf_counter() > deadline:
                return
            with np.errstate(all="ignore"):
                self.iterate()
            progress(len(self.history), self.gap / max(self.scale, 1e-300))

    def ask_for_less(self) -> None:
        """Go on to a part of the gap."""
        self.share *= LESS
        self.solved = False

    def iterate(self) -> None:
        """Factor, predict, correct, move."""
        price = self._factor()
        predicted = self._direct(price, 0.0, self.barrier.nothing)
        goal = self._target(self._gap_ahead(predicted.step), predicted.primal, predicted.dual)
        products = predicted.step.pairs(predicted.step)
        self._move(goal, self._direct(price, goal, products))

    def _factor(self) -> Float[Array, "node out step"]:
        """Eliminate stores and nodes up to the awards, at the prices that come back."""
        made, damping = self.layout, DAMPING * self.centre
        self.barrier.prepare(self._counted(self.held))
        place = (made.sets, made.kernels, self.point, damping, self.program.step_h)
        threads.each(slot_kernels.factor, self.chunks, *place, self.tree.answers)
        stiff, shift = (self._by_kind(one) for one in (self.barrier.stiff, self.barrier.shift))
        self.answer = self.tree.factor(stiff, shift)
        self.point.product[:] = 0.0
        self.awards.products[:] = 0.0
        return self.prices()

    def _direct(
        self,
        price: Float[Array, "node out step"],
        goal: float,
        products: tuple[Array, Array, Array],
    ) -> "_Direction":
        """The step of everything that aims at these products, and how far it can be taken."""
        made, steps, sums = self.layout, self.program.steps, self.sums
        place, step_h = (made.sets, made.kernels, self.point), self.program.step_h
        threads.each(slot_kernels.respond, self.chunks, *place, price, goal, step_h, sums)
        change = self._by_node(self.sums.nets)
        goals = np.full(len(self.barrier.count), goal)
        push = self._by_kind(self.row_price - self.barrier.aim(goals, products))
        ahead = self.tree.up(push, change)[1:] + self._of_awards()
        outside = np.zeros((1 + made.term.awards, steps))
        outside[1:] = self.awards.solve(self.answer, ahead, goal)
        dprice, answered = self.tree.down(push, change, outside)
        threads.each(
            slot_kernels.direction,
            self.chunks,
            *place,
            dprice,
            goal,
            self.program.step_h,
            self.sums,
        )
        step = self.barrier.step(answered.counted.reshape(-1, steps))
        longest = self.barrier.longest(step)
        primal, dual = self._reach(longest)
        return _Direction(step, answered.price.reshape(-1, steps), longest, primal, dual)

    def _of_awards(self) -> Float[Array, "award step"]:
        """What is held of each award by all."""
        return self.held[self.program.parent < 0].sum(axis=0)[1:]

    def _reach(self, longest: tuple[Array, Array]) -> tuple[float, float]:
        """The longest step that all can take."""
        report = self.sums.report
        of_awards = self.awards.longest()
        return tuple(
            min(float(report[:, column].min()), float(of_nodes.min()), award)
            for column, of_nodes, award in zip(
                (columns.PRIMAL, columns.DUAL), longest, of_awards, strict=True
            )
        )  # type: ignore[return-value]

    def _gap_ahead(self, step: barrier.Point) -> Float[Array, " 4"]:
        """Sum of the products, and its change with the primal step, the dual step and both."""
        report, point = self.sums.report, self.barrier.point
        gap = report[:, columns.GAPS].sum(axis=0) + self.awards.gaps()
        for i, pair in enumerate(((point, point), (step, point), (point, step), (step, step))):
            gap[i] += self.barrier.total(*pair).sum()
        return gap

    def _target(self, gap: Float[Array, " 4"], primal: float, dual: float) -> float:
        """Mehrotra's rule: centre less, the further the predicted step already goes."""
        primal, dual = min(primal, 1.0), min(dual, 1.0)
        # a few stores that are blocked do not tell how far all could go
        typical = np.minimum(self.sums.reach, 1.0).mean(axis=0)
        primal, dual = (
            one**TYPICAL_SHARE * few ** (1.0 - TYPICAL_SHARE)
            for one, few in zip(typical.tolist(), (primal, dual), strict=True)
        )
        self.mu = gap[0] / self.count
        ahead = (gap[0] + primal * gap[1] + dual * gap[2] + primal * dual * gap[3]) / self.count
        share = max(ahead, 0.0) / max(self.mu, 1e-300)
        enough = 0.1 * self.wanted() / self.count if self.history else 0.0
        if self.gap <= self.wanted() and self.residual <= 1.0:
            enough *= 0.1
        return max(min(max(share**3, 1e-6), 1.0) * self.mu, enough)

    def wanted(self) -> float:
        """The gap to reach."""
        least = FLOOR * self.centre * self.count
        if not self.history:
            return least
        return max(self.share * self.tolerance * self.scale, least)

    def _move(self, goal: float, by: "_Direction") -> None:
        """Take the step: every store and node as far as it can go itself, tempered."""
        made = self.layout
        common = (min(STEP_SHARE * by.primal, 1.0), min(STEP_SHARE * by.dual, 1.0))
        place = (made.sets, made.kernels, self.point)
        how = (goal, common, OWN_SHARE, self.program.step_h, self.sums)
        threads.each(slot_kernels.move, self.chunks, *place, *how)
        of_primal, of_dual = (
            tempered(one, np.full(len(one), shared))
            for one, shared in zip(by.longest, common, strict=True)
        )
        typical = [
            float(tempered(reach, np.full(len(reach), shared)).mean())
            for reach, shared in zip(self.sums.reach.T, common, strict=True)
        ]
        self.row_price = self.row_price + of_dual[:, None] * by.dprice
        self.awards.move(typical[0], typical[1], common)
        sums = self._by_node(self.sums.nets)
        self.held = np.stack(
            [add_up(sums[:, q].copy(), self.program.parent) for q in range(sums.shape[1])], axis=1
        )
        counted = self._counted(self.held)
        self.barrier.move(by.step, of_primal, of_dual, counted)
        self._evaluate(counted, min(common))

    def _evaluate(self, counted: Float[Array, "row step"], taken: float) -> None:
        """Whether it is done, or will never be."""
        report, point = self.sums.report, self.barrier.point
        self.gap = float(report[:, columns.GAP].sum() + self.barrier.total(point, point).sum())
        self.gap += self.awards.gap()
        cost = float(report[:, columns.COST].sum() + self.barrier.cost().sum())
        self.scale = max(abs(cost), 1e-3 * float(report[:, columns.TURNOVER].sum()))
        self.residual = max(
            float(report[:, columns.RESIDUAL].max()) / BALANCE_KWH,
            self._offset(counted),
        )
        self.history.append((self.gap, self.residual))
        self.solved = self.gap <= self.wanted() and self.residual <= 1.0
        self.stalls = self.stalls + 1 if taken < STALLED else 0
        self.lost = self.stalls >= 3 or not self.gap <= DIVERGED * self.centre * self.count

    def _offset(self, counted: Float[Array, "row step"]) -> float:
        """Largest offset of what rows and awards count, as a multiple of what is allowed.

        What is held is made to fit when it is read off, which costs what the rest is worth.
        """
        alone = float(self.barrier.residual(counted)[: self.program.nodes].max(initial=0.0))
        lifts = np.zeros((self.program.nodes, self.program.steps))
        np.add.at(lifts, self.layout.kernels.chunks[:, 2], self.sums.lifts)
        net, p = self.held[:, 0], self.program
        over = np.maximum(net + add_up(lifts, p.parent) - p.net_high_kw, p.net_low_kw - net)
        alone = max(alone, float(over.max()) / EXPORT_KW)
        offset = self.barrier.offsets(counted)[:, self.program.nodes :]
        worth = float(
            (np.abs(offset) * self.barrier.point.multiplier[:, self.program.nodes :]).sum()
        )
        prices = self.awards.price.ravel()[self.awards.at]
        worth += float(np.abs(self.awards.missed(self._of_awards()) * prices).sum())
        return max(alone, worth / (OFFSET_SHARE * self.wanted()))

    # -- reading ------------------------------------------------------------------------------

    def result(self) -> tuple[Iterate, Certificate]:
        """The iterate in the order of the program, and what is proven of it."""
        made, p = self.layout, self.program
        power_kw = readout.powers(made, self.point, self.awards)
        multiplier = self.barrier.point.multiplier
        price = np.nan_to_num(self.prices())
        of_rows = self._by_kind(self.row_price)
        dual = row_prices.dual(made, self.point, self.awards, of_rows, price)
        proof = certify(p, power_kw, dual)
        limits = self._by_kind(multiplier[:2].max(axis=0)).max(axis=0)
        shown = np.where(limits > 1e-6 * self.centre, limits, 0.0) / p.step_h
        solved = np.full(p.nodes, self.solved)
        history = np.array(self.history).reshape(-1, 2)
        iterate = Iterate(
            power_kw, dual, np.nan_to_num(shown), solved, len(history), history, proof
        )
        return iterate, proof


@dataclass(frozen=True)
class _Direction:
    """A step of everything.

    Attributes:
        step: Of the rows of nodes.
        dprice: Of what they add to prices.
        longest: Step that each of them can take by itself, primal and dual.
        primal: Step that all can take.
        dual: The same of multipliers.
    """

    step: barrier.Point
    dprice: Float[Array, "row step"]
    longest: tuple[Array, Array]
    primal: float
    dual: float


def _rows(program: Program, made: Layout) -> tuple[Float[Array, "kind out"], Rows]:
    """What each kind of row counts, and the rows of all nodes, kind by kind.

    A limit with all called is stricter than the limit alone, which is left out where both hold.
    """
    p, sets, steps = program, made.sets, program.steps
    there = np.zeros((1 + made.term.awards, p.nodes, steps), bool)
    for a in range(made.term.awards):
        cell = (made.of_node * steps + made.step)[made.alive[a]]
        found = np.bincount(cell, minlength=p.nodes * steps).reshape(p.nodes, -1).astype(float)
        there[1 + a] = add_up(found, p.parent) > 0
    # Kinds of rows: net power alone, net power plus what may be called up, less what may be called
    # down. Those of calls stand only where an award can be held below the node, and all only where
    # powers can reach the limit.
    parts = [np.eye(1, 1 + made.term.awards)[0]]
    parts += [np.concatenate([[1.0], row]) for row in sets.up]
    parts += [np.concatenate([[1.0], -row]) for row in sets.down]
    kinds = np.array(parts)
    low, high = _reachable(program, made)
    at_low, at_high = low < p.net_low_kw, high > p.net_high_kw
    held = np.zeros((2, len(kinds), p.nodes, steps), bool)
    for k in range(1, len(kinds)):
        side = 1 if k <= len(sets.up) else 0
        any_there = there[kinds[k] != 0][1:].any(axis=0) if (kinds[k][1:] != 0).any() else False
        mask = there[np.flatnonzero(kinds[k])].any(axis=0) & any_there
        held[side, k] = mask & (at_high if side else at_low)
    held[0, 0] = at_low & ~held[0].any(axis=0)
    held[1, 0] = at_high & ~held[1].any(axis=0)
    shape = (len(kinds) * p.nodes, steps)
    tiled = [np.tile(one, (len(kinds), 1)) for one in (p.net_low_kw, -p.net_high_kw)]
    hard = np.full(shape, np.inf)
    blocks = [(1.0, tiled[0], held[0].reshape(shape), hard)]
    blocks.append((-1.0, tiled[1], held[1].reshape(shape), hard))
    if (p.surcharge_per_kwh > 0).any():
        price = np.full(shape, np.inf)
        price[: p.nodes] = p.step_h * p.surcharge_per_kwh
        metered = np.zeros(shape, bool)
        metered[: p.nodes] = p.surcharge_per_kwh > 0
        load = np.zeros(shape)
        load[: p.nodes] = p.load_kw
        blocks.append((1.0, load, metered, np.where(metered, price, np.inf)))
    none = np.zeros(0)
    return kinds, barrier.stacked(blocks, none.astype(np.int64), none, none)


def _reachable(
    program: Program, made: Layout
) -> tuple[Float[Array, "node step"], Float[Array, "node step"]]:
    """Least and greatest net power that stores could reach, holders left out."""
    cell, size = made.of_node * program.steps + made.step, program.nodes * program.steps
    low, high = (
        add_up(np.bincount(cell, one[made.source], size).reshape(program.nodes, -1), program.parent)
        for one in (-program.charge_limit_kw, program.discharge_limit_kw)
    )
    return low, high
