"""What an operator sends keeps the same rules; what the service was told before is remembered."""

import asyncio
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock, WallClock
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import CentralSystem
from evergrid.live.ocpp.charging import profiles
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, Schemas
from tests.live.ocpp.recorder import SECRET, Recorder, Register, registered, running
from tests.live.ocpp.station_client import V2X_VARIABLES, StationClient


def _profile(**more: Any) -> dict[str, Any]:
    period = {"startPeriod": 0, "limit": 2000.0}
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    return {
        "id": 990,
        "stackLevel": 3,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": [schedule],
        **more,
    }


_SECRET = {
    "component": {"name": "SecurityCtrlr"},
    "variable": {"name": "BasicAuthPassword"},
    "attributeValue": "x" * 20,
}


def test_an_operators_message_keeps_schema_and_rules():
    asyncio.run(_operator())


async def _operator():
    async with running(registered("cp-1"), call_timeout_s=0.3) as (system, handler, port):
        call = system.orders.call
        with pytest.raises(InputError, match="be connected"):
            await call("cp-1", "Reset", {"type": "Immediate"})
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: "cp-1" in handler.found)
        assert await call("cp-1", "Reset", {"type": "Immediate"}) == {"status": "Accepted"}
        before = len(station.received)
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("NoSuchThing", {}),
            ("Reset", {}),
            ("Reset", {"type": "Immediate", "extra": 1}),
            ("SetChargingProfile", {"evseId": 0, "chargingProfile": _profile(dynUpdateInterval=1)}),
            ("SetChargingProfile", {"evseId": 1, "chargingProfile": _profile(stackLevel=0)}),
            (
                "UpdateDynamicSchedule",
                {"chargingProfileId": 990, "scheduleUpdate": {"setpoint": -1000}},
            ),
            (
                "RequestStartTransaction",
                {
                    "idToken": {"idToken": "x", "type": "Central"},
                    "remoteStartId": 1,
                    "chargingProfile": _profile(),
                },
            ),
            (
                "NotifyAllowedEnergyTransfer",
                {"transactionId": "t", "allowedEnergyTransfer": ["DC_BPT"]},
            ),
            ("SetVariables", {"setVariableData": [_SECRET]}),
        ]
        for action, payload in wrong:
            with pytest.raises(InputError):
                await call("cp-1", action, payload)
        assert len(station.received) == before
        profile = _profile()
        await call("cp-1", "SetChargingProfile", {"evseId": 0, "chargingProfile": profile})
        assert [held["stackLevel"] for held in system.profiles("cp-1")] == [0, 3]
        await call("cp-1", "ClearChargingProfile", {"chargingProfileId": 990})
        assert [held["id"] for held in system.profiles("cp-1")] == [profiles.DEFAULT_ID]
        station.on["Reset"] = lambda payload: None
        with pytest.raises(InputError, match="timed_out"):
            await call("cp-1", "Reset", {"type": "Immediate"})
        await station.close()


def test_a_transaction_may_be_started_with_a_profile_that_only_charges():
    async def one():
        async with running(registered("cp-1")) as (system, handler, port):
            station = StationClient("cp-1")
            await station.connect(port, secret=SECRET)
            await station.boot()
            await handler.until(lambda: "cp-1" in handler.found)
            start = {
                "idToken": {"idToken": "x", "type": "Central"},
                "remoteStartId": 1,
                "evseId": 1,
            }
            good = _profile(chargingProfilePurpose="TxProfile")
            feeds = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": -1000.0}
            two_way = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [feeds]}
            for wrong in (
                good | {"transactionId": "tx"},
                good | {"chargingProfilePurpose": "TxDefaultProfile"},
                good | {"chargingSchedule": [two_way]},
            ):
                payload = start | {"chargingProfile": wrong}
                with pytest.raises(InputError):
                    await system.orders.call("cp-1", "RequestStartTransaction", payload)
            assert station.count("RequestStartTransaction") == 0
            payload = start | {"chargingProfile": good}
            await system.orders.call("cp-1", "RequestStartTransaction", payload)
            assert station.last("RequestStartTransaction") == payload
            await station.close()

    asyncio.run(one())


def test_an_operator_cannot_discharge_a_vehicle_whose_driver_has_not_agreed():
    asyncio.run(_operator_discharges())


async def _operator_discharges():
    async with running(registered("cp-1")) as (system, handler, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: "cp-1" in handler.found)
        await station.transaction("Started", "tx", token="driver")
        session = Session("cp-1", 1, "tx", 11.0, 5.0, 0.0)
        assert await system.orders.begin(session) is OrderResult.ACCEPTED
        number = profiles.session_id("cp-1", "tx")
        payload = {"chargingProfileId": number, "scheduleUpdate": {"setpoint": -4000.0}}
        await system.orders.call("cp-1", "UpdateDynamicSchedule", payload)
        payload["scheduleUpdate"] = {"setpoint": -6000.0}
        with pytest.raises(InputError):  # beyond the session's limit
            await system.orders.call("cp-1", "UpdateDynamicSchedule", payload)
        handler.discharging.clear()
        payload["scheduleUpdate"] = {"setpoint": -1000.0}
        with pytest.raises(InputError):
            await system.orders.call("cp-1", "UpdateDynamicSchedule", payload)
        await station.close()


def test_a_station_on_hold_may_only_boot_until_it_is_let_go():
    async def one():
        async with running(registered("cp-1")) as (system, handler, port):
            with pytest.raises(InputError, match="registered"):
                system.hold("cp-2", True)
            system.hold("cp-1", True)
            station = StationClient("cp-1")
            await station.connect(port, secret=SECRET)
            assert (await station.boot())["status"] == "Pending"
            message = await station.call("Heartbeat", {})
            assert message[2] == "SecurityError"
            await asyncio.sleep(0.2)  # longer than a boot is waited for
            assert "cp-1" not in handler.found
            system.hold("cp-1", False)
            answer = await system.orders.call(
                "cp-1", "TriggerMessage", {"requestedMessage": "BootNotification"}
            )
            assert answer["status"] == "Accepted"
            assert (await station.boot())["status"] == "Accepted"
            await handler.until(lambda: "cp-1" in handler.found)
            await station.ask("Heartbeat", {})
            await station.close()

    asyncio.run(one())


def test_a_transaction_from_before_a_restart_goes_on():
    asyncio.run(_restored())


async def _restored():
    async with running(registered("cp-1")) as (system, handler, port):
        system.restore("cp-1", "tx", 1, "driver")
        system.restore("nobody", "tx-2", 1, "driver")
        assert system.stations.owner("tx-2") is None
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: "cp-1" in handler.found)
        session = Session("cp-1", 1, "tx", 11.0, 5.0, 2.0)
        assert await system.orders.begin(session) is OrderResult.ACCEPTED
        await station.close()


def test_a_station_that_was_blocked_is_closed_and_stays_out():
    asyncio.run(_blocked())


async def _blocked():
    async with running(registered("cp-1")) as (system, handler, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await station.ask("Heartbeat", {})
        register: Any = system._credentials
        register.records["cp-1"] = registered("cp-1", blocked=True)
        await system.drop("cp-1", "blocked")
        await system.drop("nobody", "blocked")
        await handler.until(lambda: handler.names("cp-1") == ["connected", "disconnected"])
        await station.close()
        assert station.closed == (1008, "blocked")
        with pytest.raises(InvalidStatus):
            await StationClient("cp-1").connect(port, secret=SECRET)


@pytest.mark.parametrize("all_of_outlet", [True, False])
def test_v2x_that_belongs_to_an_outlet_is_found(all_of_outlet: bool):
    asyncio.run(_of_outlet(all_of_outlet))


async def _of_outlet(all_of_outlet: bool):
    async with running(registered("cp-1")) as (_, handler, port):
        station = StationClient("cp-1")

        def get(payload: dict[str, Any]) -> dict[str, Any]:
            results = []
            for data in payload["getVariableData"]:
                component = data["component"]
                name = (component["name"], data["variable"]["name"])
                v2x = component["name"] == "V2XChargingCtrlr"
                of_outlet = v2x and (all_of_outlet or name[1] != "Enabled")
                there = name in V2X_VARIABLES and of_outlet == ("evse" in component)
                value = {"attributeValue": V2X_VARIABLES[name]} if there else {}
                status = "Accepted" if there else "UnknownComponent"
                results.append({**data, "attributeStatus": status, **value})
            return {"getVariableResult": results}

        station.on["GetVariables"] = get
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: "cp-1" in handler.found)
        assert handler.found["cp-1"].v2x
        await station.close()


def test_the_end_of_the_service_is_the_end_of_every_link():
    asyncio.run(_stopped())


async def _stopped():
    stations = [StationClient(f"cp-{n}") for n in range(3)]
    records = [registered(station.identity) for station in stations]
    async with running(*records, connections=3) as (_, handler, port):
        for station in stations:
            await station.connect(port, secret=SECRET)
        await handler.until(lambda: len(handler.found) == 3)
        with pytest.raises(InvalidStatus) as refused:
            await StationClient("cp-0").connect(port, secret=SECRET)
        assert refused.value.response.status_code == 503
    for station in stations:
        await station.close()
        assert station.closed == (1001, "the service stops")
        assert handler.names(station.identity) == ["connected", "disconnected"]


def test_other_schemas_can_take_the_place_of_those_that_ship(tmp_path: Path):
    source = files("ocpp.v21").joinpath("schemas")
    with pytest.raises(InputError, match="hold the schemas"):
        Schemas(OCPP_2_1, tmp_path)
    with pytest.raises(InputError, match="version"):
        Schemas("ocpp1.6")
    for name in ("BootNotificationRequest", "HeartbeatRequest", "HeartbeatResponse"):
        shutil.copy(str(source.joinpath(f"{name}.json")), tmp_path / f"{name}.json")
    later = (tmp_path / "HeartbeatRequest.json").read_text(encoding="utf-8-sig")
    added = '"properties": {"added": {"type": "integer"},'
    (tmp_path / "HeartbeatRequest.json").write_text(later.replace('"properties": {', added))
    settings = Settings(schemas=((OCPP_2_1, tmp_path),))
    system = CentralSystem(Recorder(), Register(), WallClock(), settings)
    schemas = system._schemas[OCPP_2_1]
    assert schemas.request_fault("Heartbeat", {"added": 1}) is None
    assert schemas.request_fault("Heartbeat", {"added": "1"}) is not None
    assert not schemas.knows("TransactionEvent")


@pytest.mark.parametrize("name", ["ping_s", "floor_kw", "connections", "order_timeout_s"])
def test_settings_out_of_range_are_named(name: str):
    with pytest.raises(InputError, match=name):
        replace(Settings(), **{name: 0 if name == "connections" else 0.0})


def test_26_an_hour_of_orders_every_two_seconds_in_virtual_time():
    asyncio.run(_virtual_hour())


async def _virtual_hour():
    clock = VirtualClock(1.8e9)
    async with running(registered("cp-1"), clock=clock, boot_wait_s=2.0) as (system, handler, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: handler.names("cp-1") == ["connected"])
        await asyncio.sleep(0.05)
        await clock.run(3.0)
        assert "cp-1" in handler.found
        await station.transaction("Started", "tx", token="driver")
        results, times = [], []

        async def control() -> None:
            await system.orders.begin(Session("cp-1", 1, "tx", 11.0, 11.0, 0.0))
            for tick in range(1800):
                await clock.sleep(2.0)
                began = clock.monotonic_s()
                with clock.working():
                    order = PowerOrder("cp-1", 1, "tx", tick % 20 - 10.0)
                    results.append(await system.orders.order(order))
                times.append(clock.monotonic_s() - began)

        task = asyncio.create_task(control())
        await asyncio.sleep(0.05)
        await clock.run(3610.0)
        await task
        assert set(results) == {OrderResult.ACCEPTED}
        assert len(results) == 1800
        assert set(times) == {0.0}  # no time passes while an order is on its way
        assert clock.stalls == 0
        await station.close()
