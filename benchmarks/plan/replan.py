"""How much sooner is a plan found that begins from the last one, against one from nothing?"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from benchmarks.plan import window
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.window import Window
from evergrid.core.arrays import Array, Bool
from evergrid.engine import solver, warm_start
from evergrid.engine.certificate import Certificate
from evergrid.engine.program import Program
from evergrid.engine.solution import Guess, Solution

GAP = 1e-3  # relative, of both solves
PAIRS = 5  # of solves, cold and warm in turn, of which the medians count
PASSED = 1  # steps between both plans
FAMILY_NAMES = ("home", "mixed_tree")
SIZES = (10_000,)


@dataclass(frozen=True)
class Change:
    """What is different from what the last plan expected.

    Attributes:
        label: What tables call it.
        rolling: Whether the horizon keeps its length, instead of ending where it did.
        new_share: Share of the sessions, of those yet to plug in, that the last plan did not know.
        noise: Relative standard deviation by which the price of every step is revised.
    """

    label: str
    rolling: bool = False
    new_share: float = 0.0
    noise: float = 0.0


CHANGES = {
    "next_step": Change("next quarter-hour, all as expected"),
    "new_sessions": Change("next quarter-hour, 2 % new", new_share=0.02),
    "rolling": Change("horizon moves on, 2 % new", rolling=True, new_share=0.02),
    "new_prices": Change(
        "horizon moves on, 2 % new, prices revised by 1 %",
        rolling=True,
        new_share=0.02,
        noise=0.01,
    ),
}


@dataclass(frozen=True)
class Replan:
    """What came of one change; times and gaps are medians and largest of all pairs.

    Attributes:
        family: Name of the family.
        sessions: Of the instance.
        steps: Of the first plan.
        change: Name of the change.
        new: Sessions in the later plan that the last one did not have.
        cold_s: Wall clock of the solve from nothing.
        warm_s: Wall clock of carrying the last plan over and solving from it.
        cold_iterations: Of the solve from nothing.
        warm_iterations: Of the solve from the last plan.
        gap: The wider of both certified gaps, relative.
        violation: Largest violation of any limit by either, kW or kWh.
        pairs: How often both were timed.
        seed: Of the instance and of what changed.
    """

    family: str
    sessions: int
    steps: int
    change: str
    new: int
    cold_s: float
    warm_s: float
    cold_iterations: int
    warm_iterations: int
    gap: float
    violation: float
    pairs: int
    seed: int

    @property
    def ratio(self) -> float:
        """How many times sooner the warm solve is done."""
        return self.cold_s / self.warm_s


@dataclass(frozen=True)
class Pair:
    """Two programs of which the second follows on the first, and the plan of the first.

    Attributes:
        last: The first, with what was known of it.
        plan: What was found for it, and then kept to.
        now: The second.
    """

    last: Window
    plan: Solution
    now: Window


def rows(
    families: Sequence[str], sizes: Sequence[int], *, seed: int, steps: int, limit_s: float
) -> Iterator[Replan]:
    """Every change on every instance, one after the other in this process."""
    for family in families:
        for sessions in sorted(sizes):
            for change in CHANGES:
                yield run(family, sessions, change, seed=seed, steps=steps, limit_s=limit_s)


def run(
    family: str, sessions: int, change: str, *, seed: int, steps: int, limit_s: float
) -> Replan:
    """Time one change here and now."""
    whole = FAMILIES[family](sessions, seed=seed, steps=steps + PASSED)
    pair = prepared(whole, CHANGES[change], seed=seed, limit_s=limit_s)
    cold, warm = [], []
    for _ in range(PAIRS):
        cold.append(_timed(pair, limit_s, warm=False))
        warm.append(_timed(pair, limit_s, warm=True))
    proven = [_certificate(solution) for _, solution in (*cold, *warm)]
    return Replan(
        family=family,
        sessions=sessions,
        steps=steps,
        change=change,
        new=int((pair.last.rows_of(pair.now) < 0).sum()),
        cold_s=median(seconds for seconds, _ in cold),
        warm_s=median(seconds for seconds, _ in warm),
        cold_iterations=cold[-1][1].iterations,
        warm_iterations=warm[-1][1].iterations,
        gap=max(found.gap for found in proven),
        violation=max(max(c.power_kw, c.energy_kwh, c.node_kw) for c in proven),
        pairs=PAIRS,
        seed=seed,
    )


def prepared(whole: Program, change: Change, *, seed: int, limit_s: float) -> Pair:
    """The last plan and what is to be planned next, from a program one step longer than both."""
    rng = np.random.default_rng([seed, 5])
    steps = whole.steps - PASSED
    last = window.first(whole, steps, known=_known(whole, change.new_share, rng))
    plan = _solved(last.program, limit_s)
    end = whole.steps if change.rolling else steps
    now = window.later(whole, last, plan.power_kw, PASSED, end)
    factor = 1 + change.noise * rng.standard_normal(now.program.steps)
    return Pair(last, plan, replace(now, program=_priced(now.program, factor)))


def carried(pair: Pair) -> Guess:
    """What the last plan lets expect of the next."""
    last, now = pair.last, pair.now
    return warm_start.shifted(
        last.program,
        pair.plan.guess,
        now.program,
        store=last.rows_of(now),
        shift=now.begin - last.begin,
    )


def _known(whole: Program, new_share: float, rng: np.random.Generator) -> Bool[Array, " store"]:
    """Stores that the last plan knows: all but some of those that are yet to plug in."""
    known = np.ones(whole.stores, bool)
    yet_to_come = np.flatnonzero(whole.first >= PASSED)
    known[rng.choice(yet_to_come, round(new_share * whole.stores), replace=False)] = False
    return known


def _priced(program: Program, factor: Array) -> Program:
    by_slot = factor[program.step]
    draw, feed = program.draw_price_per_kwh * by_slot, program.feed_price_per_kwh * by_slot
    return replace(program, draw_price_per_kwh=draw, feed_price_per_kwh=feed)


def _timed(pair: Pair, limit_s: float, *, warm: bool) -> tuple[float, Solution]:
    begun = time.perf_counter()
    solution = _solved(pair.now.program, limit_s, carried(pair) if warm else None)
    return time.perf_counter() - begun, solution


def _solved(program: Program, limit_s: float, guess: Guess | None = None) -> Solution:
    return solver.solve(
        program, method="interior_point", gap=GAP, time_limit_s=limit_s, guess=guess
    )


def _certificate(solution: Solution) -> Certificate:
    if solution.certificate is None:
        raise RuntimeError(f"a plan was not found: {solution.status}")
    return solution.certificate
