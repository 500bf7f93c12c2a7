"""What the common factor leaves of a fleet without end."""

import numpy as np
import pytest
from scipy import stats

from evergrid.core.errors import InputError
from evergrid.fleet.delivery import firm_power
from evergrid.fleet.delivery.common_factor import (
    AbstractFactor,
    BetaMixing,
    GaussianFactor,
    Independent,
    Regimes,
)
from evergrid.fleet.delivery.diversity import diversity_floor, effective_vehicles
from tests.fleet.firm_cases import FACTORS, LEVELS, large

ONE, SEVEN_KW = np.array([0.7]), np.array([7.0])


@pytest.mark.parametrize("rho", [0.001, 0.01, 0.05, 0.1, 0.4])
@pytest.mark.parametrize("level", LEVELS)
def test_the_floor_of_like_vehicles_is_the_quantile_of_the_beta(rho: float, level: float) -> None:
    precision = 1 / rho - 1
    referee = stats.beta(0.7 * precision, 0.3 * precision).ppf(1 - level)
    found = diversity_floor(ONE, SEVEN_KW, BetaMixing(rho), level)
    assert found == pytest.approx(referee, abs=1e-6)


def test_the_floor_under_a_gaussian_factor_is_vasiceks() -> None:
    strength = stats.norm.ppf(0.7) - np.sqrt(0.05) * stats.norm.ppf(0.99)
    referee = stats.norm.cdf(strength / np.sqrt(0.95))
    assert diversity_floor(ONE, SEVEN_KW, GaussianFactor(0.05), 0.99) == pytest.approx(referee)


def test_independent_vehicles_diversify_away_all_but_their_mean() -> None:
    fleet = large(1, 100)
    mean = float(fleet.probability @ fleet.power_kw) / float(fleet.power_kw.sum())
    found = diversity_floor(fleet.probability, fleet.power_kw, Independent(), 0.999)
    assert found == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize(("chance", "floor"), [(0.02, 0.42), (0.005, 0.70)])
def test_an_outage_shows_where_it_is_likelier_than_the_level(chance: float, floor: float) -> None:
    outage = Regimes((1 - chance, chance), (1.0, 0.6))
    assert diversity_floor(ONE, SEVEN_KW, outage, 0.99) == pytest.approx(floor)


@pytest.mark.parametrize("factor", FACTORS.values(), ids=list(FACTORS))
def test_a_fleet_a_thousand_times_as_large_is_near_its_floor(factor: AbstractFactor) -> None:
    fleet = large(2, 200)
    floor = diversity_floor(fleet.probability, fleet.power_kw, factor, 0.99)
    count = np.full(200, 1_000_000)
    bins = firm_power.gather(fleet.probability[:, None], fleet.power_kw, count=count)
    offer = firm_power.offers_of_bins(bins, factor, np.array([0.99]))
    share = offer.firm_kw[0, 0] / float(bins.total_kw[0])
    assert share == pytest.approx(floor, abs=2e-4)


def test_the_design_effect_bounds_the_effective_number() -> None:
    assert effective_vehicles(1.0, 0.3) == 1.0
    assert effective_vehicles(1000.0, 0.0) == 1000.0
    assert effective_vehicles(1e12, 0.01) == pytest.approx(100.0)


def test_a_level_in_percent_is_refused() -> None:
    with pytest.raises(InputError, match="confidence"):
        diversity_floor(ONE, SEVEN_KW, Independent(), 99.0)


@pytest.mark.parametrize("rho", [-0.1, 1.5, float("nan")])
def test_a_correlation_out_of_range_is_refused(rho: float) -> None:
    with pytest.raises(InputError, match="rho"):
        effective_vehicles(10.0, rho)
