"""Which changes of all stations an update tells, where not all of them have room."""

from collections.abc import Iterable, Mapping
from typing import Any, final

from evergrid.live.api.updates.event import text_of
from evergrid.live.api.updates.moment import Moment, Row, as_row


@final
class Backlog:
    """Changes that were not told yet, the oldest first.

    Args:
        update_bytes: Of an update.
    """

    def __init__(self, update_bytes: int) -> None:
        self._bytes = update_bytes
        self._told: dict[str, Row | None] = {}  # as last told, of those that changed since

    def take(self, moment: Moment) -> dict[str, Any] | None:
        """What the next update tells; None where nothing changed."""
        for name, old in moment.changed.items():
            self._told.setdefault(name, old)
        taken, size = dict[str, Row | None](), 0
        for name, old in self._told.items():
            size += _size(name, old, moment.rows.get(name))
            if taken and size > self._bytes:
                break
            taken[name] = old
        for name in taken:
            del self._told[name]
        return said(moment, taken, waiting=len(self._told)) if taken else None


def _size(name: str, old: Row | None, row: Row | None) -> int:
    """Bytes that a station takes, with the comma after it."""
    if row is None:
        return 0
    if old is not None and old.rest == row.rest:
        return len(text_of([name, *row.power])) + 1
    return len(text_of(as_row(row))) + 1


def said(moment: Moment, told: Mapping[str, Row | None], *, waiting: int = 0) -> dict[str, Any]:
    """Rows that changed: whole ones, and power alone where nothing else did.

    Args:
        moment: Now.
        told: As viewers know them; None for those they do not know.
        waiting: Stations that changed too, and come later.
    """
    whole, power = list[dict[str, Any]](), list[list[Any]]()
    for name, old in told.items():
        row = moment.rows.get(name)
        if row is None:
            continue
        if old is not None and old.rest == row.rest:
            power.append([name, *row.power])
        else:
            whole.append(as_row(row))
    return {"rows": whole, "power": power, "waiting": waiting}


def first_rows(moment: Moment, names: Iterable[str]) -> dict[str, Any]:
    """Whole rows of these stations, for one who knows none."""
    rows = moment.rows  # read even for no names: the next moment compares with them
    return said(moment, dict.fromkeys(name for name in names if name in rows))
