"""What a station does for the grid, and how it stands with its boot, in words."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from evergrid.console import grid_words, upkeep
from evergrid.console.words import MINUS, NOTHING
from evergrid.live.view import GridFunctionRow, Series, StationDetail
from tests.console.test_station_words import ROWS

CURVE = ((0.92, 0.44), (1.08, -0.44))


@pytest.mark.parametrize(
    ("state", "words", "tone"),
    [
        ("given", "given, not read back", "warn"),
        ("read back", "read back; the grid has not asked for it yet", "calm"),
        ("verified", "verified by its meter", "good"),
        ("contradicted", "its meter contradicts it", "bad"),
    ],
)
def test_each_state_of_a_function_has_words_of_its_own(state: str, words: str, tone: str):
    found = grid_words.line(GridFunctionRow("VoltVar", CURVE, 1_796_000_000.0, state), UTC)
    assert (found.state, found.tone) == (words, tone)
    assert found.name == "Reactive power by voltage (VoltVar)"
    assert found.curve == f"+44 % at 0.920 pu, {MINUS}44 % at 1.080 pu"
    assert found.since == "30 Nov 00:53"


def test_a_function_that_was_not_read_back_has_no_curve_and_no_time():
    found = grid_words.line(GridFunctionRow("FreqDroop", (), None, "given"), UTC)
    assert (found.curve, found.since) == (NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("on_hold", "pending", "words"),
    [
        (False, False, "accepted"),
        (True, False, "held when it next boots"),
        (True, True, "held: it waits until it is let go"),
        (False, True, "waits to boot again"),
    ],
)
def test_how_it_stands_with_a_boot_is_told(on_hold: bool, pending: bool, words: str):
    row = replace(ROWS[0], on_hold=on_hold)
    detail = StationDetail(row, (), (), (), (), Series((), {}), pending=pending)
    assert upkeep.boot(detail) == words


@pytest.mark.parametrize(
    ("profile", "asked"),
    [
        (None, {"hold", "forget"}),
        (0, {"hold"}),
        (1, {"hold", "password", "certificate"}),
        (2, {"hold", "password", "certificate"}),
        (3, {"hold", "certificate", "forget"}),
    ],
)
def test_only_what_a_station_can_be_asked_is_offered(profile: Any, asked: set[str]):
    detail = StationDetail(ROWS[0], (), (), (), (), Series((), {}), security_profile=profile)
    assert set(upkeep.of(detail)) == asked
