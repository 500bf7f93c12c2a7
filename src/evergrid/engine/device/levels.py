"""Where the nodes of a forest stand among devices: rows by level, some of them shared by all.

Rows near the roots of large trees are *shared*: every device keeps a copy of them, and what lies
below is added up over devices. All other rows are *local*: a whole subtree on one device. Shared
rows come first, and both kinds are in levels from the top down.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from evergrid.engine.device.barrier import Rows

AXIS = "device"  # name of the axis over which devices add up what they share


@dataclass(frozen=True)
class Levels:
    """How many rows each level has, from the top down; equal on all devices."""

    shared: tuple[int, ...]
    local: tuple[int, ...]

    @property
    def first_local(self) -> int:
        """Row at which local ones begin."""
        return sum(self.shared)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.shared) + sum(self.local)

    def spans(self) -> list[slice]:
        """Rows of each level, from the top down."""
        spans, begin = [], 0
        for size in self.shared + self.local:
            spans.append(slice(begin, begin + size))
            begin += size
        return spans

    def upwards(self) -> Iterator[tuple[int, slice, bool]]:
        """Levels from the bottom up; true where what lies below is complete only over devices."""
        for level, rows in reversed(list(enumerate(self.spans()))):
            yield level, rows, level == len(self.shared) - 1


class Tree(NamedTuple):
    """The forest of one device; a row without a parent points behind the last row.

    Attributes:
        parent: Row above each.
        root: Topmost row above each.
        block: Row of each block of stores.
        held: What holds each row back, in single steps and, where there are budgets, over all.
        high: Greatest net power.
        products: At each root, how many complementary products its tree has.
        used: At each root, whether its tree has any stores.
    """

    parent: Int[jax.Array, " row"]
    root: Int[jax.Array, " row"]
    block: Int[jax.Array, " block"]
    held: tuple[Rows, ...]
    high: Float[jax.Array, "row step"]
    products: Float[jax.Array, " row"]
    used: Bool[jax.Array, " row"]


def of_blocks(
    levels: Levels, tree: Tree, blocks: Float[jax.Array, "block ..."]
) -> Float[jax.Array, "row ..."]:
    """Sum over each row's own blocks on this device."""
    return jax.ops.segment_sum(blocks, tree.block, levels.rows, indices_are_sorted=True)


def complete(levels: Levels, rows: Float[jax.Array, "row ..."]) -> Float[jax.Array, "row ..."]:
    """Add up shared rows over devices."""
    if not levels.shared:
        return rows
    shared = slice(0, levels.first_local)
    return rows.at[shared].set(jax.lax.psum(rows[shared], AXIS))


def add_up(
    levels: Levels, tree: Tree, own: Float[jax.Array, "row step"]
) -> Float[jax.Array, "row step"]:
    """Each row's own values plus those of all rows below it."""
    total = own
    for _, rows, over_devices in levels.upwards():
        if over_devices:
            total = complete(levels, total)
        total = total.at[tree.parent[rows]].add(total[rows], mode="drop")
    return total


def add_down(
    levels: Levels, tree: Tree, own: Float[jax.Array, "row step"]
) -> Float[jax.Array, "row step"]:
    """Each row's own values plus those of all rows above it."""
    total = own
    for rows in levels.spans():
        above = total.at[tree.parent[rows]].get(mode="fill", fill_value=0.0)
        total = total.at[rows].add(above)
    return total


def tree_sum(
    levels: Levels,
    tree: Tree,
    blocks: Float[jax.Array, "block ..."],
    rows: Float[jax.Array, "row ..."] | None = None,
) -> Float[jax.Array, "row ..."]:
    """Sum over each tree of its blocks and rows, at its root; 0 elsewhere."""
    own = of_blocks(levels, tree, blocks)
    if rows is not None:
        own += _once(levels, rows)
    return complete(levels, jax.ops.segment_sum(own, tree.root, levels.rows))


def _once(levels: Levels, rows: Float[jax.Array, "row ..."]) -> Float[jax.Array, "row ..."]:
    """Rows to be added up over devices, with shared ones on the first device only."""
    if not levels.shared:
        return rows
    local = jnp.arange(levels.rows) >= levels.first_local
    kept = local | (jax.lax.axis_index(AXIS) == 0)
    return jnp.where(kept.reshape(-1, *[1] * (rows.ndim - 1)), rows, 0.0)


def tree_max(
    levels: Levels, tree: Tree, blocks: Float[jax.Array, " block"], rows: Float[jax.Array, " row"]
) -> Float[jax.Array, " row"]:
    """Largest of 0 and of each tree's blocks and rows, at its root; 0 elsewhere."""
    own = jax.ops.segment_max(blocks, tree.block, levels.rows, indices_are_sorted=True)
    most = jax.ops.segment_max(jnp.maximum(own, rows), tree.root, levels.rows)
    most = jnp.maximum(most, 0.0)
    if not levels.shared:
        return most
    shared = slice(0, levels.first_local)
    return most.at[shared].set(jax.lax.pmax(most[shared], AXIS))


def over_all(
    levels: Levels, sums: Float[jax.Array, " row"], most: Float[jax.Array, " row"]
) -> tuple[Float[jax.Array, ""], Float[jax.Array, ""]]:
    """Sum and largest of what stands at the roots, over all devices."""
    total = jax.lax.psum(_once(levels, sums).sum(), AXIS)
    return total, jax.lax.pmax(most.max(), AXIS)
