"""What PJM regulation pays: a line for capability and one for performance in each interval."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.markets.rules.pjm import PjmRegulation


@dataclass(frozen=True)
class RegulationPrices:
    """Prices of each interval that is credited.

    Attributes:
        capability_per_mw: Clearing price of capability, per MW and hour.
        performance_per_mw: Clearing price of performance, or of mileage, per MW and hour.
        mileage_ratio: By which the latter is multiplied: how far this signal moves over how far
            the other one does, or over its own mean of 30 days, as the era has it.

    Raises:
        InputError: A price of performance or a ratio below 0, or none that is a number.
    """

    capability_per_mw: Float[Array, " interval"]
    performance_per_mw: Float[Array, " interval"]
    mileage_ratio: Float[Array, " interval"]

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        finite = np.isfinite(self.capability_per_mw)
        values = self.capability_per_mw
        faults += broken("capability_per_mw", finite, "be finite", values=values)
        for name in ("performance_per_mw", "mileage_ratio"):
            values = getattr(self, name)
            good = (values >= 0) & (values < np.inf)
            faults += broken(name, good, "be at least 0 and finite", values=values)
        raise_if_any("regulation_prices", faults)


@dataclass(frozen=True)
class RegulationCredits:
    """What is paid for each interval, in the currency of the prices.

    Attributes:
        capability: For holding the award ready.
        performance: For the way that the signal was followed.
        forfeited: Intervals that earn nothing as their score was too low.
    """

    capability: Float[Array, " interval"]
    performance: Float[Array, " interval"]
    forfeited: Bool[Array, " interval"]

    @property
    def total(self) -> Float[Array, " interval"]:
        """Both together."""
        return self.capability + self.performance


def credits(
    award_mw: Float[Array, " interval"],
    score: Float[Array, " interval"],
    prices: RegulationPrices,
    rules: PjmRegulation,
) -> RegulationCredits:
    """Credits of awards that were followed with these scores.

    Args:
        award_mw: Of each interval.
        score: Of each interval, 0 to 1.
        prices: Of each interval.
        rules: Of the era: how long an interval is, and which score earns nothing.

    Raises:
        InputError: An award below 0 or a score outside [0, 1].
    """
    good = (award_mw >= 0) & (award_mw < np.inf)
    faults = broken("award_mw", good, "be at least 0 and finite", values=award_mw)
    inside = (score >= 0) & (score <= 1)
    faults += broken("score", inside, "lie in [0, 1]", values=score, fix="Give a fraction.")
    raise_if_any("regulation_credits", faults)
    forfeited = score < rules.least_score.value
    paid = np.where(forfeited, 0.0, award_mw * score) * rules.payment_h
    return RegulationCredits(
        capability=paid * prices.capability_per_mw,
        performance=paid * prices.performance_per_mw * prices.mileage_ratio,
        forfeited=forfeited & (award_mw > 0),
    )
