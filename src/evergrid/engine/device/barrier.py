"""What holds back the net power of groups, as rows of a barrier, in arrays for accelerators.

Rows and their algebra are those of `evergrid.engine.interior_point.barrier`. Here every array has
the same three axes: kinds of rows, groups, steps. Kinds are limits first, then a meter, then a
peak, where there are any; where there are none their arrays are empty, and nothing of them is
computed.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from evergrid.engine.interior_point.barrier import LEAST_PRICE, MARGIN, NEAR, OFFSET_KW, ROOM_KW
from evergrid.engine.interior_point.unit_kernels import UNBLOCKED

PerRow = Float[jax.Array, " row"]
PerStep = Float[jax.Array, "row step"]
Kinds = Float[jax.Array, "kind row step"]
Eases = Float[jax.Array, "ease row step"]
Rises = Float[jax.Array, "peak row 1"]


class Rows(NamedTuple):
    """The rows of one device's groups.

    Attributes:
        sign: Of net power, by kind.
        level: What each row keeps the rest above, in kW.
        held: Where there is a row at all.
        price: Of a kW of ease over the step.
        peak_price: Of a group's peak, per kW.
        peak_before: Peak drawn before the first step.
    """

    sign: Float[jax.Array, "kind 1 1"]
    level: Kinds
    held: Bool[jax.Array, "kind row step"]
    price: Eases
    peak_price: Rises
    peak_before: Rises

    def split(self, of_kinds: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The parts of an array that belong to limits, to meters and to peaks."""
        first_peak = len(self.level) - len(self.peak_price)
        first_meter = first_peak - len(self.price)
        return of_kinds[:first_meter], of_kinds[first_meter:first_peak], of_kinds[first_peak:]

    @property
    def soft(self) -> Bool[jax.Array, "ease row step"]:
        """Where an ease is allowed."""
        return self.split(self.held)[1]

    @property
    def peaked(self) -> Bool[jax.Array, "peak row 1"]:
        """Which groups have a price on their peak."""
        return self.split(self.held)[2][:, :, :1]


class Point(NamedTuple):
    """Slacks, eases and rises with their multipliers; also used for a change of these.

    Where there is no row a slack is 1 and its multiplier 0, and neither ever changes.
    """

    slack: Kinds
    multiplier: Kinds
    ease: Eases
    ease_multiplier: Eases
    rise: Rises
    rise_multiplier: Rises


class Products(NamedTuple):
    """Products of slacks, eases and rises with multipliers."""

    slack: Kinds
    ease: Eases
    rise: Rises


class Springs(NamedTuple):
    """What a step needs to know of the present point, see `prepare`.

    Attributes:
        offset: By how much net power misses the slack of each row.
        bend: Second derivative of each row's barrier.
        peak_bend: The same of the rows of peaks alone.
        soft_bend: The same of a meter's row together with its ease.
        yielding: Share of a meter's price change that its ease takes up.
        rise_bend: Second derivative of the barrier of a rise.
        peak_total: The same with those of its peak's rows; 1 where there is no peak.
        stiff: Second derivative of all rows of a group, with eases let go.
        shift: What to add to net power so that offsets are undone.
        missed: What that leaves undone of a peak's offsets.
    """

    offset: Kinds
    bend: Kinds
    peak_bend: Kinds
    soft_bend: Eases
    yielding: Eases
    rise_bend: Rises
    peak_total: Rises
    stiff: PerStep
    shift: PerStep
    missed: Rises


class Aim(NamedTuple):
    """What the rows would do at unchanged net powers, see `aim`.

    Attributes:
        slack: Multipliers that products aim at, of slacks.
        ease: Of eases.
        rise: Of rises.
        easing: Change of eases.
        rising: Change of rises.
        price: What each group's rows would add to its parent's price.
    """

    slack: Kinds
    ease: Eases
    rise: Rises
    easing: Eases
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
    ease = jnp.where(rows.soft, jnp.maximum(-metered, 0.0) + meter_room, 1.0)
    eased = jnp.where(rows.soft, metered + ease, 1.0)
    shared = jnp.clip(centre / eased, 0.1 * rows.price, 0.9 * rows.price)
    peak = jnp.maximum(-peaked.min(2, keepdims=True), rows.peak_before)
    rise = peak - rows.peak_before + peak_room.max(2, keepdims=True)
    risen = jnp.where(rows.peaked, peaked + rise + rows.peak_before, 1.0)
    share = rows.peak_price / (net.shape[1] + 1)
    hard = jnp.where(rows.split(rows.held)[0], centre / limits, 0.0)
    return Point(
        slack=jnp.concatenate([limits, eased, risen]),
        multiplier=jnp.concatenate([hard, shared, jnp.broadcast_to(share, risen.shape)]),
        ease=ease,
        ease_multiplier=rows.price - shared,
        rise=jnp.where(rows.peaked, rise, 1.0),
        rise_multiplier=share,
    )


def begin_near(rows: Rows, point: Point, own_price: PerStep, net: PerStep, least: PerRow) -> Point:
    """Limits at these prices and net powers, with products of about ``least`` in each group.

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


def prepare(rows: Rows, point: Point, net: PerStep) -> Springs:
    """Offsets, stiffness, and how peaks tie steps together at these net powers."""
    offset = jnp.where(rows.held, _free(rows, point, net) - point.slack, 0.0)
    bend = point.multiplier / point.slack
    limits, meters, peaks = rows.split(bend)
    ease_bend = point.ease_multiplier / point.ease
    soft_bend = jnp.where(rows.soft, meters + ease_bend, 1.0)
    yielding = jnp.where(rows.soft, ease_bend / soft_bend, 1.0)
    each = jnp.concatenate([limits, meters * yielding, peaks])
    stiff = each.sum(0)
    rise_bend = point.rise_multiplier / point.rise
    peak_total = jnp.where(rows.peaked, peaks.sum(2, keepdims=True) + rise_bend, 1.0)
    shift = (rows.sign * each * offset).sum(0) / jnp.where(stiff > 0, stiff, 1.0)
    missed = peaks * (shift[None] - rows.split(offset)[2])
    missed = missed.sum(2, keepdims=True) / peak_total
    return Springs(
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
    return _relieved(rows, free, point.ease, point.rise + rows.peak_before)


def _relieved(rows: Rows, of_kinds: Kinds, ease: Eases, rise: Float[jax.Array, "..."]) -> Kinds:
    """An array of all kinds, with what eases and rises add to theirs."""
    limits, meters, peaks = rows.split(of_kinds)
    return jnp.concatenate([limits, meters + ease, peaks + rise])


def own_price(rows: Rows, point: Point) -> PerStep:
    """What each group's rows add to its parent's price at present."""
    return (rows.sign * point.multiplier).sum(0)


def aim(rows: Rows, point: Point, springs: Springs, goal: PerRow, products: Products | None) -> Aim:
    """What each group's rows would add to its parent's price once offsets are undone."""
    slack, ease, rise = (0.0, 0.0, 0.0) if products is None else products
    goals = goal[None, :, None]
    by_slack = jnp.where(rows.held, (goals - slack) / point.slack, 0.0)
    by_ease = jnp.where(rows.soft, (goals - ease) / point.ease, 0.0)
    by_rise = jnp.where(rows.peaked, (goals - rise) / point.rise, 0.0)
    _, of_meters, of_peaks = rows.split(by_slack)
    over = of_meters + by_ease - rows.price
    easing = jnp.where(rows.soft, over / springs.soft_bend, 0.0)
    over = of_peaks.sum(2, keepdims=True) + by_rise - rows.peak_price
    rising = over / springs.peak_total
    meters, peaks = rows.split(springs.bend)[1], springs.peak_bend
    multiplier = _relieved(rows, by_slack, -meters * easing, -peaks * rising)
    price = (rows.sign * multiplier).sum(0) - (peaks * springs.missed).sum(0)
    return Aim(by_slack, by_ease, by_rise, easing, rising, price)


def step(rows: Rows, point: Point, springs: Springs, aimed: Aim, change: PerStep) -> Point:
    """The step of slacks and multipliers that goes with these changes of net power."""
    moved = jnp.where(rows.held, rows.sign * change[None] + springs.offset, 0.0)
    _, metered, peaked = rows.split(moved)
    lifted = (springs.peak_bend * peaked).sum(2, keepdims=True)
    ease = aimed.easing - (1.0 - springs.yielding) * metered
    rise = aimed.rising - lifted / springs.peak_total
    slack = jnp.where(rows.held, _relieved(rows, moved, ease, rise), 0.0)
    easing = aimed.ease - springs.yielding * springs.soft_bend * ease - point.ease_multiplier
    rising = aimed.rise - springs.rise_bend * rise - point.rise_multiplier
    return Point(
        slack=slack,
        multiplier=jnp.where(rows.held, aimed.slack - springs.bend * slack - point.multiplier, 0.0),
        ease=ease,
        ease_multiplier=jnp.where(rows.soft, easing, 0.0),
        rise=rise,
        rise_multiplier=rising,
    )


def pairs(one: Point, other: Point) -> Products:
    """Products of one point's slacks with the other's multipliers."""
    return Products(
        one.slack * other.multiplier,
        one.ease * other.ease_multiplier,
        one.rise * other.rise_multiplier,
    )


# -- taking it ----------------------------------------------------------------------------------


def longest(point: Point, change: Point) -> tuple[PerRow, PerRow]:
    """The longest primal and dual step that keeps each group's slacks positive."""
    primal, dual = (
        jnp.minimum(jnp.minimum(_ratio(a, da), _ratio(b, db)), _ratio(c, dc))
        for (a, b, c), (da, db, dc) in zip(_halves(point), _halves(change), strict=True)
    )
    return primal, dual


def _halves(point: Point) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
    """What is primal, and what is dual."""
    return point[::2], point[1::2]


def _ratio(value: jax.Array, change: jax.Array) -> PerRow:
    """The longest step that keeps each group's positive values positive."""
    falling = change < 0
    ratio = jnp.where(falling, -value / jnp.where(falling, change, 1.0), UNBLOCKED)
    return ratio.min((0, 2), initial=UNBLOCKED)


def move(
    rows: Rows, point: Point, change: Point, primal: PerRow, dual: PerRow, net: PerStep
) -> Point:
    """The point after the step, each group as far as it is told, at these net powers.

    Units that go further than their group leave an offset. It is taken away at once where what a
    row then has to spare is not much less than its slack was before or after the step.
    """
    far = (primal, dual) * 3
    moves = zip(point, far, change, strict=True)
    moved = Point(*(old + ahead[None, :, None] * by for old, ahead, by in moves))
    free = _free(rows, moved, net)
    enough = rows.held & (free > NEAR * jnp.minimum(moved.slack, point.slack))
    return moved._replace(slack=jnp.where(enough, free, moved.slack))


def residual(rows: Rows, point: Point, net: PerStep) -> PerRow:
    """Largest offset of each group, as a multiple of what is allowed."""
    offset = jnp.abs(_free(rows, point, net) - point.slack)
    allowed = jnp.maximum(OFFSET_KW, 0.5 * MARGIN * jnp.abs(rows.level))
    return jnp.where(rows.held, offset / allowed, 0.0).max((0, 2))


def total(products: Products) -> PerRow:
    """Sum of products over each group's rows."""
    return _over(products.slack) + _over(products.ease) + _over(products.rise)


def _over(values: jax.Array) -> PerRow:
    """Sum over kinds and steps."""
    return values.sum((0, 2))


def cost(rows: Rows, point: Point) -> PerRow:
    """What eases and peaks cost each group."""
    peak = rows.peak_price * (point.rise + rows.peak_before)
    return _over(rows.price * point.ease) + _over(peak)
