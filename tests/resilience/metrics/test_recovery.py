"""Recovery time: the convention for a second collapse, censoring, and a search by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.resilience.metrics.performance import PerformanceCurves, stack
from evergrid.resilience.metrics.recovery import recovery
from tests.resilience.metrics.cases import DEMAND_KW, Hours, hourly, hours, of, second_collapse

HOLDS = [0.0, 1.0, 2.0, np.inf]


def test_what_is_never_reached_is_censored_at_the_horizon() -> None:
    found = recovery(of([0, 2], [0, 94], horizon_h=7.0))
    assert found.reached.tolist() == [[True, False, False]]
    assert found.time_h.tolist() == [[2.0, 7.0, 7.0]]
    assert found.below_h.tolist() == [[2.0, 7.0, 7.0]]


def test_performance_that_never_falls_has_recovered_at_once() -> None:
    found = recovery(of([0], [95], horizon_h=7.0), [0.95])
    assert (found.time_h[0, 0], found.reached[0, 0], found.interruptions[0, 0]) == (0.0, True, 0)


def test_a_gradual_loss_has_not_recovered_before_it_falls() -> None:
    shape = of([0, 2, 10, 18], [100, 40, 40, 100], horizon_h=20.0, interpolation="linear")
    for hold_h in HOLDS:
        assert recovery(shape, [1.0], hold_h=hold_h).time_h[0, 0] == 18.0


def test_a_spell_of_exactly_the_hold_counts_and_a_longer_hold_does_not() -> None:
    tenths = of(
        [0, 0.1, 0.3], [0, 90, 0], horizon_h=1.0
    )  # 0.3 - 0.1 is below 0.2 in floating point
    assert recovery(tenths, [0.9], hold_h=0.2).time_h[0, 0] == 0.1
    assert not recovery(tenths, [0.9], hold_h=0.2001).reached[0, 0]


def test_a_spell_that_lasts_to_the_horizon_counts_with_any_hold() -> None:
    for hold_h in HOLDS:
        assert recovery(second_collapse(3.1), [1.0], hold_h=hold_h).time_h[0, 0] == 3.0


def test_a_change_at_the_horizon_itself_is_seen() -> None:
    restored = of([0, 4], [0, 100], horizon_h=4.0)
    assert recovery(restored, [1.0]).time_h[0, 0] == 4.0
    lost = of([0, 1, 4], [0, 100, 0], horizon_h=4.0)
    assert not recovery(lost, [1.0]).reached[0, 0]
    assert recovery(lost, [1.0], hold_h=3.0).time_h[0, 0] == 1.0
    assert recovery(lost, [1.0]).interruptions[0, 0] == 2


def test_touching_the_threshold_is_a_crossing_but_not_a_hold() -> None:
    peak = of([0, 1, 2], [0, 80, 0], horizon_h=3.0, interpolation="linear")
    assert recovery(peak, [0.8], hold_h=0.0).time_h[0, 0] == 1.0
    assert not recovery(peak, [0.8], hold_h=0.1).reached[0, 0]


def test_time_counts_from_the_event_and_what_was_before_does_not_matter() -> None:
    shifted = of([0, 7, 8, 10, 10.5], [100, 20, 60, 0, 100], horizon_h=12.0, event_h=10.0)
    found = recovery(shifted, [0.95])
    assert found.time_h[0, 0] == pytest.approx(0.5)
    assert found.interruptions[0, 0] == 1


def test_rounding_is_not_a_loss() -> None:
    parts = sum([0.1] * 10)
    assert parts != 1.0
    assert recovery(of([0, 1], [0, parts], 1.0, horizon_h=2.0), [1.0]).time_h[0, 0] == 1.0


def test_no_demand_is_no_loss() -> None:
    curves = of([0, 1], [0, 0], np.array([0.0, 10.0]), horizon_h=2.0)
    assert recovery(curves, [1.0]).below_h[0, 0] == 1.0


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.01, 95.0, float("nan")])
def test_a_threshold_that_is_no_share_of_the_demand_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match=r"thresholds must be in \(0, 1\]"):
        recovery(second_collapse(), [0.8, threshold])


def test_no_threshold_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="thresholds"):
        recovery(second_collapse(), [])


@pytest.mark.parametrize("hold_h", [-1.0, float("nan")])
def test_a_hold_below_zero_is_refused(hold_h: float) -> None:
    with pytest.raises(InputError, match="hold_h must be at least 0"):
        recovery(second_collapse(), hold_h=hold_h)


def by_hand(curves: PerformanceCurves, row: int, level: float, hold_h: float) -> float | None:
    """T_r of a record that changes on whole hours, from the state within each hour."""
    event, horizon = int(curves.event_h[row]), int(curves.horizon_h[row])
    good = (curves.served_kw[row] >= level)[event:horizon].tolist()
    if all(good):
        return 0.0
    for begin in range(good.index(False), len(good)):
        spell = good[begin:]
        until = spell.index(False) if False in spell else len(spell)
        lasts = until >= hold_h or until == len(spell)
        if spell[0] and not good[begin - 1] and lasts:
            return float(begin)
    return None


@given(hours(), st.sampled_from([1, 2, 3, 4]), st.sampled_from(HOLDS))
def test_recovery_is_what_a_search_hour_by_hour_finds(
    scenarios: list[Hours], quarters: int, hold_h: float
) -> None:
    curves = hourly(scenarios)
    found = recovery(curves, [quarters / DEMAND_KW], hold_h=hold_h)
    for row in range(len(curves.event_h)):
        expected = by_hand(curves, row, quarters, hold_h)
        assert found.reached[row, 0] == (expected is not None)
        waited = curves.followed_h[row] if expected is None else expected
        assert found.time_h[row, 0] == waited


@given(hours())
def test_a_longer_hold_and_a_higher_threshold_never_make_recovery_earlier(
    scenarios: list[Hours],
) -> None:
    curves = hourly(scenarios)
    thresholds = [0.25, 0.5, 0.75, 1.0]
    found = [recovery(curves, thresholds, hold_h=hold_h) for hold_h in HOLDS]
    waits = np.array([np.where(one.reached, one.time_h, np.inf) for one in found])
    assert (waits[1:] >= waits[:-1]).all()
    assert (waits[-1][:, 1:] >= waits[-1][:, :-1]).all()  # with holds a fall below may come between


@given(st.lists(hours(), min_size=2, max_size=3))
def test_scenarios_together_are_scenarios_one_by_one(records: list[list[Hours]]) -> None:
    several = [hourly(one) for one in records]
    together = recovery(stack(several))
    alone = [recovery(one) for one in several]
    for name in ("time_h", "reached", "interruptions", "below_h"):
        assert np.array_equal(
            getattr(together, name), np.concatenate([getattr(one, name) for one in alone])
        )
