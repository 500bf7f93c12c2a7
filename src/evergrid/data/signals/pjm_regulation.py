"""Clearing prices of PJM regulation, in the names of columns before and after October 2025."""

from pathlib import Path

import numpy as np

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.data.files.frames import Kind, cell_faults, column, load
from evergrid.model.signal import RegulationMarket

TIME = ("time_begin_utc", "datetime_beginning_utc")
CAPABILITY = ("reg_ccp", "capability_clearing_price")
PERFORMANCE = ("reg_pcp", "performance_clearing_price", "mileage_clearing_price")
MILEAGES = ("rega_hourly", "regd_hourly")


def read_pjm_market(path: Path) -> RegulationMarket:
    """The prices of a file of regulation market results.

    Columns named ``rega_hourly`` and ``regd_hourly`` are mileages, and never taken for prices.

    Args:
        path: Parquet or CSV.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns that are not there, cells or rows that break rules.
    """
    frame = load(path, ["time_begin_utc", "reg_ccp", "reg_pcp"], source="pjm_regulation")
    names, faults = [], []
    for wanted in (TIME, CAPABILITY, PERFORMANCE):
        there = [name for name in wanted if name in frame.columns]
        if not there:
            rule = f"be there under one of the names {', '.join(wanted)}"
            fix = ""
            if any(name in frame.columns for name in MILEAGES):
                fix = "rega_hourly and regd_hourly are mileages, not prices."
            faults.append(Fault(wanted[0], rule, tuple(frame.columns[:5]), fix=fix))
        names += there[:1]
    raise_if_any("pjm_regulation", faults)
    cells = [
        column(frame[name], kind)
        for name, kind in zip(names, (Kind.INSTANT, Kind.NUMBER, Kind.NUMBER), strict=True)
    ]
    for name, kind, one in zip(names, (Kind.INSTANT, Kind.NUMBER, Kind.NUMBER), cells, strict=True):
        faults += cell_faults(name, kind, one, required=True)
    raise_if_any("pjm_regulation", faults)
    order = np.argsort(cells[0].values, kind="stable")
    try:
        return RegulationMarket(*(one.values[order] for one in cells))
    except InputError as error:
        raise InputError("pjm_regulation", error.faults) from None
