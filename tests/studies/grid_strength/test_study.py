"""The study judges a feeder from end to end, and says what is wrong with what it is given."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core import config as config_file
from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.studies import grid_strength

EXAMPLES = Path(__file__).parents[3] / "examples"
SMALL: dict[str, Any] = {"operation": {"steps": 20}}
FEEDER = """New Circuit.made bus1=a basekv=4.16 phases=3 R1=0.5 X1=1 R0=0.5 X0=1
New Line.l1 bus1=a bus2=b r1=0.1 x1=0.2 r0=0.1 x0=0.2 c1=0 c0=0 length=1
New Line.dead bus1=c bus2=d r1=0.1 x1=0.2 r0=0.1 x0=0.2 c1=3 c0=3 length=1
New Load.x bus1=b phases=3 kv=4.16 kw=100 kvar=10
Set VoltageBases=(4.16)
CalcVoltageBases
"""


def made(**changed: object) -> grid_strength.Result:
    return grid_strength.run(parse(grid_strength.Config, SMALL | changed), seed=1)


@pytest.fixture(scope="module")
def example() -> grid_strength.Result:
    path = EXAMPLES / "grid_strength.toml"
    return grid_strength.run(config_file.read(grid_strength.Config, path), folder=EXAMPLES)


def test_the_example_hunts_as_asked_and_is_calm_as_advised(example: grid_strength.Result) -> None:
    s = example.summary
    assert s["hunts"]
    assert s["loop_gain"] > s["stable_gain"] > s["highest_own_gain"]
    assert s["swing_pu"] > 0.05
    assert s["advised_swing_pu"] < 1e-6
    assert s["advised_loop_gain"] <= 0.5 * s["stable_gain"] + 1e-9
    assert s["weakest_bus"] == "652"


def test_tables_agree_with_the_summary_and_with_each_other(example: grid_strength.Result) -> None:
    s, nodes, inverters = example.summary, example.tables["nodes"], example.tables["inverters"]
    assert nodes["bus_scr"].min() == pytest.approx(s["weakest_scr"])
    assert nodes.height == s["nodes"]
    assert inverters["scr"].min() == pytest.approx(s["lowest_scr"])
    np.testing.assert_allclose(
        nodes["short_circuit_kva"],
        nodes["base_v"] ** 2
        / (nodes["resistance_ohm"] ** 2 + nodes["reactance_ohm"] ** 2).sqrt()
        / 1000,
    )
    sine = (nodes["x_over_r"].arctan()).sin()
    np.testing.assert_allclose(
        nodes["rise_pu_per_kvar"] * s["unit_kva"], sine / nodes["scr"], rtol=1e-9
    )
    at_675 = nodes.filter(pl.col("bus") == "675")
    row = inverters.filter(pl.col("inverter") == "675")
    assert row["short_circuit_kva"][0] == pytest.approx(at_675["bus_short_circuit_kva"][0])


def test_the_response_begins_at_rest_and_holds_every_inverter(
    example: grid_strength.Result,
) -> None:
    hunting = example.tables["hunting"]
    assert hunting.height == 2 * 3 * 61
    before = hunting.filter(pl.col("time_s") < 0)
    assert (before["reactive_kvar"] == 0).all()
    for setting, column in (("asked", "swing_pu"), ("advised", "advised_swing_pu")):
        last = hunting.filter((pl.col("setting") == setting) & (pl.col("time_s") > 220))
        swing = last.group_by("inverter", maintain_order=True).agg(
            pl.col("voltage_pu").max() - pl.col("voltage_pu").min()
        )
        np.testing.assert_allclose(
            swing["voltage_pu"], example.tables["inverters"][column], rtol=0.05, atol=1e-9
        )


def test_the_folder_holds_what_is_listed(example: grid_strength.Result, tmp_path: Path) -> None:
    example.write(tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(grid_strength.STUDY.outputs)
    shown = json.loads((tmp_path / "out" / "feeder.geojson").read_text(encoding="utf-8"))
    points = [f for f in shown["features"] if f["geometry"]["type"] == "Point"]
    assert len(points) == 16
    assert min(p["properties"]["scr"] for p in points) == pytest.approx(5.2, abs=0.1)
    assert set(example.figures()) == {
        "strength_map",
        "strength_curve",
        "loop_gains",
        "droop_response",
    }
    assert len(example.console_lines()) <= 10


def test_a_share_of_the_loads_is_drawn_by_the_seed() -> None:
    some = parse(grid_strength.Config, SMALL | {"share": 0.4})
    one, two, three = (grid_strength.run(some, seed=seed) for seed in (1, 1, 2))
    assert one.summary["inverters"] == 6
    assert json.dumps(one.summary) == json.dumps(two.summary)
    first, third = (run.tables["inverters"]["inverter"].to_list() for run in (one, three))
    assert first != third


def test_a_flat_slope_never_hunts_and_is_left_as_it_is() -> None:
    calm = made(droop={"slope": 0.1})
    assert not calm.summary["hunts"]
    np.testing.assert_allclose(calm.tables["inverters"]["advised_slope"], 0.1)


def test_categories_fill_in_what_is_not_given() -> None:
    gentle = made(droop={"category": "A"})
    assert gentle.summary["slope"] == pytest.approx(2.5)
    assert gentle.summary["response_s"] == 10.0
    assert made(droop={"slope": 30.0}).summary["notes"][0].startswith("The slope 30 is steeper")


def test_the_weak_feeder_hunts_with_the_default_slope(data_folder: Path) -> None:
    feeder = {"file": str(data_folder.resolve() / "feeders/34Bus/ieee34Mod1.dss")}
    found = made(feeder=feeder, at=[{"bus": "890", "rating_kva": 1200.0}])
    assert found.summary["lowest_scr"] < 3
    assert found.summary["hunts"]
    note = "IEEE34_BusXY.csv beside the feeder's master file gives coordinates of"
    assert any(note in text for text in found.summary["notes"])
    assert "strength_map" in found.figures()


def test_islands_are_noted_and_refused_as_places(tmp_path: Path) -> None:
    (tmp_path / "made.dss").write_text(FEEDER, encoding="utf-8")
    feeder = {"file": str(tmp_path / "made.dss")}
    found = made(feeder=feeder)
    assert any("No source feeds 2 buses (c, d)" in note for note in found.summary["notes"])
    dead = found.tables["nodes"].filter(pl.col("bus") == "c")
    assert dead["scr"].is_null().all()
    json.dumps(found.summary, allow_nan=False)
    with pytest.raises(InputError, match=r"bus must be fed by the source, got d.*Close a switch"):
        made(feeder=feeder, at=[{"bus": "d", "rating_kva": 10.0}])


def test_a_zero_impedance_is_refused_in_the_words_of_opendss(tmp_path: Path) -> None:
    zero = FEEDER.replace("r1=0.1 x1=0.2 r0=0.1 x0=0.2 c1=0", "r1=0 x1=0 r0=0 x0=0 c1=0")
    (tmp_path / "made.dss").write_text(zero, encoding="utf-8")
    with pytest.raises(InputError, match="Invalid impedance"):
        made(feeder={"file": str(tmp_path / "made.dss")})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"at": [{"bus": "67x", "rating_kva": 1.0}]}, "be a bus of the feeder, got 67x"),
        ({"share": 0.01}, r"share must leave one of the 15 loads, got 0\.01"),
        ({"share": 0.5, "at": [{"bus": "671", "rating_kva": 1.0}]}, "not stand beside"),
        ({"rating_kva": 0.0}, "rating_kva must be greater than 0"),
        ({"droop": {"category": "C"}}, "droop.category"),
        ({"droop": {"slopes": 3.0}}, "Did you mean slope"),
        ({"operation": {"load_share": 50.0}}, "lower load_share"),
    ],
)
def test_bad_input_names_the_key_the_rule_and_the_value(changed: Any, words: str) -> None:
    with pytest.raises((InputError, ConfigError), match=words):
        made(**changed)
