"""A plan within the limits of a feeder: planned, checked by power flow, and planned anew.

Limits that a plan violates enter the next one as flowgates: limits of voltage, of current or of
transformers, linearised where the plan went. Most of these limits curve towards safety,
so the lines cut away little that is allowed, and what the last plan costs is close to the least.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import SolveError
from evergrid.core.faults import Fault
from evergrid.core.flowgates import Flowgates
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
from evergrid.grid.limits.kinds import Kind
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

UNPLANNED = "No plan keeps these limits of the feeder beside all others."
NEAR = 0.02  # share of a limit's headroom below which a limit counts as nearly violated
MANY = 100  # cuts in one step, beyond which those are left out that another comes near to
ALIKE = 0.8  # cosine between their directions from which it does
MOST = 40  # cuts that are then made in one step, the deepest
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
    cuts, sketch = _Cuts(portfolio, connections), _Sketch(portfolio, options)
    limited, trail = portfolio, [_round(made.costs.net, checked)]
    tell(0, trail[0])
    while len(trail) <= rounds and not checked.holds:
        cuts.add(schedule, checked, MARGIN * 2.0 ** ((len(trail) - 1) // PATIENCE))
        drawn = sketch.within(cuts.last) if len(trail) < rounds else None
        if drawn is not None:
            schedule, checked = drawn, check(portfolio, connections, drawn)
        if drawn is None or checked.holds:
            limited = replace(portfolio, flowgates=cuts.flowgates())
            try:
                made = v2g(limited, options)
            except SolveError as error:
                faults = [*_violations(first_check if checked.holds else checked), *error.faults]
                raise SolveError(error.status, UNPLANNED, faults) from error
            schedule, checked = made.schedule, check(portfolio, connections, made.schedule)
        cost = costs(portfolio, schedule, options.end_value_per_kwh).net
        trail.append(_round(cost, checked))
        tell(len(trail) - 1, trail[-1])
    return FeederPlan(limited, made, checked, first, first_check, tuple(trail))


def _violations(checked: FeederCheck) -> list[Fault]:
    """The limits of the feeder that a plan violates, the one that is violated most first."""
    furthest = checked.share.max(axis=0, initial=0.0)
    steps = checked.violated.sum(axis=0)
    rows = np.argsort(-furthest, kind="stable")
    return [
        Fault(
            f"{Kind(checked.rows.kind[row]).label} limit",
            f"be kept; a plan made before violates it in {steps[row]} steps, by up to "
            f"{100 * furthest[row]:.3g} % of it",
            ids=(str(checked.rows.name[row]),),
            fix="Relax feeder.limits, lower feeder.load.share, or plan fewer vehicles.",
        )
        for row in rows.tolist()
        if steps[row]
    ]


class _Sketch:
    """Schedules of least cost as flowgates are added, without their proof."""

    def __init__(self, portfolio: Portfolio, options: Options) -> None:
        self._portfolio, self._options = portfolio, options
        self._problem = problem.build(portfolio, options.end_value_per_kwh)
        self._growing: reference.IncrementalModel | None = reference.IncrementalModel(
            self._problem.program
        )

    def within(self, added: Flowgates) -> Schedule | None:
        """The schedule within all flowgates so far; None once they leave somebody unserved."""
        if self._growing is None:
            return None
        options = self._options
        power = self._growing.solve(added, time_limit_s=options.time_limit_s, gap=options.gap)
        if power is None:
            self._growing = None
            return None
        return problem.schedule(self._portfolio, self._problem, power)


class _Cuts:
    """Linearised limits that cut off what plans did beyond them, gathered round by round."""

    def __init__(self, portfolio: Portfolio, connections: SiteConnections) -> None:
        self.portfolio, self.connections = portfolio, connections
        self._reach = reach(portfolio, connections)
        self._generation_kw = connections.of_sites(portfolio.curtailable_kw)
        self._known: Bool[Array, " row"] | None = None
        self._parts: list[Flowgates] = []

    @property
    def last(self) -> Flowgates:
        """Those that were added last."""
        return self._parts[-1]

    def add(self, schedule: Schedule, checked: FeederCheck, margin: float) -> None:
        """Cut where a limit is violated or nearly; one that is for the first time, always."""
        violated = checked.violated
        known = np.zeros(violated.shape[1], bool) if self._known is None else self._known
        new = violated.any(axis=0) & ~known
        self._known = known | new
        wanted = self.connections.of_schedule(self.portfolio, schedule)
        base_headroom = checked.limits.bound - checked.limits.base
        near = known & (checked.excess > -NEAR * base_headroom)
        step, row = np.nonzero(violated | near | new)
        sensitivity, headroom = linearised_rows(
            self.connections, checked, wanted, step=step, row=row
        )
        # Without fleet power each limit is kept, with generation curtailed or, where it helps, not.
        generation_kw = self._generation_kw[step]
        least = (np.minimum(sensitivity, 0.0) * generation_kw).sum(axis=1)
        headroom = np.maximum(headroom - margin * base_headroom[step, row], least)
        most = (np.maximum(sensitivity, 0.0) * self._reach.feed_kw[step]).sum(axis=1)
        most += (np.maximum(-sensitivity, 0.0) * self._reach.draw_kw[step]).sum(axis=1)
        binding = most > headroom
        binding[binding] = _spread(
            step[binding], sensitivity[binding], checked.share[step, row][binding]
        )
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
    share: Float[Array, " cut"],
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
        deepest = mine[np.argsort(-share[mine], kind="stable")]
        way = sensitivity[deepest] / np.linalg.norm(sensitivity[deepest], axis=1, keepdims=True)
        left = np.ones(len(deepest), dtype=bool)
        for cut in range(len(deepest)):
            if left[cut]:
                left[cut + 1 :] &= way[cut + 1 :] @ way[cut] < ALIKE
        left[np.flatnonzero(left)[MOST:]] = False
        kept[deepest[~left]] = False
    return kept


def _round(cost: float, checked: FeederCheck) -> Round:
    return Round(
        cost=cost,
        steps=int(checked.violated.any(axis=1).sum()),
        worst=float(checked.share.max(initial=0.0)),
    )
