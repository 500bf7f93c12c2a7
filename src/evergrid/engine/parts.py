"""Which parts of a program are independent of each other, and each part as its own program."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.engine.program import Program


@dataclass(frozen=True)
class Part:
    """Some nodes of a program with their stores, as a program of its own.

    Attributes:
        program: The part alone; the constant of the whole is left out.
        nodes: Rows of its nodes in the whole, rising.
        stores: Rows of its stores in the whole, rising.
        slots: Rows of its slots in the whole, rising.
    """

    program: Program
    nodes: Int[Array, " node"]
    stores: Int[Array, " store"]
    slots: Int[Array, " slot"]


def roots(program: Program) -> Int[Array, " node"]:
    """The topmost node above each node; itself for a root.

    Where a term ties all trees together they count as one, and its root is the first of theirs.
    """
    if program.tied:
        return np.full(program.nodes, int(np.argmax(program.parent < 0)))
    return tree.roots(program.parent)


def trees(program: Program) -> list[Int[Array, " node"]]:
    """The nodes of each independent tree, in the order of their roots."""
    root = roots(program)
    return rows_by(root, np.unique(root))


def part(program: Program, nodes: Int[Array, " node"]) -> Part:
    """These nodes and the stores directly in them.

    A node whose parent is not among them becomes a root: limits above it are left out.
    """
    nodes = np.unique(nodes)
    if len(nodes) == program.nodes and program.constant == 0.0:
        return Part(program, nodes, np.arange(program.stores), np.arange(program.slots))
    return pick(program, nodes, np.nonzero(np.isin(program.node, nodes))[0])


def pick(program: Program, nodes: Int[Array, " node"], stores: Int[Array, " store"]) -> Part:
    """These nodes and these stores in them, both given as rising rows."""
    slots = _slots(program, stores)
    parent = program.parent[nodes]
    at = np.minimum(np.searchsorted(nodes, parent), len(nodes) - 1)
    # Every array by the axis that it has: stores, slots, or nodes.
    inner = replace(
        program,
        first=program.first[stores],
        stop=program.stop[stores],
        share=program.share[slots],
        charge_kw=program.charge_kw[stores],
        discharge_kw=program.discharge_kw[stores],
        efficiency_charge=program.efficiency_charge[stores],
        efficiency_discharge=program.efficiency_discharge[stores],
        energy_start_kwh=program.energy_start_kwh[stores],
        energy_low_kwh=program.energy_low_kwh[stores],
        energy_high_kwh=program.energy_high_kwh[stores],
        energy_end_kwh=program.energy_end_kwh[stores],
        end_value_per_kwh=program.end_value_per_kwh[stores],
        draw_price_per_kwh=program.draw_price_per_kwh[slots],
        feed_price_per_kwh=program.feed_price_per_kwh[slots],
        node=np.searchsorted(nodes, program.node[stores]),
        parent=np.where(nodes[at] == parent, at, -1),
        net_low_kw=program.net_low_kw[nodes],
        net_high_kw=program.net_high_kw[nodes],
        load_kw=program.load_kw[nodes],
        surcharge_per_kwh=program.surcharge_per_kwh[nodes],
        peak_price_per_kw=program.peak_price_per_kw[nodes],
        peak_before_kw=program.peak_before_kw[nodes],
        constant=0.0,
        draw_curve_per_kwh_kw=_some(program.draw_curve_per_kwh_kw, slots),
        feed_curve_per_kwh_kw=_some(program.feed_curve_per_kwh_kw, slots),
        budget_kwh=_some(program.budget_kwh, nodes),
        peak_count=_some(program.peak_count, nodes),
        reserve_kwh=_some(program.reserve_kwh, stores),
        closed_draw=_some(program.closed_draw, slots),
        closed_feed=_some(program.closed_feed, slots),
        floor_kwh=_some(program.floor_kwh, slots),
        rest_kw=_some(program.rest_kw, slots),
        terms=tuple(
            part for term in program.terms if (part := term.part(nodes, stores)) is not None
        ),
    )
    return Part(inner, nodes, stores, slots)


def split(program: Program) -> list[Part]:
    """Every independent tree as a program of its own, in time that grows with the whole only."""
    root = roots(program)
    store_rows = rows_by(root[program.node], np.unique(root))
    return [
        pick(program, nodes, stores)
        for nodes, stores in zip(trees(program), store_rows, strict=True)
    ]


def power(
    program: Program, parts: Sequence[Part], powers_kw: Sequence[Float[Array, "..."]]
) -> Float[Array, " slot"]:
    """Powers of the whole from those of its parts; 0 where no part has the slot."""
    whole = np.zeros(program.slots)
    for item, power_kw in zip(parts, powers_kw, strict=True):
        whole[item.slots] = power_kw
    return whole


def _some(
    values: Shaped[Array, " row"] | None, rows: Int[Array, " some"]
) -> Shaped[Array, " some"] | None:
    """The values of some rows, where there are any values."""
    return None if values is None else values[rows]


def rows_by(root: Int[Array, " row"], top: Int[Array, " root"]) -> list[Int[Array, "..."]]:
    """Rows of each root, rising; none for one without rows. Rows below the first are left out."""
    order = np.argsort(root, kind="stable")
    edges = np.searchsorted(root[order], top)
    return np.split(order, edges)[1:]


def _slots(program: Program, stores: Int[Array, " store"]) -> Int[Array, " slot"]:
    """Rows of the slots of these stores, store by store."""
    lengths = program.stop[stores] - program.first[stores]
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(program.begin[stores] - before, lengths)
