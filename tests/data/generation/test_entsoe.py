from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.data.generation import entsoe

START = datetime(2019, 1, 1, tzinfo=UTC)


def table(**more: list[float | None]) -> pl.DataFrame:
    columns = {
        "time_utc": [START + timedelta(minutes=15 * k) for k in range(8)],
        "nuclear_mw": [900.0] * 8,
        "fossil_gas_mw": [100.0, 120.0, None, 140.0, 0.0, 0.0, 8.0, 8.0],
    }
    return pl.DataFrame(columns | more)


def test_generation_is_read_by_type_and_averaged_over_hours(saved: Callable[..., Path]):
    read, filled = entsoe.read_generation(saved(table()), gap="hold")
    assert filled == 1
    assert read.unit_type.tolist() == ["nuclear", "fossil_gas"]
    assert read.on(TimeGrid(START, 1.0, 2)).tolist() == [[900, 900], [120, 4]]
    assert read.of("nuclear", "fossil_gas")[:2].tolist() == [1000, 1020]
    with pytest.raises(InputError, match="be among nuclear, fossil_gas, got oil"):
        read.of("oil")


def test_an_empty_cell_is_refused_with_its_row_unless_it_may_be_filled(
    saved: Callable[..., Path],
):
    with pytest.raises(InputError, match=r"fossil_gas_mw must not be empty.*row 3"):
        entsoe.read_generation(saved(table()))


def test_a_first_cell_that_is_empty_has_nothing_before_it(saved: Callable[..., Path]):
    with pytest.raises(InputError, match="wind must be finite"):
        entsoe.read_generation(saved(table(wind_mw=[None, *[1.0] * 7])), gap="hold")


def test_only_storage_may_draw(saved: Callable[..., Path]):
    pumped = table(hydro_pumped_storage_mw=[-50.0, *[1.0] * 7])
    read, _ = entsoe.read_generation(saved(pumped), gap="hold")
    assert read.of("hydro_pumped_storage")[0] == -50
    with pytest.raises(InputError, match="solar must be finite, and at least 0"):
        entsoe.read_generation(saved(table(solar_mw=[-1.0, *[1.0] * 7])), gap="hold")


def test_a_missing_quarter_of_an_hour_is_told(saved: Callable[..., Path]):
    with pytest.raises(InputError, match="follow the row before by 15 min"):
        entsoe.read_generation(saved(table()[[0, 1, 3, 4, 5, 6, 7]]), gap="hold")


@pytest.mark.data
def test_two_german_years_are_read(data_folder: Path):
    path = data_folder / "generation" / "de_generation_by_type_2019_2020.parquet"
    read, filled = entsoe.read_generation(path, gap="hold")
    assert filled == 3
    assert read.generation_mw.shape == (16, 70_176)
    assert read.of("nuclear").mean() == pytest.approx(7700, rel=0.1)
