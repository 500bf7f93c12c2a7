"""The data base behind the store: SQLite in a file by default, PostgreSQL by a URL.

SQLite from 3.7.0 to 3.51.2 can lose committed writes where two connections write or checkpoint
(the WAL-reset bug). The store writes through one connection, in one process (`lock`), and reads
through connections that cannot write; it takes the library of ``pysqlite3`` where it is installed.
"""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool, StaticPool

from evergrid.core.errors import InputError, StoreError
from evergrid.core.faults import Fault
from evergrid.live.store.database import postgresql
from evergrid.live.store.database.durable import sync
from evergrid.live.store.database.postgresql import READERS

PAGE_BYTES = 16_384  # a dozen transaction events: a commit of fifty writes few pages
CHECKPOINT_PAGES = 2000  # of the write-ahead log: 32 MB, read back within a second after a crash
BUSY_MS = 5000
OWN_FILE, OWN_FOLDER = 0o600, 0o700
FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))  # releases that mend the WAL-reset bug, by branch


@dataclass(frozen=True)
class Database:
    """An open data base.

    Attributes:
        writer: Of the one connection that writes.
        reader: Of connections that cannot write.
        path: Its file; None for a server.
        notes: What an operator should know of it, a sentence each.
    """

    writer: Engine
    reader: Engine
    path: Path | None
    notes: tuple[str, ...]


def sqlite_module() -> Any:
    """The SQLite to use: that of ``pysqlite3`` where there is one, else Python's own."""
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return sqlite3
    return dbapi2


def is_fixed(version: tuple[int, ...]) -> bool:
    """Whether a release of SQLite is free of the WAL-reset bug."""
    branch = [fixed for fixed in FIXED if fixed[:2] == version[:2]]
    return version >= (branch[0] if branch else FIXED[-1])


def connect(
    place: str | Path,
    *,
    synchronous: Literal["full", "off"] = "full",
    authorities: str | None = None,
) -> Database:
    """Connect to a data base; a file, and its folder, are made where they are not there.

    Args:
        place: Path of a file, or a URL such as ``postgresql://user@host/evergrid``.
        synchronous: Whether a commit waits for the disk. "off" is for simulations.
        authorities: File of the authorities that sign a server's certificate, PEM.

    Raises:
        InputError: A URL that is of no known kind.
        StoreError: The file cannot be opened, the server cannot be reached, or its driver is not
            installed.
    """
    url = server_url(place)
    if url is None:
        return _file(Path(place), synchronous)
    return _server(url, synchronous, authorities)


def server_url(place: str | Path) -> URL | None:
    """The address of a server; None for a file.

    Raises:
        InputError: It is of no known kind.
    """
    if isinstance(place, Path) or "://" not in place:
        return None
    rule = "be a path, or a URL that begins with postgresql://"
    try:
        url = make_url(place)
    except ArgumentError:
        raise InputError("store", [Fault("place", rule)]) from None
    if not url.drivername.startswith("postgresql"):
        raise InputError("store", [Fault("place", rule, (url.drivername,))])
    return url


def checkpoint(writer: Engine) -> bool:
    """Move SQLite's write-ahead log into its file and empty it; False where a reader is in the way.

    Not inside a transaction.
    """
    raw = writer.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = cursor.fetchone()
        cursor.close()
    finally:
        raw.close()
    return row is not None and row[0] == 0


def _server(url: URL, synchronous: Literal["full", "off"], authorities: str | None) -> Database:
    """A PostgreSQL server."""
    found = postgresql.engines(url, durable=synchronous == "full", authorities=authorities)
    return Database(found.writer, found.reader, None, found.notes)


def _file(path: Path, synchronous: Literal["full", "off"]) -> Database:
    """A file of SQLite."""
    notes = _own(path)
    module = sqlite_module()
    version = module.sqlite_version_info
    notes.append(f"The store is a file of SQLite {module.sqlite_version}.")
    if not is_fixed(tuple(version)):
        notes.append(
            "This SQLite has the WAL-reset bug; the store is safe while one process opens it, "
            "which its lock ensures. Install pysqlite3 0.6 or later to be rid of it."
        )
    if synchronous == "off":
        notes.append("Commits do not wait for the disk: a power cut may lose the last ones.")

    def open_writer() -> Any:
        return module.connect(str(path), isolation_level=None, check_same_thread=False)

    def open_reader() -> Any:
        address = f"{path.resolve().as_uri()}?mode=ro"
        return module.connect(address, isolation_level=None, check_same_thread=False, uri=True)

    writer = create_engine("sqlite://", module=module, creator=open_writer, poolclass=StaticPool)
    pragmas = (
        f"PRAGMA page_size={PAGE_BYTES}",
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={synchronous.upper()}",
        f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}",
        "PRAGMA secure_delete=ON",  # what is erased is overwritten
        "PRAGMA foreign_keys=ON",
        f"PRAGMA busy_timeout={BUSY_MS}",
    )
    event.listen(writer, "connect", _at_connect(pragmas))
    event.listen(writer, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return Database(writer, _readers(module, open_reader), path, tuple(notes))


def _readers(module: Any, open_reader: Callable[[], Any]) -> Engine:
    """A pool of connections that read one state of the data base each."""
    reader = create_engine(
        "sqlite://",
        module=module,
        creator=open_reader,
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=0,
    )
    pragmas = ("PRAGMA query_only=ON", f"PRAGMA busy_timeout={BUSY_MS}")
    event.listen(reader, "connect", _at_connect(pragmas))
    event.listen(reader, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    return reader


def _at_connect(pragmas: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def settle(connection: Any, _: Any) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    return settle


def _own(path: Path) -> list[str]:
    """Make file and folder, for their owner alone; what had to be mended is told."""
    notes = []
    try:
        new = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(mode=OWN_FOLDER, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=OWN_FILE)
            for folder in (path.parent, *(one.parent for one in new)):
                sync(folder)
        for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            with suppress(FileNotFoundError):
                if stat.S_IMODE(file.stat().st_mode) & ~OWN_FILE:
                    file.chmod(OWN_FILE)
                    notes.append(f"{file.name} could be read by others; it no longer can.")
    except OSError as error:
        raise StoreError(f"The store {path.name} cannot be opened: {error.strerror}.") from None
    return notes
