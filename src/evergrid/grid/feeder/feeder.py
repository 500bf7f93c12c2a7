"""A feeder: its nodes and wires, what draws from them, what is rated, and what switches.

Everything electrical is connected to *nodes*, one per phase of a bus. A *branch* is a pair of nodes
between which power enters or leaves: phase to ground, phase to neutral or phase to phase; a load
on three phases is three branches. Power into the grid is positive, so loads are negative.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.grid.feeder import load_law

GROUND = -1  # stands for ground in place of a node
WHOLE = 1e-6  # of a tap: nearer to a whole number than this it is one


@dataclass(frozen=True)
class Buses:
    """Places where wires meet.

    Attributes:
        name: Lower-case name of each.
        base_v: Nominal voltage, line to neutral, volts.
        x: Horizontal coordinate in the feeder's own units; NaN where none is given.
        y: Vertical coordinate; NaN where none is given.
    """

    name: Shaped[Array, " bus"]
    base_v: Float[Array, " bus"]
    x: Float[Array, " bus"]
    y: Float[Array, " bus"]

    @cached_property
    def row(self) -> dict[str, int]:
        """Row of each bus by its name."""
        return {str(name): i for i, name in enumerate(self.name)}


@dataclass(frozen=True)
class Nodes:
    """Phases of buses, in the order of every node axis.

    Attributes:
        bus: Row of each node's bus.
        phase: Its conductor: 1, 2, 3, or 4 for a neutral.
    """

    bus: Int[Array, " node"]
    phase: Int[Array, " node"]

    def __len__(self) -> int:
        return len(self.bus)


@dataclass(frozen=True)
class Branches:
    """Where power enters or leaves the wires, and the power that does without vehicles.

    Attributes:
        name: Whose branch it is: the load's name; a load on three phases has three branches.
        node: Node of the first end.
        other: Node of the second end, or `GROUND`.
        base_v: Voltage that counts as 1 pu between the two, volts.
        power_kw: Of the feeder's own loads, at nominal voltage, negative for what they draw.
        reactive_kvar: The same, reactive.
        law: How the loads answer to voltage, in the columns of `load_law`.
        is_load: Whether it is a load; what else draws or feeds has a power of its own.
    """

    name: Shaped[Array, " branch"]
    node: Int[Array, " branch"]
    other: Int[Array, " branch"]
    base_v: Float[Array, " branch"]
    power_kw: Float[Array, " branch"]
    reactive_kvar: Float[Array, " branch"]
    law: Float[Array, "branch column"]
    is_load: Bool[Array, " branch"]

    def __len__(self) -> int:
        return len(self.name)

    def rows(self, which: Shaped[Array, " some"]) -> "Branches":
        """Some of them."""
        return Branches(**{name: value[which] for name, value in vars(self).items()})

    def constant_power(self) -> "Branches":
        """These branches, drawing the same power at any voltage."""
        return replace(self, law=load_law.constant(len(self)))


@dataclass(frozen=True)
class Currents:
    """Currents that are watched: one row per conductor of a line or a transformer's terminal.

    Attributes:
        element: Row of the line or transformer that each belongs to.
        node: Node at whose voltage the current enters the element, or `GROUND`.
        per_volt: Currents of the node voltages, amperes per volt.
    """

    element: Int[Array, " row"]
    node: Int[Array, " row"]
    per_volt: sparse.csr_array


@dataclass(frozen=True)
class Lines:
    """Wires and cables between two buses.

    Attributes:
        name: Of each.
        bus: Rows of the buses at its two ends.
        code: Name of its line code; empty for a line of its own impedances.
        rating_a: Greatest lasting current of each conductor, the neutral among them; NaN where
            none is stated.
        currents: What flows into each conductor at the first end.
    """

    name: Shaped[Array, " line"]
    bus: Int[Array, "line 2"]
    code: Shaped[Array, " line"]
    rating_a: Float[Array, " line"]
    currents: Currents

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True)
class Transformers:
    """Transformers, those whose taps move among them.

    Attributes:
        name: Of each.
        bus: Rows of the buses of the first two windings.
        rating_kva: Of the first winding.
        currents: What flows into each phase of every winding, and into all other conductors of the
            first, so that their powers sum to that into the transformer. For a transformer whose
            tap moves, `Feeder.transformer_currents` has them at any tap.
        winding: Winding of each of these currents, 1 for the first.
        conductor: Which conductor of the winding it flows into, 1 for the first.
        rated_a: Its rated value; NaN in neutral and return conductors, which have none.
        regulator: Row of the regulator that moves the tap of each transformer; -1 for none.
    """

    name: Shaped[Array, " transformer"]
    bus: Int[Array, "transformer 2"]
    rating_kva: Float[Array, " transformer"]
    currents: Currents
    winding: Int[Array, " row"]
    conductor: Int[Array, " row"]
    rated_a: Float[Array, " row"]
    regulator: Int[Array, " transformer"]

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True)
class ReverseFlow:
    """What a regulator's control does while power flows back.

    Attributes:
        cogeneration: Whether it goes on regulating the same side, with the settings below; else it
            turns to the side from which the power then comes.
        target_v: Voltage to be kept then.
        band_v: Width of the band around it.
        compensation_v: Resistive and reactive setting of the line drop compensator.
        compensation_z_v: Setting of the compensator by magnitudes; see `TapControl`.
        threshold_kw: Power flowing back from which these settings hold, and flowing forward from
            which they cease to.
        delay_s: How long power must have turned before the control does.
        to_neutral: Whether the tap goes to the nominal ratio instead and stays there.
    """

    cogeneration: bool
    target_v: float
    band_v: float
    compensation_v: complex
    compensation_z_v: float
    threshold_kw: float
    delay_s: float
    to_neutral: bool


@dataclass(frozen=True)
class TapControl:
    """When a regulator's tap moves.

    Attributes:
        name: Of the control.
        winding: Conductors of the winding whose voltage and power it measures.
        sensed: Conductors, one per phase, whose voltage and current it may measure.
        returning: The conductor that each of these voltages is measured against.
        choice: Which of several phases counts: "highest" or "lowest"; "one" where there is one.
        remote: Two nodes (the second may be `GROUND`) between which the voltage is measured at
            another bus; None for the regulator's own winding.
        remote_pt_ratio: Of the potential transformer there.
        winding_v: Rated voltage of the measured winding.
        same_winding: Whether the measured winding is the tapped one; else taps move the other way.
        frozen: Whether it never moves its tap.
        target_v: Voltage to be kept, on the control's secondary.
        band_v: Width of the band around it.
        limit_v: Voltage of the winding that is never to be passed; 0 for none.
        pt_ratio: Of the potential transformer.
        ct_primary_a: Line current that drives 0.2 A through the compensator, as OpenDSS has it.
        compensation_v: Resistive and reactive setting of the line drop compensator, volts at
            the rated current.
        compensation_z_v: Volts at the rated current that the compensator takes off the magnitude
            of the voltage, whatever the angle of the current, instead of the above; 0 for none.
        delay_s: Between leaving the band and the first tap.
        inverse_time: Whether that delay is the shorter the farther the voltage is off.
        tap_delay_s: Between further taps.
        reverse: What it does while power flows back; None to ignore direction.
    """

    name: str
    winding: Bool[Array, " conductor"]
    sensed: Int[Array, " phase"]
    returning: Int[Array, " phase"]
    choice: str
    remote: tuple[int, int] | None
    remote_pt_ratio: float
    winding_v: float
    same_winding: bool
    frozen: bool
    target_v: float
    band_v: float
    limit_v: float
    pt_ratio: float
    ct_primary_a: float
    compensation_v: complex
    compensation_z_v: float
    delay_s: float
    inverse_time: bool
    tap_delay_s: float
    reverse: ReverseFlow | None


@dataclass(frozen=True)
class Regulator:
    """A transformer whose tap moves under load.

    Taps are counted from the nominal ratio of turns, 1, wherever that lies in their range; OpenDSS'
    own number of a tap counts from the middle of the range, which is another one where the range is
    not even about 1.

    Attributes:
        name: Of its control, of the first where it has several.
        transformer: Of the transformer.
        tapped_winding: Number of the winding whose turns change, from 1.
        nodes: Of its conductors, winding by winding; `GROUND` for grounded ones.
        admittance: Between its conductors at the nominal ratio, siemens.
        tapped: Which conductors belong to the winding whose turns change.
        lowest: Lowest ratio of turns.
        highest: Highest.
        step: Change of the ratio per tap.
        controls: What moves the tap.
    """

    name: str
    transformer: str
    tapped_winding: int
    nodes: Int[Array, " conductor"]
    admittance: Complex[Array, "conductor conductor"]
    tapped: Bool[Array, " conductor"]
    lowest: float
    highest: float
    step: float
    controls: tuple[TapControl, ...]

    def ratio(self, tap: float | int) -> float:
        """Ratio of turns at a tap."""
        return 1.0 + tap * self.step

    def tap(self, ratio: float) -> float:
        """Tap at a ratio of turns; a whole number unless the files or the range's end differ."""
        tap = (ratio - 1.0) / self.step
        whole = round(tap)
        return float(whole) if abs(tap - whole) < WHOLE else round(tap, 9)

    def at(self, tap: float | int) -> Complex[Array, "conductor conductor"]:
        """Admittance between its conductors at a tap."""
        turns = np.where(self.tapped, self.ratio(tap), 1.0)
        return self.admittance / turns[:, None] / turns[None, :]


@dataclass(frozen=True)
class Capacitor:
    """A capacitor bank, with the settings of its controls where it has any.

    Attributes:
        name: Of the bank.
        nodes: Of its conductors; `GROUND` for grounded ones.
        admittance: Between its conductors while it is connected, siemens.
        controls: What switches it.
    """

    name: str
    nodes: Int[Array, " conductor"]
    admittance: Complex[Array, "conductor conductor"]
    controls: tuple["CapacitorControl", ...]


@dataclass(frozen=True)
class ControlReading:
    """Quantities of which a control looks at the magnitude.

    Attributes:
        per_volt: Each, of the node voltages.
        choice: Which of several counts: "highest", "lowest" or "mean"; "one" where there is one.
    """

    per_volt: sparse.csr_array
    choice: str


@dataclass(frozen=True)
class CapacitorControl:
    """When a capacitor bank switches.

    Attributes:
        name: Of the control.
        kind: What decides: "voltage", "current", reactive power ("kvar"), power factor ("pf") or
            the time of day ("time").
        voltage: Voltages that it measures.
        current: Currents that it measures, amperes.
        power: Conductors through which the power flows that it measures.
        on: Connects beyond this: below it for a voltage or a power factor, above it for a current
            or reactive power, from it on for an hour. A power factor is one of consumption;
            where reactive power flows the other way 2 less the factor stands for it.
        off: Disconnects beyond this.
        pt_ratio: Of the potential transformer.
        ct_ratio: Of the current transformer.
        least_kvar: Reactive power below which a power factor does not connect it.
        override: Voltages that are judged whatever else is measured; None for no override.
        override_v: Connects below the first and disconnects above the second then.
        delay_s: Before connecting.
        delay_off_s: Before disconnecting.
        dead_s: After disconnecting, before it may connect again.
    """

    name: str
    kind: str
    voltage: ControlReading
    current: ControlReading
    power: Currents
    on: float
    off: float
    pt_ratio: float
    ct_ratio: float
    least_kvar: float
    override: ControlReading | None
    override_v: tuple[float, float]
    delay_s: float
    delay_off_s: float
    dead_s: float


@dataclass(frozen=True)
class State:
    """Where everything that switches stands.

    Attributes:
        tap: Tap of each regulator, counted from its nominal ratio.
        connected: Whether each capacitor bank is connected.
    """

    tap: tuple[float | int, ...]
    connected: tuple[bool, ...]


@dataclass(frozen=True)
class BaseCase:
    """How near our voltages are to those of OpenDSS in the feeder as its files leave it.

    Attributes:
        worst_pu: Largest difference of a node's complex voltage; infinite where ours did not
            settle.
        node: Where, such as ``671.3``.
        jumps: Loads whose power jumps at an end of their window, and that stand on another side of
            it in OpenDSS' voltages; these solve our equations as well. None where they do not.
    """

    worst_pu: float
    node: str
    jumps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feeder:
    """A feeder as far as studies need it.

    Attributes:
        name: Of the feeder.
        frequency_hz: Of the grid.
        buses: Where wires meet.
        nodes: Phases of buses.
        admittance: Between nodes, of all that does not switch, siemens; the source's own
            impedance is part of it.
        source_a: Current that the source drives into each node.
        source_nodes: Nodes of the source's bus.
        branches: Where power enters or leaves.
        lines: Wires and cables.
        transformers: All of them, the regulators' among them.
        regulators: Those whose taps move.
        capacitors: Banks, controlled or not.
        state: Where taps and banks stand.
        notes: What a reader must know about how it was read.
        source_admittance: The source's own part of ``admittance``; None where it is not known.
        reference_v: Voltages that OpenDSS finds in the same state, volts; None without a reference.
        base_case: How near to these our own come; None where it has not been tried.
        not_modelled: Controls that do more than is modelled, each with what that is; where they
            stand is known, but not when they move.
    """

    name: str
    frequency_hz: float
    buses: Buses
    nodes: Nodes
    admittance: sparse.csc_array
    source_a: Complex[Array, " node"]
    source_nodes: Int[Array, " source"]
    branches: Branches
    lines: Lines
    transformers: Transformers
    regulators: tuple[Regulator, ...]
    capacitors: tuple[Capacitor, ...]
    state: State
    notes: tuple[str, ...] = ()
    source_admittance: sparse.csc_array | None = None
    reference_v: Complex[Array, " node"] | None = None
    base_case: "BaseCase | None" = None
    not_modelled: tuple[tuple[str, str], ...] = ()

    @cached_property
    def base_v(self) -> Float[Array, " node"]:
        """Nominal voltage of each node to ground, volts."""
        return self.buses.base_v[self.nodes.bus]

    @cached_property
    def node_name(self) -> Shaped[Array, " node"]:
        """Bus and phase of each node, such as ``671.3``."""
        names = zip(self.buses.name[self.nodes.bus], self.nodes.phase, strict=True)
        return np.array([f"{bus}.{phase}" for bus, phase in names], dtype=object)

    @cached_property
    def connected_buses(self) -> Int[Array, "pair 2"]:
        """Buses at the two ends of every line and transformer, for a map."""
        return np.concatenate([self.lines.bus, self.transformers.bus])

    def at(self, state: State) -> sparse.csc_array:
        """Admittance between nodes with taps and banks as given, siemens."""
        parts = [
            (regulator.nodes, regulator.at(tap))
            for regulator, tap in zip(self.regulators, state.tap, strict=True)
        ]
        parts += [
            (bank.nodes, bank.admittance)
            for bank, connected in zip(self.capacitors, state.connected, strict=True)
            if connected
        ]
        return sparse.csc_array(self.admittance + scattered(parts, len(self.nodes)))

    def transformer_currents(self, state: State) -> sparse.csr_array:
        """`Transformers.currents` of the node voltages with taps as given, amperes per volt."""
        transformers = self.transformers
        moving = transformers.regulator >= 0
        parts = [transformers.currents.per_volt[~moving[transformers.currents.element]]]
        order = [np.flatnonzero(~moving[transformers.currents.element])]
        for row in np.flatnonzero(moving):
            which = transformers.regulator[row]
            regulator = self.regulators[which]
            (mine,) = np.nonzero(transformers.currents.element == row)
            per = len(regulator.nodes) // int(transformers.winding[mine].max())
            at = (transformers.winding[mine] - 1) * per + transformers.conductor[mine] - 1
            admittance = regulator.at(state.tap[which])[at]
            parts.append(currents_per_volt(regulator.nodes, admittance, len(self.nodes)))
            order.append(mine)
        stacked = sparse.csr_array(sparse.vstack(parts))
        return sparse.csr_array(stacked[np.argsort(np.concatenate(order))])

    def node(self, bus: str, phase: int) -> int:
        """Row of the node of that bus and phase.

        Raises:
            InputError: There is no such bus, or it has no such phase.
        """
        if bus.lower() not in self.buses.row:
            near = ", ".join(str(name) for name in self.buses.name[:8])
            fix = f"The feeder's buses are {near}, ..." if len(self.buses.name) > 8 else near
            raise InputError("feeder", [Fault("bus", "be a bus of the feeder", (bus,), fix=fix)])
        here = self.nodes.bus == self.buses.row[bus.lower()]
        (rows,) = np.nonzero(here & (self.nodes.phase == phase))
        if rows.size == 0:
            phases = ", ".join(str(p) for p in self.nodes.phase[here])
            fix = f"Bus {bus} has the phases {phases}."
            raise InputError("feeder", [Fault("phase", "be there", (phase,), (bus,), fix=fix)])
        return int(rows[0])


def islands(feeder: Feeder, state: State) -> Int[Array, " node"]:
    """Number of the part of the feeder that each node is wired to."""
    wired = abs(feeder.at(state)) > 0
    return sparse.csgraph.connected_components(wired, directed=False)[1]


def fed_nodes(feeder: Feeder, state: State) -> Bool[Array, " node"]:
    """Whether wires connect each node to a source."""
    island = islands(feeder, state)
    return np.isin(island, island[feeder.source_nodes])


def incidence(branches: Branches, nodes: int) -> sparse.csr_array:
    """Voltages of the branches in node voltages: +1 at the node, -1 at the other."""
    count = len(branches)
    grounded = branches.other == GROUND
    row = np.arange(count)
    rows = np.concatenate([row, row[~grounded]])
    columns = np.concatenate([branches.node, branches.other[~grounded]])
    values = np.concatenate([np.ones(count), -np.ones((~grounded).sum())])
    return sparse.csr_array((values, (rows, columns)), shape=(count, nodes))


def scattered(
    parts: list[tuple[Int[Array, "..."], Complex[Array, "..."]]],
    nodes: int,
) -> sparse.csc_array:
    """The sum of small admittances, each between nodes of its own; ground is left out."""
    rows, columns, values = [], [], []
    for where, admittance in parts:
        row, column = np.meshgrid(where, where, indexing="ij")
        kept = (row != GROUND) & (column != GROUND) & (admittance != 0)
        rows.append(row[kept])
        columns.append(column[kept])
        values.append(admittance[kept])
    if not parts:
        return sparse.csc_array((nodes, nodes), dtype=np.complex128)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csc_array(sparse.coo_array(entries, shape=(nodes, nodes)))


def currents_per_volt(
    where: Int[Array, " conductor"],
    admittance: Complex[Array, "row conductor"],
    nodes: int,
) -> sparse.csr_array:
    """Currents into conductors of an element, from its admittance, in the voltages of all nodes."""
    (kept,) = np.nonzero(where != GROUND)
    row, column = np.meshgrid(np.arange(len(admittance)), where[kept], indexing="ij")
    entries = (admittance[:, kept].ravel(), (row.ravel(), column.ravel()))
    return sparse.csr_array(entries, shape=(len(admittance), nodes))
