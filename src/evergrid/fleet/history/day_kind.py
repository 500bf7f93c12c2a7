"""Which days are alike: working days, days of rest, and the odd ones between holidays."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Int, Shaped

WORKING, REST, ODD = 0, 1, 2
FORTNIGHT = 14  # also catches offices that close every other Friday
SHORT_RUN = 2  # working days in a row between days of rest that many people take off


@dataclass(frozen=True)
class DayKinds:
    """What each day is, from coarse to fine.

    Attributes:
        group: `WORKING`, `REST` (weekends) or `ODD`: holidays, working days before one, and
            working days that stand alone or in twos between days of rest.
        weekday: Days of one group and weekday share a number; odd days all share one.
        fortnight: Days of one group and place in the fortnight share one; odd days all share one.
    """

    group: Int[Array, " day"]
    weekday: Int[Array, " day"]
    fortnight: Int[Array, " day"]


def day_kinds(days: Shaped[Array, " day"], holidays: Shaped[Array, " holiday"]) -> DayKinds:
    """The kinds of consecutive days.

    Args:
        days: ``datetime64[D]``, each the day after the one before.
        holidays: ``datetime64[D]``, in any order.
    """
    number = days.astype("datetime64[D]").astype(np.int64)
    weekday = (number + 3) % 7  # day 0 was a Thursday
    holiday = np.isin(days, holidays)
    free = (weekday >= 5) | holiday
    eve = ~free & np.isin(days + 1, holidays)
    odd = holiday | eve | (~free & (_run_lengths(free) <= SHORT_RUN))
    group = np.where(odd, ODD, np.where(free, REST, WORKING))

    def within(place: Int[Array, " day"]) -> Int[Array, " day"]:
        return np.where(odd, -1, group * FORTNIGHT + place)

    return DayKinds(group, within(weekday), within(number % FORTNIGHT))


def _run_lengths(free: Bool[Array, " day"]) -> Int[Array, " day"]:
    """Length of the run of working days each lies in; cut runs at the ends count as a week."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], free, [True]]).astype(np.int8)))
    lengths = np.zeros(len(free), dtype=np.int64)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        cut = start == 0 or stop == len(free)
        lengths[start:stop] = max(stop - start, 5) if cut else stop - start
    return lengths
