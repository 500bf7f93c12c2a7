"""EPRI circuit 5 with its own loads and with random ones: every node as OpenDSS has it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import BaseCase, Feeder
from evergrid.grid.flow import base_case

pytestmark = pytest.mark.data

SAME_PU = 1e-6
SEEDS = 20
WIDE = ["batchedit load..* vminpu=0.5 vmaxpu=1.5 vlowpu=0.3"]  # windows that no load leaves
RANGES = ((0.0, 2.0), (-1.0, 1.5))  # multiples of each load's power; negative ones feed


@dataclass(frozen=True)
class Circuit:
    """The feeder as read, and an engine that holds it."""

    feeder: Feeder
    engine: Any

    def loaded(self, seed: int) -> Feeder:
        """The feeder with random loads, and OpenDSS' voltages of these as its reference."""
        random, branches = np.random.default_rng(seed), self.feeder.branches
        multiple = random.uniform(*RANGES[seed % 2], (2, len(branches)))
        power, reactive = multiple * [branches.power_kw, branches.reactive_kvar]
        loads = self.engine.ActiveCircuit.Loads
        assert len(set(branches.name)) == len(branches)  # each load is of one phase
        for name, kw, kvar in zip(branches.name, -power, -reactive, strict=True):
            loads.Name = name
            loads.kW, loads.kvar = float(kw), float(kvar)
        solution = self.engine.ActiveCircuit.Solution
        solution.Solve()
        found = opendss.voltages(self.engine) if solution.Converged else None
        drawn = replace(branches, power_kw=power, reactive_kvar=reactive)
        return replace(self.feeder, branches=drawn, reference_v=found)


def circuit(data_folder: Path, commands: list[str]) -> Circuit:
    """The feeder with some commands after its files."""
    path = data_folder / "feeders" / "EPRI-ckt5" / "Master_ckt5.dss"
    return Circuit(opendss.read(path, commands=commands), opendss.opened(path, commands))


@pytest.fixture(scope="module")
def as_filed(data_folder: Path) -> Circuit:
    """Loads whose power jumps by 4 to 16 % where the voltage passes 0.95 or 1.05 pu."""
    return circuit(data_folder, [])


@pytest.fixture(scope="module")
def without_jumps(data_folder: Path) -> Circuit:
    """The same loads with windows that no voltage leaves: there is one solution."""
    return circuit(data_folder, WIDE)


def compared(feeder: Feeder) -> BaseCase:
    """The comparison of a feeder."""
    found = base_case.compared(feeder).base_case
    assert found is not None
    return found


def test_the_base_case_agrees_at_every_node(as_filed: Circuit):
    assert len(as_filed.feeder.nodes) == 3437
    assert compared(as_filed.feeder).worst_pu < SAME_PU


def test_random_loads_agree_at_every_node(without_jumps: Circuit):
    for seed in range(SEEDS):
        loaded = without_jumps.loaded(seed)
        assert loaded.reference_v is not None
        assert compared(loaded).worst_pu < SAME_PU, seed


def test_loads_that_jump_agree_or_are_named_as_having_two_solutions(as_filed: Circuit):
    """Where OpenDSS finds none, its iteration goes to and fro over a jump, and so does ours."""
    alike = 0
    for seed in range(SEEDS):
        loaded = as_filed.loaded(seed)
        if loaded.reference_v is None:
            anything = replace(loaded, reference_v=loaded.base_v + 0j)
            assert not np.isfinite(compared(anything).worst_pu), seed
            continue
        case = compared(loaded)
        assert case.worst_pu < SAME_PU or case.jumps, seed
        alike += case.worst_pu < SAME_PU
    assert alike >= 0.7 * SEEDS
