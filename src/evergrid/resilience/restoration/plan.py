"""The best restoration for known arrivals, with a bound on how far it may be from the best of all."""

import time
from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.status import Status
from evergrid.engine.highs.sparse_program import solve
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration import policy
from evergrid.resilience.restoration.dispatch import Dispatch, dispatch
from evergrid.resilience.restoration.limits import block_load, violations
from evergrid.resilience.restoration.program import Cut, build
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures, none_fail
from evergrid.resilience.restoration.schedule import RestorationSchedule, cost_kwh
from evergrid.resilience.restoration.steps import StepTables, step_tables

GAP = 1e-3  # share of the cost at which a schedule is called optimal
MOST_CUTS = 30


def plan(
    microgrid: Microgrid,
    rule: RestorationRule,
    hours: float,
    step_h: float,
    *,
    failures: SourceFailures | None = None,
    pickup_share: Float[Array, " step"] | None = None,
    gap: float = GAP,
    time_limit_s: float = 60.0,
) -> RestorationSchedule:
    """The restoration of least weighted energy not served, where all arrivals are known.

    That is a bound for any policy, which does not know them, and no policy itself.

    Args:
        microgrid: The site.
        rule: Limits.
        hours: Length of the outage.
        step_h: Length of a step.
        failures: Of sources, known ahead like all else; none when absent.
        pickup_share: By step; that of the rule when absent.
        gap: Share of the cost at which it is called optimal.
        time_limit_s: After which the best that is known is returned.

    Raises:
        InputError: Hours that are no whole number of steps, failures of another number of sources.
    """
    begun = time.process_time()
    failures = failures or none_fail(len(microgrid.batteries), len(microgrid.diesel_sets))
    table = step_tables(microgrid, hours, step_h, failures)
    given = {"failures": failures, "pickup_share": pickup_share}
    best = policy.follow(microgrid, rule, hours, step_h, **given)
    bound, cuts, enough = -np.inf, list[Cut](), False
    while not enough:
        program, layout = build(table, rule, best.pickup_share, cuts)
        start = layout.closed.ravel(), best.closed.ravel().astype(float)
        left_s = max(time_limit_s - (time.process_time() - begun), 1.0)
        answer = solve(program, time_limit_s=left_s, gap=gap / 2, start=start)
        bound = max(bound, answer.bound)
        if not len(answer.values):
            break
        closed = answer.values[layout.closed] > 0.5
        tried = policy.follow(microgrid, rule, hours, step_h, **given, wanted=closed)
        found, cut = [tried], None
        if not (tried.status.good and np.array_equal(tried.closed, closed)):
            on = answer.values[layout.diesel_on] > 0.5
            fed = dispatch(table, closed, on)
            found.append(_schedule(table, best, closed, on, fed))
            cut = fed.cut
        good = [one for one in found if not violations(microgrid, one)]
        best = min([best, *good], key=lambda one: cost_kwh(microgrid, one))
        cost = cost_kwh(microgrid, best)
        enough = cost - bound <= gap * max(cost, 1.0)
        late = time.process_time() - begun > time_limit_s
        if cut is None or late or len(cuts) == MOST_CUTS:
            break
        cuts.append(cut)
    return replace(
        best,
        method="program",
        status=Status.OPTIMAL if enough else Status.FEASIBLE,
        bound_kwh=bound,
        seconds=time.process_time() - begun,
    )


def _schedule(
    table: StepTables,
    like: RestorationSchedule,
    closed: Bool[Array, "block step"],
    diesel_on: Bool[Array, "set step"],
    fed: Dispatch,
) -> RestorationSchedule:
    """The record of a plan and its dispatch."""
    return replace(
        like,
        closed=closed,
        load_kw=block_load(table, closed)[0],
        battery_kw=fed.battery_kw,
        battery_energy_kwh=fed.battery_energy_kwh,
        diesel_on=diesel_on,
        diesel_kw=fed.diesel_kw,
        fuel_kwh=fed.fuel_kwh,
        solar_used_kw=fed.solar_used_kw,
        master=fed.master,
    )
