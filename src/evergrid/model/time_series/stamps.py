"""Time stamps of a series: which interval each begins, and whether one is missing."""

import numpy as np

from evergrid.core.arrays import Array, Bool, Int, Shaped
from evergrid.core.faults import Fault, broken

NONE = np.timedelta64(0, "us")
MINUTE = np.timedelta64(60, "s")
NEAR = np.timedelta64(2, "s")  # within which a stamp means the minute
HOUR = np.timedelta64(1, "h")  # length of the only interval of a series


def widths(time_utc: Shaped[Array, " interval"]) -> Shaped[Array, " interval"]:
    """Length of each interval: to the next stamp; the last is as long as the one before it."""
    apart = np.diff(time_utc)
    return np.append(apart, apart[-1] if len(apart) else HOUR.astype("timedelta64[us]"))


def on_minutes(time_utc: Shaped[Array, " interval"]) -> tuple[Shaped[Array, " interval"], int]:
    """Stamps as the minutes they mean, and how many of them were not on one.

    Where every stamp lies within two seconds of a whole minute, and no two of the same, each is
    taken as that minute. Otherwise all are kept as they are.
    """
    minutes = (time_utc + MINUTE // 2).astype("datetime64[m]").astype(time_utc.dtype)
    near = (np.abs(time_utc - minutes) <= NEAR).all()
    if not near or len(np.unique(minutes)) < len(np.unique(time_utc)):
        return time_utc, 0
    return minutes, int((minutes != time_utc).sum())


def faults(time_utc: Shaped[Array, " interval"]) -> list[Fault]:
    """Faults of stamps that are no times, repeat, run backwards or leave a gap.

    Intervals are equally long, or become shorter or longer at some stamp, as where hourly prices
    become quarter-hourly ones. Each length is then there at least twice in a row, and one of the
    two is a multiple of the other. Rows that are further apart than those before and those after
    them are a gap.
    """
    if len(time_utc) == 0:
        return [Fault("time_utc", "have at least one row")]
    if np.isnat(time_utc).any():
        return broken("time_utc", ~np.isnat(time_utc), "be a time", values=time_utc)
    apart = np.diff(time_utc)
    found = []
    for ok, rule, fix in (
        (apart != NONE, "not repeat", "Keep one row per interval."),
        (apart >= NONE, "rise from row to row", "Sort the rows by time."),
    ):
        found += broken("time_utc", np.append(True, ok), rule, values=time_utc, fix=fix)
    rising = apart > NONE
    late = np.zeros(len(apart), bool)
    late[rising], usual = _gaps(apart[rising])
    fix = "Fill the gap: a missing value is not guessed."
    rule = f"follow the row before by {usual}"
    return found + broken("time_utc", np.append(True, ~late), rule, values=time_utc, fix=fix)


def _gaps(apart: Shaped[Array, " step"]) -> tuple[Bool[Array, " step"], str]:
    """Which steps between rows are no interval, and the lengths of those that are, as text."""
    if not len(apart):
        return np.zeros(0, bool), ""
    begins = np.flatnonzero(np.append(True, apart[1:] != apart[:-1]))
    width, length = apart[begins], np.diff(np.append(begins, len(apart)))
    higher = np.append(False, width[1:] > width[:-1]) & np.append(width[:-1] > width[1:], False)
    gap = higher.copy()
    gap[~higher] = _strange(width[~higher], length[~higher])
    usual = np.unique(width[~gap]) / MINUTE
    text = " or ".join(f"{minutes:g} min" for minutes in usual)
    return np.repeat(gap, length), text


def _strange(width: Shaped[Array, " run"], length: Int[Array, " run"]) -> Bool[Array, " run"]:
    """Which runs of equal steps are no resolution: too short, or no multiple of the one before."""
    of = np.cumsum(np.append(False, width[1:] != width[:-1]))  # runs on both sides of a gap
    count = np.bincount(of, length).astype(np.int64)
    each = width[np.unique(of, return_index=True)[1]]
    if len(each) < 2:
        return np.zeros(len(width), bool)
    odd = count < 2
    if odd.all():
        odd = each > each.min()
    good = np.flatnonzero(~odd)
    low, high = (limit(each[good][1:], each[good][:-1]) for limit in (np.minimum, np.maximum))
    odd[good[1:]] |= high % low != NONE
    return odd[of]
