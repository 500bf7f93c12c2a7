"""Firm capacity against SciPy's distributions, quadrature and plain addition."""

import csv
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from evergrid.core.arrays import Array
from evergrid.fleet.delivery import firm_power
from evergrid.fleet.delivery.common_factor import (
    BetaMixing,
    GaussianFactor,
    Independent,
    binary_correlation,
)
from evergrid.fleet.delivery.diversity import diversity_floor
from evergrid.fleet.delivery.poisson_binomial import distribution
from evergrid.fleet.delivery.probability_bins import gather
from tests.validation.firm_capacity import worked

LEVELS = np.array([0.9, 0.99, 0.999])
# Where the worked examples were off; README.md says how.
SIMULATED = {
    ("60 days of rho 0.01", "mean estimate"),
    ("gaussian 0.05", "binary rho"),
    ("gaussian 0.05", "firm cars"),
    ("scores", "pinball of 666"),
    ("scores", "pinball of 583"),
    ("scores", "pinball of 560"),
    ("scores", "CRPS correlated"),
    ("scores", "CRPS independent"),
}
OFF_BY_ONE = {("block rho 0.01", "firm cars")}
SIMULATION_ERROR = 0.015  # relative


def beta_binomial(rho: float, cars: int = worked.CARS) -> Any:
    if rho == 0:
        return stats.binom(cars, worked.SHARE)
    precision = 1 / rho - 1
    return stats.betabinom(cars, worked.SHARE * precision, (1 - worked.SHARE) * precision)


def greatest(tail: Array, level: float) -> int:
    """Greatest number of cars that is reached so often, from P(X >= 0), P(X >= 1), ..."""
    return int(np.flatnonzero(tail >= level).max())


def rows() -> dict[tuple[str, str], tuple[str, str]]:
    with worked.EXPECTED.open(encoding="utf-8") as file:
        return {
            (r["example"], r["quantity"]): (r["worked"], r["ours"]) for r in csv.DictReader(file)
        }


def test_the_committed_table_is_what_the_code_gives() -> None:
    found, expected = worked.values(), rows()
    assert found.keys() == expected.keys()
    for key, (_, ours) in expected.items():
        unit = 10.0 ** -len(ours.partition(".")[2])
        assert found[key] == pytest.approx(float(ours), abs=0.501 * unit), key


def test_it_differs_from_the_worked_examples_only_where_it_is_said_to() -> None:
    apart = {key: pair for key, pair in rows().items() if float(pair[0]) != float(pair[1])}
    assert apart.keys() == SIMULATED | OFF_BY_ONE
    for key in SIMULATED:
        theirs, ours = (float(text) for text in apart[key])
        assert theirs == pytest.approx(ours, rel=SIMULATION_ERROR)


@pytest.mark.parametrize("rho", [0.0, 0.001, 0.01, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("cars", [10, 100, 1000, 10_000])
def test_like_cars_are_firm_to_the_car(rho: float, cars: int) -> None:
    referee, one = beta_binomial(rho, cars), worked.fleet(BetaMixing(rho), cars)
    for level in LEVELS.tolist():
        firm = one.firm_kw(level)
        assert referee.sf(firm - 1) >= level > referee.sf(firm)


@pytest.mark.parametrize("rho", [0.0, 0.001, 0.01, 0.05])
@pytest.mark.parametrize("cars", [1000, 30_000, 1_000_000])
def test_the_bounds_of_large_fleets_hold_the_exact_value(rho: float, cars: int) -> None:
    bins = gather(np.full((1, 1), worked.SHARE), np.ones(1), count=np.array([cars]))
    found = firm_power.offers_of_bins(bins, BetaMixing(rho), LEVELS)
    referee = beta_binomial(rho, cars)
    assert (referee.sf(np.floor(found.low_kw[:, 0]) - 1) >= LEVELS).all()
    assert (referee.sf(np.floor(found.high_kw[:, 0])) < LEVELS).all()


@pytest.mark.parametrize("rho", [0.001, 0.01, 0.05, 0.1])
def test_an_endless_fleet_has_the_quantile_of_the_beta(rho: float) -> None:
    precision = 1 / rho - 1
    referee = stats.beta(worked.SHARE * precision, (1 - worked.SHARE) * precision).ppf(0.01)
    found = diversity_floor(np.array([worked.SHARE]), np.ones(1), BetaMixing(rho), worked.LEVEL)
    assert found == pytest.approx(referee, abs=1e-6)


@pytest.mark.parametrize("chance", [0.02, 0.005])
def test_an_outage_mixes_two_binomials(chance: float) -> None:
    reached = np.arange(worked.CARS + 1) - 1
    normal, bad = (stats.binom.sf(reached, worked.CARS, p) for p in (0.7, 0.42))
    tail = (1 - chance) * normal + chance * bad
    one = worked.fleet(worked.outage(chance))
    for level in LEVELS.tolist():
        assert one.firm_kw(level) == greatest(tail, level)


def test_the_gaussian_factor_is_a_mixture_over_its_score() -> None:
    unit, unit_weight = np.polynomial.legendre.leggauss(400)
    score, weight = 8 * unit, 8 * unit_weight * stats.norm.pdf(8 * unit)
    p = stats.norm.cdf((stats.norm.ppf(worked.SHARE) + np.sqrt(0.05) * score) / np.sqrt(0.95))
    tail = weight @ stats.binom.sf(np.arange(worked.CARS + 1) - 1, worked.CARS, p[:, None])
    one = worked.fleet(GaussianFactor(0.05))
    for level in LEVELS.tolist():
        assert one.firm_kw(level) == greatest(tail, level)
    correlation = (weight @ p**2 - worked.SHARE**2) / (worked.SHARE * (1 - worked.SHARE))
    assert binary_correlation(0.05, worked.SHARE) == pytest.approx(correlation, abs=1e-9)


def test_a_block_is_kept_as_often_as_adaptive_quadrature_says() -> None:
    share: Any = stats.beta(worked.SHARE * 99, (1 - worked.SHARE) * 99)

    def kept(cars: int) -> float:
        def both(p: float) -> float:
            return share.pdf(p) * stats.binom.sf(cars - 1, worked.CARS, p) ** worked.STEPS

        return integrate.quad(both, 0.3, 0.95, points=[0.55, 0.6, 0.65], limit=200)[0]

    firm = int(worked.block(BetaMixing(0.01)))
    assert kept(firm) > worked.LEVEL > kept(firm + 1)
    each = stats.binom.sf(np.arange(worked.CARS + 1) - 1, worked.CARS, worked.SHARE)
    assert worked.block(Independent()) == greatest(each**worked.STEPS, worked.LEVEL)


@pytest.mark.slow
def test_unequal_cars_are_firm_as_plain_addition_says() -> None:
    probability, power_kw = worked.unequal()
    mass = np.zeros(1 + int(power_kw.sum()))
    mass[0], reached = 1.0, 1
    for p, kw in zip(probability.tolist(), power_kw.astype(int).tolist(), strict=True):
        there = p * mass[:reached]
        mass[:reached] -= there
        mass[kw : reached + kw] += there
        reached += kw
    below = np.append(0.0, np.cumsum(mass)[:-1])
    referee = int(np.flatnonzero(below <= 1 - worked.LEVEL).max())
    assert distribution(probability, power_kw, step_kw=1.0).firm_kw(worked.LEVEL) == referee
