"""A plan that keeps a cap on emissions, as one schedule, and what a tonne costs at the cap."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.errors import InputError, SolveError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.dispatch import problem as energy_problem
from evergrid.dispatch import proof, shortfall
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.assessment import LEAST_KWH, Assessment
from evergrid.dispatch.carbon.frontier import CappedPlan, CarbonProblem, capped
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.problem import Problem
from evergrid.engine.certificate import TOLERANCE
from evergrid.model.schedule import Schedule

ROOM = 5e-11  # of the tonnes between two plans, by which the one between them stays below the cap


@dataclass(frozen=True)
class PlanWithinCap:
    """One schedule that emits no more than a cap.

    Attributes:
        plan: It, with costs that hold no price of carbon, and the proof of how near it is to the
            cheapest schedule within the cap. What it tells of limits that bind are prices at the
            price of a tonne below.
        tonnes: What it emits, see `CarbonProblem.tonnes`.
        found: The plans at prices of carbon that it was found by.
    """

    plan: Plan
    tonnes: float
    found: CappedPlan

    @property
    def binds(self) -> bool:
        """Whether the plan of least cost emits more than the cap."""
        return self.found.free.tonnes > self.found.cap_tonnes

    @property
    def price_per_tonne(self) -> float:
        """What a tonne less costs at the cap; 0 where it does not bind."""
        return self.found.price_per_tonne

    @property
    def cost(self) -> float:
        """What the cap costs in all."""
        return self.plan.costs.net - self.found.free.net_cost


def within_cap(
    problem: CarbonProblem,
    cap_tonnes: float,
    tell: Callable[[float], None] = lambda price: None,
) -> PlanWithinCap:
    """The cheapest plan known that emits no more than a cap.

    Prices of carbon lead to two plans on either side of the cap. The cleaner one keeps it, and so
    does one that lies between both, which costs less. Either is held against the records.

    Args:
        problem: What is planned; its chargers may take any power.
        cap_tonnes: Most that `CarbonProblem.tonnes` may be.
        tell: Called with every price of a tonne that is tried.

    Raises:
        InfeasibleError: No price of carbon brings emissions down to the cap.
        InputError: Limits are exceeded or energy owed is not served even without a cap.
        SolveError: No plan within the time limit; a plan that costs less than is possible.

    Source:
        Lagrangian duality: the plan of least cost and priced tonnes, less the price of the cap, is
        a bound for every schedule within the cap.
    """
    begun = time.perf_counter()
    found = capped(problem, cap_tonnes, tell)
    _refuse_what_gives_way(problem, found)
    schedules = [found.cleaner.plan.schedule]
    between = _between(problem, found)
    if between is not None and _is_kept(problem, between, cap_tonnes):
        schedules.append(between)
    value = problem.options.end_value_per_kwh
    best = min(schedules, key=lambda one: costs(problem.portfolio, one, value).net)
    made = _proven(problem, found, best)
    made = replace(made, solve_s=time.perf_counter() - begun)
    return PlanWithinCap(made, problem.tonnes(best), found)


def _refuse_what_gives_way(problem: CarbonProblem, found: CappedPlan) -> None:
    """Refuse a cap beside limits that are exceeded, or energy that sites keep from being served.

    What gives way least is found anew for every price of carbon, so that bounds at several prices
    would not be those of one problem.
    """
    made = found.free.plan
    by_charger = energy_problem.owed(problem.portfolio).shortfall_kwh
    by_sites = made.assessment.shortfall_kwh - by_charger > LEAST_KWH
    if not (by_sites.any() or made.overloads or made.overdrafts):
        return
    names = [str(name) for name in problem.portfolio.sessions.session_id[by_sites]]
    sites = [item.site_id for item in (*made.overloads, *made.overdrafts)]
    rule = "be left out where energy owed cannot be served, or load alone exceeds a limit"
    fix = "Give price_per_tonne in its place, or mend what the plan without a cap tells."
    fault = Fault("cap_tonnes", rule, (found.cap_tonnes,), tuple(names + sites), fix=fix)
    raise InputError("carbon", [fault])


def _between(problem: CarbonProblem, found: CappedPlan) -> Schedule | None:
    """What lies between both plans and emits as much as the cap; None where the cleaner one does.

    Where one plan draws and the other feeds, what lies between does one of both, and loses less.
    """
    cheaper, cleaner = (one.plan.schedule for one in (found.cheaper, found.cleaner))
    aim = found.cap_tonnes - ROOM * (found.cheaper.tonnes - found.cleaner.tonnes)
    if problem.portfolio.chargers is not None or found.cleaner.tonnes >= aim:
        return None
    value = problem.options.end_value_per_kwh
    made = energy_problem.build(problem.portfolio, value)

    def at(share: float) -> Schedule:
        return _mixed(problem, made, cheaper, cleaner, share)

    def beyond(share: float) -> float:
        return problem.tonnes(at(share)) - aim

    if beyond(1.0) <= 0.0 or beyond(0.0) >= 0.0:
        return None
    from scipy.optimize import root_scalar  # takes long to load, and few need it

    return at(float(root_scalar(beyond, bracket=(0.0, 1.0), xtol=1e-13).root))


def _mixed(
    problem: CarbonProblem, made: Problem, cheaper: Schedule, cleaner: Schedule, share: float
) -> Schedule:
    """Powers of which this share is the cheaper plan's, less what batteries have no room for."""
    sessions, step_h = problem.portfolio.sessions, problem.portfolio.grid.step_h
    power = share * cheaper.power_kw + (1.0 - share) * cleaner.power_kw
    held = sessions.energy_arrival_kwh
    for step in range(power.shape[1]):
        room = (sessions.capacity_kwh - held) / (sessions.efficiency_charge * step_h)
        power[:, step] = kw = np.maximum(power[:, step], -np.maximum(room, 0.0))
        into = np.where(
            kw > 0, -kw / sessions.efficiency_discharge, -kw * sessions.efficiency_charge
        )
        held = held + step_h * into
    curtailed = None
    if cheaper.curtailed_kw is not None and cleaner.curtailed_kw is not None:
        curtailed = share * cheaper.curtailed_kw + (1.0 - share) * cleaner.curtailed_kw
    planned = replace(cleaner, power_kw=power, curtailed_kw=curtailed)
    return energy_problem.schedule(problem.portfolio, made, energy_problem.powers(made, planned))


def _is_kept(problem: CarbonProblem, schedule: Schedule, cap_tonnes: float) -> bool:
    """Whether a schedule keeps every limit of the records, and the cap."""
    held = Assessment(problem.portfolio, schedule)
    worst = max(held.power_kw, held.energy_kwh, held.limits_kw, held.budget_excess_kwh.max())
    by_charger = energy_problem.owed(problem.portfolio).shortfall_kwh
    served = (held.shortfall_kwh - by_charger <= LEAST_KWH).all()
    return bool(worst <= TOLERANCE and served and problem.tonnes(schedule) <= cap_tonnes)


def _proven(problem: CarbonProblem, found: CappedPlan, schedule: Schedule) -> Plan:
    """The plan of a schedule within the cap, with its costs and its proof."""
    held = Assessment(problem.portfolio, schedule)
    paid = costs(problem.portfolio, schedule, problem.options.end_value_per_kwh)
    bound = proof.without_rounding(found.bound, paid.net, gave_way=False)
    certificate = replace(proof.recomputed(held, paid.net), bound=bound)
    if certificate.below_bound:
        raise SolveError(Status.NUMERICAL, "The plan within the cap costs less than its bound.")
    good = certificate.gap <= problem.options.gap
    return replace(
        found.crossing.plan,
        assessment=held,
        costs=paid,
        status=proof.status(held, Status.OPTIMAL if good else Status.FEASIBLE),
        certificate=certificate,
        shortfalls=tuple(shortfall.shortfalls(held, None, {})),
    )
