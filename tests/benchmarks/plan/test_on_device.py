import time

import numpy as np
import pytest

from benchmarks.plan.families import FAMILIES
from benchmarks.plan.solvers import on_device
from evergrid.core.status import Status
from evergrid.engine import parts

pytest.importorskip("jax")


def test_batches_hold_every_slot_once_and_only_whole_trees():
    program = FAMILIES["all_congested"](600, seed=1)
    pieces = list(on_device.batches(program, most=5000))
    slots = np.concatenate([piece.slots for piece in pieces])
    assert len(pieces) > 1
    assert np.array_equal(np.sort(slots), np.arange(program.slots))
    roots = parts.roots(program)
    assert sum(len(np.unique(roots[piece.nodes])) for piece in pieces) == len(np.unique(roots))


@pytest.mark.slow
def test_a_fleet_in_batches_is_planned_as_well_as_whole(monkeypatch: pytest.MonkeyPatch):
    program = FAMILIES["home"](100, seed=1)
    whole = on_device.ready(1e-3)(program, 60.0)()
    monkeypatch.setattr(on_device, "BATCH_SLOTS", program.slots // 2)
    batched = on_device.ready(1e-3)(program, 60.0)()
    assert whole.status is batched.status is Status.OPTIMAL
    assert whole.certificate is not None
    assert batched.certificate is not None
    assert batched.certificate.node_kw < 1e-6
    assert batched.certificate.objective == pytest.approx(whole.certificate.objective, rel=2e-3)


def test_without_time_there_is_no_answer():
    program = FAMILIES["home"](50, seed=1)
    found = on_device._solve(program, 1e-3, time.perf_counter())
    assert found.status is Status.TIME_LIMIT
    assert found.certificate is None
