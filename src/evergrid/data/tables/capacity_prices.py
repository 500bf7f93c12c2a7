"""The table of capacity prices: what power held ready for a service is paid."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import NoteCallback, ignore_notes, made, on_minutes, read
from evergrid.model.capacity_prices import CapacityPrices

CAPACITY_PRICES = {"time_utc": Kind.INSTANT, "price_per_mw": Kind.NUMBER}


def read_capacity_prices(path: Path, *, tell: NoteCallback = ignore_notes) -> CapacityPrices:
    """The table of capacity prices, per MW held through an hour.

    Args:
        path: Parquet or CSV.
        tell: Called with what was done to its rows.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = read(path, CAPACITY_PRICES, source="capacity_prices")
    time, price = table["time_utc"], table["price_per_mw"]
    good = ~(time.bad | price.bad)
    when = on_minutes(time.values[good], "capacity_prices", tell)
    row = np.flatnonzero(good)
    return made(
        lambda: CapacityPrices(when, price.values[good]), faults, source="capacity_prices", row=row
    )
