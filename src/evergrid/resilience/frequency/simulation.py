"""Frequency after a loss of generation: nadir, rate of change, where it settles; many at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H
from evergrid.resilience.frequency import kernels
from evergrid.resilience.frequency.area import Area
from evergrid.resilience.frequency.kernels import EVENT, Extremes, Run, Samples, Tables
from evergrid.resilience.frequency.response import FleetResponse

STEP_S = 0.002  # errors of the nadir stay below 0.1 mHz; each study measures its own
SAMPLE_S = 0.02  # between instants that are kept
SETTLED_S = 5.0  # at the end, of which the mean is the settling frequency
STILL_HZ = 0.005  # by which it may move there and count as settled
MOST_STEPS = 2_000_000


@dataclass(frozen=True)
class Disturbance:
    """A loss of generation at second 0.

    Attributes:
        loss_mw: Power that is missing from then on.
        duration_s: For which the frequency is followed.
        rocof_window_s: Over which its rate of change is measured.

    Raises:
        InputError: Every number out of range.
    """

    loss_mw: float
    duration_s: float = 60.0
    rocof_window_s: float = 0.5

    def __post_init__(self) -> None:
        faults = []
        if not 0 < self.loss_mw <= 1e7:
            fix = "A loss of generation is positive; a loss of load is not modelled."
            faults.append(Fault("loss_mw", "be above 0 and at most 1e7", (self.loss_mw,), fix=fix))
        if not 1.0 <= self.duration_s <= 3600:
            faults.append(Fault("duration_s", "be in [1, 3600] s", (self.duration_s,)))
        if not SAMPLE_S <= self.rocof_window_s <= 2.0:
            rule = f"be in [{SAMPLE_S:g}, 2] s"
            faults.append(Fault("rocof_window_s", rule, (self.rocof_window_s,)))
        raise_if_any("disturbance", faults)


@dataclass(frozen=True)
class Trajectories:
    """How events went; the first axis is the event.

    Attributes:
        time_s: Of the samples, from the loss.
        frequency_hz: NaN after plants have disconnected.
        governor_mw: Power that governed plants add.
        fleet_mw: Power that the fleet adds.
        shed_mw: Load that relays have disconnected.
        nadir_hz: Lowest frequency; where plants disconnect, that is where they do.
        nadir_s: When.
        rocof_hz_per_s: Greatest rate of change over the window, with its sign.
        settled_hz: Mean of the last seconds; NaN after plants have disconnected.
        still: Whether it hardly moves in them.
        fleet_most_mw: Greatest power that the fleet adds.
        fleet_energy_mwh: Energy that the fleet adds.
        disconnected_s: When plants disconnect; NaN where they do not.
    """

    time_s: Float[Array, " sample"]
    frequency_hz: Float[Array, "event sample"]
    governor_mw: Float[Array, "event sample"]
    fleet_mw: Float[Array, "event sample"]
    shed_mw: Float[Array, "event sample"]
    nadir_hz: Float[Array, " event"]
    nadir_s: Float[Array, " event"]
    rocof_hz_per_s: Float[Array, " event"]
    settled_hz: Float[Array, " event"]
    still: Array
    fleet_most_mw: Float[Array, " event"]
    fleet_energy_mwh: Float[Array, " event"]
    disconnected_s: Float[Array, " event"]


def simulate(
    areas: Sequence[Area],
    fleet: FleetResponse,
    award_mw: Sequence[float],
    disturbance: Disturbance,
    *,
    step_s: float = STEP_S,
) -> Trajectories:
    """Follow one event for each area and award.

    Areas may differ in all but nominal frequency, load and shedding. Within a step the frequency
    is taken as smooth; halving ``step_s`` tells how far that is right.

    Args:
        areas: One for each event.
        fleet: How a fleet answers; its own award is not used.
        award_mw: Of the fleet in each event; 0 for none.
        disturbance: What is lost, and how long the frequency is followed.
        step_s: Of the integration.

    Raises:
        InputError: Areas that differ where they must not, a delay shorter than a step.
    """
    _check(areas, award_mw, fleet, disturbance, step_s)
    events = _events(areas, fleet, award_mw, disturbance)
    every = round(SAMPLE_S / step_s)
    samples = int(disturbance.duration_s / (every * step_s) + 1e-9) + 1
    instants, count = (samples - 1) * every + 1, len(events)
    room = Run(*(np.zeros(instants) for _ in Run._fields))
    sampled = Samples(*(np.zeros((count, samples)) for _ in Samples._fields))
    found = Extremes(*(np.zeros(count) for _ in Extremes._fields))
    window = round(disturbance.rocof_window_s / step_s)
    kernels.run_all(events, _tables(areas[0], fleet), step_s, window, every, room, sampled, found)
    nominal = areas[0].nominal_hz
    late = sampled.deviation_hz[:, -round(SETTLED_S / (every * step_s)) :]
    fleet_most = np.where(
        found.most_fleet_mw >= -found.least_fleet_mw, found.most_fleet_mw, found.least_fleet_mw
    )
    return Trajectories(
        time_s=np.arange(samples) * every * step_s,
        frequency_hz=nominal + sampled.deviation_hz,
        governor_mw=sampled.governor_mw,
        fleet_mw=sampled.fleet_mw,
        shed_mw=sampled.shed_mw,
        nadir_hz=nominal + found.nadir_hz,
        nadir_s=found.nadir_s,
        rocof_hz_per_s=found.rocof_hz_per_s,
        settled_hz=nominal + late.mean(axis=1),
        still=np.ptp(late, axis=1) <= STILL_HZ,
        fleet_most_mw=fleet_most,
        fleet_energy_mwh=found.fed_mws / S_PER_H,
        disconnected_s=found.disconnected_s,
    )


def _check(
    areas: Sequence[Area],
    award_mw: Sequence[float],
    fleet: FleetResponse,
    disturbance: Disturbance,
    step_s: float,
) -> None:
    faults = []
    if not areas or len(areas) != len(award_mw):
        faults.append(Fault("areas", "be as many as awards, and at least one", (len(areas),)))
    for name in ("nominal_hz", "load_mw", "shedding"):
        if len({getattr(area, name) for area in areas}) > 1:
            faults.append(Fault(name, "be the same in all areas"))
    every = SAMPLE_S / step_s if step_s > 0 else 0.5
    if abs(every - round(every)) > 1e-9:
        faults.append(Fault("step_s", f"divide {SAMPLE_S:g} s without a rest", (step_s,)))
    elif disturbance.duration_s / step_s > MOST_STEPS:
        rule = f"make at most {MOST_STEPS:,} steps"
        faults.append(Fault("duration_s", rule, (disturbance.duration_s,)))
    if 0 < fleet.control.delay_s < step_s:
        rule = f"be 0 or at least a step, {step_s:g} s"
        faults.append(Fault("delay_s", rule, (fleet.control.delay_s,)))
    faults += [
        Fault("award_mw", "be at least 0 and finite", (award,))
        for award in award_mw
        if not 0 <= award < np.inf
    ]
    raise_if_any("frequency", faults)


def _events(
    areas: Sequence[Area],
    fleet: FleetResponse,
    award_mw: Sequence[float],
    disturbance: Disturbance,
) -> kernels.Events:
    events = np.zeros(len(areas), EVENT)
    control = fleet.control
    for row, (area, award) in enumerate(zip(areas, award_mw, strict=True)):
        event, governor, sized = events[row], area.governor, fleet.with_award(award)
        for name in ("inertia_mws_per_hz", "damping_mw_per_hz", "governor_mw_per_hz"):
            event[name] = getattr(area, name)
        for name in ("high_pressure_share", "reheat_s", "servo_s"):
            event[name] = getattr(governor, name)
        event["governor_deadband_hz"] = governor.deadband_hz
        event["governor_reserve_mw"] = governor.reserve_mw
        event["governor_ramp_mw_per_s"] = governor.ramp_mw_per_s
        event["least_deviation_hz"] = area.least_hz - area.nominal_hz
        event["loss_mw"] = disturbance.loss_mw
        event["award_mw"], event["energy_mws"] = award, sized.energy_mws
        for name in ("delay_s", "lag_s", "look_s"):
            event[name] = getattr(control, name)
        event["ramp_per_s"] = 1.0 / control.full_s if control.full_s > 0 else np.inf
        if sized.step is not None:
            event["step_mw"] = sized.step.power_mw
            event["step_trigger_hz"] = sized.step.trigger_hz - area.nominal_hz
            for name in ("activation_s", "support_s", "release_s"):
                event[f"step_{name}"] = getattr(sized.step, name)
    return events


def _tables(area: Area, fleet: FleetResponse) -> Tables:
    groups, control = len(fleet.orders), fleet.control
    phase = (np.arange(groups) + 0.5) / groups if control.spread else np.zeros(groups)
    stages = area.shedding
    return Tables(
        np.ascontiguousarray(fleet.orders),
        fleet.span_hz,
        phase * control.look_s,
        np.array([stage.frequency_hz - area.nominal_hz for stage in stages]),
        np.array([stage.load_share * area.load_mw for stage in stages]),
        np.array([stage.delay_s for stage in stages]),
    )
