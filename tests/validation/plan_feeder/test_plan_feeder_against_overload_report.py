"""The plan of the built-in feeder passes nothing in OpenDSS' own report of overloads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.core import config
from evergrid.dispatch.network.feeder_check import FeederCheck
from evergrid.grid.feeder import opendss
from evergrid.studies import plan
from tests.grid.cases import IEEE13

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[3]
COMMANDS = [
    "batchedit load..* model=1 vminpu=0.3 vmaxpu=2 vlowpu=0.2",
    "set controlmode=off",
    # OpenDSS takes 1.1 times the kVA for normal unless it is told otherwise.
    "edit transformer.xfm1 normhkva=500 emerghkva=500",
    *(f"edit transformer.regulator_{p} normhkva=1666 emerghkva=1666" for p in "abc"),
]


@pytest.fixture(scope="module")
def made() -> plan.Result:
    """The example as it is published."""
    example = REPOSITORY / "examples" / "plan_feeder.toml"
    return plan.run(config.read(plan.Config, example), folder=example.parent)


def overloads(checked: FeederCheck, folder: Path) -> list[dict[str, float]]:
    """Percent of the normal rating of what OpenDSS reports overloaded in each step."""
    engine: Any = opendss.opened(IEEE13, COMMANDS)
    circuit, case = engine.ActiveCircuit, checked.limits.case
    names, found = case.branches.name, []
    for step, state in enumerate(case.state):
        network = case.networks[state]
        for regulator, tap in zip(network.feeder.regulators, network.state.tap, strict=True):
            moved = f"transformer.{regulator.name}.wdg=2 tap={1.0 + tap * regulator.step}"
            engine.Text.Command = moved
        for bank, on in zip(network.feeder.capacitors, network.state.connected, strict=True):
            engine.Text.Command = f"capacitor.{bank.name}.states=[{int(on)}]"
        for name in dict.fromkeys(names):
            circuit.Loads.Name = name
            circuit.Loads.kW = -float(checked.power_kw[step, names == name].sum())
            circuit.Loads.kvar = -float(case.base_kvar[names == name, step].sum())
        circuit.Solution.Solve()
        assert circuit.Solution.Converged
        report = folder / f"overloads_{step}.csv"
        engine.Text.Command = f'export overloads file="{report}"'
        head, *rows = [
            [cell.strip(' "').lower() for cell in line.split(",")]
            for line in report.read_text().splitlines()
            if line.strip()
        ]
        found.append({row[0]: float(row[head.index("%normal")]) for row in rows})
    return found


def test_the_plan_overloads_nothing_and_the_one_without_network_limits_does(
    made: plan.Result, tmp_path: Path
):
    assert made.findings.feeder is not None
    held = made.findings.feeder.plans["v2g"]
    assert held.check.holds
    of_plan = overloads(held.check, tmp_path)
    assert len(of_plan) == 96
    assert sum(len(rows) for rows in of_plan) == 0
    of_first = overloads(held.first_check, tmp_path)
    named = {name for rows in of_first for name in rows}
    assert "transformer.xfm1" in named


def test_the_fullest_phase_of_each_step_is_the_one_opendss_finds(made: plan.Result, tmp_path: Path):
    """Its report tells the fullest phase of the first winding; only of what is overloaded."""
    assert made.findings.feeder is not None
    checked = made.findings.feeder.plans["v2g"].first_check
    transformers = checked.limits.case.feeder.transformers
    watched = checked.limits.evaluator.monitored[0].winding
    xfm1 = transformers.name.tolist().index("xfm1")
    first = (transformers.winding[watched] == 1) & (transformers.currents.element[watched] == xfm1)
    ours = checked.transformers.phase[:, first].max(axis=1)
    assert (ours > 1.3).any()
    for told, mine in zip(overloads(checked, tmp_path), ours, strict=True):
        if mine > 1.0:
            assert told["transformer.xfm1"] == pytest.approx(100 * mine, abs=0.06)
        else:
            assert "transformer.xfm1" not in told


def test_no_winding_carries_more_than_it_is_rated_for(made: plan.Result):
    assert made.findings.feeder is not None
    for strategy in ("v2g", "smart"):
        checked = made.findings.feeder.plans[strategy].check
        assert np.isfinite(checked.transformers.phase).all()
        assert checked.transformers.phase.max() <= 1.0
