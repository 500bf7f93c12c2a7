"""School buses: at the depot at midday and overnight, away on their routes."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evergrid.core.local_time import utc_from_local
from evergrid.core.timegrid import TimeGrid, utc
from evergrid.fleet.synthetic import mobility, school_bus
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.model.session import Sessions

BUSES = 200
ZONE = "America/New_York"


def depot(**changes: object) -> Sessions:
    """Two weeks from Monday 3 October 2022, on chargers of 19.2 kW."""
    group = FleetGroup(
        place="depot",
        vehicles=BUSES,
        sites=("depot",),
        time_zone=ZONE,
        max_charge_kw=19.2,
        **changes,  # type: ignore[arg-type]
    )
    return mobility.sessions(TimeGrid(utc("2022-10-03T04:00:00Z"), 1.0, 14 * 24), [group], seed=3)


def share_there(sessions: Sessions, local: str) -> float:
    """Share of the buses plugged in at that local time."""
    at = utc_from_local(np.array([local], "datetime64[us]"), ZoneInfo(ZONE))[0]
    return float(((sessions.arrival_utc <= at) & (sessions.departure_utc > at)).sum()) / BUSES


@pytest.mark.parametrize("hour", ["00:00", "04:30", "11:30", "12:00", "13:00", "20:00", "23:59"])
def test_every_bus_is_there_at_midday_and_overnight(hour: str) -> None:
    assert share_there(depot(), f"2022-10-05T{hour}") == 1.0


@pytest.mark.parametrize("hour", ["07:30", "15:30"])
def test_running_buses_are_away_on_both_routes(hour: str) -> None:
    away = 1 - share_there(depot(), f"2022-10-05T{hour}")
    assert away == pytest.approx(school_bus.RUN_SHARE, abs=0.05)


@pytest.mark.parametrize("day", ["2022-10-08", "2022-10-09"])
def test_buses_stand_still_all_weekend(day: str) -> None:
    assert share_there(depot(), f"{day}T07:30") == 1.0


def test_buses_stand_still_in_holidays() -> None:
    sessions = depot(holiday_first="2022-10-05", holiday_last="2022-10-30")
    assert share_there(sessions, "2022-10-06T07:30") == 1.0
    assert share_there(sessions, "2022-10-04T07:30") < 0.2
    assert sessions.departure_utc.max() < np.datetime64("2022-11-01")  # the next school day


def test_a_stay_owes_the_published_energy_of_one_route() -> None:
    sessions = depot(coldest_day_of_year=15)
    owed = sessions.energy_departure_kwh - sessions.energy_arrival_kwh
    published = school_bus.ROUTE_KM * school_bus.USE_KWH_PER_KM  # 25 miles at 1.21 kWh per mile
    assert published == pytest.approx(25 * 1.21)
    assert owed.mean() == pytest.approx(published, rel=0.08)


def test_batteries_are_among_those_on_offer() -> None:
    assert set(depot().capacity_kwh) == set(school_bus.CAPACITIES_KWH)
