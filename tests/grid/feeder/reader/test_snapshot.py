"""Is the base case one snapshot, whatever mode and multipliers the files end in?"""

from pathlib import Path

import numpy as np
import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.feeder.reader import snapshot
from tests.grid import cases
from tests.validation.controls.circuits import REGULATOR, street

SHAPE = "New Loadshape.s npts=24 interval=1 mult=[" + " ".join(["0.1"] * 20 + ["1"] * 4) + "]"
EVERY_LOAD = "BatchEdit Load..* "


def read(folder: Path, *lines: str) -> Feeder:
    path = folder / "street.dss"
    path.write_text(street(REGULATOR, *lines).text, encoding="utf-8")
    return opendss.read(path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("Set mode=daily number=24 stepsize=1h",), "mode daily"),
        (("Set mode=yearly",), "mode yearly"),
        (("Set controlmode=time",), "mode time"),
        (("Solve", "Set mode=duty number=3 stepsize=60", "Solve"), "mode dutycycle"),
    ],
)
def test_files_of_another_mode_are_solved_as_a_snapshot(
    tmp_path: Path, lines: tuple[str, ...], told: str
) -> None:
    plain = read(tmp_path)
    found = read(tmp_path, SHAPE, f"{EVERY_LOAD}daily=s", *lines)
    assert abs(found.state.tap[0] - plain.state.tap[0]) <= 1  # the band has room for two
    np.testing.assert_allclose(found.branches.power_kw, plain.branches.power_kw)
    assert any(told in note for note in found.notes), found.notes
    assert not any("files end" in note for note in plain.notes)


def test_controls_that_the_files_turn_off_stay_off(tmp_path: Path) -> None:
    found = read(tmp_path, "Set controlmode=off")
    assert found.state.tap == (0.0,)
    assert any("controls off" in note for note in found.notes)


@pytest.mark.parametrize(
    "lines",
    [("Set LoadMult=2",), ("Set %growth=100", "Set year=2")],
)
def test_multipliers_reach_both_engines_once(tmp_path: Path, lines: tuple[str, ...]) -> None:
    path = tmp_path / "street.dss"
    doubled = read(tmp_path, f"{EVERY_LOAD}kw=2")
    single = read(tmp_path, f"{EVERY_LOAD}kw=1", *lines)
    np.testing.assert_allclose(single.branches.power_kw, doubled.branches.power_kw, rtol=1e-9)
    assert any("files end" in note for note in single.notes)
    power = single.branches.power_kw[:, None], single.branches.reactive_kvar[:, None]
    (settled,) = opendss.settled(path, single, *power)
    assert settled == single.state == doubled.state


def test_a_tap_counts_from_the_nominal_ratio_whatever_its_range(tmp_path: Path) -> None:
    axis = "Transformer.vr.wdg=2 mintap=0.95 maxtap=1.1 numtaps=24 tap=1.03125"
    found = read(tmp_path, axis, "Set controlmode=off")
    (regulator,) = found.regulators
    assert found.state.tap == (5.0,)
    assert regulator.ratio(5) == pytest.approx(1.03125)
    plain = read(tmp_path, "Transformer.vr.wdg=2 tap=1.03125", "Set controlmode=off")
    ours, theirs = found.at(found.state), plain.at(plain.state)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), rtol=1e-9, atol=1e-9)
    power = found.branches.power_kw[:, None], found.branches.reactive_kvar[:, None]
    assert opendss.settled(tmp_path / "street.dss", plain, *power) == [plain.state]


def test_opendss_is_given_the_power_that_a_load_has_in_the_phases_that_are_fed(
    tmp_path: Path,
) -> None:
    path = cases.street(tmp_path)
    path.write_text(path.read_text() + "\nOpen Line.second 1 2\n", encoding="utf-8")
    found = opendss.read(path)
    assert any("draws nothing to speak of" in note for note in found.notes), found.notes
    engine = opendss.opened(path)
    snapshot.own_powers(engine.ActiveCircuit, found)
    assert opendss.solved(engine)
    apart = np.abs(opendss.voltages(engine) - found.reference_v) / found.base_v
    assert apart.max() < 1e-8
