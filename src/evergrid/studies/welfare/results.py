"""What a study of welfare finds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.impact.compensation.policies import DayCurves, PolicyRanking
from evergrid.impact.compensation.two_part import TwoPartTariff
from evergrid.impact.welfare.groups import GroupGains, HouseholdGroups
from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.social_cost import SocialCost
from evergrid.studies.welfare.assumptions import AssumptionCase
from evergrid.studies.welfare.cases import PolicyCase
from evergrid.studies.welfare.commitment import CommitmentComparison
from evergrid.studies.welfare.market import PowerSystemInputs


@dataclass(frozen=True)
class RateSweep:
    """One rate for all days, tried.

    Attributes:
        rate_per_mwh: Tried.
        quantity_mwh: Fed on each day.
        social: Gain of all, in all days.
        private: The same without what reaches no price.
        owner_surplus: What owners keep.
    """

    rate_per_mwh: Float[Array, " rate"]
    quantity_mwh: Float[Array, " rate"]
    social: Float[Array, " rate"]
    private: Float[Array, " rate"]
    owner_surplus: Float[Array, " rate"]


@dataclass(frozen=True)
class FlatOptimum:
    """The best single rate, found twice.

    Attributes:
        rate_per_mwh: By the first-order condition.
        grid_rate_per_mwh: By trying rates.
        private_rate_per_mwh: What a market would pay that prices no external cost.
        pass_through: Rate over the worth to the system of one MWh more.
        elasticity: Of participation at the rate.
        kkt_residual: Of owners at the rate.
    """

    rate_per_mwh: float
    grid_rate_per_mwh: float
    private_rate_per_mwh: float
    pass_through: float
    elasticity: float
    kkt_residual: float


@dataclass(frozen=True)
class WelfareResults:
    """Everything found.

    Attributes:
        inputs: Plants and days.
        curves: Worth of feeding on each day.
        external: The part of it that no price reaches.
        social_cost: Of greenhouse gases, in the dollars of the study.
        chosen: Number of the policy that is accounted for in full.
        cases: Every policy with its accounts.
        ranking: Policies under several social costs.
        sweep: One rate for all days, tried.
        flat: The best single rate.
        two_part: The best tariff of two parts.
        two_part_case: Its accounts; owners differ in the effort of a year there, so that it is no
            policy among the others.
        joined_share: Of the vehicles, those that join it.
        assumptions: The total under combinations of assumptions.
        groups: Of households.
        gains: What each group gains by the chosen policy.
        commitment: The chosen policy in some days with units that run or stand; None without.
    """

    inputs: PowerSystemInputs
    curves: DayCurves
    external: Float[Array, "day node"]
    social_cost: SocialCost
    chosen: int
    cases: tuple[PolicyCase, ...]
    ranking: PolicyRanking
    sweep: RateSweep
    flat: FlatOptimum
    two_part: TwoPartTariff
    two_part_case: PolicyCase
    joined_share: float
    assumptions: tuple[AssumptionCase, ...]
    groups: HouseholdGroups
    gains: GroupGains
    commitment: CommitmentComparison | None

    @property
    def case(self) -> PolicyCase:
        """The policy that is accounted for in full."""
        return self.cases[self.chosen]

    @property
    def accounts(self) -> tuple[PolicyCase, ...]:
        """Every policy, and the tariff of two parts."""
        return (*self.cases, self.two_part_case)

    @cached_property
    def best(self) -> PolicyCase:
        """The policy of the greatest welfare."""
        return max(self.cases, key=lambda one: one.change.total)

    @property
    def private_gain(self) -> float:
        """Gain of all but climate and health, by feeding."""
        change = self.case.change
        return change.total - change.by_party[Party.ENVIRONMENT]

    @property
    def domestic_gain(self) -> float:
        """Gain of all but neighbours."""
        change = self.case.change
        return change.total - change.by_party[Party.NEIGHBOURS]

    @property
    def privately_good_socially_bad(self) -> bool:
        """Whether those who trade gain while all together lose."""
        return self.private_gain > 0 > self.case.change.total

    @cached_property
    def band(self) -> tuple[float, float]:
        """Least and greatest total over the assumptions."""
        totals = [one.total for one in self.assumptions]
        return min(totals), max(totals)

    @property
    def positive_share(self) -> float:
        """Share of the combinations of assumptions under which all together gain."""
        return float(np.mean([one.total > 0 for one in self.assumptions]))
