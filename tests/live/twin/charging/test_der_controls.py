"""What grid support makes of a power: droop, limits, curves over voltage, and who goes first."""

from typing import Any

import pytest

from evergrid.live.twin.charging.der_controls import DerControls, Support, droop_kw
from evergrid.live.twin.charging.profiles import stamp

NOW_S = 1_764_547_200.0
DROOP = {"overFreq": 50.036, "underFreq": 49.964, "overDroop": 0.05, "underDroop": 0.04}
CURVE = [{"x": 92, "y": 44}, {"x": 98, "y": 0}, {"x": 102, "y": 0}, {"x": 108, "y": -44}]


def controls(*given: tuple[str, str, dict[str, Any]], default: bool = True) -> DerControls:
    found = DerControls()
    for number, (kind, field, settings) in enumerate(given):
        wire = {
            "isDefault": default,
            "controlId": f"c{number}",
            "controlType": kind,
            field: {"priority": 0, **settings},
        }
        found.put(wire, NOW_S)
    return found


def support(found: DerControls, power_kw: float, *, hz: float = 50.0, pu: float = 1.0) -> Support:
    return found.support(power_kw, 11.0, 10.0, now_s=NOW_S, frequency_hz=hz, voltage_pu=pu)


def test_without_controls_nothing_changes():
    assert support(DerControls(), 3.0, hz=47.0, pu=0.8) == Support(3.0, 0.0)


def test_droop_is_that_of_ieee_1547():
    assert droop_kw(DROOP, 50.0, 11.0) == 0.0
    assert droop_kw(DROOP, 50.536, 11.0) == pytest.approx(-0.5 / (50 * 0.05) * 11.0)
    assert droop_kw(DROOP, 49.464, 11.0) == pytest.approx(0.5 / (50 * 0.04) * 11.0)


def test_support_keeps_the_ratings():
    found = controls(("FreqDroop", "freqDroop", DROOP))
    assert support(found, 9.0, hz=45.0).power_kw == 10.0
    assert support(found, -9.0, hz=55.0).power_kw == -11.0


def test_discharging_is_limited_and_charging_is_not():
    found = controls(("LimitMaxDischarge", "limitMaxDischarge", {"pctMaxDischargePower": 40}))
    assert support(found, 9.0).power_kw == 4.0
    assert support(found, -9.0).power_kw == -9.0


def test_high_voltage_limits_what_is_fed():
    curve = {"yUnit": "PctMaxW", "curveData": [{"x": 106, "y": 100}, {"x": 110, "y": 0}]}
    found = controls(("VoltWatt", "curve", curve))
    assert support(found, 9.0, pu=1.08).power_kw == pytest.approx(5.0)
    assert support(found, 9.0).power_kw == 9.0


def test_reactive_power_follows_voltage_within_what_power_leaves():
    found = controls(("VoltVar", "curve", {"yUnit": "PctMaxVar", "curveData": CURVE}))
    assert support(found, 0.0, pu=0.95).reactive_kvar == pytest.approx(2.42)
    assert support(found, 0.0, pu=1.08).reactive_kvar == pytest.approx(-4.84)
    assert support(found, -11.0, pu=1.08).reactive_kvar == 0.0
    of_room = controls(("VoltVar", "curve", {"yUnit": "PctVarAvail", "curveData": CURVE}))
    room = (11.0**2 - 9.0**2) ** 0.5
    assert support(of_room, 9.0, pu=0.92).reactive_kvar == pytest.approx(0.44 * room)


def test_a_reference_voltage_moves_the_curve():
    settings = {
        "yUnit": "PctMaxVar",
        "curveData": CURVE,
        "reactivePowerParams": {"vRef": 105},
    }
    found = controls(("VoltVar", "curve", settings))
    assert support(found, 0.0, pu=1.05).reactive_kvar == 0.0


def test_a_fixed_reactive_power_gives_way_to_a_curve():
    fixed = ("FixedVar", "fixedVar", {"setpoint": -50, "unit": "PctMaxVar"})
    assert support(controls(fixed), 0.0).reactive_kvar == -5.5
    curve = ("VoltVar", "curve", {"yUnit": "PctMaxVar", "curveData": CURVE})
    assert support(controls(fixed, curve), 0.0).reactive_kvar == 0.0


def test_a_scheduled_control_goes_before_the_default_one_in_its_time_only():
    found = controls(("LimitMaxDischarge", "limitMaxDischarge", {"pctMaxDischargePower": 50}))
    wire = {
        "isDefault": False,
        "controlId": "s",
        "controlType": "LimitMaxDischarge",
        "limitMaxDischarge": {
            "priority": 9,
            "pctMaxDischargePower": 10,
            "startTime": stamp(NOW_S + 60),
            "duration": 60.0,
        },
    }
    found.put(wire, NOW_S)
    in_force = [found.in_force("LimitMaxDischarge", NOW_S + s) for s in (0.0, 60.0, 119.0, 120.0)]
    assert [one.number for one in in_force if one is not None] == ["c0", "s", "s", "c0"]
    assert found.next_change_s(NOW_S) == NOW_S + 60
    assert found.next_change_s(NOW_S + 60) == NOW_S + 120
    assert found.clear(False, None, None) == 1
    assert found.clear(True, "VoltVar", None) == 0
    assert found.clear(True, None, "c0") == 1
    assert len(found) == 0
