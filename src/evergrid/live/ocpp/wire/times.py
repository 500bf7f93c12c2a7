"""What moment is a timestamp of OCPP, and how is a moment written as one?"""

from datetime import UTC, datetime


class TimestampError(ValueError):
    """A text is no timestamp with an offset from UTC."""


def utc_s(text: str) -> float:
    """Seconds since 1970 of a timestamp that the schema's ``date-time`` format has passed.

    Raises:
        TimestampError: It is no date, or has no offset from UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise TimestampError(f"no timestamp: {text[:40]!r}") from error
    raise TimestampError(f"no offset from UTC in {text[:40]!r}")


def utc_text(time_s: float) -> str:
    """A timestamp in UTC with milliseconds."""
    text = datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
