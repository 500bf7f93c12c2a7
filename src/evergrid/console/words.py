"""Numbers as people read them: a sign that shows, a unit that fits, times of the place."""

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from evergrid.core.units import KW_PER_MW, KWH_PER_MWH, S_PER_H

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
S_PER_MIN = 60
S_PER_DAY = 86400


class Quantity(NamedTuple):
    """A number with its unit.

    Attributes:
        number: As text.
        unit: Such as ``MW``.
    """

    number: str
    unit: str

    def __str__(self) -> str:
        return f"{self.number} {self.unit}" if self.unit else self.number


def number(value: float | None, decimals: int = 1, *, sign: bool = False) -> str:
    """A number; a dash where there is none.

    Args:
        value: Any.
        decimals: Shown.
        sign: Whether what is above 0 carries a plus.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = round(value, decimals) + 0.0  # so that -0.0 shows no sign
    text = f"{abs(rounded):,.{decimals}f}"
    return (MINUS if rounded < 0 else "+" if sign and rounded > 0 else "") + text


def power(value_kw: float | None, *, sign: bool = False) -> Quantity:
    """A power in kW or MW."""
    if value_kw is not None and abs(value_kw) >= KW_PER_MW:
        return Quantity(number(value_kw / KW_PER_MW, 2, sign=sign), "MW")
    return Quantity(number(value_kw, 1, sign=sign), "kW")


def energy(value_kwh: float | None) -> Quantity:
    """An energy in kWh or MWh."""
    if value_kwh is not None and abs(value_kwh) >= KWH_PER_MWH:
        return Quantity(number(value_kwh / KWH_PER_MWH, 2), "MWh")
    return Quantity(number(value_kwh, 1), "kWh")


def money(value: float | None, currency: str) -> Quantity:
    """An amount of money."""
    return Quantity(number(value, 2), currency)


def share(value: float | None) -> str:
    """A share of 1 in percent."""
    return NOTHING if value is None else f"{number(100 * value, 0)} %"


def duration(seconds: float | None) -> str:
    """A time span in its two greatest units."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    whole = abs(round(seconds))
    sign = MINUS if seconds < 0 and whole else ""
    if whole < 2 * S_PER_MIN:
        return f"{sign}{whole} s"
    if whole < 2 * S_PER_H:
        return f"{sign}{whole // S_PER_MIN} min"
    days, rest = divmod(whole, S_PER_DAY)
    hours, minutes = rest // int(S_PER_H), rest % int(S_PER_H) // S_PER_MIN
    return sign + (f"{days} d {hours} h" if days > 1 else f"{days * 24 + hours} h {minutes} min")


def moment(time_s: float | None, zone: tzinfo) -> datetime | None:
    """A time at the place; None where there is none, or none that a calendar has."""
    if time_s is None or not math.isfinite(time_s):
        return None
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_s)).astimezone(zone)
    except OverflowError:
        return None


def clock_time(time_s: float | None, zone: tzinfo) -> str:
    """Hours, minutes and seconds."""
    at = moment(time_s, zone)
    return at.strftime("%H:%M:%S") if at else NOTHING


def day_time(time_s: float | None, zone: tzinfo) -> str:
    """Day, hours and minutes."""
    at = moment(time_s, zone)
    return f"{at.day} {at.strftime('%b %H:%M')}" if at else NOTHING


def day(time_s: float | None, zone: tzinfo) -> str:
    """Day, month and year."""
    at = moment(time_s, zone)
    return f"{at.day} {at.strftime('%b %Y')}" if at else NOTHING


def hour_minute(time_s: float | None, zone: tzinfo) -> str:
    """Hours and minutes."""
    at = moment(time_s, zone)
    return at.strftime("%H:%M") if at else NOTHING


def leaves(time_s: float, now_s: float, zone: tzinfo) -> str:
    """A departure, and in how long that is; the day only where it is another than within a day."""
    ahead_s = time_s - now_s
    if ahead_s <= 0:
        return f"{day_time(time_s, zone)}, overdue"
    near = ahead_s < S_PER_DAY
    at = hour_minute(time_s, zone) if near else day_time(time_s, zone)
    return f"{at}, in {duration(ahead_s)}"


def input_time(time_s: float, zone: tzinfo) -> str:
    """As a field of a form takes it."""
    at = moment(time_s, zone)
    return at.strftime("%Y-%m-%dT%H:%M") if at else ""


def counted(count: int, one: str, many: str) -> str:
    """How many, with the word for it."""
    return f"{count:,} {one if count == 1 else many}"
