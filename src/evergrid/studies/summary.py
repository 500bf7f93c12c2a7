"""The headline of a run: versions and hashes that let anyone repeat it."""

import hashlib
import json
import platform
from importlib import metadata
from io import BytesIO
from typing import Any

import polars as pl

PACKAGES = ("evergrid", "highspy", "numpy", "polars", "scipy")


def versions() -> dict[str, str]:
    """Versions of what computed the result."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in PACKAGES
    }


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def table_hash(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's values in CSV, which does not depend on the file format."""
    buffer = BytesIO()
    frame.write_csv(buffer)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def to_json(summary: dict[str, Any]) -> str:
    """The summary as indented JSON; a number that is not finite is a fault, not a value."""
    return json.dumps(summary, indent=2, allow_nan=False) + "\n"
