"""Equations of filter, transformer and loads, and one step of them."""

import math
from typing import no_type_check

from evergrid.core.computing.kernels import kernel
from evergrid.resilience.waveform.kernels.records import (
    PEAK_FLUX,
    PEAK_INDUCTOR,
    PEAK_OUTPUT,
    CircuitState,
)
from evergrid.resilience.waveform.kernels.triples import (
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

THIRD = 2.0 * math.pi / 3.0


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
    # Currents through inductances are states; resistive loads carry what these leave, and have
    # their voltage from it. Without a resistive load the voltage keeps the currents' sum at 0.
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
        return CircuitState(nothing, nothing, flux_rate, winding_rate), output
    into = plus(plus(state.inductor, -1.0, output), -1.0, times(closed.fault, bus))
    # Differences between phases see the capacitance of the bus, what they have in common that
    # against earth. With three wires there is no way back, so that only differences drive a
    # current.
    common = mean(into)
    between = scaled(plant.per_bus_c, shifted(into, -common))
    bus_rate = scaled(base, shifted(between, common * plant.per_zero_c))
    over = plus(plus(legs, -1.0, bus), -plant.filter_r, state.inductor)
    if not plant.four_wire:
        over = shifted(over, -mean(over))
    inductor_rate = scaled(base * plant.per_filter_l, over)
    return CircuitState(inductor_rate, bus_rate, flux_rate, winding_rate), output


@kernel(error_model="numpy")
@no_type_check
def instant_slopes(plant, control, closed, blocks, time_s, legs, state):
    """`slopes` at one instant, for what needs them outside of a step."""
    return slopes(plant, control, closed, blocks, time_s, legs, state, blocks.current)


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def moved(state, step_s, rates):
    """The state some time later at constant rates."""
    return CircuitState(
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
