"""Copy a data base of SQLite while it is written to, into one file that is on the disk."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from evergrid.core.errors import StoreError
from evergrid.live.store.database.durable import sync
from evergrid.live.store.database.engine import OWN_FILE, sqlite_module


def copy(source: Engine, target: Path) -> None:
    """Copy one state of a data base to a file; complete, or not there at all.

    Raises:
        StoreError: The file is there already, or cannot be written.
    """
    part = target.with_name(target.name + ".part")
    if target.exists():
        raise StoreError(f"{target.name} is there already; name another file.")
    module = sqlite_module()
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=OWN_FILE)
        into = module.connect(str(part), isolation_level=None)
        raw = source.raw_connection()
        try:
            driver: Any = raw.driver_connection
            driver.backup(into)
            into.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        finally:
            raw.close()
            into.close()
        sync(part)
        part.replace(target)
        sync(target.parent)
    except (OSError, module.Error) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{target.name} cannot be written: {error}.") from error
