"""Do given powers keep the limits at every step, and how much more would fit?"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.grid.flow.monitored import seen
from evergrid.grid.flow.power_flow import solve
from evergrid.grid.hosting.hosting_capacity import KINDS, Judge

HALVINGS = 24


@dataclass(frozen=True)
class Checked:
    """How far the powers of each step pass each kind of limit.

    Attributes:
        excess: Beyond the limit at the worst place; negative where it is kept.
        where: Row of that place: a branch, a watched conductor of a line, a place at which a
            transformer is judged, or a watched bus.
    """

    excess: Float[Array, "step kind"]
    where: Int[Array, "step kind"]

    @property
    def holds(self) -> Bool[Array, " step"]:
        """Whether every limit is kept."""
        return np.asarray(~(self.excess > 0).any(axis=1))


def check(
    judge: Judge,
    state: Int[Array, " step"],
    power_kw: Float[Array, "step branch"],
    reactive_kvar: Float[Array, "step branch"],
) -> Checked:
    """Powers against what one step tells: voltages, currents, transformers, unbalance.

    Args:
        judge: The feeder and its limits.
        state: Row of the network that each step meets.
        power_kw: All power into the grid, loads included.
        reactive_kvar: The same, reactive.
    """
    excess = np.full((len(power_kw), len(KINDS)), -np.inf)
    where = np.full((len(power_kw), len(KINDS)), -1, dtype=np.int64)
    for row in np.unique(state):
        (steps,) = np.nonzero(state == row)
        parts = _parts(judge, int(row), power_kw[steps], reactive_kvar[steps])
        for name, part in parts.items():
            kind = KINDS.index(name)
            if part.shape[1]:
                where[steps, kind] = part.argmax(axis=1)
                excess[steps, kind] = part.max(axis=1)
    return Checked(excess, where)


def _parts(
    judge: Judge,
    row: int,
    power_kw: Float[Array, "step branch"],
    reactive_kvar: Float[Array, "step branch"],
) -> dict[str, Float[Array, "step place"]]:
    """Excess of every place by the kind of limit."""
    bounds = judge.bounds
    flow = solve(judge.case.networks[row], power_kw, reactive_kvar)
    voltage = np.where(flow.settled[:, None], flow.voltage_pu, 1.0)
    found = seen(judge.judged[row], np.conj((power_kw + 1j * reactive_kvar) / voltage))
    size = np.abs(voltage)
    return {
        "low voltage": bounds.low - size,
        "high voltage": size - bounds.high,
        "line": found.line - bounds.line,
        "transformer": found.transformer - bounds.instant,
        "unbalance": found.unbalance - bounds.unbalance,
        "no solution": np.where(flow.settled, -1.0, 1.0)[:, None],
    }


@dataclass(frozen=True)
class Room:
    """How much power fits, and what stops more.

    Attributes:
        power_kw: Greatest power of each question; never negative.
        kind: Kind of limit that is passed next; -1 where the most that was asked for fits.
        where: Row of its place.
    """

    power_kw: Float[Array, " question"]
    kind: Int[Array, " question"]
    where: Int[Array, " question"]


def room(
    judge: Judge,
    state: Int[Array, " question"],
    base_kw: Float[Array, "question branch"],
    base_kvar: Float[Array, "question branch"],
    shape: Float[Array, "question branch"],
    *,
    most_kw: float,
) -> Room:
    """The greatest multiple of a shape that fits on top of what is there, each on its own.

    Found by halving; limits are taken to be kept below the first multiple that passes one.

    Args:
        judge: The feeder and its limits.
        state: Row of the network that each question meets.
        base_kw: What is there, into the grid.
        base_kvar: The same, reactive.
        shape: Power per kW of the answer, into the grid: negative entries draw.
        most_kw: Greatest multiple that is tried.
    """
    low, high = np.zeros(len(base_kw)), np.full(len(base_kw), most_kw)
    fits = check(judge, state, base_kw + high[:, None] * shape, base_kvar).holds
    low[fits] = most_kw
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        holds = check(judge, state, base_kw + middle[:, None] * shape, base_kvar).holds
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    passed = check(judge, state, base_kw + high[:, None] * shape, base_kvar)
    kind = np.where(fits, -1, passed.excess.argmax(axis=1))
    return Room(low, kind, passed.where[np.arange(len(kind)), np.maximum(kind, 0)])
