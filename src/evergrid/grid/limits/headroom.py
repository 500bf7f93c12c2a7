"""How much more power fits before a limit is violated, and which limit that is?"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.limits.day_limits import DayLimits
from evergrid.grid.limits.evaluator import LimitResults

HALVINGS = 24
TOLERANCE_PU = 1e-6


@dataclass(frozen=True)
class Headroom:
    """How much power fits, and what stops more.

    Attributes:
        power_kw: Greatest power of each question; never negative.
        kind: `Kind` of limit that is violated next; -1 where the most that was tried fits.
        where: `LimitRows.place` of its place.
    """

    power_kw: Float[Array, " question"]
    kind: Int[Array, " question"]
    where: Int[Array, " question"]


def headroom(
    limits: DayLimits,
    state: Int[Array, " question"],
    base_kw: Float[Array, "question branch"],
    base_kvar: Float[Array, "question branch"],
    shape: Float[Array, "question branch"],
    *,
    most_kw: float,
) -> Headroom:
    """The greatest multiple of a shape that fits on top of what is there, each on its own.

    Found by bisection; limits are taken to be kept below the first multiple that violates one.

    Args:
        limits: The feeder and its limits.
        state: Row of the network that each question meets.
        base_kw: Power that is there, into the grid.
        base_kvar: Reactive power that is there, into the grid.
        shape: Power per kW of the answer, into the grid: negative entries draw.
        most_kw: Greatest multiple that is tried.
    """

    def evaluate(multiple: Float[Array, " question"]) -> LimitResults:
        power_kw, evaluator = base_kw + multiple[:, None] * shape, limits.evaluator
        values = evaluator.values(state, power_kw, base_kvar, tolerance_pu=TOLERANCE_PU)
        return evaluator.results(values, limits.step_bound)

    low, high = np.zeros(len(base_kw)), np.full(len(base_kw), most_kw)
    fits = ~evaluate(high).violated
    low[fits] = most_kw
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        violated = evaluate(middle).violated
        low, high = np.where(violated, low, middle), np.where(violated, middle, high)
    beyond = evaluate(high)
    kind = np.where(fits, -1, beyond.excess.argmax(axis=1))
    return Headroom(low, kind, beyond.where[np.arange(len(kind)), np.maximum(kind, 0)])
