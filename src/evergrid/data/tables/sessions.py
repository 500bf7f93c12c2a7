"""The sessions table: who is plugged in where and when."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.faults import broken
from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import as_frame, made, or_value, read
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
    "calendar_wear_per_kwh_h": Kind.NUMBER,
    "charger_id": Kind.TEXT,
    "phases": Kind.NUMBER,
}
CHARGER = ("charger_id", "phases")  # cells of which may be empty


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
        "calendar_wear_per_kwh_h": 0.0,
    }
    left_out = (*optional, *CHARGER)
    table, faults = read(path, SESSIONS, optional=left_out, empty=CHARGER, source="sessions")
    rows = len(table["session_id"].values)
    values = {name: cells.values for name, cells in table.items()}
    values |= {n: np.full(rows, given) for n, given in optional.items() if n not in values}
    good = ~np.logical_or.reduce(
        [cells.unreadable if name in CHARGER else cells.bad for name, cells in table.items()]
    )
    if "phases" in values:
        told = or_value(values["phases"], 0.0)
        whole = np.asarray(told == np.floor(told)) | ~np.isfinite(told)
        faults += broken("phases", whole, "be 1 or 3", values=told)
        values["phases"] = np.where(whole & np.isfinite(told), told, 0).astype(np.int64)
    (number,) = np.nonzero(good)

    def make() -> Sessions:
        return Sessions(**{name: cells[good] for name, cells in values.items()})

    return made(make, faults, source="sessions", row=number)


def sessions_frame(sessions: Sessions) -> pl.DataFrame:
    """The sessions as their table; columns of chargers only where they tell anything."""
    told = {"charger_id": (sessions.charger_id != "").any(), "phases": sessions.phases.any()}
    columns = {name: kind for name, kind in SESSIONS.items() if told.get(name, True)}
    return as_frame(sessions.columns(), columns)
