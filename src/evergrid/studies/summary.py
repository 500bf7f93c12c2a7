"""The headline of a run: versions and hashes that let anyone repeat it."""

import hashlib
import json
import platform
import sys
from importlib import metadata
from io import BytesIO
from typing import Any

import polars as pl

# What may have a part in a result: distribution by the module that is loaded when it is used.
PACKAGES = {
    "evergrid": "evergrid",
    "numpy": "numpy",
    "polars": "polars",
    "scipy": "scipy",
    "highspy": "highspy",
    "numba": "numba",
    "jax": "jax",
    "jaxlib": "jaxlib",
    "ray": "ray",
}
READER = "evergrid.grid.feeder.isolation.process"  # has OpenDSS in a process of its own
OF_OPENDSS = ("dss-python", "dss-python-backend")


def versions() -> dict[str, str]:
    """Versions of what computed the result: Python, each of `PACKAGES` that is loaded, OpenDSS."""
    found = {"python": platform.python_version()} | {
        name: metadata.version(name) for module, name in PACKAGES.items() if module in sys.modules
    }
    if READER in sys.modules and (engine := sys.modules[READER].engine_version()):
        found |= {name: metadata.version(name) for name in OF_OPENDSS} | {"opendss": engine}
    return found


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def table_hash(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's values in CSV, which does not depend on the file format."""
    buffer = BytesIO()
    frame.write_csv(buffer)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def to_json(summary: dict[str, Any]) -> str:
    """The summary as indented JSON in ASCII, which no terminal obeys.

    A number that is not finite is a fault, not a value.
    """
    return json.dumps(summary, indent=2, allow_nan=False).replace("\x7f", "\\u007f") + "\n"
