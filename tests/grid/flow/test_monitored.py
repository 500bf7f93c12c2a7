"""What is elements is what OpenDSS measures there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow import monitored, power_flow
from evergrid.grid.flow.monitored import MonitoredElements
from evergrid.grid.flow.power_flow import Network
from evergrid.grid.limits import places
from tests.grid.cases import IEEE13, street

Solved = tuple[Network, MonitoredElements, Any, Any]


@pytest.fixture(scope="module")
def solved(ieee13: Feeder) -> Solved:
    """The built-in feeder solved as it is, with its watch and the currents of its branches."""
    network = power_flow.reduce(ieee13)
    nothing = np.zeros((1, len(network.branches)))
    flow = power_flow.solve(network, nothing, nothing, load_share=nothing + 1, tolerance_pu=1e-12)
    current = np.linalg.solve(network.impedance, flow.voltage_pu[0] - network.open_pu)
    return (
        network,
        monitored.monitored_elements(network),
        current,
        opendss.opened(IEEE13).ActiveCircuit,
    )


def amps_of(circuit: Any, name: str) -> np.ndarray:
    """Currents of an element as OpenDSS tells them, by terminal and conductor."""
    circuit.SetActiveElement(name)
    element = circuit.ActiveCktElement
    return np.asarray(element.CurrentsMagAng)[::2].reshape(element.NumTerminals, -1)


def test_loadings_are_the_currents_that_opendss_has(solved: Solved):
    network, elements, current, circuit = solved
    lines = network.feeder.lines
    loading = np.abs(elements.all_loading.of(current))
    theirs = []
    for line in range(len(lines)):
        (rows,) = np.nonzero(lines.currents.element == line)
        amps = amps_of(circuit, f"line.{lines.name[line]}")[0, : len(rows)]
        theirs += (amps / lines.rating_a[line]).tolist()
    assert loading == pytest.approx(np.array(theirs), abs=1e-6)
    assert loading.max() == pytest.approx(np.abs(elements.loading.of(current)).max(), abs=1e-9)


def by_opendss(circuit: Any, name: str, kva: list[float], kv: list[float]) -> np.ndarray:
    """Current over its rating in every phase of every winding, three-phase or single-phase."""
    amps = amps_of(circuit, f"transformer.{name}")
    phases = circuit.ActiveCktElement.NumPhases
    line = np.sqrt(3.0) if phases == 3 else 1.0
    rated = np.array(kva) / np.array(kv) / line
    return (amps[:, :phases] / rated[:, None]).ravel()


def test_transformers_are_watched_by_phase_and_winding_as_opendss_has_their_currents(
    solved: Solved,
):
    network, elements, current, circuit = solved
    found = monitored.read(elements, current[None]).phase[0]
    names = places.at_windings(network.feeder, elements.winding)
    theirs = by_opendss(circuit, "xfm1", [500, 500], [4.16, 0.48])
    mine = [n.startswith("xfm1") for n in names]
    assert found[mine] == pytest.approx(theirs, abs=1e-7)
    for phase, name in enumerate("abc", start=1):
        theirs = by_opendss(circuit, f"regulator_{name}", [1666, 1666], [2.402, 2.402])
        mine = [n.startswith(f"regulator_{name} ") for n in names]
        assert found[mine] == pytest.approx(theirs, abs=1e-7)
        assert names[mine].tolist() == [
            f"regulator_{name} winding {winding} phase {phase}" for winding in (1, 2)
        ]


def test_transformers_as_a_whole_carry_what_opendss_has(solved: Solved):
    network, elements, current, circuit = solved
    found = monitored.read(elements, current[None]).total[0]
    transformers = network.feeder.transformers
    for row, name in enumerate(transformers.name):
        circuit.SetActiveElement(f"transformer.{name}")
        powers = np.asarray(circuit.ActiveCktElement.Powers)
        powers = powers[: 2 * circuit.ActiveCktElement.NumConductors]
        kva = abs(powers[::2].sum() + 1j * powers[1::2].sum())
        assert found[row] * transformers.rating_kva[row] == pytest.approx(kva, rel=1e-6)


def test_currents_of_a_regulator_follow_its_tap(ieee13: Feeder):
    moves = [
        f"Transformer.regulator_{p}.wdg=2 tap={1 + t / 160}"
        for p, t in zip("abc", (3, -5, 0), strict=True)
    ]
    path, commands = IEEE13, [*CONSTANT, *moves, "set controlmode=off"]
    moved = opendss.read(path, commands=commands)
    assert moved.state.tap == (3, -5, 0)
    elements, current = monitored_alone(opendss.read(path, commands=CONSTANT), moved.state)
    circuit = referee(path, commands)
    found = monitored.read(elements, current).phase[0]
    names = places.at_windings(moved, elements.winding)
    for name in "abc":
        theirs = by_opendss(circuit, f"regulator_{name}", [1666, 1666], [2.402, 2.402])
        mine = [n.startswith(f"regulator_{name} ") for n in names]
        assert found[mine] == pytest.approx(theirs, abs=1e-7)


def referee(path: Path, commands: Sequence[str] = ()) -> Any:
    """OpenDSS' circuit, solved as far as it goes."""
    circuit = opendss.opened(path, commands).ActiveCircuit
    circuit.Solution.Tolerance = 1e-12
    circuit.Solution.Solve()
    return circuit


CONSTANT = ["batchedit load..* model=1 vminpu=0.3 vmaxpu=2 vlowpu=0.2"]


def monitored_alone(
    feeder: Feeder, state: State | None = None
) -> tuple[MonitoredElements, np.ndarray]:
    """What is elements of a feeder, and the currents of its branches at the power of the files."""
    network = power_flow.reduce(feeder, state=state)
    power, reactive = feeder.branches.power_kw[None], feeder.branches.reactive_kvar[None]
    flow = power_flow.solve(network, power, reactive, tolerance_pu=1e-12)
    assert flow.settled.all()
    return monitored.monitored_elements(network), np.conj((power + 1j * reactive) / flow.voltage_pu)


WOUND = {
    # transformer and loads; rated amperes of each winding, and its conductors that lead them
    "three windings": (
        """
New Transformer.t phases=3 windings=3 buses=(source p q) conns=(delta wye wye)
~ kvs=(11 0.4 0.4) kvas=(300 200 100) xhl=4 xht=4 xlt=4
New Load.l1 bus1=p.1 phases=1 kv=0.23 kw=40
New Load.l2 bus1=q.1.2.3 phases=3 kv=0.4 kw=80
New Load.l3 bus1=q.2 phases=1 kv=0.23 kw=20
""",
        {
            1: (300 / 11 / 3**0.5, (0, 1, 2)),
            2: (200 / 0.4 / 3**0.5, (0, 1, 2)),
            3: (100 / 0.4 / 3**0.5, (0, 1, 2)),
        },
    ),
    "split phase, one half turned": (
        """
New Transformer.t phases=1 windings=3 buses=(source.1.2 t.1.0 t.0.2) conns=(wye wye wye)
~ kvs=(11 0.12 0.12) kvas=(25 15 15) xhl=2 xht=2 xlt=1.4
New Load.l1 bus1=t.1.2 phases=1 kv=0.24 kw=5
New Load.l2 bus1=t.1 phases=1 kv=0.12 kw=8
""",
        {1: (25 / 11, (0,)), 2: (15 / 0.12, (0,)), 3: (15 / 0.12, (1,))},
    ),
    "open delta": (
        """
New Transformer.t phases=2 windings=2 buses=(source.1.2.3 d.1.2.3) conns=(delta delta)
~ kvs=(11 0.4) kvas=(100 80) xhl=4
New Load.l1 bus1=d.1.2.3 phases=3 conn=delta kv=0.4 kw=50
New Load.l2 bus1=d.1.2 phases=1 kv=0.4 kw=20
""",
        {1: (100 / 2 / 11, (0, 1, 2)), 2: (80 / 2 / 0.4, (0, 1, 2))},
    ),
    "delta to delta": (
        """
New Transformer.t phases=3 windings=2 buses=(source d.1.2.3) conns=(delta delta)
~ kvs=(11 0.4) kvas=(100 80) xhl=4
New Load.l1 bus1=d.1.2 phases=1 kv=0.4 kw=60
New Load.l2 bus1=d.1.2.3 phases=3 conn=delta kv=0.4 kw=20
""",
        {1: (100 / 11 / 3**0.5, (0, 1, 2)), 2: (80 / 0.4 / 3**0.5, (0, 1, 2))},
    ),
    "star to star over two phases": (
        """
New Transformer.t phases=2 windings=2 buses=(source.1.3.0 d.1.3.0) conns=(wye wye)
~ kvs=(11 0.4) kvas=(100 100) xhl=4
New Load.l1 bus1=d.1 phases=1 kv=0.23 kw=50
New Load.l2 bus1=d.3 phases=1 kv=0.23 kw=10
""",
        {1: (50 / (11 / 3**0.5), (0, 1)), 2: (50 / (0.4 / 3**0.5), (0, 1))},
    ),
}


@pytest.mark.parametrize("name", list(WOUND))
def test_each_winding_is_held_against_its_own_rating(tmp_path: Path, name: str):
    more, rated = WOUND[name]
    path = street(tmp_path, more)
    feeder = opendss.read(path, commands=CONSTANT)
    elements, current = monitored_alone(feeder)
    circuit = referee(path, CONSTANT)
    amps = amps_of(circuit, "transformer.t")
    theirs = [amps[w - 1, k] / a for w, (a, at) in rated.items() for k in at]
    names = places.at_windings(feeder, elements.winding)
    mine = [n.startswith("t ") for n in names]
    found = monitored.read(elements, current)
    assert found.phase[0, mine] == pytest.approx(theirs, abs=1e-7)
    assert len(set(names)) == len(names)
    powers = np.asarray(circuit.ActiveCktElement.Powers)[: 2 * amps.shape[1]]
    kva = abs(powers[::2].sum() + 1j * powers[1::2].sum())
    row = feeder.transformers.name.tolist().index("t")
    assert found.total[0, row] == pytest.approx(kva / feeder.transformers.rating_kva[row], rel=1e-6)


def test_one_phase_of_a_transformer_may_be_full_while_the_whole_is_not(tmp_path: Path):
    feeder = opendss.read(street(tmp_path, "New Load.big bus1=b.1 phases=1 kv=0.23 kw=40"))
    elements, current = monitored_alone(feeder)
    found = monitored.read(elements, current)
    assert found.phase.max() > 1.1
    assert found.total.max() < 0.75
    worst = places.at_windings(feeder, elements.winding)[found.phase.argmax()]
    assert worst == "station winding 2 phase 1"


def test_a_neutral_that_is_earthed_at_its_first_end_is_watched(tmp_path: Path):
    more = """
New LineCode.four nphases=4 units=km normamps=100 emergamps=110
~ rmatrix=(0.3|0.05 0.3|0.05 0.05 0.3|0.05 0.05 0.05 0.3)
~ xmatrix=(0.3|0.2 0.3|0.2 0.2 0.3|0.2 0.2 0.2 0.3) cmatrix=(0|0 0|0 0 0|0 0 0 0)
New Line.four bus1=a.1.2.3.0 bus2=d.1.2.3.4 linecode=four length=0.1 units=km
New Load.l1 bus1=d.2.4 phases=1 kv=0.23 kw=15
"""
    path = street(tmp_path, more)
    feeder = opendss.read(path, commands=CONSTANT)
    elements, current = monitored_alone(feeder)
    names = places.at_lines(
        feeder, np.flatnonzero(np.isfinite(feeder.lines.rating_a[feeder.lines.currents.element]))
    )
    found = dict(zip(names, np.abs(elements.all_loading.of(current))[0], strict=True))
    amps = amps_of(referee(path, CONSTANT), "line.four")[0]
    assert found["four neutral"] == pytest.approx(amps[3] / 100, abs=1e-7)
    assert found["four neutral"] > 0.5
    assert found["four phase 2"] == pytest.approx(amps[1] / 100, abs=1e-7)


def test_a_watch_keeps_only_what_transformers_are_judged_by(solved: Solved):
    network, elements, current, _ = solved
    whole = monitored.read(elements, current[None])
    phase, total = (elements.transformers_by(by) for by in ("phase", "total"))
    assert (monitored.read(phase, current[None]).transformer == whole.phase).all()
    assert (monitored.read(total, current[None]).transformer == whole.total).all()
    feeder = network.feeder
    assert places.at_transformers(feeder, total).tolist() == feeder.transformers.name.tolist()
    assert len(places.at_transformers(feeder, phase)) == whole.phase.shape[1]


def test_unbalance_is_that_of_the_sequences_of_opendss(solved: Solved):
    network, elements, current, circuit = solved
    found = monitored.read(elements, current[None]).unbalance[0]
    for row, bus in enumerate(elements.bus):
        circuit.SetActiveBus(str(network.feeder.buses.name[bus]))
        _, positive, negative = circuit.ActiveBus.SeqVoltages
        assert found[row] == pytest.approx(negative / positive, rel=1e-5)


def test_every_node_has_the_voltage_that_opendss_has(solved: Solved):
    network, _, current, circuit = solved
    ours = monitored.node_voltages(network).of(current)
    flat = np.asarray(circuit.YNodeVarray)
    theirs = (flat[::2] + 1j * flat[1::2]) / network.feeder.base_v
    assert np.abs(ours - theirs).max() < 1e-7


def test_lines_that_carry_the_same_current_are_judged_by_the_weakest(ieee13: Feeder):
    lines = ieee13.lines
    ratings = lines.rating_a.copy()
    weakest = int(np.flatnonzero(lines.name == "rg60-632")[0])
    ratings[weakest] = 10.0  # in a row with the switch before the regulators, but not the same
    feeder = replace(ieee13, lines=replace(lines, rating_a=ratings))
    elements = monitored.monitored_elements(power_flow.reduce(feeder))
    every = len(lines.currents.element)
    assert len(elements.loading) <= every
    assert weakest in lines.currents.element[elements.line]


def test_lines_without_a_rating_are_not_watched(ieee13: Feeder):
    nothing = np.full(len(ieee13.lines), np.nan)
    feeder = replace(ieee13, lines=replace(ieee13.lines, rating_a=nothing))
    assert len(monitored.monitored_elements(power_flow.reduce(feeder)).loading) == 0
