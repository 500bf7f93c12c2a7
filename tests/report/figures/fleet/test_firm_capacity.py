# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from datetime import UTC, datetime

import numpy as np
import plotly.graph_objects as go
import pytest

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.report import theme
from evergrid.report.figures import (
    diversity_curve,
    offer_curve,
    offer_fan,
    promises_kept,
    sharpness_bars,
)

ASKED = np.array([0.8, 0.9, 0.99, 0.999])
DAYS = np.datetime64("2024-03-01") + np.arange(6)
CAME = np.array([90.0, 70.0, 80.0, 10.0, 60.0, 55.0])
EXPECTED = np.array([85.0, 85.0, np.nan, 85.0, 60.0, 60.0])
PROMISED = np.array([75.0, 75.0, 80.0, np.nan, 60.1, 40.0])
SIZES = np.array([1.0, 10.0, 100.0, 1000.0])


def shared(figure: go.Figure) -> str:
    return str(figure.to_json()).replace("\\u003c", "<")


def kept_days(scale: float = 1.0) -> go.Figure:
    powers = (scale * kw for kw in (CAME, EXPECTED, PROMISED))
    return promises_kept(DAYS, *powers, confidence=0.95, hour="18:00")


def diversity() -> go.Figure:
    alone, common = np.array([0.0, 2.0, 3.5, 4.0]), np.array([0.0, 1.8, 2.5, 2.9])
    return diversity_curve(SIZES, alone, common, floor_kw=3.0, mean_kw=4.2, confidence=0.95)


def bars(scale: float = 1.0) -> go.Figure:
    mean, equal = scale * np.array([100.0, 120.0]), scale * np.array([101.0, np.nan])
    return sharpness_bars(["ours", "rule"], np.array([0.953, 0.8]), mean, equal, target=0.95)


def fan(grid: TimeGrid, power_kw: Array, scale: float = 1.0) -> go.Figure:
    expected = scale * np.abs(power_kw)
    return offer_fan(grid, expected, {0.99: expected / 4, 0.9: expected / 2}, time_zone="UTC")


def test_offers_are_steps_from_zero_and_the_surest_is_bold(grid: TimeGrid, power_kw: Array):
    expected, sure, surest = fan(grid, power_kw).data
    assert [trace.name for trace in (expected, sure, surest)] == [
        "Expected",
        "90 % sure",
        "99 % sure",
    ]
    assert {trace.line.shape for trace in (expected, sure, surest)} == {"hv"}
    assert [trace.fill for trace in (expected, sure, surest)] == [None, "tozeroy", "tozeroy"]
    assert surest.line.width > max(sure.line.width, expected.line.width)
    assert [trace.y[0] for trace in (expected, sure, surest)] == [40, 20, 10]


def test_a_point_of_many_steps_offers_no_more_than_each_of_them():
    grid = TimeGrid(datetime(2022, 1, 1, tzinfo=UTC), 0.25, 35_040)
    offer = 100 + 50 * np.sin(np.arange(grid.steps) / 7)
    figure = offer_fan(grid, offer, {0.9: offer}, time_zone="UTC")
    expected, sure = figure.data
    assert (sure.y <= expected.y).all()
    assert sure.y[0] == pytest.approx(offer[: -(-grid.steps // 1500)].min())
    assert "One point stands for" in figure.layout.title.subtitle.text


def test_titles_say_what_is_shown(grid: TimeGrid, power_kw: Array):
    assert fan(grid, power_kw).layout.title.text == "What can be promised, day by day"
    assert diversity().layout.title.text == "How firm capacity grows with the fleet"
    assert "18:00" in kept_days().layout.title.text
    for figure in (fan(grid, power_kw), kept_days(), diversity(), bars()):
        assert figure.layout.title.subtitle.text


def test_axes_and_hover_texts_name_units(grid: TimeGrid, power_kw: Array):
    curve = offer_curve(["02:00"], ASKED, 10 * ASKED[:, None])
    for figure in (fan(grid, power_kw), curve, kept_days()):
        assert "(kW)" in figure.layout.yaxis.title.text
    assert "(kW)" in bars().layout.xaxis.title.text
    assert "kW per vehicle" in diversity().layout.yaxis.title.text
    for figure in (fan(grid, power_kw), curve, diversity(), bars()):
        assert all(" kW" in trace.hovertemplate for trace in figure.data)


@pytest.mark.parametrize(("greatest_kw", "unit"), [(10_000.0, "kW"), (10_001.0, "MW")])
def test_beyond_ten_thousand_kw_figures_speak_of_mw(
    grid: TimeGrid, power_kw: Array, greatest_kw: float, unit: str
):
    shown = greatest_kw if unit == "kW" else greatest_kw / 1000
    offers = greatest_kw * np.array([[0.5], [1.0]])
    drawn = fan(grid, power_kw, greatest_kw / 55)
    curve = offer_curve(["02:00"], np.array([0.5, 0.9]), offers)
    kept = kept_days(greatest_kw / 90)
    for figure in (drawn, curve, kept):
        assert f"({unit})" in figure.layout.yaxis.title.text
        assert max(np.nanmax(trace.y) for trace in figure.data) == pytest.approx(shown)
    assert f"Came {shown:,.0f}" in kept.data[2].customdata[0]
    assert unit in kept.data[2].customdata[0]
    ranked = bars(greatest_kw / 120)
    assert f"({unit})" in ranked.layout.xaxis.title.text
    assert max(ranked.data[0].x) == pytest.approx(shown)


def test_confidence_opens_up_near_certainty():
    curve = offer_curve(["02:00", "18:00"], ASKED, np.outer([4.0, 3.0, 2.0, 1.0], [1.0, 2.0]))
    early, late = curve.data
    assert early.x[1:] == pytest.approx([1, 2, 3])
    assert list(early.y) == [4, 3, 2, 1]
    assert list(late.y) == [8, 6, 4, 2]
    assert early.customdata[3] == "02:00, 99.9 % sure"
    assert {"90 %", "99 %", "99.9 %"} <= set(curve.layout.xaxis.ticktext)


def test_broken_are_exactly_the_days_on_which_less_came_than_was_promised():
    _, _, came, broken = kept_days().data
    assert np.isfinite(broken.y).tolist() == [False, True, False, False, True, False]
    assert (np.isfinite(came.y) ^ np.isfinite(broken.y)).all()
    assert np.where(np.isfinite(came.y), came.y, broken.y).tolist() == CAME.tolist()
    assert broken.marker.color == theme.RED
    assert broken.error_y.array[1] == pytest.approx(5)
    assert "broken" in broken.customdata[1]
    assert "Nothing promised" in came.customdata[3]


def test_the_note_counts_promises_and_leaves_out_days_without():
    assert kept_days().layout.title.subtitle.text == "3 of 5 promises kept: 60 %, asked 95 %."
    none = np.full(len(DAYS), np.nan)
    silent = promises_kept(DAYS, CAME, none, none, confidence=0.9, hour="18:00")
    assert silent.layout.title.subtitle.text == "Nothing was promised."


def test_a_promise_holds_over_its_day_and_not_over_days_left_out():
    days = DAYS[[0, 1, 4]]
    figure = promises_kept(days, CAME[:3], CAME[:3], CAME[:3], confidence=0.9, hour="18:00")
    promised = figure.data[1]
    assert promised.y[[0, 1, 2, 3, 5, 6]].tolist() == [90, 90, 70, 70, 80, 80]
    assert np.isnan(promised.y[4])
    assert [str(x) for x in promised.x[:2]] == ["2024-02-29T12", "2024-03-01T12"]


def test_growth_is_drawn_over_the_mean_and_the_floor():
    figure = diversity()
    mean, alone, common, floor = figure.data
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.tickvals == (1, 10, 100, 1000)
    assert list(alone.y) == [0, 2, 3.5, 4]
    assert list(common.y) == [0, 1.8, 2.5, 2.9]
    assert (set(mean.y), set(floor.y)) == ({4.2}, {3.0})
    assert (alone.line.dash, common.line.dash, floor.line.dash) == ("dash", None, "dot")
    assert [label.text for label in figure.layout.annotations] == [
        "mean<br>4.20 kW",
        "floor<br>3.00 kW",
    ]
    assert {label.xanchor for label in figure.layout.annotations} == {"left"}


def test_bars_tell_the_share_kept_and_what_equal_reliability_leaves():
    promised, equal = bars().data
    assert list(promised.x) == [100, 120]
    assert equal.x[0] == 101
    assert promised.text == ("<b>95.3 % kept</b>", "<b>80 % kept</b>")
    assert equal.text == ("95 % kept", "")
    assert promised.marker.color == (theme.BLUE, theme.GREY)
    assert bars().layout.xaxis.range[1] > 150


def test_one_of_each_can_be_drawn():
    grid = TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 1.0, 1)
    one = np.ones(1)
    assert list(offer_fan(grid, one, {0.9: one}, time_zone="UTC").data[1].y) == [1, 1]
    assert list(offer_curve(["02:00"], 0.9 * one, one[:, None]).data[0].x) == pytest.approx([1])
    day = promises_kept(DAYS[:1], one, one, one, confidence=0.9, hour="02:00")
    assert list(day.data[1].y) == [1, 1]
    size = diversity_curve(250 * one, one, one, floor_kw=1.0, mean_kw=1.0, confidence=0.9)
    assert size.layout.xaxis.tickvals == (250,)
    assert sharpness_bars(["ours"], one, one, one, target=0.9).data[0].text == (
        "<b>100 % kept</b>",
    )


def test_nothing_to_draw_says_so_or_leaves_the_rest(grid: TimeGrid, power_kw: Array):
    none = np.zeros(0)
    (expected,) = offer_fan(grid, power_kw, {}, time_zone="UTC").data
    assert expected.name == "Expected"
    assert "nothing" in sharpness_bars([], none, none, none, target=0.9).layout.annotations[0].text


def test_names_are_literal(hostile: str):
    one = np.ones(1)
    for figure in (
        offer_curve([hostile], 0.9 * one, one[:, None]),
        promises_kept(DAYS[:1], one, one, one, confidence=0.9, hour=hostile),
        sharpness_bars([hostile], one, one, one, target=0.9),
    ):
        assert "<script" not in shared(figure)
        assert "<img" not in shared(figure)
        assert all("alert" not in (trace.hovertemplate or "") for trace in figure.data)
