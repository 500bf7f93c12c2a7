"""One case from second 0 to its end."""

import math
from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.resilience.waveform.kernels.circuit import advance, instant_slopes, stiff_bus
from evergrid.resilience.waveform.kernels.controller import (
    ANGLE,
    MEMORY,
    SPEED,
    mean_leg,
    sample_control,
)
from evergrid.resilience.waveform.kernels.events import apply_event, await_angles, next_event_s
from evergrid.resilience.waveform.kernels.records import CircuitState, SwitchState
from evergrid.resilience.waveform.kernels.triples import largest

FAR_PU = 50.0  # a voltage beyond it has left every circuit that this could be


@kernel(error_model="numpy")
@no_type_check
def keep_sample(place, bus, state, output, memory, samples):
    """Write one sample."""
    for k in range(3):
        samples.bus[k, place] = bus[k]
        samples.inductor[k, place] = state.inductor[k]
        samples.output[k, place] = output[k]
        samples.flux[k, place] = state.flux[k]
        samples.winding[k, place] = state.winding[k]
    samples.speed[place] = memory[SPEED]


@kernel(error_model="numpy")
@no_type_check
def run(plant, control, blocks, events, step_s, period_steps, every, residual_flux, samples, peaks):
    """Follow the whole case from second 0; the last sample ends it.

    Steps are cut where an event falls between two instants, so that events happen at their times.
    What the controller computes at a sample is applied from the next one.

    Returns:
        Second at which the circuit left every bound; NaN where it never did.
    """
    memory, nothing = np.zeros(MEMORY), (0.0, 0.0, 0.0)
    legs, orders, later = nothing, nothing, nothing
    memory[SPEED], memory[ANGLE] = 1.0, control.source_angle - 0.5 * math.pi
    base, leakage = plant.base_rad_per_s, 1.0 / plant.per_leakage
    state = CircuitState(nothing, nothing, residual_flux, nothing)
    closed = SwitchState(False, nothing, nothing, (leakage, leakage, leakage), nothing)
    last = (len(samples.speed) - 1) * every
    due_s, sampled_s = next_event_s(events), 0.0
    for instant in range(last + 1):
        now_s = instant * step_s
        at_sample = instant % period_steps == 0
        if at_sample or instant % every == 0:
            _, output = instant_slopes(plant, control, closed, blocks, now_s, legs, state)
            if at_sample:
                if not largest(state.bus) < FAR_PU:
                    return now_s
                if instant > 0:
                    memory[ANGLE] += base * memory[SPEED] * control.period_s
                    memory[ANGLE] %= 2.0 * math.pi
                if not plant.stiff:
                    # A controller computes for one period: what it orders holds from the next
                    # sample on.
                    orders = later
                    later = sample_control(plant, control, now_s, state, output, memory)
                    legs = orders
                sampled_s = now_s
                rad_per_s = base * memory[SPEED]
                await_angles(events, now_s, control.period_s, memory[ANGLE], rad_per_s)
                due_s = next_event_s(events)
            if instant % every == 0:
                bus = stiff_bus(plant, control, now_s) if plant.stiff else state.bus
                keep_sample(instant // every, bus, state, output, memory, samples)
        end_s = (instant + 1) * step_s if instant < last else now_s
        while now_s < end_s:
            stop_s = min(max(due_s, now_s), end_s)
            if stop_s > now_s:
                if control.switching:
                    begin = (now_s - sampled_s) / control.period_s
                    end = (stop_s - sampled_s) / control.period_s
                    legs = (
                        mean_leg(control, orders[0], begin, end),
                        mean_leg(control, orders[1], begin, end),
                        mean_leg(control, orders[2], begin, end),
                    )
                state = advance(
                    plant, control, closed, blocks, now_s, stop_s - now_s, legs, state, peaks
                )
                now_s = stop_s
            if due_s <= now_s:
                for number in range(len(events.time_s)):
                    if not events.done[number] and events.time_s[number] <= now_s:
                        closed = apply_event(plant, events, number, closed, blocks, peaks)
                due_s = next_event_s(events)
    return np.nan
