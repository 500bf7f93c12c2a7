"""Where to cut a tree of groups so that zones are of a size and little passes between them."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.interior_point import barrier
from evergrid.engine.interior_point.barrier import Rows
from evergrid.engine.parts import Part, pick
from evergrid.engine.program import Program

PIECES = 8  # units of a group that is too large for one zone are dealt out in so many per zone


@dataclass(frozen=True)
class Cut:
    """A tree, cut into zones below the groups that stay together.

    A zone is some branches below one group, or some of that group's own units, or both. The group
    itself is the root of the zone's program too, where nothing limits it.

    Attributes:
        top: What stays.
        rows: What holds back the groups that stay, with all that hangs from them.
        zones: What is solved elsewhere.
        above: Row in the top's program of the group above each zone.
    """

    top: Part
    rows: Rows
    zones: tuple[Part, ...]
    above: Int[Array, " zone"]


def cut(program: Program, count: int) -> Cut:
    """A tree cut into at most so many zones of about as many slots each.

    Groups with more slots below them than an even share stay, as do branches of groups that have
    too little below them to be worth a zone.
    """
    unit_piece, group_piece, above = _pieces(program, count)
    slots = np.bincount(unit_piece, program.stop - program.first, len(above))
    zone, zone_above = _dealt(above, slots, count)
    of_unit = zone[unit_piece]
    of_group = np.where(group_piece >= 0, zone[group_piece], -1)
    top = pick(program, np.flatnonzero(of_group < 0), np.flatnonzero(of_unit < 0))
    zones = tuple(
        _zone(program, int(root), of_group == number, of_unit == number)
        for number, root in enumerate(zone_above)
    )
    at = np.searchsorted(top.groups, zone_above)
    return Cut(top, barrier.rows(program).of(top.groups), zones, at)


def balanced(size: Float[Array, " piece"], bins: int) -> Int[Array, " piece"]:
    """A bin for each piece so that bins are about equally full: largest first, to the emptiest."""
    full = np.zeros(bins)
    bin_of = np.zeros(len(size), np.int64)
    for piece in np.argsort(-size, kind="stable"):
        emptiest = int(full.argmin())
        bin_of[piece] = emptiest
        full[emptiest] += size[piece]
    return bin_of


def _pieces(
    program: Program, count: int
) -> tuple[Int[Array, " unit"], Int[Array, " group"], Int[Array, " piece"]]:
    """The piece of each unit and group, -1 for a group that stays; the group above each piece.

    A piece is a whole branch, or a run of units directly in a group that stays.
    """
    p, groups = program, program.groups
    lengths = (p.stop - p.first).astype(float)
    own = np.bincount(p.group, lengths, groups)
    share = max(p.slots / count, 1.0)
    stays = (tree.add_up(own[:, None], p.parent)[:, 0] > share) | (p.parent < 0)
    head = _heads(p.parent, stays)
    order = np.argsort(p.group, kind="stable")
    before = np.empty(p.units)
    before[order] = np.cumsum(lengths[order]) - lengths[order]
    run = ((before - (np.cumsum(own) - own)[p.group]) * PIECES / share).astype(np.int64)
    runs = int(run.max(initial=0)) + 1
    key = np.where(stays[p.group], groups + p.group * runs + run, head[p.group])
    keys = np.unique(np.append(key, head[~stays]))
    above = np.where(keys < groups, p.parent[np.minimum(keys, groups - 1)], (keys - groups) // runs)
    return (
        np.searchsorted(keys, key),
        np.where(stays, -1, np.searchsorted(keys, head)),
        above,
    )


def _heads(parent: Int[Array, " group"], stays: Bool[Array, " group"]) -> Int[Array, " group"]:
    """The topmost group at or above each that does not stay; itself for one that does."""
    return tree.roots(np.where(stays | stays[parent], -1, parent))


def _dealt(
    above: Int[Array, " piece"], slots: Float[Array, " piece"], count: int
) -> tuple[Int[Array, " piece"], Int[Array, " zone"]]:
    """The zone of each piece, -1 for one that stays, and the group above each zone."""
    groups, at = np.unique(above, return_inverse=True)
    total, pieces = np.bincount(at, slots), np.bincount(at, slots > 0)
    seats = np.zeros(len(groups), np.int64)
    for _ in range(count):
        worth = np.where(seats < pieces, total / (seats + 1), 0.0)
        if worth.max() > 0:
            seats[worth.argmax()] += 1
    zone = np.full(len(slots), -1)
    first = np.cumsum(seats) - seats
    for row in np.flatnonzero(seats):
        below = np.flatnonzero(at == row)
        zone[below] = first[row] + balanced(slots[below], int(seats[row]))
    return zone, np.repeat(groups, seats)


def _zone(
    program: Program, root: int, groups: Bool[Array, " group"], units: Bool[Array, " unit"]
) -> Part:
    """These groups and units below a root that nothing limits."""
    rows = np.union1d(np.flatnonzero(groups), root)
    part = pick(program, rows, np.flatnonzero(units))
    free = rows == root
    inner = part.program
    bare = replace(
        inner,
        net_low=np.where(free[:, None], -np.inf, inner.net_low),
        net_high=np.where(free[:, None], np.inf, inner.net_high),
        load=np.where(free[:, None], 0.0, inner.load),
        surcharge=np.where(free[:, None], 0.0, inner.surcharge),
        peak_price=np.where(free, 0.0, inner.peak_price),
        peak_before=np.where(free, 0.0, inner.peak_before),
        budget_kwh=np.where(free, np.inf, inner.budget),
    )
    return replace(part, program=bare)
