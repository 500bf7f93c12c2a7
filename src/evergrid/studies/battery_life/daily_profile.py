"""What a day of driving, feeding and charging does to the state of charge of a battery."""

import math

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import H_PER_DAY
from evergrid.studies.battery_life.config import Pack, Strategy, Use

WARMEST_DAY, WARMEST_HOUR = 196.0, 15.0  # middle of July, three in the afternoon
DAYS_PER_YEAR = 365


def drive_factor(use: Use, day_c: Float[Array, " day"]) -> Float[Array, " day"]:
    """Energy that driving takes on days of a mean temperature, over that of a mild day.

    Source:
        Straight lines beside a mild range, as Wu et al. (2019), Environ. Sci. Technol., doi
        10.1021/acs.est.9b00648, has them for battery electric cars.
    """
    below = np.maximum(use.mild_from_c - day_c, 0.0)
    above = np.maximum(day_c - use.mild_to_c, 0.0)
    return 1.0 + use.more_per_c_below * below + use.more_per_c_above * above


def state_of_charge(
    use: Use,
    pack: Pack,
    strategy: Strategy,
    hour: Float[Array, " point"],
    drive_kwh: float,
) -> Float[Array, " point"]:
    """State of charge at hours of a day, from leaving to leaving again.

    Vehicles leave charged, drive out and back, feed when they are home, and are charged at once
    after that or as late as possible.

    Args:
        use: When vehicles drive.
        pack: The battery.
        strategy: How it is charged, and what it feeds.
        hour: Of the day; those before leaving are of the night after.
        drive_kwh: Energy out of the cells on that day.

    Raises:
        InputError: A day takes more energy than the battery holds, or more time than there is.
    """
    half, fed = drive_kwh / 2 / pack.capacity_kwh, strategy.export_kwh / pack.capacity_kwh
    full = strategy.charged_to
    home = full - 2 * half
    lowest = home - fed
    feed_h = strategy.export_kwh / strategy.export_kw
    charge_h = (full - lowest) * pack.capacity_kwh / strategy.charge_kw
    free_h = H_PER_DAY - use.return_h + use.leave_h
    faults = []
    if home < 0:
        rule = f"hold the driving of a day, which takes up to {drive_kwh:.3g} kWh"
        got = (strategy.charged_to,)
        fix = f"{strategy.name}: {full * pack.capacity_kwh:.3g} kWh are in it when vehicles leave."
        faults.append(Fault("strategy.charged_to", rule, got, fix=fix))
    elif lowest < 0:
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


def year_of_charge(
    use: Use,
    pack: Pack,
    strategy: Strategy,
    drive_kwh: Float[Array, " day"],
    *,
    step_h: float,
) -> Float[Array, " point"]:
    """State of charge over a year, from New Year to New Year, at points a step apart.

    The night before the first day is that after the last.

    Raises:
        InputError: The hardest day takes more energy than the battery holds, or more time than
            there is.
    """
    each = round(H_PER_DAY / step_h)
    first = math.ceil(use.leave_h / step_h)
    hour = (first + np.arange(each)) * step_h % H_PER_DAY
    hardest = float(drive_kwh.max())
    state_of_charge(use, pack, strategy, hour, hardest)  # refused before others are worked out
    year = np.concatenate(
        [state_of_charge(use, pack, strategy, hour, float(driven)) for driven in drive_kwh]
    )
    year = np.roll(year, first)
    return np.append(year, year[0])


def _home(
    return_h: float, feed_h: float, charge_h: float, free_h: float, at_once: bool
) -> tuple[float, float, float, float]:
    """When feeding ends, when charging begins and ends, and when vehicles leave again."""
    fed_h, leave_h = return_h + feed_h, return_h + free_h
    begin_h = fed_h if at_once else leave_h - charge_h
    return fed_h, begin_h, begin_h + charge_h, leave_h


def day_means_c(mean_c: float, season_c: float) -> Float[Array, " day"]:
    """Mean temperature of the air on each day of a year, warmest in the middle of July."""
    day = np.arange(DAYS_PER_YEAR)
    return mean_c + season_c * np.cos(2 * np.pi * (day - WARMEST_DAY) / DAYS_PER_YEAR)


def air_temperature_c(
    day_mean_c: Float[Array, " day"], day_c: float, hour: Float[Array, " point"]
) -> Float[Array, " point"]:
    """Temperature of the air at hours since New Year, of which the last is New Year again.

    Between the noons of two days their means change evenly.
    """
    noon = np.arange(-1, len(day_mean_c) + 1) * H_PER_DAY + H_PER_DAY / 2
    around = np.concatenate([day_mean_c[-1:], day_mean_c, day_mean_c[:1]])
    daily = day_c * np.cos(2 * np.pi * (hour - WARMEST_HOUR) / H_PER_DAY)
    return np.interp(hour, noon, around) + daily
