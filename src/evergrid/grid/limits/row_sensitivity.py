"""How much does each limit of a feeder change per kW at a site: exact derivatives.

With the currents ``i = conj(s / u)`` of the branches, everything monitored is the size of a number
that is linear in i, or a ratio of two of them. So the change of i per kW is found once, and every
row follows from it by the derivative of a size: ``d|z| = Re(conj(z) dz) / |z|``. Where few rows are
asked for, what each weighs the changes of i with is taken back through the network instead.
"""

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.flow.monitored import MonitoredElements, ReadingMap
from evergrid.grid.flow.power_flow import Network

SETTLED = 1e-10  # change of a current that its derivative may still lack, of its size
ITERATIONS = 200
FEW = 0.1  # rows over branches, below which iterating costs less than factors
SOON = 30  # iterations after which factors cost less


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


def sensitivities_of(
    network: Network,
    monitored: MonitoredElements,
    u: Complex[Array, " branch"],
    s: Complex[Array, " branch"],
    share: Float[Array, "site branch"],
    *,
    row: Int[Array, " some"],
) -> Float[Array, "some site"]:
    """As `row_sensitivities`, of some rows in one step: its cost grows with rows, not with sites.

    Args:
        network: The feeder in the state that this step meets.
        monitored: What is monitored and has a limit.
        u: Voltages of the branches, pu.
        s: Powers of the branches, kVA into the grid.
        share: Part of each site's power in each branch.
        row: The rows.

    Source:
        Adjoint of the equation of `row_sensitivities`: a row changes by ``Re(c di)``, and with
        ``l = c - conj(l conj(s / u^2)) Z``, iterated, that is ``Re(l conj(ds / u))``.
    """
    weight = _weights(monitored, network.impedance, u, np.conj(s / u), row)
    taken = _taken_back(weight, _answer(u, s), network.impedance)
    return np.real(taken / np.conj(u)) @ share.T


def _taken_back(
    weight: Complex[Array, "some branch"],
    answer: Complex[Array, " branch"],
    impedance: Complex[Array, "branch branch"],
) -> Complex[Array, "some branch"]:
    """The solution of ``l = weight - conj(l answer) Z``.

    It is iterated for a few rows. Many cost less by factors of the whole, and near the most that
    wires can carry the iteration hardly moves.
    """
    if len(weight) < FEW * weight.shape[1]:
        taken = weight
        for _ in range(SOON):
            before = taken
            taken = weight - np.conj(before * answer) @ impedance
            if np.abs(taken - before).max(initial=0.0) <= SETTLED * np.abs(taken).max(initial=0.0):
                return taken
    # With l = x + iy and M = conj(answer) Z: x = Re(w) - x Re(M) - y Im(M), and
    # y = Im(w) - x Im(M) + y Re(M).
    real, imaginary = (part(np.conj(answer)[:, None] * impedance) for part in (np.real, np.imag))
    one = np.eye(len(answer))
    system = np.block([[one + real, imaginary], [imaginary, one - real]])
    both = np.linalg.solve(system.T, np.hstack([np.real(weight), np.imag(weight)]).T).T
    x, y = np.hsplit(both, 2)
    return x + 1j * y


def _answer(
    u: Complex[Array, "*step branch"], s: Complex[Array, "*step branch"]
) -> Complex[Array, "*step branch"]:
    """Current that a branch draws less per volt more, as its power stays."""
    return np.conj(s) / np.conj(u) ** 2


def _weights(
    monitored: MonitoredElements,
    impedance: Complex[Array, "branch branch"],
    u: Complex[Array, " branch"],
    current: Complex[Array, " branch"],
    row: Int[Array, " some"],
) -> Complex[Array, "some branch"]:
    """What each row weighs changes of the branches' currents with; it changes by the real part."""
    found, start = np.empty((len(row), len(u)), dtype=np.complex128), 0
    for count, weigh in (
        (len(u), lambda at: -_turned(u[at], impedance[at])),
        (len(u), lambda at: _turned(u[at], impedance[at])),
        (len(monitored.loading), lambda at: _of_sizes(monitored.loading.rows(at), current)),
        (len(monitored.phase), lambda at: _of_sizes(monitored.phase.rows(at), current)),
        (monitored.totals, lambda at: _of_totals(monitored, current)[at]),
        (len(monitored.positive), lambda at: _of_unbalance(monitored, current, at)),
    ):
        mine = (row >= start) & (row < start + count)
        if mine.any():
            found[mine] = weigh(row[mine] - start)
        start += count
    return found


def _of_sizes(
    readings: ReadingMap, current: Complex[Array, " branch"]
) -> Complex[Array, "some branch"]:
    """Weights of the sizes of readings."""
    return _turned(readings.of(current), readings.gain)


def _of_totals(
    monitored: MonitoredElements, current: Complex[Array, " branch"]
) -> Complex[Array, "transformer branch"]:
    """Weights of the power into each transformer over its rating."""
    voltage, into = monitored.voltage.of(current), monitored.current.of(current)
    member = (monitored.transformer == np.arange(monitored.totals)[:, None]).astype(float)
    turn = _turn(member @ (voltage * np.conj(into)))[monitored.transformer]
    by_voltage = (turn * np.conj(into))[:, None] * monitored.voltage.gain
    by_current = np.conj(turn * voltage)[:, None] * monitored.current.gain
    return member @ (by_voltage + by_current)


def _of_unbalance(
    monitored: MonitoredElements, current: Complex[Array, " branch"], at: Int[Array, " some"]
) -> Complex[Array, "some branch"]:
    """Weights of negative over positive sequence."""
    plus, minus = monitored.positive.rows(at), monitored.negative.rows(at)
    size = np.abs(plus.of(current))[:, None]
    ratio = np.abs(minus.of(current))[:, None] / size
    return (_of_sizes(minus, current) - ratio * _of_sizes(plus, current)) / size


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
    answer = _answer(u, s)[:, :, None]
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
    return np.real(_turn(value)[:, :, None] * change)


def _turned(
    value: Complex[Array, " some"], gain: Complex[Array, "some branch"]
) -> Complex[Array, "some branch"]:
    return _turn(value)[:, None] * gain


def _turn(value: Complex[Array, "*some"]) -> Complex[Array, "*some"]:
    """What turns a value to its size; 0 where the value is 0."""
    size = np.abs(value)
    return np.divide(np.conj(value), size, out=np.zeros_like(value), where=size > 0)
