"""Sums look back on usable days only, as far ahead as a day is told, newer ones counting more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.fleet.firm_capacity.past_sums import fading_sum, known_days, latest_sum

USABLE = np.array([True, False, True, True, False, True])
VALUES = np.array([[1.0], [10.0], [100.0], [1_000.0], [10_000.0], [100_000.0]])


@pytest.mark.parametrize(("lead", "days"), [(1, [0, 1, 1, 2, 3, 3]), (2, [0, 0, 1, 1, 2, 3])])
def test_known_days_are_the_usable_ones_up_to_the_lead(lead: int, days: list[int]) -> None:
    assert known_days(USABLE, lead_days=lead).tolist() == days


def test_weights_halve_with_every_half_life() -> None:
    sums = fading_sum(VALUES, USABLE, lead_days=2, half_life_days=2.0)[:, 0]
    root = np.sqrt(0.5)
    expected = [0, 0, 0.5, 0.5 * root, 0.25 + 50, 0.25 * root + 50 * root + 500]
    np.testing.assert_allclose(sums, expected, rtol=1e-12)


@given(st.integers(0, 99), st.integers(1, 5), st.floats(1, 50))
@settings(max_examples=20)
def test_fading_sums_are_those_of_all_pairs_of_days(seed: int, lead: int, half_life: float) -> None:
    draw = np.random.default_rng(seed)
    values, usable = draw.normal(size=(30, 3)), draw.random(30) < 0.7
    age = np.arange(30)[:, None] - np.arange(30)
    weight = np.where((age >= lead) & usable, 0.5 ** (age / half_life), 0.0)
    found = fading_sum(values, usable, lead_days=lead, half_life_days=half_life)
    np.testing.assert_allclose(found, weight @ values, atol=1e-12)


@pytest.mark.parametrize(
    ("count", "sums"), [(1, [0, 1, 1, 100, 1000, 1000]), (2, [0, 1, 1, 101, 1100, 1100])]
)
def test_the_latest_usable_days_are_summed_alike(count: int, sums: list[float]) -> None:
    found = latest_sum(VALUES, USABLE, lead_days=1, count=count)[:, 0]
    np.testing.assert_allclose(found, sums)
