"""A site from a section of a feeder: its blocks count, and its network is among the inputs."""

from pathlib import Path
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.studies import resilience
from tests.studies.resilience.cases import configuration

STREET = """
Clear
Set DefaultBaseFrequency=50
New Circuit.street bus1=source basekv=11 phases=3
New Transformer.station phases=3 windings=2 buses=(source top) conns=(delta wye) kvs=(11 0.4)
~ kvas=(400 400) xhl=4 %r=0.6
New Linecode.thick nphases=3 r1=0.2 x1=0.08 r0=0.6 x0=0.3 c1=0 c0=0 units=km
New Line.first bus1=top bus2=b linecode=thick length=0.2 units=km normamps=400
New Line.fork bus1=b bus2=c linecode=thick length={length} units=km normamps=400
New Line.arm bus1=b bus2=d linecode=thick length=0.1 units=km normamps=400
New Load.c bus1=c kv=0.4 kw={load} kvar=6
New Load.d bus1=d kv=0.4 kw=30 kvar=9
Set VoltageBases=(11 0.4)
CalcVoltageBases
"""


def run(folder: Path, *, length: float = 0.3, load: float = 20.0, **feeder: Any) -> Any:
    path = folder / "street.dss"
    path.write_text(STREET.format(length=length, load=load))
    block = {"bus": "c", "name": "clinic", "tier": "life_safety"}
    section = {"file": str(path), "head": "first", "block": [block]} | feeder
    others = {"sizing": None, "standing": None, "storm": None, "regulation": None}
    given = configuration(**others, checked_outages=0, outage={"scenarios": 20})
    site = {"vehicles": given["microgrid"]["vehicles"], "feeder": section}
    return resilience.run(parse(resilience.Config, given | {"microgrid": site}), seed=0)


def test_the_loads_below_the_head_are_what_is_lost_and_fed(tmp_path: Path):
    result = run(tmp_path)
    s = result.summary
    assert s["demand_kw"] == pytest.approx(50.0)
    assert s["m_d_without_kwh"] == pytest.approx(50.0 * s["mean_outage_h"])
    assert 0 < s["m_d_kwh"] < s["m_d_without_kwh"]
    assert s["lost_kwh"]["life_safety"] < s["lost_kwh"]["comfort"]  # the clinic comes first
    assert s["lost_kwh"]["critical"] == 0.0
    blocks = result.files["inputs/load_blocks.parquet"]
    assert blocks["name"].to_list() == ["clinic", "d"]
    assert blocks["bus"].to_list() == ["c", "d"]
    assert any("counts as balanced" in note for note in s["notes"])


def test_the_network_of_the_section_is_among_the_hashed_inputs(tmp_path: Path):
    short, long, more = run(tmp_path), run(tmp_path, length=0.6), run(tmp_path, load=25.0)
    hashes = [one.summary["input_sha256"] for one in (short, long, more)]
    assert hashes[0]["section"] != hashes[1]["section"]
    assert hashes[0]["load_blocks"] == hashes[1]["load_blocks"] != hashes[2]["load_blocks"]
    branches = long.files["inputs/section.parquet"]
    assert branches["branch"].to_list() == ["line fork", "line arm"]
    ohms = dict(zip(branches["branch"], branches["resistance_ohm"], strict=True))
    assert ohms["line fork"] == pytest.approx(0.12)


def test_a_head_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(EvergridError, match="head"):
        run(tmp_path, head="nowhere")
