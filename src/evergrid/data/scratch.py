"""Room beside a folder in which its next version is written, and what is left of it after a kill.

A lock on a file in it tells whether the run that made it is still alive: the system takes the lock
away with the process, however that ends.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # no such locks on Windows, where nothing is cleared away
    fcntl = None

PREFIX = ".evergrid-"
TARGET = "target"  # file with the name of the folder that is written; it is locked meanwhile


@dataclass(frozen=True)
class Room:
    """Where the next version of a folder is made.

    Attributes:
        folder: The room.
        target: The folder that is to be replaced.
    """

    folder: Path
    target: Path

    @property
    def new(self) -> Path:
        """The next version."""
        return self.folder / "new"

    @property
    def old(self) -> Path:
        """The version before, for as long as none is at its place."""
        return self.folder / "old"

    def swap(self) -> None:
        """Put the next version in the place of the one before; on failure that one is put back.

        Raises:
            OSError: The system refused; the target is as it was.
        """
        older = self.target.exists()
        if older:
            self.target.rename(self.old)
        try:
            self.new.rename(self.target)
        except OSError:
            if older:
                self.old.rename(self.target)
            raise


@contextlib.contextmanager
def beside(target: Path) -> Iterator[Room]:
    """Room for the next version of a folder, gone at the end.

    Raises:
        OSError: Nothing can be written there.
    """
    room = Room(Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent)), target)
    try:
        with (room.folder / TARGET).open("w", encoding="utf-8", errors="surrogateescape") as file:
            _locked(file.fileno())
            file.write(target.name)
            file.flush()
            yield room
    finally:
        _empty(room)


def clear(parent: Path) -> None:
    """Take away what killed runs have left in a folder, and put back what they had moved aside.

    Rooms of runs that are alive stay, and so does every folder that is no room of ours.

    Raises:
        OSError: An older result cannot be put back; it stays where it is.
    """
    for folder in parent.glob(f"{PREFIX}*"):
        if fcntl is None or not _is_room(folder):
            continue
        with (folder / TARGET).open(encoding="utf-8", errors="surrogateescape") as file:
            name = file.read()
            # The lock is asked after the name: whoever has written the name holds the lock.
            if name and _locked(file.fileno()):
                _empty(Room(folder, parent / Path(name).name))


def _is_room(folder: Path) -> bool:
    """Whether it holds what a room holds and nothing else."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    held = {path.name for path in folder.iterdir()}
    return TARGET in held and held <= {TARGET, "new", "old"}


def _empty(room: Room) -> None:
    """Take the room away; a version that was moved aside goes back if nothing took its place."""
    if room.old.is_dir() and not os.path.lexists(room.target):
        room.old.rename(room.target)  # an error leaves the room, and the version in it
    shutil.rmtree(room.folder, ignore_errors=True)


def _locked(descriptor: int) -> bool:
    """Whether nobody else held the lock, which is now ours for as long as the file is open."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
