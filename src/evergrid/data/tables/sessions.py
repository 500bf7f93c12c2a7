"""The sessions table: who is plugged in where and when."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import as_frame, made, read
from evergrid.model.session import Sessions

SESSIONS = {
    "session_id": Kind.TEXT,
    "asset_id": Kind.TEXT,
    "site_id": Kind.TEXT,
    "arrival_utc": Kind.INSTANT,
    "departure_utc": Kind.INSTANT,
    "capacity_kwh": Kind.NUMBER,
    "energy_arrival_kwh": Kind.NUMBER,
    "energy_departure_kwh": Kind.NUMBER,
    "energy_reserve_kwh": Kind.NUMBER,
    "max_charge_kw": Kind.NUMBER,
    "max_discharge_kw": Kind.NUMBER,
    "efficiency_charge": Kind.NUMBER,
    "efficiency_discharge": Kind.NUMBER,
    "wear_cost_per_kwh": Kind.NUMBER,
    "wear_rise_per_kwh_per_kw": Kind.NUMBER,
}


def read_sessions(
    path: Path, *, wear_cost_per_kwh: float = 0.0, wear_rise_per_kwh_per_kw: float = 0.0
) -> Sessions:
    """The sessions table.

    Args:
        path: Parquet or CSV.
        wear_cost_per_kwh: Cost of wear where the table has no such column.
        wear_rise_per_kwh_per_kw: Rise of that cost where the table has no such column.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    optional = {
        "wear_cost_per_kwh": wear_cost_per_kwh,
        "wear_rise_per_kwh_per_kw": wear_rise_per_kwh_per_kw,
    }
    table, faults = read(path, SESSIONS, optional=tuple(optional), source="sessions")
    rows = len(table["session_id"].values)
    values = {name: cells.values for name, cells in table.items()}
    values |= {n: np.full(rows, given) for n, given in optional.items() if n not in values}
    good = ~np.logical_or.reduce([cells.bad for cells in table.values()])
    (number,) = np.nonzero(good)

    def make() -> Sessions:
        return Sessions(**{name: cells[good] for name, cells in values.items()})

    return made(make, faults, source="sessions", row=number)


def sessions_frame(sessions: Sessions) -> pl.DataFrame:
    """The sessions as their table."""
    return as_frame(sessions.columns(), SESSIONS)
