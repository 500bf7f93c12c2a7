"""How many vehicles a feeder takes in either direction, what stops it, and where.

Random deployments are judged by full power flows against limits of voltage, of lines, of
transformers (at once, on average, and by the heat of their windings) and of unbalance. A limit
that the feeder passes without any vehicle is told apart: there it must hardly get worse. Taps and
banks follow what is there without vehicles; vehicles do not move them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import Any

import numpy as np
from jaxtyping import Complex

from evergrid.core.all_cores import on_all_cores
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.grid.devices.transformer_ageing import (
    Thermal,
    highest_average,
    hottest,
    oil_rises,
    shared_heating,
)
from evergrid.grid.feeder.feeder import Branches, Feeder
from evergrid.grid.flow.monitored import JudgedBy, Watch, alike, seen, watch
from evergrid.grid.flow.power_flow import CAREFUL_ITERATIONS, ITERATIONS, Network, solve, wires
from evergrid.grid.hosting import hosting_capacity_kernels as kernels
from evergrid.grid.hosting.deployment import Deployments, Slots
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control
from evergrid.grid.inverters.volt_var_kernels import COLUMNS
from evergrid.grid.limits.places import transformer_of

KINDS = (
    "low voltage",
    "high voltage",
    "line",
    "transformer",
    "transformer on average",
    "transformer hot spot",
    "unbalance",
    "no solution",
)


TOGETHER = 256  # steps of draws that one thread works through together


@dataclass(frozen=True)
class Limits:
    """What must hold at every step.

    Attributes:
        low_pu: Lowest voltage at a branch.
        high_pu: Highest voltage.
        line: Greatest current of a line's conductor over its rating.
        transformer: Greatest load of a transformer over its rating, at any step.
        transformer_mean: Greatest load on average over the window.
        transformer_by: What of a transformer is held against its rating, and heats it: the current
            in each phase of each winding ("phase"), or its power as a whole ("total").
        window_h: Length of the window.
        hot_spot_c: Highest temperature of a winding's hottest spot.
        ambient_c: Of the air.
        unbalance: Greatest negative over positive sequence of the voltages of a bus.
        worsening: By what share a limit that is passed without vehicles may be passed further.
        thermal: Thermal data of the transformers.
    """

    low_pu: float = 0.9
    high_pu: float = 1.1
    line: float = 1.0
    transformer: float = 1.5
    transformer_mean: float = 1.2
    transformer_by: JudgedBy = "phase"
    window_h: float = 1.0
    hot_spot_c: float = 110.0
    ambient_c: float = 30.0
    unbalance: float = 0.02
    worsening: float = 0.005
    thermal: Thermal = field(default_factory=Thermal)

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be above 0", (value,))
            for name in ("low_pu", "line", "transformer", "transformer_mean", "window_h")
            if not (value := getattr(self, name)) > 0
        ]
        if not self.low_pu < self.high_pu:
            fix = "Give per unit, such as 0.9 and 1.1."
            faults.append(Fault("high_pu", "lie above low_pu", (self.high_pu,), fix=fix))
        if not 0 < self.unbalance < 1:
            fix = "Give a fraction such as 0.02."
            faults.append(Fault("unbalance", "lie in (0, 1)", (self.unbalance,), fix=fix))
        raise_if_any("limits", faults)


@dataclass(frozen=True)
class Bounds:
    """The limits of every branch, reading, and place at which a transformer is judged."""

    low: Float[Array, " branch"]
    high: Float[Array, " branch"]
    line: Float[Array, " loading"]
    unbalance: Float[Array, " bus"]
    instant: Float[Array, " place"]
    mean: Float[Array, " place"]
    hot: Float[Array, " place"]


@dataclass(frozen=True)
class Judged:
    """How far each deployment passes each kind of limit.

    Attributes:
        excess: Beyond the limit at the worst place and step, in the unit of the limit; negative
            where it is kept.
        where: Row of the branch, watched conductor, place of a transformer or watched bus that is
            the worst; -1 for none.
        when: Its step.
        violated: Branches outside their voltage limits, summed over the steps.
        ageing: Hours of life that the most aged winding or transformer loses per hour.
        curtailed_kwh: Energy that inverters did not draw or feed because of their control.
    """

    excess: Float[Array, "level draw kind"]
    where: Int[Array, "level draw kind"]
    when: Int[Array, "level draw kind"]
    violated: Float[Array, "level draw"]
    ageing: Float[Array, "level draw"]
    curtailed_kwh: Float[Array, "level draw"]

    @property
    def fails(self) -> Bool[Array, "level draw"]:
        """Whether any limit is passed."""
        return np.asarray((self.excess > 0).any(axis=2))


def joined(parts: Sequence[Judged]) -> Judged:
    """Verdicts on parts of the draws as one, in their order."""
    names = [field.name for field in fields(Judged)]
    return Judged(*(np.concatenate([vars(p)[name] for p in parts], axis=1) for name in names))


@dataclass(frozen=True)
class Rules:
    """What deployments are judged by: plain arrays, which any process may be given.

    Attributes:
        wires: Impedance and voltages without load of each state, in single and double precision.
        steps_of: Steps sorted by the state they are in, and where each state begins among them.
        base: Power and reactive power of the branches without vehicles.
        profiles: Power of each vehicle-day, and rating of its inverter.
        controlled: Laws of the inverters, and the share of the way that they go at a time.
        watched: Maps of the readings, how many there are of lines, of phases of windings, of
            conductors of transformers as a whole, of buses and of such transformers, and the
            transformers of these conductors.
        limits: Of voltages, of readings and of transformers.
        thermal: Thermal data of the transformers.
        how: Error that may be left in a voltage, and most iterations.
        step_h: Length of a step.
    """

    wires: tuple[tuple[Array, ...], tuple[Array, ...]]
    steps_of: tuple[Int[Array, " step"], Int[Array, " start"]]
    base: tuple[Float[Array, "branch step"], Float[Array, "branch step"]]
    profiles: tuple[Float[Array, "profile step"], Float[Array, " profile"]]
    controlled: tuple[Array, float]
    watched: tuple[tuple[Array, ...], Int[Array, " 5"], Int[Array, " conductor"]]
    limits: tuple[tuple[Array, ...], tuple[Array, ...], tuple[Any, ...]]
    thermal: Float[Array, " number"]
    how: tuple[float, int]
    step_h: float

    @property
    def together(self) -> int:
        """Draws that are worked through together; parts that begin at multiples change nothing."""
        return max(1, TOGETHER // len(self.steps_of[0]))

    def judged(self, deployments: Deployments) -> Judged:
        """Every deployment against the limits."""
        shape = (deployments.levels, deployments.draws)
        rows = shape[0] * shape[1]
        worst = np.full((rows, kernels.KINDS), -np.inf)
        where = np.full((rows, kernels.KINDS), -1, dtype=np.int64)
        when = np.zeros((rows, kernels.KINDS), dtype=np.int64)
        sums = np.zeros((rows, kernels.SUMS))
        work = partial(
            kernels.judge,
            self.wires,
            self.steps_of,
            self.base,
            (deployments.slots.branch, deployments.counts),
            (deployments.order, deployments.profile, *self.profiles),
            self.controlled,
            self.watched,
            self.limits,
            self.thermal,
            (*self.how, self.together),
            (worst, where, when, sums),
        )
        on_all_cores(work, math.ceil(deployments.draws / self.together))
        return Judged(
            worst.reshape(*shape, -1),
            where.reshape(*shape, -1),
            when.reshape(*shape, -1),
            sums[:, kernels.VIOLATED].reshape(shape),
            sums[:, kernels.AGEING].reshape(shape),
            sums[:, kernels.CURTAILED].reshape(shape) * self.step_h,
        )


@dataclass(frozen=True)
class Case:
    """A feeder with what goes on in it beside the vehicles.

    Attributes:
        networks: The feeder, reduced, in each state that its slow devices take over the day.
        state: Row of the network that each step meets.
        base_kw: Power of its branches without vehicles, by step, into the grid.
        base_kvar: The same, reactive.
        step_h: Length of a step.
        limits: What must hold.
    """

    networks: tuple[Network, ...]
    state: Int[Array, " step"]
    base_kw: Float[Array, "branch step"]
    base_kvar: Float[Array, "branch step"]
    step_h: float
    limits: Limits

    @property
    def feeder(self) -> Feeder:
        """The feeder."""
        return self.networks[0].feeder

    @property
    def branches(self) -> Branches:
        """Where power enters or leaves."""
        return self.networks[0].branches

    @property
    def window(self) -> int:
        """Steps that an average is taken over: the limits' window, at most all there are."""
        steps = max(1, round(self.limits.window_h / self.step_h))
        return min(steps, self.base_kw.shape[1])


@dataclass(frozen=True)
class Base:
    """The case without any vehicle: extremes over its steps.

    Attributes:
        low_pu: Lowest voltage of each branch.
        high_pu: Highest voltage of each branch.
        line: Highest loading of each watched conductor of a line.
        unbalance: Highest unbalance of each watched bus.
        instant: Highest loading of each place at which a transformer is judged.
        mean: Highest loading on average over the window.
        hot_c: Highest temperature of the hottest spot.
        phase: Highest loading of each phase of each winding, judged or not.
        total: Highest loading of each transformer as a whole, judged or not.
    """

    low_pu: Float[Array, " branch"]
    high_pu: Float[Array, " branch"]
    line: Float[Array, " loading"]
    unbalance: Float[Array, " bus"]
    instant: Float[Array, " place"]
    mean: Float[Array, " place"]
    hot_c: Float[Array, " place"]
    phase: Float[Array, " phase"]
    total: Float[Array, " transformer"]


@dataclass(frozen=True)
class Judge:
    """Judges deployments of one case; what it passes without vehicles is found once.

    Attributes:
        case: The case.
        watched: What is watched in it, in each state, judged or not.
        base: The case without vehicles.
    """

    case: Case
    watched: tuple[Watch, ...]
    base: Base

    @cached_property
    def judged(self) -> tuple[Watch, ...]:
        """What is judged of it."""
        return tuple(each.judging(self.case.limits.transformer_by) for each in self.watched)

    @cached_property
    def bounds(self) -> Bounds:
        """The limits; where the base passes one, it must not get worse by more than a little."""
        limits, base = self.case.limits, self.base
        more = 1.0 + limits.worsening
        return Bounds(
            low=_eased(limits.low_pu, base.low_pu, 1.0 - limits.worsening, below=True),
            high=_eased(limits.high_pu, base.high_pu, more),
            line=_eased(limits.line, base.line, more),
            unbalance=_eased(limits.unbalance, base.unbalance, more),
            instant=_eased(limits.transformer, base.instant, more),
            mean=_eased(limits.transformer_mean, base.mean, more),
            hot=_eased(limits.hot_spot_c, base.hot_c, more),
        )

    @cached_property
    def _wires(self) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Wires of every state, stacked."""
        parts = [wires(network) for network in self.case.networks]
        rough = tuple(np.stack(part) for part in zip(*(p[0] for p in parts), strict=True))
        exact = tuple(np.stack(part) for part in zip(*(p[1] for p in parts), strict=True))
        return rough, exact

    @cached_property
    def _maps(self) -> tuple[Array, ...]:
        """Maps of the readings of every state, stacked."""
        wide = self._wires[1][0].shape[1]
        parts = [_maps(watched, wide) for watched in self.judged]
        return tuple(np.stack(part) for part in zip(*parts, strict=True))

    def deployments(
        self,
        deployments: Deployments,
        profiles_kw: Float[Array, "profile step"],
        *,
        control: Control | None = None,
        profiles_kva: Float[Array, " profile"] | None = None,
        tolerance_pu: float = 1e-6,
    ) -> Judged:
        """Every deployment against the limits; the arguments are those of `rules`."""
        return self.rules(
            deployments.slots,
            profiles_kw,
            control=control,
            profiles_kva=profiles_kva,
            tolerance_pu=tolerance_pu,
        ).judged(deployments)

    def rules(
        self,
        slots: Slots,
        profiles_kw: Float[Array, "profile step"],
        *,
        control: Control | None = None,
        profiles_kva: Float[Array, " profile"] | None = None,
        tolerance_pu: float = 1e-6,
    ) -> Rules:
        """What deployments of vehicles that behave alike are judged by.

        Args:
            slots: Places for vehicles.
            profiles_kw: Power of the vehicles, into the grid.
            control: What inverters do beside; by default they only deliver the power.
            profiles_kva: Rating of the inverter of each profile, which answers while its vehicle
                draws or feeds; by default its greatest power.
            tolerance_pu: Error that may be left in a voltage.
        """
        case, watched, bounds = self.case, self.judged[0], self.bounds
        rating = np.abs(profiles_kw).max(axis=1) if profiles_kva is None else profiles_kva
        sizes = [len(each) for each in (watched.loading, watched.phase, watched.transformer)]
        counts = np.array([*sizes, len(watched.bus), watched.totals])
        order = np.argsort(case.state, kind="stable")
        starts = np.searchsorted(case.state[order], np.arange(len(case.networks) + 1))
        return Rules(
            wires=self._wires,
            steps_of=(order, starts),
            base=(case.base_kw, case.base_kvar),
            profiles=(np.ascontiguousarray(profiles_kw), rating),
            controlled=self._controlled(control, slots, rating),
            watched=(self._maps, counts, watched.transformer),
            limits=(
                (bounds.low, bounds.high),
                (bounds.line, bounds.unbalance),
                self._of_transformers(),
            ),
            thermal=case.limits.thermal.numbers(),
            how=(tolerance_pu, ITERATIONS if control is None else CAREFUL_ITERATIONS),
            step_h=case.step_h,
        )

    def _controlled(
        self, control: Control | None, slots: Slots, rating: Float[Array, " profile"]
    ) -> tuple[Array, float]:
        """Laws of the inverters in every state, and the share of the way they go at a time."""
        networks = self.case.networks
        if control is None:
            return np.zeros((len(networks), 0, 0, COLUMNS)), 1.0
        most = np.zeros((1, len(self.case.branches)))
        for at in slots.branch.T:
            np.add.at(most[0], at[at >= 0], rating.max())
        inverters = volt_var.everywhere(most, control)
        gain = [volt_var.loop_gain(inverters, n.impedance, n.open_pu)[0] for n in networks]
        laws = np.stack([volt_var.laws((control,), n.impedance) for n in networks])
        return laws, float(volt_var.pace(np.array([max(gain)]))[0])

    def _of_transformers(self) -> tuple[Array, Array, Array, Array, int, Array, float]:
        case, bounds = self.case, self.bounds
        ambient_c = np.full(case.base_kw.shape[1], case.limits.ambient_c)
        owner = transformer_of(case.feeder, self.judged[0])
        given = (owner, case.window, ambient_c, case.step_h)
        return bounds.instant, bounds.mean, bounds.hot, *given


def judge(case: Case) -> Judge:
    """What judges deployments of a case.

    Raises:
        InputError: The feeder cannot even carry what is there without vehicles.
    """
    watched = alike([watch(network) for network in case.networks])
    voltage = np.empty(case.base_kw.T.shape, dtype=np.complex128)
    dead = []
    for state, network in enumerate(case.networks):
        (steps,) = np.nonzero(case.state == state)
        flow = solve(network, case.base_kw.T[steps], case.base_kvar.T[steps])
        voltage[steps] = flow.voltage_pu
        dead += steps[~flow.settled].tolist()
    if dead:
        fix = "The loads without vehicles are more than the wires can carry; lower them."
        steps = tuple(str(step) for step in dead)
        raise InputError("feeder", [Fault("load", "have a solution at every step", steps, fix=fix)])
    return Judge(case, watched, _base(case, watched, voltage))


def _base(
    case: Case, watched: tuple[Watch, ...], voltage_pu: Complex[Array, "step branch"]
) -> Base:
    current = np.conj((case.base_kw.T + 1j * case.base_kvar.T) / voltage_pu)
    read = [seen(w, current[case.state == s]) for s, w in enumerate(watched)]
    steps = np.concatenate([np.flatnonzero(case.state == s) for s in range(len(watched))])
    phase, total = (
        np.concatenate(parts)[np.argsort(steps)].T
        for parts in ([part.phase for part in read], [part.total for part in read])
    )
    loading = phase if case.limits.transformer_by == "phase" else total
    ambient_c = np.full(len(steps), case.limits.ambient_c)
    owner = transformer_of(case.feeder, watched[0].judging(case.limits.transformer_by))
    thermal = case.limits.thermal.numbers()
    oil = oil_rises(shared_heating(loading, owner), case.step_h, thermal, True)[owner]
    heat = (ambient_c, thermal)
    size = np.abs(voltage_pu)
    return Base(
        low_pu=size.min(axis=0),
        high_pu=size.max(axis=0),
        line=np.concatenate([part.line for part in read]).max(axis=0),
        unbalance=np.concatenate([part.unbalance for part in read]).max(axis=0),
        instant=loading.max(axis=1, initial=0.0),
        mean=np.array([highest_average(path, case.window)[0] for path in loading]),
        hot_c=np.array([hottest(*each, *heat)[0] for each in zip(loading, oil, strict=True)]),
        phase=phase.max(axis=1, initial=0.0),
        total=total.max(axis=1, initial=0.0),
    )


def _eased(
    limit: float, base: Float[Array, " place"], factor: float, *, below: bool = False
) -> Float[Array, " place"]:
    """The limit of each place, or a little beyond what is there without vehicles."""
    passed = base < limit if below else base > limit
    return np.where(passed, base * factor, limit)


def _maps(watched: Watch, wide: int) -> tuple[Array, ...]:
    """Maps and offsets of all readings in single precision, real and imaginary, even."""
    whole = (watched.voltage, watched.current)
    parts = (watched.loading, watched.phase, *whole, watched.positive, watched.negative)
    gain = np.concatenate([part.gain for part in parts])
    offset = np.concatenate([part.offset for part in parts])
    rows = len(gain) + len(gain) % 2
    padded = np.zeros((rows, wide), dtype=np.complex128)
    padded[: len(gain), : gain.shape[1]] = gain
    column = np.zeros(rows, dtype=np.complex128)
    column[: len(gain)] = offset
    found = (padded.real, padded.imag, column.real, column.imag)
    return tuple(np.ascontiguousarray(part, dtype=np.float32) for part in found)
