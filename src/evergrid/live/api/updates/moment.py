"""What has changed since a moment ago, in the few bytes that a stream sends."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple, final

from evergrid.live.view import AbstractView, Overview, Series, StationRow

POINTS = 60  # of the series between two moments; at 1 s a fleet's clock may run 100 times as fast
DECIMALS = 2  # of powers, as meters give no more
POWER_FIELDS = ("ordered_kw", "accepted_kw", "measured_kw", "following", "soc")


class Row(NamedTuple):
    """A line of the list of stations as it is compared and sent.

    Attributes:
        power: What changes with every tick, in the order of `POWER_FIELDS`.
        rest: What seldom changes, by name.
    """

    power: tuple[Any, ...]
    rest: dict[str, Any]


@final
@dataclass(frozen=True)
class Moment:
    """The service at one moment, read from it only as far as somebody asks.

    Attributes:
        view: Of the service.
        old_rows: Stations the moment before; None where nobody asked for them.
        old_s: Last point of the series the moment before; None as above.
    """

    view: AbstractView
    old_rows: dict[str, Row] | None = None
    old_s: float | None = None

    def next(self) -> "Moment":
        """The moment after this."""
        read = vars(self)  # what was read of the service is kept here by its name
        times = read["recent"].time_s if "recent" in read else ()
        return Moment(self.view, read.get("rows"), times[-1] if times else None)

    @cached_property
    def overview(self) -> Overview:
        """The first page."""
        return self.view.overview()

    @cached_property
    def rows(self) -> dict[str, Row]:
        """Every station by its name."""
        return {row.station: row_of(row) for row in self.view.stations()}

    @cached_property
    def changed(self) -> dict[str, Row | None]:
        """Stations whose row is not as it was the moment before, and how it was."""
        old = self.old_rows
        if old is None:
            return {}
        return {name: old.get(name) for name, row in self.rows.items() if old.get(name) != row}

    @cached_property
    def recent(self) -> Series:
        """The last points of the series."""
        return self.view.series(POINTS)

    @cached_property
    def points(self) -> Series:
        """Points of the series since the moment before."""
        return newer(self.recent, self.old_s)


def newer(series: Series, than_s: float | None) -> Series:
    """The points of a series after a time."""
    if than_s is None:
        return series
    first = next((i for i, time in enumerate(series.time_s) if time > than_s), len(series.time_s))
    values = {name: values[first:] for name, values in series.values.items()}
    return Series(series.time_s[first:], values)


def row_of(row: StationRow) -> Row:
    """A row as it is compared: rounded, and without what changes with every message."""
    power = (_rounded(getattr(row, name)) for name in POWER_FIELDS)
    rest = {name: getattr(row, name) for name in _REST}
    rest["clock_skew_s"] = None if row.clock_skew_s is None else round(row.clock_skew_s, 0)
    if row.state == "online":  # when it was last heard of is of interest only where it is not
        rest["last_seen_s"] = None
    return Row(tuple(power), rest)


_REST = tuple(field.name for field in fields(StationRow) if field.name not in POWER_FIELDS)


def _rounded(value: Any) -> Any:
    return round(value, DECIMALS) if isinstance(value, float) else value


def as_row(row: Row) -> dict[str, Any]:
    """A whole row, by the names of its fields."""
    return row.rest | dict(zip(POWER_FIELDS, row.power, strict=True))
