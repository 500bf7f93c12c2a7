"""What is monitored in a feeder beside its branches: line currents, transformers, unbalance.

Lines are monitored by conductor. Transformers are monitored by phase and winding, each current over
its rated value, and as a whole: power into the first winding, summed over phases, over its rating.
All of it is linear in the currents of the branches, so it costs one product per scenario. A
*reading* is a complex number ``offset + gain i``, with i the currents of the branches into the
grid in kVA at 1 pu, as the power flow leaves them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.grid.feeder.feeder import GROUND, incidence
from evergrid.grid.flow.power_flow import Network

SAME = 1e-7  # readings that differ by less are the same wire further along
TURN = np.exp(2j * np.pi / 3)

TransformerBy = Literal["phase", "total"]


@dataclass(frozen=True)
class ReadingMap:
    """How complex readings follow from the currents of the branches: linearly.

    Attributes:
        offset: Without any current.
        gain: Per current of each branch.
    """

    offset: Complex[Array, " reading"]
    gain: Complex[Array, "reading branch"]

    def __len__(self) -> int:
        return len(self.offset)

    def of(
        self, current: Complex[Array, "*scenario branch"]
    ) -> Complex[Array, "*scenario reading"]:
        """The readings at currents of the branches."""
        return self.offset + current @ self.gain.T

    def rows(self, which: Int[Array, " some"] | Bool[Array, " reading"]) -> "ReadingMap":
        """Some of them."""
        return ReadingMap(self.offset[which], self.gain[which])

    def over(self, size: Float[Array, " reading"]) -> "ReadingMap":
        """Readings over a size each."""
        return ReadingMap(self.offset / size, self.gain / size[:, None])


@dataclass(frozen=True)
class MonitoredElements:
    """What is monitored.

    Attributes:
        loading: Currents of rated lines over their rating; one row for all conductors in a row
            that carry the same current, for the weakest of them.
        line: Row of `feeder.Lines.currents` of the weakest conductor behind each of these.
        phase: Currents in the phases of every transformer's windings over their rated values.
        winding: Row of `feeder.Transformers.currents` of each of these.
        voltage: Voltages at the conductors of each transformer's first winding, pu.
        current: Currents into these conductors, in rated kVA at 1 pu.
        transformer: Row of the transformer of each conductor.
        positive: Positive sequence of the voltage of each bus with three phases.
        negative: Negative sequence there.
        bus: Row of these buses.
        all_loading: Loading of every conductor of every rated line.
        kept: Rows of these that ``loading`` is.
    """

    loading: ReadingMap
    line: Int[Array, " loading"]
    phase: ReadingMap
    winding: Int[Array, " phase"]
    voltage: ReadingMap
    current: ReadingMap
    transformer: Int[Array, " conductor"]
    positive: ReadingMap
    negative: ReadingMap
    bus: Int[Array, " bus"]
    all_loading: ReadingMap
    kept: Int[Array, " loading"]

    def transformers_by(self, transformers: TransformerBy) -> "MonitoredElements":
        """These, with transformers monitored only by what has the limit."""
        none = np.zeros(0, dtype=np.int64)
        if transformers == "phase":
            bare = {"voltage": self.voltage.rows(none), "current": self.current.rows(none)}
            return replace(self, **bare, transformer=none)
        return replace(self, phase=self.phase.rows(none), winding=none)

    @property
    def totals(self) -> int:
        """How many transformers are monitored as a whole."""
        return int(self.transformer.max(initial=-1)) + 1


def monitored_elements(network: Network) -> MonitoredElements:
    """What is monitored: every rated line and transformer, and buses of branches."""
    feeder = network.feeder
    everywhere = _voltages(network)
    # Voltages everywhere are linear in the branches' currents, and all else is linear in voltages.
    lines, transformers = feeder.lines, feeder.transformers
    (rated,) = np.nonzero(np.isfinite(lines.rating_a[lines.currents.element]))
    loading = _currents(lines.currents.per_volt, everywhere).rows(rated)
    rating_a = lines.rating_a[lines.currents.element[rated]]
    every = loading.over(rating_a)
    kept = _distinct(loading, rating_a)
    ends = transformers.currents
    entering = _currents(feeder.transformer_currents(network.state), everywhere)
    (winding,) = np.nonzero(np.isfinite(transformers.rated_a))
    (first,) = np.nonzero((transformers.winding == 1) & (ends.node != GROUND))
    kva = transformers.rating_kva[ends.element[first]]
    base_v = feeder.base_v[ends.node[first]]
    positive, negative, bus = _sequences(network, everywhere)
    return MonitoredElements(
        loading=every.rows(kept),
        line=rated[kept],
        phase=entering.rows(winding).over(transformers.rated_a[winding]),
        winding=winding,
        voltage=everywhere.rows(ends.node[first]).over(base_v),
        current=entering.rows(first).over(kva * 1000.0 / base_v),
        transformer=ends.element[first],
        positive=positive,
        negative=negative,
        bus=bus,
        all_loading=every,
        kept=kept,
    )


@dataclass(frozen=True)
class Readings:
    """Readings of what is monitored, in some scenarios.

    Attributes:
        line: Loading of each monitored conductor of a line.
        phase: Current over its rated value in each phase of each winding.
        total: Power into each transformer over its rating.
        unbalance: Negative over positive sequence at each monitored bus.
    """

    line: Float[Array, "scenario loading"]
    phase: Float[Array, "scenario phase"]
    total: Float[Array, "scenario transformer"]
    unbalance: Float[Array, "scenario bus"]

    @property
    def transformer(self) -> Float[Array, "scenario place"]:
        """Loading of all places of transformers: phases, then transformers as a whole."""
        return np.concatenate([self.phase, self.total], axis=1)


def read(monitored: MonitoredElements, current: Complex[Array, "scenario branch"]) -> Readings:
    """Readings at currents of the branches, in kVA at 1 pu into the grid."""
    entering = monitored.voltage.of(current) * monitored.current.of(current).conj()
    member = monitored.transformer[:, None] == np.arange(monitored.totals)
    return Readings(
        np.abs(monitored.loading.of(current)),
        np.abs(monitored.phase.of(current)),
        np.abs(entering @ member),
        np.abs(monitored.negative.of(current) / monitored.positive.of(current)),
    )


def in_all_states(several: Sequence[MonitoredElements]) -> tuple[MonitoredElements, ...]:
    """What is monitored in one feeder in several states, with the same lines in each.

    What is the same wire in one state may differ in rounding in another, so all follow the first.
    """
    first = several[0]
    return tuple(
        replace(other, loading=other.all_loading.rows(first.kept), line=first.line)
        for other in several
    )


def node_voltages(network: Network) -> ReadingMap:
    """Voltage of every node, pu."""
    return _voltages(network).over(network.feeder.base_v)


def _voltages(network: Network) -> ReadingMap:
    """Voltage of every node in volts."""
    feeder, branches = network.feeder, network.branches
    across = incidence(branches, len(feeder.nodes))
    drive = across.T.toarray().astype(np.complex128) * (1000.0 / branches.base_v)
    return ReadingMap(network.factor.open_v, network.factor.voltage(drive))


def _currents(per_volt: sparse.csr_array, everywhere: ReadingMap) -> ReadingMap:
    """Watched currents in amperes."""
    return ReadingMap(per_volt @ everywhere.offset, per_volt @ everywhere.gain)


def _distinct(readings: ReadingMap, rating_a: Float[Array, " reading"]) -> Int[Array, " loading"]:
    """One conductor of all that carry the same current: the weakest.

    They are the same where their readings agree at two random sets of currents, up to rounding.
    """
    if len(readings) == 0:
        return np.zeros(0, dtype=np.int64)
    draw = np.random.default_rng(0)  # any currents tell wires apart
    branches = readings.gain.shape[1]
    probe = draw.uniform(0.5, 1.5, (2, branches)) * np.exp(1j * draw.uniform(0, 7, (2, branches)))
    found = readings.of(probe)
    scale = float(np.abs(found).max()) * SAME
    key = np.round(np.column_stack([np.real(found.T), np.imag(found.T)]) / scale).astype(np.int64)
    order = np.lexsort((rating_a, *key.T))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (key[order][1:] != key[order][:-1]).any(axis=1)
    return np.sort(order[first])


def _sequences(network: Network, everywhere: ReadingMap) -> tuple[ReadingMap, ReadingMap, Array]:
    """Positive and negative sequence at the buses of branches that have three phases, pu."""
    feeder = network.feeder
    phases = np.full((len(feeder.buses.name), 4), -1)
    inside = (feeder.nodes.phase >= 1) & (feeder.nodes.phase <= 3)
    phases[feeder.nodes.bus[inside], feeder.nodes.phase[inside]] = np.flatnonzero(inside)
    bus = np.unique(feeder.nodes.bus[network.branches.node])
    bus = bus[(phases[bus, 1:] >= 0).all(axis=1)]
    a, b, c = (
        everywhere.rows(phases[bus, k]).over(feeder.base_v[phases[bus, k]]) for k in (1, 2, 3)
    )
    positive = _combined(a, b, c, TURN)
    negative = _combined(a, b, c, TURN**2)
    return positive, negative, bus


def _combined(a: ReadingMap, b: ReadingMap, c: ReadingMap, turn: complex) -> ReadingMap:
    offset = (a.offset + turn * b.offset + turn**2 * c.offset) / 3
    return ReadingMap(offset, (a.gain + turn * b.gain + turn**2 * c.gain) / 3)
