"""Records of performance: what is refused, what is cut where, and scenarios put together."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.metrics.performance import PerformanceCurves, stack
from tests.resilience.metrics.cases import of, second_collapse

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"served_kw": [[0.0, NAN, 50.0, 100.0]]}, "served_kw"),
        ({"served_kw": [[0.0, -1.0, 50.0, 100.0]]}, "served_kw"),
        ({"demand_kw": [[100.0, -100.0, 100.0, 100.0]]}, "demand_kw"),
        ({"demand_kw": [[100.0, INF, 100.0, 100.0]]}, "demand_kw"),
        ({"time_h": [[0.0, 2.0, 1.0, 3.0]]}, "time_h"),
        ({"time_h": [[0.0, 1.0, NAN, 3.0]]}, "time_h"),
        ({"event_h": [-1.0]}, "event_h"),
        ({"event_h": [NAN]}, "event_h"),
        ({"event_h": [5.0]}, "horizon_h"),
        ({"horizon_h": [-2.0]}, "horizon_h"),
        ({"horizon_h": [2.5]}, "horizon_h"),
        ({"horizon_h": [INF]}, "horizon_h"),
    ],
)
def test_a_record_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    arrays = {name: np.array(values) for name, values in change.items()}
    with pytest.raises(InputError) as caught:
        replace(second_collapse(), **arrays)
    assert caught.value.field == field


@pytest.mark.parametrize(("scenarios", "knots"), [(0, 3), (2, 0)])
def test_no_scenario_and_no_knot_are_refused(scenarios: int, knots: int) -> None:
    none = np.zeros((scenarios, knots))
    ends = np.ones(scenarios)
    with pytest.raises(InputError, match="time_h must not be empty"):
        PerformanceCurves(none, none, none, 0 * ends, ends)


def test_pieces_go_from_the_event_to_the_horizon() -> None:
    line = of([0, 4], [0, 100], horizon_h=6.0, event_h=1.0, interpolation="linear")
    pieces = line.segments(np.array([3.0]))
    assert pieces.start_h.tolist() == [[1.0, 3.0]]
    assert pieces.end_h.tolist() == [[3.0, 3.0]]
    assert pieces.served_start_kw[0, 0] == 25.0
    assert pieces.served_end_kw[0, 0] == 75.0
    assert line.segments().served_end_kw[0].tolist() == [100.0, 100.0]
    assert line.followed_h.tolist() == [5.0]


def test_scenarios_put_together_keep_their_values() -> None:
    one, other = second_collapse(), of([2], [30], horizon_h=9.0, event_h=2.5)
    both = stack([one, other])
    assert both.time_h.tolist() == [[0, 1, 2, 3], [2, 2, 2, 2]]
    assert both.served_kw[1].tolist() == [30, 30, 30, 30]
    assert both.event_h.tolist() == [0.0, 2.5]
    assert both.horizon_h.tolist() == [5.0, 9.0]


def test_records_of_two_interpolations_or_none_are_not_put_together() -> None:
    smooth = of([0, 1], [0, 100], horizon_h=2.0, interpolation="linear")
    for curves in ([], [second_collapse(), smooth]):
        with pytest.raises(InputError, match="all of one interpolation"):
            stack(curves)


def test_where_nothing_is_demanded_all_is_served() -> None:
    assert of([0, 1], [0, 5], np.array([0.0, 10.0]), horizon_h=2.0).index.tolist() == [[1.0, 0.5]]
