"""Summary, tables, console and report of one plan that was worked out by hand."""

import polars as pl
import pytest

from evergrid.studies import plan
from tests.studies.plan.hourly import Case

# Car a holds 10 and owes 20 kWh, car b owes 6 at an efficiency of .8: 7.5 kWh in the cheaper of its
# two hours. V2G: a draws 8 in the first and last hour, and feeds the 6 kWh that leaves: 5 in the
# dearest hour, up to the export limit, for which all generation there is curtailed, and 1 before.
# Smart: a draws 8 and 2 in its cheapest hours. Uncontrolled: 8 and 2 in its first.
DAY = Case(
    prices=[20, 100, 120, 30],
    site={"import_limit_kw": 9.0, "export_limit_kw": 4.0, "energy_budget_kwh": 60.0},
    load=[0.5, 1, 1, 1],
    generation=[0, 8, 6, 0],
    sessions=[("a", 0, 4, 40, 10, 20, 5, 8, 8, 1.0), ("b", 1, 3, 40, 10, 16, 5, 8, 0, 0.8)],
)
POWER = {
    "uncontrolled": [-8, -9.5, 0, 0],
    "smart": [-8, -7.5, 0, -2],
    "v2g": [-8, -6.5, 5, -8],
}
CURTAILED = {"uncontrolled": [0, 0, 1, 0], "smart": [0, 0, 1, 0], "v2g": [0, 0, 6, 0]}
COST = {"uncontrolled": 1.11, "smart": 0.97, "v2g": 0.45}
PEAK_KW = {"uncontrolled": 8.5, "smart": 8.5, "v2g": 9.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> plan.Result:
    return DAY.run(tmp_path_factory.mktemp("day"))


def test_what_strategies_cost_draw_and_curtail(made: plan.Result) -> None:
    told = made.summary["strategies"]
    for name, cost in COST.items():
        assert told[name]["cost"] == pytest.approx(cost)
        assert told[name]["cash"] == pytest.approx(cost)
        assert told[name]["peak_import_kw"] == pytest.approx(PEAK_KW[name])
        assert told[name]["curtailed_kwh"] == pytest.approx(sum(CURTAILED[name]))
        assert told[name]["same_service"] is True
        assert told[name]["max_violation"]["site_kw"] == pytest.approx(0.0, abs=1e-7)
    assert made.summary["baseline_cost"] == pytest.approx(1.11)
    assert made.summary["peak_import_kw"] == pytest.approx(PEAK_KW)


def test_energies_are_those_of_the_plan(made: plan.Result) -> None:
    told = made.summary
    assert told["energy_drawn_kwh"] == pytest.approx(8 + 8 + 7.5)
    assert told["energy_fed_kwh"] == pytest.approx(6.0)
    (budget,) = told["budgets"]
    assert budget["drawn_kwh"] == pytest.approx(3.5 - (14 - 6) + 23.5 - 6)
    (curtailed,) = told["curtailment"]
    assert curtailed == {
        "site_id": "s",
        "generation_kwh": pytest.approx(14.0),
        "curtailed_kwh": pytest.approx(6.0),
    }


def test_power_of_the_fleet_by_strategy(made: plan.Result) -> None:
    table = made.tables["strategies"]
    for name, power in POWER.items():
        rows = table.filter(pl.col("strategy") == name).sort("time_utc")
        assert rows["power_kw"].to_list() == pytest.approx(power, abs=1e-6)


def test_curtailment_by_strategy(made: plan.Result) -> None:
    found = made.tables["curtailment"].sort("time_utc")
    assert found["curtailed_kw"].to_list() == pytest.approx(CURTAILED["v2g"], abs=1e-6)
    assert found["generation_kw"].to_list() == [0, 8, 6, 0]
    assert set(found["site_id"]) == {"s"}
    others = made.tables["strategy_curtailment"]
    for name in ("uncontrolled", "smart"):
        rows = others.filter(pl.col("strategy") == name).sort("time_utc")
        assert rows["curtailed_kw"].to_list() == pytest.approx(CURTAILED[name], abs=1e-6)


def test_schedules_of_the_other_strategies(made: plan.Result) -> None:
    table = made.tables["strategy_schedules"].sort("strategy", "session_id", "time_utc")
    of_a = table.filter((pl.col("strategy") == "smart") & (pl.col("session_id") == "a"))
    assert of_a["power_kw"].to_list() == pytest.approx([-8, 0, 0, -2], abs=1e-6)
    assert of_a["energy_kwh"].to_list() == pytest.approx([18, 18, 18, 20], abs=1e-6)
    of_b = table.filter((pl.col("strategy") == "uncontrolled") & (pl.col("session_id") == "b"))
    assert of_b["power_kw"].to_list() == pytest.approx([-7.5, 0], abs=1e-6)
    assert of_b["energy_kwh"].to_list() == pytest.approx([16, 16], abs=1e-6)


def test_power_limits_and_shadow_price_of_the_site(made: plan.Result) -> None:
    table = made.tables["sites"].sort("time_utc")
    assert table["power_kw"].to_list() == pytest.approx([-8.5, 0.5, 4.0, -9.0], abs=1e-6)
    assert set(table["import_limit_kw"]) == {9.0}
    assert set(table["export_limit_kw"]) == {4.0}
    # A wider export limit moves a kWh from 100 to 120 per MWh.
    assert table["shadow_price_per_mwh"].to_list()[:3] == pytest.approx([0, 0, 20], abs=1e-6)


def test_console_and_report_tell_the_same_saving(made: plan.Result) -> None:
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in made.console_lines()}
    assert "2 assets at 1 site, 4 steps" in lines["fleet"]
    assert lines["limits"].startswith("1 site binds; s in ")
    assert lines["saving"] == "0.66 EUR (59.5 %)"
    assert lines["energy"].startswith("24 kWh drawn, 6 kWh fed")
    page = made.report()
    assert "0.66" in page
    assert "59.5" in page
