"""One instance, one solver, one fresh process: how long, how much memory, how good?"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.plan import memory
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.solvers.outcome import Outcome
from benchmarks.plan.solvers.registry import SOLVERS
from evergrid.engine.program import Program

REPOSITORY = Path(__file__).parents[2]
TINY_SESSIONS = 50  # solved first, so that compiling is not counted as solving
GRACE_S = 240.0  # for making and compiling, beyond twice the limit
MAKING_S = 1e-4  # per session besides, several times what making one takes
TIME_LIMIT, FAILED, SKIPPED, NOT_COVERED = "time_limit", "failed", "skipped", "not_covered"


@dataclass(frozen=True)
class Case:
    """What to run."""

    family: str
    sessions: int
    steps: int
    solver: str
    seed: int
    limit_s: float


@dataclass(frozen=True)
class Row:
    """What came of a case; None where nothing was measured.

    Attributes:
        family: Name of the family.
        sessions: Plug-in sessions of the instance.
        steps: Steps of the horizon.
        solver: Name of the solver.
        seconds: Wall clock from the program in memory to the certified schedule.
        peak_mb: Greatest resident set while solving, the instance in it.
        gap: Certified, relative.
        objective: Certified cost.
        iterations: Of an iterative solver of ours; 0 for others.
        compile_s: Time of a first solve, which compiles what is compiled on first use: of a tiny
            instance, or of this one where every size compiles anew.
        violation: Largest violation of any limit, kW or kWh.
        status: How it ended; "skipped" after the limit was exceeded on a smaller instance,
            "failed" when the process died on this or a smaller one, "not_covered" where it cannot
            solve such a program; "not_installed", "no_gpu" and "jax_sees_no_gpu" where something
            is missing.
        limit_s: Time allowed.
        seed: Of the instance.
    """

    family: str
    sessions: int
    steps: int
    solver: str
    seconds: float | None
    peak_mb: float | None
    gap: float | None
    objective: float | None
    iterations: int | None
    compile_s: float | None
    violation: float | None
    status: str
    limit_s: float
    seed: int

    @property
    def over_limit(self) -> bool:
        """Whether it took longer than allowed, or was not run because it would."""
        late = self.seconds is not None and self.seconds > self.limit_s
        return late or self.status in (TIME_LIMIT, SKIPPED)


def unmeasured(case: Case, status: str) -> Row:
    """The row of a case that brought no result."""
    return Row(
        family=case.family,
        sessions=case.sessions,
        steps=case.steps,
        solver=case.solver,
        seconds=None,
        peak_mb=None,
        gap=None,
        objective=None,
        iterations=None,
        compile_s=None,
        violation=None,
        status=status,
        limit_s=case.limit_s,
        seed=case.seed,
    )


def in_own_process(case: Case) -> Row:
    """Run a case in a fresh interpreter."""
    words = json.dumps(asdict(case))
    call = [sys.executable, "-m", "benchmarks.plan", "--case", words]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    give_up_s = 2 * case.limit_s + GRACE_S + MAKING_S * case.sessions
    try:
        ended = subprocess.run(
            call, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, timeout=give_up_s, check=False
        )
    except subprocess.TimeoutExpired:
        return unmeasured(case, TIME_LIMIT)
    if ended.returncode != 0:
        return unmeasured(case, FAILED)
    return Row(**json.loads(ended.stdout))


def run(case: Case) -> Row:
    """Run a case here and now, where it can be run at all."""
    solver, family = SOLVERS[case.solver], FAMILIES[case.family]
    tiny = family(TINY_SESSIONS, seed=case.seed, steps=case.steps)
    refusal = solver.missing() or ("" if solver.covers(tiny) else NOT_COVERED)
    if refusal:
        return unmeasured(case, refusal)
    program = family(case.sessions, seed=case.seed, steps=case.steps)
    if not solver.covers(program):
        return unmeasured(case, NOT_COVERED)
    compile_s, _ = _timed(case, program if solver.per_shape else tiny)
    memory.reset_peak()
    seconds, outcome = _timed(case, program)
    row = replace(
        unmeasured(case, str(outcome.status)),
        peak_mb=memory.peak_mb() + outcome.workers_mb,
        compile_s=compile_s,
        iterations=outcome.iterations,
    )
    proven = outcome.certificate
    if proven is None:
        return row
    return replace(
        row,
        seconds=seconds,
        gap=proven.gap,
        objective=proven.objective,
        violation=max(proven.power_kw, proven.energy_kwh, proven.node_kw),
    )


def _timed(case: Case, program: Program) -> tuple[float, Outcome]:
    solve = SOLVERS[case.solver].ready(program, case.limit_s)
    begun = time.perf_counter()
    outcome = solve()
    return time.perf_counter() - begun, outcome
