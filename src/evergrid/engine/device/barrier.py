"""What holds back the net power of nodes, as rows of a barrier, in arrays for accelerators.

Rows and their algebra are those of `evergrid.engine.interior_point.barrier`. Here every array has
the same three axes: kinds of rows, nodes, steps. Kinds are limits first, then a meter, then a
peak, where there are any; where there are none their arrays are empty, and nothing of them is
computed.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from evergrid.engine.interior_point.barrier import (
    CLOSE_SHARE,
    LEAST_PRICE,
    MARGIN,
    OFFSET_KW,
    ROOM_KW,
)
from evergrid.engine.interior_point.store_kernels import UNBLOCKED

PerRow = Float[jax.Array, " row"]
PerStep = Float[jax.Array, "row step"]
Kinds = Float[jax.Array, "kind row step"]
Excesses = Float[jax.Array, "excess row step"]
Rises = Float[jax.Array, "peak row 1"]


class Rows(NamedTuple):
    """The rows of one device's nodes.

    Attributes:
        sign: Of net power, by kind.
        level: What each row keeps the rest above, in kW.
        held: Where there is a row at all.
        price: Of a kW of excess over the step.
        peak_price_per_kw: Of a node's peak, per kW.
        peak_before_kw: Peak drawn before the first step.
    """

    sign: Float[jax.Array, "kind 1 1"]
    level: Kinds
    held: Bool[jax.Array, "kind row step"]
    price: Excesses
    peak_price_per_kw: Rises
    peak_before_kw: Rises

    def split(self, of_kinds: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The parts of an array that belong to limits, to meters and to peaks."""
        first_peak = len(self.level) - len(self.peak_price_per_kw)
        first_meter = first_peak - len(self.price)
        return of_kinds[:first_meter], of_kinds[first_meter:first_peak], of_kinds[first_peak:]

    @property
    def soft(self) -> Bool[jax.Array, "excess row step"]:
        """Where an excess is allowed."""
        return self.split(self.held)[1]

    @property
    def peaked(self) -> Bool[jax.Array, "peak row 1"]:
        """Which nodes have a price on their peak."""
        return self.split(self.held)[2][:, :, :1]


class Point(NamedTuple):
    """Slacks, excesses and rises with their multipliers; also used for a change of these.

    Where there is no row a slack is 1 and its multiplier 0, and neither ever changes.
    """

    slack: Kinds
    multiplier: Kinds
    excess: Excesses
    excess_multiplier: Excesses
    rise: Rises
    rise_multiplier: Rises


class Products(NamedTuple):
    """Products of slacks, excesses and rises with multipliers."""

    slack: Kinds
    excess: Excesses
    rise: Rises


class RowCurvature(NamedTuple):
    """What a step needs to know of the present point, see `prepare`.

    Attributes:
        offset: By how much net power misses the slack of each row.
        bend: Second derivative of each row's barrier.
        peak_bend: The same of the rows of peaks alone.
        soft_bend: The same of a meter's row together with its excess.
        yielding: Share of a meter's price change that its excess takes up.
        rise_bend: Second derivative of the barrier of a rise.
        peak_total: The same with those of its peak's rows; 1 where there is no peak.
        stiff: Second derivative of all rows of a node, with excesses let go.
        shift: What to add to net power so that offsets are undone.
        missed: What that leaves undone of a peak's offsets.
    """

    offset: Kinds
    bend: Kinds
    peak_bend: Kinds
    soft_bend: Excesses
    yielding: Excesses
    rise_bend: Rises
    peak_total: Rises
    stiff: PerStep
    shift: PerStep
    missed: Rises


class Aim(NamedTuple):
    """What the rows would do at unchanged net powers, see `aim`.

    Attributes:
        slack: Multipliers that products aim at, of slacks.
        excess: Of excesses.
        rise: Of rises.
        easing: Change of excesses.
        rising: Change of rises.
        price: What each node's rows would add to its parent's price.
    """

    slack: Kinds
    excess: Excesses
    rise: Rises
    excess_step: Excesses
    rising: Rises
    price: PerStep


def start(rows: Rows, net: PerStep, centre: Float[jax.Array, ""]) -> Point:
    """Slacks with room, at net powers as they are; multipliers to centre, prices kept."""
    free = rows.sign * net[None] - rows.level
    room = ROOM_KW * jnp.maximum(1.0, jnp.abs(rows.level))
    slack = jnp.where(rows.held, jnp.maximum(free, room), 1.0)
    limits, _, _ = rows.split(slack)
    _, metered, peaked = rows.split(free)
    _, meter_room, peak_room = rows.split(room)
    excess = jnp.where(rows.soft, jnp.maximum(-metered, 0.0) + meter_room, 1.0)
    widened = jnp.where(rows.soft, metered + excess, 1.0)
    shared = jnp.clip(centre / widened, 0.1 * rows.price, 0.9 * rows.price)
    peak = jnp.maximum(-peaked.min(2, keepdims=True), rows.peak_before_kw)
    rise = peak - rows.peak_before_kw + peak_room.max(2, keepdims=True)
    risen = jnp.where(rows.peaked, peaked + rise + rows.peak_before_kw, 1.0)
    share = rows.peak_price_per_kw / (net.shape[1] + 1)
    hard = jnp.where(rows.split(rows.held)[0], centre / limits, 0.0)
    return Point(
        slack=jnp.concatenate([limits, widened, risen]),
        multiplier=jnp.concatenate([hard, shared, jnp.broadcast_to(share, risen.shape)]),
        excess=excess,
        excess_multiplier=rows.price - shared,
        rise=jnp.where(rows.peaked, rise, 1.0),
        rise_multiplier=share,
    )


def begin_warm(rows: Rows, point: Point, own_price: PerStep, net: PerStep, least: PerRow) -> Point:
    """Limits at these prices and net powers, with products of about ``least`` in each node.

    A limit that is broken begins as wide as it is broken.
    """
    mu = least[None, :, None]
    free, _, _ = rows.split(jnp.abs(_free(rows, point, net)))
    held, _, _ = rows.split(rows.held)
    slack = jnp.maximum(free, jnp.minimum(ROOM_KW, mu / LEAST_PRICE))
    slack = jnp.where(held, slack, 1.0)
    signed = jnp.maximum(rows.sign[: len(slack)] * own_price[None], 0.0)
    multiplier = jnp.where(held, jnp.maximum(signed, mu / slack), 0.0)
    _, *slacks = rows.split(point.slack)
    _, *multipliers = rows.split(point.multiplier)
    return point._replace(
        slack=jnp.concatenate([slack, *slacks]),
        multiplier=jnp.concatenate([multiplier, *multipliers]),
    )


# -- what a step needs to know ------------------------------------------------------------------


def prepare(rows: Rows, point: Point, net: PerStep) -> RowCurvature:
    """Offsets, stiffness, and how peaks tie steps together at these net powers."""
    offset = jnp.where(rows.held, _free(rows, point, net) - point.slack, 0.0)
    bend = point.multiplier / point.slack
    limits, meters, peaks = rows.split(bend)
    excess_bend = point.excess_multiplier / point.excess
    soft_bend = jnp.where(rows.soft, meters + excess_bend, 1.0)
    yielding = jnp.where(rows.soft, excess_bend / soft_bend, 1.0)
    each = jnp.concatenate([limits, meters * yielding, peaks])
    stiff = each.sum(0)
    rise_bend = point.rise_multiplier / point.rise
    peak_total = jnp.where(rows.peaked, peaks.sum(2, keepdims=True) + rise_bend, 1.0)
    shift = (rows.sign * each * offset).sum(0) / jnp.where(stiff > 0, stiff, 1.0)
    missed = peaks * (shift[None] - rows.split(offset)[2])
    missed = missed.sum(2, keepdims=True) / peak_total
    return RowCurvature(
        offset=offset,
        bend=bend,
        peak_bend=peaks,
        soft_bend=soft_bend,
        yielding=yielding,
        rise_bend=rise_bend,
        peak_total=peak_total,
        stiff=stiff,
        shift=shift,
        missed=missed,
    )


def _free(rows: Rows, point: Point, net: PerStep) -> Kinds:
    """What each row has to spare at these net powers."""
    free = rows.sign * net[None] - rows.level
    return _relieved(rows, free, point.excess, point.rise + rows.peak_before_kw)


def _relieved(
    rows: Rows, of_kinds: Kinds, excess: Excesses, rise: Float[jax.Array, "..."]
) -> Kinds:
    """An array of all kinds, with what excesses and rises add to theirs."""
    limits, meters, peaks = rows.split(of_kinds)
    return jnp.concatenate([limits, meters + excess, peaks + rise])


def own_price(rows: Rows, point: Point) -> PerStep:
    """What each node's rows add to its parent's price at present."""
    return (rows.sign * point.multiplier).sum(0)


def aim(
    rows: Rows, point: Point, curvature: RowCurvature, goal: PerRow, products: Products | None
) -> Aim:
    """What each node's rows would add to its parent's price once offsets are undone."""
    slack, excess, rise = (0.0, 0.0, 0.0) if products is None else products
    goals = goal[None, :, None]
    by_slack = jnp.where(rows.held, (goals - slack) / point.slack, 0.0)
    by_excess = jnp.where(rows.soft, (goals - excess) / point.excess, 0.0)
    by_rise = jnp.where(rows.peaked, (goals - rise) / point.rise, 0.0)
    _, of_meters, of_peaks = rows.split(by_slack)
    over = of_meters + by_excess - rows.price
    excess_step = jnp.where(rows.soft, over / curvature.soft_bend, 0.0)
    over = of_peaks.sum(2, keepdims=True) + by_rise - rows.peak_price_per_kw
    rising = over / curvature.peak_total
    meters, peaks = rows.split(curvature.bend)[1], curvature.peak_bend
    multiplier = _relieved(rows, by_slack, -meters * excess_step, -peaks * rising)
    price = (rows.sign * multiplier).sum(0) - (peaks * curvature.missed).sum(0)
    return Aim(by_slack, by_excess, by_rise, excess_step, rising, price)


def step(rows: Rows, point: Point, curvature: RowCurvature, aimed: Aim, change: PerStep) -> Point:
    """The step of slacks and multipliers that goes with these changes of net power."""
    moved = jnp.where(rows.held, rows.sign * change[None] + curvature.offset, 0.0)
    _, metered, peaked = rows.split(moved)
    lifted = (curvature.peak_bend * peaked).sum(2, keepdims=True)
    excess = aimed.excess_step - (1.0 - curvature.yielding) * metered
    rise = aimed.rising - lifted / curvature.peak_total
    slack = jnp.where(rows.held, _relieved(rows, moved, excess, rise), 0.0)
    excess_step = (
        aimed.excess - curvature.yielding * curvature.soft_bend * excess - point.excess_multiplier
    )
    rising = aimed.rise - curvature.rise_bend * rise - point.rise_multiplier
    return Point(
        slack=slack,
        multiplier=jnp.where(
            rows.held, aimed.slack - curvature.bend * slack - point.multiplier, 0.0
        ),
        excess=excess,
        excess_multiplier=jnp.where(rows.soft, excess_step, 0.0),
        rise=rise,
        rise_multiplier=rising,
    )


def pairs(one: Point, other: Point) -> Products:
    """Products of one point's slacks with the other's multipliers."""
    return Products(
        one.slack * other.multiplier,
        one.excess * other.excess_multiplier,
        one.rise * other.rise_multiplier,
    )


# -- taking it ----------------------------------------------------------------------------------


def longest(point: Point, change: Point) -> tuple[PerRow, PerRow]:
    """The longest primal and dual step that keeps each node's slacks positive."""
    primal, dual = (
        jnp.minimum(jnp.minimum(_ratio(a, da), _ratio(b, db)), _ratio(c, dc))
        for (a, b, c), (da, db, dc) in zip(_halves(point), _halves(change), strict=True)
    )
    return primal, dual


def _halves(point: Point) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
    """What is primal, and what is dual."""
    return point[::2], point[1::2]


def _ratio(value: jax.Array, change: jax.Array) -> PerRow:
    """The longest step that keeps each node's positive values positive."""
    falling = change < 0
    ratio = jnp.where(falling, -value / jnp.where(falling, change, 1.0), UNBLOCKED)
    return ratio.min((0, 2), initial=UNBLOCKED)


def move(
    rows: Rows, point: Point, change: Point, primal: PerRow, dual: PerRow, net: PerStep
) -> Point:
    """The point after the step, each node as far as it is told, at these net powers.

    Stores that go further than their node leave an offset. It is taken away at once where what a
    row then has to spare is not much less than its slack was before or after the step.
    """
    far = (primal, dual) * 3
    moves = zip(point, far, change, strict=True)
    moved = Point(*(old + ahead[None, :, None] * by for old, ahead, by in moves))
    free = _free(rows, moved, net)
    enough = rows.held & (free > CLOSE_SHARE * jnp.minimum(moved.slack, point.slack))
    return moved._replace(slack=jnp.where(enough, free, moved.slack))


def residual(rows: Rows, point: Point, net: PerStep) -> PerRow:
    """Largest offset of each node, as a multiple of what is allowed."""
    offset = jnp.abs(_free(rows, point, net) - point.slack)
    allowed = jnp.maximum(OFFSET_KW, 0.5 * MARGIN * jnp.abs(rows.level))
    return jnp.where(rows.held, offset / allowed, 0.0).max((0, 2))


def total(products: Products) -> PerRow:
    """Sum of products over each node's rows."""
    return _over(products.slack) + _over(products.excess) + _over(products.rise)


def _over(values: jax.Array) -> PerRow:
    """Sum over kinds and steps."""
    return values.sum((0, 2))


def cost(rows: Rows, point: Point) -> PerRow:
    """What excesses and peaks cost each node."""
    peak = rows.peak_price_per_kw * (point.rise + rows.peak_before_kw)
    return _over(rows.price * point.excess) + _over(peak)
