"""What holds back the net power of nodes: limits, meters and peaks, as rows of a barrier.

A row keeps ``sign n + excess + rise - level >= 0`` in one node and step, where ``n`` is the node's
net power. A limit allows no excess. A meter's excess is the power drawn from above, which costs its
surcharge; so a limit that may be broken at a price is a row of the same kind. The rise is the peak
of a node over all steps, which costs its peak price.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.interior_point.store_kernels import UNBLOCKED
from evergrid.engine.program import Program

MARGIN = 1e-7  # share by which limits are kept back, so that rounding cannot break them
OFFSET_KW = 2e-7  # net power may miss its slack by this where the margin is smaller
CLOSE_SHARE = 0.1  # share of a slack that must be left for it to be set to what there is
LEAST_PRICE = 1e-3  # multiplier at which a slack is still kept open when a guess is taken
ROOM_KW = 0.1  # least slack to begin with, as a share of the level or of 1 kW


@dataclass(frozen=True)
class Rows:
    """The rows of a program, one block of nodes and steps for each kind.

    Attributes:
        sign: Of net power, by block.
        level: What the row keeps the rest above, in kW.
        held: Where there is a row at all.
        price: Of a kW of excess over the step; infinite where none is allowed.
        soft: Blocks in which any is.
        peaked: Nodes with a price on their peak; the last block is theirs where there are any.
        peak_price_per_kw: Of those nodes, per kW.
        peak_before_kw: Peak drawn before the first step, of those nodes, kW.
        budget: Rows of budgets, on the sum of net power over all steps as if it were that of one;
            None where no node has one that its stores could break.
    """

    sign: Float[Array, " row"]
    level: Float[Array, "row node step"]
    held: Bool[Array, "row node step"]
    price: Float[Array, "row node step"]
    soft: Int[Array, " soft"]
    peaked: Int[Array, " peak"]
    peak_price_per_kw: Float[Array, " peak"]
    peak_before_kw: Float[Array, " peak"]
    budget: "Rows | None" = None

    @property
    def parts(self) -> "tuple[Rows, ...]":
        """These rows, and those of budgets where there are any."""
        return (self,) if self.budget is None else (self, self.budget)

    @property
    def soft_held(self) -> Bool[Array, "row node step"]:
        """Where any excess is allowed."""
        return self.held & np.isfinite(self.price)

    @property
    def products(self) -> Float[Array, " node"]:
        """How many slacks, excesses and rises each node has, without those of budgets."""
        count = (self.held.sum(axis=(0, 2)) + self.soft_held.sum(axis=(0, 2))).astype(float)
        count[self.peaked] += 1
        return count

    def of(self, nodes: Int[Array, " some"]) -> "Rows":
        """The rows of some nodes, given by rising number."""
        inside = np.isin(self.peaked, nodes)
        return Rows(
            self.sign,
            self.level[:, nodes],
            self.held[:, nodes],
            self.price[:, nodes],
            self.soft,
            np.searchsorted(nodes, self.peaked[inside]),
            self.peak_price_per_kw[inside],
            self.peak_before_kw[inside],
            None if self.budget is None else self.budget.of(nodes),
        )


def rows(program: Program) -> Rows:
    """Limits that the stores could break, meters, peaks, and budgets."""
    reach_low, reach_high = program.net_range_kw
    hard = np.full(program.load_kw.shape, np.inf)
    blocks = [
        (1.0, program.net_low_kw, reach_low < program.net_low_kw, hard),
        (-1.0, -program.net_high_kw, reach_high > program.net_high_kw, hard),
    ]
    if (program.surcharge_per_kwh > 0).any():
        price = program.step_h * program.surcharge_per_kwh
        blocks.append((1.0, program.load_kw, price > 0, price))
    peaked = np.flatnonzero(program.peak_price_per_kw > 0)
    if len(peaked):
        held = np.zeros(program.load_kw.shape, bool)
        held[peaked] = True
        blocks.append((1.0, program.load_kw, held, hard))
    made = stacked(
        blocks, peaked, program.peak_price_per_kw[peaked], program.peak_before_kw[peaked]
    )
    return replace(made, budget=budget_rows(program, np.full(program.nodes, np.inf)))


def budget_rows(program: Program, price: Float[Array, " node"]) -> Rows | None:
    """Budgets that the stores could break; None if there are none.

    Args:
        program: Whose budgets.
        price: Of excess, for a kW in one step; infinite where none is allowed.
    """
    level = budget_level(program)
    held = program.net_range_kw[0].sum(axis=1) < level
    if not held.any():
        return None
    column = (level[:, None], held[:, None], price[:, None])
    none = np.zeros(0)
    return stacked([(1.0, *column)], none.astype(np.int64), none, none)


def budget_level(program: Program) -> Float[Array, " node"]:
    """What the sum of each node's net power over all steps must not fall below, in kW."""
    return program.load_kw.sum(axis=1) - program.budget / program.step_h


def stacked(
    blocks: list[tuple[float, Array, Array, Array]],
    peaked: Int[Array, " peak"],
    peak_price_per_kw: Float[Array, " peak"],
    peak_before_kw: Float[Array, " peak"],
) -> Rows:
    """Rows from blocks of sign, level, where held, and price of excess; limits keep a margin."""
    sign, level, held, price = (np.stack(block) for block in zip(*blocks, strict=True))
    level = np.where(held, level, 0.0)
    level += np.where(np.isinf(price), MARGIN, 0.0) * np.abs(level)
    soft = np.flatnonzero((held & np.isfinite(price)).any(axis=(1, 2)))
    return Rows(sign, level, held, price, soft, peaked, peak_price_per_kw, peak_before_kw)


@dataclass(frozen=True)
class Point:
    """Slacks, excesses and rises with their multipliers; also used for a change of these.

    Attributes:
        slack: Of each row.
        multiplier: Of the slack.
        excess: In the blocks that allow any; 1 where a row has none.
        ease_multiplier: Of the excess being at least 0; 0 where there is none.
        rise: Of each peaked node above the peak drawn before.
        rise_multiplier: Of the rise being at least 0.
    """

    slack: Float[Array, "row node step"]
    multiplier: Float[Array, "row node step"]
    excess: Float[Array, "soft node step"]
    excess_multiplier: Float[Array, "soft node step"]
    rise: Float[Array, " peak"]
    rise_multiplier: Float[Array, " peak"]

    def pairs(self, other: "Point") -> tuple[Array, Array, Array]:
        """Products of this point's slacks with the other's multipliers."""
        return (
            self.slack * other.multiplier,
            self.excess * other.excess_multiplier,
            self.rise * other.rise_multiplier,
        )


class Barrier:
    """The nodes' part of the iterate, and of every Newton step."""

    def __init__(self, rows: Rows, net: Float[Array, "node step"], centre: float) -> None:
        self.rows = rows
        soft = rows.soft_held
        self.soft_rows = rows.soft
        self.soft = soft[self.soft_rows]
        self.price = np.where(self.soft, rows.price[self.soft_rows], 0.0)
        self.row_sign = rows.sign[:, None, None]
        self.point = self._start(net, centre)
        none, no_excess, no_rise = (np.zeros_like(part) for part in self.point.pairs(self.point))
        self.nothing = (none, no_excess, no_rise)
        self.count = rows.products

    def _start(self, net: Float[Array, "node step"], centre: float) -> Point:
        """Slacks with room, at net powers as they are; multipliers to centre, prices kept."""
        rows, soft, at = self.rows, self.soft, self.soft_rows
        free = self.row_sign * net - rows.level
        scale = ROOM_KW * np.maximum(1.0, np.abs(rows.level))
        slack = np.where(rows.held, np.maximum(free, scale), 1.0)
        multiplier = np.where(rows.held, centre / slack, 0.0)
        excess = np.where(soft, np.maximum(-free[at], 0.0) + scale[at], 1.0)
        slack[at] = np.where(soft, free[at] + excess, slack[at])
        shared = np.clip(centre / slack[at], 0.1 * self.price, 0.9 * self.price)
        multiplier[at] = np.where(soft, shared, multiplier[at])
        excess_multiplier = np.where(soft, self.price - shared, 0.0)
        rise = np.zeros(len(rows.peaked))
        share = rows.peak_price_per_kw / (net.shape[1] + 1)
        if len(rise):
            over = -free[-1, rows.peaked]
            peak = np.maximum(over.max(axis=1), rows.peak_before_kw)
            rise = peak - rows.peak_before_kw + scale[-1, rows.peaked].max(axis=1)
            slack[-1, rows.peaked] = (rise + rows.peak_before_kw)[:, None] - over
            multiplier[-1, rows.peaked] = share[:, None]
        return Point(slack, multiplier, excess, excess_multiplier, rise, share)

    def begin_from(
        self,
        own_price: Float[Array, "node step"],
        net: Float[Array, "node step"],
        least: Float[Array, " node"],
    ) -> None:
        """Begin at these prices and net powers, with products of about ``least`` in each node."""
        p, mu = self.point, least[:, None]
        hard = self.rows.held.copy()
        hard[self.soft_rows] &= ~self.soft
        hard[-1, self.rows.peaked] = False  # their prices are tied to the peak's
        free = self._free(net)
        least_slack = np.maximum(np.abs(free), np.minimum(ROOM_KW, mu / LEAST_PRICE))
        p.slack[hard] = least_slack[hard]  # a row that is broken begins as wide as it is broken
        signed = np.maximum(self.row_sign * own_price, 0.0)
        p.multiplier[hard] = np.maximum(signed, mu / p.slack)[hard]

    # -- what a step needs to know ----------------------------------------------------------

    def prepare(self, net: Float[Array, "node step"]) -> None:
        """Take in the present net powers: offsets, stiffness, and how peaks tie steps together."""
        p, rows = self.point, self.rows
        self.offset = np.where(rows.held, self._free(net) - p.slack, 0.0)
        self.bend = p.multiplier / p.slack
        excess_bend = p.excess_multiplier / p.excess
        self.soft_bend = np.where(self.soft, self.bend[self.soft_rows] + excess_bend, 1.0)
        self.yielding = np.where(self.soft, excess_bend / self.soft_bend, 1.0)
        stiff = self.bend.copy()
        stiff[self.soft_rows] *= self.yielding
        self.stiff = stiff.sum(axis=0)
        self.peak_bend = self.bend[-1, rows.peaked]
        self.rise_bend = p.rise_multiplier / p.rise
        self.peak_total = self.peak_bend.sum(axis=1) + self.rise_bend
        pulled = (self.row_sign * stiff * self.offset).sum(axis=0)
        # What a stiff row makes of an offset would drown every other digit of a price. So rows
        # count from net powers shifted by the offsets, and only what that leaves is priced.
        self.shift = pulled / np.where(self.stiff > 0, self.stiff, 1.0)
        missed = self.shift[rows.peaked] - self.offset[-1, rows.peaked]
        self.missed = (self.peak_bend * missed).sum(axis=1) / self.peak_total

    def _free(self, net: Float[Array, "node step"]) -> Float[Array, "row node step"]:
        """What each row has to spare at these net powers."""
        free = self.row_sign * net - self.rows.level
        free[self.soft_rows] += np.where(self.soft, self.point.excess, 0.0)
        if len(self.rows.peaked):
            peak = self.point.rise + self.rows.peak_before_kw
            free[-1, self.rows.peaked] += peak[:, None]
        return free

    def own_price(self) -> Float[Array, "node step"]:
        """What each node's rows add to its parent's price at present."""
        return (self.row_sign * self.point.multiplier).sum(axis=0)

    def aim(
        self, goal: Float[Array, " node"], products: tuple[Array, Array, Array]
    ) -> Float[Array, "node step"]:
        """What each node's rows would add to its parent's price once offsets are undone."""
        p, rows = self.point, self.rows
        aim = goal[:, None]
        self.wanted = np.where(rows.held, (aim - products[0]) / p.slack, 0.0)
        self.excess_wanted = np.where(self.soft, (aim - products[1]) / p.excess, 0.0)
        self.rise_wanted = (goal[rows.peaked] - products[2]) / p.rise
        over = self.wanted[self.soft_rows] + self.excess_wanted - self.price
        self.excess_aim = np.where(self.soft, over / self.soft_bend, 0.0)
        over = self.wanted[-1, rows.peaked].sum(axis=1) + self.rise_wanted - rows.peak_price_per_kw
        self.rise_aim = over / self.peak_total
        multiplier = self.wanted.copy()
        multiplier[self.soft_rows] -= self.bend[self.soft_rows] * self.excess_aim
        multiplier[-1, rows.peaked] -= self.peak_bend * self.rise_aim[:, None]
        aimed = (self.row_sign * multiplier).sum(axis=0)
        aimed[rows.peaked] -= self.peak_bend * self.missed[:, None]
        return aimed

    def step(self, change: Float[Array, "node step"]) -> Point:
        """The step of slacks and multipliers that goes with these changes of net power."""
        p, rows = self.point, self.rows
        moved = np.where(rows.held, self.row_sign * change + self.offset, 0.0)
        excess = self.excess_aim - (1.0 - self.yielding) * moved[self.soft_rows]
        slack = moved.copy()
        slack[self.soft_rows] += excess
        lifted = (self.peak_bend * moved[-1, rows.peaked]).sum(axis=1)
        rise = self.rise_aim - lifted / self.peak_total
        slack[-1, rows.peaked] += rise[:, None]
        multiplier = np.where(rows.held, self.wanted - self.bend * slack - p.multiplier, 0.0)
        excess_step = (
            self.excess_wanted - self.yielding * self.soft_bend * excess - p.excess_multiplier
        )
        rising = self.rise_wanted - self.rise_bend * rise - p.rise_multiplier
        return Point(slack, multiplier, excess, np.where(self.soft, excess_step, 0.0), rise, rising)

    def part(self, nodes: Int[Array, " some"]) -> Point:
        """The point of some nodes."""
        p = self.point
        peaks = np.isin(self.rows.peaked, nodes)
        return Point(
            p.slack[:, nodes],
            p.multiplier[:, nodes],
            p.excess[:, nodes],
            p.excess_multiplier[:, nodes],
            p.rise[peaks],
            p.rise_multiplier[peaks],
        )

    def put(self, nodes: Int[Array, " some"], point: Point) -> None:
        """Take over the point of some nodes."""
        p = self.point
        peaks = np.isin(self.rows.peaked, nodes)
        for name in ("slack", "multiplier", "excess", "excess_multiplier"):
            getattr(p, name)[:, nodes] = getattr(point, name)
        p.rise[peaks], p.rise_multiplier[peaks] = point.rise, point.rise_multiplier

    # -- taking it --------------------------------------------------------------------------

    def longest(self, step: Point) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
        """The longest primal and dual step that keeps each node's slacks positive."""
        p, held, soft = self.point, self.rows.held, self.soft
        primal = _least_ratio(step.slack, p.slack, held)
        dual = _least_ratio(step.multiplier, p.multiplier, held)
        if len(self.soft_rows):
            primal = np.minimum(primal, _least_ratio(step.excess, p.excess, soft))
            widened = _least_ratio(step.excess_multiplier, p.excess_multiplier, soft)
            dual = np.minimum(dual, widened)
        at = self.rows.peaked
        primal[at] = np.minimum(primal[at], step.rise / p.rise)
        dual[at] = np.minimum(dual[at], step.rise_multiplier / p.rise_multiplier)
        return _longest(primal), _longest(dual)

    def move(
        self,
        step: Point,
        primal: Float[Array, " node"],
        dual: Float[Array, " node"],
        net: Float[Array, "node step"],
    ) -> None:
        """Take the step, each node as far as it is told, to these net powers.

        Stores that go further than their node leave an offset. It is taken away at once where what
        a row then has to spare is not much less than its slack was before or after the step.
        """
        before = self.point.slack.copy()
        for field in fields(Point):
            ahead = dual if field.name.endswith("multiplier") else primal
            shape = ahead[self.rows.peaked] if field.name.startswith("rise") else ahead[:, None]
            getattr(self.point, field.name)[...] += shape * getattr(step, field.name)
        slack, free = self.point.slack, self._free(net)
        enough = free > CLOSE_SHARE * np.minimum(slack, before)
        enough &= self.rows.held & (primal > 0)[:, None]
        slack[enough] = free[enough]

    def total(self, one: Point, other: Point) -> Float[Array, " node"]:
        """Sum over each node's rows of one point's slacks times the other's multipliers."""
        total = np.einsum("rgs,rgs->g", one.slack, other.multiplier)
        total += np.einsum("rgs,rgs->g", one.excess, other.excess_multiplier)
        total[self.rows.peaked] += one.rise * other.rise_multiplier
        return total

    def residual(self, net: Float[Array, "node step"]) -> Float[Array, " node"]:
        """Largest offset of each node, as a multiple of what is allowed."""
        offset = np.abs(self.offsets(net))
        allowed = np.maximum(OFFSET_KW, 0.5 * MARGIN * np.abs(self.rows.level))
        return np.where(self.rows.held, offset / allowed, 0.0).max(axis=(0, 2))

    def offsets(self, net: Float[Array, "node step"]) -> Float[Array, "row node step"]:
        """By how much what each row has to spare differs from its slack."""
        return np.where(self.rows.held, self._free(net) - self.point.slack, 0.0)

    def cost(self) -> Float[Array, " node"]:
        """What excesses and peaks cost each node."""
        cost = (self.price * self.point.excess).sum(axis=(0, 2))
        peak = self.point.rise + self.rows.peak_before_kw
        cost[self.rows.peaked] += self.rows.peak_price_per_kw * peak
        return cost


def _least_ratio(
    change: Float[Array, "row node step"],
    value: Float[Array, "row node step"],
    held: Bool[Array, "row node step"],
) -> Float[Array, " node"]:
    """Least of each node's changes as a share of the positive values they change; at most 0."""
    ratio = np.divide(change, value, out=np.zeros_like(change), where=held)
    return ratio.min(axis=(0, 2))


def _longest(ratio: Float[Array, " node"]) -> Float[Array, " node"]:
    """The longest step that keeps every value positive, given the least ratio."""
    falls = ratio < -1.0 / UNBLOCKED
    return np.where(falls, -1.0 / np.where(falls, ratio, 1.0), UNBLOCKED)
