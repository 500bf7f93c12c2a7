"""What is written to the log of a failure: where it happened, without the values at hand there."""

import traceback
from typing import Any

import structlog

log = structlog.get_logger()


def note_failure(event: str, error: BaseException, **fields: Any) -> None:
    """Write an event and where it happened.

    The trace is text of its own: given the exception itself, structlog as it comes shows the
    variables around it, and with them passwords.
    """
    trace = "".join(traceback.format_exception(error))
    log.error(event, error=type(error).__name__, trace=trace, **fields)
