"""Clearing prices of PJM regulation, in the names of columns before and after October 2025."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.data.files.frames import Kind, cell_faults, column, load
from evergrid.data.files.renamed import only_one
from evergrid.model.time_series.signal import RegulationMarket

TIME = ("time_begin_utc", "datetime_beginning_utc")
CAPABILITY = ("reg_ccp", "capability_clearing_price")
PERFORMANCE = ("reg_pcp", "performance_clearing_price", "mileage_clearing_price")
MILEAGES = ("rega_hourly", "regd_hourly")


def read_pjm_market(path: Path) -> RegulationMarket:
    """The prices of a file of regulation market results.

    A file may have columns of both times, each filled in its own rows. Columns named
    ``rega_hourly`` and ``regd_hourly`` are mileages, and never taken for prices.

    Args:
        path: Parquet or CSV.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns that are not there, cells or rows that break rules.
    """
    frame = load(path, ["time_begin_utc", "reg_ccp", "reg_pcp"], source="pjm_regulation")
    there = any(name in frame.columns for name in MILEAGES)
    fix = "rega_hourly and regd_hourly are mileages, not prices." if there else ""
    given, faults = list[pl.Series](), list[Fault]()
    for wanted in (TIME, CAPABILITY, PERFORMANCE):
        try:
            given.append(only_one(frame, wanted, source="pjm_regulation", missing_fix=fix))
        except InputError as error:
            faults += error.faults
    raise_if_any("pjm_regulation", faults)
    kinds = (Kind.INSTANT, Kind.NUMBER, Kind.NUMBER)
    cells = [column(one, kind) for one, kind in zip(given, kinds, strict=True)]
    for one, kind, read in zip(given, kinds, cells, strict=True):
        faults += cell_faults(one.name, kind, read, required=True)
    raise_if_any("pjm_regulation", faults)
    order = np.argsort(cells[0].values, kind="stable")
    try:
        return RegulationMarket(*(one.values[order] for one in cells))
    except InputError as error:
        raise InputError("pjm_regulation", error.faults) from None
