"""What do the textbook bounds on a sum promise, beside its exact distribution?

Each takes vehicles that deliver independently, and gives the power that at least their sum
delivers with the confidence; the normal approximation proves nothing, the others hold for any
fleet, and all lie below what is exact.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.fleet.delivery.distribution import confidence_faults
from evergrid.fleet.delivery.poisson_binomial import fleet_faults

Vehicles = Float[Array, " vehicle"]
TILTS = (1e-6, 100.0)  # of the exponential moment, for powers as shares of the greatest


def normal_kw(probability: Vehicles, power_kw: Vehicles, confidence: float) -> float:
    """Quantile of the normal distribution of the same mean and variance; no bound.

    Raises:
        InputError: A probability outside [0, 1], a power that is negative, NaN or infinite, or a
            confidence outside (0, 1).
    """
    _check(probability, power_kw, confidence)
    return float(_mean(probability, power_kw) + ndtri(1 - confidence) * _sd(probability, power_kw))


def hoeffding_kw(probability: Vehicles, power_kw: Vehicles, confidence: float) -> float:
    """Bound from the powers alone.

    Raises:
        InputError: As in `normal_kw`.

    Source:
        Hoeffding (1963), Probability inequalities for sums of bounded random variables, J. American
        Statistical Association 58, theorem 2, doi 10.1080/01621459.1963.10500830.
    """
    _check(probability, power_kw, confidence)
    reach = np.sqrt(_rarity(confidence) * (power_kw**2).sum() / 2)
    return float(max(_mean(probability, power_kw) - reach, 0.0))


def bernstein_kw(probability: Vehicles, power_kw: Vehicles, confidence: float) -> float:
    """Bound from the variance and from how far below its mean a single vehicle can fall.

    Raises:
        InputError: As in `normal_kw`.

    Source:
        Boucheron, Lugosi and Massart (2013), Concentration Inequalities, corollary 2.11, solved
        for the distance from the mean.
    """
    _check(probability, power_kw, confidence)
    rarity, furthest = _rarity(confidence), (probability * power_kw).max(initial=0.0)
    linear = rarity * furthest / 3
    reach = linear + np.sqrt(linear**2 + 2 * rarity * _sd(probability, power_kw) ** 2)
    return float(max(_mean(probability, power_kw) - reach, 0.0))


def chernoff_kw(probability: Vehicles, power_kw: Vehicles, confidence: float) -> float:
    """Bound from exponential moments, the best of its kind; for equal vehicles the one with KL.

    Raises:
        InputError: As in `normal_kw`.

    Source:
        Chernoff (1952), A measure of asymptotic efficiency for tests of a hypothesis based on the
        sum of observations, Annals of Mathematical Statistics 23, doi 10.1214/aoms/1177729330.
    """
    _check(probability, power_kw, confidence)
    certain, scale = probability == 1, power_kw.max(initial=0.0)
    sure_kw = float(power_kw[certain].sum())
    if scale == 0:
        return sure_kw
    p, share = probability[~certain], power_kw[~certain] / scale

    def bound(log_tilt: float) -> float:
        tilt = np.exp(log_tilt)
        moment = np.log1p(p * np.expm1(-tilt * share)).sum()
        return float((-_rarity(confidence) - moment) / tilt)

    best: Any = minimize_scalar(lambda tilt: -bound(tilt), bounds=np.log(TILTS).tolist())
    return sure_kw + max(scale * bound(best.x), 0.0)


def _check(probability: Vehicles, power_kw: Vehicles, confidence: float) -> None:
    ones = np.ones(len(power_kw), np.int64)
    faults = fleet_faults(probability, power_kw, ones)
    raise_if_any("fleet", faults + confidence_faults(np.array([confidence])))


def _mean(probability: Vehicles, power_kw: Vehicles) -> float:
    return float(probability @ power_kw)


def _sd(probability: Vehicles, power_kw: Vehicles) -> float:
    return float(np.sqrt((probability * (1 - probability)) @ power_kw**2))


def _rarity(confidence: float) -> float:
    return float(-np.log1p(-confidence))
