"""Load blocks of a feeder's section: names, tiers, what is given beside, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.inputs.microgrid import MicrogridEntry
from evergrid.inputs.microgrid_feeder import SectionEntry


def entry(**changed: Any) -> MicrogridEntry:
    return parse(MicrogridEntry, {"feeder": {"head": "671-692"} | changed})


@pytest.fixture(scope="module")
def told() -> tuple[MicrogridEntry, tuple[str, ...]]:
    works = {"bus": "692", "name": "works", "tier": "critical", "motor_share": 0.5}
    return entry(block=[works]).with_feeder(Path())


def test_each_bus_with_load_is_a_block(told: tuple[MicrogridEntry, tuple[str, ...]]):
    made, _ = told
    site = made.record()
    blocks = {block.bus: block for block in site.load_blocks}
    assert (blocks["692"].name, blocks["692"].tier, blocks["692"].weight) == (
        "works",
        "critical",
        3,
    )
    assert (blocks["675"].name, blocks["675"].tier, blocks["675"].weight) == ("675", "comfort", 1)
    assert blocks["692"].motor_share == 0.5
    assert blocks["675"].power_kw == pytest.approx(843.0)
    assert blocks["675"].reactive_kvar == pytest.approx(462.0)
    assert (site.nominal_v, site.nominal_hz) == (pytest.approx(4160.0), 60.0)


def test_lines_stay_with_the_site_whatever_else_changes(
    told: tuple[MicrogridEntry, tuple[str, ...]],
):
    made, notes = told
    again = made.with_all_arrivals().record()
    assert again.section is not None
    assert [one.name for one in again.section.branches] == ["line 692-675"]
    assert made.with_feeder(Path()) == (made, ())
    assert any("counts as balanced" in note for note in notes)


def test_what_a_feeder_gives_is_not_given_twice():
    blocks = [{"name": "a", "power_kw": 1.0, "tier": "comfort"}]
    given = {"feeder": {"head": "671-692"}, "load_block": blocks, "nominal_v": 400.0}
    with pytest.raises(ConfigError, match="must not be given where a feeder is") as caught:
        parse(MicrogridEntry, given).with_feeder(Path())
    assert [fault.field for fault in caught.value.faults] == ["load_block", "nominal_v"]


@pytest.mark.parametrize(
    ("blocks", "rule"),
    [
        ([{"bus": "670"}], "be a bus with loads below 671-692, got 670"),
        ([{"bus": "675"}, {"bus": "675"}], "be named once, got 675"),
        ([{"bus": "675", "name": "692"}], "unique names"),
        ([{"bus": "675", "name": " "}], "feeder.*\n.*name must not be empty"),
    ],
)
def test_a_table_for_a_bus_that_cannot_be_is_refused(blocks: list[dict[str, Any]], rule: str):
    with pytest.raises(InputError, match=rule):
        entry(block=blocks).with_feeder(Path())


def test_a_bus_without_a_section_is_refused():
    blocks = [{"name": "a", "power_kw": 1.0, "tier": "comfort", "bus": "675"}]
    with pytest.raises(ConfigError, match="be a bus of the section, got 675 for a"):
        parse(MicrogridEntry, {"load_block": blocks})


def test_a_factor_of_cold_load_below_one_is_refused_as_the_file_is_read():
    with pytest.raises(ConfigError, match="cold_load_factor must be greater"):
        entry(block=[{"bus": "675", "cold_load_factor": 0.5}])


def test_a_section_has_a_head():
    with pytest.raises(ConfigError, match="head must be given"):
        parse(SectionEntry, {})
