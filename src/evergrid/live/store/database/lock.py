"""One process at a time may have a store open: a lock that the system frees when it dies.

The lock is an exclusive transaction of SQLite on a small file beside the store, which works on
every system that SQLite works on.
"""

from pathlib import Path
from typing import Any, final

from evergrid.core.errors import StoreError
from evergrid.live.store.database.engine import OWN_FILE, sqlite_module


@final
class Lock:
    """The lock of a store, held from its making until `release`.

    Args:
        path: Of the store; the lock is beside it.

    Raises:
        StoreError: Somebody else holds it.
    """

    def __init__(self, path: Path) -> None:
        module = sqlite_module()
        file = path.with_name(path.name + ".lock")
        try:
            file.touch(mode=OWN_FILE, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{file.name} cannot be made: {error.strerror}.") from None
        self._connection: Any = module.connect(
            str(file), isolation_level=None, timeout=0.0, check_same_thread=False
        )
        try:
            self._connection.execute("PRAGMA journal_mode=MEMORY")  # no third file
            self._connection.execute("BEGIN EXCLUSIVE")
        except module.OperationalError:
            self._connection.close()
            raise StoreError(
                f"The store {path.name} is open elsewhere: one service at a time may write it. "
                "Stop the other one, or ask it through its interface."
            ) from None

    def release(self) -> None:
        """Let others open the store."""
        self._connection.close()
