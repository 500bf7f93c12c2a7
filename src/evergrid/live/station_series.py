"""Power of each station over the last hours: ordered, accepted and measured, in bounded memory."""

from typing import final

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.live.view import Series

SAMPLE_S = 30.0  # between two samples
KEPT_H = 4.0
SAMPLES = round(KEPT_H * 3600.0 / SAMPLE_S)
NAMES = ("ordered_kw", "accepted_kw", "measured_kw")
DECIMALS = 3


@final
class StationSeries:
    """The last samples of every station; the oldest give way. 6 MB for a thousand stations.

    Args:
        stations: How many there are.
    """

    def __init__(self, stations: int) -> None:
        self._kw = np.full((len(NAMES), SAMPLES, stations), np.nan, np.float32)
        self._time_s = np.full(SAMPLES, -np.inf)
        self._count = 0

    def sample(self, now_s: float, *kw: Float[Array, " station"]) -> None:
        """Keep how things stand, where the last sample is old enough.

        Args:
            now_s: UTC seconds since 1970.
            kw: Ordered, accepted and measured power into the grid; NaN where there is none.
        """
        last_s = self._time_s[(self._count - 1) % SAMPLES]
        if now_s < last_s + SAMPLE_S:
            return
        place = self._count % SAMPLES
        self._time_s[place] = now_s
        for row, values in enumerate(kw):
            self._kw[row, place] = values
        self._count += 1

    def of(self, station: int) -> Series:
        """Samples of one station, oldest first; none from before it first had power.

        Args:
            station: Its row.
        """
        kept = min(self._count, SAMPLES)
        places = (self._count - kept + np.arange(kept)) % SAMPLES
        values = self._kw[:, places, station]
        some = np.flatnonzero(np.isfinite(values).any(axis=0))
        if not len(some):
            return Series((), {})
        first = int(some[0])
        times = tuple(self._time_s[places[first:]].tolist())
        return Series(
            times,
            {
                name: tuple(
                    None if np.isnan(value) else round(float(value), DECIMALS)
                    for value in values[row, first:]
                )
                for row, name in enumerate(NAMES)
            },
        )
