"""One Newton step of the interior-point method as the groups see it, in arrays for accelerators.

The elimination up the tree is that of `evergrid.engine.group_kernels`, a level at a time and in all
steps at once: a step in which no limit is felt is one in which nothing is held back.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from evergrid.engine.device.levels import Levels, Tree, complete, of_blocks
from evergrid.engine.group_kernels import STIFF

LEAF = 12  # matrices up to this size are eliminated row by row

Rows = Float[jax.Array, "row step"]


class Node(NamedTuple):
    """A level of groups, factored.

    Attributes:
        answer: Net change to a fall of price, of units and of the groups below.
        inverse: Of the Cholesky factor of the identity plus the answer scaled by ``root``.
        root: Square root of the stiffness of the groups' own limits.
    """

    answer: Float[jax.Array, "row step step"]
    inverse: Float[jax.Array, "row step step"]
    root: Rows


def factor(
    levels: Levels, tree: Tree, answers: Float[jax.Array, "block step step"], stiff: Rows
) -> list[Node]:
    """Factor every level from the bottom up; the result is ordered from the top down."""
    total = of_blocks(levels, tree, answers)
    nodes = []
    for _, rows, over_devices in levels.upwards():
        if over_devices:
            total = complete(levels, total)
        node = _factored(total[rows], jnp.sqrt(stiff[rows]))
        nodes.append(node)
        if rows.start:
            total = total.at[tree.parent[rows]].add(_seen(node), mode="drop")
    return nodes[::-1]


def _factored(answer: Float[jax.Array, "row step step"], root: Rows) -> Node:
    scaled = root[:, :, None] * answer * root[:, None, :]
    identity = jnp.eye(answer.shape[1], dtype=answer.dtype)
    return Node(answer, inverse_factor(identity + scaled), root)


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
    shadow = _product("rij,rjk->rik", node.inverse, node.root[:, :, None] * node.answer)
    return node.answer - _product("rki,rkj->rij", shadow, shadow)


def _held(node: Node, net: Rows) -> Rows:
    """How much of a price the limits take up when their groups' net would change so."""
    halfway = _product("rij,rj->ri", node.inverse, node.root * net)
    return node.root * _product("rij,ri->rj", node.inverse, halfway)


def _times(node: Node, price: Rows) -> Rows:
    return _product("rij,rj->ri", node.answer, price)


def changes(
    levels: Levels, tree: Tree, nodes: Sequence[Node], push: Rows, stiff: Rows, own: Rows
) -> tuple[Rows, Rows]:
    """Change of price and of net power of every group.

    Args:
        levels: Levels of the forest.
        tree: The forest.
        nodes: What `factor` made.
        push: What each group's limits add to its parent's price at present, with their pressure.
        stiff: Second derivative of the barriers of the groups' limits.
        own: Net change of each group's own units at its present price, on this device.
    """
    net, held = own, jnp.zeros_like(push)
    for level, rows, over_devices in levels.upwards():
        if over_devices:
            net = complete(levels, net)
        node = nodes[level]
        at_parents = net[rows] - _times(node, push[rows])
        taken = _held(node, at_parents)
        held = held.at[rows].set(taken)
        at_parents -= _times(node, taken)
        net = net.at[rows].set(at_parents)
        net = net.at[tree.parent[rows]].add(at_parents, mode="drop")
    return _downwards(levels, tree, nodes, push, stiff, net, held)


def _downwards(
    levels: Levels,
    tree: Tree,
    nodes: Sequence[Node],
    push: Rows,
    stiff: Rows,
    net: Rows,
    held: Rows,
) -> tuple[Rows, Rows]:
    """Pass changes of price down; ``net`` is on entry what it would be at the parents' prices.

    Where a limit is stiff the net change follows from the price it takes up, which loses no digits.
    """
    dprice = jnp.zeros_like(push)
    for node, rows in zip(nodes, levels.spans(), strict=True):
        above = dprice.at[tree.parent[rows]].get(mode="fill", fill_value=0.0)
        moved = _times(node, above)
        more = _held(node, moved)
        change = net[rows] + moved - _times(node, more)
        taken = held[rows] + more
        hard = stiff[rows] > STIFF
        change = jnp.where(hard, taken / jnp.where(hard, stiff[rows], 1.0), change)
        dprice = dprice.at[rows].set(above - push[rows] - taken)
        net = net.at[rows].set(change)
    return dprice, net
