"""How the site and each neighbouring section fared, and what the transformer upstream stood."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Bool, Float
from evergrid.core.units import S_PER_H
from evergrid.model.microgrid import BatteryUnit
from evergrid.resilience.black_start.neighbour.inrush import (
    HardClosing,
    hard_closing,
    soft_start,
)
from evergrid.resilience.black_start.results.outcome import Action, BlackStart
from evergrid.resilience.metrics.degradation import Degradation, degradation
from evergrid.resilience.metrics.performance import PerformanceCurves, curve
from evergrid.resilience.metrics.recovery import RecoveryTimes, recovery
from evergrid.resilience.waveform.simulation import Waveform


@dataclass(frozen=True)
class SectionOutcome:
    """How one section fared.

    Attributes:
        name: Of the section; that of the site comes first.
        units: That can form the grid there.
        units_connected: Of them, those that joined.
        blocks: There.
        blocks_on: At the end.
        demand_kw: Of all its blocks.
        served_kw: At the samples.
        curves: Served power against demand.
        recovery: When its demand is back for good, by threshold.
        degradation: Energy that was demanded there and not served.
        live_s: When its bus first lived; infinite where it never did.
        joined_s: When a line made it one island with the site; infinite where none did, 0 for the
            site itself.
        of_site: Whether it is a part of the site, the emergency bus, rather than a neighbour.
    """

    name: str
    units: int
    units_connected: int
    blocks: int
    blocks_on: int
    demand_kw: float
    served_kw: Float[np.ndarray, " sample"]
    curves: PerformanceCurves
    recovery: RecoveryTimes
    degradation: Degradation
    live_s: float
    joined_s: float
    of_site: bool


@dataclass(frozen=True)
class UpstreamWaveforms:
    """Both ways to energise the transformer upstream, instant by instant.

    Attributes:
        soft: By the unit that starts the dead bus, from zero.
        hard: Onto all units of the site that are connected at the end, with its blocks on.
    """

    soft: Waveform
    hard: HardClosing


def sections(start: BlackStart) -> tuple[SectionOutcome, ...]:
    """The site, then its neighbours."""
    return tuple(_outcome(start, place) for place in range(len(start.circuit.sections)))


def own_blocks(start: BlackStart, place: int = 0) -> Bool[np.ndarray, " block"]:
    """Whether each block belongs to a section; those with a transfer switch also to the site."""
    sections = start.circuit.sections
    parts = [one for one in sections if one.of_site] if place == 0 else []
    own = {name for one in (sections[place], *parts) for name in one.blocks}
    return np.array([block.name in own for block in start.circuit.blocks])


def own_units(start: BlackStart, place: int = 0) -> Bool[np.ndarray, " unit"]:
    """Whether each unit belongs to a section."""
    own = start.circuit.sections[place].units
    return np.array([unit.name in own for unit in start.circuit.formers])


def joined_units(start: BlackStart) -> Bool[np.ndarray, " unit"]:
    """Whether the section of each unit is one island with the site at the end."""
    found = own_units(start, 0)
    for place, joined in enumerate(start.joined):
        found = found | own_units(start, place) if joined else found
    return found


def joined_blocks(start: BlackStart) -> Bool[np.ndarray, " block"]:
    """Whether the section of each block is one island with the site at the end."""
    found = own_blocks(start, 0)
    apart = False
    for place, joined in enumerate(start.joined):
        found = found | own_blocks(start, place) if joined else found
        apart = apart or (start.circuit.sections[place].of_site and not joined)
    names = start.on_emergency if apart else ()
    return found & np.array([block.name not in names for block in start.circuit.blocks])


def _outcome(start: BlackStart, place: int) -> SectionOutcome:
    section, samples = start.circuit.sections[place], start.samples
    blocks, units = own_blocks(start, place), own_units(start, place)
    power = np.array([block.power_kw for block in start.circuit.blocks])[blocks]
    connected = samples.connected[:, blocks]
    curves = _served(start, connected, power)
    live = np.flatnonzero(samples.section_voltage_pu[:, place] > 0)
    joined = [
        one.time_s
        for one in start.events
        if one.actor == section.line
        and one.action in (Action.JOINED, Action.ENERGISED, Action.CLOSED_BLIND)
    ]
    return SectionOutcome(
        name=section.name,
        units=int(units.sum()),
        units_connected=int(np.isfinite(start.connected_s[units]).sum()),
        blocks=int(blocks.sum()),
        blocks_on=int(connected[-1].sum()),
        demand_kw=float(power.sum()),
        served_kw=connected @ power,
        curves=curves,
        recovery=recovery(curves),
        degradation=degradation(curves),
        live_s=float(samples.time_s[live[0]]) if len(live) else np.inf,
        joined_s=0.0 if place == 0 else min(joined, default=np.inf),
        of_site=section.of_site,
    )


def _served(
    start: BlackStart,
    connected: Bool[np.ndarray, "sample block"],
    power_kw: Float[np.ndarray, " block"],
) -> PerformanceCurves:
    """Demand of the blocks that are connected to a live bus, at the times at which that changes."""
    changes = np.flatnonzero(np.any(np.diff(connected, axis=0), axis=1)) + 1
    knots = np.concatenate([[0], changes])
    return curve(
        start.samples.time_s[knots] / S_PER_H,
        connected[knots] @ power_kw,
        float(power_kw.sum()),
        horizon_h=start.duration_s / S_PER_H,
    )


def upstream_waveforms(
    start: BlackStart, master: BatteryUnit, *, ramp_s: float, current_limit_pu: float
) -> UpstreamWaveforms | None:
    """Soft and hard energising of the transformer upstream; None where there is none.

    The hard closing is the one that was looked at, or else that onto the units and blocks of the
    site as they are at the end.

    Args:
        start: The black start.
        master: The unit that started the dead bus.
        ramp_s: Of the soft start.
        current_limit_pu: Of the control of all inverters.

    Raises:
        InputError: Gains that do not hold this circuit.
        SolveError: A circuit that leaves every bound.
    """
    circuit = start.circuit
    if circuit.feeder.upstream is None:
        return None
    given, site = circuit.feeder.upstream.transformer, circuit.site
    soft = soft_start(
        given,
        rating_kva=master.apparent_kva,
        line_voltage_v=site.nominal_v,
        nominal_hz=site.nominal_hz,
        current_limit_pu=current_limit_pu,
        ramp_s=ramp_s,
    )
    kva = np.array([unit.apparent_kva for unit in circuit.formers])
    there = own_units(start) & np.isfinite(start.connected_s)
    rating_kva = float(kva[there].sum()) if there.any() else master.apparent_kva
    on = start.samples.connected[-1] & own_blocks(start)
    load_kva = np.array([block.power_kw / block.power_factor for block in circuit.blocks])
    hard = start.inrush or hard_closing(
        given,
        rating_kva=rating_kva,
        load_kva=float(load_kva[on].sum()),
        line_voltage_v=site.nominal_v,
        nominal_hz=site.nominal_hz,
        current_limit_pu=current_limit_pu,
    )
    return UpstreamWaveforms(soft, hard)
