"""Where an inverter rests: for given references, or for a schedule at its terminals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import SolveError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.resilience.inverter.circuit import InfiniteBus
from evergrid.resilience.inverter.model import AbstractInverter, References
from evergrid.resilience.inverter.rotation import powers

COMPLEX_STEP = 1e-30  # nothing is subtracted, so that smaller is only better
CLOSE = 1e-12  # last step of Newton's method, relative to states above 1
MOST_ITERATIONS = 50
FAR = 1e4  # per unit; an iteration that is there does not come back

Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Equilibrium:
    """Where nothing moves.

    Attributes:
        state: Of the inverter, in the order of its ``states``.
        references: That hold it there.
        residual_per_s: Greatest rate that is left; the fastest states move by about 1e5 of a step.
        iterations: Of Newton's method.
    """

    state: Float[Array, " state"]
    references: References
    residual_per_s: float
    iterations: int


def jacobian(function: Function, place: Float[Array, " n"]) -> Float[Array, "m n"]:
    """Derivatives to the last digit by complex steps, all columns in one call.

    Source:
        W. Squire, G. Trapp (1998), Using complex variables to estimate derivatives of real
        functions, SIAM Review 40(1), doi:10.1137/S003614459631241X.
    """
    steps = place[:, None] + 1j * COMPLEX_STEP * np.eye(len(place))
    return np.imag(function(steps)) / COMPLEX_STEP


def scheduled(
    inverter: AbstractInverter,
    bus: InfiniteBus,
    power_pu: float,
    terminal_voltage_pu: float,
) -> Equilibrium:
    """The equilibrium at which the terminals have a power and a voltage, and its references.

    Reference and measured reactive power are equal there, so that a droop has nothing to do.

    Args:
        inverter: That feeds.
        bus: Into which.
        power_pu: Active power at the terminals, into the grid.
        terminal_voltage_pu: Magnitude there.

    Raises:
        InputError: 50 and 60 Hz mixed; more power than the impedance to the bus carries; references
            that are out of range.
        SolveError: No equilibrium is found.
    """
    inverter.check_bus(bus)
    circuit = _circuit(inverter, bus, power_pu, terminal_voltage_pu)
    used = list(inverter.used_references)
    count = len(inverter.states)
    aim = np.array((power_pu, 0.0, terminal_voltage_pu**2))

    def missing(unknown: Array) -> Array:
        state, references = unknown[:count], np.ones((3, *unknown.shape[1:]), unknown.dtype)
        references[used] = unknown[count:]
        capacitor, grid = inverter.circuit(state)[2:4], inverter.circuit(state)[4:6]
        terminal = bus.terminal_voltage(grid)
        active, _ = powers(terminal, grid)
        _, reactive = powers(capacitor, grid)
        held = np.array((active, references[1] - reactive, terminal[0] ** 2 + terminal[1] ** 2))
        held = held - aim.reshape((3,) + (1,) * (unknown.ndim - 1))
        # A control without a reference for the voltage reaches it by its reactive power.
        kept = held if len(used) == 3 else held[[0, 2]]
        return np.concatenate((inverter.rates_per_s(state, references, bus), kept))

    state = inverter.start(circuit)
    active, reactive = powers(circuit[2:4], circuit[4:6])
    size = float(np.hypot(circuit[2], circuit[3]))
    guess = np.array((float(active), float(reactive), size))[used]
    found, iterations = _newton(missing, np.concatenate((state, guess)))
    values = np.ones(3)
    values[used] = found[count:]
    references = References(*(float(value) for value in values))
    return _equilibrium(inverter, bus, found[:count], references, iterations)


def resting(
    inverter: AbstractInverter,
    bus: InfiniteBus,
    references: References,
    near: Float[Array, " state"],
) -> Equilibrium:
    """The equilibrium for given references that Newton's method reaches from a state.

    Raises:
        InputError: 50 and 60 Hz mixed.
        SolveError: No equilibrium is found.
    """
    inverter.check_bus(bus)
    given = references.array()

    def rates(state: Array) -> Array:
        wide = np.broadcast_to(given.reshape((3,) + (1,) * (state.ndim - 1)), (3, *state.shape[1:]))
        return inverter.rates_per_s(state, wide, bus)

    found, iterations = _newton(rates, near)
    return _equilibrium(inverter, bus, found, references, iterations)


def _equilibrium(
    inverter: AbstractInverter,
    bus: InfiniteBus,
    state: Float[Array, " state"],
    references: References,
    iterations: int,
) -> Equilibrium:
    left = inverter.rates_per_s(state, references.array(), bus)
    return Equilibrium(state, references, float(np.abs(left).max()), iterations)


def _newton(function: Function, start: Float[Array, " n"]) -> tuple[Float[Array, " n"], int]:
    """Newton's method with exact derivatives, to where a step no longer moves anything."""
    place = start
    for iteration in range(1, MOST_ITERATIONS + 1):
        try:
            step = np.linalg.solve(jacobian(function, place), function(place))
        except np.linalg.LinAlgError:
            break
        place = place - step
        if not (np.abs(place) < FAR).all():
            break
        if (np.abs(step) <= CLOSE * np.maximum(np.abs(place), 1.0)).all():
            return place, iteration
    detail = "The inverter has no equilibrium near the start: ask for less power, or another gain."
    raise SolveError(Status.NUMERICAL, detail)


def _circuit(
    inverter: AbstractInverter, bus: InfiniteBus, power_pu: float, voltage_pu: float
) -> Float[Array, "6"]:
    """States of the filter for a power and a voltage at the terminals, by phasors.

    Of both angles that carry the power, the one nearer to the bus; the sine of angle and impedance
    tells whether there is one.
    """
    impedance = complex(bus.resistance_pu, bus.reactance_pu)
    if impedance == 0:
        fix = "A schedule fixes the voltage at the terminals, which then is the bus itself."
        got = (bus.reactance_pu,)
        raise_if_any("inverter", [Fault("reactance_pu", "be above 0", got, fix=fix)])
    size, lean = abs(impedance), np.angle(impedance)
    share = power_pu * size - voltage_pu**2 * np.cos(lean)
    sine = share / (voltage_pu * bus.voltage_pu)
    if not abs(sine) <= 1:
        most = (voltage_pu * bus.voltage_pu + voltage_pu**2 * np.cos(lean)) / size
        rule = f"be at most {most:.4g} pu, which the impedance to the bus carries"
        raise_if_any("inverter", [Fault("power_pu", rule, (power_pu,))])
    angle = np.arcsin(sine) + np.pi / 2 - lean
    terminal = voltage_pu * np.exp(1j * angle)
    grid = (terminal - bus.voltage_pu) / impedance
    lcl = inverter.lcl
    capacitor = terminal + (lcl.grid_resistance_pu + 1j * lcl.grid_inductance_pu) * grid
    bridge = grid + 1j * lcl.capacitance_pu * capacitor
    parts = [[value.real, value.imag] for value in (bridge, capacitor, grid)]
    return np.concatenate(parts)
