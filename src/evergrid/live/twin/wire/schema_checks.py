"""Whether a message keeps the OCA schemas, which come with the `ocpp` package."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

FOLDERS = {"ocpp2.1": "v21", "ocpp2.0.1": "v201"}


@cache
def _validator(protocol: str, name: str) -> jsonschema_rs.Validator | None:
    path = files("ocpp") / FOLDERS[protocol] / "schemas" / f"{name}.json"
    if not path.is_file():
        return None
    return jsonschema_rs.validator_for(json.loads(path.read_text("utf-8-sig")))


def schema_fault(protocol: str, name: str, payload: dict[str, Any]) -> str | None:
    """What breaks a schema, such as ``HeartbeatRequest``; None where nothing does.

    A name without a schema is a fault of its own.
    """
    validator = _validator(protocol, name)
    if validator is None:
        return f"{protocol} has no {name}"
    fault = next(iter(validator.iter_errors(payload)), None)
    return None if fault is None else f"{fault.message} at {list(fault.instance_path)}"
