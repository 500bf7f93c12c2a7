"""Similarity: worked cases, and an independent referee for the distance."""

import numpy as np
import pytest
from scipy import stats

from evergrid.core.timegrid import TimeGrid, utc
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup
from tests.validation.mobility.comparison import (
    MeteredSessions,
    ks_distance,
    observe,
    overlap,
    similarity,
)


def test_overlap_of_a_sample_with_itself_is_one() -> None:
    values = np.array([0.5, 1.5, 1.6])
    assert overlap(values, values, np.arange(4.0)) == pytest.approx(1.0)


def test_overlap_of_disjoint_samples_is_zero() -> None:
    assert overlap(np.array([0.5]), np.array([2.5]), np.arange(4.0)) == 0.0


def test_overlap_counts_the_shared_area() -> None:
    one, other = np.array([0.5, 0.5, 1.5, 1.5]), np.array([1.5, 1.5, 1.5, 2.5])
    assert overlap(one, other, np.arange(4.0)) == pytest.approx(0.5)


def test_distance_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=500).round(1), rng.normal(0.3, 1.2, 300).round(1)
    referee = stats.ks_2samp(one, other)[0]  # type: ignore[arg-type]
    assert ks_distance(one, other) == pytest.approx(referee)


def test_likeness_of_a_set_with_itself_is_complete() -> None:
    arrival = np.array(["2022-01-01T18:30", "2022-01-02T07:00"], "datetime64[us]")
    real = MeteredSessions(arrival, np.array([12.0, 3.0]), np.array([9.0, 4.0]))
    assert [(one.overlap, one.distance) for one in similarity(real, real)] == [(1.0, 0.0)] * 3


def test_observed_energy_is_what_a_meter_at_the_plug_counts() -> None:
    group = FleetGroup(
        place="home", vehicles=20, sites=("a",), time_zone="Asia/Tokyo", efficiency_charge=0.5
    )
    grid = TimeGrid(utc("2022-01-01T00:00:00Z"), 1.0, 48)
    sessions = mobility.sessions(grid, [group], seed=1)
    seen = observe(sessions, "Asia/Tokyo")
    owed = sessions.energy_departure_kwh - sessions.energy_arrival_kwh
    np.testing.assert_allclose(seen.energy_kwh, 2 * owed)
    np.testing.assert_array_equal(seen.arrival_local, sessions.arrival_utc + np.timedelta64(9, "h"))
