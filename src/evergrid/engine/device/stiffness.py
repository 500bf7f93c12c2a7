"""How stiff nodes are held by their rows: a matrix over steps, by a root that loses no digits.

The matrix is ``S = R' R``. Rows of single steps make ``R`` diagonal. A peak ties the steps of its
node together, which puts ``1 - a p p'`` before the diagonal, and a budget adds a last row that
sees the sum over steps; see `evergrid.engine.interior_point.node_kernels`. Axes of peaks and
budgets are empty where a program has none.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from evergrid.engine.device import node_barrier
from evergrid.engine.device.barrier import PerStep, RowCurvature, Rows
from evergrid.engine.device.node_barrier import Pool

PriceRows = Float[jax.Array, "row held"]  # a price by step and, last, by budget


class Stiffness(NamedTuple):
    """The root R of each node's stiffness.

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


def of_curvature(rows: Rows, curvature: tuple[RowCurvature, ...]) -> Stiffness:
    """The root of what the rows of single steps and budgets make."""
    first = curvature[0]
    tie, share = _tie(rows, first)
    root = jnp.sqrt(first.stiff)
    return Stiffness(root, tie, share, jnp.sqrt(node_barrier.pool(curvature)))


def _tie(
    rows: Rows, curvature: RowCurvature
) -> tuple[Float[jax.Array, "row step peak"], Float[jax.Array, "row peak"]]:
    """What ties the steps of nodes with a price on their peak; 0 for others."""
    bend = curvature.peak_bend
    stiff = jnp.where(rows.peaked, curvature.stiff[None], 1.0)
    tie = bend / jnp.sqrt(stiff * curvature.peak_total)
    size = (tie**2).sum(2)
    left = curvature.rise_bend + (bend * ((stiff - bend) / stiff)).sum(2, keepdims=True)
    share = (1.0 - jnp.sqrt(left / curvature.peak_total)[:, :, 0]) / jnp.where(size > 0, size, 1.0)
    return jnp.moveaxis(tie, 0, 2), share.T


def times(
    stiffness: Stiffness, columns: Float[jax.Array, "row step column"]
) -> Float[jax.Array, "row held column"]:
    """The root times these columns."""
    held = _untied(stiffness, stiffness.step[:, :, None] * columns)
    summed = stiffness.pool[:, :, None] * columns.sum(1, keepdims=True)
    return jnp.concatenate([held, summed], 1)


def back(stiffness: Stiffness, held: PriceRows) -> tuple[PerStep, Pool]:
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
