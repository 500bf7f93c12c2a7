"""When a local wall clock showed a time: UTC instants of stamps without a zone.

In spring a clock skips an hour and in autumn it shows one twice. A skipped time is read on the
clock as it ran before the change, which moves it forward by the skipped hour. A repeated time is
its first occurrence, unless a departure read so would not follow its arrival, or a published
duration says it is the second.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Bool, Float, Shaped

DAY = np.timedelta64(1, "D")
HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True)
class Instants:
    """UTC instants of wall-clock stamps.

    Attributes:
        first: The instant; the first one where the clock shows the time twice.
        second: The last instant at which the clock shows the time; mostly the same.
        skipped: The clock never shows the time.
    """

    first: Shaped[Array, " row"]
    second: Shaped[Array, " row"]
    skipped: Bool[Array, " row"]

    @property
    def repeated(self) -> Bool[Array, " row"]:
        """The clock shows the time twice."""
        return self.second > self.first


def instants(local: Shaped[Array, " row"], zone: str) -> Instants:
    """The UTC instants of wall-clock stamps of an IANA zone; NaT stays NaT."""
    first = _localised(local, zone, "earliest")
    second = _localised(local, zone, "latest")
    skipped = np.isnat(first) & ~np.isnat(local)
    # A day before a change the offset is still the old one.
    forward = _localised(local - DAY, zone, "earliest") + DAY
    first = np.where(skipped, forward, first)
    return Instants(first, np.where(skipped, forward, second), skipped)


def stays(
    arrival_local: Shaped[Array, " row"],
    departure_local: Shaped[Array, " row"],
    zone: str,
    duration_h: Float[Array, " row"] | None = None,
) -> tuple[Shaped[Array, " row"], Shaped[Array, " row"], Bool[Array, " row"]]:
    """Arrival and departure in UTC, and the rows whose clock needed a rule.

    Args:
        arrival_local: Wall clock at plug-in.
        departure_local: Wall clock at plug-out.
        zone: IANA zone of the clock.
        duration_h: Published length of each stay, which settles which repeated hour is meant;
            NaN where there is none.
    """
    start, end = instants(arrival_local, zone), instants(departure_local, zone)
    nan = np.full(len(arrival_local), np.nan)
    told = nan if duration_h is None else duration_h
    best = np.full(len(nan), np.inf)
    arrival, departure = start.first, end.first
    for a in (start.first, start.second):
        for d in (end.first, end.second):
            miss = np.where(np.isnan(told), (d <= a) * 1.0, np.abs((d - a) / HOUR - told))
            better = miss < best - 1e-6
            arrival, departure = np.where(better, a, arrival), np.where(better, d, departure)
            best = np.where(better, miss, best)
    touched = start.skipped | end.skipped | start.repeated | end.repeated
    return arrival, departure, touched


def _localised(
    local: Shaped[Array, " row"], zone: str, ambiguous: Literal["earliest", "latest"]
) -> Shaped[Array, " row"]:
    stamps = pl.Series(local.astype("datetime64[us]"))
    aware = stamps.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
    return aware.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
