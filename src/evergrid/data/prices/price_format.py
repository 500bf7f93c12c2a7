"""How a public file lays out prices, as a declaration, and the one reader of all such files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Shaped
from evergrid.data.files.frames import Column, Kind, source_columns
from evergrid.data.meta import Meta, licence, title
from evergrid.data.prices import price_series
from evergrid.data.prices.price_series import Instant, Series
from evergrid.model.prices import Prices

HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True)
class PriceFormat:
    """Where the prices stand in a file, how they are stamped, and where they come from.

    Attributes:
        name: Of the format, as in a configuration.
        title: What the prices are, in words.
        time: Column of the stamps.
        price: Column of the prices, per MWh.
        currency: ISO 4217 code.
        licence_class: Of the set as published: a letter of `meta.LICENCE_CLASSES`.
        licence: Its licence there, in words.
        origin: Who publishes it.
        width: Length of an interval.
        stamped_at_end: Whether an interval is stamped at its end instead of its start.
        utc_offset_h: Standard time all year, hours east of Greenwich; None for stamps with a zone.
        rows: A column and the text it must hold in the rows that are read; None reads all rows.
        notes: What a summary says was assumed, by key.
    """

    name: str
    title: str
    time: str
    price: str
    currency: str
    licence_class: str
    licence: str
    origin: str
    width: np.timedelta64 = HOUR
    stamped_at_end: bool = False
    utc_offset_h: float | None = None
    rows: tuple[str, str] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    def read(
        self,
        path: Path,
        *,
        start: Instant | None = None,
        end: Instant | None = None,
        gap: str = "error",
    ) -> tuple[Prices, Meta]:
        """Prices of a file of this format, and what is known about them.

        Args:
            path: Parquet or CSV with the columns that the format names.
            start: First instant to keep, zone-aware (a bare datetime64 is UTC); None for all.
            end: First instant to leave out; None for all.
            gap: "error" refuses gaps and lists them, "hold" repeats the price before and counts.

        Raises:
            InputError: Missing columns, no rows of that text, gaps, stamps with two prices.
        """
        kinds = {self.time: Kind.INSTANT if self.utc_offset_h is None else Kind.CLOCK}
        kinds |= {} if self.rows is None else {self.rows[0]: Kind.TEXT}
        table = source_columns(path, kinds | {self.price: Kind.NUMBER}, source=self.name)
        series = self._series(table)
        prices, quality = price_series.prices(series, start=start, end=end, gap=gap)
        period = price_series.period(prices, self.width)
        return prices, Meta(
            source=self.name,
            title=title(self.title, self.name, path, period),
            period=period,
            licence=licence(path, self.licence_class, self.licence),
            origin=self.origin,
            currency=self.currency,
            time_zone=self.time_zone,
            quality=quality,
            assumptions=price_series.stated(gap, **self.notes),
        )

    @property
    def time_zone(self) -> str:
        """The clock of the stamps, in words."""
        return "UTC" if self.utc_offset_h is None else f"UTC{self.utc_offset_h:+g}, all year"

    def _series(self, table: Mapping[str, Column]) -> Series:
        here = slice(None) if self.rows is None else self._selected(table)
        times = table[self.time].values[here]
        if self.utc_offset_h is not None:
            times = price_series.utc_from_standard_time(times, self.utc_offset_h)
        if self.stamped_at_end:
            times = price_series.interval_start_from_end(times, self.width)
        price = price_series.price_column(table, self.price)[here]
        return Series(self.name, times, price, self.width, self.currency)

    def _selected(self, table: Mapping[str, Column]) -> Shaped[Array, " row"]:
        column, text = self.rows or ("", "")
        cells = table[column].values
        return cells == price_series.chosen(
            column, text, sorted(set(cells) - {""}), source=self.name
        )
