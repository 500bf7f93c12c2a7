"""What many evaluated deployments say: how likely a violation is, and how much fits."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binom

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.hosting.hosting_capacity import DeploymentResults

SURE = 0.95  # of the bands


@dataclass(frozen=True)
class Curve:
    """Probability that a limit is violated, by number of vehicles.

    Attributes:
        probability: Share of the draws that violate any limit.
        low: Lower end of its 95 % band.
        high: Upper end.
        by_kind: Share of the draws that violate each kind of limit.
    """

    probability: Float[Array, " count"]
    low: Float[Array, " count"]
    high: Float[Array, " count"]
    by_kind: Float[Array, "count kind"]


@dataclass(frozen=True)
class Capacity:
    """How many vehicles fit, over the draws.

    Attributes:
        vehicles: Most vehicles of each draw before any limit is violated.
        kind: `Kind` of limit that is violated next; -1 where everybody fits.
        where: `LimitRows.place` of its place.
        when: Its step.
    """

    vehicles: Int[Array, " draw"]
    kind: Int[Array, " draw"]
    where: Int[Array, " draw"]
    when: Int[Array, " draw"]


def curve(results: DeploymentResults) -> Curve:
    """How likely a violation is with each number of vehicles.

    Source:
        Bands: C. J. Clopper and E. S. Pearson (1934), The use of confidence or fiducial limits
        illustrated in the case of the binomial, Biometrika 26, 404-413.
    """
    violated = results.violated
    draws = violated.shape[1]
    count = violated.sum(axis=1)
    tail = (1 - SURE) / 2
    low = np.where(count > 0, beta.ppf(tail, np.maximum(count, 1), draws - count + 1), 0.0)
    high = np.where(count < draws, beta.ppf(1 - tail, count + 1, np.maximum(draws - count, 1)), 1.0)
    by_kind = (results.excess > 0).mean(axis=1)
    return Curve(count / draws, low, high, by_kind)


def capacity(results: DeploymentResults, vehicles: Int[Array, " count"]) -> Capacity:
    """How many vehicles fit in each draw, and what stops the next ones.

    A number of vehicles fits only if every smaller one does as well. Where the next number violates
    several kinds of limits at once, the one is named that is reached first if excess grows evenly
    from the number before.

    Args:
        results: The deployments.
        vehicles: Numbers of vehicles.
    """
    violated = results.violated
    counts, draws = violated.shape
    first = np.where(violated.any(axis=0), violated.argmax(axis=0), counts)
    fit = np.where(first > 0, vehicles[np.maximum(first, 1) - 1], 0)
    at = np.minimum(first, counts - 1)
    after, before = results.excess[at, np.arange(draws)], results.excess[at - 1, np.arange(draws)]
    beyond = after > 0  # a kind without any place is at minus infinity
    headroom = np.where(beyond & (at[:, None] > 0), np.maximum(-before, 0.0), 0.0)
    reached = np.where(beyond, headroom / np.where(beyond, after + headroom, 1.0), np.inf)
    kind = np.where(first < counts, reached.argmin(axis=1), -1)
    pick = (at, np.arange(draws), np.maximum(kind, 0))
    return Capacity(fit, kind, results.where[pick], results.when[pick])


def quantile(values: Int[Array, " draw"], share: float) -> tuple[float, float, float]:
    """The value that this share of the draws does not exceed, with its 95 % band.

    The band is the pair of order statistics that a binomial count allows; it needs no assumption
    on how values are distributed.
    """
    ordered = np.sort(values)
    draws = len(ordered)
    middle = ordered[min(draws - 1, int(np.floor(share * draws)))]
    tail = (1 - SURE) / 2
    low = int(binom.ppf(tail, draws, share))
    high = int(binom.ppf(1 - tail, draws, share))
    return float(middle), float(ordered[max(low - 1, 0)]), float(ordered[min(high, draws - 1)])
