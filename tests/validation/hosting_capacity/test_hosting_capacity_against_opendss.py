"""The same draws through OpenDSS, one by one, give the same verdicts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import power_flow
from evergrid.grid.hosting import deployment, hosting_capacity
from evergrid.grid.hosting.deployment import Deployments, ParkingPlaces
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import day_limits
from evergrid.grid.limits.kinds import Kind
from evergrid.grid.limits.limits import Limits

pytestmark = pytest.mark.data

SOURCE = ["edit vsource.source pu=1.0"]
CONSTANT = ["batchedit load..* model=1 vminpu=0.3 vmaxpu=2 vlowpu=0.2"]
RATED = ["batchedit linecode..* normamps=100 emergamps=110", "batchedit line..* normamps=100"]
COUNTS, DRAWS = 6, 25
LIMITS = Limits(low_pu=0.92, high_pu=1.06, transformer=0.2, unbalance=0.5)


def extremes(circuit: Any, load_nodes: list[int]) -> tuple[float, float, float, float]:
    """Lowest and highest voltage at loads, fullest line and phase of a winding, all by OpenDSS."""
    at_loads = np.asarray(circuit.AllBusVmagPu)[load_nodes]
    line, more = 0.0, circuit.Lines.First
    while more:
        element = circuit.ActiveCktElement
        amps = np.asarray(element.CurrentsMagAng)[: 2 * element.NumPhases : 2]
        line = max(line, amps.max() / element.NormalAmps)
        more = circuit.Lines.Next
    circuit.Transformers.Name = "tr1"
    element, data = circuit.ActiveCktElement, circuit.Transformers
    of_windings = np.asarray(element.CurrentsMagAng)[::2].reshape(2, -1)[:, :3]
    phase = 0.0
    for winding, amps in enumerate(of_windings, start=1):
        data.Wdg = winding
        phase = max(phase, amps.max() / (data.kVA / data.kV / np.sqrt(3.0)))
    return at_loads.min(), at_loads.max(), line, phase


def nodes_of_loads(circuit: Any) -> list[int]:
    """Place of each load's node among the voltages of all nodes."""
    place = {name.lower(): row for row, name in enumerate(circuit.AllNodeNames)}
    found, more = [], circuit.Loads.First
    while more:
        bus, *phases = circuit.ActiveCktElement.BusNames[0].lower().split(".")
        found.append(place[f"{bus}.{phases[0]}"])
        more = circuit.Loads.Next
    return found


@pytest.mark.parametrize(("profiles", "load"), [([[-7.0], [0.0]], 1.0), ([[5.0], [0.0]], 0.3)])
def test_verdicts_are_those_of_opendss(data_folder: Path, profiles: list[list[float]], load: float):
    path = data_folder / "feeders/LVTestCase/Master.dss"
    feeder = opendss.read(path, commands=[*SOURCE, *RATED])
    branches, power = feeder.branches, np.array(profiles)
    base_kw, base_kvar = load * branches.power_kw[:, None], load * branches.reactive_kvar[:, None]
    state = np.zeros(1, dtype=np.int64)
    case = FeederCase((power_flow.reduce(feeder),), state, base_kw, base_kvar, 1.0, LIMITS)
    parking = ParkingPlaces(np.column_stack([np.arange(55), np.full((55, 2), -1)]))
    deployed = deployment.draw(parking, counts=COUNTS, draws=DRAWS, profiles=2, seed=0)
    found = hosting_capacity.evaluate(day_limits(case), deployed, power, tolerance_pu=1e-8)
    theirs = _opendss(path, feeder, deployed, power, load)
    ours = np.stack(
        [
            LIMITS.low_pu - found.excess[..., Kind.LOW_VOLTAGE],
            LIMITS.high_pu + found.excess[..., Kind.HIGH_VOLTAGE],
            1.0 + found.excess[..., Kind.LINE],
            LIMITS.transformer + found.excess[..., Kind.TRANSFORMER],
        ],
        axis=2,
    )
    assert np.abs(ours - theirs)[..., :2].max() < 1e-5
    assert np.abs(ours - theirs)[..., 2:].max() < 1e-4
    violated = np.stack(
        [
            theirs[..., 0] < LIMITS.low_pu,
            theirs[..., 1] > LIMITS.high_pu,
            theirs[..., 2] > 1.0,
            theirs[..., 3] > LIMITS.transformer,
        ],
        axis=2,
    )
    assert 0.1 < violated.any(axis=2).mean() < 0.95
    assert (found.violated == violated.any(axis=2)).mean() >= 0.999


def _opendss(
    path: Path, feeder: Feeder, deployed: Deployments, power: np.ndarray, load: float
) -> np.ndarray:
    """Extremes of every deployment by OpenDSS."""
    circuit = opendss.opened(path, [*SOURCE, *RATED, *CONSTANT]).ActiveCircuit
    circuit.Solution.Tolerance = 1e-7
    branches, at_loads = feeder.branches, nodes_of_loads(circuit)
    found = np.empty((deployed.counts, deployed.draws, 4))
    for count in range(deployed.counts):
        for draw in range(deployed.draws):
            drawn = -(load * branches.power_kw + deployed.power_kw(count, draw, power, 55)[0])
            for row, name in enumerate(branches.name):
                circuit.Loads.Name = name
                circuit.Loads.kW = float(drawn[row])
                circuit.Loads.kvar = float(-load * branches.reactive_kvar[row])
            circuit.Solution.Solve()
            found[count, draw] = extremes(circuit, at_loads)
    return found
