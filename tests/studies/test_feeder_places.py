"""Whatever coordinates a feeder has, each place with a value is on a map, in a diagram or both."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array
from evergrid.grid.feeder import geojson, opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.inputs.feeder.source import FeederSource
from evergrid.report.drawing import draw_each
from evergrid.report.page import Table
from evergrid.studies.feeder_places import FeederPlaces, Shade
from tests.grid.cases import street

NAN = np.nan
SHADE = Shade("Room", "Room", "kW")
ROOM = np.array([NAN, NAN, 2.0, 1.0])  # of source, a, b, c: only the last two have loads
KINDS = {  # coordinates of source, a, b, c; figures; what the note says
    "all": ([0, 1, 2, 3], [0, 0, 1, 1], ["map"], ""),
    "some with loads": (
        [0, 1, 2, NAN],
        [0, 0, 1, NAN],
        ["map", "map_by_distance"],
        "of 1 of the 2",
    ),
    "none with loads": ([0, 1, NAN, NAN], [0, 1, NAN, NAN], ["map", "map_by_distance"], "of 2 of"),
    "none": ([NAN] * 4, [NAN] * 4, ["map_by_distance"], "no coordinates"),
    "same x": ([5, 5, 5, 5], [0, 1, 2, 3], ["map"], ""),
    "same y": ([4.90, 4.91, 4.92, 4.93], [52.3] * 4, ["map"], ""),
    "degrees": ([4.90, 4.9001, 4.9002, 4.9003], [52.37, 52.3701, 52.37, 52.3702], ["map"], ""),
    "one point": ([7] * 4, [7] * 4, ["map_by_distance"], "same point"),
    "half given": ([0, 1, 2, 3], [0, 1, 2, NAN], ["map", "map_by_distance"], "of 1 of the 2"),
    "infinite": ([0, 1, 2, np.inf], [0, 1, 2, 3], ["map", "map_by_distance"], "of 1 of the 2"),
}


@pytest.fixture(scope="module")
def feeder(tmp_path_factory: pytest.TempPathFactory) -> Feeder:
    return opendss.read(street(tmp_path_factory.mktemp("street")))


def at(feeder: Feeder, x: list[float], y: list[float]) -> Feeder:
    places = replace(feeder.buses, x=np.array(x, float), y=np.array(y, float))
    return replace(feeder, buses=places)


def across(figure: Figure, axis: str) -> Array:
    """Coordinates of the places of a figure, which stand over its wires."""
    return np.asarray(getattr(figure.data[1], axis), float)


def shown(values: Array) -> int:
    return int(np.isfinite(np.asarray(values, float)).sum())


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_coordinates_is_drawn(kind: str, feeder: Feeder):
    x, y, names, says = KINDS[kind]
    places = FeederPlaces.with_branches(at(feeder, x, y))
    found = draw_each(places.drawings("map", lambda: ROOM, SHADE)).figures
    assert list(found) == names
    assert says in places.note
    assert bool(places.note) == ("map_by_distance" in names)
    for figure in found.values():
        assert places.note == (figure.layout.title.subtitle.text or "")  # type: ignore[reportAttributeAccessIssue]
    if "map" in found:
        axes = found["map"].layout.xaxis.range, found["map"].layout.yaxis.range  # type: ignore[reportAttributeAccessIssue]
        given = np.isfinite(x) & np.isfinite(y)
        for (low, high), values in zip(axes, (x, y), strict=True):
            inside = np.array(values)[given]
            assert low < inside.min() <= inside.max() < high
            widest = max(np.ptp(np.array(side)[given]) for side in (x, y))
            assert high - low < 1.2 * widest  # not the range of 2 that a straight line would get
    if "map_by_distance" in found:
        assert shown(across(found["map_by_distance"], "y")) == 2
    (table,) = places.table({"room, kW": ROOM}, worst_first=ROOM, elsewhere="x") or [None]
    assert (table is None) == (not places.note)
    if table is not None:
        assert isinstance(table.content, Table)
        missing = [row[0] for row in table.content.rows]
        assert missing == [n for n in ("c", "b") if places.missing[feeder.buses.row[n]]]


def test_a_feeder_of_one_bus_is_drawn(tmp_path: Path):
    (tmp_path / "one.dss").write_text(
        "New Circuit.one bus1=a basekv=0.4 phases=3\nNew Load.l bus1=a phases=3 kv=0.4 kw=1\n"
        "Set VoltageBases=[0.4]\nCalcVoltageBases\nSetBusXY Bus=a X=1 Y=1\n"
    )
    places = FeederPlaces.everywhere(opendss.read(tmp_path / "one.dss"))
    made = draw_each(places.drawings("map", lambda: np.ones(1), SHADE)).figures
    assert list(made) == ["map_by_distance"]
    assert list(across(made["map_by_distance"], "x")) == [0.0]


def test_a_map_without_any_value_still_shows_what_has_a_place(feeder: Feeder):
    places = FeederPlaces.everywhere(at(feeder, [0, 1, 2, 3], [0, 1, 0, 1]))
    made = draw_each(places.drawings("map", lambda: np.full(4, NAN), SHADE)).figures
    assert shown(across(made["map"], "x")) == 4


def test_a_map_file_keeps_what_has_no_place(feeder: Feeder):
    text = geojson.text(at(feeder, [0, 1, NAN, NAN], [0, 1, NAN, NAN]), {"room_kw": ROOM})
    features = {f["properties"]["name"]: f for f in json.loads(text)["features"]}
    assert features["source"]["geometry"] == {"type": "Point", "coordinates": [0.0, 0.0]}
    assert features["c"] == {
        "type": "Feature",
        "geometry": None,
        "properties": {"name": "c", "room_kw": 1.0},
    }
    assert features["first"]["geometry"] is None


def test_a_file_beside_the_master_gives_places_and_says_so(tmp_path: Path):
    source = FeederSource(file=str(street(tmp_path)))
    (tmp_path / "busxy.csv").write_text("x, 1, 1\n")
    unknown = source.read(tmp_path)
    assert not np.isfinite(unknown.buses.x).any()
    assert any("busxy.csv" in n and "names none of the feeder's buses" in n for n in unknown.notes)
    (tmp_path / "BusCoords.csv").write_text("Source, 0, 0\nA, 1, 2\nb, 3, 4\nc, nan, 4\n")
    found = source.read(tmp_path)
    places = dict(zip(found.buses.name, found.buses.x, strict=True))
    assert [places[name] for name in ("source", "a", "b")] == [0.0, 1.0, 3.0]
    assert np.isnan(places["c"])
    assert any("BusCoords.csv" in n and "3 of 4 buses" in n for n in found.notes)


def test_coordinates_that_the_master_gives_are_left_alone(tmp_path: Path):
    path = street(tmp_path)
    path.write_text(path.read_text() + "SetBusXY Bus=a X=9 Y=9\n")
    (tmp_path / "BusCoords.csv").write_text("a, 1, 2\nb, 3, 4\n")
    found = FeederSource(file=str(path)).read(tmp_path)
    assert dict(zip(found.buses.name, found.buses.x, strict=True))["a"] == 9
    assert not any("BusCoords" in note for note in found.notes)
