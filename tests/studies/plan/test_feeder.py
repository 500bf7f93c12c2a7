"""A plan on the built-in feeder holds, says what the wires cost, and writes what others need."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evergrid.grid.limits.kinds import OF_STEP
from evergrid.studies import plan
from evergrid.studies.plan.feeder import report
from tests.studies.feeder_cases import FEEDER, HOMES, LIMITS, planned

KEYS = {
    "name",
    "lines",
    "lines_unrated",
    "base_case_worst_pu",
    "base_case_worst_node",
    "notes",
    "holds",
    "holds_smart",
    "rounds",
    "flowgates",
    "limits_violated",
    "cost_without_network_limits",
    "network_cost",
    "steps_violated",
    "steps_violated_without_vehicles",
    "steps_violated_by_kind",
    "lowest_pu",
    "highest_line",
    "highest_transformer",
    "highest_transformer_phase",
    "highest_transformer_total",
}
STRATEGIES = ["uncontrolled", "v2g without network limits", "v2g", "smart"]
CHECK = ["strategy", "time_utc", "kind", "place", "value", "limit", "without_vehicles", "violated"]

REPOSITORY = Path(__file__).parents[3]

Made = tuple[plan.Result, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The case planned and written."""
    folder = tmp_path_factory.mktemp("feeder")
    result = planned(folder)
    result.write(folder / "out")
    return result, folder


def test_the_summary_tells_what_the_wires_ask_for(made: Made):
    summary = json.loads((made[1] / "out" / "summary.json").read_text())
    found = summary["feeder"]
    assert set(found) == KEYS
    assert found["name"] == "ieee13"
    assert found["base_case_worst_pu"] < 1e-6
    assert found["holds"] is found["holds_smart"] is True
    assert found["rounds"] >= 1
    assert found["flowgates"] > 0
    assert found["network_cost"] > 0
    assert found["limits_violated"] == {"smart": [], "v2g": []}
    assert summary["objective"] == pytest.approx(
        found["cost_without_network_limits"] + found["network_cost"]
    )
    assert summary["gap"] <= 1e-6
    assert sorted(found["steps_violated"]) == sorted(STRATEGIES)
    assert found["steps_violated"]["v2g"] == found["steps_violated"]["smart"] == 0
    assert found["steps_violated"]["v2g without network limits"] > 0
    assert set(found["steps_violated_by_kind"]) >= {"low voltage", "line", "transformer"}
    assert found["highest_transformer"] == found["highest_transformer_phase"]
    assert sorted(found["highest_transformer_total"]) == sorted(STRATEGIES)
    assert found["highest_transformer_phase"]["v2g"] <= 1.0
    for steps in found["steps_violated_by_kind"].values():
        assert 0 < steps <= found["steps_violated"]["v2g without network limits"]


def test_the_page_names_every_key_table_and_column(made: Made):
    told = (REPOSITORY / "docs/how-to/plan_feeder.md").read_text(encoding="utf-8")
    tables = ["feeder_check", "site_limits", "congestion_prices"]
    columns = {column for name in tables for column in made[0].tables[name].columns}
    words = {*KEYS, *columns, *(f"{name}.parquet" for name in tables)}
    assert [word for word in sorted(words) if f"`{word}`" not in told] == []


def test_extremes_are_within_limits_with_the_wires_and_beyond_without(made: Made):
    found = made[0].summary["feeder"]
    kept, violated = "v2g", "v2g without network limits"
    assert found["lowest_pu"][kept] >= LIMITS["low_pu"] - 1e-6 > found["lowest_pu"][violated]
    assert found["highest_line"][kept] <= LIMITS["line"] + 1e-6 < found["highest_line"][violated]
    highest = found["highest_transformer"]
    assert highest[kept] <= 1 + 1e-6 < highest[violated]


def test_the_check_names_the_worst_place_of_every_kind_in_every_step(made: Made):
    result, folder = made
    table = pl.read_parquet(folder / "out" / "feeder_check.parquet")
    assert_frame_equal(table, result.tables["feeder_check"])
    assert table.columns == CHECK
    rows = table.group_by("strategy", "kind").agg(pl.col("time_utc").n_unique())
    assert rows["time_utc"].to_list() == [24] * len(STRATEGIES) * len(OF_STEP)
    beyond = np.where(table["kind"] == "low voltage", -1, 1) * (table["value"] - table["limit"])
    assert (table["violated"] == (pl.Series(beyond) > 1e-6)).all()
    counted = table.filter("violated").group_by("strategy").agg(pl.col("time_utc").n_unique())
    told = result.summary["feeder"]["steps_violated"]
    assert dict(counted.iter_rows()) == {name: n for name, n in told.items() if n}
    lowest = table.filter(kind="low voltage").group_by("strategy").agg(pl.col("value").min())
    for strategy, value in lowest.iter_rows():
        # the place furthest beyond its limit is the lowest where all have the same
        assert value == pytest.approx(result.summary["feeder"]["lowest_pu"][strategy], abs=1e-9)


def test_every_load_of_the_feeder_is_a_site_and_carries_the_fleet(made: Made):
    result, _ = made
    assert result.findings.feeder is not None
    portfolio, loads = (
        result.findings.inputs.portfolio,
        result.findings.feeder.feeder_sites.loads.name,
    )
    assert portfolio.sites.site_id.tolist() == ["feeder", *loads]
    assert set(portfolio.sites.parent_id[1:]) == {"feeder"}
    assert set(portfolio.sessions.site_id) == set(loads)
    peak = -result.findings.feeder.feeder_sites.feeder.branches.power_kw.sum()
    assert portfolio.load_kw.sum(axis=0).max() == pytest.approx(0.6 * peak, rel=0.02)


def test_limits_of_sites_are_written_for_every_load_and_step(made: Made):
    result, folder = made
    table = pl.read_parquet(folder / "out" / "site_limits.parquet")
    assert result.findings.feeder is not None
    assert set(table["site_id"]) == set(result.findings.feeder.feeder_sites.loads.name)
    assert table.select("site_id", "time_utc").n_unique() == table.height
    assert table.height == 24 * len(result.findings.feeder.feeder_sites.loads)
    room = table["import_limit_kw"] + table["export_limit_kw"]
    assert (room >= -1e-9).all()


@pytest.mark.slow
def test_limits_given_back_make_a_plan_that_holds(made: Made):
    """Taps may settle elsewhere under it, so it may take rounds of its own."""
    result, folder = made
    limits = pl.read_parquet(folder / "out" / "site_limits.parquet")
    limits.write_parquet(folder / "site_limits.parquet")
    again = planned(folder, site_limits_file="site_limits.parquet")
    found, first = again.summary["feeder"], result.summary["feeder"]
    assert found["holds"] is found["holds_smart"] is True
    assert found["cost_without_network_limits"] > first["cost_without_network_limits"]
    assert found["network_cost"] < 0.1 * first["network_cost"]
    net = again.tables["sites"].join(limits, on=["site_id", "time_utc"], suffix="_given")
    assert net.height == limits.height
    assert (net["power_kw"] <= net["export_limit_kw_given"] + 1e-6).all()
    assert (net["power_kw"] >= -net["import_limit_kw_given"] - 1e-6).all()


@pytest.mark.slow
def test_limits_given_back_need_no_round_where_taps_stay(tmp_path: Path):
    fleet = [HOMES | {"vehicles": 60, "max_charge_kw": 150.0, "max_discharge_kw": 150.0}]
    feeder = FEEDER | {"load": {"share": 0.6, "taps": "stay"}}
    first = planned(tmp_path, fleet=fleet, feeder=feeder)
    assert first.summary["feeder"]["rounds"] > 0
    first.tables["site_limits"].write_parquet(tmp_path / "limits.parquet")
    again = planned(tmp_path, fleet=fleet, feeder=feeder, site_limits_file="limits.parquet")
    found = again.summary["feeder"]
    assert found["holds"] is found["holds_smart"] is True
    assert (found["rounds"], found["flowgates"]) == (0, 0)


def test_congestion_prices_are_written_where_they_are_not_zero(made: Made):
    result, folder = made
    table = pl.read_parquet(folder / "out" / "congestion_prices.parquet")
    assert table.columns == ["site_id", "time_utc", "congestion_price_per_mwh"]
    assert table.height > 0
    assert (table["congestion_price_per_mwh"] != 0).all()
    felt = result.findings.plans["v2g"].congestion_price_per_mwh
    assert table["congestion_price_per_mwh"].sum() == pytest.approx(felt.sum())


def test_the_map_shows_the_lowest_voltage_of_every_load_bus(made: Made):
    result, folder = made
    shapes = json.loads((folder / "out" / "feeder.geojson").read_text())["features"]
    lowest = result.summary["feeder"]["lowest_pu"]
    for strategy in STRATEGIES:
        key = f"lowest_pu_{strategy.replace(' ', '_')}"
        values = [shape["properties"].get(key) for shape in shapes]
        told = [value for value in values if value is not None]
        assert 5 <= len(told) < len(shapes)
        assert min(told) == pytest.approx(lowest[strategy], abs=1e-4)


def test_a_listed_site_hangs_where_it_is_placed_and_takes_the_load_there(tmp_path: Path):
    result = planned(
        tmp_path,
        site=[
            {"site_id": "depot", "import_limit_kw": 900.0},
            {"site_id": "yard", "parent_id": "depot"},
        ],
        fleet=[
            HOMES | {"sites": ["yard"], "vehicles": 20},
            HOMES | {"name": "all", "vehicles": 24},
        ],
        feeder=FEEDER | {"place": [{"site_id": "depot", "load": "671"}]},
    )
    assert result.findings.feeder is not None
    sites, wiring = result.findings.inputs.portfolio.sites, result.findings.feeder.connections
    row = {str(name): i for i, name in enumerate(sites.site_id)}
    load = {str(name): i for i, name in enumerate(result.findings.feeder.feeder_sites.loads.name)}
    assert "671" not in row
    assert wiring.place[row["depot"]] == wiring.place[row["yard"]] == load["671"]
    assert sites.parent[row["depot"]] == -1
    assert wiring.place[row["675a"]] == load["675a"]
    assert wiring.place[row["feeder"]] == -1
    of_load = result.findings.inputs.portfolio.load_kw.max(axis=1)
    assert of_load[row["depot"]] == pytest.approx(0.6 * 1155.0, rel=0.02)
    at_all = [n for n in result.findings.inputs.portfolio.sessions.asset_id if n.startswith("all")]
    stands = result.findings.inputs.portfolio.sessions.site_id
    assert len(at_all) > 10
    assert (
        "depot" not in stands[np.isin(result.findings.inputs.portfolio.sessions.asset_id, at_all)]
    )
    assert result.summary["feeder"]["holds"]


@pytest.mark.slow
def test_a_plan_that_holds_after_no_round_names_what_it_violates(tmp_path: Path):
    result = planned(tmp_path, feeder=FEEDER | {"rounds": 1})
    found = result.summary["feeder"]
    assert (found["holds"], result.summary["status"]) == (False, "limits_exceeded")
    left = found["limits_violated"]["v2g"]
    table = result.tables["feeder_check"].filter(strategy="v2g", violated=True)
    assert {each["limit"] for each in left} == set(table["kind"])
    assert {each["place"] for each in left} >= set(table["place"])
    notes = " ".join(result.summary["notes"])
    worst = f"{left[0]['limit']} limit of {left[0]['place']} in {left[0]['steps']} steps"
    assert "The plan with V2G violates limits of the feeder" in notes
    assert worst in notes
    assert f"and {len(left) - 3} more" in notes or len(left) <= 3
    assert ("The smart plan keeps all limits" in notes) == found["holds_smart"]
    alike = {name: made["same_service"] for name, made in result.summary["strategies"].items()}
    assert alike == {"uncontrolled": False, "smart": False, "v2g": True}


@pytest.mark.parametrize(
    ("rounds", "before", "told"),
    [
        (0, 0, "ieee13 carries the plan as it is; no limit is violated"),
        (0, 5, "ieee13 carries the plan as it is; vehicles make no limit worse, but in 5 of 24"),
        (1, 0, "ieee13 holds after 1 round; without it 3 of 24 steps violate a limit"),
        (2, 24, "ieee13 holds (vehicles make no limit worse, but in 24 of 24 steps the feeder"),
    ],
)
def test_a_line_tells_limits_that_are_violated_without_any_vehicle(
    rounds: int, before: int, told: str
):
    feeder = {
        "name": "ieee13", "holds": True, "rounds": rounds, "lines_unrated": 0, "lines": 9,
        "steps_violated_without_vehicles": before, "network_cost": 1.0,
        "steps_violated": {"v2g without network limits": 3},
    }  # fmt: skip
    assert report.line({"feeder": feeder, "steps": 24}, "EUR").startswith(told)


@pytest.mark.slow
def test_rolling_plans_are_made_within_the_wires_and_checked_too(tmp_path: Path):
    rolling = {"window_h": 24, "replan_every_h": 8}
    result = planned(tmp_path, rolling=rolling, fleet=[HOMES | {"vehicles": 40}])
    found = result.summary["feeder"]
    assert set(found["steps_violated"]) == {*STRATEGIES, "rolling_perfect", "rolling_persistence"}
    assert found["steps_violated"]["rolling_perfect"] < found["steps_violated"][STRATEGIES[1]]
