"""The plan study keeps its contract: keys, columns, order of costs, figures, and repetition."""

import json
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evergrid.core.errors import InfeasibleError
from evergrid.studies import plan
from evergrid.studies.plan import report
from evergrid.studies.plan import tables as plan_tables
from tests.studies.cases import Planned

SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])
KEYS = {
    "study",
    "status",
    "objective",
    "bound",
    "gap",
    "max_violation",
    "baseline_cost",
    "solve_s",
    "assets",
    "sessions",
    "steps",
    "versions",
    "seed",
    "config_sha256",
    "input_sha256",
}
COLUMNS = {
    "schedule": ["session_id", "time_utc", "power_kw", "energy_kwh"],
    "sites": [
        "site_id",
        "time_utc",
        "power_kw",
        "import_limit_kw",
        "export_limit_kw",
        "shadow_price_per_mwh",
    ],
}


def test_the_summary_has_the_keys_of_its_contract(planned: Planned):
    summary = json.loads((planned(1)[1] / "summary.json").read_text())
    assert set(summary) >= KEYS
    assert set(summary["max_violation"]) == {"power_kw", "energy_kwh", "site_kw"}
    assert summary["study"] == "plan"
    assert summary["sessions"] == summary["assets"] == 9
    assert summary["steps"] == 48


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_has_the_columns_of_its_contract(planned: Planned, name: str):
    frame = pl.read_parquet(planned(1)[1] / f"{name}.parquet")
    assert frame.columns == COLUMNS[name]
    assert frame["time_utc"].dtype == pl.Datetime("us", "UTC")
    assert frame["power_kw"].is_finite().all()
    assert frame["power_kw"].null_count() == 0


def test_every_site_has_a_row_for_every_step(planned: Planned):
    frame = pl.read_parquet(planned(1)[1] / "sites.parquet")
    assert frame.select("site_id", "time_utc").n_unique() == frame.height == 3 * 48


def test_what_is_written_is_what_the_result_holds(planned: Planned):
    result, out = planned(1)
    assert json.loads((out / "summary.json").read_text()) == result.summary
    for name, frame in result.tables.items():
        assert_frame_equal(pl.read_parquet(out / f"{name}.parquet"), frame)
    for name, frame in plan_tables.inputs(result.findings.inputs.portfolio).items():
        assert_frame_equal(pl.read_parquet(out / "inputs" / f"{name}.parquet"), frame)


@SEEDS
@pytest.mark.parametrize("meter", [False, True])
def test_more_freedom_never_costs_more(planned: Planned, seed: int, meter: bool):
    summary = planned(seed, meter=meter)[0].summary
    cost = summary["cost"]
    assert cost["v2g"] <= cost["smart"] + 1e-6
    assert cost["smart"] <= cost["uncontrolled"] + 1e-6
    assert summary["baseline_cost"] == cost["uncontrolled"]
    for name, items in summary["cost_items"].items():
        assert sum(items.values()) == pytest.approx(cost[name], abs=1e-9)


@SEEDS
def test_the_plan_is_proven_optimal(planned: Planned, seed: int):
    summary = planned(seed)[0].summary
    assert summary["status"] == "optimal"
    assert summary["bound"] <= summary["objective"] + 1e-6
    assert 0 <= summary["gap"] <= 1e-6


def test_the_fleet_of_the_strategies_is_the_sum_of_the_schedule(planned: Planned):
    tables = planned(1)[0].tables
    fleet = tables["strategies"].filter(pl.col("strategy") == "v2g").select("time_utc", "power_kw")
    summed = tables["schedule"].group_by("time_utc").agg(pl.col("power_kw").sum())
    both = fleet.join(summed, on="time_utc", how="left").fill_null(0.0)
    assert both["power_kw"].to_list() == pytest.approx(both["power_kw_right"].to_list(), abs=1e-9)


def test_only_v2g_feeds(planned: Planned):
    fed = planned(1)[0].tables["strategies"].group_by("strategy").agg(pl.col("power_kw").max())
    highest = dict(fed.iter_rows())
    assert set(highest) == {"uncontrolled", "smart", "v2g"}
    assert highest["uncontrolled"] <= 0
    assert highest["smart"] <= 0


def test_the_report_shows_every_figure_and_needs_no_network(planned: Planned):
    result, out = planned(1)
    page = (out / "report.html").read_text()
    for name in result.figures():
        assert f">{name.replace('_', ' ').capitalize()}</h2>" in page
    assert page.count('class="plot"') == len(result.figures())
    assert 'src="http' not in page
    assert "<link" not in page


def test_the_same_inputs_give_the_same_plan(planned: Planned):
    first, again = planned(1)[0], planned(1, title="Fleet plan")[0]
    assert first is not again
    for name, frame in first.tables.items():
        assert_frame_equal(frame, again.tables[name])
    assert first.summary["config_sha256"] == again.summary["config_sha256"]
    assert first.summary["input_sha256"] == again.summary["input_sha256"]


def test_another_setting_has_another_hash(planned: Planned):
    first, other = planned(1)[0], planned(1, title="Another")[0]
    assert first.summary["config_sha256"] != other.summary["config_sha256"]
    assert first.summary["objective"] == pytest.approx(other.summary["objective"], abs=1e-9)


def test_the_shortfalls_add_up_and_name_their_cause(planned: Planned):
    slow = [{"site_id": "street", "import_limit_kw": 5}, {"site_id": "office"}]
    summary = planned(1, site=slow)[0].summary
    assert summary["shortfalls"]
    told = sum(item["shortfall_kwh"] for item in summary["shortfalls"])
    assert told == pytest.approx(summary["shortfall_kwh"], abs=1e-9)
    assert summary["served_share"] < 1
    assert "the import limit of site street" in {item["limit"] for item in summary["shortfalls"]}


@pytest.mark.parametrize(
    ("short_kwh", "told"), [(0.004, "0.004 kWh"), (0.54, "0.5 kWh"), (12.0, "12.0 kWh")]
)
def test_a_small_shortfall_is_not_told_as_none(short_kwh: float, told: str):
    one = {"session_id": "a/1", "shortfall_kwh": short_kwh, "limit": "its charger"}
    line = report._service({"served_share": 1.0, "shortfall_kwh": short_kwh, "shortfalls": [one]})
    assert f"1 session short of {told}, worst a/1 by {told}: its charger" in line


def test_a_shortfall_is_refused_where_the_user_wants_it(planned: Planned):
    slow = [{"site_id": "street", "import_limit_kw": 5}, {"site_id": "office"}]
    with pytest.raises(InfeasibleError, match=r"short by .* kWh because of"):
        planned(1, site=slow, solve={"on_shortfall": "error"})


def test_rolling_that_serves_everyone_never_beats_perfect_foresight(planned: Planned):
    rolling = {"window_h": 12, "replan_every_h": 2, "known_h": 2}
    result = planned(2, rolling=rolling)[0]
    cost = result.summary["cost"]["v2g"]
    assert set(result.summary["rolling"]) == {"perfect", "persistence"}
    for made in result.summary["rolling"].values():
        assert made["served_share"] == pytest.approx(1.0, abs=1e-9)
        assert made["cost"] >= cost - 1e-6
        assert made["worst_violation"] < 1e-5
    assert "profit_comparison" in result.figures()


def test_progress_only_moves_forward(planned: Planned):
    result, out = planned(1)
    told = []
    plan.run(result.config, folder=out.parent, progress=lambda _, share: told.append(share))
    assert told == sorted(told)
    assert told[0] == 0
    assert 0.9 < told[-1] <= 1


def test_the_horizon_of_the_summary_is_that_of_the_tables(planned: Planned):
    result = planned(1)[0]
    times = sorted(result.tables["sites"]["time_utc"].unique().to_list())
    assert result.summary["start_utc"] == times[0].isoformat()
    assert result.summary["end_utc"] == (times[-1] + timedelta(minutes=30)).isoformat()
