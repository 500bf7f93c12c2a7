"""The German channel of accepted aFRR energy: what of a delivery counts, second by second.

A pool must begin to follow its set point within half a minute and have followed it after five
minutes. So a lower limit rises behind the least set point of the last half minute, and an upper
limit falls behind the greatest, by ramps that bring each there in time. Energy above the upper
limit is not paid; energy missing below the lower one, less a tolerance, is under-delivery.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import S_PER_H
from evergrid.markets.rules.constant import Constant, Mark

SOURCE = "German transmission operators' acceptance channel, valid from 1 October 2021"
REACT_S = Constant(30.0, Mark.SECONDARY, SOURCE)
COMPLETE_S = Constant(300.0, Mark.SECONDARY, SOURCE)
LEAST_RAMP_MW = Constant(1.0, Mark.SECONDARY, SOURCE)
TOLERANCE = Constant(0.05, Mark.SECONDARY, SOURCE)
GRACE_S = Constant(15.0, Mark.SECONDARY, SOURCE)
RAMP_DIGITS = 3
MOST_GAP_S = 10  # of a measurement, which is held; a longer one is refused
OPTIONS = {"nogil": True, "error_model": "numpy"}


@dataclass(frozen=True)
class AcceptedEnergy:
    """What a delivery comes to, in MW by the second.

    Attributes:
        lower_mw: Least power that is no under-delivery, before the tolerance.
        upper_mw: Greatest power that is paid.
        accepted_mw: What is paid.
        under_mw: Missing below the lower limit less its tolerance.
        allocable: Whether under-delivery of that second counts: not in its first 15 s.
        over_mw: Delivered above the upper limit.
        held: Seconds whose measurement was missing and held.
    """

    lower_mw: Float[Array, " second"]
    upper_mw: Float[Array, " second"]
    accepted_mw: Float[Array, " second"]
    under_mw: Float[Array, " second"]
    allocable: Bool[Array, " second"]
    over_mw: Float[Array, " second"]
    held: int

    @property
    def accepted_mwh(self) -> float:
        """Energy that is paid."""
        return float(self.accepted_mw.sum()) / S_PER_H

    @property
    def under_mwh(self) -> float:
        """Energy of all under-delivery of the pool."""
        return float(self.under_mw.sum()) / S_PER_H

    @property
    def allocable_mwh(self) -> float:
        """Energy of under-delivery that counts."""
        return float(self.under_mw[self.allocable].sum()) / S_PER_H

    @property
    def over_mwh(self) -> float:
        """Energy that is not paid."""
        return float(self.over_mw.sum()) / S_PER_H


def accepted(
    set_point_mw: Float[Array, " second"], measured_mw: Float[Array, " other_second"]
) -> AcceptedEnergy:
    """What of a measured delivery is accepted.

    Both are of one direction, at least 0, and begin at rest. Measurements that are missing for up
    to `MOST_GAP_S` are those before them.

    Args:
        set_point_mw: What is asked for in each second.
        measured_mw: What is delivered; NaN where no measurement came.

    Raises:
        InputError: Series of different lengths, a set point that is missing or below 0, or a gap of
            measurements that is too long.
    """
    faults: list[Fault] = []
    if len(set_point_mw) != len(measured_mw):
        got = (len(set_point_mw), len(measured_mw))
        faults.append(Fault("measured_mw", "have a value for each second of the set point", got))
    good = (set_point_mw >= 0) & (set_point_mw < np.inf)
    fix = "Give one direction at a time, as a size."
    rule = "be at least 0 and finite"
    faults += broken("set_point_mw", good, rule, values=set_point_mw, fix=fix)
    measured, held, longest = _held(measured_mw)
    if longest > MOST_GAP_S:
        rule = f"have no gap of more than {MOST_GAP_S} s"
        faults.append(Fault("measured_mw", rule, (f"{longest} s",)))
    raise_if_any("afrr", faults)
    lower, upper = np.zeros(len(measured)), np.zeros(len(measured))
    follow(*_windows(set_point_mw), LEAST_RAMP_MW.value, lower, upper)
    under = np.maximum((1.0 - TOLERANCE.value) * lower - measured, 0.0)
    return AcceptedEnergy(
        lower_mw=lower,
        upper_mw=upper,
        accepted_mw=np.minimum(measured, upper),
        under_mw=under,
        allocable=_since(under > 0) > GRACE_S.value,
        over_mw=np.maximum(measured - upper, 0.0),
        held=held,
    )


def _windows(set_point_mw: Float[Array, " second"]) -> tuple[Float[Array, " second"], ...]:
    """Least and greatest set point of the last half minute, and of the four and a half before."""
    react, complete = round(REACT_S.value) + 1, round(COMPLETE_S.value) + 1
    padded = np.concatenate([np.zeros(complete), set_point_mw])  # at rest before
    made = []
    for extreme in (minimum_filter1d, maximum_filter1d):
        for first, last in ((react, 0), (complete, react)):
            width = first - last + 1
            # The filter is centred: its value at t is that of the window that ends at t + half.
            of_window = extreme(padded, width, mode="nearest")
            ends = np.arange(complete, len(padded)) - last - (width - 1 - width // 2)
            made.append(of_window[ends])
    return tuple(made)


@kernel(**OPTIONS)
@no_type_check
def follow(least, least_before, most, most_before, least_ramp, lower, upper):
    """Limits of each second, written in place: what is new for the better counts at once."""
    low, high = 0.0, 0.0
    for t in range(len(least)):
        ramp = round(max(least_ramp, abs(least_before[t] - least[t])) / 270.0, RAMP_DIGITS)
        low = min(least[t], low + ramp)
        ramp = round(max(least_ramp, abs(most_before[t] - most[t])) / 270.0, RAMP_DIGITS)
        high = max(most[t], high - ramp)
        lower[t], upper[t] = low, high


def _held(measured: Float[Array, " second"]) -> tuple[Float[Array, " second"], int, int]:
    """Measurements with gaps held, how many seconds that were, and the longest gap."""
    missing = ~np.isfinite(measured)
    second = np.where(missing, -1, np.arange(len(measured)))
    last = np.maximum.accumulate(second)
    values = np.where(last >= 0, np.nan_to_num(measured)[np.maximum(last, 0)], 0.0)
    return values, int(missing.sum()), int(_since(missing).max(initial=0))


def _since(true: Bool[Array, " second"]) -> Array:
    """How many seconds in a row, up to each, are true."""
    count = np.cumsum(true)
    before = np.maximum.accumulate(np.where(true, 0, count))
    return np.where(true, count - before, 0)
