"""Figures of welfare hold the numbers they are given, and survive hostile names."""

from typing import Any

import numpy as np
import pytest

from evergrid.report import figures as draw

HOSTILE = "<b onclick=x>&"


def test_the_waterfall_ends_at_the_sum() -> None:
    figure: Any = draw.party_waterfall([("a", 5.0), (HOSTILE, -7.0)], -2.0, unit="USD")
    (bars,) = figure.data
    assert list(bars.x) == [5.0, -7.0, -2.0]
    assert list(bars.measure) == ["relative", "relative", "absolute"]
    assert "<b onclick" not in figure.to_json()


def test_bars_of_groups_have_a_part_each() -> None:
    parts = {"as_owners": np.array([1.0, 2.0]), "in_health": np.array([-1.0, 0.5])}
    figure: Any = draw.group_gains(["a", "b"], parts, unit="USD")
    assert [bar.name for bar in figure.data] == ["as owners of vehicles", "in health"]
    assert list(figure.data[1].x) == [-1.0, 0.5]


def test_gains_and_losses_are_told_apart_by_colour_and_counted() -> None:
    totals = [np.array([1.0, -2.0, 3.0]), np.array([-1.0])]
    figure: Any = draw.sign_of_total(["low", "high"], totals, unit="USD")
    good, bad = figure.data
    assert sorted(good.x) == [1.0, 3.0]
    assert list(bad.y) == [0, 1]
    assert figure.layout.yaxis.ticktext[0].startswith("low (67% gain")
    assert good.marker.color != bad.marker.color


def test_the_sweep_marks_the_best_rates() -> None:
    rate = np.linspace(0.0, 10.0, 5)
    lines = {"all": -((rate - 4.0) ** 2)}
    figure: Any = draw.rate_sweep(rate, lines, {"best": 4.0}, currency="USD", unit="USD")
    assert figure.layout.shapes[0].x0 == 4.0
    assert "best 4.00" in figure.layout.annotations[0].text


def test_policies_have_a_mark_for_each_cost() -> None:
    welfare = np.array([[1.0, -1.0], [0.0, 0.0]])
    figure: Any = draw.policy_welfare(["flat", "none"], ["low", "high"], welfare, unit="USD")
    assert [list(one.x) for one in figure.data] == [[1.0, 0.0], [-1.0, 0.0]]


def test_the_day_holds_its_last_hour() -> None:
    hours = np.arange(24.0)
    figure: Any = draw.feeding_day(hours, {"feeding": hours}, {"price": 2 * hours}, currency="USD")
    assert figure.data[0].x[-1] == 24.0
    assert figure.data[0].y[-1] == 23.0
    assert figure.data[1].yaxis == "y2"
    assert pytest.approx(46.0) == figure.data[1].y[-1]
