"""One way to solve a program of any size: HiGHS while it is small, the interior point beyond."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.engine import interior_point, reference
from evergrid.engine.certificate import Dual, certify
from evergrid.engine.parts import Part, part, roots, trees
from evergrid.engine.program import Program, energy_path, net_power
from evergrid.engine.reference import Relaxation
from evergrid.engine.solution import Solution, failed

Method = Literal["auto", "highs", "interior_point"]

SMALL_SLOTS = 60_000  # HiGHS needs a second or two for as many
BATCH_SLOTS = 3_000_000  # independent trees are solved in batches of about so many, for memory
TOLERANCE = 1e-6  # kW or kWh by which a schedule may break a limit


def solve(
    program: Program,
    *,
    method: Method = "auto",
    gap: float = 1e-6,
    smooth: bool = False,
    branch: bool = True,
    time_limit_s: float = 600.0,
) -> Solution:
    """The least-cost schedule, with its certificate.

    Args:
        program: What to solve.
        method: "highs" for an exact vertex, "interior_point" for large fleets, or "auto".
        gap: Largest relative gap that counts as optimal.
        smooth: Among schedules of equal cost, prefer the one whose total power moves least. The
            interior point answers ties with their middle anyway.
        branch: Search for better directions, for some seconds, where wasting energy pays; only
            HiGHS does.
        time_limit_s: For the whole solve.

    Raises:
        InputError: The interior point is asked for prices on peaks or net meters.
    """
    if chosen(program, method) == "highs":
        return reference.solve(
            program, smooth=smooth, branch=branch, gap=gap, time_limit_s=time_limit_s
        )
    return _interior(program, gap, time_limit_s)


def chosen(program: Program, method: Method) -> Literal["highs", "interior_point"]:
    """The method that solves the program.

    Raises:
        InputError: The interior point is asked for prices on peaks or net meters.
    """
    covers = interior_point.supports(program)
    if method == "interior_point" and not covers:
        rule = "be highs where a group has a price on its peak or its meter"
        fault = Fault("method", rule, got=(method,), fix="Choose auto.")
        raise InputError("solve", [fault])
    if method == "auto":
        large = program.slots > SMALL_SLOTS
        return "interior_point" if large and covers else "highs"
    return method


def relax(program: Program, *, method: Method = "auto", time_limit_s: float = 600.0) -> Relaxation:
    """Serve what can be served: least shortfall of owed energy under every limit.

    Large programs are first solved as they are, and only the trees without a schedule relaxed.
    """
    if chosen(program, method) == "highs":
        return reference.relax(program, time_limit_s=time_limit_s)
    deadline = time.perf_counter() + time_limit_s
    _, solved = _iterate(program, 1e-3, deadline)
    shortfall, excess = np.zeros(program.units), np.zeros((program.groups, program.steps))
    limiting = np.zeros((program.groups, program.steps), bool)
    owed, low, high = (
        array.copy() for array in (program.energy_end, program.net_low, program.net_high)
    )
    for piece in _unsolved(program, solved):
        found = reference.relax(piece.program, time_limit_s=time_limit_s)
        shortfall[piece.units], excess[piece.groups] = found.shortfall_kwh, found.excess_kw
        limiting[piece.groups] = found.limiting
        owed[piece.units] = found.program.energy_end
        low[piece.groups], high[piece.groups] = found.program.net_low, found.program.net_high
    eased = replace(program, energy_end=owed, net_low=low, net_high=high)
    return Relaxation(eased, shortfall, excess, limiting)


def _interior(program: Program, gap: float, time_limit_s: float) -> Solution:
    begun = time.perf_counter()
    deadline = begun + time_limit_s
    found, solved = _iterate(program, gap, deadline)
    solved &= _kept(program, found.power_kw)
    if not solved.all() and time.perf_counter() < deadline:
        found = _mend(program, found, solved, deadline)
        if found is None:
            return failed(program, Status.INFEASIBLE, time.perf_counter() - begun)
    certificate = certify(program, found.power_kw, found.dual)
    taken_s = time.perf_counter() - begun
    if max(certificate.power_kw, certificate.energy_kwh, certificate.group_kw) > TOLERANCE:
        late = time.perf_counter() >= deadline
        return failed(program, Status.TIME_LIMIT if late else Status.NUMERICAL, taken_s)
    status = Status.OPTIMAL if certificate.gap <= gap else Status.FEASIBLE
    return replace(found, status=status, certificate=certificate, solve_s=taken_s)


def _kept(program: Program, power_kw: Float[Array, " slot"]) -> Bool[Array, " group"]:
    """Whether the schedule keeps every limit in each group's tree."""
    net, energy = net_power(program, power_kw), energy_path(program, power_kw)
    over = np.maximum(program.net_low - net, net - program.net_high).max(axis=1)
    outside = np.maximum(program.energy_floor - energy, energy - program.energy_high[program.unit])
    np.maximum.at(over, program.group[program.unit], outside)
    root = roots(program)
    worst = np.full(program.groups, -np.inf)
    np.maximum.at(worst, root, over)
    return (worst <= TOLERANCE)[root]


def _iterate(
    program: Program, gap: float, deadline: float
) -> tuple[Solution, Bool[Array, " group"]]:
    """The interior point on every batch of trees, and which groups' trees it solved."""
    whole = failed(program, Status.FEASIBLE, 0.0)
    power, value = whole.power_kw, whole.dual.energy_value
    price, limit_price = (np.zeros((program.groups, program.steps)) for _ in range(2))
    solved = np.zeros(program.groups, bool)
    iterations = 0
    for piece in _batches(program):
        found = interior_point.minimise(piece.program, gap=gap, deadline=deadline)
        power[piece.slots], value[piece.slots] = found.power_kw, found.dual.energy_value
        price[piece.groups], limit_price[piece.groups] = found.dual.power_price, found.limit_price
        solved[piece.groups] = found.solved
        iterations = max(iterations, found.iterations)
    dual = Dual(value, price)
    made = replace(whole, power_kw=power, dual=dual, limit_price=limit_price, iterations=iterations)
    return made, solved


def _batches(program: Program) -> Iterator[Part]:
    """The program in batches of whole trees, none much larger than a batch should be."""
    root = roots(program)
    slots = np.bincount(root[program.group], program.stop - program.first, program.groups)
    batch = (np.cumsum(slots) // BATCH_SLOTS).astype(np.int64)
    for number in np.unique(batch[program.parent < 0]):
        yield part(program, np.flatnonzero(batch[root] == number))


def _unsolved(program: Program, solved: Bool[Array, " group"]) -> Iterator[Part]:
    """Each tree without a solution as a program of its own."""
    for groups in trees(program):
        if not solved[groups].all():
            yield part(program, groups)


def _mend(
    program: Program, found: Solution, solved: Bool[Array, " group"], deadline: float
) -> Solution | None:
    """HiGHS on the trees that the interior point left; None when one has no schedule."""
    for piece in _unsolved(program, solved):
        left_s = max(deadline - time.perf_counter(), 0.01)
        exact = reference.solve(piece.program, branch=False, time_limit_s=left_s)
        if exact.status is Status.INFEASIBLE:
            return None
        if exact.status.good:
            _put(found, piece, exact)
    return found


def _put(found: Solution, piece: Part, exact: Solution) -> None:
    """Write the solution of a part into the whole's arrays."""
    rows = piece.groups
    found.power_kw[piece.slots] = exact.power_kw
    found.dual.energy_value[piece.slots] = exact.dual.energy_value
    found.dual.power_price[rows] = exact.dual.power_price
    found.limit_price[rows] = exact.limit_price
