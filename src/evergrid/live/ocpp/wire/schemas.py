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

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.ocpp.wire.envelope import ErrorCode

OCPP_2_1 = "ocpp2.1"
OCPP_2_0_1 = "ocpp2.0.1"
VERSIONS = (OCPP_2_1, OCPP_2_0_1)  # as subprotocols, the preferred one first
_PACKAGES = {OCPP_2_1: "ocpp.v21", OCPP_2_0_1: "ocpp.v201"}
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

    def knows(self, action: str) -> bool:
        """Whether the version has this action."""
        return action in self._known

    def actions(self) -> tuple[str, ...]:
        """Every action that is answered, by name."""
        ends = "Request"
        return tuple(sorted(name.removesuffix(ends) for name in self._files if name.endswith(ends)))

    def request_fault(self, action: str, payload: dict[str, Any]) -> SchemaFault | None:
        """How the payload of a request breaks its schema; None where it keeps it."""
        validator = self._requests.get(action)
        if validator is None:
            name = f"{action}Request"
            source = self._files[name if name in self._files else action]
            validator = self._requests[action] = _compiled(source)
        return None if validator.is_valid(payload) else _fault(validator, payload)

    def response_fault(self, action: str, payload: dict[str, Any]) -> SchemaFault | None:
        """How the payload of an answer breaks its schema; None where it keeps it."""
        validator = self._responses.get(action)
        if validator is None:
            validator = self._responses[action] = _compiled(self._files[f"{action}Response"])
        return None if validator.is_valid(payload) else _fault(validator, payload)


def _fault(validator: Any, payload: dict[str, Any]) -> SchemaFault:
    first = next(iter(validator.iter_errors(payload)))
    where = "/".join(str(part) for part in first.instance_path)
    code = _CODES.get(first.kind.name, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
    return SchemaFault(code, f"{where}: {first.message}"[:_LONGEST_REASON])


def _compiled(path: Any) -> Any:
    schema = json.loads(path.read_text(encoding="utf-8-sig"))
    return jsonschema_rs.Draft6Validator(schema, validate_formats=True)


@lru_cache(maxsize=len(VERSIONS))
def shipped(version: str) -> Schemas:
    """The schemas of the package ``ocpp``, compiled once in a process."""
    return Schemas(version)
