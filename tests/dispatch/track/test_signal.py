"""Gaps, values beyond the range, signals that stand still, and clocks that jump."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.dispatch.track.signal import SignalRules, SignalState, read, read_all

RULES = SignalRules(tick_s=2.0, hold_s=10.0, fade_s=20.0, stuck_s=30.0, longest_tick_s=10.0)


def test_a_gap_holds_and_then_fades_to_the_plan() -> None:
    shares, state = read_all(np.r_[0.8, np.full(20, np.nan)], RULES)
    assert np.all(shares[:6] == 0.8)
    assert shares[11] == pytest.approx(0.8 * 0.4)
    assert np.all(np.diff(shares) <= 0)
    assert np.all(shares[16:] == 0.0)
    assert state.gaps == 20


def test_after_a_gap_the_signal_is_followed_again() -> None:
    shares, _ = read_all(np.r_[0.8, np.full(20, np.nan), -0.3], RULES)
    assert shares[-1] == -0.3


def test_values_beyond_the_range_are_clipped_and_counted() -> None:
    shares, state = read_all(np.array([1.5, -7.0, np.inf, 0.2]), RULES)
    assert shares.tolist() == [1.0, -1.0, -1.0, 0.2]
    assert (state.clipped, state.gaps) == (2, 1)


def test_a_signal_that_stands_still_is_followed_and_counted() -> None:
    shares, state = read_all(np.full(40, 1.0), RULES)
    assert np.all(shares == 1.0)
    assert state.stuck == 40 - 15
    assert read_all(np.zeros(40), RULES)[1].stuck == 0


@pytest.mark.parametrize("time_s", [100.0, 90.0, 1e6, np.nan])
def test_a_clock_that_jumps_counts_as_one_tick(time_s: float) -> None:
    state, _ = read(SignalState(), 0.5, 100.0, RULES)
    state, reading = read(state, 0.6, time_s, RULES)
    assert reading == (0.6, 2.0)
    assert state.jumps == 1
    later = (time_s if np.isfinite(time_s) else 100.0) + 3.0
    state, reading = read(state, 0.6, later, RULES)
    assert (reading.dt_s, state.jumps) == (3.0, 1)


@pytest.mark.parametrize(("every_s", "counted"), [(4.0, 0), (3.0, 0), (2.0, 9), (8.0, 9)])
def test_a_signal_of_another_rate_is_followed_by_its_stamps_and_counted(
    every_s: float, counted: int
) -> None:
    rules, state, passed_s = SignalRules(tick_s=4.0), SignalState(), 0.0
    for reading in range(10):
        state, told = read(state, 0.5, reading * every_s, rules)
        passed_s += told.dt_s if reading else 0.0
    assert passed_s == 9 * every_s
    assert state.off_rate == counted


def test_an_hour_that_comes_twice_costs_one_tick() -> None:
    """Stamps by the local clock, on the night in which it goes back."""
    stamps = np.r_[np.arange(0.0, 3600.0, 2.0), np.arange(0.0, 3600.0, 2.0)]
    state, passed_s = SignalState(), 0.0
    for stamp in stamps:
        state, told = read(state, 0.5, float(stamp), RULES)
        passed_s += told.dt_s
    assert passed_s == 7200.0
    assert (state.jumps, state.gaps) == (1, 0)


@given(st.lists(st.floats(allow_nan=True), max_size=50))
def test_what_is_read_is_always_usable(values: list[float]) -> None:
    shares, _ = read_all(np.array(values, float), RULES)
    assert np.all(np.abs(shares) <= 1.0)


def test_times_must_be_above_zero() -> None:
    with pytest.raises(InputError, match="2 faults"):
        SignalRules(hold_s=0.0, fade_s=np.nan)
