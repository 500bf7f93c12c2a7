"""Every limit of a feeder as a row: how far it is passed in each step, and what each power adds.

The rows are the lowest and the highest voltage of each branch, the current in each conductor of
rated lines, the current in each phase of each transformer's windings (or the power of each
transformer as a whole) and the unbalance of each three-phase bus, in this order. Rises are exact
derivatives of the power flow.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.grid.flow.monitored import Watch, alike, seen, watch
from evergrid.grid.flow.power_flow import Network, solve
from evergrid.grid.hosting.hosting_capacity import Case
from evergrid.grid.limits import places

KINDS = ("low voltage", "high voltage", "line", "transformer", "unbalance")
SETTLED = 1e-10  # change of a current that its derivative may still lack, of its size
ITERATIONS = 200
TOLERANCE_PU = 1e-8
CHUNK = 64 * 2**20  # numbers held at a time


@dataclass(frozen=True)
class Rows:
    """What each row is about.

    Attributes:
        kind: Row of `KINDS`.
        name: Of what is judged, as `places` has it.
        bus: Row of the bus where it is, or where its line or transformer begins.
        limit: Highest value; the lowest voltage is taken with a minus.
    """

    kind: Int[Array, " row"]
    name: Shaped[Array, " row"]
    bus: Int[Array, " row"]
    limit: Float[Array, " row"]

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True)
class Strain:
    """What given powers do to a feeder.

    Attributes:
        voltage_pu: Of each branch; meaningless where not ``settled``.
        value: Of each row; infinite where the wires cannot carry the power.
        settled: Whether voltages were found.
    """

    voltage_pu: Complex[Array, "step branch"]
    value: Float[Array, "step row"]
    settled: Bool[Array, " step"]


@dataclass(frozen=True)
class TransformerLoads:
    """What transformers carry over their ratings; infinite where the wires cannot carry the power.

    Attributes:
        phase: Current in each phase of each winding, in the order of `Watch.winding`.
        total: Power of each transformer as a whole.
    """

    phase: Float[Array, "step phase"]
    total: Float[Array, "step transformer"]


@dataclass(frozen=True)
class StepJudge:
    """A case with what is watched in it, and the limits of each step.

    Where the case passes a limit without any vehicle, whether generation is curtailed or not, its
    limit in that step is what is there and a little more (`Limits.worsening`).

    Attributes:
        case: The feeder, what goes on in it beside the vehicles, and what must hold.
        watched: What is watched in each state of it, judged or not.
        rest: Value of each row without vehicles: the lower one of with all generation and with
            that curtailed which may be.
    """

    case: Case
    watched: tuple[Watch, ...]
    rest: Float[Array, "step row"]

    @cached_property
    def judged(self) -> tuple[Watch, ...]:
        """What is judged of it."""
        return _judged(self.case, self.watched)

    @cached_property
    def rows(self) -> Rows:
        """What the rows are about."""
        return _rows(self.case, self.judged[0])

    @cached_property
    def bound(self) -> Float[Array, "step row"]:
        """Highest value of each row in each step."""
        rows, value, more = self.rows, self.rest, self.case.limits.worsening
        eased = value * np.where(rows.kind == KINDS.index("low voltage"), 1.0 - more, 1.0 + more)
        return np.where(value > rows.limit, eased, rows.limit)

    def strain(
        self, power_kw: Float[Array, "step branch"], reactive_kvar: Float[Array, "step branch"]
    ) -> Strain:
        """What powers do, all of them together, loads included.

        Args:
            power_kw: Into the grid.
            reactive_kvar: The same, reactive.
        """
        return _strain(self.case, self.judged, power_kw, reactive_kvar)

    def transformers(
        self,
        strain: Strain,
        power_kw: Float[Array, "step branch"],
        reactive_kvar: Float[Array, "step branch"],
    ) -> TransformerLoads:
        """Loading of transformers by phase and as a whole, whichever of the two is judged.

        Args:
            strain: What the powers do.
            power_kw: Into the grid.
            reactive_kvar: The same, reactive.
        """
        first, steps = self.watched[0], len(power_kw)
        phase = np.full((steps, len(first.phase)), np.inf)
        total = np.full((steps, first.totals), np.inf)
        for state, watched in enumerate(self.watched):
            (here,) = np.nonzero((self.case.state == state) & strain.settled)
            power = power_kw[here] + 1j * reactive_kvar[here]
            found = seen(watched, np.conj(power / strain.voltage_pu[here]))
            phase[here], total[here] = found.phase, found.total
        return TransformerLoads(phase, total)

    def rises(
        self,
        strain: Strain,
        power_kw: Float[Array, "step branch"],
        reactive_kvar: Float[Array, "step branch"],
        share: Float[Array, "site branch"],
    ) -> Float[Array, "step row site"]:
        """How much each row rises per kW that a site feeds, at powers that were judged.

        Args:
            strain: What they do.
            power_kw: Into the grid.
            reactive_kvar: The same, reactive.
            share: Part of each site's power in each branch.

        Source:
            Derivative of ``u = w + Z conj(s / u)``: the currents i = conj(s / u) change by
            ``di = conj(ds / u) - conj(s / u^2) conj(Z di)``, which is iterated.
        """
        rise = np.zeros((*strain.value.shape, len(share)))
        for state, network in enumerate(self.case.networks):
            (steps,) = np.nonzero((self.case.state == state) & strain.settled)
            each = max(1, CHUNK // max(1, (strain.value.shape[1] + share.shape[1]) * len(share)))
            for some in np.split(steps, range(each, len(steps), each)):
                u = strain.voltage_pu[some]
                s = power_kw[some] + 1j * reactive_kvar[some]
                moved = _moved_currents(network.impedance, u, s, share)
                rise[some] = _rises(network, self.judged[state], u, np.conj(s / u), moved)
        return rise


def judge(case: Case, generation_kw: Float[Array, "step branch"] | None = None) -> StepJudge:
    """What judges powers of a case, step by step.

    Args:
        case: The feeder, with what goes on in it beside the vehicles.
        generation_kw: Of the branches, into the grid: what may be curtailed, beside the case.

    Raises:
        InputError: The feeder cannot even carry what is there without vehicles.
    """
    watched = alike([watch(network) for network in case.networks])
    base = _strain(case, _judged(case, watched), case.base_kw.T, case.base_kvar.T)
    if not base.settled.all():
        fix = "The loads without vehicles are more than the wires can carry; lower them."
        steps = tuple(str(step) for step in np.flatnonzero(~base.settled))
        raise InputError("feeder", [Fault("load", "have a solution at every step", steps, fix=fix)])
    rest = base.value
    if generation_kw is not None and generation_kw.any():
        power_kw = case.base_kw.T + generation_kw
        fed = _strain(case, _judged(case, watched), power_kw, case.base_kvar.T)
        rest = np.minimum(rest, fed.value)
    return StepJudge(case, watched, rest)


def _judged(case: Case, watched: tuple[Watch, ...]) -> tuple[Watch, ...]:
    return tuple(each.judging(case.limits.transformer_by) for each in watched)


def _rows(case: Case, watched: Watch) -> Rows:
    feeder, limits = case.feeder, case.limits
    at_branch = (places.at_branches(feeder, case.branches), feeder.nodes.bus[case.branches.node])
    line_bus = feeder.lines.bus[feeder.lines.currents.element[watched.line], 0]
    transformer_bus = feeder.transformers.bus[places.transformer_of(feeder, watched), 0]
    parts = [
        (*at_branch, -limits.low_pu),
        (*at_branch, limits.high_pu),
        (places.at_lines(feeder, watched.line), line_bus, limits.line),
        (places.at_transformers(feeder, watched), transformer_bus, limits.transformer),
        (feeder.buses.name[watched.bus], watched.bus, limits.unbalance),
    ]
    sizes = [len(name) for name, _, _ in parts]
    return Rows(
        kind=np.repeat(np.arange(len(KINDS)), sizes),
        name=np.concatenate([name for name, _, _ in parts]),
        bus=np.concatenate([bus for _, bus, _ in parts]),
        limit=np.repeat([limit for _, _, limit in parts], sizes),
    )


def _strain(
    case: Case,
    watched: tuple[Watch, ...],
    power_kw: Float[Array, "step branch"],
    reactive_kvar: Float[Array, "step branch"],
) -> Strain:
    steps = len(power_kw)
    value = np.full((steps, len(_rows(case, watched[0]))), np.inf)
    voltage = np.ones(power_kw.shape, dtype=np.complex128)
    settled = np.zeros(steps, dtype=bool)
    for state, network in enumerate(case.networks):
        (here,) = np.nonzero(case.state == state)
        flow = solve(network, power_kw[here], reactive_kvar[here], tolerance_pu=TOLERANCE_PU)
        found = here[flow.settled]
        u = flow.voltage_pu[flow.settled]
        settled[found], voltage[found] = True, u
        current = np.conj((power_kw[found] + 1j * reactive_kvar[found]) / u)
        value[found] = np.concatenate(_values(watched[state], u, current), axis=1)
    return Strain(voltage, value, settled)


def _values(
    watched: Watch, u: Complex[Array, "step branch"], current: Complex[Array, "step branch"]
) -> tuple[Float[Array, "step some"], ...]:
    size = np.abs(u)
    found = seen(watched, current)
    return -size, size, found.line, found.transformer, found.unbalance


def _moved_currents(
    impedance: Complex[Array, "branch branch"],
    u: Complex[Array, "step branch"],
    s: Complex[Array, "step branch"],
    share: Float[Array, "site branch"],
) -> Complex[Array, "step branch site"]:
    """Change of the branches' currents per kW of each site."""
    driven = share.T / np.conj(u)[:, :, None]
    held = (np.conj(s) / np.conj(u) ** 2)[:, :, None]
    moved = driven
    for _ in range(ITERATIONS):
        before = moved
        moved = driven - held * np.conj(impedance @ before)
        if np.abs(moved - before).max(initial=0.0) <= SETTLED * np.abs(moved).max(initial=1.0):
            break
    return moved


def _rises(
    network: Network,
    watched: Watch,
    u: Complex[Array, "step branch"],
    current: Complex[Array, "step branch"],
    moved: Complex[Array, "step branch site"],
) -> Float[Array, "step row site"]:
    voltage = _grown(u, network.impedance @ moved)
    line = _grown(watched.loading.of(current), watched.loading.gain @ moved)
    phase = _grown(watched.phase.of(current), watched.phase.gain @ moved)
    total = _grown(*_entering(watched, current, moved))
    unbalance = _unbalance(watched, current, moved)
    return np.concatenate((-voltage, voltage, line, phase, total, unbalance), axis=1)


def _entering(
    watched: Watch,
    current: Complex[Array, "step branch"],
    moved: Complex[Array, "step branch site"],
) -> tuple[Complex[Array, "step transformer"], Complex[Array, "step transformer site"]]:
    """Power into each transformer over its rating, and its change."""
    voltage, into = watched.voltage.of(current), watched.current.of(current)
    change = (watched.voltage.gain @ moved) * np.conj(into)[:, :, None]
    change += voltage[:, :, None] * np.conj(watched.current.gain @ moved)
    member = (watched.transformer == np.arange(watched.totals)[:, None]).astype(float)
    return (voltage * np.conj(into)) @ member.T, member @ change


def _unbalance(
    watched: Watch,
    current: Complex[Array, "step branch"],
    moved: Complex[Array, "step branch site"],
) -> Float[Array, "step bus site"]:
    """Change of negative over positive sequence."""
    plus, minus = watched.positive.of(current), watched.negative.of(current)
    ratio = (np.abs(minus) / np.abs(plus))[:, :, None]
    up = _grown(minus, watched.negative.gain @ moved) / np.abs(plus)[:, :, None]
    down = _grown(plus, watched.positive.gain @ moved) / np.abs(plus)[:, :, None]
    return up - ratio * down


def _grown(
    value: Complex[Array, "step some"], change: Complex[Array, "step some site"]
) -> Float[Array, "step some site"]:
    """Change of the size of a value that changes; 0 where it has no size to speak of."""
    size = np.abs(value)
    turn = np.divide(np.conj(value), size, out=np.zeros_like(value), where=size > 0)
    return np.real(turn[:, :, None] * change)
