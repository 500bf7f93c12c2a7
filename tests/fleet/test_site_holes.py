"""A busy site that falls silent while others go on is a hole in the record; absence is none."""

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.fleet.day_kind import WORKING, day_kinds
from evergrid.fleet.site_holes import Hole, site_holes

DAYS = np.datetime64("2024-01-01") + np.arange(70)  # a Monday
NO_HOLIDAYS = np.array([], dtype="datetime64[D]")
WORK = day_kinds(DAYS, NO_HOLIDAYS).group == WORKING
HOLE = [31, 32, 35]  # Thursday, Friday and the Monday after


def counts(per_day: int) -> Array:
    return np.where(WORK, per_day, 2)


def found(**sites: Array) -> tuple[Hole, ...]:
    names = np.concatenate([np.repeat(name, count.sum()) for name, count in sites.items()])
    rows = np.concatenate([np.repeat(np.arange(70), count) for count in sites.values()])
    return site_holes(names, rows, DAYS, WORK)


def silent(count: Array, days: list[int]) -> Array:
    count = count.copy()
    count[days] = 0
    return count


def test_three_empty_working_days_of_a_busy_site_are_a_hole_also_over_a_weekend() -> None:
    (hole,) = found(busy=silent(counts(10), HOLE), other=counts(1))
    assert hole == Hole("busy", np.datetime64("2024-02-01"), np.datetime64("2024-02-05"), 10.0)


def test_sessions_on_the_weekend_within_do_not_fill_a_hole() -> None:
    (hole,) = found(busy=silent(counts(12), [30, 31, 32, 35, 36]), other=counts(1))
    assert (hole.first, hole.last) == (np.datetime64("2024-01-31"), np.datetime64("2024-02-06"))


@pytest.mark.parametrize("days", [[31, 32], [31, 35], [31], []])
def test_fewer_empty_days_are_no_hole(days: list[int]) -> None:
    assert found(busy=silent(counts(12), days), other=counts(1)) == ()


def test_a_site_with_fewer_than_ten_sessions_may_be_empty() -> None:
    assert found(busy=silent(counts(9), HOLE), other=counts(1)) == ()


def test_a_fleet_of_one_site_or_one_in_which_all_stop_has_no_hole_of_a_site() -> None:
    assert found(busy=silent(counts(12), HOLE)) == ()
    assert found(busy=silent(counts(12), HOLE), other=silent(counts(12), HOLE)) == ()


def test_others_that_go_on_for_one_day_of_three_do_not_go_on() -> None:
    assert found(busy=silent(counts(12), HOLE), other=silent(counts(3), [31, 35])) == ()
    assert len(found(busy=silent(counts(12), HOLE), other=silent(counts(3), [31]))) == 1


def test_a_site_that_comes_back_slowly_was_really_empty() -> None:
    busy = silent(counts(30), HOLE)
    busy[36:] = np.where(WORK[36:], 4, 0)
    assert found(busy=busy, other=counts(1)) == ()


def test_a_site_that_has_not_begun_or_has_closed_is_not_broken() -> None:
    late, closed = counts(30), counts(30)
    late[:40] = 0
    closed[40:] = 0
    assert found(late=late, closed=closed, other=counts(1)) == ()


def test_each_site_and_each_hole_is_named() -> None:
    one = silent(counts(20), [7, 8, 9, 42, 43, 44, 45])
    holes = found(one=one, two=silent(counts(15), HOLE))
    assert [(hole.site_id, str(hole.first), str(hole.last)) for hole in holes] == [
        ("one", "2024-01-08", "2024-01-10"),
        ("one", "2024-02-12", "2024-02-15"),
        ("two", "2024-02-01", "2024-02-05"),
    ]


def test_sessions_before_and_after_the_days_are_ignored() -> None:
    rows = np.repeat(np.arange(-5, 75), 12)
    rows = rows[~np.isin(rows, HOLE)]
    names = np.repeat("busy", len(rows))
    names, rows = np.append(names, np.repeat("other", 70)), np.append(rows, np.arange(70))
    assert [hole.site_id for hole in site_holes(names, rows, DAYS, WORK)] == ["busy"]


def test_a_site_is_as_busy_as_on_the_ten_days_with_sessions_on_the_quieter_side() -> None:
    """Three days before: 40, 12 and 14, so 22; after: ten days of 30, and then many of 90."""
    days = np.arange(30)
    busy = np.where(days < 16, 30, 90)
    busy[:6] = [40, 12, 14, 0, 0, 0]
    names = np.concatenate([np.repeat("busy", busy.sum()), np.repeat("other", 30)])
    rows = np.concatenate([np.repeat(days, busy), days])
    every = np.ones(30, dtype=bool)
    (hole,) = site_holes(names, rows, DAYS[:30], every)
    assert hole == Hole("busy", DAYS[3], DAYS[5], 22.0)
    (hole,) = site_holes(names, 29 - rows, DAYS[:30], every)  # the other way round in time
    assert hole == Hole("busy", DAYS[24], DAYS[26], 22.0)
    busy[0] = 400
    names = np.concatenate([np.repeat("busy", busy.sum()), np.repeat("other", 30)])
    rows = np.concatenate([np.repeat(days, busy), days])
    assert site_holes(names, rows, DAYS[:30], every)[0].usual == 30.0
