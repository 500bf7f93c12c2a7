"""What a fleet can promise for the coming days, and how such promises fared on past ones."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.fleet.conformal import Outage, Promised, promises, with_outages
from evergrid.fleet.day_kind import ODD, WORKING, DayKinds
from evergrid.fleet.outlook import Outlook, outlook

LEAD_DAYS = 2  # promises of a day are made the day before, from days that were over by then


@dataclass(frozen=True)
class Past:
    """What past days delivered, and where the coming ones join.

    Attributes:
        power_kw: Of every day; rows of coming days are ignored.
        known: Days whose record is whole; the coming days, last, are not.
        kinds: What each day is.
        coming: How many days at the end are still to come.
        fitted: First days, from which the size of errors is taken; later ones are judged.
        noise_kw: Variance that independent vehicles make, over their mean power.
    """

    power_kw: Float[Array, "day step"]
    known: Bool[Array, " day"]
    kinds: DayKinds
    coming: int
    fitted: int
    noise_kw: Float[Array, " step"]

    @property
    def usable(self) -> Bool[Array, " day"]:
        """Days that are known and not odd: what holidays do is not promised."""
        return self.known & (self.kinds.group != ODD)

    @property
    def judged(self) -> Bool[Array, " day"]:
        """Known days after the fitted ones."""
        return self.known & (np.arange(len(self.known)) >= self.fitted)


def told(past: Past, lead_days: int = LEAD_DAYS) -> Outlook:
    """The expectation of every day, from the days known ``lead_days`` before."""
    return outlook(past.power_kw, past.known, past.kinds, lead_days=lead_days)


def common_variation(past: Past, mean_kw: Float[Array, "day step"]) -> float:
    """Squared share by which all vehicles together miss what is told of working days.

    What independent vehicles would miss by is taken off first.

    Source:
        Method of moments: E (came - mean)^2 = noise mean + share^2 mean^2.
    """
    days = past.usable & (past.kinds.group == WORKING) & np.isfinite(mean_kw).all(axis=1)
    days &= np.arange(len(days)) < past.fitted
    came, mean = past.power_kw[days], mean_kw[days]
    squares = float((mean**2).sum())
    if squares == 0:
        return 0.0
    beyond = float(((came - mean) ** 2 - past.noise_kw * mean).sum())
    return max(0.0, beyond / squares)


def correlation(variation: float, probability: float) -> float:
    """Correlation of two vehicles' availability that makes this variation; at most 0.9.

    `intraclass.of_power` needs each vehicle's probability on each past day. This does without.

    Source:
        Variance of a share under a common factor: rho p (1 - p) = variation p^2.
    """
    if not 0 < probability < 1:
        return 0.0
    return min(0.9, variation * probability / (1 - probability))


def spread_kw(past: Past, mean_kw: Float[Array, "day step"], variation: float) -> Array:
    """Scale of the error of what is told, above 0."""
    noise = past.noise_kw * (mean_kw + past.noise_kw)
    return np.sqrt(noise + variation * mean_kw**2)


def promised(
    past: Past,
    expected: Outlook,
    confidence: float,
    *,
    outages: tuple[Outage, ...] = (),
    lead_days: int = LEAD_DAYS,
) -> Promised:
    """Promises of every day, coming ones included.

    Args:
        past: The record.
        expected: What was told of each day, with the same lead.
        confidence: Share of promises to be kept.
        outages: Events that the record does not show.
        lead_days: Days before by which the record must be known.
    """
    asked, share = with_outages(confidence, outages, int(past.usable.sum()))
    variation = common_variation(past, expected.mean_kw)
    spread = spread_kw(past, np.nan_to_num(expected.mean_kw), variation)
    # Coming days count as promised for; being unknown, they score nothing and teach nothing.
    made = promises(
        np.where(past.known[:, None], past.power_kw, np.inf),
        expected.mean_kw,
        spread,
        past.usable,
        wanted=past.kinds.group != ODD,
        confidence=asked,
        lead_days=lead_days,
    )
    return Promised(share * made.power_kw, made.risk, made.judged)


def coming_promises(
    past: Past, confidence: tuple[float, ...], *, outages: tuple[Outage, ...] = ()
) -> tuple[Float[Array, "coming step"], Float[Array, "level coming step"]]:
    """What is expected of the coming days, and what can be promised at each confidence.

    The first day ahead is told from the last known day, the next from two days before it, and
    each is held against past days told as far ahead.
    """
    last = len(past.power_kw) - past.coming
    mean = np.zeros((past.coming, past.power_kw.shape[1]))
    power = np.zeros((len(confidence), *mean.shape))
    for ahead in range(past.coming):
        expected = told(past, ahead + 1)
        mean[ahead] = expected.mean_kw[last + ahead]
        for level, asked in enumerate(confidence):
            made = promised(past, expected, asked, outages=outages, lead_days=ahead + 1)
            power[level, ahead] = made.power_kw[last + ahead]
    return mean, power
