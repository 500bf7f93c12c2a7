"""The study: headline numbers that follow from its tables, refusals, and what is written."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError
from evergrid.studies import black_start
from evergrid.studies.black_start.results import growing_swing
from tests.studies.black_start.cases import BLOCKS, VAN, configuration


def run(**changed: Any) -> black_start.Result:
    return black_start.run(parse(black_start.Config, configuration(**changed)), seed=3)


@pytest.fixture(scope="module")
def result() -> black_start.Result:
    """All is on within seven seconds, and the grid is met."""
    start = {"duration_s": 14.0}
    grid = {"at_s": 8.0, "frequency_hz": 50.0, "short_circuit_kva": 2000.0}
    fuse = {"block": "pumps", "current_a": [30.0, 60.0, 200.0], "melting_s": [3600.0, 5.0, 0.05]}
    return run(start=start, grid_return=grid, fuse=fuse)


def test_all_is_on_and_the_grid_is_met(result: black_start.Result):
    s = result.summary
    assert (s["status"], s["reason"]) == ("restored", "")
    assert s["served_kw"] == s["demand_kw"] == 11.0
    assert s["reconnected_s"] > 8.0
    assert s["droop_frequency_hz"] is None  # the grid sets the frequency
    assert s["sync_longest_s"] <= s["sync_bound_s"] + 0.02


def test_recovery_and_degradation_follow_from_the_blocks(result: black_start.Result):
    s, blocks = result.summary, result.tables["blocks"]
    dark_h = blocks["dark_s"].to_numpy() / 3600.0
    power = blocks["power_kw"].to_numpy()
    assert s["m_d_kwh"] == pytest.approx(float(power @ dark_h), rel=1e-9)
    assert blocks["missing_kwh"].sum() == pytest.approx(s["m_d_kwh"], rel=1e-9)
    weights = blocks["weight"].to_numpy()
    assert s["m_d_weighted_kwh"] == pytest.approx(float((weights * power) @ dark_h))
    assert s["t_r_100_s"] == pytest.approx(blocks["on_s"].max())
    assert s["t_r_first_80_s"] == pytest.approx(s["t_r_80_s"])


def test_energy_adds_up_over_the_units(result: black_start.Result):
    units, s = result.tables["units"], result.summary
    for key in ("energy_kwh", "auxiliary_kwh", "energy_left_kwh"):
        assert units[key].sum() == pytest.approx(s[key])


def test_extremes_are_those_of_the_island(result: black_start.Result):
    island, s = result.tables["island"], result.summary
    after = island.filter(pl.col("time_s") > 0.4)
    assert s["lowest_frequency_hz"] <= after["frequency_hz"].to_numpy().min() + 1e-9
    assert s["lowest_voltage_pu"] <= after["voltage_pu"].to_numpy().min() + 1e-9
    assert s["lowest_frequency_cause"] == s["lowest_voltage_cause"] == "pick up of pumps"


def test_soft_starting_spares_the_inrush(result: black_start.Result):
    s = result.summary
    assert s["inrush_soft_pu"] < 0.1 * s["inrush_hard_pu"]
    assert 0 < s["thd"] < 0.05


def test_the_fuse_is_too_slow_for_two_inverters(result: black_start.Result):
    s = result.summary
    assert s["fuse_current_a"] == pytest.approx(1.5 * 20e3 / (np.sqrt(3) * 400.0))
    assert s["fuse_clears"] is False
    assert any("fuse pumps does not clear" in note for note in s["notes"])


def test_every_listed_eigenvalue_of_a_closing_that_is_done_decays(result: black_start.Result):
    values = result.tables["eigenvalues"]
    assert values["allowed"].all()
    assert values["real_per_s"].max() == pytest.approx(-result.summary["least_damping_per_s"])


def test_the_report_and_the_sheet_are_written(result: black_start.Result, tmp_path: Path):
    result.write(tmp_path / "out")
    sheet = (tmp_path / "out" / "runbook.html").read_text()
    assert "Runbook: Black start" in sheet
    assert "abort when" in sheet
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Yes: 2 units start the dead site" in page
    assert page.count('class="plot"') == len(result.figures()) == 9


def test_an_unstable_droop_is_refused_by_name_and_grows_when_it_is_run():
    start = {"duration_s": 6.0, "order": ["van 1", "lights", "van 2"]}
    loose = {"droop_hz": 1.5}
    refused = run(start=start, inverter=loose).summary
    assert refused["status"] == "refused_unstable"
    assert "the eigenvalue +6" in refused["reason"]
    assert refused["least_damping_per_s"] < 0
    result = run(start=start | {"run_unstable": True}, inverter=loose)
    assert result.summary["status"] == "unstable"
    assert "van 2 was closed though the eigenvalue" in result.summary["reason"]
    swing = growing_swing(result.findings.start)
    assert swing is not None
    early = swing.time_s < 0.25
    rate = np.polyfit(swing.time_s[early], np.log(swing.swing_kw[early]), 1)[0]
    assert rate == pytest.approx(swing.eigenvalue_per_s.real, rel=0.25)
    assert "foretold_swing" in result.figures()


def test_without_a_transformer_there_is_no_inrush():
    given = configuration(start={"duration_s": 1.0})
    del given["microgrid"]["transformer"]
    given["microgrid"] = given["microgrid"] | {"transformer": None}
    summary = black_start.run(black_start.Config.model_validate(given)).summary
    assert summary["inrush_hard_pu"] is None
    assert summary["voltage_hard_pu"] is None


def _site(**changed: Any) -> dict[str, Any]:
    return {"microgrid": configuration()["microgrid"] | changed}


BAD = [
    (_site(vehicles=[]), "batteries", "Give vehicles or a site battery"),
    (_site(vehicles=[VAN | {"black_start": False}]), "black_start", "stays dark"),
    (_site(vehicles=[VAN | {"plugged_in": 0}]), "batteries", "plugged in when the grid is lost"),
    (_site(vehicles=[VAN | {"count": 101, "plugged_in": 101}]), "units", "be at most 100"),
    (_site(load_block=[BLOCKS[0] | {"name": "van 2"}]), "load_block.name", "Rename it"),
    ({"start": {"order": ["van 1", "lihgts"]}}, "start.order", "Did you mean lights"),
    ({"start": {"masters": [""]}}, "start.masters", "be a name"),
    ({"start": {"masters": ["van 1", "van 2"]}}, "start.masters", "fight each other"),
    (
        {"grid_return": {"at_s": 2.0, "frequency_hz": 60.0}},
        "grid_return.frequency_hz",
        "50 and 60 Hz",
    ),
    ({"start": {"duration_s": 0.0}}, "start.duration_s", "be in"),
    ({"inverter": {"droop_hz": -1.0}}, "inverter.droop_hz", "be in"),
    ({"synchronise": {"slip_hz": 0.5}}, "synchronise.slip_hz", "never closes"),
    (
        {"fuse": {"block": "pump", "current_a": [1.0, 2.0], "melting_s": [2.0, 1.0]}},
        "fuse.block",
        "Did you mean pumps",
    ),
    (
        {"fuse": {"block": "pumps", "current_a": [2.0, 1.0], "melting_s": [2.0, 1.0]}},
        "fuse.current_a",
        "rise",
    ),
]


@pytest.mark.parametrize(("changed", "field", "words"), BAD)
def test_bad_input_is_refused_with_a_way_out(changed: dict[str, Any], field: str, words: str):
    with pytest.raises(ConfigError, match=words) as caught:
        parse(black_start.Config, configuration(**changed))
    assert caught.value.field == field


def test_power_above_the_rating_is_refused():
    given = configuration()
    given["microgrid"] = given["microgrid"] | {"vehicles": [VAN | {"apparent_kva": 5.0}]}
    with pytest.raises(ConfigError, match="at most the rating of the inverter, 5 kVA"):
        parse(black_start.Config, given)


def test_what_is_on_holds_as_long_as_those_that_have_not_tripped_carry_it():
    start = {"duration_s": 6.0, "order": ["van 1", "lights", "van 2"], "run_unstable": True}
    result = run(start=start, inverter={"droop_hz": 1.5})
    units = {row["unit"]: row for row in result.tables["units"].to_dicts()}
    (tripped,) = result.tables["events"].filter(pl.col("action") == "trip")["actor"]
    assert result.summary["served_kw"] == 2.0
    (left_kwh,) = (row["energy_left_kwh"] for name, row in units.items() if name != tripped)
    assert result.summary["holds_h"] == pytest.approx(left_kwh / (2.0 / 0.95 + 0.1), rel=1e-9)


def test_what_one_battery_has_below_its_reserve_is_not_taken_from_another():
    low = VAN | {"name": "low", "count": 1, "plugged_in": 1, "energy_arrival_kwh": [2.0, 2.0]}
    result = run(**_site(vehicles=[VAN, low]), start={"duration_s": 1.0})
    left = result.tables["units"]["energy_left_kwh"]
    assert left[2] == pytest.approx(-10.0, abs=0.01)
    assert result.summary["energy_left_kwh"] == pytest.approx(left[0] + left[1])


def test_a_bus_that_never_lives_is_told_so():
    low = VAN | {"energy_arrival_kwh": [2.0, 2.0]}
    result = run(**_site(vehicles=[low]), start={"duration_s": 1.0})
    lines = "\n".join(result.console_lines())
    assert "has tripped: it came with no energy above its reserve" in lines
    assert "lowest    the bus is never energised" in lines
    assert "no closing between live parts" in lines


def test_nothing_served_is_no_part_of_the_answer():
    result = run(**_site(load_block=[BLOCKS[0] | {"power_kw": 2000.0}]), start={"duration_s": 1.0})
    assert result.console_lines()[0].startswith("answer    No: 0 of 2,000 kW are served; dark")


def test_a_result_can_be_looked_at_again(result: black_start.Result):
    assert replace(result).console_lines() == result.console_lines()
