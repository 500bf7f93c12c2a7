"""A market's price series made whole: window cut, repetitions merged, gaps refused or held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.timegrid import datetime64, utc
from evergrid.data import meta
from evergrid.data.files.frames import Column
from evergrid.data.quality import Finding, Quality, examples
from evergrid.model.prices import Prices

GAPS = ("error", "hold")  # what a reader may do where intervals are missing
Instant = datetime | np.datetime64 | str

NO_PRICE = "time stamp or price cannot be read"
UNSORTED = "stamp is before that of an earlier row: sorted"
REPEATED = "stamp repeats with the same price: merged"
HELD = "interval missing: last price held"


@dataclass(frozen=True)
class Series:
    """One price series as its source has it, stamped in UTC at the start of each interval.

    Attributes:
        source: Name of the format.
        time_utc: Start of each interval; NaT where it cannot be read.
        price_per_mwh: The price; NaN where it cannot be read.
        width: Length of an interval.
        currency: ISO 4217 code.
    """

    source: str
    time_utc: Shaped[Array, " row"]
    price_per_mwh: Float[Array, " row"]
    width: np.timedelta64
    currency: str


def interval_start_from_end(
    time_utc: Shaped[Array, " row"], width: np.timedelta64
) -> Shaped[Array, " row"]:
    """Start of intervals that the source stamps at their end."""
    return time_utc - width


def utc_from_standard_time(
    time_local: Shaped[Array, " row"], offset_h: float
) -> Shaped[Array, " row"]:
    """UTC instants of a clock with a fixed offset all year, positive east of Greenwich."""
    return time_local - np.timedelta64(round(offset_h * 3600), "s")


def chosen(option: str, value: str, known: Sequence[str], *, source: str) -> str:
    """The value, if it is one of the known ones.

    Raises:
        InputError: It is not; the message names them.
    """
    if value not in known:
        fix = f"Known values: {', '.join(known)}."
        raise InputError(source, [Fault(option, "be one the file holds", got=(value,), fix=fix)])
    return value


def price_column(columns: Mapping[str, Column], name: str) -> Float[Array, " row"]:
    """A price column; infinite values are as unreadable as missing ones."""
    values = columns[name].values
    return np.where(np.isfinite(values), values, np.nan)


def prices(
    series: Series, *, start: Instant | None, end: Instant | None, gap: str
) -> tuple[Prices, Quality]:
    """The series as prices of drawing and feeding alike, and the account of its rows.

    Args:
        series: The series.
        start: First instant to keep; None keeps all.
        end: First instant to leave out; None keeps all.
        gap: What to do where intervals are missing: "error" refuses and lists them, "hold"
            repeats the price before and counts it.

    Raises:
        InputError: Stamps that repeat with different prices, gaps, an empty window.
    """
    chosen("gap", gap, GAPS, source=series.source)
    rows = _window(series, start, end)
    readable = ~np.isnat(series.time_utc) & ~np.isnan(series.price_per_mwh)
    good = np.nonzero(rows & readable)[0]
    if good.size == 0:
        got = (f"{start or 'the beginning'} to {end or 'the end'}",)
        fault = Fault("rows", "include at least one price in the window", got=got)
        raise InputError(series.source, [fault])
    order = good[np.argsort(series.time_utc[good], kind="stable")]
    again = np.append(False, np.diff(series.time_utc[order]) == np.timedelta64(0, "us"))
    raise_if_any(series.source, _contradictions(series, order, again))
    kept = order[~again]
    missing = _missing(series.time_utc[kept], series.width)
    if gap == "error":
        raise_if_any(series.source, _gap_faults(series, kept, missing))
    copies = np.repeat(kept, missing + 1)
    quality = _quality(series, rows, readable, order, again, missing)
    return _record(series, copies), quality


def period(prices: Prices, width: np.timedelta64) -> str:
    """First and last day of the prices that were kept."""
    return meta.period(prices.time_utc, prices.time_utc + width)


def stated(gap: str, **notes: str) -> dict[str, str | float]:
    """What every price reader assumes, and what this one says about its source."""
    return {
        "import_and_export": "both at the market price, without fees, taxes or grid charges",
        "carbon_price_per_mwh": 0.0,
        "gap": gap,
        **notes,
    }


def _window(series: Series, start: Instant | None, end: Instant | None) -> Bool[Array, " row"]:
    """Rows in the window; one without a readable stamp might be, so it stays and is counted."""
    inside = np.ones(len(series.time_utc), bool)
    unknown = np.isnat(series.time_utc)
    if start is not None:
        inside &= (series.time_utc >= _instant(start, "start")) | unknown
    if end is not None:
        inside &= (series.time_utc < _instant(end, "end")) | unknown
    return inside


def _instant(value: Instant, field: str) -> np.datetime64:
    """The instant as arrays hold it; a ``datetime64`` is UTC by convention."""
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]")
    return datetime64(utc(value, field=field))


def _contradictions(
    series: Series, order: Int[Array, " good"], again: Bool[Array, " good"]
) -> list[Fault]:
    price = series.price_per_mwh[order]
    differs = again & np.append(False, np.diff(price) != 0)
    if not differs.any():
        return []
    rows = order[differs]
    return [
        Fault(
            "time_utc",
            "not repeat with another price",
            got=tuple(series.time_utc[rows]),
            rows=tuple(int(row) + 1 for row in rows),
            fix="Keep the row that holds; which one is right is not guessed.",
        )
    ]


def _missing(time_utc: Shaped[Array, " kept"], width: np.timedelta64) -> Int[Array, " kept"]:
    """How many whole intervals are missing after each row."""
    step = np.diff(time_utc)
    return np.append(np.maximum(-(-step // width) - 1, 0), 0).astype(np.int64)


def _gap_faults(
    series: Series, kept: Int[Array, " kept"], missing: Int[Array, " kept"]
) -> list[Fault]:
    at = np.nonzero(missing)[0]
    if at.size == 0:
        return []
    first = series.time_utc[kept[at]] + series.width
    got = tuple(
        f"{np.datetime_as_string(time, unit='m')}Z ({count} missing)"
        for time, count in zip(first, missing[at], strict=True)
    )
    minutes = series.width / np.timedelta64(1, "m")
    fix = (
        'Choose start and end within an unbroken part, or gap = "hold" to repeat the price before.'
    )
    return [Fault("time_utc", f"be given every {minutes:g} min", got=got, fix=fix)]


def _record(series: Series, rows: Int[Array, " interval"]) -> Prices:
    time_utc = series.time_utc[rows]
    repeat = np.arange(len(rows)) - np.searchsorted(time_utc, time_utc, side="left")
    price = series.price_per_mwh[rows]
    return Prices(
        time_utc=(time_utc + repeat * series.width).astype("datetime64[us]"),
        import_price_per_mwh=price,
        export_price_per_mwh=price.copy(),
        carbon_price_per_mwh=np.zeros(len(rows)),
        currency=series.currency,
    )


def _quality(
    series: Series,
    rows: Bool[Array, " row"],
    readable: Bool[Array, " row"],
    order: Int[Array, " good"],
    again: Bool[Array, " good"],
    missing: Int[Array, " kept"],
) -> Quality:
    """The account; a merged row counts as kept, since its value is in the result."""
    merged, held, unsorted = (np.zeros(len(rows), bool) for _ in range(3))
    merged[order[again]] = True
    held[order[~again][missing > 0]] = True
    in_file = np.sort(order)
    backwards = np.diff(series.time_utc[in_file]) < np.timedelta64(0, "us")
    unsorted[in_file[1:][backwards]] = True
    out = rows & ~readable
    stamps = series.time_utc
    return Quality(
        source=series.source,
        rows_read=int(rows.sum()),
        rows_kept=int((rows & readable).sum()),
        rows_repaired=int((merged | held | unsorted).sum()),
        rows_rejected=int(out.sum()),
        findings=(
            Finding(NO_PRICE, "rejected", int(out.sum()), examples(out, stamps)),
            Finding(UNSORTED, "repaired", int(unsorted.sum()), examples(unsorted, stamps)),
            Finding(REPEATED, "repaired", int(merged.sum()), examples(merged, stamps)),
            Finding(HELD, "repaired", int(missing.sum()), examples(held, stamps)),
        ),
    )
