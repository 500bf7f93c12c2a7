"""Voltages of published feeders against two engines of OpenDSS."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import monitored, power_flow
from evergrid.grid.flow.power_flow import Network

pytestmark = pytest.mark.data

TOLERANCE_PU = 1e-7
FEEDERS = {
    "ieee13": "13Bus/IEEE13Nodeckt.dss",
    "ieee34mod1": "34Bus/ieee34Mod1.dss",
    "ieee123": "123Bus/IEEE123Master.dss",
    "eulv": "LVTestCase/Master.dss",
    "ieee8500_balanced": "8500-Node/Master.dss",
    "ieee8500_unbalanced": "8500-Node/Master-unbal.dss",
}


@pytest.fixture(scope="module", params=FEEDERS)
def case(request: pytest.FixtureRequest, data_folder: Path) -> tuple[Network, pl.DataFrame]:
    """A feeder reduced, and its reference voltages."""
    folder = data_folder / "feeders"
    feeder = opendss.read(folder / FEEDERS[request.param])
    reference = pl.read_csv(
        folder / f"reference/{request.param}_voltages.csv", schema_overrides={"node": pl.String}
    )
    return power_flow.reduce(feeder), reference


def magnitudes(network: Network, flow: power_flow.Flow, power: np.ndarray) -> np.ndarray:
    """Voltage of every node."""
    current = np.conj(power / flow.voltage_pu[0])
    return np.abs(monitored.node_voltages(network).of(current))


def expected(feeder: Feeder, reference: pl.DataFrame, column: str) -> np.ndarray:
    """Reference voltages in the order of the feeder's nodes."""
    values = dict(zip(reference["node"].str.to_lowercase(), reference[column], strict=True))
    return np.array([values[name] for name in feeder.node_name])


def test_constant_power_agrees_at_every_node(case: tuple[Network, pl.DataFrame]):
    network, reference = case
    branches = network.branches
    power, reactive = branches.power_kw[None], branches.reactive_kvar[None]
    flow = power_flow.solve(network, power, reactive, tolerance_pu=1e-10)
    ours = magnitudes(network, flow, power[0] + 1j * reactive[0])
    theirs = expected(network.feeder, reference, "constpq_mag_pu")
    assert flow.settled.all()
    assert np.abs(ours - theirs).max() < TOLERANCE_PU


def test_loads_that_answer_to_voltage_agree_at_their_branches(case: tuple[Network, pl.DataFrame]):
    network, reference = case
    nothing = np.zeros((1, len(network.branches)))
    flow = power_flow.solve(network, nothing, nothing, load_share=nothing + 1, tolerance_pu=1e-10)
    grounded = network.branches.other < 0
    ours = np.abs(flow.voltage_pu[0][grounded])
    theirs = expected(network.feeder, reference, "native_mag_pu")[network.branches.node[grounded]]
    assert flow.settled.all()
    assert np.abs(ours - theirs).max() < TOLERANCE_PU
