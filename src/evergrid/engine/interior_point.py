"""Programs of any size, solved to many digits: a primal-dual interior-point method that knows them.

Every iteration solves the whole Newton system exactly, by elimination along the structure of the
program: tridiagonal systems per unit, then dense ones per group up the tree. The work grows in
proportion to the number of units, and the number of iterations hardly grows at all. Trees of
groups that share nothing take their own steps and stop on their own.

Source:
    S. Mehrotra (1992), On the implementation of a primal-dual interior point method, SIAM J.
    Optim. 2(4), doi 10.1137/0802028, for the predictor and corrector; the elimination is ours.
"""

import time
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine import group_kernels, unit_kernels
from evergrid.engine.certificate import Dual
from evergrid.engine.parts import roots
from evergrid.engine.program import Program, add_up, depth
from evergrid.engine.unit_kernels import (
    ABOVE,
    BELOW,
    COST,
    COST_X,
    COST_Y,
    DUAL,
    GAIN_X,
    GAIN_Y,
    GAP,
    GAP_BOTH,
    GAP_DUAL,
    GAP_PRIMAL,
    HIGH,
    LOW,
    NET_X,
    NET_Y,
    PRIMAL,
    RESIDUAL,
    TURNOVER,
    VALUE,
    ZA,
    ZB,
    ZS,
    ZX,
    ZY,
    E,
    S,
    X,
    Y,
)

CHUNK = 256  # units that one thread works through at a time
ROOM_KWH = 2e-7  # a band of energy is never narrower than this, so that an interior exists
MARGIN = 1e-7  # share by which limits are kept back, so that rounding cannot break them
OFFSET_KW = 2e-7  # net power may miss its slack by this where the margin is smaller
EXPORT_KW = 5e-7  # export limits may be exceeded by this once powers are cancelled
ENERGY_KWH = 1e-8  # energy may miss its balance by this; it is recomputed from powers at the end
FLOOR = 1e-8  # share of the first gap below which rounding takes over
DAMPING = 1e-5  # proximal curvature, as a share of the first products: bounds every answer
STEP_SHARE = 0.99  # of the longest step that keeps everything positive
STALLED = 1e-7  # a step shorter than this, again and again, means there is no interior
DIVERGED = 1e4  # multiple of the first gap beyond which there is no schedule to find
MOST_ITERATIONS = 100


@dataclass(frozen=True)
class Iterate:
    """Where the method stopped.

    Attributes:
        power_kw: Power of each slot, the smaller of the two directions cancelled.
        dual: Prices that prove a bound.
        limit_price: What a group's own limits add to its parent's price, per kWh.
        solved: Whether each group's tree reached the tolerances.
        iterations: How many were made.
        history: Gap, and largest residual as a multiple of what is allowed, after each iteration.
    """

    power_kw: Float[Array, " slot"]
    dual: Dual
    limit_price: Float[Array, "group step"]
    solved: Bool[Array, " group"]
    iterations: int
    history: Float[Array, "iteration 2"]


def supports(program: Program) -> bool:
    """Whether the method covers the program: prices on peaks and meters are not yet its own."""
    return not (program.peak_price > 0).any() and not (program.surcharge != 0).any()


def minimise(program: Program, *, gap: float, deadline: float) -> Iterate:
    """Iterate until every tree's relative gap is below ``gap``, or the deadline.

    Args:
        program: What to solve; `supports` it.
        gap: Relative gap to reach.
        deadline: In seconds of ``time.perf_counter``.
    """
    run = _Run(program, gap)
    history = []
    while run.active.any() and len(history) < MOST_ITERATIONS and time.perf_counter() < deadline:
        run.iterate()
        history.append((run.gap[run.used].sum(), run.residual[run.used].max(initial=0.0)))
    return run.result(np.array(history).reshape(-1, 2))


class _Run:
    """The state of the method: units in arrays of slots, groups in arrays of steps."""

    def __init__(self, program: Program, gap: float) -> None:
        self.program, self.tolerance = program, gap
        self._order_units()
        self._start_units()
        self._order_groups()
        self._start_groups()

    # -- setting out ------------------------------------------------------------------------

    def _order_units(self) -> None:
        """Sort the units by group, so that a chunk of them belongs to one group."""
        p = self.program
        order = np.argsort(p.group, kind="stable")
        lengths = (p.stop - p.first)[order]
        begin = np.cumsum(lengths) - lengths
        self.source = np.arange(p.slots) - np.repeat(begin - p.begin[order], lengths)
        self.units = np.stack([begin, begin + lengths, p.first[order]], axis=1)
        self.ends = np.stack([p.energy_start[order], p.end_value[order]], axis=1)
        group = p.group[order]
        starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
        counts = np.diff(np.append(starts, len(group)))
        pieces = -(-counts // CHUNK)
        piece = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        first = np.repeat(starts, pieces) + piece * CHUNK
        stop = np.minimum(first + CHUNK, np.repeat(starts + counts, pieces))
        self.chunks = np.stack([first, stop, group[first]], axis=1)
        self.slot_group = np.repeat(group, lengths)
        self.slot_step = p.step[self.source]
        self.constraints = np.bincount(group, 5 * lengths, p.groups)

    def _start_units(self) -> None:
        """A straight line of energy to what is owed, powers to match, multipliers to centre."""
        p, source = self.program, self.source
        unit = p.unit[source]
        draw, feed = p.charge_limit[source], p.discharge_limit[source]
        data = np.empty((8, p.slots))
        data[COST_X] = p.step_h * p.draw_price[source] * draw
        data[COST_Y] = -p.step_h * p.feed_price[source] * feed
        data[GAIN_X], data[GAIN_Y] = p.gain[source] * draw, -p.drain[source] * feed
        data[NET_X], data[NET_Y] = -draw, feed
        data[HIGH] = p.energy_high[unit]
        data[LOW] = np.minimum(p.energy_floor[source], data[HIGH] - ROOM_KWH)
        point = np.empty((12, p.slots))
        begin, stop = self.units[:, 0], self.units[:, 1]
        lengths = stop - begin
        start = self.ends[:, 0]
        share = (np.arange(p.slots) - np.repeat(begin, lengths) + 1) / np.repeat(lengths, lengths)
        goal = np.maximum(start, data[LOW, stop - 1])
        line = np.repeat(start, lengths) * (1 - share) + np.repeat(goal, lengths) * share
        margin = np.minimum(0.05 * (data[HIGH] - data[LOW]), 1.0)
        point[E] = np.clip(line, data[LOW] + margin, data[HIGH] - margin)
        before = np.append(0.0, point[E, :-1])
        before[begin] = start
        point[Y] = 0.1
        stored = point[E] - before - data[GAIN_Y] * point[Y]
        point[X] = np.clip(stored / np.where(data[GAIN_X] > 0, data[GAIN_X], 1.0), 0.05, 0.8)
        point[S] = 1.0 - point[X] - point[Y]
        point[ABOVE], point[BELOW] = point[E] - data[LOW], data[HIGH] - point[E]
        self.centre = 0.5 * float(np.abs(data[COST_X]).mean() + np.abs(data[COST_Y]).mean())
        self.centre = max(self.centre, 1e-6)
        for slack, multiplier in ((X, ZX), (Y, ZY), (S, ZS), (ABOVE, ZA), (BELOW, ZB)):
            point[multiplier] = self.centre / point[slack]
        point[VALUE] = float(np.mean(p.draw_price / p.efficiency_charge[p.unit]))
        self.data, self.point = data, point
        self.work = np.zeros((20, p.slots))
        self.told = np.zeros((len(self.chunks), 9))

    def _order_groups(self) -> None:
        """Levels of the tree, who is below whom, and where each group's answer is kept."""
        p = self.program
        self.tree = roots(p)
        level = depth(p.parent)
        self.levels = [np.flatnonzero(level == d) for d in range(int(level.max()) + 1)]
        children = np.argsort(p.parent, kind="stable")
        self.below = children[np.searchsorted(p.parent[children], 0) :]
        self.below_start = np.searchsorted(p.parent[self.below], np.arange(p.groups + 1))
        chunk_group = self.chunks[:, 2]
        home = np.full(p.groups, -1)
        first = np.flatnonzero(np.append(True, chunk_group[1:] != chunk_group[:-1]))
        home[chunk_group[first]] = first
        without = home < 0
        home[without] = len(self.chunks) + np.arange(without.sum())
        self.home = home
        self.extra = np.setdiff1d(np.arange(len(self.chunks)), first)
        self.answers = np.zeros((len(self.chunks) + int(without.sum()), p.steps, p.steps))
        self.nets = np.zeros((len(self.chunks), p.steps))
        self.lifts = np.zeros((len(self.chunks), p.steps))
        self.root = p.parent < 0
        self.factors = np.zeros((p.groups, p.steps, p.steps))
        below = int((~self.root).any()) * p.groups
        self.seen = np.zeros((below, p.steps, p.steps))
        self.felt = np.zeros((p.groups, p.steps), np.int64)
        self.counts = np.zeros(p.groups, np.int64)
        self.held = np.zeros((p.groups, p.steps))

    def _start_groups(self) -> None:
        p = self.program
        reach_low, reach_high = p.net_range
        self.has = np.stack([reach_low < p.net_low, reach_high > p.net_high])
        self.limit = np.where(self.has, np.stack([p.net_low, -p.net_high]), 0.0)
        self.limit += MARGIN * np.abs(self.limit)
        net_x = self.data[NET_X] * self.point[X] + self.data[NET_Y] * self.point[Y]
        own = np.zeros((p.groups, p.steps))
        np.add.at(own, (self.slot_group, self.slot_step), net_x)
        self.net = add_up(own, p.parent)
        room = np.stack([self.net, -self.net]) - self.limit
        self.slack = np.where(self.has, np.maximum(room, 0.1 * np.maximum(1, abs(self.limit))), 1.0)
        self.multiplier = np.where(self.has, self.centre / self.slack, 0.0)
        self.price = np.zeros((p.groups, p.steps))
        limits = self.has.sum(axis=(0, 2))
        self.count = np.bincount(self.tree, self.constraints + limits, p.groups)
        self.used = np.bincount(self.tree, self.constraints, p.groups) > 0
        self.used &= self.root
        self.mu = np.full(p.groups, self.centre)
        self.gap = np.full(p.groups, np.inf)
        self.wanted = np.zeros(p.groups)
        self.residual = np.full(p.groups, np.inf)
        self.active = self.used[self.tree]
        bound = np.bincount(self.tree, limits, p.groups) > 0
        self.coupled = bound[self.tree]
        self.stalls = np.zeros(p.groups, np.int64)
        self.solved = np.zeros(p.groups, bool)

    # -- one iteration ----------------------------------------------------------------------

    def iterate(self) -> None:
        """Factor, predict, correct, move."""
        stiff = (self.multiplier / self.slack).sum(axis=0)
        self._factor(stiff)
        offset = np.stack([self.net, -self.net]) - self.limit - self.slack
        offset = np.where(self.has, offset, 0.0)
        nothing = np.zeros_like(self.slack)
        predicted = self._direction(stiff, offset, nothing, np.zeros(len(self.mu)), predict=True)
        enough = 0.1 * self.wanted / np.maximum(self.count, 1)  # smaller only loses digits
        enough[self.gap <= self.wanted] *= 0.1  # unless more than the gap is asked for
        target = np.maximum(self._centring(predicted) * self.mu, enough)
        corrected = self._direction(stiff, offset, predicted.products, target, predict=False)
        self._move(corrected, target)

    def _factor(self, stiff: Float[Array, "group step"]) -> None:
        p = self.program
        unit_kernels.factor(
            self.chunks,
            self.units,
            self.data,
            self.point,
            self.work,
            DAMPING * self.centre,
            self.coupled,
            self.answers,
            self.active,
        )
        for chunk in self.extra:
            self.answers[self.home[self.chunks[chunk, 2]]] += self.answers[chunk]
        self.answers[len(self.chunks) :] = 0.0
        for level in range(len(self.levels) - 1, -1, -1):
            groups = self._working(level)
            if level + 1 < len(self.levels):
                group_kernels.gather(
                    groups,
                    self.below_start,
                    self.below,
                    self.answers,
                    self.home,
                    self.seen,
                )
            group_kernels.factor(
                groups,
                stiff,
                self.answers,
                self.home,
                self.factors,
                self.seen,
                self.felt,
                self.counts,
                p.parent < 0,
            )

    def _working(self, level: int) -> Int[Array, " some"]:
        groups = self.levels[level]
        return groups[self.active[groups]]

    def _direction(
        self,
        stiff: Float[Array, "group step"],
        offset: Float[Array, "2 group step"],
        products: Float[Array, "2 group step"],
        target: Float[Array, " group"],
        *,
        predict: bool,
    ) -> "_Direction":
        p = self.program
        goal = target[self.tree]
        unit_kernels.right_hand_side(
            self.chunks,
            self.units,
            self.ends,
            self.data,
            self.point,
            self.work,
            self.price,
            goal,
            self.nets,
            self.active,
        )
        wanted = np.where(self.has, (goal[:, None] - products) / self.slack, 0.0)
        pressure = self.multiplier / self.slack * offset - wanted
        push = self._own_price() + pressure[0] - pressure[1]
        change = self._chunk_sums(self.nets)
        tree = (self.answers, self.home, self.factors, self.felt, self.counts, self.held, change)
        for level in range(len(self.levels) - 1, -1, -1):
            groups = self._working(level)
            group_kernels.upwards(groups, push, stiff, *tree)
            if level:
                np.add.at(change, p.parent[groups], change[groups])
        dprice = np.zeros_like(self.price)
        for level in range(len(self.levels)):
            groups = self._working(level)
            group_kernels.downwards(groups, p.parent, push, stiff, *tree, dprice)
        unit_kernels.direction(
            self.chunks,
            self.units,
            self.data,
            self.point,
            self.work,
            dprice,
            goal,
            self.told,
            self.active,
            predict,
        )
        dslack = np.where(self.has, np.stack([change, -change]) + offset, 0.0)
        dmultiplier = np.where(
            self.has, wanted - self.multiplier / self.slack * dslack - self.multiplier, 0.0
        )
        return _Direction(dprice, dslack, dmultiplier)

    def _own_price(self) -> Float[Array, "group step"]:
        """What each group's own limits add to its parent's price at present, less multipliers."""
        own = self.price.copy()
        below = self.program.parent >= 0
        own[below] -= self.price[self.program.parent[below]]
        return own

    def _chunk_sums(self, of_chunk: Float[Array, "chunk step"]) -> Float[Array, "group step"]:
        """Sum over the chunks of each group's own units."""
        total = np.zeros_like(self.price)
        if len(self.extra):
            np.add.at(total, self.chunks[:, 2], of_chunk)
        else:
            total[self.chunks[:, 2]] = of_chunk
        return total

    def _by_tree(self, column: int) -> Float[Array, " group"]:
        """Sum of what the chunks told, at each tree's root."""
        return np.bincount(self.tree[self.chunks[:, 2]], self.told[:, column], self.program.groups)

    def _longest(self, step: "_Direction") -> tuple[Array, Array]:
        """The longest primal and dual step of each tree, at its root."""
        primal, dual = (np.full(self.program.groups, unit_kernels.UNBLOCKED) for _ in range(2))
        chunk_tree = self.tree[self.chunks[:, 2]]
        np.minimum.at(primal, chunk_tree, self.told[:, PRIMAL])
        np.minimum.at(dual, chunk_tree, self.told[:, DUAL])
        np.minimum.at(primal, self.tree, _ratio(self.slack, step.slack))
        np.minimum.at(dual, self.tree, _ratio(self.multiplier, step.multiplier))
        return primal, dual

    def _centring(self, step: "_Direction") -> Float[Array, " group"]:
        """Mehrotra's rule: centre less, the further the predicted step already goes."""
        primal, dual = (np.minimum(longest, 1.0) for longest in self._longest(step))
        sums = [self._by_tree(column) for column in (GAP, GAP_PRIMAL, GAP_DUAL, GAP_BOTH)]
        pairs = (
            (self.slack, self.multiplier),
            (step.slack, self.multiplier),
            (self.slack, step.multiplier),
            (step.slack, step.multiplier),
        )
        for i, (one, other) in enumerate(pairs):
            of_group = np.where(self.has, one * other, 0.0).sum(axis=(0, 2))
            sums[i] += np.bincount(self.tree, of_group, self.program.groups)
        count = np.maximum(self.count, 1)
        self.mu = sums[0] / count
        ahead = (sums[0] + primal * sums[1] + dual * sums[2] + primal * dual * sums[3]) / count
        share = np.maximum(ahead, 0.0) / np.maximum(self.mu, 1e-300)
        return np.clip(share**3, 1e-6, 1.0)

    def _move(self, step: "_Direction", target: Float[Array, " group"]) -> None:
        primal, dual = (np.minimum(STEP_SHARE * longest, 1.0) for longest in self._longest(step))
        ahead, dual_ahead = primal[self.tree], dual[self.tree]
        unit_kernels.move(
            self.chunks,
            self.units,
            self.ends,
            self.data,
            self.point,
            self.work,
            target[self.tree],
            ahead,
            dual_ahead,
            self.nets,
            self.lifts,
            self.told,
            self.active,
        )
        moving = self.active[:, None]
        self.slack += np.where(moving, ahead[:, None], 0.0) * step.slack
        self.multiplier += np.where(moving, dual_ahead[:, None], 0.0) * step.multiplier
        self.price += np.where(moving, dual_ahead[:, None], 0.0) * step.price
        self.net = add_up(self._chunk_sums(self.nets), self.program.parent)
        self._judge(np.minimum(primal, dual))

    def _judge(self, taken: Float[Array, " group"]) -> None:
        """Which trees are done, and which will never be."""
        of_group = np.where(self.has, self.slack * self.multiplier, 0.0).sum(axis=(0, 2))
        groups = self.program.groups
        self.gap = self._by_tree(GAP) + np.bincount(self.tree, of_group, groups)
        offset = np.abs(np.stack([self.net, -self.net]) - self.limit - self.slack)
        allowed = np.maximum(OFFSET_KW, 0.5 * MARGIN * np.abs(self.limit))
        residual = np.where(self.has, offset / allowed, 0.0).max(axis=(0, 2))
        self.residual = np.zeros(groups)
        with np.errstate(invalid="ignore"):  # a tree that is lost may hold NaN
            np.maximum.at(residual, self.chunks[:, 2], self.told[:, RESIDUAL] / ENERGY_KWH)
            np.maximum.at(self.residual, self.tree, residual)
        scale = np.maximum(np.abs(self._by_tree(COST)), 1e-3 * self._by_tree(TURNOVER))
        least = FLOOR * self.centre * self.count
        self.wanted = np.maximum(0.3 * self.tolerance * scale, least)
        done = (self.gap <= self.wanted) & (self.residual <= 1.0)
        done &= self._one_way_fits() | (self.gap <= 2 * least)
        self.stalls = np.where(taken < STALLED, self.stalls + 1, 0)
        lost = ~(self.gap <= DIVERGED * self.centre * self.count)  # also where it is NaN
        stuck = (self.stalls >= 3) | lost
        self.solved |= self.active & done[self.tree]
        self.active &= ~(done | stuck)[self.tree]

    def _one_way_fits(self) -> Bool[Array, " group"]:
        """Whether each tree keeps its export limits once powers are cancelled to one direction.

        Where it pays to waste energy it never does; such a tree stops at the least gap.
        """
        net = self.net + add_up(self._chunk_sums(self.lifts), self.program.parent)
        over = np.where(self.has[1], net - self.program.net_high, 0.0).max(axis=1)
        worst = np.zeros(self.program.groups)
        with np.errstate(invalid="ignore"):  # a tree that is lost may hold NaN
            np.maximum.at(worst, self.tree, over)
        return worst <= EXPORT_KW

    # -- reading ----------------------------------------------------------------------------

    def result(self, history: Float[Array, "iteration 2"]) -> Iterate:
        """The iterate in the order of the program."""
        p = self.program
        change = self.data[GAIN_X] * self.point[X] + self.data[GAIN_Y] * self.point[Y]
        gain, drain = p.gain[self.source], p.drain[self.source]
        power, value = np.empty(p.slots), np.empty(p.slots)
        power[self.source] = np.where(change >= 0, -change / gain, -change / drain)
        value[self.source] = self.point[VALUE]
        binding = self.multiplier.max(axis=0)
        shown = np.where(binding > 1e-6 * self.centre, binding, 0.0) / p.step_h
        # A tree that was lost may hold NaN, which must not spread into sums over all units.
        power, value, price, shown = map(np.nan_to_num, (power, value, self.price, shown))
        return Iterate(
            power_kw=np.clip(power, -p.charge_limit, p.discharge_limit),
            dual=Dual(energy_value=value, power_price=price),
            limit_price=shown,
            solved=self.solved | ~self.used[self.tree],
            iterations=len(history),
            history=history,
        )


@dataclass(frozen=True)
class _Direction:
    """Changes of the groups' prices, slacks and multipliers; the units keep theirs in `work`."""

    price: Float[Array, "group step"]
    slack: Float[Array, "2 group step"]
    multiplier: Float[Array, "2 group step"]

    @property
    def products(self) -> Float[Array, "2 group step"]:
        """Second-order products that the corrector needs."""
        return self.slack * self.multiplier


def _ratio(
    value: Float[Array, "2 group step"], change: Float[Array, "2 group step"]
) -> Float[Array, " group"]:
    """The longest step that keeps each group's positive values positive."""
    falling = change < 0
    ratio = np.where(falling, -value / np.where(falling, change, 1.0), unit_kernels.UNBLOCKED)
    return ratio.min(axis=(0, 2))
