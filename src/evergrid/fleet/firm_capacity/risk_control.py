"""How much may be promised so that of the promises made the asked share is kept."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.fleet.firm_capacity.past_sums import fading_sum, known_days, latest_sum

PLACES = np.arange(-70, 21) / 10  # where promises may lie, in spreads from the mean
HALF_LIFE_DAYS = 60.0  # of what a past day tells about broken promises
PROVEN_DAYS = 400  # last days that the proven form counts, all alike
LEAST_DAYS = 40  # with a forecast, before anything is promised
WHOLE = 1e-9  # kW or promises that are no difference


def days_needed(confidence: float) -> int:
    """Least days of record that can vouch for a confidence: 99 for 99 %, 999 for 99.9 %."""
    return int(np.ceil(1.0 / (1.0 - confidence) - 1.0 - 1e-9))


def check_days(days: int, confidence: tuple[float, ...]) -> None:
    """Refuse confidences that this many days of record cannot vouch for.

    Raises:
        InputError: Names every such confidence and the days it needs.
    """
    short = [level for level in confidence if days_needed(level) > days]
    if short:
        needs = tuple(f"{level:g} (needs {days_needed(level)} days, has {days})" for level in short)
        fix = 'Give a longer history, ask for less, or set beyond_history = "model".'
        rule = "be a confidence that the days of record can vouch for"
        raise InputError("history", [Fault("confidence", rule, got=needs, fix=fix)])


@dataclass(frozen=True)
class PowerForecast:
    """What was told of each day, and how far off that may be.

    Attributes:
        mean_kw: Expected power; NaN where nothing was told.
        root_spread: Scale of the error of its square root, in roots of kW; NaN where not known.
        car_kw: Power of one vehicle; less than half of it is no promise.
    """

    mean_kw: Float[Array, "day step"]
    root_spread: Float[Array, "day step"]
    car_kw: float

    @property
    def known(self) -> Bool[Array, " day"]:
        """Days of which something was told."""
        both = np.isfinite(self.mean_kw) & np.isfinite(self.root_spread)
        return np.asarray(both.all(axis=1))

    def power_kw(self, place: Float[Array, "..."] | float) -> Float[Array, "day step"]:
        """Power that lies ``place`` spreads from the mean; 0 below half a vehicle."""
        root = np.sqrt(np.nan_to_num(self.mean_kw)) + place * np.nan_to_num(self.root_spread)
        power = np.maximum(root, 0.0) ** 2
        return np.where(power >= self.car_kw / 2, power, 0.0)


@dataclass(frozen=True)
class DailyPromises:
    """What was promised for each day from the days before it.

    Attributes:
        power_kw: The promise; 0 where the days before could not vouch for more.
        place: Where it lies, in spreads from the mean; NaN where nothing is promised.
        able: Days before which there were enough days to promise anything.
    """

    power_kw: Float[Array, "confidence day step"]
    place: Float[Array, "confidence day"]
    able: Bool[Array, "confidence day"]


def promises(
    came_kw: Float[Array, "day step"],
    forecast: PowerForecast,
    usable: Bool[Array, " day"],
    *,
    wanted: Bool[Array, " day"],
    confidence: tuple[float, ...],
    lead_days: int,
    proven: bool = False,
) -> DailyPromises:
    """Promises day by day, each from the days known ``lead_days`` before.

    The day is the unit, not the step: steps of one day fail together. On every past day it is
    counted how many promises would have been made at each place below or above the mean, and
    how many of them would have been broken. The promise lies at the highest place up to which,
    at every one, no more than ``1 - confidence`` of the promises made would have been broken.
    Hours that promise nothing do not count as kept.

    By default recent days count more (`HALF_LIFE_DAYS`). This follows a fleet that changes. It
    holds for many days that change slowly, and has no proof for few. The proven form counts
    `PROVEN_DAYS` days alike and takes the next one for wholly broken:
    ``(sum of broken shares + 1) / (days + 1) <= 1 - confidence``, where a day's share is that of
    the steps of which at least one vehicle was expected. When days are exchangeable, the expected
    share of such steps whose promise is broken is then no more than asked, whatever the
    distribution. Nothing proves either form for the day on which habits break.

    Args:
        came_kw: What each day delivered.
        forecast: What was told of each, ``lead_days`` before.
        usable: Days that count: known, and of a kind that is promised for.
        wanted: Days for which a promise is made; the rest get 0.
        confidence: Asked, such as 0.99.
        lead_days: Day d is promised from days up to d - lead_days.
        proven: Take the proven form.

    Source:
        Angelopoulos, Bates, Fisch, Lei and Schuster (2022), Conformal Risk Control,
        arXiv 2208.02814, theorem 1 (the proven form); the weighted ratio is its plug-in form.
    """
    record = known_days(usable, lead_days=lead_days)
    usable, wanted = usable & forecast.known, wanted & forecast.known
    active = np.asarray(forecast.mean_kw >= forecast.car_kw)
    counts = _counts(came_kw, forecast, active if proven else np.ones_like(active))
    ready = wanted & (known_days(usable, lead_days=lead_days) >= LEAST_DAYS)
    shape = (len(confidence), len(usable))
    power, place = np.zeros((*shape, came_kw.shape[1])), np.full(shape, np.nan)
    able = np.zeros(shape, dtype=bool)
    for row, level in enumerate(confidence):
        able[row] = ready & (record >= days_needed(level))
        rule = _proven if proven else _weighted
        safe = rule(counts, usable, lead_days, level, active.sum(axis=1))
        passed = np.where(safe.all(axis=1), len(PLACES), np.argmin(safe, axis=1))
        some = able[row] & (passed > 0)
        place[row, some] = PLACES[passed[some] - 1]
        made = forecast.power_kw(np.nan_to_num(place[row])[:, None])
        kept = some[:, None] & active if proven else some[:, None]
        power[row] = np.where(kept, made, 0.0)
    return DailyPromises(power, place, able)


@dataclass(frozen=True)
class _Counts:
    """Promises that each day would have had at each place, and those it would have broken."""

    made: Float[Array, "day place"]
    broken: Float[Array, "day place"]


def _counts(
    came_kw: Float[Array, "day step"], forecast: PowerForecast, steps: Bool[Array, "day step"]
) -> _Counts:
    """Promises made and broken at each place: those that begin there or below.

    A promise begins at the place at which it reaches half a vehicle, and breaks beyond the place
    of what came, so that steps need to be gone through once, not once for each place.
    """
    mean = np.sqrt(np.nan_to_num(forecast.mean_kw))
    spread = np.nan_to_num(forecast.root_spread, nan=1.0)
    made, came = (
        (np.sqrt(power) - mean) / spread for power in (forecast.car_kw / 2, came_kw + WHOLE)
    )
    begins = np.searchsorted(PLACES, made, side="left")
    breaks = np.maximum(begins, np.searchsorted(PLACES, came, side="right"))
    return _Counts(*(_so_far(first, steps) for first in (begins, breaks)))


def _so_far(
    first: Int[Array, "day step"], steps: Bool[Array, "day step"]
) -> Float[Array, "day place"]:
    """How many of the steps begin at each place or below."""
    days, places = len(first), len(PLACES) + 1  # the last for those that never begin
    at = (np.arange(days)[:, None] * places + first)[steps]
    begun = np.bincount(at, minlength=days * places).reshape(days, places)
    return np.cumsum(begun, axis=1)[:, :-1].astype(float)


def _weighted(
    counts: _Counts,
    usable: Bool[Array, " day"],
    lead_days: int,
    confidence: float,
    active: Array,
) -> Bool[Array, "day place"]:
    """Places at which the weighted share of broken promises is no more than asked.

    The half life is longer where fewer days than are needed would count: weights that halve in
    h days are worth 2 h / ln 2 equal ones.
    """
    half_life = max(HALF_LIFE_DAYS, days_needed(confidence) * np.log(2) / 2)
    made, broken = (
        fading_sum(of, usable, lead_days=lead_days, half_life_days=half_life)
        for of in (counts.made, counts.broken)
    )
    return np.asarray(broken <= (1 - confidence) * made + WHOLE)


def _proven(
    counts: _Counts,
    usable: Bool[Array, " day"],
    lead_days: int,
    confidence: float,
    active: Array,
) -> Bool[Array, "day place"]:
    """Places at which the mean broken share of days, and one day more, is no more than asked."""
    most = max(PROVEN_DAYS, days_needed(confidence))
    share = counts.broken / np.maximum(active, 1)[:, None]
    broken = latest_sum(share, usable, lead_days=lead_days, count=most)
    days = np.minimum(known_days(usable, lead_days=lead_days), most)
    return np.asarray(broken + 1 <= (1 - confidence) * (days[:, None] + 1) + WHOLE)
