"""The adapters against stand-ins that take arrays as the packages' documentation says."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import optimize, sparse

from benchmarks.plan import machine
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.solvers import gpu_peers, registry
from benchmarks.plan.solvers.outcome import Outcome
from evergrid.core.status import Status
from evergrid.engine import reference
from evergrid.engine.program import Program

PROGRAM = FAMILIES["metered"](40, seed=1)


def solved(
    cost: np.ndarray, rows: Any, below: np.ndarray, above: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values and the cost of one more of each row, by SciPy."""
    equal = below == above
    low, high = np.isfinite(below) & ~equal, np.isfinite(above) & ~equal
    found = optimize.linprog(
        cost,
        A_eq=rows[equal],
        b_eq=below[equal],
        A_ub=sparse.vstack([-rows[low], rows[high]]),
        b_ub=np.concatenate([-below[low], above[high]]),
        bounds=bounds,
    )
    dual = np.zeros(len(below))
    dual[equal] = found.eqlin.marginals
    dual[low] -= found.ineqlin.marginals[: low.sum()]
    dual[high] += found.ineqlin.marginals[low.sum() :]
    return found.x, dual


Ready = Callable[[Program, float], Callable[[], Outcome]]


class Cupdlpx(ModuleType):
    """As python/cupdlpx/model.py of version 0.3 has it."""

    class Model:
        def __init__(
            self,
            c: np.ndarray,
            matrix: Any,
            row_lower: np.ndarray,
            row_upper: np.ndarray,
            lower: np.ndarray,
            upper: np.ndarray,
        ):
            assert isinstance(matrix, sparse.csr_matrix)
            self.given = (c, matrix.tocsr(), row_lower, row_upper, np.stack([lower, upper], axis=1))

        def setParams(self, **options: Any):  # noqa: N802
            assert set(options) == {"OutputFlag", "TimeLimit", "OptimalityTol", "FeasibilityTol"}

        def optimize(self):
            self.X, self.Pi = solved(*self.given)
            self.Status = "OPTIMAL"


class Cuopt(ModuleType):
    """As cuopt.linear_programming of version 26 has it."""

    class DataModel:
        def set_csr_constraint_matrix(
            self, values: np.ndarray, indices: np.ndarray, offsets: np.ndarray
        ):
            assert (indices.dtype, offsets.dtype) == (np.int32, np.int32)
            self.matrix = (values, indices, offsets)

        def set_objective_coefficients(self, values: np.ndarray):
            self.cost = values

        def set_constraint_lower_bounds(self, values: np.ndarray):
            self.below = values

        def set_constraint_upper_bounds(self, values: np.ndarray):
            self.above = values

        def set_variable_lower_bounds(self, values: np.ndarray):
            self.lower = values

        def set_variable_upper_bounds(self, values: np.ndarray):
            self.upper = values

    class SolverSettings:
        def set_parameter(self, name: str, value: float):
            assert name in ("time_limit", "log_to_console")

        def set_optimality_tolerance(self, value: float):
            assert value == gpu_peers.TOLERANCE

    class Solve:
        def __init__(self, model: "Cuopt.DataModel", settings: Any):
            rows = sparse.csr_array(model.matrix, shape=(len(model.below), len(model.cost)))
            bounds = np.stack([model.lower, model.upper], axis=1)
            self.found = solved(model.cost, rows, model.below, model.above, bounds)

        def get_termination_reason(self):
            return "Optimal"

        def get_primal_solution(self):
            return self.found[0]

        def get_dual_solution(self):
            return self.found[1]


@pytest.fixture(params=["cupdlpx", "cuopt"])
def peer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ready:
    monkeypatch.setitem(sys.modules, "cupdlpx", Cupdlpx("cupdlpx"))
    monkeypatch.setitem(sys.modules, "cuopt", ModuleType("cuopt"))
    monkeypatch.setitem(sys.modules, "cuopt.linear_programming", Cuopt("linear_programming"))
    return getattr(gpu_peers, request.param)


def test_an_answer_is_read_back_with_prices_that_prove_it(peer: Ready):
    found, exact = peer(PROGRAM, 10.0)(), reference.solve(PROGRAM)
    assert found.status is Status.OPTIMAL
    assert found.certificate is not None
    assert exact.certificate is not None
    assert found.certificate.gap < 1e-6
    assert max(found.certificate.energy_kwh, found.certificate.node_kw) < 1e-5
    assert found.certificate.objective == pytest.approx(exact.certificate.objective, rel=1e-6)


def test_a_status_that_is_not_known_is_no_answer(peer: Ready, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Cuopt.Solve, "get_termination_reason", lambda self: "IterationLimit")
    monkeypatch.setattr(gpu_peers, "CUPDLPX_STATUS", {})
    found = peer(PROGRAM, 10.0)()
    assert found.status is Status.NUMERICAL
    assert found.certificate is None


@pytest.mark.parametrize("name", registry.GPU_PEERS)
def test_what_is_missing_is_said_in_a_word(name: str, monkeypatch: pytest.MonkeyPatch):
    assert registry.SOLVERS[name].missing() == "not_installed"
    monkeypatch.setattr(registry, "find_spec", lambda package: package)
    monkeypatch.setattr(machine, "gpus", list)
    assert registry.SOLVERS[name].missing() == "no_gpu"
    monkeypatch.setattr(machine, "gpus", lambda: ["a GPU"])
    assert registry.SOLVERS[name].missing() == ""


def test_jax_beside_a_gpu_that_it_does_not_see_is_not_timed(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("jax")
    missing = registry.SOLVERS[registry.DEVICE].missing
    monkeypatch.setattr(machine, "gpus", list)
    assert missing() == ""
    monkeypatch.setattr(machine, "gpus", lambda: ["a GPU"])
    monkeypatch.setattr("benchmarks.plan.solvers.on_device.platform", lambda: "cpu")
    assert missing() == "jax_sees_no_gpu"


def test_a_matrix_beyond_32_bits_is_not_covered(monkeypatch: pytest.MonkeyPatch):
    assert gpu_peers.covers(PROGRAM)
    monkeypatch.setattr(gpu_peers, "MOST_ENTRIES", PROGRAM.slots)
    assert not gpu_peers.covers(PROGRAM)


def test_the_matrix_has_no_more_entries_than_is_assumed():
    linear = reference.linear_program(FAMILIES["negative_prices"](50, seed=1))
    assert linear.matrix.nnz < gpu_peers.ENTRIES_PER_SLOT * len(linear.draw)
