"""Parameters of the droop inverter: what is refused, and what stands in a row."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.inverter.droop import INV_LC, DroopInverter


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize(
    "name",
    ["voltage_v", "droop_rad_per_s_per_w", "filter_inductance_h", "coupling_resistance_ohm"],
)
def test_a_number_that_is_negative_or_not_finite_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        DroopInverter(**{name: value})


@pytest.mark.parametrize(
    "name", ["coupling_inductance_h", "filter_capacitance_f", "voltage_gain_i"]
)
def test_what_is_divided_by_is_not_zero(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} must be above 0"):
        DroopInverter(**{name: 0.0})


def test_another_nominal_frequency_than_50_or_60_is_refused() -> None:
    with pytest.raises(InputError, match="nominal_hz must be 50 or 60, got 55"):
        DroopInverter(nominal_hz=55.0)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        DroopInverter(voltage_v=-1.0, current_gain_p=0.0, current_limit_a=np.nan)
    assert [fault.field for fault in caught.value.faults] == [
        "voltage_v",
        "current_gain_p",
        "current_limit_a",
    ]


def test_only_a_coupled_unit_has_a_way_for_its_output_current() -> None:
    inverter = DroopInverter()
    assert inverter.row(coupled=False)[INV_LC] == 0.0
    assert inverter.row(coupled=True)[INV_LC] == pytest.approx(1 / 0.35e-3)
