"""The record counts what could be called, on the local clock, also where clocks change."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.core.local_time import utc_from_local
from evergrid.fleet.history.past_days import Behaviour, History, Product, history
from evergrid.model.session import Sessions
from tests.model.cases import make_sessions

OSLO = "Europe/Oslo"
UP = Product("up", 0.5, 0.5)


def daily(
    first: str,
    days: Array,
    clock: str = "08:00",
    stay_h: float = 8.0,
    vehicles: int = 1,
    *,
    owed_kwh: float = 20.0,
) -> Sessions:
    """Vehicles that come with 40 kWh at the same local time on each of these days."""
    arrive = np.datetime64(f"{first}T{clock}", "us") + days * np.timedelta64(1, "D")
    arrival = utc_from_local(np.tile(arrive, vehicles), ZoneInfo(OSLO))
    count = len(arrival)
    owner = np.repeat(np.arange(vehicles), len(days))
    return make_sessions(
        count,
        asset_id=[f"car-{i}" for i in owner],
        arrival_utc=arrival,
        departure_utc=arrival + np.timedelta64(round(stay_h * 3600), "s"),
        energy_arrival_kwh=np.full(count, 40.0),
        energy_departure_kwh=np.full(count, owed_kwh),
    )


def record(sessions: Sessions, **options: Any) -> History:
    return history(sessions, OSLO, options.pop("product", UP), **options)


@pytest.mark.parametrize("first", ["2024-03-25", "2024-10-21"])
@pytest.mark.parametrize("step_h", [0.25, 0.5, 1.0])
def test_days_of_clock_changes_have_as_many_steps_and_no_wrong_hour(
    first: str, step_h: float
) -> None:
    product = Product("up", step_h, step_h)
    found = record(daily(first, np.arange(12)), product=product)
    assert found.power_kw.shape == (10, round(24 / step_h))
    steps = np.arange(round(24 / step_h)) * step_h
    expected = (steps >= 8) & (steps + step_h <= 16)
    np.testing.assert_array_equal(found.power_kw > 0, np.tile(expected, (10, 1)))


def test_an_arrival_just_after_the_clock_skips_an_hour_counts_from_its_first_instant() -> None:
    found = record(daily("2024-03-25", np.arange(12), "03:10", 1.9))
    steps = np.arange(48) * 0.5
    expected = (steps >= 3.5) & (steps <= 4.5)
    np.testing.assert_array_equal(found.power_kw > 0, np.tile(expected, (10, 1)))


@given(seed=st.integers(0, 999))
@settings(max_examples=10)
def test_nobody_counts_at_an_instant_of_absence_in_the_night_of_a_clock_change(seed: int) -> None:
    draw = np.random.default_rng(seed)
    midnight = np.datetime64("2024-03-30T23:00", "us")  # in Oslo, before the clock goes forward
    arrival = midnight + draw.integers(0, 180, 6) * np.timedelta64(1, "m")
    departure = arrival + draw.integers(30, 240, 6) * np.timedelta64(1, "m")
    edges = daily("2024-03-28", np.array([0, 6]), vehicles=6)
    both = make_sessions(
        18,
        asset_id=[*edges.asset_id, *np.unique(edges.asset_id)],
        arrival_utc=[*edges.arrival_utc, *arrival],
        departure_utc=[*edges.departure_utc, *departure],
    )
    found = record(both)
    minutes = found.step * 30
    night = np.datetime64("2024-03-31", "D") - found.days[0]
    assert (found.day == night.astype(int)).all()
    since = minutes - np.where(minutes < 120, 0, np.where(minutes < 180, minutes - 120, 60))
    at = midnight + since * np.timedelta64(1, "m")  # skipped times are the change itself
    assert (at >= arrival[found.asset]).all()
    assert (at + np.timedelta64(30, "m") <= departure[found.asset]).all()


def with_gap(days: int) -> Sessions:
    return daily("2024-05-01", np.concatenate([np.arange(20), np.arange(20 + days, 40 + days)]))


@pytest.mark.parametrize("days", [7, 12])
def test_a_gap_of_a_week_is_refused_and_both_its_days_named(days: int) -> None:
    last = np.datetime64("2024-05-20") + days
    with pytest.raises(InputError, match=f"none from 2024-05-21 to {last}"):
        record(with_gap(days))


def test_a_gap_is_kept_out_when_missing_and_counted_when_idle() -> None:
    missing, idle = (record(with_gap(9), gaps=gaps) for gaps in ("missing", "idle"))
    gap = (missing.days >= np.datetime64("2024-05-21")) & (
        missing.days <= np.datetime64("2024-05-29")
    )
    np.testing.assert_array_equal(missing.known[:-3], ~gap[:-3])
    assert idle.known[:-3].all()
    assert (idle.power_kw[gap] == 0).all()


def test_six_days_without_a_vehicle_are_no_gap() -> None:
    assert record(with_gap(6)).known[:-3].all()


def test_a_vehicle_that_stays_fills_its_days() -> None:
    days = daily("2024-05-01", np.arange(20))
    stay = daily("2024-05-21", np.array([0]), stay_h=24 * 10)
    more = daily("2024-06-01", np.arange(5))
    names = [*days.asset_id, *stay.asset_id, *more.asset_id]
    joined = make_sessions(
        26,
        asset_id=names,
        arrival_utc=[*days.arrival_utc, *stay.arrival_utc, *more.arrival_utc],
        departure_utc=[*days.departure_utc, *stay.departure_utc, *more.departure_utc],
    )
    found = record(joined)
    assert found.open_days == 10  # as long as the longest stay
    assert found.known[:-10].all()


@pytest.mark.parametrize(
    ("behaviour", "left"),
    [
        (Behaviour(participation=0.5), 0.5),
        (Behaviour(forgotten_plug=0.2), 0.8),
        (Behaviour(opt_out=0.3), 0.7),
        (Behaviour(forgotten_plug=0.2, opt_out=0.3), 0.56),
        # Held for half an hour from a stay cut after an exponential time: mean over 16 steps.
        (
            Behaviour(early_departure_per_h=0.1),
            float(np.exp(-0.1 * np.arange(0.5, 8.5, 0.5)).mean()),
        ),
    ],
)
def test_drivers_who_do_not_come_thin_out_what_could_be_delivered(
    behaviour: Behaviour, left: float
) -> None:
    fleet = daily("2024-05-01", np.arange(12), vehicles=400)
    whole = record(fleet).power_kw.sum()
    thinned = record(fleet, behaviour=behaviour, seed=4).power_kw.sum()
    assert abs(thinned / whole - left) < 4 * 0.5 / np.sqrt(400)  # vehicles as the unit


def test_those_who_take_part_do_so_every_day() -> None:
    fleet = daily("2024-05-01", np.arange(12), vehicles=50)
    found = record(fleet, behaviour=Behaviour(participation=0.5))
    days = np.array([len(np.unique(found.day[found.asset == i])) for i in range(50)])
    assert set(days) == {0, 10}


def test_the_same_seed_gives_the_same_record_and_another_does_not() -> None:
    fleet = daily("2024-05-01", np.arange(12), vehicles=50)
    behaviour = Behaviour(0.8, 0.1, 0.1, 0.05)
    one, two, other = (record(fleet, behaviour=behaviour, seed=seed).power_kw for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_power_is_the_sum_of_the_rows() -> None:
    found = record(daily("2024-05-01", np.arange(9), vehicles=3))
    summed = np.zeros((7, 48))
    np.add.at(summed, (found.day, found.step), found.row_kw)
    np.testing.assert_allclose(found.power_kw, summed)
    assert found.power_kw[2, 20] == pytest.approx(3 * 7.0)


def test_a_departure_that_nobody_stated_is_the_real_one() -> None:
    fleet = daily("2024-05-01", np.arange(9))
    nothing = np.full(len(fleet), np.datetime64("NaT", "us"))
    found = record(fleet, stated_utc=nothing)
    np.testing.assert_array_equal(found.power_kw, record(fleet).power_kw)
    assert found.left_early == 0.0


def test_a_stated_departure_changes_what_can_be_promised() -> None:
    fleet = daily("2024-05-01", np.arange(9), owed_kwh=40.0)
    early = np.where(
        np.arange(len(fleet)) % 2 == 0,
        fleet.departure_utc - np.timedelta64(2, "h"),
        np.datetime64("NaT", "us"),
    )
    plain, found = record(fleet).power_kw, record(fleet, stated_utc=early).power_kw
    assert (found[1::2, 28:] == 0).all()  # rows of sessions 2, 4, ...: from 14:00 they may go
    assert (found[1::2, 16:26] > 0).all()
    np.testing.assert_array_equal(found[::2], plain[::2])
    late = fleet.departure_utc + np.timedelta64(3, "h")
    later = record(fleet, stated_utc=late)
    assert (later.power_kw >= plain).all()
    assert later.power_kw[0, 31] > plain[0, 31]  # owed only three hours after the call
    assert later.left_early == 1.0


def test_noise_is_what_independent_vehicles_make() -> None:
    draw = np.random.default_rng(5)
    vehicles, days, steps = 40, 6000, 2
    share = draw.uniform(0.1, 0.9, (vehicles, steps))
    power = draw.choice([3.0, 7.0, 11.0], vehicles)
    there = draw.random((days, vehicles, steps)) < share
    day, asset, step = np.nonzero(there)
    found = History(
        product=UP,
        days=np.datetime64("2000-01-01", "D") + np.arange(days),
        known=np.ones(days, dtype=bool),
        steps=steps,
        asset_id=np.array([f"car-{i}" for i in range(vehicles)]),
        first_day=np.zeros(vehicles, dtype=np.int64),
        asset=asset,
        day=day,
        step=step,
        row_kw=power[asset],
        row_energy_kwh=np.zeros(len(asset)),
        left_early=0.0,
    )
    came = found.power_kw
    noise = found.noise_kw(np.ones(days, dtype=bool))
    # The error of a variance from 6000 days is 1.8 %; four of them.
    np.testing.assert_allclose(noise, came.var(axis=0) / came.mean(axis=0), rtol=0.075)
    half = found.noise_kw(np.arange(days) < days // 2)
    np.testing.assert_allclose(half, noise, rtol=0.05)


@pytest.mark.parametrize(
    ("stay_h", "days"), [(8.0, 3), (71.0, 3), (72.0, 3), (73.0, 4), (200.0, 9)]
)
def test_the_last_days_are_left_out_as_long_as_stays_may_be_open(stay_h: float, days: int) -> None:
    found = record(daily("2024-05-01", np.arange(0, 60, 10), stay_h=stay_h), gaps="idle")
    assert found.open_days == days
    assert not found.known[-days:].any()
    assert found.known[:-days].all()


def test_one_stay_in_a_thousand_may_be_longer_than_the_days_left_out() -> None:
    fleet = daily("2024-05-01", np.arange(40), vehicles=50)
    departure = fleet.departure_utc.copy()
    departure[:2] = fleet.arrival_utc[:2] + np.timedelta64(20, "D")
    names = np.array([f"car-{i}" for i in range(len(departure))])
    longer = replace(fleet, departure_utc=departure, asset_id=names)
    assert record(longer).open_days == 3


def two_sites(hole: Array) -> Sessions:
    """Twelve cars a day at one site, but for some days; one a day at another."""
    busy = daily("2024-05-01", np.setdiff1d(np.arange(60), hole), vehicles=12)
    other = daily("2024-05-01", np.arange(60))
    count = len(busy) + len(other)
    return make_sessions(
        count,
        asset_id=[*busy.asset_id, *(["other"] * len(other))],
        site_id=["busy"] * len(busy) + ["other"] * len(other),
        arrival_utc=[*busy.arrival_utc, *other.arrival_utc],
        departure_utc=[*busy.departure_utc, *other.departure_utc],
    )


def test_a_hole_of_one_site_is_left_out_and_named_unless_the_fleet_is_idle() -> None:
    hole = np.arange(21, 26)  # Wednesday 22 to Sunday 26 May
    found = record(two_sites(hole))
    named = found.holes[0]
    assert (named.site_id, str(named.first), str(named.last)) == (
        "busy",
        "2024-05-22",
        "2024-05-24",
    )
    out = found.days[~found.known][:-3]
    np.testing.assert_array_equal(out, np.datetime64("2024-05-22") + np.arange(3))
    idle = record(two_sites(hole), gaps="idle")
    assert idle.holes == ()
    assert idle.known[:-3].all()


def test_a_day_on_which_a_site_comes_back_hours_late_is_part_of_the_hole() -> None:
    fleet = two_sites(np.arange(21, 26))
    back = fleet.arrival_utc.astype("datetime64[D]") == np.datetime64("2024-05-27")
    late = fleet.arrival_utc + np.where((fleet.site_id == "busy") & back, 4, 0) * np.timedelta64(
        1, "h"
    )
    found = record(replace(fleet, arrival_utc=late, departure_utc=late + np.timedelta64(2, "h")))
    assert str(found.holes[0].last) == "2024-05-27"
    assert not found.known[found.days == np.datetime64("2024-05-27")].any()


def test_days_off_are_no_hole() -> None:
    holidays = np.array(["2024-05-22", "2024-05-23", "2024-05-24"], dtype="datetime64[D]")
    assert record(two_sites(np.arange(21, 24))).holes
    assert not record(two_sites(np.arange(21, 24)), holidays=holidays).holes


def test_the_power_of_a_vehicle_is_the_middle_one() -> None:
    assert record(daily("2024-05-01", np.arange(9), vehicles=3)).car_kw == pytest.approx(7.0)


def test_a_record_of_three_days_is_refused() -> None:
    with pytest.raises(InputError, match="days must be at least 4, got 3"):
        record(daily("2024-05-01", np.arange(3)))
