"""Recovery time T_r: when performance comes back to a share of the demand, and stays there.

**Convention for a second collapse.** Performance recovers at the start of the first spell at or
above the threshold that lasts for the hold. The spell in which supply had not yet fallen when the
event came is no recovery. A spell that goes on to the horizon counts with any hold, as nothing is
known against it; so a longer hold never makes recovery earlier. Hence:

- hold 0 is the first crossing, which a second collapse may follow;
- an infinite hold, the default, is sustained recovery: performance stays until the horizon;
- performance that never falls below the threshold has recovered after 0 h;
- performance that is not back at the horizon is censored there: T_r is more than the time it was
  followed for. It is never NaN, and never part of a mean.

Spells are closed: touching the threshold is enough, and a spell of exactly the hold lasts for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.kernels import kernel
from evergrid.resilience.metrics.performance import SAME, PerformanceCurves, last_below

THRESHOLDS = (0.8, 0.95, 1.0)  # of the demand


@dataclass(frozen=True)
class RecoveryTimes:
    """When each scenario recovers to each threshold.

    Attributes:
        threshold: Shares of the demand.
        hold_h: For which performance must stay.
        time_h: From the event to recovery; where that is not reached, how long was waited for it.
        reached: Whether it is reached; where not, ``time_h`` is censored on the right.
        interruptions: How often performance falls below the threshold.
        below_h: How long it is below, in all.
    """

    threshold: Float[Array, " threshold"]
    hold_h: float
    time_h: Float[Array, "scenario threshold"]
    reached: Bool[Array, "scenario threshold"]
    interruptions: Int[Array, "scenario threshold"]
    below_h: Float[Array, "scenario threshold"]


def recovery(
    curves: PerformanceCurves,
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    hold_h: float = np.inf,
) -> RecoveryTimes:
    """Recovery time of every scenario, by the convention of this module.

    Args:
        curves: Performance.
        thresholds: Shares of the demand, in (0, 1].
        hold_h: For which performance must stay; 0 for the first crossing.

    Raises:
        InputError: A threshold outside (0, 1], a hold that is negative or NaN.
    """
    check_thresholds(thresholds)
    if not hold_h >= 0:
        fix = "0 is the first crossing, inf is recovery that lasts to the horizon."
        raise_if_any("recovery", [Fault("hold_h", "be at least 0", (hold_h,), fix=fix)])
    count = len(curves.event_h)
    found = RecoveryTimes(
        np.array(thresholds, dtype=np.float64),
        hold_h,
        np.zeros((count, len(thresholds))),
        np.zeros((count, len(thresholds)), dtype=bool),
        np.zeros((count, len(thresholds)), dtype=np.int64),
        np.zeros((count, len(thresholds))),
    )
    pieces = curves.segments()
    for column, threshold in enumerate(thresholds):
        margins = [
            _snapped(served - threshold * demand, demand)
            for served, demand in (
                (pieces.served_start_kw, pieces.demand_start_kw),
                (pieces.served_end_kw, pieces.demand_end_kw),
            )
        ]
        _follow(
            pieces.start_h,
            pieces.end_h,
            *margins,
            last_below(curves, threshold),
            curves.event_h,
            curves.horizon_h,
            float(hold_h),
            found.time_h[:, column],
            found.reached[:, column],
            found.interruptions[:, column],
            found.below_h[:, column],
        )
    return found


def check_thresholds(thresholds: Sequence[float]) -> None:
    """Refuse thresholds that no performance can be measured by.

    Raises:
        InputError: None at all, or one outside (0, 1].
    """
    bad = tuple(one for one in thresholds if not 0 < one <= 1)
    fix = "Give a share of the demand; what is above the demand need not be reached."
    if bad or not thresholds:
        raise_if_any("recovery", [Fault("thresholds", "be in (0, 1]", bad, fix=fix)])


def _snapped(
    margin_kw: Float[Array, "scenario segment"], demand_kw: Float[Array, "scenario segment"]
) -> Float[Array, "scenario segment"]:
    """Margins over a threshold; those that are rounding are 0."""
    return np.where(np.abs(margin_kw) <= SAME * demand_kw, 0.0, margin_kw)


@kernel(error_model="numpy")
@no_type_check
def _follow(
    start_h,
    end_h,
    margin_start,
    margin_end,
    ends_below,
    event_h,
    horizon_h,
    hold_h,
    time_h,
    reached,
    interruptions,
    below_h,
):
    """Walk each scenario from spell to spell at or above the threshold; fills the last four.

    On a piece the margin is a straight line, so it is cut in at most two parts of one sign. Parts
    at or above zero that touch make one spell, which may be a single instant.
    """
    shortest_h = hold_h * (1.0 - SAME)
    for scenario in range(start_h.shape[0]):
        event, horizon = event_h[scenario], horizon_h[scenario]
        in_spell, falls, lost_h = False, 0, 0.0
        began, ended, found = event, event, np.nan
        for piece in range(start_h.shape[1]):
            low, high = start_h[scenario, piece], end_h[scenario, piece]
            if high <= low:
                continue
            first, last = margin_start[scenario, piece], margin_end[scenario, piece]
            crosses = (first < 0.0) != (last < 0.0)
            middle = low + (high - low) * first / (first - last) if crosses else high
            for part in range(2 if crosses else 1):
                part_from = low if part == 0 else middle
                part_to = middle if part == 0 else high
                if (first if part == 0 else last) >= 0.0:
                    if not in_spell:
                        in_spell, began = True, part_from
                    ended = part_to
                    continue
                lost_h += part_to - part_from
                if in_spell and falls > 0 and np.isnan(found) and ended - began >= shortest_h:
                    found = began
                if in_spell or falls == 0:
                    falls += 1
                in_spell = False
        if in_spell and ends_below[scenario]:  # collapses at the horizon itself
            if falls > 0 and np.isnan(found) and ended - began >= shortest_h:
                found = began
            falls += 1
        elif np.isnan(found) and not ends_below[scenario]:
            back = began if in_spell else horizon  # without a spell it is restored at the horizon
            found = back if falls > 0 else event
        reached[scenario] = not np.isnan(found)
        time_h[scenario] = (found if reached[scenario] else horizon) - event
        interruptions[scenario] = falls
        below_h[scenario] = lost_h
