"""A value of a signal as a message: JSON with value, time and sequence."""

import math
from datetime import datetime
from typing import Literal

import msgspec

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import grid_power_from_consumption
from evergrid.live.signals.signal import SignalValue

LARGEST_BYTES = 1024
LONGEST_TIME = 40  # characters
Positive = Literal["into_grid", "from_grid"]


class Message(msgspec.Struct):
    """A message, such as ``{"value": 0.25, "time": "2026-11-29T12:00:00Z", "sequence": 7}``.

    Attributes:
        value: Share of the award, -1 to 1.
        time: For which it was sent: seconds since 1970, or a text with its zone.
        sequence: Counts up by one; absent where the sender does not count.
    """

    value: float
    time: float | str
    sequence: int = -1


def read(payload: bytes, source: str, positive: Positive) -> SignalValue:
    """A value from a message.

    Args:
        payload: As it came.
        source: Who sent it.
        positive: Which way a positive value points.

    Raises:
        InputError: It is too long, no such message, or a number in it cannot be.
    """
    if len(payload) > LARGEST_BYTES:
        rule = f"have at most {LARGEST_BYTES} bytes"
        raise InputError("signal", [Fault("message", rule, (len(payload),))])
    try:
        told = msgspec.json.decode(payload, type=Message)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(
            "signal", [Fault("message", f"be value, time, sequence: {error}")]
        ) from None
    faults = []
    if not -1 <= told.value <= 1:
        faults.append(Fault("value", "lie in [-1, 1]", (told.value,)))
    time_s = _seconds(told.time)
    if not math.isfinite(time_s):
        faults.append(Fault("time", "be seconds since 1970, or a text with its zone", (told.time,)))
    if not -1 <= told.sequence < 2**63:
        faults.append(Fault("sequence", "be 0 or more", (told.sequence,)))
    if faults:
        raise InputError("signal", faults)
    value = told.value if positive == "into_grid" else grid_power_from_consumption(told.value)
    return SignalValue(time_s, told.sequence, value, source)


def _seconds(time: float | str) -> float:
    """UTC seconds since 1970; NaN where it is no moment."""
    if not isinstance(time, str):
        return float(time)
    try:
        moment = datetime.fromisoformat(time[:LONGEST_TIME])
        return math.nan if moment.tzinfo is None else moment.timestamp()
    except (ValueError, OverflowError):
        return math.nan
