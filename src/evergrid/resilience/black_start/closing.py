"""May this breaker close: droop and rating, eigenvalues, and a look ahead, before it is done."""

from collections.abc import Mapping

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.resilience.black_start.circuit import GRID
from evergrid.resilience.black_start.island import SAMPLE_S, STRETCH_S, Island
from evergrid.resilience.black_start.meters import effective_pu
from evergrid.resilience.black_start.outcome import ClosingCheck
from evergrid.resilience.black_start.settings import ProtectionLimits, StartSequence
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.breakers import BreakerPositions
from evergrid.resilience.network.references import UnitReference
from evergrid.resilience.network.simulation import Ending, simulate
from evergrid.resilience.network.small_signal import modes
from evergrid.resilience.network.steady_state import steady_state

UNSTABLE = "unstable"  # how the reason begins where eigenvalues refuse


def check_stability(island: Island, positions: BreakerPositions, name: str) -> ClosingCheck:
    """Eigenvalues of what would be connected, around where it would settle.

    Args:
        island: Now.
        positions: Of all breakers after closing.
        name: Of the breaker.
    """
    network = island.assembly_with(positions).microgrid
    told = _settled_references(island, positions)
    others = [unit.name for unit in network.units if not positions.has(unit.name)]
    assembly = assemble(network, positions.stopping(*others), told)
    try:
        settled = steady_state(assembly)
    except InputError:
        reason = f"{UNSTABLE}: there is no steady state to settle in"
        return ClosingCheck(island.time_s, name, False, reason, np.zeros(0, complex), ())
    found = modes(settled)
    states = found.main_states(0)
    allowed = found.stable
    reason = "" if allowed else f"{UNSTABLE}: {_mode_words(found.eigenvalue_per_s[0], states)}"
    values = found.eigenvalue_per_s
    return ClosingCheck(island.time_s, name, allowed, reason, values, tuple(states))


def _settled_references(island: Island, positions: BreakerPositions) -> dict[str, UnitReference]:
    """What units are told once they have taken over their shares."""
    told: Mapping[str, UnitReference] = island.references
    if GRID not in told or not positions.has(GRID):
        return {}
    grid = told[GRID]
    units = [unit.name for unit in island.circuit.formers]
    trim = UnitReference(trim_rad_per_s=grid.trim_rad_per_s)
    return dict.fromkeys(units, trim) | {GRID: grid}


def _mode_words(value: complex, states: Mapping[str, float]) -> str:
    named = ", ".join(f"{name} {share:.0%}" for name, share in states.items())
    return f"the eigenvalue {value.real:+.4g} +/- j{abs(value.imag):.4g} 1/s grows, mode of {named}"


def check_pick_up(
    island: Island, name: str, sequence: StartSequence, limits: ProtectionLimits
) -> ClosingCheck:
    """Rating and droop, then eigenvalues, then a look ahead at the closing of a block.

    Args:
        island: Now; the block draws what it is set to there.
        name: Of the block.
        sequence: How much units may be loaded, and for how long to look ahead.
        limits: That the look ahead must keep.
    """
    loading = _loading_fault(island, name, sequence)
    positions = island.positions.closing(name)
    if island.on_grid():
        return ClosingCheck(island.time_s, name, True, "", np.zeros(0, complex), ())
    settled_hz = _settled_hz(island, name)
    if loading and not sequence.force:
        nothing = np.zeros(0, complex)
        return ClosingCheck(island.time_s, name, False, loading, nothing, (), settled_hz=settled_hz)
    stable = check_stability(island, positions, name)
    seen = _look_ahead(island, positions, sequence.trial_s)
    reasons = [loading] if loading else []
    nominal = island.circuit.site.nominal_hz
    if not seen.finished:
        reasons.append("a current runs away in the look ahead")
    if seen.voltage_pu < limits.pick_up_voltage_pu:
        reasons.append(
            f"the voltage would fall to {seen.voltage_pu:.3f} pu, below "
            f"{limits.pick_up_voltage_pu:g}"
        )
    if seen.frequency_hz < nominal - limits.pick_up_deviation_hz:
        reasons.append(
            f"the frequency would fall to {seen.frequency_hz:.3f} Hz, below "
            f"{nominal - limits.pick_up_deviation_hz:g}"
        )
    if stable.reason:
        reasons = [stable.reason]
    return ClosingCheck(
        time_s=island.time_s,
        closing=name,
        allowed=not reasons,
        reason="; ".join(reasons),
        eigenvalue_per_s=stable.eigenvalue_per_s,
        states=stable.states,
        lowest_voltage_pu=seen.voltage_pu,
        lowest_frequency_hz=seen.frequency_hz,
        greatest_current_pu=seen.current_pu,
        settled_hz=settled_hz,
    )


def _needed_kw(island: Island, name: str) -> float:
    """What all blocks would draw at nominal voltage, with this one."""
    circuit = island.circuit
    return sum(
        block.power_kw * island.block_factor(block.name)
        for block in circuit.blocks
        if block.name == name or island.is_on(block.name)
    )


def _warm_kva(island: Island, name: str, at: frozenset[str] | None = None) -> float:
    """Apparent power of the blocks at nominal voltage once they are warm, with this one.

    Args:
        island: Now.
        name: Of the block.
        at: Buses of the section that count; all of them by default.
    """
    blocks = [one for one in island.circuit.blocks if at is None or one.bus in at]
    closed = [one for one in blocks if one.name == name or island.is_on(one.name)]
    return abs(sum((complex(one.power_kw, one.reactive_kvar) for one in closed), 0j))


def _section_fault(island: Island, name: str) -> str:
    """Which line or transformer of the section the blocks would overload; empty for none."""
    section = island.circuit.site.section
    for branch in () if section is None else section.branches:
        if section is None or not np.isfinite(branch.rating_kva):
            continue
        kva = _warm_kva(island, name, section.beyond(branch))
        if kva > branch.rating_kva:
            return (
                f"the blocks would load {branch.name} with {kva:.4g} kVA, more than its "
                f"{branch.rating_kva:.4g} kVA"
            )
    return ""


def _loading_fault(island: Island, name: str, sequence: StartSequence) -> str:
    """Why the units that are connected cannot carry the block as well; empty where they can."""
    needed = _needed_kw(island, name)
    formers, online = island.circuit.formers, island.online()
    share = np.array([unit.max_discharge_kw / unit.apparent_kva for unit in formers])
    rating = np.array([unit.apparent_kva for unit in formers])
    if not online.any():
        return "no unit is connected"
    # Equal droops per unit load all alike per kVA, so the weakest of them sets what all may give.
    most = sequence.loading * float(share[online].min() * rating[online].sum())
    transformer = island.circuit.site.transformer
    warm_kva = _warm_kva(island, name)
    if transformer is not None and warm_kva > transformer.rating_kva:
        return (
            f"the blocks would load the transformer with {warm_kva:.4g} kVA, more than its "
            f"{transformer.rating_kva:g} kVA"
        )
    if overloaded := _section_fault(island, name):
        return overloaded
    if needed <= most:
        return ""
    return (
        f"the blocks would draw {needed:.4g} kW, more than the {most:.4g} kW that "
        f"{int(online.sum())} units may give"
    )


def _settled_hz(island: Island, name: str) -> float:
    """Frequency by droop alone at nominal voltage."""
    rating = island.rating_w[island.online()].sum()
    if rating <= 0:
        return np.nan
    inverter = island.circuit.network.units[0].inverter
    droop_hz = inverter.droop_rad_per_s_per_w * island.rating_w[0] / (2.0 * np.pi)
    return island.circuit.site.nominal_hz - droop_hz * 1e3 * _needed_kw(island, name) / rating


class _LookAhead:
    """What meters would show; made by `_look_ahead`."""

    def __init__(self, finished: bool, voltage: Array, frequency: Array, current: Array) -> None:
        self.finished = finished
        self.voltage_pu = float(np.nanmin(voltage))
        self.frequency_hz = float(np.nanmin(frequency))
        self.current_pu = float(np.nanmax(current))


def _look_ahead(island: Island, positions: BreakerPositions, seconds: float) -> _LookAhead:
    """The same equations for a while, on a copy, without relays."""
    assembly = island.assembly_with(positions)
    whole = round(seconds / STRETCH_S) * STRETCH_S
    went = simulate(assembly, island.state, max(whole, STRETCH_S), sample_s=SAMPLE_S)
    row = island.meters(went)
    window = island.circuit.half_cycle(SAMPLE_S)
    voltage = effective_pu(row.voltage[1:], window)
    for other in island.block_voltages_pu(went):
        voltage = np.minimum(voltage, effective_pu(other[1:], window))
    return _LookAhead(went.ending is Ending.FINISHED, voltage, row.frequency, row.current)
