"""Recovery time T_r: when performance comes back to a share of the demand, and stays there.

With the event at t0 it is the least tau >= 0 for which P(t) >= threshold x demand(t) at all t from
t0 + tau to t0 + tau + hold.

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
from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
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


class _Margins(NamedTuple):
    """Served power over a threshold, piece by piece, and how each scenario ends."""

    start_h: Float[Array, "scenario segment"]
    end_h: Float[Array, "scenario segment"]
    first_kw: Float[Array, "scenario segment"]
    last_kw: Float[Array, "scenario segment"]
    ends_below: Bool[Array, " scenario"]
    event_h: Float[Array, " scenario"]
    horizon_h: Float[Array, " scenario"]


class _Outcome(NamedTuple):
    """What `RecoveryTimes` tells of one threshold."""

    time_h: Float[Array, " scenario"]
    reached: Bool[Array, " scenario"]
    interruptions: Int[Array, " scenario"]
    below_h: Float[Array, " scenario"]


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
    found = [_of_threshold(curves, float(threshold), float(hold_h)) for threshold in thresholds]
    columns = [np.column_stack(arrays) for arrays in zip(*found, strict=True)]
    return RecoveryTimes(np.array(thresholds, dtype=np.float64), float(hold_h), *columns)


def _of_threshold(curves: PerformanceCurves, threshold: float, hold_h: float) -> _Outcome:
    pieces, count = curves.segments(), len(curves.event_h)
    first_kw, last_kw = (
        _snapped(served_kw - threshold * demand_kw, demand_kw)
        for served_kw, demand_kw in (
            (pieces.served_start_kw, pieces.demand_start_kw),
            (pieces.served_end_kw, pieces.demand_end_kw),
        )
    )
    margins = _Margins(
        pieces.start_h,
        pieces.end_h,
        first_kw,
        last_kw,
        last_below(curves, threshold),
        curves.event_h,
        curves.horizon_h,
    )
    found = _Outcome(
        np.zeros(count),
        np.zeros(count, dtype=bool),
        np.zeros(count, dtype=np.int64),
        np.zeros(count),
    )
    _follow(margins, hold_h, found)
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
def _follow(margins, hold_h, found):
    """Walk each scenario from spell to spell at or above the threshold; fills `found`.

    On a piece the margin is a straight line, so it is cut in at most two parts of one sign. Parts
    at or above zero that touch make one spell, which may be a single instant.
    """
    shortest_h = hold_h * (1.0 - SAME)
    for scenario in range(margins.start_h.shape[0]):
        event, horizon = margins.event_h[scenario], margins.horizon_h[scenario]
        in_spell, falls, lost_h = False, 0, 0.0
        began, ended, back_h = event, event, np.nan
        for piece in range(margins.start_h.shape[1]):
            low, high = margins.start_h[scenario, piece], margins.end_h[scenario, piece]
            if high <= low:
                continue
            first, last = margins.first_kw[scenario, piece], margins.last_kw[scenario, piece]
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
                if in_spell and falls > 0 and np.isnan(back_h) and ended - began >= shortest_h:
                    back_h = began
                if in_spell or falls == 0:
                    falls += 1
                in_spell = False
        if in_spell and margins.ends_below[scenario]:  # collapses at the horizon itself
            if falls > 0 and np.isnan(back_h) and ended - began >= shortest_h:
                back_h = began
            falls += 1
        elif np.isnan(back_h) and not margins.ends_below[scenario]:
            restored_h = began if in_spell else horizon  # without a spell at the horizon itself
            back_h = restored_h if falls > 0 else event
        found.reached[scenario] = not np.isnan(back_h)
        found.time_h[scenario] = (horizon if np.isnan(back_h) else back_h) - event
        found.interruptions[scenario] = falls
        found.below_h[scenario] = lost_h
