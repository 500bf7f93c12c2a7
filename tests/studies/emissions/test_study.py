"""A study of emissions: what it tells, from its tables, and what it refuses."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.studies import emissions
from tests.studies.emissions_cases import HOURS, START, configuration, files

def run(folder: Path, **changed: Any) -> emissions.Result:
    files(folder)
    given = parse(emissions.Config, configuration(**changed))
    return emissions.run(given, folder=folder, seed=1)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("emissions")
    embodied = {"pack_kg_per_kwh": 80.0, "life_full_cycles": 2000.0}
    run(folder, embodied=embodied, cap_tonnes=0.0).write(folder / "out")
    return json.loads((folder / "out/summary.json").read_text()), folder / "out"


def test_tonnes_follow_from_powers_and_factors(done: tuple[dict[str, Any], Path]):
    summary, out = done
    schedule = pl.read_parquet(out / "schedule.parquet")
    factors = pl.read_parquet(out / "inputs/factors.parquet")
    joined = schedule.join(factors, on="time_utc")
    caused = joined.group_by("strategy").agg(
        kg=-(pl.col("power_kw") * pl.col("marginal_kg_per_mwh")).sum() * 0.5 / 1000.0
    )
    kg = dict(caused.iter_rows())
    median = float(np.median(factors["marginal_kg_per_mwh"].to_numpy()))
    sessions = pl.read_parquet(out / "inputs/sessions.parquet")
    end = START + timedelta(hours=HOURS)
    stays = set(sessions.filter(pl.col("departure_utc") > end)["session_id"])
    last = schedule.filter(pl.col("time_utc") == schedule["time_utc"].max())
    left = {
        name: float(rows.filter(pl.col("session_id").is_in(stays))["energy_kwh"].to_numpy().sum())
        for (name,), rows in last.group_by("strategy")
    }
    for name, tonnes in summary["tonnes"].items():
        more = kg[name] - kg["uncontrolled"]
        more -= (left[name] - left["uncontrolled"]) * median / 1000.0
        assert tonnes == pytest.approx(more / 1000.0, abs=1e-9)


def test_ledgers_stand_side_by_side_and_the_bands_hold_their_middle(
    done: tuple[dict[str, Any], Path],
):
    summary, out = done
    ledgers = pl.read_parquet(out / "ledgers.parquet")
    assert ledgers["strategy"].to_list() == ["uncontrolled", "smart", "price", "average", "carbon"]
    assert (ledgers["low_tonnes"] <= ledgers["consequential_tonnes"]).all()
    assert (ledgers["consequential_tonnes"] <= ledgers["high_tonnes"]).all()
    assert summary["location_tonnes"] == dict(
        zip(ledgers["strategy"], ledgers["location_tonnes"], strict=True)
    )
    assert abs(summary["stored_imbalance_kg"]) < 1e-9
    least = float(ledgers["consequential_tonnes"].to_numpy().min())
    assert summary["tonnes"]["carbon"] <= least + 0.01
    assert summary["embodied_tonnes"] == pytest.approx(
        summary["fed_mwh"]["price"] * 1000.0 * 80.0 / 2000.0 / 1000.0
    )


def test_the_market_based_ledger_counts_what_no_certificate_covers(
    done: tuple[dict[str, Any], Path],
):
    summary, out = done
    factors = pl.read_parquet(out / "inputs/factors.parquet")
    joined = pl.read_parquet(out / "schedule.parquet").join(factors, on="time_utc")
    drawn = joined.filter((pl.col("strategy") == "price") & (pl.col("power_kw") < 0))
    kg = -0.5 * float((drawn["power_kw"] * drawn["residual_mix_kg_per_mwh"]).sum()) / 1000.0
    assert summary["market_tonnes"]["price"] == pytest.approx(0.75 * kg / 1000.0)


def test_the_frontier_falls_and_the_cap_costs_no_less_than_its_bound(
    done: tuple[dict[str, Any], Path],
):
    summary, out = done
    frontier = pl.read_parquet(out / "frontier.parquet")
    assert frontier["tonnes"].is_sorted(descending=True)
    assert frontier["net_cost"].is_sorted()
    assert summary["cap_bound"] <= summary["cap_net_cost"] + 1e-6


def test_the_page_and_the_lines_begin_with_the_answer(tmp_path: Path):
    result = run(tmp_path)
    result.write(tmp_path / "out")
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    answer = "V2G led by price"
    assert answer in page
    assert result.console_lines()[0].startswith("answer")


def test_factors_from_generation_give_two_ledgers(tmp_path: Path):
    files(tmp_path)
    rng = np.random.default_rng(2)
    times = [START + timedelta(hours=hour - 2000) for hour in range(2000 + HOURS)]
    gas = 5000.0 + np.cumsum(rng.normal(scale=40.0, size=len(times)))
    columns = {"time_utc": times, "gas_mw": gas, "wind_mw": np.full(len(times), 5000.0)}
    pl.DataFrame(columns).write_parquet(tmp_path / "generation.parquet")
    source = {"file": "generation.parquet", "fuel_t_per_mwh": {"gas": 0.4}, "groups": "hour"}
    result = run(tmp_path, marginal=None, average=None, generation=source)
    np.testing.assert_allclose(result.findings.factors.marginal, 400.0)
    assert set(result.tables["groups"]["changes"]) <= {83, 84, 85}
    # Gas alone follows, so that its factor scales everything.
    tried = result.tables["sensitivity"].filter(pl.col("strategy") == "smart")
    assert tried["change"].to_list() == [-0.1, 0.1]
    np.testing.assert_allclose(tried["marginal_kg_per_mwh"], [360.0, 440.0])
    smart = result.summary["tonnes"]["smart"]
    np.testing.assert_allclose(
        tried["consequential_tonnes"], [0.9 * smart, 1.1 * smart], atol=1e-12
    )
    # With flat factors feeding only adds what is lost.
    assert result.summary["tonnes"]["price"] >= result.summary["tonnes"]["smart"] - 1e-9


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"marginal": None}, "marginal must be given"),
        ({"prices_per_tonne": [50.0, 0.0]}, "prices_per_tonne must rise"),
        ({"marginal": {"file": "marginal.parquet", "format": "moer"}}, "known format"),
        ({"marginal": {"file": "prices.parquet"}}, "named after its unit"),
        ({"average": {"file": "moer.parquet", "format": "sgip_moer"}}, "are marginal"),
        (
            {
                "marginal": {
                    "file": "marginal.parquet",
                    "format": "avert",
                    "options": {"region": "CA"},
                }
            },
            "include year, utc_offset_h",
        ),
        ({"cap_tonnes": -1e6}, "cannot be kept"),
        (
            {"horizon": {"start": "2024-05-06T00:00:00Z", "days": 30, "step_min": 30}},
            "cover the horizon",
        ),
    ],
)
def test_wrong_input_is_told(tmp_path: Path, changed: dict[str, Any], told: str):
    with pytest.raises(EvergridError, match=told):
        run(tmp_path, **changed)
