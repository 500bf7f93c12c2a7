"""One inverter, a saturating transformer and its loads, integrated instant by instant.

Quantities are per unit of the source: amplitude of a phase, amplitude of the rated current, flux
over that voltage and the nominal angular frequency. Rows of the state hold three phases each.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.kernels import kernel
from evergrid.resilience.waveform.triples import (
    Triple,
    largest,
    mean,
    onto_phases,
    onto_windings,
    plus,
    row,
    scaled,
    shifted,
    times,
)

ANGLE, SPEED, ACTIVE, REACTIVE, XI_D, XI_Q, GAMMA_D, GAMMA_Q = range(8)  # of the controller
BREAKPOINT, CLOSE_TRANSFORMER, CLOSE_LOAD, FAULT_ON, FAULT_OFF = range(5)  # kinds of events
PEAK_INDUCTOR, PEAK_OUTPUT, PEAK_FLUX = range(3)
THIRD = 2.0 * math.pi / 3.0
TRACKING = 0.1  # share of what a limit cuts off by which an integrator is drawn back in a sample
ROUNDING = 1e-9  # rad by which an angle may seem just passed
FAR_PU = 50.0  # a voltage beyond it has left every circuit that this could be


class Plant(NamedTuple):
    """The circuit, per unit of the source; inverses, as divisions would take most of the time.

    Attributes:
        base_rad_per_s: Nominal angular frequency.
        stiff: Whether the bus voltage is given.
        four_wire: Whether current returns through the neutral.
        filter_l: Inductance of the filter.
        filter_r: Its resistance.
        bus_c: Capacitance that phases against each other see.
        per_filter_l: Inverse of the inductance of the filter.
        per_bus_c: Inverse of that capacitance.
        per_zero_c: Inverse of the capacitance that all phases together see against earth.
        transformer: Whether there is one.
        delta: Whether its windings lie between phases.
        knee: Flux at which a core saturates.
        per_magnetising: Inverse of the inductance below it.
        per_air_core: Inverse of the inductance above it.
        loss_g: Conductance beside the core.
        per_leakage: Inverse of the inductance behind it.
        resistance: Of both windings.
    """

    base_rad_per_s: float
    stiff: bool
    four_wire: bool
    filter_l: float
    filter_r: float
    bus_c: float
    per_filter_l: float
    per_bus_c: float
    per_zero_c: float
    transformer: bool
    delta: bool
    knee: float
    per_magnetising: float
    per_air_core: float
    loss_g: float
    per_leakage: float
    resistance: float


class Blocks(NamedTuple):
    """Loads and faults; those with inductance have a state of their own.

    Attributes:
        conductance: Of each load, where it has no inductance.
        branch_r: Resistance of each load, where it has inductance too.
        per_branch_l: Inverse of its inductance; 0 where the load has none.
        fault_g: Conductance of each fault to earth.
        per_closed_l: As per_branch_l, 0 while the load is open; written by events.
        current: Of each load with inductance.
        probe: Room for a step.
        total: Room for a step.
        rates: Room for a step.
    """

    conductance: Float[Array, "load phase"]
    branch_r: Float[Array, "load phase"]
    per_branch_l: Float[Array, "load phase"]
    fault_g: Float[Array, "fault phase"]
    per_closed_l: Float[Array, "load phase"]
    current: Float[Array, "load phase"]
    probe: Float[Array, "load phase"]
    total: Float[Array, "load phase"]
    rates: Float[Array, "load phase"]


class Closed(NamedTuple):
    """What is closed, as it acts on the equations.

    Attributes:
        transformer: Whether its breaker is closed.
        conductance: Of all loads without inductance that are closed.
        resistance: Its inverse; 0 where there is none.
        node_l: Of leakage and loads with inductance together, as the node between them sees it.
        fault: Conductance to earth.
    """

    transformer: bool
    conductance: Triple
    resistance: Triple
    node_l: Triple
    fault: Triple


class State(NamedTuple):
    """State of the circuit but for loads with inductance; also its rates of change.

    Attributes:
        inductor: Current of the filter.
        bus: Voltage to earth.
        flux: Of each core.
        winding: Current behind the leakage.
    """

    inductor: Triple
    bus: Triple
    flux: Triple
    winding: Triple


class Control(NamedTuple):
    """The controller and its reference; gains per unit, times in seconds.

    Attributes:
        period_s: Of sampling.
        current_gain: And the rest as in `EmtControl`.
        leg_limit: Half of the DC voltage.
        switching: Whether edges are followed.
        ramp_start_s: When the reference begins to rise.
        ramp_s: For how long.
        s_shaped: Whether smoothly.
        source_angle: Of a stiff source at second 0, from the rising zero crossing of phase a.
    """

    period_s: float
    current_gain: float
    current_integral: float
    voltage_feed_forward: float
    voltage_gain: float
    voltage_integral: float
    current_feed_forward: float
    current_limit: float
    frequency_droop: float
    voltage_droop: float
    power_filter: float
    leg_limit: float
    switching: bool
    ramp_start_s: float
    ramp_s: float
    s_shaped: bool
    source_angle: float


class Events(NamedTuple):
    """What happens when; times that wait for an angle are infinite until it is near."""

    time_s: Float[Array, " event"]
    kind: Int[Array, " event"]
    which: Int[Array, " event"]
    angle: Float[Array, " event"]
    earliest_s: Float[Array, " event"]
    done: Bool[Array, " event"]


class Samples(NamedTuple):
    """What is kept, every so many steps.

    Attributes:
        bus: Voltage of the bus to earth.
        inductor: Current of the filter's inductor.
        output: Current that leaves the bus into transformer and loads.
        flux: Of each core.
        winding: Current through the leakage of each.
        speed: Angular frequency of the controller.
        angle: Of the controller.
    """

    bus: Float[Array, "phase sample"]
    inductor: Float[Array, "phase sample"]
    output: Float[Array, "phase sample"]
    flux: Float[Array, "phase sample"]
    winding: Float[Array, "phase sample"]
    speed: Float[Array, " sample"]
    angle: Float[Array, " sample"]


@kernel(error_model="numpy")
@no_type_check
def ramp(control, time_s):
    """Share of the nominal voltage that the reference has reached."""
    if time_s < control.ramp_start_s:
        return 0.0
    if time_s >= control.ramp_start_s + control.ramp_s:
        return 1.0
    share = (time_s - control.ramp_start_s) / control.ramp_s
    return share * share * (3.0 - 2.0 * share) if control.s_shaped else share


@kernel(error_model="numpy")
@no_type_check
def stiff_bus(plant, control, time_s):
    """Voltages of a source without impedance."""
    level = ramp(control, time_s)
    angle = plant.base_rad_per_s * time_s + control.source_angle
    return (
        level * math.sin(angle),
        level * math.sin(angle - THIRD),
        level * math.sin(angle + THIRD),
    )


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def core_current(plant, flux):
    """Magnetising current of one core: two slopes that meet at the knee."""
    beyond = max(abs(flux) - plant.knee, 0.0)
    beyond = beyond if flux > 0.0 else -beyond
    return (flux - beyond) * plant.per_magnetising + beyond * plant.per_air_core


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def load_voltage(closed, phase, current, drawn, pull):
    """Voltage behind the leakage in one phase.

    Loads without inductance turn the current that those with inductance leave them into a voltage.
    Without any, the voltage is the one under which the currents into the node keep their sum, so
    that no resistance has to be invented for it.
    """
    if closed.conductance[phase] > 0.0:
        return (current - drawn) * closed.resistance[phase]
    return pull * closed.node_l[phase]


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def slopes(plant, control, closed, blocks, time_s, legs, state, branch):
    """Rates of change of the state, those of loads in `blocks.rates`, and the output current.

    Args:
        plant: The circuit.
        control: For the voltage of a stiff source.
        closed: What is closed.
        blocks: The loads.
        time_s: Now.
        legs: Voltages of the bridge.
        state: The state.
        branch: Currents of loads with inductance.
    """
    base, nothing = plant.base_rad_per_s, (0.0, 0.0, 0.0)
    branches = branch.shape[0]
    bus = stiff_bus(plant, control, time_s) if plant.stiff else state.bus
    drawn, pull = nothing, nothing
    for b in range(branches):
        current, fall = row(branch, b), times(row(blocks.branch_r, b), row(branch, b))
        drawn = plus(drawn, 1.0, current)
        pull = plus(pull, 1.0, times(fall, row(blocks.per_closed_l, b)))
    flux_rate, winding_rate = nothing, nothing
    if closed.transformer:
        across = onto_windings(plant.delta, bus)
        current = state.winding
        behind = plus(across, -plant.resistance, current)
        pull = plus(pull, plant.per_leakage, behind)
        load = (
            load_voltage(closed, 0, current[0], drawn[0], pull[0]),
            load_voltage(closed, 1, current[1], drawn[1], pull[1]),
            load_voltage(closed, 2, current[2], drawn[2], pull[2]),
        )
        flux_rate = scaled(base, across)
        winding_rate = scaled(base * plant.per_leakage, plus(behind, -1.0, load))
        flux = state.flux
        core = (
            core_current(plant, flux[0]),
            core_current(plant, flux[1]),
            core_current(plant, flux[2]),
        )
        through = plus(plus(core, 1.0, current), plant.loss_g, across)
        output = onto_phases(plant.delta, through)
    elif plant.transformer:
        load, output = nothing, nothing
    else:
        load, output = bus, plus(drawn, 1.0, times(closed.conductance, bus))
    for b in range(branches):
        for k in range(3):
            fall = blocks.branch_r[b, k] * branch[b, k]
            blocks.rates[b, k] = base * blocks.per_closed_l[b, k] * (load[k] - fall)
    if plant.stiff:
        return State(nothing, nothing, flux_rate, winding_rate), output
    into = plus(plus(state.inductor, -1.0, output), -1.0, times(closed.fault, bus))
    common = mean(into)
    between = scaled(plant.per_bus_c, shifted(into, -common))
    bus_rate = scaled(base, shifted(between, common * plant.per_zero_c))
    over = plus(plus(legs, -1.0, bus), -plant.filter_r, state.inductor)
    if not plant.four_wire:
        over = shifted(over, -mean(over))
    inductor_rate = scaled(base * plant.per_filter_l, over)
    return State(inductor_rate, bus_rate, flux_rate, winding_rate), output


@kernel(error_model="numpy")
@no_type_check
def instant_slopes(plant, control, closed, blocks, time_s, legs, state):
    """`slopes` at one instant, for what needs them outside of a step."""
    return slopes(plant, control, closed, blocks, time_s, legs, state, blocks.current)


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def moved(state, step_s, rates):
    """The state some time later at constant rates."""
    return State(
        plus(state.inductor, step_s, rates.inductor),
        plus(state.bus, step_s, rates.bus),
        plus(state.flux, step_s, rates.flux),
        plus(state.winding, step_s, rates.winding),
    )


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def advance(plant, control, closed, blocks, time_s, step_s, legs, state, peaks):
    """One step of the classical Runge-Kutta method of fourth order, legs held.

    Returns:
        The state at the end; currents of loads are in `blocks.current`, peaks are kept.
    """
    branches = blocks.current.shape[0]
    for b in range(branches):
        for k in range(3):
            blocks.probe[b, k] = blocks.current[b, k]
            blocks.total[b, k] = blocks.current[b, k]
    total, probe = state, state
    for stage in range(4):
        at_s = time_s + (0.0 if stage == 0 else (step_s if stage == 3 else 0.5 * step_s))
        rates, output = slopes(plant, control, closed, blocks, at_s, legs, probe, blocks.probe)
        if stage == 0:
            peaks[PEAK_INDUCTOR] = max(peaks[PEAK_INDUCTOR], largest(state.inductor))
            peaks[PEAK_OUTPUT] = max(peaks[PEAK_OUTPUT], largest(output))
            peaks[PEAK_FLUX] = max(peaks[PEAK_FLUX], largest(state.flux))
        weight = step_s / 6.0 if stage == 0 or stage == 3 else step_s / 3.0
        reach = step_s if stage == 2 else 0.5 * step_s
        total, probe = moved(total, weight, rates), moved(state, reach, rates)
        for b in range(branches):
            for k in range(3):
                blocks.total[b, k] += weight * blocks.rates[b, k]
                blocks.probe[b, k] = blocks.current[b, k] + reach * blocks.rates[b, k]
    for b in range(branches):
        for k in range(3):
            blocks.current[b, k] = blocks.total[b, k]
    return total


@kernel(error_model="numpy")
@no_type_check
def direct_and_quadrature(angle, values):
    """Two components of three phases in a frame at an angle; amplitudes are kept."""
    direct, quadrature = 0.0, 0.0
    for k in range(3):
        direct += 2.0 / 3.0 * values[k] * math.cos(angle - THIRD * k)
        quadrature -= 2.0 / 3.0 * values[k] * math.sin(angle - THIRD * k)
    return direct, quadrature


@kernel(error_model="numpy")
@no_type_check
def sample_control(plant, control, time_s, state, output, memory):
    """One sample of the controller: what the bridge is told for the next period.

    Limits draw back the integrators in front of them by a share of what they cut off.
    """
    period = control.period_s
    angle = memory[ANGLE]
    vd, vq = direct_and_quadrature(angle, state.bus)
    id_, iq = direct_and_quadrature(angle, state.inductor)
    od, oq = direct_and_quadrature(angle, output)
    keep = math.exp(-control.power_filter * period)
    memory[ACTIVE] = keep * memory[ACTIVE] + (1.0 - keep) * (vd * od + vq * oq)
    memory[REACTIVE] = keep * memory[REACTIVE] + (1.0 - keep) * (vq * od - vd * oq)
    speed = 1.0 - control.frequency_droop * memory[ACTIVE]
    level = ramp(control, time_s) * (1.0 - control.voltage_droop * memory[REACTIVE])
    capacitor, inductor = plant.bus_c * speed, plant.filter_l * speed
    ed, eq = level - vd, -vq
    wish_d = control.current_feed_forward * od - capacitor * vq
    wish_q = control.current_feed_forward * oq + capacitor * vd
    wish_d += control.voltage_gain * ed + memory[XI_D]
    wish_q += control.voltage_gain * eq + memory[XI_Q]
    size = math.sqrt(wish_d * wish_d + wish_q * wish_q)
    cut = min(control.current_limit / size, 1.0) if size > 0.0 else 1.0
    memory[XI_D] += control.voltage_integral * period * ed + TRACKING * (cut - 1.0) * wish_d
    memory[XI_Q] += control.voltage_integral * period * eq + TRACKING * (cut - 1.0) * wish_q
    fd, fq = cut * wish_d - id_, cut * wish_q - iq
    ud = control.voltage_feed_forward * vd - inductor * iq
    uq = control.voltage_feed_forward * vq + inductor * id_
    ud += control.current_gain * fd + memory[GAMMA_D]
    uq += control.current_gain * fq + memory[GAMMA_Q]
    ahead = angle + 1.5 * plant.base_rad_per_s * speed * period
    wanted = (
        ud * math.cos(ahead) - uq * math.sin(ahead),
        ud * math.cos(ahead - THIRD) - uq * math.sin(ahead - THIRD),
        ud * math.cos(ahead + THIRD) - uq * math.sin(ahead + THIRD),
    )
    if not plant.four_wire:
        wanted = shifted(wanted, -0.5 * (max(wanted) + min(wanted)))
    limit = control.leg_limit
    orders = (
        min(max(wanted[0], -limit), limit),
        min(max(wanted[1], -limit), limit),
        min(max(wanted[2], -limit), limit),
    )
    if orders == wanted:
        memory[GAMMA_D] += control.current_integral * period * fd
        memory[GAMMA_Q] += control.current_integral * period * fq
    memory[SPEED] = speed
    return orders


@kernel(error_model="numpy")
@no_type_check
def on_share(duty, place):
    """How long a leg has been at the upper rail since the sample, over the period.

    The carrier is a triangle whose lowest point is at the sample.
    """
    return min(place, 0.5 * duty) + max(0.0, place - (1.0 - 0.5 * duty))


@kernel(error_model="numpy")
@no_type_check
def mean_leg(control, order, begin, end):
    """Mean of a leg's voltage between two places in the period; exact to the edges."""
    duty = 0.5 * (1.0 + order / control.leg_limit)
    on = (on_share(duty, end) - on_share(duty, begin)) / (end - begin)
    return control.leg_limit * (2.0 * on - 1.0)


@kernel(error_model="numpy")
@no_type_check
def apply_event(plant, events, number, closed, blocks, peaks):
    """What is closed after an event; peaks are counted anew once the transformer is closed."""
    kind, which = events.kind[number], events.which[number]
    events.done[number] = True
    if kind == CLOSE_TRANSFORMER:
        peaks[:] = 0.0
        return Closed(True, closed.conductance, closed.resistance, closed.node_l, closed.fault)
    if kind == CLOSE_LOAD:
        blocks.per_closed_l[which] = blocks.per_branch_l[which]
        g = plus(closed.conductance, 1.0, row(blocks.conductance, which))
        resistance = (
            1.0 / g[0] if g[0] > 0.0 else 0.0,
            1.0 / g[1] if g[1] > 0.0 else 0.0,
            1.0 / g[2] if g[2] > 0.0 else 0.0,
        )
        inverse = (plant.per_leakage, plant.per_leakage, plant.per_leakage)
        for b in range(len(blocks.per_closed_l)):
            inverse = plus(inverse, 1.0, row(blocks.per_closed_l, b))
        node_l = (1.0 / inverse[0], 1.0 / inverse[1], 1.0 / inverse[2])
        return Closed(closed.transformer, g, resistance, node_l, closed.fault)
    if kind == FAULT_ON or kind == FAULT_OFF:
        sign = 1.0 if kind == FAULT_ON else -1.0
        fault = plus(closed.fault, sign, row(blocks.fault_g, which))
        return Closed(
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
    samples.angle[place] = memory[ANGLE]


@kernel(error_model="numpy")
@no_type_check
def run(plant, control, blocks, events, step_s, period_steps, every, residual_flux, samples, peaks):
    """Follow the whole case from second 0; the last sample ends it.

    Steps are cut where an event falls between two instants, so that events happen at their times.
    What the controller computes at a sample is applied from the next one.

    Returns:
        Second at which the circuit left every bound; NaN where it never did.
    """
    memory, nothing = np.zeros(8), (0.0, 0.0, 0.0)
    legs, orders, later = nothing, nothing, nothing
    memory[SPEED], memory[ANGLE] = 1.0, control.source_angle - 0.5 * math.pi
    base, leakage = plant.base_rad_per_s, 1.0 / plant.per_leakage
    state = State(nothing, nothing, residual_flux, nothing)
    closed = Closed(False, nothing, nothing, (leakage, leakage, leakage), nothing)
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
