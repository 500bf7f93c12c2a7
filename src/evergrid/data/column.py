"""One column of numbers, a row per step, from a CSV file."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, MissingFileError
from evergrid.core.faults import Fault


def read(path: Path, column: str, steps: int) -> Float[Array, " step"]:
    """The first ``steps`` numbers of a column.

    Raises:
        MissingFileError: There is no such file.
        InputError: The file lacks the column, or does not hold a number in each step.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}. Name a CSV file with a column {column}.")
    frame = pl.read_csv(path, infer_schema=False)
    if column not in frame.columns:
        fix = f"Its columns are {', '.join(frame.columns)}."
        raise InputError(str(path), [Fault(column, "be a column of the file", fix=fix)])
    values = frame[column].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()[:steps]
    good = np.isfinite(values)
    if len(values) < steps or not good.all():
        row = len(values) + 1 if good.all() else int(np.argmin(good)) + 1
        rule = f"hold a number in each of the {steps:,} steps; the first without is step {row:,}"
        raise InputError(str(path), [Fault(column, rule, fix="Give a row per step.")])
    return values
