"""Firm power with a common factor: exact against enumeration, and bounds that hold the exact."""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet.delivery import firm_power
from evergrid.fleet.delivery.common_factor import AbstractFactor, BetaMixing, Independent, Regimes
from evergrid.fleet.delivery.distribution import Distribution
from evergrid.fleet.delivery.probability_bins import gather
from tests.fleet.firm_cases import FACTORS, LEVELS, Fleet, enumerated, fleets, large

LEVEL_ARRAY = np.array(LEVELS)
EVERY = pytest.mark.parametrize("factor", FACTORS.values(), ids=list(FACTORS))


def summed(fleet: Fleet, factor: AbstractFactor) -> Distribution:
    return firm_power.distribution(fleet.probability, fleet.power_kw, factor, step_kw=1.0)


def firm(fleet: Fleet, factor: AbstractFactor) -> Array:
    one = summed(fleet, factor)
    return np.array([one.firm_kw(level) for level in LEVELS])


@EVERY
@given(fleet=fleets(6))
@settings(max_examples=10)
def test_a_small_fleet_is_the_mixture_of_every_outcome(
    factor: AbstractFactor, fleet: Fleet
) -> None:
    nodes = factor.nodes(6.0)
    expected: dict[float, float] = {}
    states = factor.given(fleet.probability, nodes)
    for weight, state in zip(nodes.weight.tolist(), states, strict=True):
        for total, chance in enumerated(Fleet(state, fleet.power_kw)).items():
            expected[total] = expected.get(total, 0.0) + weight * chance
    found = summed(fleet, factor)
    for total, chance in expected.items():
        mass = found.probability_of(total) - found.probability_of(total + 1.0)
        assert mass == pytest.approx(chance, abs=1e-6)


@EVERY
@given(fleet=fleets(30), power=st.integers(0, 22), probability=st.floats(0, 1))
@settings(max_examples=10)
def test_another_vehicle_never_lowers_what_is_firm(
    factor: AbstractFactor, fleet: Fleet, power: int, probability: float
) -> None:
    more = Fleet(np.append(fleet.probability, probability), np.append(fleet.power_kw, float(power)))
    assert (firm(more, factor) >= firm(fleet, factor)).all()


@EVERY
@given(fleet=fleets(30), share=st.floats(0, 1))
@settings(max_examples=10)
def test_more_reliable_vehicles_never_lower_what_is_firm(
    factor: AbstractFactor, fleet: Fleet, share: float
) -> None:
    better = fleet.probability + share * (1 - fleet.probability)
    assert (firm(Fleet(better, fleet.power_kw), factor) >= firm(fleet, factor)).all()


@EVERY
def test_the_order_of_vehicles_and_the_unit_of_power_do_not_matter(factor: AbstractFactor) -> None:
    fleet = large(1, 80)
    order = np.random.default_rng(1).permutation(80)
    shuffled = Fleet(fleet.probability[order], fleet.power_kw[order])
    np.testing.assert_array_equal(firm(shuffled, factor), firm(fleet, factor))
    watts = firm_power.distribution(
        fleet.probability, 1000 * fleet.power_kw, factor, step_kw=1000.0
    )
    assert watts.firm_kw(0.99) == pytest.approx(1000 * summed(fleet, factor).firm_kw(0.99))


def test_what_is_firm_falls_with_confidence_and_with_correlation() -> None:
    fleet = large(2, 200)
    found = np.array([firm(fleet, BetaMixing(rho)) for rho in (0.0, 0.001, 0.01, 0.05, 0.2)])
    assert (np.diff(found, axis=1) < 0).all()
    assert (np.diff(found[:, 1:], axis=0) <= 0).all()


@EVERY
@given(fleet=fleets(60))
@settings(max_examples=15)
def test_the_bracket_holds_the_exact_value(factor: AbstractFactor, fleet: Fleet) -> None:
    bins = gather(fleet.probability[:, None], fleet.power_kw)
    bounded = firm_power.offers_of_bins(bins, factor, LEVEL_ARRAY)
    exact = firm(fleet, factor)
    assert (bounded.low_kw[:, 0] <= exact + 1e-6).all()
    assert (bounded.high_kw[:, 0] >= exact - 1e-6).all()
    assert (bounded.low_kw <= bounded.firm_kw).all()
    assert (bounded.firm_kw <= bounded.high_kw).all()


@EVERY
def test_the_bracket_of_a_thousand_vehicles_is_narrow_and_holds_the_exact_value(
    factor: AbstractFactor,
) -> None:
    fleet = large(3, 1000)
    bins = gather(fleet.probability[:, None], fleet.power_kw)
    bounded = firm_power.offers_of_bins(bins, factor, LEVEL_ARRAY)
    exact = summed(fleet, factor)
    for level, low, high, near, cvar in zip(
        LEVELS,
        bounded.low_kw[:, 0],
        bounded.high_kw[:, 0],
        bounded.firm_kw[:, 0],
        bounded.cvar_kw[:, 0],
        strict=True,
    ):
        assert low <= exact.firm_kw(level) <= high
        assert high - low < 0.05 * exact.firm_kw(level)
        assert near == pytest.approx(exact.firm_kw(level), rel=0.004)
        assert cvar == pytest.approx(exact.cvar_kw(level), rel=0.004)
    assert bounded.mean_kw[0] == pytest.approx(exact.mean_kw, rel=1e-6)
    assert bounded.sd_kw[0] == pytest.approx(exact.sd_kw, rel=1e-5)


def steps(fleet: Fleet, seed: int, count: int = 3) -> Array:
    share = np.random.default_rng(seed).uniform(0.5, 1.0, count)
    return fleet.probability[:, None] * share


@EVERY
def test_offers_of_small_fleets_are_exact_step_by_step(factor: AbstractFactor) -> None:
    fleet = large(4, 60)
    probability = steps(fleet, 4)
    found = firm_power.offers(probability, fleet.power_kw, factor, LEVEL_ARRAY, step_kw=1.0)
    assert found.exact
    for step in range(3):
        one = summed(Fleet(probability[:, step], fleet.power_kw), factor)
        assert found.firm_kw[:, step].tolist() == [one.firm_kw(level) for level in LEVELS]
        assert found.cvar_kw[:, step].tolist() == [one.cvar_kw(level) for level in LEVELS]
        assert (found.mean_kw[step], found.sd_kw[step]) == (one.mean_kw, one.sd_kw)
    np.testing.assert_array_equal(found.low_kw, found.high_kw)
    np.testing.assert_allclose(found.shortfall_cvar_kw, found.firm_kw - found.cvar_kw)


def test_powers_may_change_from_step_to_step() -> None:
    fleet = large(5, 50)
    power_kw = fleet.power_kw[:, None] * np.array([1.0, 2.0, 3.0])
    probability = np.repeat(fleet.probability[:, None], 3, axis=1)
    found = firm_power.offers(
        probability, power_kw, BetaMixing(0.02), LEVEL_ARRAY, step_kw=1.0
    ).firm_kw
    np.testing.assert_allclose(found, found[:, :1] * np.array([1.0, 2.0, 3.0]))


def test_large_fleets_are_bounded_and_agree_with_what_is_exact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet, factor = large(6, 900), BetaMixing(0.01)
    probability = steps(fleet, 6)
    call = (probability, fleet.power_kw, factor, LEVEL_ARRAY)
    exact = firm_power.offers(*call, step_kw=1.0)
    block = firm_power.joint(*call, step_kw=1.0)
    monkeypatch.setattr(firm_power, "EXACT_WORK", 0)
    bounded = firm_power.offers(*call, step_kw=1.0)
    bounded_block = firm_power.joint(*call, step_kw=1.0)
    assert (exact.exact, block.exact) == (True, True)
    assert (bounded.exact, bounded_block.exact) == (False, False)
    for one, other in ((exact, bounded), (block, bounded_block)):
        assert (other.low_kw <= one.firm_kw).all()
        assert (other.high_kw >= one.firm_kw).all()
        np.testing.assert_allclose(other.firm_kw, one.firm_kw, rtol=0.005)


@pytest.mark.parametrize("factor", [Independent(), BetaMixing(0.05)], ids=str)
def test_a_block_of_one_step_is_that_step(factor: AbstractFactor) -> None:
    fleet = large(7, 100)
    one = fleet.probability[:, None]
    block = firm_power.joint(one, fleet.power_kw, factor, LEVEL_ARRAY, step_kw=1.0)
    np.testing.assert_array_equal(block.firm_kw, firm(fleet, factor))


@EVERY
def test_a_block_lies_between_bonferroni_and_its_weakest_step(factor: AbstractFactor) -> None:
    fleet = large(8, 80)
    probability = steps(fleet, 8, 4)
    block = firm_power.joint(probability, fleet.power_kw, factor, LEVEL_ARRAY, step_kw=1.0)
    each = firm_power.offers(probability, fleet.power_kw, factor, LEVEL_ARRAY, step_kw=1.0)
    shared = firm_power.offers(
        probability, fleet.power_kw, factor, 1 - (1 - LEVEL_ARRAY) / 4, step_kw=1.0
    )
    assert (block.firm_kw <= each.firm_kw.min(axis=1)).all()
    assert (block.firm_kw >= shared.firm_kw.min(axis=1)).all()


def test_independent_steps_multiply() -> None:
    count, kw = np.array([50]), np.array([7.0])
    probability = np.array([[0.9, 0.8, 0.85]])
    block = firm_power.joint(
        probability, kw, Independent(), np.array([0.95]), step_kw=7.0, count=count
    )
    kept = stats.binom.sf(np.arange(51) - 1, 50, probability.T).prod(axis=0)
    assert block.firm_kw[0] == 7.0 * np.flatnonzero(kept >= 0.95).max()


def test_vehicles_that_persist_keep_the_block_more_often_than_it_was_promised() -> None:
    rng, kept, days = np.random.default_rng(9), 0, 20_000
    block = firm_power.joint(
        np.full((1, 4), 0.7), np.ones(1), Independent(), np.array([0.9]), step_kw=1.0,
        count=np.array([40]),
    ).firm_kw[0]  # fmt: skip
    state = rng.random((days, 40)) < 0.7
    lowest = state.sum(axis=1)
    for _ in range(3):  # half of the vehicles stay as they are, the others are drawn anew
        state = np.where(rng.random(state.shape) < 0.5, state, rng.random(state.shape) < 0.7)
        lowest = np.minimum(lowest, state.sum(axis=1))
    kept = float((lowest >= block).mean())
    assert kept > 0.9 + 3 * np.sqrt(0.09 / days)


def test_a_quantile_is_blind_to_what_is_rarer_and_the_worst_mean_is_not() -> None:
    count = np.array([1000])
    call = (np.array([[0.7]]), np.array([7.0]))
    rare = Regimes((0.995, 0.005), (1.0, 0.6))
    with_outage, without = (
        firm_power.offers(*call, factor, LEVEL_ARRAY, step_kw=7.0, count=count)
        for factor in (rare, Independent())
    )
    assert with_outage.firm_kw[2, 0] > 0.99 * without.firm_kw[2, 0]
    assert with_outage.cvar_kw[2, 0] < 0.85 * without.cvar_kw[2, 0]


def test_steps_without_vehicles_promise_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    probability, kw = np.array([[0.7, 0.0], [0.9, 0.0]]), np.array([7.0, 7.0])
    for work in (firm_power.EXACT_WORK, 0):
        monkeypatch.setattr(firm_power, "EXACT_WORK", work)
        found = firm_power.offers(probability, kw, BetaMixing(0.1), LEVEL_ARRAY, step_kw=1.0)
        assert np.abs(found.firm_kw[:, 1]).max() < 1e-5
        assert found.mean_kw[1] == pytest.approx(0.0, abs=1e-9)


def test_a_fleet_of_nobody_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = np.zeros((0, 2))
    for work in (firm_power.EXACT_WORK, -1):
        monkeypatch.setattr(firm_power, "EXACT_WORK", work)
        call = (nobody, np.zeros(0), BetaMixing(0.1), LEVEL_ARRAY)
        found = firm_power.offers(*call, step_kw=1.0)
        assert (found.firm_kw == 0).all()
        assert (firm_power.joint(*call, step_kw=1.0).firm_kw == 0).all()


@pytest.mark.slow
def test_a_hundred_thousand_vehicles_in_a_day_take_seconds_and_little_memory() -> None:
    rng, vehicles = np.random.default_rng(10), 100_000
    probability, kw = rng.beta(7, 3, (vehicles, 96)), rng.choice([3.0, 7.0, 11.0], vehicles)
    call = (kw, BetaMixing(0.01), LEVEL_ARRAY)
    firm_power.offers(probability[:10], kw[:10], *call[1:], step_kw=1.0)  # compiles
    tracemalloc.start()
    begin = time.perf_counter()
    found = firm_power.offers(probability, *call, step_kw=1.0)
    took = time.perf_counter() - begin
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 30.0  # 2 s on two quiet cores
    assert peak < 120e6
    assert ((found.high_kw - found.low_kw) < 0.001 * found.firm_kw).all()


@pytest.mark.parametrize("function", [firm_power.offers, firm_power.joint])
@pytest.mark.parametrize(
    ("probability", "power_kw", "level", "step_kw", "field"),
    [
        (1.2, 7.0, 0.9, 1.0, "probability"),
        (float("nan"), 7.0, 0.9, 1.0, "probability"),
        (0.7, -7.0, 0.9, 1.0, "power_kw"),
        (0.7, 7.0, 99.0, 1.0, "confidence"),
        (0.7, 7.0, 0.9, 0.0, "step_kw"),
    ],
)
def test_what_cannot_be_is_refused(
    function: Callable[..., Any],
    probability: float,
    power_kw: float,
    level: float,
    step_kw: float,
    field: str,
) -> None:
    with pytest.raises(InputError) as caught:
        function(
            np.array([[probability]]),
            np.array([power_kw]),
            Independent(),
            np.array([level]),
            step_kw=step_kw,
        )
    assert caught.value.field == field


def test_a_block_without_steps_is_refused() -> None:
    with pytest.raises(InputError, match="steps"):
        firm_power.joint(np.zeros((1, 0)), np.ones(1), Independent(), LEVEL_ARRAY, step_kw=1.0)
