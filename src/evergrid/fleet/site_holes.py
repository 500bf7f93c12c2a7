"""Where the record of one site is broken while others go on: its silence is no absence."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Int, Shaped

BUSY = 10.0  # sessions on a working day; a site with as many is not empty by chance
EMPTY_DAYS = 3  # working days in a row without a session
AROUND_DAYS = 10  # working days with sessions, before and after, by which a site is busy


@dataclass(frozen=True)
class Hole:
    """Days on which a busy site has no session.

    Attributes:
        site_id: The site.
        first: First empty working day.
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
    days: Shaped[Array, " day"],
    working: Bool[Array, " day"],
) -> tuple[Hole, ...]:
    """Every hole in the record of a site, in order of sites and days.

    A hole is at least `EMPTY_DAYS` working days in a row without a session, at a site that has
    `BUSY` sessions on a working day before as well as after it, while other sites have sessions
    on most of those days. A site that comes back slowly was really empty, as in a lockdown; one
    that does not come back may have closed.

    Args:
        site_id: Site of each session.
        day: Day on which it begins, as a row of ``days``; rows outside are ignored.
        days: ``datetime64[D]``, each the day after the one before.
        working: Which of them are working days.

    Source:
        A rule of thumb; ten sessions a day by chance stay away for three days once in e^30.
    """
    inside = (day >= 0) & (day < len(days))
    names, row = np.unique(site_id[inside].astype(str), return_inverse=True)
    at = row * len(days) + day[inside]
    count = np.bincount(at, minlength=len(names) * len(days)).reshape(len(names), len(days))
    count, dates = count[:, working], days[working]
    others = count.sum(axis=0) - count
    found = []
    for name, own, rest in zip(names, count, others, strict=True):
        for start, stop in _empty_runs(own):
            usual = min(_busy(own[:start][::-1]), _busy(own[stop:]))
            if usual >= BUSY and (rest[start:stop] > 0).mean() > 0.5:
                found.append(Hole(str(name), dates[start], dates[stop - 1], usual))
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
