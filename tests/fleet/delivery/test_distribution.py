"""Distributions on a lattice: quantiles that do not depend on the last bit, tails, mixtures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.fleet.delivery.distribution import Distribution, mixed

DIE = Distribution(1.0, 1, np.full(6, 1 / 6))
SHARES = st.lists(st.integers(0, 20), min_size=1, max_size=30).filter(any)
POINTS = st.tuples(st.integers(-5, 40), SHARES)
LEVEL = st.floats(1e-6, 1 - 1e-6)


def built(points: tuple[int, list[int]]) -> Distribution:
    first, shares = points
    return Distribution(2.0, first, np.array(shares) / sum(shares))


def test_mean_and_spread_of_a_die() -> None:
    assert DIE.mean_kw == pytest.approx(3.5)
    assert DIE.sd_kw == pytest.approx(np.sqrt(35 / 12))


@pytest.mark.parametrize(("confidence", "firm"), [(1 / 6, 6), (0.5, 4), (5 / 6, 2), (0.84, 1)])
def test_a_level_that_is_met_exactly_is_met(confidence: float, firm: int) -> None:
    assert DIE.firm_kw(confidence) == firm


@pytest.mark.parametrize("nudge", [-1e-14, 0.0, 1e-14])
def test_rounding_of_the_masses_does_not_decide(nudge: float) -> None:
    mass = np.array([0.01 + nudge, 0.99 - nudge])
    assert Distribution(7.0, 3, mass).firm_kw(0.99) == 28.0


def test_a_level_that_is_missed_by_more_than_rounding_is_missed() -> None:
    assert Distribution(7.0, 3, np.array([0.01 + 1e-10, 0.99 - 1e-10])).firm_kw(0.99) == 21.0


@given(POINTS, LEVEL)
def test_the_firm_power_is_the_greatest_that_is_delivered_so_often(
    points: tuple[int, list[int]], level: float
) -> None:
    one = built(points)
    firm = one.firm_kw(level)
    assert one.probability_of(firm) >= level - 1e-11
    assert one.probability_of(firm + one.step_kw) < level + 1e-11


@given(POINTS, LEVEL, LEVEL)
def test_more_confidence_never_allows_more_power(
    points: tuple[int, list[int]], a: float, b: float
) -> None:
    one = built(points)
    assert one.firm_kw(max(a, b)) <= one.firm_kw(min(a, b))
    assert one.cvar_kw(max(a, b)) <= one.cvar_kw(min(a, b)) + 1e-6


@given(POINTS, LEVEL)
def test_the_worst_outcomes_are_those_of_the_variational_formula(
    points: tuple[int, list[int]], level: float
) -> None:
    one = built(points)
    # Rockafellar and Uryasev: the maximum over x of x - E[(x - X)+] / (1 - level), at a mass point.
    best = max(x - one.shortfall_kw(x) / (1 - level) for x in one.power_kw.tolist())
    assert one.cvar_kw(level) == pytest.approx(best, abs=1e-5)
    assert one.cvar_kw(level) <= min(one.firm_kw(level), one.mean_kw) + 1e-5


def test_the_worst_third_of_a_die_is_one_and_two() -> None:
    assert DIE.cvar_kw(2 / 3) == pytest.approx(1.5)
    assert DIE.cvar_kw(0.75) == pytest.approx((1 + 2 / 2) / 1.5)


@given(POINTS, LEVEL)
def test_the_shortfall_of_a_firm_offer_is_what_the_worst_outcomes_lack(
    points: tuple[int, list[int]], level: float
) -> None:
    one = built(points)
    firm = one.firm_kw(level)
    worst = one.shortfall_cvar_kw(firm, level)
    assert worst == pytest.approx(firm - one.cvar_kw(level), abs=1e-6)
    assert worst * (1 - level) == pytest.approx(one.shortfall_kw(firm), abs=1e-6)


def test_shortfall_of_a_die_against_an_offer() -> None:
    assert DIE.shortfall_kw(3.0) == pytest.approx((2 + 1) / 6)
    assert DIE.shortfall_kw(0.0) == 0.0


@given(POINTS, st.integers(1, 60))
def test_the_tail_is_the_probability_of_each_lattice_point(
    points: tuple[int, list[int]], count: int
) -> None:
    one = built(points)
    expected = [one.probability_of(k * one.step_kw) for k in range(count)]
    np.testing.assert_allclose(one.tail(count), expected, atol=1e-12)


@given(POINTS, POINTS, st.floats(0, 1), st.floats(-20, 120))
def test_a_mixture_has_the_mixed_tails(
    points: tuple[int, list[int]], others: tuple[int, list[int]], share: float, power: float
) -> None:
    one, other = built(points), built(others)
    both = mixed([one, other], np.array([share, 1 - share]))
    expected = share * one.probability_of(power) + (1 - share) * other.probability_of(power)
    assert both.probability_of(power) == pytest.approx(expected, abs=1e-12)
    assert both.mean_kw == pytest.approx(share * one.mean_kw + (1 - share) * other.mean_kw)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1 - 1e-12, 99.0, float("nan")])
def test_a_level_that_is_no_probability_is_refused(confidence: float) -> None:
    with pytest.raises(InputError, match=r"confidence must be above 0") as caught:
        DIE.firm_kw(confidence)
    assert caught.value.field == "confidence"


@pytest.mark.parametrize(
    ("step_kw", "mass", "field"),
    [
        (0.0, [1.0], "step_kw"),
        (float("nan"), [1.0], "step_kw"),
        (1.0, [0.5, 0.4], "mass"),
        (1.0, [1.5, -0.5], "mass"),
        (1.0, [float("nan"), 1.0], "mass"),
    ],
)
def test_what_is_no_distribution_is_refused(step_kw: float, mass: list[float], field: str) -> None:
    with pytest.raises(InputError) as caught:
        Distribution(step_kw, 0, np.array(mass))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("others", "weights", "field"),
    [
        ([], [], "weights"),
        ([DIE], [0.5, 0.5], "weights"),
        ([DIE, DIE], [0.5, 0.6], "weights"),
        ([DIE, DIE], [1.5, -0.5], "weights"),
        ([DIE, Distribution(2.0, 0, np.ones(1))], [0.5, 0.5], "step_kw"),
    ],
)
def test_what_is_no_mixture_is_refused(
    others: list[Distribution], weights: list[float], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        mixed(others, np.array(weights, float))
    assert caught.value.field == field
