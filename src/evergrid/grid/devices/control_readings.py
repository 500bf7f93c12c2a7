"""What controls measure away from what they move, and the source delivers: linear in the currents.

Source:
    What is measured where: the controls of OpenDSS; see docs/concepts/volt_var.md.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Int
from evergrid.grid.feeder.feeder import GROUND, CapacitorControl, Feeder

NOT_REMOTE = -1  # stands for a reading that a regulator's control does not need


@dataclass(frozen=True)
class ControlReadings:
    """Complex readings that are linear in the currents of branches and ports.

    First come, for each control of a bank, the voltages it measures, those of its override, the
    currents it measures, and the voltages at the conductors whose power it measures and the
    currents there; then the voltages of other buses that regulators keep; last the voltages of
    the source's nodes and the currents out of the source.

    Attributes:
        offset: Reading without any current, volts or amperes.
        by_branch: Change per current of each branch, kVA at 1 pu.
        by_port: Change per current of each port.
        of_bank: First reading of each control of a bank, and its numbers of voltages, of voltages
            of its override, of currents and of conductors.
        remote: Reading of the other bus of each control of a regulator, or `NOT_REMOTE`.
        source: First reading and number of nodes of the source; 0 nodes where it is not known.
    """

    offset: Complex[Array, " reading"]
    by_branch: Complex[Array, "reading branch"]
    by_port: Complex[Array, "reading port"]
    of_bank: Int[Array, "bank_control 5"]
    remote: Int[Array, " tap_control"]
    source: Int[Array, " 2"]


def control_readings(
    feeder: Feeder,
    open_v: Complex[Array, " node"],
    by_branch: Complex[Array, "node branch"],
    by_port: Complex[Array, "node port"],
) -> ControlReadings:
    """The readings, from the voltages of every node without load and per current."""
    nodes = len(feeder.nodes)
    maps, of_bank, remote, first = [], [], [], 0
    for control in (c for capacitor in feeder.capacitors for c in capacitor.controls):
        parts = _parts(control, nodes)
        counts = [len(rows.indptr) - 1 for rows in parts]
        of_bank.append((first, *counts[:4]))
        maps += parts
        first += sum(counts)
    for control in (c for regulator in feeder.regulators for c in regulator.controls):
        remote.append(first if control.remote else NOT_REMOTE)
        if control.remote:
            maps.append(_between(*control.remote, nodes))
            first += 1
    rows, drive = _source(feeder)
    maps.append(rows)
    all_rows = sparse.csr_array(sparse.vstack(maps))
    return ControlReadings(
        offset=all_rows @ open_v + np.concatenate([np.zeros(first), drive]),
        by_branch=all_rows @ by_branch,
        by_port=all_rows @ by_port,
        of_bank=np.array(of_bank, dtype=np.int64).reshape(-1, 5),
        remote=np.array(remote, dtype=np.int64),
        source=np.array([first, len(drive) // 2]),
    )


def _parts(control: CapacitorControl, nodes: int) -> list[sparse.csr_array]:
    """Maps of what a bank's control looks at."""
    none = sparse.csr_array((0, nodes), dtype=np.complex128)
    return [
        control.voltage.per_volt,
        control.override.per_volt if control.override else none,
        control.current.per_volt,
        _pick(control.power.node, nodes),
        control.power.per_volt,
    ]


def _source(feeder: Feeder) -> tuple[sparse.csr_array, Complex[Array, " reading"]]:
    """Maps of the source's voltages and of the currents that leave it, and their offsets."""
    nodes = len(feeder.nodes)
    if feeder.source_admittance is None:
        return sparse.csr_array((0, nodes), dtype=np.complex128), np.zeros(0, np.complex128)
    at = feeder.source_nodes
    inside = sparse.csr_array(feeder.source_admittance)[at]
    rows = sparse.csr_array(sparse.vstack([_pick(at, nodes), -inside]))
    return rows, np.concatenate([np.zeros(len(at)), feeder.source_a[at]])


def _between(node: int, other: int, nodes: int) -> sparse.csr_array:
    """Map of the voltage between two nodes, or of a node to ground."""
    ends = np.array([node] if other == GROUND else [node, other])
    signs = np.array([1.0, -1.0], dtype=np.complex128)[: len(ends)]
    return sparse.csr_array((signs, (np.zeros(len(ends), np.int64), ends)), shape=(1, nodes))


def _pick(at: Int[Array, " some"], nodes: int) -> sparse.csr_array:
    entries = (np.ones(len(at), dtype=np.complex128), (np.arange(len(at)), at))
    return sparse.csr_array(entries, shape=(len(at), nodes))
