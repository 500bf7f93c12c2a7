"""Which were the last messages to and from a station? Kept short, and without secrets."""

import re
from collections import deque
from typing import final

from evergrid.live.view import MessageRow

KEPT = 50  # messages of a station
SHORT = 240  # bytes of each
_SECRETS = re.compile(
    r'("(?:idToken|additionalIdToken|certificate|certificateChain|csr|password|attributeValue'
    r'|basicAuthPassword|personalMessage|data|techInfo)"\s*:\s*")[^"]*'
)


@final
class MessageRing:
    """The last messages, as they were; they are made readable when somebody looks."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: deque[tuple[float, str, str, bytes, str]] = deque(maxlen=KEPT)

    def add(self, time_s: float, direction: str, action: str, message: bytes, outcome: str) -> None:
        """Keep a message, ``in`` or ``out``, and forget the oldest."""
        self._rows.append((time_s, direction, action, message[:SHORT], outcome))

    def rows(self) -> tuple[MessageRow, ...]:
        """The newest first; a secret in a message is left out."""
        return tuple(
            MessageRow(time_s, direction, action, _readable(message), outcome)
            for time_s, direction, action, message, outcome in reversed(self._rows)
        )


def _readable(message: bytes) -> str:
    return _SECRETS.sub(r"\1***", message.decode(errors="replace"))
