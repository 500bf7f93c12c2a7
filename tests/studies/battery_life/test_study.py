"""A battery life study answers what V2G costs, and its tables, summary and report agree."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse, read
from evergrid.core.errors import ConfigError, InputError
from evergrid.studies import battery_life
from evergrid.studies.battery_life.config import Config, Pack, Strategy, Use
from evergrid.studies.battery_life.daily_profile import air_temperature_c, state_of_charge

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
    from dataclasses import replace

    years = replace(result.findings, capacity=capacity).life_years
    assert years[0, 0, 0] == pytest.approx(1.5)
    assert np.isnan(years).sum() == years.size - 1


def test_a_day_by_hand():
    use, pack = Use(drive_kwh=12.0), Pack(capacity_kwh=60.0)
    strategy = Strategy(name="V2G", export_kwh=12.0, export_kw=6.0, charge_kw=6.0)
    hour = np.array([0.0, 6.0, 7.0, 7.5, 8.0, 12.0, 17.0, 18.0, 20.0, 22.0, 24.0])
    wanted = [0.9, 0.9, 0.9, 0.85, 0.8, 0.8, 0.8, 0.7, 0.5, 0.7, 0.9]
    np.testing.assert_allclose(state_of_charge(use, pack, strategy, hour), wanted, atol=1e-12)
    late = strategy.model_copy(update={"charge": "before_leaving"})
    wanted = [0.5, 0.8, 0.9, 0.85, 0.8, 0.8, 0.8, 0.7, 0.5, 0.5, 0.5]
    np.testing.assert_allclose(state_of_charge(use, pack, late, hour), wanted, atol=1e-12)


def test_the_air_is_warmest_on_a_july_afternoon():
    hour = np.arange(365 * 24.0)
    air = air_temperature_c(12.0, 10.0, 4.0, hour)
    warmest = int(air.argmax())
    assert 180 <= warmest // 24 <= 210
    assert warmest % 24 == 15
    assert air.mean() == pytest.approx(12.0)
    assert air.max() == pytest.approx(26.0, abs=0.1)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"models": ["large_lpf"]}, "Did you mean large_lfp"),
        ({"models": ["large_lfp", "large_lfp"]}, "name each once"),
        ({"climate": [{"name": "x", "mean_c": 59.0}]}, "stay within -30 to 60 C"),
        ({"climate": [{"name": "x", "mean_c": -300.0}]}, "greater than or equal to -30"),
        ({"use": {"leave_h": 17.0, "return_h": 18.0}}, "after leave_h by two trips"),
        ({"strategy": [{"name": "a", "charged_to": 90}]}, "less than or equal to 1"),
        ({"strategy": [{"name": "a"}, {"name": "b", "compared_to": "aa"}]}, "Did you mean a"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, Any], told: str):
    with pytest.raises(ConfigError, match=told):
        configured(**changed)


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ({"name": "a", "export_kwh": 50.0}, "at most 39.6 kWh are left to feed"),
        ({"name": "a", "charge_kw": 0.5}, "leave time to charge in the 13 h at home"),
    ],
)
def test_days_that_cannot_be_are_refused(strategy: dict[str, Any], told: str):
    with pytest.raises(InputError, match=told):
        battery_life.run(configured(strategy=[strategy]))


def test_the_example_is_a_valid_configuration():
    assert read(Config, EXAMPLE).years == 10
