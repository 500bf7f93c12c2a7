"""Which units run in each step, at what cost, at what price, and with what emissions."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import InfeasibleError, SolveError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.program import Layout, build, cost_blocks, unit_output
from evergrid.dispatch.generation.rounding import rounded
from evergrid.engine.highs.sparse_program import SparseAnswer, SparseProgram, solve
from evergrid.impact.merit_order.clearing import row_of
from evergrid.impact.merit_order.convex import CostBlocks

RUNS = 1e-6  # MW or share above which a unit runs


@dataclass(frozen=True)
class UnitSchedule:
    """The units, step by step.

    Attributes:
        step_h: Length of a step.
        output_mw: Of each unit.
        on: Units that run; from the output where there is no commitment, or a relaxed one.
        starts: Of each unit in each step; parts of one where the commitment is relaxed.
        storage_power_mw: Of each store, positive into the grid.
        curtailed_mw: Available for nothing and not used.
        lost_load_mw: Not served.
        price_per_mwh: Cost of one more MWh of load. With whole commitment that of the same units
            running, which does not pay for starts.
        reserve_price_per_mw: Of one more MW of reserve for an hour; 0 where none is needed.
        generation_cost: Fuel and operation of each step, and carbon where it is priced.
        start_cost: Of each step.
        wear_cost: Of stores, in each step.
        lost_load_cost: Of each step.
        pollutant: Names of what is emitted.
        emissions_kg: In each step; starts emit nothing here.
        bound: Least cost that any schedule can have.
        violation: Largest miss of a limit, in MW or MWh or as a share of the limit above 1.
        status: How it ended.
    """

    step_h: float
    output_mw: Float[Array, "unit step"]
    on: Bool[Array, "unit step"]
    starts: Float[Array, "unit step"]
    storage_power_mw: Float[Array, "store step"]
    curtailed_mw: Float[Array, " step"]
    lost_load_mw: Float[Array, " step"]
    price_per_mwh: Float[Array, " step"]
    reserve_price_per_mw: Float[Array, " step"]
    generation_cost: Float[Array, " step"]
    start_cost: Float[Array, " step"]
    wear_cost: Float[Array, " step"]
    lost_load_cost: Float[Array, " step"]
    pollutant: Shaped[Array, " pollutant"]
    emissions_kg: Float[Array, "pollutant step"]
    bound: float
    violation: float
    status: Status

    @property
    def cost(self) -> float:
        """Generation, starts, wear and lost load over all steps."""
        parts = (self.generation_cost, self.start_cost, self.wear_cost, self.lost_load_cost)
        return float(sum(part.sum() for part in parts))

    @property
    def gap(self) -> float:
        """Share of the cost by which it may exceed the least."""
        return (self.cost - self.bound) / max(abs(self.cost), 1.0)

    def emissions_of(self, pollutant: str) -> Float[Array, " step"]:
        """Kilograms of one pollutant in each step.

        Raises:
            InputError: The generators do not know it.
        """
        return self.emissions_kg[row_of(self.pollutant, pollutant)]


def schedule_units(
    problem: GenerationProblem,
    *,
    gap: float = 1e-9,
    time_limit_s: float = 600.0,
    start: UnitSchedule | None = None,
) -> UnitSchedule:
    """The cheapest schedule of the units and stores of a system.

    Args:
        problem: The system.
        gap: Share of the cost at which a schedule with whole commitment is called optimal; one
            in a thousand is usual, and HiGHS needs minutes for less.
        time_limit_s: For each program that is solved; whole commitment has a relaxed one, those of
            rounding, and branch and bound, of which the best that is known is returned with its
            gap.
        start: Of a problem that is alike: which units run there is tried first, with whole
            commitment.

    Raises:
        InfeasibleError: The load, the reserve or a store's energy cannot be served.
        SolveError: No schedule was found in time.
    """
    curve = cost_blocks(problem)
    program, layout = build(problem, curve)
    if problem.commitment == "whole":
        answer = _whole(problem, program, layout, gap=gap, time_limit_s=time_limit_s, start=start)
    else:
        answer = solve(program, time_limit_s=time_limit_s, gap=gap)
    if answer.status is Status.INFEASIBLE:
        raise InfeasibleError(*_reason(problem))
    if not len(answer.values):
        raise SolveError(answer.status)
    return _read(problem, curve, layout, answer)


def _whole(
    problem: GenerationProblem,
    program: SparseProgram,
    layout: Layout,
    *,
    gap: float,
    time_limit_s: float,
    start: UnitSchedule | None,
) -> SparseAnswer:
    """The program with whole units, begun with a schedule that is known or rounded to one.

    The bound is the better one of branch and bound and of the relaxed program.
    """
    none = np.zeros_like(program.whole)
    relaxed = solve(replace(program, whole=none), time_limit_s=time_limit_s)
    if relaxed.status is Status.INFEASIBLE:
        return relaxed
    on = None if start is None else start.on.astype(float)
    if on is None and len(relaxed.values):
        of = relaxed.values[layout.on]
        on = rounded(problem, program, layout, of, time_limit_s=time_limit_s)
    known = None if on is None else (layout.on.ravel(), on.ravel())
    answer = solve(program, time_limit_s=time_limit_s, gap=gap, start=known)
    if relaxed.status is not Status.OPTIMAL or relaxed.bound <= answer.bound:
        return answer
    near = answer.cost - relaxed.bound <= gap * max(abs(answer.cost), 1.0)
    status = Status.OPTIMAL if near and answer.status is Status.FEASIBLE else answer.status
    return replace(answer, bound=relaxed.bound, status=status)


def _reason(problem: GenerationProblem) -> tuple[str, list[Fault]]:
    capacity = float(problem.fleet.capacity_mw.sum())
    highest = float(problem.load.net_load_mw.max())
    need = 0.0 if problem.reserve_mw is None else float(problem.reserve_mw.max())
    rule = f"be served, with the reserve, by {capacity:g} MW of units, their ramps and the stores"
    fix = "Give voll_per_mwh, so that load may be lost at that price, or lower reserve_mw."
    got = (f"up to {highest:g} MW net and {need:g} MW of reserve",)
    return "", [Fault("load_mw", rule, got, fix=fix)]


def _read(
    problem: GenerationProblem, curve: CostBlocks, layout: Layout, answer: SparseAnswer
) -> UnitSchedule:
    """The answer as a schedule."""
    value, step_h = answer.values, problem.load.grid.step_h
    blocks_mw = value[layout.output]
    output_mw = unit_output(curve, len(problem.fleet), blocks_mw)
    committed = problem.commitment == "whole"
    on = np.round(value[layout.on]) > 0 if committed else output_mw > RUNS
    starts = value[layout.start] if len(layout.start) else np.zeros_like(output_mw)
    power_mw = value[layout.fed] - value[layout.drawn]
    wear = np.array([store.wear_cost_per_mwh for store in problem.storage])
    lost_mw = value[layout.lost]
    # A row's multiplier is the cost of one more MW through the step; per MWh, it is the price.
    reserve_price = answer.row_price[layout.reserve] / step_h
    return UnitSchedule(
        step_h=step_h,
        output_mw=output_mw,
        on=on,
        starts=starts,
        storage_power_mw=power_mw,
        curtailed_mw=value[layout.curtailed],
        lost_load_mw=lost_mw,
        price_per_mwh=answer.row_price[layout.balance] / step_h,
        reserve_price_per_mw=reserve_price if len(reserve_price) else np.zeros(len(lost_mw)),
        generation_cost=step_h * curve.low_price_per_mwh @ blocks_mw,
        start_cost=problem.fleet.start_cost @ starts,
        wear_cost=step_h * wear @ value[layout.fed],
        lost_load_cost=step_h * (problem.voll_per_mwh or 0.0) * lost_mw,
        pollutant=problem.fleet.pollutant,
        emissions_kg=step_h * curve.emissions_kg_per_mwh @ blocks_mw,
        bound=answer.bound,
        violation=answer.violation,
        status=answer.status,
    )
