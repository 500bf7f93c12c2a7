from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError, MissingFileError
from evergrid.data.generation import rts_gmlc

UNITS: dict[str, list[Any]] = {
    "GEN UID": ["101_CT_1", "101_STEAM_2", "122_WIND_1"],
    "Bus ID": [101, 101, 122],
    "Unit Type": ["CT", "STEAM", "WIND"],
    "Fuel": ["Oil", "Coal", "Wind"],
    "PMax MW": [20, 100, 700],
    "PMin MW": [8, 40, 0],
    "Ramp Rate MW/Min": [3, 2, 700],
    "Min Up Time Hr": [1, 8, 0],
    "Min Down Time Hr": [1, 4, 0],
    "Start Heat Cold MBTU": [5, 1000, 0],
    "Non Fuel Start Cost $": [0, 10, 0],
    "Fuel Price $/MMBTU": [10.0, 2.0, 0],
    "VOM": ["NA", "1", "0"],
    **{f"Output_pct_{i}": [0.4 + 0.3 * i, 0.4 + 0.3 * i, "0"] for i in range(3)},
    **{f"Output_pct_{i}": ["NA", "NA", "NA"] for i in (3, 4)},
    "HR_avg_0": ["13000", "11000", "0"],
    "HR_incr_1": ["9000", "8000", "0"],
    "HR_incr_2": ["9500", "9000", "0"],
    "HR_incr_3": ["NA"] * 3,
    "HR_incr_4": ["NA"] * 3,
    **{name: ["100", "200", "0"] for name in rts_gmlc.POLLUTANTS.values()},
}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the units above, cells of some columns replaced."""

    def write(columns: dict[str, list[Any]] | None = None) -> Path:
        cells = (UNITS | (columns or {})).items()
        table = {name: [str(cell) for cell in column] for name, column in cells}
        pl.DataFrame(table).write_csv(tmp_path / "gen.csv")
        return tmp_path

    return write


def test_units_that_burn_something_are_read_with_their_segments(folder: Callable[..., Path]):
    fleet = rts_gmlc.read_generators(folder())
    assert fleet.unit_id.tolist() == ["101_CT_1", "101_STEAM_2"]
    assert fleet.unit_type.tolist() == ["oil_ct", "coal_steam"]
    assert fleet.segment_mw == pytest.approx([8, 6, 6, 40, 30, 30])
    assert fleet.cost_per_mwh == pytest.approx([130, 90, 95, 23, 17, 19])
    assert fleet.start_cost.tolist() == [50, 2010]
    assert fleet.ramp_mw_per_h.tolist() == [180, 120]
    assert fleet.emissions_of("co2")[0] == pytest.approx(13 * 100 * 0.45359237)


def test_a_pollutant_that_some_unit_does_not_tell_is_left_out(folder: Callable[..., Path]):
    path = folder({rts_gmlc.POLLUTANTS["so2"]: ["1", "Unit-specific", "0"]})
    assert "so2" not in rts_gmlc.read_generators(path).pollutant
    rates = {"so2": {"coal": 2.0}}
    fleet = rts_gmlc.read_generators(path, unit_specific_lb_per_mmbtu=rates)
    assert fleet.emissions_of("so2")[[0, 3]] == pytest.approx(np.array([13, 22]) * 0.45359237)


def test_a_cell_that_is_no_number_is_told_with_its_row(folder: Callable[..., Path]):
    with pytest.raises(InputError, match=r"PMax MW must be a number, got 20 MW \(row 1\)"):
        rts_gmlc.read_generators(folder({"PMax MW": ["20 MW", "100", "700"]}))


def test_a_folder_without_the_files_is_told(tmp_path: Path):
    with pytest.raises(MissingFileError):
        rts_gmlc.read_generators(tmp_path)


def series(**more: list[float]) -> pl.DataFrame:
    hours = pl.datetime_range(
        pl.datetime(2020, 1, 1), pl.datetime(2020, 1, 1, 2), "1h", eager=True, time_unit="us"
    )
    columns = {
        "load_area_1": [100.0, 90.0, 80.0],
        "load_area_2": [10.0, 9.0, 8.0],
        "wind_1": [5.0, 6.0, 7.0],
        "pv_1": [0.0, 0.0, 1.0],
        "rtpv_1": [0.0, 0.0, 2.0],
        "hydro_1": [3.0, 3.0, 3.0],
    }
    return pl.DataFrame({"time_local": hours} | columns | more)


def test_load_and_sources_are_summed_over_areas_and_units(tmp_path: Path):
    series(wind_2=[1.0, 1.0, 1.0]).write_parquet(tmp_path / rts_gmlc.SERIES)
    load = rts_gmlc.read_system_load(tmp_path, utc_offset_h=-7.0)
    assert load.load_mw.tolist() == [110, 99, 88]
    assert load.available_mw[:, 2].tolist() == [8, 1, 2, 3]
    assert load.grid.start_utc.isoformat() == "2020-01-01T07:00:00+00:00"


def test_an_hour_that_is_missing_is_told(tmp_path: Path):
    series()[[0, 2]].write_parquet(tmp_path / rts_gmlc.SERIES)
    with pytest.raises(InputError, match=r"time_local must rise by an hour.*\(row 2\)"):
        rts_gmlc.read_system_load(tmp_path)


def test_a_source_that_is_missing_is_told(tmp_path: Path):
    series().drop("wind_1").write_parquet(tmp_path / rts_gmlc.SERIES)
    with pytest.raises(InputError, match=r"wind_\.\.\. must begin the name of a column"):
        rts_gmlc.read_system_load(tmp_path)
