"""Parameters of REGFM_A1: units of the droop, limits of chargers."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.inverter.regfm_a1 import RegfmA1, droop_from_rad_per_s


def test_a_droop_in_rad_per_s_is_refused_and_converted() -> None:
    with pytest.raises(InputError, match=r"use droop_from_rad_per_s: 3\.77 is 0\.01 at 60 Hz"):
        RegfmA1(power_droop_pu=3.77)
    assert droop_from_rad_per_s(0.01 * 2 * np.pi * 60, 60.0) == pytest.approx(0.01)
    assert droop_from_rad_per_s(0.01 * 2 * np.pi * 50, 50.0) == pytest.approx(0.01)
    with pytest.raises(InputError, match=r"0\.01 is in per unit already"):
        droop_from_rad_per_s(0.01, 60.0)
    with pytest.raises(InputError, match="be 50 or 60"):
        droop_from_rad_per_s(3.77, 377.0)


def test_a_charger_takes_as_much_as_it_feeds() -> None:
    model = RegfmA1(most_power_pu=0.8).bidirectional()
    assert (model.least_power_pu, model.most_power_pu) == (-0.8, 0.8)


def test_without_voltage_control_the_limiter_has_that_flags_gains() -> None:
    model = RegfmA1().without_voltage_control()
    assert (model.reactive_limit_gain, model.reactive_limit_integral_per_s) == (0.1, 10.0)
    assert not model.voltage_control


def test_a_power_above_the_current_is_refused() -> None:
    with pytest.raises(InputError, match="be at most most_current_pu"):
        RegfmA1(most_power_pu=1.5, most_current_pu=1.2)
