"""How an input table is read strictly, every fault with its row, and written back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.timegrid import stamp
from evergrid.data.files.frames import Column, Kind, cell_faults, column, load, name_faults
from evergrid.model.time_series import stamps

Record = TypeVar("Record")
NoteCallback = Callable[[str], None]


def ignore_notes(note: str) -> None:
    """Where nobody wants to know."""


def read(
    path: Path,
    kinds: dict[str, Kind],
    *,
    source: str,
    optional: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> tuple[dict[str, Column], list[Fault]]:
    """The columns that are there, and the faults of names and cells.

    Args:
        path: The file.
        kinds: Every column the table may have.
        source: Name of the table.
        optional: Columns that may be left out.
        empty: Columns whose cells may be empty.

    Raises:
        InputError: A column that must be there is not; nothing further can be said.
    """
    required = [name for name in kinds if name not in optional]
    frame = load(path, required, source=source)
    faults = name_faults(frame, required, list(kinds))
    table = {n: column(frame[n], kind) for n, kind in kinds.items() if n in frame.columns}
    for name, cells in table.items():
        faults += cell_faults(name, kinds[name], cells, required=name not in empty)
    if any(name not in table for name in required):
        raise InputError(source, faults)
    return table, faults


def made(
    make: Callable[[], Record],
    faults: list[Fault],
    *,
    source: str,
    row: Int[Array, " row"] | None,
) -> Record:
    """The record, or every fault of the cells and of the record together.

    Args:
        make: Makes the record of the rows whose cells could be read.
        faults: Faults of the cells.
        source: Name of the table.
        row: Place in the file of each row of the record; None where it has other rows.
    """
    try:
        record = make()
    except InputError as error:
        said = {(fault.field, fault.rule) for fault in faults}
        new = [fault for fault in error.faults if (fault.field, fault.rule) not in said]
        found = [_in_file(fault, row) for fault in new]
        raise InputError(source, [*faults, *found]) from None
    raise_if_any(source, faults)
    return record


def _in_file(fault: Fault, row: Int[Array, " row"] | None) -> Fault:
    if row is None:
        return replace(fault, rows=())
    return replace(fault, rows=tuple(int(row[number - 1]) + 1 for number in fault.rows))


def or_value(values: Float[Array, " row"], value: float) -> Float[Array, " row"]:
    """The cells, and a stand-in where there is none; a fault is on record where one is due."""
    return np.where(np.isnan(values), value, values)


def on_minutes(
    time_utc: Shaped[Array, " row"], source: str, tell: NoteCallback
) -> Shaped[Array, " row"]:
    """The minutes that stamps mean; that some were not on one is told."""
    moved, count = stamps.on_minutes(time_utc)
    if count:
        first = stamp(time_utc[np.argmax(moved != time_utc)])
        tell(
            f"{count:,} time stamps of {source} lie up to two seconds beside a minute, such as "
            f"{first}; they are taken as the minute."
        )
    return moved


def no_limit_empty(frame: pl.DataFrame, limits: Sequence[str]) -> pl.DataFrame:
    """The table with an empty cell where a limit is infinite."""
    finite = (pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in limits)
    return frame.with_columns(*finite)


def as_frame(columns: dict[str, Shaped[Array, " row"]], kinds: dict[str, Kind]) -> pl.DataFrame:
    """Columns as the table with those names and kinds."""
    return pl.DataFrame([_series(name, columns[name], kind) for name, kind in kinds.items()])


def _series(name: str, values: Shaped[Array, " row"], kind: Kind) -> pl.Series:
    if kind is Kind.TEXT:
        return pl.Series(name, values.astype(object).tolist(), dtype=pl.String)
    if kind is Kind.INSTANT:
        stamps = pl.Series(name, values.astype("datetime64[us]"))
        return stamps.dt.replace_time_zone("UTC")
    return pl.Series(name, values)
