"""What a fleet can promise for the coming days, and how such promises fared on past ones."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.fleet.conformal import Outage, Promised, promises, with_outages
from evergrid.fleet.day_kind import ODD, WORKING, DayKinds
from evergrid.fleet.influence import Influences
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
        influences: Weather and season of every day, coming ones included.
    """

    power_kw: Float[Array, "day step"]
    known: Bool[Array, " day"]
    kinds: DayKinds
    coming: int
    fitted: int
    noise_kw: Float[Array, " step"]
    influences: Influences | None = None

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
    return outlook(
        past.power_kw, past.known, past.kinds, lead_days=lead_days, influences=past.influences
    )


def common_variation(past: Past, mean_kw: Float[Array, "day step"]) -> float:
    """Squared share by which all vehicles together miss what is told of working days.

    What independent vehicles would miss by is taken off first.

    Source:
        Method of moments: E (came - mean)^2 = noise mean + share^2 mean^2.
    """
    days, beyond = _beyond_noise(past, mean_kw)
    squares = float((mean_kw[days] ** 2).sum())
    return max(0.0, beyond / squares) if squares > 0 else 0.0


def correlation(
    past: Past, mean_kw: Float[Array, "day step"], all_kw: Float[Array, "day step"]
) -> float:
    """Correlation of two vehicles' availability that makes the common variation; 0 to 0.9.

    One number for all steps, from all of them and all fitted working days. `intraclass.of_power`
    needs each vehicle's probability on each past day. This does without.

    Args:
        past: The record.
        mean_kw: What was told of each day.
        all_kw: Power of all vehicles of that day together, were all of them there.

    Source:
        Variance of like vehicles' sum under a common factor, beyond their own noise:
        ``rho p (1 - p) all^2 = rho mean (all - mean)``, summed over steps and days.
    """
    days, beyond = _beyond_noise(past, mean_kw)
    possible = float((mean_kw * np.maximum(all_kw - mean_kw, 0.0))[days].sum())
    return min(0.9, max(0.0, beyond / possible)) if possible > 0 else 0.0


def _beyond_noise(
    past: Past, mean_kw: Float[Array, "day step"]
) -> tuple[Bool[Array, " day"], float]:
    """The fitted working days, and their squared misses less what independent vehicles make."""
    days = past.usable & (past.kinds.group == WORKING) & np.isfinite(mean_kw).all(axis=1)
    days &= np.arange(len(days)) < past.fitted
    came, mean = past.power_kw[days], mean_kw[days]
    return days, float(((came - mean) ** 2 - past.noise_kw * mean).sum())


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
