"""A feeder: its nodes and wires, what draws from them, what is rated, and what switches.

Everything electrical hangs on *nodes*, one per phase of a bus. A *branch* is a pair of nodes
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

GROUND = -1  # stands for ground in place of a node


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
        zip_power: Shares of the power that go with the square of the voltage, with the voltage,
            and that are constant; they sum to 1 where there is power.
        zip_reactive: The same for the reactive power.
        nominal_pu: Voltage at which the loads draw what is stated.
        window_pu: Below the first voltage a load fades out, outside the two others it acts as a
            constant impedance, as OpenDSS has it (its ``vlowpu``, ``vminpu`` and ``vmaxpu``).
        is_load: Whether it is a load; what else draws or feeds has a power of its own.
    """

    name: Shaped[Array, " branch"]
    node: Int[Array, " branch"]
    other: Int[Array, " branch"]
    base_v: Float[Array, " branch"]
    power_kw: Float[Array, " branch"]
    reactive_kvar: Float[Array, " branch"]
    zip_power: Float[Array, "branch 3"]
    zip_reactive: Float[Array, "branch 3"]
    nominal_pu: Float[Array, " branch"]
    window_pu: Float[Array, "branch 3"]
    is_load: Bool[Array, " branch"]

    def __len__(self) -> int:
        return len(self.name)

    def rows(self, which: Shaped[Array, " some"]) -> "Branches":
        """Some of them."""
        return Branches(**{name: value[which] for name, value in vars(self).items()})

    def constant_power(self) -> "Branches":
        """The same, drawing the same power at any voltage."""
        always = np.zeros((len(self), 3))
        always[:, 2] = 1.0
        wide = np.tile([0.0, 0.0, np.inf], (len(self), 1))
        return replace(self, zip_power=always, zip_reactive=always, window_pu=wide)


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
class Regulator:
    """A transformer whose tap moves under load, with the settings of its control.

    Attributes:
        name: Of its control.
        nodes: Of its conductors, winding by winding; `GROUND` for grounded ones.
        admittance: Between its conductors at tap 0, siemens.
        tapped: Which conductors belong to the winding whose turns change.
        lowest: Lowest tap.
        highest: Highest tap.
        step: Change of the turns ratio per tap.
        measured: Which conductor's voltage and current the control measures.
        returning: The conductor its voltage is measured against.
        target_v: Voltage to be kept, on the control's secondary.
        band_v: Width of the band around it.
        pt_ratio: Of the potential transformer.
        ct_primary_a: Line current that drives 0.2 A through the compensator, as OpenDSS has it.
        compensation_v: Resistive and reactive setting of the line drop compensator, volts at
            the rated current.
        delay_s: Between leaving the band and the first tap.
        tap_delay_s: Between further taps.
        reverse: Target, band and compensation while power flows back; None to ignore direction.
        reverse_kw: Power flowing back from which the reverse settings hold.
    """

    name: str
    nodes: Int[Array, " conductor"]
    admittance: Complex[Array, "conductor conductor"]
    tapped: Bool[Array, " conductor"]
    lowest: int
    highest: int
    step: float
    measured: int
    returning: int
    target_v: float
    band_v: float
    pt_ratio: float
    ct_primary_a: float
    compensation_v: complex
    delay_s: float
    tap_delay_s: float
    reverse: tuple[float, float, complex] | None
    reverse_kw: float

    def at(self, tap: int) -> Complex[Array, "conductor conductor"]:
        """Admittance between its conductors at a tap."""
        turns = np.where(self.tapped, 1.0 + tap * self.step, 1.0)
        return self.admittance / turns[:, None] / turns[None, :]


@dataclass(frozen=True)
class Capacitor:
    """A capacitor bank, with the settings of its control where it has one.

    Attributes:
        name: Of the bank.
        nodes: Of its conductors; `GROUND` for grounded ones.
        admittance: Between its conductors while it is connected, siemens.
        control: What switches it, or None.
    """

    name: str
    nodes: Int[Array, " conductor"]
    admittance: Complex[Array, "conductor conductor"]
    control: "CapacitorControl | None"


@dataclass(frozen=True)
class CapacitorControl:
    """When a capacitor bank switches.

    Attributes:
        kind: What it measures: voltage, current or reactive power ("kvar").
        element: Conductors at the place of measurement, as rows of currents and nodes.
        on: Connects beyond this: below it for a voltage, above it for the others.
        off: Disconnects beyond this.
        ratio: Volts (or amperes) of the wires per volt of the settings.
        override_v: Connects below the first and disconnects above the second voltage, whatever
            else is measured; None for no override.
        delay_s: Before connecting.
        delay_off_s: Before disconnecting.
        dead_s: After disconnecting, before it may connect again.
    """

    kind: str
    element: Currents
    on: float
    off: float
    ratio: float
    override_v: tuple[float, float] | None
    delay_s: float
    delay_off_s: float
    dead_s: float


@dataclass(frozen=True)
class State:
    """Where everything that switches stands.

    Attributes:
        tap: Tap of each regulator.
        connected: Whether each capacitor bank is connected.
    """

    tap: tuple[int, ...]
    connected: tuple[bool, ...]


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
