"""What past days vouch for is what a study of firm capacity finds on the same stays."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.progress import ignore_progress
from evergrid.fleet.firm_capacity.day_ahead import ComingOffers, Past
from evergrid.fleet.history.past_days import history
from evergrid.live.config import OfferRules
from evergrid.live.controller.offers import firm_schedule
from evergrid.live.controller.offers.firm_schedule import FirmRequest, FirmSchedule
from evergrid.live.controller.offers.past_stays import PastStay
from evergrid.studies.firm_capacity.offers import Request, find
from tests.live.controller.offers.stay_cases import DAY_S, nights
from tests.live.controller.offers.test_past_stays import table
from tests.live.controller_cases import HOUR_S, START_S


def request(stays: list[PastStay], now_s: float = START_S, **rules: Any) -> FirmRequest:
    return FirmRequest(table(stays), OfferRules(**rules), 0.95, "UTC", now_s)


def made(stays: list[PastStay], now_s: float = START_S, **rules: Any) -> FirmSchedule:
    return firm_schedule.schedule(request(stays, now_s, **rules))


def test_promises_are_those_of_the_study_on_the_same_stays():
    asked = request(nights(140, early_share=0.1))
    found = firm_schedule.schedule(asked)
    sessions, stated = asked.stays.sessions(0.95)
    record = history(sessions, "UTC", firm_schedule.PRODUCT, stated_utc=stated, gaps="missing")
    today = np.datetime64(round(START_S), "s").astype("datetime64[D]")
    coming = int((today - record.days[-1]).astype(int)) + 1
    study = find(
        record,
        np.array([], "datetime64[D]"),
        Request((0.9,), False, False, (), coming, 0.5, 1.0, "UTC"),
        weather=None,
        progress=ignore_progress,
    )
    days = record.days[-1] + 1 + np.arange(coming)
    compared = 0
    for hour_s in found.begin_s:
        promise = found.at(float(hour_s) + 1.0)
        moment = np.datetime64(round(float(hour_s)), "s")
        day = int(np.flatnonzero(days == moment.astype("datetime64[D]"))[0])
        hour = int((moment - moment.astype("datetime64[D]")).astype(int)) // 3600
        assert promise is not None
        assert promise.power_kw == pytest.approx(study.coming_kw[0, day, hour], abs=1e-9)
        compared += promise.power_kw > 0
    assert compared >= 20
    assert found.history_days == int(record.known.sum())


def test_cars_that_leave_early_lessen_the_promise():
    night_s = START_S + 4 * HOUR_S  # 8:00, after those who leave early have gone
    usual, early = made(nights(120)), made(nights(120, early_share=0.5))
    before, after = usual.at(night_s), early.at(night_s)
    assert before is not None
    assert after is not None
    assert 0 < after.power_kw < 0.7 * before.power_kw


def test_a_surer_promise_is_smaller_and_needs_more_days():
    night_s = START_S + 4 * HOUR_S
    ninety = made(nights(240)).at(night_s)
    ninety_nine = made(nights(240), confidence=0.99).at(night_s)
    assert ninety is not None
    assert ninety_nine is not None
    assert ninety_nine.power_kw < ninety.power_kw
    short = made(nights(90), confidence=0.99)
    assert short.at(night_s) is None
    assert "too few for 0.99" in short.lacking


@pytest.mark.parametrize("days", [0, 1, 3, 20, 45])
def test_too_few_days_vouch_for_nothing_and_the_reason_is_told(days: int):
    found = made(nights(days))
    assert found.at(START_S + 1.0) is None
    assert found.lacking


def test_nothing_is_promised_on_a_holiday_and_that_is_a_promise():
    found = made(nights(120), holidays=("2022-07-12",))
    promise = found.at(START_S + HOUR_S)
    assert promise is not None
    assert promise.power_kw == 0.0


def test_a_record_that_ended_long_ago_vouches_for_nothing():
    assert made(nights(120), START_S + 40 * DAY_S).at(START_S + 40 * DAY_S) is None


def test_hours_beyond_tomorrow_have_no_promise():
    found = made(nights(120))
    assert found.at(START_S - HOUR_S) is None
    assert found.at(float(found.begin_s[-1]) + HOUR_S + 1.0) is None
    assert found.begin_s[-1] <= START_S + 2 * DAY_S


def test_hours_of_a_clock_that_is_half_an_hour_off_take_the_lesser_of_both(
    monkeypatch: pytest.MonkeyPatch,
):
    def by_hour(past: Past, confidence: tuple[float, ...], *, proven: bool) -> ComingOffers:
        """The number of the local hour, as a power."""
        power = np.broadcast_to(np.arange(24.0), (1, past.coming, 24)).copy()
        able = np.ones((1, past.coming), np.bool_)
        return ComingOffers(power[0], power, able, tuple(range(past.coming)), ())

    monkeypatch.setattr(firm_schedule.day_ahead, "coming_promises", by_hour)
    found = firm_schedule.schedule(replace(request(nights(60)), time_zone="Asia/Kolkata"))
    for hour_s, power_kw in zip(found.begin_s, found.power_kw, strict=True):
        begins_h = (hour_s / HOUR_S + 5.5) % 24
        within = {np.floor(begins_h), np.floor((begins_h + 0.9) % 24)}
        assert power_kw == min(within)
