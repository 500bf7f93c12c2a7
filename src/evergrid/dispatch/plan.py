"""The plan of a portfolio: what every asset should do, what that costs, and what is proven."""

import math
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import SolveError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.timegrid import datetime64
from evergrid.core.units import per_kwh_from_per_mwh, per_mwh_from_per_kwh
from evergrid.dispatch import baseline, curtailment, problem, proof, shortfall
from evergrid.dispatch.accounts import Costs, costs
from evergrid.dispatch.assessment import Assessment, Overdraft, Overload
from evergrid.dispatch.equipment import chargers
from evergrid.dispatch.equipment.chargers import ChargersBefore
from evergrid.dispatch.options import Options
from evergrid.dispatch.problem import Problem
from evergrid.dispatch.shortfall import Shortfall
from evergrid.engine import solver, warm_start
from evergrid.engine.certificate import Certificate, tree_bounds
from evergrid.engine.feasibility import least_violation
from evergrid.engine.few_starts import improve as few_starts
from evergrid.engine.parts import part, roots
from evergrid.engine.power_steps import solve as power_steps
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap
from evergrid.engine.solution import (
    BUDGET_FIRST,
    EXCESS_WEIGHT,
    Guess,
    Relaxation,
    Solution,
)
from evergrid.engine.terms import flowgates
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

ROUNDING = 1e-6  # share of the highest price below which a price is none
ROOM = 1e-7  # kWh of a budget, for rounding


@dataclass(frozen=True)
class Plan:
    """A schedule with its costs and proof.

    Attributes:
        assessment: The schedule held against the records: what it breaks, serves and curtails.
        costs: Item by item, from the records.
        status: What the schedule has earned; see `docs/concepts/certificate.md`.
        certificate: What is proven. Its objective is ``costs.net``; its violations are those of
            the limits as given, also where they had to be exceeded.
        shadow_price_per_mwh: Saving if a site's binding limit were wider.
        budget_price_per_mwh: Saving if a site's energy budget were wider; 0 where it does not bind.
        congestion_price_per_mwh: What flowgates add to the price of energy at each site: above 0
            where drawing is limited, below 0 where feeding is; 0 where nothing binds.
        shortfalls: What could not be served, each session once.
        any_power_cost: Cost of the plan in which chargers could take any power and serve as much;
            None where they may, or where no such plan was made.
        solve_s: Time taken by the solver.
    """

    assessment: Assessment
    costs: Costs
    status: Status
    certificate: Certificate
    shadow_price_per_mwh: Float[Array, "site step"]
    budget_price_per_mwh: Float[Array, " site"]
    congestion_price_per_mwh: Float[Array, "site step"]
    shortfalls: tuple[Shortfall, ...] = ()
    any_power_cost: float | None = None
    solve_s: float = 0.0

    @property
    def schedule(self) -> Schedule:
        """Power and energy of every session."""
        return self.assessment.schedule

    @property
    def overloads(self) -> tuple[Overload, ...]:
        """Limits that could not be kept."""
        return self.assessment.overloads

    @property
    def overdrafts(self) -> tuple[Overdraft, ...]:
        """Energy budgets that could not be kept."""
        return self.assessment.overdrafts

    @property
    def shortfall_kwh(self) -> float:
        """Energy owed that is not served, over all sessions."""
        return sum((item.shortfall_kwh for item in self.shortfalls), start=0.0)


def end_value_per_kwh(portfolio: Portfolio) -> float:
    """A neutral worth of energy left at the end: the median price to buy it, at least 0."""
    return max(0.0, per_kwh_from_per_mwh(float(np.median(portfolio.prices.all_drawn_per_mwh))))


@dataclass(frozen=True)
class PreviousSolve:
    """What was solved for a plan, as a start for the next one.

    Attributes:
        program: The problem.
        guess: Its solution.
        session_id: Session of each unit that is one.
        start_utc: When the first step begins.
    """

    program: Program
    guess: Guess
    session_id: Shaped[Array, " session"]
    start_utc: datetime


def v2g(portfolio: Portfolio, options: Options, *, progress: GapProgress = ignore_gap) -> Plan:
    """The plan of least net cost, serving what can be served.

    Args:
        portfolio: What to plan.
        options: How.
        progress: Called with the iteration and the gap reached, where the solver iterates.

    Raises:
        SolveError: No plan was found in the time allowed, or precision was lost.
    """
    made = problem.build(portfolio, options.end_value_per_kwh)
    return _solve(portfolio, made, options, progress=progress)[0]


def again(
    portfolio: Portfolio,
    options: Options,
    last: PreviousSolve | None,
    *,
    spent_kwh: Float[Array, " site"] | None = None,
    before: ChargersBefore | None = None,
) -> tuple[Plan, PreviousSolve]:
    """A V2G plan some steps after the last one for the same sites, beginning from that one.

    Args:
        portfolio: What to plan now.
        options: How.
        last: What was solved then; None for the first time.
        spent_kwh: Part of each site's energy budget that is spent, or must be left for later.
        before: What the chargers did until now.

    Raises:
        SolveError: No plan was found in the time allowed, or precision was lost.
    """
    made = problem.build(portfolio, options.end_value_per_kwh, spent_kwh)
    guess = None
    if last is not None and solver.chosen(made.program, options.method) != "highs":
        guess = _expected(portfolio, made, last)
    plan, solution = _solve(
        portfolio, made, options, guess=guess, spent_kwh=spent_kwh, before=before
    )
    ids = portfolio.sessions.session_id
    return plan, PreviousSolve(made.program, solution.guess, ids, portfolio.grid.start_utc)


def _expected(portfolio: Portfolio, made: Problem, last: PreviousSolve) -> Guess | None:
    """What the last plan lets expect of this one; nothing where its nodes were others."""
    program = made.program
    if program.nodes != last.program.nodes:
        return None
    row = {name: i for i, name in enumerate(last.session_id)}
    unit = np.full(program.stores, -1)
    ids = portfolio.sessions.session_id
    unit[: made.sessions] = [row.get(name, -1) for name in ids]
    passed = portfolio.grid.start_utc - last.start_utc
    shift = round(passed / timedelta(hours=program.step_h))
    return warm_start.shifted(last.program, last.guess, program, store=unit, shift=shift)


def smart(portfolio: Portfolio, options: Options, *, progress: GapProgress = ignore_gap) -> Plan:
    """The plan of least cost for chargers that cannot discharge."""
    one_way = replace(portfolio, sessions=portfolio.sessions.without_discharge())
    return v2g(one_way, options, progress=progress)


def uncontrolled(
    portfolio: Portfolio, options: Options, served: Plan, *, progress: GapProgress = ignore_gap
) -> Plan:
    """Charging from plug-in at full power until each session holds what its driver asked for.

    Where that would break limits, charging is put off as far as they demand, and serves those that
    ``served`` could not serve in full as far as it did. Sessions that outlast the horizon charge
    too. Nothing is fed, and generation is curtailed only as far as export limits demand.

    Raises:
        SolveError: No such schedule was found in the time allowed, or precision was lost.
    """
    one_way = replace(portfolio, sessions=portfolio.sessions.without_discharge())
    made = _asked(one_way, options, served)
    power, taken_s = baseline.uncontrolled(made.program), 0.0
    planned = _least_curtailed(one_way, made, power)
    if not baseline.keeps_limits(made.program, problem.powers(made, planned)):
        power, taken_s = _earliest(one_way, made, options, progress)
        planned = _least_curtailed(one_way, made, power)
    assessment = Assessment(one_way, planned)
    paid = costs(one_way, planned, options.end_value_per_kwh)
    certificate = replace(proof.recomputed(assessment, paid.net), bound=-math.inf)
    return replace(
        served,
        assessment=assessment,
        costs=paid,
        status=proof.status(assessment, Status.FEASIBLE),
        certificate=certificate,
        shortfalls=tuple(shortfall.shortfalls(assessment, None, _causes_of(served))),
        any_power_cost=None,
        solve_s=taken_s,
    )


def _earliest(
    portfolio: Portfolio, made: Problem, options: Options, progress: GapProgress
) -> tuple[Float[Array, " slot"], float]:
    """Charging as early as the limits allow, with what must give way for it."""
    # What is small is solved to every digit, whatever plans are solved by.
    small = solver.chosen(made.program, "auto") == "highs"
    method = "highs" if small else options.method
    how = {"method": method, "time_limit_s": options.time_limit_s, "progress": progress}
    found, relaxation = baseline.earliest(made.program, sessions=made.sessions, **how), None
    if not found.status.good:
        relaxation = least_violation.find(made.program, time_limit_s=options.time_limit_s)
        found = baseline.earliest(
            relaxation.program, sessions=made.sessions, fallback=relaxation.power_kw, **how
        )
    if not found.status.good:
        faults = _in_the_way(portfolio, made, relaxation)
        raise SolveError(found.status, "This was the uncontrolled baseline.", faults)
    return found.power_kw, found.solve_s


def _asked(portfolio: Portfolio, options: Options, served: Plan) -> Problem:
    """The program in which each session asks for all that its driver wants.

    What ``served`` could not give is not asked for, and loads may exceed limits as they do alone.
    """
    made = problem.build(portfolio, options.end_value_per_kwh)
    program, count = made.program, made.sessions
    sessions = portfolio.sessions
    outlasts = sessions.departure_utc > datetime64(portfolio.grid.end_utc)
    asked = np.minimum(sessions.energy_departure_kwh, problem.reach(portfolio))
    end = program.energy_end_kwh[:count]
    end = np.where(outlasts, np.maximum(asked, end), end)
    held = served.schedule.energy_kwh[:, -1]
    end = np.where(served.assessment.short, np.minimum(end, held), end)
    drawn_kwh = -portfolio.grid.step_h * served.assessment.site_kw.sum(axis=1)
    budget = program.budget_kwh
    if budget is not None:
        budget = budget.copy()
        budget[: len(drawn_kwh)] = np.maximum(budget[: len(drawn_kwh)], drawn_kwh + ROOM)
    lowered = replace(
        program,
        energy_end_kwh=np.concatenate([end, program.energy_end_kwh[count:]]),
        net_low_kw=np.minimum(program.net_low_kw, program.rest_net_kw),
        net_high_kw=np.maximum(program.net_high_kw, program.rest_net_kw),
        budget_kwh=budget,
    )
    return replace(made, program=lowered)


def _in_the_way(
    portfolio: Portfolio,
    made: Problem,
    relaxation: Relaxation | None,
    spent_kwh: Float[Array, " site"] | None = None,
) -> list[Fault]:
    """What keeps a plan from being found: all that gives way in the schedule that does so least."""
    if relaxation is None:
        return []
    given = _least_curtailed(portfolio, made, relaxation.power_kw)
    assessment = Assessment(portfolio, given, 0.0 if spent_kwh is None else spent_kwh)
    return shortfall.faults(shortfall.shortfalls(assessment, relaxation, {}), assessment)


def _solve(
    portfolio: Portfolio,
    made: Problem,
    options: Options,
    *,
    guess: Guess | None = None,
    spent_kwh: Float[Array, " site"] | None = None,
    before: ChargersBefore | None = None,
    progress: GapProgress = ignore_gap,
) -> tuple[Plan, Solution]:
    begun = time.perf_counter()
    program, relaxation = made.program, None
    stepped = portfolio.chargers is not None
    solution = _solution(program, options, guess, None, progress, stepped=stepped)
    late = time.perf_counter() - begun >= options.time_limit_s
    if not solution.status.good and not (late and solution.status is not Status.INFEASIBLE):
        # What was spent before by plans that could not see this one is saved again, if it can be.
        first = spent_kwh is not None and np.isfinite(portfolio.sites.energy_budget_kwh).any()
        unpaid = problem.unpaid(portfolio, made)
        known = None if first or unpaid is not None else solution.relaxation
        relaxation = known or least_violation.find(
            program,
            time_limit_s=options.time_limit_s,
            budget_weight=BUDGET_FIRST if first else EXCESS_WEIGHT,
            unpaid=unpaid,
        )
        program = relaxation.program
        fallback = relaxation.power_kw
        solution = _solution(program, options, guess, fallback, progress, stepped=stepped)
    if solution.certificate is None or not solution.status.good:
        raise SolveError(
            solution.status, faults=_in_the_way(portfolio, made, relaxation, spent_kwh)
        )
    power_kw, bound, any_power = solution.power_kw, _bound(program, solution, relaxation), None
    served = True  # as much as can be, for sure
    if portfolio.chargers is not None:
        steps = chargers.power_steps(portfolio, program.stores, before)
        left_s = max(options.time_limit_s - (time.perf_counter() - begun), 0.1)
        how = {"gap": options.gap, "time_limit_s": left_s, "branch": options.branch}
        whole = power_steps.solve(program, steps, solution, **how)
        feeds_unpaid = relaxation is not None and relaxation.bound is not None
        bound = min(bound, whole.bound) if feeds_unpaid else whole.bound
        power_kw, any_power = whole.power_kw, whole.any_power_cost
        served = whole.program is program
    elif options.smooth:
        least_kw = chargers.usual_least_kw(portfolio, program.stores)
        on_before = np.zeros(program.stores, bool)
        on_before[: made.sessions] = before is not None and before.on > 0
        power_kw = few_starts.improved(program, power_kw, least_kw, on_before=on_before)
    planned = _least_curtailed(portfolio, made, power_kw)
    if relaxation is not None and not stepped:
        planned, solution = _paid_least(portfolio, made, options, relaxation, planned, solution)
    assessment = Assessment(portfolio, planned, 0.0 if spent_kwh is None else spent_kwh)
    paid = costs(portfolio, planned, options.end_value_per_kwh)
    bound = proof.without_rounding(bound, paid.net, gave_way=relaxation is not None)
    certificate = replace(proof.recomputed(assessment, paid.net), bound=bound)
    sites = slice(0, len(portfolio.sites))
    plan = Plan(
        assessment=assessment,
        costs=paid,
        status=proof.earned(assessment, certificate, relaxation, gap=options.gap, served=served),
        certificate=certificate,
        shadow_price_per_mwh=per_mwh_from_per_kwh(solution.limit_price[sites]),
        budget_price_per_mwh=per_mwh_from_per_kwh(_budget_price(program, solution)[sites]),
        congestion_price_per_mwh=per_mwh_from_per_kwh(_congestion_price(program, solution)[sites]),
        shortfalls=tuple(shortfall.shortfalls(assessment, relaxation, {})),
        any_power_cost=any_power,
        solve_s=time.perf_counter() - begun,
    )
    return plan, solution


def _solution(
    program: Program,
    options: Options,
    guess: Guess | None,
    fallback: Float[Array, " slot"] | None,
    progress: GapProgress,
    *,
    stepped: bool,
) -> Solution:
    return solver.solve(
        program,
        method=options.method,
        gap=options.gap,
        smooth=options.smooth and not stepped,
        branch=options.branch,
        time_limit_s=options.time_limit_s,
        zones=options.zones,
        guess=guess,
        fallback=fallback,
        progress=progress,
    )


def _bound(program: Program, solution: Solution, relaxation: Relaxation | None) -> float:
    """What the plan costs at least, with what trees that give way feed unpaid.

    What is solved counts that as sold, and only what gives way in one of several ways.
    """
    assert solution.certificate is not None
    if relaxation is None or relaxation.bound is None:
        return solution.certificate.bound
    sold = tree_bounds(program, solution.dual)
    if solution.bound is not None:
        sold = np.maximum(sold, solution.bound)
    unpaid = np.isfinite(relaxation.bound)
    return solution.certificate.bound + float((relaxation.bound - sold)[unpaid].sum())


def _paid_least(
    portfolio: Portfolio,
    made: Problem,
    options: Options,
    relaxation: Relaxation,
    planned: Schedule,
    solution: Solution,
) -> tuple[Schedule, Solution]:
    """The plan, or what gives way least in trees that feed unpaid, if that costs less.

    The engine does not know in the end that nobody pays; the search for what gives way does.
    Prices are those of the schedule that is taken.
    """
    if relaxation.bound is None or not np.isfinite(relaxation.bound).any():
        return planned, solution
    program = made.program
    node = np.isfinite(relaxation.bound)[roots(program)]
    unpaid = part(program, np.flatnonzero(node))
    mixed = problem.powers(made, planned)
    mixed[unpaid.slots] = relaxation.power_kw[unpaid.slots]
    other = _least_curtailed(portfolio, made, mixed)
    now, then = (costs(portfolio, each, options.end_value_per_kwh).net for each in (planned, other))
    if then >= now - ROUNDING * max(1.0, abs(now)):
        return planned, solution
    solution.guess.put(unpaid, relaxation.guess.of(unpaid))
    return other, solution


def _least_curtailed(
    portfolio: Portfolio, made: Problem, power_kw: Float[Array, " slot"]
) -> Schedule:
    """The engine's powers as a schedule that curtails no more than it must.

    Where curtailing costs nothing the engine has no reason to curtail little.
    """
    planned = problem.schedule(portfolio, made, power_kw)
    if not len(made.curtailing) or portfolio.flowgates is not None:
        return planned
    assert planned.curtailed_kw is not None
    prices, metered = portfolio.prices, (portfolio.sites.meter >= 0)[:, None]
    # A site that draws pays less for generating less where the price of what it draws is negative.
    at_meter = np.minimum(prices.all_drawn_per_mwh, prices.all_fed_per_mwh)
    beside = np.minimum(prices.carbon_price_per_mwh, prices.carbon_fed_per_mwh)
    kept = np.where(np.where(metered, at_meter, beside) < 0, planned.curtailed_kw, 0.0)
    # Never more than the engine does: what it leaves beyond an export limit may be what an import
    # limit above needs.
    most = planned.curtailed_kw
    less = curtailment.least(portfolio, planned.power_kw, kept, most)
    return replace(planned, curtailed_kw=less)


def _causes_of(plan: Plan) -> dict[str, str]:
    return {item.session_id: item.limit for item in plan.shortfalls}


def _budget_price(program: Program, solution: Solution) -> Float[Array, " node"]:
    """Saving per kWh if a node's budget were wider, where that is more than rounding."""
    price = solution.dual.budget_price
    return np.where(
        price > ROUNDING * np.abs(program.draw_price_per_kwh).max(initial=0.0), price, 0.0
    )


def _congestion_price(program: Program, solution: Solution) -> Float[Array, "node step"]:
    """What flowgates add to the price of a kWh at each node, drawn or fed.

    A gate that limits feeding has a positive weight and takes from that price.
    """
    gates, price = flowgates.of(program), flowgates.prices(program, solution.dual)
    if gates is None:
        return np.zeros(program.load_kw.shape)
    felt = np.where(price > ROUNDING * np.abs(price).max(initial=0.0), price, 0.0)
    return 0.0 - gates.price_of_power(felt, program.steps) / program.step_h
