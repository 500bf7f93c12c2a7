"""Promises are what the held-out days say they are, and a history too short is told so."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core import config as config_file
from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.studies import firm_capacity

EXAMPLES = Path(__file__).parents[3] / "examples"
ZONE = "Europe/Amsterdam"
BASE: dict[str, Any] = {
    "time_zone": ZONE,
    "confidence": [0.9, 0.5],
    "coming_days": 3,
    "holidays": ["2023-05-01"],
    "generated": {"start": "2023-01-02", "days": 120},
    "fleet": [{"place": "home", "vehicles": 20, "sites": ["street"], "time_zone": ZONE}],
}


def made(**changed: object) -> firm_capacity.Result:
    return firm_capacity.run(parse(firm_capacity.Config, BASE | changed), seed=1)


@pytest.fixture(scope="module")
def result() -> firm_capacity.Result:
    return made()


def test_the_table_of_held_out_days_gives_both_coverages_of_the_summary(
    result: firm_capacity.Result,
) -> None:
    held = result.tables["held_out"]
    for level, told in zip(result.summary["confidence"], result.summary["coverage"], strict=True):
        made = held[f"promised_{level:g}_kw"]
        kept = held["came_kw"] >= made - 1e-9
        assert kept.mean() == pytest.approx(told["share"])
        above = told["above_zero"]
        assert kept.filter(made > 0).mean() == pytest.approx(above["share"])
        assert (above["judged"], told["judged"]) == ((made > 0).sum(), held.height)
        for of in (told, above):
            assert of["low"] <= of["share"] <= of["high"]
        lines = "\n".join(result.console_lines())
        assert f"at {100 * level:g} %: {100 * above['share']:.2f} % of {above['judged']:,}" in lines
        assert f"{100 * told['share']:.2f} % of all {told['judged']:,}" in lines


def test_holidays_are_not_judged(result: firm_capacity.Result) -> None:
    days = result.tables["held_out"]["day"].unique()
    found = made(holidays=["2023-04-19", "2023-05-01"])
    fewer = set(days) - set(found.tables["held_out"]["day"].unique())
    assert {day.isoformat() for day in fewer} >= {"2023-04-18", "2023-04-19"}  # the eve, too


def test_quarters_add_up_to_the_whole_and_tell_silence_and_the_best_rule(
    result: firm_capacity.Result,
) -> None:
    table = result.tables["quarters"].filter(pl.col("confidence") == 0.9)
    weight = table["days"].to_numpy() / result.summary["judged_days"]
    told = result.summary["coverage"][1]
    assert table["days"].sum() == result.summary["judged_days"]
    assert table["made_above_zero"].sum() == told["above_zero"]["judged"]
    assert weight @ table["kept"].to_numpy() == pytest.approx(told["share"])
    ours, *simple, silence = result.summary["rules"]
    assert weight @ table["pinball_kw"].to_numpy() == pytest.approx(ours["pinball_kw"])
    np.testing.assert_allclose(table["silence_pinball_kw"], 0.1 * table["came_kw"])
    assert (table["best_pinball_kw"] <= table["silence_pinball_kw"] + 1e-12).all()
    names = {rule["rule"] for rule in simple} | {silence["rule"]}
    assert set(table["best_rule"]) <= names
    assert table["quarter"].to_list() == sorted(table["quarter"])
    assert "2023-Q1" in table["quarter"].to_list()


def test_silence_stands_among_the_rules_and_rules_at_equal_coverage(
    result: firm_capacity.Result,
) -> None:
    ours, *simple, silence = result.summary["rules"]
    assert silence["rule"] == "nothing"
    assert (silence["mean_kw"], silence["kept"], silence["kept_above_zero"]) == (0.0, 1.0, None)
    assert silence["pinball_kw"] == pytest.approx(0.1 * ours["came_kw"])
    assert ours["equal_pinball_kw"] == pytest.approx(ours["pinball_kw"], rel=0.02)
    held = result.tables["held_out"]
    over = (held["came_kw"] - held["promised_0.9_kw"]).to_numpy()
    assert ours["pinball_kw"] == pytest.approx(np.where(over > 0, 0.1 * over, -0.9 * over).mean())
    best = min(simple, key=lambda rule: rule["equal_pinball_kw"])
    (line,) = [line for line in result.console_lines() if line.startswith("loss")]
    share = ours["pinball_kw"] / silence["pinball_kw"]
    assert f"{share:.2f} of what promising nothing loses" in line
    assert f"({best['rule']})" in line


def test_the_guarantee_asked_for_is_told_and_changes_what_is_promised(
    result: firm_capacity.Result,
) -> None:
    proven = made(guarantee="proven")
    assert (result.summary["guarantee"], proven.summary["guarantee"]) == ("asymptotic", "proven")
    assert not np.array_equal(proven.findings.promised_kw, result.findings.promised_kw)
    assert any("no proof for a finite record" in note for note in result.summary["notes"])
    assert any("if days are exchangeable" in note for note in proven.summary["notes"])


def test_days_of_no_promise_are_not_drawn_as_kept(result: firm_capacity.Result) -> None:
    found = result.findings
    past, made = found.past, found.promised_kw[found.top]
    step = int(np.argmax(past.power_kw[past.judged].mean(axis=0)))
    promised = made[past.judged, step]
    note = result.figures()["promises_kept"].layout.title.subtitle.text  # type: ignore[reportAttributeAccessIssue]
    assert f"of {(promised > 0).sum():,} promises kept" in note


def test_the_days_left_out_at_the_end_are_told(result: firm_capacity.Result) -> None:
    left_out = result.findings.record.open_days
    assert left_out >= 3
    assert result.summary["days_open"] == left_out
    assert result.summary["days_known"] == result.summary["days"] - left_out
    assert any(f"last {left_out} days are left out" in note for note in result.summary["notes"])


def test_promises_are_told_as_far_ahead_as_the_coming_days(result: firm_capacity.Result) -> None:
    table = result.tables["ahead"]
    assert table["lead_days"].to_list() == [4, 5, 6] * 2  # three days are left out at the end
    assert table["day"].to_list() == table["day"].sort().to_list()[::2] * 2
    assert table["confidence"].to_list() == [0.5] * 3 + [0.9] * 3
    last = table.row(-1, named=True)
    (note,) = [note for note in result.summary["notes"] if note.startswith("The last coming day")]
    assert f"{100 * last['kept_above_zero']:.1f} % of the promises above zero" in note
    asked = "as asked" if last["above_zero_high"] >= 0.9 else "fewer than asked"
    assert note.endswith(f"where 90 % was asked: {asked}.")


def broken_record(folder: Path, hole: range) -> dict[str, Any]:
    """A table of twelve cars at an office and one at a depot, with days that lack the office."""
    rows = [
        "session_id,asset_id,site_id,arrival_utc,departure_utc,capacity_kwh,energy_arrival_kwh,"
        "energy_departure_kwh,energy_reserve_kwh,max_charge_kw,max_discharge_kw,"
        "efficiency_charge,efficiency_discharge"
    ]
    for day in range(120):
        date = np.datetime64("2023-01-02") + day
        for car in range(13):
            site = "depot" if car == 12 else "office"
            if site == "depot" or day not in hole:
                rows.append(
                    f"s{day}-{car},car-{car},{site},{date}T08:00:00Z,{date}T16:00:00Z,60,40,20,6,"
                    "11,11,0.9,0.9"
                )
    path = folder / "sessions.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return {"fleet": [], "generated": None, "sessions": {"file": str(path)}}


def test_a_hole_of_one_site_is_named_in_notes_and_summary_and_left_out(tmp_path: Path) -> None:
    found = made(**broken_record(tmp_path, range(91, 97)))  # Monday 3 to Saturday 8 April
    (hole,) = found.summary["site_holes"]
    assert hole == {"site_id": "office", "first_day": "2023-04-03", "last_day": "2023-04-07"}
    assert any(
        "office has no session, or none for most of the day, on working days from 2023-04-03"
        in note
        for note in found.summary["notes"]
    )
    assert (
        found.summary["days_known"] == found.summary["days"] - 5 - found.findings.record.open_days
    )
    judged = {day.isoformat() for day in found.tables["held_out"]["day"]}
    assert not judged & {f"2023-04-0{day}" for day in range(3, 8)}
    assert not any("count as missing" in note for note in found.summary["notes"])


@pytest.mark.parametrize(
    ("judged_share", "words"),
    [
        (0.8, "at least 14 of the last 90 before a day that is promised for, got fewer before"),
        (0.4, "hold a known day that is no holiday among the judged ones, got none from 2023-0"),
    ],
)
def test_a_record_that_has_been_silent_for_long_tells_what_is_missing(
    judged_share: float, words: str, tmp_path: Path
) -> None:
    record = broken_record(tmp_path, range(0))
    path = Path(record["sessions"]["file"])
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    late = ["late-" + row.replace("2023-01-0", "2023-09-0") for row in rows[: 3 * 13]]
    path.write_text("\n".join([head, *rows, *late]), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        made(gaps="missing", judged_share=judged_share, **record)


def test_what_came_is_the_sum_of_the_vehicles(result: firm_capacity.Result) -> None:
    record = result.findings.record
    day = np.flatnonzero(result.findings.past.judged)[0]
    rows = record.day == day
    summed = np.bincount(record.step[rows], record.row_kw[rows], record.steps)
    came = result.tables["held_out"]["came_kw"][: record.steps].to_numpy()
    np.testing.assert_allclose(came, summed)


def test_surer_offers_are_smaller_and_a_block_never_offers_more_than_its_steps(
    result: firm_capacity.Result,
) -> None:
    found = result.findings
    assert found.confidence == (0.5, 0.9)
    assert (found.coming_kw[0] >= found.coming_kw[1] - 1e-9).all()
    assert (found.model.firm_kw[:-1] >= found.model.firm_kw[1:] - 1e-9).all()
    assert (found.model.firm_kw[1:] <= found.model.independent_kw[1:] + 1e-9).all()
    steps = found.coming_kw.shape[2] // found.block_kw.shape[2]
    assert (found.block_kw[1].repeat(steps, axis=1) <= found.coming_mean_kw + 1e-9).all()


def test_nothing_is_promised_for_odd_days(result: firm_capacity.Result) -> None:
    found = result.findings
    coming = found.days[len(result.findings.record.days) :]
    (holiday,) = np.flatnonzero(coming == np.datetime64("2023-05-01"))
    assert (found.coming_kw[:, holiday] == 0).all()
    assert (found.coming_kw[0].sum(axis=1) > 0).any()
    assert any("2023-05-01" in note for note in result.summary["notes"])


def test_an_outage_lowers_what_is_promised(result: firm_capacity.Result) -> None:
    failing = made(outage=[{"name": "telecom", "probability": 0.2, "share": 0.5}])
    assert failing.findings.coming_kw[1].sum() < result.findings.coming_kw[1].sum()


def test_drivers_who_stay_away_lower_what_is_promised(result: firm_capacity.Result) -> None:
    fewer = made(drivers={"participation": 0.5, "opt_out": 0.2})
    assert fewer.findings.coming_kw.sum() < 0.7 * result.findings.coming_kw.sum()
    assert any("drawn at random" in note for note in fewer.summary["notes"])


def test_the_same_seed_gives_the_same_promises(result: firm_capacity.Result) -> None:
    again = made()
    assert json.dumps(again.summary) == json.dumps(result.summary)


def weather(folder: Path, *, first: str = "2023-01-01", days: int = 140) -> str:
    """A file of temperatures that sink from 20 to 0 degrees."""
    when = np.datetime64(first, "D") + np.arange(days)
    path = folder / "weather.csv"
    rows = [f"{day},{20 - 20 * i / days:.2f}" for i, day in enumerate(when)]
    path.write_text("\n".join(["day,temperature_c", *rows]), encoding="utf-8")
    return str(path)


def test_weather_is_read_used_written_and_told(
    result: firm_capacity.Result, tmp_path: Path
) -> None:
    found = made(weather_file=weather(tmp_path))
    assert set(result.summary["input_sha256"]) == {"sessions"}
    assert set(found.summary["input_sha256"]) == {"sessions", "weather"}
    assert any("Weather was used for" in note for note in found.summary["notes"])
    assert any("takes 365 usual days to learn from" in note for note in found.summary["notes"])
    found.write(tmp_path / "out")
    written = pl.read_parquet(tmp_path / "out" / "inputs" / "weather.parquet")
    assert written.columns == ["day", "temperature_c"]
    assert written.height == 140


def test_weather_without_the_coming_days_names_them(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"every coming one, got 2023-05-01; 2023-05-02; 2023-05-03\. Add"
    ):
        made(weather_file=weather(tmp_path, days=120))


def test_weather_of_a_place_that_is_too_warm_names_day_and_rule(tmp_path: Path) -> None:
    path = Path(weather(tmp_path))
    text = path.read_text(encoding="utf-8").replace("2023-01-01,20.00", "2023-01-01,68.00")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"got 68 for 2023-01-01 \(row 1\). Give degrees Celsius"):
        made(weather_file=str(path))


def test_methods_stand_in_the_order_of_their_care(result: firm_capacity.Result) -> None:
    table = result.tables["methods"]
    firm = {name: rows["firm_kw"].to_numpy() for (name,), rows in table.group_by("method")}
    assert (firm["exact"] >= firm["Chernoff"] - 1e-6).all()
    assert (firm["Chernoff"] >= firm["Bernstein"] - 1e-6).all()
    assert (firm["Chernoff"] >= firm["Hoeffding"] - 1e-6).all()
    assert (firm["common factor"][1:] <= firm["exact"][1:] + 1e-9).all()
    np.testing.assert_array_equal(firm["calibrated"], result.summary["busiest_firm_kw"])
    assert "By other methods" in result.report()


def test_growth_lies_between_its_bounds_and_below_independence(
    result: firm_capacity.Result,
) -> None:
    grown = result.tables["growth"]
    assert (grown["firm_low_kw"] <= grown["firm_kw"] + 1e-6).all()
    assert (grown["firm_kw"] <= grown["firm_high_kw"] + 1e-6).all()
    per_vehicle = grown["firm_kw"] / grown["vehicles"]
    assert (per_vehicle <= grown["expected_kw"] / grown["vehicles"] + 1e-6).all()
    assert per_vehicle[-1] == pytest.approx(result.summary["growth_floor_kw_per_vehicle"], rel=0.02)


@pytest.mark.parametrize("days", [4, 20])
def test_a_history_too_short_to_tell_a_day_is_refused_whatever_promises(days: int) -> None:
    with pytest.raises(InputError, match=r"at least 16 before the judged ones, got \d+"):
        made(generated={"start": "2023-01-02", "days": days}, beyond_history="model")


def test_too_short_a_history_names_the_days_that_are_needed() -> None:
    with pytest.raises(InputError, match=r"0\.999 \(needs 999 days, has \d+\)"):
        made(confidence=[0.9, 0.999])


def test_the_model_stands_in_where_asked_and_says_so() -> None:
    more = [BASE["fleet"][0] | {"vehicles": 60}]
    found = made(confidence=[0.9, 0.99], beyond_history="model", fleet=more)
    offers = found.tables["offers"]
    assert not offers.filter(pl.col("confidence") == 0.99)["calibrated"].any()
    assert offers.filter(pl.col("confidence") == 0.9)["calibrated"].all()
    assert found.summary["by_model"] == [0.99]
    assert len(found.summary["coverage"]) == 1
    assert any("model of vehicles alone" in note for note in found.summary["notes"])
    surest, holiday = found.findings.coming_kw[1], np.datetime64("2023-05-01")
    assert (surest <= found.findings.coming_kw[0]).all()
    assert surest.any()
    assert not surest[found.findings.days[-3:] == holiday].any()
    # What holds in all steps of a block holds in each of them.
    blocks = found.findings.block_kw[1]
    assert (blocks.repeat(4, axis=1) <= surest + found.findings.record.row_kw.max() / 20).all()


@pytest.mark.parametrize(("last", "hours"), [("2023-03-24", 71), ("2023-10-27", 73)])
def test_offers_follow_the_clock_through_the_nights_it_changes(last: str, hours: int) -> None:
    start = np.datetime64(last) - 60
    found = made(generated={"start": str(start), "days": 62}, confidence=[0.8])
    assert str(found.findings.record.days[-1]) == last
    offers = found.tables["offers"]
    assert offers.height == hours
    assert (offers["time_utc"].diff().drop_nulls() == timedelta(hours=1)).all()
    local = offers["time_utc"].dt.convert_time_zone(ZONE)
    steps = found.findings.coming_kw[0].ravel()
    first_of_last_day = local.dt.date() == local.dt.date()[-1]
    np.testing.assert_array_equal(offers.filter(first_of_last_day)["firm_kw"], steps[-24:])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"confidence": [99]}, "Give a fraction"),
        ({"holidays": ["4 July"]}, "be dates such as"),
        ({"product": {"block_h": 5.0}}, "divide 24 h"),
        ({"product": {"step_min": 25.0}}, "divide 1 h"),
        ({"time_zone": "Mars"}, "IANA zone"),
        ({"outage": [{"name": "x", "probability": 1.2}]}, "less than 1"),
        ({"drivers": {"participation": 0.0}}, "greater than 0"),
        ({"outage": [{"name": n, "probability": 0.6} for n in "ab"]}, "sum to below 1"),
        ({"confidance": [0.9]}, "Did you mean confidence"),
    ],
)
def test_settings_that_break_rules_are_told_with_the_way_out(
    changed: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(firm_capacity.Config, BASE | changed)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fleet": []}, "Name a file in"),
        ({"sessions": {"file": "sessions.parquet"}}, "not both"),
        ({"generated": None}, "Add .generated."),
    ],
)
def test_a_history_is_asked_for_once(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        made(**changed)


def test_a_result_is_written_whole(result: firm_capacity.Result, tmp_path: Path) -> None:
    result.write(tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    names = {path.relative_to(tmp_path / "out").as_posix() for path in files}
    assert names == set(firm_capacity.STUDY.outputs) - {"inputs/weather.parquet"}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('class="plot"') == 7
    assert len(result.console_lines()) <= 12


@pytest.mark.parametrize("name", ["firm_capacity_acn", "firm_capacity_norway"])
@pytest.mark.slow
def test_measured_fleets_keep_their_word_and_promise_more_than_simple_rules(
    name: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRID_DATA", str(data_folder.resolve()))
    settings = config_file.read(firm_capacity.Config, EXAMPLES / f"{name}.toml")
    summary = firm_capacity.run(settings, folder=EXAMPLES).summary
    above = summary["coverage"][-1]["above_zero"]
    assert above["high"] >= 0.99  # the pandemic is among the judged days of one
    assert above["share"] >= 0.96
    ours, *simple, silence = summary["rules"]
    assert ours["pinball_kw"] <= silence["pinball_kw"]
    assert ours["pinball_kw"] < min(rule["equal_pinball_kw"] for rule in simple)
