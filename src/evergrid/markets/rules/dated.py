"""Rules that hold from one day to another: which of them is in force, and why a day has none."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar, runtime_checkable

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault


@runtime_checkable
class AbstractPeriod(Protocol):
    """Rules with a first and a last day."""

    @property
    def first(self) -> date:
        """First day on which they hold."""
        ...

    @property
    def last(self) -> date:
        """Last day on which they hold, or are known to."""
        ...


PeriodT = TypeVar("PeriodT", bound=AbstractPeriod)


def in_force(rows: Sequence[PeriodT], day: date, *, source: str, why: str) -> PeriodT:
    """The rules of a day.

    Args:
        rows: Rules by date, without overlap.
        day: On the market's own clock.
        source: Name of the rules, for the message.
        why: What is before the first and after the last, as a sentence.

    Raises:
        InputError: No rules are known for it.
    """
    for row in rows:
        if row.first <= day <= row.last:
            return row
    rule = f"lie between {rows[0].first} and {rows[-1].last}"
    raise InputError(source, [Fault("day", rule, (str(day),), fix=why)])
