"""Where results go: a whole folder, written at once or not at all, with nothing of others lost."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from evergrid.core.errors import LONGEST_SOURCE, OutputError
from evergrid.core.text.printable import printable
from evergrid.data import scratch

MARK = "summary.json"  # a folder with it, and with nothing a result lacks, may be replaced
SHOWN = 3  # names of foreign files that a message spells out


def write_folder(
    out: Path, files: Mapping[str, str | pl.DataFrame], *, replaces: Iterable[str] = ()
) -> None:
    """Write texts and Parquet tables under their relative names, replacing an older result.

    Everything is written beside the target first and then renamed, so that a reader never sees
    half a result; should the last rename fail, the older result is put back, and should the
    process be killed between the two, the next run puts it back. Where ``out`` is a link to a
    folder, the folder it leads to is replaced and the link stays.

    Args:
        out: The folder.
        files: Contents by relative name.
        replaces: Further files that an older result may hold, by relative name.

    Raises:
        OutputError: ``out`` holds something other than a result, or cannot be written.
    """
    check_writable(out, {*files, *replaces})
    with _system_errors(out):
        place = _followed(out)
        place.parent.mkdir(parents=True, exist_ok=True)
        with scratch.beside(place) as room:
            for name, content in files.items():
                path = room.new / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, str):
                    path.write_text(content, encoding="utf-8")
                else:
                    content.write_parquet(path, compression="zstd")
            room.swap()


def check_writable(out: Path, names: Iterable[str]) -> None:
    """Refuse a target that cannot be written, or in which something would be lost.

    Asked before any work is done for it. What a run that was killed has left there is cleared
    away, and an older result that it had moved aside is put back.

    Args:
        out: The folder for a result.
        names: Files that a result of this kind holds, by relative name.

    Raises:
        OutputError: ``out`` is a file, lies below one, holds something other than a result, or
            is in a place where nothing can be written.
    """
    with _system_errors(out):
        place = _followed(out)
        for above in (place, *place.parents):
            if above.exists() and not above.is_dir():
                raise OutputError(f"{_name(above)} is a file. Name a folder with --out.")
        parent = next(above for above in place.parents if above.is_dir())
        _probe(parent)
        if parent == place.parent:
            scratch.clear(parent)
        if place.is_dir():
            _check_older(out, place, {Path(name) for name in names})


def _check_older(out: Path, place: Path, names: set[Path]) -> None:
    """Refuse a folder that is no result, or that holds more than one."""
    if os.path.ismount(place):
        raise OutputError(f"{_name(out)} is a mount point. Name a folder in it.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"{_name(out)} may not be written. Name another folder.")
    folders = {above for name in names for above in name.parents}
    held = [path.relative_to(place) for path in _everything(place)]
    foreign = sorted(str(path) for path in held if path not in names | folders)
    if not held or (not foreign and (place / MARK).is_file()):
        return
    listed = ", ".join(printable(name) for name in foreign[:SHOWN]) or "files"
    more = f" and {len(foreign) - SHOWN:,} more" if len(foreign) > SHOWN else ""
    said = f"{_name(out)} holds {listed}{more}, which is no result of ours"
    raise OutputError(f"{said}. Name another folder.")


def _everything(place: Path) -> Iterator[Path]:
    """Paths of all files and folders below; links are not followed."""

    def refuse(error: OSError) -> None:
        raise error  # what cannot be looked at cannot be known to be ours

    for folder, folders, files in os.walk(place, onerror=refuse):
        yield from (Path(folder, name) for name in (*folders, *files))


def _followed(out: Path) -> Path:
    """The folder itself, where links lead to it.

    Raises:
        OutputError: A link that leads nowhere.
        OSError, RuntimeError, ValueError: A link that leads round and round, or no name at all.
    """
    place = out.resolve()
    if out.is_symlink() and not place.exists():
        said = f"{_name(out)} is a link to {_name(place)}, which is not there"
        raise OutputError(f"{said}. Make that folder, or name another.")
    return place


def _probe(parent: Path) -> None:
    """Make a folder and take it away: permissions alone do not tell of read-only disks."""
    made = tempfile.mkdtemp(prefix=scratch.PREFIX, dir=parent)
    Path(made).rmdir()


@contextlib.contextmanager
def _system_errors(out: Path) -> Iterator[None]:
    """Errors of the system as errors of ours."""
    try:
        yield
    except OutputError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition(":")[0]
        said = f"{_name(out)} cannot be written: {reason}"
        raise OutputError(f"{said}. Name another folder with --out, or free the place.") from error


def _name(path: Path) -> str:
    return printable(str(path), LONGEST_SOURCE)
