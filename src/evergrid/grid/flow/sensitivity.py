"""What a little more power at one inverter does to the voltage of every other, loads included."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex
from scipy import linalg

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.grid.feeder.connections import Connections
from evergrid.grid.feeder.feeder import Branches
from evergrid.grid.flow import power_flow, power_flow_kernels
from evergrid.grid.flow.power_flow import Network

NUDGE = 1e-6  # of the voltage, by which the answer of a load is tried
TOLERANCE_PU = 1e-10


@dataclass(frozen=True)
class OperatingPoint:
    """What goes on beside the inverters' reactive power, by branch of the network.

    Attributes:
        power_kw: Of the inverters, into the grid.
        load_share: Share of the feeder's own loads that is on.
    """

    power_kw: Float[Array, " branch"]
    load_share: Float[Array, " branch"]


@dataclass(frozen=True)
class Sensitivity:
    """Rise of voltages for small changes of power.

    Attributes:
        voltage_pu: Of each connection at the operating point.
        rise_pu_per_kw: Of the voltage of a row per power into the grid of a column.
        rise_pu_per_kvar: The same per reactive power.
    """

    voltage_pu: Float[Array, " connection"]
    rise_pu_per_kw: Float[Array, "connection connection"]
    rise_pu_per_kvar: Float[Array, "connection connection"]


def linearise(network: Network, connections: Connections, operating: OperatingPoint) -> Sensitivity:
    """The exact derivative of the power flow at an operating point.

    Args:
        network: The feeder, reduced to ``connections.branches``.
        connections: The inverters.
        operating: Powers and loads.

    Raises:
        InputError: The wires cannot carry the power, so that there is no operating point.

    Source:
        Derivative of ``u = w + Z conj(s(|u|) / u)``; the conjugate makes it linear in real and
        imaginary parts only, hence twice as many unknowns.
    """
    u = steady(network, operating)
    size = np.abs(u)
    own, own_slope = _loads(network.branches, u, operating.load_share)
    power = operating.power_kw + own
    held = -np.conj(power) / np.conj(u) ** 2  # what turning the voltage does to the current
    moved = np.conj(own_slope) / np.conj(u)  # what loads that answer to its size add
    by_real, by_imag = moved * np.real(u) / size + held, moved * np.imag(u) / size - 1j * held
    share = connections.share.T.toarray()
    driven = network.impedance @ (share / np.conj(u)[:, None])
    rise = _solved(network.impedance, by_real, by_imag, np.hstack([driven, -1j * driven]))
    grown = np.real(np.conj(u)[:, None] * rise) / size[:, None]
    per_kw, per_kvar = np.hsplit(connections.share @ grown, 2)
    return Sensitivity(connections.share @ size, per_kw, per_kvar)


def steady(network: Network, operating: OperatingPoint) -> Complex[Array, " branch"]:
    """Voltages at the operating point, per unit.

    Raises:
        InputError: The wires cannot carry the power.
    """
    flow = power_flow.solve(
        network,
        operating.power_kw[None],
        np.zeros((1, len(operating.power_kw))),
        load_share=operating.load_share[None],
        tolerance_pu=TOLERANCE_PU,
    )
    if not flow.settled[0]:
        total_kw = float(operating.power_kw.sum())
        rule = "leave a voltage to linearise at"
        fix = "The wires cannot carry it: lower load_share, power_share or the ratings."
        raise InputError(network.feeder.name, [Fault("power_kw", rule, (total_kw,), fix=fix)])
    return flow.voltage_pu[0]


def _loads(
    branches: Branches, u: Complex[Array, " branch"], load_share: Float[Array, " branch"]
) -> tuple[Complex[Array, " branch"], Complex[Array, " branch"]]:
    """Power of the feeder's own loads, and how it changes with the size of the voltage."""
    tried = np.array([1.0 - NUDGE, 1.0, 1.0 + NUDGE])
    voltage = u[:, None] * tried
    full, law = power_flow.own_loads(branches, True)
    own = np.repeat((full * load_share)[:, :, None], len(tried), axis=2)
    found = np.zeros((2, *voltage.shape))
    real, imag = (np.ascontiguousarray(part(voltage)) for part in (np.real, np.imag))
    power_flow_kernels.add_loads(law, real, imag, own[0], own[1], found[0], found[1])
    power = found[0] + 1j * found[1]
    return power[:, 1], (power[:, 2] - power[:, 0]) / (2.0 * NUDGE * np.abs(u))


def _solved(
    impedance: Complex[Array, "branch branch"],
    by_real: Complex[Array, " branch"],
    by_imag: Complex[Array, " branch"],
    driven: Complex[Array, "branch column"],
) -> Complex[Array, "branch column"]:
    """The rise that satisfies ``rise = driven + Z (by_real Re(rise) + by_imag Im(rise))``."""
    count = len(by_real)
    of_real, of_imag = impedance * by_real, impedance * by_imag
    system = np.eye(2 * count)
    system[:count, :count] -= np.real(of_real)
    system[:count, count:] -= np.real(of_imag)
    system[count:, :count] -= np.imag(of_real)
    system[count:, count:] -= np.imag(of_imag)
    parts = np.vstack([np.real(driven), np.imag(driven)])
    found = linalg.solve(system, parts, overwrite_a=True, overwrite_b=True)
    return found[:count] + 1j * found[count:]
