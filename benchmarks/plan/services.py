"""What selling regulation both ways beside energy takes, against energy alone and against HiGHS.

``python -m benchmarks.plan.services 984,9910 --limit 600`` prints a few lines a size. Times are of
the wall clock, and of all processors together; a first small instance is solved before, so that
compiling does not count. HiGHS is given the limit, and is left out where that is 0.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.plan.families import FAMILIES
from evergrid.dispatch.services.holders import with_services
from evergrid.dispatch.services.service import Service
from evergrid.engine import solver
from evergrid.engine.program import Program
from evergrid.engine.solution import Solution

TINY_SESSIONS = 50
GAP = 1e-3
STEPS, BLOCK_STEPS = 96, 4
FED_SHARE = 0.1  # of an hour at full award
FED_COST_PER_KWH = 0.06
HOLD_H = 0.5


def main() -> None:
    """Time every size that is asked for."""
    parser = argparse.ArgumentParser("benchmarks.plan.services", description=__doc__)
    parser.add_argument("sizes", help="sessions, such as 984,9910")
    parser.add_argument("--family", default="mixed_tree", choices=FAMILIES)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds allowed to HiGHS")
    asked = parser.parse_args()
    for program in instance(asked.family, TINY_SESSIONS):
        solver.solve(program, method="interior_point", gap=GAP)
    for sessions in map(int, asked.sizes.split(",")):
        _tell(asked.family, sessions, asked.limit)


def instance(family: str, sessions: int) -> tuple[Program, Program]:
    """A program of energy alone, and the same with regulation both ways in blocks of an hour."""
    alone = FAMILIES[family](sessions, seed=1, steps=STEPS)
    hours = np.arange(STEPS // BLOCK_STEPS)
    noise = np.random.default_rng(1).uniform(0.0, 0.005, len(hours))
    credit = 0.03 + 0.02 * np.sin(hours / len(hours) * 4 * np.pi) + noise
    sold = Service(
        "regulation",
        np.repeat(credit, BLOCK_STEPS),
        block_steps=BLOCK_STEPS,
        hold_h=HOLD_H,
        fed_share=FED_SHARE,
    )
    cost = np.full((alone.stores, STEPS), FED_COST_PER_KWH)
    return alone, with_services(alone, alone.stores, [sold], cost)


def _tell(family: str, sessions: int, limit_s: float) -> None:
    alone, held = instance(family, sessions)
    print(f"{family} {sessions:,} sessions, {alone.slots:,} slots")
    first = _timed("energy alone", lambda: solver.solve(alone, method="interior_point", gap=GAP))
    ours = _timed("with regulation", lambda: solver.solve(held, method="interior_point", gap=GAP))
    print(f"  {ours / first:.1f} times as long as energy alone")
    if limit_s > 0:

        def by_highs() -> Solution:
            return solver.solve(held, method="highs", gap=GAP, branch=False, time_limit_s=limit_s)

        print(f"  HiGHS takes {_timed('HiGHS', by_highs) / ours:.1f} times as long")


def _timed(name: str, solve: Callable[[], Solution]) -> float:
    """Tell what a solve takes; the time of all processors, which other work disturbs least."""
    wall, spent = time.perf_counter(), time.process_time()
    found = solve()
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    proof = found.certificate
    gap = "no plan" if proof is None else f"gap {proof.gap:.1e}, cost {proof.objective:.2f}"
    times = f"{wall:.2f} s, {spent:.2f} s of processors, {found.iterations} iterations"
    print(f"  {name}: {times}, {found.status}, {gap}", flush=True)
    return spent


if __name__ == "__main__":
    main()
