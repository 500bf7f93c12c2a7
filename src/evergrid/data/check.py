"""Is this file good? Every fault of a table, or the account of a public format, in one record."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evergrid.core.errors import ConfigError, InputError, UnreadableFileError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.data import tables
from evergrid.data.files.frames import load
from evergrid.data.prices import FORMATS as PRICE_FORMATS
from evergrid.data.quality import Quality
from evergrid.data.sessions import FORMATS as SESSION_FORMATS

NO_CURRENCY = "XXX"  # ISO 4217 for "no currency": a check does not need to know

TABLES: dict[str, Callable[[Path, tables.NoteCallback], object]] = {
    "sessions": lambda path, _: tables.read_sessions(path),
    "sites": lambda path, _: tables.read_sites(path),
    "chargers": lambda path, _: tables.read_chargers(path),
    "site_load": lambda path, tell: tables.read_site_load(path, tell=tell),
    "site_generation": lambda path, tell: tables.read_site_generation(path, tell=tell),
    "site_limits": lambda path, tell: tables.read_site_limits(path, tell=tell),
    "prices": lambda path, tell: tables.read_prices(path, currency=NO_CURRENCY, tell=tell),
    "capacity_prices": lambda path, tell: tables.read_capacity_prices(path, tell=tell),
    "emission_factors": lambda path, tell: tables.read_emission_factors(
        path, kind="marginal", tell=tell
    ),
    "ageing": lambda path, tell: tables.read_cell_tests(path, tell=tell),
    "weather": lambda path, _: tables.read_weather(path),
    "battery_states": lambda path, _: tables.read_battery_states(path),
}
SOURCES = {**SESSION_FORMATS, **PRICE_FORMATS}
KINDS = (*TABLES, *SOURCES)


@dataclass(frozen=True)
class CheckResult:
    """What was found in a file.

    Attributes:
        path: The file.
        kind: The table or format it was read as.
        rows: Its rows; 0 where it cannot be opened.
        quality: What became of dirty rows, for a public format that could be read.
        faults: What keeps it from being used; empty when it can be.
        notes: What was done to rows of a table that can be used.
    """

    path: Path
    kind: str
    rows: int
    quality: Quality | None
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The result as text: a verdict, then the faults or the account."""
        if self.faults:
            many = "s" if len(self.faults) != 1 else ""
            head = f"{self.path}: {len(self.faults)} fault{many} found as {self.kind}"
            return [f"{head} ({self.rows:,} rows)", *(f"  - {fault}" for fault in self.faults)]
        detail = self.quality.lines() if self.quality else []
        notes = [f"  {note}" for note in self.notes]
        return [f"{self.path}: good as {self.kind} ({self.rows:,} rows)", *detail, *notes]


def check(path: Path, kind: str) -> CheckResult:
    """What is wrong with a file, if anything; dirty data never raise.

    Args:
        path: Parquet or CSV.
        kind: One of `KINDS`.

    Raises:
        ConfigError: There is no such kind.
        MissingFileError: There is no such file.
    """
    if kind not in KINDS:
        fix = did_you_mean(kind, KINDS) or f"Known kinds: {', '.join(KINDS)}."
        raise ConfigError("check", [Fault("kind", "be a known kind", got=(kind,), fix=fix)])
    try:
        rows = load(path).height
    except UnreadableFileError as error:
        fault = Fault("file", f"be readable Parquet or CSV: {error}")
        return CheckResult(path, kind, 0, None, (fault,))
    except InputError as error:
        return CheckResult(path, kind, 0, None, error.faults)
    notes: list[str] = []
    try:
        quality = _read(path, kind, notes.append)
    except InputError as error:
        return CheckResult(path, kind, rows, None, error.faults)
    return CheckResult(path, kind, rows, quality, (), tuple(notes))


def _read(path: Path, kind: str, tell: tables.NoteCallback) -> Quality | None:
    if kind in TABLES:
        TABLES[kind](path, tell)
        return None
    _, meta = SOURCES[kind](path)
    return meta.quality
