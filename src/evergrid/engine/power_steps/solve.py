"""The best schedule in whole steps that can be found, and how far from the best it can be."""

import time
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.flowgates import Flowgates
from evergrid.engine import solver
from evergrid.engine.certificate import bound as bound_of
from evergrid.engine.certificate import store_bounds
from evergrid.engine.highs import power_steps as branch_and_bound
from evergrid.engine.parts import pick
from evergrid.engine.power_steps import mixture, rounding
from evergrid.engine.program import Program, cost, net_power
from evergrid.engine.solution import Solution
from evergrid.engine.step_rules import PowerSteps
from evergrid.engine.term import AbstractTerm
from evergrid.engine.terms.fed_energy import FedEnergyLimits
from evergrid.engine.terms.flowgates import FlowgateTerm
from evergrid.engine.violations import TOLERANCE, violations

PASSES_S = 60.0  # for passes of rounding beyond the first
MIXING_S = 300.0  # for prices of mixed runs
ROOM_KWH = 1e-7  # by which what is owed is lowered further, for rounding
BRANCH_S = 30.0  # for branch and bound on a small program


@dataclass(frozen=True)
class StepResult:
    """A schedule in whole steps.

    Attributes:
        power_kw: Power of each slot.
        bound: No schedule in whole steps costs less.
        program: What it solves: the given one, but with less owed where whole steps did not serve
            all of that. It is not proven that nothing could serve more.
    """

    power_kw: Float[Array, " slot"]
    bound: float
    program: Program
    any_power_cost: float | None


def solve(
    program: Program,
    steps: PowerSteps,
    found: Solution,
    *,
    gap: float,
    time_limit_s: float,
    branch: bool = True,
) -> StepResult:
    """Round a solution to whole steps; where the program is small, go on by branch and bound.

    The solution's bound is one on schedules in whole steps too, as these are fewer. Where whole
    steps cannot serve all that is owed within the limits, the bound is that on what is served.

    Args:
        program: What was solved.
        steps: Rules of its stores.
        found: The solution that may take any power.
        gap: Relative distance to the bound that is asked for.
        time_limit_s: For all of it.
        branch: Whether to go on by branch and bound, for some seconds, where the program is small.
    """
    begun = time.perf_counter()
    known = found.certificate
    assert known is not None
    deadline = begun + min(time_limit_s, PASSES_S)
    how = {"bound": known.bound, "gap": gap, "deadline": deadline}
    power_kw = rounding.whole(program, steps, found.power_kw, found.dual, **how)
    # What whole steps cannot serve is owed no longer: bound and schedule are of one program.
    short = rounding.energy_short(program, power_kw)
    if short.max(initial=0.0) > TOLERANCE:
        less = np.where(short > 0, short + ROOM_KWH, 0.0)
        program = replace(program, energy_end_kwh=program.energy_end_kwh - less)
        again = _again(program, deadline)
        known = None if again is None else again.certificate
        found = again or found
    bound = -np.inf if known is None else known.bound
    power_kw = _others_again(program, steps, power_kw, deadline)
    # The dearer the search, the less often it is needed: mixtures of whole runs, then all
    # decisions.
    if not _near(program, power_kw, bound, gap) and np.isfinite(bound):
        if mixture.fits(program):
            left_s = min(max(time_limit_s - (time.perf_counter() - begun), 0.1), MIXING_S)
            until = time.perf_counter() + left_s
            mixed = mixture.mixed(program, steps, found, power_kw, gap=gap, deadline=until)
            power_kw, bound = mixed.power_kw, max(bound, mixed.bound)
        else:
            bound = max(bound, _in_steps(program, steps, found))
    if (
        branch
        and not _near(program, power_kw, bound, gap)
        and branch_and_bound.fits(program, steps)
    ):
        left_s = min(max(time_limit_s - (time.perf_counter() - begun), 0.1), BRANCH_S)
        exact = branch_and_bound.solve(program, steps, begin=power_kw, gap=gap, time_limit_s=left_s)
        bound = max(bound, exact.bound + program.constant)
        if exact.status.good and cost(program, exact.power_kw) < cost(program, power_kw):
            power_kw = exact.power_kw
    any_power = None if known is None else known.objective
    return StepResult(power_kw, bound, program, any_power)


def _near(program: Program, power_kw: Float[Array, " slot"], bound: float, gap: float) -> bool:
    """Whether a schedule costs as little as the bound, but for the gap that is allowed."""
    paid = cost(program, power_kw)
    return paid - bound <= gap * max(abs(paid), abs(bound))


def _again(program: Program, deadline: float) -> Solution | None:
    """The solution of a program in which less is owed; None where it is not found."""
    found = solver.solve(program, time_limit_s=max(deadline - time.perf_counter(), 1.0))
    return found if found.status.good else None


def _in_steps(program: Program, steps: PowerSteps, found: Solution) -> float:
    """A bound on schedules in whole steps: each store's cheapest run at the prices that were found.

    Prices of power take the place of the limits of nodes, which leaves each store by itself.

    Source:
        Lagrangian relaxation; A. M. Geoffrion (1974), Lagrangean relaxation for integer
        programming, Mathematical Programming Study 2, doi 10.1007/BFb0120690.
    """
    whole = rounding.store_bounds(program, steps, found.power_kw, found.dual)
    stepped = steps.step_kw > 0
    more = whole[stepped] - store_bounds(program, found.dual)[stepped]
    return bound_of(program, found.dual) + float(np.maximum(more, 0.0).sum())


def _others_again(
    program: Program, steps: PowerSteps, power_kw: Float[Array, " slot"], deadline: float
) -> Float[Array, " slot"]:
    """Plan stores of any power anew around those in whole steps, where that is no worse."""
    others = np.nonzero(steps.step_kw == 0)[0]
    if not len(others):
        return power_kw
    free = (steps.step_kw == 0)[program.store]
    around = _around(program, np.where(free, 0.0, power_kw), others)
    left_s = max(deadline - time.perf_counter(), 1.0)
    found = solver.solve(around, time_limit_s=left_s, fallback=power_kw[free])
    if not found.status.good:
        return power_kw
    made = power_kw.copy()
    made[free] = found.power_kw
    kept = violations(program, made).worst_node_kw <= TOLERANCE
    was_kept = violations(program, power_kw).worst_node_kw <= TOLERANCE
    cheaper = cost(program, made) < cost(program, power_kw)
    return made if kept and (cheaper or not was_kept) else power_kw


def _around(
    program: Program, power_kw: Float[Array, " slot"], stores: Int[Array, " some"]
) -> Program:
    """The program of some stores, in which what the others do is a load."""
    net = net_power(program, power_kw)
    terms = tuple(_beside(term, program, power_kw, net) for term in program.terms)
    shifted = replace(
        program,
        net_low_kw=program.net_low_kw - net,
        net_high_kw=program.net_high_kw - net,
        load_kw=program.load_kw - net,
        terms=terms,
    )
    return pick(shifted, np.arange(program.nodes), stores).program


def _beside(
    term: AbstractTerm,
    program: Program,
    power_kw: Float[Array, " slot"],
    net: Float[Array, "node step"],
) -> AbstractTerm:
    """A term with what is left of its limits beside the powers of other stores."""
    if isinstance(term, FlowgateTerm):
        gates = term.flowgates
        return FlowgateTerm(Flowgates(gates.step, gates.weight, -gates.beyond_kw(net)))
    if isinstance(term, FedEnergyLimits):
        return term.beside(program, power_kw)
    return term
