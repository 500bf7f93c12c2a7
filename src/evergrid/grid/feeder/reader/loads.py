"""What draws from the wires of an OpenDSS circuit or feeds them: loads by law, all else held.

The nominal power of a load is read from the admittance that OpenDSS gives it, so that load
multipliers, growth, shapes, exempt and fixed loads count as OpenDSS counts them.
"""

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import grid_power_from_consumption, kw_from_w
from evergrid.grid.feeder import load_law
from evergrid.grid.feeder.feeder import GROUND, Branches
from evergrid.grid.feeder.reader import elements
from evergrid.grid.feeder.reader.circuit import REBUILD, Circuit, currents

SOURCES = ("vsource", "isource")
PURE_IMPEDANCE = 2  # model of a load
FIXED_REACTIVE = (6, 7)  # models whose reactive power no multiplier changes
MATCHED = 1e-6  # of a current: what its way back may differ by
PHASES_TO_NEUTRAL = (2, 3)  # numbers of phases whose rated voltage is that between phases
WIDE = np.array([[0.0, 0.0, np.inf]])

Row = tuple[Any, ...]


class Loads(Circuit):
    """Reads what draws and feeds."""

    def _branches(self) -> Branches:
        # Currents first: they belong to the solution, and the admittances are built anew for it.
        others: list[Row] = []
        for name in self._enabled:
            if elements.is_held(name.split(".")[0]):
                others += self._other(name)
        self.engine.YMatrix.BuildYMatrixD(REBUILD, False)
        rows = [row for name in self._named("load") for row in self._load(name)]
        if not rows and not others:
            fix = "Add a load where vehicles may be; its power may be 0."
            raise InputError(self.circuit.Name, [Fault("loads", "be at least one", fix=fix)])
        columns = list(zip(*(rows + others), strict=True))
        return Branches(np.array(columns[0], dtype=object), *map(np.array, columns[1:]))

    def _load(self, name: str) -> list[Row]:
        element = self._element(name)
        where, admittance = self._conductors(element), self._primitive(element)
        if element.IsOpen(1, 0):
            said = "has open conductors: phases that are closed draw the power they have without"
            self.notes.append(f"{name} {said}.")
        self.circuit.Loads.Name = name.split(".", 1)[1]
        load = self.circuit.Loads
        phases, nominal_v = load.Phases, load.kV * 1000.0
        if load.IsDelta:
            pairs = [(k, (k + 1) % len(where)) for k in range(phases)]
        else:
            pairs = [(k, phases) for k in range(phases)]
            nominal_v /= np.sqrt(3) if phases in PHASES_TO_NEUTRAL else 1.0
        model = PURE_IMPEDANCE if self._impedances_only else load.Model
        reactive_kvar = load.kvar / phases if model in FIXED_REACTIVE else None
        power, reactive, window, cutoff = self._law(load, model)
        rows = []
        for first, second in pairs:
            node, other = _ground_last(int(where[first]), int(where[second]))
            if node == other:
                fix = "Name two nodes of its bus, or one and ground."
                rule = "be connected between two nodes"
                raise InputError(self.circuit.Name, [Fault("load", rule, (name,), fix=fix)])
            base_v = self._base(node, other)
            # OpenDSS holds a load as an admittance y between its two ends: the entry between them
            # is -y, and at its nominal voltage V it draws conj(y) V^2.
            nominal = -np.conj(admittance[first, second]) * nominal_v**2
            own_kvar = kw_from_w(nominal.imag) if reactive_kvar is None else reactive_kvar
            drawn = map(grid_power_from_consumption, (float(kw_from_w(nominal.real)), own_kvar))
            law = load_law.table(
                power,
                reactive,
                nominal_pu=np.array([nominal_v / base_v]),
                window=window,
                cutoff=np.array([cutoff]),
            )
            rows.append((name.split(".", 1)[1], node, other, base_v, *drawn, law[0], True))
        return rows

    def _leaks(
        self,
    ) -> list[tuple[Int[Array, " conductor"], Complex[Array, "conductor conductor"]]]:
        """What ties the neutrals of loads to ground, which counts where all are impedances only."""
        if not self._impedances_only:
            return []
        found = []
        for name in self._named("load"):
            element = self._element(name)
            to_ground = self._primitive(element).sum(axis=1)
            found.append((self._conductors(element), np.diag(to_ground)))
        return found

    @cached_property
    def _impedances_only(self) -> bool:
        return self.circuit.Solution.LoadModel == elements.ADMITTANCE

    def _law(self, load: Any, model: int) -> tuple[Array, Array, Array, float]:
        """Parts of a load's law, its window, and its cut-off; many loads share them."""
        more = {4: (load.CVRwatts, load.CVRvars), 8: load.ZIPV}.get(model, ())
        faded = float(self._property(f"load.{load.Name}", "vlowpu"))
        return _law(model, (faded, load.Vminpu, load.Vmaxpu), tuple(float(value) for value in more))

    def _other(self, name: str) -> list[Row]:
        """Whatever else draws or feeds: goes on with the power it has in the solved circuit."""
        element = self._element(name)
        where, current = self._conductors(element), currents(element)
        self.notes.append(f"{name} goes on with the power it has in the files.")
        rows = []
        for begin, end, through in _paths(element, where, current):
            node, other = _ground_last(begin, end)
            if node == other:
                continue
            base_v = self._base(node, other)
            across = self.voltage[node] - (0.0 if other == GROUND else self.voltage[other])
            power = across * np.conj(through if node == begin else -through)
            drawn = map(grid_power_from_consumption, (kw_from_w(power.real), kw_from_w(power.imag)))
            law = load_law.constant(1)[0]
            rows.append((name.split(".", 1)[1], node, other, base_v, *drawn, law, False))
        return rows


def _ground_last(node: int, other: int) -> tuple[int, int]:
    """Two nodes that a current passes between, in an order that has no ground before a node."""
    return (other, node) if node == GROUND else (node, other)


@cache
def _law(
    model: int, ends: tuple[float, float, float], more: tuple[float, ...]
) -> tuple[Array, Array, Array, float]:
    """Parts of the law of a model, its window, and its cut-off.

    Args:
        model: Number of the model in OpenDSS.
        ends: Voltages at which it fades, and at which its window begins and ends.
        more: Exponents of model 4; shares and cut-off of model 8.
    """
    window = np.array([ends])
    _, low, high = window.T
    if model == 8:
        seven = np.array([more])
        power, reactive = (load_law.mixed(seven[:, at : at + 3], window) for at in (0, 3))
        return power, reactive, window, more[6]
    if model in (PURE_IMPEDANCE, 5):
        mix = np.array([[1.0, 0.0, 0.0]] if model == PURE_IMPEDANCE else [[0.0, 1.0, 0.0]])
        window = WIDE if model == PURE_IMPEDANCE else window
        part = load_law.mixed(mix, window)
        return part, part, window, 0.0
    power = reactive = load_law.mixed(np.array([[0.0, 0.0, 1.0]]), window)
    one, steady = np.ones(1), low**-2
    if model == 3:
        reactive = _inside([1.0, 0.0, 0.0, 0.0], one, steady, high**-2, window)
    elif model == 4:
        power, reactive = (
            _inside([0.0, 0.0, 1.0, exponent], one, steady, high**-2, window) for exponent in more
        )
    elif model in FIXED_REACTIVE:  # impedances outside the window, without a line between
        power = _inside([0.0, 0.0, 1.0, 0.0], steady, steady, high**-2, window)
        fixed = [0.0, 0.0, 1.0, 0.0] if model == 6 else [1.0, 0.0, 0.0, 0.0]
        reactive = _inside(fixed, one, one, one, window)
    return power, reactive, window, 0.0


def _inside(
    shares: Sequence[float], start: Array, at_low: Array, above: Array, window: Array
) -> Float[Array, "branch 7"]:
    return load_law.part(np.array([shares]), start, at_low, above, window)


def _paths(
    element: Any, where: Array, current: Complex[Array, " conductor"]
) -> list[tuple[int, int, complex]]:
    """Pairs of nodes, and the current that passes through the element from one to the other.

    Phases return through the neutral or through the next phase; what has no such way, such as an
    element of two terminals, is taken from each conductor to ground.
    """
    count, phases = len(where), element.NumPhases
    size = np.abs(current).sum()
    first = current[:phases]
    closed = np.abs(current.sum()) <= MATCHED * size or GROUND in where[phases:]
    one = element.NumTerminals == 1 and closed
    if one and count == phases + 1:  # wye, or one phase between any two conductors
        back = int(where[phases])
        return [(int(where[k]), back, complex(first[k])) for k in range(phases)]
    if one and count == phases == 3 and abs(first.sum()) <= MATCHED * size:
        # What circulates in a delta leaves its terminals alone: none is taken.
        through = (first - np.roll(first, -1)) / phases
        after = np.roll(where, -1)
        return [(int(where[k]), int(after[k]), complex(through[k])) for k in range(phases)]
    return [(int(where[k]), GROUND, complex(current[k])) for k in range(count)]
