"""How much owners feed at a rate, and what it costs them: wear, effort and range."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.impact.compensation.value import Amount


class AbstractParticipation(ABC):
    """Owners who feed as long as the rate pays for what feeding costs them."""

    most_mwh: float

    @abstractmethod
    def quantity(self, rate_per_mwh: Amount) -> Amount:
        """Energy that owners feed at a rate; never falls with it."""

    @abstractmethod
    def marginal_cost(self, quantity_mwh: Amount) -> Amount:
        """Cost of one MWh more: the rate at which so much is fed."""

    @abstractmethod
    def cost(self, quantity_mwh: Amount) -> Amount:
        """Cost of all that is fed, to those to whom it costs least."""

    @abstractmethod
    def elasticity(self, rate_per_mwh: float) -> float:
        """By how many percent more is fed when the rate rises by one percent."""

    def surplus(self, rate_per_mwh: float) -> float:
        """What owners are paid beyond their cost."""
        quantity = self.quantity(rate_per_mwh)
        return float(rate_per_mwh * quantity - self.cost(quantity))

    def kkt_residual(self, rate_per_mwh: float) -> float:
        """By how much the first-order conditions of owners fail at what they feed.

        They maximise payment less cost within 0 and ``most_mwh``: between, the rate is the
        marginal cost; at 0 it is at most that, at the most at least.
        """
        quantity = float(self.quantity(rate_per_mwh))
        gap = rate_per_mwh - float(self.marginal_cost(quantity))
        if quantity <= 0:
            return max(gap, 0.0)
        return max(-gap, 0.0) if quantity >= self.most_mwh else abs(gap)


@final
@dataclass(frozen=True)
class LinearParticipation(AbstractParticipation):
    """Owners whose costs are spread evenly.

    Attributes:
        lowest_per_mwh: Rate at which the first owner feeds.
        mwh_per_rate: By how much more is fed for each unit of the rate.
        most_mwh: When all take part.

    Raises:
        InputError: A slope or a most that is not positive.
    """

    lowest_per_mwh: float
    mwh_per_rate: float
    most_mwh: float

    def __post_init__(self) -> None:
        """Check kinds and ranges."""
        records.check(self, "participation")
        faults = [
            Fault(name, "be above 0", (value,))
            for name in ("mwh_per_rate", "most_mwh")
            if not (value := getattr(self, name)) > 0
        ]
        raise_if_any("participation", faults)

    def quantity(self, rate_per_mwh: Amount) -> Amount:
        """Energy that owners feed at a rate."""
        above = np.asarray(rate_per_mwh, float) - self.lowest_per_mwh
        return np.clip(self.mwh_per_rate * above, 0.0, self.most_mwh)

    def marginal_cost(self, quantity_mwh: Amount) -> Amount:
        """Cost of one MWh more."""
        return self.lowest_per_mwh + np.asarray(quantity_mwh, float) / self.mwh_per_rate

    def cost(self, quantity_mwh: Amount) -> Amount:
        """Cost of all that is fed."""
        quantity = np.asarray(quantity_mwh, float)
        return self.lowest_per_mwh * quantity + quantity**2 / (2.0 * self.mwh_per_rate)

    def elasticity(self, rate_per_mwh: float) -> float:
        """By how many percent more is fed when the rate rises by one percent."""
        quantity = float(self.quantity(rate_per_mwh))
        within = 0 < quantity < self.most_mwh
        return rate_per_mwh * self.mwh_per_rate / quantity if within else 0.0


@final
@dataclass(frozen=True)
class ElasticParticipation(AbstractParticipation):
    """Owners of one elasticity at every rate: ``reference_mwh (rate / reference_rate)^power``.

    Attributes:
        reference_rate_per_mwh: A rate at which participation is known.
        reference_mwh: What is fed at it.
        power: The elasticity.
        most_mwh: When all take part.

    Raises:
        InputError: A value that is not positive.
    """

    reference_rate_per_mwh: float
    reference_mwh: float
    power: float
    most_mwh: float

    def __post_init__(self) -> None:
        """Check kinds and ranges."""
        records.check(self, "participation")
        names = ("reference_rate_per_mwh", "reference_mwh", "power", "most_mwh")
        faults = [
            Fault(name, "be above 0", (value,))
            for name in names
            if not (value := getattr(self, name)) > 0
        ]
        raise_if_any("participation", faults)

    def quantity(self, rate_per_mwh: Amount) -> Amount:
        """Energy that owners feed at a rate."""
        share = np.maximum(np.asarray(rate_per_mwh, float), 0.0) / self.reference_rate_per_mwh
        return np.minimum(self.reference_mwh * share**self.power, self.most_mwh)

    def marginal_cost(self, quantity_mwh: Amount) -> Amount:
        """Cost of one MWh more."""
        share = np.asarray(quantity_mwh, float) / self.reference_mwh
        return self.reference_rate_per_mwh * share ** (1.0 / self.power)

    def cost(self, quantity_mwh: Amount) -> Amount:
        """Cost of all that is fed."""
        quantity = np.asarray(quantity_mwh, float)
        return quantity * self.marginal_cost(quantity) * self.power / (1.0 + self.power)

    def elasticity(self, rate_per_mwh: float) -> float:
        """By how many percent more is fed when the rate rises by one percent."""
        return self.power if float(self.quantity(rate_per_mwh)) < self.most_mwh else 0.0
