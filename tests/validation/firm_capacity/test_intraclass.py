"""Estimates of common movement: against their formula, and on days whose correlation is known."""

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.fleet.delivery.common_factor import BetaMixing
from tests.fleet.firm_cases import large
from tests.validation.firm_capacity import intraclass


def shares(rho: float, days: int, vehicles: int, rng: np.random.Generator) -> Array:
    precision = 1 / rho - 1
    p = rng.beta(0.7 * precision, 0.3 * precision, days)
    return rng.binomial(vehicles, p) / vehicles


def test_the_estimate_is_its_formula_and_the_error_the_jackknife() -> None:
    share, vehicles = np.array([0.5, 0.6, 0.72, 0.8, 0.55]), 50

    def formula(days: Array) -> float:
        mean = days.mean()
        return (days.var(ddof=1) / (mean * (1 - mean)) - 1 / vehicles) / (1 - 1 / vehicles)

    found = intraclass.of_shares(share, vehicles=float(vehicles))
    without = np.array([formula(np.delete(share, day)) for day in range(5)])
    assert found.rho == pytest.approx(formula(share))
    assert found.standard_error == pytest.approx(np.sqrt(4 / 5 * 5) * without.std())


def test_sixty_days_find_one_per_cent_and_say_how_well() -> None:
    rng = np.random.default_rng(1)
    found = [intraclass.of_shares(shares(0.01, 60, 1000, rng), vehicles=1000.0) for _ in range(400)]
    rho = np.array([one.rho for one in found])
    assert rho.mean() == pytest.approx(0.01, abs=0.0004)
    assert rho.std() == pytest.approx(0.0020, abs=0.0003)
    assert np.mean([one.standard_error for one in found]) == pytest.approx(rho.std(), rel=0.2)


def test_unequal_vehicles_give_the_correlation_they_were_drawn_with() -> None:
    rng, fleet, factor = np.random.default_rng(2), large(2, 200), BetaMixing(0.05)
    nodes = factor.nodes(1.0)
    p_given = factor.given(fleet.probability, nodes)
    state = rng.choice(len(nodes.weight), size=(100, 90), p=nodes.weight)
    days = np.tile(fleet.probability, (90, 1))
    found = []
    for states in state:
        delivered = (rng.random((90, 200)) < p_given[states]) @ fleet.power_kw
        found.append(intraclass.of_power(delivered, days, fleet.power_kw))
    rho = np.array([one.rho for one in found])
    assert rho.mean() == pytest.approx(0.05, abs=0.003)
    assert np.mean([one.standard_error for one in found]) == pytest.approx(rho.std(), rel=0.3)


def test_like_vehicles_give_the_same_estimate_either_way() -> None:
    share = shares(0.02, 500, 300, np.random.default_rng(3))
    probability, power_kw = np.full((500, 300), share.mean()), np.full(300, 7.0)
    by_power = intraclass.of_power(share * 300 * 7.0, probability, power_kw)
    by_share = intraclass.of_shares(share, vehicles=300.0)
    assert by_power.rho == pytest.approx(by_share.rho, rel=0.01)


def test_independent_vehicles_show_no_correlation() -> None:
    rng = np.random.default_rng(4)
    share = rng.binomial(1000, 0.7, 300) / 1000
    found = intraclass.of_shares(share, vehicles=1000.0)
    assert abs(found.rho) < 3 * found.standard_error
    assert found.standard_error < 2e-4


@pytest.mark.parametrize(
    ("share", "vehicles", "field"),
    [
        ([0.5, 0.6], 10.0, "days"),
        ([0.5, 0.6, 1.2], 10.0, "share"),
        ([0.5, 0.6, float("nan")], 10.0, "share"),
        ([1.0, 1.0, 0.9], 10.0, "share"),
        ([0.0, 0.0, 0.0], 10.0, "share"),
        ([0.5, 0.6, 0.7], 1.0, "vehicles"),
    ],
)
def test_a_history_that_tells_nothing_is_refused(
    share: list[float], vehicles: float, field: str
) -> None:
    with pytest.raises(InputError) as caught:
        intraclass.of_shares(np.array(share), vehicles=vehicles)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("delivered", "probability", "field"),
    [
        ([1.0, 2.0], 0.5, "days"),
        ([1.0, 2.0, float("nan")], 0.5, "delivered_kw"),
        ([1.0, 2.0, 3.0], 1.5, "probability"),
        ([1.0, 2.0, 3.0], 1.0, "probability"),
    ],
)
def test_a_history_of_powers_that_tells_nothing_is_refused(
    delivered: list[float], probability: float, field: str
) -> None:
    days = np.full((len(delivered), 2), probability)
    with pytest.raises(InputError) as caught:
        intraclass.of_power(np.array(delivered), days, np.array([3.0, 7.0]))
    assert caught.value.field == field
