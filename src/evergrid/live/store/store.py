"""Open a store, read and write in it, and know whether it takes what it is given."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from evergrid.core.errors import InputError, StoreError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.store.database import postgresql
from evergrid.live.store.database.copy import copy
from evergrid.live.store.database.engine import (
    Database,
    checkpoint,
    connect,
    server_url,
    sqlite_module,
)
from evergrid.live.store.database.lock import Lock
from evergrid.live.store.database.migrate import VERSIONS, found, known, newest, upgrade
from evergrid.live.store.key import Key
from evergrid.live.store.log import Log
from evergrid.live.store.reader import Reader
from evergrid.live.store.writer import Counters, Writer, WriterRules

Result = TypeVar("Result")
HASHINGS = 2  # at a time: each takes a core and 64 MB for a quarter of a second


@dataclass(frozen=True)
class StoreRules:
    """How a store is kept.

    Attributes:
        synchronous: Whether a commit waits for the disk; "off" is for simulations.
        writer: When to commit, and how much may wait.
        key_file: Of the key of secrets; beside the data base where not named.
        authorities: File of the authorities that sign a server's certificate, PEM.
        versions: Folder of the migrations.
    """

    synchronous: Literal["full", "off"] = "full"
    writer: WriterRules = field(default_factory=WriterRules)
    key_file: Path | None = None
    authorities: str | None = None
    versions: Path = VERSIONS


SIMULATION = StoreRules("off", WriterRules(group_wait_s=0.0))
"""For days in virtual time, which wait for no disk."""


@final
class Store:
    """An open store.

    Attributes:
        log: What happened.
        clock: What time it is.
        key: Of the secrets.
        notes: What an operator should know of it, a sentence each.
        path: Its file; None for a server.
    """

    def __init__(
        self, database: Database, clock: AbstractClock, key: Key, rules: StoreRules
    ) -> None:
        self.clock, self.key = clock, key
        self.notes, self.path = database.notes, database.path
        self._database = database
        self._writer = Writer(database.writer, rules.writer)
        self._reader = Reader(database.reader, clock)
        self.hashing = asyncio.Semaphore(HASHINGS)
        self.log = Log(self._writer, self._reader, clock)

    @property
    def reader(self) -> Engine:
        """Of connections that cannot write."""
        return self._database.reader

    @property
    def healthy(self) -> bool:
        """Whether the last that was given is on the disk."""
        return not self._writer.failure

    @property
    def reason(self) -> str:
        """Why it is not healthy, a sentence; "" where it is."""
        return self._writer.failure

    @property
    def counters(self) -> Counters:
        """What was written so far."""
        return self._writer.counters

    @property
    def waiting(self) -> tuple[int, int]:
        """Requests that wait to be written, and the bytes of their log bodies."""
        return self._writer.waiting

    async def read(self, function: Callable[[Connection], Result]) -> Result:
        """What a function reads, in a thread, from one state of the store.

        Raises:
            StoreError: It could not be read.
        """
        return await self._reader.read(function)

    async def write(self, function: Callable[[Connection], Result]) -> Result:
        """What a function that writes returns, once that is on the disk.

        It runs in the thread that writes, in one transaction with others, and must be short.
        Where it raises, what it wrote is taken back and the error is passed on.

        Raises:
            StoreError: It could not be written.
        """
        with self.clock.working():
            return await self._writer.call(function)

    async def forget(self) -> bool:
        """Overwrite in the files what was deleted or changed; whether that was done.

        A reader that is slow may be in the way; it is then done by a later commit.
        """
        if self.path is None:  # a server does so by itself
            return True
        with self.clock.working():
            return await self._writer.checkpoint()

    async def close(self) -> None:
        """Write what waits, and let go of the data base."""
        await self._writer.close()
        await asyncio.to_thread(self._reader.close)


@asynccontextmanager
async def open_store(
    place: str | Path, *, clock: AbstractClock, rules: StoreRules | None = None
) -> AsyncIterator[Store]:
    """Open a store for as long as the context lasts; its tables are brought to this version.

    Args:
        place: Path of a file, made where it is not there, or a URL such as
            ``postgresql://user@host/evergrid``.
        clock: What time it is.
        rules: How it is kept.

    Raises:
        InputError: A URL of no known kind, or one without a key file.
        StoreError: It cannot be opened, is open elsewhere, or is of a newer version.
    """
    rules = rules or StoreRules()
    database, lock = await asyncio.to_thread(_locked, place, rules)
    try:
        key = await asyncio.to_thread(_prepare, database, rules)
        store = Store(database, clock, key, rules)
        try:
            yield store
        finally:
            await store.close()
    finally:
        await asyncio.to_thread(_dispose, database, lock)


def _locked(place: str | Path, rules: StoreRules) -> tuple[Database, Lock | None]:
    if server_url(place) is not None and rules.key_file is None:
        rule = "name the file of the key where the store is a server"
        raise InputError("store", [Fault("key_file", rule)])
    database = connect(place, synchronous=rules.synchronous, authorities=rules.authorities)
    return database, None if database.path is None else Lock(database.path)


def _prepare(database: Database, rules: StoreRules) -> Key:
    """Tables of this version, and the key of their secrets."""
    path = database.path
    try:
        if path is not None:
            # What a sync that failed left in the system's memory is written anew, before more is
            # built on it.
            checkpoint(database.writer)
            _keep_older_version(database, path, rules)
        with database.writer.connect() as connection, connection.begin():
            upgrade(connection, rules.versions)
            return Key.open(_key_file(path, rules), connection)
    except (DBAPIError, sqlite_module().Error) as error:
        name = path.name if path else "on the server"
        said = error.orig if isinstance(error, DBAPIError) else error
        reason = postgresql.reason(error) or said
        raise StoreError(f"The store {name} cannot be opened: {reason}.") from error


def _keep_older_version(database: Database, path: Path, rules: StoreRules) -> None:
    """Before the tables of a store are changed, a copy of it is put beside it."""
    with database.reader.connect() as connection:
        there = found(connection)
    if there in (None, newest(rules.versions)) or not known(there, rules.versions):
        return
    kept = path.with_name(f"{path.name}.before-{newest(rules.versions)}")
    if not kept.exists():  # an upgrade that was cut off before left it whole
        copy(database.reader, kept)


def _key_file(path: Path | None, rules: StoreRules) -> Path:
    if rules.key_file is not None:
        return rules.key_file
    assert path is not None, "a server has a key file of its own"
    return key_beside(path)


def key_beside(path: Path) -> Path:
    """Where the key of a store is that names no other place."""
    return path.with_name(path.name + ".key")


def _dispose(database: Database, lock: Lock | None) -> None:
    database.reader.dispose()
    database.writer.dispose()
    if lock is not None:
        lock.release()
