"""Weekends are alike, and days that holidays touch are set apart."""

import numpy as np
import pytest

from evergrid.fleet.history.day_kind import ODD, REST, WORKING, DayKinds, day_kinds

MONDAY = np.datetime64("2024-01-01", "D")


def kinds(*holidays: str, days: int = 42) -> DayKinds:
    return day_kinds(MONDAY + np.arange(days), np.array(holidays, dtype="datetime64[D]"))


def group(day: str, *holidays: str) -> int:
    at = int((np.datetime64(day, "D") - MONDAY).astype(int))
    return int(kinds(*holidays).group[at])


def test_without_holidays_five_days_are_working_and_two_of_rest() -> None:
    week = [WORKING] * 5 + [REST] * 2
    assert kinds().group.tolist() == week * 6


def test_a_holiday_and_the_day_before_it_are_odd() -> None:
    # Thursday 18 January: Monday to Wednesday are a run of three, only the eve is odd.
    found = [group(f"2024-01-{day}", "2024-01-18") for day in range(15, 22)]
    assert found == [WORKING, WORKING, ODD, ODD, ODD, REST, REST]


@pytest.mark.parametrize(
    ("holiday", "odd"),
    [
        ("2024-01-18", ["2024-01-19"]),  # Thursday off: Friday alone
        ("2024-01-16", ["2024-01-15"]),  # Tuesday off: Monday alone
        ("2024-01-17", ["2024-01-15", "2024-01-16", "2024-01-18", "2024-01-19"]),  # twos
    ],
)
def test_bridges_of_one_and_two_days_are_odd(holiday: str, odd: list[str]) -> None:
    assert [group(day, holiday) for day in odd] == [ODD] * len(odd)


@pytest.mark.parametrize(
    ("holiday", "working"),
    [
        ("2024-01-16", ["2024-01-17", "2024-01-18", "2024-01-19"]),
        ("2024-01-18", ["2024-01-15", "2024-01-16"]),  # Wednesday is the eve
        ("2024-01-15", ["2024-01-16", "2024-01-17", "2024-01-18", "2024-01-19"]),
    ],
)
def test_runs_of_three_working_days_are_no_bridge(holiday: str, working: list[str]) -> None:
    assert [group(day, holiday) for day in working] == [WORKING] * len(working)


def test_runs_cut_by_the_ends_of_the_record_are_no_bridge() -> None:
    friday = MONDAY + 4
    found = day_kinds(friday + np.arange(5), np.array([], dtype="datetime64[D]"))
    assert found.group.tolist() == [WORKING, REST, REST, WORKING, WORKING]


def test_a_holiday_at_the_weekend_is_odd() -> None:
    assert group("2024-01-20", "2024-01-20") == ODD


def test_days_of_a_weekday_share_a_number_and_those_of_a_fortnight_alternate() -> None:
    found = kinds()
    fridays_by_week = found.weekday[4::7], found.fortnight[4::7]
    assert len(set(fridays_by_week[0])) == 1
    assert len(set(fridays_by_week[1])) == 2
    np.testing.assert_array_equal(found.fortnight[:28], found.fortnight[14:])
    assert len(set(found.weekday)) == 7
    assert len(set(found.fortnight)) == 14


def test_all_odd_days_share_one_number() -> None:
    found = kinds("2024-01-17", "2024-01-29")
    odd = found.group == ODD
    assert odd.sum() >= 6
    assert set(found.weekday[odd]) == set(found.fortnight[odd]) == {-1}
    assert -1 not in found.weekday[~odd]
