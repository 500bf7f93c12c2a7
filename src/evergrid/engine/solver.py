"""One way to solve a program of any size: HiGHS while it is small, the interior point beyond."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError, SolveError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.engine import cluster, device, interior_point, reference, relaxation
from evergrid.engine.certificate import TOLERANCE, Certificate, certify, together
from evergrid.engine.interior_point import Iterate, Tell, untold
from evergrid.engine.parts import Part, part, pick, roots, rows_by, trees
from evergrid.engine.program import Program
from evergrid.engine.repair import earliest, kept, towards
from evergrid.engine.solution import Guess, Relaxation, Solution, failed

Method = Literal["auto", "highs", "interior_point", "device", "cluster"]
Chosen = Literal["highs", "interior_point", "device", "cluster"]

SMALL_SLOTS = 60_000  # HiGHS needs a second or two for as many
BATCH_SLOTS = 4e6  # independent trees are solved in batches of about so many, for memory
SQUARES_PER_SLOT = 15  # squared steps of a group take as much memory as one slot


def solve(
    program: Program,
    *,
    method: Method = "auto",
    gap: float = 1e-6,
    smooth: bool = False,
    branch: bool = True,
    time_limit_s: float = 600.0,
    zones: int | None = None,
    guess: Guess | None = None,
    tell: Tell = untold,
) -> Solution:
    """The least-cost schedule, with its certificate.

    Args:
        program: What to solve.
        method: "highs" for an exact vertex; "interior_point" for large fleets, the same on the
            "device"s that JAX sees, or by the workers of a "cluster"; "auto" takes one of the
            first two by size.
        gap: Largest relative gap that counts as optimal.
        smooth: Among schedules of equal cost, prefer the one whose total power moves least. The
            interior point answers ties with their middle anyway.
        branch: Search for better directions, for some seconds, where wasting energy pays; only
            HiGHS does.
        time_limit_s: For the whole solve. The interior point then returns the best it can make
            keep every limit, with its gap.
        zones: Workers of a cluster to use at most; all by default.
        guess: Where the interior point begins, from a plan for nearly the same program; see
            `warm_start.carried`. A cluster does not use it.
        tell: Called by the interior point with the iteration reached and the gap there.

    Raises:
        InputError: The method does not cover the program, or its packages are not installed.
    """
    method = chosen(program, method)
    if method == "highs":
        return reference.solve(
            program, smooth=smooth, branch=branch, gap=gap, time_limit_s=time_limit_s
        )
    return _interior(program, _Way(method, gap, zones, tell), time_limit_s, guess)


def chosen(program: Program, method: Method) -> Chosen:
    """The method that solves the program.

    Raises:
        InputError: The method does not cover the program.
    """
    covers = interior_point.supports(program)
    if method == "auto":
        large = program.slots > SMALL_SLOTS
        return "interior_point" if large and covers else "highs"
    if method != "highs" and not covers:
        rule = "be highs where a net meter pays for drawing, or wires are shared"
        raise InputError("solve", [Fault("method", rule, got=(method,), fix="Choose auto.")])
    return method


@dataclass(frozen=True)
class _Way:
    """Where and how far the interior point iterates."""

    method: Chosen
    gap: float
    zones: int | None
    tell: Tell

    def minimise(self, program: Program, deadline: float, guess: Guess | None) -> Iterate:
        """One batch of trees."""
        gap, tell = self.gap, self.tell
        if self.method == "device":
            return device.minimise(program, gap=gap, deadline=deadline, guess=guess, tell=tell)
        if self.method == "cluster":
            return cluster.minimise(
                program, gap=gap, deadline=deadline, zones=self.zones, tell=tell
            )
        return interior_point.minimise(program, gap=gap, deadline=deadline, guess=guess, tell=tell)

    def telling(self, done: float, share: float) -> "_Way":
        """The same for a batch that is this share of all slots, after others that are done.

        What it tells is the geometric mean over all slots, where those that wait count as 1.
        """

        def tell(iteration: int, gap: float) -> None:
            self.tell(iteration, self.gap**done * max(gap, self.gap) ** share)

        return replace(self, tell=tell if share < 1.0 else self.tell)

    @property
    def batch_slots(self) -> float:
        """How much is solved at a time; a cluster divides the whole itself."""
        return np.inf if self.method == "cluster" else float(BATCH_SLOTS)


def relax(program: Program, *, method: Method = "auto", time_limit_s: float = 600.0) -> Relaxation:
    """Serve what can be served: least shortfall of owed energy under every limit and budget.

    Raises:
        SolveError: What must give way was not found in the time allowed, or precision was lost.
    """
    if chosen(program, method) == "highs":
        return reference.relax(program, time_limit_s=time_limit_s)
    every = np.ones(program.groups, bool)
    deadline = time.perf_counter() + time_limit_s
    found, _, solved = _relaxed(program, every, deadline)
    if not solved.all():
        late = time.perf_counter() >= deadline
        raise SolveError(Status.TIME_LIMIT if late else Status.NUMERICAL)
    return found


def _interior(program: Program, way: _Way, time_limit_s: float, guess: Guess | None) -> Solution:
    begun = time.perf_counter()
    deadline = begun + time_limit_s
    found, solved = _iterate(program, way, deadline, guess)
    solved &= kept(program, found.power_kw)
    solved_at_once = bool(solved.all())
    relaxation = None
    if not solved.all() and time.perf_counter() < deadline:
        relaxation = _mend(program, found, solved, deadline)
        if relaxation is not None and relaxation.needed:
            taken_s = time.perf_counter() - begun
            return failed(program, Status.INFEASIBLE, taken_s, relaxation)
    if not solved.all():
        _hurry(program, found, solved)
    certificate = found.certificate if solved_at_once else None
    certificate = certificate or certify(program, found.power_kw, found.dual)
    taken_s = time.perf_counter() - begun
    if max(certificate.power_kw, certificate.energy_kwh, certificate.group_kw) > TOLERANCE:
        late = time.perf_counter() >= deadline
        return failed(program, Status.TIME_LIMIT if late else Status.NUMERICAL, taken_s)
    status = Status.OPTIMAL if certificate.gap <= way.gap else Status.FEASIBLE
    return replace(found, status=status, certificate=certificate, solve_s=taken_s)


def _iterate(
    program: Program, way: _Way, deadline: float, guess: Guess | None
) -> tuple[Solution, Bool[Array, " group"]]:
    """The interior point on every batch of trees, and which groups' trees it solved."""
    whole = failed(program, Status.FEASIBLE, 0.0)
    solved = np.zeros(program.groups, bool)
    iterations, done = 0, 0.0
    proofs: list[Certificate | None] = []
    for piece in _batches(program, most=way.batch_slots):
        begin = None if guess is None else guess.of(piece)
        share = len(piece.slots) / max(program.slots, 1)
        found = way.telling(done, share).minimise(piece.program, deadline, begin)
        done += share
        _put(whole, piece, found)
        solved[piece.groups] = found.solved
        iterations = max(iterations, found.iterations)
        proofs.append(found.certificate)
    proof = together(proofs, program.constant)
    return replace(whole, iterations=iterations, certificate=proof), solved


def _batches(
    program: Program, wanted: Bool[Array, " group"] | None = None, *, most: float | None = None
) -> Iterator[Part]:
    """Whole trees, all or those that are wanted, in batches none much larger than one should be."""
    root = roots(program)
    slots = np.bincount(root[program.group], program.stop - program.first, program.groups)
    squares = np.bincount(root, minlength=program.groups) * program.steps**2
    weight = slots + squares / SQUARES_PER_SLOT
    batch = (np.cumsum(weight) // (most or BATCH_SLOTS)).astype(np.int64)
    batch[~((program.parent < 0) & (True if wanted is None else wanted))] = -1
    numbers = np.unique(batch[batch >= 0])
    of_group = batch[root]
    if len(numbers) == 1 and (of_group >= 0).all():
        yield part(program, np.arange(program.groups))
        return
    unit_rows = rows_by(of_group[program.group], numbers)
    for groups, units in zip(rows_by(of_group, numbers), unit_rows, strict=True):
        yield pick(program, groups, units)


def _mend(
    program: Program, found: Solution, solved: Bool[Array, " group"], deadline: float
) -> Relaxation | None:
    """Solve the trees that the interior point left: HiGHS the small ones, by relaxation the rest.

    ``solved`` is brought up to date. What comes back says what must give way, where it was asked.
    """
    wide = solved.copy()
    for groups in trees(program):
        piece = part(program, groups)
        if solved[groups].all():
            continue
        if piece.program.slots > SMALL_SLOTS:
            wide[groups] = False
            continue
        left_s = max(deadline - time.perf_counter(), 0.01)
        exact = reference.solve(piece.program, branch=False, time_limit_s=left_s)
        if exact.status.good:
            _put(found, piece, exact)
        solved[groups] = exact.status.good
        wide[groups] = exact.status is not Status.INFEASIBLE
    if wide.all():
        return None
    relaxation, power_kw, _ = _relaxed(program, ~wide, deadline)
    mixed = towards(program, found.power_kw, power_kw)
    again = ~wide & kept(program, mixed)
    at = again[program.group][program.unit]
    found.power_kw[at] = mixed[at]
    solved |= again
    return relaxation


def _relaxed(
    program: Program, wanted: Bool[Array, " group"], deadline: float
) -> tuple[Relaxation, Float[Array, " slot"], Bool[Array, " group"]]:
    """What must give way in these trees, a schedule of theirs once it has, and which were solved.

    Of a tree that was not solved nothing is known, so nothing of it is said to give way.
    """
    shortfall, excess = np.zeros(program.units), np.zeros((program.groups, program.steps))
    limiting = np.zeros((program.groups, program.steps), bool)
    overdraft, exhausted = np.zeros(program.groups), np.zeros(program.groups, bool)
    power_kw, solved = np.zeros(program.slots), ~wanted
    owed, low, high, budget = (
        array.copy()
        for array in (program.energy_end, program.net_low, program.net_high, program.budget)
    )
    for batch in _batches(program, wanted):
        made = relaxation.relax(batch.program, deadline=deadline)
        found, known = made.relaxation, made.solved
        power_kw[batch.slots], solved[batch.groups] = made.power_kw, known
        units, groups = batch.units[known[batch.program.group]], batch.groups[known]
        shortfall[units] = found.shortfall_kwh[known[batch.program.group]]
        owed[units] = found.program.energy_end[known[batch.program.group]]
        excess[groups], limiting[groups] = found.excess_kw[known], found.limiting[known]
        overdraft[groups], exhausted[groups] = found.excess_kwh[known], found.exhausted[known]
        low[groups], high[groups] = found.program.net_low[known], found.program.net_high[known]
        budget[groups] = found.program.budget[known]
    eased = replace(program, energy_end=owed, net_low=low, net_high=high, budget_kwh=budget)
    made = Relaxation(eased, shortfall, excess, limiting, overdraft, exhausted)
    return made, power_kw, solved


def _hurry(program: Program, found: Solution, solved: Bool[Array, " group"]) -> None:
    """The best that is at hand for trees without a solution: what was found, made to keep limits.

    It is mixed with a plan that charges early, so nothing is gained where that breaks limits too.
    """
    safe = np.where(solved[program.group][program.unit], found.power_kw, earliest(program))
    found.power_kw[:] = towards(program, found.power_kw, safe)


def _put(found: Solution, piece: Part, of_part: Solution | Iterate) -> None:
    """Write the solution of a part into the whole's arrays."""
    rows = piece.groups
    found.power_kw[piece.slots] = of_part.power_kw
    found.dual.energy_value[piece.slots] = of_part.dual.energy_value
    found.dual.power_price[rows] = of_part.dual.power_price
    found.dual.budget_price[rows] = of_part.dual.budget_price
    found.limit_price[rows] = of_part.limit_price
