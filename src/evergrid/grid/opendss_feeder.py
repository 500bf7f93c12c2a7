"""A feeder as an OpenDSS engine has it compiled and solved, read element by element."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import grid_power_from_consumption
from evergrid.grid.feeder import (
    GROUND,
    Branches,
    Buses,
    Capacitor,
    CapacitorControl,
    Currents,
    Feeder,
    Lines,
    Nodes,
    Regulator,
    State,
    Transformers,
    scattered,
)

UNSTATED_A = (400.0, 600.0)  # what OpenDSS takes as normal and emergency amps where none is given
ZIP_OF_MODEL = {  # OpenDSS load model: shares of power and of reactive power (Z, I, P)
    1: ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)),
    2: ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
    3: ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    5: ((0.0, 1.0, 0.0), (0.0, 1.0, 0.0)),
}
REBUILD = 0  # makes OpenDSS compute the admittance of its elements anew


class Reader:
    """Reads one solved circuit; node names are resolved once."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.circuit = engine.ActiveCircuit
        order = [name.lower() for name in self.circuit.YNodeOrder]
        self.row = {name: i for i, name in enumerate(order)}
        self.bus_names = [name.lower() for name in self.circuit.AllBusNames]
        self.bus_row = {name: i for i, name in enumerate(self.bus_names)}
        split = [name.rsplit(".", 1) for name in order]
        self.nodes = Nodes(
            np.array([self.bus_row[bus] for bus, _ in split]),
            np.array([int(phase) for _, phase in split]),
        )
        self.buses = self._buses()
        self.notes: list[str] = []
        self.controlled: dict[str, str] = {}

    def feeder(self) -> Feeder:
        """The whole feeder."""
        regulators, taps = self._regulators()
        banks, connected = self._capacitors()
        fixed, source_a, source_nodes, behind = self._wires(regulators)
        branches = self._branches()
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
        )
        _check_fed(found)
        return found

    def _buses(self) -> Buses:
        base, x, y = [], [], []
        for name in self.bus_names:
            self.circuit.SetActiveBus(name)
            bus = self.circuit.ActiveBus
            base.append(bus.kVBase * 1000.0)
            given = bus.Coorddefined
            x.append(bus.x if given else np.nan)
            y.append(bus.y if given else np.nan)
        names = np.array(self.bus_names, dtype=object)
        return Buses(names, np.array(base), np.array(x), np.array(y))

    def _element(self, name: str) -> Any:
        self.circuit.SetActiveElement(name)
        return self.circuit.ActiveCktElement

    def _named(self, *kinds: str) -> list[str]:
        """Enabled elements of these kinds, in the order of the files."""
        names = [name.lower() for name in self.circuit.AllElementNames]
        return [n for n in names if n.split(".")[0] in kinds and self._element(n).Enabled]

    def _conductors(self, element: Any) -> Int[Array, " conductor"]:
        """Node of each conductor of an element, terminal by terminal."""
        buses = [name.split(".")[0].lower() for name in element.BusNames]
        per = element.NumConductors
        found = [
            GROUND if node == 0 else self.row[f"{buses[i // per]}.{node}"]
            for i, node in enumerate(element.NodeOrder)
        ]
        return np.array(found, dtype=np.int64)

    def _primitive(self, element: Any) -> Complex[Array, "conductor conductor"]:
        flat = np.asarray(element.Yprim)
        flat = flat if np.iscomplexobj(flat) else flat[0::2] + 1j * flat[1::2]
        side = round(len(flat) ** 0.5)
        return flat.reshape(side, side).T  # OpenDSS stores column after column

    def _wires(
        self, regulators: list[Regulator]
    ) -> tuple[sparse.csc_array, Complex[Array, " node"], Int[Array, " source"], sparse.csc_array]:
        """Admittance of what does not switch, what sources drive into it, and their own part."""
        moving = {self.controlled[r.name] for r in regulators}
        kinds = ("vsource", "line", "transformer", "reactor")
        parts, sources, source_nodes = [], [], []
        source_a = np.zeros(len(self.nodes), dtype=np.complex128)
        for name in self._named(*kinds):
            if name in moving:
                continue
            element = self._element(name)
            where, admittance = self._conductors(element), self._primitive(element)
            parts.append((where, admittance))
            if name.startswith("vsource"):
                sources.append((where, admittance))
                behind = self._behind(name, len(where))
                kept = where != GROUND
                np.add.at(source_a, where[kept], (admittance @ behind)[kept])
                source_nodes.extend(where[kept])
        count = len(self.nodes)
        own = scattered(sources, count)
        return scattered(parts, count), source_a, np.unique(source_nodes), own

    def _behind(self, name: str, conductors: int) -> Complex[Array, " conductor"]:
        """Voltage behind the impedance of a source, at its conductors."""
        self.circuit.Vsources.Name = name.split(".", 1)[1]
        source = self.circuit.Vsources
        phases = source.Phases
        size = source.BasekV * 1000.0 * source.pu
        size /= 1.0 if phases == 1 else 2.0 * np.sin(np.pi / phases)
        turn = np.deg2rad(source.AngleDeg) - 2 * np.pi / phases * np.arange(phases)
        behind = np.zeros(conductors, dtype=np.complex128)
        behind[:phases] = size * np.exp(1j * turn)
        return behind

    def _branches(self) -> Branches:
        rows = []
        for name in self._named("load"):
            rows += self._load(name)
        known = ("vsource", "load", "line", "transformer", "reactor", "capacitor", "fault")
        names = [name.lower() for name in self.circuit.AllElementNames]
        for name in names:
            kind = name.split(".")[0]
            element = self._element(name)
            if (
                kind in known
                or not element.Enabled
                or kind.endswith(("control", "controller", "meter"))
            ):
                continue
            if kind in ("monitor", "relay", "recloser", "fuse", "sensor"):
                continue
            rows += self._other(name, element)
        if not rows:
            fix = "Add a load where vehicles may be; its power may be 0."
            raise InputError(self.circuit.Name, [Fault("loads", "be at least one", fix=fix)])
        columns = list(zip(*rows, strict=True))
        texts = np.array(columns[0], dtype=object)
        return Branches(texts, *(np.array(column) for column in columns[1:]))

    def _load(self, name: str) -> list[tuple[Any, ...]]:
        element = self._element(name)
        where = self._conductors(element)
        self.circuit.Loads.Name = name.split(".", 1)[1]
        load = self.circuit.Loads
        phases = load.Phases
        factor = 1.0 if load.Status == 1 else self.circuit.Solution.LoadMult
        share = -factor / phases  # loads draw
        nominal_v = load.kV * 1000.0
        if load.IsDelta:
            ring = list(where)
            pairs = [(ring[k], ring[(k + 1) % len(ring)]) for k in range(phases)]
        else:
            pairs = [(where[k], where[phases]) for k in range(phases)]
            nominal_v /= np.sqrt(3) if phases > 1 else 1.0
        power, reactive = self._zip(name, load)
        low = float(self._property(name, "vlowpu"))
        window = np.array([low, load.Vminpu, load.Vmaxpu])
        rows = []
        for node, other in pairs:
            base_v = self._base(int(node), int(other))
            raise_if_any("feeder", self._baseless(name, base_v))
            shares = (np.array(power), np.array(reactive))
            drawn = (share * load.kW, share * load.kvar)
            row = (name.split(".", 1)[1], node, other, base_v, *drawn, *shares)
            rows.append((*row, nominal_v / base_v, window, True))
        return rows

    def _baseless(self, name: str, base_v: float) -> list[Fault]:
        """The fault of a load whose bus has no voltage base."""
        if base_v > 0:
            return []
        fix = "Add Set VoltageBases and CalcVoltageBases to the files."
        return [Fault("voltage base", "be known at each load's bus", (base_v,), (name,), fix=fix)]

    def _zip(self, name: str, load: Any) -> tuple[Sequence[float], Sequence[float]]:
        if load.Model == 8:  # ZIPV: seven numbers, the last a voltage of cut-off
            seven = list(load.ZIPV)
            return seven[:3], seven[3:6]
        if load.Model == 4:  # power goes with an exponent of voltage: match value, slope, bend
            return _power_law(load.CVRwatts), _power_law(load.CVRvars)
        if load.Model not in ZIP_OF_MODEL:
            self.notes.append(f"{name}: load model {load.Model} is taken as constant power.")
        return ZIP_OF_MODEL.get(load.Model, ZIP_OF_MODEL[1])

    def _other(self, name: str, element: Any) -> list[tuple[Any, ...]]:
        """Whatever else draws or feeds: goes on with the power it has in the solved circuit."""
        where = self._conductors(element)[: element.NumConductors]
        powers = np.asarray(element.Powers)
        powers = powers if np.iscomplexobj(powers) else powers[0::2] + 1j * powers[1::2]
        self.notes.append(f"{name} goes on with the power it has in the files.")
        wide = np.array([0.0, 0.0, np.inf])
        always = np.array([0.0, 0.0, 1.0])
        rows = []
        for node, power in zip(where, powers, strict=False):
            if node != GROUND:
                drawn = tuple(map(grid_power_from_consumption, (power.real, power.imag)))
                base_v = self._base(int(node), GROUND)
                row = (name.split(".", 1)[1], node, GROUND, base_v, *drawn, always, always)
                rows.append((*row, 1.0, wide, False))
        return rows

    def _base(self, node: int, other: int) -> float:
        """Voltage that counts as 1 pu between two nodes."""
        base_v = float(self.buses.base_v[self.nodes.bus[node]])
        if other == GROUND or self.nodes.phase[other] > 3 or base_v == 0:
            return base_v
        between = abs(self._voltage[node] - self._voltage[other]) / base_v
        return base_v * min((1.0, np.sqrt(3.0), 2.0), key=lambda ratio: abs(ratio - between))

    @cached_property
    def _voltage(self) -> Complex[Array, " node"]:
        return voltages(self.engine)

    def _property(self, name: str, key: str) -> str:
        return str(self._element(name).Properties(key).Val)

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
                self.engine.Text.Command = f'Edit "{name}" states=[1]'
                self.engine.YMatrix.BuildYMatrixD(REBUILD, False)
            element = self._element(name)
            where, admittance = self._conductors(element), self._primitive(element)
            if not on:
                self.engine.Text.Command = f'Edit "{name}" states=[0]'
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


def voltages(engine: Any) -> Complex[Array, " node"]:
    """Voltages that OpenDSS found, volts, in the order of its nodes."""
    flat = np.asarray(engine.ActiveCircuit.YNodeVarray)
    return flat if np.iscomplexobj(flat) else flat[0::2] + 1j * flat[1::2]


def _power_law(exponent: float) -> tuple[float, float, float]:
    """Shares of Z, I and P with the value, slope and bend of a power of the voltage at 1 pu."""
    a = exponent
    return a * (a - 1) / 2, a * (2 - a), (a - 1) * (a - 2) / 2


def _short(names: list[str]) -> Shaped[Array, " name"]:
    return np.array([name.split(".", 1)[1] for name in names], dtype=object)


def _check_fed(feeder: Feeder) -> None:
    """Raise where a load hangs on wires that no source feeds."""
    wired = abs(feeder.at(feeder.state)) > 0
    _, island = sparse.csgraph.connected_components(wired, directed=False)
    fed = np.isin(island, island[feeder.source_nodes])
    dead = ~fed[feeder.branches.node]
    if dead.any():
        names = tuple(feeder.branches.name[dead])
        fix = "Close a switch towards it, or take it out of the files."
        raise InputError(feeder.name, [Fault("load", "be fed by the source", names, fix=fix)])
