"""Does a payload keep the schema of its action, and which error says how it does not?

The schemas are the Open Charge Alliance's, of OCPP 2.1 Edition 1 and of 2.0.1, as the package
``ocpp`` ships them; a folder of other ones, of a later edition for example, can take their place.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, final

import jsonschema_rs
import msgspec

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.ocpp.wire import envelope
from evergrid.live.ocpp.wire.envelope import Call, ErrorCode, Frame, RequestError
from evergrid.live.ocpp.wire.message_types import UnknownKeywordError, struct_type

OCPP_2_1 = "ocpp2.1"
OCPP_2_0_1 = "ocpp2.0.1"
VERSIONS = (OCPP_2_1, OCPP_2_0_1)  # as subprotocols, the preferred one first
_PACKAGES = {OCPP_2_1: "ocpp.v21", OCPP_2_0_1: "ocpp.v201"}
_EVENT = "TransactionEvent"
AS_RECORD = (_EVENT, "MeterValues")  # actions whose payloads are read as records
_HEAD, _LONGEST_HEAD = b'"TransactionEvent"', 80  # where a frame names its action, in bytes
_LONGEST_REASON = 200  # characters; a schema's message may quote the value

_CODES = {
    "type": ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    "required": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "minItems": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "maxItems": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "additionalProperties": ErrorCode.FORMAT_VIOLATION,
}


@dataclass(frozen=True)
class SchemaFault:
    """How a payload breaks its schema.

    Attributes:
        code: Of the error in answer to it.
        reason: Where and what, shortened.
    """

    code: ErrorCode
    reason: str


@final
class Schemas:
    """The schemas of one version of OCPP, each compiled when it is first needed.

    Args:
        version: ``ocpp2.1`` or ``ocpp2.0.1``.
        folder: With ``{Action}Request.json`` and ``{Action}Response.json``; None for those of the
            package ``ocpp``.

    Raises:
        InputError: The version is unknown, or the folder holds no schemas.
    """

    def __init__(self, version: str, folder: Path | None = None) -> None:
        if version not in VERSIONS:
            raise InputError("schemas", [Fault("version", f"be one of {VERSIONS}", (version,))])
        self.version = version
        source = folder or files(_PACKAGES[version]).joinpath("schemas")
        self._files = {
            path.name.removesuffix(".json"): path
            for path in source.iterdir()
            if path.name.endswith(".json")
        }
        if "BootNotificationRequest" not in self._files:
            rule = "hold the schemas of OCPP, such as BootNotificationRequest.json"
            raise InputError("schemas", [Fault("folder", rule, (str(source),))])
        # Those that are not answered are named without an ending.
        self._known = {
            name.removesuffix("Request") for name in self._files if not name.endswith("Response")
        }
        self._requests: dict[str, Any] = {}  # compiled, by action
        self._responses: dict[str, Any] = {}
        self._records = {
            action: struct_type(self._schema(f"{action}Request"), action, in_frames=False)
            for action in AS_RECORD
            if f"{action}Request" in self._files
        }
        self._events = self._event_decoder()

    def _schema(self, name: str) -> Any:
        return json.loads(self._files[name].read_text(encoding="utf-8-sig"))

    def _event_decoder(self) -> msgspec.json.Decoder[Any] | None:
        """Of the message that comes most; None where schemas lack it or say what no type can."""
        if _EVENT not in self._records:
            return None
        try:
            kind = struct_type(self._schema(f"{_EVENT}Request"), _EVENT, in_frames=True)
        except UnknownKeywordError:
            return None
        return envelope.frame_decoder(_EVENT, kind)

    def knows(self, action: str) -> bool:
        """Whether the version has this action."""
        return action in self._known

    def actions(self) -> tuple[str, ...]:
        """Every action that is answered, by name."""
        ends = "Request"
        return tuple(sorted(name.removesuffix(ends) for name in self._files if name.endswith(ends)))

    def read(self, data: bytes) -> Frame:
        """The message of a frame, or what is wrong with it; never raises.

        The payload of an action in `AS_RECORD` is a record that keeps its schema where the frame
        is of the plain form, and a dictionary as of any other action where it is not.
        """
        if self._events is not None and data.find(_HEAD, 0, _LONGEST_HEAD) > 0:
            call = envelope.read_as(self._events, data)
            if call is not None:
                return call
        return envelope.read(data)

    def checked(self, call: Call) -> Any:
        """The payload of a request as its action reads it: a record or a dictionary.

        Raises:
            RequestError: It breaks its schema.
        """
        if not isinstance(call.payload, dict):
            return call.payload
        fault = self.request_fault(call.action, call.payload)
        if fault is not None:
            raise RequestError(fault.code, fault.reason)
        kind = self._records.get(call.action)
        if kind is None:
            return call.payload
        return msgspec.convert(call.payload, kind, strict=False)

    def request_fault(self, action: str, payload: dict[str, Any]) -> SchemaFault | None:
        """How the payload of a request breaks its schema; None where it keeps it."""
        validator = self._requests.get(action)
        if validator is None:
            name = f"{action}Request"
            source = self._schema(name if name in self._files else action)
            validator = self._requests[action] = _compiled(source)
        return None if validator.is_valid(payload) else _fault(validator, payload)

    def response_fault(self, action: str, payload: dict[str, Any]) -> SchemaFault | None:
        """How the payload of an answer breaks its schema; None where it keeps it."""
        validator = self._responses.get(action)
        if validator is None:
            validator = self._responses[action] = _compiled(self._schema(f"{action}Response"))
        return None if validator.is_valid(payload) else _fault(validator, payload)


def _fault(validator: Any, payload: dict[str, Any]) -> SchemaFault:
    first = next(iter(validator.iter_errors(payload)))
    where = "/".join(str(part) for part in first.instance_path)
    code = _CODES.get(first.kind.name, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
    return SchemaFault(code, f"{where}: {first.message}"[:_LONGEST_REASON])


def _compiled(schema: Any) -> Any:
    return jsonschema_rs.Draft6Validator(schema, validate_formats=True)


@lru_cache(maxsize=len(VERSIONS))
def shipped(version: str) -> Schemas:
    """The schemas of the package ``ocpp``, compiled once in a process."""
    return Schemas(version)
