"""A busy site that falls silent while others go on is a hole in the record; absence is none."""

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.fleet.history.day_kind import WORKING, day_kinds
from evergrid.fleet.history.site_holes import Hole, site_holes

DAYS = np.datetime64("2024-01-01") + np.arange(70)  # a Monday
NO_HOLIDAYS = np.array([], dtype="datetime64[D]")
WORK = day_kinds(DAYS, NO_HOLIDAYS).group == WORKING
HOLE = [31, 32, 35]  # Thursday, Friday and the Monday after


def counts(per_day: int) -> Array:
    return np.where(WORK, per_day, 2)


def found(**sites: Array) -> tuple[Hole, ...]:
    names = np.concatenate([np.repeat(name, count.sum()) for name, count in sites.items()])
    rows = np.concatenate([np.repeat(np.arange(70), count) for count in sites.values()])
    return site_holes(names, rows, hours_of(rows), DAYS, WORK)


def hours_of(rows: Array) -> Array:
    """Hours from 8 to 15 in turn."""
    return 8 + np.arange(len(rows)) % 8


def edge(hours: dict[int, list[int]]) -> Hole:
    """The hole of a site that lacks `HOLE`, with other hours of arrival on some days.

    On other days two vehicles come every hour from 7 to 16.
    """
    days = np.flatnonzero(WORK)
    times = {day: hours.get(day, [*range(7, 17)] * 2) for day in days.tolist() if day not in HOLE}
    rows = np.repeat(list(times), [len(of) for of in times.values()])
    names = np.repeat(["busy", "other"], [len(rows), 70])
    at = np.concatenate([*times.values(), np.full(70, 12)])
    (hole,) = site_holes(names, np.append(rows, np.arange(70)), at, DAYS, WORK)
    return hole


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
    assert [hole.site_id for hole in site_holes(names, rows, hours_of(rows), DAYS, WORK)] == [
        "busy"
    ]


def test_a_site_is_as_busy_as_on_the_ten_days_with_sessions_on_the_quieter_side() -> None:
    """Three days before: 40, 12 and 14, so 22; after: ten days of 30, and then many of 90."""
    days = np.arange(30)
    busy = np.where(days < 16, 30, 90)
    busy[:6] = [40, 12, 14, 0, 0, 0]
    names = np.concatenate([np.repeat("busy", busy.sum()), np.repeat("other", 30)])
    rows = np.concatenate([np.repeat(days, busy), days])
    every = np.ones(30, dtype=bool)
    (hole,) = site_holes(names, rows, hours_of(rows), DAYS[:30], every)
    assert hole == Hole("busy", DAYS[3], DAYS[5], 22.0)
    (hole,) = site_holes(
        names, 29 - rows, hours_of(rows), DAYS[:30], every
    )  # the other way round in time
    assert hole == Hole("busy", DAYS[24], DAYS[26], 22.0)
    busy[0] = 400
    names = np.concatenate([np.repeat("busy", busy.sum()), np.repeat("other", 30)])
    rows = np.concatenate([np.repeat(days, busy), days])
    assert site_holes(names, rows, hours_of(rows), DAYS[:30], every)[0].usual == 30.0


def test_days_that_are_silent_for_half_of_the_usual_arrivals_beside_a_hole_belong_to_it() -> None:
    # All are written down at once when the record goes on, on day 36; on day 30 it stops.
    hole = edge({30: [7, 8, 9, 10, 11], 36: [12] * 10})
    assert (hole.first, hole.last) == (DAYS[30], DAYS[36])


def test_a_day_that_is_silent_for_less_does_not_belong_to_the_hole_beside_it() -> None:
    hole = edge({30: [7, 8, 9, 10, 11, 12], 36: [7, 12, 12, 16]})
    assert (hole.first, hole.last) == (DAYS[31], DAYS[35])


def test_a_whole_day_between_a_hole_and_a_broken_day_belongs_to_the_hole() -> None:
    assert edge({28: [15] * 12}).first == DAYS[28]  # Monday; Tuesday and Wednesday are whole
    assert edge({38: [16] * 12}).last == DAYS[38]


def test_a_broken_day_farther_from_the_hole_than_three_working_days_is_not_its_edge() -> None:
    hole = edge({25: [15] * 12, 39: [15] * 12})  # the fourth working days before and after
    assert (hole.first, hole.last) == (DAYS[31], DAYS[35])


def test_no_day_is_broken_in_part_where_there_is_no_hole_beside_it() -> None:
    whole = np.repeat(np.flatnonzero(WORK), 12)
    at = np.where(whole == 31, 15, hours_of(whole))
    names = np.repeat(["busy", "other"], [len(whole), 70])
    rows = np.append(whole, np.arange(70))
    assert site_holes(names, rows, np.append(at, np.full(70, 12)), DAYS, WORK) == ()


def test_a_hole_near_either_end_of_the_record_has_the_edges_that_are_there() -> None:
    near = np.setdiff1d(np.flatnonzero(WORK), [1, 2, 3])
    names = np.repeat(["busy", "other"], [12 * len(near), 70])
    rows = np.append(np.repeat(near, 12), np.arange(70))
    at = np.append(np.where(np.repeat(near, 12) == 0, 8, hours_of(np.repeat(near, 12))), [12] * 70)
    (hole,) = site_holes(names, rows, at, DAYS, WORK)
    assert (hole.first, hole.last) == (DAYS[0], DAYS[3])
    backward = np.where(rows <= 67, 67 - rows, -1)  # day 67 is a Friday: the other way in time
    working = WORK[[*range(67, -1, -1), 68, 69]]
    (hole,) = site_holes(names, backward, at, DAYS, working)
    assert (hole.first, hole.last) == (DAYS[64], DAYS[67])
