"""A circuit as an OpenDSS engine has it compiled and solved, element by element."""

from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Bool, Int
from evergrid.core.faults import Fault
from evergrid.grid.feeder.feeder import GROUND, Buses, Nodes

REBUILD = 0  # makes OpenDSS compute the admittance of its elements anew
NOISE = 1e-13  # of an element's admittances: what rounding leaves where a conductor is open


class Circuit:
    """One solved circuit; node names are resolved once."""

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

    def _baseless(self) -> list[Fault]:
        """The fault of buses without a voltage base, as those made after it was calculated."""
        missing = tuple(map(str, self.buses.name[~(self.buses.base_v > 0)]))
        fix = "Put Set VoltageBases and CalcVoltageBases behind what makes the last of them."
        return [Fault("bus", "have a voltage base", missing, fix=fix)] if missing else []

    @cached_property
    def voltage(self) -> Complex[Array, " node"]:
        """Voltages that OpenDSS found, volts."""
        return voltages(self.engine)

    def _element(self, name: str) -> Any:
        self.circuit.SetActiveElement(name)
        return self.circuit.ActiveCktElement

    def _named(self, *kinds: str) -> list[str]:
        """Enabled elements of these kinds, in the order of the files."""
        return [n for n in self._enabled if n.split(".")[0] in kinds]

    @cached_property
    def _enabled(self) -> list[str]:
        names = [name.lower() for name in self.circuit.AllElementNames]
        return [name for name in names if self._element(name).Enabled]

    def _conductors(self, element: Any) -> Int[Array, " conductor"]:
        """Node of each conductor of an element, terminal by terminal."""
        buses = [name.split(".")[0].lower() for name in element.BusNames]
        per, phases = element.NumConductors, element.NumPhases
        terminal = np.arange(len(element.NodeOrder)) // per
        if element.Name.lower().startswith("autotrans."):
            terminal[phases:per] = 1  # the series winding ends at the common one's bus
        found = [
            GROUND if node == 0 else self.row[f"{buses[at]}.{node}"]
            for at, node in zip(terminal, element.NodeOrder, strict=True)
        ]
        return np.array(found, dtype=np.int64)

    def _primitive(self, element: Any) -> Complex[Array, "conductor conductor"]:
        flat = _complex(element.Yprim)
        side = round(len(flat) ** 0.5)
        found = flat.reshape(side, side).T  # OpenDSS stores column after column
        if any(element.IsOpen(k + 1, 0) for k in range(element.NumTerminals)):
            # Rounding would tie an open conductor to the others, and nothing else ties it.
            noise = np.abs(found) < NOISE * np.abs(found).max()
            found = np.where(noise & ~np.eye(side, dtype=bool), 0.0, found)
        return found

    def _property(self, name: str, key: str) -> str:
        """A property as OpenDSS prints it; names may hold blanks and dots."""
        self.circuit.SetActiveElement(name)
        return str(self.circuit.ActiveDSSElement.Properties(key).Val)

    def _base(self, node: int, other: int) -> float:
        """Voltage that counts as 1 pu between two nodes."""
        base_v = float(self.buses.base_v[self.nodes.bus[node]])
        if other == GROUND or self.nodes.phase[other] > 3 or base_v == 0:
            return base_v
        between = abs(self.voltage[node] - self.voltage[other]) / base_v
        return base_v * min((1.0, np.sqrt(3.0), 2.0), key=lambda ratio: abs(ratio - between))


def voltages(engine: Any) -> Complex[Array, " node"]:
    """Voltages that OpenDSS found, volts, in the order of its nodes."""
    return _complex(engine.ActiveCircuit.YNodeVarray)


def connected(engine: Any) -> Bool[Array, " node"]:
    """Whether anything but a control is connected to each node."""
    _, _, first = engine.YMatrix.GetCompressedYMatrix(False)
    return np.diff(first) > 0


def _complex(values: Any) -> Complex[Array, " value"]:
    """Complex numbers, which OpenDSS may tell as pairs."""
    flat = np.asarray(values)
    return flat if np.iscomplexobj(flat) else flat[0::2] + 1j * flat[1::2]


def currents(element: Any) -> Complex[Array, " conductor"]:
    """Currents into the conductors of an element, amperes."""
    return _complex(element.Currents)
