"""Vehicle-days draw what is owed, feed what is there, and no more than the stay allows."""

from datetime import date

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid, local_midnight
from evergrid.fleet.history import day_profiles
from evergrid.fleet.history.day_profiles import Behaviour, Call
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.model.session import Sessions


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    zone = "Europe/Amsterdam"
    grid = TimeGrid(local_midnight(date(2024, 1, 8), zone), 1.0, 24 * 14)
    group = FleetGroup(place="home", vehicles=50, sites=("street",), time_zone=zone)
    return mobility.sessions(grid, (group,), seed=3)


@pytest.fixture(scope="module")
def days(sessions: Sessions) -> day_profiles.VehicleDays:
    return day_profiles.vehicle_days(sessions, "Europe/Amsterdam", count=300, seed=1)


@pytest.mark.parametrize("behaviour", ["charge", "charge_evenly"])
@pytest.mark.parametrize("step_h", [0.25, 1.0])
def test_the_energy_owed_is_drawn(
    days: day_profiles.VehicleDays, behaviour: Behaviour, step_h: float
):
    power = day_profiles.profiles(days, behaviour, step_h=step_h)
    owed = np.maximum(days.sessions.energy_departure_kwh - days.sessions.energy_arrival_kwh, 0)
    drawn = (owed / days.sessions.efficiency_charge)[days.row]
    expected = np.bincount(days.day, drawn, minlength=days.count)
    assert -(power * step_h).sum(axis=1) == pytest.approx(expected, abs=1e-6)
    assert (power <= 0).all()


def test_charging_evenly_has_the_lower_peak(days: day_profiles.VehicleDays):
    early = day_profiles.profiles(days, "charge", step_h=0.25).sum(axis=0)
    even = day_profiles.profiles(days, "charge_evenly", step_h=0.25).sum(axis=0)
    assert even.min() > 0.7 * early.min()


def test_feeding_happens_in_the_call_and_leaves_the_reserve(days: day_profiles.VehicleDays):
    power = day_profiles.profiles(days, "feed", step_h=0.25, call=Call(18.0, 2.0))
    inside = np.zeros(96, dtype=bool)
    inside[18 * 4 : 20 * 4] = True
    assert (power[:, ~inside] == 0).all()
    assert power[:, inside].max() > 0
    above = np.maximum(days.sessions.energy_arrival_kwh - days.sessions.energy_reserve_kwh, 0)
    most = np.bincount(days.day, (above * days.sessions.efficiency_discharge)[days.row], days.count)
    assert ((power * 0.25).sum(axis=1) <= most + 1e-6).all()


def test_a_call_over_midnight_begins_the_day(days: day_profiles.VehicleDays):
    power = day_profiles.profiles(days, "feed", step_h=1.0, call=Call(23.0, 2.0)).sum(axis=0)
    assert power[23] > 0
    assert power[0] > 0
    assert (power[1:23] == 0).all()


def test_idle_days_are_among_the_days(sessions: Sessions):
    found = day_profiles.vehicle_days(sessions, "Europe/Amsterdam", count=2000, seed=0)
    assert len(np.unique(found.day)) < found.count


def test_no_session_is_refused(sessions: Sessions):
    with pytest.raises(InputError, match="sessions must be at least one"):
        day_profiles.vehicle_days(sessions.select(np.zeros(0, int)), "UTC", count=1, seed=0)


def test_a_call_at_no_time_is_refused():
    with pytest.raises(InputError, match=r"start_h must lie in \[0, 24\), got 24"):
        Call(24.0, 1.0)
