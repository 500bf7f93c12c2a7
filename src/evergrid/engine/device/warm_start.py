"""A point near a guess from a plan for nearly the same program, in arrays for accelerators.

Stores begin as in `evergrid.engine.interior_point.store_kernels.begin_warm`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from evergrid.engine.device import stores
from evergrid.engine.device.barrier import PerRow, PerStep
from evergrid.engine.device.stores import Number, Point, Slots, Stores, Terms
from evergrid.engine.interior_point.store_kernels import NUDGE

OfBlocks = Float[jax.Array, "1 block 1"]


class WarmStart(NamedTuple):
    """What is guessed, on one device.

    Attributes:
        power_kw: Power of each slot, positive into the grid.
        value: Worth of a kWh in store at the end of each slot.
        price: Of net power, of each node.
        budget_price: The part of it that a node's own budget adds in every step.
        least: Products to begin with.
        good: Whether the guess is good enough for a node's whole tree already.
    """

    power_kw: Slots
    value: Slots
    price: PerStep
    budget_price: PerRow
    least: PerRow
    good: Bool[jax.Array, " row"]


def begin(
    has_stores: Stores,
    step_h: Number,
    warm: WarmStart,
    price: Float[jax.Array, "step block"],
    least: Float[jax.Array, " block"],
) -> Point:
    """Stores at the powers of a guess, with products of about ``least`` in each block.

    Multipliers follow from the prices, so that these are feasible; powers and energies are moved
    off their limits by what the multipliers allow.
    """
    has = stores.terms(has_stores, step_h)
    mu = least[None, :, None]
    x = _share(warm.power_kw, has.net_x)
    y = _share(warm.power_kw, has.net_y)
    worth = jnp.where(has.present, warm.value, has_stores.end_value_per_kwh[None])
    shares, of_shares = _shares(has, x, y, stores.reduced_costs(has, x, y, worth, price), mu)
    energy = has_stores.start[None] + jnp.cumsum(has.gain_x * x + has.gain_y * y, 0)
    rises = worth - stores.later(worth, has_stores.end_value_per_kwh)
    room, of_room = _room(has_stores, has, energy, rises, mu)
    slacks = [jnp.where(has.present, slack, 1.0) for slack in (*shares, *room)]
    multipliers = [jnp.where(has.present, z, 0.0) for z in (*of_shares, *of_room)]
    return Point._make([*slacks, *multipliers, worth])


def _share(power_kw: Slots, full_kw: Slots) -> Slots:
    """The share of full power in its own direction."""
    share = power_kw / jnp.where(full_kw != 0, full_kw, 1.0)
    return jnp.where(full_kw != 0, jnp.clip(share, 0.0, 1.0), 0.0)


def _shares(
    has: Terms, x: Slots, y: Slots, cost: tuple[Slots, Slots], mu: OfBlocks
) -> tuple[tuple[Slots, Slots, Slots], tuple[Slots, Slots, Slots]]:
    """Shares drawn, fed and idle, off their limits, and their multipliers."""
    draw, feed = cost
    zs = jnp.maximum(jnp.maximum(-draw, -feed), 0.0) + mu
    zx, zy = draw + zs, feed + zs
    idle = jnp.maximum(1.0 - x - y, jnp.minimum(mu / zs, NUDGE))
    x = jnp.maximum(x, jnp.minimum(mu / zx, NUDGE))
    y = jnp.maximum(y, jnp.minimum(mu / zy, NUDGE))
    whole = x + y + idle
    return (x / whole, y / whole, idle / whole), (zx, zy, zs)


def _room(
    has_stores: Stores, has: Terms, energy: Slots, rises: Slots, mu: OfBlocks
) -> tuple[tuple[Slots, Slots], tuple[Slots, Slots]]:
    """Room above the least energy and below the greatest, and their multipliers."""
    high = has_stores.high[None]
    band = high - has.low
    rest = mu / jnp.minimum(0.1 * band, 1.0)
    za, zb = jnp.maximum(rises, 0.0) + rest, jnp.maximum(-rises, 0.0) + rest
    inside = jnp.maximum(energy, has.low + jnp.minimum(mu / za, NUDGE * band))
    inside = jnp.minimum(inside, high - jnp.minimum(mu / zb, NUDGE * band))
    return (inside - has.low, high - inside), (za, zb)
