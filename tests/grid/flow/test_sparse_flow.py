"""Sparse factors give the voltages that the dense impedance gives."""

from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow import power_flow, sparse_flow
from tests.grid.cases import street


@pytest.fixture(scope="module", params=["ieee13", "street"])
def feeder(
    request: pytest.FixtureRequest, ieee13: Feeder, tmp_path_factory: pytest.TempPathFactory
):
    if request.param == "ieee13":
        return ieee13
    return opendss.read(street(tmp_path_factory.mktemp("street")))


def powers(feeder: Feeder, scenarios: int) -> tuple[np.ndarray, np.ndarray]:
    share = np.random.default_rng(0).uniform(-0.5, 1.2, (scenarios, len(feeder.branches)))
    return share * feeder.branches.power_kw, share * feeder.branches.reactive_kvar


def test_both_solvers_find_the_same_voltages(feeder: Feeder):
    power, reactive = powers(feeder, 50)
    dense = power_flow.solve(power_flow.reduce(feeder), power, reactive, tolerance_pu=1e-11)
    network = sparse_flow.reduce(feeder)
    for tolerance in (1e-6, 1e-9):
        found = sparse_flow.solve(network, power, reactive, tolerance_pu=tolerance)
        assert found.settled.all()
        assert np.abs(found.voltage_pu - dense.voltage_pu).max() <= 2 * tolerance


def test_loads_that_answer_to_voltage_answer_alike(feeder: Feeder):
    share = np.random.default_rng(1).uniform(0.3, 1.2, (20, len(feeder.branches)))
    nothing = np.zeros_like(share)
    dense = power_flow.solve(
        power_flow.reduce(feeder), nothing, nothing, load_share=share, tolerance_pu=1e-11
    )
    found = sparse_flow.solve(
        sparse_flow.reduce(feeder), nothing, nothing, load_share=share, tolerance_pu=1e-9
    )
    assert np.abs(found.voltage_pu - dense.voltage_pu).max() < 1e-8


def test_other_taps_are_another_network(ieee13: Feeder):
    power, reactive = powers(ieee13, 5)
    state = State((0, 3, -2), (True, False))
    dense = power_flow.solve(power_flow.reduce(ieee13, state=state), power, reactive)
    found = sparse_flow.solve(sparse_flow.reduce(ieee13, state=state), power, reactive)
    assert np.abs(found.voltage_pu - dense.voltage_pu).max() < 2e-6


def test_eliminating_nodes_keeps_the_factors_small(tmp_path: Path):
    chain = "\n".join(
        f"New Line.far{i} bus1={a} bus2=p{i} linecode=cable length=0.01"
        for i, a in enumerate(["c", *(f"p{k}" for k in range(29))])
    )
    chain += "\nNew Load.end bus1=p29.1 phases=1 kv=0.23 kw=1"
    feeder = opendss.read(street(tmp_path, chain))
    network = sparse_flow.reduce(feeder)
    assert len(network.diagonal) < 20 < len(feeder.nodes)
    assert network.lower.nnz + network.upper.nnz < 150


def test_what_does_not_settle_is_reported(feeder: Feeder):
    power, reactive = powers(feeder, 20)
    power[3] *= 200
    found = sparse_flow.solve(sparse_flow.reduce(feeder), power, reactive)
    assert np.flatnonzero(~found.settled).tolist() == [3]


def test_powers_that_are_no_numbers_are_refused(feeder: Feeder):
    power, reactive = powers(feeder, 2)
    power[0, 0] = np.inf
    with pytest.raises(InputError, match="power_kw must be finite"):
        sparse_flow.solve(sparse_flow.reduce(feeder), power, reactive)
