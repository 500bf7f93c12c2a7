"""Where to cut a tree of nodes so that zones are of a size and little passes between them."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.interior_point import barrier
from evergrid.engine.interior_point.barrier import Rows
from evergrid.engine.parts import Part, pick
from evergrid.engine.program import Program

PIECES = 8  # stores of a node that is too large for one zone are dealt out in so many per zone


@dataclass(frozen=True)
class Cut:
    """A tree, cut into zones below the nodes that stay together.

    A zone is some branches below one node, or some of that node's own stores, or both. The node
    itself is the root of the zone's program too, where nothing limits it.

    Attributes:
        top: What stays.
        rows: What holds back the nodes that stay, with all that hangs from them.
        zones: What is solved elsewhere.
        above: Row in the top's program of the node above each zone.
    """

    top: Part
    rows: Rows
    zones: tuple[Part, ...]
    above: Int[Array, " zone"]


def cut(program: Program, count: int) -> Cut:
    """A tree cut into at most so many zones of about as many slots each.

    Nodes with more slots below them than an even share stay, as do branches of nodes that have
    too little below them to be worth a zone.
    """
    store_piece, node_piece, above = _pieces(program, count)
    slots = np.bincount(store_piece, program.stop - program.first, len(above))
    zone, zone_above = _dealt(above, slots, count)
    of_store = zone[store_piece]
    of_node = np.where(node_piece >= 0, zone[node_piece], -1)
    top = pick(program, np.flatnonzero(of_node < 0), np.flatnonzero(of_store < 0))
    zones = tuple(
        _zone(program, int(root), of_node == number, of_store == number)
        for number, root in enumerate(zone_above)
    )
    at = np.searchsorted(top.nodes, zone_above)
    return Cut(top, barrier.rows(program).of(top.nodes), zones, at)


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
) -> tuple[Int[Array, " store"], Int[Array, " node"], Int[Array, " piece"]]:
    """The piece of each store and node, -1 for a node that stays; the node above each piece.

    A piece is a whole branch, or a run of stores directly in a node that stays.
    """
    p, nodes = program, program.nodes
    lengths = (p.stop - p.first).astype(float)
    own = np.bincount(p.node, lengths, nodes)
    share = max(p.slots / count, 1.0)
    stays = (tree.add_up(own[:, None], p.parent)[:, 0] > share) | (p.parent < 0)
    head = _heads(p.parent, stays)
    order = np.argsort(p.node, kind="stable")
    before = np.empty(p.stores)
    before[order] = np.cumsum(lengths[order]) - lengths[order]
    run = ((before - (np.cumsum(own) - own)[p.node]) * PIECES / share).astype(np.int64)
    runs = int(run.max(initial=0)) + 1
    key = np.where(stays[p.node], nodes + p.node * runs + run, head[p.node])
    keys = np.unique(np.append(key, head[~stays]))
    above = np.where(keys < nodes, p.parent[np.minimum(keys, nodes - 1)], (keys - nodes) // runs)
    return (
        np.searchsorted(keys, key),
        np.where(stays, -1, np.searchsorted(keys, head)),
        above,
    )


def _heads(parent: Int[Array, " node"], stays: Bool[Array, " node"]) -> Int[Array, " node"]:
    """The topmost node at or above each that does not stay; itself for one that does."""
    return tree.roots(np.where(stays | stays[parent], -1, parent))


def _dealt(
    above: Int[Array, " piece"], slots: Float[Array, " piece"], count: int
) -> tuple[Int[Array, " piece"], Int[Array, " zone"]]:
    """The zone of each piece, -1 for one that stays, and the node above each zone."""
    nodes, at = np.unique(above, return_inverse=True)
    total, pieces = np.bincount(at, slots), np.bincount(at, slots > 0)
    seats = np.zeros(len(nodes), np.int64)
    for _ in range(count):
        worth = np.where(seats < pieces, total / (seats + 1), 0.0)
        if worth.max() > 0:
            seats[worth.argmax()] += 1
    zone = np.full(len(slots), -1)
    first = np.cumsum(seats) - seats
    for row in np.flatnonzero(seats):
        below = np.flatnonzero(at == row)
        zone[below] = first[row] + balanced(slots[below], int(seats[row]))
    return zone, np.repeat(nodes, seats)


def _zone(
    program: Program, root: int, nodes: Bool[Array, " node"], stores: Bool[Array, " store"]
) -> Part:
    """These nodes and stores below a root that nothing limits."""
    rows = np.union1d(np.flatnonzero(nodes), root)
    part = pick(program, rows, np.flatnonzero(stores))
    free = rows == root
    inner = part.program
    bare = replace(
        inner,
        net_low_kw=np.where(free[:, None], -np.inf, inner.net_low_kw),
        net_high_kw=np.where(free[:, None], np.inf, inner.net_high_kw),
        load_kw=np.where(free[:, None], 0.0, inner.load_kw),
        surcharge_per_kwh=np.where(free[:, None], 0.0, inner.surcharge_per_kwh),
        peak_price_per_kw=np.where(free, 0.0, inner.peak_price_per_kw),
        peak_before_kw=np.where(free, 0.0, inner.peak_before_kw),
        budget_kwh=np.where(free, np.inf, inner.budget),
    )
    return replace(part, program=bare)
