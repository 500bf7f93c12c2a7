"""FCAS prices and NYISO prices: read as published, refused with the cause."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.data.signals import read_nyiso_regulation
from evergrid.model.time_series.signal import RegulationMarket
from tests.markets.test_pjm_score import DATA, needs_data

PRICES = DATA.parent / "prices"
FCAS = PRICES / "aemo_5min_energy_fcas_2018_2022.parquet"


def saved(folder: Path, text: str) -> Path:
    path = folder / "file.csv"
    path.write_text(text)
    return path


def test_a_price_does_not_hold_through_a_gap() -> None:
    start = np.datetime64(datetime(2022, 1, 1, tzinfo=UTC).replace(tzinfo=None), "us")
    hours = start + np.array([0, 1, 2, 50, 51]) * np.timedelta64(1, "h")
    market = RegulationMarket(hours, np.arange(5.0), np.zeros(5))
    last = start + np.timedelta64(179, "m")
    assert market.at(np.array([last])).capability_per_mw.tolist() == [2.0]
    for minutes in (180, 2000, 52 * 60):
        with pytest.raises(InputError, match="prices of regulation"):
            market.at(np.array([start + np.timedelta64(minutes, "m")]))


# -- NYISO ----------------------------------------------------------------------------------

HEAD = "Time Stamp,Time Zone,Name,NYCA Regulation Capacity ($/MWHr)"


def test_five_minute_prices_have_movement_and_are_stamped_at_the_end(tmp_path: Path) -> None:
    text = f"{HEAD},NYCA Regulation Movement ($/MW)\n"
    text += "04/13/2024 00:05:00,EDT,A,7.0,0.15\n04/13/2024 00:05:00,EDT,B,7.0,0.15\n"
    text += "04/13/2024 00:10:00,EDT,A,8.0,0.2\n"
    found = read_nyiso_regulation(saved(tmp_path, text))
    assert found.time_utc[0] == np.datetime64("2024-04-13T04:00:00")
    assert found.capability_per_mw.tolist() == [7.0, 8.0]
    assert found.performance_per_mw.tolist() == [0.15, 0.2]


def test_the_repeated_hour_of_autumn_is_told_apart_by_its_zone(tmp_path: Path) -> None:
    text = f"{HEAD}\n11/03/2024 01:00,EDT,A,5.0\n11/03/2024 01:00,EST,A,6.0\n"
    found = read_nyiso_regulation(saved(tmp_path, text))
    assert np.diff(found.time_utc)[0] == np.timedelta64(1, "h")
    assert found.performance_per_mw.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}\n13/04/2024 00:00,EDT,A,5.0\n", "04/13/2024"),
        (f"{HEAD}\n04/13/2024 00:00,CET,A,5.0\n", "EST or EDT"),
        (f"{HEAD}\n04/13/2024 00:00,EDT,A,\n", "not be empty"),
        (f"{HEAD}\n04/13/2024 00:00,EDT,A,5.0\n04/13/2024 00:00,EDT,B,6.0\n", "unique"),
        ("Time Stamp,Name\n04/13/2024 00:00,A\n", "column of the file"),
    ],
)
def test_nyiso_files_that_break_rules_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_nyiso_regulation(saved(tmp_path, text))


@needs_data
def test_a_published_day_of_nyiso_is_read_whole() -> None:
    real_time = read_nyiso_regulation(DATA / "nyiso_20240413rtasp.csv")
    assert len(real_time.time_utc) >= 288
    assert (real_time.performance_per_mw > 0).any()
    ahead = read_nyiso_regulation(DATA / "nyiso_20240413damasp.csv")
    assert len(ahead.time_utc) == 24


@needs_data
def test_most_reserve_calls_of_pjm_end_within_the_half_hour_that_an_award_must_last() -> None:
    calls = pl.read_csv(DATA / "pjm_synchronized_reserve_events_2002_2018.csv")
    minutes = calls["duration_min"]
    assert int((minutes <= 30.0).sum()) > 0.95 * len(minutes)
    assert minutes.max() == 122.0
