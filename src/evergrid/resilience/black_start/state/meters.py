"""What meters show in a stretch of time."""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.resilience.black_start.circuit import SiteCircuit
from evergrid.resilience.inverter.droop import I_O_X, I_O_Y, STATES, P, Q
from evergrid.resilience.machine.induction import SPEED
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.breakers import BreakerPositions

SAMPLE_S = 1e-3


class MeterRow(NamedTuple):
    """Samples of a stretch, in the order and with the meaning of `IslandSamples`."""

    time_s: Array
    frequency: Array
    voltage: Array
    unit_frequency: Array
    power_kw: Array
    reactive_kvar: Array
    current: Array
    block_kw: Array
    connected: Array
    section_frequency: Array
    section_voltage: Array
    follower_kw: Array
    motor_speed: Array


def effective_pu(voltage_pu: Float[Array, " sample"], window: int) -> Float[Array, " late_sample"]:
    """Effective value of a voltage over the last samples, as relays and meters take it.

    As a breaker closes, inductances first share the voltage among them, until current flows: for
    microseconds where the load is almost a resistance. Nothing reacts to such an instant.

    Args:
        voltage_pu: Length of the voltage vector; a sample stands for the time before it.
        window: How many samples a value is taken over. There are so many fewer values, less one.
    """
    return np.sqrt(np.convolve(voltage_pu**2, np.full(window, 1.0 / window), mode="valid"))


def dark_row(
    time_s: Float[Array, " sample"],
    units: int,
    blocks: int,
    sections: int,
    followers: int,
    motors: int,
) -> MeterRow:
    """Samples of an island without a unit; how motors run down there is not shown."""
    samples = len(time_s)
    none, zero = np.full(samples, np.nan), np.zeros(samples)
    each = np.zeros((samples, units))
    return MeterRow(
        time_s,
        none,
        zero,
        np.full((samples, units), np.nan),
        each,
        each,
        each,
        np.zeros((samples, blocks)),
        np.zeros((samples, blocks), bool),
        np.full((samples, sections), np.nan),
        np.zeros((samples, sections)),
        np.zeros((samples, followers)),
        np.full((samples, motors), np.nan),
    )


def ratings_w(circuit: SiteCircuit) -> Float[Array, " unit"]:
    """Of the units that form the grid."""
    return np.array([1e3 * unit.apparent_kva for unit in circuit.formers])


def shown(
    circuit: SiteCircuit,
    positions: BreakerPositions,
    assembly: Assembly,
    time_s: Array,
    states: Array,
    volts_xy: Array,
) -> MeterRow:
    """What meters show at some states.

    Args:
        circuit: The site.
        positions: Of breakers, by which blocks count as connected.
        assembly: What is connected.
        time_s: Of the states.
        states: By sample.
        volts_xy: Of live buses, by sample.
    """
    network, formers = circuit.network, circuit.formers
    count, samples = len(formers), len(time_s)
    volts, rating_w = circuit.site.nominal_v, ratings_w(circuit)
    all_units = states[:, : len(network.units) * len(STATES)].reshape(samples, -1, len(STATES))
    frequency = np.full((samples, len(network.units)), np.nan)
    running = assembly.units
    speed = assembly.speeds_rad_per_s(states)
    frequency[:, running] = speed / (2.0 * np.pi)
    units = all_units[:, :count]
    # As dq is power-invariant, the rated current is the rating over the line-to-line voltage.
    current = np.hypot(units[:, :, I_O_X], units[:, :, I_O_Y]) * volts / rating_w
    whole, voltage = _of_sections(circuit, assembly, frequency, volts_xy)
    at = network.first_current + 2 * len(network.branches)
    currents = states[:, at:].reshape(samples, -1, 2)
    blocks = {block.name for block in circuit.blocks}
    loads = [i for i, load in enumerate(network.loads) if load.name in blocks]
    ohms = np.array([load.resistance_ohm for load in assembly.microgrid.loads])[loads]
    block_kw = ohms * (currents[:, loads] ** 2).sum(axis=2) / 1e3
    motor_speed = np.full((samples, len(circuit.motors)), np.nan)
    names = [block.name for block in circuit.blocks]
    for place, one in enumerate(circuit.motors):
        number = circuit.unit_place[one.name]
        if number in running:
            motor_speed[:, place] = all_units[:, number, SPEED]
            block_kw[:, names.index(one.block)] -= all_units[:, number, P] / 1e3
    followers = [circuit.unit_place[unit.name] for unit in circuit.followers]
    on = np.array([positions.has(block.name) for block in circuit.blocks])
    at_bus = [network.bus_index[network.loads[load].bus] for load in loads]
    live = np.isin(at_bus, assembly.buses)
    return MeterRow(
        time_s,
        whole[:, 0],
        voltage[:, 0],
        frequency[:, :count],
        units[:, :, P] / 1e3,
        units[:, :, Q] / 1e3,
        current,
        block_kw,
        np.tile(on & live, (samples, 1)),
        whole,
        voltage,
        all_units[:, followers, P] / 1e3,
        motor_speed,
    )


def _of_sections(
    circuit: SiteCircuit, assembly: Assembly, frequency: Array, volts_xy: Array
) -> tuple[Array, Array]:
    """Frequency and voltage of each section, by sample."""
    network, islands_now = circuit.network, assembly.islands
    count, sections = len(circuit.formers), circuit.sections
    whole = np.full((len(frequency), len(sections)), np.nan)
    voltage = np.zeros((len(frequency), len(sections)))
    for place, section in enumerate(sections):
        bus = network.bus_index[section.bus]
        (live,) = np.nonzero(assembly.buses == bus)
        if not len(live):
            continue
        voltage[:, place] = np.abs(volts_xy[:, live[0]]) / circuit.site.nominal_v
        here = islands_now.of_unit == islands_now.of_bus[bus]
        weight = ratings_w(circuit) * here[:count]
        if weight.any():
            known = np.nan_to_num(frequency[:, :count])
            whole[:, place] = (known * weight).sum(axis=1) / weight.sum()
        else:  # the grid alone
            whole[:, place] = frequency[:, count]
    return whole, voltage
