"""The study of welfare: one number everywhere, honest about who loses, and strict with input."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core import config as config_file
from evergrid.core.errors import EvergridError
from evergrid.impact.welfare.party import Party
from evergrid.studies import registry, welfare
from evergrid.studies.welfare import assumptions, market, wording
from tests.studies.welfare_cases import configuration

EXAMPLES = Path(__file__).parents[3] / "examples"


def run(**changed: Any) -> Any:
    return welfare.run(config_file.parse(welfare.Config, configuration(**changed)))


@pytest.fixture(scope="module")
def result() -> Any:
    return run()


def test_the_total_is_one_number_in_every_table(result: Any) -> None:
    s, tables = result.summary, result.tables
    assert s["status"] == "done"
    assert abs(s["identity_residual"]) < 1e-12
    mine = pl.col("policy") == s["policy"]
    assert tables["parties"].filter(mine)["gain"].sum() == pytest.approx(s["welfare_change"])
    assert tables["effects"].filter(mine)["change"].sum() == pytest.approx(s["welfare_change"])
    ranked = tables["policies"].filter(mine & (pl.col("social_cost") == "epa_2.0"))
    assert ranked["welfare_change"].item() == pytest.approx(s["welfare_change"], rel=0.01)
    tried = tables["assumptions"].filter(
        (pl.col("social_cost") == "epa_2.0")
        & (pl.col("effort_factor") == 1.0)
        & (pl.col("baseline") == "smart")
    )
    assert tried["welfare_change"].item() == pytest.approx(ranked["welfare_change"].item())


def test_payments_of_a_policy_cancel(result: Any) -> None:
    for (policy,), rows in result.tables["transfers"].group_by("policy"):
        received = rows.group_by("receiver").agg(pl.col("change").sum())
        paid = rows.group_by("payer").agg(pl.col("change").sum())
        assert received["change"].sum() == pytest.approx(paid["change"].sum()), policy


def test_hours_balance_and_price_is_below_lost_load(result: Any) -> None:
    hours = result.tables["hours"]
    load = np.concatenate([one.load_mw for one in result.config.days])
    into = hours["generation_mwh"] + hours["import_mwh"] + hours["discharge_mwh"]
    out = hours["driving_mwh"] + hours["charge_mwh"] + hours["losses_mwh"] + load
    assert np.abs((into + hours["unserved_mwh"] - out).to_numpy()).max() < 1e-6
    assert hours["price_per_mwh"].max() <= result.config.network.voll_per_mwh


def test_coal_at_night_makes_the_private_gain_a_loss_for_all(result: Any) -> None:
    s = result.summary
    assert s["privately_good_socially_bad"]
    assert s["private_gain"] > 0 > s["welfare_change"]
    assert "environment" in s["losers"]
    assert s["best_welfare_change"] >= 0
    answer = result.console_lines()[0]
    assert "worse off, though those who trade gain" in answer
    assert "climate and health" in answer


def test_the_example_of_coal_shows_the_harm_and_the_rate_that_mends_it() -> None:
    path = EXAMPLES / "welfare_coal.toml"
    given = config_file.read(registry.of_file(path).config, path)
    s = welfare.run(given).summary
    assert s["privately_good_socially_bad"]
    assert s["best_policy"] == "real_time_carbon"
    assert s["best_welfare_change"] > 0
    assert 0 < s["best_fed_mwh"] < s["fed_mwh"]


def test_no_cost_of_emissions_leaves_what_trades(result: Any) -> None:
    free = {"so2_per_short_ton": 0.0, "nox_per_short_ton": 0.0, "pm25_per_short_ton": 0.0}
    s = run(carbon={"social_cost": "none", **free}).summary
    assert s["by_party"]["environment"] == 0.0
    assert s["welfare_change"] == pytest.approx(s["private_gain"]) != 0.0
    assert s["private_gain"] == pytest.approx(result.summary["private_gain"])


def test_a_carbon_price_that_costs_hold_already_is_the_same_as_one_beside_them() -> None:
    price = 30.0
    beside = run(carbon={"price_per_t": price})
    plants = configuration()["plants"]
    for one in plants:
        one["cost_per_mwh"] += price * one.get("co2_kg_per_mwh", 0.0) / 1000.0
    inside = run(carbon={"price_per_t": price, "in_costs": True}, plants=plants)
    for party in Party:
        got = inside.summary["by_party"][party.value]
        assert got == pytest.approx(beside.summary["by_party"][party.value], rel=1e-9, abs=1e-3)
    assert "are left to the climate" in " ".join(inside.summary["notes"])


def test_a_carbon_price_at_the_social_cost_needs_no_adder() -> None:
    cost = run().summary["social_cost_per_t"]
    free = {"nox_per_short_ton": 0.0}
    made = run(carbon={"price_per_t": cost, **free})
    rates = made.tables["rates"].filter(pl.col("policy") == "real_time_carbon")
    assert rates["adder_per_mwh"].abs().max() == pytest.approx(0.0, abs=1e-9)


def test_wear_that_owners_do_not_count_is_in_the_welfare_and_told(result: Any) -> None:
    other = run(vehicles={"real_wear_per_mwh": 16.0})
    s = other.summary
    assert s["fed_mwh"] == pytest.approx(result.summary["fed_mwh"])
    assert s["wear_not_counted"] == pytest.approx(6.0 * s["fed_mwh"])
    lost = result.summary["welfare_change"] - s["welfare_change"]
    assert lost == pytest.approx(s["wear_not_counted"])
    assert any("do not see" in note for note in s["notes"])
    assert result.summary["wear_not_counted"] == 0.0


def test_against_uncontrolled_charging_the_shift_is_told_apart(result: Any) -> None:
    s = run(vehicles={"baseline": "uncontrolled"}).summary
    assert s["from_smart_charging"] != 0.0
    by_feeding = s["welfare_change"] - s["from_smart_charging"]
    assert by_feeding == pytest.approx(result.summary["welfare_change"], rel=1e-9)
    assert result.summary["from_smart_charging"] == 0.0


def test_a_tax_on_charging_to_feed_lowers_what_is_fed_and_is_no_loss_of_its_own() -> None:
    plain = run(tariffs={"tax_per_mwh": 2.0})
    taxed = run(tariffs={"tax_per_mwh": 2.0, "tax_on_feeding": True})
    assert taxed.summary["fed_mwh"] < plain.summary["fed_mwh"]
    assert abs(taxed.summary["identity_residual"]) < 1e-12
    assert taxed.summary["by_party"]["government"] > plain.summary["by_party"]["government"]
    best = [one.summary["best_welfare_change"] for one in (plain, taxed)]
    assert best[0] == pytest.approx(best[1], rel=1e-6, abs=1.0)


def test_lost_load_is_told_and_feeding_saves_some() -> None:
    days = configuration()["days"][:1]
    days[0]["load_mw"] = [300.0] * 18 + [1120.0] * 3 + [300.0] * 3
    made = run(days=days, vehicles={"count": 60_000, "driving_kwh_per_day": 1.0})
    s = made.summary
    assert s["lost_load_without_mwh"] > s["lost_load_mwh"] >= 0.0
    lost = f"{s['lost_load_without_mwh']:,.1f} MWh are lost without V2G"
    assert lost in wording.answer(s)
    assert any("Load exceeds all capacity" in note for note in s["notes"])
    assert made.tables["hours"]["price_per_mwh_without"].max() == pytest.approx(9500.0)


def test_wind_and_sun_that_nobody_takes_are_told(result: Any) -> None:
    days = configuration()["days"]
    days[1]["renewable_mw"] = [0.0] * 9 + [900.0] * 7 + [0.0] * 8
    s = run(days=days).summary
    assert s["curtailed_without_mwh"] > s["curtailed_mwh"] > 0.0
    assert any("are curtailed without V2G" in note for note in s["notes"])
    assert result.summary["curtailed_mwh"] == 0.0
    assert not any("curtailed" in note for note in result.summary["notes"])


def test_days_that_are_no_year_are_told(result: Any) -> None:
    days = configuration()["days"][:1]
    assert any("count 250 together" in note for note in run(days=days).summary["notes"])
    assert not any("and not a year" in note for note in result.summary["notes"])


def test_a_little_more_feeding_at_a_block_of_plants_is_told() -> None:
    path = EXAMPLES / "welfare_coal.toml"
    given = config_file.read(registry.of_file(path).config, path)
    made = welfare.run(given)
    assert made.summary["price_undetermined"] > 0.0
    assert any("any price between" in note for note in made.summary["notes"])


def test_the_best_flat_rate_is_found_twice(result: Any) -> None:
    s = result.summary
    assert s["flat_rate_per_mwh"] == pytest.approx(s["flat_rate_by_grid_per_mwh"], abs=1e-6)
    assert s["kkt_residual"] < 1e-9


def test_more_nodes_change_little(result: Any) -> None:
    fine = run(nodes=801).summary
    assert fine["curve_error"] < 0.01
    assert fine["best_welfare_change"] == pytest.approx(
        result.summary["best_welfare_change"], rel=0.05, abs=1e3
    )


def test_groups_of_the_user_are_taken_and_examples_are_flagged(result: Any) -> None:
    group = {
        "name": "all",
        "income_per_year": 50_000.0,
        "households_share": 1.0,
        "vehicles_share": 1.0,
        "consumption_share": 1.0,
        "pollution_share": 1.0,
    }
    own = run(group=[group])
    assert own.tables["groups"]["as_owners"].sum() == pytest.approx(
        own.summary["by_party"]["ev_owners"]
    )
    assert any("made-up examples" in note for note in result.summary["notes"])
    assert not any("made-up examples" in note for note in own.summary["notes"])


def test_every_combination_of_assumptions_is_there(result: Any) -> None:
    rows = result.tables["assumptions"]
    assert len(rows) == 1 * 1 * 2 * 3 * 2
    assert result.summary["welfare_low"] == rows["welfare_change"].min()
    assert result.summary["positive_share"] == pytest.approx((rows["welfare_change"] > 0).mean())


def test_changing_a_table_leaves_the_rest() -> None:
    given = config_file.parse(welfare.Config, configuration())
    other = assumptions.changed(given, "vehicles", round_trip=0.5)
    assert other.vehicles.round_trip == 0.5
    assert other.vehicles.count == given.vehicles.count
    assert other.plants == given.plants
    assert market.owners(other) == market.owners(given)


def test_the_sheet_is_one_page_that_asks_for_no_network(result: Any, tmp_path: Path) -> None:
    result.write(tmp_path / "out")
    sheet = (tmp_path / "out" / "policy_sheet.html").read_text(encoding="utf-8")
    assert "Policy sheet: Welfare" in sheet
    assert "Who pays owners" in sheet
    assert "http" not in sheet.replace("http-equiv", "")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Who gains by two parts" in page
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["welfare_change"] == result.summary["welfare_change"]


PLANT = {"name": "gas", "capacity_mw": 900.0, "cost_per_mwh": 45.0, "co2_kg_per_mwh": 350.0}


DAY = {"name": "any", "days": 100.0, "load_mw": [500.0] * 24}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"plants": []}, "plants must be given, with days"),
        ({"rts": {"folder": "x"}}, "rts must stand alone"),
        ({"year": 2100}, "year"),
        ({"dollar_year": 1999}, "year from 2014 to 2023, got 1999"),
        ({"carbon": {"social_cost": "own"}}, "own_per_t must be given"),
        ({"carbon": {"social_cost": "own", "own_per_t": 50.0}}, "own_dollar_year must be given"),
        ({"carbon": {"social_cost": "epa"}}, "social_cost"),
        ({"network": {"voll_per_mwh": 60.0}}, "at most the value of lost load"),
        ({"vehicles": {"baseline": "none"}}, "baseline"),
        ({"vehicles": {"feed_kwh_per_day": 50.0}}, "at most owners.stored_kwh"),
        ({"vehicles": {"driving_kwh_per_day": 200.0}}, "fit into the power of all chargers"),
        ({"owners": {"lowest_per_mwh": 70.0}}, "above lowest_per_mwh"),
        ({"assumed": {"wear_factor": []}}, "assumed.wear_factor must have at least one value"),
        ({"vehicles": {"cuont": 5}}, "Did you mean count"),
        ({"plants": [PLANT | {"co2_kg_per_mwh": 0.35}]}, "0.35 for gas. Give kg per MWh: 0.35 t"),
        ({"plants": [PLANT | {"co2_kg_per_mwh": 350_000.0}]}, "be 0, or from 3 to 3000 kg/MWh"),
        ({"plants": [PLANT | {"nox_kg_per_mwh": 400.0}]}, "nox_kg_per_mwh must be at most 100"),
        ({"plants": [PLANT | {"cost_per_mwh": -8.0}]}, "greater than or equal to 0, got -8"),
        ({"plants": [PLANT, PLANT]}, r"plants\.name must not repeat, got gas"),
        ({"days": [DAY, DAY]}, r"days\.name must not repeat, got any"),
        ({"days": [DAY | {"days": 8760.0}]}, r"days\.days must add up to a year at most, 366"),
        ({"days": [DAY | {"load_mw": [5.0] * 23}]}, "have at least 24 entries, got 23"),
        ({"plants": [PLANT | {"name": ""}]}, r"plants\.0\.name must not be empty"),
        ({"assumed": {"wear_factor": [-1.0]}}, r"assumed\.wear_factor\.0 must be greater"),
        ({"assumed": {"effort_factor": [0.0]}}, r"assumed\.effort_factor\.0 must be greater"),
        ({"assumed": {"round_trip": [87.0]}}, r"assumed\.round_trip\.0.*Give a fraction"),
        ({"carbon": {"local_dollar_year": 1990}}, r"carbon\.local_dollar_year must be a year from"),
        (
            {"carbon": {"social_cost": "own", "own_per_t": 5.0, "own_dollar_year": 1850}},
            r"carbon\.own_dollar_year must be a year from 2014 to 2023, got 1850",
        ),
        ({"tariffs": {"tax_per_mwh": 1e9}}, r"at most network\.voll_per_mwh, 10000, with the tax"),
        ({"vehicles": {"driving_kwh_per_day": 3000.0}}, "want 24,000 MWh"),
        ({"vehicles": {"feed_kwh_per_day": 44.0, "charger_kw": 1.0}}, "MWh of all vehicles"),
        (
            {"plants": [PLANT], "carbon": {"price_per_t": 200.0, "in_costs": True}},
            r"cost_per_mwh must be at least 70\.00, the carbon price",
        ),
        (
            {
                "plants": [],
                "days": [],
                "rts": {"folder": "x"},
                "carbon": {"price_per_t": 20.0, "in_costs": True},
            },
            r"carbon\.in_costs must be false with \[rts\]",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(EvergridError, match=said):
        run(**changed)


def test_shares_of_groups_that_are_not_of_a_whole_are_refused() -> None:
    group = {
        "name": "some",
        "income_per_year": 50_000.0,
        "households_share": 0.4,
        "vehicles_share": 1.0,
        "consumption_share": 1.0,
        "pollution_share": 1.0,
    }
    with pytest.raises(EvergridError, match=r"group\.households_share must add up to 1"):
        run(group=[group])


def test_quoted_figures_that_are_not_verified_are_named(result: Any) -> None:
    (told,) = [note for note in result.summary["notes"] if "not verified against their" in note]
    for figure in ("51 and 1,500 USD", "NOx 6,000 USD of 2015", "income elasticity 1.4"):
        assert figure in told
        assert figure in result.files["policy_sheet.html"]
    assert "SO2 40,000" not in told  # nothing emits any
    own = {"nox_per_short_ton": 7000.0, "compared": ["none", "epa_2.0"]}
    other = run(carbon=own).summary["notes"]
    (told,) = [note for note in other if "not verified against their" in note]
    assert "51 and" not in told
    assert "benefit" not in told


def test_a_negative_social_cost_of_ones_own_is_flagged() -> None:
    own = {"social_cost": "own", "own_per_t": -10.0, "own_dollar_year": 2020}
    notes = run(carbon=own).summary["notes"]
    assert any("emissions count as a benefit" in note for note in notes)


def test_the_total_of_the_study_lies_within_its_band() -> None:
    """Though none of what it assumes is named under [assumed]."""
    own = {"social_cost": "own", "own_per_t": -300.0, "own_dollar_year": 2020}
    made = run(carbon=own, vehicles={"round_trip": 0.95, "baseline": "uncontrolled"})
    s = made.summary
    assert s["welfare_low"] <= s["welfare_change"] * (1 + 1e-3)
    rows = made.tables["assumptions"]
    chosen = rows.filter((pl.col("social_cost") == "own") & (pl.col("round_trip") == 0.95))
    assert "uncontrolled" in chosen["baseline"].to_list()


def test_amounts_of_a_season_are_not_called_those_of_a_year(tmp_path: Path) -> None:
    made = run(days=[configuration()["days"][0] | {"days": 90.0}])
    assert made.summary["days"] == 90.0
    made.write(tmp_path / "out")
    lines = "\n".join(made.console_lines())
    sheet = made.files["policy_sheet.html"]
    for text in (lines, sheet):
        assert "in 90 days" in text
        assert "USD of 2023 a year" not in text


def test_a_folder_that_is_not_there_is_told_as_it_is_written(tmp_path: Path) -> None:
    rts = {"folder": "${EVERGRID_NOWHERE:-nowhere}/rts"}
    with pytest.raises(EvergridError, match=r"\$\{EVERGRID_NOWHERE:-nowhere\}/rts/gen\.csv"):
        run(rts=rts, plants=[], days=[])


def test_a_tariff_of_two_parts_is_booked_with_its_fixed_part() -> None:
    tariffs = {"capacity_per_kw_year": 25.0, "tax_per_mwh": 4.0, "tax_on_feeding": True}
    made = run(tariffs=tariffs, carbon={"social_cost": "none"}, vehicles={"real_wear_per_mwh": 9.0})
    s, case = made.summary, made.findings.two_part_case
    assert case.fed_mwh > 0
    assert case.change.total == pytest.approx(s["two_part_welfare_change"], rel=2e-3)
    assert case.change.residual == pytest.approx(0.0, abs=1e-9 * case.change.scale)
    assert s["two_part_by_party"]["ev_owners"] > 0
    rows = made.tables["transfers"].filter(pl.col("policy") == "two_part")
    paid = dict(zip(rows["what"], rows["change"], strict=True))
    joined_kw = s["two_part_joined_share"] * 8000 * 7.4 * 0.6
    assert paid["fixed payment"] == pytest.approx(s["two_part_fixed_per_kw_year"] * joined_kw)
    assert paid["power that is surely there"] == pytest.approx(25.0 * joined_kw)
    real = made.tables["effects"].filter(pl.col("policy") == "two_part")
    (worth,) = real.filter(pl.col("what") == "capacity that is not needed")["change"]
    assert worth == pytest.approx(25.0 * joined_kw)
    assert real["change"].sum() == pytest.approx(case.change.total)


def test_storage_of_the_grid_belongs_to_one_party_and_lowers_the_worth_of_feeding(
    result: Any,
) -> None:
    store = {"power_mw": 40.0, "energy_mwh": 160.0, "wear_per_mwh": 2.0}
    made = {owner: run(storage=store | {"owner": owner}) for owner in ("generators", "utility")}
    s = made["generators"].summary
    assert s["storage_fed_without_mwh"] > 1000.0
    assert abs(s["identity_residual"]) < 1e-12
    assert s["curve_error"] < 0.01
    totals = [one.summary["welfare_change"] for one in made.values()]
    assert totals[0] == pytest.approx(totals[1])
    worth = [one.findings.curves.private.max() for one in (made["generators"], result)]
    assert worth[0] < worth[1]
    paid = [set(one.tables["transfers"]["what"]) for one in made.values()]
    assert "energy of storage" in paid[0]
    assert "energy of storage" not in paid[1]  # the utility would pay itself
    hours = made["generators"].tables["hours"]
    by_day = hours.group_by("day").agg(
        pl.col("storage_mwh").clip(lower_bound=0.0).sum().alias("fed"),
        (-pl.col("storage_mwh")).clip(lower_bound=0.0).sum().alias("drawn"),
    )
    np.testing.assert_allclose(by_day["fed"], 0.86 * by_day["drawn"], rtol=1e-9)
    assert any(note.startswith("Storage of the grid, 40 MW") for note in s["notes"])
    assert not any("torage of the grid," in note for note in result.summary["notes"])


def units_that_run_or_stand(made: Any) -> None:
    """What a day with whole units tells beside the merit order."""
    s, rows = made.summary["commitment"], made.tables["commitment"]
    assert s["status"] == "optimal"
    assert s["gap"] <= s["asked_gap"] == 0.005
    cost = {(row["commitment"], row["v2g"]): row["cost"] for row in rows.to_dicts()}
    assert len(cost) == 6
    for v2g in (False, True):
        assert cost["merit_order", v2g] < cost["relaxed", v2g] < cost["whole", v2g]
    least = made.findings.commitment.pairs["whole"][0]
    assert least.cost - least.absolute_gap >= cost["relaxed", False] * (1 - 1e-9)
    for name in ("merit_order", "relaxed", "whole"):
        assert s["saving"][name] == pytest.approx(cost[name, False] - cost[name, True])
    hours = made.tables["hours"].filter(pl.col("day") == "2020-02-27")
    fed = hours["discharge_mwh"].sum() - hours["charge_mwh"].sum()
    assert fed < 0.0
    (note,) = (one for one in made.summary["notes"] if "run or stand" in one)
    assert f"{s['saving_uncertainty']:,.0f} more or less" in note


def test_days_with_whole_units_that_there_are_not_are_refused(data_folder: Path) -> None:
    folder = str(data_folder / "generation" / "rts_gmlc")
    for asked, told in (
        ({"first_day": "2021-06-16"}, "be a day of the test system"),
        ({"first_day": "2020-12-30"}, "end with the test system: 2 from 2020-12-30"),
    ):
        with pytest.raises(EvergridError, match=told):
            run(rts={"folder": folder}, plants=[], days=[], commitment=asked)
    with pytest.raises(EvergridError, match=r"commitment must be given with \[rts\] only"):
        run(commitment={"first_day": "2020-06-16"})


@pytest.mark.slow
def test_the_test_system_runs_for_a_year(data_folder: Path) -> None:
    folder = data_folder / "generation" / "rts_gmlc"
    rts = {"folder": str(folder)}
    tried = {"wear_factor": [1.0], "effort_factor": [1.0], "social_cost": ["epa_2.0"]}
    tried |= {"round_trip": [0.87], "baseline": ["smart"]}
    whole_days = {"first_day": "2020-02-27", "days": 1}
    given = {"rts": rts, "plants": [], "days": [], "assumed": tried, "commitment": whole_days}
    made = run(**given, nodes=21, dollar_year=2020)
    s = made.summary
    units_that_run_or_stand(made)
    assert len(made.tables["hours"]) == 8784
    assert abs(s["identity_residual"]) < 1e-12
    assert len(set(made.tables["rates"]["kind"])) == 8
    hours = made.tables["hours"]
    sent = hours["generation_mwh_without"].sum() - hours["losses_mwh_without"].sum()
    assert sent == pytest.approx(
        made.findings.inputs.consumption_mwh.sum() + hours["driving_mwh"].sum(), rel=1e-9
    )
