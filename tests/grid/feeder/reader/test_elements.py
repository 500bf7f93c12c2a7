"""Is every kind of element that OpenDSS knows modelled, held or named?"""

from pathlib import Path

import pytest
from dss import DSS

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.reader.elements import HARMLESS, HELD, MODELLED, STILL, is_held, notes
from tests.grid.cases import street

DATA = {
    *("linecode", "loadshape", "tshape", "priceshape", "xycurve", "growthshape", "tcc_curve"),
    *("spectrum", "wiredata", "cndata", "tsdata", "linespacing", "linegeometry", "xfmrcode"),
}
SOLAR = "New PVSystem.pv bus1=c.1 phases=1 kv=0.23 kva=6 pmpp=5 irradiance=0.9 pf=1"
CURVE = """New XYCurve.vv npts=4 xarray=(0.5 0.95 1.05 1.5) yarray=(1 0 0 -1)
New InvControl.vv derlist=(pvsystem.pv) mode=voltvar vvc_curve1=vv"""


def test_every_kind_that_opendss_knows_is_listed_once():
    engine = DSS.NewContext()
    known = {name.lower() for name in engine.Classes} - DATA
    listed = [*MODELLED, *HELD, *STILL, *HARMLESS]
    assert known <= set(listed)
    assert len(listed) == len(set(listed))


def test_a_kind_that_is_not_known_goes_on_with_its_power():
    assert is_held("fuelcell")
    assert not any(is_held(kind) for kind in (*MODELLED, *STILL, *HARMLESS))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (f"{SOLAR}\n{CURVE}", "invcontrol.vv: moves"),
        (f"{SOLAR}\nNew ExpControl.e pvsystemlist=(pv)", "expcontrol.e: moves"),
        ("New SwtControl.s switchedobj=line.second switchedterm=1", "swtcontrol.s: opens"),
        ("New Fuse.f monitoredobj=line.second ratedcurrent=500", "fuse.f: opens"),
        ("New Fault.f bus1=c.1 phases=1 r=50 temporary=yes", "fault.f: clears itself"),
        ("New Load.r bus1=c.1 kv=0.23 kw=1 phases=1 rneut=5", "load.r: states an impedance"),
    ],
)
def test_what_acts_in_opendss_and_is_not_followed_is_named(tmp_path: Path, more: str, said: str):
    feeder = opendss.read(street(tmp_path, more))
    assert any(said in note for note in feeder.notes), feeder.notes


def test_what_only_measures_is_not_named(tmp_path: Path):
    more = "New EnergyMeter.m element=line.first\nNew Monitor.n element=line.first"
    assert opendss.read(street(tmp_path, more)).notes == ()


def test_many_elements_of_a_kind_share_a_note():
    class Settings:
        """As OpenDSS is by itself."""

        LoadModel = 1

    names = [f"fuse.{k}" for k in range(8)]
    (note,) = notes(names, lambda name, key: "", Settings())
    assert note.startswith("fuse.0, fuse.1, fuse.2, fuse.3, fuse.4 and 3 more: opens")
