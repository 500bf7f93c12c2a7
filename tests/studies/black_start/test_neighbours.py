"""The study beyond the main bus: summary, tables, report and runbook tell sections apart."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError
from evergrid.studies import black_start
from tests.studies.black_start.cases import VAN, configuration

SCHOOL: dict[str, Any] = {
    "name": "school",
    "line_resistance_ohm": 0.2,
    "line_reactance_ohm": 0.1,
    "load_block": [{"name": "gym", "power_kw": 3.0, "tier": "critical"}],
    "vehicles": [VAN | {"name": "minibus", "count": 1, "plugged_in": 1}],
}
HOUSES = {
    "name": "houses",
    "line_resistance_ohm": 0.2,
    "line_reactance_ohm": 0.1,
    "load_block": [{"name": "house A", "power_kw": 2.0, "tier": "comfort"}],
}
UPSTREAM = {"rating_kva": 40.0}
CARS = VAN | {
    "name": "car",
    "count": 1,
    "plugged_in": 1,
    "grid_forming": False,
    "black_start": False,
}
SCHOOL_TOO = SCHOOL | {"vehicles": [*SCHOOL["vehicles"], CARS | {"max_discharge_kw": 3.0}]}
WITH = {
    "upstream": UPSTREAM,
    "neighbour": [SCHOOL_TOO, HOUSES],
    "following": {"enter_s": 2.0, "ramp_s": 1.0, "power_share": 0.3},
}


@pytest.fixture(scope="module")
def result() -> black_start.Result:
    """Site and two neighbours, one of which starts on its own."""
    given = configuration(start={"duration_s": 14.0}, **WITH)
    return black_start.run(parse(black_start.Config, given), seed=3)


def test_the_headline_of_the_site_is_that_of_the_site(result: black_start.Result):
    s = result.summary
    assert (s["status"], s["blocks"], s["units"]) == ("restored", 2, 2)
    assert s["served_kw"] == s["demand_kw"] == 11.0
    assert (s["neighbours"], s["neighbours_joined"]) == (2, 2)
    assert s["neighbour_served_kw"] == s["neighbour_demand_kw"] == 5.0


def test_recovery_and_degradation_are_told_section_by_section(result: black_start.Result):
    s, tables = result.summary, result.tables
    sections, blocks = tables["sections"], tables["blocks"]
    assert sections["section"].to_list() == ["site", "school", "houses"]
    missing = blocks.group_by("section", maintain_order=True).agg(pl.col("missing_kwh").sum())
    np.testing.assert_allclose(sections["m_d_kwh"], missing["missing_kwh"], rtol=1e-9)
    assert s["m_d_kwh"] == sections["m_d_kwh"][0]
    assert s["neighbour_m_d_kwh"] == pytest.approx(sections["m_d_kwh"][1:].sum())
    assert s["t_r_100_s"] == sections["t_r_100_s"][0]
    assert s["neighbour_t_r_100_s"] == sections["t_r_100_s"][1:].max()
    # The school's own bus lived long before the line to it was closed.
    assert sections["live_s"][1] < sections["joined_s"][1]
    assert sections["live_s"][2] == pytest.approx(sections["joined_s"][2], abs=0.021)


def test_the_end_is_that_of_the_droop_formula_over_all_sections(result: black_start.Result):
    s, units = result.summary, result.tables["units"]
    assert units["section"].to_list() == ["site", "site", "school"]
    share = float(units["power_kw"].sum()) / float(units["apparent_kva"].sum())
    assert s["droop_frequency_hz"] == pytest.approx(50.0 - 0.15 * share)
    assert s["end_frequency_hz"] == pytest.approx(s["droop_frequency_hz"], abs=1e-5)
    course = result.tables["section_course"].filter(pl.col("time_s") > 13.9)
    hertz = course["frequency_hz"].to_numpy().reshape(-1, 3)
    assert np.ptp(hertz, axis=1).max() < 1e-9


def test_the_transformer_upstream_is_told_both_ways(result: black_start.Result):
    s = result.summary
    assert s["upstream_energised_s"] == pytest.approx(0.1, abs=0.01)  # with the dead bus
    assert 0 < s["upstream_soft_pu"] < 0.5
    assert s["upstream_hard_pu"] > 0.7
    assert s["upstream_voltage_hard_pu"] < 1.0


def test_a_charger_that_follows_is_told_in_table_summary_and_notes(result: black_start.Result):
    s, followers = result.summary, result.tables["following"]
    assert followers["unit"].to_list() == ["car 1"]
    assert followers["section"].to_list() == ["school"]
    assert (s["following_on"], s["following_trips"]) == (1, 0)
    assert s["following_kw"] == pytest.approx(0.9, rel=1e-3)
    assert s["following_kwh"] == pytest.approx(followers["energy_kwh"].sum())
    assert any("set off in this planned island" in note for note in s["notes"])
    assert any("1 of them feed 0.9 kW" in line for line in result.console_lines())


def test_energy_is_that_of_all_sections(result: black_start.Result):
    assert result.tables["units"]["energy_kwh"].sum() == pytest.approx(result.summary["energy_kwh"])


def test_report_notes_and_sheet_tell_the_sections(result: black_start.Result, tmp_path: Path):
    assert any(
        "that is no conflict: both share by droop" in note for note in result.summary["notes"]
    )
    assert any("2 of 2 neighbouring sections" in line for line in result.console_lines())
    result.write(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Section by section" in page
    assert page.count('class="plot"') == len(result.figures()) == 11
    assert "Agree with the crew of school" in (tmp_path / "out" / "runbook.html").read_text()
    units = pl.read_parquet(tmp_path / "out" / "inputs" / "units.parquet")
    assert "minibus 1" in units["unit"].to_list()


BAD = [
    ({"neighbour": [SCHOOL | {"line_reactance_ohm": -1.0}]}, "reactance_ohm must be in"),
    ({"neighbour": [SCHOOL, SCHOOL]}, "there twice"),
    ({"neighbour": [SCHOOL | {"name": "grid"}]}, "printable word"),
    ({"neighbour": [HOUSES | {"load_block": []}]}, "at least one"),
    (
        {
            "neighbour": [
                SCHOOL | {"vehicles": [VAN | {"grid_forming": False, "black_start": False}]}
            ]
        },
        "leave the vehicles out",
    ),
    ({"neighbour": [SCHOOL | {"master": "mini"}]}, "be one of its batteries"),
    ({"upstream": {"rating_kva": 40.0, "energise": "slowly"}}, "energise"),
    ({"following": {"power_share": 50.0}}, "power_share must be in"),
    ({"following": {"anti_islanding": "on"}}, "anti_islanding"),
    ({"upstream": {"rating_kva": 40.0, "knee_pu": 0.5}}, "knee_pu"),
]


@pytest.mark.parametrize(("changed", "words"), BAD)
def test_bad_input_is_refused_with_a_way_out(changed: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        parse(black_start.Config, configuration(**changed))
