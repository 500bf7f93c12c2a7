"""The resilience trapezoid: how fast performance falls, how far, for how long, how fast it is back.

Performance is the share of the demand that is served, at most 1, and as constant or straight
between knots as power is. It falls from 1, from where it last is there before it is lowest.
It rises from where it last is lowest, to where it first has the level that it has at the horizon.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.resilience.metrics.degradation import degradation
from evergrid.resilience.metrics.performance import SAME, PerformanceCurves, Segments


@dataclass(frozen=True)
class Trapezoid:
    """Phi, Lambda, E, Pi and the area of each scenario, in shares of the demand.

    Attributes:
        degradation_per_h: Phi, slope of the fall, at most 0; minus infinity for a fall at once.
        lost_share: Lambda, from 1 to the lowest level.
        degraded_h: E, from where the level is first lowest to where it last is; to the horizon
            where it never rises.
        restoration_per_h: Pi, mean slope of the rise; infinity for a rise at once, 0 for none.
        rapidity_per_h: Share regained over the time since the level was first lowest.
        area_h: Integral of the missing share.
        restored: Whether the whole demand is served at the horizon.

    Source:
        M. Panteli et al. (2017), Metrics and quantification of operational and infrastructure
        resilience in power systems, IEEE Transactions on Power Systems 32(6), 4732-4742,
        doi:10.1109/TPWRS.2017.2664141. Rapidity: M. Bruneau et al. (2003), Earthquake Spectra
        19(4), doi:10.1193/1.1623497, as a mean slope.
    """

    degradation_per_h: Float[Array, " scenario"]
    lost_share: Float[Array, " scenario"]
    degraded_h: Float[Array, " scenario"]
    restoration_per_h: Float[Array, " scenario"]
    rapidity_per_h: Float[Array, " scenario"]
    area_h: Float[Array, " scenario"]
    restored: Bool[Array, " scenario"]


class _Phases(NamedTuple):
    """When one scenario falls, is lowest, rises and is back, and the levels."""

    falls_h: float
    lowest_h: float
    rises_h: float
    back_h: float
    lowest: float
    final: float


def trapezoid(curves: PerformanceCurves) -> Trapezoid:
    """The four phases of every scenario."""
    ones = np.ones_like(curves.demand_kw)
    shares = replace(curves, served_kw=curves.index, demand_kw=ones)
    pieces = shares.segments()
    phases = [_phases(pieces, row) for row in range(len(curves.event_h))]
    falls_h, lowest_h, rises_h, back_h, lowest, final = np.array(phases).T
    gain = final - lowest
    return Trapezoid(
        degradation_per_h=-_slope(1.0 - lowest, lowest_h - falls_h),
        lost_share=1.0 - lowest,
        degraded_h=rises_h - lowest_h,
        restoration_per_h=_slope(gain, back_h - rises_h),
        rapidity_per_h=_slope(gain, back_h - lowest_h),
        area_h=degradation(shares).energy_kwh,
        restored=final >= 1.0 - SAME,
    )


def _slope(change: Float[Array, " scenario"], time_h: Float[Array, " scenario"]) -> Array:
    """Change over time: infinity for a change at once, 0 for none."""
    taken = time_h > 0
    at_once = np.where(change > SAME, np.inf, 0.0)
    return np.where(taken & (change > SAME), change / np.where(taken, time_h, 1.0), at_once)


def _phases(pieces: Segments, row: int) -> _Phases:
    start_h, end_h = pieces.start_h[row], pieces.end_h[row]
    event_h, horizon_h = start_h[0], end_h[-1]
    kept = end_h > start_h
    kept[-1] = True  # a change at the horizon itself has no length
    time_h = np.column_stack([start_h[kept], end_h[kept]]).ravel()
    ends = (pieces.served_start_kw[row][kept], pieces.served_end_kw[row][kept])
    level = np.minimum(np.column_stack(ends).ravel(), 1.0)
    lowest, final = level.min(), level[-1]
    (at_lowest,) = np.nonzero(level <= lowest + SAME)
    first, last = at_lowest[0], at_lowest[-1]
    (full,) = np.nonzero(level[:first] >= 1.0 - SAME)
    falls_h = time_h[full[-1]] if full.size else event_h
    lowest_h, rises_h = time_h[first], time_h[last]
    if final <= lowest + SAME:
        phases = (falls_h, lowest_h, horizon_h, horizon_h, lowest, lowest)
        return _Phases(*map(float, phases))
    back = last + int(np.argmax(level[last:] >= final - SAME))
    before, after = level[back - 1], level[back]
    part = (final - before) / (after - before) if after > before else 1.0
    back_h = time_h[back - 1] + part * (time_h[back] - time_h[back - 1])
    return _Phases(*map(float, (falls_h, lowest_h, rises_h, back_h, lowest, final)))
