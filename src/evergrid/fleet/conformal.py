"""How much may be promised so that the promise is kept on the asked share of days."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault

LEARNING_RATE = 0.005  # of the risk aimed at, per day; Gibbs and Candes use the same range
MOST_RISK = 0.1  # adaptive risk never rises above it, or above twice what is asked if that is more


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
class Outage:
    """A rare event that the record does not show.

    Attributes:
        name: What fails.
        probability: Share of the time it does.
        share: What it leaves of the fleet's power.
    """

    name: str
    probability: float
    share: float


def with_outages(confidence: float, outages: tuple[Outage, ...], days: int) -> tuple[float, float]:
    """The confidence to ask of days without outages, and the share of it that may be promised.

    The worst outages are left to chance as long as these many days can vouch for what risk
    remains; all others are survived, by promising only what they leave. What survives an outage
    survives milder ones too, at no risk. By the union bound the promise is broken no more often
    than asked.
    """
    risk, share = 1.0 - confidence, 1.0
    for outage in sorted(outages, key=lambda outage: outage.share):
        rest = risk - outage.probability
        if outage.share < share and rest > 0 and days_needed(1.0 - rest) <= days:
            risk = rest
        else:
            share = min(share, outage.share)
    return 1.0 - risk, share


@dataclass(frozen=True)
class Promised:
    """What was promised for each day from the days before it.

    Attributes:
        power_kw: The promise; 0 where the days before could not vouch for more.
        risk: Risk aimed at, which adapts to how often promises were broken; below 0 for a debt.
        judged: Days for which enough days before could vouch.
    """

    power_kw: Float[Array, "day step"]
    risk: Float[Array, "day step"]
    judged: Bool[Array, " day"]


def promises(
    came_kw: Float[Array, "day step"],
    mean_kw: Float[Array, "day step"],
    spread_kw: Float[Array, "day step"],
    usable: Bool[Array, " day"],
    *,
    wanted: Bool[Array, " day"],
    confidence: float,
    lead_days: int,
) -> Promised:
    """Promises day by day, each from the days known ``lead_days`` before.

    The day is the unit that is exchangeable, not the step: each step has one score a day,
    ``(came - mean) / spread``. Of m scores the k-th smallest, ``k = floor((m + 1) risk)``, is
    kept with probability of at least ``1 - risk`` when days are exchangeable. When they drift
    the risk aimed at follows ``risk += rate (asked - broken)``, so that in the long run the
    promise is broken no more often than asked, whatever the days do: of n promises at most
    ``n asked + asked / rate + lead_days``. Where k is 0 the smallest score stands in, and what
    it bounds is scaled by the risk aimed at over the least that m scores can vouch for. The
    promise so shrinks to 0 with the risk, instead of staying 0 for a hundred days after a 99 %
    promise was broken once, and both guarantees hold: it is no larger than what the smallest
    score bounds, and 0 where no risk is left.

    Args:
        came_kw: What each day delivered.
        mean_kw: What was expected of it.
        spread_kw: Scale of the error, above 0.
        usable: Days whose scores count: known, and of a kind that is promised for.
        wanted: Days for which a promise is made; the rest get 0.
        confidence: Asked, such as 0.99.
        lead_days: Day d is promised from days up to d - lead_days.

    Source:
        Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, Springer
        (conformal prediction); Gibbs and Candès (2021), Adaptive Conformal Inference Under
        Distribution Shift, NeurIPS 34, arXiv 2106.00170 (the update and its long run). The
        shrinking below the least risk is ours.
    """
    days, steps = came_kw.shape
    asked = 1.0 - confidence
    most = min(10 * asked, max(2 * asked, MOST_RISK), 1.0)
    told = np.isfinite(mean_kw).all(axis=1)
    usable, wanted = usable & told, wanted & told
    scores = np.where(usable[:, None], (came_kw - mean_kw) / spread_kw, np.nan)
    power, risk = np.zeros((days, steps)), np.full((days, steps), asked)
    judged = np.zeros(days, dtype=bool)
    aim = np.full(steps, asked)
    for day in range(days):
        seen = day - lead_days
        if seen >= 0 and judged[seen] and usable[seen]:
            missed = came_kw[seen] < power[seen] - 1e-9
            aim = np.minimum(aim + LEARNING_RATE * (asked - missed), most)
        risk[day] = aim
        past = scores[: max(seen + 1, 0)][usable[: max(seen + 1, 0)]]
        judged[day] = wanted[day] and len(past) >= days_needed(confidence)
        if judged[day]:
            power[day] = _bound(past, aim, mean_kw[day], spread_kw[day])
    return Promised(power, risk, judged)


def _bound(
    scores: Float[Array, "past step"],
    risk: Float[Array, " step"],
    mean_kw: Float[Array, " step"],
    spread_kw: Float[Array, " step"],
) -> Float[Array, " step"]:
    """The k-th smallest score of each step, as power; a share of the smallest where k is 0."""
    rank = (len(scores) + 1) * risk
    whole = np.maximum(np.floor(rank + 1e-9).astype(np.int64), 1)
    score = np.sort(scores, axis=0)[whole - 1, np.arange(len(risk))]
    return np.clip(rank, 0.0, 1.0) * np.maximum(mean_kw + score * spread_kw, 0.0)
