"""Cycles are counted as the standard counts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.battery.ageing.rainflow import cycles, sum_of_powers


def test_the_example_of_the_standard():
    found = cycles(np.array([-2.0, 1, -3, 5, -1, 3, -4, 4, -2]))
    by_depth: dict[float, float] = {}
    for depth, count in zip(found.depth.tolist(), found.weight.tolist(), strict=True):
        by_depth[depth] = by_depth.get(depth, 0.0) + count
    assert by_depth == {3: 0.5, 4: 1.5, 6: 0.5, 8: 1.0, 9: 0.5}
    assert float(found.depth @ found.weight) == 23


series = st.lists(st.floats(0, 1), min_size=2, max_size=60)


@given(series)
def test_cycles_are_as_deep_together_as_the_way_is_long(values: list[float]):
    given_series = np.array(values)
    found = cycles(given_series)
    way = np.abs(np.diff(given_series)).sum()
    assert float(found.depth @ found.weight) == pytest.approx(way / 2, abs=1e-12)


@given(series)
def test_points_on_the_way_change_nothing(values: list[float]):
    given_series = np.array(values)
    fine = np.interp(np.arange(0, len(values) - 0.9, 0.5), np.arange(len(values)), given_series)
    assert sum_of_powers(fine[None], 2.0) == pytest.approx(
        sum_of_powers(given_series[None], 2.0), abs=1e-12
    )


def test_the_deepest_cycle_is_half_or_whole_and_nothing_is_deeper():
    found = cycles(np.array([0.5, 0.9, 0.2, 0.6, 0.5]))
    assert found.depth.max() == pytest.approx(0.7)
    assert set(found.weight.tolist()) <= {0.5, 1.0}


def test_a_battery_at_rest_has_no_cycles():
    assert sum_of_powers(np.full((2, 10), 0.4), 1.5).tolist() == [0.0, 0.0]
