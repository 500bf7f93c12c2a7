"""A feeder as an OpenDSS engine has it compiled and solved, read element by element."""

from typing import Any

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.grid import opendss_elements, opendss_fed
from evergrid.grid.feeder import (
    GROUND,
    Capacitor,
    CapacitorControl,
    Currents,
    Feeder,
    Lines,
    Regulator,
    State,
    Transformers,
    scattered,
)
from evergrid.grid.opendss_circuit import REBUILD, currents
from evergrid.grid.opendss_loads import SOURCES, Loads

UNSTATED_A = (400.0, 600.0)  # what OpenDSS takes as normal and emergency amps where none is given


class Reader(Loads):
    """Reads one solved circuit; node names are resolved once."""

    def __init__(self, engine: Any) -> None:
        super().__init__(engine)
        self.controlled: dict[str, str] = {}

    def feeder(self) -> Feeder:
        """The whole feeder."""
        branches = self._branches()
        regulators, taps = self._regulators()
        banks, connected = self._capacitors()
        fixed, source_a, source_nodes, behind = self._wires(regulators)
        self.notes += opendss_elements.notes(self._enabled, self._property, self.circuit.Solution)
        lines, transformers = self._lines(), self._transformers()
        found = Feeder(
            name=self.circuit.Name,
            frequency_hz=float(self.circuit.Solution.Frequency),
            buses=self.buses,
            nodes=self.nodes,
            admittance=fixed,
            source_a=source_a,
            source_nodes=source_nodes,
            branches=branches,
            lines=lines,
            transformers=transformers,
            regulators=tuple(regulators),
            capacitors=tuple(banks),
            state=State(tuple(taps), tuple(connected)),
            notes=tuple(self.notes),
            source_admittance=behind,
            reference_v=self.voltage,
        )
        return opendss_fed.tied(found, self.voltage)

    def _wires(
        self, regulators: list[Regulator]
    ) -> tuple[sparse.csc_array, Complex[Array, " node"], Int[Array, " source"], sparse.csc_array]:
        """Admittance of what does not switch, what sources drive into it, and their own part."""
        moving = {self.controlled[r.name] for r in regulators}
        kinds = (*SOURCES, *(kind for kind in opendss_elements.BRANCHES if kind != "capacitor"))
        parts, sources, source_nodes = [], [], []
        source_a = np.zeros(len(self.nodes), dtype=np.complex128)
        for name in self._named(*kinds):
            if name in moving:
                continue
            element = self._element(name)
            where, admittance = self._conductors(element), self._primitive(element)
            parts.append((where, admittance))
            if name.split(".")[0] not in SOURCES:
                continue
            kept = where != GROUND
            volts = np.where(kept, self.voltage[where], 0.0)
            # What drives its own admittance and leaves it as current is the source's.
            driven = admittance @ volts - currents(element)
            np.add.at(source_a, where[kept], driven[kept])
            if name.startswith("vsource"):
                sources.append((where, admittance))
                source_nodes.extend(where[kept])
        parts += self._leaks()
        count = len(self.nodes)
        own = scattered(sources, count)
        return scattered(parts, count), source_a, np.unique(source_nodes), own

    def _current(self, name: str, terminal: int, phases: int) -> tuple[Any, Any]:
        """Rows of currents of the node voltages at a terminal, and the nodes there."""
        element = self._element(name)
        where, admittance = self._conductors(element), self._primitive(element)
        first = (terminal - 1) * element.NumConductors
        rows = np.arange(first, first + phases)
        rows = rows[where[rows] != GROUND]
        (kept,) = np.nonzero(where != GROUND)
        line, column = np.meshgrid(np.arange(len(rows)), where[kept], indexing="ij")
        entries = (admittance[np.ix_(rows, kept)].ravel(), (line.ravel(), column.ravel()))
        return sparse.csr_array(entries, shape=(len(rows), len(self.nodes))), where[rows]

    def _currents(self, names: list[str]) -> Currents:
        rows, nodes, owner = [], [], []
        for i, name in enumerate(names):
            per_volt, at = self._current(name, 1, self._element(name).NumPhases)
            rows.append(per_volt)
            nodes.append(at)
            owner.append(np.full(len(at), i))
        if not names:
            none = np.zeros(0, dtype=np.int64)
            return Currents(none, none, sparse.csr_array((0, len(self.nodes)), dtype=complex))
        stacked = sparse.csr_array(sparse.vstack(rows))
        return Currents(np.concatenate(owner), np.concatenate(nodes), stacked)

    def _ends(self, name: str) -> tuple[int, int]:
        buses = [bus.split(".")[0].lower() for bus in self._element(name).BusNames]
        return self.bus_row[buses[0]], self.bus_row[buses[1]]

    def _lines(self) -> Lines:
        names = self._named("line")
        codes, ratings = [], []
        for name in names:
            self.circuit.Lines.Name = name.split(".", 1)[1]
            line = self.circuit.Lines
            unstated = (line.NormAmps, line.EmergAmps) == UNSTATED_A
            ratings.append(np.nan if unstated else line.NormAmps)
            codes.append(line.LineCode.lower())
        ends = np.array([self._ends(name) for name in names], dtype=np.int64).reshape(-1, 2)
        return Lines(
            _short(names),
            ends,
            np.array(codes, dtype=object),
            np.array(ratings, dtype=float),
            self._currents(names),
        )

    def _transformers(self) -> Transformers:
        moving = set(self.controlled.values())
        names = [name for name in self._named("transformer") if name not in moving]
        # "kva" alone would be that of the winding named last.
        kva = [float(self._property(name, "kvas").strip("[] ").split(",")[0]) for name in names]
        ends = np.array([self._ends(name) for name in names], dtype=np.int64).reshape(-1, 2)
        return Transformers(_short(names), ends, np.array(kva, dtype=float), self._currents(names))

    def _regulators(self) -> tuple[list[Regulator], list[int]]:
        found, taps = [], []
        for name in self.circuit.RegControls.AllNames:
            if name.lower() == "none" or not self._element(f"regcontrol.{name}").Enabled:
                continue
            regulator, tap = self._regulator(name.lower())
            found.append(regulator)
            taps.append(tap)
        return found, taps

    def _regulator(self, name: str) -> tuple[Regulator, int]:
        controls = self.circuit.RegControls
        controls.Name = name
        transformer = f"transformer.{controls.Transformer.lower()}"
        if transformer in self.controlled.values():
            fix = "Give each transformer one control."
            fault = Fault("regcontrol", "be the only one of its transformer", (name,), fix=fix)
            raise InputError(self.circuit.Name, [fault])
        self.controlled[name] = transformer
        element = self._element(transformer)
        where, admittance = self._conductors(element), self._primitive(element)
        per = element.NumConductors
        controls.Name = name
        winding = np.arange(len(where)) // per + 1
        tapped = winding == controls.TapWinding
        self.circuit.Transformers.Name = transformer.split(".", 1)[1]
        windings = self.circuit.Transformers
        windings.Wdg = controls.TapWinding
        step = (windings.MaxTap - windings.MinTap) / windings.NumTaps
        tap = round((windings.Tap - 1.0) / step)
        turns = np.where(tapped, 1.0 + tap * step, 1.0)
        phase = self._property(f"regcontrol.{name}", "ptphase")
        conductor = int(phase) - 1 if phase.isdigit() else 0
        measured = (controls.Winding - 1) * per + conductor
        delta = bool(windings.IsDelta) and controls.Winding == controls.TapWinding
        returning = measured + 1 if delta else controls.Winding * per - 1
        reverse = None
        if controls.IsReversible:
            reverse = (
                float(controls.ReverseVreg),
                float(controls.ReverseBand),
                complex(controls.ReverseR, controls.ReverseX),
            )
        threshold = self._property(f"regcontrol.{name}", "revthreshold")
        made = Regulator(
            name=name,
            nodes=where,
            admittance=admittance * turns[:, None] * turns[None, :],
            tapped=tapped,
            lowest=round((windings.MinTap - 1.0) / step),
            highest=round((windings.MaxTap - 1.0) / step),
            step=float(step),
            measured=int(measured),
            returning=int(returning),
            target_v=float(controls.ForwardVreg),
            band_v=float(controls.ForwardBand),
            pt_ratio=float(controls.PTratio),
            ct_primary_a=float(controls.CTPrimary),
            compensation_v=complex(controls.ForwardR, controls.ForwardX),
            delay_s=float(controls.Delay),
            tap_delay_s=float(controls.TapDelay),
            reverse=reverse,
            reverse_kw=float(threshold or 100.0),
        )
        return made, int(tap)

    def _capacitors(self) -> tuple[list[Capacitor], list[bool]]:
        controls = self._capacitor_controls()
        found, connected = [], []
        for name in self._named("capacitor"):
            self.circuit.Capacitors.Name = name.split(".", 1)[1]
            on = bool(any(self.circuit.Capacitors.States))
            if not on:
                self.engine.Text.Command = f"{name}.states=[1]"
                self.engine.YMatrix.BuildYMatrixD(REBUILD, False)
            element = self._element(name)
            where, admittance = self._conductors(element), self._primitive(element)
            if not on:
                self.engine.Text.Command = f"{name}.states=[0]"
            short = name.split(".", 1)[1]
            found.append(Capacitor(short, where, admittance, controls.get(short)))
            connected.append(on)
        return found, connected

    def _capacitor_controls(self) -> dict[str, CapacitorControl]:
        names = [n for n in self.circuit.CapControls.AllNames if n.lower() != "none"]
        found = {}
        for name in names:
            if not self._element(f"capcontrol.{name}").Enabled:
                continue
            self.circuit.CapControls.Name = name
            control = self.circuit.CapControls
            kind = self._property(f"capcontrol.{name}", "type").lower()
            place, terminal = control.MonitoredObj.lower(), control.MonitoredTerm
            per_volt, at = self._current(place, terminal, self._element(place).NumPhases)
            self.circuit.CapControls.Name = name
            ratio = control.CTratio if kind == "current" else control.PTratio
            override = (control.Vmin, control.Vmax) if control.UseVoltOverride else None
            found[control.Capacitor.lower()] = CapacitorControl(
                kind=kind,
                element=Currents(np.zeros(len(at), dtype=np.int64), at, per_volt),
                on=float(control.ONSetting),
                off=float(control.OFFSetting),
                ratio=float(ratio),
                override_v=override,
                delay_s=float(control.Delay),
                delay_off_s=float(control.DelayOff),
                dead_s=float(control.DeadTime),
            )
        return found


def _short(names: list[str]) -> Shaped[Array, " name"]:
    return np.array([name.split(".", 1)[1] for name in names], dtype=object)
