"""Which message does a frame of OCPP-J hold, and what is wrong with one that holds none?

A message is ``[type, id, ...]`` in JSON. What a parser of JSON lets pass is refused before use:
depth, keys that occur twice, numbers beyond 64 bits, identifiers beyond 36 characters. NaN and
Infinity are no JSON. What is no frame at all is a RpcFrameworkError, a frame of the wrong form a
FormatViolation.
"""

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import GenericAlias
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np

LARGEST_FRAME = 128 * 1024  # bytes; also the bound of the socket
LONGEST_ID = 36  # characters; OCPP-J 2.1, 4.1.4
LONGEST_ACTION = 50  # characters; the longest of OCPP 2.1 has 33
DEEPEST = 32  # brackets in one another; the deepest schema of OCPP 2.1 needs 12
LONGEST_NUMBER = 19  # digits in a row, those of 64 bits
UNREADABLE_ID = "-1"  # of an error about a message whose identifier cannot be read

_SALVAGED_ID = re.compile(rb'\s*\[\s*2\s*,\s*"([^"\\\x00-\x1f\x7f-\xff]{1,36})"\s*,')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_KEY = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?', re.DOTALL)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_TOO_LONG = b"0" * (LONGEST_NUMBER + 1)
_LONG_NUMBER = re.compile(rb"(?<![.0-9])[0-9]{%d}" % (LONGEST_NUMBER + 1))
_STEP = np.zeros(256, np.int32)
_STEP[[ord("["), ord("{")]] = 1
_STEP[[ord("]"), ord("}")]] = -1

_decode = msgspec.json.Decoder().decode
_encoder = msgspec.json.Encoder()
_encode = _encoder.encode
_again = bytearray(2 * LARGEST_FRAME)  # room for a message that is written anew


class MessageType(IntEnum):
    """The first element of a message. Types 5 and 6 came with OCPP 2.1."""

    CALL = 2
    RESULT = 3
    ERROR = 4
    RESULT_ERROR = 5  # the answer to our answer: it could not be used
    SEND = 6  # a call that is not answered


_NOT_ANSWERED = frozenset(MessageType) - {MessageType.CALL}


class ErrorCode(StrEnum):
    """Codes of an error message, as OCPP-J 2.1 spells them."""

    FORMAT_VIOLATION = "FormatViolation"
    GENERIC_ERROR = "GenericError"
    INTERNAL_ERROR = "InternalError"
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"
    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    PROTOCOL_ERROR = "ProtocolError"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"
    SECURITY_ERROR = "SecurityError"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"


class Call(NamedTuple):
    """A request; with ``answered`` false it is of type SEND.

    Attributes:
        id: Its identifier.
        action: What is asked.
        payload: Of the action: a dictionary whose schema is still to be checked, or a record made
            by `read_as`, which keeps it.
        answered: Whether its sender waits for an answer.
    """

    id: str
    action: str
    payload: Any
    answered: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a request of ours."""

    id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallError:
    """An error in answer to a request of ours, or (``of_answer``) to an answer of ours."""

    id: str
    code: str
    description: str
    of_answer: bool = False


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that holds no message.

    Attributes:
        id: To answer it under, a number where its sender gave one against the rule; None where it
            must not be answered, as it is no request.
        code: Of the error.
        reason: What is wrong.
    """

    id: str | int | None
    code: ErrorCode
    reason: str


class RequestError(Exception):
    """A request cannot be done; its sender is told the code and the reason."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


Frame = Call | Result | CallError | BadFrame


def read(data: bytes) -> Frame:
    """The message of a frame, or what is wrong with it; never raises."""
    fault = _size_fault(data)
    if fault:
        return _unparsed(data, fault)
    try:
        message = _decode(data)
        _encoder.encode_into(message, _again)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return _unparsed(data, f"not JSON within bounds: {str(error)[:100]}")
    if _repeats_a_key(data, _again):
        return _unparsed(data, "a key occurs twice in one object")
    return _message(message)


def frame_decoder(action: str, payload: Any) -> msgspec.json.Decoder[Any]:
    """Decodes requests of one action whose payload is of a type from `message_types`."""
    identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
    parts = (Literal[2], identifier, Literal[(action,)], payload)
    return msgspec.json.Decoder(GenericAlias(tuple, parts))


def read_as(decoder: msgspec.json.Decoder[Any], data: bytes) -> Call | None:
    """The request of a frame where its type holds all of it; None where `read` has to look at it.

    A key that occurs twice, or is unknown to the type, is missing when the message is written
    again, and so is a colon; escapes may hide colons. How deep a message is, and how long its
    numbers are, the type itself bounds.
    """
    if len(data) > LARGEST_FRAME or b"\\" in data:
        return None
    try:
        message = decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    _encoder.encode_into(message, _again)
    if data.count(b":") != _again.count(b":"):
        return None
    return Call(message[1], message[2], message[3])


def _unparsed(data: bytes, reason: str) -> BadFrame:
    """Answered under its identifier where it can be read although the rest cannot."""
    found = _SALVAGED_ID.match(data)
    id_ = found.group(1).decode() if found else UNREADABLE_ID
    return BadFrame(id_, ErrorCode.RPC_FRAMEWORK_ERROR, reason)


def _size_fault(data: bytes) -> str:
    """What makes a frame too large, too deep or too long to be parsed; "" for nothing.

    One pass finds most frames right: it counts opening brackets by taking them out, and looks for
    digits in a row. The rest is looked at again without the texts.
    """
    if len(data) > LARGEST_FRAME:
        return f"longer than {LARGEST_FRAME} bytes"
    rest = data.translate(_DIGITS, b"[{")
    if len(data) - len(rest) <= DEEPEST and _TOO_LONG not in rest:
        return ""
    outside = _STRING.sub(b'""', data)
    if outside and int(np.cumsum(_STEP[np.frombuffer(outside, np.uint8)]).max()) > DEEPEST:
        return f"deeper than {DEEPEST} brackets"
    if _LONG_NUMBER.search(outside):  # a fraction may be that long
        return f"more than {LONGEST_NUMBER} digits in a row"
    return ""


def _repeats_a_key(data: bytes, again: bytearray) -> bool:
    """Whether a key got lost on the way through a dictionary.

    Without escapes every string stays as it is, so that a lost key shows as a lost colon.
    """
    if b"\\" not in data:
        return data.count(b":") != again.count(b":")
    return _keys(data) != _keys(again)


def _keys(data: bytes | bytearray) -> int:
    return sum(1 for colon in _KEY.findall(data) if colon)


def _message(message: Any) -> Frame:
    if not isinstance(message, list) or len(message) < 2:
        return BadFrame(UNREADABLE_ID, ErrorCode.RPC_FRAMEWORK_ERROR, "not [type, id, ...]")
    kind, id_ = message[0], message[1]
    if isinstance(kind, bool) or not isinstance(kind, int):
        return BadFrame(UNREADABLE_ID, ErrorCode.RPC_FRAMEWORK_ERROR, "type must be a number")
    answered = kind not in _NOT_ANSWERED
    if not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID:
        reason = f"id must be a text of 1 to {LONGEST_ID} characters"
        number = isinstance(id_, int) and not isinstance(id_, bool)
        back = (id_ if number else UNREADABLE_ID) if answered else None
        return BadFrame(back, ErrorCode.FORMAT_VIOLATION, reason)
    if kind == MessageType.CALL or kind == MessageType.SEND:
        return _call(id_, message, kind == MessageType.CALL)
    if kind == MessageType.RESULT:
        if len(message) == 3 and isinstance(message[2], dict):
            return Result(id_, message[2])
        return BadFrame(None, ErrorCode.RPC_FRAMEWORK_ERROR, "not [3, id, payload]")
    if kind == MessageType.ERROR or kind == MessageType.RESULT_ERROR:
        return _error(id_, message, kind == MessageType.RESULT_ERROR)
    return BadFrame(id_, ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED, f"no message type {kind}")


def _call(id_: str, message: list[Any], answered: bool) -> Frame:
    back = id_ if answered else None
    if len(message) != 4:
        return BadFrame(back, ErrorCode.FORMAT_VIOLATION, "not [2, id, action, payload]")
    action, payload = message[2], message[3]
    if not isinstance(action, str) or not 0 < len(action) <= LONGEST_ACTION:
        return BadFrame(back, ErrorCode.FORMAT_VIOLATION, "action must be a text")
    if not isinstance(payload, dict):
        return BadFrame(back, ErrorCode.FORMAT_VIOLATION, "payload must be an object")
    return Call(id_, action, payload, answered)


def _error(id_: str, message: list[Any], of_answer: bool) -> Frame:
    texts = message[2:4]
    if len(texts) < 2 or not all(isinstance(text, str) for text in texts):
        return BadFrame(None, ErrorCode.RPC_FRAMEWORK_ERROR, "not [type, id, code, description]")
    return CallError(id_, texts[0][:50], texts[1][:255], of_answer)


def call(id_: str, action: str, payload: dict[str, Any]) -> bytes:
    """A request of ours as it goes on the wire."""
    return _encode((2, id_, action, payload))


def result(id_: str, payload: dict[str, Any]) -> bytes:
    """An answer of ours."""
    return _encode((3, id_, payload))


def error(id_: str | int, code: ErrorCode, description: str) -> bytes:
    """An error in answer to a request."""
    return _encode((4, id_, code, description[:255], {}))
