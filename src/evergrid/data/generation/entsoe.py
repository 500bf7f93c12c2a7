"""Actual generation by type as ENTSO-E's transparency platform publishes it, joined in one table.

Whether pumped storage is net of what pumps draw differs from year to year: the German table is not
in 2019, and is in 2020, where it falls below 0. Exchange with neighbours is not in it.

Source:
    Regulation (EU) 543/2013, article 16(1)(b) and (c): actual generation per production type.
"""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.data.files.frames import Kind, cell_faults, column, load, missing_columns
from evergrid.data.prices.price_series import GAPS, chosen
from evergrid.model.generation_by_type import GenerationByType

SOURCE = "entsoe_generation"
TIME = "time_utc"
UNIT = "_mw"


def read_generation(path: Path, *, gap: str = "error") -> tuple[GenerationByType, int]:
    """Generation of each type, and how many values were filled in.

    Args:
        path: Parquet or CSV with ``time_utc`` and a column ``..._mw`` for each type.
        gap: "error" refuses empty cells and tells their rows; "hold" repeats the value before.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: No columns of power, cells or stamps that break rules.
    """
    chosen("gap", gap, GAPS, source=SOURCE)
    frame = load(path, [TIME], source=SOURCE)
    raise_if_any(SOURCE, missing_columns(frame.columns, [TIME]))
    names = [name for name in frame.columns if name.endswith(UNIT)]
    if not names:
        rule = f"be there, one for each type, with names that end in {UNIT}"
        raise InputError(SOURCE, [Fault("columns", rule, tuple(frame.columns[:5]))])
    times = column(frame[TIME], Kind.INSTANT)
    faults = cell_faults(TIME, Kind.INSTANT, times, required=True)
    values = []
    for name in names:
        read = column(frame[name], Kind.NUMBER)
        faults += cell_faults(name, Kind.NUMBER, read, required=gap == "error")
        values.append(read.values)
    raise_if_any(SOURCE, faults)
    filled, count = _held(np.stack(values))
    types = np.array([name.removesuffix(UNIT) for name in names], object)
    return GenerationByType(times.values, types, filled), count


def _held(values: Float[Array, "type row"]) -> tuple[Float[Array, "type row"], int]:
    """Values with the one before in the place of each missing one; a first one has none before."""
    there = np.isfinite(values)
    last = np.maximum.accumulate(np.where(there, np.arange(values.shape[1]), 0), axis=1)
    return np.take_along_axis(values, last, axis=1), int((~there).sum())
