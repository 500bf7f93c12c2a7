"""A store for the length of a test, in a file or on a PostgreSQL server."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, select

from evergrid.live.clock import AbstractClock, WallClock
from evergrid.live.store.schema import metadata
from evergrid.live.store.store import Store, StoreRules, open_store

Result = TypeVar("Result")


@dataclass(frozen=True)
class Place:
    """Where a store is.

    Attributes:
        name: Its path or URL.
        key_file: Of its secrets; None where it is beside the file.
    """

    name: str | Path
    key_file: Path | None = None

    @property
    def on_server(self) -> bool:
        return self.key_file is not None

    def rules(self, rules: StoreRules | None) -> StoreRules:
        """The rules, with the key of this place."""
        return replace(rules or StoreRules(), key_file=self.key_file)


def contents(place: Place) -> bytes:
    """All that stands in a data base: its file, or every row of every table."""
    if isinstance(place.name, Path):
        return place.name.read_bytes()

    async def rows(store: Store) -> bytes:
        def found(connection: Connection) -> str:
            tables = [connection.execute(select(one)) for one in metadata.sorted_tables]
            return repr([tuple(row) for rows in tables for row in rows])

        return (await store.read(found)).encode()

    return with_store(place, rows)


def with_store(
    place: Path | Place,
    work: Callable[[Store], Awaitable[Result]],
    *,
    clock: AbstractClock | None = None,
    rules: StoreRules | None = None,
) -> Result:
    """What a function does with a store, in a loop of its own."""
    if isinstance(place, Path):
        place = Place(place)

    async def run() -> Result:
        how = place.rules(rules)
        async with open_store(place.name, clock=clock or WallClock(), rules=how) as store:
            return await work(store)

    return asyncio.run(run())
