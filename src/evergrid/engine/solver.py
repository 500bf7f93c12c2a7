"""One way to solve a program of any size: HiGHS while it is small, the interior point beyond."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError, SolveError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.engine import device, reference, search
from evergrid.engine.certificate import (
    Certificate,
    certify,
    together,
    tree_bounds,
    tree_costs,
)
from evergrid.engine.cluster import actors
from evergrid.engine.feasibility import least_violation
from evergrid.engine.feasibility.repair import earliest, kept, towards
from evergrid.engine.interior_point import interior_point
from evergrid.engine.interior_point.held import held_run, layout
from evergrid.engine.interior_point.interior_point import Iterate
from evergrid.engine.parts import Part, part, pick, roots, rows_by, trees
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap
from evergrid.engine.solution import Guess, Relaxation, Solution, failed
from evergrid.engine.uncoupled import solve as uncoupled

Method = Literal["auto", "highs", "interior_point", "device", "cluster"]
Chosen = Literal["highs", "interior_point", "device", "cluster"]

SMALL_SLOTS = 60_000  # HiGHS needs a second or two for as many
SMALL_HELD_SLOTS = 20_000  # the same where capacity is held, holders counted
BATCH_SLOTS = 4e6  # independent trees are solved in batches of about so many, for memory
SQUARES_PER_SLOT = 15  # squared steps of a node take as much memory as one slot


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
    fallback: Float[Array, " slot"] | None = None,
    progress: GapProgress = ignore_gap,
) -> Solution:
    """The least-cost schedule, with its certificate.

    Args:
        program: What to solve.
        method: "highs" for an exact vertex; "interior_point" for large fleets, the same on the
            "device"s that JAX sees, or by the workers of a "cluster"; "auto" takes one of the
            first two by size, and solves stores one by one where no limit ties them together.
        gap: Largest relative gap that counts as optimal.
        smooth: Among schedules of equal cost, prefer the one whose total power moves least. The
            interior point answers ties with their middle anyway.
        branch: Search for better decisions, for some seconds, where the first are not proven good.
        time_limit_s: For the whole solve. The interior point then returns the best it can make
            keep every limit, with its gap.
        zones: Workers of a cluster to use at most; all by default.
        guess: Where the interior point begins, from a plan for nearly the same program; see
            `warm_start.shifted`. A cluster does not use it.
        fallback: A schedule that keeps every limit, for trees in which none is found.
        progress: Called by the interior point with the iteration reached and the gap there.

    Raises:
        InputError: The method does not cover the program, or its packages are not installed.
    """
    if method == "auto" and not (smooth and program.slots <= SMALL_SLOTS):
        alone = uncoupled.solve(program, gap=gap) if uncoupled.covers(program) else None
        if alone is not None and alone.status.good:
            return alone
    method = chosen(program, method)
    if method == "highs":
        return reference.solve(
            program,
            smooth=smooth,
            branch=branch,
            gap=gap,
            time_limit_s=time_limit_s,
            fallback=fallback,
        )
    way = _Way(method, gap, zones, progress, branch, fallback)
    return _interior(program, way, time_limit_s, guess)


def chosen(program: Program, method: Method) -> Chosen:
    """The method that solves the program.

    Raises:
        InputError: The method does not cover the program.
    """
    missing = _missing(program, "interior_point" if method == "auto" else method)
    if method == "auto":
        most = SMALL_SLOTS if layout.of(program) is None else SMALL_HELD_SLOTS
        large = program.slots > most
        return "interior_point" if large and not missing else "highs"
    if method != "highs" and missing:
        rule = f"be {_covering(program)} for a program with {missing}"
        raise InputError("solve", [Fault("method", rule, got=(method,), fix="Choose auto.")])
    return method


def covers(program: Program, method: Method) -> bool:
    """Whether a method solves the program as it is."""
    return method in ("auto", "highs") or not _missing(program, method)


def _missing(program: Program, method: str) -> str:
    """What the program has that a form of the interior point does not cover; empty if nothing."""
    if method == "interior_point" and layout.of(program) is not None:
        return layout.missing(program)
    return interior_point.missing(program, method)


def _covering(program: Program) -> str:
    """The methods that cover a program."""
    methods: tuple[Chosen, ...] = ("highs", "interior_point", "device", "cluster")
    return " or ".join(m for m in methods if covers(program, m))


@dataclass(frozen=True)
class _Way:
    """Where and how far the interior point iterates."""

    method: Chosen
    gap: float
    zones: int | None
    progress: GapProgress
    branch: bool = True
    fallback: Float[Array, " slot"] | None = None

    def minimise(self, program: Program, deadline: float, guess: Guess | None) -> Iterate:
        """One batch of trees."""
        gap, progress = self.gap, self.progress
        if self.method == "device":
            return device.minimise(
                program, gap=gap, deadline=deadline, guess=guess, progress=progress
            )
        if self.method == "cluster":
            return actors.minimise(
                program, gap=gap, deadline=deadline, zones=self.zones, progress=progress
            )
        if layout.of(program) is not None:  # which begins anew every time
            return held_run.minimise(program, gap=gap, deadline=deadline, progress=progress)
        return interior_point.minimise(
            program, gap=gap, deadline=deadline, guess=guess, progress=progress
        )

    def for_batch(self, done: float, share: float) -> "_Way":
        """This way for a batch that is such a share of all slots, after others that are done.

        What it tells is the geometric mean over all slots, where those that wait count as 1.
        """

        def progress(iteration: int, gap: float) -> None:
            self.progress(iteration, self.gap**done * max(gap, self.gap) ** share)

        return replace(self, progress=progress if share < 1.0 else self.progress)

    def restricted(self, program: Program, deadline: float) -> Float[Array, " slot"] | None:
        """Least cost of a program in which directions are decided; None where it is not found."""
        made = replace(self, method="interior_point", progress=ignore_gap).minimise(
            program, deadline, None
        )
        return made.power_kw if made.solved.all() else None

    @property
    def batch_slots(self) -> float:
        """How much is solved at a time; a cluster divides the whole itself."""
        return np.inf if self.method == "cluster" else float(BATCH_SLOTS)


def _interior(program: Program, way: _Way, time_limit_s: float, guess: Guess | None) -> Solution:
    """The interior point on what is convex; HiGHS and a search where its answer is not enough.

    Where an answer draws and feeds at once, what that cancels to may break a limit. Trees of modest
    size are then solved by HiGHS, and large ones searched. What is not proven as near as asked is
    solved by HiGHS as well, where its size allows, those trees first that cost most.
    """
    begun = time.perf_counter()
    deadline = begun + time_limit_s
    convex = search.linearised(program)
    found, solved = _iterate(convex, way, deadline, guess)
    # An answer may be lost, or break limits once its directions are cancelled to one.
    broken = ~kept(program, found.power_kw)
    lost = ~solved | (broken & (_modest(program, way) | ~_undecided(program)))
    bound = np.full(program.nodes, -np.inf)
    at_once, relaxation = convex is program and not broken.any() and bool(solved.all()), None
    if lost.any() and time.perf_counter() < deadline:
        relaxation = _mend(program, found, bound, lost, way, deadline)
        if relaxation is not None and relaxation.needed:
            taken_s = time.perf_counter() - begun
            return failed(program, Status.INFEASIBLE, taken_s, relaxation)
    if lost.any():
        _hurry(program, found, ~lost)
    # What is not proven goes to HiGHS, then to a search over decisions; each is certified anew.
    certificate = found.certificate if at_once else None
    certificate = certificate or certify(program, found.power_kw, found.dual, bound)
    status, power_kw = Status.FEASIBLE, found.power_kw
    if certificate.gap > way.gap or certificate.below_bound or not certificate.keeps_limits:
        _close_gap(program, found, bound, way, deadline)
        made = search.search(
            program,
            found.power_kw,
            found.dual,
            convex=way.restricted,
            gap=way.gap,
            improve=way.branch,
            deadline=deadline,
            fallback=way.fallback,
            improvable=~_modest(program, way),
        )
        status, power_kw = made.status, made.power_kw
        bound = bound if made.bound is None else np.maximum(bound, made.bound)
        certificate = certify(program, power_kw, found.dual, bound)
    taken_s = time.perf_counter() - begun
    otherwise = Status.TIME_LIMIT if time.perf_counter() >= deadline else status
    status = reference.earned(certificate, way.gap, otherwise=otherwise)
    if not status.good:
        return failed(program, status, taken_s)
    return replace(
        found,
        power_kw=power_kw,
        bound=bound,
        status=status,
        certificate=certificate,
        solve_s=taken_s,
    )


def _modest(program: Program, way: _Way) -> Bool[Array, " node"]:
    """Nodes in trees that HiGHS solves in seconds, or a minute where limits have given way.

    What has given way leaves no room inside for an interior point.
    """
    most = SMALL_SLOTS if way.fallback is None else least_violation.LARGE_SLOTS
    root = roots(program)
    slots = np.bincount(root[program.node], program.stop - program.first, program.nodes)
    return (slots <= most)[root]


def _undecided(program: Program) -> Bool[Array, " node"]:
    """Nodes in trees where wasting energy could pay, or another rule is not convex."""
    return search.has_decisions(program, program.simultaneous)[roots(program)]


def _iterate(
    program: Program, way: _Way, deadline: float, guess: Guess | None
) -> tuple[Solution, Bool[Array, " node"]]:
    """The interior point on every batch of trees, and which nodes' trees it solved."""
    whole = failed(program, Status.FEASIBLE, 0.0)
    solved = np.zeros(program.nodes, bool)
    iterations, done = 0, 0.0
    proofs: list[Certificate | None] = []
    for piece in _batches(program, _covered(program), most=way.batch_slots):
        begin = None if guess is None else guess.of(piece)
        share = len(piece.slots) / max(program.slots, 1)
        found = way.for_batch(done, share).minimise(piece.program, deadline, begin)
        done += share
        whole.guess.put(piece, Guess(found.power_kw, found.dual, found.limit_price))
        solved[piece.nodes] = found.solved
        iterations = max(iterations, found.iterations)
        proofs.append(found.certificate)
    proof = together(proofs, program.constant) if solved.all() else None
    return replace(whole, iterations=iterations, certificate=proof), solved


def _covered(program: Program) -> Bool[Array, " node"]:
    """Nodes in trees that the interior point covers: no peak is a mean of several steps."""
    several = (program.counted > 1) & (program.peak_price_per_kw > 0)
    root = roots(program)
    return (np.bincount(root, several, program.nodes) == 0)[root]


def _batches(
    program: Program, wanted: Bool[Array, " node"] | None = None, *, most: float | None = None
) -> Iterator[Part]:
    """Whole trees, all or those that are wanted, in batches none much larger than one should be."""
    root = roots(program)
    slots = np.bincount(root[program.node], program.stop - program.first, program.nodes)
    squares = np.bincount(root, minlength=program.nodes) * program.steps**2
    weight = slots + squares / SQUARES_PER_SLOT
    batch = (np.cumsum(weight) // (most or BATCH_SLOTS)).astype(np.int64)
    batch[~((program.parent < 0) & (True if wanted is None else wanted))] = -1
    numbers = np.unique(batch[batch >= 0])
    of_node = batch[root]
    if len(numbers) == 1 and (of_node >= 0).all():
        yield part(program, np.arange(program.nodes))
        return
    store_rows = rows_by(of_node[program.node], numbers)
    for nodes, stores in zip(rows_by(of_node, numbers), store_rows, strict=True):
        yield pick(program, nodes, stores)


def _mend(
    program: Program,
    found: Solution,
    bound: Float[Array, " node"],
    lost: Bool[Array, " node"],
    way: _Way,
    deadline: float,
) -> Relaxation | None:
    """Solve the trees that the interior point left, by HiGHS or by what gives way least.

    ``lost`` and ``bound`` are brought up to date. What comes back says what must give way, where it
    was asked.
    """
    unknown, fallback = lost.copy(), way.fallback
    by_highs = _modest(program, way) | ~_covered(program)
    for nodes in trees(program):
        if lost[nodes].any() and by_highs[nodes].all():
            good = _exactly(program, found, bound, nodes, way, deadline)
            lost[nodes] = unknown[nodes] = not good
    if fallback is not None:
        at = unknown[program.node][program.store]
        found.power_kw[at] = fallback[at]
        again = unknown & kept(program, found.power_kw)
        lost &= ~again
        unknown &= ~again
    if not unknown.any():
        return None
    left_s = max(deadline - time.perf_counter(), 0.01)
    try:
        relaxation = least_violation.find(program, time_limit_s=left_s, wanted=unknown)
    except SolveError:  # the time is over: what is at hand is looked at next
        return None
    mixed = towards(program, found.power_kw, relaxation.power_kw)
    again = unknown & kept(program, mixed)
    at = again[program.node][program.store]
    found.power_kw[at] = mixed[at]
    lost &= ~again
    return relaxation


def _exactly(
    program: Program,
    found: Solution,
    bound: Float[Array, " node"],
    nodes: Int[Array, " some"],
    way: _Way,
    deadline: float,
) -> bool:
    """Solve a tree by HiGHS, and take over what it finds; whether that is a schedule."""
    piece = part(program, nodes)
    exact = reference.solve(
        piece.program,
        branch=way.branch,
        gap=way.gap,
        time_limit_s=max(deadline - time.perf_counter(), 0.01),
        fallback=None if way.fallback is None else way.fallback[piece.slots],
    )
    if not exact.status.good:
        return False
    found.guess.put(piece, exact.guess)
    if exact.bound is not None:
        bound[piece.nodes] = exact.bound
    return True


def _close_gap(
    program: Program,
    found: Solution,
    bound: Float[Array, " node"],
    way: _Way,
    deadline: float,
) -> None:
    """Solve trees of modest size by HiGHS, the dearest first, until the gap asked for is closed."""
    paid = tree_costs(program, found.power_kw)
    over = np.abs(paid - np.maximum(tree_bounds(program, found.dual), bound))
    over[(program.parent >= 0) | ~_modest(program, way)] = 0.0
    left, allowed = float(over.sum()), 0.5 * way.gap * abs(float(paid.sum()) + program.constant)
    of_root = {int(nodes[program.parent[nodes] < 0][0]): nodes for nodes in trees(program)}
    for root in np.argsort(-over, kind="stable"):
        if over[root] <= 0.0 or left <= allowed or time.perf_counter() >= deadline:
            return
        _exactly(program, found, bound, of_root[int(root)], way, deadline)
        left -= float(over[root])


def _hurry(program: Program, found: Solution, solved: Bool[Array, " node"]) -> None:
    """The best that is at hand for trees without a solution: what was found, made to keep limits.

    It is mixed with a plan that charges early, so nothing is gained where that breaks limits too.
    """
    safe = np.where(solved[program.node][program.store], found.power_kw, earliest(program))
    found.power_kw[:] = towards(program, found.power_kw, safe)
