"""The plan of a portfolio: what every asset should do, what that costs, and what is proven."""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InfeasibleError, SolveError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.units import per_kwh_from_per_mwh, per_mwh_from_per_kwh
from evergrid.dispatch import baseline, problem
from evergrid.dispatch.accounts import Costs, costs, site_energy
from evergrid.engine import solver, warm_start
from evergrid.engine.certificate import TOLERANCE, Certificate
from evergrid.engine.interior_point import Tell, untold
from evergrid.engine.program import Program
from evergrid.engine.solution import Guess, Relaxation, Solution
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

ROUNDING = 1e-6  # share of the highest price below which a price is none


@dataclass(frozen=True)
class Options:
    """How to plan.

    Attributes:
        end_value_per_kwh: Worth of a kWh in the cells of vehicles that stay beyond the horizon.
        method: Which solver; "auto" chooses by size.
        smooth: Among plans of equal cost, take the one whose total power moves least.
        branch: Search for better directions, for some seconds, where wasting energy pays.
        gap: Largest relative gap that counts as optimal.
        time_limit_s: For each solve.
        zones: Workers of a cluster to use at most; all by default.

    Raises:
        InputError: A method that there is not, numbers out of range.
    """

    end_value_per_kwh: float
    method: solver.Method = "auto"
    smooth: bool = True
    branch: bool = True
    gap: float = 1e-6
    time_limit_s: float = 600.0
    zones: int | None = None

    def __post_init__(self) -> None:
        records.check(self, "options")
        faults = []
        for name, good, rule, fix in (
            ("end_value_per_kwh", 0 <= self.end_value_per_kwh < math.inf, "be at least 0", ""),
            ("gap", 0 < self.gap < 1, "be above 0 and below 1", "Give 1e-6 for a millionth."),
            ("time_limit_s", self.time_limit_s > 0, "be above 0 s", ""),
            ("zones", self.zones is None or self.zones >= 1, "be at least 1", "None is for all."),
        ):
            if not good:
                faults.append(Fault(name, rule, (getattr(self, name),), fix=fix))
        raise_if_any("options", faults)


@dataclass(frozen=True)
class Shortfall:
    """Energy owed to a session that cannot be served, and the limit that is the cause."""

    session_id: str
    shortfall_kwh: float
    limit: str


@dataclass(frozen=True)
class Overload:
    """A site whose load alone exceeds a limit by more than the vehicles can make up for."""

    site_id: str
    steps: int
    worst_kw: float


@dataclass(frozen=True)
class Overdraft:
    """A site whose load alone exceeds its energy budget by more than the vehicles can make up."""

    site_id: str
    energy_budget_kwh: float
    excess_kwh: float


@dataclass(frozen=True)
class Plan:
    """A schedule with its costs and proof.

    Attributes:
        schedule: Power and energy of every session.
        costs: Item by item, from the records.
        status: How the solve ended.
        certificate: What is proven; objective and bound equal ``costs.net`` in meaning.
        shadow_price_per_mwh: Saving if a site's binding limit were wider.
        budget_price_per_mwh: Saving if a site's energy budget were wider; 0 where it does not bind.
        wires_price_per_mwh: What the flowgates add to the worth of drawing at each site: above 0
            where feeding is limited, below 0 where drawing is; 0 where nothing binds.
        shortfalls: What could not be served.
        overloads: Limits that could not be kept.
        overdrafts: Energy budgets that could not be kept.
        solve_s: Time taken by the solver.
    """

    schedule: Schedule
    costs: Costs
    status: Status
    certificate: Certificate
    shadow_price_per_mwh: Float[Array, "site step"]
    budget_price_per_mwh: Float[Array, " site"]
    wires_price_per_mwh: Float[Array, "site step"]
    shortfalls: tuple[Shortfall, ...] = field(default=())
    overloads: tuple[Overload, ...] = field(default=())
    overdrafts: tuple[Overdraft, ...] = field(default=())
    solve_s: float = 0.0

    @property
    def shortfall_kwh(self) -> float:
        """Energy owed that is not served, over all sessions."""
        return sum((item.shortfall_kwh for item in self.shortfalls), start=0.0)


def end_value_per_kwh(portfolio: Portfolio) -> float:
    """A neutral worth of energy left at the end: the median price to buy it, at least 0."""
    prices = portfolio.prices.import_price_per_mwh + portfolio.prices.carbon_price_per_mwh
    return max(0.0, per_kwh_from_per_mwh(float(np.median(prices))))


@dataclass(frozen=True)
class Solved:
    """What was solved for a plan, as a start for the next one.

    Attributes:
        program: The problem.
        guess: Its solution.
        session_id: Session of each unit.
        start_utc: When the first step begins.
    """

    program: Program
    guess: Guess
    session_id: Shaped[Array, " unit"]
    start_utc: datetime


def v2g(portfolio: Portfolio, options: Options, *, tell: Tell = untold) -> Plan:
    """The plan of least net cost, serving what can be served.

    Args:
        portfolio: What to plan.
        options: How.
        tell: Called with the iteration and the gap reached, where the solver iterates.

    Raises:
        SolveError: No plan was found in the time allowed, or precision was lost.
    """
    program = problem.build(portfolio, options.end_value_per_kwh)
    return _solve(portfolio, program, options, tell=tell)[0]


def again(
    portfolio: Portfolio,
    options: Options,
    last: Solved | None,
    *,
    peak_before_kw: Float[Array, " site"] | None = None,
    spent_kwh: Float[Array, " site"] | None = None,
) -> tuple[Plan, Solved]:
    """The same, some steps after the last plan for the same sites, beginning from that one.

    Args:
        portfolio: What to plan now.
        options: How.
        last: What was solved then; None for the first time.
        peak_before_kw: Highest power each site drew before, in the same billing period.
        spent_kwh: Part of each site's energy budget that is spent, or must be left for later.

    Raises:
        SolveError: No plan was found in the time allowed, or precision was lost.
    """
    program = problem.build(portfolio, options.end_value_per_kwh, peak_before_kw, spent_kwh)
    guess = None
    if last is not None and solver.chosen(program, options.method) != "highs":
        guess = _expected(portfolio, program, last)
    made, solution = _solve(portfolio, program, options, guess=guess)
    ids = portfolio.sessions.session_id
    return made, Solved(program, solution.guess, ids, portfolio.grid.start_utc)


def _expected(portfolio: Portfolio, program: Program, last: Solved) -> Guess:
    """What the last plan lets expect of this one."""
    row = {name: i for i, name in enumerate(last.session_id)}
    unit = np.array([row.get(name, -1) for name in portfolio.sessions.session_id], np.int64)
    passed = portfolio.grid.start_utc - last.start_utc
    shift = round(passed / timedelta(hours=program.step_h))
    return warm_start.carried(last.program, last.guess, program, unit=unit, shift=shift)


def smart(portfolio: Portfolio, options: Options, *, tell: Tell = untold) -> Plan:
    """The same for chargers that cannot discharge."""
    one_way = replace(portfolio, sessions=portfolio.sessions.without_discharge())
    return v2g(one_way, options, tell=tell)


def uncontrolled(
    portfolio: Portfolio, options: Options, served: Plan, *, tell: Tell = untold
) -> Plan:
    """Charging as early as the limits allow, with the service that ``served`` could give.

    Where the sites do not bind this is plugging in and charging at full power.
    """
    one_way = replace(portfolio, sessions=portfolio.sessions.without_discharge())
    program = _program_served(one_way, options, served)
    power = baseline.uncontrolled(program)
    taken_s = 0.0
    if not baseline.keeps_limits(program, power):
        solution = baseline.earliest(
            program, method=options.method, time_limit_s=options.time_limit_s, tell=tell
        )
        if not solution.status.good:
            raise SolveError(solution.status, "This was the uncontrolled baseline.")
        power, taken_s = solution.power_kw, solution.solve_s
    schedule = problem.schedule(one_way, program, power)
    return replace(
        served,
        schedule=schedule,
        costs=costs(one_way, schedule, options.end_value_per_kwh),
        solve_s=taken_s,
    )


def raise_on_shortfall(plan: Plan) -> None:
    """Refuse a plan that leaves owed energy unserved, or breaks an energy budget.

    Raises:
        InfeasibleError: Names each session, its shortfall and the limit that causes it, and each
            site whose load alone exceeds its budget.
    """
    if not (plan.shortfalls or plan.overdrafts):
        return
    faults = [
        Fault(
            "energy_departure_kwh",
            f"be reachable; short by {item.shortfall_kwh:.3g} kWh because of {item.limit}",
            ids=(item.session_id,),
        )
        for item in plan.shortfalls
    ]
    faults += [
        Fault(
            "energy_budget_kwh",
            f"be at least {item.energy_budget_kwh + item.excess_kwh:.1f} kWh, what the load draws "
            "beyond all that vehicles can feed",
            got=(item.energy_budget_kwh,),
            ids=(item.site_id,),
            fix="Raise the budget or lower the load.",
        )
        for item in plan.overdrafts
    ]
    details = []
    if plan.shortfalls:
        details.append(f"{plan.shortfall_kwh:.3g} kWh owed at departure cannot be served.")
    if plan.overdrafts:
        excess_kwh = sum(item.excess_kwh for item in plan.overdrafts)
        details.append(f"Energy budgets are exceeded by {excess_kwh:.3g} kWh.")
    raise InfeasibleError(" ".join(details), faults)


def _solve(
    portfolio: Portfolio,
    program: Program,
    options: Options,
    *,
    guess: Guess | None = None,
    tell: Tell = untold,
) -> tuple[Plan, Solution]:
    shortfalls = _charger_shortfalls(portfolio)
    overloads: list[Overload] = []
    overdrafts: list[Overdraft] = []
    solution = _solution(program, options, guess, tell)
    if solution.status is Status.INFEASIBLE:
        relaxation = solution.relaxation or solver.relax(
            program, method=options.method, time_limit_s=options.time_limit_s
        )
        shortfalls += _site_shortfalls(portfolio, program, relaxation)
        overloads = _overloads(portfolio, relaxation)
        overdrafts = _overdrafts(portfolio, relaxation)
        program = relaxation.program
        solution = _solution(program, options, guess, tell)
    if solution.certificate is None:
        raise SolveError(solution.status)
    schedule = problem.schedule(portfolio, program, solution.power_kw)
    made = Plan(
        schedule=schedule,
        costs=costs(portfolio, schedule, options.end_value_per_kwh),
        status=solution.status,
        certificate=solution.certificate,
        shadow_price_per_mwh=per_mwh_from_per_kwh(solution.limit_price),
        budget_price_per_mwh=per_mwh_from_per_kwh(_budget_price(program, solution)),
        wires_price_per_mwh=per_mwh_from_per_kwh(_wires_price(program, solution)),
        shortfalls=tuple(shortfalls),
        overloads=tuple(overloads),
        overdrafts=tuple(overdrafts),
        solve_s=solution.solve_s,
    )
    return made, solution


def _solution(program: Program, options: Options, guess: Guess | None, tell: Tell) -> Solution:
    return solver.solve(
        program,
        method=options.method,
        gap=options.gap,
        smooth=options.smooth,
        branch=options.branch,
        time_limit_s=options.time_limit_s,
        zones=options.zones,
        guess=guess,
        tell=tell,
    )


def _program_served(portfolio: Portfolio, options: Options, served: Plan) -> Program:
    """The program with what is owed lowered to what a plan holds, limits and budgets it keeps."""
    program = problem.build(portfolio, options.end_value_per_kwh)
    held = served.schedule.energy_kwh[:, -1]
    short = {item.session_id for item in served.shortfalls}
    drawn_kwh = site_energy(portfolio, served.schedule.power_kw)
    lowered = np.isin(portfolio.sessions.session_id, list(short))
    return replace(
        program,
        energy_end=np.where(lowered, np.minimum(program.energy_end, held), program.energy_end),
        net_low=np.minimum(program.net_low, 0.0),
        net_high=np.maximum(program.net_high, 0.0),
        budget_kwh=np.maximum(program.budget, drawn_kwh + TOLERANCE),
    )


def _charger_shortfalls(portfolio: Portfolio) -> list[Shortfall]:
    short = problem.owed(portfolio).shortfall_kwh
    ids = portfolio.sessions.session_id
    cause = "its charger's rating and the length of its stay"
    return [Shortfall(str(ids[i]), float(short[i]), cause) for i in np.nonzero(short > 1e-6)[0]]


def _site_shortfalls(
    portfolio: Portfolio, program: Program, relaxation: Relaxation
) -> list[Shortfall]:
    """Each short session with the first limiting site on its way to the root."""
    found = []
    sites = portfolio.sites
    for unit in np.nonzero(relaxation.shortfall_kwh > 1e-6)[0]:
        limiting = relaxation.limiting[:, program.first[unit] : program.stop[unit]].max(axis=1)
        site = portfolio.site_row[unit]
        while site >= 0 and not (limiting[site] or relaxation.exhausted[site]):
            site = sites.parent[site]
        kind = "import limit" if limiting[site] else "energy budget"
        beyond = "site limits" if program.flowgates is None else "what the wires can carry"
        cause = f"the {kind} of site {sites.site_id[site]}" if site >= 0 else beyond
        kwh = float(relaxation.shortfall_kwh[unit])
        found.append(Shortfall(str(portfolio.sessions.session_id[unit]), kwh, cause))
    return found


def _overloads(portfolio: Portfolio, relaxation: Relaxation) -> list[Overload]:
    excess = relaxation.excess_kw
    return [
        Overload(
            str(portfolio.sites.site_id[site]),
            int((excess[site] > 0).sum()),
            float(excess[site].max()),
        )
        for site in np.nonzero((excess > 0).any(axis=1))[0]
    ]


def _budget_price(program: Program, solution: Solution) -> Float[Array, " site"]:
    """Saving per kWh if a group's budget were wider, where that is more than rounding."""
    price = solution.dual.budget_price
    return np.where(price > ROUNDING * np.abs(program.draw_price).max(initial=0.0), price, 0.0)


def _wires_price(program: Program, solution: Solution) -> Float[Array, "group step"]:
    """What the flowgates take from the worth of a kWh that each group feeds."""
    gates, price = program.flowgates, solution.dual.flowgate_price
    if gates is None or price is None:
        return np.zeros(program.load.shape)
    felt = np.where(price > ROUNDING * np.abs(price).max(initial=0.0), price, 0.0)
    return gates.price_of_power(felt, program.steps) / program.step_h


def _overdrafts(portfolio: Portfolio, relaxation: Relaxation) -> list[Overdraft]:
    sites, excess = portfolio.sites, relaxation.excess_kwh
    return [
        Overdraft(
            str(sites.site_id[site]), float(sites.energy_budget_kwh[site]), float(excess[site])
        )
        for site in np.nonzero(excess > 0)[0]
    ]
