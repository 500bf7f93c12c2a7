"""What happened, in the order in which it came to the disk: written once, never changed."""

import math
from collections.abc import Iterable
from typing import Any, final

from sqlalchemy import Connection, Select, func, select

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.store import schema
from evergrid.live.store.entry import UNNUMBERED, Entry, StoredEntry
from evergrid.live.store.reader import Reader
from evergrid.live.store.writer import Row as WrittenRow
from evergrid.live.store.writer import Writer

MOST_READ = 10_000  # entries in one answer
LONGEST_KIND, LONGEST_STATION, LONGEST_TRANSACTION = 32, 48, 36
LONGEST_BODY = 2**20
MOST_SEQUENCE = 2**63 - 1


@final
class Log:
    """The log of a store.

    Args:
        writer: Who writes it.
        reader: Who reads it.
        clock: Stands still, where it is virtual, while entries are written.
    """

    def __init__(self, writer: Writer, reader: Reader, clock: AbstractClock) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def append(self, entries: Iterable[Entry]) -> int:
        """Write entries; how many were new, once they are on the disk.

        They are written together or not at all. One whose (kind, station, transaction, sequence)
        is in the log already is ignored.

        Raises:
            InputError: An entry breaks a rule; none is written.
            StoreError: They could not be written; none is.
        """
        size, rows = 0, []
        for entry in entries:
            rows.append(_row(entry))
            size += len(entry.body)
        if not rows:
            return 0
        with self._clock.working():
            return await self._writer.append(rows, size)

    async def entries(
        self,
        kind: str | None = None,
        *,
        station: str | None = None,
        transaction: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> list[StoredEntry]:
        """Entries in the order of writing.

        Args:
            kind: Only of this kind; with a station it is found quickest.
            station: Only about this one.
            transaction: Only of this one.
            after: Number of the last entry that is known; later ones follow.
            limit: How many at most, up to `MOST_READ`.
        """
        query = _matching(kind, station, transaction).where(schema.log.c.number > after)
        return await self._found(query.order_by(schema.log.c.number), limit)

    async def in_sequence(
        self, kind: str, station: str, transaction: str, *, after: int = -1, limit: int = 1000
    ) -> list[StoredEntry]:
        """Numbered entries of a transaction by their sequence, in whatever order they came.

        Args:
            kind: Of this kind.
            station: About this one.
            transaction: Of this one.
            after: Sequence of the last entry that is known; later ones follow.
            limit: How many at most, up to `MOST_READ`.
        """
        sequence = schema.log.c.sequence
        query = _matching(kind, station, transaction).where(sequence > after)
        return await self._found(query.order_by(sequence), limit)

    async def newest(
        self, kind: str | None = None, *, station: str | None = None, limit: int = 100
    ) -> list[StoredEntry]:
        """The last entries, newest first; the arguments are those of `entries`."""
        query = _matching(kind, station, None)
        return await self._found(query.order_by(schema.log.c.number.desc()), limit)

    async def last(self, kind: str) -> StoredEntry | None:
        """The last entry of a kind; None where there is none."""
        found = await self.newest(kind, limit=1)
        return found[0] if found else None

    async def number_at(self, kind: str, time_s: float) -> int:
        """Where to read on for what happened since a moment: `after` for `entries`.

        Entries come nearly in the order of time. It is found by halving, so that a long log costs
        little; one that came late, such as what a station kept while it was not connected, stands
        where it came. Ask for a somewhat earlier moment where that matters.

        Args:
            kind: Of this kind.
            time_s: The moment, UTC seconds since 1970.
        """
        return await self._reader.read(lambda connection: _halved(connection, kind, time_s))

    async def count(self, kind: str | None = None) -> int:
        """How many entries there are, of a kind or of all."""
        query = select(func.count()).select_from(schema.log)
        if kind is not None:
            query = query.where(schema.log.c.kind == kind)
        return await self._reader.read(lambda connection: connection.execute(query).scalar_one())

    async def _found(self, query: Select[Any], limit: int) -> list[StoredEntry]:
        bounded = query.limit(min(max(limit, 0), MOST_READ))

        def found(connection: Connection) -> list[StoredEntry]:
            return [_stored(row) for row in connection.execute(bounded)]

        return await self._reader.read(found)


def _halved(connection: Connection, kind: str, time_s: float) -> int:
    """Number before the first entry of a kind that is not older."""
    log = schema.log.c
    ends = select(func.min(log.number), func.max(log.number)).where(log.kind == kind)
    first, last = connection.execute(ends).one()
    if first is None:
        return 0
    low, high = first - 1, last  # the answer lies from low to high
    while low < high:
        middle = (low + high) // 2
        next_one = (
            select(log.number, log.time_s)
            .where(log.kind == kind, log.number > middle)
            .order_by(log.number)
            .limit(1)
        )
        number, found_s = connection.execute(next_one).one()
        low, high = (number, high) if found_s < time_s else (low, middle)
    return low


def _matching(kind: str | None, station: str | None, transaction: str | None) -> Select[Any]:
    query, table = select(schema.log), schema.log.c
    if kind is not None:
        query = query.where(table.kind == kind)
    if station is not None:
        query = query.where(table.station == station)
    if transaction is not None:
        query = query.where(table.transaction == transaction)
    return query


def _row(entry: Entry) -> WrittenRow:
    """The row of an entry."""
    body = entry.body
    if (
        not 0 < len(entry.kind) <= LONGEST_KIND
        or len(entry.station) > LONGEST_STATION
        or len(entry.transaction) > LONGEST_TRANSACTION
        or len(body) > LONGEST_BODY
        or not math.isfinite(entry.time_s)
        or entry.sequence > MOST_SEQUENCE
    ):
        raise InputError("log", _faults(entry))
    sequence = entry.sequence if entry.sequence >= 0 else None
    return (entry.kind, entry.time_s, entry.station, entry.transaction, sequence, body)


def _faults(entry: Entry) -> list[Fault]:
    lengths = (
        ("kind", len(entry.kind), LONGEST_KIND),
        ("station", len(entry.station), LONGEST_STATION),
        ("transaction", len(entry.transaction), LONGEST_TRANSACTION),
        ("body", len(entry.body), LONGEST_BODY),
    )
    faults = [
        Fault(field, f"be at most {most:,} long", (length,), ids=(entry.station,))
        for field, length, most in lengths
        if length > most
    ]
    if not entry.kind:
        faults.append(Fault("kind", "not be empty", ids=(entry.station,)))
    if not math.isfinite(entry.time_s):
        faults.append(Fault("time_s", "be finite", (entry.time_s,), ids=(entry.station,)))
    if entry.sequence > MOST_SEQUENCE:
        faults.append(Fault("sequence", "be below 2^63", (entry.sequence,), ids=(entry.station,)))
    return faults


def _stored(row: Any) -> StoredEntry:
    number, kind, time_s, station, transaction, sequence, body = row
    known = UNNUMBERED if sequence is None else sequence
    return StoredEntry(number, Entry(kind, time_s, station, transaction, known, bytes(body)))
