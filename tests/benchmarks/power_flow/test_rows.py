"""What is timed is the same work on both sides."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.power_flow import __main__ as bench
from evergrid.grid.feeder import opendss
from evergrid.grid.flow import power_flow
from tests.grid.cases import street


def test_opendss_steps_through_the_same_powers_as_ours(tmp_path: Path):
    path = street(tmp_path)
    feeder = opendss.read(path)
    multiple = bench.drawn(feeder, (-2.0, 2.0), 5)
    power, reactive = bench.of_loads(feeder, multiple)
    flow = power_flow.solve(power_flow.reduce(feeder), power, reactive, tolerance_pu=1e-9)
    step = bench.opendss_steps(path, feeder, multiple)
    seen: list[np.ndarray] = []
    original = opendss.voltages
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opendss, "voltages", lambda engine: seen.append(original(engine)))
        step()
    at = feeder.branches.node
    theirs = np.array(seen)[:, at] / feeder.base_v[at]
    assert np.abs(theirs - flow.voltage_pu).max() < 1e-5


def test_the_solver_in_jax_is_timed_alone_on_whatever_jax_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bench, "FEEDERS", {"street": (street(tmp_path).name, (-2.0, 2.0), 0, 0)})
    monkeypatch.setattr(bench, "ROUNDS", 1)
    (row,) = bench.on_devices(tmp_path, {"street": 100})
    assert (row.feeder, row.scenarios) == ("street", 100)
    assert min(row.per_second, row.evaluated_per_second) > 0
    assert row.error_pu < bench.TOLERANCE_PU


def test_no_dense_impedance_is_timed_on_a_large_feeder(tmp_path: Path):
    feeder = opendss.read(street(tmp_path))
    assert bench.solvers(feeder) == ["dense", "dense in JAX", "sparse"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "MOST_DENSE", 3)
        assert bench.solvers(feeder) == ["sparse"]
