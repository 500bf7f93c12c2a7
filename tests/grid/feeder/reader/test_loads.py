"""Does everything that draws or feeds stand where OpenDSS has it, and answer as there?"""

from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid import device_flow
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import GROUND, Feeder
from evergrid.grid.flow import base_case, power_flow, sparse_flow
from tests.grid.cases import street

EXACT = 1e-8
FOUR_WIRES = """
New Transformer.four phases=3 windings=2 buses=(source y.1.2.3.4) conns=(delta wye)
~ kvs=(11 0.4) kvas=(100 100) xhl=4 %r=0.5
New Reactor.ground bus1=y.4 phases=1 r=1 x=0.0001
New LineCode.four nphases=4 units=km rmatrix=(.3|.1 .3|.1 .1 .3|.1 .1 .1 .35)
~ xmatrix=(.3|.2 .3|.2 .2 .3|.2 .2 .2 .3) cmatrix=(0|0 0|0 0 0|0 0 0 0)
New Line.four bus1=y.1.2.3.4 bus2=z.1.2.3.4 linecode=four length=0.2 units=km
New Load.n1 bus1=z.1.4 phases=1 kv=.23 kw=5 pf=.95
"""
MODELS = (
    "model=1",
    "model=2",
    "model=3",
    "model=4 cvrwatts=0.6 cvrvars=2.4",
    "model=5",
    "model=6",
    "model=7",
    "model=8 zipv=(0.3 0.3 0.4 0.2 0.5 0.3 0)",
    "model=8 zipv=(0.3 0.3 0.3 0.2 0.5 0.5 0)",
    "model=8 zipv=(0.3 0.3 0.4 0.2 0.5 0.3 0.97)",
)


def agreed(path: Path, commands: tuple[str, ...] = (), within: float = EXACT) -> Feeder:
    """A feeder whose base case is that of OpenDSS."""
    feeder = base_case.compared(opendss.read(path, commands=commands))
    assert feeder.base_case is not None
    assert feeder.base_case.worst_pu < within, feeder.base_case
    return feeder


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("source_pu", [0.45, 0.7, 0.93, 1.0, 1.2])
def test_loads_of_every_model_draw_what_opendss_has_them_draw(
    tmp_path: Path, model: str, source_pu: float
):
    path = street(tmp_path, f"New Load.m bus1=c.1 phases=1 kv=0.23 kw=4 kvar=1.5 {model}")
    agreed(path, (f"edit vsource.source pu={source_pu}",))


@pytest.mark.parametrize("model", ["model=4 cvrwatts=0.6 cvrvars=2.4", MODELS[-1]])
def test_every_engine_has_the_same_law(tmp_path: Path, model: str):
    path = street(tmp_path, f"New Load.m bus1=c.1 phases=1 kv=0.23 kw=4 kvar=1.5 {model}")
    feeder = opendss.read(path, source_pu=1.03)
    none = np.zeros((3, len(feeder.branches)))
    share = none + np.array([[0.2], [1.0], [1.5]])
    dense = power_flow.reduce(feeder)
    given = {"load_share": share, "tolerance_pu": 1e-11}
    one = power_flow.solve(dense, none, none, **given)
    two = sparse_flow.solve(sparse_flow.reduce(feeder), none, none, **given)
    three = device_flow.solve(dense, none, none, **given)
    assert one.settled.all()
    assert two.voltage_pu == pytest.approx(one.voltage_pu, abs=1e-9)
    assert three.voltage_pu == pytest.approx(one.voltage_pu, abs=1e-9)


@pytest.mark.parametrize(
    "more",
    [
        "New PVSystem.pv bus1=z.1.4 phases=1 kv=0.23 kva=6 pmpp=5 irradiance=0.9 pf=1",
        "New Generator.g bus1=z.2.4 phases=1 kv=0.23 kw=4 pf=0.9",
        "New Generator.g bus1=z.1.2.3.4 phases=3 kv=0.4 kw=12 pf=0.9 model=2",
        "New Generator.g bus1=z.1.2.3 phases=3 kv=0.4 kw=12 conn=delta",
        "New Generator.g bus1=z.1.2 phases=1 kv=0.4 kw=3 conn=delta",
        "New Storage.s bus1=z.3.4 phases=1 kv=0.23 kwrated=5 kwhrated=9 state=charging",
        "New Isource.i bus1=z.3 phases=1 amps=12 angle=200",
        "New Vsource.second bus1=z.1.2.3 basekv=0.4 pu=0.98 r1=0.5 x1=0.2 r0=0.5 x0=0.4",
    ],
)
def test_what_else_feeds_stands_between_its_own_conductors(tmp_path: Path, more: str):
    agreed(street(tmp_path, FOUR_WIRES + more))


def test_power_between_phase_and_neutral_is_one_branch(tmp_path: Path):
    more = "New PVSystem.pv bus1=z.1.4 phases=1 kv=0.23 kva=6 pmpp=5 irradiance=0.9 pf=1"
    feeder = agreed(street(tmp_path, FOUR_WIRES + more))
    (row,) = np.flatnonzero(feeder.branches.name == "pv")
    assert feeder.node_name[feeder.branches.node[row]] == "z.1"
    assert feeder.node_name[feeder.branches.other[row]] == "z.4"
    assert feeder.branches.power_kw[row] == pytest.approx(4.5, rel=1e-3)


@pytest.mark.parametrize(
    ("commands", "power_kw"),
    [
        ((), 8.0),
        (("set loadmult=0.4",), 3.2),
        (("set loadmult=0.4", "edit load.m status=exempt"), 8.0),
        (("set loadmult=0.4", "edit load.m status=fixed"), 8.0),
        (("set year=3", "set %growth=10"), 9.68),
    ],
)
def test_loads_draw_what_multipliers_and_growth_make_of_them(
    tmp_path: Path, commands: tuple[str, ...], power_kw: float
):
    path = street(tmp_path, "New Load.m bus1=c.1 phases=1 kv=0.23 kw=8 pf=0.9")
    feeder = agreed(path, commands)
    (row,) = np.flatnonzero(feeder.branches.name == "m")
    assert feeder.branches.power_kw[row] == pytest.approx(-power_kw, rel=1e-9)
    fixed = any("status" in command for command in commands)
    assert any("load.m: stands at its power" in note for note in feeder.notes) == fixed


def test_loads_are_impedances_where_the_files_say_so(tmp_path: Path):
    feeder = agreed(street(tmp_path, "Set LoadModel=Admittance"))
    assert any("LoadModel=Admittance" in note for note in feeder.notes)


@pytest.mark.parametrize(
    ("more", "node", "voltage_pu"),
    [
        ("New Fault.f bus1=c.1 phases=1 r=2", "c.1", 0.90167),
        ("New Fault.f bus1=c.1 bus2=c.2 phases=1 r=2", "c.1", None),
        ("New Reactor.r bus1=b bus2=c phases=3 r=0.1 x=0.1", "c.1", None),
        ("New Capacitor.s bus1=b bus2=c phases=3 cuf=10000", "c.1", None),
        (
            "New AutoTrans.t phases=3 windings=2 buses=(b q) kvs=(0.4 0.44) kvas=(50 50)",
            "q.1",
            None,
        ),
    ],
)
def test_whatever_joins_nodes_is_in_the_wires(
    tmp_path: Path, more: str, node: str, voltage_pu: float | None
):
    feeder = agreed(street(tmp_path, more))
    (row,) = np.flatnonzero(feeder.node_name == node)
    assert feeder.reference_v is not None
    if voltage_pu is not None:
        size_pu = abs(feeder.reference_v[row]) / feeder.base_v[row]
        assert size_pu == pytest.approx(voltage_pu, abs=1e-5)


def test_names_may_hold_dots_blanks_and_signs(tmp_path: Path):
    more = """
    New Line.a.b bus1=c "bus2=my house" linecode=cable length=0.1 units=km
    New "Load.my house" "bus1=my house.1" phases=1 kv=0.23 kw=1 vlowpu=0.4
    New "Load.x=3" "bus1=my house.2" phases=1 kv=0.23 kw=1
    New Load.p.q "bus1=my house.3" phases=1 kv=0.23 kw=1 vlowpu=0.3
    """
    written = [line.strip() for line in more.strip().splitlines()]
    quoted = [line.replace('"bus1=my house', 'bus1="my house').replace('"bus2=', 'bus2="')
              for line in written]  # fmt: skip
    feeder = agreed(street(tmp_path, "\n".join(quoted)))
    assert {"my house", "x=3", "p.q"} <= set(feeder.branches.name.tolist())
    assert "a.b" in feeder.lines.name.tolist()
    (row,) = np.flatnonzero(feeder.branches.name == "p.q")
    assert feeder.node_name[feeder.branches.node[row]] == "my house.3"


BEHIND_DELTA = """
New Circuit.behind bus1=s basekv=12.47 pu=1.0 phases=3 MVAsc3=100 MVAsc1=100
New Transformer.t phases=3 windings=2 buses=(s a) conns=(wye delta) kvs=(12.47 0.48)
~ kvas=(150 150) xhl=4 %r=0.5
New Line.l bus1=a bus2=b phases=3 r1=0.3 x1=0.07 r0=1 x0=0.3 c1=0 c0=0 units=km length=0.1
{load}
Set VoltageBases=(12.47 0.48)
CalcVoltageBases
"""


def behind_delta(folder: Path, load: str) -> Path:
    """A load behind a delta winding, which nothing grounds."""
    path = folder / "behind.dss"
    path.write_text(BEHIND_DELTA.format(load=load), encoding="utf-8")
    return path


def test_a_balanced_load_to_ground_behind_a_delta_draws_between_its_phases(tmp_path: Path):
    path = behind_delta(tmp_path, "New Load.shop bus1=b phases=3 kv=0.48 kw=30 pf=0.9")
    feeder = agreed(path, within=1e-6)
    assert (feeder.branches.other != GROUND).all()
    assert feeder.branches.power_kw.sum() == pytest.approx(-30)
    assert any("load.shop is connected to ground where nothing ties" in n for n in feeder.notes)
    assert any("voltages to ground mean little" in note for note in feeder.notes)


def test_one_phase_to_ground_behind_a_delta_is_refused_by_name(tmp_path: Path):
    path = behind_delta(tmp_path, "New Load.one bus1=b.1 phases=1 kv=0.277 kw=1 pf=0.9 model=2")
    with pytest.raises(InputError, match="one"):
        opendss.read(path)


def test_a_neutral_that_only_loads_tie_is_refused_by_name(tmp_path: Path):
    more = """
New Load.yn bus1=c.1.2.3.4 phases=3 kv=0.4 kw=20 pf=0.9 rneut=5 xneut=0
New Load.u bus1=c.1.4 phases=1 kv=.23 kw=1 pf=1"""
    with pytest.raises(InputError, match=r"tied at both ends by wires, got yn; u.*Reactor"):
        opendss.read(street(tmp_path, more))


def test_a_load_with_an_open_phase_draws_from_the_others(tmp_path: Path):
    path = street(tmp_path)
    path.write_text(path.read_text() + "\nOpen Line.second 1 2\n")
    feeder = agreed(path)
    shop = feeder.branches.node[feeder.branches.name == "shop"]
    assert feeder.node_name[shop].tolist() == ["c.1", "c.3"]
    assert any("load.shop draws nothing to speak of at c.2" in note for note in feeder.notes)
    assert any("Nothing feeds c.2" in note for note in feeder.notes)


@pytest.mark.parametrize(
    "more",
    [
        "",
        "New Load.home3b bus1=c.3 phases=1 kv=0.23 kw=2 model=2",
        "New Load.far bus1=d.3 phases=1 kv=0.23 kw=1\n"
        "New Line.third phases=1 bus1=c.3 bus2=d.3 r1=0.1 x1=0.1 r0=0.1 x0=0.1 c1=0 c0=0",
    ],
)
def test_a_load_whose_only_phase_is_open_draws_nothing(tmp_path: Path, more: str):
    path = street(tmp_path, more)
    path.write_text(path.read_text() + "\nOpen Line.second 1 3\n")
    feeder = agreed(path)
    assert "home3" not in feeder.branches.name
    assert any("load.home3 draws nothing to speak of at c.3" in note for note in feeder.notes)


def test_loads_beyond_a_switch_that_is_open_in_all_phases_are_refused_by_name(tmp_path: Path):
    path = street(tmp_path)
    path.write_text(path.read_text() + "\nOpen Line.second 1 0\n")
    with pytest.raises(InputError, match=r"fed by the source, got home3; shop.*Close a switch"):
        opendss.read(path)


def test_a_source_of_current_that_nothing_else_feeds_is_refused(tmp_path: Path):
    path = street(tmp_path, "New Isource.lost bus1=c.2 phases=1 amps=5")
    path.write_text(path.read_text() + "\nOpen Line.second 1 2\n")
    with pytest.raises(InputError, match=r"isource must stand where .* got c\.2"):
        opendss.read(path)


@pytest.mark.parametrize(
    "more",
    [
        "New Load.m bus1=c.0.1 phases=1 kv=0.23 kw=4 pf=0.9",
        "New Load.m bus1=c.0.1.2 phases=3 conn=delta kv=0.4 kw=4 pf=0.9 model=4",
        "New Generator.m bus1=c.0.1 phases=1 kv=0.23 kw=4 pf=0.9",
        "New Generator.m bus1=c.0.1.2 phases=3 conn=delta kv=0.4 kw=4 pf=0.9",
    ],
)
def test_ground_may_stand_before_a_phase(tmp_path: Path, more: str):
    branches = agreed(street(tmp_path, more)).branches
    drawn = -branches.power_kw[branches.name == "m"].sum()
    assert drawn > 3.0 if "Load" in more else drawn < -1.0


@pytest.mark.parametrize("at", ["c.1.1", "c.0", "c.0.0"])
def test_a_load_between_a_node_and_itself_is_refused_by_name(tmp_path: Path, at: str):
    path = street(tmp_path, f"New Load.m bus1={at} phases=1 kv=0.23 kw=4")
    with pytest.raises(InputError, match=r"between two nodes, got load\.m\."):
        opendss.read(path)


def test_a_load_with_an_open_conductor_is_named(tmp_path: Path):
    path = street(tmp_path)
    path.write_text(path.read_text() + "\nOpen Load.shop 1 1\n")
    assert "load.shop has open conductors" in " ".join(opendss.read(path).notes)
