"""How good promises and forecasts were, on days they had not seen."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from evergrid.core.arrays import Array, Bool, Float

SURE = 0.95  # of the interval around a coverage


@dataclass(frozen=True)
class Coverage:
    """How often promises were kept.

    Attributes:
        share: Kept, of all judged.
        low: Lower end of the 95 % interval of the true share.
        high: Upper end.
        judged: How many promises.
        broken: How many were not kept.
    """

    share: float
    low: float
    high: float
    judged: int
    broken: int


def coverage(came_kw: Float[Array, "..."], promised_kw: Float[Array, "..."]) -> Coverage:
    """How often what came was at least what was promised.

    The interval takes every promise as a trial of its own; promises of one day are not, so it
    is too narrow where steps of a day fail together. Give one promise a day for a true one.

    Source:
        Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the
        case of the binomial, Biometrika 26(4), 404-413.
    """
    judged = int(np.size(came_kw))
    broken = int((came_kw < promised_kw - 1e-9).sum())
    kept, tail = judged - broken, (1 - SURE) / 2
    low = float(stats.beta.ppf(tail, kept, broken + 1)) if kept else 0.0
    high = float(stats.beta.ppf(1 - tail, kept + 1, broken)) if broken else 1.0
    return Coverage(kept / judged if judged else float("nan"), low, high, judged, broken)


def pinball_kw(
    came_kw: Float[Array, "..."], quantile_kw: Float[Array, "..."], level: float
) -> Float[Array, "..."]:
    """Loss of a quantile forecast; its mean is least at the true quantile of that level.

    Source:
        Koenker and Bassett (1978), Regression quantiles, Econometrica 46(1), 33-50.
    """
    over = came_kw - quantile_kw
    return np.maximum(level * over, (level - 1) * over)


def crps_kw(came_kw: Float[Array, "..."], members_kw: Float[Array, "... member"]) -> Array:
    """Continuous ranked probability score of an ensemble, in its fair form.

    Source:
        Ferro (2014), Fair scores for ensemble forecasts, Q. J. R. Meteorol. Soc. 140, 1917-1923,
        doi 10.1002/qj.2270: E|X - y| - E|X - X'| / 2, over pairs of different members.
    """
    members = np.sort(members_kw, axis=-1)
    count = members.shape[-1]
    distance = np.abs(members - came_kw[..., None]).mean(axis=-1)
    rank = 2 * np.arange(1, count + 1) - count - 1
    return distance - (rank * members).sum(axis=-1) / (count * (count - 1))


@dataclass(frozen=True)
class Reliability:
    """What was asked against what was kept, one point per confidence.

    Attributes:
        asked: Confidence asked.
        kept: Share of promises kept.
        low: Lower end of its 95 % interval, days as the unit.
        high: Upper end.
        mean_kw: Mean promise.
    """

    asked: Float[Array, " level"]
    kept: Float[Array, " level"]
    low: Float[Array, " level"]
    high: Float[Array, " level"]
    mean_kw: Float[Array, " level"]


def reliability(
    came_kw: Float[Array, "day step"],
    promised_kw: Float[Array, "level day step"],
    asked: Float[Array, " level"],
) -> Reliability:
    """Share of promises kept at each confidence; days count as one draw in the interval."""
    kept = came_kw >= promised_kw - 1e-9
    share = kept.mean(axis=(1, 2))
    half = stats.norm.ppf((1 + SURE) / 2) * kept.mean(axis=2).std(axis=1) / np.sqrt(len(came_kw))
    low, high = np.maximum(share - half, 0.0), np.minimum(share + half, 1.0)
    return Reliability(asked, share, low, high, promised_kw.mean(axis=(1, 2)))


def scale_to_coverage(
    came_kw: Float[Array, "..."], promised_kw: Float[Array, "..."], share: float
) -> float:
    """Greatest factor on all promises at which at least that share of them is kept.

    With it two methods are compared at equal coverage, by hindsight for both.
    """
    positive = promised_kw > 0
    if not positive.any():
        return 1.0
    worst = np.sort((came_kw[positive] / promised_kw[positive]).ravel())
    may_break = int(np.floor((1 - share) * np.size(came_kw) + 1e-9))
    return float(worst[min(may_break, len(worst) - 1)])


def days_kept(
    came_kw: Float[Array, "day step"], promised_kw: Float[Array, "day step"]
) -> Bool[Array, " day"]:
    """Whether every promise of a day was kept."""
    return np.asarray((came_kw >= promised_kw - 1e-9).all(axis=1))
