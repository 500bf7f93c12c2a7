"""What a Parquet or CSV file holds, column by column, and which cells of it cannot be read."""

import codecs
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Bool, Shaped
from evergrid.core.errors import LISTED, InputError, UnreadableFileError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.files import given_file
from evergrid.core.text.nearest import did_you_mean, nearest
from evergrid.data import memory
from evergrid.data.files import csv_text, parquet_size

CELL_BYTES = 60  # of memory that a cell takes while it is read, beside its text; measured
LONGEST_NAME = 1_000  # characters
LARGE_BYTES = 10_000_000  # of a CSV file whose names are looked at before its rows
SMALL_BYTES = 100_000_000  # of a table that may come from a file of any size
GREATEST_EXPANSION = 500  # of a Parquet file; measured tables reach 11


class Kind(Enum):
    """What the cells of a column must be: the rule, and the way out."""

    TEXT = ("be text of at most 1,000 characters", "Write short names as text.")
    NUMBER = ("be a number", "Use a decimal point, no unit and no thousands separator.")
    FLAG = ("be true or false", "")
    INSTANT = (
        "be an ISO 8601 time stamp with a time zone",
        "Add the offset, such as 2022-07-04T00:00:00+00:00 or a trailing Z.",
    )
    CLOCK = (
        "be a wall-clock time stamp without a time zone",
        "This source is stamped in local time; the reader knows its zone.",
    )
    DAY = ("be a date such as 2022-07-04", "Write year-month-day, without a time.")

    @property
    def rule(self) -> str:
        """The end of the sentence "<column> must ..."."""
        return self.value[0]

    @property
    def fix(self) -> str:
        """The way out, a full sentence."""
        return self.value[1]


@dataclass(frozen=True)
class Column:
    """One column as an array; NaN, NaT, "" or False stand where no value could be read.

    Attributes:
        values: The cells.
        missing: Cells that are empty.
        unreadable: Cells that hold something of another kind.
        written: The cells as the file has them.
    """

    values: Shaped[Array, " row"]
    missing: Bool[Array, " row"]
    unreadable: Bool[Array, " row"]
    written: pl.Series

    @property
    def bad(self) -> Bool[Array, " row"]:
        """Cells without a usable value."""
        return self.missing | self.unreadable


def load(path: Path, required: Sequence[str] = (), *, source: str = "") -> pl.DataFrame:
    """The table in a Parquet or CSV file; the cells of a CSV file stay text.

    The file is measured before it is read: what is no table, or would fill the memory, is refused
    at once. Of its content nothing is repeated in a message but names of columns.

    Args:
        path: The file.
        required: Columns without which a large CSV file is refused before its rows are read.
        source: Name of the table, where columns are required.

    Raises:
        MissingFileError: There is no such file, or it is a folder, a pipe or a device.
        UnreadableFileError: It is empty, truncated or of another format than its ending says, or
            two columns have one name.
        InputError: It is too large, or large and without a column that is required.
    """
    size_bytes = given_file.size_bytes(path)
    if path.suffix not in (".parquet", ".csv"):
        raise UnreadableFileError(f"{given_file.name(path)} must end in .parquet or .csv")
    try:
        if path.suffix == ".parquet":
            return _parquet(path)
        found = csv_text.header(path)
        if size_bytes > LARGE_BYTES:
            raise_if_any(source, missing_columns(found, required))
        return _csv(path)
    except InputError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        ending = path.suffix.removeprefix(".")
        raise UnreadableFileError(
            f"{given_file.name(path)} cannot be read as {ending}: {_reason(error)}"
        ) from None


def _reason(error: BaseException) -> str:
    """Why a file cannot be read, in our words: those of the parsers quote what they read."""
    if isinstance(error, pl.exceptions.NoDataError):
        return "it is empty"
    if isinstance(error, pl.exceptions.PolarsError):
        more = "more fields" in str(error)
        return "a line has more cells than the header" if more else "it is damaged or cut short"
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    if isinstance(error, ValueError):
        return str(error)
    return "it is damaged"


def _parquet(path: Path) -> pl.DataFrame:
    table = parquet_size.read(path)
    packed_bytes = path.stat().st_size
    if table.columns > csv_text.MOST_COLUMNS:
        raise ValueError(f"it has {table.columns:,} columns; {csv_text.MOST_COLUMNS:,} is the most")
    if table.table_bytes > max(SMALL_BYTES, GREATEST_EXPANSION * packed_bytes):
        got = f"{packed_bytes:,} bytes that become {table.table_bytes:,} in {table.rows:,} rows"
        fix = "Is one row repeated? If it is meant so, give the table as CSV."
        rule = f"expand at most {GREATEST_EXPANSION}-fold"
        raise InputError(given_file.name(path), [Fault("file", rule, got=(got,), fix=fix)])
    need_bytes = table.table_bytes + CELL_BYTES * table.rows * table.columns
    _must_hold(path, need_bytes, f"{table.rows:,} rows of {table.columns:,} columns")
    return pl.read_parquet(path, glob=False, hive_partitioning=False)


def _csv(path: Path) -> pl.DataFrame:
    text = csv_text.measure(path)
    _must_hold(path, 3 * text.bytes + CELL_BYTES * text.cells, f"{text.cells:,} cells")
    content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    return pl.read_csv(content, infer_schema=False)


def _must_hold(path: Path, need_bytes: int, what: str) -> None:
    fix = "Give less of it, or run on a machine with more memory."
    memory.must_hold(need_bytes, source=given_file.name(path), field="file", what=what, fix=fix)


def name_faults(
    frame: pl.DataFrame, required: Sequence[str], known: Sequence[str] | None
) -> list[Fault]:
    """Faults of columns that are missing, and of others than the known; None allows any other."""
    columns = frame.columns
    strange = [name for name in columns if name not in set(known or required)]
    faults = missing_columns(columns, required, set(known or required))
    if known is None:
        return faults
    unused = sorted(set(known) - set(columns))
    for name in strange[:LISTED]:  # a search for each of thousands would take long
        fix = did_you_mean(name, unused) or "Remove it."
        faults.append(Fault(name, "be a known column", fix=fix))
    if len(strange) > LISTED:
        others = tuple(strange[LISTED:])
        faults.append(Fault("other columns", "be known", got=others, fix="Remove them."))
    return faults


def missing_columns(
    columns: Sequence[str], required: Sequence[str], known: Collection[str] = ()
) -> list[Fault]:
    """A fault for each column that is required and missing, with one that may be meant.

    Args:
        columns: Names that a file has.
        required: Names that it must have.
        known: Names that mean something else; the required ones always do.
    """
    strange = [name for name in columns if name not in {*known, *required}]
    faults = []
    for name in required:
        if name in set(columns):
            continue
        near = nearest(name, strange[:LISTED])
        fix = f"Rename {near}?" if near else f"Columns found: {', '.join(columns[:LISTED])}."
        faults.append(Fault(name, "be a column of the table", fix=fix))
    return faults


def source_columns(path: Path, kinds: Mapping[str, Kind], *, source: str) -> dict[str, Column]:
    """The named columns of a public file; other columns are ignored.

    Raises:
        InputError: A column is missing or is of another kind in every row, or there are no rows.
    """
    frame = load(path, list(kinds), source=source)
    raise_if_any(source, name_faults(frame, list(kinds), None))
    if frame.height == 0:
        raise_if_any(source, [Fault(given_file.name(path), "have at least one row")])
    columns = {name: column(frame[name], kind) for name, kind in kinds.items()}
    faults = [
        Fault(name, kinds[name].rule, got=(str(read.written[0]),), rows=(1,), fix=kinds[name].fix)
        for name, read in columns.items()
        if read.unreadable.all()
    ]
    raise_if_any(source, faults)
    return columns


def cell_faults(name: str, kind: Kind, read: Column, *, required: bool) -> list[Fault]:
    """Faults of the cells that cannot be read, and of those that are empty but must not be."""
    faults = []
    for rows, rule, fix in (
        (read.unreadable, kind.rule, kind.fix),
        (read.missing & required, "not be empty", "Fill it in or remove the row."),
    ):
        if rows.any():
            places = tuple(int(i) for i in np.nonzero(rows)[0])
            got = tuple(str(read.written[i]) for i in places)
            numbers = tuple(i + 1 for i in places)
            faults.append(Fault(name, rule, got=got, rows=numbers, fix=fix))
    return faults


def column(series: pl.Series, kind: Kind) -> Column:
    """The cells of a column as that kind."""
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        series = series.cast(pl.String)
    written = series
    if series.dtype == pl.String:
        series = series.str.strip_chars()
        series = series.set(series == "", None)
    parsed = _PARSERS[kind](series).cast(_TYPES[kind])
    missing = series.is_null().to_numpy()
    unreadable = parsed.is_null().to_numpy() & ~missing
    return Column(_array(parsed, kind), missing, unreadable, written)


def _array(parsed: pl.Series, kind: Kind) -> Shaped[Array, " row"]:
    if kind is Kind.NUMBER:
        return parsed.fill_null(float("nan")).to_numpy().astype(np.float64)
    if kind is Kind.FLAG:
        return parsed.fill_null(False).to_numpy().astype(bool)
    if kind is Kind.TEXT:
        return np.array(parsed.fill_null("").to_list(), dtype=object)
    return parsed.to_numpy().astype("datetime64[D]" if kind is Kind.DAY else "datetime64[us]")


def _nothing(series: pl.Series) -> pl.Series:
    """The column of a type that cannot be of the kind wanted: no cell is readable."""
    return pl.Series(series.name, [None] * len(series))


def _text(series: pl.Series) -> pl.Series:
    plain = series.dtype == pl.String or series.dtype.is_integer() or series.dtype == pl.Null
    if not plain:
        return _nothing(series)
    text = series.cast(pl.String)
    return text.set(text.str.len_chars() > LONGEST_NAME, None)


def _number(series: pl.Series) -> pl.Series:
    if not (series.dtype.is_numeric() or series.dtype in (pl.String, pl.Null)):
        return _nothing(series)
    return series.cast(pl.Float64, strict=False).fill_nan(None)  # NaN is never a value


def _flag(series: pl.Series) -> pl.Series:
    if series.dtype in (pl.Boolean, pl.Null):
        return series.cast(pl.Boolean)
    if series.dtype != pl.String:
        return _nothing(series)
    words = {"true": True, "false": False}
    return series.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)


def _instant(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        iso = series.str.replace(" ", "T").str.replace("[Zz]$", "+00:00")
        stamps = _first_format(iso, ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z"))
        return stamps.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None:
        return series.dt.cast_time_unit("us").dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return _nothing(series)


def _clock(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        iso = series.str.replace(" ", "T")
        return _first_format(iso, ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"))
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is None:
        return series.dt.cast_time_unit("us")
    return _nothing(series)


def _day(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        return series.str.to_date("%Y-%m-%d", strict=False)
    return series if series.dtype == pl.Date else _nothing(series)


def _first_format(text: pl.Series, formats: tuple[str, str]) -> pl.Series:
    first, second = (text.str.to_datetime(f, strict=False, time_unit="us") for f in formats)
    return first.zip_with(first.is_not_null(), second)


_PARSERS = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.INSTANT: _instant,
    Kind.CLOCK: _clock,
    Kind.DAY: _day,
}

_TYPES = {
    Kind.TEXT: pl.String(),
    Kind.NUMBER: pl.Float64(),
    Kind.FLAG: pl.Boolean(),
    Kind.INSTANT: pl.Datetime("us"),
    Kind.CLOCK: pl.Datetime("us"),
    Kind.DAY: pl.Date(),
}
