"""The study of resilience: tables that agree, fleets on the same outages, strict with input."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.studies import resilience
from tests.studies.resilience.cases import configuration


def run(seed: int = 0, **changed: Any) -> Any:
    return resilience.run(parse(resilience.Config, configuration(**changed)), seed=seed)


@pytest.fixture(scope="module")
def result() -> Any:
    return run()


@pytest.fixture(scope="module")
def outages(result: Any) -> pl.DataFrame:
    return result.tables["outages"]


def of(outages: pl.DataFrame, fleet: str) -> pl.DataFrame:
    return outages.filter(pl.col("fleet") == fleet)


def test_without_any_source_the_whole_demand_is_lost_until_the_grid_is_back(outages: pl.DataFrame):
    none = of(outages, "without vehicles")
    assert none["m_d_kwh"].to_numpy() == pytest.approx(50.0 * none["length_h"].to_numpy())
    assert none["t_r_80_h"].to_numpy() == pytest.approx(none["length_h"].to_numpy())
    assert none["missing_no_source_kwh"].to_numpy() == pytest.approx(none["m_d_kwh"].to_numpy())
    assert none["survived_life_safety_h"].to_list() == [0.5] * len(none)  # its own batteries
    assert none["survived_comfort_h"].to_list() == [0.0] * len(none)


def test_what_is_lost_is_one_number_by_tier_and_by_cause(outages: pl.DataFrame):
    tiers = outages.select(pl.sum_horizontal(pl.col("^lost_.*_kwh$"))).to_series()
    causes = outages.select(pl.sum_horizontal(pl.col("^missing_.*_kwh$"))).to_series()
    assert tiers.to_numpy() == pytest.approx(outages["m_d_kwh"].to_numpy())
    assert causes.to_numpy() == pytest.approx(outages["m_d_kwh"].to_numpy())


def test_vehicles_feed_no_more_than_they_may(result: Any, outages: pl.DataFrame):
    usable = (
        result.files["inputs/vehicles.parquet"]
        .with_columns(
            0.95 * (pl.col("energy_arrival_kwh") - pl.col("energy_reserve_kwh")).clip(0.0)
        )
        .group_by("outage", maintain_order=True)
        .agg(pl.col("energy_arrival_kwh").sum())["energy_arrival_kwh"]
    )
    fed = of(outages, "with vehicles")["fed_kwh"]
    assert (fed.to_numpy() <= usable.to_numpy() + 1e-6).all()
    assert fed.sum() > 0


def test_fed_and_lost_energy_cover_the_demand_of_warm_blocks():
    lone = {"name": "lights", "power_kw": 20.0, "tier": "critical"}
    site = configuration()["microgrid"] | {"load_block": [lone]}
    table = run(microgrid=site, sizing=None, standing=None, storm=None).tables["outages"]
    rows = of(table, "with vehicles")
    covered = rows["fed_kwh"].to_numpy() + rows["m_d_kwh"].to_numpy()
    assert covered == pytest.approx(20.0 * rows["length_h"].to_numpy())


def test_headline_is_computed_from_the_tables(result: Any, outages: pl.DataFrame):
    s, own = result.summary, of(outages, "with vehicles")
    assert s["m_d_kwh"] == pytest.approx(own["m_d_kwh"].mean())
    kept = (own["t_r_80_h"] <= 1.0) & (own["m_d_kwh"] <= 200.0)
    assert s["target_kept_share"] == pytest.approx(kept.mean())
    assert s["target_kept_proven"] < s["target_kept_share"]
    worst = np.sort(own["m_d_kwh"].to_numpy())[-2:]  # 5 % of 40
    assert s["m_d_worst_kwh"] == pytest.approx(worst.mean())
    assert f"{s['m_d_kwh']:,.0f} kWh" in result.console_lines()[0]


def test_the_size_of_the_fleet_is_on_the_same_outages(result: Any):
    alone = run(storm=None, standing=None, outage={"scenarios": 20})
    sizes = result.tables["sizes"]
    own = sizes.filter(pl.col("vehicles") == 3)
    assert own["m_d_kwh"].item() == pytest.approx(alone.summary["m_d_kwh"])
    assert sizes["m_d_kwh"][0] == pytest.approx(alone.summary["m_d_without_kwh"])
    assert sizes["m_d_kwh"][-1] < sizes["m_d_kwh"][0]


def test_the_least_fleet_is_proven_and_one_less_is_not():
    target = {"target_share": 0.8, "target_t_r_h": 4.0, "target_m_d_kwh": 90.0, "probability": 0.3}
    given = run(recovery=target, storm=None, standing=None)
    least = given.tables["least_fleet"].filter(pl.col("energy_arrival_kwh") == 60.0)
    count = least["vehicles"].item()
    assert 0 < count <= 6
    assert least["target_kept_proven"].item() >= 0.3
    own = given.summary  # three vans, of which each table row tells whether they are enough
    rows = given.tables["least_fleet"].filter(pl.col("vehicles") <= 3)
    assert own["least_energy_arrival_kwh"] == rows["energy_arrival_kwh"].min()
    assert own["least_charger_kw"] == (25.0 if count <= 3 else None)
    site = configuration()["microgrid"]
    fewer = site["vehicles"][0] | {
        "count": count - 1,
        "plugged_in": min(1, count - 1),
        "energy_arrival_kwh": [40.0, 80.0],
    }
    if count > 1:
        again = run(
            microgrid=site | {"vehicles": [fewer]},
            recovery=target,
            outage={"scenarios": 20},
            sizing={"vehicles": [0, 6]},
            storm=None,
            standing=None,
            regulation=None,
        )
        assert not again.summary["target_proven"]


def test_a_warning_helps_and_more_energy_is_worth_more_than_more_power(result: Any):
    s = result.summary
    assert s["m_d_storm_kwh"] < s["m_d_kwh"] < s["m_d_without_kwh"]
    assert s["m_d_more_energy_kwh"] < s["m_d_kwh"]


def test_readiness_costs_more_the_more_is_kept(result: Any):
    table = result.tables["standing"]
    given_up = table["given_up_per_year"].to_list()
    assert given_up[0] == 0.0
    assert given_up == sorted(given_up)
    assert table["avoided_per_year"].to_list()[0] == 0.0
    assert table["m_d_kwh"].to_list()[-1] <= table["m_d_kwh"].to_list()[0]


def test_the_policy_is_not_better_than_the_bound(result: Any):
    check = result.tables["policy_check"]
    assert len(check) == 2
    assert (check["policy_kwh"] >= check["bound_kwh"] - 1e-6).all()
    assert (check["best_kwh"] >= check["bound_kwh"] - 1e-6).all()
    assert result.summary["policy_gap"] >= -1e-9
    # Who knows no more of the length than the policy can save no more than who knows it.
    assert (check["bound_mean_kwh"] <= check["policy_mean_kwh"] + 1e-6).all()
    assert (check["bound_mean_kwh"] <= check["best_mean_kwh"] + 1e-6).all()
    assert -1e-9 <= result.summary["policy_mean_gap"] < 1.0


def test_the_same_seed_finds_the_same_and_another_does_not(result: Any):
    again = run(sizing=None, standing=None, storm=None)
    assert again.summary["m_d_kwh"] == pytest.approx(result.summary["m_d_kwh"], abs=0)
    assert (
        run(1, sizing=None, standing=None, storm=None).summary["m_d_kwh"]
        != again.summary["m_d_kwh"]
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"recovery": {"shares": [0.8, 0.5]}}, "shares must rise"),
        ({"recovery": {"target_share": 0.7}}, "target_share must be one of shares"),
        ({"recovery": {"tiers": ["critical"]}}, "name a tier that has load blocks"),
        ({"recovery": {"tiers": []}}, "tiers must name at least one tier"),
        ({"sizing": {"vehicles": [5, 5]}}, "two rising whole numbers"),
        ({"sizing": {"energy_arrival_kwh": [500.0]}}, "at most the capacity of a vehicle"),
        ({"outage": {"scenarios": 100_000}, "sizing": {"vehicles": [0, 900]}}, "outage.scenarios"),
        ({"standing": {"reserve_kwh": [90.0]}}, "reserve_kwh must be at most the capacity"),
        ({"standing": {"plugged_in": [6.0, 6.25]}}, "leave time to charge"),
        ({"standing": {"import_price_per_mwh": [1.0]}}, "24 numbers"),
        ({"regulation": {"signal_file": "nowhere.csv"}}, "nowhere.csv"),
        ({"outage": {"median_h": -1.0}}, "median_h"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, Any], told: str):
    with pytest.raises(EvergridError, match=told):
        run(**changed)
