"""When drivers said they would leave, as far as a table of sessions tells."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken, unique
from evergrid.data.files.frames import Kind, cell_faults, source_columns

# Column of the stated departure by format.
COLUMNS = {"acn": "estimated_departure_utc", "table": "departure_stated_utc"}


def read(
    path: Path,
    source: str,
    session_id: Shaped[Array, " session"],
    arrival_utc: Shaped[Array, " session"],
) -> Shaped[Array, " session"]:
    """Stated departure of each session, ``datetime64[us]``; NaT where none was stated.

    ACN sessions whose driver gave no inputs (``claimed`` is false) count as not stated.

    Args:
        path: Parquet or CSV with ``session_id`` and the column of `COLUMNS`.
        source: "acn", or "table" for our own columns.
        session_id: Sessions to look up; rows of others are ignored.
        arrival_utc: Their arrivals, which a stated departure must follow.

    Raises:
        InputError: Missing columns, cells that are no time, a session told twice, or a stated
            departure before the arrival.
    """
    name = COLUMNS[source]
    kinds = {"session_id": Kind.TEXT, name: Kind.INSTANT}
    table = source_columns(
        path, kinds | ({"claimed": Kind.FLAG} if source == "acn" else {}), source=source
    )
    faults = cell_faults(name, Kind.INSTANT, table[name], required=False)
    raise_if_any(source, faults + unique("session_id", table["session_id"].values, fix="Keep one."))
    times = table[name].values.copy()
    if source == "acn":
        times[~table["claimed"].values] = np.datetime64("NaT")
    order = np.argsort(table["session_id"].values.astype(str))
    names = table["session_id"].values.astype(str)[order]
    wanted = session_id.astype(str)
    at = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    stated = np.where(names[at] == wanted, times[order][at], np.datetime64("NaT"))
    fix = "Leave the cell empty where the driver said nothing."
    ok = np.isnat(stated) | (stated > arrival_utc)
    rule = "be after arrival_utc"
    raise_if_any(source, broken(name, ok, rule, values=stated, ids=session_id, fix=fix))
    return stated
