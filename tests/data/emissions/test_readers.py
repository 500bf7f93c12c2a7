"""Emission factors of public files and of tables: units at the door, hours of a year, gaps."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.timegrid import TimeGrid, utc
from evergrid.data.emissions import FORMATS, sgip_forecast
from evergrid.data.emissions.unit import TO_KG_PER_MWH
from evergrid.data.generation import by_type
from evergrid.data.tables import read_emission_factors, read_factor_errors

START = datetime(2025, 1, 1, tzinfo=UTC)
HOURS = pl.datetime_range(
    pl.datetime(2025, 1, 1), pl.datetime(2025, 1, 2), "1h", time_zone="UTC", eager=True
)


def table(folder: Path, **columns: object) -> Path:
    path = folder / "factors.parquet"
    pl.DataFrame({"time_utc": HOURS, **columns}).write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("kg_per_mwh", 453.59237),
        ("kg_per_kwh", 0.45359237),
        ("g_per_kwh", 453.59237),
        ("t_per_mwh", 0.45359237),
        ("lb_per_mwh", 1000.0),
        ("lb_per_kwh", 1.0),
        ("short_ton_per_mwh", 0.5),
    ],
)
def test_every_unit_is_converted_by_the_name_of_its_column(tmp_path: Path, unit: str, value: float):
    assert unit in TO_KG_PER_MWH
    path = table(tmp_path, **{f"emissions_{unit}": np.full(len(HOURS), value)})
    read = read_emission_factors(path, kind="marginal")
    np.testing.assert_allclose(read.emissions_kg_per_mwh, 453.59237)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"emissions_kg_per_mwh": np.full(25, 0.4)}, "reach 3 kg/MWh at least once"),
        ({"emissions_kg_per_kwh": np.full(25, 400.0)}, "at most 3000 kg/MWh"),
        ({"emissions_kg_per_mwh": np.full(25, np.nan)}, "emissions_kg_per_mwh must be"),
        ({"factor": np.full(25, 400.0)}, "named after its unit"),
        (
            {"emissions_kg_per_mwh": np.ones(25), "emissions_lb_per_mwh": np.ones(25)},
            "one column of factors",
        ),
    ],
)
def test_units_that_are_mixed_up_are_told(tmp_path: Path, columns: dict[str, object], told: str):
    with pytest.raises(InputError, match=told):
        read_emission_factors(table(tmp_path, **columns), kind="marginal")


def test_factors_that_do_not_cover_the_horizon_are_refused(tmp_path: Path):
    read = read_emission_factors(
        table(tmp_path, emissions_kg_per_mwh=np.full(25, 400.0)), kind="average"
    )
    grid = TimeGrid(utc("2025-01-01T12:00Z"), 1.0, 24)
    with pytest.raises(InputError, match="cover the horizon"):
        read.on(grid)


def test_a_year_of_8760_hours_is_no_leap_year(tmp_path: Path):
    path = tmp_path / "avert.parquet"
    pl.DataFrame({"Timestamp": range(8760), "CA": np.full(8760, 1.0)}).write_parquet(path)
    read, meta = FORMATS["avert"](path, region="CA", year="2023", utc_offset_h="-8")
    assert read.time_utc[0] == np.datetime64("2023-01-01T08:00")
    np.testing.assert_allclose(read.emissions_kg_per_mwh, 453.59237)
    assert meta.quality.count("factor is below 0, as the source's model has it: kept") == 0
    with pytest.raises(InputError, match="8,784 hours of 2024"):
        FORMATS["avert"](path, region="CA", year="2024", utc_offset_h="-8")


def test_options_that_are_no_year_and_no_clock_are_told_together(tmp_path: Path):
    with pytest.raises(InputError, match="year must be") as told:
        FORMATS["avert"](tmp_path / "x.parquet", region="CA", year="now", utc_offset_h="PST")
    assert len(told.value.faults) == 2


def test_an_unknown_region_is_told_with_those_there_are(tmp_path: Path):
    with pytest.raises(InputError, match="pge, sce"):
        FORMATS["sgip_moer"](tmp_path / "x.parquet", region="pg")


@pytest.mark.parametrize(
    ("name", "file", "options", "most"),
    [
        ("sgip_moer", "sgip_moer_caiso_5min_2019_2020.parquet", {"region": "sce"}, 664.0),
        (
            "avert",
            "avert_2023_hourly_co2_lb_per_kwh.parquet",
            {"region": "CENT", "year": "2023", "utc_offset_h": "-6"},
            None,
        ),
        (
            "cambium",
            "cambium23_midcase100_westconnect_north_2025_hourly.parquet",
            {"year": "2025", "utc_offset_h": "-7"},
            None,
        ),
    ],
)
def test_published_files_are_read_in_kg_per_mwh(
    data_folder: Path, name: str, file: str, options: dict[str, str], most: float | None
):
    read, meta = FORMATS[name](data_folder / "emissions" / file, **options)
    assert read.kind == "marginal"
    assert 50.0 < np.median(read.emissions_kg_per_mwh) < 1000.0
    assert meta.quality.rows_kept == len(read.time_utc)
    if most is not None:
        assert read.emissions_kg_per_mwh.max() == pytest.approx(most, abs=1.0)


def test_forecasts_are_of_the_steps_after_the_one_they_are_made_in(tmp_path: Path):
    made = pl.datetime_range(
        pl.datetime(2020, 8, 1), pl.datetime(2020, 8, 1, 1), "5m", time_zone="UTC", eager=True
    )
    leads = {f"f{k}": np.full(len(made), float(k)) / 100.0 for k in range(1, 37)}
    pl.DataFrame({"time_utc": made, **leads}).write_parquet(tmp_path / "f.parquet")
    read = sgip_forecast.read(tmp_path / "f.parquet")
    five = read.on(TimeGrid(utc("2020-08-01T00:00Z"), 1 / 12, 12))
    np.testing.assert_allclose(five[0, :3], [10.0, 20.0, 30.0])
    quarter = read.on(TimeGrid(utc("2020-08-01T00:00Z"), 0.25, 4))
    # The step after 00:00 to 00:15 begins at 00:15: five minutes of lead 3, 4 and 5.
    np.testing.assert_allclose(quarter[0, :2], [40.0, 70.0])
    with pytest.raises(InputError, match="4 of 4 steps have none"):
        read.on(TimeGrid(utc("2020-08-02T00:00Z"), 0.25, 4))
    with pytest.raises(InputError, match="whole number of times 5 min"):
        read.on(TimeGrid(utc("2020-08-01T00:00Z"), 1 / 60, 4))


def generation(folder: Path, **changed: object) -> Path:
    quarters = pl.datetime_range(
        pl.datetime(2025, 1, 1), pl.datetime(2025, 1, 1, 3, 45), "15m", time_zone="UTC", eager=True
    )
    columns = {"time_utc": quarters, "coal_mw": np.arange(16.0), "wind_mw": np.ones(16)}
    path = folder / "generation.parquet"
    pl.DataFrame(columns | changed).write_parquet(path)
    return path


def test_generation_by_quarter_hours_becomes_hours_and_few_gaps_are_filled(tmp_path: Path):
    wind = np.ones(16)
    wind[5] = np.nan
    read, meta = by_type.read(generation(tmp_path, wind_mw=wind))
    np.testing.assert_allclose(read.energy_mwh["coal"], [1.5, 5.5, 9.5, 13.5])
    np.testing.assert_allclose(read.energy_mwh["wind"], 1.0)
    assert meta.quality.rows_repaired == 1


def test_a_long_gap_and_a_missing_row_of_generation_are_refused(tmp_path: Path):
    wind = np.ones(16)
    wind[2:12] = np.nan
    with pytest.raises(InputError, match="no gap of more than 8 rows"):
        by_type.read(generation(tmp_path, wind_mw=wind))
    path = generation(tmp_path)
    frame = pl.read_parquet(path)
    pl.concat([frame[:5], frame[6:]]).write_parquet(path)
    with pytest.raises(InputError, match="every equal part of one"):
        by_type.read(path)
    with pytest.raises(InputError, match="only a storage draws"):
        by_type.read(generation(tmp_path, wind_mw=-np.ones(16)))
    with pytest.raises(EvergridError, match="ends with _mw"):
        by_type.read(table(tmp_path, emissions_kg_per_mwh=np.ones(25)))


def test_errors_of_factors_must_be_of_the_steps_of_the_horizon(tmp_path: Path):
    path = table(tmp_path, error_kg_per_mwh=np.arange(25.0))
    assert read_factor_errors(path, 1.0).tolist() == list(range(25))
    with pytest.raises(InputError, match="30 min after the row before"):
        read_factor_errors(path, 0.5)


def test_forecasts_that_are_not_there_are_told_by_column_row_and_step(tmp_path: Path):
    made = [START + timedelta(minutes=5 * k) for k in range(24)]
    leads = {f"f{k}": np.full(len(made), 0.4) for k in range(1, 37)}
    grid = TimeGrid(START, 0.5, 4)

    def read(table: Mapping[str, object]) -> np.ndarray:
        pl.DataFrame(table).write_parquet(tmp_path / "forecast.parquet")
        return sgip_forecast.read(tmp_path / "forecast.parquet").on(grid)

    assert read({"time_utc": made} | leads).shape == (4, 5)
    with pytest.raises(InputError, match=r"got none of f1 to f36\. Factors that came") as caught:
        read({"time_utc": made})
    assert len(caught.value.faults) == 1
    late = {name: values[1:] for name, values in leads.items()}
    with pytest.raises(InputError, match="1 of 4 steps have none"):
        read({"time_utc": made[1:]} | late)
    leads["f7"] = np.where(np.arange(24) == 5, np.nan, 0.4)
    with pytest.raises(InputError, match=r"f1 to f36 must be numbers.*\(row 6\)"):
        read({"time_utc": made} | leads)


def test_a_type_without_any_value_is_refused(tmp_path: Path):
    times = [START + timedelta(hours=k) for k in range(48)]
    table = {
        "time_utc": times,
        "gas_mw": [5.0] * 48,
        "wind_mw": pl.Series([None] * 48, dtype=pl.Float64),
    }
    pl.DataFrame(table).write_parquet(tmp_path / "types.parquet")
    with pytest.raises(InputError, match="wind_mw must have values"):
        by_type.read(tmp_path / "types.parquet")
