"""Does every control move when OpenDSS' own does, whatever its properties?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.everyday import first
from tests.validation.controls.circuits import BANK, REGULATOR, Case, drawn, street
from tests.validation.controls.compare import Compared, compared

SEEDS = 20  # of the circuits drawn at random here; the README tells how to try more
VOLTAGE = f"{BANK} type=voltage onsetting=116.5 offsetting=118"


@pytest.mark.parametrize("seed", first(5, range(SEEDS)))
def test_every_step_of_a_circuit_drawn_at_random_is_that_of_opendss(
    tmp_path: Path, seed: int
) -> None:
    found = compared(drawn(seed), tmp_path)
    assert found.verdict == "equal" or "control" in found.why, found.why


@pytest.mark.parametrize(
    "words",
    [
        "ptphase=max",
        "ptphase=min",
        "ptphase=2",
        "bus=e.1",
        "bus=e.3 remoteptratio=1.9",
        "vlimit=120.2",
        "maxtapchange=0",
        "r=3 x=1 ctprim=100",
        "ldc_z=3 ctprim=100",
        "inversetime=yes delay=300",
        "tapdelay=120",
        "delay=0 tapdelay=0",
        "tapwinding=1",
        "reversible=yes revvreg=118 revband=2 revthreshold=1 revdelay=120",
        "reversible=yes revvreg=118 revthreshold=1 revneutral=yes",
        "cogen=yes revvreg=117 revband=2 revthreshold=1 ldc_z=2 rev_z=4 ctprim=100",
    ],
)
def test_each_property_of_a_regulator_is_honoured(tmp_path: Path, words: str) -> None:
    plain = agreed(street(REGULATOR, vehicle_kw=20.0), tmp_path)
    told = agreed(street(f"{REGULATOR} {words}", vehicle_kw=20.0), tmp_path)
    assert told.path != plain.path, "the property changes nothing here"


@pytest.mark.parametrize(
    "edits",
    [
        "wdg=2;mintap=0.95;maxtap=1.1;numtaps=24",
        "wdg=2;mintap=0.95;maxtap=1.1;numtaps=24;tap=1.0123",
        "wdg=2;mintap=0.9;maxtap=1.1;numtaps=31",
        "wdg=2;mintap=0.95;maxtap=1.1;numtaps=16",
    ],
)
def test_any_axis_of_taps_is_that_of_opendss(tmp_path: Path, edits: str) -> None:
    found = agreed(street(REGULATOR, transformer=edits), tmp_path)
    assert found.operations[0] > 5


def test_two_controls_of_one_transformer_move_the_same_taps(tmp_path: Path) -> None:
    other = REGULATOR.replace(".vr ", ".other ").replace("band=2", "band=12")
    plain = agreed(street(REGULATOR), tmp_path)
    both = agreed(street(REGULATOR, f"{other} delay=0 vlimit=120.5"), tmp_path)
    assert both.path != plain.path


@pytest.mark.parametrize(
    "words",
    [
        "type=voltage onsetting=116.5 offsetting=118",
        "type=voltage onsetting=117 offsetting=121 ptphase=max",
        "type=voltage onsetting=118.5 offsetting=120 ptphase=avg",
        "type=voltage onsetting=116.5 offsetting=118 deadtime=1200 delayoff=200",
        "type=current onsetting=40 offsetting=20",
        "type=current onsetting=30 offsetting=15 ctphase=avg terminal=2",
        "type=current onsetting=60 offsetting=1 voltoverride=yes vmin=118 vmax=119.7 vbus=c",
        "type=kvar onsetting=3 offsetting=-8",
        "type=pf onsetting=0.97 offsetting=-0.95 pctminkvar=10",
        "type=time onsetting=1.5 offsetting=2.75",
        "type=time onsetting=2.5 offsetting=1.0",
    ],
)
def test_each_way_of_controlling_a_bank_is_that_of_opendss(tmp_path: Path, words: str) -> None:
    found = agreed(street(f"{BANK} {words}"), tmp_path)
    assert found.operations[1] > 0


def test_several_controls_of_one_bank_switch_it_together(tmp_path: Path) -> None:
    other = f"{BANK.replace('.c ', '.other ')} type=kvar onsetting=3 offsetting=-8 delayoff=0"
    alone = agreed(street(VOLTAGE), tmp_path)
    both = agreed(street(VOLTAGE, other), tmp_path)
    assert both.path != alone.path


@pytest.mark.parametrize(
    ("control", "why"),
    [
        (f"{REGULATOR} bus=nowhere.1", "be connected to an element"),
        (f"{REGULATOR} bus=e.1 ptphase=2 maxtapchange=0", "ptphase=2 of another bus"),
        (f"{BANK} type=kvar element=load.f1 terminal=1", "element=load.f1"),
        (f"{VOLTAGE}\nCapacitor.bank.numsteps=2", "numsteps=2"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(tmp_path: Path, control: str, why: str) -> None:
    found = compared(street(control), tmp_path)
    assert found.verdict == "refused"
    assert why in found.why
    assert ".vr" in found.why or ".c" in found.why


def test_more_moves_under_way_than_are_kept_are_refused_by_name(tmp_path: Path) -> None:
    """OpenDSS keeps any number of them; counts without them would be too low."""
    case = street(f"{REGULATOR} tapdelay=90000")
    share = np.tile(np.repeat([1.8, 1.0, 0.2, 1.0], 2), len(case.share) // 8)
    found = compared(replace(case, share=share), tmp_path)
    assert found.verdict == "refused"
    assert "at most 32 moves of a tap under way" in found.why
    assert "vr" in found.why


@pytest.mark.parametrize(
    ("threshold", "verdict"), [("revthreshold=0", "refused"), ("revthreshold=0.1", "equal")]
)
def test_a_direction_of_no_power_is_refused_by_name(
    tmp_path: Path, threshold: str, verdict: str
) -> None:
    """Its sign is one of rounding, here and in OpenDSS: taps would move by chance."""
    case = street(f"{REGULATOR} cogen=yes {threshold}", "Capacitor.bank.enabled=no")
    share = np.where(np.arange(len(case.share)) % 20 < 4, 0.0, case.share)
    found = compared(replace(case, share=share, vehicle_kw=np.zeros(len(share))), tmp_path)
    assert found.verdict == verdict, found.why
    assert ("which way power flows in every step" in found.why) == (verdict == "refused")


def agreed(case: Case, folder: Path) -> Compared:
    """The day of a circuit in which every step is that of OpenDSS."""
    found = compared(case, folder)
    assert found.verdict == "equal", found.why
    return found
