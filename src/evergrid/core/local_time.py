"""What a local clock shows when, for whole columns at once, also on nights of clock changes."""

from datetime import UTC
from zoneinfo import ZoneInfo

import numpy as np

from evergrid.core.arrays import Array, Shaped

HOUR = np.timedelta64(1, "h").astype("timedelta64[us]")
MARGIN = np.timedelta64(2, "D").astype("timedelta64[us]")  # more than any zone's offset


def utc_from_local(local: Shaped[Array, "..."], zone: ZoneInfo) -> Shaped[Array, "..."]:
    """The UTC instants of naive local times.

    A time that the clock shows twice is the first of the two; a time that it skips is read with
    the offset before the change, as the standard library does.
    """
    if local.size == 0:
        return local.astype("datetime64[us]")
    changes, offsets = _changes(local.min(), local.max(), zone)
    edges = changes + np.maximum(offsets[1:], offsets[:-1])
    return local - offsets[np.searchsorted(edges, local, side="right")]


def local_from_utc(utc: Shaped[Array, "..."], zone: ZoneInfo) -> Shaped[Array, "..."]:
    """What the local clock shows at UTC instants."""
    if utc.size == 0:
        return utc.astype("datetime64[us]")
    changes, offsets = _changes(utc.min(), utc.max(), zone)
    return utc + offsets[np.searchsorted(changes, utc, side="right")]


def day_steps(days: Shaped[Array, " day"], steps: int, zone: ZoneInfo) -> Shaped[Array, "day step"]:
    """The UTC instants at which the equal steps of local days begin, in ascending order.

    Times that a clock skips are the instant at which it does; of times that it shows twice the
    first counts.
    """
    within = np.arange(steps) * (24 * HOUR // steps)
    instants = utc_from_local((days.astype("datetime64[us]")[:, None] + within).ravel(), zone)
    return np.minimum.accumulate(instants[::-1])[::-1].reshape(len(days), steps)


def _changes(
    first: np.datetime64, last: np.datetime64, zone: ZoneInfo
) -> tuple[Shaped[Array, " change"], Shaped[Array, " period"]]:
    """Instants (UTC) at which the offset changes, and the offset before and after each."""
    start = (first - MARGIN).astype("datetime64[h]").astype("datetime64[us]")
    days = np.arange(start, last + MARGIN + 24 * HOUR, 24 * HOUR)
    daily = _offsets(days, zone)
    changes, offsets = [], [daily[0]]
    for day in np.nonzero(daily[1:] != daily[:-1])[0]:
        minutes = np.arange(days[day], days[day + 1] + HOUR / 60, HOUR / 60)
        within = _offsets(minutes, zone)
        at = np.nonzero(within[1:] != within[:-1])[0] + 1
        changes += list(minutes[at])
        offsets += list(within[at])
    return np.array(changes, "datetime64[us]"), np.array(offsets, "timedelta64[us]")


def _offsets(instants: Shaped[Array, " row"], zone: ZoneInfo) -> Shaped[Array, " row"]:
    moments = [moment.replace(tzinfo=UTC) for moment in instants.astype("datetime64[s]").tolist()]
    return np.array([moment.astimezone(zone).utcoffset() for moment in moments], "timedelta64[us]")
