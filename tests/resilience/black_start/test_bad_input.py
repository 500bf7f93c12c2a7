"""Sites and sequences that cannot be done are refused with field, rule, value and way out."""

from typing import Any

import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.black_start.circuit import InverterSettings, circuit
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from tests.resilience.black_start.cases import site, van

SETTINGS = [
    (StartSequence, "ramp_s", 0.0),
    (StartSequence, "loading", 90.0),
    (StartSequence, "duration_s", float("inf")),
    (StartSequence, "settle_s", float("nan")),
    (SynchroCheck, "slip_hz", 0.0),
    (SynchroCheck, "greatest_angle_deg", -5.0),
    (ProtectionLimits, "over_current_s", -1.0),
    (ProtectionLimits, "under_voltage_pu", float("nan")),
    (ProtectionLimits, "pick_up_voltage_pu", 0.4),
    (InverterSettings, "droop_hz", -0.1),
    (InverterSettings, "connection_reactance_pu", -0.01),
    (InverterSettings, "current_limit_pu", float("inf")),
]


@pytest.mark.parametrize(("record", "field", "value"), SETTINGS)
def test_a_setting_out_of_range_is_named(record: type[Any], field: str, value: float):
    with pytest.raises(InputError) as caught:
        record(**{field: value})
    assert caught.value.field == field


def test_a_slip_beyond_its_own_limit_would_never_close():
    with pytest.raises(InputError, match="slip_hz must be at most greatest_slip_hz"):
        SynchroCheck(slip_hz=0.5)


@pytest.mark.parametrize(
    ("units", "field", "fix"),
    [
        ({"grid_forming": False, "black_start": False}, "grid_forming", "Chargers that follow"),
        ({"black_start": False}, "black_start", "stays dark"),
    ],
)
def test_a_site_that_cannot_start_is_refused(units: dict[str, bool], field: str, fix: str):
    with pytest.raises(InputError, match=fix) as caught:
        black_start(site(batteries=(van(1, **units), van(2, **units))))
    assert caught.value.field == field


def test_a_vehicle_that_comes_later_cannot_be_the_first():
    with pytest.raises(InputError, match="plugged in when the grid is lost") as caught:
        black_start(site(batteries=(van(1, arrival_h=0.5),)))
    assert caught.value.field == "batteries"


@pytest.mark.parametrize(
    ("told", "field", "words"),
    [
        ({"master": "vann 1"}, "start.master", "Did you mean van 1"),
        ({"master": "van 2"}, "start.master", "starts without voltage"),
        ({"order": ("van 1", "lihgts")}, "start.order", "Did you mean lights"),
        ({"order": ("van 1", "van 1")}, "start.order", "name each once"),
    ],
)
def test_a_sequence_that_names_what_cannot_be_is_refused(
    told: dict[str, Any], field: str, words: str
):
    batteries = (van(1), van(2, black_start=False))
    with pytest.raises(InputError, match=words) as caught:
        black_start(site(batteries=batteries), StartSequence(**told))
    assert caught.value.field == field


def test_a_grid_of_60_hz_is_no_grid_for_an_island_of_50():
    grid = GridReturn(at_s=5.0, frequency_hz=60.0)
    with pytest.raises(InputError, match="50 and 60 Hz cannot be connected") as caught:
        circuit(site(), InverterSettings(), grid)
    assert caught.value.got == (60.0,)


def test_a_grid_that_comes_after_the_end_is_refused():
    grid = GridReturn(at_s=60.0, frequency_hz=50.0)
    with pytest.raises(InputError, match=r"grid_return\.at_s must be below"):
        black_start(site(), StartSequence(duration_s=20.0), grid=grid)
