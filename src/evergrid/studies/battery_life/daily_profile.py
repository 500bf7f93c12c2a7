"""What a day of driving, feeding and charging does to the state of charge of a battery."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import H_PER_DAY
from evergrid.studies.battery_life.config import Pack, Strategy, Use

WARMEST_DAY, WARMEST_HOUR = 196.0, 15.0  # middle of July, three in the afternoon
DAYS_PER_YEAR = 365


def state_of_charge(
    use: Use, pack: Pack, strategy: Strategy, hour: Float[Array, " point"]
) -> Float[Array, " point"]:
    """State of charge at hours of a day that is like every other.

    Vehicles leave charged, drive out and back, feed when they are home, and are charged at once
    after that or as late as possible.

    Raises:
        InputError: A day takes more energy than the battery holds, or more time than there is.
    """
    half, fed = use.drive_kwh / 2 / pack.capacity_kwh, strategy.export_kwh / pack.capacity_kwh
    full = strategy.charged_to
    home = full - 2 * half
    lowest = home - fed
    feed_h = strategy.export_kwh / strategy.export_kw
    charge_h = (full - lowest) * pack.capacity_kwh / strategy.charge_kw
    free_h = H_PER_DAY - use.return_h + use.leave_h
    faults = []
    if lowest < 0:
        rule = "leave the battery above empty together with driving"
        got = (strategy.export_kwh,)
        fix = f"{strategy.name}: at most {home * pack.capacity_kwh:.3g} kWh are left to feed."
        faults.append(Fault("strategy.export_kwh", rule, got, fix=fix))
    if feed_h + charge_h > free_h:
        rule = f"leave time to charge in the {free_h:g} h at home"
        fix = f"{strategy.name}: feeding takes {feed_h:.3g} h and charging {charge_h:.3g} h."
        faults.append(Fault("strategy.charge_kw", rule, (strategy.charge_kw,), fix=fix))
    if faults:
        raise InputError("config", faults)
    after_return = _home(use.return_h, feed_h, charge_h, free_h, strategy.charge == "on_arrival")
    corners = [
        (use.leave_h, full),
        (use.leave_h + use.trip_h, full - half),
        (use.return_h - use.trip_h, full - half),
        (use.return_h, home),
        *zip(after_return, (lowest, lowest, full, full), strict=True),
    ]
    at, soc = np.array(corners).T
    return np.interp(np.where(hour < use.leave_h, hour + H_PER_DAY, hour), at, soc)


def _home(
    return_h: float, feed_h: float, charge_h: float, free_h: float, at_once: bool
) -> tuple[float, float, float, float]:
    """When feeding ends, when charging begins and ends, and when vehicles leave again."""
    fed_h, leave_h = return_h + feed_h, return_h + free_h
    begin_h = fed_h if at_once else leave_h - charge_h
    return fed_h, begin_h, begin_h + charge_h, leave_h


def air_temperature_c(
    mean_c: float, season_c: float, day_c: float, hour: Float[Array, " point"]
) -> Float[Array, " point"]:
    """Temperature of the air at hours since New Year."""
    year_h = DAYS_PER_YEAR * H_PER_DAY
    warm_h = WARMEST_DAY * H_PER_DAY
    season = season_c * np.cos(2 * np.pi * (hour - warm_h) / year_h)
    return mean_c + season + day_c * np.cos(2 * np.pi * (hour - WARMEST_HOUR) / H_PER_DAY)
