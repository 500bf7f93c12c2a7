"""The prices table: what energy costs over time."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.errors import InputError
from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import (
    NoteCallback,
    as_frame,
    ignore_notes,
    made,
    on_minutes,
    or_value,
    read,
)
from evergrid.model.prices import Prices

PRICES = {
    "time_utc": Kind.INSTANT,
    "import_price_per_mwh": Kind.NUMBER,
    "export_price_per_mwh": Kind.NUMBER,
    "carbon_price_per_mwh": Kind.NUMBER,
    "carbon_credit_per_mwh": Kind.NUMBER,
}
OPTIONAL = ("carbon_price_per_mwh", "carbon_credit_per_mwh")


def read_prices(path: Path, *, currency: str, tell: NoteCallback = ignore_notes) -> Prices:
    """The prices table; columns of carbon may be left out.

    Args:
        path: Parquet or CSV.
        currency: ISO 4217 code of its prices.
        tell: Called with what was done to its rows.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = read(path, PRICES, optional=OPTIONAL, source="prices")
    values = {name: cells.values for name, cells in table.items()}
    rows = len(values["time_utc"])
    if table["time_utc"].bad.any():
        raise InputError("prices", faults)
    values["time_utc"] = on_minutes(values["time_utc"], "prices", tell)
    values.setdefault("carbon_price_per_mwh", np.zeros(rows))
    numbers = {name: or_value(cells, 0.0) for name, cells in values.items() if name != "time_utc"}

    def make() -> Prices:
        return Prices(time_utc=values["time_utc"], currency=currency, **numbers)

    return made(make, faults, source="prices", row=np.arange(rows))


def prices_frame(prices: Prices) -> pl.DataFrame:
    """The prices as their table; the currency is not in it."""
    columns = prices.columns()
    return as_frame(columns, {name: kind for name, kind in PRICES.items() if name in columns})
