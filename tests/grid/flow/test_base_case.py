"""Does our base case agree with OpenDSS, and is what differs told or refused?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import BaseCase, Feeder, incidence
from evergrid.grid.flow import base_case
from evergrid.inputs.feeder.source import FeederSource
from tests.grid import circuits
from tests.grid.cases import street

SEEDS = 30


def lowered(feeder: Feeder, node: str, by_pu: float) -> Feeder:
    """The same with OpenDSS' voltage at a node another one."""
    volts = np.array(feeder.reference_v)
    (row,) = np.flatnonzero(feeder.node_name == node)
    volts[row] *= 1.0 - by_pu
    return replace(feeder, reference_v=volts)


def test_a_feeder_without_a_reference_is_not_compared(ieee13: Feeder):
    made = replace(ieee13, reference_v=None)
    assert base_case.compared(made).base_case is None
    assert base_case.headline(made) == {}
    assert base_case.note(made) == []
    base_case.check(made, accepted=False)


def test_a_difference_is_told_with_its_place_and_size(ieee13: Feeder):
    found = base_case.compared(lowered(ieee13, "671.3", 1e-4))
    assert found.base_case is not None
    assert found.base_case.node == "671.3"
    assert found.base_case.worst_pu == pytest.approx(1e-4, rel=0.1)
    assert "9.6e-05 pu, at 671.3" in base_case.note(found)[0]
    assert base_case.headline(found)["base_case_worst_node"] == "671.3"
    base_case.check(found, accepted=False)


def test_no_difference_is_no_note(ieee13: Feeder):
    found = base_case.compared(ieee13)
    assert found.base_case is not None
    assert found.base_case.worst_pu < 1e-8
    assert base_case.note(found) == []


def test_a_large_difference_is_refused_unless_accepted(ieee13: Feeder):
    found = base_case.compared(lowered(ieee13, "671.3", 0.002))
    with pytest.raises(InputError, match=r"0\.00\d+ pu, at 671\.3.*accept_base_case"):
        base_case.check(found, accepted=False)
    base_case.check(found, accepted=True)


def test_a_base_case_that_does_not_settle_cannot_be_accepted(ieee13: Feeder):
    lost = replace(ieee13, base_case=BaseCase(np.inf, ""))
    with pytest.raises(InputError, match="have a base case that our power flow solves"):
        base_case.check(lost, accepted=True)


def test_a_base_case_without_a_solution_here_names_the_load_that_opendss_has_lowest(
    ieee13: Feeder,
):
    lost = replace(lowered(ieee13, "652.1", 0.97), base_case=BaseCase(np.inf, ""))
    with pytest.raises(InputError, match=r"has 0\.029 pu at load\.652a\."):
        base_case.check(lost, accepted=True)


JUMP = "New Load.jump bus1=c.1 phases=1 kv=0.2309 kw=15 pf=1 model=4 cvrwatts=3 vminpu=0.94"


def with_two_solutions(folder: Path) -> Feeder:
    """A street whose last load draws a sixth more below its window, with the other solution."""
    feeder = opendss.read(street(folder, JUMP))
    assert feeder.reference_v is not None
    branches, volts = feeder.branches, feeder.reference_v
    across = incidence(branches, len(feeder.nodes))
    begin = across @ volts / branches.base_v
    volts = base_case.node_voltages(feeder, 0.8 * begin / np.abs(begin))  # small currents there
    for _ in range(100):
        volts = base_case.node_voltages(feeder, across @ volts / branches.base_v)
    return replace(feeder, reference_v=volts)


def test_two_solutions_are_told_with_the_load_whose_power_jumps(tmp_path: Path):
    feeder = with_two_solutions(tmp_path)
    found = base_case.compared(feeder)
    assert found.base_case is not None
    assert found.base_case.worst_pu > 0.005
    assert found.base_case.jumps == ("jump",)
    assert "Both are solutions: the power of load.jump jumps" in base_case.note(found)[0]
    with pytest.raises(InputError, match="Widen that window"):
        base_case.check(found, accepted=False)
    base_case.check(found, accepted=True)


def test_voltages_that_are_no_solution_here_name_no_load_that_jumps(tmp_path: Path):
    found = base_case.compared(lowered(with_two_solutions(tmp_path), "b.2", 1e-4))
    assert found.base_case is not None
    assert found.base_case.jumps == ()
    assert "Both are solutions" not in base_case.note(found)[0]


def test_a_study_reads_a_feeder_with_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = FeederSource(file=str(street(tmp_path)))
    read = opendss.read
    found = source.read(tmp_path)
    assert found.base_case is not None
    assert found.base_case.worst_pu < 1e-8
    monkeypatch.setattr(
        opendss, "read", lambda path, commands: lowered(read(path, commands=commands), "b.1", 0.01)
    )
    with pytest.raises(InputError, match=r"at b\.1"):
        source.read(tmp_path)
    accepted = FeederSource(file=source.file, accept_base_case=True).read(tmp_path)
    assert any("differs from OpenDSS' own voltages" in note for note in accepted.notes)


def test_circuits_of_chance_agree_with_opendss_or_say_why_not():
    found = dict(circuits.outcomes(0, SEEDS))
    wrong = {seed: made for seed, made in found.items() if made.kind == "wrong"}
    assert wrong == {}
    agreed = [made for made in found.values() if made.kind.startswith("within")]
    assert len(agreed) > 0.7 * SEEDS
