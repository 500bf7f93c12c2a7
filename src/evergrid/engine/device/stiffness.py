"""How stiff groups are held by their rows: a matrix over steps, by a root that loses no digits.

The matrix is ``S = R' R``. Rows of single steps make ``R`` diagonal. A peak ties the steps of its
group together, which puts ``1 - a p p'`` before the diagonal, and a budget adds a last row that
sees the sum over steps; see `evergrid.engine.interior_point.group_kernels`. Axes of peaks and
budgets are empty where a program has none.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from evergrid.engine.device import group_barrier
from evergrid.engine.device.barrier import PerStep, Rows, Springs
from evergrid.engine.device.group_barrier import Pool

Held = Float[jax.Array, "row held"]  # a price by step and, last, by budget


class Stiffness(NamedTuple):
    """The root R of each group's stiffness.

    Attributes:
        step: Its diagonal.
        tie: The vector p.
        share: The number a.
        pool: What a budget sees of each step.
    """

    step: PerStep
    tie: Float[jax.Array, "row step peak"]
    share: Float[jax.Array, "row peak"]
    pool: Pool


def of_springs(rows: Rows, springs: tuple[Springs, ...]) -> Stiffness:
    """The root of what the rows of single steps and budgets make."""
    first = springs[0]
    tie, share = _tie(rows, first)
    root = jnp.sqrt(first.stiff)
    return Stiffness(root, tie, share, jnp.sqrt(group_barrier.pool(springs)))


def _tie(
    rows: Rows, springs: Springs
) -> tuple[Float[jax.Array, "row step peak"], Float[jax.Array, "row peak"]]:
    """What ties the steps of groups with a price on their peak; 0 for others."""
    bend = springs.peak_bend
    stiff = jnp.where(rows.peaked, springs.stiff[None], 1.0)
    tie = bend / jnp.sqrt(stiff * springs.peak_total)
    size = (tie**2).sum(2)
    left = springs.rise_bend + (bend * ((stiff - bend) / stiff)).sum(2, keepdims=True)
    share = (1.0 - jnp.sqrt(left / springs.peak_total)[:, :, 0]) / jnp.where(size > 0, size, 1.0)
    return jnp.moveaxis(tie, 0, 2), share.T


def times(
    stiffness: Stiffness, columns: Float[jax.Array, "row step column"]
) -> Float[jax.Array, "row held column"]:
    """The root times these columns."""
    held = _untied(stiffness, stiffness.step[:, :, None] * columns)
    summed = stiffness.pool[:, :, None] * columns.sum(1, keepdims=True)
    return jnp.concatenate([held, summed], 1)


def back(stiffness: Stiffness, held: Held) -> tuple[PerStep, Pool]:
    """Its transpose times a vector: the part of single steps, and that of budgets."""
    steps = stiffness.step.shape[1]
    tied = _untied(stiffness, held[:, :steps, None])[:, :, 0]
    return stiffness.step * tied, stiffness.pool * held[:, steps:]


def _untied(
    stiffness: Stiffness, columns: Float[jax.Array, "row step column"]
) -> Float[jax.Array, "row step column"]:
    """``1 - a p p'`` times these columns."""
    for peak in range(stiffness.tie.shape[2]):
        tie = stiffness.tie[:, :, peak, None]
        along = (tie * columns).sum(1, keepdims=True)
        columns -= tie * (stiffness.share[:, peak, None, None] * along)
    return columns
