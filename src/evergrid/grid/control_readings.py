"""What controls of capacitor banks measure, and the source delivers: linear in the currents."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Int
from evergrid.grid.feeder import GROUND, Capacitor, Feeder


@dataclass(frozen=True)
class ControlReadings:
    """Complex readings that are linear in the currents of branches and ports.

    First come, for each bank with a control, its voltage, then the voltages at the conductors
    where it measures and the currents there; last the voltages of the source's nodes and the
    currents out of the source.

    Attributes:
        offset: Reading without any current, volts or amperes.
        by_branch: Change per current of each branch, kVA at 1 pu.
        by_port: Change per current of each port.
        bank: First reading and number of conductors of each bank; 0 conductors without control.
        source: First reading and number of nodes of the source; 0 nodes where it is not known.
    """

    offset: Complex[Array, " reading"]
    by_branch: Complex[Array, "reading branch"]
    by_port: Complex[Array, "reading port"]
    bank: Int[Array, "bank 2"]
    source: Int[Array, " 2"]


def control_readings(
    feeder: Feeder,
    open_v: Complex[Array, " node"],
    by_branch: Complex[Array, "node branch"],
    by_port: Complex[Array, "node port"],
) -> ControlReadings:
    """The readings, from the voltages of every node without load and per current."""
    nodes = len(feeder.nodes)
    maps, offsets, bank, first = [], [], [], 0
    for capacitor in feeder.capacitors:
        rows, conductors = _bank(capacitor, nodes)
        maps.append(rows)
        count = 1 + 2 * conductors if conductors else 0
        offsets.append(np.zeros(count, dtype=np.complex128))
        bank.append((first, conductors))
        first += count
    rows, drive = _source(feeder)
    maps.append(rows)
    offsets.append(drive)
    all_rows = sparse.csr_array(sparse.vstack(maps))
    return ControlReadings(
        offset=all_rows @ open_v + np.concatenate(offsets),
        by_branch=all_rows @ by_branch,
        by_port=all_rows @ by_port,
        bank=np.array(bank, dtype=np.int64).reshape(-1, 2),
        source=np.array([first, len(drive) // 2]),
    )


def _bank(bank: Capacitor, nodes: int) -> tuple[sparse.csr_array, int]:
    """Maps of what a bank's control looks at, and how many conductors it measures at."""
    if bank.control is None:
        return sparse.csr_array((0, nodes), dtype=np.complex128), 0
    at = bank.control.element.node
    voltages = _pick(at, nodes)
    delta = len(at) > 1 and not (bank.nodes == GROUND).any()
    own = voltages[[0]] - voltages[[1]] if delta else voltages[[0]]
    stacked = sparse.vstack([own, voltages, bank.control.element.per_volt])
    return sparse.csr_array(stacked), len(at)


def _source(feeder: Feeder) -> tuple[sparse.csr_array, Complex[Array, " reading"]]:
    """Maps of the source's voltages and of the currents that leave it, and their offsets."""
    nodes = len(feeder.nodes)
    if feeder.source_admittance is None:
        return sparse.csr_array((0, nodes), dtype=np.complex128), np.zeros(0, np.complex128)
    at = feeder.source_nodes
    inside = sparse.csr_array(feeder.source_admittance)[at]
    rows = sparse.csr_array(sparse.vstack([_pick(at, nodes), -inside]))
    return rows, np.concatenate([np.zeros(len(at)), feeder.source_a[at]])


def _pick(at: Int[Array, " some"], nodes: int) -> sparse.csr_array:
    entries = (np.ones(len(at), dtype=np.complex128), (np.arange(len(at)), at))
    return sparse.csr_array(entries, shape=(len(at), nodes))
