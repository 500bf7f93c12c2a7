"""The trapezoid of curves that are none: steps, no recovery, late falls, two dips."""

import numpy as np
import pytest

from evergrid.resilience.metrics.performance import stack
from evergrid.resilience.metrics.trapezoid import trapezoid
from tests.resilience.metrics.cases import of


def test_a_loss_at_once_has_no_finite_slope() -> None:
    found = trapezoid(of([0, 3], [40, 100], horizon_h=5.0))
    assert found.degradation_per_h[0] == -np.inf
    assert found.restoration_per_h[0] == np.inf
    assert found.degraded_h[0] == 3.0
    assert found.rapidity_per_h[0] == pytest.approx(0.6 / 3)
    assert found.area_h[0] == pytest.approx(1.8)


def test_blocks_rise_from_where_the_lowest_level_is_left() -> None:
    found = trapezoid(of([0, 1, 2, 4], [0, 50, 80, 100], horizon_h=6.0))
    assert found.degraded_h[0] == 1.0
    assert found.restoration_per_h[0] == pytest.approx(1 / 3)
    assert found.rapidity_per_h[0] == pytest.approx(1 / 4)


def test_what_never_rises_is_degraded_to_the_horizon() -> None:
    found = trapezoid(of([0, 2], [70, 40], horizon_h=10.0))
    assert found.degraded_h[0] == 8.0
    assert found.degradation_per_h[0] == pytest.approx(-0.6 / 2)
    assert (found.restoration_per_h[0], found.rapidity_per_h[0]) == (0.0, 0.0)
    assert not found.restored[0]


def test_a_rise_ends_where_it_first_has_the_level_of_the_horizon() -> None:
    rise = of([0, 1, 2, 4, 6], [100, 0, 0, 100, 50], horizon_h=8.0, interpolation="linear")
    found = trapezoid(rise)
    assert found.restoration_per_h[0] == pytest.approx(0.5 / 1.0)
    assert not found.restored[0]


def test_the_fall_begins_where_the_whole_demand_was_last_served() -> None:
    late = of([0, 4, 6, 7], [100, 100, 20, 100], horizon_h=8.0, interpolation="linear")
    assert trapezoid(late).degradation_per_h[0] == pytest.approx(-0.8 / 2)


def test_what_never_falls_has_no_trapezoid() -> None:
    found = trapezoid(of([0, 1], [100, 120], horizon_h=2.0))
    assert found.lost_share[0] == 0.0
    assert found.degradation_per_h[0] == 0.0
    assert found.area_h[0] == 0.0
    assert found.restored[0]


def test_two_dips_are_degraded_from_the_first_to_the_last() -> None:
    dips = of([0, 1, 2, 3, 4], [30, 80, 30, 80, 100], horizon_h=5.0)
    assert trapezoid(dips).degraded_h[0] == 3.0


def test_scenarios_of_other_lengths_do_not_touch_one_another() -> None:
    one = of([0, 2, 10, 18], [100, 40, 40, 100], horizon_h=20.0, interpolation="linear")
    other = of([0, 5], [0, 100], horizon_h=5.0, interpolation="linear")
    both, alone = trapezoid(stack([one, other])), trapezoid(other)
    for name in ("degradation_per_h", "degraded_h", "restoration_per_h", "area_h", "restored"):
        assert getattr(both, name)[1] == getattr(alone, name)[0]


def test_a_change_at_the_event_hides_what_was_before() -> None:
    before = of([0, 1], [10, 60], horizon_h=3.0, event_h=1.0)
    assert trapezoid(before).lost_share[0] == pytest.approx(0.4)
