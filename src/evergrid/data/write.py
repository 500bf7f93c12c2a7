"""How a single file is written: whole or not at all."""

import uuid
from pathlib import Path

import polars as pl


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a table so that the file is either whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path)
    try:
        frame.write_parquet(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text so that the file is either whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path)
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    """A name beside the file: a rename is only atomic within one folder."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
