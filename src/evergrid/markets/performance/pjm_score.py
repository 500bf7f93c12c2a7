"""How PJM scores regulation: correlation, delay and precision, as a mean of the three.

Signal and response are sampled every ten seconds. The response of each window is compared with the
signal of the same length at every delay up to five minutes; the delay counts at which correlation
and the score of delay together are greatest.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.markets.rules.pjm import PjmRegulation

SAMPLE_S = 10.0
INVERTED = -0.5  # correlation at no delay, below which a response is told to be inverted
MOST_CORRELATION = 1.0 + 1e-12  # with what rounding adds
OPTIONS = {"nogil": True, "error_model": "numpy"}
Reading = Literal["unshifted", "shifted"]


class Windows(NamedTuple):
    """How windows are compared.

    Attributes:
        width: Samples of a window.
        shifts: Samples of the greatest delay.
        free: Samples of delay that cost nothing.
        near_constant: Standard deviation below which slopes are compared.
    """

    width: int
    shifts: int
    free: int
    near_constant: float


@dataclass(frozen=True)
class PjmScore:
    """Scores of intervals, each of the windows and samples that begin in it.

    Attributes:
        correlation: Mean of the windows' greatest correlation of signal and response, 0 to 1.
        delay: Mean of 1 at up to the latency that is free, 0 at five minutes more.
        precision: 1 less the mean error over the mean size of the hour's signal, 0 to 1.
        inverted: Whether the response moves against the signal. The search for the best delay
            gives such a response some 0.35, more than the least score that is paid.
    """

    correlation: Float[Array, " interval"]
    delay: Float[Array, " interval"]
    precision: Float[Array, " interval"]
    inverted: Bool[Array, " interval"]

    @property
    def total(self) -> Float[Array, " interval"]:
        """Mean of the three."""
        return (self.correlation + self.delay + self.precision) / 3.0


def score(
    signal: Float[Array, " sample"],
    response: Float[Array, " other_sample"],
    rules: PjmRegulation,
    *,
    interval_h: float = 1.0,
    reading: Reading = "unshifted",
    stride: int = 1,
) -> PjmScore:
    """The score of a response to a signal, interval by interval.

    Intervals in which no window begins any more, at the end, are left out.

    Args:
        signal: What was asked for, every ten seconds, in shares of the award.
        response: What was delivered, likewise.
        rules: Window, delays and latency of the era.
        interval_h: Length of an interval, an hour or a part of one.
        reading: Whether precision compares with the signal of the same moment ("unshifted"), or of
            that before the free latency ("shifted"). Rule books are read both ways; under the
            second one a fast fleet would do best to wait.
        stride: Samples between windows: 1 for a rolling score, 30 for blocks of five minutes.

    Raises:
        InputError: Series of different lengths, shorter than two windows, not finite, or a signal
            outside [-1, 1].
    """
    faults = []
    if len(signal) != len(response):
        got = (len(signal), len(response))
        faults.append(Fault("response", "be as long as the signal", got))
    width = round(rules.window_s.value / SAMPLE_S)
    shifts = round(rules.most_shift_s.value / SAMPLE_S)
    if len(signal) < width + 1:
        rule = f"last more than a window, {rules.window_s.value:g} s"
        faults.append(Fault("signal", rule, (f"{SAMPLE_S * len(signal):g} s",)))
    if not np.isfinite(signal).all() or not np.isfinite(response).all():
        fix = "Say what was delivered in a gap: hold the last value or leave the interval out."
        faults.append(Fault("signal, response", "be finite", (), fix=fix))
    elif np.abs(signal).max(initial=0.0) > 1.0 + 1e-9:
        fix = "Divide by the award."
        rule = "lie in [-1, 1]"
        faults.append(Fault("signal", rule, (float(np.abs(signal).max()),), fix=fix))
    raise_if_any("pjm_score", faults)
    free = round(rules.latency_s.value / SAMPLE_S)
    begins = np.arange(0, len(signal) - width, stride)
    correlation, delay = np.zeros(len(begins)), np.zeros(len(begins))
    best_delays(
        np.ascontiguousarray(signal, dtype=float),
        np.ascontiguousarray(response, dtype=float),
        begins,
        Windows(width, shifts, free, rules.near_constant.value),
        correlation,
        delay,
    )
    per_interval = round(3600.0 * interval_h / SAMPLE_S)
    # A window counts in the interval in which it begins.
    interval = begins // per_interval
    windows = np.bincount(interval)
    late = free if reading == "shifted" else 0
    precision = _precision(signal, response, per_interval, late)
    return PjmScore(
        np.bincount(interval, correlation) / windows,
        np.bincount(interval, delay) / windows,
        precision[: len(windows)],
        _inverted(signal, response, per_interval)[: len(windows)],
    )


def _inverted(
    signal: Float[Array, " sample"], response: Float[Array, " sample"], per_interval: int
) -> Bool[Array, " interval"]:
    """Whether signal and response have a correlation below `INVERTED` at no delay."""
    interval = np.arange(len(signal)) // per_interval
    count = np.bincount(interval)
    asked, given = (x - (np.bincount(interval, x) / count)[interval] for x in (signal, response))
    both, own, other = (
        np.bincount(interval, product) for product in (asked * given, asked**2, given**2)
    )
    return both < INVERTED * np.sqrt(own * other) - 1e-12


def sampled(values: Float[Array, " tick"], tick_s: float) -> Float[Array, " sample"]:
    """Values every ten seconds of a series by ticks: taken, not averaged.

    Raises:
        InputError: Ticks that do not make up ten seconds.
    """
    every = SAMPLE_S / tick_s
    if abs(every - round(every)) > 1e-9 or every < 1:
        rule = f"divide {SAMPLE_S:g} s"
        raise_if_any("pjm_score", [Fault("tick_s", rule, (tick_s,))])
    return values[:: round(every)]


def _precision(
    signal: Float[Array, " sample"],
    response: Float[Array, " sample"],
    per_interval: int,
    late: int,
) -> Float[Array, " interval"]:
    """1 less the mean error of each interval over the mean size of its hour's signal; in [0, 1].

    The last samples of the signal, whose late response is not there, are left out.
    """
    sample = np.arange(len(signal))
    error = np.zeros(len(signal))
    ends = len(signal) - late
    error[:ends] = np.abs(response[late:] - signal[:ends])
    known = (sample < ends).astype(float)
    interval = sample // per_interval
    missed = np.bincount(interval, error) / np.maximum(np.bincount(interval, known), 1.0)
    hour = sample // round(3600.0 / SAMPLE_S)
    size = np.bincount(hour, np.abs(signal)) / np.bincount(hour)
    of_interval = size[hour[::per_interval]]
    share = np.divide(missed, of_interval, out=np.ones(len(missed)), where=of_interval > 0)
    share[(of_interval == 0) & (missed == 0)] = 0.0
    return np.clip(1.0 - share, 0.0, 1.0)


@kernel(**OPTIONS)
@no_type_check
def moments(response, width):
    """Mean, sum of squares around it, and slope of each window of the response."""
    count = max(len(response) - width + 1, 0)
    level, own, rise = np.zeros(count), np.zeros(count), np.zeros(count)
    middle = (width - 1) / 2.0
    spread = width * (width * width - 1.0) / 12.0  # of the times of a window around their middle
    for a in range(count):
        for i in range(width):
            level[a] += response[a + i]
            rise[a] += (i - middle) * response[a + i]
        level[a] /= width
        rise[a] /= spread
        for i in range(width):
            own[a] += (response[a + i] - level[a]) ** 2
    return level, own, rise


@kernel(**OPTIONS)
@no_type_check
def best_delays(signal, response, begins, windows, correlation, delay):
    """Correlation and score of delay of each window at its best delay, written in place.

    Windows near the end are compared up to the delay that the response still covers. Delays are
    tried from none on, until not even full correlation would make a longer one the best.
    """
    width, n = windows.width, len(signal)
    level, own, rise = moments(response, width)
    mean, square, slope = moments(signal, width)
    for k in range(len(begins)):
        t = begins[k]
        constant = np.sqrt(square[t] / width) < windows.near_constant
        best, best_correlation, best_delay = 0.0, 0.0, 0.0
        for shift in range(min(windows.shifts, n - width - t) + 1):
            late = 1.0 - max(shift - windows.free, 0) / windows.shifts
            if MOST_CORRELATION + late <= best:
                break
            a = t + shift
            if constant:
                now = 1.0 - abs(slope[t] - rise[a])
            elif own[a] > 1e-24:
                both = 0.0
                for i in range(width):
                    both += (signal[t + i] - mean[t]) * (response[a + i] - level[a])
                now = both / np.sqrt(square[t] * own[a])
            else:
                now = 0.0
            if now <= 0.0:
                continue  # a delay of what is not followed at all is none
            if now + late > best + 1e-12:
                best, best_correlation, best_delay = now + late, min(now, 1.0), late
        correlation[k], delay[k] = best_correlation, best_delay
