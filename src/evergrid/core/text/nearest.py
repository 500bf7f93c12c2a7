"""Which known name a mistyped one may have meant."""

import difflib
from collections.abc import Iterable

ALIKE = 0.6  # share of letters in common below which a name is no suggestion


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The known name most like the given one; None where none is like it."""
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=ALIKE)
    return near[0] if near else None


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The question that an error asks of a mistyped name; empty where no known one is like it."""
    name = nearest(given, known)
    return f"Did you mean {name}?" if name else ""
