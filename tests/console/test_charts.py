"""What charts draw, and the points that they are told."""

import json
from dataclasses import replace
from datetime import UTC

from evergrid.console import charts
from evergrid.console.pages.station import StationTopic
from evergrid.live.api.updates.moment import Moment
from evergrid.live.api.updates.stream import Ask
from evergrid.live.clock import VirtualClock
from evergrid.live.view import Offer, Series
from tests.live.fake_service import FakeService

START_S = 1_796_000_000.0
ASK = Ask(("station",), frozenset({"cp-01"}))


def test_a_chart_holds_the_series_it_draws_and_no_other():
    fake = FakeService(8, VirtualClock(START_S))
    data = charts.fleet(fake.series(), UTC).data
    assert set(data["values"]) == {"base_kw", "target_kw", "response_kw"}
    assert len(data["time_s"]) == 600
    assert [line["label"] for line in data["lines"]] == ["Plan", "Plan and signal", "Metered"]
    assert json.dumps(data)


def test_a_chart_without_points_is_not_drawn():
    assert not charts.signal(Series((), {}), UTC).drawn
    assert not charts.signal(Series((1.0,), {"score": (0.5,)}), UTC).drawn
    assert not charts.signal(Series((1.0,), {"signal": (None,)}), UTC).drawn
    assert charts.signal(Series((1.0, 2.0), {"signal": (None, 0.9)}), UTC).drawn


def test_scores_are_drawn_by_award_period_from_the_first_that_has_one():
    periods = [Offer(3600.0 * i, 3600.0 * (i + 1), 10.0, 10.0, "") for i in range(4)]
    assert not charts.score(periods, UTC).drawn
    assert not charts.score([], UTC).drawn
    scored = [
        replace(one, score=score) for one, score in zip(periods[1:], (0.9, 0.8), strict=False)
    ]
    chart = charts.score([periods[3], *reversed(scored), periods[0]], UTC)
    assert chart.drawn
    assert chart.data["steps"]
    assert chart.data["time_s"] == (3600.0, 7200.0, 10_800.0)
    assert chart.data["values"]["score"] == [0.9, 0.8, None]


def test_the_plan_has_a_chart_of_power_energy_and_price():
    fake = FakeService(8, VirtualClock(START_S))
    power, energy, price = charts.plan(fake.plan(), UTC)
    assert (power.steps, energy.steps, price.steps) == (True, False, True)
    assert power.series.values["power_kw"] == tuple(row.power_kw for row in fake.plan().rows)


def test_each_point_of_a_station_is_told_once():
    fake = FakeService(8, VirtualClock(START_S))
    topic, moment = StationTopic(), Moment(fake)
    told = list(topic(moment, ASK, True)["time_s"])
    for second in range(1, 9):
        fake.clock = VirtualClock(START_S + second)
        moment = moment.next()
        found = topic(moment, ASK, False)
        again = topic(moment, ASK, True)  # somebody else begins at this moment
        assert again["time_s"][-1] == START_S + 2 * (second // 2)
        told += found["time_s"] if found else ()
    assert told == sorted(set(told))
    assert told[-1] == START_S + 8


def test_a_station_that_is_none_or_many_has_no_chart():
    fake = FakeService(8, VirtualClock(START_S))
    topic = StationTopic()
    assert topic(Moment(fake), Ask(("station",), frozenset({"none"})), True) is None
    assert topic(Moment(fake), Ask(("station",)), True) is None
