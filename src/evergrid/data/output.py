"""Where results go: a whole folder, written at once or not at all."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from evergrid.core.errors import OutputError

MARK = "summary.json"  # a folder that holds it is a result, and may be replaced by a newer one


def write_folder(out: Path, files: Mapping[str, str | pl.DataFrame]) -> None:
    """Write texts and Parquet tables under their relative names, replacing an older result.

    Everything is written beside the target first and then renamed, so that a reader never sees
    half a result.

    Raises:
        OutputError: ``out`` is a file, or a folder that holds something other than a result.
    """
    check_writable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        fresh = Path(scratch) / "new"
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.write_text(content, encoding="utf-8")
            else:
                content.write_parquet(path, compression="zstd")
        if out.exists():
            out.rename(Path(scratch) / "old")
        fresh.rename(out)


def check_writable(out: Path) -> None:
    """Refuse a target that would be lost, before any work is done for it.

    Raises:
        OutputError: ``out`` is a file, or a folder that holds something other than a result.
    """
    if out.is_file():
        raise OutputError(f"{out} is a file. Name a folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise OutputError(f"{out} holds files that are no result of ours. Name another folder.")
