"""What a site did while it was on its own: bounded, on its disk, handed over in order."""

from collections.abc import Sequence
from typing import final

from sqlalchemy import delete, func, select

from evergrid.core.errors import StoreError
from evergrid.live.store import schema
from evergrid.live.store.entry import Entry, StoredEntry
from evergrid.live.store.store import Store

MOST_BYTES = 256 * 2**20  # of entries: days of a site with a hundred stations
AT_ONCE = 200


@final
class SiteLog:
    """Entries that the controller does not have yet.

    Args:
        store: On the disk of the gateway.
        most_bytes: Of bodies that are kept; beyond it, nothing is taken and so nothing answered.
    """

    def __init__(self, store: Store, most_bytes: int = MOST_BYTES) -> None:
        self._store, self._most_bytes = store, most_bytes
        self._bytes = 0
        self.entries = 0
        """That are kept, or are being written."""

    async def load(self) -> int:
        """Take up what an earlier run left; how many entries."""
        log = schema.log.c
        query = select(func.count(), func.coalesce(func.sum(func.length(log.body)), 0))
        count, size = await self._store.read(lambda c: c.execute(query).one())
        self._bytes, self.entries = int(size), int(count)
        return self.entries

    async def append(self, entries: Sequence[Entry]) -> None:
        """Keep entries; once it returns they are on the disk.

        Raises:
            StoreError: They could not be written, or there is no room left.
        """
        size = sum(len(entry.body) for entry in entries)
        if self._bytes + size > self._most_bytes:
            raise StoreError("The log of the site is full. It takes more once it is handed over.")
        self._bytes += size
        self.entries += len(entries)
        try:
            new = await self._store.log.append(entries)
        except BaseException:
            self._bytes -= size
            self.entries -= len(entries)
            raise
        self.entries -= len(entries) - new  # what was there is not there twice

    async def oldest(self) -> list[StoredEntry]:
        """The entries that are to be handed over next, in order."""
        return await self._store.log.entries(limit=AT_ONCE)

    async def forget(self, entries: Sequence[StoredEntry]) -> None:
        """Entries that the controller has."""
        last = entries[-1].number
        statement = delete(schema.log).where(schema.log.c.number <= last)
        await self._store.write(lambda c: c.execute(statement).rowcount)
        self._bytes -= sum(len(one.entry.body) for one in entries)
        self.entries -= len(entries)
