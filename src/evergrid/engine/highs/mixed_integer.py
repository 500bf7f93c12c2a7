"""One tree of a program with its decisions as whole numbers, by branch and bound."""

import time
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.status import Status
from evergrid.engine.highs.model import Model
from evergrid.engine.program import Program, cost

MOST_FLAGS = 3000  # beyond which branch and bound is not tried
MOST_SLOTS = 20_000
WRONG = 1e-6  # money by which a schedule may cost less than a bound before that is wrong
LOWERED = 1e-9  # money, or share of the cost, that tolerances of HiGHS could be worth


@dataclass(frozen=True)
class IntegerResult:
    """What branch and bound came to.

    Attributes:
        status: Good where a schedule was found, infeasible where there is none.
        power_kw: The schedule; zeros without one.
        bound: No schedule costs less, without the program's constant; -inf where not known.
    """

    status: Status
    power_kw: Float[Array, " slot"]
    bound: float


def no_schedule(program: Program, status: Status) -> IntegerResult:
    """What it came to where even the linear program gave none."""
    bound = np.inf if status is Status.INFEASIBLE else -np.inf
    return IntegerResult(status, np.zeros(program.slots), bound)


def flags(program: Program) -> int:
    """How many decisions the program has."""
    of_reserves = int((program.stop - program.first)[program.reserved].sum())
    of_terms = sum(len(rows.decisions) for rows in program.term_rows)
    return int(program.simultaneous.sum() + program.concave.sum()) + of_reserves + of_terms


def fits(program: Program) -> bool:
    """Whether the program is small enough."""
    return program.slots <= MOST_SLOTS and flags(program) <= MOST_FLAGS


def solve(program: Program, *, gap: float, time_limit_s: float) -> IntegerResult:
    """The best schedule found in the time given, and what is proven about all of them.

    The bound is HiGHS' own claim, lowered by what its tolerances could be worth.
    """
    deadline = time.perf_counter() + time_limit_s
    model = Model(program)
    status = model.solve(time_limit_s, gap)
    if not status.good:
        return no_schedule(program, status)
    model.add_flags()
    left_s = max(deadline - time.perf_counter(), 0.0)
    status, bound = model.decide(left_s, 0.3 * gap)
    if not status.good:
        return IntegerResult(status, np.zeros(program.slots), lowered(program, bound))
    # With the flags fixed, a linear program gives the powers to every digit.
    status = model.solve(max(deadline - time.perf_counter(), 1.0), gap)
    power_kw = model.power() if status.good else np.zeros(program.slots)
    return trusted(program, status, power_kw, lowered(program, bound))


def trusted(
    program: Program, status: Status, power_kw: Float[Array, " slot"], bound: float
) -> IntegerResult:
    """A schedule with its bound, unless it disproves that."""
    if status.good and cost(program, power_kw) - program.constant < bound - WRONG:
        bound = -np.inf  # what was found disproves it
    return IntegerResult(status, power_kw, bound)


def lowered(program: Program, bound: float) -> float:
    """HiGHS' bound as one on the cost: it knows no energy that stores begin with."""
    if not np.isfinite(bound):
        return bound
    whole = bound + float(program.end_value_per_kwh @ program.energy_start_kwh)
    return whole - LOWERED * max(1.0, abs(whole))
