"""A valid payload of any action, made from its schema, and frames with something wrong."""

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


def mutant(message: list[Any], chance: random.Random) -> bytes:
    """A frame with something wrong, in its structure or in its bytes."""
    if chance.random() < 0.5:
        _spoil(message, chance)
        return json.dumps(message).encode()
    frame = bytearray(json.dumps(message).encode())
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(max(len(frame), 1))
        how = chance.randrange(5)
        if how == 0:
            frame[place : place + 1] = bytes([chance.randrange(256)])
        elif how == 1:
            del frame[place : place + chance.randint(1, 20)]
        elif how == 2:
            frame[place:place] = chance.choice(ODD)
        elif how == 3:
            frame = frame[:place]
        else:
            frame[place:place] = frame[place : place + chance.randint(1, 40)]
    return bytes(frame)


ODD = (b"NaN", b"1e999", b"[[[[", b'"', b"\\u0000", b"\xff", b'{"a":1,"a":2}', b"9" * 400, b",")
WRONG = (None, -1, 1e308, 10**30, "", "x" * 3000, [], {}, [[]], True, "NaN", float("nan"), 2**63)


def _spoil(value: Any, chance: random.Random) -> None:
    """Change one thing somewhere inside."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(value[key], (dict, list)) and value[key] and chance.random() < 0.7:
            value = value[key]
            continue
        how = chance.randrange(3)
        if how == 0:
            del value[key]
        elif how == 1 and isinstance(value, dict):
            value[chance.choice(("extra", "customData", "id", "value"))] = chance.choice(WRONG)
        else:
            value[key] = chance.choice(WRONG)
        return
