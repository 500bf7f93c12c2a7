"""A plan that a feeder's wires can carry: planned, checked by power flow, and planned anew.

Limits that a plan passes enter the next one as flowgates: straight lines that touch the limit of a
voltage, a current or a transformer where the plan went. Most of these limits curve towards safety,
so the lines cut away little that is allowed, and what the last plan costs is close to the least.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool
from evergrid.core.errors import SolveError
from evergrid.core.faults import Fault
from evergrid.core.flowgates import Flowgates
from evergrid.dispatch import problem
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.network.feeder_check import CARE, Checked, Wiring, check, linear, reach
from evergrid.dispatch.plan import Options, Plan, v2g
from evergrid.engine import reference
from evergrid.grid.limits.feeder_limits import KINDS
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

UNPLANNED = "No plan keeps these limits of the feeder beside all others."
NEAR = 0.02  # share of a limit's room below which a limit counts as nearly passed
PATIENCE = 5  # rounds after which twice as much is kept free


@dataclass(frozen=True)
class Round:
    """What one round came to.

    Attributes:
        cost: Net cost of the plan.
        steps: Steps in which a limit of the feeder is passed.
        worst: How far the limit that is passed furthest is passed, as a share of it.
    """

    cost: float
    steps: int
    worst: float


@dataclass(frozen=True)
class Held:
    """A plan within the wires, and how it was found.

    Attributes:
        portfolio: The portfolio with the wires' flowgates.
        plan: The plan.
        checked: What it does to the feeder.
        first: The plan without the wires.
        first_checked: What that would do to them.
        rounds: What each round came to, the plan without the wires first.
    """

    portfolio: Portfolio
    plan: Plan
    checked: Checked
    first: Plan
    first_checked: Checked
    rounds: tuple[Round, ...]


Tell = Callable[[int, Round], None]


def within(
    portfolio: Portfolio,
    wiring: Wiring,
    options: Options,
    *,
    rounds: int = 50,
    tell: Tell = lambda number, made: None,
) -> Held:
    """Plan until the wires can carry it.

    Most rounds are sketches that begin from the last one; what they end with is planned in full.

    Args:
        portfolio: What to plan.
        wiring: Where its sites hang on the feeder.
        options: How to plan.
        rounds: Plans and sketches to make at most, beside the first plan; the last plan may then
            still pass a limit.
        tell: Called after each round with its number.

    Raises:
        SolveError: No plan was found in the time allowed, or precision was lost.

    Source:
        Kelley (1960), The cutting-plane method for solving convex programs, J. SIAM 8(4), with
        cuts that touch the limits of the power flow.
    """
    made = first = v2g(portfolio, options)
    schedule = made.schedule
    checked = first_checked = check(portfolio, wiring, schedule)
    cuts, sketch = _Cuts(portfolio, wiring), _Sketch(portfolio, options)
    limited, trail = portfolio, [_round(made.costs.net, checked)]
    tell(0, trail[0])
    while len(trail) <= rounds and not checked.holds:
        cuts.add(schedule, checked, CARE * 2.0 ** ((len(trail) - 1) // PATIENCE))
        drawn = sketch.within(cuts.last) if len(trail) < rounds else None
        if drawn is not None:
            schedule, checked = drawn, check(portfolio, wiring, drawn)
        if drawn is None or checked.holds:
            limited = replace(portfolio, flowgates=cuts.flowgates())
            try:
                made = v2g(limited, options)
            except SolveError as error:
                faults = [*_passed(first_checked if checked.holds else checked), *error.faults]
                raise SolveError(error.status, UNPLANNED, faults) from error
            schedule, checked = made.schedule, check(portfolio, wiring, made.schedule)
        cost = costs(portfolio, schedule, options.end_value_per_kwh).net
        trail.append(_round(cost, checked))
        tell(len(trail) - 1, trail[-1])
    return Held(limited, made, checked, first, first_checked, tuple(trail))


def _passed(checked: Checked) -> list[Fault]:
    """The limits of the feeder that a plan passes, the one that is passed furthest first."""
    furthest = checked.share.max(axis=0, initial=0.0)
    steps = checked.passed.sum(axis=0)
    rows = np.argsort(-furthest, kind="stable")
    return [
        Fault(
            f"{KINDS[checked.rows.kind[row]]} limit",
            f"be kept; a plan made before passes it in {steps[row]} steps, by up to "
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
        self._growing: reference.Growing | None = reference.Growing(self._problem.program)

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
    """Lines that cut off what plans did beyond the limits, gathered round by round."""

    def __init__(self, portfolio: Portfolio, wiring: Wiring) -> None:
        self.portfolio, self.wiring = portfolio, wiring
        self._reach = reach(portfolio, wiring)
        self._generation_kw = wiring.of_sites(portfolio.curtailable_kw)
        self._known: Bool[Array, " row"] | None = None
        self._parts: list[Flowgates] = []

    @property
    def last(self) -> Flowgates:
        """Those that were added last."""
        return self._parts[-1]

    def add(self, schedule: Schedule, checked: Checked, care: float) -> None:
        """Cut where a limit is passed or nearly; one that is passed for the first time, always."""
        passed = checked.passed
        known = np.zeros(passed.shape[1], bool) if self._known is None else self._known
        new = passed.any(axis=0) & ~known
        self._known = known | new
        wanted = self.wiring.of_schedule(self.portfolio, schedule)
        rise, room = linear(self.wiring, checked, wanted)
        base_room = checked.judge.bound - checked.judge.rest
        # At rest each limit is kept, with generation curtailed or, where it helps, not.
        generation_kw = self._generation_kw[:, :, None]
        least = (np.minimum(rise, 0.0) @ generation_kw)[:, :, 0]
        room = np.maximum(room - care * base_room, least)
        most = np.maximum(rise, 0.0) @ self._reach.feed_kw[:, :, None]
        most += np.maximum(-rise, 0.0) @ self._reach.draw_kw[:, :, None]
        near = known & (checked.excess > -NEAR * base_room)
        step, row = np.nonzero((passed | near | new) & (most[:, :, 0] > room))
        size = np.abs(rise[step, row]).max(axis=1, initial=1e-12)
        weight = np.zeros((len(step), len(self.portfolio.sites)))
        weight[:, self.wiring.site] = rise[step, row] / size[:, None]
        # In a flowgate, generation counts by what it is curtailed.
        all_fed = (rise @ generation_kw)[step, row, 0]
        self._parts.append(Flowgates(step, weight, (room[step, row] - all_fed) / size))

    def flowgates(self) -> Flowgates:
        """All of them."""
        parts = self._parts
        return Flowgates(
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.limit_kw for part in parts]),
        )


def _round(cost: float, seen: Checked) -> Round:
    return Round(
        cost=cost,
        steps=int(seen.passed.any(axis=1).sum()),
        worst=float(seen.share.max(initial=0.0)),
    )
