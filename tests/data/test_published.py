"""The published files themselves: every one is read, and its known defects come out as counted."""

import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.data.check import check
from evergrid.data.files.frames import source_columns
from evergrid.data.prices import FORMATS as PRICES
from evergrid.data.prices import price_series
from evergrid.data.sessions import FORMATS as SESSIONS
from evergrid.data.sessions import boulder, nhts, norway, screen
from evergrid.data.sessions.assumptions import DEFAULTS

pytestmark = pytest.mark.data

# File, rows read, and the counts its publisher's description or the data notes state.
SESSION_FILES = {
    "acn": ("acn_caltech_jpl_2019_2020.parquet", 22_492, {}),
    "norway": (
        "norway_residential_sessions.parquet",
        35_377,
        {screen.OPEN: 38, norway.DIFFERS: 26, screen.DUPLICATE: 0},
    ),
    "dundee": (
        "dundee_public_2017_2018.parquet",
        52_752,
        {
            screen.OPEN: 278,
            screen.BACKWARDS: 485,
            screen.NO_ENERGY: 2_118,
            screen.too_long(48.0): 1_063,
            screen.TOO_MUCH: 1,
        },
    ),
    "boulder": (
        "boulder_public_2018_2021.parquet",
        24_081,
        {screen.NO_ENERGY: 2_097, boulder.DIFFERS: 4, boulder.REPEATED: 30, screen.OVERLAP: 0},
    ),
    "sap": (
        "sap_labs_france_2017_2021.parquet",
        26_823,
        {screen.OPEN: 2, screen.NO_ENERGY: 165, screen.BACKWARDS: 3},
    ),
    "epfl": ("epfl_dc_fast_2022_2023.csv", 1_878, {}),
    "nhts": ("nhts_trip_diaries.csv", 2_881, {nhts.NO_CLOCK: 1}),
}
WHOLE_PRICE_FILES = [
    ("ercot_dam", "ercot_dam_spp_hourly_2022.parquet", 8_760),
    ("epf", "dayahead_DE_actual_and_forecasts_2y.parquet", 17_472),
    ("epf", "dayahead_PJM_actual_and_forecasts_2y.parquet", 17_472),
    ("nyiso", "nyiso_nyc_dam_hourly_2024jun_aug.parquet", 2_208),
    ("pjm_lmp", "pjm_rto_rt_lmp_hourly_2022-07.csv", 744),
]
BROKEN_PRICE_FILES = [
    ("nl_dayahead", "nl_dayahead_hourly_2015_2024.parquet", 87_838, 2),
    ("nyiso", "nyiso_nyc_rtc_15min_2024jun_aug.parquet", 8_819, 13),
]


@pytest.mark.parametrize("name", SESSION_FILES)
def test_a_session_file_is_read_and_its_defects_counted(data_folder: Path, name: str):
    file, rows, counts = SESSION_FILES[name]
    started = time.perf_counter()
    sessions, meta = SESSIONS[name](data_folder / "sessions" / file)
    quality = meta.quality
    assert quality.rows_read == rows
    assert quality.rows_kept + quality.rows_rejected == rows
    assert quality.rows_repaired <= quality.rows_kept
    assert {rule: quality.count(rule) for rule in counts} == counts
    assert name == "nhts" or len(sessions) == quality.rows_kept
    assert time.perf_counter() - started < 10.0  # well under 2 s without the shape checks


@pytest.mark.parametrize("name", SESSION_FILES)
def test_every_kept_session_can_be_served(data_folder: Path, name: str):
    sessions, _ = SESSIONS[name](data_folder / "sessions" / SESSION_FILES[name][0], DEFAULTS)
    most_kwh = sessions.max_charge_kw * sessions.stay_h * sessions.efficiency_charge
    assert (sessions.energy_arrival_kwh + most_kwh >= sessions.energy_departure_kwh).all()


def test_boulder_cars_arrive_by_day_when_stamps_are_read_as_utc(data_folder: Path):
    file = data_folder / "sessions" / SESSION_FILES["boulder"][0]
    sessions, _ = SESSIONS["boulder"](file)
    hour = (sessions.arrival_utc.astype("datetime64[h]").astype(int) - 7) % 24  # mountain time
    assert ((hour >= 7) & (hour < 20)).mean() > 0.85


def test_norwegian_stays_differ_from_published_durations_by_a_clock_change_only(data_folder: Path):
    file = data_folder / "sessions" / SESSION_FILES["norway"][0]
    sessions, _ = SESSIONS["norway"](file)
    columns = source_columns(file, norway.FORMAT.columns, source="norway")
    told_h = dict(zip(columns["session_id"].values, columns["connection_h"].values, strict=True))
    off_h = np.abs(sessions.stay_h - np.array([told_h[name] for name in sessions.session_id]))
    off_h = off_h[off_h > norway.TOLERANCE_H]
    assert len(off_h) == 99  # most places publish the difference of the clock's hands
    assert (np.abs(off_h - 1) > norway.TOLERANCE_H).sum() == 5  # two hours in June 2019


@pytest.mark.parametrize(("name", "file", "rows"), WHOLE_PRICE_FILES)
def test_a_whole_price_file_is_read(data_folder: Path, name: str, file: str, rows: int):
    prices, meta = PRICES[name](data_folder / "prices" / file)
    assert len(prices.time_utc) == meta.quality.rows_read == rows
    assert meta.quality.rows_rejected == meta.quality.rows_repaired == 0


@pytest.mark.parametrize(("name", "file", "rows", "missing"), BROKEN_PRICE_FILES)
def test_a_price_file_with_gaps_is_refused_or_held(
    data_folder: Path, name: str, file: str, rows: int, missing: int
):
    path = data_folder / "prices" / file
    with pytest.raises(InputError, match="missing"):
        PRICES[name](path)
    prices, meta = PRICES[name](path, gap="hold")
    assert meta.quality.count(price_series.HELD) == missing
    assert len(prices.time_utc) == rows + missing
    assert meta.quality.rows_read == rows


@pytest.mark.parametrize("region", ["NSW1", "SA1"])
def test_each_australian_block_is_read_by_its_window(data_folder: Path, region: str):
    path = data_folder / "prices" / "aemo_5min_energy_fcas_2018_2022.parquet"
    held, _ = PRICES["aemo"](
        path, region=region, start="2018-03-31T14:00Z", gap="error", end="2018-04-03T13:55Z"
    )
    assert held.time_utc[0] == np.datetime64("2018-03-31T14:00")
    with pytest.raises(InputError) as caught:
        PRICES["aemo"](path, region=region)
    assert len(caught.value.got) >= 11  # twelve blocks


def test_a_file_that_contradicts_itself_is_refused_and_a_clean_window_read(data_folder: Path):
    path = data_folder / "prices" / "pjm_rto_rt_lmp_hourly_2023-04.csv"
    with pytest.raises(InputError, match="another price"):
        PRICES["pjm_lmp"](path)
    prices, _ = PRICES["pjm_lmp"](path, end="2023-04-06T04:00Z")
    assert len(prices.time_utc) == 120


def test_ercot_spikes_and_range_come_through(data_folder: Path):
    path = data_folder / "prices" / "ercot_dam_spp_hourly_2022.parquet"
    prices, _ = PRICES["ercot_dam"](path, point="LZ_WEST")
    steps = {(b - a) / np.timedelta64(1, "h") for a, b in pairwise(prices.time_utc)}
    assert steps == {1.0}
    assert prices.import_price_per_mwh.max() < 3_100


def test_a_check_of_dundee_shows_its_account(data_folder: Path):
    lines = check(data_folder / "sessions" / SESSION_FILES["dundee"][0], "dundee").lines()
    assert any("485" in line and screen.BACKWARDS in line for line in lines)
