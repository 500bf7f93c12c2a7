"""Whole fleets: what every drawn session keeps, whatever the group, season or clock."""

import time
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plan import memory
from evergrid.core import config
from evergrid.core.errors import InputError
from evergrid.core.local_time import local_from_utc
from evergrid.core.timegrid import TimeGrid, datetime64, utc
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.archetypes import REACHABLE_SHARE
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.model.session import Sessions

STARTS = (
    "2022-01-12T00:00:00Z",
    "2022-03-26T12:00:00Z",  # the European clock goes forward in the night that follows
    "2022-10-29T12:00:00Z",  # and back in this one
    "2022-11-05T16:00:00Z",  # the American clock goes back
    "2024-02-28T00:00:00Z",
)
ZONES = ("Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "UTC")


def days(count: int, start: str = "2022-01-12T00:00:00Z") -> TimeGrid:
    return TimeGrid(utc(start), 1.0, 24 * count)


def group(place: str = "home", **changes: object) -> FleetGroup:
    given_keys = {
        "place": place,
        "vehicles": 50,
        "sites": ["north", "south"],
        "time_zone": "Europe/Amsterdam",
    }
    return config.parse(FleetGroup, given_keys | changes)


GROUPS = st.builds(
    group,
    st.sampled_from(["home", "workplace", "depot", "public"]),
    vehicles=st.integers(1, 60),
    time_zone=st.sampled_from(ZONES),
    max_charge_kw=st.sampled_from([0.5, 3.7, 22.0, 150.0]),
    capacity_kwh=st.sampled_from([None, 5.0, 80.0]),
    v2g_share=st.floats(0, 1),
    active_share=st.sampled_from([None, 0.0, 0.4, 1.0]),
    efficiency_charge=st.floats(0.5, 1),
    reserve_share=st.floats(0, 1),
)


def owed_kwh(sessions: Sessions) -> np.ndarray:
    return sessions.energy_departure_kwh - sessions.energy_arrival_kwh


@settings(max_examples=60, deadline=None)
@given(GROUPS, st.sampled_from(STARTS), st.integers(1, 5), st.integers(0, 2**63 - 1))
def test_every_session_is_valid_and_its_energy_reachable(
    drawn: FleetGroup, start: str, count: int, seed: int
) -> None:
    grid = days(count, start)
    sessions = mobility.sessions(grid, [drawn], seed=seed)  # checked on creation: no overlaps
    most = sessions.stay_h * sessions.max_charge_kw * sessions.efficiency_charge
    assert (owed_kwh(sessions) >= -1e-9).all()
    assert (owed_kwh(sessions) <= REACHABLE_SHARE * most + 1e-9).all()
    assert (sessions.energy_reserve_kwh <= sessions.energy_arrival_kwh).all()
    assert (sessions.arrival_utc >= datetime64(grid.start_utc)).all()
    assert (sessions.arrival_utc < datetime64(grid.end_utc)).all()
    assert len(np.unique(sessions.asset_id.astype(str))) <= drawn.vehicles


@settings(max_examples=15, deadline=None)
@given(GROUPS, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_sessions(drawn: FleetGroup, seed: int) -> None:
    one, two = (mobility.sessions(days(3), [drawn], seed=seed) for _ in range(2))
    for name, values in one.columns().items():
        np.testing.assert_array_equal(values, two.columns()[name])


def test_another_seed_gives_other_sessions() -> None:
    one, two = (mobility.sessions(days(3), [group()], seed=seed) for seed in (1, 2))
    assert not np.array_equal(one.arrival_utc, two.arrival_utc)


def test_order_and_number_of_groups_do_not_change_a_groups_draw() -> None:
    fleet = [group("home"), group("depot"), group("public"), group("home", name="flat")]
    alone = mobility.sessions(days(3), fleet[:1], seed=7)
    turned = mobility.sessions(days(3), fleet[::-1], seed=7)
    mine = np.array([name.startswith("home-") for name in turned.asset_id])
    for name, values in alone.columns().items():
        np.testing.assert_array_equal(values, turned.columns()[name][mine])


def test_groups_of_one_label_are_refused() -> None:
    with pytest.raises(InputError, match="name must be unique, got home"):
        mobility.sessions(days(1), [group(), group()], seed=1)


def test_no_group_and_a_negative_seed_are_refused() -> None:
    with pytest.raises(InputError, match=r"fleet must have at least one group(.|\n)*seed must be"):
        mobility.sessions(days(1), [], seed=-1)


def test_every_vehicle_appears_when_all_plug_in_daily() -> None:
    sessions = mobility.sessions(days(7), [group(active_share=1.0)], seed=1)
    names, counts = np.unique(sessions.asset_id.astype(str), return_counts=True)
    assert len(names) == 50
    assert counts.min() >= 2


def test_vehicles_are_dealt_out_to_sites_in_turn() -> None:
    sessions = mobility.sessions(days(7), [group(active_share=1.0)], seed=1)
    by_site = {site: set(sessions.asset_id[sessions.site_id == site]) for site in group().sites}
    assert [len(assets) for assets in by_site.values()] == [25, 25]


def test_v2g_share_counts_vehicles_exactly() -> None:
    drawn = group(vehicles=40, v2g_share=0.3, active_share=1.0)
    sessions = mobility.sessions(days(7), [drawn], seed=1)
    assert len(set(sessions.asset_id[sessions.can_discharge])) == 12


@pytest.mark.parametrize("place", ["home", "workplace", "depot", "public"])
def test_winter_needs_more_energy_than_summer(place: str) -> None:
    drawn = group(place, vehicles=20_000 if place != "depot" else 500)
    means = [
        owed_kwh(mobility.sessions(days(7, start), [drawn], seed=1)).mean()
        for start in ("2022-01-10T00:00:00Z", "2022-07-11T00:00:00Z")
    ]
    assert means[0] > 1.02 * means[1]


def test_the_south_is_coldest_in_july() -> None:
    drawn = group(vehicles=20_000, coldest_day_of_year=197)
    means = [
        owed_kwh(mobility.sessions(days(7, start), [drawn], seed=1)).mean()
        for start in ("2022-01-10T00:00:00Z", "2022-07-11T00:00:00Z")
    ]
    assert means[1] > means[0]


def test_local_habits_stay_on_the_wall_clock_when_it_changes() -> None:
    """Medians of local arrivals agree in weeks before and after the clock goes forward."""
    drawn = group("workplace", vehicles=5_000)
    medians = []
    for start in ("2022-03-14T00:00:00Z", "2022-04-04T00:00:00Z"):
        sessions = mobility.sessions(days(5, start), [drawn], seed=1)
        local = local_from_utc(sessions.arrival_utc[1:], ZoneInfo(drawn.time_zone))
        medians.append(np.median((local - local.astype("datetime64[D]")) / np.timedelta64(1, "h")))
    assert medians[0] == pytest.approx(medians[1], abs=0.25)


def test_a_vehicle_keeps_its_own_hours() -> None:
    """Mean arrivals of vehicles spread more than they would by chance alone."""
    drawn = group("workplace", vehicles=400, active_share=1.0)
    sessions = mobility.sessions(days(56), [drawn], seed=1)
    local = local_from_utc(sessions.arrival_utc, ZoneInfo(drawn.time_zone))
    hour = (local - local.astype("datetime64[D]")) / np.timedelta64(1, "h")
    _, vehicle = np.unique(sessions.asset_id.astype(str), return_inverse=True)
    counts = np.bincount(vehicle)
    means = np.bincount(vehicle, hour) / counts
    assert means.var() > 2 * hour.var() / counts.mean()


def test_holidays_are_quiet_at_work() -> None:
    holiday = {"holiday_first": "2022-01-10", "holiday_last": "2022-01-16"}
    busy, quiet = (
        mobility.sessions(days(3), [group("workplace", vehicles=500, **extra)], seed=1)
        for extra in ({}, holiday)
    )
    assert len(quiet) < 0.2 * len(busy)


def test_sessions_in_progress_begin_with_the_grid() -> None:
    grid = days(1)
    sessions = mobility.sessions(grid, [group(vehicles=500)], seed=1)
    at_start = sessions.arrival_utc == datetime64(grid.start_utc)
    assert 0.1 < at_start.sum() / 500 < 0.6


@pytest.mark.slow
def test_a_million_vehicles_in_seconds() -> None:
    """Measured on 2 shared cores: 4 to 8 s and 0.9 GB; the bounds leave room for slower ones."""
    fleet = [group(vehicles=1_000_000, active_share=0.9)]
    grid = TimeGrid(utc("2022-01-12T00:00:00Z"), 0.25, 96)
    memory.reset_peak()
    before_mb, began = memory.now_mb(), time.perf_counter()
    sessions = mobility.sessions(grid, fleet, seed=1)
    assert time.perf_counter() - began < 60
    assert memory.peak_mb() - before_mb < 3000
    assert len(sessions) > 1_000_000
    assert sessions.departure_utc.max() < datetime64(grid.end_utc + timedelta(days=3))
