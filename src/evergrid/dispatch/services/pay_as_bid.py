"""What to ask where a market pays each bid its own price: more is earned, and less often."""

from typing import NamedTuple

import numpy as np
from scipy.special import erfcx, ndtr

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

HALVINGS = 200  # of the interval that holds the best price; more than digits there are


class Bids(NamedTuple):
    """Best bids.

    Attributes:
        price: To ask.
        acceptance: Probability that the market accepts it.
        margin: Expected: price less cost, times that probability.
    """

    price: Float[Array, " bid"]
    acceptance: Float[Array, " bid"]
    margin: Float[Array, " bid"]


def best(
    cost: Float[Array, " bid"], expected: Float[Array, " bid"], error: Float[Array, " bid"]
) -> Bids:
    """The price of each bid with the greatest expected margin.

    The dearest price that the market accepts is taken to be normal around what is expected. With z
    how many errors a price lies above that, the best price is the cost plus the error times Mills'
    ratio of z, the probability of acceptance over its density. That ratio falls with the price, so
    that there is one such price.

    Args:
        cost: Of holding what is offered.
        expected: Dearest price accepted.
        error: Standard deviation of that, above 0.

    Raises:
        InputError: Numbers that are not finite, or an error of 0 or less.

    Source:
        First-order condition of (price - cost) (1 - F(price)); no outside source.
    """
    faults: list[Fault] = []
    for name, values in (("cost", cost), ("expected", expected), ("error", error)):
        faults += broken(name, np.isfinite(values), "be finite", values=values)
    faults += broken("error", error > 0, "be above 0", values=error)
    raise_if_any("pay_as_bid", faults)
    low = cost.astype(float)
    # from the expected price on the ratio is at most that there
    high = np.maximum(expected, low + np.sqrt(0.5 * np.pi) * error)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = middle < cost + error * _mills((middle - expected) / error)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    price = 0.5 * (low + high)
    acceptance = ndtr((expected - price) / error)
    return Bids(price, acceptance, (price - cost) * acceptance)


def _mills(z: Float[Array, " bid"]) -> Float[Array, " bid"]:
    """Probability beyond z over its density; large where z is far below 0, and then cut."""
    return np.minimum(np.sqrt(0.5 * np.pi) * erfcx(np.maximum(z, -35.0) / np.sqrt(2.0)), 1e250)
