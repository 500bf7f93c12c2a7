"""Links that come back, change their version, die without a word or with a bang."""

import asyncio
import logging
import socket
import struct
import time
from typing import Any

import pytest
import structlog.testing

from evergrid.live.clock import AbstractClock, VirtualClock
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp.stations.connection import MESSAGES_AT_ONCE, REST_S
from tests.live.ocpp.recorder import SECRET, Recorder, registered, running
from tests.live.ocpp.station_client import StationClient

RESETS, ALL_RESETS = 300, 5000


async def _online(handler: Recorder, port: int, **options: Any) -> StationClient:
    station = StationClient("cp-1")
    found = _count(handler, "described")
    await station.connect(port, secret=SECRET, **options)
    await handler.until(lambda: _count(handler, "described") > found)
    return station


def test_a_station_that_sends_no_boot_notification_is_described_all_the_same():
    async def one():
        async with running(registered("cp-1")) as (system, handler, port):
            station = await _online(handler, port)
            assert handler.found["cp-1"].v2x
            assert [p["stackLevel"] for p in system.profiles("cp-1")] == [0]
            assert station.last("SetVariables")["setVariableData"][0]["attributeValue"] == "10"
            await station.boot()  # later: it is described again
            await handler.until(lambda: _count(handler, "described") == 2)
            assert station.count("SetVariables") == 2
            await station.close()

    asyncio.run(one())


def test_a_station_that_answers_nothing_useful_is_charge_only():
    async def one():
        async with running(registered("cp-1")) as (_, handler, port):
            station = StationClient("cp-1")
            for action in ("GetVariables", "SetVariables", "SetChargingProfile"):
                station.on[action] = lambda payload: {"status": "Accepted", "odd": 1}
            await station.connect(port, secret=SECRET)
            await handler.until(lambda: "cp-1" in handler.found)
            assert not handler.found["cp-1"].v2x
            assert not handler.found["cp-1"].dynamic
            await station.close()

    asyncio.run(one())


def test_a_station_that_answers_no_question_is_asked_once_and_keeps_what_it_said():
    async def one():
        async with running(registered("cp-1"), call_timeout_s=0.1, order_timeout_s=0.1) as run:
            _, handler, port = run
            mute = StationClient("cp-1")
            for action in ("GetVariables", "SetVariables", "SetChargingProfile"):
                mute.on[action] = lambda payload: None
            await mute.connect(port, secret=SECRET)
            await handler.until(lambda: _count(handler, "described") == 1, within_s=20)
            assert not handler.found["cp-1"].v2x
            assert mute.count("GetVariables") == 1
            await mute.close()
            await (await _online(handler, port)).close()
            assert handler.found["cp-1"].v2x
            again = StationClient("cp-1")
            again.on["GetVariables"] = lambda payload: None
            await again.connect(port, secret=SECRET)
            await handler.until(lambda: _count(handler, "described") == 3, within_s=20)
            assert handler.found["cp-1"].v2x
            await again.close()

    asyncio.run(one())


def test_items_per_message_of_the_station_are_kept():
    async def one():
        async with running(registered("cp-1")) as (_, handler, port):
            station = StationClient("cp-1")
            station.variables["DeviceDataCtrlr", "ItemsPerMessage"] = "3"
            await station.connect(port, secret=SECRET)
            await handler.until(lambda: "cp-1" in handler.found)
            asked = [p["getVariableData"] for a, p in station.received if a == "GetVariables"]
            assert max(len(data) for data in asked) == 3
            assert handler.found["cp-1"].v2x
            await station.close()

    asyncio.run(one())


def test_a_station_of_2_0_1_charges_only_and_is_never_sent_what_it_does_not_know():
    async def one():
        async with running(registered("cp-1")) as (system, handler, port):
            station = await _online(handler, port, version="ocpp2.0.1")
            assert not handler.found["cp-1"].v2x
            token = {"idToken": "driver", "type": "Central"}
            answer = await station.ask("Authorize", {"idToken": token})
            assert "allowedEnergyTransfer" not in answer
            await station.transaction("Started", "tx")
            session = Session("cp-1", 1, "tx", 11.0, 0.0, -5.0)
            assert await system.orders.begin(session) is OrderResult.ACCEPTED
            assert await system.orders.order(PowerOrder("cp-1", 1, "tx", -2.0)) == "accepted"
            assert station.count("UpdateDynamicSchedule") == 0
            profile = station.last("SetChargingProfile")["chargingProfile"]
            assert profile["chargingProfileKind"] == "Absolute"
            needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}}
            assert (await station.ask("NotifyEVChargingNeeds", needs))["status"] == "Accepted"
            await station.close()

    asyncio.run(one())


def test_a_station_with_one_level_of_profiles_is_given_its_sessions_profile_there():
    async def one():
        async with running(registered("cp-1")) as (system, handler, port):
            station = StationClient("cp-1")
            station.variables[("SmartChargingCtrlr", "ProfileStackLevel")] = "0"
            await station.connect(port, secret=SECRET, version="ocpp2.0.1")
            await handler.until(lambda: "cp-1" in handler.found)
            await station.transaction("Started", "tx")
            session = Session("cp-1", 1, "tx", 11.0, 0.0, -5.0)
            assert await system.orders.begin(session) is OrderResult.ACCEPTED
            profile = station.last("SetChargingProfile")["chargingProfile"]
            assert (profile["chargingProfilePurpose"], profile["stackLevel"]) == ("TxProfile", 0)
            await station.close()

    asyncio.run(one())


def test_a_station_may_change_its_version_between_connections():
    async def one():
        async with running(registered("cp-1")) as (_, handler, port):
            for version, v2x in (("ocpp2.1", True), ("ocpp2.0.1", False), ("ocpp2.1", True)):
                station = await _online(handler, port, version=version)
                assert handler.found["cp-1"].v2x == v2x
                await station.close()

    asyncio.run(one())


def test_a_session_goes_on_after_the_link_was_lost_and_after_it_was_resumed():
    async def one():
        async with running(registered("cp-1")) as (system, handler, port):
            station = await _online(handler, port)
            await station.transaction("Started", "tx", token="driver")
            await system.orders.begin(Session("cp-1", 1, "tx", 11.0, 11.0, 3.0))
            await station.close()
            await handler.until(lambda: handler.names("cp-1")[-1] == "disconnected")
            order = PowerOrder("cp-1", 1, "tx", 4.0)
            assert await system.orders.order(order) is OrderResult.OFFLINE
            station = await _online(handler, port)
            assert await system.orders.order(order) is OrderResult.ACCEPTED
            assert station.count("UpdateDynamicSchedule") == 1
            before = station.count("SetChargingProfile")
            await station.transaction("Updated", "tx", trigger="TxResumed")
            await asyncio.wait_for(_until(lambda: station.count("SetChargingProfile") > before), 5)
            (schedule,) = station.last("SetChargingProfile")["chargingProfile"]["chargingSchedule"]
            assert schedule["chargingSchedulePeriod"][0]["setpoint"] == -4000.0
            await station.boot()  # it has started anew: the next order brings the whole profile
            before = station.count("SetChargingProfile")
            assert await system.orders.order(order) is OrderResult.ACCEPTED
            assert station.count("SetChargingProfile") > before
            await station.close()

    asyncio.run(one())


async def _until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_8_a_link_that_dies_without_a_word_is_offline_after_two_pings():
    async def one():
        async with running(
            registered("cp-1"), ping_s=0.2, close_timeout_s=0.2, boot_wait_s=0.01
        ) as (system, handler, port):
            station = await _online(handler, port)
            await station.transaction("Started", "tx", token="driver")
            assert station.socket is not None
            transport: Any = station.socket.transport
            transport.pause_reading()  # no answer to anything, and no end either
            began = time.monotonic()
            session = Session("cp-1", 1, "tx", 11.0, 0.0, -1.0)
            assert await system.orders.begin(session) is OrderResult.OFFLINE
            await handler.until(lambda: handler.names("cp-1")[-1] == "disconnected")
            assert time.monotonic() - began < 2 * 0.2 + 0.2 + 0.5
            transport.abort()

    asyncio.run(one())


@pytest.mark.parametrize("resets", [RESETS, pytest.param(ALL_RESETS, marks=pytest.mark.soak)])
def test_23_rude_ends_leave_a_line_each_at_most_and_no_traceback(caplog: Any, resets: int):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    with structlog.testing.capture_logs() as lines:
        escaped = asyncio.run(_rude(resets))
    assert escaped == []
    own = [record for record in caplog.records if record.name != "websockets.client"]
    assert len(own) + len(lines) <= resets
    assert not [record for record in own if "Authorization" in record.getMessage()]
    assert not [record for record in caplog.records if record.exc_info]


async def _rude(resets: int) -> list[Any]:
    escaped: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
    records = [registered(f"cp-{n}") for n in range(resets)]
    async with running(*records) as (_, handler, port):
        for number in range(resets):
            station = StationClient(f"cp-{number}")
            await station.connect(port, secret=SECRET)
            assert station.socket is not None
            if number % 3 == 0:
                await station.socket.send('[2,"a","Heartbeat",{}]')
            raw = station.socket.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            station.socket.transport.abort()  # sends a reset
        await handler.until(lambda: _count(handler, "disconnected") == _count(handler, "connected"))
        assert _count(handler, "connected") >= resets * 0.9  # a few were gone before
    return escaped


def _count(handler: Recorder, kind: str) -> int:
    return [name for name, _ in handler.calls].count(kind)


class RestingClock(AbstractClock):
    """A clock that only the rests of readers move on, and that counts them."""

    def __init__(self) -> None:
        self.rests, self._s = 0, 0.0

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return self._s

    async def sleep_until(self, monotonic_s: float) -> None:
        wait_s = monotonic_s - self._s
        if abs(wait_s - REST_S) < 1e-3:
            self.rests += 1
            self._s = monotonic_s
            await asyncio.sleep(0.001)
        else:
            await asyncio.sleep(wait_s)


def test_13_a_station_that_floods_is_read_more_slowly_and_loses_nothing():
    async def one():
        clock = RestingClock()
        async with running(registered("cp-1"), clock=clock) as (_, _, port):
            station = StationClient("cp-1")
            await station.connect(port, secret=SECRET)
            assert station.socket is not None
            many = MESSAGES_AT_ONCE + 5
            futures = [asyncio.get_running_loop().create_future() for _ in range(many)]
            for number, future in enumerate(futures):
                station._waiting[f"f{number}"] = future
                await station.socket.send(f'[2,"f{number}","Heartbeat",{{}}]')
            answers = await asyncio.wait_for(asyncio.gather(*futures), 20)
            assert {message[0] for message in answers} == {3}
            assert clock.rests  # the reader had to wait
            await station.close()

    asyncio.run(one())


def test_a_day_of_heartbeats_passes_in_virtual_time_with_nothing_left_out():
    async def one():
        clock = VirtualClock(1.8e9)
        async with running(registered("cp-1"), clock=clock, boot_wait_s=5.0) as (_, handler, port):
            station = StationClient("cp-1")
            await station.connect(port, secret=SECRET)
            times = []

            async def beat() -> None:
                while True:
                    await clock.sleep(600.0)
                    with clock.working():
                        times.append((await station.ask("Heartbeat", {}))["currentTime"])

            task = asyncio.create_task(beat())
            await asyncio.sleep(0.05)
            await clock.run(86_400.0)
            task.cancel()
            assert len(times) >= 143
            assert len(set(times)) == len(times)
            assert "cp-1" in handler.found
            assert clock.stalls == 0
            await station.close()

    asyncio.run(one())
