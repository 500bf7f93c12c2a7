"""What a station does for the grid by itself, in words."""

from datetime import tzinfo
from typing import NamedTuple

from evergrid.console import words
from evergrid.live.view import GridFunctionRow

KINDS = {"VoltVar": "Reactive power by voltage", "FreqDroop": "Active power by frequency"}
UNITS = {"VoltVar": ("pu", 3), "FreqDroop": ("Hz", 2)}
STATES = {
    "given": ("given, not read back", "warn"),
    "read back": ("read back; the grid has not asked for it yet", "calm"),
    "verified": ("verified by its meter", "good"),
    "contradicted": ("its meter contradicts it", "bad"),
}


class GridFunctionLine(NamedTuple):
    """A line of the table.

    Attributes:
        name: What it does, with its name in OCPP.
        curve: Its corners.
        since: When it was read back.
        state: What is known of it.
        tone: ``good``, ``bad``, ``warn`` or ``calm``.
    """

    name: str
    curve: str
    since: str
    state: str
    tone: str


def line(row: GridFunctionRow, zone: tzinfo) -> GridFunctionLine:
    """A function in words; shares are of the station's rating, into the grid."""
    unit, decimals = UNITS.get(row.kind, ("", 2))
    corners = [
        f"{words.number(share * 100, 0, sign=True)} % at {at:.{decimals}f} {unit}".rstrip()
        for at, share in row.points
    ]
    state, tone = STATES[row.state]
    return GridFunctionLine(
        f"{KINDS.get(row.kind, 'Function')} ({row.kind})",
        ", ".join(corners) or words.NOTHING,
        words.NOTHING if row.since_s is None else words.day_time(row.since_s, zone),
        state,
        tone,
    )
