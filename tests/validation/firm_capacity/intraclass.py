"""How strongly did the vehicles of a fleet move together in the past?"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, between, broken
from evergrid.fleet.delivery.poisson_binomial import fleet_faults

FEWEST_DAYS = 3  # for a variance of a variance


@dataclass(frozen=True)
class Estimate:
    """An intraclass correlation of delivering or not, from days that are alike.

    Attributes:
        rho: The estimate. Below 0 by chance where there is no common factor; use 0 then.
        standard_error: How far it is off, typically, by the jackknife over days.
    """

    rho: float
    standard_error: float


def of_shares(share: Float[Array, " day"], *, vehicles: float) -> Estimate:
    """The correlation that explains how the share of like vehicles varied from day to day.

    Args:
        share: Of the vehicles that delivered, one number per day. Steps within a day are no days
            of their own: they are alike, and would make the error look smaller than it is.
        vehicles: Number of vehicles.

    Raises:
        InputError: Shares outside [0, 1], fewer than three, all 0 or all 1 but one, or fewer
            than two vehicles.

    Source:
        Moments of the beta-binomial: var(share) = p (1 - p) (rho + (1 - rho) / n).
    """
    raise_if_any("history", _share_faults(share, vehicles))
    variance, mean = _with_and_without(share)
    rho = (variance / (mean * (1 - mean)) - 1 / vehicles) / (1 - 1 / vehicles)
    return _jackknifed(rho[0], rho[1:])


def of_power(
    delivered_kw: Float[Array, " day"],
    probability: Float[Array, "day vehicle"],
    power_kw: Float[Array, " vehicle"],
) -> Estimate:
    """The correlation that explains how the power of unequal vehicles varied about its mean.

    Probabilities that were wrong count as common movement, so they make the estimate larger.

    Args:
        delivered_kw: What the fleet delivered, one number per day.
        probability: That a vehicle would deliver on that day, as believed before it.
        power_kw: What each vehicle would then have delivered.

    Raises:
        InputError: Powers that are NaN or infinite, fewer than three days, a probability outside
            [0, 1], or no two vehicles that are uncertain.

    Source:
        Moments: ``var(power) = V + rho (S**2 - V)``, with V the sum of ``w**2 p (1 - p)`` and S
        that of ``w (p (1 - p))**0.5``.
    """
    raise_if_any("history", _power_faults(delivered_kw, probability, power_kw))
    noise = np.sqrt(probability * (1 - probability)) * power_kw
    alone = (noise**2).sum(axis=1)
    found = (delivered_kw - probability @ power_kw) ** 2 - alone
    possible = noise.sum(axis=1) ** 2 - alone
    if not possible.sum() > 0:
        rule = "leave at least two vehicles uncertain"
        raise_if_any("history", [Fault("probability", rule)])
    whole = found.sum() / possible.sum()
    return _jackknifed(whole, (found.sum() - found) / (possible.sum() - possible))


def _with_and_without(
    share: Float[Array, " day"],
) -> tuple[Float[Array, " day+1"], Float[Array, " day+1"]]:
    """Variance and mean of all days, then those without each of them."""
    days, mean = len(share), share.mean()
    apart = share - mean
    squares = (apart**2).sum()
    others = (squares - apart**2 * days / (days - 1)) / (days - 2)
    return np.append(squares / (days - 1), others), np.append(mean, mean - apart / (days - 1))


def _jackknifed(whole: float, without: Float[Array, " day"]) -> Estimate:
    """An estimate with its error from what it is without each day.

    Source:
        Efron and Tibshirani (1993), An Introduction to the Bootstrap, equation 11.5.
    """
    days = len(without)
    error = np.sqrt((days - 1) / days * ((without - without.mean()) ** 2).sum())
    return Estimate(float(whole), float(error))


def _share_faults(share: Float[Array, " day"], vehicles: float) -> list[Fault]:
    faults = _day_faults(len(share))
    day = np.arange(1, len(share) + 1)
    faults += between("share", share, 0.0, 1.0, ids=day, rule="be in [0, 1]")
    if not faults and (_same_but_one(share) or _same_but_one(1 - share)):
        fix = "Nothing can be learned from days on which all vehicles did the same."
        faults.append(Fault("share", "be neither 0 nor 1 on all days but one", fix=fix))
    if not vehicles > 1:
        faults.append(Fault("vehicles", "be above 1", (vehicles,)))
    return faults


def _same_but_one(share: Float[Array, " day"]) -> bool:
    return bool(np.count_nonzero(share) <= 1)


def _power_faults(
    delivered_kw: Float[Array, " day"],
    probability: Float[Array, "day vehicle"],
    power_kw: Float[Array, " vehicle"],
) -> list[Fault]:
    finite = np.isfinite(delivered_kw)
    faults = broken("delivered_kw", finite, "be a finite number", values=delivered_kw)
    ones = np.ones(len(power_kw), np.int64)
    return faults + _day_faults(len(delivered_kw)) + fleet_faults(probability.T, power_kw, ones)


def _day_faults(days: int) -> list[Fault]:
    if days >= FEWEST_DAYS:
        return []
    return [Fault("days", f"be at least {FEWEST_DAYS}", (days,), fix="Sixty are a good start.")]
