"""How good promises and forecasts were, on days they had not seen."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float

SURE = 0.95  # of the interval around a coverage
RESAMPLES = 1000
WHOLE_KW = 1e-9  # a promise missed by less is kept


@dataclass(frozen=True)
class Coverage:
    """How often promises were kept.

    Attributes:
        share: Kept, of all judged; NaN where none was.
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


def coverage(
    came_kw: Float[Array, "day step"],
    promised_kw: Float[Array, "day step"],
    *,
    above_zero: bool = False,
    seed: int = 0,
) -> Coverage:
    """How often what came was at least what was promised.

    The interval resamples days, because promises of one day fail together. Where no promise
    failed, resampling finds no doubt; its lower end is then that of days, of which none failed.

    Args:
        came_kw: What each day delivered.
        promised_kw: What had been promised.
        above_zero: Judge only promises of more than nothing, which cannot be kept by nobody.
        seed: Of the resampling.

    Source:
        Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7(1),
        1-26, of days and with percentiles; Clopper and Pearson (1934), Biometrika 26(4), 404-413,
        where none failed.
    """
    counted = promised_kw > 0 if above_zero else np.ones(promised_kw.shape, dtype=bool)
    judged = counted.sum(axis=1)
    broken = (counted & (came_kw < promised_kw - WHOLE_KW)).sum(axis=1)
    total, lost, days = int(judged.sum()), int(broken.sum()), int((judged > 0).sum())
    if total == 0:
        return Coverage(float("nan"), 0.0, 1.0, 0, 0)
    if lost == 0:
        return Coverage(1.0, float(((1 - SURE) / 2) ** (1 / days)), 1.0, total, 0)
    some = judged > 0
    draw = np.random.default_rng(seed).integers(0, days, (RESAMPLES, days))
    shares = 1 - broken[some][draw].sum(axis=1) / judged[some][draw].sum(axis=1)
    low, high = np.quantile(shares, [(1 - SURE) / 2, (1 + SURE) / 2])
    return Coverage(1 - lost / total, float(low), float(high), total, lost)


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


def scale_to_coverage(
    came_kw: Float[Array, "..."], promised_kw: Float[Array, "..."], share: float
) -> float:
    """Greatest factor on all promises at which at least that share of those above zero is kept.

    With it two methods are compared at equal coverage, by hindsight for both.
    """
    positive = promised_kw > 0
    if not positive.any():
        return 1.0
    worst = np.sort((came_kw[positive] / promised_kw[positive]).ravel())
    may_break = int(np.floor((1 - share) * len(worst) + 1e-9))
    return float(worst[min(may_break, len(worst) - 1)])


def days_kept(
    came_kw: Float[Array, "day step"], promised_kw: Float[Array, "day step"]
) -> Bool[Array, " day"]:
    """Whether every promise of a day was kept."""
    return np.asarray((came_kw >= promised_kw - WHOLE_KW).all(axis=1))
