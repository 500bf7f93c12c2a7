"""The type that reads the message which comes most takes nothing that its schema refuses."""

import json
import random
from pathlib import Path
from typing import Any, TypeGuard

import msgspec
import pytest

from evergrid.live.ocpp.wire import envelope
from evergrid.live.ocpp.wire.envelope import BadFrame, Call
from evergrid.live.ocpp.wire.message_types import UnknownKeywordError, struct_type
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, VERSIONS, Schemas, shipped
from tests.live.ocpp.wire import payloads

ACTION = "TransactionEvent"
TIME = "2026-11-29T12:00:00Z"
PLAIN = {
    "eventType": "Updated",
    "timestamp": TIME,
    "triggerReason": "MeterValuePeriodic",
    "seqNo": 1,
    "transactionInfo": {"transactionId": "a:b"},
    "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": 1.5}]}],
}


def _frame(payload: Any = PLAIN, **changed: Any) -> bytes:
    return json.dumps([2, "a", ACTION, {**payload, **changed}]).encode()


def _is_record(read: Any) -> TypeGuard[Call]:
    return isinstance(read, Call) and not isinstance(read.payload, dict)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_read_as_a_record_is_what_is_read_the_long_way(version: str):
    schemas, chance = shipped(version), random.Random(5)
    form = payloads.schema(version, ACTION)
    records = 0
    for number in range(1500):
        message = [2, f"m{number}", ACTION, payloads.payload(form, chance)]
        frame = payloads.mutant(message, chance) if number % 2 else json.dumps(message).encode()
        read = schemas.read(frame)
        if not _is_record(read):
            assert number % 2, frame  # all valid ones are records
            continue
        records += 1
        long = envelope.read(frame)
        assert isinstance(long, Call), frame
        assert (read.id, read.action, read.answered) == (long.id, long.action, long.answered)
        assert schemas.request_fault(ACTION, long.payload) is None, frame
        assert msgspec.to_builtins(read.payload) == long.payload, frame
    assert records > 750  # some mutants too: those whose fault lies within what the schema takes


@pytest.mark.parametrize(
    "frame",
    [
        _frame(customData={"vendorId": "v"}),
        _frame(customData={"vendorId": "v", "more": [[[]]]}),
        _frame(timestamp="2028-02-29T12:00:00Z"),
        _frame().replace(b"MeterValuePeriodic", b"MeterValuePeriodi\\u0063"),
    ],
)
def test_what_the_type_does_not_hold_is_read_the_long_way(frame: bytes):
    schemas = shipped(OCPP_2_1)
    read = schemas.read(frame)
    assert isinstance(read, Call)
    assert isinstance(read.payload, dict)
    assert schemas.checked(read).transactionInfo.transactionId == "a:b"


@pytest.mark.parametrize(
    "frame",
    [
        _frame().replace(b'"seqNo": 1', b'"seqNo": 1, "seqNo": 1'),
        _frame().replace(b'"seqNo": 1', b'"seqNo": ' + b"9" * 20),
        _frame().replace(b"1.5", b"9" * 20),
        _frame(other=json.loads("[" * 40 + "]" * 40)),
        b" " * envelope.LARGEST_FRAME + _frame(),
    ],
)
def test_a_frame_that_is_refused_is_no_record(frame: bytes):
    assert isinstance(shipped(OCPP_2_1).read(frame), BadFrame)


@pytest.mark.parametrize(
    "changed",
    [
        {"timestamp": "2026-11-29 12:00:00Z"},
        {"timestamp": "2026-11-29T12:00:00+0100"},
        {"timestamp": "2026-04-31T12:00:00Z"},
        {"timestamp": TIME + "\n"},
        {"seqNo": -1},
        {"evse": None},
        {"eventType": "updated"},
        {"offline": 1},
        {"meterValue": []},
        {"transactionInfo": {"transactionId": "x" * 37}},
        {"other": 1},
    ],
)
def test_a_payload_that_breaks_its_schema_is_no_record(changed: dict[str, Any]):
    schemas = shipped(OCPP_2_1)
    read = schemas.read(_frame(**changed))
    assert isinstance(read, Call)
    assert isinstance(read.payload, dict)
    assert schemas.request_fault(ACTION, read.payload) is not None


def test_a_schema_that_no_type_can_say_is_kept_the_long_way(tmp_path: Path):
    source = payloads.schema(OCPP_2_1, ACTION)
    source["properties"]["seqNo"]["multipleOf"] = 2
    with pytest.raises(UnknownKeywordError, match="multipleOf"):
        struct_type(source, ACTION, in_frames=True)
    for name in ("BootNotification", "MeterValues"):
        form = json.dumps(payloads.schema(OCPP_2_1, name))
        (tmp_path / f"{name}Request.json").write_text(form)
    (tmp_path / f"{ACTION}Request.json").write_text(json.dumps(source))
    schemas = Schemas(OCPP_2_1, tmp_path)
    odd, even = (schemas.read(_frame(seqNo=number)) for number in (1, 2))
    assert isinstance(odd, Call)
    assert isinstance(even, Call)
    assert schemas.request_fault(ACTION, odd.payload) is not None
    assert schemas.checked(even).seqNo == 2
