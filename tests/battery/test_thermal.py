"""A pack warms by its losses, exactly; worked numbers by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.battery.thermal import (
    ThermalMass,
    current_a,
    heat_w,
    most_power_kw,
    resistance_at,
)
from evergrid.core.errors import InputError

VOLTS, OHMS = np.array([400.0]), np.array([0.08])
PACK = ThermalMass(450.0 * 1000.0, 20.0)


@pytest.mark.parametrize(("power", "amperes"), [(11.0, 27.6529), (-11.0, -27.3504)])
def test_currents_by_hand(power: float, amperes: float):
    found = current_a(np.array([power]), VOLTS, OHMS)
    assert found[0] == pytest.approx(amperes, abs=5e-5)


def test_the_loss_at_11_kw():
    current = current_a(np.array([11.0]), VOLTS, OHMS)
    assert heat_w(current, OHMS)[0] == pytest.approx(61.175, abs=5e-4)


@pytest.mark.parametrize(
    ("power", "round_trip"), [(11.0, 0.989059), (3.7, 0.996307), (22.0, 0.978232)]
)
def test_round_trips_by_hand(power: float, round_trip: float):
    out = current_a(np.array([power]), VOLTS, OHMS)
    into = -current_a(np.array([-power]), VOLTS, OHMS)
    assert (into / out)[0] == pytest.approx(round_trip, abs=5e-7)


@given(st.floats(-100, 100))
def test_power_is_what_the_cells_give_less_the_heat(power: float):
    current = current_a(np.array([power]), VOLTS, OHMS)
    given_kw = (VOLTS * current - heat_w(current, OHMS)) / 1000
    assert given_kw == pytest.approx(np.array([power]), abs=1e-9)


def test_more_than_a_battery_can_give_is_refused():
    assert most_power_kw(VOLTS, OHMS)[0] == 500.0
    current_a(np.array([500.0]), VOLTS, OHMS)
    with pytest.raises(InputError, match="500 kW"):
        current_a(np.array([500.1]), VOLTS, OHMS)


def test_a_pack_warms_as_by_hand():
    start, air, heat = np.array([20.0]), np.array([20.0]), np.array([60.5])
    assert PACK.time_constant_h == 6.25
    assert PACK.warmed(start, heat, air, step_h=1.0)[0] == pytest.approx(20.4473, abs=5e-5)
    assert PACK.warmed(start, heat, air, step_h=1e4)[0] == pytest.approx(23.025)


@given(st.floats(-30, 60), st.floats(0, 2000), st.floats(-20, 40), st.floats(0.01, 48))
def test_heat_in_is_heat_out_and_warmth(start: float, heat: float, air: float, step: float):
    before, given_w, around = np.array([start]), np.array([heat]), np.array([air])
    after = PACK.warmed(before, given_w, around, step_h=step)
    mean = PACK.mean_c(before, given_w, around, step_h=step)
    stored = PACK.heat_capacity_j_per_k * (after - before)
    lost = PACK.conductance_w_per_k * (mean - around) * step * 3600
    assert stored + lost == pytest.approx(given_w * step * 3600, abs=1e-6 * step * 3600)


def test_a_step_may_be_cut():
    start, air, heat = np.array([10.0]), np.array([5.0]), np.array([300.0])
    whole = PACK.warmed(start, heat, air, step_h=3.0)
    parts = start
    for _ in range(30):
        parts = PACK.warmed(parts, heat, air, step_h=0.1)
    assert parts == pytest.approx(whole, rel=1e-12)


def test_cold_cells_resist_more():
    cold = resistance_at(OHMS, np.array([263.15]), activation_k=3000.0)
    assert cold[0] > 3 * OHMS[0]
    assert resistance_at(OHMS, np.array([298.15]), activation_k=3000.0)[0] == OHMS[0]


def test_masses_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="conductance_w_per_k"):
        ThermalMass(1e5, 0.0)
