"""What a terminal, a message or a page may show of a text that came from elsewhere."""

import reprlib
import unicodedata
from typing import Any

import numpy as np

LONGEST_VALUE = 120  # characters of one value in a message
LONGEST_LINE = 2_000  # characters of one line of output
LONGEST_INT_BITS = 200  # about 60 digits; Python refuses to write numbers of more than 4,300


class _Brief(reprlib.Repr):
    """Lists and tables written with their first few values, to a small depth."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = LONGEST_VALUE

    def repr_int(self, x: int, level: int) -> str:
        """A number, or how long it is."""
        return _number(x)


_BRIEF = _Brief()


def printable(text: str, most: int = LONGEST_VALUE) -> str:
    r"""The text on one line, shortened, without anything a terminal would obey.

    Control characters, escape sequences, marks that turn the direction of writing and halves of
    surrogate pairs are written as escapes, as in ``\x1b[31m``.

    Args:
        text: Any text.
        most: Characters of the text that are kept, from its beginning.
    """
    if len(text) > most:
        return f"{_escaped(text[:most])}\u2026 ({len(text):,} characters)"
    return _escaped(text)


def printable_lines(text: str) -> str:
    """The text with its line breaks, each line as `printable` writes it."""
    return "\n".join(printable(line, LONGEST_LINE) for line in text.split("\n"))


def shown(value: Any) -> str:
    """A value as a message shows it: short, on one line, whatever it holds."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    if isinstance(value, list | tuple | dict | set | frozenset):
        return printable(_BRIEF.repr(value), 2 * LONGEST_VALUE)
    return printable(str(value))


def _number(value: int) -> str:
    if value.bit_length() <= LONGEST_INT_BITS:
        return str(value)
    return f"a whole number of about {int(value.bit_length() * 0.30103) + 1:,} digits"


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if _harmless(char) else _escape(char) for char in text)


def _harmless(char: str) -> bool:
    """Letters, marks, symbols and spaces of any width; no controls, formats or surrogates."""
    return char.isprintable() or unicodedata.category(char) == "Zs"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
