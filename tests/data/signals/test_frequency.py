"""Records of the frequency: units, clocks, gaps, dead buses, and everything that is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import EvergridError, InputError
from evergrid.data.signals import FrequencyColumns, read_frequency
from tests.markets.test_frequency_response import HOUR, needs_data

START = datetime(2025, 1, 14, 18, tzinfo=UTC)
COUNT = 20


def rows(**changed: Any) -> pl.DataFrame:
    times = [START + timedelta(seconds=2 * i) for i in range(COUNT)]
    return pl.DataFrame(
        {
            "time_utc": times,
            "frequency_hz": [50.0 + 0.01 * i for i in range(COUNT)],
            "voltage_v": [230.0] * 15 + [3.0] * 5,
        }
    ).with_columns(**changed)


def written(folder: Path, frame: pl.DataFrame, name: str = "record.csv") -> Path:
    path = folder / name
    frame.write_csv(path) if name.endswith("csv") else frame.write_parquet(path)
    return path


@pytest.mark.parametrize("name", ["record.csv", "record.parquet"])
def test_a_record_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, rows(), name)
    found = read_frequency(path, 50.0, FrequencyColumns(voltages=("voltage_v",)))
    assert (found.tick_s, found.nominal_hz, len(found)) == (2.0, 50.0, COUNT)
    assert found.deviation_hz == pytest.approx(0.01 * np.arange(COUNT))
    assert found.alive == 15
    assert str(found.times[1]) == "2025-01-14T18:00:02.000000"


@pytest.mark.parametrize(("unit", "scale"), [("deviation_hz", 1.0), ("deviation_mhz", 1000.0)])
def test_deviations_are_taken_from_nominal(tmp_path: Path, unit: Any, scale: float) -> None:
    frame = rows(frequency_hz=(pl.col("frequency_hz") - 50.0) * scale)
    found = read_frequency(written(tmp_path, frame), 60.0, FrequencyColumns(unit=unit))
    assert found.frequency_hz == pytest.approx(60.0 + 0.01 * np.arange(COUNT))


def test_missing_rows_and_empty_cells_are_readings_that_did_not_come(tmp_path: Path) -> None:
    frame = rows(
        frequency_hz=pl.when(pl.int_range(COUNT) == 3).then(None).otherwise(pl.col("frequency_hz"))
    )
    kept = frame.filter(~pl.int_range(COUNT).is_in([7, 8]))
    found = read_frequency(written(tmp_path, kept), 50.0)
    assert np.flatnonzero(np.isnan(found.frequency_hz)).tolist() == [3, 7, 8]


def test_a_local_clock_needs_its_zone_and_a_start_replaces_the_day(tmp_path: Path) -> None:
    local = rows(time_utc=pl.col("time_utc").dt.replace_time_zone(None))
    path = written(tmp_path, local)
    with pytest.raises(InputError, match="time zone"):
        read_frequency(path, 50.0)
    found = read_frequency(path, 50.0, FrequencyColumns(time_zone="Europe/Madrid"))
    assert str(found.times[0]) == "2025-01-14T17:00:00.000000"
    start = np.datetime64("2024-07-01T12:00:00", "us")
    columns = FrequencyColumns(time_zone="Europe/Madrid", start_utc=start)
    assert read_frequency(path, 50.0, columns).times[0] == start


def test_seconds_count_from_a_start(tmp_path: Path) -> None:
    start = np.datetime64("2025-01-14T18:00:00", "us")
    seconds = rows(time_utc=pl.int_range(COUNT) * 0.5 + 100.0)
    found = read_frequency(written(tmp_path, seconds), 50.0, FrequencyColumns(start_utc=start))
    assert (found.tick_s, found.times[0]) == (0.5, start)


@pytest.mark.parametrize("time_zone", [None, "Europe/Madrid"])
def test_times_of_a_day_count_from_a_start(tmp_path: Path, time_zone: str | None) -> None:
    start = np.datetime64("2025-01-14T18:00:00", "us")
    clock = pl.col("time_utc").dt.strftime("%H:%M:%S")
    columns = FrequencyColumns(time_zone=time_zone, start_utc=start)
    found = read_frequency(written(tmp_path, rows(time_utc=clock)), 50.0, columns)
    assert (found.tick_s, found.times[0], len(found)) == (2.0, start, COUNT)


BAD = {
    "another grid": (rows(), 60.0, "Set nominal_hz"),
    "another unit": (rows(frequency_hz=(pl.col("frequency_hz") - 50) * 1000), 50.0, "or unit"),
    "far off": (
        rows(frequency_hz=pl.when(pl.int_range(COUNT) == 4).then(0.0).otherwise(50.0)),
        50.0,
        "Empty the cells",
    ),
    "text": (rows(frequency_hz=pl.lit("high")), 50.0, "be a number"),
    "no reading": (rows(frequency_hz=pl.lit(None, pl.Float64)), 50.0, "have a reading"),
    "a clock that jumps back": (
        rows(
            time_utc=pl.when(pl.int_range(COUNT) == 9)
            .then(pl.col("time_utc").first())
            .otherwise(pl.col("time_utc"))
        ),
        50.0,
        "jumps back",
    ),
    "one row": (rows().head(1), 50.0, "at least two rows"),
    "no such column": (
        rows().rename({"frequency_hz": "freq"}),
        50.0,
        "frequency_hz must be a column",
    ),
    "another nominal": (rows(), 55.0, "be 50 or 60"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_refused_with_a_way_out(tmp_path: Path, case: str) -> None:
    frame, nominal_hz, told = BAD[case]
    with pytest.raises(EvergridError, match=told):
        read_frequency(written(tmp_path, frame), nominal_hz)


def test_a_bus_without_voltage_is_dead_and_one_without_a_voltmeter_is_not(tmp_path: Path) -> None:
    dying = rows(frequency_hz=pl.when(pl.int_range(COUNT) > 15).then(40.0).otherwise(50.0))
    path = written(tmp_path, dying)
    assert read_frequency(path, 50.0, FrequencyColumns(voltages=("voltage_v",))).alive == 15
    with pytest.raises(InputError, match="within 5 Hz"):
        read_frequency(path, 50.0)


@needs_data
@pytest.mark.parametrize(("place", "nominal_hz"), [("LON", 50.0), ("KK", 50.0), ("TEX", 60.0)])
def test_an_hour_of_deviations_is_read(place: str, nominal_hz: float) -> None:
    columns = FrequencyColumns(
        "time_of_day",
        place,
        "deviation_mhz",
        time_zone="UTC",
        start_utc=np.datetime64("2025-01-14T11:00:00", "us"),
    )
    found = read_frequency(HOUR, nominal_hz, columns)
    assert (len(found), found.tick_s) == (3600, 1.0)
    assert np.nanstd(found.frequency_hz) < 0.2
