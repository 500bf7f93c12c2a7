"""What a change of load does to cost and emissions where hours depend on each other.

A MWh more in one hour may be served by another unit in another hour, through a store or a ramp.
The factor of the unit that sets the price then says nothing: what counts is the difference of
totals, which is taken here by two schedules.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.schedule import UnitSchedule, schedule_units


@dataclass(frozen=True)
class LoadChange:
    """A system at two loads.

    Attributes:
        before: At the load as given.
        after: At the load with the change.
        change_mwh: Of the load, over all steps.
        cost_change: Over all steps; uncertain by the gaps of both.
        pollutant: Names of what is emitted.
        emissions_change_kg: Of each pollutant over all steps.
        cost_uncertainty: By how much the change of cost may be wrong: the sum of both gaps.
    """

    before: UnitSchedule
    after: UnitSchedule
    change_mwh: float
    cost_change: float
    pollutant: Shaped[Array, " pollutant"]
    emissions_change_kg: Float[Array, " pollutant"]
    cost_uncertainty: float

    def emissions_per_mwh(self, pollutant: str) -> float:
        """Kilograms of one pollutant per MWh by which the load changes.

        Raises:
            InputError: A pollutant that the generators do not know, a change that sums up to 0.
        """
        if self.change_mwh == 0:
            fix = "Read emissions_change_kg: what only moves has no factor per MWh."
            raise InputError("load_change", [Fault("change_mw", "not sum up to 0", fix=fix)])
        emitted = (
            self.after.emissions_of(pollutant).sum() - self.before.emissions_of(pollutant).sum()
        )
        return float(emitted) / self.change_mwh


def load_change(
    problem: GenerationProblem,
    change_mw: Float[Array, " step"],
    *,
    gap: float = 1e-9,
    time_limit_s: float = 600.0,
) -> LoadChange:
    """The system with a change of its load against the system without it.

    Args:
        problem: The system; with whole commitment the change must be large against the gap.
        change_mw: Of the load in each step; a fleet that feeds lowers it.
        gap: As of `schedule_units`.
        time_limit_s: For each of two schedules.

    Raises:
        InputError: A change that leaves a negative load, or of another length.
        InfeasibleError, SolveError: As of `schedule_units`.
    """
    load = problem.load
    if len(change_mw) != load.grid.steps:
        rule = f"have a value for every step of the load, {load.grid.steps:,} in all"
        raise InputError("load_change", [Fault("change_mw", rule, (len(change_mw),))])
    changed = replace(problem, load=replace(load, load_mw=load.load_mw + change_mw))
    before = schedule_units(problem, gap=gap, time_limit_s=time_limit_s)
    after = schedule_units(changed, gap=gap, time_limit_s=time_limit_s, start=before)
    return LoadChange(
        before=before,
        after=after,
        change_mwh=float(load.grid.step_h * np.sum(change_mw)),
        cost_change=after.cost - before.cost,
        pollutant=before.pollutant,
        emissions_change_kg=after.emissions_kg.sum(axis=1) - before.emissions_kg.sum(axis=1),
        cost_uncertainty=sum(max(one.cost - one.bound, 0.0) for one in (before, after)),
    )
