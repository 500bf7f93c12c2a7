"""Recovery times of many scenarios, some of which are not back when they are last seen.

Leaving those out, or counting their horizon as recovery, would make recovery look faster than it
is. The Kaplan-Meier estimate uses each for as long as it is followed.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

Band = Literal["greenwood", "log_log"]


@dataclass(frozen=True)
class CensoredTime:
    """A time, or the fact that it is later than what was seen.

    Attributes:
        time_h: The time; where it is not reached, the last one seen.
        reached: Whether it is reached.
    """

    time_h: float
    reached: bool

    def __str__(self) -> str:
        return f"{self.time_h:.4g} h" if self.reached else f"not reached within {self.time_h:.4g} h"


@dataclass(frozen=True)
class QuantileTime:
    """When a share of scenarios has recovered, and how sure that is.

    Attributes:
        share: Of the scenarios.
        estimate: When the estimate says so.
        low: Lower end of the interval.
        high: Upper end.
    """

    share: float
    estimate: CensoredTime
    low: CensoredTime
    high: CensoredTime


@dataclass(frozen=True)
class KaplanMeier:
    """Probability of not being back by each time, from times of which some are censored.

    Attributes:
        time_h: Times at which somebody recovers or is last seen, without repetition.
        at_risk: Scenarios still followed and not back just before each.
        recovered: That recover at each.
        not_back: Probability of not being back after each; constant until the next.
        low: Lower end of the pointwise confidence band.
        high: Upper end.
        confidence: Of the band.
    """

    time_h: Float[Array, " time"]
    at_risk: Int[Array, " time"]
    recovered: Int[Array, " time"]
    not_back: Float[Array, " time"]
    low: Float[Array, " time"]
    high: Float[Array, " time"]
    confidence: float

    def recovered_within(self, time_h: float) -> float:
        """Probability P(T_r <= time).

        Raises:
            InputError: A time that is negative, or after the last one seen while some are not back.
        """
        last_h = float(self.time_h[-1])
        if not time_h >= 0 or (time_h > last_h and self.not_back[-1] > 0):
            rule = f"be in [0, {last_h:g}] h: what comes later was not seen"
            fix = "Follow the scenarios for longer."
            raise_if_any("recovery times", [Fault("time_h", rule, (time_h,), fix=fix)])
        known = int(np.searchsorted(self.time_h, time_h, side="right"))
        return 1.0 - float(self.not_back[known - 1]) if known else 0.0

    def quantile(self, share: float) -> QuantileTime:
        """When a share of scenarios has recovered; it may not be reached, and says so.

        Args:
            share: In (0, 1); 0.5 is the median.

        Raises:
            InputError: A share outside (0, 1).

        Source:
            R. Brookmeyer, J. Crowley (1982), A confidence interval for the median survival time,
            Biometrics 38(1), doi:10.2307/2530286: the band is read at the same level.
        """
        if not 0 < share < 1:
            raise_if_any("recovery times", [Fault("share", "be in (0, 1)", (share,))])
        curves = (self.not_back, self.low, self.high)
        return QuantileTime(share, *(self._first_at(curve, 1 - share) for curve in curves))

    def _first_at(self, curve: Float[Array, " time"], level: float) -> CensoredTime:
        """When a falling curve is first at a level or below."""
        (below,) = np.nonzero(curve <= level + 1e-12)  # 0.7 - 0.2 is not 0.5
        place = int(below[0]) if below.size else -1
        return CensoredTime(float(self.time_h[place]), below.size > 0)


def kaplan_meier(
    time_h: Float[Array, " scenario"],
    reached: Bool[Array, " flag"],
    *,
    confidence: float = 0.95,
    band: Band = "log_log",
) -> KaplanMeier:
    """The product-limit estimate with a pointwise band.

    Whoever recovers at a time does so before anybody is last seen at it. Until somebody recovers
    the band has no width, and where all are back it keeps its last upper end: the formulas of
    variance say nothing there.

    Args:
        time_h: Of recovery, or of when a scenario was last seen not to be back.
        reached: Whether it is recovery.
        confidence: Of the band, in (0, 1).
        band: Greenwood's variance on the probability itself, cut to [0, 1], or on its
            log(-log), which keeps in [0, 1] by itself and is closer with few scenarios.

    Raises:
        InputError: No scenario, times that are negative or not finite, confidence outside (0, 1).

    Source:
        E. L. Kaplan, P. Meier (1958), Nonparametric estimation from incomplete observations,
        doi:10.1080/01621459.1958.10501452; M. Greenwood (1926); J. Kalbfleisch, R. Prentice (2002),
        The statistical analysis of failure time data, section 1.4, for the log(-log) band.
    """
    faults = broken("time_h", (time_h >= 0) & (time_h < np.inf), "be at least 0", values=time_h)
    if len(time_h) == 0:
        faults.append(Fault("scenarios", "be at least one", (0,)))
    if len(reached) != len(time_h):
        faults.append(Fault("reached", "be one for each time", (len(reached),)))
    if not 0 < confidence < 1:
        faults.append(Fault("confidence", "be in (0, 1)", (confidence,)))
    raise_if_any("recovery times", faults)
    times, place = np.unique(time_h, return_inverse=True)
    left = np.bincount(place)
    recovered = np.bincount(place, weights=reached).astype(np.int64)
    at_risk = len(time_h) - np.concatenate([[0], np.cumsum(left)[:-1]])
    not_back = np.cumprod(1 - recovered / at_risk)
    not_back[np.cumsum(recovered) == len(time_h)] = 0.0
    remain = np.where(at_risk > recovered, at_risk - recovered, 1)
    variance = np.cumsum(recovered / (at_risk * remain))  # of the logarithm; Greenwood
    low, high = _band(not_back, variance, float(ndtri((1 + confidence) / 2)), band)
    return KaplanMeier(times, at_risk, recovered, not_back, low, high, confidence)


def _band(
    not_back: Float[Array, " time"], variance: Float[Array, " time"], score: float, band: Band
) -> tuple[Float[Array, " time"], Float[Array, " time"]]:
    """Ends of the band; where everybody is back, 0 and the upper end before."""
    inside = (not_back > 0) & (not_back < 1)
    known = np.where(inside, not_back, 0.5)
    if band == "greenwood":
        width = score * known * np.sqrt(variance)
        low, high = np.maximum(known - width, 0.0), np.minimum(known + width, 1.0)
    else:
        width = score * np.sqrt(variance) / np.log(known)  # negative
        low, high = known ** np.exp(-width), known ** np.exp(width)
    low, high = np.where(inside, low, not_back), np.where(inside, high, not_back)
    (back,) = np.nonzero(not_back == 0)
    if back.size:
        high[back] = high[back[0] - 1] if back[0] > 0 else 1.0
    return low, high
