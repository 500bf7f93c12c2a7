"""One column of numbers, a row per step, from a CSV or Parquet file."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.files.given_file import name
from evergrid.data.files import frames


def read(path: Path, column: str, steps: int) -> Float[Array, " step"]:
    """The first ``steps`` numbers of a column.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: The file lacks the column, or does not hold a number in each step.
    """
    frame = frames.load(path)
    if column not in frame.columns:
        fix = f"Its columns are {', '.join(frame.columns)}."
        raise InputError(name(path), [Fault(column, "be a column of the file", fix=fix)])
    values = frames.column(frame[column], frames.Kind.NUMBER).values[:steps]
    good = np.isfinite(values)
    if len(values) < steps or not good.all():
        row = len(values) + 1 if good.all() else int(np.argmin(good)) + 1
        rule = f"hold a number in each of the {steps:,} steps; the first without is step {row:,}"
        raise InputError(name(path), [Fault(column, rule, fix="Give a row per step.")])
    return values
