"""Times and durations as OpenADR writes them, in seconds."""

import hashlib
import math
import re
from datetime import datetime

FOREVER = "P9999Y"
NOW = "0000-00-00"
LONGEST_TEXT = 64
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)S)?)?"
)
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
FIRST_S, LAST_S = 0.0, 4_102_444_800.0  # 1970 to 2100, UTC


def duration_s(text: str) -> float:
    """Seconds of a duration such as ``PT15M``; infinite for ``P9999Y``.

    Raises:
        ValueError: Another text; months and years have no length of their own.
    """
    if text == FOREVER:
        return math.inf
    found = _DURATION.fullmatch(text) if len(text) <= LONGEST_TEXT else None
    parts = {} if found is None else {k: v for k, v in found.groupdict().items() if v is not None}
    if not parts:
        raise ValueError("be a duration in weeks, days, hours, minutes or seconds, such as PT15M")
    return sum(float(value) * _SECONDS[name] for name, value in parts.items())


def moment_s(text: str, *, now_s: float) -> float:
    """UTC seconds since 1970 of a moment; ``0000-00-00`` is now.

    Raises:
        ValueError: No moment, without a zone, or before 1970 or after 2100.
    """
    if text == NOW:
        return now_s
    try:
        moment = datetime.fromisoformat(text[:LONGEST_TEXT])
        zoned = moment.tzinfo is not None
        seconds = moment.timestamp() if zoned else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not FIRST_S <= seconds < LAST_S:
        raise ValueError("be a moment with its zone, such as 2026-11-29T18:00:00Z")
    return seconds


def drawn_share(*names: str) -> float:
    """A share of a random start, 0 to 1, that is the same whenever it is drawn for these names."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
