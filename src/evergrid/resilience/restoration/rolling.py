"""A restoration that is planned anew whenever a source comes or goes, on what is known then.

It knows what the fast policy knows, when the vehicles that are there will leave, and the course of
the sun. Of the length it believes what the policy believes: from each moment on, a step counts with
the probability that an outage which has lasted so far lasts to it, until that is low. Vehicles that
are still to come it leaves out, or expects after a mean wait.
"""

import time
from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration import belief as beliefs
from evergrid.resilience.restoration import policy
from evergrid.resilience.restoration.belief import OutageBelief
from evergrid.resilience.restoration.dispatch import dispatch
from evergrid.resilience.restoration.limits import ages
from evergrid.resilience.restoration.plan import PlanSearch
from evergrid.resilience.restoration.program import StartState
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures, none_fail
from evergrid.resilience.restoration.schedule import RestorationSchedule
from evergrid.resilience.restoration.steps import NEAR, StepTables, step_tables

GAP = 5e-3  # of each plan; the next arrival changes more
AHEAD = float(np.exp(-2.0))  # probability down to which a plan looks ahead: two mean lengths


def follow(
    microgrid: Microgrid,
    rule: RestorationRule,
    hours: float,
    step_h: float,
    *,
    failures: SourceFailures | None = None,
    belief: OutageBelief | None = None,
    expected_wait_h: float | None = None,
    gap: float = GAP,
    time_limit_s: float = 20.0,
) -> RestorationSchedule:
    """The restoration of one outage, planned again and again.

    Args:
        microgrid: The site, with when its vehicles really come and leave.
        rule: Limits, and how long an outage is expected to last where no belief is given.
        hours: For which the outage is followed.
        step_h: Length of a step.
        failures: Of sources; none when absent. They are learnt of as they happen.
        belief: How long outages last; exponential with the mean of the rule when absent. What
            vehicles bring that are still to come is not taken from it.
        expected_wait_h: Mean of the exponential wait for each vehicle that is not there yet, with
            the mean energy of those that are. Absent: only vehicles that are there count.
        gap: Share of the cost at which each plan is good enough.
        time_limit_s: Of each plan.

    Raises:
        InputError: Hours that are no whole number of steps, failures of another number of sources,
            a belief of another number of steps, a wait that is not positive, an expected length
            below one step.
    """
    begun_s = time.process_time()
    _check(rule, step_h, expected_wait_h, believes=belief is not None)
    failures = failures or none_fail(len(microgrid.batteries), len(microgrid.diesel_sets))
    table = step_tables(microgrid, hours, step_h, failures)
    if belief is None:
        belief = beliefs.exponential(rule.expected_h, table.steps, step_h)
    beliefs.check(belief, table.steps)
    wanted = np.zeros((len(microgrid.load_blocks), table.steps), bool)
    course = policy.follow(microgrid, rule, hours, step_h, failures=failures, wanted=wanted)
    step = 0
    while step < table.steps:
        lasting = _lasting(belief, step, step_h)
        ahead = len(lasting)
        start = _start(course, step, lasting)
        known = _known(microgrid, table, course, step, ahead, expected_wait_h)
        closed = _best(known, rule, np.full(ahead, rule.pickup_share), start, gap, time_limit_s)
        part = wanted[:, step : step + ahead]
        part[:] = closed[:, : part.shape[1]]
        course = policy.follow(microgrid, rule, hours, step_h, failures=failures, wanted=wanted)
        step = _next(table, step, ahead)
    return replace(course, method="rolling", seconds=time.process_time() - begun_s)


def _best(
    known: StepTables,
    rule: RestorationRule,
    share: Float[Array, " step"],
    start: StartState,
    gap: float,
    time_limit_s: float,
) -> Bool[Array, "block step"]:
    """What a plan closes that the fleet can feed; nothing where none is found."""
    search = PlanSearch(known, rule, share, start)
    while True:
        found = search.solve(None, gap=gap, time_limit_s=time_limit_s)
        fed = dispatch(known, found.closed, found.diesel_on, start, found.online)
        if not found.any or not search.learn(fed):
            return found.closed


def _lasting(belief: OutageBelief, step: int, step_h: float) -> Float[Array, " ahead"]:
    """Probability that an outage that lasts to a step lasts to each from there on, until it is low.

    The step itself counts in full, also where no outage is believed to last so long.
    """
    lasting, tail_h = belief.lasting[step:], belief.tail_h
    if tail_h > 0:
        more = int(np.ceil(-np.log(AHEAD) * tail_h / step_h))
        after = lasting[-1] * np.exp(-step_h / tail_h * np.arange(1, more + 1))
        lasting = np.concatenate([lasting, after])
    share = lasting / max(float(lasting[0]), np.finfo(float).tiny)
    share[0] = 1.0
    return share[share > AHEAD * (1 + 1e-9)]


def _next(table: StepTables, step: int, ahead: int) -> int:
    """The next step with other sources than the one before it, or at which a plan ends."""
    sources = np.concatenate([table.there, table.diesel_there])[:, step : step + ahead + 1]
    other = np.flatnonzero((sources[:, 1:] != sources[:, :-1]).any(axis=0))
    return step + (int(other[0]) + 1 if len(other) else ahead)


def _stays(
    microgrid: Microgrid, table: StepTables, step: int, ahead: int
) -> Bool[Array, "battery step"]:
    """Whether each battery, once there, will still be there; failures are not foreseen."""
    end = (step + np.arange(ahead) + 1) * table.step_h
    leaves = np.array([unit.departure_h for unit in microgrid.batteries], float)
    return leaves[:, None] >= end - NEAR * table.step_h


def _start(course: RestorationSchedule, step: int, lasting: Float[Array, " step"]) -> StartState:
    """Blocks as they are before a step."""
    if step == 0:
        none = np.zeros(len(course.closed), bool)
        return StartState(none, none.astype(np.int64), lasting)
    return StartState(course.closed[:, step - 1], ages(course.closed)[:, step - 1], lasting)


def _known(
    microgrid: Microgrid,
    table: StepTables,
    course: RestorationSchedule,
    step: int,
    ahead: int,
    expected_wait_h: float | None,
) -> StepTables:
    """The microgrid from a step on, as far as it is known there."""
    here = table.there[:, step]
    there = _stays(microgrid, table, step, ahead) & here[:, None]
    energy = (course.battery_energy_kwh[:, step - 1] if step else table.energy_kwh).copy()
    later = ~table.there[:, : step + 1].any(axis=1)
    if expected_wait_h is not None and later.any() and here.any():
        quantile = (np.arange(later.sum()) + 0.5) / later.sum()
        comes = np.ceil(-expected_wait_h * np.log1p(-quantile) / table.step_h)
        there[later] = np.arange(ahead) >= comes[:, None]
        energy[later] = np.clip(energy[here].mean(), table.floor_kwh[later], None)
    solar = np.zeros(ahead)
    given = table.solar_kw[step : step + ahead]
    solar[: len(given)] = given
    fuel = course.fuel_kwh[:, step - 1] if step else table.fuel_kwh
    runs = np.repeat(table.diesel_there[:, step : step + 1], ahead, axis=1)
    return table._replace(
        there=there,
        energy_kwh=np.minimum(energy, table.capacity_kwh),
        diesel_there=runs,
        fuel_kwh=np.maximum(fuel, 0.0),
        solar_kw=solar,
        cold_mean=_longer(table.cold_mean, table, step + ahead + 1),
        cold_first=_longer(table.cold_first, table, step + ahead + 1),
    )


def _longer(
    profile: Float[Array, "block age"], table: StepTables, count: int
) -> Float[Array, "block longer"]:
    """A cold load to greater ages, at which it falls by its factor from step to step."""
    more = np.arange(1, max(count - profile.shape[1], 0) + 1)
    tail = profile[:, -1:] * table.cold_factor[:, None] ** more
    return np.concatenate([profile, tail], axis=1)


def _check(
    rule: RestorationRule, step_h: float, expected_wait_h: float | None, *, believes: bool
) -> None:
    faults = []
    if expected_wait_h is not None and not 0 < expected_wait_h < np.inf:
        fix = "Leave it out where only vehicles that are there are to count."
        faults.append(Fault("expected_wait_h", "be positive", (expected_wait_h,), fix=fix))
    if rule.expected_h < step_h and not believes:
        rule_text = f"be at least one step, {step_h:g} h, for a plan to look ahead"
        faults.append(Fault("expected_h", rule_text, (rule.expected_h,)))
    if faults:
        raise InputError("rolling restoration", faults)
