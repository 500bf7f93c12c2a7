"""What many judged deployments say: how likely a limit is passed, and how much fits."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binom

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.hosting.hosting_capacity import Judged

SURE = 0.95  # of the bands


@dataclass(frozen=True)
class Curve:
    """Probability that a limit is passed, by level.

    Attributes:
        probability: Share of the draws that pass any limit.
        low: Lower end of its 95 % band.
        high: Upper end.
        by_kind: Share of the draws that pass each kind of limit.
    """

    probability: Float[Array, " level"]
    low: Float[Array, " level"]
    high: Float[Array, " level"]
    by_kind: Float[Array, "level kind"]


@dataclass(frozen=True)
class Capacity:
    """How many vehicles fit, over the draws.

    Attributes:
        vehicles: Most vehicles of each draw before any limit is passed.
        kind: Kind of limit that is passed next; -1 where everybody fits.
        where: Row of its branch, line, transformer or bus.
        when: Its step.
    """

    vehicles: Int[Array, " draw"]
    kind: Int[Array, " draw"]
    where: Int[Array, " draw"]
    when: Int[Array, " draw"]


def curve(judged: Judged) -> Curve:
    """How likely a limit is passed at each level.

    Source:
        Bands: C. J. Clopper and E. S. Pearson (1934), The use of confidence or fiducial limits
        illustrated in the case of the binomial, Biometrika 26, 404-413.
    """
    fails = judged.fails
    draws = fails.shape[1]
    count = fails.sum(axis=1)
    tail = (1 - SURE) / 2
    low = np.where(count > 0, beta.ppf(tail, np.maximum(count, 1), draws - count + 1), 0.0)
    high = np.where(count < draws, beta.ppf(1 - tail, count + 1, np.maximum(draws - count, 1)), 1.0)
    by_kind = (judged.excess > 0).mean(axis=1)
    return Curve(count / draws, low, high, by_kind)


def capacity(judged: Judged, counts: Int[Array, " level"]) -> Capacity:
    """How many vehicles fit in each draw, and what stops the next ones.

    A level counts only if every level below it holds as well. Where the next level passes several
    kinds of limits at once, the one is named that is reached first if excess grows evenly from
    the level before.

    Args:
        judged: The deployments.
        counts: Vehicles at each level.
    """
    fails = judged.fails
    levels, draws = fails.shape
    first = np.where(fails.any(axis=0), fails.argmax(axis=0), levels)
    vehicles = np.where(first > 0, counts[np.maximum(first, 1) - 1], 0)
    at = np.minimum(first, levels - 1)
    after, before = judged.excess[at, np.arange(draws)], judged.excess[at - 1, np.arange(draws)]
    passed = after > 0  # what has no place to be passed is at minus infinity
    room = np.where(passed & (at[:, None] > 0), np.maximum(-before, 0.0), 0.0)
    reached = np.where(passed, room / np.where(passed, after + room, 1.0), np.inf)
    kind = np.where(first < levels, reached.argmin(axis=1), -1)
    pick = (at, np.arange(draws), np.maximum(kind, 0))
    return Capacity(vehicles, kind, judged.where[pick], judged.when[pick])


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
