"""Where the record of one site is broken while others go on: its silence is no absence."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped

BUSY = 10.0  # sessions on a working day; a site with as many is not empty by chance
EMPTY_DAYS = 3  # working days in a row without a session
AROUND_DAYS = 10  # working days with sessions, before and after, by which a site is busy
EDGE_DAYS = 3  # working days before and after a hole that may be broken in part
BROKEN_SHARE = 0.5  # of a day's usual arrivals that one silence held: the day is broken in part
HOURS = 24


@dataclass(frozen=True)
class Hole:
    """Days on which the record of a busy site is empty, or broken in part just before or after.

    Attributes:
        site_id: The site.
        first: First working day that is empty or broken in part.
        last: Last one.
        usual: Sessions it has on a working day around them.
    """

    site_id: str
    first: np.datetime64
    last: np.datetime64
    usual: float


def site_holes(
    site_id: Shaped[Array, " session"],
    day: Int[Array, " session"],
    hour: Int[Array, " session"],
    days: Shaped[Array, " day"],
    working: Bool[Array, " day"],
) -> tuple[Hole, ...]:
    """Every hole in the record of a site, in order of sites and days.

    A hole is at least `EMPTY_DAYS` working days in a row without a session, at a site that has
    `BUSY` sessions on a working day before as well as after it, while other sites have sessions
    on most of those days. A site that comes back slowly was really empty, as in a lockdown; one
    that does not come back may have closed.

    A hole seldom begins and ends at midnight, and vehicles that are still there when the record
    goes on are written down as if they had just come, all at once. So working days up to
    `EDGE_DAYS` before and after it belong to it, and what lies between, from the farthest one on
    which a single silence held `BROKEN_SHARE` of the usual arrivals of a day.

    Args:
        site_id: Site of each session.
        day: Day on which it begins, as a row of ``days``; rows outside are ignored.
        hour: Hour of the local day in which it begins, 0 to 23.
        days: ``datetime64[D]``, each the day after the one before.
        working: Which of them are working days.

    Source:
        Rules of thumb; ten sessions a day by chance stay away for three days once in e^30, and
        beside such a hole half of the ten of one day once in some e^5.
    """
    inside = (day >= 0) & (day < len(days))
    day, hour = day[inside], hour[inside]
    names, row = np.unique(site_id[inside].astype(str), return_inverse=True)
    at = row * len(days) + day
    count = np.bincount(at, minlength=len(names) * len(days)).reshape(len(names), len(days))
    count, dates = count[:, working], days[working]
    total = count.sum(axis=0)
    found = []
    for site, own in enumerate(count):
        rest = total - own
        for start, stop in _empty_runs(own):
            usual = min(_busy(own[:start][::-1]), _busy(own[stop:]))
            if usual >= BUSY and (rest[start:stop] > 0).mean() > 0.5:
                of = row == site
                arrivals = _by_hour(day[of], hour[of], len(days))[working]
                first, last = _with_edges(arrivals, start, stop)
                found.append(Hole(str(names[site]), dates[first], dates[last], usual))
    return tuple(found)


def _empty_runs(count: Int[Array, " day"]) -> list[tuple[int, int]]:
    """Starts and ends of runs of at least `EMPTY_DAYS` zeros."""
    edges = np.diff(np.concatenate([[False], count == 0, [False]]).astype(np.int8))
    turns = np.flatnonzero(edges)
    runs = zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True)
    return [(start, stop) for start, stop in runs if stop - start >= EMPTY_DAYS]


def _busy(count: Int[Array, " day"]) -> float:
    """Mean of the first days with any session; 0 without one."""
    some = count[count > 0][:AROUND_DAYS]
    return float(some.mean()) if len(some) else 0.0


def _by_hour(
    day: Int[Array, " session"], hour: Int[Array, " session"], days: int
) -> Int[Array, "day hour"]:
    """Arrivals at one site in each hour of each day."""
    return np.bincount(day * HOURS + hour, minlength=days * HOURS).reshape(days, HOURS)


def _with_edges(arrivals: Int[Array, "day hour"], start: int, stop: int) -> tuple[int, int]:
    """First and last day of a hole, days at its edges that are broken in part among them."""
    far = start - EDGE_DAYS, stop + EDGE_DAYS
    around = (arrivals[max(far[0] - AROUND_DAYS, 0) : max(far[0], 0)], arrivals[far[1] :])
    usual = around[0].sum(axis=0) + around[1][:AROUND_DAYS].sum(axis=0)
    share = usual / max(usual.sum(), 1)
    near = range(max(far[0], 0), min(far[1], len(arrivals)))
    broken = [day for day in near if _longest_silence(arrivals[day], share) >= BROKEN_SHARE]
    return min([start, *broken]), max([stop - 1, *broken])


def _longest_silence(arrivals: Int[Array, " hour"], share: Float[Array, " hour"]) -> float:
    """Greatest share of a day's usual arrivals in hours in a row without one."""
    silence = np.cumsum(arrivals > 0)  # hours between the same two arrivals share a number
    return float(np.bincount(silence, np.where(arrivals > 0, 0.0, share)).max())
