"""Tests 11 and 12 of the live service: what is no message costs an error, never a connection."""

import asyncio
import contextlib
import json
import random
import resource
from collections import Counter
from typing import Any

import pytest
import structlog.testing
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from evergrid.live.devices.adapter import Session
from evergrid.live.ocpp.actions import ACTIONS
from evergrid.live.ocpp.stations import connection
from evergrid.live.ocpp.wire import envelope
from evergrid.live.ocpp.wire.envelope import BadFrame, Call, Result
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, VERSIONS, shipped
from tests.live.ocpp.recorder import SECRET, Recorder, registered, running
from tests.live.ocpp.station_client import TIME, StationClient
from tests.live.ocpp.wire import payloads

QUICK, WHOLE = 20_000, 100_000
BATCH = 50


@pytest.mark.parametrize("frames", [QUICK, pytest.param(WHOLE, marks=pytest.mark.soak)])
def test_11_mutated_frames_are_answered_and_end_nothing(
    frames: int, monkeypatch: pytest.MonkeyPatch
):
    asyncio.run(_mutated(frames, monkeypatch))


async def _mutated(frames: int, monkeypatch: pytest.MonkeyPatch):
    chance = random.Random(11)
    escaped: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: escaped.append(context))
    schemas = shipped(OCPP_2_1)
    forms = {action: payloads.schema(OCPP_2_1, action) for action in schemas.actions()}
    assert len(forms) == 90
    handler = Forgetful()
    monkeypatch.setattr(connection, "MESSAGES_PER_S", 1_000_000)
    async with running(registered("cp-1"), handler=handler) as (_, _, port):
        socket = await _socket(port)
        answers: Counter[str] = Counter()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for first in range(0, frames, BATCH):
            expected = Counter()
            for number in range(first, first + BATCH):
                action = chance.choice(list(forms))
                valid = payloads.payload(forms[action], chance)
                frame = payloads.mutant([2, f"m{number}", action, valid], chance)
                expected.update(_readable_id(frame))
                await socket.send(frame, text=True)
            await socket.send(json.dumps([2, f"beat-{first}", "Heartbeat", {}]))
            while f"beat-{first}" not in answers:
                message = json.loads(await asyncio.wait_for(socket.recv(), 20))
                answers[message[1]] += message[0] in (3, 4)
            missing = expected - answers
            assert not missing, missing
            answers.clear()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 50_000  # KiB
        await socket.close()
    assert escaped == []


class Forgetful(Recorder):
    """Counts nothing, so that memory shows what the central system keeps."""

    async def _note(self, name: str, *told: Any) -> None:
        self.refusals.clear()
        self.events.clear()
        self.all_needs.clear()


async def _socket(port: int) -> ClientConnection:
    """A connection that answers nothing, after what the central system asks of its own accord."""
    station = StationClient("cp-1")
    await station.connect(port, secret=SECRET)
    assert station._task is not None
    station._task.cancel()
    assert station.socket is not None
    return station.socket


def _readable_id(frame: bytes) -> list[str]:
    """The identifier of a frame that any reader of JSON takes for a request."""
    try:
        message = json.loads(frame.decode())
    except (ValueError, RecursionError):
        return []
    if not isinstance(message, list) or len(message) < 2 or message[0] != 2:
        return []
    if isinstance(message[0], (bool, float)) or not isinstance(message[1], str):
        return []
    return [message[1]] if 0 < len(message[1]) <= 36 else []


# What the tracker of another library calls its defects: frame, id and code of the answer.
METER = (
    '[2,"a","MeterValues",{"evseId":1,'
    '"meterValue":[{"timestamp":"%s","sampledValue":[{"value":%s}]}]}]'
)
CASES = {
    "unknown action": ('[2,"a","NoSuchThing",{}]', "a", "NotImplemented"),
    "known, not supported": ('[2,"a","Get15118EVCertificate",{}]', "a", "NotSupported"),
    "only ours to send": ('[2,"a","SetChargingProfile",{}]', "a", "NotSupported"),
    "no JSON": ("{", "-1", "RpcFrameworkError"),
    "no array": ('{"a":1}', "-1", "RpcFrameworkError"),
    "empty": ("", "-1", "RpcFrameworkError"),
    "action is an object": ('[2,"1",{},{}]', "1", "FormatViolation"),
    "id is a number": ('[2,1,"Heartbeat",{}]', 1, "FormatViolation"),
    "id is true": ('[2,true,"Heartbeat",{}]', "-1", "FormatViolation"),
    "id is empty": ('[2,"","Heartbeat",{}]', "-1", "FormatViolation"),
    "id too long": (f'[2,"{"x" * 5000}","Heartbeat",{{}}]', "-1", "FormatViolation"),
    "no payload": ('[2,"a","Heartbeat"]', "a", "FormatViolation"),
    "payload is a list": ('[2,"a","Heartbeat",[]]', "a", "FormatViolation"),
    "type unknown": ('[7,"a","Heartbeat",{}]', "a", "MessageTypeNotSupported"),
    "type is a text": ('["2","a","Heartbeat",{}]', "-1", "RpcFrameworkError"),
    "deep": ("[" * 100_000, "-1", "RpcFrameworkError"),
    "deep payload": (
        '[2,"a","DataTransfer",{"vendorId":"v","data":' + "[" * 40 + "]" * 40 + "}]",
        "a",
        "RpcFrameworkError",
    ),
    "long number": (f'[2,"a","Heartbeat",{{"x":{"9" * 5000}}}]', "a", "RpcFrameworkError"),
    "long number, short enough": (METER % (TIME, "9" * 100), "a", "RpcFrameworkError"),
    "longest number": (f'[2,"a","Heartbeat",{"9" * 100_000}]', "a", "RpcFrameworkError"),
    "NaN": (METER % (TIME, "NaN"), "a", "RpcFrameworkError"),
    "Infinity": (METER % (TIME, "Infinity"), "a", "RpcFrameworkError"),
    "1e999": (METER % (TIME, "1e999"), "a", "RpcFrameworkError"),
    "no date": (METER % ("not a date", "1"), "a", "PropertyConstraintViolation"),
    "no offset": (METER % ("2026-11-29T12:00:00", "1"), "a", "PropertyConstraintViolation"),
    "no such day": (METER % ("2026-02-30T12:00:00Z", "1"), "a", "PropertyConstraintViolation"),
    "key twice": ('[2,"a","Heartbeat",{"x":1,"x":1}]', "a", "RpcFrameworkError"),
    "key twice, escaped": (r'[2,"a","Heartbeat",{"x":1,"\u0078" :1}]', "a", "RpcFrameworkError"),
    "extra field": ('[2,"a","Heartbeat",{"x":1}]', "a", "FormatViolation"),
    "field missing": ('[2,"a","BootNotification",{}]', "a", "OccurrenceConstraintViolation"),
    "wrong type": (METER % (TIME, '"1"'), "a", "TypeConstraintViolation"),
}


@pytest.mark.parametrize("name", CASES)
def test_11_each_known_defect_is_answered_by_its_code(name: str):
    frame, id_, code = CASES[name]
    message = asyncio.run(_answer(frame))
    assert (message[0], message[1], message[2]) == (4, id_, code)
    assert len(json.dumps(message)) < 500


async def _answer(frame: str) -> list[Any]:
    async with running(registered("cp-1"), boot_wait_s=30.0) as (_, _, port):
        socket = await _socket(port)
        await socket.send(frame)
        message = json.loads(await asyncio.wait_for(socket.recv(), 10))
        await socket.send('[2,"b","Heartbeat",{}]')  # the connection goes on
        assert json.loads(await asyncio.wait_for(socket.recv(), 10))[1] == "b"
        await socket.close()
    return message


def test_11_messages_that_are_no_request_are_not_answered():
    asyncio.run(_not_answered())


async def _not_answered():
    stream = {"id": 1, "pending": 0, "basetime": TIME, "data": [{"t": 0, "v": "1"}]}
    quiet = (
        '[3,"nobody asked",{}]',
        '[4,"nobody asked","GenericError","",{}]',
        '[5,"a","GenericError","your answer was no use",{}]',
        '[3,"x"]',
        '[4,"x"]',
        json.dumps([6, "s", "NotifyPeriodicEventStream", stream]),
        '[6,"s","NoSuchThing",{}]',
    )
    async with running(registered("cp-1"), boot_wait_s=30.0) as (_, _, port):
        socket = await _socket(port)
        for frame in quiet:
            await socket.send(frame)
        await socket.send('[2,"b","Heartbeat",{}]')
        assert json.loads(await asyncio.wait_for(socket.recv(), 10))[1] == "b"
        await socket.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_11_every_action_is_answered(version: str):
    asyncio.run(_every_action(version))


async def _every_action(version: str):
    chance = random.Random(1)
    async with running(registered("cp-1")) as (_, _, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET, version=version)
        for action in shipped(version).actions():
            payload = payloads.payload(payloads.schema(version, action), chance)
            message = await station.call(action, payload)
            if message[0] == 3:
                assert shipped(version).response_fault(action, message[2]) is None
                assert action in ACTIONS
            elif action in ACTIONS:  # of a transaction that is not there
                assert message[2] == "PropertyConstraintViolation", message
            else:
                assert message[2] == "NotSupported", message
        await station.close()


def test_11_a_handler_that_fails_costs_an_error_and_one_line_in_the_log():
    with structlog.testing.capture_logs() as lines:
        asyncio.run(_failing())
    assert [line["event"] for line in lines] == ["message_failed"]


async def _failing():
    class Failing(Recorder):
        async def transaction(self, event: Any) -> None:
            raise OSError("no space left on the device")

    async with running(registered("cp-1"), handler=Failing()) as (_, _, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        for _ in range(3):
            message = await station.call("TransactionEvent", station.event("Started", "tx"))
            assert message[2:4] == ["InternalError", "OSError"]  # and nothing of its text
        await station.ask("Heartbeat", {})
        await station.close()


def test_11_an_order_within_a_handler_does_not_wait_for_itself():
    asyncio.run(_order_within())


async def _order_within():
    class Ordering(Recorder):
        async def needs(self, needs: Any) -> bool:
            session = Session("cp-1", 1, "tx", 11.0, 0.0, -1.0)
            self.calls.append(("begun", (await system.orders.begin(session),)))
            return True

    handler = Ordering()
    async with running(registered("cp-1"), handler=handler) as (system, _, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await station.transaction("Started", "tx")
        needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}}
        answer = await station.ask("NotifyEVChargingNeeds", needs)
        assert answer == {"status": "Accepted"}
        assert ("begun", ("accepted",)) in handler.calls
        await station.close()


def test_a_reader_keeps_keys_and_numbers_as_they_are():
    data = {"vendorId": "v", "data": {"myKEYName": [1, -0.1, 'ä\\"\u0001', "9" * 30]}}
    text = json.dumps([2, "a", "DataTransfer", data]).replace("-0.1", "-0.1" + "0" * 30)
    frame = envelope.read(text.encode())
    assert frame == Call("a", "DataTransfer", data)
    assert envelope.read(b'[3,"a",{"x":1}]') == Result("a", {"x": 1})
    assert isinstance(envelope.read(b"x" * (envelope.LARGEST_FRAME + 1)), BadFrame)


def test_12_what_is_too_large_is_refused_and_memory_stays():
    asyncio.run(_too_large())


async def _too_large():
    count = 100
    records = [registered(f"cp-{n}") for n in range(count)]
    async with running(*records, boot_wait_s=30.0) as (_, _, port):
        stations = [StationClient(record.station) for record in records]
        for station in stations:
            await station.connect(port, secret=SECRET)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        text = json.dumps([2, "a", "Heartbeat", {"x": "y" * 2_000_000}])
        await asyncio.gather(*(_flood(station, text) for station in stations))
        codes = {station.closed[0] for station in stations if station.closed}
        assert codes == {1009}
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 50_000 + 8_000  # KiB; the second is for what the clients themselves hold


async def _flood(station: StationClient, text: str) -> None:
    assert station.socket is not None
    assert station._task is not None
    with contextlib.suppress(ConnectionClosed):
        await station.socket.send([text[: len(text) // 2], text[len(text) // 2 :]])
    await asyncio.wait_for(station._task, 20)


def test_12_fragments_are_joined_and_compression_is_not_agreed():
    asyncio.run(_fragments())


async def _fragments():
    async with running(registered("cp-1"), boot_wait_s=30.0) as (_, _, port):
        station = StationClient("cp-1")
        offered = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
        await station.connect(port, secret=SECRET, headers=offered)
        assert station.socket is not None
        assert station.socket.response is not None
        assert "Sec-WebSocket-Extensions" not in station.socket.response.headers
        future = station._waiting["f"] = asyncio.get_running_loop().create_future()
        await station.socket.send(['[2,"f",', '"Heartbeat"', ",{}]"])
        assert (await asyncio.wait_for(future, 10))[0] == 3
        await station.close()
