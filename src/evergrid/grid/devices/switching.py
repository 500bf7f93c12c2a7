"""A feeder reduced once for all positions of its taps and banks.

Beside its branches the feeder is reduced to *ports*: the nodes of regulators and capacitor banks.
Whatever switches differs from where it stood by small admittances between ports alone, so that
another position costs a few products of the size of the ports instead of a new reduction.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Int
from evergrid.grid.devices.control_readings import ControlReadings, control_readings
from evergrid.grid.feeder.feeder import GROUND, Branches, Feeder, incidence
from evergrid.grid.flow.power_flow import Factor

NOWHERE = -1  # stands for ground in place of a port


@dataclass(frozen=True)
class Device:
    """What switches, as admittances between ports.

    Attributes:
        port: Port of each conductor of each device; `NOWHERE` for ground and to fill up.
        admittance: Between its conductors, of a regulator at the nominal ratio, kVA at 1 pu.
        tapped: 1 for conductors of the winding whose turns change, 0 for others.
    """

    port: Int[Array, "device conductor"]
    admittance: Complex[Array, "device conductor conductor"]
    tapped: Int[Array, "device conductor"]


@dataclass(frozen=True)
class Switching:
    """A feeder in the position of its state, reduced to branches and ports.

    Voltages are per unit, currents in kVA at 1 pu into the grid.

    Attributes:
        feeder: What it was made of.
        branches: Where power enters or leaves.
        open_pu: Voltages of the branches without load.
        impedance: Rise of the branches' voltages per current of the branches.
        port_open_pu: Voltages of the ports without load.
        to_port: Rise of the ports' voltages per current of the branches.
        from_port: Rise of the branches' voltages per current of the ports.
        between: Rise of the ports' voltages per current of the ports.
        regulators: The feeder's regulators.
        banks: The feeder's capacitor banks.
        readings: What controls of the banks measure, and the source delivers.
    """

    feeder: Feeder
    branches: Branches
    open_pu: Complex[Array, " branch"]
    impedance: Complex[Array, "branch branch"]
    port_open_pu: Complex[Array, " port"]
    to_port: Complex[Array, "port branch"]
    from_port: Complex[Array, "branch port"]
    between: Complex[Array, "port port"]
    regulators: Device
    banks: Device
    readings: ControlReadings


def reduce(feeder: Feeder, branches: Branches | None = None) -> Switching:
    """A feeder reduced to its branches and the ports of what switches.

    Args:
        feeder: The feeder, in the position from which others differ.
        branches: Where power may enter or leave; the feeder's own loads by default.
    """
    branches = feeder.branches if branches is None else branches
    nodes, base_v = len(feeder.nodes), feeder.base_v
    conductors = [device.nodes for device in (*feeder.regulators, *feeder.capacitors)]
    ports = np.unique(np.concatenate([*conductors, np.array([GROUND])]))[1:]
    across = incidence(branches, nodes)
    into = np.zeros((nodes, len(ports)), dtype=np.complex128)
    into[ports, np.arange(len(ports))] = 1000.0 / base_v[ports]
    factor = Factor(feeder, feeder.state)
    # Superposition: voltages are those without load plus the response to each current. One kVA at 1
    # pu into a branch or a port is 1000 / base_v amperes, so the factor is solved once for each.
    drive = across.T.toarray().astype(np.complex128) * (1000.0 / branches.base_v)
    by_branch, by_port = factor.voltage(drive), factor.voltage(into)
    size, port_size = branches.base_v, base_v[ports]
    turns = [regulator.tapped.astype(np.int64) for regulator in feeder.regulators]
    at_nominal = [regulator.admittance for regulator in feeder.regulators]
    whole = [np.zeros(len(bank.nodes), dtype=np.int64) for bank in feeder.capacitors]
    closed = [bank.admittance for bank in feeder.capacitors]
    count = len(feeder.regulators)
    return Switching(
        feeder=feeder,
        branches=branches,
        open_pu=across @ factor.open_v / size,
        impedance=(across @ by_branch) / size[:, None],
        port_open_pu=factor.open_v[ports] / port_size,
        to_port=by_branch[ports] / port_size[:, None],
        from_port=(across @ by_port) / size[:, None],
        between=by_port[ports] / port_size[:, None],
        regulators=_device(conductors[:count], at_nominal, turns, ports, base_v),
        banks=_device(conductors[count:], closed, whole, ports, base_v),
        readings=control_readings(feeder, factor.open_v, by_branch, by_port),
    )


def _device(
    nodes: list[Int[Array, " _"]],
    admittance: list[Complex[Array, "_ _"]],
    tapped: list[Int[Array, " _"]],
    ports: Int[Array, " port"],
    base_v: Array,
) -> Device:
    """Devices of one kind, filled up to the greatest number of conductors."""
    most = max((len(at) for at in nodes), default=0)
    port = np.full((len(nodes), most), NOWHERE)
    between = np.zeros((len(nodes), most, most), dtype=np.complex128)
    turns = np.zeros((len(nodes), most), dtype=np.int64)
    for k, at in enumerate(nodes):
        inside = at != GROUND
        size = np.where(inside, base_v[at], 1.0)
        port[k, : len(at)] = np.where(inside, np.searchsorted(ports, at), NOWHERE)
        between[k, : len(at), : len(at)] = admittance[k] * size[:, None] * size / 1000.0
        turns[k, : len(at)] = tapped[k]
    return Device(port, between, turns)
