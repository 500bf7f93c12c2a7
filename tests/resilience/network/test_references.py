"""References with impossible numbers are refused."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.kernels import RAMP_PER_S, V_FROM, V_TO
from evergrid.resilience.network.references import UnitReference
from tests.resilience.network.cases import island


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("voltage_v", -1.0),
        ("voltage_v", np.nan),
        ("ramp_start_s", np.inf),
        ("trim_rad_per_s", np.nan),
        ("dc_voltage_v", 0.0),
        ("dc_voltage_v", np.nan),
    ],
)
def test_a_number_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        UnitReference(**{name: value})


def test_a_ramp_has_a_start_and_a_duration() -> None:
    for given in ({"ramp_from_v": 0.0}, {"ramp_s": 0.5}):
        with pytest.raises(InputError, match="ramp_s must be above 0 with ramp_from_v"):
            UnitReference(**given)


def test_a_unit_that_is_told_nothing_keeps_the_voltage_of_its_inverter() -> None:
    told = assemble(island(), references={"u2": UnitReference(400.0, 10.0, ramp_s=0.5)}).tables.told
    assert told[:, V_TO].tolist() == [381.0, 400.0, 381.0]
    assert told[:, V_FROM].tolist() == [381.0, 10.0, 381.0]
    assert told[:, RAMP_PER_S].tolist() == [0.0, 2.0, 0.0]
