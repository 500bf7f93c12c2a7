"""Numbers on an operator's line and in Evergrid: unit, sign, quality and time tag.

Source:
    IEC 60870-5-101, 7.2.6.3 (quality descriptor) and 7.2.6.18 (CP56Time2a); times are UTC.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from hat.drivers import iec104

from evergrid.core.units import (
    KW_PER_MW,
    consumption_from_grid_power,
    grid_power_from_consumption,
)
from evergrid.live.signals.iec104.entry import Iec104Entry

STALE_S = 30.0  # age of measured values, from which they are told as not topical
LARGEST = 3.4028235e38  # of a short float
CENTURY = 2000


@dataclass(frozen=True)
class FleetMeasurement:
    """What the fleet does and could do; None where it is not known.

    Attributes:
        time_s: When, UTC seconds since 1970.
        power_kw: Into the grid.
        up_kw: More that could be fed, 0 or more.
        down_kw: Less that could be fed, 0 or more.
        followed_kw: Set-point that is followed, into the grid.
    """

    time_s: float
    power_kw: float | None = None
    up_kw: float | None = None
    down_kw: float | None = None
    followed_kw: float | None = None


def into_grid_kw(value: float, entry: Iec104Entry) -> float:
    """Power into the grid of a number on the line."""
    kw = value * KW_PER_MW if entry.unit == "MW" else value
    return kw if entry.positive == "into_grid" else grid_power_from_consumption(kw)


def on_line(power_kw: float, entry: Iec104Entry) -> float:
    """The number on the line of a power into the grid."""
    value = power_kw if entry.positive == "into_grid" else consumption_from_grid_power(power_kw)
    return value / KW_PER_MW if entry.unit == "MW" else value


def points(
    measured: FleetMeasurement, entry: Iec104Entry, *, now_s: float
) -> dict[int, iec104.FloatingData]:
    """Every measured object, with its quality."""
    old = now_s - measured.time_s > STALE_S
    size = KW_PER_MW if entry.unit == "MW" else 1.0
    found = {
        entry.power_address: _signed(measured.power_kw, entry),
        entry.up_address: None if measured.up_kw is None else measured.up_kw / size,
        entry.down_address: None if measured.down_kw is None else measured.down_kw / size,
        entry.followed_address: _signed(measured.followed_kw, entry),
    }
    return {address: _with_quality(value, old) for address, value in found.items()}


def tagged_s(tag: iec104.Time) -> float:
    """UTC seconds since 1970 of a time tag; NaN where it says itself that it is not valid."""
    if tag.invalid or tag.years is None or tag.months is None:
        return math.nan
    try:
        moment = datetime(
            CENTURY + tag.years,
            tag.months,
            tag.day_of_month or 0,
            tag.hours or 0,
            tag.minutes or 0,
            tag.milliseconds // 1000,
            tag.milliseconds % 1000 * 1000,
            tzinfo=UTC,
        )
    except ValueError:
        return math.nan
    return moment.timestamp()


def _signed(power_kw: float | None, entry: Iec104Entry) -> float | None:
    return None if power_kw is None else on_line(power_kw, entry)


def _with_quality(value: float | None, old: bool) -> iec104.FloatingData:
    known = value is not None and math.isfinite(value)
    shown = value if known and value is not None else 0.0
    large = abs(shown) > LARGEST
    quality = iec104.MeasurementQuality(
        invalid=not known, not_topical=old, substituted=False, blocked=False, overflow=large
    )
    return iec104.FloatingData(iec104.FloatingValue(0.0 if large else shown), quality)
