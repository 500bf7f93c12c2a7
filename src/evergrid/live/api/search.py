"""Which stations, sessions or other lines are meant, and which of them a page holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from evergrid.live.view import StationRow

Line = TypeVar("Line")
MOST_LINES = 1000  # of a page

KINDS: dict[str, Callable[[StationRow], bool]] = {
    "online": lambda row: row.state == "online",
    "offline": lambda row: row.state != "online",
    "plugged": lambda row: bool(row.session),
    "deviating": lambda row: row.following is False,
    "v2x": lambda row: row.v2x,
}
"""Kinds of stations that can be asked for."""


@dataclass(frozen=True)
class Page(Generic[Line]):
    """Some lines of many.

    Attributes:
        total: Lines there are.
        offset: Of the first here.
        lines: These.
    """

    total: int
    offset: int
    lines: tuple[Line, ...]


def page(lines: Sequence[Line], offset: int, limit: int) -> Page[Line]:
    """The lines from an offset on."""
    return Page(len(lines), offset, tuple(lines[offset : offset + limit]))


def stations(rows: Sequence[StationRow], text: str = "", kind: str = "") -> list[StationRow]:
    """Stations whose name, site or session holds a text, of a kind, by name.

    Args:
        rows: All.
        text: Whatever its case; "" for all.
        kind: Of `KINDS`; "" for all.
    """
    wanted = text.strip().casefold()
    of_kind = KINDS.get(kind, lambda _row: True)
    found = (row for row in rows if of_kind(row) and _holds(row, wanted))
    return sorted(found, key=lambda row: row.station)


def _holds(row: StationRow, wanted: str) -> bool:
    return not wanted or any(
        wanted in text.casefold() for text in (row.station, row.site, row.session)
    )
