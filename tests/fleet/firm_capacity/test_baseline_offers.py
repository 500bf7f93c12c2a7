"""Simple rules look at nothing but what they may."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity.baseline_offers import WINDOW_DAYS, baseline_offers
from evergrid.fleet.history.day_kind import WORKING, DayKinds, day_kinds

DAYS, FITTED = 160, 70
ROLLING, FIXED = ("rolling quantile", "rolling normal"), ("fixed quantile", "fixed share")
KINDS = day_kinds(
    np.datetime64("2024-01-01", "D") + np.arange(DAYS), np.array(["2024-05-01"], "datetime64[D]")
)


def power(seed: int) -> Array:
    return np.random.default_rng(seed).uniform(10, 100, (DAYS, 3))


def made(
    values: Array, *, lead: int = 2, known: Array | None = None, confidence: float = 0.95
) -> dict[str, Array]:
    whole = np.ones(DAYS, dtype=bool) if known is None else known
    return baseline_offers(
        values, whole, KINDS, confidence=confidence, lead_days=lead, fitted_days=FITTED
    )


@given(st.integers(0, 99), st.integers(1, 4), st.integers(FITTED, DAYS - 1))
@settings(max_examples=10)
def test_no_rule_looks_ahead(seed: int, lead: int, day: int) -> None:
    changed = power(seed)
    changed[day:] = 0.0
    one, two = made(power(seed), lead=lead), made(changed, lead=lead)
    for name in ROLLING:
        np.testing.assert_array_equal(one[name][: day + lead], two[name][: day + lead])
    for name in FIXED:
        np.testing.assert_array_equal(one[name], two[name])


@given(st.integers(0, 99), st.integers(WINDOW_DAYS + 5, DAYS - 1))
@settings(max_examples=10)
def test_rolling_rules_forget_days_before_their_window(seed: int, day: int) -> None:
    changed = power(seed)
    changed[: day - 1 - WINDOW_DAYS] = 0.0
    one, two = made(power(seed)), made(changed)
    for name in ROLLING:
        np.testing.assert_array_equal(one[name][day:], two[name][day:])


def test_no_rule_uses_unknown_days() -> None:
    known = np.random.default_rng(1).random(DAYS) < 0.8
    blank = np.where(known[:, None], power(1), 0.0)
    one, two = made(power(1), known=known), made(blank, known=known)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_fixed_rules_know_working_days_from_the_others() -> None:
    work = KINDS.group == WORKING
    values = np.where(work, 100.0, 20.0)[:, None] * np.ones(3)
    for name, promise in made(values).items():
        late = promise[FITTED:]
        np.testing.assert_allclose(late, values[FITTED:], err_msg=name)


@pytest.mark.parametrize(("confidence", "rank"), [(0.9, 2), (0.95, 1), (0.8, 4)])
def test_the_quantile_of_nineteen_days_has_the_rank_of_the_finite_sample(
    confidence: float, rank: int
) -> None:
    values = np.random.default_rng(0).permutation(19).astype(float)[:, None]
    kinds = DayKinds(*(np.full(19, WORKING) for _ in range(3)))
    rule = baseline_offers(
        values,
        np.ones(19, dtype=bool),
        kinds,
        confidence=confidence,
        lead_days=1,
        fitted_days=19,
    )["fixed quantile"]
    np.testing.assert_array_equal(rule, np.full((19, 1), rank - 1.0))


def test_the_normal_rule_stays_its_quantile_of_deviations_below_the_mean() -> None:
    """Five days of 90 to 110 kW: mean 100, deviation 7.906, so 100 - 1.645 x 7.906 at 95 %."""
    values = np.array([90.0, 95.0, 100.0, 105.0, 110.0, 0.0])[:, None]
    kinds = DayKinds(*(np.full(6, WORKING) for _ in range(3)))
    known = np.ones(6, dtype=bool)
    rules = baseline_offers(values, known, kinds, confidence=0.95, lead_days=1, fitted_days=6)
    expected = [0.0] * 5 + [86.996]  # five days are the least
    np.testing.assert_allclose(rules["rolling normal"][:, 0], expected, atol=1e-3)


def test_a_fixed_share_is_as_high_as_it_could_have_been() -> None:
    promise = made(power(4), confidence=0.9)["fixed share"]
    broken = (power(4) < promise - 1e-9)[:FITTED].mean()
    assert 0.08 <= broken <= 0.1 + 1e-9
