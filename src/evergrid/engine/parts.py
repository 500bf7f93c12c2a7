"""Which parts of a program are independent of each other, and each part as its own program."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.engine.program import Program


@dataclass(frozen=True)
class Part:
    """Some groups of a program with their units, as a program of its own.

    Attributes:
        program: The part alone; the constant of the whole is left out.
        groups: Rows of its groups in the whole, rising.
        units: Rows of its units in the whole, rising.
        slots: Rows of its slots in the whole, rising.
    """

    program: Program
    groups: Int[Array, " group"]
    units: Int[Array, " unit"]
    slots: Int[Array, " slot"]


def roots(program: Program) -> Int[Array, " group"]:
    """The topmost group above each group; itself for a root."""
    return tree.roots(program.parent)


def trees(program: Program) -> list[Int[Array, " group"]]:
    """The groups of each independent tree, in the order of their roots."""
    return rows_by(roots(program), np.nonzero(program.parent < 0)[0])


def part(program: Program, groups: Int[Array, " group"]) -> Part:
    """These groups and the units directly in them.

    A group whose parent is not among them becomes a root: limits above it are left out.
    """
    groups = np.unique(groups)
    if len(groups) == program.groups and program.constant == 0.0:
        return Part(program, groups, np.arange(program.units), np.arange(program.slots))
    return pick(program, groups, np.nonzero(np.isin(program.group, groups))[0])


def pick(program: Program, groups: Int[Array, " group"], units: Int[Array, " unit"]) -> Part:
    """These groups and these units in them, both given as rising rows."""
    slots = _slots(program, units)
    parent = program.parent[groups]
    at = np.minimum(np.searchsorted(groups, parent), len(groups) - 1)
    inner = replace(
        program,
        first=program.first[units],
        stop=program.stop[units],
        share=program.share[slots],
        charge_kw=program.charge_kw[units],
        discharge_kw=program.discharge_kw[units],
        efficiency_charge=program.efficiency_charge[units],
        efficiency_discharge=program.efficiency_discharge[units],
        energy_start=program.energy_start[units],
        energy_low=program.energy_low[units],
        energy_high=program.energy_high[units],
        energy_end=program.energy_end[units],
        end_value=program.end_value[units],
        draw_price=program.draw_price[slots],
        feed_price=program.feed_price[slots],
        group=np.searchsorted(groups, program.group[units]),
        parent=np.where(groups[at] == parent, at, -1),
        net_low=program.net_low[groups],
        net_high=program.net_high[groups],
        load=program.load[groups],
        surcharge=program.surcharge[groups],
        peak_price=program.peak_price[groups],
        peak_before=program.peak_before[groups],
        constant=0.0,
        draw_curve=_some(program.draw_curve, slots),
        feed_curve=_some(program.feed_curve, slots),
        budget_kwh=_some(program.budget_kwh, groups),
        peak_count=_some(program.peak_count, groups),
        reserve_kwh=_some(program.reserve_kwh, units),
        closed_draw=_some(program.closed_draw, slots),
        closed_feed=_some(program.closed_feed, slots),
        floor_kwh=_some(program.floor_kwh, slots),
        rest_kw=_some(program.rest_kw, slots),
    )
    return Part(inner, groups, units, slots)


def split(program: Program) -> list[Part]:
    """Every independent tree as a program of its own, in time that grows with the whole only."""
    top = np.nonzero(program.parent < 0)[0]
    unit_rows = rows_by(roots(program)[program.group], top)
    return [
        pick(program, groups, units)
        for groups, units in zip(trees(program), unit_rows, strict=True)
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


def _slots(program: Program, units: Int[Array, " unit"]) -> Int[Array, " slot"]:
    """Rows of the slots of these units, unit by unit."""
    lengths = program.stop[units] - program.first[units]
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(program.begin[units] - before, lengths)
