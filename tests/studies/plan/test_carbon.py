"""A plan with a price of carbon: what it costs and emits, recomputed from its tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError, InfeasibleError
from evergrid.studies import plan
from tests.studies.emissions_cases import configuration, files

LOST = 0.05
CARBON = {
    "price_per_tonne": 120.0,
    "marginal": {"file": "marginal.parquet", "loss_share_drawn": LOST},
}
LEDGERS = {
    "average": {"file": "average.parquet"},
    "residual_mix": {"file": "residual_mix.parquet", "matched_share": 0.25},
}


def run(folder: Path, carbon: dict[str, Any] | None = None, **changed: Any) -> plan.Result:
    files(folder)
    given = configuration(marginal=None, average=None, residual_mix=None, prices_per_tonne=None)
    made = parse(plan.Config, given | {"carbon": carbon or CARBON} | changed)
    return plan.run(made, folder=folder, seed=1)


def within(cap_tonnes: float, **changed: Any) -> dict[str, Any]:
    return {"cap_tonnes": cap_tonnes, "marginal": CARBON["marginal"]} | changed


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[plan.Result, Path]:
    folder = tmp_path_factory.mktemp("carbon")
    result = run(folder, CARBON | LEDGERS)
    result.write(folder / "out")
    return result, folder / "out"


def kg_of(rows: pl.DataFrame, factors: pl.DataFrame) -> float:
    """CO2 of powers at plugs by marginal factors, with what wires lose of energy drawn."""
    joined = rows.join(factors, on="time_utc")
    power, factor = (joined[name].to_numpy() for name in ("power_kw", "marginal_kg_per_mwh"))
    at_stations = np.where(power < 0, power / (1.0 - LOST), power)
    return -0.5 * float(at_stations @ factor) / 1000.0


def test_carbon_is_an_item_of_the_cost_that_follows_from_powers_and_factors(
    done: tuple[plan.Result, Path],
):
    result, out = done
    summary = json.loads((out / "summary.json").read_text())
    factors = pl.read_parquet(out / "inputs/factors.parquet")
    schedules = pl.read_parquet(out / "strategy_schedules.parquet")
    rows = {
        name: schedules.filter(pl.col("strategy") == name) for name in ("uncontrolled", "smart")
    }
    rows["v2g"] = pl.read_parquet(out / "schedule.parquet")
    kg = {name: kg_of(one, factors) for name, one in rows.items()}
    for name, items in summary["cost_items"].items():
        assert items["carbon"] == pytest.approx(0.120 * kg[name], abs=1e-6)
        assert summary["carbon"]["cost"][name] == items["carbon"]
        assert summary["cost"][name] == pytest.approx(sum(items.values()))
        # At equal energy in the end: what is left there counts at the median factor.
        left = items["energy_left"] - summary["cost_items"]["uncontrolled"]["energy_left"]
        left_kg = left / summary["end_value_per_kwh"] * factors["marginal_kg_per_mwh"].median()
        assert summary["carbon"]["consequential_kg"][name] == pytest.approx(
            kg[name] - kg["uncontrolled"] + left_kg / 1000.0, abs=1e-6
        )
    assert summary["status"] == "optimal"
    assert summary["cost_items"]["v2g"]["carbon"] < summary["cost_items"]["uncontrolled"]["carbon"]
    # The prices that were used hold it, so that anyone can recompute the costs.
    prices = pl.read_parquet(out / "inputs/prices.parquet")
    marginal = factors["marginal_kg_per_mwh"].to_numpy()
    np.testing.assert_allclose(prices["carbon_price_per_mwh"], 0.12 * marginal / (1.0 - LOST))
    np.testing.assert_allclose(prices["carbon_credit_per_mwh"], 0.12 * marginal)
    assert result.findings.plans["v2g"].certificate.gap < 1e-6


def test_ledgers_stand_side_by_side(done: tuple[plan.Result, Path]):
    result, out = done
    table = pl.read_parquet(out / "carbon.parquet")
    told = result.summary["carbon"]
    for ledger in ("consequential_kg", "location_kg", "market_kg"):
        assert dict(zip(table["strategy"], table[ledger], strict=True)) == told[ledger]
    rows = result.tables["schedule"].join(
        pl.read_parquet(out / "inputs/factors.parquet"), on="time_utc"
    )
    drawn = rows.filter(pl.col("power_kw") < 0)
    kg = -0.5 * float((drawn["power_kw"] * drawn["residual_mix_kg_per_mwh"]).sum()) / 1000.0
    assert told["market_kg"]["v2g"] == pytest.approx(0.75 * kg)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "cost of carbon, EUR" in page
    assert any(line.startswith("carbon") for line in result.console_lines())


def test_a_dearer_tonne_is_emitted_less(tmp_path: Path):
    kg = [
        run(tmp_path, CARBON | {"price_per_tonne": price}).summary["carbon"]
        for price in (0.0, 500.0)
    ]
    assert kg[1]["consequential_kg"]["v2g"] < kg[0]["consequential_kg"]["v2g"] - 10.0
    assert kg[0]["cost"]["v2g"] == 0.0
    assert kg[0]["location_kg"] is None
    assert kg[0]["market_kg"] is None


def test_every_method_reaches_the_same_cost(tmp_path: Path):
    cost = {
        method: run(tmp_path, solve={"method": method}).summary["objective"]
        for method in ("auto", "highs", "interior_point")
    }
    assert cost["interior_point"] == pytest.approx(cost["highs"], rel=1e-5)
    assert cost["auto"] == pytest.approx(cost["highs"], rel=1e-5)


def test_rolling_plans_pay_for_what_really_came(tmp_path: Path):
    rolling = {
        "window_h": 12.0,
        "replan_every_h": 6.0,
        "known_h": 6.0,
        "forecast": {"file": "prices.parquet"},
    }
    result = run(tmp_path, rolling=rolling)
    told = result.summary["carbon"]
    assert set(told["cost"]) == {
        *("uncontrolled", "smart", "v2g"),
        *("rolling_perfect", "rolling_forecast", "rolling_persistence"),
    }
    factors = result.files["inputs/factors.parquet"]
    assert isinstance(factors, pl.DataFrame)
    schedules = result.tables["strategy_schedules"]
    for name, cost in told["cost"].items():
        if name.startswith("rolling"):
            rows = schedules.filter(pl.col("strategy") == name)
            assert cost == pytest.approx(0.120 * kg_of(rows, factors), abs=1e-6)


@pytest.mark.parametrize(
    ("carbon", "told"),
    [
        ({"price_per_tonne": 80.0}, "marginal must be given, or generation"),
        ({"marginal": CARBON["marginal"]}, "price_per_tonne must be given, or cap_tonnes"),
        (CARBON | {"cap_tonnes": 1.0}, "be left out where price_per_tonne is given"),
        (within(float("nan")), "cap_tonnes"),
        (within(0.1, cap_kg=100.0), "cap_kg must be a known key"),
        ({"cap_tonnes": "1 t", "marginal": CARBON["marginal"]}, "without quotes"),
        (CARBON | {"price_per_tonne": -1.0}, "price_per_tonne"),
        (CARBON | {"price_per_tonne": float("nan")}, "price_per_tonne"),
        (CARBON | {"generation": {"file": "generation.parquet"}}, "be left out where"),
        (CARBON | {"marginal": {"file": "prices.parquet"}}, "named after its unit"),
        ({"price_per_tonne": 80.0, "marginal": {"file": "none.parquet"}}, "none.parquet"),
    ],
)
def test_wrong_prices_of_carbon_are_told(tmp_path: Path, carbon: dict[str, Any], told: str):
    with pytest.raises(EvergridError, match=told):
        run(tmp_path, carbon)


def test_a_plan_keeps_a_cap_on_tonnes_and_tells_what_it_costs(tmp_path: Path):
    free = run(tmp_path, within(1e300)).summary
    emitted = free["carbon"]["tonnes_without_cap"]
    assert (free["carbon"]["cap_binds"], free["carbon"]["cap_price_per_tonne"]) == (False, 0.0)
    assert free["carbon"]["cap_cost"] == 0.0
    cap = emitted - 0.2
    result = run(tmp_path, within(cap))
    result.write(tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    told, cost = summary["carbon"], summary["cost"]
    schedule = pl.read_parquet(tmp_path / "out/schedule.parquet")
    factors = pl.read_parquet(tmp_path / "out/inputs/factors.parquet")
    left_kwh = summary["cost_items"]["v2g"]["energy_left"] / summary["end_value_per_kwh"]
    left_kg = left_kwh * factors["marginal_kg_per_mwh"].median() / 1000.0
    recomputed = (kg_of(schedule, factors) + left_kg) / 1000.0
    assert recomputed == pytest.approx(told["tonnes"]["v2g"], abs=1e-12)
    assert told["tonnes"]["v2g"] <= cap
    assert cost["v2g"] - free["cost"]["v2g"] == pytest.approx(told["cap_cost"], abs=1e-6)
    assert 0.0 < told["cap_cost"] < 0.2 * told["cap_price_per_tonne"]
    assert summary["status"] == "optimal"
    assert summary["bound"] == pytest.approx(summary["objective"], rel=1e-6)
    assert summary["cost_items"]["v2g"]["carbon"] == 0.0
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "V2G keeps the cap of" in page
    assert "what one less costs at the cap" in page
    assert any("where a tonne costs" in line for line in result.console_lines())
    alike = {name: made["same_service"] for name, made in summary["strategies"].items()}
    assert alike == {name: told["tonnes"][name] <= cap for name in alike}
    assert not alike["uncontrolled"]  # it emits more, so that no saving against it is told
    assert any("no like service" in line and "emits" in line for line in result.console_lines())


def test_a_cap_that_cannot_be_kept_is_told_with_the_least(tmp_path: Path):
    with pytest.raises(InfeasibleError, match="The least that a price reached is"):
        run(tmp_path, within(-1e6))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"rolling": {"replan_every_h": 6.0}}, "rolling must be left out of a plan within"),
        ({"wear": {"price_per_kwh": 128.0}, "solve": {"refinements": 2}}, "solve.refinements"),
        ({"wear": {"price_per_kwh": 128.0, "compared_per_kwh": 0.03}}, "wear.compared_per_kwh"),
        ({"chargers": {}}, "chargers must be left out of a plan within"),
    ],
)
def test_what_is_not_planned_within_a_cap_is_refused(
    tmp_path: Path, changed: dict[str, Any], told: str
):
    with pytest.raises(EvergridError, match=told):
        run(tmp_path, within(0.1), **changed)


def test_a_price_of_carbon_in_the_prices_table_and_in_carbon_would_count_twice(tmp_path: Path):
    files(tmp_path)
    twice = pl.read_parquet(tmp_path / "prices.parquet").with_columns(carbon_price_per_mwh=20.0)
    twice.write_parquet(tmp_path / "twice.parquet")
    with pytest.raises(EvergridError, match="it would count twice"):
        run(tmp_path, prices={"file": "twice.parquet", "currency": "EUR"})
