"""What simpler rules than ours would have promised: the ones to beat."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from evergrid.core.arrays import Array, Bool, Float
from evergrid.fleet.history.day_kind import WORKING, DayKinds

WINDOW_DAYS = 60
LEAST_DAYS = 5


def baseline_offers(
    came_kw: Float[Array, "day step"],
    known: Bool[Array, " day"],
    kinds: DayKinds,
    *,
    confidence: float,
    lead_days: int,
    fitted_days: int,
) -> dict[str, Float[Array, "day step"]]:
    """Promises of every day by rule.

    All know working days from the others. "fixed quantile" looks at the first ``fitted_days``
    once and for all; "rolling quantile" and "rolling normal" at the last `WINDOW_DAYS` before
    each day; "fixed share" promises one share of the mean for ever, the diversity factor of
    many studies, as high as it could have been on the first days.
    """
    work = kinds.group == WORKING
    deviations = stats.norm.ppf(confidence)
    days = np.arange(len(came_kw))

    def rolling(rule: Callable[[Array], Array]) -> Array:
        made = np.zeros_like(came_kw)
        for day in days:
            past = days[max(0, day - lead_days + 1 - WINDOW_DAYS) : max(0, day - lead_days + 1)]
            past = past[known[past] & (work[past] == work[day])]
            if len(past) >= LEAST_DAYS:
                made[day] = rule(came_kw[past])
        return made

    def fixed(rule: Callable[[Array], Array]) -> Array:
        made = np.zeros_like(came_kw)
        for kind in (True, False):
            past = days[:fitted_days][(known & (work == kind))[:fitted_days]]
            if len(past):
                made[work == kind] = rule(came_kw[past])
        return made

    def quantile(past_kw: Array) -> Array:
        # Of n days and one more like them, that one is below the k-th least with k / (n + 1).
        rank = max(1, int(np.floor((len(past_kw) + 1) * (1 - confidence) + 1e-9)))
        return np.sort(past_kw, axis=0)[rank - 1]

    def normal(past_kw: Array) -> Array:
        low = past_kw.mean(axis=0) - deviations * past_kw.std(axis=0, ddof=1)
        return np.maximum(low, 0.0)

    mean = fixed(lambda past_kw: past_kw.mean(axis=0))
    first = known & (days < fitted_days)
    some = mean[first] > 0
    ratio = came_kw[first][some] / mean[first][some]
    share = float(np.quantile(ratio, 1 - confidence)) if ratio.size else 0.0
    return {
        "rolling quantile": rolling(quantile),
        "rolling normal": rolling(normal),
        "fixed quantile": fixed(quantile),
        "fixed share": share * mean,
    }
