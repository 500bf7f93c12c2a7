"""A PostgreSQL server behind the store: one connection writes and holds the lock, others read.

The connection that writes takes an advisory lock of the data base before anything else. So a second
service cannot write beside the first one, and neither can the first one where it lost its
connection and another service has taken its place meanwhile.
"""

import contextlib
import json
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from evergrid.core.errors import StoreError

READERS = 4
LOCK = 0x45564752  # of any meaning to us alone: "EVGR"
LOCK_WAIT_MS = 3000  # for a service that has just ended, whose connection the server still holds
SILENCE_S = 30.0  # of the server, after which a connection is given up
# After 25 s without a word of the other end the server lets go of a connection, and of its lock.
KEEP_ALIVE = ("tcp_keepalives_idle=10", "tcp_keepalives_interval=5", "tcp_keepalives_count=3")
# Classes of SQLSTATE that are not of a statement: connection, resources (such as a full disk),
# an operator who stops the server, its system, its own faults; and a transaction that may not
# write, as on a server that has become a standby (appendix A of PostgreSQL's manual).
FAILING = ("08", "53", "57", "58", "XX")
READ_ONLY_TRANSACTION, LOCK_NOT_AVAILABLE = "25006", "55P03"

# All rows of a group in one statement: what identifies them as JSON, and their bodies one after
# the other, which is a tenth of the work of a statement for each.
_INSERT = """
INSERT INTO log (kind, time_s, station, transaction, sequence, body)
SELECT row->>0, (row->>1)::float8, row->>2, row->>3, (row->>4)::bigint,
       substring(%s::bytea FROM (row->>5)::int FOR (row->>6)::int)
FROM json_array_elements(%s::json) WITH ORDINALITY AS given(row, place)
ORDER BY place
ON CONFLICT DO NOTHING
"""

Row = tuple[str, float, str, str, int | None, bytes]


class Engines(NamedTuple):
    """Ways into a data base.

    Attributes:
        writer: Of the one connection that writes.
        reader: Of connections that cannot write.
        notes: What an operator should know, a sentence each.
    """

    writer: Engine
    reader: Engine
    notes: tuple[str, ...]


def engines(url: URL, *, durable: bool, authorities: str | None = None) -> Engines:
    """Connect to a server, over TLS where it is another machine.

    Args:
        url: Its address.
        durable: Whether a commit waits for the disk.
        authorities: File of the authorities that sign the server's certificate, PEM; those of the
            system where None.

    Raises:
        StoreError: The driver is not installed, or the server cannot be reached.
    """
    address = url.set(drivername="postgresql+pg8000")
    options: dict[str, Any] = {"timeout": SILENCE_S, "ssl_context": _tls(url, authorities)}
    try:
        writer = create_engine(address, pool_size=1, max_overflow=0, connect_args=options)
        reader = create_engine(
            address,
            pool_size=READERS,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            connect_args=options,
        )
    except ModuleNotFoundError:
        raise StoreError(
            "PostgreSQL needs the package pg8000, which is not installed. "
            'Install it with pip install "evergrid[postgresql]".'
        ) from None
    commit = f"synchronous_commit={'on' if durable else 'off'}"
    event.listen(writer, "connect", _settle((*KEEP_ALIVE, commit, f"lock_timeout={LOCK_WAIT_MS}")))
    event.listen(writer, "connect", _take_lock)
    for engine in (writer, reader):
        event.listen(engine, "do_connect", _connect)
        _close_sockets(engine)
        event.listen(engine, "handle_error", _give_up)
        event.listen(engine, "before_cursor_execute", _check_text)
    return Engines(writer, reader, ("The store is a PostgreSQL server.", *_notes(reader, durable)))


def insert(connection: Connection, rows: Sequence[Row]) -> int:
    """Add rows to the log, but those whose names are there; how many were new."""
    named, bodies, place = [], [], 1
    for *name, body in rows:
        named.append((*name, place, len(body)))
        bodies.append(body)
        place += len(body)
    text = json.dumps(named, allow_nan=False, ensure_ascii=False)
    return connection.exec_driver_sql(_INSERT, (b"".join(bodies), text)).rowcount


def is_failing(error: Exception) -> bool:
    """Whether an error says that the server or the way to it fails, and not what was asked."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, OSError) or type(original).__name__ == "InterfaceError":
        return True
    code = _code(error)
    return code[:2] in FAILING or code == READ_ONLY_TRANSACTION


def reason(error: Exception) -> str:
    """What the server said, in its words; "" where it said nothing."""
    original = error.orig if isinstance(error, DBAPIError) else error
    told = original.args[0] if original is not None and original.args else None
    return str(told.get("M", "")) if isinstance(told, dict) else ""


def _connect(dialect: Any, _: Any, positional: Any, named: dict[str, Any]) -> Any:
    """Connect over a socket of our own, which is closed where the server fails meanwhile.

    The driver leaves it to the garbage collector.
    """
    host, port = named.get("host", "localhost"), named.get("port", 5432)
    driver = dialect.loaded_dbapi
    if "unix_sock" in named:
        return driver.connect(*positional, **named)
    try:
        way = socket.create_connection((host, port), named.get("timeout"))
    except OSError as error:
        raise driver.InterfaceError(f"{host}:{port} cannot be reached: {error}") from error
    way.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        return driver.Connection(*positional, **named, sock=way)
    except BaseException:
        _drop(way)
        raise


def _close_sockets(engine: Engine) -> None:
    """Close sockets with their connections, also where something waits to be sent to a dead end."""
    close: Callable[[Any], None] = engine.dialect.do_close

    def closed(dbapi_connection: Any) -> None:
        way = getattr(dbapi_connection, "_usock", None)
        try:
            close(dbapi_connection)
        finally:
            if way is not None:
                _drop(way)

    engine.dialect.do_close = closed


def _drop(way: socket.socket) -> None:
    """Close a socket, whoever still reads from it."""
    descriptor = way.detach()
    if descriptor >= 0:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _check_text(
    connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any
) -> None:
    """Text that no encoding knows fails here, and not in the middle of what the driver sends.

    Raises:
        UnicodeEncodeError: It holds half a character.
    """
    for row in parameters if isinstance(parameters, list) else [parameters]:
        for value in row.values() if isinstance(row, dict) else row:
            if isinstance(value, str) and not value.isascii():
                value.encode()


def _give_up(context: Any) -> None:
    """A connection to a server that fails is not used again."""
    if is_failing(context.original_exception):
        context.is_disconnect = True


def _code(error: Exception) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    told = original.args[0] if original is not None and original.args else None
    return str(told.get("C", "")) if isinstance(told, dict) else ""


def _settle(settings: tuple[str, ...]) -> Any:
    def settle(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for setting in settings:
            name, value = setting.split("=")
            cursor.execute(f"SET {name} TO {value}")
        connection.commit()
        cursor.close()

    return settle


def _take_lock(connection: Any, _: Any) -> None:
    """Be the only one who writes for as long as this connection lasts.

    Raises:
        StoreError: Somebody else is.
    """
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        connection.commit()
    except Exception as error:
        if _code(error) != LOCK_NOT_AVAILABLE:
            raise
        connection.close()
        raise StoreError(
            "The store is open elsewhere: one service at a time may write it. "
            "Stop the other one, or ask it through its interface."
        ) from None
    finally:
        cursor.close()


def _notes(reader: Engine, durable: bool) -> list[str]:
    """What the settings of the server leave to chance.

    Raises:
        StoreError: The server cannot be reached.
    """
    try:
        with reader.connect() as connection:
            forgets = [
                name
                for name in ("fsync", "full_page_writes")
                if connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "off"
            ]
    except (DBAPIError, OSError) as error:
        said = reason(error) or f"{getattr(error, 'orig', error)}"
        raise StoreError(f"The store on the server cannot be opened: {said}.") from error
    if not durable:
        return ["Commits do not wait for the disk: a failure may lose the last ones."]
    return [f"{name} is off at the server: a power cut may damage the store." for name in forgets]


def _tls(url: URL, authorities: str | None) -> ssl.SSLContext | None:
    """TLS with a certificate that is checked; None on this machine."""
    host = url.host or "localhost"
    try:
        here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        here = False
    if here and authorities is None:
        return None
    return ssl.create_default_context(cafile=authorities)
