"""Where results go: a whole folder, written at once or not at all."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from evergrid.core.errors import OutputError

MARK = "summary.json"  # a folder with it, and with nothing a result lacks, may be replaced


def write_folder(
    out: Path, files: Mapping[str, str | pl.DataFrame], *, replaces: Iterable[str] = ()
) -> None:
    """Write texts and Parquet tables under their relative names, replacing an older result.

    Everything is written beside the target first and then renamed, so that a reader never sees
    half a result; should the last rename fail, the older result is put back.

    Args:
        out: The folder.
        files: Contents by relative name.
        replaces: Further files and folders that an older result may hold.

    Raises:
        OutputError: ``out`` is a file, lies below one, or holds something other than a result.
    """
    names = {Path(name).parts[0] for name in files}
    check_writable(out, names | set(replaces))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        fresh, old = Path(scratch) / "new", Path(scratch) / "old"
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.write_text(content, encoding="utf-8")
            else:
                content.write_parquet(path, compression="zstd")
        older = out.exists()
        if older:
            out.rename(old)
        try:
            fresh.rename(out)
        except OSError:
            if older:
                old.rename(out)
            raise


def check_writable(out: Path, names: Iterable[str]) -> None:
    """Refuse a target in which something would be lost, before any work is done for it.

    Args:
        out: The folder for a result.
        names: Files and folders that a result of this kind holds.

    Raises:
        OutputError: ``out`` is a file, lies below one, or holds something other than a result.
    """
    for place in (out, *out.parents):
        if place.is_file():
            raise OutputError(f"{place} is a file. Name a folder with --out.")
    if not out.is_dir():
        return
    held = {path.name for path in out.iterdir()}
    foreign = sorted(held - set(names))
    if held and (foreign or MARK not in held):
        listed = ", ".join(foreign[:3]) or "files"
        raise OutputError(f"{out} holds {listed}, which is no result of ours. Name another folder.")
