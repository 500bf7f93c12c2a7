"""May this breaker close: droop and rating, eigenvalues, and a look ahead, before it is done."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.resilience.black_start.circuit import GRID
from evergrid.resilience.black_start.results.outcome import ClosingCheck
from evergrid.resilience.black_start.settings import ProtectionLimits, StartSequence
from evergrid.resilience.black_start.state.island import SAMPLE_S, STRETCH_S, Island
from evergrid.resilience.black_start.state.meters import effective_pu
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.breakers import BreakerPositions
from evergrid.resilience.network.references import PowerReference, UnitReference
from evergrid.resilience.network.simulation import Ending, simulate
from evergrid.resilience.network.small_signal import modes
from evergrid.resilience.network.steady_state import steady_state
from evergrid.resilience.network.switching import switched

RELAY_MARGIN_S = 0.1  # looked ahead beyond the delay of a relay
UNSTABLE = "unstable"  # how the reason begins where eigenvalues refuse


def check_stability(
    island: Island, positions: BreakerPositions, name: str, section: int = 0
) -> ClosingCheck:
    """Eigenvalues of what would be connected, around where it would settle.

    Args:
        island: Now.
        positions: Of all breakers after closing.
        name: Of the breaker.
        section: Place of a section of the island that it is about; others stay out of it.
    """
    network = island.assembly_with(positions).microgrid
    here = island.all_joined_units(section, positions)
    told = _settled_references(island, here)
    others = [unit.name for unit in network.units if unit.name not in here]
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


def _settled_references(
    island: Island, here: frozenset[str]
) -> dict[str, UnitReference | PowerReference]:
    """What units are told once they have taken over their shares."""
    told: dict[str, UnitReference | PowerReference] = {
        name: one for name, one in island.powers.items() if name in here
    }
    grid = island.references.get(GRID)
    with_grid = grid is not None and GRID in here
    slow = grid.trim_rad_per_s if grid is not None and with_grid else 0.0
    for unit in island.circuit.formers:
        trim = slow + island.base_trim.get(unit.name, 0.0)
        told[unit.name] = UnitReference(trim_rad_per_s=trim)
    return told | {GRID: grid} if grid is not None and with_grid else told


def _mode_words(value: complex, states: Mapping[str, float]) -> str:
    named = ", ".join(f"{name} {share:.0%}" for name, share in states.items())
    return f"the eigenvalue {value.real:+.4g} +/- j{abs(value.imag):.4g} 1/s grows, mode of {named}"


def check_pick_up(
    island: Island,
    name: str,
    sequence: StartSequence,
    limits: ProtectionLimits,
    section: int = 0,
) -> ClosingCheck:
    """Rating and droop, then eigenvalues, then a look ahead at the closing of a block.

    Args:
        island: Now; the block draws what it is set to there.
        name: Of the block.
        sequence: How much units may be loaded, and for how long to look ahead.
        limits: That the look ahead must keep.
        section: Place of the section of the block.
    """
    positions = island.positions.closing(name)
    return _check_block(island, name, positions, sequence, limits, section)


def check_transfer(
    island: Island, name: str, positions: BreakerPositions, sequence: StartSequence, section: int
) -> ClosingCheck:
    """What `check_pick_up` looks at, of a block whose transfer switch takes the other side.

    Args:
        island: Now.
        name: Of the block.
        positions: Of all breakers after it.
        sequence: How much units may be loaded, and for how long to look ahead.
        section: Place of the section that takes it.
    """
    limits = island.limits_of(section)
    return _check_block(island, name, positions, sequence, limits, section)


def _check_block(
    island: Island,
    name: str,
    positions: BreakerPositions,
    sequence: StartSequence,
    limits: ProtectionLimits,
    section: int,
) -> ClosingCheck:
    """What `check_pick_up` looks at, for any positions of breakers that connect the block."""
    if island.on_grid(section):
        return ClosingCheck(island.time_s, name, True, "", np.zeros(0, complex), ())
    blocks = [one for one in _blocks_on(island, section, positions) if one != name]
    loading = _loading_fault(island, (*blocks, name), section, positions, sequence)
    settled_hz = _settled_hz(island, (*blocks, name), section)
    if loading and not sequence.force:
        nothing = np.zeros(0, complex)
        return ClosingCheck(island.time_s, name, False, loading, nothing, (), settled_hz=settled_hz)
    found = _look_and_modes(island, name, positions, sequence, limits, section)
    unstable = found.reason.startswith(UNSTABLE)
    reasons = [one for one in (loading, found.reason) if one and not unstable]
    if unstable:
        reasons = [found.reason]
    return replace(found, allowed=not reasons, reason="; ".join(reasons), settled_hz=settled_hz)


def check_energising(
    island: Island,
    name: str,
    sequence: StartSequence,
    limits: ProtectionLimits,
    section: int = 0,
) -> ClosingCheck:
    """Eigenvalues and a look ahead at the closing of something that draws little by itself.

    Args:
        island: Now.
        name: Of the breaker.
        sequence: For how long to look ahead.
        limits: That the look ahead must keep.
        section: Place of a section that feeds it; its meters are looked at.
    """
    positions = island.positions.closing(name)
    return _look_and_modes(island, name, positions, sequence, limits, section)


def _look_and_modes(
    island: Island,
    name: str,
    positions: BreakerPositions,
    sequence: StartSequence,
    limits: ProtectionLimits,
    section: int,
) -> ClosingCheck:
    """Eigenvalues and a look ahead with these positions of breakers."""
    stable = check_stability(island, positions, name, section)
    seconds = sequence.trial_s
    if island.circuit.motors:  # one draws its starting current for longer than a relay waits
        seconds = max(seconds, limits.over_current_s + RELAY_MARGIN_S)
    seen = _look_ahead(island, positions, seconds, section)
    reasons = []
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
    if seen.over_s(limits.over_current_pu) >= limits.over_current_s > 0.0:
        reasons.append(
            f"units would trip on over-current, {seen.current_pu:.2f} of their rated current for "
            f"{limits.over_current_s:g} s"
        )
    if stable.reason:
        reasons = [stable.reason]
    return replace(
        stable,
        allowed=not reasons,
        reason="; ".join(reasons),
        lowest_voltage_pu=seen.voltage_pu,
        lowest_frequency_hz=seen.frequency_hz,
        greatest_current_pu=seen.current_pu,
    )


def refused(check: ClosingCheck, reason: str, *, lowest_voltage_pu: float) -> ClosingCheck:
    """The same check with another reason not to close, and the voltage that it comes from."""
    return replace(check, allowed=False, reason=reason, lowest_voltage_pu=lowest_voltage_pu)


def check_join(island: Island, line: str, section: int, sequence: StartSequence) -> ClosingCheck:
    """Rating, then eigenvalues of two islands that a line would make one.

    Args:
        island: Now; both live.
        line: Name of the line.
        section: Place of the section at its end.
        sequence: How much units may be loaded.
    """
    positions = island.positions.closing(line)
    blocks = _blocks_on(island, section, positions)
    loading = "" if island.on_grid() else _loading_fault(island, blocks, 0, positions, sequence)
    stable = check_stability(island, positions, line)
    reasons = [one for one in (stable.reason or loading,) if one]
    return replace(
        stable,
        allowed=not reasons,
        reason="; ".join(reasons),
        settled_hz=_settled_hz(island, blocks, 0, positions),
    )


def _blocks_on(island: Island, section: int, positions: BreakerPositions) -> tuple[str, ...]:
    """Names of the blocks that are on in the island of a section."""
    together = island.joined_sections(section, positions)
    names = [name for one in together for name in island.blocks_of(one, positions)]
    return tuple(name for name in names if positions.has(name))


def _needed_kw(island: Island, blocks: tuple[str, ...]) -> float:
    """What these blocks would draw at nominal voltage."""
    drawn = (
        block.power_kw * island.block_factor(block.name)
        for block in island.circuit.blocks
        if block.name in blocks
    )
    return sum(drawn, 0.0)


def _warm_kva(island: Island, names: set[str]) -> float:
    """Apparent power of these blocks at nominal voltage once they are warm."""
    found = [one for one in island.circuit.blocks if one.name in names]
    return abs(sum((complex(one.power_kw, one.reactive_kvar) for one in found), 0j))


def _wire_fault(island: Island, blocks: tuple[str, ...], positions: BreakerPositions) -> str:
    """Which transformer or line of the site the blocks would overload; empty for none."""
    site, own = island.circuit.site, island.circuit.sections[0]
    fed = {name for name in blocks if positions.has(name)}
    rated = []
    if site.transformer is not None and not _fed_by_neighbour(island, positions):
        rated.append(("the transformer", fed, site.transformer.rating_kva))
    if site.section is not None:
        at = {one.name: one.bus for one in site.load_blocks}
        for branch in site.section.branches:
            beyond = site.section.beyond(branch)
            behind = {name for name in fed & set(own.blocks) if at[name] in beyond}
            rated.append((branch.name, behind, branch.rating_kva))
    for what, behind, rating_kva in rated:
        if (kva := _warm_kva(island, behind)) > rating_kva:
            return (
                f"the blocks would load {what} with {kva:.4g} kVA, more than its "
                f"{rating_kva:.4g} kVA"
            )
    return ""


def _fed_by_neighbour(island: Island, positions: BreakerPositions) -> bool:
    """Whether units beyond the main bus feed, so that what passes the transformer is not known."""
    names = [name for one in island.circuit.sections[1:] for name in one.units]
    return any(positions.has(name) for name in names)


def _loading_fault(
    island: Island,
    blocks: tuple[str, ...],
    section: int,
    positions: BreakerPositions,
    sequence: StartSequence,
) -> str:
    """Why the units that would be connected cannot carry the blocks; empty where they can."""
    needed = _needed_kw(island, blocks)
    formers, online = island.circuit.formers, island.joined(section, positions)
    if not online.any():
        return "no unit is connected"
    # Droop gives each a power at a frequency, and the first at its limit sets what all may give.
    stiffness, trim_hz = _by_droop(island)
    limit_w = 1e3 * sequence.loading * np.array([unit.max_discharge_kw for unit in formers])
    lowest_hz = float((trim_hz - limit_w / stiffness)[online].max())
    most = float((stiffness * (trim_hz - lowest_hz))[online].sum()) / 1e3
    if overloaded := _wire_fault(island, blocks, positions):
        return overloaded
    if needed <= most:
        return ""
    return (
        f"the blocks would draw {needed:.4g} kW, more than the {most:.4g} kW that "
        f"{int(online.sum())} units may give"
    )


def demand_kw(island: Island, section: int) -> float:
    """What the blocks that are on draw at nominal voltage in the island of a section."""
    names = {name for place in island.joined_sections(section) for name in island.blocks_of(place)}
    drawn = (
        block.power_kw * island.block_factor(block.name)
        for block in island.circuit.blocks
        if block.name in names and island.is_on(block.name)
    )
    return sum(drawn, 0.0)


def fed_kw(island: Island, section: int) -> float:
    """What units that follow are told to feed in the island of a section."""
    here = island.all_joined_units(section)
    return sum((told.power_w for name, told in island.powers.items() if name in here), 0.0) / 1e3


def _settled_hz(
    island: Island,
    blocks: tuple[str, ...],
    section: int,
    positions: BreakerPositions | None = None,
) -> float:
    """Frequency by droop alone at nominal voltage."""
    online = island.joined(section, positions)
    if not online.any() or island.on_grid(section):
        return np.nan
    stiffness, trim_hz = (one[online] for one in _by_droop(island))
    needed_w = 1e3 * (_needed_kw(island, blocks) - fed_kw(island, section))
    return island.circuit.site.nominal_hz + droop_deviation_hz(stiffness, trim_hz, needed_w)


def _by_droop(island: Island) -> tuple[Array, Array]:
    """Power over frequency of each unit that forms the grid, and how far its no-load is off."""
    trims = [island.base_trim.get(unit.name, 0.0) for unit in island.circuit.formers]
    return island.circuit.stiffness_w_per_hz, np.array(trims) / (2.0 * np.pi)


def droop_deviation_hz(stiffness_w_per_hz: Array, trim_hz: Array, power_w: float) -> float:
    """Where droops alone bring the frequency, from nominal, for a power that all feed together."""
    total = float(stiffness_w_per_hz.sum())
    return (float((stiffness_w_per_hz * trim_hz).sum()) - power_w) / total


class _LookAhead:
    """What meters would show; made by `_look_ahead`."""

    def __init__(self, finished: bool, voltage: Array, frequency: Array, current: Array) -> None:
        self.finished = finished
        self.voltage_pu = float(np.nanmin(voltage))
        self.frequency_hz = float(np.nanmin(frequency))
        self.current_pu = float(np.nanmax(current))
        self._current = current

    def over_s(self, most_pu: float) -> float:
        """Longest time for which the current of a unit is above a limit."""
        over = np.pad(self._current > most_pu, ((1, 1), (0, 0)))
        longest = 0
        for column in over.T:
            ends = np.flatnonzero(np.diff(column.astype(np.int8)))
            longest = max(longest, int(np.max(ends[1::2] - ends[::2], initial=0)))
        return longest * SAMPLE_S


def _look_ahead(
    island: Island, positions: BreakerPositions, seconds: float, section: int
) -> _LookAhead:
    """The island's own equations for a while, on a copy, without relays."""
    assembly = island.assembly_with(positions)
    whole = round(seconds / STRETCH_S) * STRETCH_S
    opens = positions.open - island.positions.open
    state = switched(island.state, assembly).state if opens else island.state
    went = simulate(assembly, state, max(whole, STRETCH_S), sample_s=SAMPLE_S)
    row = island.meters(went)
    here = island.joined(section, positions)
    window = island.circuit.half_cycle(SAMPLE_S)
    voltage = effective_pu(row.section_voltage[1:, section], window)
    for other in island.block_voltages_pu(went, section):
        voltage = np.minimum(voltage, effective_pu(other[1:], window))
    return _LookAhead(
        went.ending is Ending.FINISHED,
        voltage,
        row.section_frequency[:, section],
        row.current[:, here],
    )
