"""A plan with wear by a model and a warranty: what it tells, from its tables and by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.battery.ageing import life
from evergrid.battery.ageing.model import Fade
from evergrid.battery.ageing.profile import Profile
from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.studies import plan
from tests.studies.cases import Planned, configuration, prices, sessions, site_load

WEAR = {"price_per_kwh": 120.0, "age_years": 2.0, "full_cycles": 150.0}
STRATEGIES = {"uncontrolled", "smart", "v2g"}


def run(folder: Path, **changed: Any) -> plan.Result:
    """A small case with these tables of the configuration."""
    rng = np.random.default_rng(1)
    sessions(rng, 8).write_parquet(folder / "sessions.parquet")
    prices(rng).write_parquet(folder / "prices.parquet")
    site_load(rng).write_parquet(folder / "site_load.parquet")
    return plan.run(parse(plan.Config, configuration(meter=False) | changed), folder=folder, seed=1)


def test_the_summary_tells_wear_by_prices_and_by_the_model(planned: Planned) -> None:
    result, out = planned(1, wear=WEAR | {"compared_per_kwh": 0.02})
    told = json.loads((out / "summary.json").read_text())["wear"]
    assert set(told["strategies"]) == STRATEGIES | {"v2g_constant_wear"}
    frame = pl.read_parquet(out / "wear.parquet")
    for name, made in told["strategies"].items():
        rows = frame.filter(pl.col("strategy") == name)
        assert made["wear_by_model"] == pytest.approx(rows["wear_by_model"].sum())
        assert made["lost_by_use"] == pytest.approx(rows["lost_by_use"].mean())
        assert made["fed_kwh"] == pytest.approx(rows["fed_kwh"].sum())
        net = made["cash"] + made["energy_left"] + made["wear_by_model"]
        assert made["net_by_model"] == pytest.approx(net)
    items = result.summary["cost_items"]["v2g"]
    assert items["calendar_wear"] > 0
    by_price = told["strategies"]["v2g"]["wear_by_prices"]
    assert by_price == pytest.approx(items["wear"] + items["calendar_wear"])
    assert result.summary["status"] == "optimal"
    lines = "\n".join(result.console_lines())
    assert "by the large_nmc model" in lines
    assert "constant price" in lines
    assert "wear_by_strategy" in result.figures()


def test_losses_of_a_battery_that_never_leaves_are_those_of_its_schedule(planned: Planned) -> None:
    result, out = planned(1, wear=WEAR | {"compared_per_kwh": 0.02})
    schedule = pl.read_parquet(out / "schedule.parquet").filter(pl.col("session_id") == "battery-1")
    soc = np.append(10.0, schedule["energy_kwh"].to_numpy())[None] / 20.0
    assert result.findings.wear is not None
    fleet = result.findings.wear.batteries.fleet
    row = int(np.flatnonzero(fleet.asset_id == "battery-1")[0])
    before = Fade(*(np.array([part[row]]) for part in vars(fleet.fade).values()))
    window = Profile(0.5, np.clip(soc, 0, 1), np.full(soc.shape, 20.0))
    after = life.named("large_nmc").aged(before, window.refined())
    told = pl.read_parquet(out / "wear.parquet").filter(
        (pl.col("strategy") == "v2g") & (pl.col("asset_id") == "battery-1")
    )
    assert told["lost_by_time"][0] == pytest.approx(float((after.calendar - before.calendar)[0]))
    assert told["lost_by_use"][0] == pytest.approx(float((after.cycle - before.cycle)[0]))
    new_kwh = 20.0 / float(before.capacity[0])
    lost = told["lost_by_time"][0] + told["lost_by_use"][0]
    assert told["wear_by_model"][0] == pytest.approx(120.0 / 0.2 * new_kwh * lost)


def test_a_plan_outside_the_experiments_of_the_model_is_flagged(planned: Planned) -> None:
    """Schmalstieg's cells were cycled between 35 and 50 C, at any depth above 5 %."""
    for celsius, cold in ((-20.0, True), (40.0, False)):
        wear = WEAR | {"model": "schmalstieg", "temperature_c": celsius}
        result, _ = planned(1, wear=wear | {"age_years": 0.2, "full_cycles": 5.0})
        told = result.summary["wear"]["beyond_tests"]
        (line,) = (line for line in result.console_lines() if line.startswith("wear"))
        bars: Any = result.figures()["wear_by_strategy"].data
        hatched = {shape for bar in bars[:2] for shape in bar.marker.pattern.shape}
        assert (told["temperature"] > 0) == cold
        assert (hatched == {"/"}) == any(told.values())
        assert ("outside its experiments: temperature" in line) == cold


def test_refinements_bring_prices_and_model_together(planned: Planned) -> None:
    def apart(refinements: int) -> float:
        wear = WEAR | {"model": "large_lfp"}
        told = planned(2, wear=wear, solve={"refinements": refinements})[0].summary["wear"]
        assert told["refinements"] <= refinements
        return abs(told["added_by_v2g"]["by_prices"] / told["added_by_v2g"]["by_model"] - 1.0)

    assert apart(8) < 0.5 * apart(0)


def test_rolling_plans_pay_the_same_prices_and_are_held_against_the_model(planned: Planned) -> None:
    rolling = {"window_h": 12.0, "replan_every_h": 2.0, "known_h": 12.0}
    told = planned(1, wear=WEAR, rolling=rolling)[0].summary
    assert set(told["wear"]["strategies"]) == STRATEGIES | {
        "rolling_perfect",
        "rolling_persistence",
    }
    assert told["cost_items"]["v2g"]["calendar_wear"] > 0
    assert told["strategies"]["rolling_perfect"]["wear"] > 0


def test_batteries_of_a_table_have_their_own_age(tmp_path: Path) -> None:
    old = pl.DataFrame({"asset_id": ["car-3"], "age_years": [9.0], "full_cycles": [800.0]})
    old.write_csv(tmp_path / "states.csv")
    result = run(tmp_path, wear=WEAR | {"file": "states.csv"})
    assert result.findings.wear is not None
    fleet = result.findings.wear.batteries.fleet
    left = dict(zip(fleet.asset_id, fleet.fade.capacity, strict=True))
    assert left["car-3"] < left["car-2"] - 0.01
    assert left["car-2"] == pytest.approx(left["car-1"], abs=1e-12)


def test_no_vehicle_feeds_more_than_its_warranty_allows(planned: Planned) -> None:
    free = planned(1)[0]
    fed = free.findings.plans["v2g"].assessment.fed_kwh
    assert fed.max() > 4.0
    per_year = 2.0 * 366 / 1  # 2 kWh on a day, and a little more
    result, out = planned(1, warranty={"fed_kwh_per_year": per_year})
    allowed = per_year / 365.25
    limited = pl.read_parquet(out / "schedule.parquet").filter(pl.col("power_kw") > 0)
    by_session = limited.group_by("session_id").agg(pl.col("power_kw").sum() * 0.5)
    assert by_session["power_kw"].to_numpy().max() <= allowed + 1e-6
    told = result.summary["warranty"]
    assert told["allowed_kwh"] == pytest.approx(told["assets"] * allowed)
    assert told["fed_kwh"] == pytest.approx(by_session["power_kw"].sum())
    at_limit = (by_session["power_kw"] > allowed - 1e-3).sum()
    assert told["assets_at_limit"] == at_limit > 0
    assert result.summary["objective"] > free.summary["objective"]
    assert result.summary["status"] == "optimal"
    assert "that it allows" in "\n".join(result.console_lines())


def test_a_warranty_holds_for_chargers_in_whole_amperes(planned: Planned) -> None:
    free = planned(1, chargers={})[0]
    per_year = 3.0 * 366  # some 3 kWh on a day
    result, out = planned(1, chargers={}, warranty={"fed_kwh_per_year": per_year})
    limited = pl.read_parquet(out / "schedule.parquet").filter(pl.col("power_kw") > 0)
    by_session = limited.group_by("session_id").agg(pl.col("power_kw").sum() * 0.5)
    fed = by_session["power_kw"].to_numpy()
    assert free.findings.plans["v2g"].assessment.fed_kwh.max() > 4.0
    assert 1.0 < fed.max() <= per_year / 365.25 + 1e-6
    told = result.summary
    assert told["warranty"]["fed_kwh"] == pytest.approx(fed.sum())
    assert told["chargers"]["below_least_slots"] == 0
    assert told["chargers"]["off_step_a"] < 1e-6
    assert told["objective"] > free.summary["objective"]
    assert told["bound"] <= told["objective"]


def test_a_warranty_that_has_ended_limits_nothing(planned: Planned) -> None:
    given = {"fed_kwh_per_year": 0.0, "years": 2.0}
    told = planned(1, wear=WEAR, warranty=given)[0].summary
    assert told["warranty"]["assets"] == 0
    assert told["energy_fed_kwh"] > 1.0
    younger = WEAR | {"age_years": 1.9}
    assert planned(1, wear=younger, warranty=given)[0].summary["energy_fed_kwh"] < 1e-6


BAD = [
    ({"wear": {}}, "price_per_kwh"),
    ({"wear": WEAR | {"model": "large_nmx"}}, "large_nmc"),
    ({"wear": WEAR | {"end_of_life": 80}}, "end_of_life"),
    ({"wear": WEAR | {"temperature_c": -300}}, "temperature_c"),
    ({"wear": WEAR | {"price_per_kwh": float("nan")}}, "price_per_kwh"),
    ({"wear": WEAR | {"price_per_kwh": float("inf")}}, "price_per_kwh"),
    ({"wear": WEAR | {"age_years": -1}}, "age_years"),
    ({"wear": WEAR | {"slope_at": "now"}}, "slope_at"),
    ({"wear": WEAR | {"model": "schmalstieg", "full_cycles": 9000, "age_years": 15}}, "capacity"),
    ({"warranty": {"fed_kwh_per_year": -1}}, "fed_kwh_per_year"),
    (
        {"warranty": {"fed_kwh_per_year": 1}, "solve": {"method": "interior_point"}},
        "be auto or highs where the plan has a warranty",
    ),
    ({"wear": WEAR | {"file": "states.csv"}}, "name an asset that is plugged in"),
    ({"wear": WEAR | {"file": "none.csv"}}, "none.csv"),
    ({"solve": {"refinements": 1}}, "be 0 without [wear], [converter] or [pack]"),
    (
        {"wear": WEAR | {"compared_per_kwh": 0.03}, "feeder": {"file": "street.dss"}},
        "would not keep the feeder's limits",
    ),
    ({"converter": {"k0": 0}}, "k0"),
    ({"converter": {"cell_efficiency": 99}}, "cell_efficiency"),
    ({"converter": {"round_trip": 0.99}}, "round_trip"),
    ({"converter": {"round_trip": 87}}, "round_trip"),
]


@pytest.mark.parametrize(("changed", "said"), BAD)
def test_what_makes_no_sense_is_refused_with_its_field(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    (tmp_path / "states.csv").write_text("asset_id,age_years,full_cycles\nnobody,1,10\n")
    with pytest.raises(EvergridError) as caught:
        run(tmp_path, **changed)
    assert said in str(caught.value)


def test_losses_by_power_are_told_beside_those_of_the_plan(planned: Planned) -> None:
    converter = {"round_trip": 0.85, "standby_w": 20.0}
    result, out = planned(1, converter=converter, solve={"refinements": 8})
    told = result.summary["converter"]
    assert told["round_trip_at_rating"] == pytest.approx(0.85)
    made = told["strategies"]["v2g"]
    assert made["loss_by_plan_kwh"] == pytest.approx(made["loss_by_model_kwh"], rel=0.02)
    schedule = pl.read_parquet(out / "schedule.parquet")
    rating = pl.read_parquet(out / "inputs" / "sessions.parquet").select(
        "session_id", pl.max_horizontal("max_charge_kw", "max_discharge_kw").alias("rating")
    )
    rows = schedule.join(rating, on="session_id").to_dicts()
    lost = 0.0
    for row in rows:
        share = abs(row["power_kw"]) / row["rating"]
        if share > 0:
            loss = told["k0"] + told["k1"] * share + told["k2"] * share**2
            if row["power_kw"] < 0:
                lost += 0.5 * row["rating"] * (share - max(share - loss, 0.0) * 0.995)
            else:
                lost += 0.5 * row["rating"] * ((share + loss) / 0.995 - share)
    assert made["loss_by_model_kwh"] == pytest.approx(lost)
    assert "lost by the chargers' power" in "\n".join(result.console_lines())
