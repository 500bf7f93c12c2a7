"""What the kernels take and return: circuit, controller, switches, events, samples.

Quantities are per unit of the source: amplitude of a phase, amplitude of the rated current, flux
over that voltage and the nominal angular frequency.
"""

from typing import NamedTuple

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.resilience.waveform.kernels.triples import Triple

BREAKPOINT, CLOSE_TRANSFORMER, CLOSE_LOAD, FAULT_ON, FAULT_OFF = range(5)  # kinds of events
PEAK_INDUCTOR, PEAK_OUTPUT, PEAK_FLUX = range(3)


class CircuitData(NamedTuple):
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


class BlockData(NamedTuple):
    """Loads and faults; those with inductance have a state of their own.

    Attributes:
        conductance: Of each load, in phases where it has no inductance.
        branch: Row of each load among those with inductance; -1 where it has none.
        branch_r: Resistance of each of those.
        per_branch_l: Inverse of its inductance; 0 in phases without.
        fault_g: Conductance of each fault to earth.
        per_closed_l: As per_branch_l, 0 while the load is open; written by events.
        current: Of each load with inductance.
        probe: Room for a step.
        total: Room for a step.
        rates: Room for a step.
    """

    conductance: Float[Array, "load phase"]
    branch: Int[Array, " load"]
    branch_r: Float[Array, "branch phase"]
    per_branch_l: Float[Array, "branch phase"]
    fault_g: Float[Array, "fault phase"]
    per_closed_l: Float[Array, "branch phase"]
    current: Float[Array, "branch phase"]
    probe: Float[Array, "branch phase"]
    total: Float[Array, "branch phase"]
    rates: Float[Array, "branch phase"]


class SwitchState(NamedTuple):
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


class CircuitState(NamedTuple):
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


class ControllerData(NamedTuple):
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
    negative_integral: float
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


class EventList(NamedTuple):
    """What happens when; times that wait for an angle are infinite until it is near."""

    time_s: Float[Array, " event"]
    kind: Int[Array, " event"]
    which: Int[Array, " event"]
    angle: Float[Array, " event"]
    earliest_s: Float[Array, " event"]
    done: Bool[Array, " event"]


class WaveformSamples(NamedTuple):
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
