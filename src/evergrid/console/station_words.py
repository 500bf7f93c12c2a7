"""A station in words: what it does, and whether it does what it was told."""

from datetime import tzinfo
from typing import Any, NamedTuple, final

from evergrid.console import words
from evergrid.live.api.updates.moment import POWER_FIELDS, Moment, Row, row_of
from evergrid.live.api.updates.stream import Ask
from evergrid.live.view import StationRow

SKEW_S = 30.0  # of a station's clock, from which on its readings may fall into another tick
FULL = 0.99  # soc, from which on a vehicle draws what it wants
SAME_KW = 0.05  # an order and what was accepted are the same within this

Cells = dict[str, str]


class Note(NamedTuple):
    """What a station does, and how that is to be taken.

    Attributes:
        text: In a few words.
        tone: ``good``, ``bad``, ``warn`` or ``calm``.
    """

    text: str
    tone: str


def note(row: dict[str, Any], zone: tzinfo) -> Note:
    """What a station does.

    Args:
        row: Fields of a `StationRow`.
        zone: Of the place.
    """
    skew_s = row["clock_skew_s"]
    if row["state"] == "never seen":
        return Note("never seen", "calm")
    if row["state"] != "online":
        return Note(f"offline since {words.day_time(row['last_seen_s'], zone)}", "bad")
    if _full(row):
        return Note("full: it draws less than it may", "calm")
    if row["following"] is False:
        return Note("accepted, not applied", "bad")
    if skew_s is not None and abs(skew_s) >= SKEW_S:
        side = "ahead" if skew_s > 0 else "behind"
        return Note(f"clock {words.duration(abs(skew_s))} {side}", "warn")
    if _waits(row):
        return Note("order not accepted", "warn")
    if row["on_hold"]:
        return Note("on hold at its boot", "warn")
    if not row["session"]:
        return Note("free", "calm")
    return Note("follows" if row["following"] else "plugged in", "good")


def _full(row: dict[str, Any]) -> bool:
    """Whether a vehicle that may charge no longer takes all of it, as it has nearly all it can."""
    accepted, measured, soc = row["accepted_kw"], row["measured_kw"], row["soc"]
    if row["following"] is not False or accepted is None or measured is None or soc is None:
        return False
    return bool(soc >= FULL and accepted < measured <= SAME_KW)


def _waits(row: dict[str, Any]) -> bool:
    ordered, accepted = row["ordered_kw"], row["accepted_kw"]
    return ordered is not None and (accepted is None or abs(ordered - accepted) > SAME_KW)


def cells(row: Row | StationRow, zone: tzinfo) -> Cells:
    """A line of the list of stations, by the names of its columns."""
    own = row_of(row) if isinstance(row, StationRow) else row
    fields = own.rest | dict(zip(POWER_FIELDS, own.power, strict=True))
    said = note(fields, zone)
    return {
        "note": said.text,
        "tone": said.tone,
        "ordered": words.number(fields["ordered_kw"]),
        "accepted": words.number(fields["accepted_kw"]),
        "measured": words.number(fields["measured_kw"]),
        "soc": words.share(fields["soc"]),
        "session": fields["session"] or words.NOTHING,
        "protocol": fields["protocol"] or words.NOTHING,
    }


@final
class CellsTopic:
    """Tells the cells that changed of the stations that a page shows.

    Args:
        zone: Of the place.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def __call__(self, moment: Moment, ask: Ask, first: bool) -> Any:
        """By station, by column."""
        told: dict[str, Cells] = {}
        for name in sorted(ask.stations):
            row, known = moment.rows.get(name), not first
            if row is None or (known and name not in moment.changed):
                continue
            new = cells(row, self._zone)
            old_row = moment.changed.get(name) if known else None
            old = cells(old_row, self._zone) if old_row else {}
            differing = {cell: text for cell, text in new.items() if old.get(cell) != text}
            if differing:
                told[name] = differing
        return told or None
