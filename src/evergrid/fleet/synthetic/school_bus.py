"""When school buses stand at their depot: the gaps between their routes, and what those used up."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.units import KM_PER_MILE
from evergrid.fleet.synthetic.calendar import is_rest_day, season
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.fleet.synthetic.stay import Stays

# Morning routes start at 6 or 6:30 and end at 9 or 9:30: the schedule of the operator Zum as
# reported by the press: "These electric school buses are on their way to saving the grid" (a
# reprint of the article was seen, as a search excerpt).
MORNING_LEAVE_H = 6.25
MORNING_RETURN_H = 9.25
# Buses are parked up to 18 hours of a school day: US EPA, as quoted in an article of May 2023
# (search excerpt). So both routes take 6 hours; the clock time of the second is assumed.
AFTERNOON_LEAVE_H = 14.0
AFTERNOON_RETURN_H = 17.0
BUS_SPREAD_H = 0.25  # half the half-hour in which buses start, as above
DAY_SPREAD_H = 0.1  # one bus from day to day (assumed)

# Mean length of a weekday trip and use of energy: National Renewable Energy Laboratory (2025),
# Electrifying education, Transportation Research Part D 144, abstract: "weekday trip distances
# average 25 miles", 1.21 kWh/mile, 19.2 kW at the depot (the abstract alone was seen). Read here as
# one trip per route.
ROUTE_KM = 25 * KM_PER_MILE
USE_KWH_PER_KM = 1.21 / KM_PER_MILE
ROUTE_SPREAD = 0.3  # log-normal spread of route lengths over buses (assumed)
# Batteries on offer: Lion Electric LionD 126, 168, 210 kWh (School Transportation News, 2023) and
# Thomas Built Jouley 244 kWh (Charged EVs), both seen as search excerpts; a quarter of each
# (assumed).
CAPACITIES_KWH = (126.0, 168.0, 210.0, 244.0)
# More energy on the coldest day than in the year's mean. World Resources Institute (2024), All
# about operating electric school buses in cold weather: Morris Area Schools lose 10 to 15 %
# of their battery in winter (search excerpt).
WINTER_SHARE = 0.125
RUN_SHARE = 0.95  # of school days on which a bus runs; the rest are spares and repairs (assumed)


@dataclass(frozen=True)
class _Runs:
    """School days on which buses run, by bus and day; the morning route comes first."""

    bus: Int[Array, " run"]
    day: Shaped[Array, " run"]
    leave: Shaped[Array, "run 2"]
    back: Shaped[Array, "run 2"]


def capacities_kwh(group: FleetGroup, rng: np.random.Generator) -> Float[Array, " vehicle"]:
    """A battery for each bus, drawn from those on offer."""
    return rng.choice(np.array(CAPACITIES_KWH), group.vehicles)


def stays(
    group: FleetGroup,
    first_day: np.datetime64,
    last_day: np.datetime64,
    rng: np.random.Generator,
) -> Stays:
    """Stays at the depot that touch the local days, and some around them.

    Buses run two routes on school days and stand still on weekends and holidays. Each stay owes
    what the route before it used.
    """
    days = _school_span(group, first_day, last_day)
    route_kwh = ROUTE_KM * USE_KWH_PER_KM * _spread(ROUTE_SPREAD, group.vehicles, rng)
    runs = _runs(group, days, rng)
    again = runs.bus[1:] == runs.bus[:-1]  # each run but the last has a night that we see end
    bus = np.concatenate([runs.bus, runs.bus[:-1][again]])
    day = np.concatenate([runs.day, runs.day[:-1][again]])
    arrival = np.concatenate([runs.back[:, 0], runs.back[:-1, 1][again]])
    departure = np.concatenate([runs.leave[:, 1], runs.leave[1:, 0][again]])
    need_kwh = route_kwh[bus] * season(day, group.coldest_day_of_year, WINTER_SHARE)
    order = np.lexsort((arrival, bus))
    return Stays(bus[order], arrival[order], departure[order], need_kwh[order])


def _school_span(
    group: FleetGroup, first_day: np.datetime64, last_day: np.datetime64
) -> Shaped[Array, " day"]:
    """The days, widened to a school day before and one after, when every bus is seen to run."""
    one = np.timedelta64(1, "D")
    first, last = first_day - one, last_day + one
    while is_rest_day(np.array([first]), group)[0]:
        first -= one
    while is_rest_day(np.array([last]), group)[0]:
        last += one
    return np.arange(first, last + one)


def _runs(group: FleetGroup, days: Shaped[Array, " day"], rng: np.random.Generator) -> _Runs:
    share = RUN_SHARE if group.active_share is None else group.active_share
    active: Bool[Array, "vehicle day"] = rng.random((group.vehicles, len(days))) < share
    active &= ~is_rest_day(days, group)
    active[:, [0, -1]] = True
    bus, column = np.nonzero(active)
    own_h = rng.uniform(-BUS_SPREAD_H, BUS_SPREAD_H, (group.vehicles, 4))
    clock_h = np.array([MORNING_LEAVE_H, AFTERNOON_LEAVE_H, MORNING_RETURN_H, AFTERNOON_RETURN_H])
    clock_h = clock_h + own_h[bus] + rng.uniform(-DAY_SPREAD_H, DAY_SPREAD_H, (len(bus), 4))
    clock = days[column][:, None].astype("datetime64[m]") + np.round(clock_h * 60).astype(int)
    return _Runs(bus, days[column], clock[:, :2], clock[:, 2:])


def _spread(sigma: float, count: int, rng: np.random.Generator) -> Float[Array, " vehicle"]:
    """Log-normal factors whose mean is 1."""
    return rng.lognormal(-(sigma**2) / 2, sigma, count)
