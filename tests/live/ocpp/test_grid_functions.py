"""Functions for the grid are given, read back, refused where they would harm, and removed."""

import asyncio
import copy
import math
from typing import Any

import pytest
from msgspec.structs import replace

from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp import grid_functions
from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.charging.der_rules import der_faults
from evergrid.live.ocpp.charging.profile_rules import two_way
from evergrid.live.ocpp.charging.profiles import LocalFrequency, SignalResponse
from evergrid.live.ocpp.grid_functions import FreqDroop, VoltVar
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, shipped
from tests.live.ocpp.offline_link import OfflineStation
from tests.live.ocpp.recorder import SECRET, registered, running
from tests.live.ocpp.station_client import TIME, V2X_VARIABLES, StationClient

VOLT_VAR = VoltVar("vv", ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44)), 5.0)
DROOP = FreqDroop("fd", 50.2, 49.8, 0.05, 1.0, start_s=1.8e9, duration_s=3600.0)
MODES = {("ACDERCtrlr", "ModesSupported"): "VoltVar,FreqDroop"}
NAMED = frozenset({"VoltVar", "FreqDroop"})


class DerStation(StationClient):
    """Keeps functions and reports them in two parts; `spoil` changes what it reports."""

    def __init__(self) -> None:
        super().__init__("cp-1", variables={**V2X_VARIABLES, **MODES})
        self.controls: dict[str, dict[str, Any]] = {}
        self.superseded = False
        self.spoil = lambda report: None
        self.on |= {"SetDERControl": self._set, "ClearDERControl": self._clear}
        self.on["GetDERControl"] = self._get
        self.tasks: set[asyncio.Task[Any]] = set()

    def _set(self, payload: dict[str, Any]) -> dict[str, Any]:
        self.controls[payload["controlId"]] = payload
        return {"status": "Accepted"}

    def _clear(self, payload: dict[str, Any]) -> dict[str, Any]:
        found = self.controls.pop(payload["controlId"], None)
        return {"status": "Accepted" if found else "NotFound"}

    def _get(self, payload: dict[str, Any]) -> dict[str, Any]:
        found = copy.deepcopy(self.controls.get(payload["controlId"]))
        if found is None:
            return {"status": "NotFound"}
        head = {"id": found["controlId"], "isDefault": found["isDefault"]}
        head["isSuperseded"] = self.superseded
        if "curve" in found:
            part = {"curve": [{**head, "curveType": "VoltVar", "curve": found["curve"]}]}
        else:
            part = {"freqDroop": [{**head, "freqDroop": found["freqDroop"]}]}
        self.spoil(part)
        number = payload["requestId"]
        for report in ({"requestId": number, "tbc": True}, {"requestId": number, **part}):
            self.tasks.add(asyncio.create_task(self.ask("ReportDERControl", report)))
        return {"status": "Accepted"}


def test_functions_are_set_read_back_and_removed():
    asyncio.run(_set_and_read())


async def _set_and_read():
    async with running(registered("cp-1"), call_timeout_s=0.5) as (system, handler, port):
        station = DerStation()
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: "cp-1" in handler.found)
        functions = system.grid_functions
        for function in (VOLT_VAR, DROOP):
            assert await functions.set("cp-1", function) is OrderResult.ACCEPTED
        curve = station.controls["vv"]["curve"]
        assert curve["curveData"][0] == {"x": 92.0, "y": 44.0}
        assert station.controls["fd"]["freqDroop"]["startTime"].startswith("2027-01-15")

        def other(report: dict[str, Any]) -> None:
            report["curve"][0]["curve"]["curveData"][0]["y"] = 43.0

        station.spoil = other
        assert await functions.set("cp-1", VOLT_VAR) is OrderResult.REJECTED
        station.spoil, station.superseded = lambda report: None, True
        assert await functions.set("cp-1", VOLT_VAR) is OrderResult.REJECTED
        station.on["GetDERControl"] = lambda payload: {"status": "Accepted"}  # and no report
        assert await functions.set("cp-1", VOLT_VAR) is OrderResult.TIMED_OUT
        station.on["SetDERControl"] = lambda payload: {"status": "NotSupported"}
        assert await functions.set("cp-1", VOLT_VAR) is OrderResult.REJECTED
        assert await functions.clear("cp-1", "vv") is OrderResult.ACCEPTED
        assert await functions.clear("cp-1", "vv") is OrderResult.ACCEPTED  # it is not there
        sent = len(station.received)
        rising = replace(VOLT_VAR, points=((0.9, -0.4), (1.1, 0.4)))
        assert await functions.set("cp-1", rising) is OrderResult.REFUSED
        assert len(station.received) == sent
        assert handler.refusals[-1].rule == "grid function breaks rules"
        alarm = {"controlType": "VoltVar", "gridEventFault": "OverVoltage", "timestamp": TIME}
        await station.ask("NotifyDERAlarm", alarm)
        await station.ask("NotifyDERAlarm", {**alarm, "alarmEnded": True})
        alarms = [told[1:3] for name, told in handler.calls if name == "alarm"]
        assert alarms == [("der_VoltVar", False), ("der_VoltVar", True)]
        await asyncio.gather(*station.tasks)
        await station.close()
    assert await functions.set("cp-1", VOLT_VAR) is OrderResult.OFFLINE


def test_payloads_keep_schema_and_rules():
    for function in (VOLT_VAR, DROOP):
        payload = grid_functions.payload(function)
        assert shipped(OCPP_2_1).request_fault("SetDERControl", payload) is None
        assert der_faults(payload, NAMED) == []


WRONG = [
    (replace(VOLT_VAR, points=((0.9, -0.4), (1.1, 0.4))), "curveData"),
    (replace(VOLT_VAR, points=((1.1, 0.4), (0.9, -0.4))), "curveData"),
    (replace(VOLT_VAR, points=((1.0, 0.0),)), "curveData"),
    (replace(VOLT_VAR, points=((0.0, 0.4), (1.1, 0.0))), "curveData"),
    (replace(VOLT_VAR, points=((0.9, 1.5), (1.1, 0.0))), "curveData"),
    (replace(VOLT_VAR, points=((0.9, math.nan), (1.1, 0.0))), "curve"),
    (replace(VOLT_VAR, start_s=1.8e9), "startTime"),
    (replace(DROOP, duration_s=None), "startTime"),
    (replace(DROOP, duration_s=0.0), "duration"),
    (replace(DROOP, over_hz=49.0), "overFreq"),
    (replace(DROOP, under_hz=0.0), "overFreq"),
    (replace(DROOP, droop=0.0), "overDroop"),
    (replace(DROOP, droop=5.0), "overDroop"),  # per unit, not per cent
    (replace(DROOP, response_s=-1.0), "responseTime"),
    (replace(DROOP, over_hz=math.inf), "freqDroop"),
]


@pytest.mark.parametrize(("function", "field"), WRONG)
def test_26_functions_that_would_harm_do_not_leave(function: Any, field: str):
    faults = der_faults(grid_functions.payload(function), NAMED)
    assert faults
    assert faults[0].field == field


def test_functions_need_exactly_their_field_and_a_station_that_names_them():
    payload = grid_functions.payload(VOLT_VAR)
    assert der_faults(payload, frozenset())[0].field == "controlType"
    both = {**payload, "freqDroop": grid_functions.payload(DROOP)["freqDroop"]}
    assert der_faults(both, NAMED)[0].field == "curve"
    assert der_faults({**payload, "controlType": "FreqDroop"}, NAMED)[0].field == "freqDroop"


def test_a_session_follows_the_frequency_or_a_signal_by_itself():
    asyncio.run(_by_itself())


async def _by_itself():
    async with running(registered("cp-1")) as (system, handler, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: "cp-1" in handler.found)
        await station.transaction("Started", "tx", token="driver")
        session, orders = Session("cp-1", 1, "tx", 11.0, 11.0, 0.0), system.orders
        assert await orders.signal("cp-1", 1) is OrderResult.REFUSED
        droop = LocalFrequency(-1.0, ((49.8, 9.0), (50.0, 0.0), (50.2, -9.0)))
        assert await orders.begin(session, droop) is OrderResult.ACCEPTED
        period = _period(station)
        assert period["operationMode"] == "LocalFrequency"
        assert period["v2xBaseline"] == 1000.0
        assert period["v2xFreqWattCurve"][0] == {"frequency": 49.8, "power": -9000.0}  # discharges
        assert await orders.order(PowerOrder("cp-1", 1, "tx", 1.0)) is OrderResult.REFUSED
        beyond = LocalFrequency(-3.0, ((49.8, 9.0), (50.2, -9.0)))  # 12 kW at 50.2 Hz
        assert await orders.begin(session, beyond) is OrderResult.REFUSED

        curve = SignalResponse(0.0, ((-100, -10.0), (100, 10.0)))
        assert await orders.begin(session, curve) is OrderResult.ACCEPTED
        assert _period(station)["v2xSignalWattCurve"][1] == {"signal": 100, "power": -10000.0}
        assert await orders.signal("cp-1", 42) is OrderResult.ACCEPTED
        assert station.last("AFRRSignal")["signal"] == 42
        assert await orders.order(PowerOrder("cp-1", 1, "tx", 1.0)) is OrderResult.ACCEPTED
        await station.close()
    plain = OfflineStation(registered("cp-1"), abilities=Abilities(OCPP_2_1))
    plain.plug_in("tx")
    one_way = Session("cp-1", 1, "tx", 11.0, 0.0, 0.0)
    assert await plain.orders.begin(one_way, droop) is OrderResult.REFUSED


def _period(station: StationClient) -> dict[str, Any]:
    (schedule,) = station.last("SetChargingProfile")["chargingProfile"]["chargingSchedule"]
    (period,) = schedule["chargingSchedulePeriod"]
    assert two_way([period])
    return period
