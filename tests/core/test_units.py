"""Conversions go there and back, and agree with the definitions of the units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core import units

AMOUNTS = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(AMOUNTS)
def test_prices_per_kwh_and_per_mwh_are_inverse(price: float):
    there = units.per_kwh_from_per_mwh(price)
    assert units.per_mwh_from_per_kwh(there) == pytest.approx(price, rel=1e-15)


@given(AMOUNTS)
def test_consumption_and_grid_power_are_opposite_and_inverse(power_kw: float):
    consumption = units.consumption_from_grid_power(power_kw)
    assert consumption == -power_kw
    assert units.grid_power_from_consumption(consumption) == power_kw


def test_a_car_that_charges_feeds_negative_power():
    assert units.grid_power_from_consumption(7.2) < 0


def test_the_factors_are_those_of_the_definitions():
    assert units.per_kwh_from_per_mwh(250.0) == 0.25
    assert units.kwh_from_wh(1500.0) == 1.5
    assert units.kw_from_w(1500.0) == 1.5
    yard_m = 0.9144
    assert pytest.approx(1760 * yard_m / 1000, rel=1e-15) == units.KM_PER_MILE
    grain_kg = 64.79891e-6
    assert pytest.approx(7000 * grain_kg, rel=1e-15) == units.KG_PER_LB
    assert units.KG_PER_TONNE == units.KWH_PER_MWH == 1000
    assert units.S_PER_H == 60 * 60


def test_arrays_convert_like_their_elements():
    prices = np.array([-10.0, 0.0, 33.3])
    each = [units.per_kwh_from_per_mwh(float(price)) for price in prices]
    assert units.per_kwh_from_per_mwh(prices).tolist() == each
