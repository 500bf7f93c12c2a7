"""A feeder's section in dq, against OpenDSS on the same section, and its limits at closing."""

from pathlib import Path

import numpy as np
import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.section import cut_out
from evergrid.model.microgrid import Microgrid
from evergrid.model.section_network import SectionBranch, SectionNetwork
from evergrid.resilience.black_start.circuit import InverterSettings, circuit
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action
from evergrid.resilience.black_start.settings import StartSequence
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.steady_state import steady_state
from tests.resilience.black_start.cases import QUICK, block, site, van

# Balanced, constant impedances, no capacitance: all that the section leaves out is not there.
STREET = """
Clear
Set DefaultBaseFrequency=50
New Circuit.street bus1=source basekv=11 phases=3
New Transformer.station phases=3 windings=2 buses=(source top) conns=(delta wye) kvs=(11 0.4)
~ kvas=(400 400) xhl=4 %r=0.6
New Linecode.thick nphases=3 r1=0.2 x1=0.08 r0=0.6 x0=0.3 c1=0 c0=0 units=km
New Line.first bus1=top bus2=b linecode=thick length=0.2 units=km normamps=400
New Line.fork bus1=b bus2=c linecode=thick length=0.3 units=km normamps=400
New Line.arm bus1=b bus2=d linecode=thick length=0.1 units=km normamps=400
New Line.empty bus1=d bus2=e linecode=thick length=0.5 units=km normamps=400
New Transformer.down phases=3 windings=2 buses=(d f) conns=(wye wye) kvs=(0.4 0.2)
~ kvas=(50 50) xhl=4 %r=1
New Load.c bus1=c kv=0.4 kw=40 kvar=12 model=2 vminpu=0.1
New Load.f bus1=f kv=0.2 kw=20 kvar=9 model=2 vminpu=0.1
Set VoltageBases=(11 0.4 0.2)
CalcVoltageBases
"""


def test_voltages_fall_along_the_section_as_opendss_has_it(tmp_path: Path):
    path = tmp_path / "street.dss"
    path.write_text(STREET)
    feeder = opendss.read(path)
    found = cut_out(feeder, "first")
    assert found.section.head == "b"
    blocks = tuple(
        block(
            load.bus,
            load.power_kw,
            "comfort",
            power_factor=load.power_kw / np.hypot(load.power_kw, load.reactive_kvar),
            bus=load.bus,
        )
        for load in found.loads
    )
    strong = van(1, apparent_kva=1e4)  # whose droop leaves the frequency as it is
    of = Microgrid(50.0, found.nominal_v, blocks, (strong,), section=found.section)
    made = circuit(of, InverterSettings())
    assembly = assemble(made.network)
    settled = steady_state(assembly)
    volts = np.abs(assembly.voltages_v(settled.state.values))
    names = [made.network.buses[bus] for bus in assembly.buses]
    ours = dict(zip(names, volts / volts[names.index("chargers")], strict=True))
    assert feeder.reference_v is not None
    per_unit = np.abs(feeder.reference_v) / feeder.base_v
    theirs = {bus: per_unit[feeder.node(bus, 1)] / per_unit[feeder.node("b", 1)] for bus in "cdf"}
    assert theirs["f"] < theirs["d"] < 0.998
    for bus, value in theirs.items():
        if f"bus {bus}" in ours:
            assert ours[f"bus {bus}"] == pytest.approx(value, rel=5e-7)
    assert {"bus c", "bus f"} <= set(ours)


def section(rating_kva: float, ohms: complex = 0.4 + 0.2j) -> SectionNetwork:
    return SectionNetwork(
        "top",
        ("end", "top"),
        (SectionBranch("line top-end", "top", "end", ohms.real, ohms.imag, rating_kva),),
    )


def test_a_line_of_the_section_is_not_loaded_above_its_rating():
    blocks = (
        block("near", 2.0, "critical"),
        block("far", 1.5, "critical", bus="end"),
        block("farther", 3.0, "comfort", bus="end"),
    )
    of = site(1, load_blocks=blocks, section=section(4.0))
    order = ("van 1", "near", "far", "farther")
    found = black_start(of, StartSequence(duration_s=3.0, order=order, **QUICK))
    assert [e.actor for e in found.events if e.action is Action.PICK_UP] == ["near", "far"]
    assert "load line top-end with 4.737 kVA, more than its 4 kVA" in found.reason


def test_a_voltage_that_is_too_low_at_the_end_of_a_line_keeps_a_block_from_closing():
    blocks = (block("far", 5.0, "critical", bus="end"),)
    sequence = StartSequence(duration_s=2.0, order=("van 1", "far"), **QUICK)
    near, far = (
        black_start(site(1, load_blocks=blocks, section=section(1e3, ohms)), sequence)
        for ohms in (0.4 + 0.2j, 6.0 + 3.0j)
    )
    assert near.samples.connected[-1, 0]
    assert not far.samples.connected[-1, 0]
    assert "far (the voltage would fall to 0.8" in far.reason
