"""Is a step short enough for the circuit, and do the gains hold the voltage at no load?"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

from evergrid.core.arrays import Array, Bool, Float
from evergrid.resilience.waveform.kernels.circuit import instant_slopes
from evergrid.resilience.waveform.kernels.records import (
    BlockData,
    CircuitData,
    CircuitState,
    ControllerData,
    SwitchState,
)
from evergrid.resilience.waveform.kernels.triples import Triple

REACH = 2.78  # |eigenvalue| times step up to which the method of Runge and Kutta damps
INDUCTOR, BUS, FLUX, WINDING, BRANCH = range(5)  # rows of the state; then one for each load
ROWS = (
    "inductor of the filter",
    "capacitor of the filter",
    "saturated core of the transformer",
    "leakage of the transformer",
)


@dataclass(frozen=True)
class FastestMode:
    """The fastest time constant of a circuit.

    Attributes:
        eigenvalue_per_s: Of the circuit with everything closed and every core saturated.
        element: Which takes most part in it.
    """

    eigenvalue_per_s: complex
    element: str

    @property
    def longest_step_s(self) -> float:
        """Up to which the method of Runge and Kutta damps it."""
        return REACH / abs(self.eigenvalue_per_s)


def fastest_mode(
    plant: CircuitData, control: ControllerData, blocks: BlockData, names: list[str]
) -> FastestMode:
    """The fastest mode with every load closed, with none, and with one at a time; cores saturated.

    The equations of the kernel are linear there, so that their matrix is read off column by column.

    Args:
        plant: The circuit.
        control: Of it; only what the equations need.
        blocks: Its loads and faults.
        names: Of the loads.
    """
    loads = len(names)
    everything = np.ones(loads, bool)
    found = []
    for closed in (everything, ~everything, *np.eye(loads, dtype=bool)):
        values, vectors = np.linalg.eig(_matrix(plant, control, blocks, closed))
        most = int(np.argmax(np.abs(values)))
        # how far each state takes part: product of right and left eigenvector
        left = np.linalg.pinv(vectors)[most]
        part = int(np.argmax(np.abs(vectors[:, most] * left))) // 3
        element = _element(part, blocks, [n for n, on in enumerate(closed) if on], names)
        found.append(FastestMode(complex(values[most]), element))
    return max(found, key=lambda mode: abs(mode.eigenvalue_per_s))


def _element(part: int, blocks: BlockData, closed: list[int], names: list[str]) -> str:
    """What a row of the state stands for; a small load makes the leakage before it fast."""
    if part >= BRANCH:
        return f"load {names[int(np.argmax(blocks.branch == part - BRANCH))]}"
    resistive = [names[number] for number in closed if blocks.conductance[number].any()]
    if part == WINDING and resistive:
        return f"{ROWS[part]} with load {', '.join(resistive)}"
    if part == BUS and blocks.fault_g.any():
        return f"{ROWS[part]} with the earth fault"
    return ROWS[part]


def _matrix(
    plant: CircuitData, control: ControllerData, blocks: BlockData, closed: Bool[Array, " load"]
) -> Float[Array, "state state"]:
    """Derivatives of the whole state with respect to itself, cores on their upper slope."""
    saturated = plant._replace(per_magnetising=plant.per_air_core, knee=math.inf)
    silent = control._replace(ramp_start_s=math.inf)
    conductance = blocks.conductance[closed].sum(axis=0)
    inverse = np.divide(1.0, conductance, out=np.zeros(3), where=conductance > 0)
    inductive = closed[blocks.branch >= 0]  # branches are in the order of the loads
    per_closed_l = blocks.per_branch_l * inductive[:, None]
    node_l = 1.0 / (plant.per_leakage + per_closed_l.sum(axis=0))
    rows = blocks.current.shape
    switches = SwitchState(
        plant.transformer,
        *(_triple(values) for values in (conductance, inverse, node_l, blocks.fault_g.sum(axis=0))),
    )
    columns = []
    for unit in np.eye(3 * (BRANCH + rows[0])):
        parts = unit.reshape(-1, 3)
        probe = blocks._replace(
            per_closed_l=per_closed_l,
            current=np.ascontiguousarray(parts[BRANCH:]),
            rates=np.zeros(rows),
        )
        state = CircuitState(*(_triple(values) for values in parts[:BRANCH]))
        legs = (0.0, 0.0, 0.0)
        rates, _ = instant_slopes(saturated, silent, switches, probe, 0.0, legs, state)
        columns.append(np.concatenate([np.ravel(rates), probe.rates.ravel()]))
    return np.array(columns).T


def _triple(values: Float[Array, " phase"]) -> Triple:
    first, second, third = (float(value) for value in values)
    return first, second, third


def sampled_modes(plant: CircuitData, control: ControllerData) -> Array:
    """Eigenvalues of circuit and controller together at no load, from sample to sample, 1/s.

    Both are turned into one complex number for each pair of d and q. The bridge applies an order
    one period after it was computed and holds it for one period; powers and limits are left out.

    Returns:
        Logarithms of the eigenvalues over the period; a positive real part grows.
    """
    base, period = plant.base_rad_per_s, control.period_s
    circuit = np.zeros((3, 3), complex)
    circuit[0] = np.array([-plant.filter_r, -1.0, 1.0]) * base / plant.filter_l
    circuit[1, 0] = base / plant.bus_c
    held = expm(circuit * period)
    turn, late = np.exp(-1j * base * period), np.exp(0.5j * base * period)
    # current, voltage, last order, integrators: voltage, negative sequence, current
    current, voltage, last, xi, negative, gamma = np.eye(6)
    error = -voltage
    wish = 1j * plant.bus_c * voltage + control.voltage_gain * error + xi + negative
    missing = wish - current
    order = control.voltage_feed_forward * voltage + 1j * plant.filter_l * current
    whole = np.array(
        [
            turn * (held[0, 0] * current + held[0, 1] * voltage + held[0, 2] * late * last),
            turn * (held[1, 0] * current + held[1, 1] * voltage + held[1, 2] * late * last),
            order + control.current_gain * missing + gamma,
            xi + control.voltage_integral * period * error,
            turn**2 * (negative + control.negative_integral * period * error),
            gamma + control.current_integral * period * missing,
        ]
    )
    gains = (control.voltage_integral, control.negative_integral, control.current_integral)
    kept = [0, 1, 2, *(3 + number for number, gain in enumerate(gains) if gain > 0)]
    whole = whole[np.ix_(kept, kept)]  # an integrator without gain would stand at 0 for ever
    return np.log(np.linalg.eigvals(whole)) / period
