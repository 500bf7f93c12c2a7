"""Shares kept are drawn where they are, by confidence and by quarter."""

# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from evergrid.report.figures import Quarters, promises_by_quarter, reliability_diagram

ASKED = np.array([0.8, 0.9, 0.99, 0.999])
KEPT = np.array([0.82, 0.91, 0.985, 1.0])
QUARTERS = Quarters(
    name=["2019-Q4", "2020-Q1", "2020-Q2"],
    every=np.array([0.999, 0.99, 1.0]),
    kept=np.array([0.99, 0.9, np.nan]),
    low=np.array([0.98, 0.8, 0.0]),
    high=np.array([0.995, 0.95, 1.0]),
    made=[1_200, 40, 0],
    loss=np.array([0.5, 1.4, 1.0]),
    best_loss=np.array([0.6, 1.0, np.nan]),
    best_rule=["rolling normal", "nothing", "nothing"],
)


def reliability() -> go.Figure:
    low, high = KEPT - 0.05, np.minimum(KEPT + 0.005, 1.0)
    return reliability_diagram(ASKED, {"ours": KEPT, "rule": KEPT - 0.1}, low, high)


def quarters() -> go.Figure:
    return promises_by_quarter(QUARTERS, confidence=0.99)


def test_shares_kept_lie_on_the_scale_of_those_asked():
    diagonal, rule, ours = reliability().data
    assert list(diagonal.x) == list(diagonal.y)
    assert [ours.name, rule.name] == ["ours", "rule"]
    assert ours.legendrank < rule.legendrank < (diagonal.legendrank or 1000)
    assert ours.y[3] == pytest.approx(4)  # all kept, drawn at 99.99 %
    assert ours.line.width > rule.line.width
    assert ours.customdata[3].startswith("ours: asked 99.9 %, kept 100 %")
    assert rule.customdata[0] == "rule: asked 80 %, kept 72 %"


def test_only_the_first_method_has_an_interval():
    _, rule, ours = reliability().data
    assert rule.error_y.array is None
    ends = [ours.y - ours.error_y.arrayminus, ours.y + ours.error_y.array]
    assert (1 - 10 ** -ends[0][:3]).tolist() == pytest.approx((KEPT[:3] - 0.05).tolist())
    assert (1 - 10 ** -ends[1][:3]).tolist() == pytest.approx((KEPT[:3] + 0.005).tolist())
    assert "(interval 77 % to 82.5 %)" in ours.customdata[0]


def test_the_note_tells_which_side_of_the_diagonal_is_safe_and_what_is_clipped():
    note = reliability().layout.title.subtitle.text
    assert "Above the diagonal a method keeps more than it promised" in note
    assert "99.99 %" in note
    fewer = reliability_diagram(ASKED, {"ours": KEPT - 0.1}, KEPT - 0.2, KEPT - 0.05)
    assert "99.99 %" not in fewer.layout.title.subtitle.text


def test_the_scale_of_shares_is_in_percent_and_holds_one_confidence():
    assert all("%" in tick for tick in reliability().layout.yaxis.ticktext)
    one = np.ones(1)
    level = reliability_diagram(0.37 * one, {"ours": 0.4 * one}, 0.3 * one, 0.5 * one)
    assert level.layout.xaxis.ticktext == ("20 %", "37 %", "50 %")


def test_quarters_show_both_coverages_with_the_interval_of_those_above_zero():
    every, above, *_ = quarters().data
    assert (every.name, above.name) == ("All promises", "Promises above zero")
    assert (1 - 10 ** -above.y[:2]).tolist() == pytest.approx([0.99, 0.9])
    assert (1 - 10 ** -every.y[:2]).tolist() == pytest.approx([0.999, 0.99])
    low = above.y - above.error_y.arrayminus
    assert (1 - 10 ** -low[:2]).tolist() == pytest.approx([0.98, 0.8])
    assert above.customdata[0] == (
        "2019-Q4: 99 % of 1,200 promises above zero kept (interval 98 % to 99.5 %)"
    )
    assert every.error_y.array is None
    assert every.customdata[1] == "99 %"


def test_quarters_show_losses_beside_silence_and_name_the_best_rule():
    figure = quarters()
    ours, best = figure.data[2:]
    assert (list(ours.y[:2]), list(best.y[:2])) == ([0.5, 1.4], [0.6, 1.0])
    assert {ours.yaxis, best.yaxis} == {"y2"}
    assert list(best.customdata) == ["rolling normal", "nothing", "nothing"]
    lines = {shape.yref: shape.y0 for shape in figure.layout.shapes}
    assert lines == {"y": pytest.approx(2.0), "y2": 1.0}
    assert [note.text for note in figure.layout.annotations] == ["asked 99 %", "promising nothing"]
    assert list(ours.x) == list(QUARTERS.name)


def test_the_panels_of_quarters_do_not_overlap_and_the_asked_share_is_in_sight():
    layout = quarters().layout
    assert layout.yaxis2.domain[1] < layout.yaxis.domain[0]
    assert layout.yaxis.range[0] < 2.0 < layout.yaxis.range[1]
    assert layout.title.text


def test_no_quarter_and_no_method_say_so():
    none = np.zeros(0)
    empty = Quarters([], none, none, none, none, [], none, none, [])
    assert "No quarter" in promises_by_quarter(empty, confidence=0.9).layout.annotations[0].text
    assert "nothing" in reliability_diagram(ASKED, {}, KEPT, KEPT).layout.annotations[0].text


def test_names_of_methods_and_rules_are_literal(hostile: str):
    one = np.ones(1)
    for figure in (
        reliability_diagram(0.9 * one, {hostile: one, hostile + "2": one}, one, one),
        promises_by_quarter(replace(QUARTERS, best_rule=[hostile] * 3), confidence=0.9),
    ):
        shared = str(figure.to_json()).replace("\\u003c", "<")
        assert "<script" not in shared
        assert "<img" not in shared
