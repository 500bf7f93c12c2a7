"""A section of a feeder: impedances by hand, loads by bus, what is told, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.feeder.section import SectionOfFeeder, cut_out
from evergrid.inputs.feeder.source import FeederSource
from evergrid.model.section_network import SectionBranch, SectionNetwork

RING = """
New Circuit.ring bus1=a basekv=11 phases=3
New Linecode.code nphases=3 r1=0.1 x1=0.2 r0=0.3 x0=0.6 c1=0 c0=0 units=km
New Line.ab bus1=a bus2=b linecode=code length=1 units=km
New Line.bc bus1=b bus2=c linecode=code length=2 units=km
New Line.ca bus1=c bus2=a linecode=code length=1 units=km
New Line.cd bus1=c bus2=d linecode=code length=1 units=km
New Load.d bus1=d kv=11 kw=100 kvar=-20 model=2
Set VoltageBases=(11)
CalcVoltageBases
"""


@pytest.fixture(scope="module")
def ieee13() -> Feeder:
    return FeederSource().read(Path())


@pytest.fixture(scope="module")
def whole(ieee13: Feeder) -> SectionOfFeeder:
    return cut_out(ieee13, "rg60-632")


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Feeder:
    path = tmp_path_factory.mktemp("ring") / "ring.dss"
    path.write_text(RING)
    return opendss.read(path)


def branch(found: SectionOfFeeder, end: str) -> SectionBranch:
    (one,) = (b for b in found.section.branches if end in (b.from_bus, b.to_bus))
    return one


def test_impedances_are_those_of_the_published_tables(whole: SectionOfFeeder):
    # Code 602 over 500 ft, mean of the phases less mean between them, and the transformer.
    line = (0.7526 + 0.7475 + 0.7436 - 0.1580 - 0.1560 - 0.1535) / 3
    reactance = (1.1814 + 1.1983 + 1.2112 - 0.4236 - 0.5017 - 0.3849) / 3
    base_ohm = 4160.0**2 / 500e3
    found = branch(whole, "634")
    assert found.name == "line 632-633, transformer xfm1"
    assert found.resistance_ohm == pytest.approx(line * 500 / 5280 + 0.011 * base_ohm, rel=1e-4)
    assert found.reactance_ohm == pytest.approx(reactance * 500 / 5280 + 0.02 * base_ohm, rel=1e-4)
    assert found.rating_kva == 500.0


def test_a_line_of_one_phase_counts_with_its_own_impedance(whole: SectionOfFeeder):
    found = branch(whole, "652")
    ohms = found.resistance_ohm + 1j * found.reactance_ohm
    # 684 has two ways on and one back, so that nothing is taken out here.
    assert ohms == pytest.approx((1.3425 + 0.5124j) * 800 / 5280, rel=1e-3)
    assert found.rating_kva == pytest.approx(165.0 * 4.16 / np.sqrt(3.0), rel=1e-6)


def test_loads_are_summed_over_the_phases_of_a_bus(whole: SectionOfFeeder):
    loads = {load.bus: (load.power_kw, load.reactive_kvar) for load in whole.loads}
    assert loads["634"] == pytest.approx((400.0, 290.0))
    assert loads["675"] == pytest.approx((843.0, 462.0))
    assert sum(kw for kw, _ in loads.values()) == pytest.approx(3466.0)
    assert (whole.nominal_v, whole.nominal_hz) == (pytest.approx(4160.0), 60.0)


def test_ends_without_load_and_buses_between_are_taken_out(whole: SectionOfFeeder):
    assert set(whole.section.buses) == {load.bus for load in whole.loads} | {"632", "684"}


def test_what_is_not_modelled_is_named(ieee13: Feeder, whole: SectionOfFeeder):
    told = " ".join(whole.notes)
    assert "off: capacitor banks 611, 675." in told
    assert "Loads at 8 of 9 buses are not alike" in told
    assert "Taps stay" not in told
    above = cut_out(ieee13, "feed")
    assert "Taps stay at the nominal ratio: regulator_a" in " ".join(above.notes)
    # Three regulators side by side are one way, at the sum of their ratings.
    assert branch(above, "650").rating_kva == pytest.approx(3 * 1666.0)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("671-69", "Did you mean 671-692"),
        ("671-680", "have loads below it"),
    ],
)
def test_a_head_that_cannot_be_is_refused(ieee13: Feeder, head: str, told: str):
    with pytest.raises(InputError, match=told):
        cut_out(ieee13, head)


def test_a_second_way_to_the_source_is_refused(ring: Feeder):
    with pytest.raises(InputError, match="be the only way from the source"):
        cut_out(ring, "ab")


def test_a_load_that_leads_and_a_ring_below_the_head_are_kept(ring: Feeder):
    (load,) = cut_out(ring, "cd").loads
    assert (load.power_kw, load.reactive_kvar) == pytest.approx((100.0, -20.0))
    with pytest.raises(InputError, match="unique"):
        SectionNetwork("a", ("a", "a"), ())
    with pytest.raises(InputError, match="be connected to the head"):
        SectionNetwork("a", ("a", "b"), ())
    with pytest.raises(InputError, match="connect buses of the section"):
        SectionNetwork("a", ("a",), (SectionBranch("x", "a", "z", 1.0, 1.0),))


def test_impedances_that_are_none_are_refused():
    for ohms in (-1.0, float("nan"), 1e300):
        with pytest.raises(InputError, match="reactance_ohm must be in"):
            SectionBranch("x", "a", "b", 0.0, ohms)
