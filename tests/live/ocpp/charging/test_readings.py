"""Meter values and needs in our units and with our sign."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.live.ocpp.charging.needs import NeedsError, charging_needs
from evergrid.live.ocpp.charging.readings import meter_values
from evergrid.live.ocpp.wire.envelope import Call
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, shipped
from evergrid.live.ocpp.wire.times import TimestampError, utc_s, utc_text

TIME = "2026-11-29T12:00:00Z"


def _sample(value: float, measurand: str | None = None, unit: str | None = None, **more: Any):
    sample: dict[str, Any] = {"value": value, **more}
    if measurand:
        sample["measurand"] = measurand
    if unit or "multiplier" in more:
        sample["unitOfMeasure"] = {"unit": unit} if unit else {}
        if "multiplier" in more:
            sample["unitOfMeasure"]["multiplier"] = sample.pop("multiplier")
    return sample


def _values(*values: dict[str, Any]):
    """Meter values as a station tells them, read as the central system reads them."""
    told = Call("1", "MeterValues", {"evseId": 1, "meterValue": list(values)})
    return meter_values(shipped(OCPP_2_1).checked(told).meterValue)


def _one(*samples: dict[str, Any]):
    (reading,) = _values({"timestamp": TIME, "sampledValue": list(samples)}).readings
    return reading


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_import_less_export_is_power_out_of_the_grid(drawn_w: float, fed_w: float):
    reading = _one(
        _sample(drawn_w, "Power.Active.Import", "W"), _sample(fed_w, "Power.Active.Export", "W")
    )
    assert reading.power_kw == pytest.approx((fed_w - drawn_w) / 1000, abs=1e-9)


@pytest.mark.parametrize(
    ("sample", "name", "value"),
    [
        (_sample(7.2, "Power.Active.Import", "kW"), "power_kw", -7.2),
        (_sample(7200, "Power.Active.Import"), "power_kw", -7.2),
        (_sample(72, "Power.Active.Export", "W", multiplier=2), "power_kw", 7.2),
        (_sample(-5000, "Power.Active.Setpoint", "W"), "setpoint_kw", 5.0),
        (_sample(1000, "Power.Reactive.Import", "var"), "reactive_kvar", -1.0),
        (_sample(1234), "drawn_kwh", 1.234),
        (_sample(1.5, "Energy.Active.Export.Register", "kWh"), "fed_kwh", 1.5),
        (_sample(55, "SoC", "Percent", location="EV"), "soc", 0.55),
        (_sample(49.9, "Frequency"), "frequency_hz", 49.9),
    ],
)
def test_units_and_signs(sample: dict[str, Any], name: str, value: float):
    reading = _one(sample)
    assert getattr(reading, name) == pytest.approx(value)
    told = {"power_kw", "setpoint_kw", "reactive_kvar", "drawn_kwh", "fed_kwh", "soc"} - {name}
    assert all(getattr(reading, other) is None for other in told)


@pytest.mark.parametrize(
    "sample",
    [
        _sample(16, "Power.Active.Import", "A"),
        _sample(16, "Current.Import", "W"),
        _sample(1e300, "Power.Active.Import", "kW"),
        _sample(1, "Power.Active.Import", "W", multiplier=300),
        _sample(101, "SoC", "Percent"),
        _sample(-1, "SoC", "Percent"),
    ],
)
def test_26_what_is_no_measurement_is_named_and_left_out(sample: dict[str, Any]):
    values = _values({"timestamp": TIME, "sampledValue": [sample]})
    (reading,) = values.readings
    assert len(values.faults) == 1
    assert (reading.power_kw, reading.soc, reading.drawn_kwh) == (None, None, None)


def test_phases_are_added_up_and_currents_stand_in_for_power():
    phases = ("L1", "L2", "L3")
    by_phase = [_sample(2000, "Power.Active.Import", "W", phase=phase) for phase in phases]
    volts = [_sample(230 + n, "Voltage", "V", phase=f"L{n}-N") for n in (1, 2, 3)]
    assert _one(*by_phase, *volts).power_kw == pytest.approx(-6.0)
    assert _one(*by_phase, *volts).voltage_v == pytest.approx(232.0)
    total = _sample(6100, "Power.Active.Import", "W")
    assert _one(total, *by_phase).power_kw == pytest.approx(-6.1)
    currents = [_sample(10, "Current.Export", "A", phase=phase) for phase in phases]
    assert _one(*currents, *volts).power_kw == pytest.approx(6.96)
    assert _one(*currents).power_kw is None  # no voltage, no power
    assert _one(_sample(10, "Current.Import", "A"), *volts).power_kw is None  # of which phase?


def test_readings_are_ordered_by_time_and_of_the_outlet_only():
    early, late = "2026-11-29T11:00:00+00:00", "2026-11-29T13:00:00+02:00"
    values = [
        {"timestamp": TIME, "sampledValue": [_sample(1)]},
        {"timestamp": late, "sampledValue": [_sample(2)]},
        {"timestamp": early, "sampledValue": [_sample(3, location="Body")]},
    ]
    found = _values(*values).readings
    assert [reading.time_s for reading in found] == [utc_s(late), utc_s(early), utc_s(TIME)]
    assert [reading.drawn_kwh for reading in found] == [0.002, None, 0.001]


@pytest.mark.parametrize("text", ["2026-11-29T12:00:00", "x", "2026-13-01T00:00:00Z", ""])
def test_a_moment_without_an_offset_or_a_date_is_refused(text: str):
    with pytest.raises(TimestampError):
        utc_s(text)


@given(st.floats(0, 4e9))
def test_moments_come_back(time_s: float):
    assert utc_s(utc_text(time_s)) == pytest.approx(time_s, abs=1e-3)


def _needs(**needs: Any):
    return charging_needs("cp", {"evseId": 1, "chargingNeeds": needs}, received_s=5.0)


def test_needs_of_dc_and_ac_without_v2x():
    direct = {"evMaxCurrent": 100, "evMaxVoltage": 400, "stateOfCharge": 50, "energyAmount": 9000}
    found = _needs(requestedEnergyTransfer="DC", dcChargingParameters=direct)
    assert (found.v2x, found.max_charge_kw, found.to_target_kwh) == (False, 40.0, 9.0)
    assert (found.max_discharge_kw, found.to_full_kwh, found.time_s) == (0.0, None, 5.0)
    full = {**direct, "evEnergyCapacity": 60_000, "fullSoC": 90}
    assert _needs(requestedEnergyTransfer="DC", dcChargingParameters=full).to_full_kwh == 24.0
    alternating = {"energyAmount": 8000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 230}
    found = _needs(requestedEnergyTransfer="AC_three_phase", acChargingParameters=alternating)
    assert (found.max_charge_kw, found.to_target_kwh) == (pytest.approx(11.04), 8.0)
    found = _needs(requestedEnergyTransfer="AC_single_phase", acChargingParameters=alternating)
    assert found.max_charge_kw == pytest.approx(3.68)


def test_needs_with_v2x_keep_their_signs_and_phases():
    both = {
        "maxChargePower": 3000,
        "maxChargePower_L2": 3000,
        "maxDischargePower": 5000,
        "evMinV2XEnergyRequest": 4000,
    }
    found = _needs(requestedEnergyTransfer="AC_BPT", v2xChargingParameters=both)
    assert (found.v2x, found.max_charge_kw, found.max_discharge_kw) == (True, 6.0, 5.0)
    assert found.to_reserve_kwh == 4.0  # below the range: it may not discharge yet
    found = _needs(requestedEnergyTransfer="AC_three_phase", v2xChargingParameters=both)
    assert (found.v2x, found.max_discharge_kw) == (False, 0.0)  # it did not ask for it
    assert not _needs(requestedEnergyTransfer="DC_BPT").max_discharge_kw


@pytest.mark.parametrize(
    "both", [{"maxChargePower": -1}, {"maxDischargePower": -1}, {"evTargetEnergyRequest": 1e300}]
)
def test_needs_out_of_any_range_are_refused(both: dict[str, float]):
    with pytest.raises(NeedsError):
        _needs(requestedEnergyTransfer="DC_BPT", v2xChargingParameters=both)
