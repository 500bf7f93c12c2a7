"""A feeder as an OpenDSS engine has it compiled and solved, read element by element."""

from typing import Any

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Int, Shaped
from evergrid.grid import opendss_elements, opendss_fed
from evergrid.grid.feeder import (
    GROUND,
    Currents,
    Feeder,
    Lines,
    State,
    Transformers,
    scattered,
)
from evergrid.grid.opendss_circuit import currents
from evergrid.grid.opendss_controls import Switches
from evergrid.grid.opendss_loads import SOURCES, Loads

UNSTATED_A = (400.0, 600.0)  # what OpenDSS takes as normal and emergency amps where none is given


class Reader(Loads, Switches):
    """Reads one solved circuit; node names are resolved once."""

    def feeder(self) -> Feeder:
        """The whole feeder."""
        branches = self._branches()
        regulators, taps = self._regulators()
        banks, connected = self._banks()
        fixed, source_a, source_nodes, behind = self._wires()
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
            regulators=regulators,
            capacitors=banks,
            state=State(taps, connected),
            notes=tuple(self.notes),
            source_admittance=behind,
            reference_v=self.voltage,
            not_modelled=tuple(self.not_modelled),
        )
        return opendss_fed.tied(found, self.voltage)

    def _wires(
        self,
    ) -> tuple[sparse.csc_array, Complex[Array, " node"], Int[Array, " source"], sparse.csc_array]:
        """Admittance of what does not switch, what sources drive into it, and their own part."""
        kinds = (*SOURCES, *(kind for kind in opendss_elements.BRANCHES if kind != "capacitor"))
        parts, sources, source_nodes = [], [], []
        source_a = np.zeros(len(self.nodes), dtype=np.complex128)
        for name in self._named(*kinds):
            if name in self.moving:
                continue
            element = self._element(name)
            where, admittance = self._conductors(element), self._primitive(element)
            parts.append((where, admittance))
            if name.split(".")[0] in SOURCES:
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
        names = [name for name in self._named("transformer") if name not in self.moving]
        # "kva" alone would be that of the winding named last.
        kva = [float(self._property(name, "kvas").strip("[] ").split(",")[0]) for name in names]
        ends = np.array([self._ends(name) for name in names], dtype=np.int64).reshape(-1, 2)
        return Transformers(_short(names), ends, np.array(kva, dtype=float), self._currents(names))


def _short(names: list[str]) -> Shaped[Array, " name"]:
    return np.array([name.split(".", 1)[1] for name in names], dtype=object)
