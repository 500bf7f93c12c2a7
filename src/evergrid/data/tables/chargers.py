"""The chargers table: phases, currents, and how often each charger may start."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Shaped
from evergrid.core.faults import broken
from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import as_frame, made, or_value, read
from evergrid.model.charging.chargers import ANY_STARTS, LEAST_A, USUAL_V, Chargers

CHARGERS = {
    "charger_id": Kind.TEXT,
    "site_id": Kind.TEXT,
    "phases": Kind.NUMBER,
    "phase": Kind.TEXT,
    "least_a": Kind.NUMBER,
    "most_a": Kind.NUMBER,
    "step_a": Kind.NUMBER,
    "voltage_v": Kind.NUMBER,
    "least_on_min": Kind.NUMBER,
    "least_off_min": Kind.NUMBER,
    "most_starts": Kind.NUMBER,
}
USUAL: dict[str, float | int | str] = {
    "phase": "L1",
    "least_a": LEAST_A,
    "step_a": 1.0,
    "voltage_v": USUAL_V,
    "least_on_min": 0.0,
    "least_off_min": 0.0,
    "most_starts": ANY_STARTS,
}  # what a charger has where a column is left out
COUNTS = ("phases", "most_starts")


def read_chargers(path: Path, *, defaults: Mapping[str, float | int | str] = USUAL) -> Chargers:
    """The chargers table; columns that are left out, and cells that are empty, have the default.

    Args:
        path: Parquet or CSV.
        defaults: Value of each optional column.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    optional = tuple(USUAL)
    table, faults = read(path, CHARGERS, optional=optional, empty=optional, source="chargers")
    rows = len(table["charger_id"].values)
    values = {name: cells.values for name, cells in table.items()}
    for name in optional:
        values[name] = _filled(values.get(name), defaults[name], rows)
    for name in COUNTS:
        whole = np.asarray(values[name] == np.floor(values[name]))
        faults += broken(name, whole, "be a whole number", values=values[name])
        values[name] = np.where(whole, values[name], 1).astype(np.int64)
    return made(lambda: Chargers(**values), faults, source="chargers", row=np.arange(rows))


def _filled(
    values: Shaped[Array, " row"] | None, default: float | int | str, rows: int
) -> Shaped[Array, " row"]:
    """A column with its default where a cell is empty."""
    if isinstance(default, str):
        given = [""] * rows if values is None else values.tolist()
        return np.array([name or default for name in given], dtype=object)
    return np.full(rows, float(default)) if values is None else or_value(values, float(default))


def chargers_frame(chargers: Chargers) -> pl.DataFrame:
    """The chargers as their table; no limit of starts is an empty cell."""
    columns = chargers.columns() | {n: getattr(chargers, n).astype(float) for n in COUNTS}
    few = pl.when(pl.col("most_starts") < ANY_STARTS).then(pl.col("most_starts"))
    return as_frame(columns, CHARGERS).with_columns(few.alias("most_starts"))
