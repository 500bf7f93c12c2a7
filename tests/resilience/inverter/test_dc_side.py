"""A battery behind an inverter: power and voltage by state of energy and cold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from tests.resilience.phasor.cases import dc_side


def test_limits_are_those_of_current_and_of_voltage() -> None:
    side = dc_side(0.5)
    found = side.limits(np.array([0.5]))
    assert found.rest_v[0] == 650.0
    by_current = (650.0 - 0.08 * 300.0) * 300.0 / 1e3 * 0.97
    assert found.discharge_kw[0] == pytest.approx(by_current)
    cold = dc_side(0.1, temperature_c=-20.0)
    ohm, rest = cold.resistance_ohm, 560.0 + 0.4 * 60.0
    by_voltage = 520.0 * (rest - 520.0) / ohm / 1e3 * 0.97
    assert cold.limits(np.array([0.1])).discharge_kw[0] == pytest.approx(by_voltage)
    assert ohm == pytest.approx(0.08 * np.exp(3000.0 * (1 / 253.15 - 1 / 298.15)))


def test_an_empty_battery_gives_nothing_and_a_full_one_takes_nothing() -> None:
    found = dc_side().limits(np.array([0.0, 1.0]))
    assert found.discharge_kw[0] == 0.0
    assert found.charge_kw[1] == 0.0
    assert found.charge_kw[0] < 0 < found.discharge_kw[1]


@given(st.floats(0.01, 0.98), st.floats(-30.0, 40.0))
def test_less_energy_and_more_cold_never_give_more_power(state: float, temperature_c: float) -> None:
    here = dc_side(temperature_c=temperature_c).limits(np.array([state, state + 0.01]))
    colder = dc_side(temperature_c=temperature_c - 5.0).limits(np.array([state]))
    assert here.discharge_kw[0] <= here.discharge_kw[1] + 1e-9
    assert colder.discharge_kw[0] <= here.discharge_kw[0] + 1e-9


def test_the_voltage_sags_with_power_energy_and_cold() -> None:
    side = dc_side(ac_voltage_v=440.0, regulated=False)
    assert side.most_voltage_pu(0.5, 0.0) == pytest.approx(650.0 / np.sqrt(2.0) / 440.0)
    assert side.cell_voltage_v(0.5, 97.0) == pytest.approx(650.0 - 0.08 * 100e3 / 637.45, abs=0.01)
    for worse in (
        side.most_voltage_pu(0.5, 100.0),
        side.most_voltage_pu(0.2, 0.0),
        replace(side, temperature_c=-20.0).most_voltage_pu(0.5, 100.0),
    ):
        assert worse < side.most_voltage_pu(0.5, 0.0)
    assert dc_side().most_voltage_pu(0.0, 100.0) == np.inf


def test_what_a_battery_cannot_do_is_refused() -> None:
    with pytest.raises(InputError, match="where the cells' resistance takes half"):
        dc_side().cell_voltage_v(0.5, 2000.0)
    with pytest.raises(InputError, match="reach 1131 V"):
        dc_side(ac_voltage_v=800.0, regulated=False)
    for value in (float("nan"), -0.1, 1.1):
        with pytest.raises(InputError, match="state must be in"):
            dc_side(value)
    with pytest.raises(InputError, match="efficiency"):
        dc_side(efficiency=0.0)
