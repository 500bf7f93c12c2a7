"""A plan within the limits of a feeder: planned, checked by power flow, and planned anew.

Limits that a plan violates enter the next one as flowgates: limits of voltage, of current or of
transformers, linearised where the plan went. Most of these limits curve towards safety,
so the lines cut away little that is allowed, and what the last plan costs is close to the least.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import SolveError
from evergrid.core.faults import Fault
from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.dispatch import problem
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.network.feeder_check import (
    MARGIN,
    FeederCheck,
    SiteConnections,
    check,
    linearised_rows,
    reach,
)
from evergrid.dispatch.plan import Options, Plan, v2g
from evergrid.engine import reference
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

UNPLANNED = "No plan keeps these limits of the feeder beside all others."
NEAR = 0.02  # share of a limit's headroom below which a limit counts as nearly violated
MANY = 20  # cuts in one step, beyond which those are left out that another comes near to
ALIKE = 0.8  # cosine between their directions from which it does; of the rest the deepest MANY
SHORT = 100.0  # times the highest price, what a sketch pays for a kWh owed and not served
PATIENCE = 5  # rounds after which twice as much is kept free


@dataclass(frozen=True)
class Round:
    """What one round came to.

    Attributes:
        cost: Net cost of the plan.
        steps: Steps in which a limit of the feeder is violated.
        worst: How far the limit that is violated most is violated, as a share of it.
    """

    cost: float
    steps: int
    worst: float


@dataclass(frozen=True)
class FeederPlan:
    """A plan within the limits of a feeder, and how it was found.

    Attributes:
        portfolio: The portfolio with the flowgates of the feeder.
        plan: The plan.
        check: What it does to the feeder.
        first: The plan without network limits.
        first_check: What that would do to the feeder.
        rounds: What each round came to, the plan without network limits first.
    """

    portfolio: Portfolio
    plan: Plan
    check: FeederCheck
    first: Plan
    first_check: FeederCheck
    rounds: tuple[Round, ...]


Tell = Callable[[int, Round], None]


def within(
    portfolio: Portfolio,
    connections: SiteConnections,
    options: Options,
    *,
    rounds: int = 50,
    tell: Tell = lambda number, made: None,
) -> FeederPlan:
    """Plan until every limit of the feeder is kept.

    Most rounds are sketches that begin from the last one; what they end with is planned in full.
    After all rounds, or the time limit of one solve, the plan within the flowgates so far is the
    last; one that violates limits of the feeder has the status `limits_exceeded`.

    Args:
        portfolio: What to plan.
        connections: How its sites connect to the feeder.
        options: How to plan.
        rounds: Plans and sketches to make at most, beside the first plan; the last plan may then
            still violate a limit.
        tell: Called after each round with its number.

    Raises:
        SolveError: No plan was found in the time allowed, or precision was lost.

    Source:
        Kelley (1960), The cutting-plane method for solving convex programs, J. SIAM 8(4), with
        cuts that are limits of the power flow, linearised.
    """
    made = first = v2g(portfolio, options)
    schedule = made.schedule
    checked = first_check = check(portfolio, connections, schedule)
    deadline, last = time.perf_counter() + options.time_limit_s, rounds == 0
    cuts, sketch = _Cuts(portfolio, connections), _Sketch(portfolio, options, deadline)
    limited, trail = portfolio, [_round(made.costs.net, checked)]
    tell(0, trail[0])
    while not (last or checked.holds):
        last = len(trail) == rounds or time.perf_counter() > deadline
        cuts.add(schedule, checked, MARGIN * 2.0 ** ((len(trail) - 1) // PATIENCE))
        drawn = None if last else sketch.within(cuts)
        if drawn is not None:
            schedule, checked = drawn, check(portfolio, connections, drawn)
        if drawn is None or checked.holds:
            limited = replace(portfolio, flowgates=cuts.flowgates())
            try:
                made = v2g(limited, options)
            except SolveError as error:
                faults = [*_faults(first_check if checked.holds else checked), *error.faults]
                raise SolveError(error.status, UNPLANNED, faults) from error
            schedule, checked = made.schedule, check(portfolio, connections, made.schedule)
        cost = costs(portfolio, schedule, options.end_value_per_kwh).net
        trail.append(_round(cost, checked))
        tell(len(trail) - 1, trail[-1])
    if not checked.holds:
        made = replace(made, status=Status.LIMITS_EXCEEDED)
    return FeederPlan(limited, made, checked, first, first_check, tuple(trail))


def _faults(checked: FeederCheck) -> list[Fault]:
    """The limits of the feeder that a plan violates, the one that is violated most first."""
    return [
        Fault(
            f"{violation.limit} limit",
            f"be kept; a plan made before violates it {violation}",
            ids=(violation.place,),
            fix="Relax feeder.limits, lower feeder.load.share, or plan fewer vehicles.",
        )
        for violation in checked.violations
    ]


class _Sketch:
    """Schedules of least cost as flowgates are added, without their proof.

    Once flowgates leave somebody unserved, energy owed that is missing costs more than any other.
    """

    def __init__(self, portfolio: Portfolio, options: Options, deadline: float) -> None:
        self._portfolio, self._gap, self._deadline = portfolio, options.gap, deadline
        self._problem = problem.build(portfolio, options.end_value_per_kwh)
        self._growing = reference.IncrementalModel(self._problem.program)
        self._elastic = False

    def within(self, cuts: "_Cuts") -> Schedule | None:
        """The schedule within all flowgates so far; None where none was found in time."""
        power = self._solved(cuts.last)
        if power is None and not self._elastic:
            self._elastic, price = True, SHORT * self._highest_price
            self._growing = reference.IncrementalModel(self._problem.program, price)
            power = self._solved(cuts.flowgates())
        return None if power is None else problem.schedule(self._portfolio, self._problem, power)

    def _solved(self, added: Flowgates) -> Float[Array, " slot"] | None:
        left_s = max(self._deadline - time.perf_counter(), 0.0)
        return self._growing.solve(added, time_limit_s=left_s, gap=self._gap)

    @property
    def _highest_price(self) -> float:
        program = self._problem.program
        prices = (program.draw_price_per_kwh, program.feed_price_per_kwh, program.end_value_per_kwh)
        return max(1e-3, *(float(np.abs(price).max(initial=0.0)) for price in prices))


class _Cuts:
    """Linearised limits that cut off what plans did beyond them, gathered round by round."""

    def __init__(self, portfolio: Portfolio, connections: SiteConnections) -> None:
        self.portfolio, self.connections = portfolio, connections
        self._reach = reach(portfolio, connections)
        self._generation_kw = connections.of_sites(portfolio.curtailable_kw)
        self._known: Bool[Array, " row"] | None = None
        self._made: Bool[Array, "step row"] | None = None
        self._parts: list[Flowgates] = []

    @property
    def last(self) -> Flowgates:
        """Those that were added last."""
        return self._parts[-1]

    def add(self, schedule: Schedule, checked: FeederCheck, margin: float) -> None:
        """Cut where a limit is violated, or nearly for the first time; a new one, everywhere."""
        violated = checked.violated
        known = np.zeros(violated.shape[1], bool) if self._known is None else self._known
        made = np.zeros(violated.shape, bool) if self._made is None else self._made
        new = violated.any(axis=0) & ~known
        self._known = known | new
        wanted = self.connections.of_schedule(self.portfolio, schedule)
        base_headroom = checked.limits.bound - checked.limits.base
        near = known & ~made & (checked.excess > -NEAR * base_headroom)
        step, row = np.nonzero(violated | near | new)
        sensitivity, headroom = linearised_rows(
            self.connections, checked, wanted, step=step, row=row
        )
        # How far the plan passes each line; where its power flow has no solution, limits have none.
        bound = np.abs(checked.limits.bound[step, row])
        depth = ((sensitivity * wanted[step]).sum(axis=1) - headroom) / bound
        # Without fleet power each limit is kept, with generation curtailed or, where it helps, not.
        generation_kw = self._generation_kw[step]
        least = (np.minimum(sensitivity, 0.0) * generation_kw).sum(axis=1)
        headroom = np.maximum(headroom - margin * base_headroom[step, row], least)
        most = (np.maximum(sensitivity, 0.0) * self._reach.feed_kw[step]).sum(axis=1)
        most += (np.maximum(-sensitivity, 0.0) * self._reach.draw_kw[step]).sum(axis=1)
        binding = most > headroom
        binding &= checked.values.settled[step] | (depth > 0)
        binding[binding] = _spread(step[binding], sensitivity[binding], depth[binding])
        made[step[binding], row[binding]] = True
        self._made = made
        step, sensitivity = step[binding], sensitivity[binding]
        headroom, generation_kw = headroom[binding], generation_kw[binding]
        size = np.abs(sensitivity).max(axis=1, initial=1e-12)
        weight = np.zeros((len(step), len(self.portfolio.sites)))
        weight[:, self.connections.site] = sensitivity / size[:, None]
        # In a flowgate, generation counts by what it is curtailed.
        all_fed = (sensitivity * generation_kw).sum(axis=1)
        self._parts.append(Flowgates(step, weight, (headroom - all_fed) / size))

    def flowgates(self) -> Flowgates:
        """All of them."""
        parts = self._parts
        return Flowgates(
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.limit_kw for part in parts]),
        )


def _spread(
    step: Int[Array, " cut"],
    sensitivity: Float[Array, "cut place"],
    depth: Float[Array, " cut"],
) -> Bool[Array, " cut"]:
    """Which cuts to make where a step has many: of those that point the same way, the deepest.

    Places along one street are violated together, and what helps one helps its neighbours; one
    that is still violated afterwards is cut in a later round.
    """
    kept = np.ones(len(step), dtype=bool)
    for at, count in zip(*np.unique(step, return_counts=True), strict=True):
        if count <= MANY:
            continue
        (mine,) = np.nonzero(step == at)
        deepest = mine[np.argsort(-depth[mine], kind="stable")]
        way = sensitivity[deepest] / np.linalg.norm(sensitivity[deepest], axis=1, keepdims=True)
        left = np.ones(len(deepest), dtype=bool)
        for cut in range(len(deepest)):
            if left[cut]:
                left[cut + 1 :] &= way[cut + 1 :] @ way[cut] < ALIKE
        left[np.flatnonzero(left)[MANY:]] = False
        kept[deepest[~left]] = False
    return kept


def _round(cost: float, checked: FeederCheck) -> Round:
    return Round(
        cost=cost,
        steps=int(checked.violated.any(axis=1).sum()),
        worst=float(checked.share.max(initial=0.0)),
    )
