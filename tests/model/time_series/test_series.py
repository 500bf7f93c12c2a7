"""A mean over other steps keeps the integral, a least value is one that held; none is guessed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evergrid.core.timegrid import TimeGrid, span
from evergrid.model.time_series import series
from tests.model.cases import DAY, faults_of, make_prices

START = datetime(2024, 1, 10, tzinfo=UTC)
VALUES = st.lists(st.integers(-500, 500).map(float), min_size=2, max_size=12)


def stamps(count: int, minutes: int = 60):
    return np.datetime64("2024-01-10", "us") + np.arange(count) * np.timedelta64(minutes, "m")


@given(VALUES, st.sampled_from([5, 15, 20, 30]))
def test_a_value_is_held_exactly_on_finer_steps(values: list[float], minutes: int):
    per_hour = 60 // minutes
    grid = TimeGrid(START, minutes / 60, per_hour * len(values))
    mean = series.mean_on(grid, stamps(len(values)), np.array(values), source="x")
    assert mean.tolist() == np.repeat(values, per_hour).tolist()


@given(VALUES, st.integers(1, 4))
def test_values_are_averaged_on_coarser_steps(values: list[float], hours: Any):
    steps = len(values) // hours
    assume(steps > 0)
    grid = TimeGrid(START, float(hours), steps)
    mean = series.mean_on(grid, stamps(len(values)), np.array(values), source="x")
    expected = np.reshape(values[: steps * hours], (steps, hours)).mean(axis=1)
    assert mean == pytest.approx(expected, abs=1e-9)


@given(VALUES, st.integers(0, 59), st.sampled_from([4, 7, 25, 45, 60, 90]))
def test_the_mean_keeps_the_integral_on_steps_that_fit_nowhere(
    values: list[float], offset: int, minutes: int
):
    room = 60 * len(values) - offset
    steps = room // minutes
    assume(steps > 0)
    grid = TimeGrid(START + timedelta(minutes=offset), minutes / 60, steps)
    mean = series.mean_on(grid, stamps(len(values)), np.array(values), source="x")
    by_minute = np.repeat(values, 60)[offset : offset + steps * minutes]
    assert mean == pytest.approx(by_minute.reshape(steps, minutes).mean(axis=1), abs=1e-8)


@given(VALUES)
def test_rows_are_averaged_alone(values: list[float]):
    table = np.array([values, [0.0] * len(values), values[::-1]])
    grid = TimeGrid(START, 0.75, len(values))
    together = series.mean_on(grid, stamps(len(values)), table, source="x")
    alone = [series.mean_on(grid, stamps(len(values)), row, source="x") for row in table]
    assert together.tolist() == np.array(alone).tolist()


@given(VALUES, st.integers(0, 59), st.sampled_from([4, 7, 25, 30, 45, 60, 90, 150]))
def test_the_least_over_a_step_is_that_of_its_minutes(
    values: list[float], offset: int, minutes: int
):
    steps = (60 * len(values) - offset) // minutes
    assume(steps > 0)
    grid = TimeGrid(START + timedelta(minutes=offset), minutes / 60, steps)
    least = series.least_on(grid, stamps(len(values)), np.array(values), source="x")
    by_minute = np.repeat(values, 60)[offset : offset + steps * minutes]
    assert least.tolist() == by_minute.reshape(steps, minutes).min(axis=1).tolist()


@given(VALUES, st.sampled_from([20, 60, 120]))
def test_the_least_is_never_above_the_mean_and_of_rows_alone(values: list[float], minutes: int):
    steps = 60 * len(values) // minutes
    table = np.array([values, values[::-1]])
    given_on = (TimeGrid(START, minutes / 60, steps), stamps(len(values)))
    least = series.least_on(*given_on, table, source="x")
    assert (least <= series.mean_on(*given_on, table, source="x") + 1e-9).all()
    alone = [series.least_on(*given_on, row, source="x") for row in table]
    assert least.tolist() == np.array(alone).tolist()


def test_an_infinite_value_is_the_least_only_where_there_is_no_other():
    values = np.array([np.inf, np.inf, 3.0, np.inf])
    least = series.least_on(TimeGrid(START, 2.0, 2), stamps(4), values, source="x")
    assert least.tolist() == [np.inf, 3.0]


def test_a_least_value_outside_the_series_is_refused():
    grid = TimeGrid(START, 1.0, 4)
    fault = faults_of(series.least_on, grid, stamps(3), np.zeros(3), source="limits")["time_utc"]
    assert fault.got == ("2024-01-10T00:00Z to 2024-01-10T03:00Z",)


@pytest.mark.parametrize(("start_h", "steps"), [(-1, 2), (0, 4), (2, 2)])
def test_steps_outside_the_series_are_refused_with_both_spans(start_h: int, steps: int):
    grid = TimeGrid(START + timedelta(hours=start_h), 1.0, steps)
    fault = faults_of(series.mean_on, grid, stamps(3), np.zeros(3), source="prices")["time_utc"]
    assert fault.got == ("2024-01-10T00:00Z to 2024-01-10T03:00Z",)
    assert fault.rule == f"cover the horizon {span(grid.start_utc, grid.end_utc)}"


@given(st.integers(0, 5), st.integers(2, 4), st.integers(2, 6), st.sampled_from([5, 15, 40, 60]))
def test_values_of_intervals_that_change_hold_to_the_next_stamp(
    offset: int, hours: int, quarters: int, minutes: int
):
    apart = np.append(0, [60] * hours + [15] * (quarters - 1))
    times = stamps(1)[0] + np.cumsum(apart) * np.timedelta64(1, "m")
    values = np.arange(1.0, len(times) + 1) ** 2
    by_minute = np.repeat(values, [60] * hours + [15] * quarters)[offset:]
    steps = len(by_minute) // minutes
    grid = TimeGrid(START + timedelta(minutes=offset), minutes / 60, steps)
    whole = by_minute[: steps * minutes].reshape(steps, minutes)
    mean = series.mean_on(grid, times, values, source="x")
    assert mean == pytest.approx(whole.mean(axis=1), abs=1e-9)
    assert series.least_on(grid, times, values, source="x").tolist() == whole.min(axis=1).tolist()


def test_a_series_that_misses_the_horizon_by_a_second_is_told_with_seconds():
    late = stamps(3) + np.timedelta64(1, "s")
    fault = faults_of(series.mean_on, TimeGrid(START, 1.0, 3), late, np.zeros(3), source="x")
    assert fault["time_utc"].got == ("2024-01-10T00:00:01Z to 2024-01-10T03:00:01Z",)
    assert fault["time_utc"].rule == "cover the horizon 2024-01-10T00:00Z to 2024-01-10T03:00Z"


def test_a_series_ends_where_its_last_interval_does():
    """Two hours and three quarters last 2.75 hours, however long the first intervals are."""
    apart = np.array([0, 60, 120, 135, 150]) * np.timedelta64(1, "m")
    prices = make_prices(5, time_utc=np.datetime64("2024-01-10", "us") + apart)
    kept = prices.on(TimeGrid(DAY.start_utc, 0.25, 11))
    held = np.repeat(prices.import_price_per_mwh, [4, 4, 1, 1, 1])
    assert kept.import_price_per_mwh.tolist() == held.tolist()
    beyond = faults_of(prices.on, TimeGrid(DAY.start_utc, 0.25, 12))["time_utc"]
    assert beyond.got == ("2024-01-10T00:00Z to 2024-01-10T02:45Z",)
