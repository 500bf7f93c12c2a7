"""What power causes: worked examples, flat factors, losses of wires."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.impact.emissions.consequence import (
    GridLosses,
    caused_kg,
    cycle_kg,
    embodied_kg,
    reduces,
)


@pytest.mark.parametrize(
    ("charge", "discharge", "tonnes"),
    [
        (400.0, 400.0, 0.520),
        (300.0, 700.0, -3.090),
        (450.0, 500.0, 0.150),
        (200.0, 450.0, -1.915),
        (900.0, 400.0, 5.520),
    ],
)
def test_ten_mwh_through_a_battery_are_the_worked_examples(
    charge: float, discharge: float, tonnes: float
):
    assert round(cycle_kg(10_000.0, charge, discharge, 0.87) / 1000.0, 3) == tonnes
    assert bool(reduces(np.array(charge), np.array(discharge), 0.87)) == (tonnes < 0)


def test_break_even_is_a_product_so_that_a_factor_of_nothing_is_none_too():
    assert reduces(np.array([609.0, 0.0, 0.0]), np.array([700.0, 1.0, 0.0]), 0.87).tolist() == [
        False,
        True,
        False,
    ]
    assert bool(reduces(np.array(608.9), np.array(700.0), 0.87))


@given(
    st.lists(st.floats(0, 50), min_size=1, max_size=20),
    st.floats(0, 1500),
    st.floats(0.5, 1.0),
)
def test_with_flat_factors_emissions_rise_by_the_factor_times_what_is_lost(
    drawn: list[float], factor: float, efficiency: float
):
    energy = np.array(drawn)
    caused = caused_kg(energy, efficiency * energy, np.full(len(energy), factor)).sum()
    lost_kwh = (1.0 - efficiency) * energy.sum()
    assert caused == pytest.approx(factor * lost_kwh / 1000.0, abs=1e-9)


def test_losses_of_wires_raise_what_is_drawn_and_what_is_displaced():
    caused = caused_kg(
        np.array([95.0, 0.0]),
        np.array([0.0, 90.0]),
        np.array([500.0, 500.0]),
        GridLosses(0.05, 0.1),
    )
    np.testing.assert_allclose(caused, [50.0, -50.0])


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_of_losses_that_is_none_is_refused(share: float):
    with pytest.raises(InputError, match="drawn must be a share"):
        GridLosses(share)


def test_embodied_carbon_is_that_of_the_part_of_the_pack_that_is_used_up():
    assert embodied_kg(np.array([0.25]), np.array([60.0]), 80.0).tolist() == [1200.0]
