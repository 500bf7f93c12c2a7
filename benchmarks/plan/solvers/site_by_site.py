"""HiGHS on each independent tree of nodes by itself, spread over all cores.

Trees are cut and processes forked before the clock starts, so that only solving, certifying and
collecting is timed. A process inherits the trees, nothing is sent to it but a number.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.plan import memory
from benchmarks.plan.solvers.outcome import Outcome
from evergrid.core.arrays import Array, Float
from evergrid.core.status import Status
from evergrid.engine import parts, reference
from evergrid.engine.certificate import Certificate
from evergrid.engine.parts import Part
from evergrid.engine.program import Program

CHUNKS_PER_CORE = 16  # enough that no core waits long for another at the end
WORST_FIRST = (
    Status.INFEASIBLE,
    Status.NUMERICAL,
    Status.TIME_LIMIT,
    Status.FEASIBLE,
    Status.OPTIMAL,
)


@dataclass
class _Inherited:
    """What a forked process finds in place."""

    trees: list[Part]
    start_mb: float = 0.0


_inherited = _Inherited([])


@dataclass(frozen=True)
class _Solved:
    status: Status
    power_kw: Float[Array, " slot"]
    certificate: Certificate | None
    process: int
    grown_mb: float


def ready(program: Program, limit_s: float) -> Callable[[], Outcome]:
    """Trees cut and processes waiting; the returned call solves and ends them."""
    _inherited.trees = parts.split(program)
    cores = len(os.sched_getaffinity(0))
    pool = multiprocessing.get_context("fork").Pool(cores, initializer=_start)
    pool.map(abs, range(cores))  # returns once the processes run

    def solve() -> Outcome:
        deadline = time.perf_counter() + limit_s
        tasks = [(i, deadline) for i in range(len(_inherited.trees))]
        chunk = max(1, len(tasks) // (cores * CHUNKS_PER_CORE))
        with pool:
            solved = pool.starmap(_solve, tasks, chunksize=chunk)
        parts.power(program, _inherited.trees, [item.power_kw for item in solved])
        return _together(program, solved)

    return solve


def _start() -> None:
    memory.reset_peak()
    _inherited.start_mb = memory.now_mb()


def _solve(tree: int, deadline: float) -> _Solved:
    program = _inherited.trees[tree].program
    left_s = deadline - time.perf_counter()
    status, power_kw, certificate = Status.TIME_LIMIT, np.zeros(program.slots), None
    if left_s > 0:
        solution = reference.solve(program, algorithm="simplex", time_limit_s=left_s)
        status, power_kw, certificate = solution.status, solution.power_kw, solution.certificate
    grown_mb = memory.peak_mb() - _inherited.start_mb
    return _Solved(status, power_kw, certificate, os.getpid(), grown_mb)


def _together(program: Program, solved: list[_Solved]) -> Outcome:
    """What is proven of the whole: costs and bounds of independent trees add up."""
    grown: dict[int, float] = {}
    for item in solved:
        grown[item.process] = max(grown.get(item.process, 0.0), item.grown_mb)
    return Outcome(
        status=min((item.status for item in solved), key=WORST_FIRST.index),
        certificate=_sum(program, [item.certificate for item in solved]),
        workers_mb=sum(grown.values()),
    )


def _sum(program: Program, own: list[Certificate | None]) -> Certificate | None:
    proven = [certificate for certificate in own if certificate is not None]
    if len(proven) < len(own):
        return None
    return Certificate(
        objective=sum(c.objective for c in proven) + program.constant,
        bound=sum(c.bound for c in proven) + program.constant,
        power_kw=max(c.power_kw for c in proven),
        energy_kwh=max(c.energy_kwh for c in proven),
        node_kw=max(c.node_kw for c in proven),
    )
