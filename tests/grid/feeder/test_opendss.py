"""A feeder is what OpenDSS has, and what OpenDSS refuses is refused in its words."""

from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError, MissingFileError
from evergrid.grid.feeder import opendss, opendss_shapes
from evergrid.grid.feeder.feeder import GROUND, Feeder, State
from evergrid.grid.flow import power_flow
from evergrid.inputs.feeder.source import FeederSource
from tests.grid.cases import IEEE13, street


def test_loads_are_negative_and_sum_to_what_the_files_say(ieee13: Feeder):
    assert ieee13.branches.power_kw.sum() == pytest.approx(-3466)
    assert ieee13.branches.reactive_kvar.sum() == pytest.approx(-2102)
    assert (ieee13.branches.power_kw < 0).all()


def test_a_delta_load_is_three_pairs_of_phases(ieee13: Feeder):
    mine = ieee13.branches.name == "671"
    node, other = ieee13.branches.node[mine], ieee13.branches.other[mine]
    assert (other != GROUND).all()
    assert set(node) == set(other)
    assert ieee13.branches.base_v[mine] == pytest.approx(4160, rel=1e-3)


def test_voltages_agree_with_opendss_on_every_node_as_the_files_have_it(ieee13: Feeder):
    engine = opendss.opened(IEEE13)
    network = power_flow.reduce(ieee13)
    nothing = np.zeros((1, len(ieee13.branches)))
    flow = power_flow.solve(network, nothing, nothing, load_share=nothing + 1, tolerance_pu=1e-11)
    theirs = opendss.voltages(engine)
    ours = flow.voltage_pu[0] * ieee13.branches.base_v
    there = np.append(theirs, 0)[[ieee13.branches.node, ieee13.branches.other]]
    assert np.abs(ours - (there[0] - there[1])).max() / 2400 < 1e-7


@pytest.mark.parametrize("taps", [(0, 0, 0), (10, 8, 11), (-4, 16, 2)])
def test_a_tap_changes_the_admittance_as_opendss_changes_it(ieee13: Feeder, taps: tuple[int, ...]):
    moves = [
        f"Transformer.regulator_{p}.wdg=2 tap={1 + t * 0.00625}"
        for p, t in zip("abc", taps, strict=True)
    ]
    moved = opendss.read(IEEE13, commands=[*moves, "set controlmode=off"])
    assert moved.state.tap == taps
    ours, theirs = ieee13.at(State(taps, (True, True))), moved.at(moved.state)
    assert abs(ours - theirs).max() <= 1e-6 * abs(theirs).max()


def test_a_bank_that_is_off_leaves_the_admittance(ieee13: Feeder):
    off = opendss.read(IEEE13, commands=["Capacitor.675.states=[0]"])
    assert off.state.connected == (False, True)
    assert (
        abs(
            off.at(State(off.state.tap, (True, True)))
            - ieee13.at(State(off.state.tap, (True, True)))
        ).max()
        < 1e-7
    )


def test_ratings_are_those_of_the_file(tmp_path: Path):
    more = "New Transformer.small phases=1 windings=2 buses=(c.1 e.1) kvs=(0.23 0.23) kvas=(30 25)"
    feeder = opendss.read(street(tmp_path, more))
    assert feeder.transformers.name.tolist() == ["station", "small"]
    assert feeder.transformers.rating_kva.tolist() == [100.0, 30.0]
    assert feeder.lines.rating_a.tolist() == [200.0, 200.0]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "Transformer.station.kvas=(-100 -100)",
            "kvas must be above 0, got -100 for transformer.s",
        ),
        ("Transformer.station.wdg=2 kva=-1", "kvas must be above 0, got -"),
        ("Line.second.r1=-0.3", "line must have no resistance below 0 ohm, got -0.0"),
        ("Line.second.length=-0.1", "for line.second. Ratings and resistances carry no sign."),
        ("Line.second.normamps=-5", "normamps must be 0, for a line without a rating, or above"),
        ("Line.second.normamps=nan", "got nan for line.second. Ratings and resistances carry"),
    ],
)
def test_wires_that_would_make_power_or_carry_less_than_none_are_refused(
    tmp_path: Path, more: str, said: str
):
    with pytest.raises(InputError) as caught:
        opendss.read(street(tmp_path, more))
    assert said in str(caught.value)


THREE = """
New Transformer.t3 phases=3 windings=3 buses=(source p q) conns=(delta wye wye)
~ kvs=(11 0.4 0.4) kvas=(300 200 100) {reactances}
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("Transformer.station.xhl=0", "xhl must be above 0, which OpenDSS takes for 700 %, got 0 "),
        (THREE.format(reactances="xhl=4 xht=0 xlt=4"), "xht must be above 0, which OpenDSS takes"),
        (THREE.format(reactances="xhl=4 xht=4 xlt=0"), "xlt must be above 0, which OpenDSS takes"),
    ],
    ids=["xhl", "xht", "xlt"],
)
def test_a_reactance_that_opendss_replaces_is_refused(tmp_path: Path, more: str, said: str):
    """OpenDSS solves with another reactance than the files state, and tells nobody."""
    with pytest.raises(InputError) as caught:
        opendss.read(street(tmp_path, more))
    assert said in str(caught.value)


def test_a_transformer_of_two_windings_needs_no_other_reactances(tmp_path: Path):
    read = opendss.read(street(tmp_path, "Transformer.station.xht=0\nTransformer.station.xlt=0"))
    assert read.reference_v is not None
    expected = opendss.read(street(tmp_path)).reference_v
    assert np.abs(read.reference_v - expected).max() < 1e-9


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("Load.home1.kw=nan", "got load.home1."),
        ("Load.home1.pf=0", "got load.home1."),
        ("Load.home1.kv=0", "got load.home1."),
        ("Set LoadMult=nan", "got load.home1; load.home2; load.home3; and 1 more."),
        ("New Capacitor.bank bus1=c kv=0.4 kvar=nan", "got capacitor.bank."),
        ("New Generator.roof bus1=c.1 phases=1 kv=0.23 kw=nan", "got generator.roof."),
        ("Vsource.source.pu=inf", "got vsource.source."),
    ],
)
def test_an_element_whose_values_make_no_sense_is_named(tmp_path: Path, more: str, named: str):
    """No node has a voltage then; to name all nodes would hide the one element."""
    with pytest.raises(InputError, match="values from which a current follows") as caught:
        opendss.read(street(tmp_path, more))
    assert named in str(caught.value)


@pytest.mark.parametrize("kw", ["1e6", "1e12", "1e300"])
def test_a_load_beyond_what_wires_carry_is_not_said_to_be_cut_off(tmp_path: Path, kw: str):
    with pytest.raises(InputError, match="be a power that wires to it can carry, got home1"):
        opendss.read(street(tmp_path, f"Load.home1.kw={kw}"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("New Load.odd bus1=c.1 kv=0.23 kw=two", 'says: Invalid inline math entry: "two" \\('),
        ("New Line.odd bus1=c bus2=d length=nan", 'says: Matrix Inversion Error for Line "odd": '),
    ],
)
def test_what_opendss_means_is_told_and_not_the_name_of_its_function(
    tmp_path: Path, more: str, said: str
):
    with pytest.raises(InputError, match=said):
        opendss.read(street(tmp_path, more))


def test_a_rating_of_zero_is_none_as_in_opendss(tmp_path: Path):
    feeder = opendss.read(street(tmp_path, "Line.second.normamps=0"))
    assert np.isnan(feeder.lines.rating_a).tolist() == [False, True]


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("New Reactor.odd bus1=c phases=3 r=-1 x=0", "reactor.odd"),
        ("Vsource.source.r1=-0.01", "vsource.source"),
    ],
)
def test_an_impedance_that_makes_power_is_told(tmp_path: Path, more: str, name: str):
    notes = opendss.read(street(tmp_path, more)).notes
    assert f"{name} has a resistance below 0 ohm: it makes power." in notes
    assert not any("makes power" in note for note in opendss.read(street(tmp_path)).notes)


def test_missing_ratings_are_said_and_not_guessed(tmp_path: Path):
    feeder = opendss.read(
        street(
            tmp_path, "New Line.bare bus1=c bus2=d phases=3 r1=0.3 x1=0.1 r0=0.3 x0=0.1 length=0.1"
        )
    )
    assert np.isnan(feeder.lines.rating_a).sum() == 1
    source = FeederSource(file=str(tmp_path / "street.dss"))
    assert "1 of 3 lines state no rating" in source.read(tmp_path).notes[-1]
    assumed = FeederSource(file=source.file, default_rating_a=150.0).read(tmp_path)
    assert assumed.lines.rating_a[-1] == 150
    assert "150 A is assumed" in assumed.notes[-1]


def test_what_else_feeds_goes_on_with_its_power(tmp_path: Path):
    feeder = opendss.read(
        street(tmp_path, "New Generator.roof bus1=c.1 phases=1 kv=0.23 kw=4 pf=1")
    )
    (row,) = np.flatnonzero(feeder.branches.name == "roof")
    assert feeder.branches.power_kw[row] == pytest.approx(4, rel=1e-3)
    assert feeder.branches.is_load.sum() == 6
    assert not feeder.branches.is_load[row]
    assert any("roof goes on" in note for note in feeder.notes)


def test_a_file_that_opendss_refuses_is_refused_in_its_words(tmp_path: Path):
    with pytest.raises(InputError, match=r"Unknown parameter .*colour"):
        opendss.read(street(tmp_path, "New Load.odd bus1=c.1 kv=0.23 kw=1 colour=red"))


def test_a_load_on_an_island_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="fed by the source, got far"):
        opendss.read(street(tmp_path, "New Load.far bus1=z.1 phases=1 kv=0.23 kw=1"))


def test_a_bus_without_a_voltage_base_is_named(tmp_path: Path):
    path = street(tmp_path)
    text = path.read_text().replace("Set VoltageBases=(11 0.4)", "").replace("CalcVoltageBases", "")
    path.write_text(text)
    with pytest.raises(InputError, match=r"bus must have a voltage base, got source; a"):
        opendss.read(path)


def test_a_bus_made_after_the_voltage_bases_is_named(tmp_path: Path):
    path = street(tmp_path)
    path.write_text(path.read_text() + "\nNew Line.late bus1=c bus2=late length=0.1\n")
    with pytest.raises(InputError, match=r"bus must have a voltage base, got late\. Put Set"):
        opendss.read(path)


def test_a_feeder_without_loads_says_so(tmp_path: Path):
    path = street(tmp_path)
    lines = [line for line in path.read_text().splitlines() if "New Load" not in line]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="loads must be at least one"):
        opendss.read(path)


def test_a_file_that_is_no_feeder_is_named(tmp_path: Path):
    path = tmp_path / "empty.dss"
    path.write_text("! nothing here\n")
    with pytest.raises(InputError, match="circuit"):
        opendss.read(path)


def test_a_source_of_another_frequency_is_told(tmp_path: Path):
    path = street(tmp_path)
    first, second, *rest = path.read_text().strip().splitlines()
    path.write_text("\n".join([second, first, *rest]))
    with pytest.raises(InputError, match=r"source must drive a voltage.*DefaultBaseFrequency"):
        opendss.read(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(MissingFileError, match="gone"):
        opendss.read(tmp_path / "gone.dss")


def test_unknown_places_are_told_the_known_ones(ieee13: Feeder):
    with pytest.raises(InputError, match="be a bus of the feeder, got nowhere"):
        ieee13.node("nowhere", 1)
    with pytest.raises(InputError, match="has the phases 3"):
        ieee13.node("611", 1)
    assert ieee13.node_name[ieee13.node("611", 3)] == "611.3"


def test_settled_taps_are_lower_when_there_is_less_load(ieee13: Feeder):
    power = ieee13.branches.power_kw[:, None] * np.array([1.0, 0.3])
    reactive = ieee13.branches.reactive_kvar[:, None] * np.array([1.0, 0.3])
    heavy, light = opendss.settled(IEEE13, ieee13, power, reactive)
    assert all(a < b for a, b in zip(light.tap, heavy.tap, strict=True))


def test_a_load_shape_is_averaged_over_the_steps_of_the_day(tmp_path: Path):
    values = " ".join(str(i % 4) for i in range(48))
    shaped = f"New LoadShape.half npts=48 interval=0.5 mult=({values})\n"
    shaped += "New Load.shaped bus1=c.2 phases=1 kv=0.23 kw=1 daily=half"
    path = street(tmp_path, shaped)
    branches = opendss.read(path).branches
    share = opendss_shapes.day_shares(path, branches, step_h=1.0)
    assert share[branches.name == "shaped"] == pytest.approx(np.tile([0.5, 2.5], 12)[None])
    assert share[branches.name == "home2"] == pytest.approx(np.ones((1, 24)))


def test_lines_of_a_file_that_is_no_feeder_and_folders_are_not_repeated(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("password: hunter2\n")
    path = street(tmp_path, "Redirect notes.txt")
    with pytest.raises(InputError, match=r"Unknown command \(notes\.txt, line 1\)") as caught:
        opendss.read(path)
    assert "hunter2" not in str(caught.value)
    assert str(tmp_path) not in caught.value.rule


def test_a_feeder_named_by_a_variable_is_opened_and_its_folder_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = street(tmp_path)
    monkeypatch.setenv("EVERGRID_TEST", str(path))
    source = FeederSource(file="${EVERGRID_TEST}", default_rating_a=150.0)
    assert source.read(Path("elsewhere")).branches.is_load.sum() == 6
    path.write_text(path.read_text() + "\nNew Load.odd colour=red")
    with pytest.raises(InputError, match=r"colour.*\(\$\{EVERGRID_TEST\}, line") as caught:
        source.read(Path("elsewhere"))
    assert str(tmp_path) not in str(caught.value)


REMOTE = "New RegControl.r transformer=station winding=2 vreg=230 bus=nowhere.1"
ONE_PHASE = """
New Line.one bus1=b.2 bus2=one.2 phases=1 length=0.001
New Capacitor.bank bus1=b kv=0.4 kvar=3
New CapControl.r capacitor=bank element=line.one terminal=2 type=voltage
"""  # a bank of three phases has its control look at three phases of that line


@pytest.mark.parametrize(("lines", "node"), [(REMOTE, "nowhere.1"), (ONE_PHASE, "one.3")])
@pytest.mark.parametrize("after", [False, True])
def test_a_node_that_only_a_control_names_is_refused(
    tmp_path: Path, lines: str, node: str, after: bool
):
    """Its matrix is singular there: OpenDSS says it converged and tells what its memory held."""
    path = street(tmp_path, "" if after else lines)
    path.write_text(path.read_text() + (lines if after else ""))
    with pytest.raises(InputError, match="be connected to an element") as caught:
        opendss.read(path)
    assert node in str(caught.value)
    assert "control.r" in str(caught.value)


CUT_OFF = """
New Line.last phases=1 bus1=b.3 bus2=z.3 length=0.03
New Generator.g bus1=z.3 phases=1 kv=0.23 kw=0.8 pf=0.93 model=7
Solve
Open Line.last 2 1
"""


def test_a_node_whose_voltage_is_no_number_is_named(tmp_path: Path):
    """A generator that is cut off runs away in OpenDSS, which says that it converged."""
    with pytest.raises(InputError, match=r"have a voltage that OpenDSS can find, got z\.3"):
        opendss.read(street(tmp_path, CUT_OFF))
