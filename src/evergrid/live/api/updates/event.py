"""Events in the form that browsers read, and JSON in few bytes."""

import json
import math
from typing import Any

HEARTBEAT = ": still here\n\n"
RETRY = "retry: 2000\n\n"  # milliseconds after which a browser comes back


def event(name: str, data: Any) -> str:
    """An event in the form of server-sent events."""
    return f"event: {name}\ndata: {text_of(data)}\n\n"


def text_of(data: Any) -> str:
    """JSON in few bytes; what is not a finite number is null."""
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(data), separators=(",", ":"), allow_nan=False)


def _finite(data: Any) -> Any:
    match data:
        case float():
            return data if math.isfinite(data) else None
        case dict():
            return {key: _finite(value) for key, value in data.items()}
        case list() | tuple():
            return [_finite(value) for value in data]
    return data
