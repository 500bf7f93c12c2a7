"""What is offered: no more than past days vouch for, than the plan and the fleet hold."""

from typing import Any

import pytest

from evergrid.live.controller.books import awards as awards_module
from evergrid.live.controller.books.awards import COLD_START, HISTORY, Awards, Block
from evergrid.live.controller.offers.firm_schedule import FirmPromise
from tests.live.controller_cases import HOUR_S, START_S, config, market

FIRM = FirmPromise(60.0, 0.9, 120)


def offer(planned_kw: float, held_kw: float, *given: Any, **more: Any) -> Block:
    settings = config(award={"step_kw": 1.0, "least_kw": 5.0, "most_kw": 200.0, "share": 0.8})
    assert settings.market is not None
    awards = Awards(settings.market, settings.award, market(), 2.0)
    return awards.begin(START_S, START_S + HOUR_S, planned_kw, held_kw, *given, **more)


@pytest.mark.parametrize(
    ("planned_kw", "held_kw", "offered_kw", "binding"),
    [
        (100.0, 100.0, 60.0, "firm capacity"),
        (50.0, 100.0, 50.0, "the plan"),
        (100.0, 50.0, 40.0, "80% of what the fleet can hold now"),
    ],
)
def test_an_offer_from_history_says_what_it_rests_on(
    planned_kw: float, held_kw: float, offered_kw: float, binding: str
):
    block = offer(planned_kw, held_kw, FIRM)
    assert block.offered_kw == offered_kw
    assert (block.rule, block.binding) == (HISTORY, binding)
    assert (block.confidence, block.history_days) == (0.9, 120)
    assert "120 days" in block.basis


def test_without_history_half_of_what_the_fleet_holds_is_offered_and_marked():
    block = offer(100.0, 100.0, lacking="12 days are too few")
    assert block.offered_kw == 50.0
    assert (block.rule, block.confidence, block.history_days) == (COLD_START, None, 0)
    assert block.basis.startswith("cold start")
    assert "12 days are too few" in block.basis


def test_batteries_that_never_leave_are_offered_beside_what_vehicles_promise():
    assert offer(100.0, 150.0, FIRM, battery_kw=25.0).offered_kw == 85.0


def test_old_award_periods_are_forgotten_once_they_are_settled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(awards_module, "KEPT_BLOCKS", 3)
    settings = config()
    assert settings.market is not None
    awards = Awards(settings.market, settings.award, market(), 2.0)
    for hour in range(10):
        begin_s = START_S + hour * HOUR_S
        awards.begin(begin_s, begin_s + HOUR_S, 10.0, 20.0)
        assert len(awards.settle(begin_s)) == (hour >= 2)
    assert [one.begin_s for one in awards.blocks] == [START_S + i * HOUR_S for i in (7, 8, 9)]
    assert [one.begin_s for one in awards.settle(0.0, all_now=True)] == [
        START_S + i * HOUR_S for i in (8, 9)
    ]


def test_most_kw_bounds_an_offer_and_one_below_least_kw_is_none():
    assert offer(900.0, 900.0, FirmPromise(900.0, 0.9, 99)).binding == "most_kw"
    assert offer(900.0, 900.0, FirmPromise(4.0, 0.9, 99)).offered_kw == 0.0
