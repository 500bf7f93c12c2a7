"""The swing equation of one area in time: plants, relays and a fleet that measures and follows."""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.computing.kernels import kernel

FREQUENCY, VALVE, REHEATED, GROUPS = range(4)  # state: Hz off nominal, MW, MW, shares by group
EVENT = np.dtype(
    [
        (name, np.float64)
        for name in (
            "inertia_mws_per_hz",
            "damping_mw_per_hz",
            "governor_mw_per_hz",
            "governor_deadband_hz",
            "governor_reserve_mw",
            "governor_ramp_mw_per_s",
            "high_pressure_share",
            "reheat_s",
            "servo_s",
            "least_deviation_hz",
            "loss_mw",
            "award_mw",
            "energy_mws",
            "delay_s",
            "lag_s",
            "ramp_per_s",
            "look_s",
            "step_mw",
            "step_trigger_hz",
            "step_activation_s",
            "step_support_s",
            "step_release_s",
        )
    ]
)


class Tables(NamedTuple):
    """What all events have in common.

    Attributes:
        orders: Share of the award by group and level of deviation.
        span_hz: Deviation at the last level.
        first_look_s: When each group measures first.
        stage_hz: Deviation below which each stage of load shedding acts.
        stage_mw: Load that it disconnects.
        stage_s: For which the deviation must last.
    """

    orders: Float[Array, "group level"]
    span_hz: float
    first_look_s: Float[Array, " group"]
    stage_hz: Float[Array, " stage"]
    stage_mw: Float[Array, " stage"]
    stage_s: Float[Array, " stage"]


class Run(NamedTuple):
    """One event in time, at every step; NaN after the plants have disconnected."""

    deviation_hz: Float[Array, " instant"]
    governor_mw: Float[Array, " instant"]
    fleet_mw: Float[Array, " instant"]
    shed_mw: Float[Array, " instant"]


@kernel(error_model="numpy")
@no_type_check
def order(orders, span_hz, group, deviation_hz):
    """Share of the award that a group is told at a deviation."""
    last = orders.shape[1] - 1
    place = (deviation_hz + span_hz) / (2.0 * span_hz) * last
    if place <= 0.0:
        return orders[group, 0]
    if place >= last:
        return orders[group, last]
    below = int(place)
    part = place - below
    return (1.0 - part) * orders[group, below] + part * orders[group, below + 1]


@kernel(error_model="numpy")
@no_type_check
def measured(history, instant, place):
    """Deviation at a place between instants, which is at most the present one; 0 before the event.

    Args:
        history: By instant, known up to `instant`.
        instant: The present one.
        place: In steps.
    """
    if place <= 0.0:
        return history[0]
    below = min(int(place), instant)
    above = min(below + 1, instant)
    return history[below] + (place - below) * (history[above] - history[below])


@kernel(error_model="numpy")
@no_type_check
def governed_mw(event, deviation_hz):
    """Power that governors ask of their valves."""
    beyond = max(abs(deviation_hz) - event.governor_deadband_hz, 0.0)
    asked = event.governor_mw_per_hz * (beyond if deviation_hz < 0.0 else -beyond)
    return min(max(asked, -event.governor_reserve_mw), event.governor_reserve_mw)


@kernel(error_model="numpy")
@no_type_check
def power_of_plants(event, state):
    """Power of the governed plants: part of it comes at once, the rest after the reheater."""
    valve = state[VALVE] if event.servo_s > 0.0 else governed_mw(event, state[FREQUENCY])
    share = event.high_pressure_share
    return share * valve + (1.0 - share) * state[REHEATED]


@kernel(error_model="numpy")
@no_type_check
def change(event, state, missing_mw, targets, groups, out):
    """Rate of change of the whole state, given what is missing beside plants, load and droop."""
    deviation = state[FREQUENCY]
    droop = 0.0
    for group in range(groups):
        droop += state[GROUPS + group]
        toward = (targets[group] - state[GROUPS + group]) / event.lag_s
        out[GROUPS + group] = min(max(toward, -event.ramp_per_s), event.ramp_per_s)
    asked = governed_mw(event, deviation)
    valve = asked
    out[VALVE] = 0.0
    if event.servo_s > 0.0:
        valve = state[VALVE]
        toward = (asked - valve) / event.servo_s
        limit = event.governor_ramp_mw_per_s
        out[VALVE] = min(max(toward, -limit), limit)
    out[REHEATED] = (valve - state[REHEATED]) / event.reheat_s
    share = event.high_pressure_share
    power = share * valve + (1.0 - share) * state[REHEATED]
    power += event.award_mw * droop / groups - event.damping_mw_per_hz * deviation - missing_mw
    out[FREQUENCY] = power / event.inertia_mws_per_hz


@kernel(error_model="numpy")
@no_type_check
def step_share(event, since_s):
    """Share of the step response some time after the frequency crossed its trigger."""
    late = since_s - event.step_activation_s
    if late < 0.0:
        return 0.0
    over = late - event.step_support_s
    if over < 0.0:
        return 1.0
    return max(1.0 - over / event.step_release_s, 0.0) if event.step_release_s > 0.0 else 0.0


@kernel(error_model="numpy")
@no_type_check
def run_event(event, tables, step_s, run):
    """Follow one event by the classical Runge-Kutta method of fourth order.

    Orders hold between looks; without looks they follow the deviation within each step, late by
    the delay, which must be 0 or at least a step. Relays, triggers and limits of energy act at the
    ends of steps. Results are written into `run`.
    """
    groups, stages = tables.orders.shape[0], len(tables.stage_hz)
    instants = len(run.deviation_hz)
    state, probe = np.zeros(GROUPS + groups), np.zeros(GROUPS + groups)
    rates = np.zeros((4, GROUPS + groups))
    targets, look = np.zeros(groups), tables.first_look_s.copy()
    below_s, shed = np.zeros(stages), np.zeros(stages, np.bool_)
    shed_mw, crossed_s, fed_mws = 0.0, -1.0, 0.0
    delay = event.delay_s / step_s
    history = run.deviation_hz
    for instant in range(instants):
        now_s = instant * step_s
        deviation = state[FREQUENCY]
        history[instant] = deviation
        droop = 0.0
        for group in range(groups):
            droop += state[GROUPS + group]
        extra = 0.0
        if event.step_mw > 0.0:
            if crossed_s < 0.0 and deviation < event.step_trigger_hz:
                crossed_s = now_s
            if crossed_s >= 0.0:
                extra = event.step_mw * step_share(event, now_s - crossed_s)
        run.governor_mw[instant] = power_of_plants(event, state)
        run.fleet_mw[instant] = event.award_mw * droop / groups + extra
        run.shed_mw[instant] = shed_mw
        if deviation <= event.least_deviation_hz:
            history[instant + 1 :] = np.nan
            run.governor_mw[instant + 1 :] = np.nan
            run.fleet_mw[instant + 1 :] = np.nan
            run.shed_mw[instant + 1 :] = np.nan
            return
        fed_mws += run.fleet_mw[instant] * step_s
        # With all its energy fed or drawn the fleet goes no further that way; the other way it may.
        spent = abs(fed_mws) >= event.energy_mws
        if spent:
            extra = 0.0
        missing = event.loss_mw - shed_mw - extra
        for group in range(groups):
            if event.look_s > 0.0 and now_s >= look[group]:
                seen = measured(history, instant, instant - delay)
                targets[group] = order(tables.orders, tables.span_hz, group, seen)
                look[group] += event.look_s
        for stage in range(4):
            part = 0.0 if stage == 0 else (1.0 if stage == 3 else 0.5)
            for row in range(GROUPS + groups):
                moved = 0.0 if stage == 0 else part * step_s * rates[stage - 1, row]
                probe[row] = state[row] + moved
            if event.look_s == 0.0:
                seen = probe[FREQUENCY]
                if delay > 0.0:
                    seen = measured(history, instant, instant + part - delay)
                for group in range(groups):
                    targets[group] = order(tables.orders, tables.span_hz, group, seen)
            if spent:
                for group in range(groups):
                    if targets[group] * fed_mws > 0.0:
                        targets[group] = 0.0
            change(event, probe, missing, targets, groups, rates[stage])
        for row in range(GROUPS + groups):
            slope = rates[0, row] + 2.0 * rates[1, row] + 2.0 * rates[2, row] + rates[3, row]
            state[row] += step_s / 6.0 * slope
        for stage in range(stages):
            below_s[stage] = below_s[stage] + step_s if state[0] < tables.stage_hz[stage] else 0.0
            if not shed[stage] and below_s[stage] > tables.stage_s[stage]:
                shed[stage] = True
                shed_mw += tables.stage_mw[stage]


class Extremes(NamedTuple):
    """Numbers of each event, found at every step."""

    nadir_hz: Float[Array, " event"]
    nadir_s: Float[Array, " event"]
    rocof_hz_per_s: Float[Array, " event"]
    least_fleet_mw: Float[Array, " event"]
    most_fleet_mw: Float[Array, " event"]
    fed_mws: Float[Array, " event"]
    disconnected_s: Float[Array, " event"]


class Samples(NamedTuple):
    """Events at a few instants, by event."""

    deviation_hz: Float[Array, "event sample"]
    governor_mw: Float[Array, "event sample"]
    fleet_mw: Float[Array, "event sample"]
    shed_mw: Float[Array, "event sample"]


@kernel(error_model="numpy")
@no_type_check
def run_all(events, tables, step_s, window, every, run, sampled, found):
    """Follow many events, one after the other; `run` is room for one of them.

    Args:
        events: `EVENT` of each.
        tables: What they share.
        step_s: Length of a step.
        window: Steps over which the rate of change of frequency is measured.
        every: Steps from sample to sample.
        run: Room for one event.
        sampled: Takes every so many instants.
        found: Takes the numbers.
    """
    for number in range(len(events)):
        run_event(events[number], tables, step_s, run)
        history, fleet = run.deviation_hz, run.fleet_mw
        lowest, at, rate, end = history[0], 0, 0.0, len(history)
        least, most, fed = 0.0, 0.0, 0.0
        for instant in range(len(history)):
            if np.isnan(history[instant]):
                end = instant
                break
            if history[instant] < lowest:
                lowest, at = history[instant], instant
            least, most = min(least, fleet[instant]), max(most, fleet[instant])
            fed += fleet[instant] * step_s
            # The rate that is told is the steepest mean over the window in which relays measure it.
            if instant >= window:
                mean = (history[instant] - history[instant - window]) / (window * step_s)
                if abs(mean) > abs(rate):
                    rate = mean
        found.nadir_hz[number], found.nadir_s[number] = lowest, at * step_s
        found.rocof_hz_per_s[number] = rate
        found.least_fleet_mw[number], found.most_fleet_mw[number] = least, most
        found.fed_mws[number] = fed
        found.disconnected_s[number] = (end - 1) * step_s if end < len(history) else np.nan
        for sample in range(sampled.deviation_hz.shape[1]):
            instant = sample * every
            sampled.deviation_hz[number, sample] = history[instant]
            sampled.governor_mw[number, sample] = run.governor_mw[instant]
            sampled.fleet_mw[number, sample] = fleet[instant]
            sampled.shed_mw[number, sample] = run.shed_mw[instant]


Events = Shaped[Array, " event"]
