"""Which days are days of rest, and how cold the time of year is."""

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.fleet.synthetic.group import FleetGroup

DAYS_PER_YEAR = 365.25


def is_rest_day(days: Shaped[Array, " day"], group: FleetGroup) -> Bool[Array, " day"]:
    """Whether each day is a Saturday, a Sunday or one of the group's holidays."""
    weekday = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7  # day 0 was a Thursday
    rest = weekday >= 5
    if group.holiday_first is not None and group.holiday_last is not None:
        first, last = np.datetime64(group.holiday_first), np.datetime64(group.holiday_last)
        rest |= (days >= first) & (days <= last)
    return rest


def season(
    days: Shaped[Array, " day"], coldest_day_of_year: int, winter_share: float
) -> Float[Array, " day"]:
    """Factor on energy: 1 + winter_share on the coldest day, 1 - winter_share half a year later."""
    day_of_year = (days - days.astype("datetime64[Y]")).astype("timedelta64[D]").astype(float) + 1
    angle = 2 * np.pi * (day_of_year - coldest_day_of_year) / DAYS_PER_YEAR
    return 1 + winter_share * np.cos(angle)
