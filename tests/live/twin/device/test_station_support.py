"""Grid support of a station: droop, reactive power, its controls, and a signal to follow."""

from typing import Any

import msgspec
import pytest

from evergrid.live.twin.charging.profiles import seconds, stamp
from evergrid.live.twin.device.power import LocalGrid
from tests.live.twin.central_system import order_profile
from tests.live.twin.device.rig import NAME, START_S, rig, run, stay, values

Payload = dict[str, Any]


def der(control: str, kind: str, field: str, settings: Payload, **more: Any) -> Payload:
    given = {"isDefault": True, "controlId": control, "controlType": kind, field: settings}
    return given | more


DROOP = {
    "priority": 0,
    "overFreq": 50.02,
    "underFreq": 49.98,
    "overDroop": 0.02,
    "underDroop": 0.02,
    "responseTime": 1.0,
}
VOLT_VAR = {
    "priority": 1,
    "yUnit": "PctMaxVar",
    "curveData": [{"x": 95, "y": 40}, {"x": 98, "y": 0}, {"x": 102, "y": 0}, {"x": 105, "y": -40}],
}


def test_droop_moves_power_with_frequency_and_is_removed_again():
    async def test() -> None:
        grid = LocalGrid()
        async with rig([stay()], setpoint_w=0.0, grid=grid) as (clock, central, one, _):
            await clock.run(300.0)
            droop = der("d1", "FreqDroop", "freqDroop", DROOP)
            assert await central.call(NAME, "SetDERControl", droop) == {"status": "Accepted"}
            powers = []
            for at_s, hz in ((310.0, 49.48), (320.0, 50.52), (330.0, 50.0)):
                grid.frequency_hz = hz
                one.bay.power.reconsider()
                await clock.run(at_s)
                powers.append(one.bay.power.advance().power_kw)
            # Half a hertz is half of the rating at a droop of 2 %: 5.52 kW, 8 A on three phases.
            assert powers == pytest.approx([5.52, -5.52, -0.005])
            clear = {"isDefault": True, "controlId": "d1"}
            assert await central.call(NAME, "ClearDERControl", clear) == {"status": "Accepted"}
            assert await central.call(NAME, "ClearDERControl", clear) == {"status": "NotFound"}
            grid.frequency_hz = 49.0
            one.bay.power.reconsider()
            await clock.run(340.0)
            assert one.bay.power.advance().power_kw == -one.spec.charger.standby_kw

    run(test)


def test_droop_does_not_discharge_a_vehicle_that_may_not():
    async def test() -> None:
        grid = LocalGrid()
        async with rig([stay()], grid=grid) as (clock, central, one, _):
            central.discharge = False
            await clock.run(300.0)
            droop = der("d1", "FreqDroop", "freqDroop", DROOP)
            await central.call(NAME, "SetDERControl", droop)
            grid.frequency_hz = 49.0
            one.bay.power.reconsider()
            await clock.run(310.0)
            assert one.bay.power.advance().power_kw == -one.spec.charger.standby_kw

    run(test)


def test_reactive_power_follows_voltage_and_shows_at_the_meter():
    async def test() -> None:
        grid = LocalGrid(voltage_pu=lambda _: 0.965)
        async with rig([stay()], setpoint_w=-6_900.0, grid=grid) as (clock, central, one, _):
            await clock.run(300.0)
            curve = der("v1", "VoltVar", "curve", VOLT_VAR)
            assert await central.call(NAME, "SetDERControl", curve) == {"status": "Accepted"}
            await clock.run(302.0)  # reported at once, long before the next sample
            shown = values(central.of("TransactionEvent")[-1])
            assert shown["Power.Reactive.Export"] == pytest.approx(0.2 * 11_040.0)
            assert shown["Power.Active.Export"] == 6_900.0
            assert shown["Voltage"] == pytest.approx(221.95)
            assert one.bay.power.outlet.state.reactive_kvar == pytest.approx(2.208)

    run(test)


def test_controls_give_way_are_reported_and_bad_ones_are_refused():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(300.0)
            first = der("d1", "FreqDroop", "freqDroop", DROOP | {"priority": 5})
            await central.call(NAME, "SetDERControl", first)
            second = der("d2", "FreqDroop", "freqDroop", DROOP)
            answer = await central.call(NAME, "SetDERControl", second)
            assert answer == {"status": "Accepted", "supersededIds": ["d1"]}
            for bad, code in (
                (der("d3", "FreqDroop", "curve", VOLT_VAR), "InvalidValue"),
                (der("d3", "FreqDroop", "freqDroop", DROOP | {"overDroop": 0}), "InvalidValue"),
                (der("d3", "FreqDroop", "freqDroop", DROOP, isDefault=False), "MissingParam"),
                (der("d3", "VoltVar", "curve", VOLT_VAR | {"yUnit": "PctMaxW"}), "InvalidValue"),
            ):
                answer = await central.call(NAME, "SetDERControl", bad)
                assert answer["statusInfo"]["reasonCode"] == code
            assert sum(one.record.broken.values()) == 4
            trip = der("d4", "HVMustTrip", "curve", VOLT_VAR)
            assert await central.call(NAME, "SetDERControl", trip) == {"status": "NotSupported"}
            answer = await central.call(NAME, "GetDERControl", {"requestId": 9})
            assert answer == {"status": "Accepted"}
            await clock.run(301.0)
            (report,) = central.of("ReportDERControl")
            superseded = {one["id"]: one["isSuperseded"] for one in report["freqDroop"]}
            assert superseded == {"d1": True, "d2": False}

    run(test)


def test_a_signal_moves_power_by_the_curve_that_was_set_before():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, orders):
            await clock.run(300.0)
            signal = {"timestamp": "2025-12-01T00:05:00Z", "signal": 50}
            assert (await central.call(NAME, "AFRRSignal", signal))["status"] == "Rejected"
            wire = msgspec.json.decode(
                msgspec.json.encode(order_profile(orders.transaction, 0.0, START_S))
            )
            wire["chargingSchedule"][0]["chargingSchedulePeriod"] = [
                {
                    "startPeriod": 0,
                    "operationMode": "CentralFrequency",
                    "setpoint": 0.0,
                    "v2xBaseline": -1_000.0,
                    "v2xSignalWattCurve": [
                        {"signal": -100, "power": 11_000.0},
                        {"signal": 100, "power": -11_000.0},
                    ],
                }
            ]
            profile = {"evseId": 1, "chargingProfile": wire}
            answer = await central.call(NAME, "SetChargingProfile", profile)
            assert answer == {"status": "Accepted"}
            assert await central.call(NAME, "AFRRSignal", signal) == {"status": "Accepted"}
            await clock.run(310.0)
            # 6.5 kW, in whole amperes.
            assert one.bay.power.advance().power_kw == pytest.approx(9 * 0.69)

    run(test)


def test_a_scheduled_control_says_when_it_begins_and_ends():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, _, _):
            await clock.run(300.0)
            curve = VOLT_VAR | {"startTime": stamp(START_S + 400.0), "duration": 100.0}
            scheduled = der("s1", "VoltVar", "curve", curve, isDefault=False)
            answer = await central.call(NAME, "SetDERControl", scheduled)
            assert answer == {"status": "Accepted"}
            await clock.run(399.0)
            assert central.of("NotifyDERStartStop") == []
            await clock.run(600.0)
        told = central.of("NotifyDERStartStop")
        assert [(one["controlId"], one["started"]) for one in told] == [("s1", True), ("s1", False)]
        assert seconds(told[1]["timestamp"]) == pytest.approx(START_S + 500.0, abs=0.01)

    run(test)


def test_an_alarm_of_the_grid_is_reported_and_so_is_its_end():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(300.0)
            one.bay.alarm("HVMustTrip", "OverVoltage", ended=False)
            one.bay.alarm("HVMustTrip", "OverVoltage", ended=True)
            await clock.run(301.0)
        assert [told["alarmEnded"] for told in central.of("NotifyDERAlarm")] == [False, True]

    run(test)
