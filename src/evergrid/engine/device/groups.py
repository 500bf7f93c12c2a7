"""One Newton step of the interior-point method as the groups see it, in arrays for accelerators.

The elimination up the tree is that of `evergrid.engine.interior_point.group_kernels`, a level at a
time and in all steps at once: a step in which no row is felt is one in which nothing is held back.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from evergrid.engine.device import stiffness
from evergrid.engine.device.barrier import PerStep, Springs
from evergrid.engine.device.group_barrier import Pool
from evergrid.engine.device.levels import Levels, Tree, complete, of_blocks
from evergrid.engine.device.stiffness import Stiffness
from evergrid.engine.interior_point.group_kernels import STIFF

LEAF = 12  # matrices up to this size are eliminated row by row


class Node(NamedTuple):
    """A level of groups, factored.

    Attributes:
        answer: Net change to a fall of price, of units and of the groups below.
        inverse: Of the Cholesky factor of the identity plus the answer between the stiffness' root.
        stiffness: Of the groups' own rows.
    """

    answer: Float[jax.Array, "row step step"]
    inverse: Float[jax.Array, "row held held"]
    stiffness: Stiffness


def factor(
    levels: Levels, tree: Tree, answers: Float[jax.Array, "block step step"], made: Stiffness
) -> list[Node]:
    """Factor every level from the bottom up; the result is ordered from the top down."""
    total = of_blocks(levels, tree, answers)
    nodes = []
    for _, rows, over_devices in levels.upwards():
        if over_devices:
            total = complete(levels, total)
        node = _factored(total[rows], Stiffness(*(part[rows] for part in made)))
        nodes.append(node)
        if rows.start:
            total = total.at[tree.parent[rows]].add(_seen(node), mode="drop")
    return nodes[::-1]


def _factored(answer: Float[jax.Array, "row step step"], made: Stiffness) -> Node:
    half = stiffness.times(made, answer)
    scaled = stiffness.times(made, jnp.swapaxes(half, 1, 2))
    identity = jnp.eye(scaled.shape[1], dtype=answer.dtype)
    return Node(answer, inverse_factor(identity + scaled), made)


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
    """The same, row by row: elimination turns the identity beside the matrix into the inverse."""
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


def _seen(node: Node) -> Float[jax.Array, "row step step"]:
    """The answer that each group's parent sees."""
    half = stiffness.times(node.stiffness, node.answer)
    shadow = _product("rij,rjk->rik", node.inverse, half)
    return node.answer - _product("rki,rkj->rij", shadow, shadow)


def _held(node: Node, net: PerStep) -> tuple[PerStep, Pool]:
    """How much of a price rows and budgets take up when their groups' net would change so."""
    given = stiffness.times(node.stiffness, net[:, :, None])[:, :, 0]
    halfway = _product("rij,rj->ri", node.inverse, given)
    return stiffness.back(node.stiffness, _product("rij,ri->rj", node.inverse, halfway))


def _times(node: Node, price: PerStep) -> PerStep:
    return _product("rij,rj->ri", node.answer, price)


def changes(
    levels: Levels, tree: Tree, nodes: Sequence[Node], push: PerStep, springs: Springs, own: PerStep
) -> tuple[PerStep, PerStep, Pool]:
    """Change of price and of net power of every group, and the price that its budget takes up.

    Rows count from net powers before the shift, where they would undo their offsets.

    Args:
        levels: Levels of the forest.
        tree: The forest.
        nodes: What `factor` made.
        push: What each group's rows add to its parent's price at present, less what they aim at.
        springs: Of the rows in each step.
        own: Net change of each group's own units at its present price, on this device.
    """
    net, held = own, jnp.zeros_like(push)
    pooled = jnp.zeros((levels.rows, nodes[0].stiffness.pool.shape[1]), push.dtype)
    for level, rows, over_devices in levels.upwards():
        if over_devices:
            net = complete(levels, net)
        node, shift = nodes[level], springs.shift[rows]
        shifted = net[rows] + shift - _times(node, push[rows])
        taken, of_budget = _held(node, shifted)
        held, pooled = held.at[rows].set(taken), pooled.at[rows].set(of_budget)
        at_parents = shifted - _times(node, taken + _each(of_budget)) - shift
        net = net.at[rows].set(at_parents)
        net = net.at[tree.parent[rows]].add(at_parents, mode="drop")
    return _downwards(levels, tree, nodes, push, springs, (net, held, pooled))


def _downwards(
    levels: Levels,
    tree: Tree,
    nodes: Sequence[Node],
    push: PerStep,
    springs: Springs,
    so_far: tuple[PerStep, PerStep, Pool],
) -> tuple[PerStep, PerStep, Pool]:
    """Pass changes of price down; ``so_far`` is what was found at the parents' prices."""
    net, held, pooled = so_far
    dprice = jnp.zeros_like(push)
    for node, rows in zip(nodes, levels.spans(), strict=True):
        above = dprice.at[tree.parent[rows]].get(mode="fill", fill_value=0.0)
        moved = _times(node, above)
        more, more_pooled = _held(node, moved)
        moved -= _times(node, more + _each(more_pooled))
        taken, of_budget = held[rows] + more, pooled[rows] + more_pooled
        change = _told(springs, rows, taken, net[rows] + moved + springs.shift[rows])
        net = net.at[rows].set(change - springs.shift[rows])
        pooled = pooled.at[rows].set(of_budget)
        dprice = dprice.at[rows].set(above - push[rows] - taken - _each(of_budget))
    return dprice, net, pooled


def _each(of_budget: Pool) -> Float[jax.Array, "row 1"]:
    """What budgets take up of a price, which is the same in every step."""
    return of_budget.sum(1, keepdims=True)


def _told(springs: Springs, rows: slice, taken: PerStep, change: PerStep) -> PerStep:
    """Change of net power, from the shift on, told by the price that its rows take up.

    That loses no digits where the rows are stiff. Steps of a peak share a part of their change.
    """
    bend, stiff = springs.peak_bend[:, rows], springs.stiff[rows]
    common = (bend * change[None]).sum(2, keepdims=True) / springs.peak_total[:, rows]
    pressed = taken + (bend * common).sum(0)
    hard = stiff > STIFF
    return jnp.where(hard, pressed / jnp.where(hard, stiff, 1.0), change)
