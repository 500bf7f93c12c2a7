"""What is wrong with given data: faults, and the rules that find them over whole columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.text.printable import printable, shown

SHOWN = 3  # examples a message spells out before it only counts
LONGEST_RULE = 600  # characters of a rule or a way out, which may list names


@dataclass(frozen=True)
class Fault:
    """One rule that one field breaks, with every place where it does.

    Attributes:
        field: Column or key, spelt as the user wrote it.
        rule: What must hold, as the end of the sentence "<field> must ...".
        got: The offending values, in the order of ``ids`` and ``rows``.
        ids: The records concerned (session, site, ...), where they have names.
        rows: Row numbers in the given table, the first data row being 1.
        fix: The way out, a full sentence.
    """

    field: str
    rule: str
    got: tuple[Any, ...] = ()
    ids: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    fix: str = ""

    @property
    def count(self) -> int:
        """How many places break the rule."""
        return max(len(self.got), len(self.ids), len(self.rows), 1)

    def __str__(self) -> str:
        text = f"{printable(self.field)} must {printable(self.rule, LONGEST_RULE)}"
        places = [self._place(i) for i in range(min(self.count, SHOWN))]
        places = [place for place in places if place]
        if places:
            text += ", got " + "; ".join(places)
        if places and self.count > SHOWN:
            text += f"; and {self.count - SHOWN} more"
        return text + (f". {printable(self.fix, LONGEST_RULE)}" if self.fix else ".")

    def _place(self, i: int) -> str:
        value = _value(self.got[i]) if i < len(self.got) else ""
        name = f"for {printable(self.ids[i])}" if i < len(self.ids) and self.ids[i] else ""
        row = f"(row {self.rows[i]})" if i < len(self.rows) else ""
        return " ".join(part for part in (value, name, row) if part)


def _value(value: Any) -> str:
    if isinstance(value, np.datetime64):
        whole = value == value.astype("datetime64[s]")
        return f"{np.datetime_as_string(value, unit='s' if whole else 'us')}Z"
    return shown(value)


def broken(
    field: str,
    ok: Bool[Array, " row"],
    rule: str,
    *,
    values: Shaped[Array, " row"] | Sequence[Any],
    ids: Shaped[Array, " row"] | Sequence[str] | None = None,
    fix: str = "",
) -> list[Fault]:
    """The fault of the rows where ``ok`` is false; an empty list when there are none."""
    (rows,) = np.nonzero(~ok)
    if rows.size == 0:
        return []
    return [
        Fault(
            field,
            rule,
            got=tuple(values[int(i)] for i in rows),
            ids=() if ids is None else tuple(str(ids[int(i)]) for i in rows),
            rows=tuple(int(i) + 1 for i in rows),
            fix=fix,
        )
    ]


def between(
    field: str,
    values: Float[Array, " row"],
    low: Float[Array, " row"] | float,
    high: Float[Array, " row"] | float,
    *,
    ids: Shaped[Array, " row"],
    rule: str,
    fix: str = "",
) -> list[Fault]:
    """Faults of values outside [low, high]; NaN is never inside."""
    ok = (values >= low) & (values <= high)
    return broken(field, ok, rule, values=values, ids=ids, fix=fix)


def unique(field: str, values: Shaped[Array, " row"], *, fix: str = "") -> list[Fault]:
    """Faults of every repetition after the first."""
    _, first = np.unique(values, return_index=True)
    ok = np.zeros(len(values), bool)
    ok[first] = True
    return broken(field, ok, "be unique", values=values, fix=fix)


def known(
    field: str,
    values: Shaped[Array, " row"],
    names: Shaped[Array, " name"],
    *,
    ids: Shaped[Array, " row"],
    what: str,
) -> list[Fault]:
    """Faults of values that are not among ``names``."""
    allowed = set(names.tolist())  # np.isin compares objects pair by pair
    ok = np.fromiter((name in allowed for name in values.tolist()), bool, len(values))
    listed = ", ".join(str(name) for name in names[:8])
    listed += f" and {len(names) - 8} more" if len(names) > 8 else ""
    fix = f"Known {what}: {listed}." if len(names) else f"No {what} are given."
    return broken(field, ok, f"name one of the {what}", values=values, ids=ids, fix=fix)
