"""A feeder as an OpenDSS engine has it compiled and solved, read element by element."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.grid.feeder.feeder import (
    GROUND,
    Currents,
    Feeder,
    Lines,
    Regulator,
    State,
    Transformers,
    currents_per_volt,
    scattered,
)
from evergrid.grid.feeder.reader import elements, line_rating, supplied_loads
from evergrid.grid.feeder.reader.circuit import currents
from evergrid.grid.feeder.reader.controls import Switches
from evergrid.grid.feeder.reader.loads import SOURCES, Loads
from evergrid.grid.feeder.transformer_rating import judged_conductors, rated_current_a

# Reactances of a transformer, percent, that OpenDSS takes where files say 0.
TAKEN_FOR_ZERO = {"xhl": 700.0, "xht": 3500.0, "xlt": 3000.0}
ROUNDING = 1e-6  # of resistances as files round them, below which one under zero is none


class Reader(Loads, Switches):
    """Reads one solved circuit; node names are resolved once."""

    def feeder(self) -> Feeder:
        """The whole feeder.

        Raises:
            InputError: A bus has no voltage base, a load is fed by nothing or stands to ground
                where nothing else does, or wires would make power of nothing.
        """
        raise_if_any(self.circuit.Name, [*self._baseless(), *self._signs()])
        branches = self._branches()
        regulators, taps = self._regulators()
        banks, connected = self._banks()
        fixed, source_a, source_nodes, behind = self._wires()
        self.notes += elements.notes(self._enabled, self._property, self.circuit.Solution)
        self.notes += self._active()
        lines, transformers = self._lines(), self._transformers(regulators)
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
        return supplied_loads.tied(found, self.voltage)

    def _signs(self) -> list[Fault]:
        """Ratings and resistances below zero, which OpenDSS takes: such wires make power.

        A reactance of zero it takes for another number, and tells nobody.
        """
        fix = "Ratings and resistances carry no sign."
        faults = []
        for name in self._named("transformer"):
            windings = range(1, self._element(name).NumTerminals + 1)
            rated = [self._winding(name, winding).kVA for winding in windings]
            if min(rated) <= 0:
                faults.append(Fault("kvas", "be above 0", (min(rated),), (name,), fix=fix))
            data = self._winding(name, 1)
            stated = dict(zip(TAKEN_FOR_ZERO, (data.Xhl, data.Xht, data.Xlt), strict=True))
            for key, percent in list(TAKEN_FOR_ZERO.items())[: 1 if len(rated) == 2 else 3]:
                if stated[key] == percent:
                    rule = f"be above 0, which OpenDSS takes for {percent:g} %"
                    small = "State a small one, such as 0.01."
                    faults.append(Fault(key, rule, (0.0,), (name,), fix=small))
        for name in self._named("line"):
            line = self.circuit.Lines
            line.Name = name.split(".", 1)[1]
            if not line.NormAmps >= 0 and line_rating.is_stated(self.circuit, name):
                rule = "be 0, for a line without a rating, or above"
                faults.append(Fault("normamps", rule, (line.NormAmps,), (name,), fix=fix))
            matrix = np.reshape(line.Rmatrix, (line.Phases, line.Phases)) * line.Length
            # Of currents that flow together: with r1 below 0 the diagonal may still be above it.
            least, most = np.linalg.eigvalsh((matrix + matrix.T) / 2)[[0, -1]]
            if least < -ROUNDING * abs(most):
                rule = "have no resistance below 0 ohm"
                faults.append(Fault("line", rule, (float(least),), (name,), fix=fix))
        return faults

    def _active(self) -> list[str]:
        """Notes of reactors and sources whose impedance makes power, as equivalents may have it."""
        notes = []
        for name in self._named("reactor", "vsource"):
            own = self._primitive(self._element(name))
            least = np.linalg.eigvalsh((own + own.conj().T) / 2)[0]
            if least < -ROUNDING * np.abs(own).max():
                notes.append(f"{name} has a resistance below 0 ohm: it makes power.")
        return notes

    def _wires(
        self,
    ) -> tuple[sparse.csc_array, Complex[Array, " node"], Int[Array, " source"], sparse.csc_array]:
        """Admittance of what does not switch, what sources drive into it, and their own part."""
        kinds = (*SOURCES, *(kind for kind in elements.BRANCHES if kind != "capacitor"))
        parts, sources, source_nodes = [], [], []
        source_a = np.zeros(len(self.nodes), dtype=np.complex128)
        for name in self._named(*kinds):
            if name in self.moving:
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
        first = (terminal - 1) * element.NumConductors
        into, where = self._entering(element, np.arange(first, first + phases))
        live = where != GROUND
        return into[live], where[live]

    def _entering(self, element: Any, rows: Int[Array, " row"]) -> tuple[Any, Any]:
        """Currents into some of an element's conductors, and the nodes there, ground among them."""
        where, admittance = self._conductors(element), self._primitive(element)
        into = currents_per_volt(where, admittance[rows], len(self.nodes))
        return into, where[rows]

    def _currents(self, rows: dict[str, Int[Array, " row"]]) -> Currents:
        """Currents into conductors of elements, which are given by name."""
        if not rows:
            none = np.zeros(0, dtype=np.int64)
            return Currents(none, none, sparse.csr_array((0, len(self.nodes)), dtype=complex))
        parts = [self._entering(self._element(name), some) for name, some in rows.items()]
        owner = np.repeat(np.arange(len(rows)), [len(some) for some in rows.values()])
        stacked = sparse.csr_array(sparse.vstack([into for into, _ in parts]))
        return Currents(owner, np.concatenate([at for _, at in parts]), stacked)

    def _ends(self, name: str) -> tuple[int, int]:
        buses = [bus.split(".")[0].lower() for bus in self._element(name).BusNames]
        return self.bus_row[buses[0]], self.bus_row[buses[1]]

    def _lines(self) -> Lines:
        names = self._named("line")
        codes, ratings = [], []
        for name in names:
            self.circuit.Lines.Name = name.split(".", 1)[1]
            line = self.circuit.Lines
            codes.append(line.LineCode.lower())
            ratings.append(line_rating.rating_a(self.circuit, name))
        ends = np.array([self._ends(name) for name in names], dtype=np.int64).reshape(-1, 2)
        return Lines(
            _short(names),
            ends,
            np.array(codes, dtype=object),
            np.array(ratings, dtype=float),
            self._currents({name: np.arange(self._element(name).NumPhases) for name in names}),
        )

    def _transformers(self, regulators: Sequence[Regulator]) -> Transformers:
        names = self._named("transformer")
        windings = [self._winding_rows(name) for name in names]
        regulator = {f"transformer.{made.transformer}": row for row, made in enumerate(regulators)}
        column = np.concatenate([np.zeros((0, 4)), *windings])
        return Transformers(
            name=_short(names),
            bus=np.array([self._ends(name) for name in names], dtype=np.int64).reshape(-1, 2),
            rating_kva=np.array([self._winding(name, 1).kVA for name in names], dtype=float),
            currents=self._currents(
                {name: of[:, 0].astype(int) for name, of in zip(names, windings, strict=True)}
            ),
            winding=column[:, 1].astype(int),
            conductor=column[:, 2].astype(int),
            rated_a=column[:, 3],
            regulator=np.array([regulator.get(name, -1) for name in names], dtype=int),
        )

    def _winding_rows(self, name: str) -> Float[Array, "row 4"]:
        """What is read of a transformer's currents, a row each.

        Columns are the conductor counted through the whole transformer, the winding, the conductor
        counted in it, and the rated current.
        """
        element = self._element(name)
        per, phases, where = element.NumConductors, element.NumPhases, self._conductors(element)
        rows = []
        for winding in range(1, element.NumTerminals + 1):
            data = self._winding(name, winding)
            at = where[(winding - 1) * per : winding * per]
            judged = judged_conductors(at, phases, delta=data.IsDelta)
            rated_a = rated_current_a(data.kVA, data.kV, phases, delta=data.IsDelta)
            for k in np.flatnonzero(judged | ((winding == 1) & (at != GROUND))):
                first = (winding - 1) * per
                rows.append((first + k, winding, k + 1, rated_a if judged[k] else np.nan))
        return np.array(rows, dtype=float)

    def _winding(self, name: str, winding: int) -> Any:
        """OpenDSS' data of one winding of a transformer."""
        data = self._windings(name.split(".", 1)[1])
        data.Wdg = winding
        return data


def _short(names: list[str]) -> Shaped[Array, " name"]:
    return np.array([name.split(".", 1)[1] for name in names], dtype=object)
