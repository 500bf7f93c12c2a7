"""A battery life study answers what V2G costs, and its tables, summary and report agree."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse, read
from evergrid.core.errors import ConfigError, InputError
from evergrid.studies import battery_life
from evergrid.studies.battery_life.config import Config

EXAMPLE = Path(__file__).parents[3] / "examples" / "battery_life.toml"
SHORT = {
    "years": 2,
    "models": ["large_lfp", "naumann_lfp"],
    "strategy": [
        {"name": "no V2G"},
        {"name": "V2G", "export_kwh": 15.0},
        {"name": "late", "charge": "before_leaving", "charged_to": 0.7},
    ],
}


def configured(**changed: Any) -> Config:
    return parse(Config, SHORT | changed)


@pytest.fixture(scope="module")
def result() -> battery_life.Result:
    return battery_life.run(configured())


def test_v2g_costs_life_and_late_charging_spares_it(result: battery_life.Result):
    lost = result.findings.lost
    assert (lost[..., 1] > lost[..., 0]).all()
    assert (lost[..., 2] < lost[..., 0]).all()
    low, high = result.summary["more_lost_by_feeding"]
    assert low == pytest.approx((lost[..., 1] - lost[..., 0]).min())
    assert high == pytest.approx((lost[..., 1] - lost[..., 0]).max())


def test_wear_is_the_price_of_what_is_lost_by_hand(result: battery_life.Result):
    row = result.tables["strategies"].filter(
        (pl.col("strategy") == "V2G")
        & (pl.col("model") == "large_lfp")
        & (pl.col("climate") == "hot")
    )
    more, wear, fed = (row[name].item() for name in ("more_lost", "wear_per_kwh", "fed_kwh"))
    assert fed == 15 * 365 * 2
    assert wear == pytest.approx(more / 0.2 * 60 * 100 / fed)
    others = result.tables["strategies"].filter(pl.col("strategy") != "V2G")
    assert others["wear_per_kwh"].null_count() == others.height


def test_parts_add_up_in_every_year(result: battery_life.Result):
    frame = result.tables["capacity"]
    whole = frame["capacity"] + frame["lost_by_time"] + frame["lost_by_use"]
    np.testing.assert_allclose(whole.to_numpy(), 1.0, atol=1e-12)
    assert frame.filter(pl.col("year") == 0)["capacity"].to_list() == [1.0] * 12


def test_the_answer_is_computed(result: battery_life.Result):
    low, high = (100 * value for value in result.summary["more_lost_by_feeding"])
    assert f"V2G costs {low:.1f} to {high:.1f} points" in result.console_lines()[0]
    assert f"V2G costs {low:.1f} to {high:.1f} points" in result.report()
    alone = battery_life.run(configured(strategy=[{"name": "no V2G"}], models=["large_nmc"]))
    assert "No strategy feeds more" in alone.console_lines()[0]


def test_a_model_outside_its_experiments_is_named(result: battery_life.Result):
    notes = " ".join(result.summary["notes"])
    assert "large_lfp (LFP-graphite, prismatic, 250 Ah) is extrapolated in depth" in notes
    assert result.summary["extrapolated"] == {"large_lfp": ["depth", "temperature"]}
    assert "outside their experiments: large_lfp (depth, temperature)" in result.console_lines()[-1]
    frame = result.tables["strategies"]
    assert frame.filter(pl.col("model") == "naumann_lfp")["extrapolated_in"].null_count() == 6
    bars: Any = result.figures()["capacity_lost"].data
    (hatched,) = {bar.marker.pattern.shape[0] for bar in bars[:1]}
    assert hatched == "/"


def test_resistance_is_left_empty_where_a_model_has_none(result: battery_life.Result):
    frame = result.tables["strategies"]
    without = frame.filter(pl.col("model") == "large_lfp")["resistance"]
    assert without.null_count() == without.len()
    told = frame.filter(pl.col("model") == "naumann_lfp")["resistance"]
    assert told.null_count() == 0
    assert told.min() > 1.0  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
    assert "Resistance is not part of large_lfp" in " ".join(result.summary["notes"])


def test_life_ends_by_what_comes_first(result: battery_life.Result):
    findings = result.findings
    capacity = np.ones(findings.capacity.shape)
    resistance = np.ones(findings.capacity.shape)
    capacity[0, 1, 0] = [1.0, 0.9, 0.7]
    resistance[0, 1, 0] = [1.0, 2.5, 3.0]
    resistance[0, 0] = np.nan
    ended = replace(findings, capacity=capacity, resistance=resistance)
    assert ended.life_years[0, 1, 0] == pytest.approx(2 / 3)
    assert ended.ends_by_resistance[0, 1, 0]
    assert ended.headline()["ended_by_resistance"] == ended.headline()["worn_out"] == 1


def test_the_band_holds_models_and_batteries(result: battery_life.Result):
    alone = replace(
        result.findings,
        config=configured(cell_spread=0.0, models=["large_lfp"]),
        capacity=result.findings.capacity[:, :1],
        calendar=result.findings.calendar[:, :1],
        resistance=result.findings.resistance[:, :1],
    )
    assert alone.band[..., 1] == pytest.approx(alone.capacity[:, 0])
    assert alone.band[..., 0] == pytest.approx(alone.band[..., 2])
    spread = replace(alone, config=configured(cell_spread=0.15, models=["large_lfp"])).band
    ratio = (1 - spread[..., -1, 0]) / (1 - spread[..., -1, 1])
    assert ratio == pytest.approx(np.exp(0.15 * 1.6449), rel=0.01)  # 95 % of a lognormal
    both = result.findings.band[..., -1, :]
    left = result.findings.capacity[..., -1]
    assert (both[..., 0] < left.max(axis=1)).all()
    assert (both[..., 2] > left.min(axis=1)).all()


def test_stress_is_where_time_is_spent_and_cells_age_fast(result: battery_life.Result):
    stress = result.findings.stress
    np.testing.assert_allclose(stress.share.sum(axis=(-2, -1)), 1.0)
    np.testing.assert_allclose(stress.hours.sum(axis=(-2, -1)), 1.0)
    assert (stress.share[stress.hours == 0] == 0).all()
    celsius = (stress.celsius[:-1] + stress.celsius[1:]) / 2
    mean = [(part.sum(axis=-2) * celsius).sum(axis=-1) for part in (stress.share, stress.hours)]
    assert (mean[0] > mean[1] + 1.0).all()  # heat ages more than it lasts


def test_more_is_drawn_than_comes_back(result: battery_life.Result):
    low, high = result.summary["round_trip"]
    assert 0.8 < low <= high < 0.93
    energy = result.tables["energy"]
    v2g, plain = (energy.filter(pl.col("strategy") == name) for name in ("V2G", "no V2G"))
    fed, drawn = v2g["fed_kwh"] - plain["fed_kwh"], v2g["drawn_kwh"] - plain["drawn_kwh"]
    np.testing.assert_allclose((fed / drawn).to_numpy(), v2g["round_trip"].to_numpy())
    assert plain["round_trip"].null_count() == plain.height


@pytest.mark.data
def test_your_own_cells_are_one_more_model(data_folder: Path):
    names = ("calendar_capacity_loss", "cycling_capacity", "cycling_resistance")
    files = [str(data_folder / "ageing" / f"lg_mj1_{name}.csv") for name in names]
    own = battery_life.run(
        configured(models=[], cell_tests=[{"name": "MJ1 <b>", "files": files}], years=1)
    )
    assert own.summary["models"] == ["MJ1 <b>"]
    parts = {one["part"]: one for one in own.summary["cell_tests"]}
    assert parts["cycle"]["activation_kj_per_mol"] < 0
    assert 0.005 < parts["calendar"]["held_out_error"] < 0.01
    assert 0.85 < parts["cycle"]["held_out_covered"] <= 1.0
    notes = " ".join(own.summary["notes"])
    assert "cycle is faster in the cold; beyond 0 to 25 C" in notes
    assert "MJ1 <b> (cells of your tests) is extrapolated in days, temperature" in notes
    assert "MJ1 <b>" not in own.report()
    assert "MJ1 &lt;b&gt;" in own.report()
    storage = next(one for one in own.findings.fitted if one.part == "calendar")
    curves = list(storage.curves())
    assert [curve[0] for curve in curves][:2] == [
        "temperature_c 25, soc 0.1",
        "temperature_c 25, soc 0.7",
    ]
    assert sum(len(curve[1]) for curve in curves) == 480
    assert all((curve[4][:, 0] <= curve[4][:, 1]).all() for curve in curves)
    assert "cell_tests" in own.figures()
    assert any("points off for cells left out" in line for line in own.console_lines())


def test_the_result_is_written_whole(result: battery_life.Result, tmp_path: Path):
    result.write(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {Path(name).name for name in battery_life.STUDY.outputs}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["study"] == "battery_life"


def test_the_life_of_a_battery_by_hand(result: battery_life.Result):
    shape = result.findings.capacity.shape
    capacity = np.ones(shape)
    capacity[0, 0, 0] = [1.0, 0.85, 0.75]
    years = replace(result.findings, capacity=capacity).life_years
    assert years[0, 0, 0] == pytest.approx(1.5)
    assert np.isnan(years).sum() == years.size - 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"models": ["large_lpf"]}, "Did you mean large_lfp"),
        ({"models": ["large_lfp", "large_lfp"]}, "name each once"),
        ({"models": []}, "name one at least, or give cell_tests"),
        ({"years": 0}, "years must"),
        ({"pack": {"end_of_life": 80}}, "end_of_life must"),
        ({"pack": {"price_per_kwh": float("nan")}}, "price_per_kwh must"),
        ({"pack": {"capacity_kwh": 1e-300}}, "capacity_kwh must"),
        (
            {"pack": {"resistance_ohm": 8.0}, "use": {"trip_h": 0.5}},
            r"drive_kwh must be at most 10 kW out of the cells, V\^2/2R, got 14.4",
        ),
        ({"charger": {"round_trip": 87.0}}, "round_trip must"),
        ({"pack": {"charge_share": [0.0, 1.0]}}, "as many values as charge_temperature_c"),
        ({"pack": {"charge_share": [0.0, 10.0, 100.0]}}, "not percentages"),
        ({"pack": {"charge_temperature_c": [0.0, -20.0, 15.0]}}, "ascend"),
        ({"strategy": [{"name": "a", "export_kw": 1e300}]}, "export_kw must"),
        ({"use": {"mild_from_c": 25.0}}, "be at most mild_to_c"),
        ({"climate": [{"name": "x"}]}, "must be given where weather_file is not"),
        ({"climate": [{"name": "x", "mean_c": 59.0}]}, r"climate\.0\.mean_c must stay within -30"),
        ({"climate": [{"name": "x", "mean_c": -300.0}]}, "greater than or equal to -30"),
        ({"use": {"leave_h": 17.0, "return_h": 18.0}}, "after leave_h by two trips"),
        ({"strategy": [{"name": "a", "charged_to": 90}]}, "got 90. Give a fraction, not a perc"),
        ({"strategy": [{"name": "a"}, {"name": "b", "compared_to": "aa"}]}, "Did you mean a"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, Any], told: str):
    with pytest.raises(ConfigError, match=told):
        configured(**changed)


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ({"name": "a", "export_kwh": 50.0}, "at most 34.9 kWh are left to feed"),
        ({"name": "a", "charge_kw": 0.5}, "leave time to charge in the 13 h at home"),
        ({"name": "a", "export_kwh": 20.0, "export_kw": 1.0}, "feeding takes 20 h"),
        ({"name": "a", "charged_to": 0.2}, "hold the driving of a day, which takes up to 19.1 kWh"),
        ({"name": "a", "charge_kw": 11.0}, "stay within the charger's 11 kW at the grid"),
    ],
)
def test_days_that_cannot_be_are_refused(strategy: dict[str, Any], told: str):
    with pytest.raises(InputError, match=told):
        battery_life.run(configured(strategy=[strategy]))


def test_cells_warmer_than_any_model_are_refused_with_the_way_out():
    told = r"thermal must keep the cells within -30 to 60 C.*no V2G in hot: raise conductance"
    climate = [{"name": "hot", "mean_c": 45.0}]
    with pytest.raises(InputError, match=told):
        battery_life.run(configured(climate=climate, thermal={"conductance_w_per_k": 0.5}))


def test_the_example_is_a_valid_configuration():
    assert read(Config, EXAMPLE).years == 10


@pytest.mark.data
def test_cells_without_storage_tests_have_no_map_of_calendar_stress(data_folder: Path):
    file = str(data_folder / "ageing" / "lg_mj1_cycling_capacity.csv")
    own = battery_life.run(
        configured(models=[], cell_tests=[{"name": "mine", "files": [file]}], years=1)
    )
    assert "stress_map" not in own.figures()
    assert "capacity_lost" in own.figures()
    assert (own.findings.calendar == 0).all()
