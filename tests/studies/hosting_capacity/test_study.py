"""Hosting capacity end to end: what is told, what is written, and what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core import config as config_file
from evergrid.core.errors import InputError, MissingFileError
from evergrid.studies import hosting_capacity as study
from evergrid.studies.hosting_capacity import Config, Result, report
from tests.grid.cases import street

SMALL: dict[str, Any] = {
    "study": "hosting_capacity",
    "time_zone": "Europe/Amsterdam",
    "places": {"vehicles_per_load": 9},
    "limits": {"low_pu": 0.94, "transformer": 1.0, "transformer_mean": 0.8},
    "sampling": {"vehicle_counts": 7, "draws": 40, "vehicle_days": 60, "step_min": 60},
}


def configured(folder: Path, **changes: Any) -> Config:
    raw = {**SMALL, "feeder": {"file": str(street(folder))}} | changes
    return config_file.parse(Config, raw)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("street")
    return study.run(configured(folder, controls=["unity", "compensation"]), seed=1, folder=folder)


def test_every_case_stands_beside_the_others(result: Result):
    cases = [case["case"] for case in result.summary["cases"]]
    behaviours = ("charge", "charge_evenly", "feed")
    assert cases == [name for b in behaviours for name in (b, f"{b} compensation")]
    for case in result.summary["cases"]:
        assert case["vehicles_5"] <= case["vehicles_50"] <= case["vehicles_95"]


def test_charging_evenly_lets_more_vehicles_in_than_charging_on_arrival(result: Result):
    fits = {case["case"]: case["vehicles_50"] for case in result.summary["cases"]}
    assert 0 < fits["charge"] <= fits["charge_evenly"]
    assert fits["charge"] < result.summary["vehicles_everybody"]


def test_tables_agree_with_one_another(result: Result):
    draws, curve = result.tables["draws"], result.tables["curve"]
    for (case,), own in draws.group_by(["case"]):
        levels = curve.filter(pl.col("case") == case)
        most = int(levels["vehicles"].max())  # pyright: ignore[reportArgumentType]
        failed = (own["vehicles"] < most).sum() / len(own)
        assert failed >= levels["probability"][-1] - 1e-9
        stopped = result.tables["stoppers"].filter(pl.col("case") == case)["share"].sum()
        assert stopped == pytest.approx(failed)
    assert (curve["low"] <= curve["probability"]).all()
    assert (curve["probability"] <= curve["high"]).all()


def test_the_result_is_written_whole(result: Result, tmp_path: Path):
    out = tmp_path / "results"
    result.write(out)
    assert {path.name for path in out.iterdir()} == set(study.STUDY.outputs)
    told = json.loads((out / "feeder.geojson").read_text())
    assert told["type"] == "FeatureCollection"
    again = config_file.read(Config, out / "config.toml")
    assert again == result.config


def test_transformers_are_told_by_their_fullest_phase_and_as_a_whole(result: Result):
    table, limits = result.tables["transformers"], result.findings.limits
    power = (limits.case.base_kw.T, limits.case.base_kvar.T)
    base = limits.evaluator.transformer_loads(limits.base_steps, *power)
    assert table["transformer"].to_list() == ["station"]
    assert table["rating_kva"].to_list() == [100.0]
    assert table["fullest_phase"].to_list() == [base.phase.max()]
    assert table["total"].to_list() == [base.total.max()]
    assert base.phase.max() > base.total.max()
    assert str(table["fullest_place"][0]).startswith("station winding ")


def test_a_load_between_phases_is_named_by_both(tmp_path: Path):
    more = "New Load.between bus1=c.1.2 phases=1 kv=0.4 kw=2"
    (tmp_path / "between").mkdir()
    feeder = {"file": str(street(tmp_path / "between", more))}
    table = study.run(configured(tmp_path, feeder=feeder), folder=tmp_path).tables["places"]
    phase = dict(table.select("load", "phase").iter_rows())
    assert phase["between"] == "1.2"
    assert phase["home1"] == "1"


def test_a_feeder_without_coordinates_is_told_where_its_map_would_be(result: Result):
    assert any("no coordinates" in note for note in result.summary["notes"])
    figures = result.figures()
    assert "export_map" not in figures
    for way in ("export", "import"):
        title = figures[f"{way}_map_by_distance"].to_dict()["layout"]["title"]
        assert "no coordinates" in title["subtitle"]["text"]
    assert "Buses that are on no map" in result.report()


def test_the_summary_claims_what_the_draws_hold(result: Result):
    draws, everybody = result.tables["draws"], result.summary["vehicles_everybody"]
    for case in result.summary["cases"]:
        fits = draws.filter(pl.col("case") == case["case"])["vehicles"].to_numpy()
        (line,) = (text for text in result.console_lines() if text.split("  ")[0] == case["case"])
        least = int(re.search(r"at least ([\d,]+) vehicles fit in 95 %", line)[1].replace(",", ""))  # type: ignore[index]
        assert np.mean(fits >= least) >= 0.95
        if least < everybody:
            assert np.mean(fits > least) < 0.95
            half = int(re.search(r"([\d,]+) in 50 %", line)[1].replace(",", ""))  # type: ignore[index]
            assert np.mean(fits >= half) >= 0.5
        else:
            assert "all that were tried" in line


def test_a_quantile_beyond_which_nothing_was_tried_is_told_as_at_least(result: Result):
    summary = dict(result.summary)
    everybody = summary["vehicles_everybody"]
    fit = {"vehicles_5": everybody - 2.0, "vehicles_50": everybody - 1.0}
    fit["vehicles_95"] = float(everybody)
    summary["cases"] = [summary["cases"][0] | fit]
    told = "\n".join(report.console_lines(replace(result, summary=summary)))
    assert f", {everybody - 1:,} in 50 %, at least {everybody:,} in 5 %" in told


def test_what_more_was_not_tried_of_is_told_as_at_least(tmp_path: Path):
    changes = {"cases": ["charge"], "most_kw": 0.5, "places": {"vehicles_per_load": 1}}
    found = study.run(configured(tmp_path, **changes), folder=tmp_path)
    assert found.summary["place_import_kw"] == [0.5, 0.5]
    told = "\n".join(found.console_lines())
    assert "feeds at least 0.5 kW, draws at least 0.5 kW more" in told
    assert "each vehicle feeds at least 0.50 kW" in told
    assert "at least 0.50" in found.report()


def test_lines_without_a_rating_are_told_beside_the_numbers(tmp_path: Path):
    more = "New Line.bare bus1=c bus2=d r1=.1 x1=.1 r0=.1 x0=.1 length=0.01"
    (tmp_path / "bare").mkdir()
    feeder = {"file": str(street(tmp_path / "bare", more))}
    found = study.run(configured(tmp_path, feeder=feeder, cases=["charge"]), folder=tmp_path)
    assert (found.summary["lines"], found.summary["lines_unrated"]) == (3, 1)
    words = "current of 1 of 3 lines not judged: no rating"
    assert sum(words in line for line in found.console_lines()) == 2
    assert found.report().count(words) >= 4  # on each card with a number that leans on it


def test_the_same_seed_gives_the_same_result(result: Result, tmp_path: Path):
    again = study.run(
        configured(tmp_path, controls=["unity", "compensation"]), seed=1, folder=tmp_path
    )
    assert again.tables["draws"].equals(result.tables["draws"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"limits": {"low_pu": 1.2}}, "high_pu must lie above low_pu"),
        ({"cases": ["feed", "feed"]}, "cases must name each once"),
        ({"controls": ["unity", "unity"]}, "controls must name each once"),
        ({"controls": ["category_c"]}, "controls"),
        ({"time_zone": "Mars/Base"}, "Mars/Base"),
        ({"sampling": {"step_min": 7}}, "step_min must divide a day"),
        ({"places": {"vehicles": 3}}, "Did you mean"),
        ({"sampling": {"levels": 3}}, "new name: write vehicle_counts"),
        ({"limits": {"worsening": 0.1}}, "new name: write base_violation_tolerance"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
):
    with pytest.raises(InputError, match=says):
        configured(tmp_path, **changes)


def test_feeding_without_v2g_says_what_to_give(tmp_path: Path):
    fleet = {
        "place": "home",
        "vehicles": 5,
        "sites": ["street"],
        "time_zone": "Europe/Amsterdam",
        "max_discharge_kw": 0.0,
    }
    with pytest.raises(InputError, match="max_discharge_kw, or leave the case out"):
        study.run(configured(tmp_path, fleet=[fleet]), folder=tmp_path)


def test_ratings_of_unknown_line_codes_are_told_the_known_ones(tmp_path: Path):
    feeder = {
        "file": str(street(tmp_path)),
        "line_rating": [{"code": "nothing", "rating_a": 100.0}],
    }
    with pytest.raises(InputError, match="Its line codes are cable"):
        study.run(configured(tmp_path, feeder=feeder), folder=tmp_path)


def test_places_for_nobody_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="parking places must be at least 1"):
        study.run(configured(tmp_path, places={"vehicles_per_kw": 0.01}), folder=tmp_path)


def test_a_missing_feeder_is_named(tmp_path: Path):
    with pytest.raises(MissingFileError, match="gone"):
        study.run(configured(tmp_path, feeder={"file": "gone.dss"}), folder=tmp_path)


def test_a_generator_keeps_its_power_and_is_no_place_for_vehicles(tmp_path: Path):
    more = "New Generator.roof bus1=c.1 phases=1 kv=0.23 kw=4 pf=1\n"
    more += "New Capacitor.bank bus1=c phases=3 kv=0.4 kvar=1"
    (tmp_path / "roofs").mkdir()
    feeder = {"file": str(street(tmp_path / "roofs", more))}
    config = configured(tmp_path, feeder=feeder, cases=["charge"])
    case = study.run(config, folder=tmp_path).findings
    branches = case.limits.case.branches
    (roof,) = np.flatnonzero(~branches.is_load)
    assert branches.name[roof] == "roof"
    assert case.limits.case.base_kw[roof] == pytest.approx(np.full(24, 4.0), rel=1e-2)
    assert roof not in case.deployments.parking.branch
