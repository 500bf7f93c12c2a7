"""A disk that forgets what was not synced, and fails when it is told to, under a real SQLite.

SQLite reads and writes through a table of functions (its VFS). This one passes everything on to
the system and keeps, for each file, what had been synced and which writes came after. `cut` writes
what a disk might hold after the power failed at that moment: all that was synced, and any part of
what was not, in any order, torn at sectors. A sync that fails loses what it should have written,
as Linux does: a later sync does not bring it back.
"""

import ctypes
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

OK, READONLY, FULL, FAILED_SYNC = 0, 8, 13, 1034  # SQLITE_IOERR_FSYNC
SECTOR = 512
# Places in sqlite3_io_methods and sqlite3_vfs, in pointers; see sqlite3.h.
METHODS, WRITE, TRUNCATE, SYNC = 19, 3, 4, 5
VFS, NAME, OPEN, DELETE = 21, 3, 5, 6

OpenCall = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)
DeleteCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
WriteCall = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
)
TruncateCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
SyncCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


@dataclass
class File:
    """What the disk holds of a file, and what it was given since."""

    synced: bytearray
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut to a length


class Disk:
    """The disk; its faults are set from outside.

    Args:
        held: What it holds of files whose newer content is still in the system's memory, by name.
    """

    def __init__(self, held: dict[str, bytes]) -> None:
        self._held = held
        self.write_code = OK
        self.sync_code = OK
        self.syncs = 0
        self._files: dict[str, File] = {}
        self._names: dict[int, str] = {}
        self._guard = threading.Lock()
        self._kept: list[Any] = []  # what C points to

    def cut(self, folder: Path, chance: random.Random | None = None) -> None:
        """Write into a folder what may be left after a power cut at this moment.

        Without chance, nothing is left of what was not synced.
        """
        with self._guard:
            files = {
                name: (bytearray(file.synced), list(file.pending))
                for name, file in self._files.items()
            }
        for name, (image, pending) in files.items():
            if chance is not None:
                _apply_some(image, pending, chance)
            (folder / Path(name).name).write_bytes(image)

    def open(self, system: Any, vfs: int, name: int, file: int, flags: int, out: int) -> int:
        """Open a file, and put our functions in front of the system's.

        The name stays a pointer: SQLite keeps it, and makes the names of other files of it.
        """
        code = system(vfs, name, file, flags, out)
        methods = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))[0]
        if code != OK or not methods or not name:
            return code
        path = ctypes.string_at(name).decode()
        with self._guard:
            if path not in self._files:
                name_of_file = Path(path)
                content = self._held.get(name_of_file.name, name_of_file.read_bytes())
                self._files[path] = File(bytearray(content))
            self._names[file] = path
        table = (ctypes.c_void_p * METHODS).from_buffer_copy(ctypes.string_at(methods, METHODS * 8))
        calls = self._calls(table)
        for place, call in calls.items():
            table[place] = ctypes.cast(call, ctypes.c_void_p).value
        self._kept += [table, *calls.values()]
        ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))[0] = ctypes.addressof(table)
        return code

    def delete(self, system: Any, vfs: int, name: bytes, sync: int) -> int:
        """Delete a file, at once and for good."""
        with self._guard:
            self._files.pop(name.decode(), None)
        return system(vfs, name, sync)

    def _calls(self, table: Any) -> dict[int, Any]:
        system_write = WriteCall(table[WRITE])
        system_truncate = TruncateCall(table[TRUNCATE])
        system_sync = SyncCall(table[SYNC])

        def write(file: int, data: int, count: int, offset: int) -> int:
            if self.write_code != OK:
                return self.write_code
            self._note(file, offset, ctypes.string_at(data, count))
            return system_write(file, data, count, offset)

        def truncate(file: int, size: int) -> int:
            self._note(file, size, None)
            return system_truncate(file, size)

        def sync(file: int, flags: int) -> int:
            return self._sync(file) or system_sync(file, flags)

        return {WRITE: WriteCall(write), TRUNCATE: TruncateCall(truncate), SYNC: SyncCall(sync)}

    def _note(self, file: int, offset: int, data: bytes | None) -> None:
        with self._guard:
            self._files[self._names[file]].pending.append((offset, data))

    def _sync(self, number: int) -> int:
        with self._guard:
            file = self._files[self._names[number]]
            self.syncs += 1
            if self.sync_code == OK:
                for offset, data in file.pending:
                    _apply(file.synced, offset, data)
            file.pending.clear()
            return self.sync_code


def _apply(image: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del image[offset:]
        return
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data


def _apply_some(
    image: bytearray, pending: list[tuple[int, bytes | None]], chance: random.Random
) -> None:
    share = chance.choice([0.0, 0.5, 1.0])
    for offset, data in chance.sample(pending, len(pending)):
        if chance.random() < share:
            _apply(image, offset, data if data is None else _torn(data, chance))


def _torn(data: bytes, chance: random.Random) -> bytes:
    """All of a write, or its first sectors."""
    sectors = -(-len(data) // SECTOR)
    return data if chance.random() < 0.5 else data[: SECTOR * chance.randint(0, sectors)]


@contextmanager
def forgetful_disk(held: dict[str, bytes] | None = None) -> Iterator[Disk]:
    """All that SQLite opens while inside is on a `Disk`, which may hold older content."""
    module = pytest.importorskip("pysqlite3._sqlite3", reason="its SQLite takes another VFS")
    library = ctypes.CDLL(module.__file__)
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    library.sqlite3_vfs_register.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.sqlite3_vfs_unregister.argtypes = [ctypes.c_void_p]
    default = library.sqlite3_vfs_find(None)
    vfs = (ctypes.c_void_p * VFS).from_buffer_copy(ctypes.string_at(default, VFS * 8))
    name, system, disk = (
        ctypes.create_string_buffer(b"forgetful"),
        OpenCall(vfs[OPEN]),
        Disk(held or {}),
    )
    call = OpenCall(lambda _, *given: disk.open(system, default, *given))
    system_delete = DeleteCall(vfs[DELETE])
    delete = DeleteCall(lambda _, *given: disk.delete(system_delete, default, *given))
    vfs[DELETE] = ctypes.cast(delete, ctypes.c_void_p).value
    vfs[NAME] = ctypes.addressof(name)
    vfs[OPEN] = ctypes.cast(call, ctypes.c_void_p).value
    library.sqlite3_vfs_register(ctypes.addressof(vfs), 1)
    try:
        yield disk
    finally:
        library.sqlite3_vfs_unregister(ctypes.addressof(vfs))
        library.sqlite3_vfs_register(default, 1)
