"""Which billing period of a demand charge each step belongs to."""

from datetime import date, timedelta
from typing import Literal, get_args

import numpy as np

from evergrid.core.arrays import Array, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, datetime64, local_midnight, zone

Period = Literal["month", "week", "day", "horizon"]
PERIODS: tuple[str, ...] = get_args(Period)


def periods(grid: TimeGrid, time_zone: str, kind: str) -> Int[Array, " step"]:
    """The billing period of each step: 0, 1, 2 and so on, in time order.

    Months, days and weeks, which run from Monday, begin at midnight of the local clock; a step
    belongs to the period in which it begins.

    Args:
        grid: The steps.
        time_zone: IANA name of the local clock.
        kind: "month", "week" or "day"; "horizon" for one period that holds every step.

    Raises:
        InputError: Another kind, or no such zone.
    """
    if kind not in PERIODS:
        fault = Fault("demand_charge_period", f"be one of {', '.join(PERIODS)}", (kind,))
        raise InputError("sites", [fault])
    clock = zone(time_zone)
    first = grid.start_utc.astimezone(clock).date()
    last = grid.end_utc.astimezone(clock).date()
    days = (first + timedelta(days=i) for i in range(1, (last - first).days + 1))
    begins = [local_midnight(day, time_zone) for day in days if _begins(day, kind)]
    edges = np.array([datetime64(begin) for begin in begins], dtype="datetime64[us]")
    passed = np.searchsorted(edges, grid.times, side="right")
    return np.unique(passed, return_inverse=True)[1].astype(np.int64)


def _begins(day: date, kind: str) -> bool:
    """Whether a period of this kind begins on that local day."""
    monday, first = day.weekday() == 0, day.day == 1
    return {"day": True, "week": monday, "month": first, "horizon": False}[kind]
