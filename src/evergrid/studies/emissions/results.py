"""What a study of emissions finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from evergrid.core.arrays import Array, Float
from evergrid.core.status import Status
from evergrid.dispatch.assessment import Assessment
from evergrid.dispatch.carbon.account import GridEnergy, ScheduleCarbon
from evergrid.dispatch.carbon.frontier import CappedPlan, FrontierPoint
from evergrid.impact.emissions.blend import LeadForecasts
from evergrid.impact.emissions.ledgers import (
    ConsequentialLedger,
    LocationBasedLedger,
    MarketBasedLedger,
)
from evergrid.impact.emissions.stored_carbon import StoredCarbon
from evergrid.impact.emissions.uncertainty import Band
from evergrid.inputs.assembly import StudyInputs
from evergrid.inputs.emissions import Factors

BASELINE = "uncontrolled"


@dataclass(frozen=True)
class StrategyCarbon:
    """What one strategy costs and emits.

    Attributes:
        name: Its name.
        status: What its schedule has earned.
        gap: To the best there could be, of what it was planned for; None where that is not proven.
        net_cost: Of like energy in the end, without any price of carbon.
        assessment: What it does, held against the records.
        energy: What it exchanges with the grid.
        consequential: Against the baseline, at equal energy in the end.
        band: How sure that is.
        location: Energy drawn by sessions less what energy fed carries away; None without factors.
        market: By certificates; None without factors.
        stored: Where the carbon of what was drawn went; None without average factors.
        fed_mwh: Fed by sessions.
        embodied_kg: Carbon of wear by feeding; None where it is not counted.
        driving_kg: Displaced by driving with what sessions hold more when they leave; None where it
            is not counted.
    """

    name: str
    status: str
    gap: float | None
    net_cost: float
    assessment: Assessment
    energy: GridEnergy
    consequential: ConsequentialLedger
    band: Band
    location: LocationBasedLedger | None
    market: MarketBasedLedger | None
    stored: StoredCarbon | None
    fed_mwh: float
    embodied_kg: float | None
    driving_kg: float | None

    @cached_property
    def carbon(self) -> ScheduleCarbon:
        """Its powers, as emissions are counted from them."""
        return ScheduleCarbon(self.assessment.portfolio, self.assessment.schedule)

    @property
    def tonnes(self) -> float:
        """Against the baseline, on the consequential ledger."""
        return self.consequential.tonnes


@dataclass(frozen=True)
class FuelSensitivity:
    """What follows from another factor of one fuel.

    Attributes:
        fuel: The type of generation.
        change: By which share its factor is other.
        marginal_kg_per_mwh: Mean marginal factor over the horizon then.
        tonnes: Of each strategy against the baseline, by those factors.
    """

    fuel: str
    change: float
    marginal_kg_per_mwh: float
    tonnes: dict[str, float]


@dataclass(frozen=True)
class EmissionsResults:
    """All strategies, and what less carbon costs.

    Attributes:
        inputs: What the study was given.
        factors: Emission factors.
        strategies: By name, the baseline first.
        frontier: Plans at rising prices of a tonne.
        knee: The one from which on a tonne costs much more.
        capped: The cheapest plan within the cap, where there is one.
        past_errors_kg_per_mwh: Of factors, that bands are drawn from; None where they are assumed.
        sensitivity: To factors of fuels, where marginal factors are estimated from generation.
        forecasts: Of marginal factors, where there are some.
    """

    inputs: StudyInputs
    factors: Factors
    strategies: dict[str, StrategyCarbon]
    frontier: tuple[FrontierPoint, ...]
    knee: FrontierPoint | None
    capped: CappedPlan | None
    past_errors_kg_per_mwh: Float[Array, " past"] | None = None
    sensitivity: tuple[FuelSensitivity, ...] = ()
    forecasts: LeadForecasts | None = None

    def every_plan(self) -> Iterator[tuple[str, Assessment]]:
        """Every plan that was made, held against the records, by what it is called."""
        for name, one in self.strategies.items():
            yield name, one.assessment
        for point in self.frontier:
            yield f"at {point.price_per_tonne:g} per tonne", point.plan.assessment
        for name, point in self.of_cap.items():
            yield name, point.plan.assessment

    @property
    def of_cap(self) -> dict[str, FrontierPoint]:
        """Plans that the one within the cap is made of, by name; the cleaner one keeps the cap."""
        cap = self.capped
        if cap is None:
            return {}
        mixed = {"cap_cheaper": cap.cheaper} if cap.cleaner_share < 1.0 else {}
        return mixed | {"cap_cleaner": cap.cleaner}

    @property
    def status(self) -> str:
        """What the plan by marginal factors has earned, unless any plan exceeds a limit."""
        if any(one.overloads or one.overdrafts for _, one in self.every_plan()):
            return str(Status.LIMITS_EXCEEDED)
        return self.strategies["carbon"].status

    @property
    def regret_tonnes(self) -> float | None:
        """What not knowing factors costs, in tonnes; None without forecasts."""
        if "carbon_forecast" not in self.strategies:
            return None
        return self.strategies["carbon_forecast"].tonnes - self.strategies["carbon"].tonnes

    @property
    def foresight_share(self) -> float | None:
        """Of the reduction with foresight, what forecasts reach."""
        best = self.strategies["carbon"].tonnes
        if "carbon_forecast" not in self.strategies or best >= 0:
            return None
        return self.strategies["carbon_forecast"].tonnes / best


def dollars_per_tonne(before: FrontierPoint, after: FrontierPoint) -> float:
    """What each tonne less costs between two plans; NaN where none is saved."""
    fewer = before.tonnes - after.tonnes
    return (after.net_cost - before.net_cost) / fewer if fewer > 1e-12 else float("nan")
