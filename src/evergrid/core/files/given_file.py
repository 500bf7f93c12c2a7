"""Whether a file that was named is there, is a file at all, and how much of it may be read."""

import codecs
import stat
from os import PathLike, fspath
from pathlib import Path

from evergrid.core.errors import LONGEST_SOURCE, MissingFileError, UnreadableFileError
from evergrid.core.text.printable import printable

MB = 1_000_000
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class TypedPath(type(Path())):
    """A path that messages show as its configuration writes it.

    What stands in environment variables is nobody else's business: ``f"{path}"`` shows
    ``${NAME}/a.csv``, while ``str(path)`` is the path that the system opens.
    """

    written: str = "a path of the configuration"  # for paths derived otherwise than below

    def __truediv__(self, name: str | PathLike[str]) -> "TypedPath":
        """What lies in this folder, by what is written of both."""
        inside = super().__truediv__(name)
        inside.written = f"{self.written}/{fspath(name)}"
        return inside

    def __format__(self, spec: str) -> str:
        return format(self.written, spec)


def name(path: Path) -> str:
    """The path as a message shows it."""
    return printable(f"{path}", LONGEST_SOURCE)


def size_bytes(path: Path, *, what: str = "file", way_out: str = "") -> int:
    """Size of a regular file; nothing is opened, so that a pipe or a device cannot block.

    Args:
        path: The file; links are followed.
        what: What it should be, as a message calls it.
        way_out: What to do where there is none, a full sentence.

    Raises:
        MissingFileError: It is not there, or is a folder, a pipe or a device.
        UnreadableFileError: The system does not let us look.
    """
    after = f". {way_out}" if way_out else ""
    none = f"there is no {what} {name(path)}"
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"{none}{after}") from None
    except ValueError:  # a zero byte in the name
        raise MissingFileError(f"{none}: no file is called so") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MissingFileError(f"{none}: {reason.lower()}") from None
    for is_kind, kind in KINDS:
        if is_kind(found.st_mode):
            raise MissingFileError(f"{none}: it is {kind}{after}")
    return found.st_size


def decoded(content: bytes) -> str:
    """Text of a file in UTF-8, with or without its mark; else in Latin-1, as old programs write."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_text(path: Path, *, most_bytes: int, what: str, way_out: str, shorter: str) -> str:
    """The text of a small file in UTF-8, without the mark that some programs begin it with.

    Args:
        path: The file.
        most_bytes: Longer files are refused, before they are read.
        what: What it should be, as a message calls it.
        way_out: What to do where it is not there, a full sentence.
        shorter: What to do where it is longer, a full sentence.

    Raises:
        MissingFileError: There is no such file.
        UnreadableFileError: It is too long, no UTF-8, or the system does not let us read it.
    """
    limit = f"{what} {name(path)} must be at most {most_bytes / MB:g} MB"
    size = size_bytes(path, what=what, way_out=way_out)
    if size > most_bytes:
        raise UnreadableFileError(f"{limit}, got {size / MB:,.1f} MB. {shorter}")
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)  # a file may grow, or be longer than it says
    except OSError as error:
        raise UnreadableFileError(f"{what} {name(path)} cannot be read: {error.strerror}") from None
    if len(content) > most_bytes:
        raise UnreadableFileError(f"{limit}. {shorter}")
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        fault = "it is in UTF-16" if utf16 else f"line {line:,} is not"
        rule = f"{what} {name(path)} must be text in UTF-8; {fault}"
        raise UnreadableFileError(f"{rule}. Save it as UTF-8.") from None
