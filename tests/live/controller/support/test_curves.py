"""Curves have the slope that was found safe, and a droop delivers what its product asks for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import ConfigError, InputError
from evergrid.live.config import FrequencyDroopEntry, GridStrengthSource
from evergrid.live.controller.support import curves
from evergrid.live.ocpp import grid_functions
from evergrid.live.ocpp.charging.der_rules import der_faults
from evergrid.live.twin.charging.der_controls import DerControls
from evergrid.markets.rules import frequency_response
from tests.live.controller_cases import config

NAMED = frozenset({"VoltVar", "FreqDroop"})


def source(**more: float) -> GridStrengthSource:
    return GridStrengthSource(file="inverters.parquet", **more)  # pyright: ignore[reportArgumentType]


def test_category_b_of_ieee_1547_comes_out_of_its_own_slope():
    curve = curves.volt_var(0.44 / 0.06, source())
    np.testing.assert_allclose(
        curve.points, ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44)), atol=1e-12
    )


@given(slope=st.floats(0.01, 100.0), band=st.floats(0.0, 0.1), most=st.floats(0.05, 1.0))
def test_no_curve_is_steeper_than_its_slope_and_every_one_keeps_the_rules(
    slope: float, band: float, most: float
):
    curve = curves.volt_var(slope, source(deadband_pu=band, most_share=most))
    payload = grid_functions.payload(curve)
    assert der_faults(payload, NAMED) == []
    assert curves.steepest(payload) <= slope * (1 + 1e-6)
    assert max(share for _, share in curve.points) <= most + 1e-12


@given(voltage=st.floats(0.8, 1.2), power=st.floats(-11.0, 11.0))
def test_what_is_expected_is_what_the_twin_does_by_the_same_curve(voltage: float, power: float):
    curve = curves.volt_var(7.0, source())
    controls = DerControls()
    controls.put(grid_functions.payload(curve), 0.0)
    found = controls.support(power, 11.0, 11.0, now_s=0.0, frequency_hz=50.0, voltage_pu=voltage)
    expected = curves.expected_kvar(curve, voltage, 11.0, power)
    assert expected == pytest.approx(found.reactive_kvar, abs=1e-9)


@pytest.mark.parametrize("product", ["fcr", "fcr_n"])
def test_a_droop_delivers_no_less_than_its_product_asks_for(product: str):
    droop = curves.freq_droop(FrequencyDroopEntry(product=product))
    due = frequency_response.named(product).due
    for deviation in np.linspace(-0.3, 0.3, 601):
        shift = curves.expected_shift_kw(droop, 50.0 + float(deviation), 10.0)
        share = float(due(np.array([deviation]))[0])
        assert abs(min(max(shift / 10.0, -1.0), 1.0)) >= abs(share) - 1e-9
        assert shift * deviation <= 0


def test_an_own_droop_has_its_dead_band_and_all_of_its_power_at_the_full_deviation():
    droop = curves.freq_droop(FrequencyDroopEntry(deadband_hz=0.02, full_hz=0.5))
    assert (droop.under_hz, droop.over_hz) == (49.98, 50.02)
    assert droop.droop == pytest.approx(0.48 / 50.0)
    assert curves.expected_shift_kw(droop, 49.5, 11.0) == pytest.approx(11.0)
    assert curves.expected_shift_kw(droop, 50.01, 11.0) == 0.0


@pytest.mark.parametrize("product", ["fcr_d_up", "dc"])
def test_a_product_that_is_no_droop_is_refused(product: str):
    with pytest.raises(InputError, match="rises straight"):
        curves.freq_droop(FrequencyDroopEntry(product=product))


def test_a_dead_band_beyond_the_full_deviation_is_refused():
    with pytest.raises(ConfigError, match="deadband_hz"):
        config(frequency_droop={"deadband_hz": 0.3})


def test_a_step_in_a_curve_is_infinitely_steep():
    points = [{"x": 95, "y": 40}, {"x": 95, "y": 0}, {"x": 105, "y": 0}]
    assert curves.steepest({"curve": {"curveData": points}}) == math.inf
