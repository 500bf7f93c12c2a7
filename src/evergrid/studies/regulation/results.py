"""What a regulation study finds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import S_PER_H
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.services.plan import ServicePlan
from evergrid.dispatch.track.simulation import Record
from evergrid.inputs.assembly import StudyInputs
from evergrid.markets.performance.pjm_score import PjmScore
from evergrid.markets.rules.pjm import PjmRegulation
from evergrid.markets.settlement.pjm_regulation import RegulationCredits, RegulationPrices
from evergrid.markets.signal_statistics import SignalStatistics, statistics
from evergrid.model.time_series.signal import Signal
from evergrid.studies.regulation.trials import Trial

SERVED_KWH = 0.05  # of a departure, by which counting may miss what was promised


@dataclass(frozen=True)
class RegulationResults:
    """A plan with regulation, what the fleet did, and what that earns.

    Attributes:
        inputs: What the study was given.
        signal: What was followed.
        rules: Of the era of the horizon.
        alone: The V2G plan without regulation, at the prices that were expected.
        plan: The plan with it, at these.
        net_cost_without: What the first costs at the prices that came.
        plan_cost: The same of the second, without credits.
        foresight: Net cost where the plan knows the prices that come, followed on the same signal;
            None where it does.
        offered_kw: Of each block.
        record: What happened, tick by tick.
        share: Of what the plan holds that was offered.
        trials: Shares that were tried on another day's signal.
        score: Of each interval that is credited.
        prices: Of each interval.
        credits: Of each interval.
        statement: What each asset is credited, in whole cents; by `plan.schedule`'s assets.
        asset_id: The assets.
        held_kwh: Capacity that each asset held, times hours.
        beside_plan_kwh: Energy fed beyond the plan in each step, below 0 for more drawn; with what
            brings energies back to the plan.
        signal_energy: What that costs at the import prices of the horizon.
        energy_left: Worth of energy that is missing to the plan at the end of the horizon, in those
            that are there then; below 0 for more.
        following_wear: What following the signal wears batteries.
    """

    inputs: StudyInputs
    signal: Signal
    rules: PjmRegulation
    alone: Plan
    plan: ServicePlan
    net_cost_without: float
    plan_cost: float
    foresight: float | None
    offered_kw: Float[Array, " block"]
    record: Record
    share: float
    trials: tuple[Trial, ...]
    score: PjmScore
    prices: RegulationPrices
    credits: RegulationCredits
    statement: Float[Array, " asset"]
    asset_id: Array
    held_kwh: Float[Array, " asset"]
    beside_plan_kwh: Float[Array, " step"]
    signal_energy: float
    energy_left: float
    following_wear: float

    @cached_property
    def award_kw(self) -> Float[Array, " interval"]:
        """Mean award of each interval."""
        per = round(self.rules.payment_h * S_PER_H / self.record.tick_s)
        whole = len(self.record.award_kw) // per * per
        return self.record.award_kw[:whole].reshape(-1, per).mean(axis=1)

    @property
    def credit(self) -> float:
        """What regulation is paid."""
        return float(self.credits.total.sum())

    @property
    def net_cost(self) -> float:
        """Cost of the plan, less credits, with energy and wear of following it."""
        following = self.signal_energy + self.energy_left + self.following_wear
        return self.plan_cost + following - self.credit

    @cached_property
    def asked(self) -> SignalStatistics:
        """What the signal asked for, per MW of award."""
        return statistics(self.signal.share[: len(self.record.award_kw)], self.signal.tick_s)

    @cached_property
    def short(self) -> Array:
        """Stays that left with less than they were promised."""
        return np.flatnonzero(self.record.shortfall_kwh > SERVED_KWH)

    @property
    def scored(self) -> Array:
        """Intervals with an award and a score."""
        return self.award_kw[: len(self.score.total)] > 0
