"""A signal as a table: seconds, and the share of the award that is asked for."""

from pathlib import Path

import numpy as np

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.data.files.frames import Kind, cell_faults, column, load
from evergrid.data.files.renamed import only_one
from evergrid.model.time_series.signal import Signal

SECONDS = ("second", "second_of_day")
SHARES = ("signal", "regd", "rega")


def read_signal(path: Path) -> Signal:
    """The signal of a file: ``second`` (or ``second_of_day``) and ``signal`` (or ``regd``).

    Seconds rise by one tick from row to row. A tick that is missing, or an empty cell, is a value
    that did not come. Power into the grid is positive, as PJM has it. A file of several signals is
    refused: which of them is followed is not guessed.

    Args:
        path: Parquet or CSV.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns or cells that break rules, stamps that do not rise by whole ticks.
    """
    frame = load(path, ["second", "signal"], source="signal")
    given = [only_one(frame, wanted, source="signal") for wanted in (SECONDS, SHARES)]
    names = [one.name for one in given]
    seconds, share = (column(one, Kind.NUMBER) for one in given)
    faults = cell_faults(names[0], Kind.NUMBER, seconds, required=True)
    faults += cell_faults(names[1], Kind.NUMBER, share, required=False)
    raise_if_any("signal", faults)
    if len(seconds.values) < 2:
        raise InputError("signal", [Fault(names[0], "have at least two rows")])
    steps = np.diff(seconds.values)
    tick_s = float(np.median(steps))
    ticks = steps / tick_s if tick_s > 0 else np.zeros(len(steps))
    bad = np.flatnonzero(~((ticks > 0.5) & (np.abs(ticks - np.round(ticks)) < 1e-6)))
    if len(bad):
        rule = f"rise by whole ticks of {tick_s:g} s"
        got = tuple(float(seconds.values[row + 1]) for row in bad[:3])
        fix = "Cut the file where its clock jumps back or stands still; count seconds in UTC."
        rows = tuple(int(row) + 2 for row in bad)
        raise InputError("signal", [Fault(names[0], rule, got, rows=rows, fix=fix)])
    at = np.concatenate([[0], np.cumsum(np.round(ticks))]).astype(np.int64)
    values = np.full(int(at[-1]) + 1, np.nan)
    values[at] = share.values
    return Signal(tick_s, values)
