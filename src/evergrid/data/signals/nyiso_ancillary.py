"""Prices of NYISO regulation capacity and movement, from its files of ancillary services."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.data.files.frames import Kind, cell_faults, column, load
from evergrid.model.time_series.signal import RegulationMarket

STAMP, OFFSET = "Time Stamp", "Time Zone"
CAPACITY = "NYCA Regulation Capacity ($/MWHr)"
MOVEMENT = "NYCA Regulation Movement ($/MW)"
BEHIND_UTC_H = {"EST": 5, "EDT": 4}


def read_nyiso_regulation(path: Path) -> RegulationMarket:
    """Prices of regulation, the same in all zones of a file.

    Five-minute files are stamped at the end of an interval, and have prices of movement; day-ahead
    files are stamped at the begin of an hour, and have none.

    Args:
        path: CSV as published.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns that are not there, cells that break rules, or zones that differ.
    """
    required = [STAMP, OFFSET, CAPACITY]
    frame = load(path, required, source="nyiso_regulation")
    missing = [name for name in required if name not in frame.columns]
    faults = [Fault(name, "be a column of the file", tuple(frame.columns[:5])) for name in missing]
    raise_if_any("nyiso_regulation", faults)
    real_time = MOVEMENT in frame.columns
    names = [CAPACITY, *([MOVEMENT] if real_time else [])]
    unique = frame.select(STAMP, OFFSET, *names).unique(maintain_order=True)
    begins = _begins(unique, real_time=real_time)
    cells = [column(unique[name], Kind.NUMBER) for name in names]
    for name, one in zip(names, cells, strict=True):
        faults += cell_faults(name, Kind.NUMBER, one, required=True)
    raise_if_any("nyiso_regulation", faults)
    order = np.argsort(begins, kind="stable")
    prices = [one.values[order] for one in cells]
    try:
        return RegulationMarket(
            begins[order], prices[0], prices[-1] if real_time else 0 * prices[0]
        )
    except InputError as error:
        raise InputError("nyiso_regulation", error.faults) from None


def _begins(frame: pl.DataFrame, *, real_time: bool) -> np.ndarray:
    """When each price begins to hold, in UTC, by the zone that each row names."""
    parsed = frame[STAMP].str.to_datetime("%m/%d/%Y %H:%M:%S", strict=False, time_unit="us")
    short = frame[STAMP].str.to_datetime("%m/%d/%Y %H:%M", strict=False, time_unit="us")
    stamps = parsed.zip_with(parsed.is_not_null(), short)
    behind = frame[OFFSET].replace_strict(BEHIND_UTC_H, default=None, return_dtype=pl.Int64)
    bad = (stamps.is_null() | behind.is_null()).to_numpy()
    if bad.any():
        rows = tuple(int(row) + 1 for row in np.flatnonzero(bad))
        rule = "be a time such as 04/13/2024 00:05:00 of EST or EDT"
        raise_if_any("nyiso_regulation", [Fault(STAMP, rule, rows=rows)])
    ends = stamps.to_numpy() + behind.to_numpy() * np.timedelta64(1, "h")
    return ends - (np.timedelta64(5, "m") if real_time else np.timedelta64(0, "m"))
