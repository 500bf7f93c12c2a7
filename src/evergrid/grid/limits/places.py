"""What the places of a feeder are called where a limit is evaluated."""

import numpy as np

from evergrid.core.arrays import Array, Int, Shaped
from evergrid.grid.feeder.feeder import GROUND, Branches, Feeder
from evergrid.grid.flow.monitored import MonitoredElements

NEUTRAL = 4  # conductor of a bus that is no phase


def at_branches(feeder: Feeder, branches: Branches) -> Shaped[Array, " branch"]:
    """Bus and phases between which a branch lies: ``671.1``, or ``671.1.2`` for phase 1 to 2."""
    names = feeder.node_name[branches.node].copy()
    for row in np.flatnonzero(branches.other != GROUND):
        names[row] += f".{feeder.nodes.phase[branches.other[row]]}"
    return names


def at_lines(feeder: Feeder, row: Int[Array, " row"]) -> Shaped[Array, " row"]:
    """Line and phase of each of some of `Lines.currents`: ``650632 phase 1``."""
    currents = feeder.lines.currents
    names = feeder.lines.name[currents.element[row]]
    return _with_conductors(feeder, names, currents.node[row])


def at_windings(feeder: Feeder, row: Int[Array, " row"]) -> Shaped[Array, " row"]:
    """Transformer, winding and phase of each of some of `Transformers.currents`."""
    transformers = feeder.transformers
    names = transformers.name[transformers.currents.element[row]]
    numbered = zip(names, transformers.winding[row], strict=True)
    wound = np.array([f"{name} winding {winding}" for name, winding in numbered], dtype=object)
    return _with_conductors(feeder, wound, transformers.currents.node[row])


def at_transformers(feeder: Feeder, monitored: MonitoredElements) -> Shaped[Array, " place"]:
    """Places at which transformers are monitored, in the order of `Readings.transformer`."""
    whole = feeder.transformers.name[: monitored.totals]
    return np.concatenate([at_windings(feeder, monitored.winding), whole])


def transformer_of(feeder: Feeder, monitored: MonitoredElements) -> Int[Array, " place"]:
    """Row of the transformer of each of these."""
    owner = feeder.transformers.currents.element[monitored.winding]
    return np.concatenate([owner, np.arange(monitored.totals)])


def _with_conductors(
    feeder: Feeder, names: Shaped[Array, " row"], node: Int[Array, " row"]
) -> Shaped[Array, " row"]:
    """Names with the phase of the node that a conductor leads to; a grounded one is a neutral."""
    phase = np.where(node == GROUND, NEUTRAL, feeder.nodes.phase[node])
    said = ["neutral" if p == NEUTRAL else f"phase {p}" for p in phase]
    return np.array([f"{name} {end}" for name, end in zip(names, said, strict=True)], dtype=object)
