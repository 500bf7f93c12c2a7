"""Is an island stable: its modes, what takes part in them, its critical droop."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.linalg
from scipy.optimize import brentq

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import (
    DELTA,
    GAMMA_D,
    GAMMA_Q,
    INDUCTION,
    K_IC,
    K_IV,
    PHI_D,
    PHI_Q,
    SYNCHRONOUS,
    V_O_D,
    V_O_Q,
    P,
    Q,
)
from evergrid.resilience.machine import induction, synchronous
from evergrid.resilience.network import assembly as assemblies
from evergrid.resilience.network.assembly import Assembly, UnitReferences, assemble
from evergrid.resilience.network.breakers import BreakerPositions
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.elements import GridFormingUnit
from evergrid.resilience.network.kernels import V_TO
from evergrid.resilience.network.steady_state import SteadyState, residual, steady_state

BEYOND_ALL = 1e50  # of a derivative in SI units
RESTING = 1e-8  # largest residual of a steady state; Newton leaves less than 1e-12


@dataclass(frozen=True)
class IslandModes:
    """Modes around a steady state, the least damped first.

    What is not there: one zero for each island, for nothing depends on where all its angles begin
    together; and the modes of the term that keeps currents adding up, which are no physics.

    Attributes:
        eigenvalue_per_s: Of each mode, complex.
        participation: Share of each state in each mode; the shares of a mode add up to 1.
        state_names: Of the states.
    """

    eigenvalue_per_s: Shaped[Array, " mode"]
    participation: Float[Array, "mode state"]
    state_names: tuple[str, ...]

    @property
    def stable(self) -> bool:
        """Whether all modes decay."""
        return bool((np.real(self.eigenvalue_per_s) < 0).all())

    def main_states(self, mode: int, count: int = 3) -> dict[str, float]:
        """The states with the largest shares in a mode."""
        shares = self.participation[mode]
        return {self.state_names[row]: float(shares[row]) for row in np.argsort(-shares)[:count]}


@dataclass(frozen=True)
class CriticalDroop:
    """Where stability is lost.

    Attributes:
        droop_rad_per_s_per_w: Of all units that form the grid.
        eigenvalue_per_s: Of the mode that no longer decays there.
        main_states: With the largest shares in it.
    """

    droop_rad_per_s_per_w: float
    eigenvalue_per_s: complex
    main_states: dict[str, float]


def modes(settled: SteadyState) -> IslandModes:
    """Modes of the linearised equations, by the exact Jacobian.

    Currents move within those that add up at every bus, so that the Jacobian is taken in a basis
    of them; turning all angles of an island together is taken out by what is perpendicular to it.
    Participation factors are products of the entries of left and right eigenvectors.

    Raises:
        InputError: A state that does not rest in the frames that turn with it.

    Source:
        I. Perez-Arriaga, G. Verghese, F. Schweppe (1982), Selective modal analysis with
        applications to electric power systems, doi:10.1109/TPAS.1982.317524; J. Baumgarte (1972)
        for what is left out.
    """
    assembly, sizes = settled.assembly, _sizes(settled)
    moving = residual(assembly, settled.state.values, settled.w_rad_per_s)
    if not moving < RESTING:
        rule = f"hold a steady state: its rates must be below {RESTING:g} of what they sum up"
        raise_if_any("modes", [Fault("settled", rule, (moving,))])
    matrix = assembly.jacobian(settled.state.values, tables=settled.tables)
    matrix = matrix * sizes / sizes[:, None]  # else rounding shows in the seventh digit
    basis = _adding_up(assembly)
    inner = basis.T @ matrix @ basis
    turning = basis.T @ (_turning(settled) / sizes[:, None])
    across = scipy.linalg.null_space(turning.T)
    values, left, right = _eigenvectors(across.T @ inner @ across)
    along = np.linalg.lstsq(turning, inner @ across @ right, rcond=None)[0] / values
    right_full = basis @ (across @ right + turning @ along)
    left_full = basis @ (across @ left)
    shares = np.abs(np.conj(left_full) * right_full).T
    order = np.lexsort((-np.imag(values), -np.real(values)))
    shares = (shares / shares.sum(axis=1, keepdims=True))[order]
    return IslandModes(values[order], shares, assembly.state_names)


def check_stable(assembly: Assembly) -> IslandModes:
    """Refuse gains, droops or lines with a mode that grows, before anything is integrated.

    Returns:
        The modes, where all decay.

    Raises:
        InputError: The eigenvalue and the states with the largest shares in it; no steady state.
    """
    found = modes(steady_state(assembly))
    if not found.stable:
        growing = found.eigenvalue_per_s[0]
        named = ", ".join(f"{name} {share:.0%}" for name, share in found.main_states(0).items())
        rule = f"be stable: the mode of {named} grows"
        got = (f"{growing.real:.6g} +/- j{abs(growing.imag):.6g} 1/s",)
        fix = "Lower droop_rad_per_s_per_w or the gains that the states belong to."
        raise_if_any("small-signal stability", [Fault("eigenvalue", rule, got, fix=fix)])
    return found


def critical_droop(
    microgrid: DqNetwork,
    positions: BreakerPositions | None = None,
    references: UnitReferences | None = None,
    *,
    low_rad_per_s_per_w: float,
    high_rad_per_s_per_w: float,
) -> CriticalDroop:
    """Droop, the same for all units, at which the least damped mode neither grows nor decays.

    Args:
        microgrid: Units, branches, loads.
        positions: Of breakers; all closed where none are given.
        references: By name of unit.
        low_rad_per_s_per_w: A droop on one side of it.
        high_rad_per_s_per_w: A droop on the other side.

    Raises:
        InputError: Both on one side; no steady state at a droop between.
    """

    def found_at(droop: float) -> IslandModes:
        units = tuple(
            replace(unit, inverter=replace(unit.inverter, droop_rad_per_s_per_w=droop))
            if isinstance(unit, GridFormingUnit)
            else unit
            for unit in microgrid.units
        )
        return modes(steady_state(assemble(replace(microgrid, units=units), positions, references)))

    def growth(droop: float) -> float:
        return float(found_at(droop).eigenvalue_per_s[0].real)

    low, high = low_rad_per_s_per_w, high_rad_per_s_per_w
    ends = growth(low), growth(high)
    if ends[0] * ends[1] > 0:
        rule = "be on both sides of the critical droop"
        got = tuple(
            f"{droop:g} with {end:.4g} 1/s" for droop, end in zip((low, high), ends, strict=True)
        )
        raise_if_any("critical droop", [Fault("low and high", rule, got)])
    critical = _root(growth, low, high)
    at = found_at(critical)
    return CriticalDroop(critical, complex(at.eigenvalue_per_s[0]), at.main_states(0))


def check_step(
    assembly: Assembly, values: Float[Array, " state"], time_s: float, step_s: float, most: float
) -> None:
    """Refuse an explicit step that a fast mode does not bear.

    Args:
        assembly: What is connected.
        values: State around which modes are taken.
        time_s: Of it.
        step_s: Of the integration.
        most: Of the magnitude of an eigenvalue times the step.

    Raises:
        InputError: The eigenvalue and the element with the largest share in it; a state whose
            rates are not finite.
    """
    matrix = assembly.jacobian(values, time_s)
    if not np.abs(matrix).max() < BEYOND_ALL:
        fix = "Currents or voltages are far beyond any real ones."
        raise_if_any("simulation", [Fault("state", "have finite rates of change", fix=fix)])
    balanced = np.abs(scipy.linalg.matrix_balance(matrix, permute=False)[0])
    if balanced.sum(axis=0).max() * step_s <= most:  # a norm bounds all eigenvalues, and is quick
        return
    fastest = np.abs(np.linalg.eigvals(matrix)).max()
    if fastest * step_s <= most:
        return
    found, left, right = _eigenvectors(matrix)
    mode = int(np.abs(found).argmax())
    share = np.abs(np.conj(left[:, mode]) * right[:, mode])
    name = assembly.state_names[int(share.argmax())].rsplit(".", 1)[0]
    near = "".join(f" at resistor {resistor}" for resistor in _resistors_at(assembly, name))
    rule = f"be at most {most / fastest:.3g} s: {name}{near} has a mode of {fastest:.4g} 1/s"
    fix = "Shorten the step, give loads a realistic inductance, or solve by network.implicit."
    raise_if_any("simulation", [Fault("step_s", rule, (step_s,), ids=(name,), fix=fix)])


def _resistors_at(assembly: Assembly, name: str) -> list[str]:
    """Resistors that are connected to a bus of a unit, branch or load."""
    microgrid = assembly.microgrid
    buses = {one.bus for one in (*microgrid.units, *microgrid.loads) if one.name == name}
    for branch in microgrid.branches:
        if branch.name == name:
            buses |= {branch.from_bus, branch.to_bus}
    at = [one for one in microgrid.resistors if one.bus in buses]
    return [one.name for one in at if assembly.positions.has(one.name)]


def _root(growth: Callable[[float], float], low: float, high: float) -> float:
    """Where growth is zero."""
    found: Any = brentq(growth, low, high, xtol=1e-12 * high)
    return float(found)


def _eigenvectors(matrix: Float[Array, "n n"]) -> tuple[Array, Array, Array]:
    """Eigenvalues, left and right eigenvectors."""
    found: Any = scipy.linalg.eig(matrix, left=True)
    return found


def _adding_up(assembly: Assembly) -> Float[Array, "active independent"]:
    """Orthonormal basis of the states whose currents add up at every bus without a resistor."""
    incidence = assemblies.incidence_of(assembly)[assembly.is_free()]
    entries = assemblies.current_entries(assembly)
    moving = np.isin(entries, assembly.active)
    places = np.searchsorted(assembly.active, entries[moving])
    rows = np.zeros((2 * len(incidence), len(assembly.active)))
    rows[: len(incidence), places] = incidence[:, moving]
    rows[len(incidence) :, places + 1] = incidence[:, moving]
    return scipy.linalg.null_space(rows) if len(rows) else np.eye(len(assembly.active))


def _sizes(settled: SteadyState) -> Float[Array, " active"]:
    """A size for each state, so that all are near 1 when divided by it; currents have one size."""
    assembly, rows = settled.assembly, settled.assembly.tables.units
    found = np.ones(len(settled.state.values))
    voltage_v = max(float(settled.tables.told[assembly.forms, V_TO].max()), 1.0)
    currents_a = settled.state.values[assemblies.current_entries(assembly)]
    current_a = max(float(np.abs(currents_a).max()), 1.0)
    found[assembly.moving] = current_a
    power_w = voltage_v * current_a
    machine, motor = assembly.kind == SYNCHRONOUS, assembly.kind == INDUCTION
    inverter = ~machine & ~motor
    of_inverter = ((V_O_D, voltage_v), (V_O_Q, voltage_v))
    of_machine = [(entry, 1.0) for entry in (synchronous.REGULATOR, synchronous.FIELD)]
    of_machine += [(entry, 1.0) for entry in (synchronous.RACK, synchronous.TORQUE)]
    of_machine += [(synchronous.SLIP, 1.0)]
    of_machine += [(entry, voltage_v) for entry in (synchronous.E_A, synchronous.E_B)]
    of_motor = [
        (induction.FLUX_X, voltage_v),
        (induction.FLUX_Y, voltage_v),
        (induction.SPEED, 1.0),
    ]
    for which, sizes in (
        (slice(None), ((DELTA, 1.0), (P, power_w), (Q, power_w))),
        (inverter, of_inverter),
        (machine, of_machine),
        (motor, of_motor),
    ):
        for entry, size in sizes:
            found[assembly.unit_at[which] + entry] = size
    # What a controller has integrated is as large as what it gives, over its gain.
    for entry, gain, size in (
        (PHI_D, K_IV, current_a),
        (PHI_Q, K_IV, current_a),
        (GAMMA_D, K_IC, voltage_v),
        (GAMMA_Q, K_IC, voltage_v),
    ):
        found[assembly.unit_at[inverter] + entry] = size / rows[inverter, gain]
    return found[assembly.active]


def _turning(settled: SteadyState) -> Float[Array, "active island"]:
    """What turning all angles of each island together changes."""
    assembly, values = settled.assembly, settled.state.values
    found = np.zeros((len(values), assembly.islands.count))
    found[assembly.unit_at + DELTA, assembly.unit_islands] = 1.0
    entries, islands = assemblies.turning_entries(assembly)
    found[entries, islands] = -values[entries + 1]
    found[entries + 1, islands] = values[entries]
    return found[assembly.active]
