"""Is this file good? Every fault of a table, or the account of a public format, in one record."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evergrid.core.errors import ConfigError, InputError, UnreadableFileError
from evergrid.core.faults import Fault
from evergrid.data import tables
from evergrid.data.frames import load
from evergrid.data.prices import FORMATS as PRICE_FORMATS
from evergrid.data.quality import Quality
from evergrid.data.sessions import FORMATS as SESSION_FORMATS

NO_CURRENCY = "XXX"  # ISO 4217 for "no currency": a check does not need to know

TABLES: dict[str, Callable[[Path], object]] = {
    "sessions": tables.read_sessions,
    "sites": tables.read_sites,
    "site_load": tables.read_site_load,
    "site_generation": tables.read_site_generation,
    "site_limits": tables.read_site_limits,
    "prices": lambda path: tables.read_prices(path, currency=NO_CURRENCY),
    "weather": tables.read_weather,
}
SOURCES = {**SESSION_FORMATS, **PRICE_FORMATS}
KINDS = (*TABLES, *SOURCES)


@dataclass(frozen=True)
class Checked:
    """What was found in a file.

    Attributes:
        path: The file.
        kind: The table or format it was read as.
        rows: Its rows; 0 where it cannot be opened.
        quality: What became of dirty rows, for a public format that could be read.
        faults: What keeps it from being used; empty when it can be.
    """

    path: Path
    kind: str
    rows: int
    quality: Quality | None
    faults: tuple[Fault, ...]

    def lines(self) -> list[str]:
        """The result as text: a verdict, then the faults or the account."""
        if self.faults:
            many = "s" if len(self.faults) != 1 else ""
            head = f"{self.path}: {len(self.faults)} fault{many} found as {self.kind}"
            return [f"{head} ({self.rows:,} rows)", *(f"  - {fault}" for fault in self.faults)]
        detail = self.quality.lines() if self.quality else []
        return [f"{self.path}: good as {self.kind} ({self.rows:,} rows)", *detail]


def check(path: Path, kind: str) -> Checked:
    """What is wrong with a file, if anything; dirty data never raise.

    Args:
        path: Parquet or CSV.
        kind: One of `KINDS`.

    Raises:
        ConfigError: There is no such kind.
        MissingFileError: There is no such file.
    """
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.5)
        fix = f"Did you mean {near[0]}?" if near else f"Known kinds: {', '.join(KINDS)}."
        raise ConfigError("check", [Fault("kind", "be a known kind", got=(kind,), fix=fix)])
    try:
        rows = load(path).height
    except UnreadableFileError as error:
        fault = Fault("file", f"be readable Parquet or CSV: {error}")
        return Checked(path, kind, 0, None, (fault,))
    except InputError as error:
        return Checked(path, kind, 0, None, error.faults)
    try:
        return Checked(path, kind, rows, _read(path, kind), ())
    except InputError as error:
        return Checked(path, kind, rows, None, error.faults)


def _read(path: Path, kind: str) -> Quality | None:
    if kind in TABLES:
        TABLES[kind](path)
        return None
    _, meta = SOURCES[kind](path)
    return meta.quality
