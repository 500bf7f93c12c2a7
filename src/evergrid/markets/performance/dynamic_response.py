"""How Great Britain measures dynamic response: the error outside two bounds, and what it costs.

The bounds are the curve at the greatest and the least frequency of a third of a second, moved by as
fast as a unit may follow. Between them any response is right.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.markets.rules.constant import Constant, Mark
from evergrid.markets.rules.frequency_response import FrequencyResponse
from evergrid.markets.rules.great_britain import FREE_ERROR, LEAST_AVAILABILITY, LOST_ERROR

CODE = "NESO, illustrative performance code of dynamic response"
SAMPLE_S = Constant(0.05, Mark.VERIFIED, CODE)
LEAST_LAG_S = Constant(0.20, Mark.VERIFIED, CODE)
MOST_LAG_S = Constant(0.55, Mark.VERIFIED, CODE)
FAST_PER_S = Constant(4.0, Mark.VERIFIED, CODE)
SLOW_PER_S = Constant(2.0, Mark.VERIFIED, CODE)
FREE_AFTER_GAP_S = Constant(1.0, Mark.VERIFIED, CODE)
SMOOTHED = Constant(4.0, Mark.VERIFIED, f"{CODE}: samples of the rolling minimum")
PERIOD_S = 1800.0
OPTIONS = {"nogil": True, "error_model": "numpy"}


@dataclass(frozen=True)
class DynamicPerformance:
    """What a response is measured to be.

    Attributes:
        lower: Least share of the award that is right, by sample.
        upper: Greatest.
        error: Distance outside them, by sample; 0 in gaps and just after.
        worst: Greatest error of each settlement period, after the rolling minimum.
        available: Share of the samples of each settlement period that were measured.
    """

    lower: Float[Array, " sample"]
    upper: Float[Array, " sample"]
    error: Float[Array, " sample"]
    worst: Float[Array, " period"]
    available: Float[Array, " period"]

    @property
    def factor(self) -> Float[Array, " period"]:
        """Share of the payment of each settlement period that is left."""
        lost = LOST_ERROR.value - FREE_ERROR.value
        left = np.clip((LOST_ERROR.value - self.worst) / lost, 0.0, 1.0)
        return np.where(self.available < LEAST_AVAILABILITY.value, 0.0, left)


def measured(
    deviation_hz: Float[Array, " sample"],
    response: Float[Array, " other_sample"],
    product: FrequencyResponse,
) -> DynamicPerformance:
    """The performance of a response at 20 samples a second.

    Args:
        deviation_hz: Of the frequency from nominal; NaN in gaps.
        response: Share of the award into the grid; NaN in gaps.
        product: Its curve.

    Raises:
        InputError: Series of different lengths, or empty.
    """
    if len(deviation_hz) != len(response) or not len(response):
        got = (len(deviation_hz), len(response))
        fault = Fault("response", "have a value for each sample of the frequency", got)
        raise_if_any("dynamic_response", [fault])
    known = np.isfinite(deviation_hz) & np.isfinite(response)
    deviation = np.where(known, deviation_hz, np.nan)
    most, least = _lagged(deviation)
    lower, upper = product.due(most), product.due(least)
    fast, slow = FAST_PER_S.value * SAMPLE_S.value, SLOW_PER_S.value * SAMPLE_S.value
    follow(lower, known, slow, fast)
    follow(upper, known, fast, slow)
    given = np.where(known, response, 0.0)
    error = np.maximum(np.maximum(lower - given, given - upper), 0.0)
    error[~known | _after_gap(known)] = 0.0
    count = round(SMOOTHED.value)
    # The filter is centred; moved so that each value is that of the samples up to it.
    smooth = minimum_filter1d(error, count, mode="constant", origin=(count - 1) // 2)
    begins = np.arange(0, len(error), round(PERIOD_S / SAMPLE_S.value))
    counts = np.diff(np.append(begins, len(error)))
    return DynamicPerformance(
        lower=lower,
        upper=upper,
        error=error,
        worst=np.maximum.reduceat(smooth, begins),
        available=np.add.reduceat(known.astype(float), begins) / counts,
    )


def _lagged(
    deviation_hz: Float[Array, " sample"],
) -> tuple[Float[Array, " sample"], Float[Array, " sample"]]:
    """Greatest and least deviation between the lags, of samples that are known; else now's."""
    first, last = (round(lag.value / SAMPLE_S.value) for lag in (LEAST_LAG_S, MOST_LAG_S))
    width = last - first + 1
    now = np.nan_to_num(deviation_hz)
    found = []
    for extreme, none in ((maximum_filter1d, -np.inf), (minimum_filter1d, np.inf)):
        values = np.where(np.isfinite(deviation_hz), deviation_hz, none)
        padded = np.concatenate([np.full(last, none), values])
        of_window = extreme(padded, width, mode="nearest")
        # A centred window of samples t - last to t - first has its middle at t - first - right.
        at = np.arange(len(values)) + last - first - (width - 1 - width // 2)
        found.append(np.where(np.isfinite(of_window[at]), of_window[at], now))
    return found[0], found[1]


def _after_gap(known: Bool[Array, " sample"]) -> Bool[Array, " sample"]:
    """Samples of the first second of a measurement, and of each after a gap."""
    sample = np.arange(len(known))
    missing = np.maximum.accumulate(np.where(known, -1, sample))
    return sample - missing <= round(FREE_AFTER_GAP_S.value / SAMPLE_S.value)


@kernel(**OPTIONS)
@no_type_check
def follow(bound, known, up, down):
    """A bound that moves by so much a sample, in place; it begins anew after a gap."""
    before, fresh = 0.0, True
    for t in range(len(bound)):
        if not known[t]:
            fresh = True
            continue
        if not fresh:
            bound[t] = min(max(bound[t], before - down), before + up)
        before, fresh = bound[t], False
