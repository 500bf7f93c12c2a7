# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import pytest

from evergrid.core.errors import InputError
from evergrid.report import theme
from evergrid.report.figures import profit_comparison, value_waterfall

STEPS = [
    ("Uncontrolled", 1840.0),
    ("Smart charging", -655.0),
    ("V2G energy trading", -1430.0),
    ("Wear", 212.0),
    ("V2G net cost", -33.0),
]
COSTS = {"uncontrolled": 100.0, "persistence": 60.0, "forecast": 30.0, "perfect foresight": 20.0}


def test_ends_are_totals_and_steps_between_are_changes():
    (trace,) = value_waterfall(STEPS, currency="EUR").data
    assert trace.measure == ("absolute", "relative", "relative", "relative", "absolute")
    colors = {part.marker.color for part in (trace.totals, trace.increasing, trace.decreasing)}
    assert len(colors) == 3


def test_amounts_are_printed_with_signs_and_totals_in_bold():
    (trace,) = value_waterfall(STEPS, currency="EUR").data
    assert trace.text == ("<b>1,840</b>", "\u2212655", "\u22121,430", "+212", "<b>\u221233</b>")
    assert trace.textposition == "outside"


def test_steps_read_from_top_to_bottom_with_room_for_the_amounts():
    layout = value_waterfall(STEPS, currency="EUR").layout
    assert layout.yaxis.range[0] > layout.yaxis.range[1]
    assert layout.xaxis.range[0] < -245
    assert layout.xaxis.range[1] > 1840
    assert "(EUR)" in layout.xaxis.title.text


def test_steps_that_do_not_add_up_are_refused():
    with pytest.raises(InputError, match="lead to the last total"):
        value_waterfall([*STEPS[:-1], ("V2G net cost", -34.0)], currency="EUR")
    with pytest.raises(InputError, match="lead to the last total"):
        value_waterfall([("a", 1.0), ("b", float("nan"))], currency="EUR")


def test_one_total_or_none_can_be_shown():
    assert value_waterfall([("Cost", 5.0)], currency="EUR").data[0].text == ("<b>5.00</b>",)
    assert "no amounts" in value_waterfall([], currency="EUR").layout.annotations[0].text
    assert value_waterfall([("Cost", 0.0)], currency="EUR").layout.xaxis.range[1] > 0


def test_equal_labels_keep_bars_of_their_own():
    (trace,) = value_waterfall(
        [("a", 1.0), ("x", 1.0), ("x", 1.0), ("b", 3.0)], currency="EUR"
    ).data
    assert list(trace.y) == [0, 1, 2, 3]


def test_costs_stand_in_the_given_order_and_the_bound_is_hollow():
    figure = profit_comparison(COSTS, currency="EUR")
    (trace,) = figure.data
    assert figure.layout.yaxis.ticktext == (
        "uncontrolled",
        "persistence",
        "forecast",
        "perfect<br>foresight",
    )
    assert trace.marker.color[0] == theme.GREY
    assert trace.marker.color[3].startswith("rgba")
    assert trace.orientation == "h"


def test_hovering_tells_the_share_of_the_possible_saving():
    (trace,) = profit_comparison(COSTS, currency="EUR").data
    assert trace.customdata[1] == "persistence: 60.0, 50% of the possible saving"
    (alone,) = profit_comparison({"forecast": 30.0}, currency="EUR").data
    assert alone.customdata[0] == "forecast: 30.00"


def test_nothing_to_compare_says_so():
    assert "nothing" in profit_comparison({}, currency="EUR").layout.annotations[0].text


def test_names_are_literal(hostile: str):
    for figure in (
        value_waterfall([(hostile, 1.0), (hostile, 1.0)], currency=hostile),
        profit_comparison({hostile: 1.0}, currency=hostile),
    ):
        text = figure.to_json().replace("\\u003c", "<")
        assert "<script" not in text
        assert "<img" not in text
