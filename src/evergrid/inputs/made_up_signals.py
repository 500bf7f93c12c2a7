"""A signal and a frequency by stated formulas, for runs without measured ones.

Neither is from any grid. The frequency wanders by sines, and falls and rises once in six hours.
"""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.model.time_series.frequency import FrequencyRecord
from evergrid.model.time_series.signal import Signal

SOME_DAY = np.datetime64("2000-01-01", "us")
NOMINAL_HZ = 50.0
HOURS = 6.0
TICK_S = 2.0
# Size in Hz and period in s of each sine of the frequency.
WANDER = ((0.018, 3600.0), (0.012, 900.0), (0.008, 170.0), (0.004, 37.0))
# When, by how much in Hz, and within how many seconds it goes and comes back.
EVENTS = ((2.0 * 3600.0, -0.35, 6.0, 600.0), (4.5 * 3600.0, 0.22, 6.0, 300.0))
# Size and period in s of each sine of the signal of regulation.
SIGNAL = ((0.55, 1140.0), (0.3, 310.0), (0.15, 67.0))
FORMULAS = (
    "The signal of regulation is made up: 0.55 sin(2 pi t / 1140 s) + 0.3 sin(2 pi t / 310 s) + "
    "0.15 sin(2 pi t / 67 s), through six hours.",
    "The frequency is made up: sines of 18, 12, 8 and 4 mHz with periods of 3600, 900, 170 and "
    "37 s; at two hours it falls by 350 mHz and at four and a half it rises by 220 mHz, each "
    "within seconds, and comes back within minutes.",
)


def frequency() -> FrequencyRecord:
    """Six hours of a frequency that wanders, falls once and rises once."""
    t = _seconds()
    deviation = _sines(t, WANDER)
    for begin, size, rise_s, decay_s in EVENTS:
        since = np.maximum(t - begin, 0.0)
        deviation += size * (1.0 - np.exp(-since / rise_s)) * np.exp(-since / decay_s)
    dead = np.zeros(len(t), bool)
    return FrequencyRecord(SOME_DAY, TICK_S, NOMINAL_HZ, NOMINAL_HZ + deviation, dead)


def signal() -> Signal:
    """Six hours of a signal of regulation, within -1 and 1."""
    return Signal(TICK_S, _sines(_seconds(), SIGNAL))


def _seconds() -> Float[Array, " tick"]:
    return np.arange(round(HOURS * 3600.0 / TICK_S)) * TICK_S


def _sines(
    t: Float[Array, " tick"], waves: tuple[tuple[float, float], ...]
) -> Float[Array, " tick"]:
    return sum((size * np.sin(2 * np.pi * t / period) for size, period in waves), 0.0 * t)
