"""Does the study tell who wears the tap changers out, and refuse what it cannot mean?"""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core import config as config_file
from evergrid.core.errors import EvergridError
from evergrid.studies import volt_var
from evergrid.studies.volt_var import Config, Result, fleet
from tests.grid.cases import street

EXAMPLES = Path(__file__).parents[3] / "examples"
SHORT = {"study": "volt_var", "hours": 6.0}


def config(**more: object) -> Config:
    return config_file.parse(Config, SHORT | more)


@pytest.fixture(scope="module")
def result() -> Result:
    return volt_var.run(config(signal={"noise": 0.5}), seed=3)


def test_the_modes_are_compared_on_the_same_day(result: Result) -> None:
    rows = {row["mode"]: row for row in result.summary["modes"]}
    assert list(rows) == ["none", "unity", "category_a", "category_b", "compensation"]
    assert rows["none"]["fleet_kvarh"] == rows["unity"]["fleet_kvarh"] == 0
    assert rows["compensation"]["fleet_kvarh"] > 0
    assert rows["unity"]["tap_operations"] > rows["compensation"]["tap_operations"]
    assert result.summary["best_mode"] in rows
    less = rows[result.summary["best_mode"]]["tap_operations"] / rows["unity"]["tap_operations"]
    assert result.summary["best_against_usual"] == pytest.approx(less - 1)
    assert less < 1


def test_tables_agree_with_the_summary(result: Result) -> None:
    operations = result.tables["operations"].filter(pl.col("kind") == "tap")
    counts = dict(operations.group_by("mode").agg(pl.col("operations").sum()).iter_rows())
    moves = result.tables["taps"].with_columns(
        pl.col("position").diff().abs().over("mode", "device").alias("moved")
    )
    moved = dict(moves.group_by("mode").agg(pl.col("moved").sum()).iter_rows())
    for row in result.summary["modes"]:
        assert counts[row["mode"]] == row["tap_operations"] == moved[row["mode"]]
    voltages = result.tables["voltages"]
    assert len(voltages) == 5 * result.summary["steps"]
    low = dict(voltages.group_by("mode").agg(pl.col("low_pu").min()).iter_rows())
    assert all(low[row["mode"]] == row["low_pu"] for row in result.summary["modes"])


def test_the_same_seed_gives_the_same_day_and_another_one_another(result: Result) -> None:
    again = volt_var.run(config(signal={"noise": 0.5}), seed=3)
    assert again.summary == result.summary
    other = volt_var.run(config(signal={"noise": 0.5}), seed=4)
    assert other.summary["modes"] != result.summary["modes"]


def test_the_folder_holds_every_output(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(volt_var.STUDY.outputs)
    shapes = json.loads((tmp_path / "out" / "feeder.geojson").read_text(encoding="utf-8"))
    points = [f for f in shapes["features"] if f["geometry"]["type"] == "Point"]
    assert any(f["properties"]["unity_high_pu"] is not None for f in points)
    again = config_file.read(Config, tmp_path / "out" / "config.toml")
    assert again == result.config


def test_every_figure_and_the_text_can_be_made(result: Result) -> None:
    assert len(result.figures()) == 5
    assert result.console_lines()[0].startswith("answer    Without V2G")
    page = result.report()
    assert "Own R/X compensation" in page


def test_a_signal_and_a_load_of_ones_own_are_read(tmp_path: Path) -> None:
    steps = 24
    pl.DataFrame({"power_pu": np.linspace(-1, 1, steps)}).write_csv(tmp_path / "signal.csv")
    pl.DataFrame({"load_pu": np.full(steps, 0.8)}).write_csv(tmp_path / "load.csv")
    asked = config(
        step_min=15.0,
        modes=["unity", "custom"],
        signal={"file": "signal.csv"},
        load={"file": "load.csv"},
        inverter={"volt_watt": True, "priority": "reactive", "reference_s": 300.0},
    )
    found = volt_var.run(asked, folder=tmp_path)
    np.testing.assert_allclose(
        found.findings.fleet_kw, found.summary["fleet_kw"] * np.linspace(-1, 1, steps), atol=1e-9
    )


def test_a_feeder_without_tap_changers_is_still_told(tmp_path: Path) -> None:
    text = (
        "New Circuit.small bus1=a basekv=0.4 pu=1.0 phases=3\n"
        "New Line.l bus1=a bus2=b r1=0.1 x1=0.1 r0=0.1 x0=0.1 c1=0 c0=0 length=1\n"
        "New Load.home bus1=b phases=3 kv=0.4 kw=20 pf=0.95\n"
        "Set VoltageBases=[0.4]\nCalcVoltageBases\n"
    )
    (tmp_path / "small.dss").write_text(text)
    found = volt_var.run(config(feeder={"file": "small.dss"}, hours=1.0), folder=tmp_path)
    assert found.summary["best_against_none"] is None
    assert "nothing to wear out" in found.console_lines()[0]
    assert found.summary["modes"][0]["tap_operations"] == 0
    found.write(tmp_path / "out")
    assert "no coordinates" in found.report()


def test_a_generator_keeps_its_power_and_is_no_place_for_vehicles(tmp_path: Path) -> None:
    more = "New Generator.roof bus1=c.1 phases=1 kv=0.23 kw=4 pf=1\n"
    asked = {"modes": ["none"], "load": {"lowest": 0.0, "highest": 0.0}, "hours": 1.0}
    everywhere = {"fleet": {"place_share": 1.0}, "feeder": {"file": str(street(tmp_path, more))}}
    found = volt_var.run(config(**everywhere, **asked), folder=tmp_path)
    (roof,) = np.flatnonzero(~found.findings.feeder.branches.is_load)
    assert found.findings.feeder.branches.name[roof] == "roof"
    assert found.summary["places"] == 4
    assert found.summary["load_kw"] == pytest.approx(12)
    assert found.summary["fleet_kw"] == pytest.approx(0.4 * 12)
    rated = fleet.places(found.findings.feeder, found.config.fleet, seed=0)
    assert rated[roof] == 0
    assert found.findings.series.high_pu[0, 0] > found.findings.series.low_pu[0, 0] + 1e-3


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"modes": ["unity", "unity"]}, "modes must be unique"),
        ({"modes": ["volt_war"]}, "modes"),
        ({"hours": 0.01}, "whole number of steps"),
        ({"step_min": 0.0}, "step_min"),
        ({"modes": ["custom"], "custom": {"voltage_pu": [0.5, 0.98, 1.02, 1.08]}}, "1547"),
        ({"modes": ["custom"], "custom": {"reactive_pu": [-0.4, 0.0, 0.0, 0.4]}}, "High voltage"),
        ({"feeder": {"file": "nowhere.dss"}}, "nowhere.dss"),
        ({"signal": {"file": "nowhere.csv"}}, "nowhere.csv"),
        ({"fleet": {"place_share": 0.0}}, "place_share"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(
    more: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(EvergridError) as refused:
        volt_var.run(config(**more), folder=tmp_path)
    assert says in str(refused.value)


def test_a_short_or_broken_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("power_pu\n0.5\n")
    (tmp_path / "other.csv").write_text("kw\n0.5\n")
    for file, says in (("short.csv", "a number in each"), ("other.csv", "Its columns are kw")):
        with pytest.raises(EvergridError, match=says):
            volt_var.run(config(signal={"file": file}), folder=tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["volt_var_ieee34", "volt_var_ieee123"])
def test_own_compensation_spares_taps_where_the_default_curve_hardly_does(
    name: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRID_DATA", str(data_folder.resolve()))
    path = EXAMPLES / f"{name}.toml"
    found = volt_var.run(config_file.read(Config, path), folder=EXAMPLES)
    taps = {row["mode"]: row["tap_operations"] for row in found.summary["modes"]}
    assert taps["unity"] > 5 * taps["none"]
    assert 0.5 * taps["unity"] < taps["category_b"] < taps["unity"]
    assert taps["compensation"] < 0.35 * taps["unity"]
