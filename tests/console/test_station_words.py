"""A station in words, and the cells of a list that change."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from evergrid.console.station_words import CellsTopic, cells
from evergrid.live.api.updates.moment import Moment
from evergrid.live.api.updates.stream import Ask
from evergrid.live.clock import VirtualClock
from evergrid.live.view import StationRow
from tests.live.fake_service import DEVIATING, OFFLINE, SKEWED, UNSEEN, FakeService

CLOCK = VirtualClock(1_796_000_000.0)
FAKE = FakeService(20, CLOCK)
ROWS = FAKE.stations()


@pytest.mark.parametrize(
    ("number", "note", "tone"),
    [
        (0, "follows", "good"),
        (OFFLINE, "offline since 30 Nov 00:38", "bad"),
        (DEVIATING, "accepted, not applied", "bad"),
        (SKEWED, "clock 95 s ahead", "warn"),
        (UNSEEN, "never seen", "calm"),
        (8, "free", "calm"),
    ],
)
def test_each_state_has_words_of_its_own(number: int, note: str, tone: str):
    found = cells(ROWS[number], UTC)
    assert (found["note"], found["tone"]) == (note, tone)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"accepted_kw": None}, "order not accepted"),
        ({"accepted_kw": 3.0}, "order not accepted"),
        ({"following": None}, "plugged in"),
        ({"clock_skew_s": -95.0}, "clock 95 s behind"),
        ({"on_hold": True}, "on hold at its boot"),
        ({"on_hold": True, "following": False}, "accepted, not applied"),
    ],
)
def test_an_order_that_is_not_accepted_is_told(change: dict[str, Any], note: str):
    row: StationRow = replace(ROWS[0], ordered_kw=-7.0, accepted_kw=-7.0)
    assert cells(replace(row, **change), UTC)["note"] == note


def test_only_cells_that_changed_are_told():
    topic, ask = CellsTopic(UTC), Ask(("cells",), frozenset({"cp-01", "cp-02", "none"}))
    clock = VirtualClock(1_796_000_000.0)
    fake = FakeService(5, clock)
    moment = Moment(fake)
    first = topic(moment, ask, True)
    assert set(first) == {"cp-01", "cp-02"}
    assert topic(moment.next(), ask, False) is None
    fake.clock = VirtualClock(1_796_000_010.0)
    later = topic(moment.next(), ask, False)
    assert set(later) == {"cp-01"}
    assert set(later["cp-01"]) == {"ordered", "accepted", "measured"}


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({}, "full: it draws less than it may"),
        ({"soc": 0.9}, "accepted, not applied"),
        ({"measured_kw": 5.0}, "accepted, not applied"),
        ({"measured_kw": None}, "accepted, not applied"),
        ({"accepted_kw": 7.0}, "accepted, not applied"),
        ({"following": True}, "follows"),
    ],
)
def test_a_full_vehicle_that_draws_nothing_breaks_no_order(change: dict[str, Any], note: str):
    row: StationRow = replace(
        ROWS[0], following=False, soc=1.0, ordered_kw=-7.0, accepted_kw=-7.0, measured_kw=-0.005
    )
    assert cells(replace(row, **change), UTC)["note"] == note
