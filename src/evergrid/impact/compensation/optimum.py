"""The rate at which what owners choose is best for all, found twice, and what others would pay.

Owners feed until the rate no longer pays for the cost of one MWh more. Welfare is the worth to the
system and to the world less that cost, so that the best rate is the marginal worth to both where
it meets the marginal cost of owners.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evergrid.impact.compensation.participation import AbstractParticipation
from evergrid.impact.compensation.value import AbstractValue, Amount

SCAN = 1_000  # quantities at which welfare is looked at before the best is closed in on
HALVINGS = 60  # to the last bit of what lies between two quantities of the scan
ZOOMS = 12  # times the grid of rates is laid out anew around its best
GRID = 2_001


@dataclass(frozen=True)
class RateOptimum:
    """A rate and what comes of it.

    Attributes:
        rate_per_mwh: Paid to owners for each MWh fed.
        quantity_mwh: Fed.
        welfare: Worth to the system and the world less what feeding costs owners.
        private_per_mwh: Worth to the system of one MWh more.
        external_per_mwh: Worth to the world of one MWh more, beside the system.
        owner_surplus: What owners keep.
    """

    rate_per_mwh: float
    quantity_mwh: float
    welfare: float
    private_per_mwh: float
    external_per_mwh: float
    owner_surplus: float

    @property
    def pass_through(self) -> float:
        """Share of the worth to the system that owners are paid; NaN where it is worth nothing."""
        return self.rate_per_mwh / self.private_per_mwh if self.private_per_mwh else float("nan")


def welfare(
    owners: AbstractParticipation, private: AbstractValue, external: AbstractValue, quantity: Amount
) -> Amount:
    """Worth to the system and the world of a quantity, less what it costs owners."""
    return private.total(quantity) + external.total(quantity) - owners.cost(quantity)


def by_bisection(
    owners: AbstractParticipation, private: AbstractValue, external: AbstractValue
) -> RateOptimum:
    """The best rate, from the first-order condition.

    External worth may rise with the quantity, so that several quantities may meet the condition:
    welfare is looked at on a scan and at every corner, and the condition is solved by bisection
    around the best of them.

    Args:
        owners: Who feed.
        private: Worth to the system.
        external: Worth to the world.
    """

    def gain(quantity: Amount) -> Amount:
        return welfare(owners, private, external, quantity)

    def slope(quantity: float) -> float:
        worth = private.marginal(quantity) + external.marginal(quantity)
        return worth - float(owners.marginal_cost(quantity))

    corners = np.concatenate([private.corners(), external.corners()])
    return at_quantity(owners, private, external, maximum(gain, slope, corners, owners.most_mwh))


def monopsony(
    owners: AbstractParticipation, private: AbstractValue, external: AbstractValue
) -> RateOptimum:
    """What a single buyer pays, who keeps the worth to the system and pays all owners one rate.

    A MWh more costs it the rate and the rise of the rate for all others, so that it buys less than
    would be best.

    Args:
        owners: Who feed.
        private: Worth to the buyer.
        external: Worth to the world, which the buyer does not look at.
    """

    def profit(quantity: Amount) -> Amount:
        return private.total(quantity) - owners.marginal_cost(quantity) * quantity

    def slope(quantity: float) -> float:
        # The derivative of rate times quantity, by a central difference that is exact for lines.
        step = owners.most_mwh * 1e-6
        low, high = max(quantity - step, 0.0), quantity + step
        paid = [float(owners.marginal_cost(one)) * one for one in (low, high)]
        return private.marginal(quantity) - (paid[1] - paid[0]) / (high - low)

    best = maximum(profit, slope, private.corners(), owners.most_mwh)
    return at_quantity(owners, private, external, best)


def by_grid(
    owners: AbstractParticipation, private: AbstractValue, external: AbstractValue
) -> RateOptimum:
    """The best rate, by trying rates: the referee of `by_bisection`, and always at work.

    Args:
        owners: Who feed.
        private: Worth to the system.
        external: Worth to the world.
    """
    low, high = (float(owners.marginal_cost(one)) for one in (0.0, owners.most_mwh))
    best = low
    for _ in range(ZOOMS):
        rates = np.linspace(low, high, GRID)
        at = int(np.argmax(welfare(owners, private, external, owners.quantity(rates))))
        best, step = float(rates[at]), float(rates[1] - rates[0])
        low, high = max(best - 2 * step, low), min(best + 2 * step, high)
    return at_quantity(owners, private, external, float(owners.quantity(best)))


def at_quantity(
    owners: AbstractParticipation, private: AbstractValue, external: AbstractValue, quantity: float
) -> RateOptimum:
    """What comes of a quantity, at the rate at which owners feed it.

    Where nothing should be fed, the rate is what the first MWh is worth to all, which is less than
    what it costs any owner.
    """
    rate = float(owners.marginal_cost(quantity))
    worth = private.marginal(quantity), external.marginal(quantity)
    if quantity <= 0:
        rate = min(rate, sum(worth))
    return RateOptimum(
        rate_per_mwh=rate,
        quantity_mwh=quantity,
        welfare=float(welfare(owners, private, external, quantity)),
        private_per_mwh=worth[0],
        external_per_mwh=worth[1],
        owner_surplus=float(rate * quantity - owners.cost(quantity)),
    )


def deadweight_loss(best: RateOptimum, chosen: RateOptimum) -> float:
    """Welfare that is lost by another rate than the best."""
    return best.welfare - chosen.welfare


def maximum(
    gain: Callable[[Amount], Amount],
    slope: Callable[[float], float],
    corners: np.ndarray,
    most: float,
) -> float:
    """The quantity of the greatest gain within 0 and the most.

    The gain is looked at on a scan and at every corner; between the neighbours of the best its
    slope falls through 0, which is found by bisection. An end that is the best is met exactly.

    Args:
        gain: Of quantities, all at once.
        slope: Of the gain, at one quantity.
        corners: Where the slope jumps.
        most: Largest quantity.
    """
    inside = corners[(corners > 0) & (corners < most)]
    tried = np.unique(np.concatenate([np.linspace(0.0, most, SCAN + 1), inside]))
    at = int(np.argmax(gain(tried)))
    low, high = float(tried[max(at - 1, 0)]), float(tried[min(at + 1, len(tried) - 1)])
    # The slope falls through 0 between the neighbours of the best, or the best is an end.
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    root = low if gain(low) >= gain(high) else high
    scanned = float(tried[at])
    # A corner that was looked at is taken only where it is better by more than rounding.
    scale = max(abs(gain(root)), abs(gain(scanned)))
    return scanned if gain(scanned) - gain(root) > 1e-12 * scale else root
