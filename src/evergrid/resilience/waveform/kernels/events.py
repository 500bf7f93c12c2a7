"""What happens when: breakers that close, some at an angle of the voltage, and faults."""

import math
from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.resilience.waveform.kernels.records import (
    CLOSE_LOAD,
    CLOSE_TRANSFORMER,
    FAULT_OFF,
    FAULT_ON,
    SwitchState,
)
from evergrid.resilience.waveform.kernels.triples import plus, row

ROUNDING = 1e-9  # rad by which an angle may seem just passed


@kernel(error_model="numpy")
@no_type_check
def apply_event(plant, events, number, closed, blocks, peaks):
    """What is closed after an event; peaks are counted anew once the transformer is closed."""
    kind, which = events.kind[number], events.which[number]
    events.done[number] = True
    if kind == CLOSE_TRANSFORMER:
        peaks[:] = 0.0
        return SwitchState(True, closed.conductance, closed.resistance, closed.node_l, closed.fault)
    if kind == CLOSE_LOAD:
        branch = blocks.branch[which]
        if branch >= 0:
            blocks.per_closed_l[branch] = blocks.per_branch_l[branch]
        g = plus(closed.conductance, 1.0, row(blocks.conductance, which))
        resistance = (
            1.0 / g[0] if g[0] > 0.0 else 0.0,
            1.0 / g[1] if g[1] > 0.0 else 0.0,
            1.0 / g[2] if g[2] > 0.0 else 0.0,
        )
        # At the node of the loads, the leakage and what is closed with inductance lie side by side.
        inverse = (plant.per_leakage, plant.per_leakage, plant.per_leakage)
        for b in range(len(blocks.per_closed_l)):
            inverse = plus(inverse, 1.0, row(blocks.per_closed_l, b))
        node_l = (1.0 / inverse[0], 1.0 / inverse[1], 1.0 / inverse[2])
        return SwitchState(closed.transformer, g, resistance, node_l, closed.fault)
    if kind in (FAULT_ON, FAULT_OFF):
        sign = 1.0 if kind == FAULT_ON else -1.0
        fault = plus(closed.fault, sign, row(blocks.fault_g, which))
        return SwitchState(
            closed.transformer, closed.conductance, closed.resistance, closed.node_l, fault
        )
    return closed


@kernel(error_model="numpy")
@no_type_check
def next_event_s(events):
    """When the next event is due; infinite where none is."""
    soonest = np.inf
    for number in range(len(events.time_s)):
        if not events.done[number]:
            soonest = min(soonest, events.time_s[number])
    return soonest


@kernel(error_model="numpy")
@no_type_check
def await_angles(events, time_s, period_s, angle, rad_per_s):
    """Set the time of events that wait for an angle which comes before the next sample."""
    for number in range(len(events.time_s)):
        if events.done[number] or math.isnan(events.angle[number]):
            continue
        since = max(time_s, events.earliest_s[number])
        at = angle + rad_per_s * (since - time_s)
        turn = (events.angle[number] - at + ROUNDING) % (2.0 * math.pi) - ROUNDING
        due = since + max(turn, 0.0) / rad_per_s
        if math.isinf(events.time_s[number]) and due < time_s + period_s:
            events.time_s[number] = due
