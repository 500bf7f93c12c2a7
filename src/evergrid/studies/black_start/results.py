"""What a black start found, and the numbers that follow from it."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.resilience.black_start.assets.emergency import DieselSource
from evergrid.resilience.black_start.results.oscillogram import Oscillogram
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, StartEvent
from evergrid.resilience.black_start.results.runbook import RunbookStep
from evergrid.resilience.metrics.degradation import Degradation
from evergrid.resilience.metrics.performance import PerformanceCurves
from evergrid.resilience.metrics.recovery import RecoveryTimes
from evergrid.resilience.waveform.protection import FuseClearing
from evergrid.studies.black_start.sections import (
    SectionOutcome,
    UpstreamWaveforms,
    joined_blocks,
    joined_units,
)

QUIET = (
    *(Action.GRID_LOST, Action.AUXILIARIES, Action.END, Action.GRID_BACK, Action.UNIT_START),
    Action.ENTERED,  # without power, which then rises slowly
)


@dataclass(frozen=True)
class Extreme:
    """A greatest or least value.

    Attributes:
        value: NaN where there is none.
        time_s: When, from the loss of the grid.
        cause: What had been done last by then.
    """

    value: float
    time_s: float
    cause: str


@dataclass(frozen=True)
class BlackStartResults:
    """Everything that was found.

    Attributes:
        start: The black start.
        waveforms: Soft start and hard closing, instant by instant.
        curves: Served power against demand.
        sustained: When it is back for good, by threshold.
        first: When it is first back.
        degradation: Energy that was demanded and not served.
        runbook: The steps.
        fuse: Whether a fuse clears; None where none is asked about.
        lowest_frequency: After the soft start.
        lowest_voltage: The same.
        greatest_current: Of a unit, over its rated current.
        served_kw: At the samples, of the site.
        sections: The site, then its neighbours.
        upstream: Waveforms of the transformer upstream; None where there is none.
    """

    start: BlackStart
    waveforms: Oscillogram
    curves: PerformanceCurves
    sustained: RecoveryTimes
    first: RecoveryTimes
    degradation: Degradation
    runbook: tuple[RunbookStep, ...]
    fuse: FuseClearing | None
    lowest_frequency: Extreme
    lowest_voltage: Extreme
    greatest_current: Extreme
    served_kw: Float[Array, " sample"]
    sections: tuple[SectionOutcome, ...]
    upstream: UpstreamWaveforms | None


def dark_s(start: BlackStart) -> Float[Array, " block"]:
    """For how long each block has no supply."""
    samples = start.samples
    step_s = start.duration_s / len(samples.time_s)
    return (~samples.connected).sum(axis=0) * step_s


def extremes(start: BlackStart) -> tuple[Extreme, Extreme, Extreme]:
    """Lowest frequency and voltage after the soft start, and the greatest current of a unit."""
    samples, events = start.samples, start.events
    own = start.circuit.sections[0].units
    ready = [
        event.time_s for event in events if event.action is Action.SOFT_START and event.actor in own
    ]
    lost = [event.time_s for event in events if event.action is Action.COLLAPSE]
    # An effective voltage is that of the last half cycle, which must not be one of the ramp.
    from_s = ready[0] + 0.5 / start.circuit.site.nominal_hz if ready else np.inf
    until_s = lost[0] if lost else np.inf
    there = (samples.time_s >= from_s) & (samples.time_s < until_s)
    low_hz = _extreme(
        samples.time_s, np.where(there, samples.frequency_hz, np.nan), events, least=True
    )
    low_pu = _extreme(
        samples.time_s, np.where(there, samples.voltage_pu, np.nan), events, least=True
    )
    current = samples.unit_current_pu.max(axis=1)
    return low_hz, low_pu, _extreme(samples.time_s, current, events, least=False)


def _extreme(
    time_s: Array, values: Array, events: tuple[StartEvent, ...], *, least: bool
) -> Extreme:
    if np.isnan(values).all():
        return Extreme(np.nan, np.nan, "")
    at = int(np.nanargmin(values) if least else np.nanargmax(values))
    before = [one for one in events if one.time_s <= time_s[at] and one.action not in QUIET]
    cause = f"{before[-1].action.replace('_', ' ')} of {before[-1].actor}" if before else ""
    return Extreme(float(values[at]), float(time_s[at]), cause)


@dataclass(frozen=True)
class GrowingSwing:
    """What grew after a closing that the eigenvalues had called unstable.

    Attributes:
        time_s: From the closing, until the first trip.
        swing_kw: Size of what the power of the unit does beside its mean over a period.
        eigenvalue_per_s: With the greatest real part, known before.
        closing: Name of the breaker.
    """

    time_s: Float[Array, " sample"]
    swing_kw: Float[Array, " sample"]
    eigenvalue_per_s: complex
    closing: str


def growing_swing(start: BlackStart) -> GrowingSwing | None:
    """The swing after the first unstable closing of a unit; None without one."""
    units = [unit.name for unit in start.circuit.formers]
    unstable = {
        check.closing: check.worst_per_s for check in start.checks if check.worst_per_s.real > 0
    }
    closed = [
        one for one in start.events if one.action is Action.SYNCHRONISED and one.actor in unstable
    ]
    if not closed:
        return None
    name, from_s = closed[0].actor, closed[0].time_s
    ends = [one.time_s for one in start.events if one.action is Action.TRIP] + [start.duration_s]
    until_s = min(end for end in ends if end > from_s)
    samples = start.samples
    there = (samples.time_s >= from_s) & (samples.time_s < until_s)
    power = samples.unit_power_kw[there, units.index(name)]
    sample_s = samples.time_s[1] - samples.time_s[0]
    period = round(2.0 * np.pi / max(abs(unstable[name].imag), 1.0) / sample_s)
    if len(power) < 3 * period:
        return None
    mean = np.convolve(power, np.full(period, 1.0 / period), mode="valid")
    middle = power[period // 2 : period // 2 + len(mean)] - mean
    size = np.sqrt(2.0 * np.convolve(middle**2, np.full(period, 1.0 / period), mode="valid"))
    time_s = samples.time_s[there][period : period + len(size)] - from_s
    return GrowingSwing(time_s[: len(size)], size[: len(time_s)], unstable[name], name)


def life_safety_s(start: BlackStart) -> float:
    """When the last block of life safety first had supply.

    Infinite where one never had, NaN where there is no such block.
    """
    vital = [one.tier == "life_safety" for one in start.circuit.blocks]
    first = [
        float(start.samples.time_s[np.argmax(on)]) if on.any() else np.inf
        for on in start.samples.connected.T[np.array(vital)]
    ]
    return max(first, default=np.nan)


def holds_h(start: BlackStart) -> float:
    """Hours for which the energy left carries the blocks that are on, until the first runs out.

    Batteries share by rating, all connected ones alike, what diesel sets leave; infinite where
    nothing is on. Of neighbouring sections those count that are one island with the site.
    """
    formers = start.circuit.formers
    # Those that have tripped carry nothing.
    running = np.isfinite(start.samples.unit_frequency_hz[-1])
    on = np.isfinite(start.connected_s) & running & joined_units(start)
    rating_kva = np.where(on, [unit.apparent_kva for unit in formers], 0.0)
    power_kw = np.array([block.power_kw for block in start.circuit.blocks])
    served_kw = float(power_kw[start.samples.connected[-1] & joined_blocks(start)].sum())
    engines = np.array([isinstance(unit, DieselSource) for unit in formers])
    served_kw -= float(start.samples.unit_power_kw[-1][on & engines].sum())
    on &= ~engines
    rating_kva = np.where(engines, 0.0, rating_kva)
    if not on.any() or served_kw <= 0.0:
        return np.inf
    each_kw = served_kw * rating_kva / rating_kva.sum()
    lost = np.array([unit.efficiency_discharge for unit in formers])
    own_kw = np.array([unit.auxiliary_kw for unit in formers])
    left_kwh = np.maximum(start.energy_left_kwh, 0.0)
    return float((left_kwh[on] / (each_kw / lost + own_kw)[on]).min())
