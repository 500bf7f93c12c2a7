"""A copy of the store while it works, proof that the copy is whole, and the way back.

A backup is one file, and a manifest beside it that holds its checksum. The key of secrets is not in
it: whoever finds a backup learns no password. Keep the key file apart, and as safe.
"""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evergrid.core.errors import StoreError
from evergrid.live.store.database.copy import copy
from evergrid.live.store.database.durable import sync
from evergrid.live.store.database.engine import OWN_FILE, OWN_FOLDER, sqlite_module
from evergrid.live.store.key import Key
from evergrid.live.store.schema import metadata
from evergrid.live.store.store import Store, key_beside

TABLES = tuple(sorted(metadata.tables))
VERSION_TABLE = "alembic_version"


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes:
        time_s: When it was made, UTC seconds since 1970.
        version: Of the tables.
        sha256: Of the file.
        size: Of the file, in bytes.
        rows: Of each table.
        key: Fingerprint of the key that its secrets were hashed with; "" where not known.
    """

    time_s: float
    version: str
    sha256: str
    size: int
    rows: Mapping[str, int]
    key: str


async def make(store: Store, target: Path) -> Manifest:
    """Copy the store to a file, with a manifest beside it; others read and write meanwhile.

    Raises:
        StoreError: The file is there already or cannot be written, or the store is a server.
    """
    if store.path is None:
        raise StoreError("The store is a PostgreSQL server: back it up with pg_dump.")
    time_s = store.clock.now_s()
    with store.clock.working():
        return await asyncio.to_thread(_make, store, target, time_s)


def verify(backup: Path) -> Manifest:
    """The manifest of a backup that is whole.

    Raises:
        StoreError: It is damaged, or not what its manifest says.
    """
    manifest = _read_manifest(backup)
    if _sha256(backup) != manifest.sha256:
        raise StoreError(f"{backup.name} is damaged: its checksum is not that of its manifest.")
    version, rows = _look(backup)
    if (version, rows) != (manifest.version, dict(manifest.rows)):
        raise StoreError(f"{backup.name} does not hold what its manifest says.")
    return manifest


def restore(backup: Path, place: Path) -> Manifest:
    """Make a store from a backup, where there is none.

    Put the key file beside it (the name of the store and ``.key``), before or after.

    Raises:
        StoreError: The backup is not whole, a store is there already, or the key that is there is
            another one.
    """
    manifest = verify(backup)
    there = [file for end in ("", "-wal", "-shm") if (file := _beside(place, end)).exists()]
    if there:
        names = ", ".join(file.name for file in there)
        raise StoreError(f"{names} is there already: move it away first, it may be newer.")
    key = key_beside(place)
    if manifest.key and key.exists() and Key(key.read_bytes()).fingerprint != manifest.key:
        raise StoreError(f"{key.name} is not the key of this backup: no station could log in.")
    place.parent.mkdir(mode=OWN_FOLDER, parents=True, exist_ok=True)
    part = _beside(place, ".part")
    try:
        part.touch(mode=OWN_FILE)
        shutil.copyfile(backup, part)
        sync(part)
        part.replace(place)
        sync(place.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{place.name} cannot be written: {error.strerror}.") from None
    return manifest


def manifest_of(backup: Path) -> Path:
    """Where the manifest of a backup is."""
    return _beside(backup, ".json")


def _make(store: Store, target: Path, time_s: float) -> Manifest:
    target.parent.mkdir(mode=OWN_FOLDER, parents=True, exist_ok=True)
    copy(store.reader, target)
    version, rows = _look(target)
    size = target.stat().st_size
    manifest = Manifest(time_s, version, _sha256(target), size, rows, store.key.fingerprint)
    file = manifest_of(target)
    file.touch(mode=OWN_FILE)
    file.write_text(json.dumps(asdict(manifest), indent=2) + "\n")
    sync(file)
    return manifest


def _look(file: Path) -> tuple[str, dict[str, int]]:
    """Version and rows of a data base that is whole."""
    module = sqlite_module()
    try:
        address = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(module.connect(address, uri=True)) as connection:
            one = connection.execute
            whole = one("PRAGMA integrity_check").fetchone()[0]
            astray = one("PRAGMA foreign_key_check").fetchall()
            version = one(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0]
            rows = {name: one(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in TABLES}
    except module.Error as error:
        raise StoreError(f"{file.name} is damaged: {error}.") from error
    if whole != "ok" or astray:
        raise StoreError(f"{file.name} is damaged: {whole}, {len(astray)} rows astray.")
    return version, rows


def _read_manifest(backup: Path) -> Manifest:
    file = manifest_of(backup)
    try:
        held: dict[str, Any] = json.loads(file.read_text())
        return Manifest(**held)
    except (OSError, ValueError, TypeError):
        raise StoreError(f"{file.name} is not there or no manifest.") from None


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"{file.name} cannot be read: {error.strerror}.") from None


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)
