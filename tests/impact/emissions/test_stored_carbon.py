"""Carbon in batteries: nothing appears, nothing vanishes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.impact.emissions.stored_carbon import Stays, StoredCarbon, inventory


def year(seed: int, steps: int) -> tuple[StoredCarbon, np.ndarray]:
    """A battery that is charged and fed at random, with losses both ways and standing losses."""
    rng = np.random.default_rng(seed)
    drawn, fed, standing, stored = (np.zeros((1, steps)) for _ in range(4))
    energy = 20.0
    for t in range(steps):
        standing[0, t] = 0.001 * energy
        energy -= standing[0, t]
        if rng.random() < 0.5:
            into = min(rng.uniform(0, 5), 100.0 - energy)
            drawn[0, t] = into / 0.93
            energy += into
        else:
            fed[0, t] = min(rng.uniform(0, 5), energy)
            energy -= fed[0, t]
        stored[0, t] = energy
    factor = rng.uniform(0, 800, steps)
    one = np.array([0])
    stays = Stays(one, one, np.array([steps]), np.array([20.0]))
    made = inventory(stays, drawn, fed, standing, stored, factor, elsewhere_kg_per_mwh=350.0)
    return made, factor


def test_carbon_of_a_year_of_8784_hours_is_conserved():
    made, factor = year(0, 8784)
    assert abs(made.imbalance_kg) < 1e-9 * made.charged_kg.sum()
    assert made.intensity_kg_per_mwh.max() <= 1.3 * factor.max()
    assert made.brought_kg.tolist() == [7.0]


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_nothing_appears_and_no_part_is_negative(seed: int, steps: int):
    made, _ = year(seed, steps)
    assert made.imbalance_kg == pytest.approx(0.0, abs=1e-9)
    for part in (made.fed_kg, made.standing_kg, made.left_kg):
        assert (part >= 0).all()


def test_fed_energy_carries_the_losses_of_charging_and_of_feeding():
    """10 kWh drawn at 500 kg/MWh store 9 kWh; all of it fed carries all 5 kg."""
    one = np.array([0])
    made = inventory(
        Stays(one, one, np.array([2]), np.array([0.0])),
        np.array([[10.0, 0.0]]),
        np.array([[0.0, 9.0]]),
        np.zeros((1, 2)),
        np.array([[9.0, 0.0]]),
        np.array([500.0, 900.0]),
        elsewhere_kg_per_mwh=0.0,
    )
    np.testing.assert_allclose(made.intensity_kg_per_mwh, [[5000.0 / 9.0, 0.0]])
    assert made.fed_kg.sum() == pytest.approx(5.0)
    assert made.left_kg.sum() == pytest.approx(0.0, abs=1e-12)


def test_a_trip_takes_its_carbon_along_and_what_is_charged_elsewhere_comes_from_there():
    """Leaves with 20 kWh of 200 kg/MWh, comes back with 12; another time with 25."""
    asset, first, stop = np.array([0, 0, 0]), np.array([0, 2, 4]), np.array([1, 3, 5])
    stored = np.zeros((3, 6))
    stored[0, 0], stored[1, 2], stored[2, 4] = 20.0, 12.0, 25.0
    nothing = np.zeros((3, 6))
    drawn = nothing.copy()
    drawn[0, 0] = 20.0
    made = inventory(
        Stays(asset, first, stop, np.array([0.0, 12.0, 25.0])),
        drawn,
        nothing,
        nothing,
        stored,
        np.full(6, 200.0),
        elsewhere_kg_per_mwh=600.0,
    )
    np.testing.assert_allclose(made.brought_kg, [0.0, 2.4, 2.4 + 13 * 0.6])
    np.testing.assert_allclose(made.driven_kg, [4.0 - 2.4, 2.4 - 10.2, 0.0])
