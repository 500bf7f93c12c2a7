"""A number of a rule book: its value, where it is written, and how sure that is."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Mark(StrEnum):
    """How sure a constant is."""

    VERIFIED = "verified"
    """Read in the rule book or in an official text."""
    SECONDARY = "secondary"
    """Read where others quote it."""
    UNVERIFIED = "unverified"
    """Not confirmed; money that rests on it is named apart."""


@dataclass(frozen=True)
class Constant:
    """A number of a rule book.

    Attributes:
        value: In the unit that the name of its field ends with.
        mark: How sure it is.
        source: Where it is written.
    """

    value: float
    mark: Mark
    source: str


def constants(rules: Any) -> dict[str, Constant]:
    """The constants that a record of rules holds, by the names of their fields."""
    given = {field.name: getattr(rules, field.name) for field in fields(rules)}
    return {name: value for name, value in given.items() if isinstance(value, Constant)}


def unsure(rules: Any) -> list[str]:
    """Names of a record's constants that are not verified, with how sure they are."""
    return [
        f"{name} ({value.mark})"
        for name, value in constants(rules).items()
        if value.mark is not Mark.VERIFIED
    ]


def weakest(marks: Iterable[Mark]) -> Mark:
    """The least sure of some marks; verified where there is none."""
    order = list(Mark)
    return max(marks, key=order.index, default=Mark.VERIFIED)


def verified(value: float, source: str) -> Constant:
    """A constant that was read in the rule book or an official text."""
    return Constant(value, Mark.VERIFIED, source)


def secondary(value: float, source: str) -> Constant:
    """A constant that was read where others quote it."""
    return Constant(value, Mark.SECONDARY, source)


def unverified(value: float, source: str) -> Constant:
    """A constant that is not confirmed."""
    return Constant(value, Mark.UNVERIFIED, source)
