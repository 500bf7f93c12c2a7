"""Coordinates beside a feeder are found by the file's name, however their lines are written."""

from pathlib import Path

import pytest

from evergrid.data.files import bus_coordinates


@pytest.mark.parametrize(
    "name",
    ["BusCoords.csv", "Buscoords.dss", "busxy.csv", "IEEE13Node_BusXY.csv", "Bus_Coords.txt"],
)
def test_files_are_found_by_their_name(name: str, tmp_path: Path):
    (tmp_path / name).write_text("a, 1, 2\n")
    (tmp_path / "Lines.dss").write_text("b, 3, 4\n")
    (found,) = bus_coordinates.beside(tmp_path / "master.dss")
    assert found.name == name
    assert found.place == {"a": (1.0, 2.0)}


@pytest.mark.parametrize(
    "line",
    [
        "A,1.5,-2e3",
        "a, 1.5, -2e3 ! here",
        "a;1.5;-2e3",
        "a\t1.5\t-2e3",
        "a 1.5  -2e3",
        '"a", 1.5,-2e3,',
    ],
)
def test_lines_may_be_written_in_many_ways(line: str, tmp_path: Path):
    (tmp_path / "busxy.csv").write_text(f"Bus, X, Y\n// a remark\n{line}\n")
    (found,) = bus_coordinates.beside(tmp_path / "master.dss")
    assert found.place == {"a": (1.5, -2000.0)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_names_with_umlauts_are_read(encoding: str, tmp_path: Path):
    (tmp_path / "busxy.csv").write_bytes("M\u00dchle, 1, 2\n".encode(encoding))
    (found,) = bus_coordinates.beside(tmp_path / "master.dss")
    assert found.place == {"m\u00fchle": (1.0, 2.0)}


@pytest.mark.parametrize("line", ["a, nan, 1", "a, 1, inf", "a, 1", "a, 1, 2, 3", "New Line.l", ""])
def test_what_is_no_place_is_left_out(line: str, tmp_path: Path):
    (tmp_path / "busxy.csv").write_text(line)
    assert bus_coordinates.beside(tmp_path / "master.dss") == []


def test_a_folder_of_that_name_and_the_master_itself_are_no_files_of_coordinates(tmp_path: Path):
    (tmp_path / "buscoords.csv").mkdir()
    (tmp_path / "busxy.dss").write_text("a, 1, 2\n")
    assert bus_coordinates.beside(tmp_path / "busxy.dss") == []
    assert bus_coordinates.beside(tmp_path / "gone" / "master.dss") == []
