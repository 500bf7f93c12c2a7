"""One Newton step of the interior-point method as the stores see it, in arrays for accelerators.

The mathematics is that of `evergrid.engine.interior_point.store_kernels`. Stores are packed in
blocks of one node; arrays are laid out ``step block store``, so that recurrences over steps run
side by side for all stores. Steps in which a store is absent have no limits and no multipliers, and
never change.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from evergrid.engine.interior_point.store_kernels import UNBLOCKED
from evergrid.engine.interior_point.store_state import ROOM_KWH

UNROLL = 8  # steps of a recurrence in one pass of its loop: fewer launches, longer to compile
LEAST_TILE = 8  # smaller products of the nodes' answers are not worth a matrix product

Number = Float[jax.Array, ""]
Slots = Float[jax.Array, "step block store"]
Each = Float[jax.Array, "block store"]


class Stores(NamedTuple):
    """What the program gives: limits per store, and what differs from step to step.

    Prices are the sum of three terms, of which those over steps or slots may be broadcast.
    """

    first: Int[jax.Array, "block store"]
    stop: Int[jax.Array, "block store"]
    share: Slots
    charge_kw: Each
    discharge_kw: Each
    gain: Each
    drain: Each
    start: Each
    low: Each
    high: Each
    owed: Each
    end_value_per_kwh: Each
    draw_price_per_kwh: Float[jax.Array, "step #block #store"]
    feed_price_per_kwh: Float[jax.Array, "step #block #store"]
    draw_extra: Each
    feed_extra: Each
    draw_curve_per_kwh_kw: Slots | None = None
    feed_curve_per_kwh_kw: Slots | None = None


class Point(NamedTuple):
    """The iterate: shares drawn, fed and idle, room above and below, multipliers, worth."""

    x: Slots
    y: Slots
    s: Slots
    above: Slots
    below: Slots
    zx: Slots
    zy: Slots
    zs: Slots
    za: Slots
    zb: Slots
    value: Slots


class Terms(NamedTuple):
    """Coefficients of the shares, per slot: cost, energy stored and net power.

    ``curve_x`` and ``curve_y`` are the second derivatives of the costs, where these rise.
    """

    present: Bool[jax.Array, "step block store"]
    cost_x: Slots
    cost_y: Slots
    curve_x: Slots | None
    curve_y: Slots | None
    gain_x: Slots
    gain_y: Slots
    net_x: Slots
    net_y: Slots
    low: Slots
    before: Slots


class Factor(NamedTuple):
    """Inverse Hessian of the shares, and the factor of the tridiagonal systems."""

    xx: Slots
    xy: Slots
    yy: Slots
    beta: Slots
    theta: Slots
    dinv: Slots
    ratio: Slots


class Gradient(NamedTuple):
    """Right-hand sides: of both shares, of energy, and what the worth of energy answers."""

    gx: Slots
    gy: Slots
    ge: Slots
    value: Slots


class Step(NamedTuple):
    """Changes of shares, energy and its worth."""

    dx: Slots
    dy: Slots
    de: Slots
    dvalue: Slots


class Products(NamedTuple):
    """Second-order products of a predicted step, one for each multiplier."""

    x: Slots
    y: Slots
    s: Slots
    above: Slots
    below: Slots


def terms(stores: Stores, step_h: Number) -> Terms:
    """Coefficients per slot; 0 where a store is absent."""
    step = jnp.arange(stores.share.shape[0])[:, None, None]
    present = (step >= stores.first) & (step < stores.stop)
    draw, feed = stores.share * stores.charge_kw, stores.share * stores.discharge_kw
    floor = jnp.where(step == stores.stop - 1, jnp.maximum(stores.low, stores.owed), stores.low)
    return Terms(
        present=present,
        cost_x=step_h * (stores.draw_price_per_kwh + stores.draw_extra) * draw,
        cost_y=-step_h * (stores.feed_price_per_kwh + stores.feed_extra) * feed,
        curve_x=_second(stores.draw_curve_per_kwh_kw, draw, step_h),
        curve_y=_second(stores.feed_curve_per_kwh_kw, feed, step_h),
        gain_x=stores.gain * draw,
        gain_y=-stores.drain * feed,
        net_x=-draw,
        net_y=feed,
        low=jnp.minimum(floor, stores.high - ROOM_KWH),
        before=jnp.where(step == stores.first, stores.start, 0.0),
    )


def _second(curve: Slots | None, limit: Slots, step_h: Number) -> Slots | None:
    """Second derivative of a cost by the share of its limit."""
    return None if curve is None else 2 * step_h * curve * limit**2


def _risen(value: Slots, curve: Slots | None, by: Slots | float) -> Slots:
    """A value, and what a cost that rises adds to it."""
    return value if curve is None else value + curve * by


def start(stores: Stores, step_h: Number, centre: Number, worth: Number) -> Point:
    """A straight line of energy to what is owed, powers to match, multipliers to centre."""
    has = terms(stores, step_h)
    step = jnp.arange(stores.share.shape[0])[:, None, None]
    kind = stores.share.dtype
    lengths = jnp.maximum(stores.stop - stores.first, 1).astype(kind)
    along = (step - stores.first + 1).astype(kind) / lengths
    owed = jnp.minimum(jnp.maximum(stores.low, stores.owed), stores.high - ROOM_KWH)
    line = stores.start * (1 - along) + jnp.maximum(stores.start, owed) * along
    margin = jnp.minimum(0.05 * (stores.high - has.low), 1.0)
    energy = jnp.clip(line, has.low + margin, stores.high - margin)
    y = 0.1
    stored = energy - _held_before(has, energy) - has.gain_y * y
    x = jnp.clip(stored / jnp.where(has.gain_x > 0, has.gain_x, 1.0), 0.05, 0.8)
    slacks = [x, jnp.full_like(x, y), 1 - x - y, energy - has.low, stores.high - energy]
    slacks = [jnp.where(has.present, slack, 1.0) for slack in slacks]
    multipliers = [jnp.where(has.present, centre / slack, 0.0) for slack in slacks]
    value = jnp.where(has.present, worth, stores.end_value_per_kwh)
    return Point._make([*slacks, *multipliers, value])


def widened(stores: Stores, step_h: Number, coarse: Point) -> Point:
    """A point of less precision in that of the stores, its slacks made to sum to their ranges."""
    point = Point._make(array.astype(stores.share.dtype) for array in coarse)
    has = terms(stores, step_h)
    shares = point.x + point.y + point.s
    room = (stores.high - has.low) / (point.above + point.below)
    slacks = (point.x / shares, point.y / shares, point.s / shares)
    slacks += (point.above * room, point.below * room)
    kept = [jnp.where(has.present, a, b) for a, b in zip(slacks, point[:5], strict=True)]
    value = jnp.where(has.present, point.value, stores.end_value_per_kwh)
    return Point._make([*kept, *point[5:10], value])


def factor(has: Terms, point: Point, damping: Number) -> Factor:
    """Hessians and tridiagonal factors, without a difference that could cancel."""
    qx = _risen(point.zx / point.x + damping, has.curve_x, 1.0)
    qy = _risen(point.zy / point.y + damping, has.curve_y, 1.0)
    qs = point.zs / point.s
    scale = has.present / (qx * qy + qs * (qx + qy))
    xx, xy, yy = (qy + qs) * scale, -qs * scale, (qx + qs) * scale
    ux, uy = xx * has.gain_x + xy * has.gain_y, xy * has.gain_x + yy * has.gain_y
    # With the shares of a slot eliminated, the system in the prices of energy is tridiagonal: theta
    # is how energy gives way to its price, and stands beside the diagonal as -theta. Of a pivot
    # rest + theta the next slot is left with theta - theta^2 / (rest + theta), written as a
    # product.
    held = jnp.where(has.present, point.za / point.above + point.zb / point.below, 1.0)
    theta = has.present / held
    own = jnp.where(has.present, has.gain_x * ux + has.gain_y * uy, 1.0)

    def eliminate(left: Each, at: tuple[Each, Each]) -> tuple[Each, Each]:
        own, theta = at
        rest = own + left
        return theta * rest / (rest + theta), rest

    _, rest = jax.lax.scan(eliminate, jnp.zeros_like(own[0]), (own, theta), unroll=UNROLL)
    dinv = 1.0 / (rest + theta)
    stays = jnp.concatenate([has.present[1:], jnp.zeros_like(has.present[:1])])
    return Factor(
        xx=xx,
        xy=xy,
        yy=yy,
        beta=has.net_x * ux + has.net_y * uy,
        theta=theta,
        dinv=has.present * dinv,
        ratio=stays * theta * dinv,
    )


def answers(has: Terms, made: Factor) -> Float[jax.Array, "block step step"]:
    """Sum over each block of ``diag(gamma) - diag(beta) M^-1 diag(beta)``.

    Between steps i < j the inverse is a product of ratios with its own diagonal at j. Products are
    gathered in tiles that double in size, so that nearly all work is in matrix products; being
    products of factors between 0 and 1, they cannot overflow.
    """
    gamma = has.net_x * (made.xx * has.net_x + made.xy * has.net_y)
    gamma += has.net_y * (made.xy * has.net_x + made.yy * has.net_y)

    def upwards(below: Each, at: tuple[Each, Each]) -> tuple[Each, Each]:
        dinv, ratio = at
        corner = dinv + ratio * ratio * below
        return corner, corner

    _, corner = jax.lax.scan(
        upwards, jnp.zeros_like(gamma[0]), (made.dinv, made.ratio), reverse=True, unroll=UNROLL
    )
    right = made.beta * corner
    diagonal = (gamma - made.beta * right).sum(-1).T
    return _doubled(
        diagonal[:, :, None, None],
        *(jnp.swapaxes(a, 0, 1)[:, :, None] for a in (made.beta * made.ratio, right, made.ratio)),
    )


def _doubled(
    tiles: Float[jax.Array, "block tile size size"],
    left: Float[jax.Array, "block tile size store"],
    right: Float[jax.Array, "block tile size store"],
    through: Float[jax.Array, "block tile 1 store"],
) -> Float[jax.Array, "block step step"]:
    """Join neighbouring tiles along the diagonal until one is left."""
    steps = tiles.shape[1]
    while tiles.shape[1] > 1:
        if tiles.shape[1] % 2:
            tiles, left, right, through = (
                jnp.pad(a, ((0, 0), (0, 1), (0, 0), (0, 0))) for a in (tiles, left, right, through)
            )
        tiles = _joined(tiles, _products(left[:, ::2], right[:, 1::2]))
        left = jnp.concatenate([left[:, ::2] * through[:, 1::2], left[:, 1::2]], 2)
        right = jnp.concatenate([right[:, ::2], right[:, 1::2] * through[:, ::2]], 2)
        through = through[:, ::2] * through[:, 1::2]
    return tiles[:, 0, :steps, :steps]


def _products(
    left: Float[jax.Array, "block tile size store"],
    right: Float[jax.Array, "block tile size store"],
) -> Float[jax.Array, "block tile size size"]:
    if left.shape[2] < LEAST_TILE:
        return (left[:, :, :, None] * right[:, :, None]).sum(-1)
    return jnp.einsum("btik,btjk->btij", left, right, precision="highest")


def _joined(
    tiles: Float[jax.Array, "block tile size size"],
    across: Float[jax.Array, "block pair size size"],
) -> Float[jax.Array, "block pair double double"]:
    """Pairs of tiles with what lies between them, negative, and its mirror image."""
    upper = jnp.concatenate([tiles[:, ::2], -across], 3)
    lower = jnp.concatenate([-jnp.swapaxes(across, 2, 3), tiles[:, 1::2]], 3)
    return jnp.concatenate([upper, lower], 2)


def respond(
    has: Terms,
    stores: Stores,
    point: Point,
    made: Factor,
    price: Float[jax.Array, "step block"],
    goal: Float[jax.Array, " block"],
    products: Products | None,
) -> tuple[Gradient, Float[jax.Array, "step block"]]:
    """What each store would do at its node's present price, and each block's net change."""
    worth = point.value
    pull = _pulls(has, point, goal, products)
    draw, feed = reduced_costs(has, point.x, point.y, worth, price)
    gx, gy = draw + pull.s - pull.x, feed + pull.s - pull.y
    ge = worth - later(worth, stores.end_value_per_kwh) - pull.above + pull.below
    ux, uy = made.xx * gx + made.xy * gy, made.xy * gx + made.yy * gy
    moved = made.theta * ge
    unmet = energy_residual(has, point) - (moved - _earlier(moved))
    value = solve(made, has.present * (unmet + has.gain_x * ux + has.gain_y * uy))
    net = (made.beta * value - has.net_x * ux - has.net_y * uy).sum(-1)
    return Gradient(gx, gy, ge, value), net


def reduced_costs(
    has: Terms, x: Slots, y: Slots, worth: Slots, price: Float[jax.Array, "step block"]
) -> tuple[Slots, Slots]:
    """What one more share drawn and one more fed would cost, at prices of energy and net power."""
    price = price[:, :, None]
    draw = _risen(has.cost_x, has.curve_x, x) - has.gain_x * worth - has.net_x * price
    feed = _risen(has.cost_y, has.curve_y, y) - has.gain_y * worth - has.net_y * price
    return draw, feed


def _pulls(
    has: Terms, point: Point, goal: Float[jax.Array, " block"], products: Products | None
) -> Products:
    """Target less second-order product, over the slack, for each multiplier."""
    mu = has.present * goal[:, None]
    if products is None:
        return Products(*(mu / slack for slack in point[:5]))
    return Products(*((mu - c) / slack for c, slack in zip(products, point[:5], strict=True)))


def advance(
    has: Terms,
    made: Factor,
    gradient: Gradient,
    dprice: Float[jax.Array, "step block"],
) -> Step:
    """The step of every store to its node's change of price."""
    change = dprice[:, :, None]
    worth = gradient.value - solve(made, made.beta * change)
    after = later(worth, jnp.zeros_like(worth[0]))
    bx = has.gain_x * worth + has.net_x * change - gradient.gx
    by = has.gain_y * worth + has.net_y * change - gradient.gy
    return Step(
        dx=made.xx * bx + made.xy * by,
        dy=made.xy * bx + made.yy * by,
        de=-made.theta * (gradient.ge + worth - after),
        dvalue=worth,
    )


def slack_changes(step: Step) -> Products:
    """Changes of the five slacks."""
    return Products(step.dx, step.dy, -step.dx - step.dy, step.de, -step.de)


def multiplier_changes(
    has: Terms,
    point: Point,
    step: Step,
    goal: Float[jax.Array, " block"],
    products: Products | None,
) -> Products:
    """Changes of the five multipliers."""
    pull = _pulls(has, point, goal, products)
    rows = zip(pull, point[:5], point[5:10], slack_changes(step), strict=True)
    return Products(*(p - z * d / slack - z for p, slack, z, d in rows))


def second_order(point: Point, step: Step) -> Products:
    """Products of the changes of slacks and multipliers in a step towards no gap at all."""
    rows = zip(point[:5], point[5:10], slack_changes(step), strict=True)
    return Products(*(-z * d * (1 + d / slack) for slack, z, d in rows))


def longest(values: Products, changes: Products) -> Each:
    """The longest step that keeps the positive values of each store positive."""
    least = [
        jnp.where(change < 0, -value / jnp.where(change < 0, change, 1.0), UNBLOCKED)
        for value, change in zip(values, changes, strict=True)
    ]
    return _smallest(least).min(0)


def _smallest(arrays: list[Slots]) -> Slots:
    least = arrays[0]
    for array in arrays[1:]:
        least = jnp.minimum(least, array)
    return least


def gap(slacks: Products, multipliers: Products) -> Float[jax.Array, " block"]:
    """Sum of the complementary products of each block."""
    products = [a * b for a, b in zip(slacks, multipliers, strict=True)]
    return jnp.stack([product.sum((0, 2)) for product in products]).sum(0)


def stored(has: Terms, point: Point) -> Slots:
    """Energy that each slot adds."""
    return has.gain_x * point.x + has.gain_y * point.y


def net_power(has: Terms, point: Point) -> Float[jax.Array, "step block"]:
    """Net power of each block."""
    return (has.net_x * point.x + has.net_y * point.y).sum(-1)


def one_way(stores: Stores, has: Terms, point: Point) -> Slots:
    """Power of each slot when its smaller direction is cancelled."""
    change = stored(has, point)
    return jnp.where(change >= 0, -change / stores.gain, -change / stores.drain)


def energy_residual(has: Terms, point: Point) -> Slots:
    """By how much each slot misses its energy balance."""
    energy = has.low + point.above
    return has.present * (energy - _held_before(has, energy) - stored(has, point))


def costs(
    stores: Stores, has: Terms, point: Point
) -> tuple[Float[jax.Array, " block"], Float[jax.Array, " block"]]:
    """Cost and turnover of each block."""
    drawn = has.cost_x * point.x
    fed = has.cost_y * point.y
    risen = _risen(jnp.zeros_like(drawn), has.curve_x, 0.5 * point.x**2)
    risen = _risen(risen, has.curve_y, 0.5 * point.y**2)
    step = jnp.arange(stores.share.shape[0])[:, None, None]
    last = has.present & (step == stores.stop - 1)
    left = stores.end_value_per_kwh * (has.low + point.above - stores.start)
    cost = (drawn + fed + risen - last * left).sum((0, 2))
    return cost, (jnp.abs(drawn) + jnp.abs(fed) + risen).sum((0, 2))


def solve(made: Factor, right: Slots) -> Slots:
    """Solve the stores' tridiagonal systems."""

    def down(above: Each, at: tuple[Each, Each]) -> tuple[Each, Each]:
        right, ratio = at
        here = right + above
        return ratio * here, here

    def up(below: Each, at: tuple[Each, Each, Each]) -> tuple[Each, Each]:
        right, dinv, ratio = at
        here = dinv * right + ratio * below
        return here, here

    nothing = jnp.zeros_like(right[0])
    _, forward = jax.lax.scan(down, nothing, (right, made.ratio), unroll=UNROLL)
    rows = (forward, made.dinv, made.ratio)
    return jax.lax.scan(up, nothing, rows, reverse=True, unroll=UNROLL)[1]


def _held_before(has: Terms, energy: Slots) -> Slots:
    """Energy before each slot: that of the slot before, or what the store came with."""
    came = has.before
    first = jnp.concatenate([jnp.ones_like(has.present[:1]), ~has.present[:-1]])
    return jnp.where(first, came, _earlier(energy))


def _earlier(array: Slots) -> Slots:
    return jnp.concatenate([jnp.zeros_like(array[:1]), array[:-1]])


def later(array: Slots, last: Each) -> Slots:
    """Each slot's next value; ``last`` after the last step."""
    return jnp.concatenate([array[1:], last[None]])
