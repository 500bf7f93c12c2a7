"""A study of value stacking: what it tells, from its tables, and what it refuses."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.studies import value_stacking
from tests.studies.stacking_cases import DAYS_BEFORE, START, configuration, files

CURVE = {"service": "reserve", "prices_per_mw": [0.5, 2.0, 8.0, 32.0]}
PERSISTENCE = {"prices": "persistence", "gate_h": 6.0, "look_back_days": DAYS_BEFORE}


def run(folder: Path, **changed: Any) -> value_stacking.Result:
    files(folder)
    given = parse(value_stacking.Config, configuration(**changed))
    return value_stacking.run(given, folder=folder, seed=1)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[value_stacking.Result, Path]:
    folder = tmp_path_factory.mktemp("stacking")
    result = run(folder, bid_curve=CURVE)
    result.write(folder / "out")
    return result, folder / "out"


def test_the_summary_follows_from_the_tables(done: tuple[value_stacking.Result, Path]) -> None:
    _, out = done
    summary = json.loads((out / "summary.json").read_text())
    stack = pl.read_parquet(out / "stack.parquet")
    awards = pl.read_parquet(out / "awards.parquet")
    assert stack["added"].to_list() == ["energy", "regulation", "reserve"]
    assert summary["net_cost"] == stack["net_cost"][-1]
    assert summary["value_added"] == pytest.approx(stack["value_added"].sum())
    assert summary["value_added"] > 1.0
    assert (stack["value_added"].to_numpy() >= -1e-6).all()
    paid = 0.5 * float((awards["award_mw"] * awards["price_per_mw"]).to_numpy().sum())
    assert summary["credit"] == pytest.approx(paid)
    assert awards["credit"].sum() == pytest.approx(paid)
    whole = awards.filter(pl.col("service") == "regulation")["award_mw"].to_numpy() * 1000.0 / 5.0
    assert whole == pytest.approx(np.round(whole))


def test_a_price_of_its_own_comes_on_top_of_that_of_the_file(
    done: tuple[value_stacking.Result, Path], tmp_path: Path
) -> None:
    reserve = configuration()["service"][1] | {"price_per_mw": 5.0}
    dearer = run(tmp_path, service=[configuration()["service"][0], reserve])
    of = [
        one.tables["awards"].filter(pl.col("service") == "reserve")["price_per_mw"].to_numpy()
        for one in (done[0], dearer)
    ]
    assert of[1] == pytest.approx(of[0] + 5.0)


def test_what_is_held_fits_the_power_of_each_session(
    done: tuple[value_stacking.Result, Path],
) -> None:
    _, out = done
    schedule = pl.read_parquet(out / "schedule.parquet")
    sessions = pl.read_parquet(out / "inputs" / "sessions.parquet")
    both = schedule.join(sessions, on="session_id")
    up, down = both["power_kw"] + both["held_up_kw"], both["held_down_kw"] - both["power_kw"]
    assert (up <= both["max_discharge_kw"] + 1e-6).all()
    assert (down <= both["max_charge_kw"] + 1e-6).all()
    assert both["held_up_kw"].sum() > 0.0


def test_a_bid_curve_never_falls_and_ends_where_holding_pays(
    done: tuple[value_stacking.Result, Path],
) -> None:
    _, out = done
    curve = pl.read_parquet(out / "bid_curve.parquet").sort("time_utc", "price_per_mw")
    blocks = curve["award_mw"].to_numpy().reshape(-1, 4)
    assert (np.diff(blocks, axis=1) >= 0.0).all()
    assert blocks[:, -1].sum() > blocks[:, 0].sum()


def test_bids_that_are_paid_their_own_price_ask_for_more_than_they_cost(tmp_path: Path) -> None:
    own = CURVE | {"price_error_per_mw": 3.0}
    result = run(tmp_path, bid_curve=own)
    bids, curve = result.tables["bids"], result.tables["bid_curve"]
    assert (bids["bid_price_per_mw"] > bids["cost_per_mw"]).all()
    assert bids["acceptance"].is_between(0.0, 1.0).all()
    hours = 24.0 * configuration()["horizon"]["days"] / curve["time_utc"].n_unique()
    margin = (bids["bid_price_per_mw"] - bids["cost_per_mw"]) * bids["acceptance"]
    expected = (hours * margin * bids["award_mw"]).to_numpy()
    assert bids["expected_margin"].to_numpy() == pytest.approx(expected)
    # all parts together are what is offered at the dearest price
    most = curve.filter(pl.col("price_per_mw") == max(CURVE["prices_per_mw"]))
    assert bids["award_mw"].sum() == pytest.approx(most["award_mw"].sum(), abs=1e-6)
    assert "paid their own price" in " ".join(result.summary["notes"])


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> value_stacking.Result:
    return run(tmp_path_factory.mktemp("blind"), information=PERSISTENCE)


def test_not_knowing_prices_costs_and_is_told(blind: value_stacking.Result) -> None:
    s = blind.summary
    assert s["regret"] == pytest.approx(s["net_cost_realised"] - s["net_cost_foresight"])
    assert s["regret"] > 0.01
    assert s["net_cost_energy_realised"] >= s["net_cost_energy_foresight"] - 1e-6


def test_no_offer_sees_a_price_that_is_published_later(
    blind: value_stacking.Result, tmp_path: Path
) -> None:
    files(tmp_path)
    gate = START - timedelta(hours=6)
    for name in ("prices", "reserve"):
        frame = pl.read_parquet(tmp_path / f"{name}.parquet")
        later = pl.col("time_utc") > gate
        changed = [
            pl.when(later).then(3.0 * pl.col(column) + 1.0).otherwise(pl.col(column)).alias(column)
            for column in frame.columns[1:]
        ]
        frame.with_columns(changed).write_parquet(tmp_path / f"{name}.parquet")
    given = parse(value_stacking.Config, configuration(information=PERSISTENCE))
    other = value_stacking.run(given, folder=tmp_path, seed=1)
    assert other.tables["awards"]["award_mw"].equals(blind.tables["awards"]["award_mw"])
    assert other.tables["schedule"].equals(blind.tables["schedule"])
    assert other.summary["net_cost_realised"] != blind.summary["net_cost_realised"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"service": []}, "service"),
        ({"service": [{"name": "a"}]}, "price_per_mw must be given"),
        ({"service": [{"name": "a", "price_per_mw": 1.0}] * 2}, "unique"),
        ({"service": [{"name": "a", "price_per_mw": 1.0, "block_min": 45}]}, "block_min"),
        ({"service": [{"name": "a", "price_per_mw": 1.0, "direction": "left"}]}, "direction"),
        ({"service": [{"name": "a", "price_per_mw": 1.0, "hold_min": -1}]}, "hold_min"),
        ({"bid_curve": {"service": "none", "prices_per_mw": [1.0]}}, "bid_curve.service"),
        ({"bid_curve": {"service": "reserve", "prices_per_mw": [2.0, 1.0]}}, "rise"),
        ({"bid_curve": CURVE | {"price_error_per_mw": 0.0}}, "price_error_per_mw"),
        ({"service": [{"name": "a", "file": "gone.parquet"}]}, "gone.parquet"),
        ({"information": PERSISTENCE | {"look_back_days": 9}}, "prices"),
        ({"information": PERSISTENCE | {"gate_h": 60.0}}, "information"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(EvergridError, match=said):
        run(tmp_path, **changed)
