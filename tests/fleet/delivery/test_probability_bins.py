"""Gathered fleets keep their sums, however they are cut up."""

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet.delivery.probability_bins import BINS, Bins, gather


def drawn(seed: int, vehicles: int = 300, steps: int = 11) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    probability = rng.beta(7, 3, (vehicles, steps))
    probability[0], probability[1] = 0.0, 1.0
    return probability, rng.choice([0.0, 3.0, 7.0, 11.0], (vehicles, steps))


def same(one: Bins, other: Bins) -> None:
    np.testing.assert_array_equal(one.lowest, other.lowest)
    np.testing.assert_array_equal(one.highest, other.highest)
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-12)
    np.testing.assert_array_equal(one.greatest_kw, other.greatest_kw)


def test_sums_are_those_of_the_vehicles() -> None:
    p, kw = drawn(1)
    bins = gather(p, kw)
    expected = [column.sum(axis=0) for column in (kw, kw * p, kw**2, kw**3)]
    np.testing.assert_allclose(bins.sums.sum(axis=1).T, expected)
    np.testing.assert_allclose(bins.total_kw, kw.sum(axis=0))
    np.testing.assert_array_equal(bins.greatest_kw, kw.max(axis=0))


def test_every_vehicle_is_in_the_bin_of_its_probability() -> None:
    p, kw = drawn(2)
    bins = gather(p, kw)
    number = np.minimum((p * BINS).astype(int), BINS - 1)
    for step in range(p.shape[1]):
        expected = np.bincount(number[:, step], kw[:, step], BINS)
        np.testing.assert_allclose(bins.sums[step, :, 0], expected)
    felt = kw > 0
    for one in np.unique(number[felt])[::40].tolist():
        inside = p[felt & (number == one)]
        assert (bins.lowest[one], bins.highest[one]) == (inside.min(), inside.max())


def test_parts_of_a_fleet_add_up() -> None:
    p, kw = drawn(3)
    same(gather(p[:120], kw[:120]) + gather(p[120:], kw[120:]), gather(p, kw))


def test_classes_are_so_many_vehicles() -> None:
    p, kw = drawn(4, vehicles=40)
    count = np.random.default_rng(4).integers(0, 6, 40)
    repeated = gather(np.repeat(p, count, axis=0), np.repeat(kw, count, axis=0))
    same(gather(p, kw, count=count), repeated)


def test_one_power_for_all_steps_is_that_power_in_each() -> None:
    p, kw = drawn(5)
    same(gather(p, kw[:, 0]), gather(p, np.repeat(kw[:, :1], p.shape[1], axis=1)))


def test_like_vehicles_count_as_themselves_and_a_giant_as_one() -> None:
    p = np.full((101, 1), 0.5)
    assert gather(p, np.full(101, 7.0)).like_vehicles == pytest.approx(101)
    giant = np.append(np.full(100, 1e-3), 1e3)
    assert gather(p, giant).like_vehicles == pytest.approx(1, abs=1e-3)


def test_parts_with_other_steps_do_not_add_up() -> None:
    with pytest.raises(InputError, match="steps must be as many"):
        gather(*drawn(6, steps=3)) + gather(*drawn(6, steps=4))


def test_what_is_no_probability_is_refused_with_its_row() -> None:
    p, kw = drawn(7)
    p[41, 3] = np.nan
    with pytest.raises(InputError, match=r"probability must be in \[0, 1\].*row 42") as caught:
        gather(p, kw)
    assert caught.value.field == "probability"
