"""What a vehicle asks for, and what a meter shows, with the signs of OCPP."""

import pytest

from evergrid.live.twin.charging.battery import charger
from evergrid.live.twin.driver import Stay
from evergrid.live.twin.wire.messages import MEASURANDS, StationReading, meter_value, needs

STAY = Stay("s", "card", 0.0, 3_600.0, 3_600.0, 60.0, 30.0, 48.0, 12.0, True)


def test_energies_asked_for_are_into_the_cells_from_where_they_stand():
    asked = needs(STAY, charger(11.0, 11.0, 3), 30.0, True, "ocpp2.1")["chargingNeeds"]
    found = asked["v2xChargingParameters"]
    assert found["evTargetEnergyRequest"] == 18_000.0
    assert found["evMaxEnergyRequest"] == 30_000.0
    assert found["evMinV2XEnergyRequest"] == -18_000.0  # below 0: it may discharge
    assert found["evMaxV2XEnergyRequest"] == 30_000.0
    assert found["targetSoC"] == 80
    assert found["minDischargePower"] == 4_140.0
    assert asked["departureTime"] == "1970-01-01T01:00:00.000Z"
    empty = needs(STAY, charger(11.0, 11.0, 3), 10.0, True, "ocpp2.1")["chargingNeeds"]
    assert empty["v2xChargingParameters"]["evMinV2XEnergyRequest"] == 2_000.0


def test_who_only_charges_asks_in_amperes():
    asked = needs(STAY, charger(7.4, 0.0, 1), 30.0, False, "ocpp2.0.1")["chargingNeeds"]
    assert asked["requestedEnergyTransfer"] == "AC_single_phase"
    assert asked["acChargingParameters"] == {
        "energyAmount": 18_000,
        "evMinCurrent": 6,
        "evMaxCurrent": 32,
        "evMaxVoltage": 400,
    }
    assert "controlMode" not in asked


@pytest.mark.parametrize("power_kw", [-7.5, 7.5])
def test_import_and_export_are_apart_and_the_set_point_is_positive_for_charging(power_kw: float):
    shown = StationReading(power_kw, -1.0, 12.5, 3.25, 0.5, 229.0, 49.98, power_kw)
    (value,) = meter_value(shown, MEASURANDS, 0.0, "Sample.Periodic")
    found = {one["measurand"]: one["value"] for one in value["sampledValue"]}
    assert found == {
        "Power.Active.Import": 7_500.0 if power_kw < 0 else 0.0,
        "Power.Active.Export": 7_500.0 if power_kw > 0 else 0.0,
        "Energy.Active.Import.Register": 12_500.0,
        "Energy.Active.Export.Register": 3_250.0,
        "SoC": 50.0,
        "Voltage": 229.0,
        "Frequency": 49.98,
        "Power.Active.Setpoint": -power_kw * 1000.0,
        "Power.Reactive.Export": 0.0,
        "Power.Reactive.Import": 1_000.0,
    }


def test_a_meter_without_measurands_shows_nothing():
    shown = StationReading(0.0, 0.0, 0.0, 0.0, None, 230.0, 50.0, 0.0)
    assert meter_value(shown, (), 0.0, "Trigger") == []
    (value,) = meter_value(shown, ("SoC", "Voltage"), 0.0, "Trigger")
    assert [one["measurand"] for one in value["sampledValue"]] == ["Voltage"]
