"""Exact sums: against every outcome, against SciPy, and the laws that any sum keeps."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet.delivery.distribution import Distribution
from evergrid.fleet.delivery.poisson_binomial import (
    distribution,
    distribution_on_lattice,
    distributions,
)
from tests.fleet.firm_cases import LEVELS, Fleet, enumerated, fleets, large


def summed(fleet: Fleet, step_kw: float = 1.0) -> Distribution:
    return distribution(fleet.probability, fleet.power_kw, step_kw=step_kw)


@given(fleets(10))
@settings(max_examples=25)
def test_a_small_fleet_has_the_probabilities_of_every_outcome(fleet: Fleet) -> None:
    found, expected = summed(fleet), enumerated(fleet)
    for total in np.unique([*expected, *found.power_kw]).tolist():
        mass = found.probability_of(total) - found.probability_of(total + 1.0)
        assert mass == pytest.approx(expected.get(total, 0.0), abs=1e-13)


@given(fleets(60), st.integers(0, 100))
@settings(max_examples=25)
def test_the_order_of_vehicles_does_not_matter(fleet: Fleet, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(fleet.power_kw))
    shuffled = summed(Fleet(fleet.probability[order], fleet.power_kw[order]))
    one = summed(fleet)
    np.testing.assert_allclose(shuffled.tail(1400), one.tail(1400), atol=1e-13)


@given(fleets(60), st.floats(0.01, 1000))
@settings(max_examples=25)
def test_powers_scale(fleet: Fleet, scale: float) -> None:
    one = summed(fleet)
    other = summed(Fleet(fleet.probability, scale * fleet.power_kw), scale)
    np.testing.assert_allclose(other.tail(1400), one.tail(1400), atol=1e-13)
    assert other.firm_kw(0.9) == pytest.approx(scale * one.firm_kw(0.9))


@given(fleets(200))
@settings(max_examples=25)
def test_mass_mean_and_variance_are_those_of_the_vehicles(fleet: Fleet) -> None:
    one, p, kw = summed(fleet), fleet.probability, fleet.power_kw
    assert one.mass.sum() == pytest.approx(1.0, abs=1e-13)
    assert one.mean_kw == pytest.approx(float(p @ kw), abs=1e-9)
    assert one.sd_kw**2 == pytest.approx(float(p * (1 - p) @ kw**2), abs=1e-8)


@given(fleets(20), st.floats(0, 1), st.integers(0, 22), st.sampled_from(LEVELS))
@settings(max_examples=25)
def test_another_vehicle_never_lowers_what_is_firm(
    fleet: Fleet, probability: float, power: int, level: float
) -> None:
    more = Fleet(np.append(fleet.probability, probability), np.append(fleet.power_kw, float(power)))
    assert summed(more).firm_kw(level) >= summed(fleet).firm_kw(level)


@given(fleets(20), st.floats(0, 1), st.sampled_from(LEVELS))
@settings(max_examples=25)
def test_more_reliable_vehicles_never_lower_what_is_firm(
    fleet: Fleet, share: float, level: float
) -> None:
    better = fleet.probability + share * (1 - fleet.probability)
    assert summed(Fleet(better, fleet.power_kw)).firm_kw(level) >= summed(fleet).firm_kw(level)


@pytest.mark.parametrize("probability", [1e-4, 0.3, 0.7, 0.9999])
@pytest.mark.parametrize("vehicles", [1, 7, 1000, 20_011])
def test_like_vehicles_are_binomial(vehicles: int, probability: float) -> None:
    each = Fleet(np.full(vehicles, probability), np.full(vehicles, 7.0))
    one = summed(each, 7.0)
    expected = stats.binom.pmf(one.first + np.arange(len(one.mass)), vehicles, probability)
    np.testing.assert_allclose(one.mass, expected, atol=1e-13)


@pytest.mark.parametrize("vehicles", [1, 1000, 3_000_000])
def test_a_class_of_vehicles_is_binomial(vehicles: int) -> None:
    count = np.array([vehicles])
    one = distribution(np.array([0.7]), np.array([7.0]), step_kw=7.0, count=count)
    expected = stats.binom.pmf(one.first + np.arange(len(one.mass)), vehicles, 0.7)
    np.testing.assert_allclose(one.mass, expected, rtol=1e-8, atol=1e-18)
    assert expected.sum() == pytest.approx(1.0, abs=1e-12)  # nothing lies outside the window


@given(fleets(8), st.integers(0, 5))
@settings(max_examples=25)
def test_classes_are_so_many_single_vehicles(fleet: Fleet, seed: int) -> None:
    count = np.random.default_rng(seed).integers(0, 9, len(fleet.power_kw))
    classes = distribution(fleet.probability, fleet.power_kw, step_kw=1.0, count=count)
    single = summed(Fleet(np.repeat(fleet.probability, count), np.repeat(fleet.power_kw, count)))
    np.testing.assert_allclose(classes.tail(2000), single.tail(2000), atol=1e-13)


@given(fleets(20), st.floats(0.3, 5), st.integers(1, 300))
@settings(max_examples=25)
def test_a_power_between_lattice_points_keeps_its_mean(
    fleet: Fleet, step_kw: float, many: int
) -> None:
    count = np.full(len(fleet.power_kw), many)
    one = distribution(fleet.probability, fleet.power_kw, step_kw=step_kw, count=count)
    p, kw = fleet.probability, fleet.power_kw
    added = one.sd_kw**2 - many * float(p * (1 - p) @ kw**2)
    slack = 1e-9 * many * (1 + float(kw @ kw))
    assert one.mean_kw == pytest.approx(many * float(p @ kw), rel=1e-9, abs=1e-9)
    assert -slack <= added <= step_kw**2 / 4 * count.sum() + slack


def test_windows_cut_nothing_that_matters() -> None:
    fleet = large(1, 500)
    by_step = np.ones(1)
    for p, kw in zip(fleet.probability.tolist(), fleet.power_kw.astype(int).tolist(), strict=True):
        by_step = np.convolve(by_step, np.append(1 - p, np.append(np.zeros(kw - 1), p)))
    expected = 1 - np.append(0.0, np.cumsum(by_step)[:-1])
    np.testing.assert_allclose(summed(fleet).tail(len(expected)), expected, atol=1e-13)


def test_several_states_are_summed_as_each_alone() -> None:
    fleet = large(2, 40)
    states = np.random.default_rng(0).random((700, 40))
    states[0] = 0.0
    together = distributions(states, fleet.power_kw, step_kw=1.0)
    for state in (0, 1, 350, 699):
        alone = summed(Fleet(states[state], fleet.power_kw))
        np.testing.assert_allclose(together[state].tail(400), alone.tail(400), atol=1e-13)


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 9))
@settings(max_examples=25)
def test_random_powers_are_convolved(seed: int, vehicles: int, levels: int) -> None:
    mass = np.random.default_rng(seed).dirichlet(np.ones(levels), vehicles)
    one = distribution_on_lattice(mass, step_kw=2.0)
    expected = np.ones(1)
    for row in mass:
        expected = np.convolve(expected, row)
    assert one.mean_kw == pytest.approx(2.0 * float((mass @ np.arange(levels)).sum()))
    tails = one.tail(len(expected))
    np.testing.assert_allclose(tails, np.cumsum(expected[::-1])[::-1], atol=1e-12)


def test_a_vehicle_that_delivers_or_not_is_one_of_two_levels() -> None:
    fleet = large(3, 30)
    mass = np.zeros((30, 12))
    mass[:, 0] = 1 - fleet.probability
    mass[np.arange(30), fleet.power_kw.astype(int)] = fleet.probability
    levels = distribution_on_lattice(mass, step_kw=1.0)
    np.testing.assert_allclose(levels.tail(300), summed(fleet).tail(300), atol=1e-13)


@pytest.mark.parametrize("probability", [[], [0.0, 0.0]])
def test_a_fleet_that_is_not_there_delivers_nothing(probability: list[float]) -> None:
    one = summed(Fleet(np.array(probability), np.full(len(probability), 7.0)))
    assert (one.first, one.mass.tolist()) == (0, [1.0])


@pytest.mark.slow
def test_ten_thousand_vehicles_take_a_fraction_of_a_second() -> None:
    fleet = large(0, 10_000)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        summed(fleet)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.5  # 0.04 s on a quiet core


@pytest.mark.parametrize(
    ("probability", "power_kw", "count", "field"),
    [
        ([0.5, 1.2], [7.0, 7.0], [1, 1], "probability"),
        ([0.5, float("nan")], [7.0, 7.0], [1, 1], "probability"),
        ([0.5, 0.5], [7.0, -7.0], [1, 1], "power_kw"),
        ([0.5, 0.5], [7.0, float("inf")], [1, 1], "power_kw"),
        ([0.5, 0.5], [7.0, 7.0], [1, -1], "count"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(
    probability: list[float], power_kw: list[float], count: list[int], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        distribution(np.array(probability), np.array(power_kw), step_kw=1.0, count=np.array(count))
    assert (caught.value.field, caught.value.faults[0].rows) == (field, (2,))


@pytest.mark.parametrize("mass", [[[0.5, 0.4]], [[1.5, -0.5]], [[np.nan, 1.0]], [[]]])
def test_levels_that_are_no_distribution_are_refused(mass: list[list[float]]) -> None:
    rows: Array = np.array(mass, float)
    with pytest.raises(InputError):
        distribution_on_lattice(rows, step_kw=1.0)
