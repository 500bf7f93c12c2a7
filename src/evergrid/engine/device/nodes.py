"""One Newton step of the interior-point method as the nodes see it, in arrays for accelerators.

The elimination up the tree is that of `evergrid.engine.interior_point.node_kernels`, a level at a
time and in all steps at once: a step in which no row is felt is one in which nothing is held back.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from evergrid.engine.device import stiffness
from evergrid.engine.device.barrier import PerStep, RowCurvature
from evergrid.engine.device.levels import Levels, Tree, complete, of_blocks
from evergrid.engine.device.node_barrier import Pool
from evergrid.engine.device.stiffness import Stiffness
from evergrid.engine.interior_point.node_kernels import STIFF

LEAF = 12  # matrices up to this size are eliminated row by row


class NodeFactor(NamedTuple):
    """A level of nodes, factored.

    Attributes:
        answer: Net change to a fall of price, of stores and of the nodes below.
        inverse: Of the Cholesky factor of the identity plus the answer between the stiffness' root.
        stiffness: Of the nodes' own rows.
    """

    answer: Float[jax.Array, "row step step"]
    inverse: Float[jax.Array, "row held held"]
    stiffness: Stiffness


def factor(
    levels: Levels, tree: Tree, answers: Float[jax.Array, "block step step"], made: Stiffness
) -> list[NodeFactor]:
    """Factor every level from the bottom up; the result is ordered from the top down."""
    total = of_blocks(levels, tree, answers)
    node_factors = []
    for _, rows, over_devices in levels.upwards():
        if over_devices:
            total = complete(levels, total)
        node_factor = _factored(total[rows], Stiffness(*(part[rows] for part in made)))
        node_factors.append(node_factor)
        if rows.start:
            total = total.at[tree.parent[rows]].add(_seen(node_factor), mode="drop")
    return node_factors[::-1]


def _factored(answer: Float[jax.Array, "row step step"], made: Stiffness) -> NodeFactor:
    half = stiffness.times(made, answer)
    scaled = stiffness.times(made, jnp.swapaxes(half, 1, 2))
    identity = jnp.eye(scaled.shape[1], dtype=answer.dtype)
    return NodeFactor(answer, inverse_factor(identity + scaled), made)


def inverse_factor(matrix: Float[jax.Array, "row n n"]) -> Float[jax.Array, "row n n"]:
    """Inverse of the Cholesky factor, by halves, so that nearly all work is in matrix products.

    LAPACK is left out on purpose: batches of its calls wait for the threads that they run on, and
    two at a time never end on a machine with two cores (jaxlib 0.10).
    """
    size = matrix.shape[1]
    if size <= LEAF:
        return _eliminated(matrix)
    half = size // 2
    first = inverse_factor(matrix[:, :half, :half])
    below = _product("rij,rkj->rik", matrix[:, half:, :half], first)
    last = inverse_factor(matrix[:, half:, half:] - _product("rij,rkj->rik", below, below))
    across = -_product("rij,rjk->rik", last, _product("rij,rjk->rik", below, first))
    upper = jnp.pad(first, ((0, 0), (0, 0), (0, size - half)))
    return jnp.concatenate([upper, jnp.concatenate([across, last], 2)], 1)


def _eliminated(matrix: Float[jax.Array, "row n n"]) -> Float[jax.Array, "row n n"]:
    """As `inverse_factor`, row by row: elimination turns an identity into the inverse."""
    size = matrix.shape[1]
    identity = jnp.broadcast_to(jnp.eye(size, dtype=matrix.dtype), matrix.shape)
    below = jnp.arange(size)[:, None]

    def step(
        j: Int[jax.Array, ""], both: Float[jax.Array, "row n double"]
    ) -> Float[jax.Array, "row n double"]:
        row = jax.lax.dynamic_slice_in_dim(both, j, 1, 1)
        column = jax.lax.dynamic_slice_in_dim(both, j, 1, 2)
        pivot = jax.lax.dynamic_slice_in_dim(row, j, 1, 2)
        return jnp.where(below > j, both - column * (row / pivot), both)

    both = jax.lax.fori_loop(0, size, step, jnp.concatenate([matrix, identity], 2))
    pivots = jnp.diagonal(both, axis1=1, axis2=2)
    return both[:, :, size:] / jnp.sqrt(pivots)[:, :, None]


def _product(form: str, left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.einsum(form, left, right, precision="highest")


def _seen(node_factor: NodeFactor) -> Float[jax.Array, "row step step"]:
    """The answer that each node's parent sees."""
    half = stiffness.times(node_factor.stiffness, node_factor.answer)
    shadow = _product("rij,rjk->rik", node_factor.inverse, half)
    return node_factor.answer - _product("rki,rkj->rij", shadow, shadow)


def _held(node_factor: NodeFactor, net: PerStep) -> tuple[PerStep, Pool]:
    """How much of a price rows and budgets take up when their nodes' net would change so."""
    given = stiffness.times(node_factor.stiffness, net[:, :, None])[:, :, 0]
    halfway = _product("rij,rj->ri", node_factor.inverse, given)
    return stiffness.back(
        node_factor.stiffness, _product("rij,ri->rj", node_factor.inverse, halfway)
    )


def _times(node_factor: NodeFactor, price: PerStep) -> PerStep:
    return _product("rij,rj->ri", node_factor.answer, price)


def changes(
    levels: Levels,
    tree: Tree,
    node_factors: Sequence[NodeFactor],
    push: PerStep,
    curvature: RowCurvature,
    own: PerStep,
) -> tuple[PerStep, PerStep, Pool]:
    """Change of price and of net power of every node, and the price that its budget takes up.

    Rows count from net powers before the shift, where they would undo their offsets.

    Args:
        levels: Levels of the forest.
        tree: The forest.
        node_factors: What `factor` made.
        push: What each node's rows add to its parent's price at present, less what they aim at.
        curvature: Of the rows in each step.
        own: Net change of each node's own stores at its present price, on this device.
    """
    net, held = own, jnp.zeros_like(push)
    pooled = jnp.zeros((levels.rows, node_factors[0].stiffness.pool.shape[1]), push.dtype)
    for level, rows, over_devices in levels.upwards():
        if over_devices:
            net = complete(levels, net)
        node_factor, shift = node_factors[level], curvature.shift[rows]
        shifted = net[rows] + shift - _times(node_factor, push[rows])
        taken, of_budget = _held(node_factor, shifted)
        held, pooled = held.at[rows].set(taken), pooled.at[rows].set(of_budget)
        at_parents = shifted - _times(node_factor, taken + _each(of_budget)) - shift
        net = net.at[rows].set(at_parents)
        net = net.at[tree.parent[rows]].add(at_parents, mode="drop")
    return _downwards(levels, tree, node_factors, push, curvature, (net, held, pooled))


def _downwards(
    levels: Levels,
    tree: Tree,
    node_factors: Sequence[NodeFactor],
    push: PerStep,
    curvature: RowCurvature,
    so_far: tuple[PerStep, PerStep, Pool],
) -> tuple[PerStep, PerStep, Pool]:
    """Pass changes of price down; ``so_far`` is what was found at the parents' prices."""
    net, held, pooled = so_far
    dprice = jnp.zeros_like(push)
    for node_factor, rows in zip(node_factors, levels.spans(), strict=True):
        above = dprice.at[tree.parent[rows]].get(mode="fill", fill_value=0.0)
        moved = _times(node_factor, above)
        more, more_pooled = _held(node_factor, moved)
        moved -= _times(node_factor, more + _each(more_pooled))
        taken, of_budget = held[rows] + more, pooled[rows] + more_pooled
        change = _reported(curvature, rows, taken, net[rows] + moved + curvature.shift[rows])
        net = net.at[rows].set(change - curvature.shift[rows])
        pooled = pooled.at[rows].set(of_budget)
        dprice = dprice.at[rows].set(above - push[rows] - taken - _each(of_budget))
    return dprice, net, pooled


def _each(of_budget: Pool) -> Float[jax.Array, "row 1"]:
    """What budgets take up of a price, which is the same in every step."""
    return of_budget.sum(1, keepdims=True)


def _reported(curvature: RowCurvature, rows: slice, taken: PerStep, change: PerStep) -> PerStep:
    """Change of net power, from the shift on, told by the price that its rows take up.

    That loses no digits where the rows are stiff. Steps of a peak share a part of their change.
    """
    bend, stiff = curvature.peak_bend[:, rows], curvature.stiff[rows]
    common = (bend * change[None]).sum(2, keepdims=True) / curvature.peak_total[:, rows]
    pressed = taken + (bend * common).sum(0)
    hard = stiff > STIFF
    return jnp.where(hard, pressed / jnp.where(hard, stiff, 1.0), change)
