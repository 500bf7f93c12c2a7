"""How far each bus is from the source, electrically: the impedance of the way there."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.feeder.feeder import Feeder


@dataclass(frozen=True)
class Ways:
    """The way from the source to each bus that has the least impedance.

    Attributes:
        impedance_per_kva: Impedance of the way, per unit on a base of 1 kVA in each phase, so
            that lengths on both sides of a transformer add up; NaN where no way leads.
        before: Row of the bus before each on its way; -1 at the source and where no way leads.
    """

    impedance_per_kva: Float[Array, " bus"]
    before: Int[Array, " bus"]


def from_source(feeder: Feeder) -> Ways:
    """The ways from the source to all buses, with taps and banks as the feeder has them.

    The impedance of each line, transformer and regulator on the way is the inverse of the largest
    singular value of its admittance between the two buses, in per unit. For three phases that are
    built alike this is the impedance of positive sequence (where that is the least), for a single
    phase its own. The source's own impedance is left out.

    Args:
        feeder: As read.

    Source:
        Shortest paths by Dijkstra (1959), A note on two problems in connexion with graphs,
        Numerische Mathematik 1, doi 10.1007/BF01386390. The rest is the definition above.
    """
    ends, admittance = _between(feeder)
    buses = len(feeder.buses.name)
    length = sparse.csr_array((1.0 / admittance, (ends[:, 0], ends[:, 1])), shape=(buses, buses))
    begin = np.unique(feeder.nodes.bus[feeder.source_nodes])
    found, before, _ = sparse.csgraph.dijkstra(
        length, directed=False, indices=begin, return_predecessors=True, min_only=True
    )
    before = np.where(before < 0, -1, before).astype(np.int64)
    return Ways(np.where(np.isfinite(found), found, np.nan), before)


def _between(feeder: Feeder) -> tuple[Int[Array, "pair 2"], Float[Array, " pair"]]:
    """Pairs of buses that something connects, and how well: per unit on 1 kVA."""
    entries = sparse.coo_array(feeder.at(feeder.state))
    row, column = entries.coords
    bus, base_v = feeder.nodes.bus, feeder.base_v
    per_kva = entries.data * base_v[row] * base_v[column] / 1000.0
    kept = (bus[row] < bus[column]) & (np.abs(per_kva) > 0)
    row, column, per_kva = row[kept], column[kept], per_kva[kept]
    pairs, of = np.unique(np.column_stack([bus[row], bus[column]]), axis=0, return_inverse=True)
    own = _row_within_bus(feeder)
    side = int(own.max()) + 1
    blocks = np.zeros((len(pairs), side, side), dtype=np.complex128)
    np.add.at(blocks, (of.ravel(), own[row], own[column]), per_kva)
    if len(pairs) == 0:
        return pairs.reshape(0, 2), np.zeros(0)
    return pairs, np.linalg.svd(blocks, compute_uv=False)[:, 0]


def _row_within_bus(feeder: Feeder) -> Int[Array, " node"]:
    """Number of each node among those of its bus."""
    bus = feeder.nodes.bus
    order = np.argsort(bus, kind="stable")
    first = np.searchsorted(bus[order], bus[order])
    own = np.empty(len(bus), dtype=np.int64)
    own[order] = np.arange(len(bus)) - first
    return own
