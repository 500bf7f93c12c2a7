"""The sentence that says what goes on, and words that change."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from evergrid.console import fleet_words
from evergrid.live.api.updates.moment import Moment
from evergrid.live.api.updates.stream import Ask
from evergrid.live.clock import VirtualClock
from evergrid.live.view import Overview
from tests.live.fake_service import FakeService

ASK = Ask(("words",))


@pytest.fixture
def overview() -> Overview:
    fake = FakeService(240, VirtualClock(1_796_000_000.0))
    return replace(fake.overview(), offer_kw=2000.0, award_kw=1800.0)


def test_the_sentence_tells_who_follows_and_what_is_offered(overview: Overview):
    text = fleet_words.headline(replace(overview, sessions=212), 210)
    assert text == "210 of 212 vehicles follow the signal; 1.80 MW awarded of 2.00 MW offered."


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"stations": 0, "online": 0}, "No station is registered yet"),
        ({"online": 0}, "None of 240 stations is connected."),
        ({"sessions": 0}, "no vehicle is plugged in."),
        ({"signal": None, "signal_age_s": None}, "They follow the plan: there is no signal."),
        ({"award_kw": 0.0}, "follow the plan; nothing is awarded of 2.00 MW offered."),
        ({"signal_age_s": 40.0}, "The signal is 40 s old"),
        ({"stations": 1, "online": 1, "sessions": 1}, "0 of 1 vehicle follow"),
    ],
)
def test_the_sentence_tells_what_is_missing(overview: Overview, change: dict[str, Any], text: str):
    assert text in fleet_words.headline(replace(overview, **change), 0)


def test_an_old_decision_is_told(overview: Overview):
    assert fleet_words.bar(overview, UTC)["late"] == ""
    late = fleet_words.bar(replace(overview, tick_age_s=34.0), UTC)["late"]
    assert late == "The controller last decided 34 s ago: what you see is old."


def test_room_has_one_unit(overview: Overview):
    small = replace(overview, up_kw=105.0, down_kw=82.5)
    assert fleet_words.figures(small)["room"] == "+105.0 / \N{MINUS SIGN}82.5 kW"
    large = replace(overview, up_kw=1050.0, down_kw=82.5)
    assert fleet_words.figures(large)["room"] == "+1.05 / \N{MINUS SIGN}0.08 MW"


def test_only_words_that_changed_are_told():
    clock = VirtualClock(1_796_000_000.0)
    topic = fleet_words.Topic(fleet_words.first_page)
    moment = Moment(FakeService(8, clock))
    assert set(topic(moment, ASK, True)) == set(fleet_words.first_page(moment))
    assert topic(moment.next(), ASK, False) is None
    pulse = fleet_words.Topic(fleet_words.first_page, pulse=True)
    assert pulse(moment, ASK, True)
    assert pulse(moment.next(), ASK, False) == {}
    later = Moment(FakeService(8, VirtualClock(1_796_000_060.0)))
    told = topic(later, ASK, False)
    assert "power" in told
    assert "online" not in told
