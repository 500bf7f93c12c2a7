"""A valid payload of any action, made from its schema."""

import json
import random
from importlib.resources import files
from typing import Any

FOLDERS = {"ocpp2.1": "ocpp.v21", "ocpp2.0.1": "ocpp.v201"}
OPTIONAL = 0.4  # share of the optional fields that are there


def schema(version: str, action: str) -> dict[str, Any]:
    folder = files(FOLDERS[version]).joinpath("schemas")
    path = folder.joinpath(f"{action}Request.json")
    return json.loads(path.read_text(encoding="utf-8-sig"))


def payload(form: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A payload that keeps a schema."""
    return _value(form, form.get("definitions", {}), chance, 0)


def _value(form: Any, known: dict[str, Any], chance: random.Random, depth: int) -> Any:
    if "$ref" in form:
        form = known[form["$ref"].rsplit("/", 1)[1]]
    if "enum" in form:
        return chance.choice(form["enum"])
    kind = form.get("type", "object")
    if kind == "object":
        needed = form.get("required", [])
        names = [
            name
            for name in form.get("properties", {})
            if name in needed or (depth < 4 and chance.random() < OPTIONAL)
        ]
        inner = form.get("properties", {})
        return {
            name: _value(inner[name], known, chance, depth + 1)
            for name in names
            if name != "customData"
        }
    if kind == "array":
        count = max(form.get("minItems", 1), 1)
        return [_value(form["items"], known, chance, depth + 1) for _ in range(count)]
    if kind == "string":
        if form.get("format") == "date-time":
            return "2026-11-29T12:00:00Z"
        return "x" * min(form.get("maxLength", 8), chance.randint(1, 8))
    if kind == "boolean":
        return chance.random() < 0.5
    low, high = form.get("minimum", -5), form.get("maximum", 100)
    return int(max(low, min(high, chance.randint(0, 50))))
