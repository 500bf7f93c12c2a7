"""The interior point in JAX, on every device that JAX sees, in batches that a device can hold."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.plan.solvers.outcome import Outcome
from evergrid.core.arrays import Array, Float
from evergrid.core.status import Status
from evergrid.engine import device, parts
from evergrid.engine.certificate import Dual, certify
from evergrid.engine.parts import Part
from evergrid.engine.program import Program

BATCH_SLOTS = 40_000_000  # about a million sessions of a day, some tens of GB on the devices


def ready(gap: float) -> Callable[[Program, float], Callable[[], Outcome]]:
    """The method that stops at this certified gap."""

    def of(program: Program, limit_s: float) -> Callable[[], Outcome]:
        return lambda: _solve(program, gap, time.perf_counter() + limit_s)

    return of


def platform() -> str:
    """Kind of the devices that JAX sees: cpu, gpu or tpu."""
    import jax

    return jax.default_backend()


def batches(program: Program, most: int = BATCH_SLOTS) -> Iterator[Part]:
    """Whole trees, together about so many slots at a time; a larger tree is not divided."""
    root = parts.roots(program)
    slots = np.bincount(root[program.node], program.stop - program.first, program.nodes)
    batch = (np.cumsum(slots) // most).astype(np.int64)
    for number in np.unique(batch[program.parent < 0]):
        yield parts.part(program, np.flatnonzero(batch[root] == number))


def _solve(program: Program, gap: float, deadline: float) -> Outcome:
    power_kw, dual, iterations = _minimised(program, gap, deadline)
    certificate = certify(program, power_kw, dual)
    if certificate.gap > gap and time.perf_counter() >= deadline:
        return Outcome(Status.TIME_LIMIT, None, iterations)
    status = Status.OPTIMAL if certificate.gap <= gap else Status.FEASIBLE
    return Outcome(status, certificate, iterations)


def _minimised(
    program: Program, gap: float, deadline: float
) -> tuple[Float[Array, " slot"], Dual, int]:
    """Powers, prices and the most iterations that a batch took."""
    if program.slots <= BATCH_SLOTS:
        made = device.minimise(program, gap=gap, deadline=deadline)
        return made.power_kw, made.dual, made.iterations
    power_kw, value = np.zeros((2, program.slots))
    price, of_budget = np.zeros((program.nodes, program.steps)), np.zeros(program.nodes)
    iterations = 0
    for piece in batches(program):
        made = device.minimise(piece.program, gap=gap, deadline=deadline)
        power_kw[piece.slots] = made.power_kw
        value[piece.slots], price[piece.nodes] = made.dual.energy_value, made.dual.power_price
        of_budget[piece.nodes] = made.dual.budget_price
        iterations = max(iterations, made.iterations)
    return power_kw, Dual(value, price, of_budget), iterations
