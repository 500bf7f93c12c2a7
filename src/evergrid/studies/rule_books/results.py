"""What a study of rule books finds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.dispatch.services.firm_power import EvenPlan
from evergrid.inputs.assembly import StudyInputs
from evergrid.model.time_series.frequency import FrequencyRecord
from evergrid.model.time_series.signal import Signal
from evergrid.studies.rule_books.duty import Duty
from evergrid.studies.rule_books.income import Income
from evergrid.studies.rule_books.offers import Offer
from evergrid.studies.rule_books.qualification import Qualification


@dataclass(frozen=True)
class ProductResult:
    """What a fleet does with one product.

    Attributes:
        offer: What it sells.
        duty: What that asks for.
        losses_mwh: Energy lost in chargers by following.
        income: What it earns.
        qualification: Its test; None where there was nothing to test.
    """

    offer: Offer
    duty: Duty
    losses_mwh: float
    income: Income
    qualification: Qualification | None

    @property
    def name(self) -> str:
        """Of the product."""
        return self.offer.product.name


@dataclass(frozen=True)
class RuleComparison:
    """One fleet under the rules of many markets.

    Attributes:
        inputs: What the study was given.
        plan: By which the fleet charges.
        signal: Of regulation.
        frequency: Of the grid.
        made_up: Whether the signal, and the frequency, are.
        products: In the order of the markets.
        durations_h: For how long the fleet was asked.
        up_kw: Mean power that it holds above its plan for so long.
        down_kw: The same below.
    """

    inputs: StudyInputs
    plan: EvenPlan
    signal: Signal
    frequency: FrequencyRecord
    made_up: tuple[bool, bool]
    products: tuple[ProductResult, ...]
    durations_h: Float[Array, " duration"]
    up_kw: Float[Array, " duration"]
    down_kw: Float[Array, " duration"]

    @cached_property
    def by_market(self) -> list[ProductResult]:
        """The product of each market of which most is sold, the one with most first."""
        best: dict[str, ProductResult] = {}
        for one in self.products:
            market = one.offer.market.name
            if one.offer.refused:
                continue
            if market not in best or one.offer.sold_mwh > best[market].offer.sold_mwh:
                best[market] = one
        return sorted(best.values(), key=lambda one: -one.offer.sold_mwh)

    @property
    def passed(self) -> int:
        """How many tests were passed."""
        return sum(one.passed for one in self.tests)

    @property
    def tests(self) -> list[Qualification]:
        """All tests that were run."""
        return [one.qualification for one in self.products if one.qualification is not None]

    @property
    def plugged(self) -> Array:
        """How many vehicles are there in each step."""
        return np.asarray(self.plan.there.sum(axis=0))
