"""A plan that sells services beside energy: what each vehicle holds ready, and what is awarded.

Each session holds a share of each award within its own limits of power, and energy to deliver for
a while; what all hold fits within the limits of their sites. No kW and no kWh is sold twice: what
could be called at the same time is held side by side. An award is the same in all steps of a block.
Cars that cannot feed hold what they could charge less, around the power that they charge with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, SolveError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.dispatch import problem, proof
from evergrid.dispatch.accounts import Costs, costs
from evergrid.dispatch.assessment import Assessment
from evergrid.dispatch.options import Options
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.problem import Problem
from evergrid.dispatch.services.holders import with_services
from evergrid.dispatch.services.service import Service
from evergrid.engine import reference, solver
from evergrid.engine.certificate import Certificate, certify
from evergrid.engine.program import Program, energy_path, net_power, over_budget
from evergrid.engine.solution import Solution
from evergrid.engine.violations import TOLERANCE
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

LITTLE_KW = 1e-9  # of an award, below which it is none


@dataclass(frozen=True)
class ServicePlan:
    """A schedule with what it holds ready.

    Attributes:
        services: What is sold.
        schedule: Base power and energy of each session.
        costs: Of the schedule, without what services earn.
        held_kw: Power that each session holds ready for each service, in each step.
        award_kw: Of each service and block, as the market takes it.
        credits: What the awards of each service are expected to earn.
        call_costs: What calls of each are expected to cost: wear of what is fed, and losses until
            it is back.
        status: What the schedule and what it holds have earned.
        certificate: Cost less credit of the awards, and what no plan could be below, also of awards
            in steps of any size.
        solve_s: Time taken by the solver.
    """

    services: tuple[Service, ...]
    schedule: Schedule
    costs: Costs
    held_kw: Float[Array, "service session step"]
    award_kw: tuple[Float[Array, "..."], ...]
    credits: Float[Array, " service"]
    call_costs: Float[Array, " service"]
    status: Status
    certificate: Certificate
    solve_s: float

    @property
    def expected_credit(self) -> float:
        """What all awards are expected to earn."""
        return float(self.credits.sum())

    @property
    def net(self) -> float:
        """Cost with that of calls, less expected credit of the awards."""
        return self.costs.net + float(self.call_costs.sum()) - self.expected_credit


def plan(
    portfolio: Portfolio,
    services: Sequence[Service],
    options: Options,
    *,
    alone: Plan,
    fewer: ServicePlan | None = None,
) -> ServicePlan:
    """The plan of least net cost with services.

    Awards of any size are planned first, and rounded down to what the market takes. Everybody then
    holds less in proportion; where that is not as near to the first bound as asked, the plan is
    made anew for these awards. What rounding costs shows in the gap to the first bound.

    Args:
        portfolio: What to plan.
        services: What is sold.
        options: How.
        alone: The plan of energy alone. Nobody is served less than there, and no limit exceeded by
            more; where nothing better is found in time, it is the plan, and nothing is sold.
        fewer: A plan with the first of these services, which is kept where the rest adds nothing.

    Raises:
        InputError: No service, or limits that services do not know of yet.
        SolveError: No such plan was found in the time allowed.
    """
    if not services:
        raise InputError("services", [Fault("services", "be at least one")])
    made = problem.build(portfolio, options.end_value_per_kwh)
    energy_kw = problem.powers(made, alone.schedule)
    made = replace(made, program=_as_far_as(made.program, energy_kw))
    known = _powers(made, energy_kw, np.zeros((len(services), *alone.schedule.power_kw.shape)))
    if fewer is not None:
        held = _with_nothing_more(fewer.held_kw, len(services))
        known = _powers(made, problem.powers(made, fewer.schedule), held)
    build = partial(
        with_services, made.program, made.sessions, services, fed_cost_per_kwh(portfolio)
    )
    first = found = _solved(build(), options, known)
    held = _held(made, first.power_kw, len(services))
    award = tuple(one.rounded(one.by_block(kw)) for one, kw in _each(services, held.sum(axis=1)))
    if any(one.step_kw > 0 or one.least_kw > 0 for one in services):
        by_step = _by_step(services, award, portfolio.grid.steps)
        # Whoever held part of a larger award can hold the same share of a smaller one.
        share = by_step / np.maximum(held.sum(axis=1), LITTLE_KW)
        less = _powers(made, first.power_kw, np.minimum(share, 1.0)[:, None] * held)
        found = _near_enough(build(by_step), first, less, options.gap)
        if found is None:
            found = _solved(build(by_step), options, less)
            found = replace(found, solve_s=first.solve_s + found.solve_s)
    assert first.certificate is not None
    planned = _service_plan(portfolio, services, options, made, found, award)
    bounded = _bounded(planned, first.certificate.bound, options, found.status)
    bounded = bounded if alone.status.good else replace(bounded, status=alone.status)
    return bounded if fewer is None or bounded.net <= fewer.net else _kept(fewer, bounded)


def _near_enough(
    program: Program, first: Solution, power_kw: Float[Array, " all_slot"], gap: float
) -> Solution | None:
    """These powers with the first bound, where they keep limits and the gap to it; else None."""
    assert first.certificate is not None
    proof = certify(program, power_kw, replace(first.dual, term_prices=()))
    proof = replace(proof, bound=first.certificate.bound)
    if not proof.keeps_limits or proof.gap > gap:
        return None
    return replace(first, power_kw=power_kw, certificate=proof)


def _service_plan(
    portfolio: Portfolio,
    services: Sequence[Service],
    options: Options,
    made: Problem,
    found: Solution,
    award_kw: tuple[Float[Array, "..."], ...],
) -> ServicePlan:
    """What was found, as a plan with its money."""
    assert found.certificate is not None
    schedule = problem.schedule(portfolio, made, found.power_kw[: made.program.slots])
    held, step_h = _held(made, found.power_kw, len(services)), portfolio.grid.step_h
    credit = np.array([one.credit_per_kw for one in services])
    fed = np.array([one.fed_share for one in services])
    earned = (credit * _by_step(services, award_kw, portfolio.grid.steps)).sum(axis=1)
    called = fed * np.einsum("kst,st->k", held, fed_cost_per_kwh(portfolio))
    return ServicePlan(
        services=tuple(services),
        schedule=schedule,
        costs=costs(portfolio, schedule, options.end_value_per_kwh),
        held_kw=held,
        award_kw=award_kw,
        credits=step_h * earned,
        call_costs=step_h * called,
        status=proof.status(Assessment(portfolio, schedule), found.status),
        certificate=found.certificate,
        solve_s=found.solve_s,
    )


def _bounded(planned: ServicePlan, bound: float, options: Options, status: Status) -> ServicePlan:
    """The plan with the bound of awards of any size, and the status that it earns by that."""
    certificate = replace(planned.certificate, bound=bound)
    if planned.status is Status.LIMITS_EXCEEDED:
        return replace(planned, certificate=certificate)
    earned = reference.earned(certificate, options.gap, otherwise=status)
    return replace(planned, certificate=certificate, status=earned)


def _kept(fewer: ServicePlan, more: ServicePlan) -> ServicePlan:
    """The plan with fewer services, of which rounding has left more than of the one with more."""
    count, known = len(more.services), len(fewer.services)
    none = np.zeros(count - known)
    rest = tuple(0.0 * award for award in more.award_kw[known:])
    return replace(
        fewer,
        services=more.services,
        held_kw=_with_nothing_more(fewer.held_kw, count),
        award_kw=(*fewer.award_kw, *rest),
        credits=np.append(fewer.credits, none),
        call_costs=np.append(fewer.call_costs, none),
        certificate=replace(fewer.certificate, bound=more.certificate.bound),
        status=Status.FEASIBLE if fewer.status is Status.OPTIMAL else fewer.status,
        solve_s=more.solve_s,
    )


def _with_nothing_more(
    held_kw: Float[Array, "known session step"], services: int
) -> Float[Array, "service session step"]:
    """What is held, and nothing of further services."""
    none = np.zeros((services - len(held_kw), *held_kw.shape[1:]))
    return np.concatenate([held_kw, none])


def _as_far_as(program: Program, power_kw: Float[Array, " slot"]) -> Program:
    """The program with what these powers give way in given way as far."""
    owed, net = program.energy_end_kwh, net_power(program, power_kw)
    reached = energy_path(program, power_kw)[program.end]
    short, low = reached < owed - TOLERANCE, net < program.net_low_kw - TOLERANCE
    high = net > program.net_high_kw + TOLERANCE
    over = over_budget(program, net)
    budget = program.budget_kwh
    return replace(
        program,
        energy_end_kwh=np.where(short, reached, owed),
        net_low_kw=np.where(low, net, program.net_low_kw),
        net_high_kw=np.where(high, net, program.net_high_kw),
        budget_kwh=None if budget is None else np.where(over > TOLERANCE, budget + over, budget),
    )


def fed_cost_per_kwh(portfolio: Portfolio) -> Float[Array, "session step"]:
    """What a kWh costs that calls feed from each session: its wear, and losses until it is back.

    What calls feed and draw is settled at the import price. Cars that cannot feed only draw less.
    """
    sessions = portfolio.sessions
    lost = 1.0 / (sessions.efficiency_charge * sessions.efficiency_discharge) - 1.0
    price = per_kwh_from_per_mwh(portfolio.prices.import_price_per_mwh)
    feeds = sessions.max_discharge_kw > 0
    return feeds[:, None] * (sessions.wear_cost_per_kwh[:, None] + lost[:, None] * price)


def _by_step(
    services: Sequence[Service], award_kw: Iterable[Array], steps: int
) -> Float[Array, "service step"]:
    """Awards of each step."""
    return np.array([one.by_step(kw, steps) for one, kw in _each(services, award_kw)])


def _each(services: Sequence[Service], values: Iterable[Array]) -> Iterable[tuple[Service, Array]]:
    return zip(services, values, strict=True)


def _solved(program: Program, options: Options, fallback: Float[Array, " slot"]) -> Solution:
    solution = solver.solve(
        program,
        method=options.method if solver.covers(program, options.method) else "auto",
        gap=options.gap,
        smooth=False,
        branch=options.branch,
        time_limit_s=options.time_limit_s,
        fallback=fallback,
    )
    if solution.certificate is None or not solution.status.good:
        raise SolveError(solution.status, "This was the plan with services.")
    return solution


def _held(
    made: Problem, power_kw: Float[Array, " slot"], services: int
) -> Float[Array, "service session step"]:
    """What the holders draw."""
    program = made.program
    slots = program.store < made.sessions
    held = np.zeros((services, made.sessions, program.steps))
    drawn = np.maximum(-power_kw[program.slots :], 0.0)
    held[:, program.store[slots], program.step[slots]] = drawn.reshape(services, -1)
    return held


def _powers(
    made: Problem, power_kw: Float[Array, " slot"], held: Float[Array, "service session step"]
) -> Float[Array, " all_slot"]:
    """The same powers, but for what is held."""
    program = made.program
    slots = program.store < made.sessions
    drawn = held[:, program.store[slots], program.step[slots]]
    return np.concatenate([power_kw[: program.slots], -drawn.ravel()])
