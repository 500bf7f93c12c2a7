"""The worked examples as this code computes them: 1,000 cars of 7 kW, there 70 % of the time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from evergrid.core.arrays import Array
from evergrid.fleet.delivery import concentration, firm_power, poisson_binomial
from evergrid.fleet.delivery.common_factor import (
    AbstractFactor,
    BetaMixing,
    GaussianFactor,
    Independent,
    Regimes,
    binary_correlation,
)
from evergrid.fleet.delivery.distribution import Distribution
from evergrid.fleet.delivery.diversity import diversity_floor, effective_vehicles
from evergrid.fleet.firm_capacity import scores
from tests.validation.firm_capacity import intraclass

EXPECTED = Path(__file__).with_name("expected.csv")
CARS, SHARE, CAR_KW, LEVEL = 1000, 0.7, 7.0, 0.99
ALIKE = np.full(CARS, SHARE), np.full(CARS, CAR_KW)
RHOS = (0.0, 0.001, 0.01, 0.05, 0.1)
SIZES = (10, 100, 1000, 10_000, 100_000, 1_000_000)
STEPS = 16


def fleet(factor: AbstractFactor, cars: int = CARS) -> Distribution:
    """What so many like cars deliver, counted in cars."""
    share, count = np.array([SHARE]), np.array([cars])
    return firm_power.distribution(share, np.ones(1), factor, step_kw=1.0, count=count)


def block(factor: AbstractFactor) -> float:
    """Cars that are firm in all of 16 quarters of an hour together."""
    share = np.full((1, STEPS), SHARE)
    count, level = np.array([CARS]), np.array([LEVEL])
    found = firm_power.joint(share, np.ones(1), factor, level, step_kw=1.0, count=count)
    return float(found.firm_kw[0])


def unequal() -> tuple[Array, Array]:
    """Probabilities and powers of 10,000 unequal cars: the second draw of this seed."""
    rng = np.random.default_rng(0)
    for cars in (CARS, 10_000):
        drawn = rng.beta(7, 3, cars), rng.choice([3.0, 7.0, 11.0], cars)
    return drawn


def normal(one: Distribution) -> float:
    """The firm cars that a normal distribution of the same mean and spread would claim."""
    return one.mean_kw + one.sd_kw * float(stats.norm.ppf(1 - LEVEL))


def outage(chance: float) -> Regimes:
    """A common shock in which 0.70 becomes 0.42."""
    return Regimes((1 - chance, chance), (1.0, 0.6))


def values() -> dict[tuple[str, str], float]:
    """Every number of the table."""
    makers: list[Callable[[], dict[tuple[str, str], float]]]
    makers = [_methods, _correlations, _sizes, _shocks, _blocks, _unequal, _history, _scores]
    return {key: float(value) for make in makers for key, value in make().items()}


def kept(rho: float) -> float:
    """The promise whose keeping the table tells: what independence would claim, 663 in one row."""
    return 663.0 if rho == 0.1 else 666.0


def _methods() -> dict[tuple[str, str], float]:
    one = fleet(Independent())
    kw = poisson_binomial.distribution(*ALIKE, step_kw=CAR_KW)
    found = {
        "mean cars": one.mean_kw,
        "mean kW": kw.mean_kw,
        "sd kW": kw.sd_kw,
        "exact cars": one.firm_kw(LEVEL),
        "exact kW": kw.firm_kw(LEVEL),
        "P(X >= 666)": one.probability_of(666.0),
        "P(X >= 667)": one.probability_of(667.0),
    }
    for name in ("normal", "chernoff", "bernstein", "hoeffding"):
        bound_kw = getattr(concentration, f"{name}_kw")(*ALIKE, LEVEL)
        found |= {f"{name} cars": bound_kw / CAR_KW, f"{name} kW": bound_kw}
    return {("independent", name): value for name, value in found.items()}


def _correlations() -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for rho in RHOS:
        one = fleet(BetaMixing(rho))
        floor = diversity_floor(np.array([SHARE]), np.ones(1), BetaMixing(rho), LEVEL)
        found |= {
            (f"rho {rho:g}", "sd cars"): one.sd_kw,
            (f"rho {rho:g}", "effective cars"): effective_vehicles(float(CARS), rho),
            (f"rho {rho:g}", "firm cars"): one.firm_kw(LEVEL),
            (f"rho {rho:g}", f"P(X >= {kept(rho):g})"): one.probability_of(kept(rho)),
            (f"rho {rho:g}", "normal cars"): normal(one),
            (f"rho {rho:g}", "endless share"): floor,
        }
    return found


def _sizes() -> dict[tuple[str, str], float]:
    kinds = {"rho 0.01": BetaMixing(0.01), "independent": Independent()}
    return {
        (name, f"firm share of {cars}"): fleet(factor, cars).firm_kw(LEVEL) / cars
        for name, factor in kinds.items()
        for cars in SIZES
    }


def _shocks() -> dict[tuple[str, str], float]:
    common = fleet(outage(0.02))
    return {
        ("outage 2 %", "firm cars"): common.firm_kw(LEVEL),
        ("outage 2 %", "normal cars"): normal(common),
        ("outage 0.5 %", "firm cars"): fleet(outage(0.005)).firm_kw(LEVEL),
        ("gaussian 0.05", "binary rho"): binary_correlation(0.05, SHARE),
        ("gaussian 0.05", "firm cars"): fleet(GaussianFactor(0.05)).firm_kw(LEVEL),
    }


def _blocks() -> dict[tuple[str, str], float]:
    return {
        ("block rho 0.01", "firm cars"): block(BetaMixing(0.01)),
        ("block independent", "firm cars"): block(Independent()),
        ("block independent", "Bonferroni cars"): fleet(Independent()).firm_kw(
            1 - (1 - LEVEL) / STEPS
        ),
    }


def _unequal() -> dict[tuple[str, str], float]:
    probability, power_kw = unequal()
    exact = poisson_binomial.distribution(probability, power_kw, step_kw=1.0)
    return {
        ("unequal", "firm kW"): exact.firm_kw(LEVEL),
        ("unequal", "normal kW"): concentration.normal_kw(probability, power_kw, LEVEL),
    }


def _history() -> dict[tuple[str, str], float]:
    rng = np.random.default_rng(0)
    there = rng.binomial(CARS, rng.beta(SHARE * 99, (1 - SHARE) * 99, (500, 60))) / CARS
    found = np.array([intraclass.of_shares(days, vehicles=float(CARS)).rho for days in there])
    return {
        ("60 days of rho 0.01", "mean estimate"): float(found.mean()),
        ("60 days of rho 0.01", "sd of estimates"): float(found.std()),
    }


def _scores() -> dict[tuple[str, str], float]:
    """Expected scores where rho is 0.01: over every outcome, of ensembles of 2,000 quantiles."""
    cars = np.arange(CARS + 1.0)
    truth: Any = stats.betabinom(CARS, SHARE * 99, (1 - SHARE) * 99)
    weight = truth.pmf(cars)
    level = (np.arange(2000) + 0.5) / 2000
    found = {}
    for bid in (666.0, 583.0, 560.0):
        loss = scores.pinball_kw(cars, np.full(len(cars), bid), 1 - LEVEL)
        found["scores", f"pinball of {bid:g}"] = weight @ loss
    kinds: dict[str, Any] = {"correlated": truth, "independent": stats.binom(CARS, SHARE)}
    for name, forecast in kinds.items():
        members = np.tile(forecast.ppf(level), (len(cars), 1))
        found["scores", f"CRPS {name}"] = weight @ scores.crps_kw(cars, members)
    return found
