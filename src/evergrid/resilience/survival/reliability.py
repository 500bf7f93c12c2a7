"""Probability of surviving an outage, with generators that fail: exact, by enumeration of states.

Nothing is drawn: the state is how many generators of each type work and how full the battery is,
and its probabilities are carried from step to step.
"""

from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
from scipy.stats import binom

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.resilience.survival.kernels import MarkovChain, all_survivals

MOST_STATES = 500  # of generators; the work grows with the square

SHARES = ("availability", "start_failure")


@dataclass(frozen=True)
class GeneratorTypes:
    """Generators by type, each failing on its own.

    Attributes:
        units: Of each type.
        power_kw: Rating of one unit.
        availability: Probability that a unit is not down when the outage begins.
        start_failure: Probability that one which is not down fails to start.
        mean_time_to_failure_h: Of running; the probability of failing in a step is its inverse
            times the step. Nothing is repaired during an outage.

    Raises:
        InputError: Every number out of range; more states than `MOST_STATES`.

    Source:
        Defaults: REopt.jl (National Renewable Energy Laboratory), backup_reliability.
    """

    units: Int[Array, " type"]
    power_kw: Float[Array, " type"]
    availability: Float[Array, " type"]
    start_failure: Float[Array, " type"]
    mean_time_to_failure_h: Float[Array, " type"]

    def __post_init__(self) -> None:
        records.check(self, "generators")
        faults: list[Fault] = []
        if len(self.units) == 0:
            faults.append(Fault("units", "have at least one type", fix="Give 0 units for none."))
        for name in ("units", "power_kw"):
            values = getattr(self, name)
            ok = (values >= 0) & (values < np.inf)
            faults += broken(name, ok, "be at least 0 and finite", values=values)
        for name in SHARES:
            values, fix = getattr(self, name), "Give a fraction, not a percentage."
            ok = (values >= 0) & (values <= 1)
            faults += broken(name, ok, "be in [0, 1]", values=values, fix=fix)
        mean = self.mean_time_to_failure_h
        faults += broken("mean_time_to_failure_h", mean > 0, "be above 0", values=mean)
        if not faults and np.prod(self.units + 1.0) > MOST_STATES:
            rule, fix = f"make at most {MOST_STATES:,} states", "Put like units into fewer types."
            faults.append(Fault("units", rule, tuple(self.units.tolist()), fix=fix))
        raise_if_any("generators", faults)

    @property
    def working(self) -> Int[Array, "state type"]:
        """Units that work in each state; the first type counts fastest."""
        ranges = [range(int(count) + 1) for count in self.units[::-1]]
        return np.array([state[::-1] for state in product(*ranges)], dtype=np.int64)


def generators(
    units: int,
    power_kw: float,
    *,
    availability: float = 0.995,
    start_failure: float = 0.0094,
    mean_time_to_failure_h: float = 1100.0,
) -> GeneratorTypes:
    """Generators of one type, with the reliability that REopt takes where nothing is known.

    Raises:
        InputError: As for `GeneratorTypes`.
    """
    numbers = (power_kw, availability, start_failure, mean_time_to_failure_h)
    return GeneratorTypes(np.array([units]), *(np.array([float(one)]) for one in numbers))


@dataclass(frozen=True)
class BackupBattery:
    """A battery whose energy is rounded to levels.

    Attributes:
        power_kw: Of its inverter, in both directions.
        capacity_kwh: Of its cells.
        start_soc: As the outage begins, by step in which it does.
        levels: Of energy, evenly from empty (or least_soc) to full.
        least_soc: Below which it is not discharged.
        efficiency_charge: Into the cells per energy taken.
        efficiency_discharge: Delivered per energy out of the cells.
        availability: Probability that it works at all in an outage.

    Raises:
        InputError: Every number out of range; a start below least_soc.
    """

    power_kw: float
    capacity_kwh: float
    start_soc: Float[Array, " step"]
    levels: int = 101
    least_soc: float = 0.0
    efficiency_charge: float = 0.948
    efficiency_discharge: float = 0.948
    availability: float = 0.97

    def __post_init__(self) -> None:
        records.check(self, "battery")
        faults = [
            Fault(name, "be above 0 and finite", (value,))
            for name in ("power_kw", "capacity_kwh")
            if not 0 < (value := getattr(self, name)) < np.inf
        ]
        for name in ("efficiency_charge", "efficiency_discharge"):
            if not 0 < (value := getattr(self, name)) <= 1:
                faults.append(Fault(name, "be in (0, 1]", (value,)))
        if not 0 <= self.availability <= 1:
            faults.append(Fault("availability", "be in [0, 1]", (self.availability,)))
        if not 0 <= self.least_soc < 1:
            faults.append(Fault("least_soc", "be in [0, 1)", (self.least_soc,)))
        if self.levels < 2:
            faults.append(Fault("levels", "be at least 2: empty and full", (self.levels,)))
        ok = (self.start_soc >= self.least_soc) & (self.start_soc <= 1)
        rule, fix = "be in [least_soc, 1]", "Give a fraction, not a percentage."
        faults += broken("start_soc", ok, rule, values=self.start_soc, fix=fix)
        raise_if_any("battery", faults)

    @property
    def level_kwh(self) -> float:
        """Energy between two levels."""
        return self.capacity_kwh * (1 - self.least_soc) / (self.levels - 1)

    @property
    def start_level(self) -> Int[Array, " step"]:
        """Level nearest to the energy at the start."""
        energy_kwh = (self.start_soc - self.least_soc) * self.capacity_kwh
        return np.rint(energy_kwh / self.level_kwh).astype(np.int64)


def transition_matrix(
    units: Int[Array, " type"], failure: Float[Array, " type"]
) -> Float[Array, "state state"]:
    """Probability of each state after a step (column), given that before it (row).

    Of n units m go on with probability C(n, m) (1 - p)^m p^(n - m), each type on its own. States
    are in the order of `GeneratorTypes.working`.

    Args:
        units: Of each type.
        failure: Probability that a unit fails in the step.

    Raises:
        InputError: Probabilities outside [0, 1], negative numbers of units.

    Source:
        REopt.jl, ``markov_matrix`` in ``src/outagesim/backup_reliability.jl``; the matrix printed
        in its docstring is in another order than its states.
    """
    ok = (failure >= 0) & (failure <= 1)
    faults = broken("failure", ok, "be in [0, 1]", values=failure)
    faults += broken("units", units >= 0, "be at least 0", values=units)
    raise_if_any("generators", faults)
    by_type = []
    for count, probability in zip(units.tolist(), failure.tolist(), strict=True):
        number = np.arange(count + 1)
        by_type.append(binom.pmf(number[None, :], number[:, None], 1 - probability))
    return reduce(lambda fast, slow: np.kron(slow, fast), by_type)


def starting_probabilities(sets: GeneratorTypes) -> Float[Array, " state"]:
    """Probability of each state of generators as the outage begins: available, and started."""
    works = sets.availability * (1 - sets.start_failure)
    return transition_matrix(sets.units, 1 - works)[-1]


@dataclass(frozen=True)
class SurvivalProbability:
    """Probability of surviving, by when an outage begins and how long it lasts.

    Attributes:
        survival: Up to the end of each step of the outage; the first column is one step.
        step_h: Length of a step.
    """

    survival: Float[Array, "start duration"]
    step_h: float

    @property
    def duration_h(self) -> Float[Array, " duration"]:
        """How long outages last."""
        return np.arange(1, self.survival.shape[1] + 1) * self.step_h

    @property
    def mean(self) -> Float[Array, " duration"]:
        """Probability of surviving, every start alike."""
        return self.survival.mean(axis=0)

    @property
    def least(self) -> Float[Array, " duration"]:
        """Probability of surviving from the worst start."""
        return self.survival.min(axis=0)


def reliability(
    load_kw: Float[Array, " step"],
    sets: GeneratorTypes,
    *,
    durations: int,
    step_h: float = 1.0,
    battery: BackupBattery | None = None,
    generation_kw: Float[Array, " generation"] | None = None,
    generation_availability: float = 1.0,
    generation_without_battery: bool = False,
) -> SurvivalProbability:
    """Probability that outages are survived, for each step in which one may begin.

    In each step generators fail first; then the load is served or not; then the battery is charged
    or discharged by the difference, rounded to a level. Fuel is unlimited. The record goes round.

    Args:
        load_kw: That must be served.
        sets: Generators.
        durations: Longest outage, in steps.
        step_h: Length of a step.
        battery: None by default.
        generation_kw: Of sun and wind, before any is curtailed.
        generation_availability: Probability that sun and wind work at all in an outage.
        generation_without_battery: Whether they are of use where the battery is out of order.

    Raises:
        InputError: No step, NaN or negative powers, series of another length, a mean time to
            failure below a step.

    Source:
        REopt.jl, ``survival_with_battery`` and ``return_backup_reliability`` in
        ``src/outagesim/backup_reliability.jl``.
    """
    steps = len(load_kw)
    generation = np.zeros(steps) if generation_kw is None else generation_kw
    _check(load_kw, generation, sets, battery, durations, step_h, generation_availability)
    start = starting_probabilities(sets)
    failure = step_h / sets.mean_time_to_failure_h
    matrix = transition_matrix(sets.units, failure)
    power_kw = (sets.working * sets.power_kw).sum(axis=1)
    survival = np.zeros((steps, durations))
    sunny = generation_availability if generation_kw is not None else 0.0
    works = battery.availability if battery is not None else 0.0
    outcomes = (
        (works * sunny, battery, True),
        (works * (1 - sunny), battery, False),
        ((1 - works) * sunny, None, generation_without_battery or battery is None),
        ((1 - works) * (1 - sunny), None, False),
    )
    for probability, store, shines in outcomes:
        if probability == 0:
            continue
        net_kw = load_kw - generation if shines else load_kw
        chain, level = _chain(matrix, power_kw, store, step_h, steps)
        one = np.zeros_like(survival)
        all_survivals(chain, start, level, net_kw, one)
        survival += probability * one
    return SurvivalProbability(survival, step_h)


def _chain(
    matrix: Float[Array, "state state"],
    power_kw: Float[Array, " state"],
    battery: BackupBattery | None,
    step_h: float,
    steps: int,
) -> tuple[MarkovChain, Int[Array, " step"]]:
    """The states, with a battery of one empty level where there is none."""
    if battery is None:
        chain = MarkovChain(matrix, power_kw, np.zeros(1), 0.0, 0.0, 0.0)
        return chain, np.zeros(steps, dtype=np.int64)
    energy_kwh = np.arange(battery.levels) * battery.level_kwh
    given_kw = energy_kwh * battery.efficiency_discharge / step_h
    chain = MarkovChain(
        matrix,
        power_kw,
        np.minimum(given_kw, battery.power_kw),
        step_h * battery.efficiency_charge / battery.level_kwh,
        step_h / battery.efficiency_discharge / battery.level_kwh,
        battery.power_kw,
    )
    return chain, battery.start_level


def _check(
    load_kw: Float[Array, " step"],
    generation_kw: Float[Array, " generation"],
    sets: GeneratorTypes,
    battery: BackupBattery | None,
    durations: int,
    step_h: float,
    availability: float,
) -> None:
    faults: list[Fault] = []
    for name, values in (("load_kw", load_kw), ("generation_kw", generation_kw)):
        ok = (values >= 0) & (values < np.inf)
        faults += broken(name, ok, "be at least 0 and finite", values=values)
    lengths = {"generation_kw": len(generation_kw)}
    if battery is not None:
        lengths["start_soc"] = len(battery.start_soc)
    rule = f"have a value for each of {len(load_kw)} steps"
    faults += [Fault(name, rule, (n,)) for name, n in lengths.items() if n != len(load_kw)]
    if len(load_kw) == 0:
        faults.append(Fault("load_kw", "have at least one step", (0,)))
    if durations < 1:
        faults.append(Fault("durations", "be at least 1", (durations,)))
    if not 0 <= availability <= 1:
        faults.append(Fault("generation_availability", "be in [0, 1]", (availability,)))
    mean = sets.mean_time_to_failure_h
    if not 0 < step_h < np.inf:
        faults.append(Fault("step_h", "be above 0 and finite", (step_h,)))
    else:
        rule, fix = f"be at least a step, {step_h:g} h", "Take shorter steps."
        ok = mean >= step_h
        faults += broken("mean_time_to_failure_h", ok, rule, values=mean, fix=fix)
    raise_if_any("survival", faults)
