"""What scenarios prove: the exact bound, how many are needed, and how often it errs."""

import numpy as np
import pytest
from scipy.stats import binom

from evergrid.core.errors import InputError
from evergrid.resilience.metrics.requirement import (
    proportion_lower_bound,
    requirement_test,
    scenarios_needed,
)

NAN = float("nan")


def test_the_bound_without_a_failure_is_a_power() -> None:
    for count in (1, 59, 1000):
        bound = proportion_lower_bound(count, count, confidence=0.95)
        assert bound == pytest.approx(0.05 ** (1 / count), rel=1e-12)
    assert proportion_lower_bound(0, 10, confidence=0.95) == 0.0


def test_the_numbers_of_scenarios_of_the_tables() -> None:
    """Wilks: 59, 93, 124 and 153 runs for 95 % with 95 %, with 0 to 3 that do not meet it."""
    found = [scenarios_needed(0.95, confidence=0.95, not_met=misses) for misses in range(4)]
    assert found == [59, 93, 124, 153]
    assert scenarios_needed(0.99, confidence=0.99) == 459


@pytest.mark.parametrize("misses", [0, 1, 7])
@pytest.mark.parametrize(("share", "confidence"), [(0.95, 0.95), (0.5, 0.9), (0.999, 0.99)])
def test_one_scenario_fewer_does_not_prove_it(misses: int, share: float, confidence: float) -> None:
    needed = scenarios_needed(share, confidence=confidence, not_met=misses)
    bounds = [
        proportion_lower_bound(count - misses, count, confidence=confidence)
        for count in (needed, needed - 1)
        if count > misses
    ]
    assert bounds[0] >= share
    assert all(bound < share for bound in bounds[1:])


@pytest.mark.parametrize("true", [0.3, 0.9, 0.95])
def test_the_bound_is_above_the_truth_no_more_often_than_said(true: float) -> None:
    """Over every count that can come, by its probability: no simulation."""
    count = 80
    met = np.arange(count + 1)
    bounds = [proportion_lower_bound(k, count, confidence=0.95) for k in met.tolist()]
    wrong = binom.pmf(met, count, true)[np.array(bounds) > true].sum()
    assert 0.0 < wrong <= 0.05


def test_both_limits_must_be_kept_at_once() -> None:
    time_h = np.array([1.0, 2.0, 3.0, 8.0])
    reached = np.array([True, True, True, False])
    energy_kwh = np.array([10.0, 500.0, 20.0, 5.0])
    found = requirement_test(time_h, reached, energy_kwh, within_h=2.0, at_most_kwh=100.0)
    assert (found.met, found.scenarios, found.estimate, found.proven) == (1, 4, 0.25, False)
    assert found.lower_bound == proportion_lower_bound(1, 4, confidence=0.95)


@pytest.mark.parametrize(("count", "proven"), [(58, False), (59, True)])
def test_fifty_nine_scenarios_prove_what_fifty_eight_do_not(count: int, proven: bool) -> None:
    every = np.ones(count)
    found = requirement_test(every, every > 0, every, within_h=1.0, at_most_kwh=1.0)
    assert found.proven is proven


def test_a_scenario_that_was_not_followed_for_long_enough_is_refused() -> None:
    time_h, reached = np.array([1.0, 3.0]), np.array([True, False])
    with pytest.raises(InputError, match="time_h must be at least 4 h where censored"):
        requirement_test(time_h, reached, time_h, within_h=4.0, at_most_kwh=9.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"within_h": -1.0}, "within_h"),
        ({"within_h": NAN}, "within_h"),
        ({"at_most_kwh": -1.0}, "at_most_kwh"),
        ({"share": 95.0}, "share"),
        ({"confidence": 1.0}, "confidence"),
        ({"time_h": np.array([NAN])}, "time_h"),
        ({"energy_kwh": np.array([-1.0])}, "energy_kwh"),
    ],
)
def test_a_requirement_that_cannot_be_is_refused(change: dict[str, object], field: str) -> None:
    one = np.ones(1)
    given = {"time_h": one, "reached": one > 0, "energy_kwh": one}
    limits = {"within_h": 1.0, "at_most_kwh": 1.0}
    with pytest.raises(InputError) as caught:
        requirement_test(**{**given, **limits, **change})  # pyright: ignore[reportArgumentType]
    assert caught.value.field == field


def test_no_scenario_proves_nothing() -> None:
    none = np.zeros(0)
    for flags in (none, np.ones(1)):
        with pytest.raises(InputError, match="scenarios must be at least one"):
            requirement_test(none, flags > 0, none, within_h=1.0, at_most_kwh=1.0)


@pytest.mark.parametrize(
    ("met", "scenarios", "confidence", "field"),
    [
        (0, 0, 0.95, "scenarios"),
        (-1, 5, 0.95, "met"),
        (6, 5, 0.95, "met"),
        (1, 5, 95.0, "confidence"),
    ],
)
def test_counts_that_cannot_be_are_refused(
    met: int, scenarios: int, confidence: float, field: str
) -> None:
    with pytest.raises(InputError) as caught:
        proportion_lower_bound(met, scenarios, confidence=confidence)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("share", "not_met", "field"),
    [(1.0, 0, "share"), (0.95, -1, "not_met"), (1 - 1e-12, 0, "share")],
)
def test_what_no_number_proves_is_refused(share: float, not_met: int, field: str) -> None:
    with pytest.raises(InputError) as caught:
        scenarios_needed(share, confidence=0.95, not_met=not_met)
    assert caught.value.field == field
