"""Small fleets of unreliable vehicles, and their distribution by going through every outcome."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.fleet.delivery.common_factor import (
    AbstractFactor,
    BetaMixing,
    GaussianFactor,
    Independent,
    Regimes,
)

LEVELS = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class Fleet:
    probability: Array
    power_kw: Array


def _fleet(rows: list[tuple[float, int]]) -> Fleet:
    return Fleet(np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows]))


def fleets(most: int = 12) -> st.SearchStrategy[Fleet]:
    """Fleets whose powers are whole kilowatts, some of them certain or absent."""
    probability = st.floats(0, 1) | st.sampled_from([0.0, 0.7, 1.0])
    vehicle = st.tuples(probability, st.integers(0, 22))
    return st.lists(vehicle, min_size=1, max_size=most).map(_fleet)


FACTORS: dict[str, AbstractFactor] = {
    "independent": Independent(),
    "beta": BetaMixing(0.05),
    "gaussian": GaussianFactor(0.1),
    "outage": Regimes((0.97, 0.03), (1.0, 0.5)),
    "outage within beta": Regimes((0.97, 0.03), (1.0, 0.5), BetaMixing(0.02)),
}


def enumerated(fleet: Fleet) -> dict[float, float]:
    """Probability of each total power, from every combination of vehicles."""
    found: dict[float, float] = {}
    for outcome in product((False, True), repeat=len(fleet.power_kw)):
        delivers = np.array(outcome)
        chance = np.where(delivers, fleet.probability, 1 - fleet.probability).prod()
        total = float(fleet.power_kw[delivers].sum())
        found[total] = found.get(total, 0.0) + float(chance)
    return found


def large(seed: int, vehicles: int) -> Fleet:
    """Cars that are there with probabilities about 0.7, on chargers of 3, 7 and 11 kW."""
    rng = np.random.default_rng(seed)
    return Fleet(rng.beta(7, 3, vehicles), rng.choice([3.0, 7.0, 11.0], vehicles))
