"""One thread that writes, many requests to a commit: durable, and the event loop never waits.

A request is acknowledged once the transaction that holds it is committed. What waits is bounded in
requests and bytes; beyond that, those who ask wait. Where the disk fails nothing is acknowledged:
all who wait are told, and the thread tries by itself until it can write again.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar, final

from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import DBAPIError

from evergrid.core.errors import StoreError
from evergrid.live.store.database import postgresql
from evergrid.live.store.database.engine import checkpoint
from evergrid.live.store.database.postgresql import Row
from evergrid.live.store.schema import log

Result = TypeVar("Result")
COLUMNS = ("kind", "time_s", "station", "transaction", "sequence", "body")
# In a statement: each gives the interpreter away and has to get it back, so few are best.
ROWS_AT_ONCE = (128, 32, 8, 2, 1)
WRONG_STATEMENT = 1  # SQLITE_ERROR: not of the disk, but of who wrote the statement


@dataclass(frozen=True)
class WriterRules:
    """When to commit, and how much may wait.

    Attributes:
        group_requests: Requests in one commit at most.
        group_wait_s: For which a group waits for more requests, where the one before had several;
            of the machine's own clock, as a disk is.
        waiting_requests: That may wait to be written.
        waiting_bytes: Of log bodies that may wait.
        retry_s: Between two tries of a disk that failed.
        slow_s: For one commit, after which the disk is said to hang.
    """

    group_requests: int = 500
    group_wait_s: float = 0.01
    waiting_requests: int = 20_000
    waiting_bytes: int = 64 * 2**20
    retry_s: float = 1.0
    slow_s: float = 10.0


@dataclass(eq=False, slots=True)
class _Request:
    """What one caller wants written, in one transaction: rows of the log, or what a call does."""

    rows: Sequence[Row]
    call: Callable[[Connection], Any] | None
    size: int
    future: asyncio.Future[Any]
    checkpoint: bool = False
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class Counters:
    """What the writer did so far.

    Attributes:
        commits: Groups on the disk.
        requests: In them.
        entries: New entries of the log.
        duplicates: Entries that were there.
        failures: Groups that could not be written.
        commit_s: Longest time that a group took.
    """

    commits: int = 0
    requests: int = 0
    entries: int = 0
    duplicates: int = 0
    failures: int = 0
    commit_s: float = 0.0


@final
class Writer:
    """The one who writes.

    Args:
        engine: Of the one connection that writes.
        rules: When to commit.
    """

    def __init__(self, engine: Engine, rules: WriterRules) -> None:
        self._engine, self._rules = engine, rules
        self._on_server = engine.dialect.name == "postgresql"
        self._file = None if self._on_server else _file_of(engine)
        self._requests: deque[_Request] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._waiting, self._waiting_bytes = 0, 0  # the loop's alone
        self._line = deque[tuple[asyncio.Future[None], int]]()  # who waits for room
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._failure = ""
        self._began_s: float | None = None  # of the commit that is under way
        self.counters = Counters()
        self._thread.start()

    @property
    def failure(self) -> str:
        """Why nothing can be written; "" where all is well."""
        began_s = self._began_s
        if began_s is not None:
            took_s = time.monotonic() - began_s
            if took_s > self._rules.slow_s:
                return f"The store hangs: a commit has taken {took_s:.0f} s so far."
        return self._failure

    @property
    def waiting(self) -> tuple[int, int]:
        """Requests that wait, and the bytes of their log bodies."""
        return self._waiting, self._waiting_bytes

    async def append(self, rows: Sequence[Row], size: int) -> int:
        """Write rows of the log; how many were new, once they are on the disk.

        Raises:
            StoreError: They could not be written.
        """
        return await self._submit(_Request(rows, None, size, self._loop.create_future()))

    async def call(self, function: Callable[[Connection], Result]) -> Result:
        """Let a function write; what it returns, once that is on the disk.

        Raises:
            StoreError: It could not be written. What the function raises is passed on.
        """
        return await self._submit(_Request((), function, 0, self._loop.create_future()))

    async def checkpoint(self) -> bool:
        """Move all of SQLite's write-ahead log into its file and empty it; whether that was done.

        It is not done while somebody reads an older state for longer than the time-out.

        Raises:
            StoreError: It could not be written.
        """
        request = _Request((), None, 0, self._loop.create_future(), checkpoint=True)
        return await self._submit(request)

    async def close(self) -> None:
        """Write what waits, and end."""
        self._closing = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join)

    async def _submit(self, request: _Request) -> Any:
        if self._line or self._full(request.size):
            await self._wait_in_line(request.size)
        else:
            self._enter(request.size)
        if self._closing:
            self._leave(1, request.size)
            raise StoreError("The store is closed.")
        self._requests.append(request)
        if not self._wake.is_set():  # the thread clears it before it looks at what waits
            self._wake.set()
        return await request.future

    async def _wait_in_line(self, size: int) -> None:
        """Wait until there is room, which is kept for whoever comes first."""
        place = self._loop.create_future()
        self._line.append((place, size))
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # room was given just before
                self._leave(1, size)
            raise

    def _full(self, size: int) -> bool:
        """Whether a request has to wait; one that is alone never has to."""
        rules = self._rules
        return self._waiting > 0 and (
            self._waiting >= rules.waiting_requests
            or self._waiting_bytes + size > rules.waiting_bytes
        )

    def _enter(self, size: int) -> None:
        self._waiting += 1
        self._waiting_bytes += size

    def _leave(self, count: int, size: int) -> None:
        """Give room back, and to those who are next in the line."""
        self._waiting -= count
        self._waiting_bytes -= size
        while self._line and (self._line[0][0].cancelled() or not self._full(self._line[0][1])):
            place, size_of_next = self._line.popleft()
            if not place.cancelled():
                self._enter(size_of_next)
                place.set_result(None)

    def _settle(self, group: list[_Request], failure: str, took_s: float) -> None:
        """Tell those who wait; in the event loop."""
        self._leave(len(group), sum(request.size for request in group))
        self._failure = failure
        self._count(group, failure, took_s)
        for request in group:
            if request.future.done():  # whoever asked has gone
                continue
            if failure:
                request.future.set_exception(StoreError(failure))
            elif request.error is not None:
                request.future.set_exception(request.error)
            else:
                request.future.set_result(request.result)

    def _count(self, group: list[_Request], failure: str, took_s: float) -> None:
        counters = self.counters
        counters.commit_s = max(counters.commit_s, took_s)
        if failure:
            counters.failures += 1
            return
        counters.commits += 1
        counters.requests += len(group)
        for request in group:
            if request.rows and request.error is None:
                counters.entries += request.result
                counters.duplicates += len(request.rows) - request.result

    def _run(self) -> None:
        """The thread: collect, commit, tell, until closed and empty."""
        several, failed = False, False
        while True:
            self._wake.wait(self._rules.retry_s if failed else None)
            self._wake.clear()
            if several and not self._closing and len(self._requests) < self._rules.group_requests:
                time.sleep(self._rules.group_wait_s)
            while self._requests or failed:
                group = self._take()
                several = len(group) > 1
                failed = self._write_and_tell(group)
                if failed and not self._requests:
                    break
            if self._closing and not self._requests:
                return

    def _take(self) -> list[_Request]:
        """The next group; a checkpoint is no part of a transaction, and goes alone."""
        requests, group = self._requests, []
        while requests and len(group) < self._rules.group_requests:
            if requests[0].checkpoint and group:
                break
            group.append(requests.popleft())
            if group[0].checkpoint:
                break
        return group

    def _write_and_tell(self, group: list[_Request]) -> bool:
        """Write one group; whether that failed."""
        self._began_s = begin_s = time.monotonic()
        failure = ""
        try:
            if group and group[0].checkpoint:
                group[0].result = checkpoint(self._engine)
            else:
                self._write(group)
        except Exception as error:  # whatever it is: those who wait must hear of it
            failure = f"The store cannot write: {_reason(error)}."
            if self._on_server:
                self._engine.dispose()  # of a server that fails, no connection is kept
        took_s = time.monotonic() - begin_s
        self._began_s = None
        self._loop.call_soon_threadsafe(self._settle, group, failure, took_s)
        return bool(failure)

    def _write(self, group: list[_Request]) -> None:
        """One transaction.

        The connection to a file stays open after a failure. SQLite then writes the frames of the
        next transaction over those that failed, and syncs them. A new connection would read the
        failed frames back from the memory of the system, and build on what the disk never took.
        """
        appends = [request for request in group if request.call is None]
        calls = [request for request in group if request.call is not None]
        if appends and not calls and self._wrote_at_once(appends):
            return
        with self._engine.begin() as connection:
            if not group:
                _touch(connection)
            for request in calls:
                self._one(connection, request)
            self._append(connection, appends)

    def _wrote_at_once(self, appends: list[_Request]) -> bool:
        """Write all rows in one transaction; False, with nothing written, unless all are new.

        To a file without SQLAlchemy, whose share of a small commit would be as large as all else.
        """
        if self._file is None:
            with self._engine.connect() as connection:
                if new := self._all_new(connection, appends):
                    connection.commit()
                return new
        rows, file = _rows(appends), self._file
        try:
            file.execute("BEGIN IMMEDIATE")
            new = _insert_into(file, rows) == len(rows)
            (file.commit if new else file.rollback)()
        except Exception as error:
            failing = _fails(file, error)
            if file.in_transaction:
                file.rollback()
            if failing:
                raise
            return False
        if new:
            _note_new(appends)
        return new

    def _append(self, connection: Connection, appends: list[_Request]) -> None:
        """The rows of all requests at once; one by one where not all are new, or one is bad."""
        part = connection.begin_nested()
        if not appends or self._all_new(connection, appends):
            part.commit()
            return
        part.rollback()
        for request in appends:
            self._one(connection, request)

    def _all_new(self, connection: Connection, appends: list[_Request]) -> bool:
        """Write the rows of all requests at once; False where that is to be taken back."""
        rows = _rows(appends)
        try:
            new = self._insert(connection, rows) == len(rows)
        except Exception as error:
            if _lost(connection, error):
                raise
            return False
        if new:
            _note_new(appends)
        return new

    def _insert(self, connection: Connection, rows: list[Row]) -> int:
        """Add rows, unless their names are there; how many were new."""
        if self._file is None:
            return postgresql.insert(connection, rows)
        return _insert_into(self._file, rows)

    def _one(self, connection: Connection, request: _Request) -> None:
        """One request, whose own faults are its own."""
        part = connection.begin_nested()
        try:
            if request.call is not None:
                request.result = request.call(connection)
            else:
                request.result = sum(self._insert(connection, [row]) for row in request.rows)
        except Exception as error:
            if _lost(connection, error):
                raise
            part.rollback()
            request.error = error
        else:
            part.commit()


def _lost(connection: Connection, error: Exception) -> bool:
    """Whether an error ended the transaction, or says that the disk or the server fails."""
    if connection.dialect.name == "postgresql":
        return connection.invalidated or postgresql.is_failing(error)
    return _fails(connection.connection.driver_connection, error)


def _fails(file: Any, error: Exception) -> bool:
    """Whether an error ended the transaction of a file, or says that the disk fails."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    failing = isinstance(original, file.OperationalError) and code != WRONG_STATEMENT
    return failing or not file.in_transaction


def _file_of(engine: Engine) -> Any:
    """The one connection to a file, which stays open."""
    with engine.connect() as connection:
        return connection.connection.driver_connection


def _rows(appends: list[_Request]) -> list[Row]:
    return [row for request in appends for row in request.rows]


def _note_new(appends: list[_Request]) -> None:
    for request in appends:
        request.result = len(request.rows)


def _reason(error: Exception) -> str:
    """What the data base said, without the statement and its values."""
    said = postgresql.reason(error)
    if said:
        return said.rstrip(".")
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return f"{original}".splitlines()[0].rstrip(".") if f"{original}" else type(original).__name__


def _touch(connection: Connection) -> None:
    """Write and take back a row, to see whether the disk takes anything."""
    statement = insert(log).values(
        kind="try", time_s=0.0, station="", transaction="", sequence=None, body=bytes(8192)
    )
    key = connection.execute(statement).inserted_primary_key
    assert key is not None, "a row has a number"
    connection.execute(log.delete().where(log.c.number == key[0]))


def _insert_into(file: Any, rows: list[Row]) -> int:
    """Add rows to a file, many in a statement, unless they are there; how many were new."""
    new = first = 0
    for size in ROWS_AT_ONCE:
        while len(rows) - first >= size:
            values = tuple(chain.from_iterable(rows[first : first + size]))
            new += file.execute(_insert_text(size), values).rowcount
            first += size
    return new


@lru_cache(maxsize=len(ROWS_AT_ONCE))
def _insert_text(rows: int) -> str:
    """The statement of SQLite that adds so many rows, but for those of a name that is there."""
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    marks = ", ".join("?" for _ in COLUMNS)
    values = ", ".join([f"({marks})"] * rows)
    return f"INSERT INTO log ({names}) VALUES {values} ON CONFLICT DO NOTHING"
