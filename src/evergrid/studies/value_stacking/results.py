"""What a study of value stacking finds."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.units import KW_PER_MW
from evergrid.dispatch.assessment import Assessment
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.services.pay_as_bid import Bids
from evergrid.dispatch.services.plan import ServicePlan
from evergrid.inputs.assembly import StudyInputs


@dataclass(frozen=True)
class RealisedValue:
    """What offers made on forecasts come to at the prices that came.

    Attributes:
        alone: Net cost of energy alone, planned on the forecast.
        net: Net cost with all services.
        foresight: What it would be with the prices known.
        foresight_alone: The same for energy alone.
    """

    alone: float
    net: float
    foresight: float
    foresight_alone: float

    @property
    def regret(self) -> float:
        """What not knowing the prices costs."""
        return self.net - self.foresight


@dataclass(frozen=True)
class BidCurve:
    """What is offered at each price, in each block; it never falls with the price.

    Attributes:
        service: Place of the service.
        price_per_mw: Prices tried.
        award_kw: Offered at each.
        tranches: What to ask for each part of it, where bids are paid their own price.
    """

    service: int
    price_per_mw: Float[Array, " price"]
    award_kw: Float[Array, "price block"]
    tranches: "Tranches | None" = None


@dataclass(frozen=True)
class Tranches:
    """Parts of an offer that are first held at a tried price, in blocks where there are any.

    Attributes:
        block: Of each.
        added_kw: What is offered more than at the price before.
        cost_per_mw: The tried price: what holding it costs at most.
        bids: Price to ask, acceptance and expected margin.
    """

    block: Int[Array, " tranche"]
    added_kw: Float[Array, " tranche"]
    cost_per_mw: Float[Array, " tranche"]
    bids: Bids

    @property
    def margin(self) -> Float[Array, " tranche"]:
        """Expected of each, in an hour."""
        return self.bids.margin * self.added_kw / KW_PER_MW


@dataclass(frozen=True)
class StackingResults:
    """Plans of energy alone and with one service more each time.

    Attributes:
        inputs: What the study was given.
        alone: The plan of energy alone.
        stack: Plans with the first service, the first two, and so on.
        price_per_mw: Of each service and step, as it came.
        realised: What it comes to at the prices that came, where they were not known.
        bid_curve: Of one service, where it was asked for.
    """

    inputs: StudyInputs
    alone: Plan
    stack: tuple[ServicePlan, ...]
    price_per_mw: Float[Array, "service step"]
    realised: RealisedValue | None
    bid_curve: BidCurve | None

    @property
    def plan(self) -> ServicePlan:
        """The plan with all services."""
        return self.stack[-1]

    @cached_property
    def assessment(self) -> Assessment:
        """The plan with all services, held against the records."""
        return Assessment(self.inputs.portfolio, self.plan.schedule)

    @property
    def shortfall_kwh(self) -> float:
        """Energy that is owed and cannot be served, with services or without."""
        return float(self.assessment.shortfall_total_kwh)

    @property
    def overloads(self) -> int:
        """How many limits of sites are exceeded, by load or generation alone."""
        return len(self.assessment.overloads)

    @property
    def added(self) -> list[float]:
        """By how much each service lowers the net cost, beside those before it."""
        nets = [self.alone.costs.net, *(one.net for one in self.stack)]
        return [before - after for before, after in pairwise(nets)]
