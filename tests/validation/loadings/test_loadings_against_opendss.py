"""Every conductor of a line and every phase of a winding is loaded as OpenDSS has it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import monitored, power_flow

pytestmark = pytest.mark.data

CONSTANT = ["batchedit load..* model=1 vminpu=0.3 vmaxpu=2 vlowpu=0.2", "set controlmode=off"]
SAME = 1e-6  # of a rating
NORMAL = 1.1  # OpenDSS' normal rating over the rated kVA
FEEDERS = {
    "13Bus/IEEE13Nodeckt.dss": 0,
    "34Bus/ieee34Mod1.dss": 0,
    "123Bus/IEEE123Master.dss": 0,
    "LVTestCase/Master.dss": 0,
    "EPRI-ckt5/Master_ckt5.dss": 1368,
    "8500-Node/Master.dss": 2503,
}


class Referee:
    """OpenDSS with a feeder, and what it tells of its elements."""

    def __init__(self, path: Path, feeder: Feeder, share: np.ndarray) -> None:
        self.circuit: Any = opendss.opened(path, CONSTANT).ActiveCircuit
        drawn = share * -np.array([feeder.branches.power_kw, feeder.branches.reactive_kvar])
        names = feeder.branches.name
        for name in dict.fromkeys(names):
            self.circuit.Loads.Name = name
            self.circuit.Loads.kW, self.circuit.Loads.kvar = drawn[:, names == name].sum(axis=1)
        self.circuit.Solution.Tolerance = 1e-12
        self.circuit.Solution.Solve()

    def _amps(self, name: str) -> np.ndarray:
        self.circuit.SetActiveElement(name)
        element = self.circuit.ActiveCktElement
        return np.asarray(element.CurrentsMagAng)[::2].reshape(element.NumTerminals, -1)

    def line(self, name: str) -> np.ndarray:
        """Loading of each conductor at the first end."""
        return self._amps(f"line.{name}")[0] / self.circuit.ActiveCktElement.NormalAmps

    def transformer(self, name: str) -> tuple[list[float], float]:
        """Loading of each phase of each winding in turn, and of the whole."""
        amps = self._amps(f"transformer.{name}")
        element, data = self.circuit.ActiveCktElement, self.circuit.Transformers
        phases, normal_a = element.NumPhases, element.NormalAmps
        powers = np.asarray(element.Powers)[: 2 * element.NumConductors]
        data.Name = name
        loading: list[float] = []
        whole = 0.0
        for winding, of_winding in enumerate(amps, start=1):
            data.Wdg = winding
            assert phases in (1, 3)
            rated_a = data.kVA / data.kV / (np.sqrt(3.0) if phases == 3 else 1.0)
            if winding == 1:
                whole = abs(powers[::2].sum() + 1j * powers[1::2].sum()) / data.kVA
                assert normal_a == pytest.approx(NORMAL * rated_a, rel=1e-9)
            loading += (of_winding[:phases] / rated_a).tolist()
        return loading, whole


@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("name", list(FEEDERS))
def test_loadings_are_those_of_opendss(data_folder: Path, name: str, share: float):
    path = data_folder / "feeders" / name
    feeder = opendss.read(path, commands=CONSTANT)
    rng = np.random.default_rng(0)
    loads = {load: rng.uniform(0.0, 2.0) for load in dict.fromkeys(feeder.branches.name)}
    at_random = np.array([loads[load] for load in feeder.branches.name])
    scale = np.ones(len(at_random)) if share == 1.0 else share * at_random
    theirs = Referee(path, feeder, scale)
    watched, current = _solved(feeder, scale)
    _lines_agree(feeder, watched, current, theirs, FEEDERS[name])
    _transformers_agree(feeder, watched, current, theirs)


def _solved(feeder: Feeder, scale: np.ndarray) -> tuple[monitored.MonitoredElements, np.ndarray]:
    network, branches = power_flow.reduce(feeder), feeder.branches
    power, reactive = (scale * branches.power_kw)[None], (scale * branches.reactive_kvar)[None]
    flow = power_flow.solve(network, power, reactive, tolerance_pu=1e-13)
    assert flow.settled.all()
    return monitored.monitored_elements(network), np.conj((power + 1j * reactive) / flow.voltage_pu)


def _lines_agree(
    feeder: Feeder,
    watched: monitored.MonitoredElements,
    current: np.ndarray,
    theirs: Referee,
    rated: int,
):
    lines = feeder.lines
    owner = lines.currents.element[np.isfinite(lines.rating_a[lines.currents.element])]
    ours = np.abs(watched.all_loading.of(current))[0]
    assert len(ours) == rated
    for line in np.unique(owner):
        of_line = ours[owner == line]
        told = theirs.line(str(lines.name[line]))
        assert of_line == pytest.approx(told[: len(of_line)], abs=SAME), lines.name[line]


def _transformers_agree(
    feeder: Feeder, watched: monitored.MonitoredElements, current: np.ndarray, theirs: Referee
):
    transformers, found = feeder.transformers, monitored.read(watched, current)
    owner = transformers.currents.element[watched.winding]
    assert len(transformers) > 0
    for row, name in enumerate(transformers.name):
        phases, whole = theirs.transformer(str(name))
        assert found.phase[0, owner == row] == pytest.approx(phases, abs=SAME), name
        assert found.total[0, row] == pytest.approx(whole, abs=SAME), name
