"""What a fleet can promise for the coming days, and how such promises fared on past ones."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.fleet.firm_capacity.day_forecast import LEAST_DAYS, DayForecast, day_forecast
from evergrid.fleet.firm_capacity.influence import Influences, influences
from evergrid.fleet.firm_capacity.outages import Outage, with_outages
from evergrid.fleet.firm_capacity.risk_control import DailyPromises, PowerForecast, promises
from evergrid.fleet.firm_capacity.scores import Coverage, coverage
from evergrid.fleet.firm_capacity.spread import root_spread
from evergrid.fleet.history.day_kind import ODD, WORKING, DayKinds, day_kinds
from evergrid.fleet.history.past_days import History
from evergrid.model.time_series.weather import Weather

LEAD_DAYS = 2  # promises of a day are made the day before, from days that were over by then
FEWEST_DAYS = LEAST_DAYS + LEAD_DAYS  # before the first day can be told


@dataclass(frozen=True)
class Past:
    """What past days delivered, and where the coming ones join.

    Attributes:
        power_kw: Of every day; rows of coming days are ignored.
        known: Days whose record is whole; the coming days, last, are not.
        kinds: What each day is.
        coming: How many days at the end are still to come.
        fitted: First days; later ones are judged, and the model of vehicles learns from none of
            them.
        noise_kw: Variance that independent vehicles make, over their mean power.
        car_kw: Power of one vehicle.
        influences: Weather and season of every day, coming ones included.
    """

    power_kw: Float[Array, "day step"]
    known: Bool[Array, " day"]
    kinds: DayKinds
    coming: int
    fitted: int
    noise_kw: Float[Array, " step"]
    car_kw: float
    influences: Influences | None = None

    @property
    def usable(self) -> Bool[Array, " day"]:
        """Days that are known and not odd: what holidays do is not promised."""
        return self.known & (self.kinds.group != ODD)

    def lead_days(self, ahead: int) -> int:
        """Days from the last known day to a coming one, the first of which is 0."""
        first = len(self.power_kw) - self.coming
        return first + ahead - int(np.flatnonzero(self.known)[-1])

    @property
    def judged(self) -> Bool[Array, " day"]:
        """Usable days after the fitted ones."""
        return self.usable & (np.arange(len(self.known)) >= self.fitted)


def past_of(
    record: History,
    days: Shaped[Array, " day"],
    holidays: Shaped[Array, " holiday"],
    weather: Weather | None,
    judged_share: float,
) -> Past:
    """The record with room for the coming days.

    Args:
        record: What could have been delivered.
        days: Those of the record, and then the coming ones.
        holidays: Days off, past and coming.
        weather: Temperatures of all days, where there are any.
        judged_share: Last share of the record on which promises are judged.

    Raises:
        InputError: Too few days before the judged ones, or none of those that can be judged.
    """
    coming = len(days) - len(record.days)
    kinds = day_kinds(days, holidays)
    fitted = round(len(record.days) * (1 - judged_share))
    known = np.append(record.known, np.zeros(coming, dtype=bool))
    first = int(known[:fitted].sum())
    if first < FEWEST_DAYS:
        rule = f"be at least {FEWEST_DAYS} before the judged ones"
        fix = "Give a longer history, or set judged_share nearer to 0.5."
        raise InputError("history", [Fault("days", rule, got=(first,), fix=fix)])
    if not (known & (kinds.group != ODD))[fitted:].any():
        rule = "hold a known day that is no holiday among the judged ones"
        got = f"none from {days[fitted]} to {record.days[-1]}"
        fix = "Give a longer history, or a larger judged_share."
        raise InputError("history", [Fault("days", rule, got=(got,), fix=fix)])
    usual = known & (kinds.group == WORKING) & (np.arange(len(days)) < fitted)
    return Past(
        power_kw=np.concatenate([record.power_kw, np.zeros((coming, record.steps))]),
        known=known,
        kinds=kinds,
        coming=coming,
        fitted=fitted,
        noise_kw=record.noise_kw(usual[: len(record.days)]),
        car_kw=record.car_kw,
        influences=influences(days, None if weather is None else weather.on(days)),
    )


def told(past: Past, lead_days: int = LEAD_DAYS) -> DayForecast:
    """The expectation of every day, from the days known ``lead_days`` before."""
    return day_forecast(
        past.power_kw, past.known, past.kinds, lead_days=lead_days, influences=past.influences
    )


def correlation(
    past: Past, mean_kw: Float[Array, "day step"], all_kw: Float[Array, "day step"]
) -> float:
    """Correlation of two vehicles' availability that makes the common variation; 0 to 0.9.

    One number for all steps, from all of them and all fitted working days. No vehicle's
    probability on any past day is needed.

    Args:
        past: The record.
        mean_kw: What was told of each day.
        all_kw: Power of all vehicles of that day together, were all of them there.

    Source:
        Variance of like vehicles' sum under a common factor, beyond their own noise:
        ``rho p (1 - p) all^2 = rho mean (all - mean)``, summed over steps and days.
    """
    days = past.usable & (past.kinds.group == WORKING) & np.isfinite(mean_kw).all(axis=1)
    days &= np.arange(len(days)) < past.fitted
    came, mean = past.power_kw[days], mean_kw[days]
    beyond = float(((came - mean) ** 2 - past.noise_kw * mean).sum())
    possible = float((mean * np.maximum(all_kw[days] - mean, 0.0)).sum())
    return min(0.9, max(0.0, beyond / possible)) if possible > 0 else 0.0


def promised(
    past: Past,
    expected: DayForecast,
    confidence: tuple[float, ...],
    *,
    outages: tuple[Outage, ...] = (),
    lead_days: int = LEAD_DAYS,
    proven: bool = False,
) -> DailyPromises:
    """Promises of every day, coming ones included.

    Args:
        past: The record.
        expected: What was told of each day, with the same lead.
        confidence: Shares of promises to be kept.
        outages: Events that the record does not show.
        lead_days: Days before by which the record must be known.
        proven: Take the form of `risk_control` that has a proof.
    """
    days = int(past.usable.sum())
    asked, share = zip(*(with_outages(level, outages, days) for level in confidence), strict=True)
    made = promises(
        past.power_kw,
        forecast(past, expected, lead_days),
        past.usable,
        wanted=past.kinds.group != ODD,
        confidence=asked,
        lead_days=lead_days,
        proven=proven,
    )
    return replace(made, power_kw=np.array(share)[:, None, None] * made.power_kw)


def forecast(past: Past, expected: DayForecast, lead_days: int = LEAD_DAYS) -> PowerForecast:
    """What was told of every day and how far off it may be, coming ones included.

    A day on which the kinds of day tell different things is less sure than its misses of the past
    say: to the variance of those, that between what the kinds tell is added.

    Args:
        past: The record.
        expected: What was told of each day, with the same lead.
        lead_days: Days before by which the record must be known.

    Source:
        Law of total variance, of a mixture of the kinds; that the disagreement of forecasts tells
        their error: Whitaker and Loughe (1998), The relationship between ensemble spread and
        ensemble mean skill, Monthly Weather Review 126(12), 3292-3302.
    """
    spread = root_spread(
        past.power_kw,
        np.nan_to_num(expected.mean_kw),
        past.usable & np.isfinite(expected.mean_kw).all(axis=1),
        lead_days=lead_days,
        car_kw=past.car_kw,
    )
    apart = expected.root_disagreement
    return PowerForecast(expected.mean_kw, np.hypot(spread, apart), past.car_kw)


@dataclass(frozen=True)
class ComingOffers:
    """What can be promised of the coming days.

    Attributes:
        mean_kw: What is expected.
        power_kw: What can be promised at each confidence.
        able: Whether there were enough days to promise anything, at each confidence.
        lead_days: Days from the last known day to each.
        kept: How often past promises above zero, made as far ahead, were kept on judged days, by
            confidence and then by coming day.
    """

    mean_kw: Float[Array, "coming step"]
    power_kw: Float[Array, "confidence coming step"]
    able: Bool[Array, "confidence coming"]
    lead_days: tuple[int, ...]
    kept: tuple[tuple[Coverage, ...], ...]


def coming_promises(
    past: Past,
    confidence: tuple[float, ...],
    *,
    outages: tuple[Outage, ...] = (),
    proven: bool = False,
) -> ComingOffers:
    """What is expected of the coming days, and what can be promised at each confidence.

    Each coming day is told from the last known day, and held against past days told as far ahead.
    """
    first = len(past.power_kw) - past.coming
    mean = np.zeros((past.coming, past.power_kw.shape[1]))
    power = np.zeros((len(confidence), *mean.shape))
    able = np.zeros((len(confidence), past.coming), dtype=bool)
    leads = tuple(past.lead_days(ahead) for ahead in range(past.coming))
    kept = []
    for ahead, lead in enumerate(leads):
        expected = told(past, lead)
        mean[ahead] = expected.mean_kw[first + ahead]
        promises_made = promised(
            past, expected, confidence, outages=outages, lead_days=lead, proven=proven
        )
        made = promises_made.power_kw
        power[:, ahead], able[:, ahead] = (
            of[:, first + ahead] for of in (made, promises_made.able)
        )
        came = past.power_kw[past.judged]
        kept.append([coverage(came, one[past.judged], above_zero=True) for one in made])
    return ComingOffers(mean, power, able, leads, tuple(zip(*kept, strict=True)))
