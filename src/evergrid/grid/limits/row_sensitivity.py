"""How much does each limit of a feeder change per kW at a site: exact derivatives.

With the currents ``i = conj(s / u)`` of the branches, everything monitored is the size of a number
that is linear in i, or a ratio of two of them. So the change of i per kW is found once, and every
row follows from it by the derivative of a size: ``d|z| = Re(conj(z) dz) / |z|``.
"""

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Float
from evergrid.grid.flow.monitored import MonitoredElements
from evergrid.grid.flow.power_flow import Network

SETTLED = 1e-10  # change of a current that its derivative may still lack, of its size
ITERATIONS = 200


def row_sensitivities(
    network: Network,
    monitored: MonitoredElements,
    u: Complex[Array, "step branch"],
    s: Complex[Array, "step branch"],
    share: Float[Array, "site branch"],
) -> Float[Array, "step row site"]:
    """Change of each row that one step alone tells per kW that a site feeds.

    Args:
        network: The feeder in the state that these steps meet.
        monitored: What is monitored and has a limit.
        u: Voltages of the branches, pu.
        s: Powers of the branches, kVA into the grid.
        share: Part of each site's power in each branch.

    Source:
        Derivative of ``u = w + Z conj(s / u)``: the currents i = conj(s / u) change by
        ``di = conj(ds / u) - conj(s / u^2) conj(Z di)``, which is iterated.
    """
    current, moved = np.conj(s / u), _moved_currents(network.impedance, u, s, share)
    voltage = _size_change(u, network.impedance @ moved)
    line = _size_change(monitored.loading.of(current), monitored.loading.gain @ moved)
    phase = _size_change(monitored.phase.of(current), monitored.phase.gain @ moved)
    total = _size_change(*_entering(monitored, current, moved))
    unbalance = _unbalance(monitored, current, moved)
    return np.concatenate((-voltage, voltage, line, phase, total, unbalance), axis=1)


def _moved_currents(
    impedance: Complex[Array, "branch branch"],
    u: Complex[Array, "step branch"],
    s: Complex[Array, "step branch"],
    share: Float[Array, "site branch"],
) -> Complex[Array, "step branch site"]:
    """Change of the branches' currents per kW of each site."""
    # Kept: the change that the sites drive at fixed voltages. Iterated: what the voltages that
    # they move answer; it shrinks as the power flow's own iteration does, wherever that settles.
    driven = share.T / np.conj(u)[:, :, None]
    answer = (np.conj(s) / np.conj(u) ** 2)[:, :, None]
    moved = driven
    for _ in range(ITERATIONS):
        before = moved
        moved = driven - answer * np.conj(impedance @ before)
        if np.abs(moved - before).max(initial=0.0) <= SETTLED * np.abs(moved).max(initial=1.0):
            break
    return moved


def _entering(
    monitored: MonitoredElements,
    current: Complex[Array, "step branch"],
    moved: Complex[Array, "step branch site"],
) -> tuple[Complex[Array, "step transformer"], Complex[Array, "step transformer site"]]:
    """Power into each transformer over its rating, and its change."""
    voltage, into = monitored.voltage.of(current), monitored.current.of(current)
    change = (monitored.voltage.gain @ moved) * np.conj(into)[:, :, None]
    change += voltage[:, :, None] * np.conj(monitored.current.gain @ moved)
    member = (monitored.transformer == np.arange(monitored.totals)[:, None]).astype(float)
    return (voltage * np.conj(into)) @ member.T, member @ change


def _unbalance(
    monitored: MonitoredElements,
    current: Complex[Array, "step branch"],
    moved: Complex[Array, "step branch site"],
) -> Float[Array, "step bus site"]:
    """Change of negative over positive sequence."""
    plus, minus = monitored.positive.of(current), monitored.negative.of(current)
    ratio = (np.abs(minus) / np.abs(plus))[:, :, None]
    up = _size_change(minus, monitored.negative.gain @ moved) / np.abs(plus)[:, :, None]
    down = _size_change(plus, monitored.positive.gain @ moved) / np.abs(plus)[:, :, None]
    return up - ratio * down


def _size_change(
    value: Complex[Array, "step some"], change: Complex[Array, "step some site"]
) -> Float[Array, "step some site"]:
    """Change of the size of a value that changes; 0 where the value is 0."""
    size = np.abs(value)
    turn = np.divide(np.conj(value), size, out=np.zeros_like(value), where=size > 0)
    return np.real(turn[:, :, None] * change)
