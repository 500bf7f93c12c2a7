"""Trip diaries become stays at home whose energy is what the tours used."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.data.sessions import nhts, screen

# vehicle_day, start, end, miles, whyto
TOUR = [(1, 800, 830, 10.0, 11), (1, 1700, 1730, 10.0, 1)]
SHOPPING = [(1, 1900, 1915, 3.0, 41), (1, 2000, 2015, 3.0, 1)]


@pytest.fixture
def diary(saved: Callable[..., Path]):
    def write(*trips: tuple[Any, ...]) -> Path:
        names = ["vehicle_day", "start_hhmm", "end_hhmm", "trip_miles", "whyto_code"]
        return saved(pl.DataFrame(trips, schema=names, orient="row"), "diary.csv")

    return write


def test_a_day_with_two_tours_has_three_stays_at_home(diary: Callable[..., Path]):
    sessions, _ = nhts.read(diary(*TOUR, *SHOPPING), day=date(2022, 7, 6), time_zone="UTC")
    assert sessions.stay_h.tolist() == pytest.approx([8.0, 1.5, 3.75])
    assert set(sessions.asset_id) == {"1"}
    assert set(sessions.site_id) == {"home"}
    assert sessions.arrival_utc[0] == np.datetime64("2022-07-06T00:00")
    assert sessions.departure_utc[-1] == np.datetime64("2022-07-07T00:00")


def test_the_energy_of_a_tour_is_drawn_in_the_stay_after_it(diary: Callable[..., Path]):
    sessions, _ = nhts.read(diary(*TOUR, *SHOPPING))
    drawn_kwh = (sessions.energy_departure_kwh - sessions.energy_arrival_kwh) / 0.93
    assert drawn_kwh.tolist() == pytest.approx([0.0, 6.0, 1.8])


def test_energy_that_does_not_fit_waits_and_none_is_lost(diary: Callable[..., Path]):
    long = [(1, 800, 1200, 150.0, 11), (1, 1800, 2200, 150.0, 1)]
    sessions, _ = nhts.read(diary(*long))
    drawn_kwh = (sessions.energy_departure_kwh - sessions.energy_arrival_kwh) / 0.93
    assert drawn_kwh.tolist() == pytest.approx([90.0 - 22.0, 22.0])


def test_a_stay_of_no_time_joins_two_tours(diary: Callable[..., Path]):
    chained = [(1, 800, 830, 10.0, 1), (1, 830, 900, 5.0, 41), (1, 1000, 1015, 5.0, 1)]
    sessions, meta = nhts.read(diary(*chained))
    assert len(sessions) == 2
    assert meta.quality.count(nhts.BRIEF) == 1


@pytest.mark.parametrize(
    ("trip", "rule"),
    [
        ((2, 900, -9, 5.0, 1), nhts.NO_CLOCK),
        ((2, 960, 1000, 5.0, 1), nhts.NO_CLOCK),
        ((2, 900, 2400, 5.0, 1), nhts.NO_CLOCK),
        ((2, 1000, 900, 5.0, 1), nhts.OUT_OF_ORDER),
        ((2, 700, 730, 5.0, 1), nhts.OUT_OF_ORDER),
        ((2, 900, 930, 0.0, 1), nhts.NO_MILES),
        ((2, 900, 930, None, 1), screen.UNREADABLE),
    ],
)
def test_an_unusable_trip_rejects_its_vehicle_day(
    diary: Callable[..., Path], trip: tuple[Any, ...], rule: str
):
    sessions, meta = nhts.read(diary(*TOUR, (2, 745, 800, 5.0, 11), trip))
    assert set(sessions.asset_id) == {"1"}
    assert meta.quality.count(rule) == 1
    assert meta.quality.count(nhts.COMPANION) == 1
    assert (meta.quality.rows_kept, meta.quality.rows_rejected) == (2, 2)


def test_a_diary_without_a_usable_day_is_refused(diary: Callable[..., Path]):
    with pytest.raises(InputError, match="whole vehicle-day"):
        nhts.read(diary((1, 900, -9, 5.0, 1)))
    with pytest.raises(InputError, match="time at home"):
        nhts.read(diary((1, 0, 30, 5.0, 41)))


def test_an_unknown_zone_is_refused(diary: Callable[..., Path]):
    with pytest.raises(InputError, match="IANA"):
        nhts.read(diary(*TOUR), time_zone="Mars/Olympus")


def test_stays_follow_the_local_clock_on_the_day_it_changes(diary: Callable[..., Path]):
    spring = nhts.read(diary(*TOUR), day=date(2022, 3, 13))[0]
    assert spring.stay_h.tolist() == pytest.approx([7.0, 6.5])  # the night is an hour short


def test_the_summary_names_the_consumption_assumed(diary: Callable[..., Path]):
    _, meta = nhts.read(diary(*TOUR))
    assert meta.assumptions["consumption_kwh_per_mile"] == nhts.CONSUMPTION_KWH_PER_MILE


def test_a_car_that_drives_more_than_its_charger_delivers_in_a_day_is_rejected(
    diary: Callable[..., Path],
):
    # 500 miles use 150 kWh; five minutes in the morning and two hours at night deliver 23 kWh.
    far = [(2, 5, 1200, 250.0, 11), (2, 1300, 2200, 250.0, 1)]
    sessions, meta = nhts.read(diary(*TOUR, *far))
    assert set(sessions.asset_id) == {"1"}
    assert sessions.max_charge_kw.max() == pytest.approx(11.0)
    assert meta.quality.count(nhts.TOO_FAR) == 2
    assert (meta.quality.rows_kept, meta.quality.rows_rejected) == (2, 2)
