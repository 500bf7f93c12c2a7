"""Which units run, as whole ones, from a schedule in which they may run in part.

Branch and bound closes a gap from both sides, and is slow to find its first good schedule: where
load may be lost it begins with one that loses some. Units that the relaxed schedule runs to more
than a share are taken to run, and breaks and runs that are too short are filled up, which only
ever adds units. The share that costs least is kept; each costs one small linear program.
"""

from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.program import Layout, least_steps
from evergrid.engine.highs.sparse_program import SparseProgram, solve

SHARES = (0.01, 0.03, 0.1, 0.2, 0.3)  # of a unit, above which it is tried to run whole


def rounded(
    problem: GenerationProblem,
    program: SparseProgram,
    layout: Layout,
    relaxed_on: Float[Array, "unit step"],
    *,
    time_limit_s: float,
) -> Float[Array, "unit step"] | None:
    """Units that run at least cost among what rounding gives; None where none serves the load.

    Args:
        problem: With whole commitment.
        program: Of the problem.
        layout: Where things stand in it.
        relaxed_on: Parts of units that run where they may run in part.
        time_limit_s: For each share that is tried.
    """
    up, down = least_steps(problem)
    best, least = None, np.inf
    for share in SHARES:
        on = filled(relaxed_on > share, up, down).astype(float)
        lower, upper = program.lower.copy(), program.upper.copy()
        lower[layout.on] = upper[layout.on] = on
        none = np.zeros_like(program.whole)
        fixed = replace(program, lower=lower, upper=upper, whole=none)
        answer = solve(fixed, time_limit_s=time_limit_s)
        if len(answer.values) and answer.cost < least:
            best, least = on, answer.cost
    return best


def filled(
    on: Bool[Array, "unit step"], up: Int[Array, " unit"], down: Int[Array, " unit"]
) -> Bool[Array, "unit step"]:
    """Which units run, with some added until no break and no run is too short.

    Runs that began before the first step, and what goes on beyond the last, are as long as they
    need be.

    Args:
        on: Units that run.
        up: Least steps that each runs once started.
        down: Least steps that it stands once stopped.
    """
    full = on.copy()
    for row, least_up, least_down in zip(full, up, down, strict=True):
        before = -1
        while row.sum() != before:  # longer runs make shorter breaks, so again until none changes
            before = row.sum()
            change = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
            begin, end = change[::2], change[1::2]
            for stop, again in zip(end[:-1], begin[1:], strict=True):
                if again - stop < least_down:
                    row[stop:again] = True
            for first in begin[begin > 0]:
                row[first : first + least_up] = True
    return full
