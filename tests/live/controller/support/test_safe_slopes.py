"""Slopes come from the study's table as it is written, and never more than it found safe."""

from pathlib import Path

import polars as pl
import pytest

from evergrid.core.errors import InputError, MissingFileError
from evergrid.live.config import StationBus
from evergrid.live.controller.support import safe_slopes
from evergrid.live.controller.support.safe_slopes import BusSlope
from evergrid.live.devices.adapter import Device
from evergrid.studies import grid_strength
from evergrid.studies.grid_strength.config import Config, Place

DEVICES = [Device(f"s{i}", "depot" if i < 2 else "675", 11.0, 11.0) for i in range(3)]


def table(folder: Path, **columns: list[object]) -> Path:
    given = {"bus": ["675", "N2"], "rating_kva": [100.0, 50.0], "advised_slope": [7.0, 2.0]}
    file = folder / "inverters.csv"
    pl.DataFrame(given | columns).write_csv(file)
    return file


def test_slopes_are_those_of_the_study(tmp_path: Path):
    config = Config(at=(Place(bus="675", rating_kva=400.0), Place(bus="634", rating_kva=100.0)))
    result = grid_strength.run(config)
    result.write(tmp_path)
    found = safe_slopes.read(tmp_path)
    rows = {row["bus"]: row for row in result.tables["inverters"].to_dicts()}
    assert set(found) == {"675", "634"}
    for bus, one in found.items():
        assert one.slope == rows[bus]["advised_slope"]
        assert one.rating_kva == rows[bus]["rating_kva"]


def test_a_station_is_at_its_own_bus_its_sites_bus_or_the_bus_of_its_sites_name(tmp_path: Path):
    buses = safe_slopes.read(table(tmp_path))
    at = [StationBus(bus="n2", site="depot"), StationBus(bus="675", station="s1")]
    assert safe_slopes.of_stations(buses, DEVICES, at) == {"s0": 2.0, "s1": 7.0, "s2": 7.0}
    assert safe_slopes.of_stations(buses, DEVICES, []) == {"s2": 7.0}


def test_more_than_the_study_knew_lessens_slopes_in_proportion():
    buses = {"675": BusSlope(6.0, 11.0)}
    devices = [Device(f"s{i}", "675", 11.0, 11.0) for i in range(3)]
    assert safe_slopes.of_stations(buses, devices, []) == pytest.approx(
        {"s0": 2.0, "s1": 2.0, "s2": 2.0}
    )


def test_the_least_of_several_inverters_at_a_bus_counts(tmp_path: Path):
    file = table(tmp_path, bus=["A", "a"])
    assert safe_slopes.read(file) == {"a": BusSlope(2.0, 150.0)}


def test_what_is_no_table_of_slopes_is_refused(tmp_path: Path):
    with pytest.raises(MissingFileError, match="grid_strength"):
        safe_slopes.read(tmp_path / "nothing.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(InputError, match="be a table inverters"):
        safe_slopes.read(tmp_path / "text.parquet")
    (tmp_path / "other.csv").write_text("bus,slope\n675,3\n")
    with pytest.raises(InputError, match="advised_slope"):
        safe_slopes.read(tmp_path / "other.csv")
    with pytest.raises(InputError, match="advised_slope"):
        safe_slopes.read(table(tmp_path, advised_slope=[-1.0, 2.0]))
    with pytest.raises(InputError, match="advised_slope"):
        safe_slopes.read(table(tmp_path, advised_slope=[None, 2.0]))
