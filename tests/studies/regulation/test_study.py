"""A regulation study: what it tells, from its tables, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.markets.performance.pjm_score import sampled, score
from evergrid.markets.rules.pjm import FIRST_ERA
from evergrid.studies import regulation
from evergrid.studies.regulation import report, trials
from tests.studies.regulation_cases import HOURS, configuration, files


def run(folder: Path, **changed: Any) -> regulation.Result:
    files(folder)
    return regulation.run(parse(regulation.Config, configuration(**changed)), folder=folder, seed=1)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[regulation.Result, Path]:
    folder = tmp_path_factory.mktemp("regulation")
    result = run(folder)
    result.write(folder / "out")
    return result, folder / "out"


def test_credits_are_those_of_the_rule_book_from_the_ticks(
    done: tuple[regulation.Result, Path],
) -> None:
    _, out = done
    summary = json.loads((out / "summary.json").read_text())
    ticks, hours = (pl.read_parquet(out / f"{name}.parquet") for name in ("ticks", "intervals"))
    assert len(ticks) == HOURS * 1800
    asked, award = ticks["target_kw"].to_numpy(), ticks["award_kw"].to_numpy()
    share = np.divide(asked, award, out=np.zeros(len(award)), where=award > 0)
    given = np.divide(ticks["response_kw"].to_numpy(), award, out=share.copy(), where=award > 0)
    found = score(sampled(share, 2.0), sampled(given, 2.0), FIRST_ERA)
    # windows reach into the next hour, whose signal is not told where nothing is awarded
    awarded = hours["award_mw"].to_numpy() > 0
    assert hours["score"].is_null().to_list() == (~awarded).tolist()
    assert hours["score"].to_numpy()[awarded] == pytest.approx(found.total[awarded], abs=1e-4)
    total = 0.0
    for row in hours.to_dicts():
        paid = row["capability_price_per_mw"] + 3.0 * row["performance_price_per_mw"]
        total += row["award_mw"] * (row["score"] or 0.0) * paid
    assert summary["credit"] == pytest.approx(total, rel=1e-9)
    assert summary["credit"] > 1.0
    assert summary["score_mean"] > 0.9


def test_awards_are_whole_steps_that_the_plan_holds(done: tuple[regulation.Result, Path]) -> None:
    result, out = done
    award = pl.read_parquet(out / "ticks.parquet")["award_kw"].to_numpy()
    assert award / 5.0 == pytest.approx(np.round(award / 5.0))
    schedule = pl.read_parquet(out / "schedule.parquet")
    held = schedule.group_by("time_utc").agg(pl.col("held_kw").sum()).sort("time_utc")
    per_hour = held["held_kw"].to_numpy().reshape(-1, 2).min(axis=1)
    by_hour = award.reshape(HOURS, -1)
    assert (by_hour.max(axis=1) <= 0.8 * per_hour + 1e-6).all()
    assert by_hour.max() > 5.0
    assert result.summary["offered_mean_kw"] >= result.summary["award_mean_kw"]


def test_the_statement_of_all_assets_adds_up_to_the_cent(
    done: tuple[regulation.Result, Path],
) -> None:
    result, out = done
    statement = pl.read_parquet(out / "statement.parquet")
    assert round(100 * statement["credit"].sum()) == round(100 * result.summary["credit"])
    battery = statement.filter(pl.col("asset_id") == "battery-1")
    assert battery["credit"][0] == pytest.approx(statement["credit"].to_numpy().max())


def test_no_award_is_larger_than_what_is_surely_there(tmp_path: Path) -> None:
    award = configuration()["award"] | {"most_kw": 12.0, "share": 1.0}
    ticks = run(tmp_path, award=award).tables["ticks"]
    assert ticks["award_kw"].to_numpy().max() == pytest.approx(10.0)


def test_what_it_costs_is_told_part_by_part(done: tuple[regulation.Result, Path]) -> None:
    s = done[0].summary
    following = s["signal_energy_cost"] + s["energy_left_cost"] + s["following_wear_cost"]
    assert s["net_cost"] == pytest.approx(s["plan_cost"] + following - s["credit"])
    assert s["credit"] == pytest.approx(s["credit_capability"] + s["credit_performance"])
    ticks = pl.read_parquet(done[1] / "ticks.parquet")
    price = done[0].findings.inputs.portfolio.prices.import_price_per_mwh / 1000.0
    power = (ticks["base_kw"] + ticks["response_kw"]).to_numpy().reshape(len(price), -1)
    schedule = pl.read_parquet(done[1] / "schedule.parquet")
    planned = schedule.group_by("time_utc").agg(pl.col("power_kw").sum()).sort("time_utc")
    beside = power.sum(axis=1) / 1800.0 - 0.5 * planned["power_kw"].to_numpy()
    assert s["beside_plan_kwh"] == pytest.approx(float(beside.sum()))
    assert s["signal_energy_cost"] == pytest.approx(-float(price @ beside))
    up_kwh = np.maximum(ticks["response_kw"].to_numpy(), 0.0).sum() / 1800.0
    wear = pl.read_parquet(done[1] / "inputs" / "sessions.parquet")["wear_cost_per_kwh"].to_numpy()
    assert up_kwh * wear.min() <= s["following_wear_cost"] <= up_kwh * wear.max()
    assert s["following_wear_cost"] > 0.0
    assert s["net_cost"] < s["net_cost_without"]
    assert s["sessions_short"] == 0
    assert s["switches_most"] <= 20


def test_energy_that_is_missing_at_the_end_is_no_gain(tmp_path: Path) -> None:
    award = configuration()["award"] | {"least_kw": 1e5}
    found = run(tmp_path, award=award)
    s, record, planned = found.summary, found.findings.record, found.findings.plan.schedule
    assert s["award_mean_kw"] == 0.0
    sessions = found.findings.inputs.portfolio.sessions
    ends = found.findings.inputs.portfolio.grid.times[-1] + np.timedelta64(30, "m")
    there = sessions.departure_utc >= ends
    missing = (planned.energy_kwh[:, -1] - record.energy_end_kwh)[there].sum()
    prices = found.findings.inputs.portfolio.prices
    assert s["energy_left_cost"] == pytest.approx(
        missing * np.median(prices.all_drawn_per_mwh) / 1e3
    )
    assert s["net_cost"] >= s["net_cost_without"] - 0.01  # nothing is sold, so nothing is gained


def test_text_figures_and_page_tell_the_same(done: tuple[regulation.Result, Path]) -> None:
    result, out = done
    lines = "\n".join(result.console_lines())
    assert "better off" in lines
    assert len(result.console_lines()) <= 10
    figures = result.figures()
    assert set(figures) == {
        "signal_followed",
        "signal_through_the_day",
        "score_and_credit",
        "switches_by_charger",
    }
    delivered: Any = figures["signal_through_the_day"].data[1]
    ticks = pl.read_parquet(out / "ticks.parquet")["response_kw"].to_numpy()
    count = len(delivered.y)
    assert delivered.dx == pytest.approx(HOURS * 3.6e6 / count)
    assert count * 2 == len(ticks)
    assert delivered.y == pytest.approx(ticks.reshape(count, -1).mean(axis=1), abs=0.006)
    page = (out / "report.html").read_text()
    assert "Statement by vehicle" in page
    assert "not verified" in page


BLIND = {"prices": "persistence", "gate_h": 3.0, "look_back_days": 1, "published_h": 1.0}


def with_a_day_before(folder: Path, *, today: float = 1.0) -> None:
    """The files with prices from a day before on; those of the horizon are multiplied."""
    files(folder)
    for name, column in (("prices", "time_utc"), ("market", "time_begin_utc")):
        frame = pl.read_parquet(folder / f"{name}.parquet")
        hours = pl.int_range(24 + HOURS)
        first = frame[column][0]
        longer = pl.concat([frame] * (1 + 24 // HOURS)).with_columns(
            (pl.lit(first) - pl.duration(hours=24) + pl.duration(hours=hours)).alias(column)
        )
        late = pl.col(column) >= pl.lit(first)
        scaled = [
            pl.when(late).then(pl.col(c) * today).otherwise(pl.col(c)).alias(c)
            for c in longer.columns
            if c != column
        ]
        longer.with_columns(scaled).write_parquet(folder / f"{name}.parquet")


def test_no_offer_sees_a_price_that_is_published_later(tmp_path: Path) -> None:
    trial = {"file": "before.csv", "shares": (0.4, 0.8)}
    config = parse(regulation.Config, configuration(information=BLIND, trial=trial))
    found = []
    for number, today in enumerate((1.0, 3.0)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with_a_day_before(folder, today=today)
        frame = pl.read_csv(folder / "signal.csv")
        frame.with_columns(pl.col("signal").reverse()).write_csv(folder / "before.csv")
        found.append(regulation.run(config, folder=folder, seed=1))
    one, other = found
    assert one.tables["schedule"].equals(other.tables["schedule"])
    assert one.tables["ticks"].equals(other.tables["ticks"])
    assert one.tables["trials"].equals(other.tables["trials"])
    assert other.summary["credit"] == pytest.approx(3.0 * one.summary["credit"])
    # Yesterday's prices came again, so that nothing was lost by not knowing them.
    assert one.summary["regret"] == pytest.approx(0.0, abs=1e-6)
    assert one.summary["net_cost_foresight"] is not None
    assert "made 3 h before" in " ".join(one.summary["notes"])


def test_a_plan_that_knows_what_comes_says_so(done: tuple[regulation.Result, Path]) -> None:
    summary = done[0].summary
    assert (summary["information"], summary["regret"]) == ("foresight", None)
    assert "which no offer can" in " ".join(summary["notes"])


def test_prices_that_do_not_begin_early_enough_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvergridError, match="look_back_days"):
        run(tmp_path, information=BLIND)
    with_a_day_before(tmp_path)
    market = pl.read_parquet(tmp_path / "market.parquet")
    market.tail(HOURS).write_parquet(tmp_path / "market.parquet")
    config = parse(regulation.Config, configuration(information=BLIND))
    with pytest.raises(EvergridError, match=r"prices of regulation.*look_back_days"):
        regulation.run(config, folder=tmp_path, seed=1)


def test_a_response_with_its_sign_turned_and_an_award_that_was_cut_are_named(
    done: tuple[regulation.Result, Path],
) -> None:
    result, found = done[0], done[0].findings
    told = " ".join(report.notes(result.config, found))
    assert "against the signal" not in told
    turned = replace(found.score, inverted=np.ones(len(found.score.total), bool))
    wrong = replace(found, score=turned, offered_kw=found.offered_kw + 40.0)
    told = " ".join(report.notes(result.config, wrong))
    assert "moved against the signal. Check the sign" in told
    assert "came into force on average" in told


def test_a_gap_of_the_signal_is_met_and_told(tmp_path: Path) -> None:
    files(tmp_path)
    frame = pl.read_csv(tmp_path / "signal.csv")
    missing = (pl.col("second") >= 400) & (pl.col("second") < 460)
    frame = frame.with_columns(pl.when(~missing).then(pl.col("signal")).alias("signal"))
    frame.write_csv(tmp_path / "signal.csv")
    result = regulation.run(parse(regulation.Config, configuration()), folder=tmp_path, seed=1)
    assert result.summary["signal_gaps"] == 30
    assert "30 gaps" in " ".join(result.summary["notes"])


def test_a_fleet_that_cannot_hold_the_least_award_says_so(tmp_path: Path) -> None:
    result = run(tmp_path, award={"least_kw": 5000.0})
    assert result.summary["award_mean_kw"] == 0.0
    assert result.summary["credit"] == 0.0
    assert result.summary["score_mean"] is None
    assert "Nothing is awarded" in "\n".join(result.console_lines())


BAD = [
    ({"horizon": {"start": "2022-07-12T04:00:00Z", "days": 0.5}}, "prices"),
    ({"horizon": {"start": "2026-10-02T04:00:00Z", "days": 0.25}}, "not confirmed"),
    ({"horizon": {"start": "2010-07-12T04:00:00Z", "days": 0.25}}, "lie between 2012-10-01"),
    ({"horizon": {"start": "2025-10-01T01:00:00Z", "days": 0.25}}, "when the rules change"),
    (
        {"horizon": {"start": "2022-07-12T04:00:00Z", "days": 0.25, "step_min": 45}},
        "whole steps",
    ),
    ({"signal": {"file": "none.csv"}}, "none.csv"),
    ({"market": {"file": "market.parquet", "shift_weeks": 3}}, "prices of regulation"),
    ({"market": {"file": "market.parquet", "mileage_ratio": -1}}, "mileage_ratio"),
    ({"award": {"share": 80}}, "share"),
    ({"control": {"switch_limit": 1}}, "switch_limit"),
    ({"market": {"file": "market.parquet", "rules": "caiso"}}, "rules"),
]


@pytest.mark.parametrize(("changed", "said"), BAD)
def test_what_makes_no_sense_is_refused_with_its_field(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(EvergridError) as caught:
        run(tmp_path, **changed)
    assert said in str(caught.value)


def test_the_share_that_earns_most_on_another_day_is_offered(tmp_path: Path) -> None:
    files(tmp_path)
    frame = pl.read_csv(tmp_path / "signal.csv")
    frame.with_columns(pl.col("signal").reverse()).write_csv(tmp_path / "before.csv")
    changed = {
        "trial": {"file": "before.csv", "shares": (0.3, 0.7)},
    }
    config = parse(regulation.Config, configuration(**changed))
    result = regulation.run(config, folder=tmp_path, seed=1)
    tried = result.tables["trials"]
    assert tried["share"].to_list() == [0.3, 0.7]
    net = tried["net"].to_numpy()
    assert net == pytest.approx((tried["credit"] - tried["following_cost"]).to_numpy())
    assert tried["offered"].to_list() == [net[0] >= net[1], net[1] > net[0]]
    assert result.summary["share_offered"] == tried.filter("offered")["share"][0]
    # what is tried is another day: its scores are not those that are paid
    assert tried.filter("offered")["score_mean"][0] != result.summary["score_mean"]


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ({"file": "signal.csv"}, "another day's signal"),
        ({"file": "before.csv", "shares": ()}, "shares"),
        ({"file": "before.csv", "shares": (0.5, 1.5)}, "shares"),
        ({"shares": (0.5,)}, "file"),
    ],
)
def test_trials_need_shares_and_the_signal_of_another_day(trial: dict[str, Any], said: str) -> None:
    with pytest.raises(EvergridError, match=said):
        parse(regulation.Config, configuration(trial=trial))


def test_the_cliffs_of_the_score_decide_between_shares() -> None:
    def tried(share: float, credit: float, cost: float) -> trials.Trial:
        return trials.Trial(share, 100.0, credit, cost, 0.9, 0.9, 0, disqualified=False)

    most = trials.best([tried(0.4, 5.0, 1.0), tried(0.8, 6.0, 1.5), tried(1.0, 0.0, 2.0)])
    assert most.share == 0.8
    assert trials.best([tried(0.9, 5.0, 1.0), tried(0.5, 5.0, 1.0)]).share == 0.5


@pytest.mark.parametrize(
    ("every_s", "said"), [(4, "divide the 10 s at which responses are scored")]
)
def test_a_signal_in_other_ticks_is_refused_before_anything_is_planned(
    tmp_path: Path, every_s: int, said: str
) -> None:
    files(tmp_path)
    frame = pl.read_csv(tmp_path / "signal.csv")
    frame.with_columns(pl.col("second") * every_s // 2).write_csv(tmp_path / "signal.csv")
    with pytest.raises(EvergridError, match=said):
        regulation.run(parse(regulation.Config, configuration()), folder=tmp_path, seed=1)


def test_a_signal_that_moves_at_another_pace_is_told(tmp_path: Path) -> None:
    files(tmp_path)
    frame = pl.read_csv(tmp_path / "signal.csv")
    frame.with_columns(pl.col("second") * 5 // 2).write_csv(tmp_path / "signal.csv")
    result = regulation.run(parse(regulation.Config, configuration()), folder=tmp_path, seed=1)
    assert "moves every 5 s" in " ".join(result.summary["notes"])


def test_awards_of_the_second_era_are_half_hours(tmp_path: Path) -> None:
    files(tmp_path)
    for name in ("prices", "market"):
        frame = pl.read_parquet(tmp_path / f"{name}.parquet")
        column = "time_utc" if name == "prices" else "time_begin_utc"
        later = frame.with_columns(pl.col(column) + pl.duration(weeks=200))
        later.write_parquet(tmp_path / f"{name}.parquet")
    changed = {"horizon": {"start": "2026-05-12T04:00:00Z", "days": HOURS / 24, "step_min": 30}}
    config = parse(regulation.Config, configuration(**changed))
    result = regulation.run(config, folder=tmp_path, seed=1)
    award = result.tables["ticks"]["award_kw"].to_numpy().reshape(2 * HOURS, -1)
    assert (award.min(axis=1) == award.max(axis=1)).all()
    assert (award[::2, 0] != award[1::2, 0]).any()
    assert len(result.tables["intervals"]) >= 12 * HOURS - 2


def test_a_signal_that_ends_before_the_horizon_is_refused(tmp_path: Path) -> None:
    files(tmp_path)
    pl.read_csv(tmp_path / "signal.csv").head(5000).write_csv(tmp_path / "signal.csv")
    with pytest.raises(EvergridError, match="last as long as the horizon"):
        regulation.run(parse(regulation.Config, configuration()), folder=tmp_path, seed=1)
