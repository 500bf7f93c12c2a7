"""What inverters answer to the voltage, on a device; `volt_var_kernels` is the same by loops."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from evergrid.grid.inverters.volt_var_kernels import (
    RATIO,
    REACTIVE_FIRST,
    VOLT_CURVE,
    WATT_CURVE,
    WATT_END,
    WATT_FLOOR,
    WATT_START,
)

Cells = Float[jax.Array, "branch lane"]
Law = Float[jax.Array, "column branch 1"]


class Inverters(NamedTuple):
    """The inverters of the lanes.

    Attributes:
        laws: What each way of control does at each branch.
        control: Way of control of each lane.
        rating_kva: Rated apparent power; 0 where there is none.
        wanted_kw: Power into the grid that is asked of each.
        moved_pu: How far its reference has moved.
        damping: Share of the way to its answer that it goes in an iteration.
    """

    laws: Float[jax.Array, "control column branch 1"]
    control: Int[jax.Array, " lane"]
    rating_kva: Cells
    wanted_kw: Cells
    moved_pu: Cells
    damping: Float[jax.Array, " lane"]


def start(inverters: Inverters) -> Float[jax.Array, "double lane"]:
    """Powers to begin with: what is asked, as far as the rating goes, and nothing reactive."""
    rating = inverters.rating_kva
    asked = jnp.clip(inverters.wanted_kw, -rating, rating)
    return jnp.concatenate([asked, jnp.zeros_like(asked)])


def drive(
    inverters: Inverters, power: Float[jax.Array, "double lane"], size_pu: Cells
) -> tuple[Float[jax.Array, "double lane"], Float[jax.Array, " lane"]]:
    """Powers moved towards the answers, and how far the farthest answer was, over the rating."""
    rating = inverters.rating_kva
    there = rating > 0
    answered = jnp.concatenate(answer(inverters, jnp.where(there, rating, 1.0), size_pu))
    step = jnp.where(jnp.concatenate([there, there]), answered - power, 0.0)
    dp, dq = jnp.split(step, 2)
    gap = jnp.sqrt(dp * dp + dq * dq) / jnp.where(there, rating, 1.0)
    return power + inverters.damping * step, gap.max(axis=0)


def answer(inverters: Inverters, rating: Cells, size_pu: Cells) -> tuple[Cells, Cells]:
    """Power and reactive power of each inverter at a voltage, within its rated apparent power."""
    p, q = jnp.zeros_like(rating), jnp.zeros_like(rating)
    for row, law in enumerate(inverters.laws):
        here = inverters.control == row
        of_law = _answer(law, size_pu, inverters.moved_pu, inverters.wanted_kw, rating)
        p, q = jnp.where(here, of_law[0], p), jnp.where(here, of_law[1], q)
    return p, q


def _answer(
    law: Law, size_pu: Cells, moved_pu: Cells, wanted_kw: Cells, rating: Cells
) -> tuple[Cells, Cells]:
    start_pu, end_pu, floor = law[WATT_START], law[WATT_END], law[WATT_FLOOR]
    above = jnp.clip((size_pu - start_pu) / (end_pu - start_pu), 0.0, 1.0)
    p = jnp.minimum(wanted_kw, rating * (1.0 - above * (1.0 - floor)))
    p = jnp.clip(p, -rating, rating)
    q = rating * _on_curve(law, VOLT_CURVE, size_pu - moved_pu)
    q += rating * _on_curve(law, WATT_CURVE, p / rating) + law[RATIO] * p
    first: Bool[jax.Array, "branch 1"] = law[REACTIVE_FIRST] > 0
    q = jnp.where(first, jnp.clip(q, -rating, rating), q)
    p_left, q_left = _left(rating, q), _left(rating, p)
    return (
        jnp.where(first, jnp.clip(p, -p_left, p_left), p),
        jnp.where(first, q, jnp.clip(q, -q_left, q_left)),
    )


def _left(rating: Cells, taken: Cells) -> Cells:
    """What is left of the rated apparent power beside the other kind of power."""
    return jnp.sqrt(jnp.maximum(rating * rating - taken * taken, 0.0))


def _on_curve(law: Law, first: int, x: Cells) -> Cells:
    """Value at ``x`` of the curve whose points begin at column ``first``."""
    at, value = law[first : first + 4], law[first + 4 : first + 8]
    found = value[3] + jnp.zeros_like(x)
    for k in (2, 1, 0):
        share = (x - at[k]) / (at[k + 1] - at[k])
        found = jnp.where(x < at[k + 1], value[k] + share * (value[k + 1] - value[k]), found)
    return jnp.where(x <= at[0], value[0], found)
