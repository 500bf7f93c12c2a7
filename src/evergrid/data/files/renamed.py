"""A column that files have under one of several names: what these hold together."""

from collections.abc import Sequence

import polars as pl

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault

FIX = "Keep the column that is meant."


def only_one(
    frame: pl.DataFrame, names: Sequence[str], *, source: str, missing_fix: str = ""
) -> pl.Series:
    """The column under any of these names; several fill each other's empty cells.

    A feed whose columns were renamed has the older name in older rows and the newer one in others.
    Where two names hold different values in a row, neither is taken for the other.

    Args:
        frame: The table.
        names: Every name of the column; the result has the first that is there.
        source: Of the table, as errors name it.
        missing_fix: The way out where none is there.

    Raises:
        InputError: None of the names is there, or two of them contradict each other.
    """
    there = [name for name in names if name in frame.columns]
    if not there:
        rule = f"be there under one of the names {', '.join(names)}"
        fault = Fault(names[0], rule, tuple(frame.columns[:5]), fix=missing_fix)
        raise InputError(source, [fault])
    first = frame[there[0]]
    for name in there[1:]:
        other = frame[name]
        if first.dtype != other.dtype and not (
            first.dtype.is_numeric() and other.dtype.is_numeric()
        ):
            first, other = first.cast(pl.String), other.cast(pl.String)
        differ = (first != other).fill_null(False).arg_true().to_list()
        if differ:
            rule = f"be empty where {there[0]} is not, or the same"
            got = tuple(f"{other[row]} beside {first[row]}" for row in differ[:3])
            rows = tuple(row + 1 for row in differ)
            raise InputError(source, [Fault(name, rule, got, rows=rows, fix=FIX)])
        first = first.zip_with(first.is_not_null(), other).alias(there[0])
    return first
