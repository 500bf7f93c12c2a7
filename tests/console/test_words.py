"""Numbers as people read them."""

import math
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.console import words

MINUS = "\N{MINUS SIGN}"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, words.NOTHING),
        (math.nan, words.NOTHING),
        (math.inf, words.NOTHING),
        (-0.04, "0.0"),
        (-7.25, f"{MINUS}7.2"),
        (1234.5, "1,234.5"),
    ],
)
def test_a_number_shows_its_sign_once_and_never_a_nan(value: float | None, text: str):
    assert words.number(value) == text


def test_a_plus_is_shown_where_it_is_asked_for():
    assert words.number(0.9, sign=True) == "+0.9"
    assert words.number(0.0, sign=True) == "0.0"


@pytest.mark.parametrize(
    ("kw", "text"),
    [(999.94, "999.9 kW"), (1000.0, "1.00 MW"), (-1840.0, f"{MINUS}1.84 MW"), (None, "\u2013 kW")],
)
def test_a_power_has_the_unit_that_fits(kw: float | None, text: str):
    assert str(words.power(kw)) == text


def test_money_and_energy_carry_their_unit():
    assert str(words.energy(52_345.0)) == "52.34 MWh"
    assert str(words.money(12.5, "EUR")) == "12.50 EUR"
    assert words.share(0.534) == "53 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119.0, "119 s"),
        (121.0, "2 min"),
        (7200.0, "2 h 0 min"),
        (86400.0 + 3600, "25 h 0 min"),
        (3 * 86400.0, "3 d 0 h"),
        (-30.0, f"{MINUS}30 s"),
        (math.inf, words.NOTHING),
    ],
)
def test_a_time_span_has_two_units_at_most(seconds: float, text: str):
    assert words.duration(seconds) == text


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_time_breaks_a_page(time_s: float):
    for shown in (
        words.clock_time,
        words.day,
        words.day_time,
        words.hour_minute,
        words.input_time,
    ):
        assert isinstance(shown(time_s, UTC), str)


def test_times_are_those_of_the_place():
    time_s = 1_796_000_000.0  # 2026-11-30T00:53:20Z
    assert words.clock_time(time_s, BERLIN) == "01:53:20"
    assert words.day_time(time_s, BERLIN) == "30 Nov 01:53"
    assert words.day(time_s, BERLIN).startswith("30 Nov 20")
    assert words.input_time(time_s, BERLIN) == "2026-11-30T01:53"


def test_a_departure_names_its_day_only_where_it_is_far():
    now_s = 1_796_000_000.0
    assert words.leaves(now_s + 3600, now_s, UTC) == "01:53, in 60 min"
    assert words.leaves(now_s + 2 * 86400, now_s, UTC) == "2 Dec 00:53, in 2 d 0 h"
    assert words.leaves(now_s - 60, now_s, UTC) == "30 Nov 00:52, overdue"
