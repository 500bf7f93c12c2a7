"""By how much does a day violate the limits of a feeder, averages and heat of transformers too?

A bound is the same at all steps of the day: where the day without vehicles violates a limit, it
must hardly get worse at any step than it is there at the worst of them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.devices.transformer_ageing import (
    highest_average,
    hottest,
    oil_rises,
    shared_heating,
)
from evergrid.grid.limits import evaluator as stepwise
from evergrid.grid.limits import places
from evergrid.grid.limits import rows as limit_rows
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.evaluator import Evaluator, RowValues
from evergrid.grid.limits.kinds import OF_DAY, OF_STEP, Kind
from evergrid.grid.limits.rows import LimitRows

BASE_TOLERANCE_PU = 1e-6


@dataclass(frozen=True)
class DayValues:
    """The highest value of each row over a day.

    Attributes:
        value: Of each row; minus infinity where no step has a solution.
        step: Where it is reached; of an average, the last step of its window.
        ageing: Hours of life that the most aged winding or transformer loses per hour.
    """

    value: Float[Array, " row"]
    step: Int[Array, " row"]
    ageing: float


@dataclass(frozen=True)
class DayResults:
    """How far a day violates each kind of limit.

    Attributes:
        excess: Beyond the limit at the worst place and step; as in `LimitResults`.
        where: `LimitRows.place` of the worst place; as in `LimitResults`.
        when: Its step.
    """

    excess: Float[Array, " kind"]
    where: Int[Array, " kind"]
    when: Int[Array, " kind"]


@dataclass(frozen=True)
class DayLimits:
    """The limits of every step of a day, and of all of them together.

    Attributes:
        evaluator: The case, and what is monitored in it.
        base_steps: The case without vehicles, step by step.
    """

    evaluator: Evaluator
    base_steps: RowValues

    @property
    def case(self) -> FeederCase:
        """The case."""
        return self.evaluator.case

    @cached_property
    def rows(self) -> LimitRows:
        """The limits, those of averages and of heat among them."""
        return limit_rows.rows(self.case, self.evaluator.limited[0], OF_DAY)

    @cached_property
    def base(self) -> DayValues:
        """The day without vehicles."""
        return self.values(self.base_steps)

    @cached_property
    def bound(self) -> Float[Array, " row"]:
        """Highest value allowed of each row."""
        return self.rows.bound(self.base.value, self.case.limits.base_violation_tolerance)

    @cached_property
    def step_bound(self) -> Float[Array, " row"]:
        """Highest values allowed of the rows that one step alone tells, `Evaluator.rows`."""
        return self.bound[np.isin(self.rows.kind, self.evaluator.rows.kind)]

    def values(self, steps: RowValues) -> DayValues:
        """The highest values over a day that repeats.

        Transformers count as idle in steps without a solution.
        """
        value = np.where(steps.settled[:, None], steps.value, -np.inf)
        by_kind = {}
        for kind in OF_STEP:
            of_kind = value[:, self.evaluator.rows.of(kind)]
            by_kind[kind] = of_kind.max(axis=0, initial=-np.inf), of_kind.argmax(axis=0)
        loading = value[:, self.evaluator.rows.of(Kind.TRANSFORMER)].T
        loading = np.ascontiguousarray(np.where(steps.settled, loading, 0.0))
        by_kind[Kind.TRANSFORMER] = loading.max(axis=1), loading.argmax(axis=1)
        mean, hot, ageing = self._of_transformers(loading)
        by_kind |= {Kind.TRANSFORMER_MEAN: mean, Kind.HOT_SPOT: hot}
        parts = [by_kind[kind] for kind in OF_DAY]
        return DayValues(
            np.concatenate([highest for highest, _ in parts]),
            np.concatenate([step for _, step in parts]),
            ageing,
        )

    def results(self, steps: RowValues) -> DayResults:
        """The worst place and step of each kind of limit."""
        values = self.values(steps)
        excess, where = np.full(len(Kind), -np.inf), np.full(len(Kind), -1)
        when = np.zeros(len(Kind), dtype=np.int64)
        beyond = values.value - self.bound
        for kind in OF_DAY:
            of = self.rows.of(kind)
            if np.isfinite(beyond[of]).any():
                where[kind] = beyond[of].argmax()
                row = of.start + where[kind]
                excess[kind], when[kind] = beyond[row], values.step[row]
        solved = bool(steps.settled.all())
        excess[Kind.NO_SOLUTION] = -1.0 if solved else 1.0
        if not solved:
            where[Kind.NO_SOLUTION], when[Kind.NO_SOLUTION] = 0, steps.settled.argmin()
        return DayResults(excess, where, when)

    def _of_transformers(
        self, loading: Float[Array, "place step"]
    ) -> tuple[tuple[Array, Array], tuple[Array, Array], float]:
        """Highest averages and hottest spots of transformers, each with its step, and ageing."""
        case = self.case
        thermal = case.limits.thermal.numbers()
        ambient_c = np.full(loading.shape[1], case.limits.ambient_c)
        owner = places.transformer_of(case.feeder, self.evaluator.limited[0])
        oil = oil_rises(shared_heating(loading, owner), case.step_h, thermal, True)
        mean, mean_step = np.empty(len(owner)), np.empty(len(owner), dtype=np.int64)
        hot_c, hot_step = np.empty(len(owner)), np.empty(len(owner), dtype=np.int64)
        most_ageing = 0.0
        for row, path in enumerate(loading):
            mean[row], mean_step[row] = highest_average(path, case.window)
            hot_c[row], hot_step[row], ageing = hottest(path, oil[owner[row]], ambient_c, thermal)
            most_ageing = max(most_ageing, ageing)
        return (mean, mean_step), (hot_c, hot_step), most_ageing


def day_limits(case: FeederCase) -> DayLimits:
    """The limits of a day.

    Raises:
        InputError: The feeder cannot even carry its load without vehicles.
    """
    of_steps = stepwise.evaluator(case)
    return DayLimits(of_steps, of_steps.base_values(BASE_TOLERANCE_PU))
