"""The best restoration where all arrivals are known, with a bound on what any other costs."""

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.engine.highs.sparse_program import solve
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration import policy
from evergrid.resilience.restoration.decomposition.limits import applies, pattern_limits
from evergrid.resilience.restoration.decomposition.mixture import PatternMixer
from evergrid.resilience.restoration.decomposition.search import Follow, PlanAndRuns, search
from evergrid.resilience.restoration.dispatch import SourceDispatch, dispatch
from evergrid.resilience.restoration.limits import block_load, violations
from evergrid.resilience.restoration.program import (
    FleetCut,
    StartState,
    all_open,
    build,
    own_columns,
)
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures, none_fail
from evergrid.resilience.restoration.schedule import RestorationSchedule, cost_kwh
from evergrid.resilience.restoration.steps import StepTables, step_tables

GAP = 1e-3  # share of the cost at which a schedule is called optimal
ASKED = 0.95  # share of the gap that branch and bound is asked for: rounding takes the rest
PATTERNS_SHARE = 0.6  # of the time, for branch and price beside other sources: then the program
MOST_CUTS = 5  # after which each battery has columns of its own
MOST_CUTS_OF_PATTERNS = 40  # the same where branch and price takes them one by one


def plan(
    microgrid: Microgrid,
    rule: RestorationRule,
    hours: float,
    step_h: float,
    *,
    failures: SourceFailures | None = None,
    pickup_share: Float[Array, " step"] | None = None,
    lasting: Float[Array, " step"] | None = None,
    gap: float = GAP,
    time_limit_s: float = 60.0,
) -> RestorationSchedule:
    """The restoration of least weighted energy not served, where all arrivals are known.

    That is a bound for any policy, which does not know them, and no policy itself. Where the rule
    has no planned trips, a plan that knows all needs no forced ones: it never opens a block, and
    bounds only schedules that do not.

    Args:
        microgrid: The site.
        rule: Limits.
        hours: Length of the outage.
        step_h: Length of a step.
        failures: Of sources, known ahead like all else; none when absent.
        pickup_share: By step; that of the rule when absent.
        lasting: Probability that the outage lasts to each step, for the least mean cost over its
            lengths where these are not known; 1 when absent.
        gap: Share of the cost at which it is called optimal.
        time_limit_s: After which the best that is known is returned.

    Raises:
        InputError: Hours that are no whole number of steps, failures of another number of sources,
            probabilities of another number of steps.
    """
    begun, begun_s = time.perf_counter(), time.process_time()
    failures = failures or none_fail(len(microgrid.batteries), len(microgrid.diesel_sets))
    table = step_tables(microgrid, hours, step_h, failures)
    given = {"failures": failures, "pickup_share": pickup_share}
    best = policy.follow(microgrid, rule, hours, step_h, **given)
    if best.openings.any() and not rule.planned_trips:
        dark = np.zeros_like(best.closed)
        best = policy.follow(microgrid, rule, hours, step_h, **given, wanted=dark)
    start = all_open(len(microgrid.load_blocks), table.steps)
    if lasting is not None:
        start = start._replace(lasting=_checked(lasting, table.steps))

    def follow(wanted: Bool[Array, "block step"]) -> PlanAndRuns | None:
        """What becomes of a plan."""
        one = policy.follow(microgrid, rule, hours, step_h, **given, wanted=wanted)
        keeps = one.status.good and (rule.planned_trips or not one.openings.any())
        return PlanAndRuns(one.closed, one.diesel_on) if keeps else None

    search = PlanSearch(table, rule, best.pickup_share, start, follow)
    others = bool(table.solar_kw.any() or table.diesel_there.any())
    bound, enough, again = -np.inf, False, True
    while again and not enough:
        share = PATTERNS_SHARE if search.as_patterns and others else 1.0
        left_s = max(share * time_limit_s - (time.perf_counter() - begun), 1.0)
        found = search.solve(best.closed, gap=ASKED * gap, time_limit_s=left_s)
        bound = max(bound, found.bound)
        if not found.any:
            break
        # Step by step a plan may come to something else, as the program may know batteries as one
        # fleet: then dispatch says how far each can carry it, and the program learns what limit was
        # missing.
        tried = policy.follow(microgrid, rule, hours, step_h, **given, wanted=found.closed)
        candidates = [tried]
        again = False
        if not np.array_equal(tried.closed, found.closed) or not tried.status.good:
            fed = dispatch(table, found.closed, found.diesel_on, start, found.online)
            candidates.append(_schedule(table, best, found, fed))
            again = search.learn(fed)
        good = [
            one
            for one in candidates
            if not violations(microgrid, one) and (rule.planned_trips or not one.openings.any())
        ]
        best = min([best, *good], key=lambda one: cost_kwh(microgrid, one, lasting))
        if not again and not any(np.array_equal(one.closed, found.closed) for one in good):
            again = search.deepen()
        cost = cost_kwh(microgrid, best, lasting)
        enough = cost - bound <= gap * max(cost, 1.0)
        if not again and not enough:
            again = search.deepen()
        again = again and time.perf_counter() - begun < time_limit_s
    return replace(
        best,
        method="program",
        status=Status.OPTIMAL if enough else Status.FEASIBLE,
        bound_kwh=bound,
        seconds=time.process_time() - begun_s,
    )


def _checked(lasting: Float[Array, " step"], steps: int) -> Float[Array, " step"]:
    """Probabilities, one for each step."""
    if lasting.shape != (steps,) or not ((lasting >= 0) & (lasting <= 1)).all():
        rule = f"be one probability for each step, {steps} in all"
        raise InputError("restoration", [Fault("lasting", rule, lasting.shape)])
    return lasting.astype(float)


class Closing(NamedTuple):
    """What the program closes, and the least cost that it proves; empty where it found nothing."""

    closed: Bool[Array, "block step"]
    diesel_on: Bool[Array, "set step"]
    online: Bool[Array, "source step"]
    bound: float
    any: bool


class PlanSearch:
    """The program of one outage, with what has been learnt of its fleet.

    It is branch and price over patterns of blocks where there is a plan to begin with and someone
    to follow one, and blocks are dark before; else a mixed-integer program.

    Attributes:
        as_patterns: Whether it may be branch and price.
    """

    def __init__(
        self,
        table: StepTables,
        rule: RestorationRule,
        pickup_share: Float[Array, " step"],
        start: StartState,
        follow: Follow | None = None,
    ) -> None:
        self._follow = follow
        self._given = table, rule, pickup_share, start
        self._cuts: list[FleetCut] = []
        self._own = own_columns(table)
        self._online = False
        self._learnt = 0
        self.as_patterns = applies(table)
        self._mixer: PatternMixer | None = None

    def solve(
        self, closed: Bool[Array, "block step"] | None, *, gap: float, time_limit_s: float
    ) -> Closing:
        """The best closing for all that is known; it begins with one that is given."""
        table, rule, share, begin = self._given
        if closed is not None and self._follow is not None and self.as_patterns:
            if self._mixer is None:
                self._mixer = PatternMixer(pattern_limits(table, rule, share, begin.lasting))
            found = search(self._mixer, closed, self._follow, gap=gap, time_limit_s=time_limit_s)
            none = np.zeros((0, table.steps), bool)
            return Closing(found.closed, found.runs, none, found.bound, any=True)
        program, layout = build(
            table, rule, share, begin, self._own, self._cuts, online=self._online
        )
        start = None if closed is None else (layout.closed.ravel(), closed.ravel().astype(float))
        answer = solve(program, time_limit_s=time_limit_s, gap=gap, start=start)
        if not len(answer.values):
            nothing = np.zeros(layout.closed.shape, bool)
            off = np.zeros(layout.diesel_on.shape, bool)
            none = np.zeros(layout.online.shape, bool)
            return Closing(nothing, off, none, answer.bound, any=False)
        on = answer.values[layout.diesel_on] > 0.5
        online = answer.values[layout.online] > 0.5
        return Closing(answer.values[layout.closed] > 0.5, on, online, answer.bound, any=True)

    def learn(self, fed: SourceDispatch) -> bool:
        """Keeps over which steps the fleet was asked for too much; whether that is news."""
        if fed.supply is not None and self._mixer is not None:
            self._mixer.learn(fed.supply)
            self._learnt += 1
            if self._learnt > MOST_CUTS_OF_PATTERNS:
                self._own, self._mixer, self.as_patterns = np.ones_like(self._own), None, False
            return True
        if fed.cut is None or self._own.all():
            return False
        self._cuts.append(fed.cut)
        if len(self._cuts) > MOST_CUTS:
            self._own, self._cuts = np.ones_like(self._own), []
        return True

    def deepen(self) -> bool:
        """Looks at which batteries count as sources when, from then on; whether that is news."""
        if self._online:
            return False
        self._own, self._online, self._cuts = np.ones_like(self._own), True, []
        self._mixer, self.as_patterns = None, False
        return True


def _schedule(
    table: StepTables, like: RestorationSchedule, found: Closing, fed: SourceDispatch
) -> RestorationSchedule:
    """The record of a plan and its dispatch."""
    return replace(
        like,
        closed=found.closed,
        load_kw=block_load(table, found.closed)[0],
        battery_kw=fed.battery_kw,
        battery_energy_kwh=fed.battery_energy_kwh,
        diesel_on=found.diesel_on,
        diesel_kw=fed.diesel_kw,
        fuel_kwh=fed.fuel_kwh,
        solar_used_kw=fed.solar_used_kw,
        master=fed.master,
    )
