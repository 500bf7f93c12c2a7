"""Power in whole steps, with runs and starts, by branch and bound."""

import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Float, Int
from evergrid.engine.highs.mixed_integer import IntegerResult, lowered, no_schedule, trusted
from evergrid.engine.highs.model import Model
from evergrid.engine.program import Program
from evergrid.engine.step_rules import ON_KW, PowerSteps

MOST_DECISIONS = 1500  # whole numbers beyond which branch and bound is not tried


def fits(program: Program, steps: PowerSteps) -> bool:
    """Whether the program is small enough for branch and bound to be tried."""
    slots = int((steps.step_kw > 0)[program.store].sum())
    return 5 * slots <= MOST_DECISIONS


def solve(
    program: Program,
    steps: PowerSteps,
    *,
    begin: Float[Array, " slot"],
    gap: float,
    time_limit_s: float,
) -> IntegerResult:
    """The best schedule in whole steps that is found in the time given, and a bound on all.

    Args:
        program: What to schedule.
        steps: Rules of its stores.
        begin: A schedule that keeps them, from which the search begins.
        gap: Relative distance to the bound at which it ends.
        time_limit_s: For all of it.
    """
    deadline = time.perf_counter() + time_limit_s
    model = Model(program)
    status = model.solve(time_limit_s, gap)
    if not status.good:
        return no_schedule(program, status)
    model.add_flags()
    columns = _columns(model, program, steps)
    _add_powers(model, program, steps, columns)
    _add_runs(model, program, steps, columns)
    model.begin_with(*columns.values(program, steps, begin))
    status, bound = model.decide(max(deadline - time.perf_counter(), 0.1), 0.3 * gap)
    if not status.good:
        return IntegerResult(status, np.zeros(program.slots), lowered(program, bound))
    status = model.solve(max(deadline - time.perf_counter(), 1.0), gap)
    power_kw = model.power() if status.good else np.zeros(program.slots)
    return trusted(program, status, power_kw, lowered(program, bound))


@dataclass(frozen=True)
class _Columns:
    """Columns of each slot that has steps: how many are drawn and fed, whether any is, a start."""

    slot: Int[Array, " some"]
    draw: Int[Array, " some"]
    feed: Int[Array, " some"]
    draws: Int[Array, " some"]
    feeds: Int[Array, " some"]
    start: Int[Array, " some"]

    def values(
        self, program: Program, steps: PowerSteps, power_kw: Float[Array, " slot"]
    ) -> tuple[Int[Array, " column"], Float[Array, " column"]]:
        """All columns and their values under a schedule."""
        power = power_kw[self.slot]
        amount = np.round(np.abs(power) / steps.slot_kw(program)[self.slot])
        draws, feeds = power < -ON_KW, power > ON_KW
        on, begins = draws | feeds, program.begin[program.store[self.slot]] == self.slot
        before = np.where(
            begins, steps.on_before[program.store[self.slot]] > 0, np.r_[False, on[:-1]]
        )
        columns = (self.draw, self.feed, self.draws, self.feeds, self.start)
        values = (amount * draws, amount * feeds, draws, feeds, on & ~before)
        return np.concatenate(columns), np.concatenate([v.astype(float) for v in values])


def _columns(model: Model, program: Program, steps: PowerSteps) -> _Columns:
    (slot,) = np.nonzero((steps.step_kw > 0)[program.store])
    draw, feed = (most[slot].astype(float) for most in steps.ranges(program))
    most = (draw, feed, np.minimum(draw, 1.0), np.minimum(feed, 1.0), np.ones(len(slot)))
    return _Columns(slot, *(model.add_whole(values) for values in most))


def _add_powers(model: Model, program: Program, steps: PowerSteps, of: _Columns) -> None:
    """Each power is its steps; these are none, or between the least and the most; one way only."""
    step, count = steps.slot_kw(program)[of.slot], len(of.slot)
    least = steps.least[program.store[of.slot]].astype(float)
    rows = _Rows(model)
    zero, none, endless = np.zeros(count), np.full(count, -np.inf), np.full(count, np.inf)
    ways = zip(
        (of.draw, of.feed),
        (of.draws, of.feeds),
        (model.draw, model.feed),
        steps.ranges(program),
        strict=True,
    )
    for amount, flag, power, most in ways:
        rows.add(zero, zero, (power[of.slot], 1.0), (amount, -step))
        rows.add(zero, endless, (amount, 1.0), (flag, -least))
        rows.add(none, zero, (amount, 1.0), (flag, -most[of.slot].astype(float)))
    rows.add(none, np.ones(count), (of.draws, 1.0), (of.feeds, 1.0))
    rows.hand_over()


def _add_runs(model: Model, program: Program, steps: PowerSteps, of: _Columns) -> None:
    """Starts, and how long runs and pauses are at least.

    Who is on started within the last slots, or was on before them; who is off did not start within
    the slots that follow.

    Source:
        D. Rajan, S. Takriti (2005), Minimum up/down polytopes of the unit commitment problem with
        start-up costs, IBM RC23628, equations 2 to 5.
    """
    rows, store = _Rows(model), program.store[of.slot]
    for row in steps.stores:
        (at,) = np.nonzero(store == row)
        on = np.stack([of.draws[at], of.feeds[at]], axis=1)
        _add_starts(rows, on, of.start[at], on_before=bool(steps.on_before[row] > 0))
        _add_least_times(rows, on, of.start[at], steps, int(row))
        if steps.most_starts[row] < len(at):
            rows.one(-np.inf, float(steps.most_starts[row]), (of.start[at], 1.0))
    rows.hand_over()


def _add_starts(rows: "_Rows", on: Array, start: Array, *, on_before: bool) -> None:
    """A start is to be on in a slot, and off in the one before."""
    for t in range(len(start)):
        was = ((on[t - 1], 1.0),) if t else ()
        before = float(on_before and t == 0)
        rows.one(-before, np.inf, (start[t : t + 1], 1.0), (on[t], -1.0), *was)
        rows.one(-np.inf, 1.0 - before, (start[t : t + 1], 1.0), *was)
        rows.one(0.0, np.inf, (on[t], 1.0), (start[t : t + 1], -1.0))


def _add_least_times(rows: "_Rows", on: Array, start: Array, steps: PowerSteps, store: int) -> None:
    """How long runs and pauses last at least, with those that began before the first slot."""
    least_on, least_off = int(steps.least_on[store]), int(steps.least_off[store])
    run, pause = int(steps.on_before[store]), int(steps.off_before[store])
    for t in range(len(start)):
        if least_on > 1:
            recent = start[max(t - least_on + 1, 0) : t + 1]
            rows.one(0.0, np.inf, (on[t], 1.0), (recent, -1.0))
        if 0 < run < least_on - t:
            rows.one(1.0, np.inf, (on[t], 1.0))
        if not run and pause < least_off - t:
            rows.one(-np.inf, 0.0, (on[t], 1.0))
        if t >= least_off:
            recent = start[t - least_off + 1 : t + 1]
            rows.one(-np.inf, 1.0, (recent, 1.0), (on[t - least_off], 1.0))
        elif run:
            rows.one(-np.inf, 0.0, (start[t : t + 1], 1.0))


class _Rows:
    """Rows that are gathered and then handed to the model together."""

    def __init__(self, model: Model) -> None:
        self.model, self.count = model, 0
        self.limits: list[tuple[Array, Array]] = []
        self.entries: list[tuple[Array, Array, Array]] = []

    def add(self, low: Array, high: Array, *parts: tuple[Array, Array | float]) -> None:
        """Rows of several columns each with its weight."""
        row = np.arange(self.count, self.count + len(low))
        self.count += len(low)
        self.limits.append((low, high))
        for column, weight in parts:
            self.entries.append(
                (row, column, np.broadcast_to(np.asarray(weight, float), row.shape))
            )

    def one(self, low: float, high: float, *parts: tuple[Array, float]) -> None:
        """One row of several columns with each weight."""
        column = np.concatenate([columns for columns, _ in parts])
        weight = np.concatenate([np.full(len(columns), by) for columns, by in parts])
        self.limits.append((np.array([low]), np.array([high])))
        self.entries.append((np.full(len(column), self.count), column, weight))
        self.count += 1

    def hand_over(self) -> None:
        """Add them to the model."""
        low, high = (np.concatenate(part) for part in zip(*self.limits, strict=True))
        row, column, weight = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        shape = (self.count, self.model.columns)
        self.model.add_rows(low, high, sparse.csr_array((weight, (row, column)), shape=shape))
