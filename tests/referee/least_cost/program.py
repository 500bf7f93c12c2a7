"""What is possible at best: stages of what must give way, then least cost, each with proof.

Least energy short, then least excess of limits and budgets, then least cost; no money takes part in
the first two. Wear that rises with power is cut by tangents until they touch.
"""

from dataclasses import dataclass

import numpy as np

from tests.referee.accounts import Schedule
from tests.referee.book import Book
from tests.referee.least_cost.formulation import Formulation
from tests.referee.least_cost.model import Solved

# kWh by which a later stage may fall behind an earlier one, the least that the solver takes: at the
# very edge of an optimum it now and then finds no point.
SLACKS_KWH = (1e-6, 1e-5, 1e-4, 5e-4)


@dataclass(frozen=True)
class Least:
    """What is possible at best.

    Attributes:
        shortfall_kwh: Least energy owed but not served.
        excess_kwh: Least excess of limits and budgets within it.
        cost: Least cost found within both, of a schedule that can be followed.
        bound: No such schedule costs less.
        schedule: That schedule; None where time ran out.
        proven: Whether every stage before the cost was solved to the end.
        slack_kwh: Energy by which the cost may fall behind least shortfall and excess.
    """

    shortfall_kwh: float
    excess_kwh: float
    cost: float
    bound: float
    schedule: Schedule | None
    proven: bool
    slack_kwh: float


def least(
    book: Book, *, discharge: bool = True, presolve: bool = True, limit_s: float = 30.0
) -> Least | None:
    """What is possible at best under the rules.

    Args:
        book: What is planned.
        discharge: Whether units may feed.
        presolve: Whether the solver may simplify first, which is quick and now and then wrong.
        limit_s: For each of the solves.

    Returns:
        None where nothing keeps the rules, not even the fleet at rest: limits that contradict.
    """
    # Most plans have nothing that gives way: try that first.
    program = _Stages(Formulation(book, discharge, rigid=True), presolve)
    made = program.cheapest(limit_s)
    if made is not None:
        return program.result([Solved(None, 0.0, 0.0)] * 2, made)
    program = _Stages(Formulation(book, discharge), presolve)
    reached = program.giving_way(limit_s)
    if reached is None:
        return None
    return program.result(reached, program.cheapest(limit_s) or Solved(None, np.inf, -np.inf))


def least_curtailed_kwh(book: Book, cost: float, *, limit_s: float = 30.0) -> float:
    """Least curtailed of plans that cost no more, where nothing gives way; infinite for none."""
    rules = Formulation(book, discharge=True, rigid=True)
    rules.model.row(list(rules.cost.items()), -np.inf, cost - rules.constant)
    goal = dict.fromkeys(rules.curtailed.values(), book.step_h)
    found = rules.model.solve(goal, limit_s)
    return np.inf if found is None else found.bound


class _Stages:
    """The stages, one after the other."""

    def __init__(self, rules: Formulation, presolve: bool) -> None:
        self.rules = rules
        self.rules.model.presolve = presolve
        self.stages: list[tuple[int, float]] = []
        self.slack_kwh = 0.0

    def giving_way(self, limit_s: float) -> list[Solved] | None:
        """Least energy short, and least excess within it; both hold from then on."""
        served = dict.fromkeys(self.rules.short, 1.0)
        kept = dict.fromkeys(self.rules.beyond, self.rules.book.step_h) | dict.fromkeys(
            self.rules.overdrawn, 1.0
        )
        reached = []
        for goal in (served, kept):
            found = self._staged(goal, limit_s) if goal else Solved(None, 0.0, 0.0)
            if found is None:
                return None
            reached.append(found)
            if goal:
                self.stages.append((len(self.rules.model.rows), found.value))
                self.rules.model.row(list(goal.items()), -np.inf, found.value)
        return reached

    def _staged(self, goal: dict[int, float], limit_s: float) -> Solved | None:
        """Least sum of a goal, with what the stages before reached kept as nearly as can be."""
        found = None
        for self.slack_kwh in SLACKS_KWH:
            for row, value in self.stages:
                entries, low, _ = self.rules.model.rows[row]
                self.rules.model.rows[row] = (entries, low, value + self.slack_kwh)
            found = self.rules.model.solve(goal, limit_s)
            if not self.stages or (found is not None and found.x is not None):
                break
        return found

    def cheapest(self, limit_s: float) -> Solved | None:
        """Least cost under the rules as they are, with tangents until they touch the curves."""
        found = self._staged(self.rules.cost, limit_s)
        for _ in range(20):
            if found is None or found.x is None:
                break
            missing = 0.0
            for rising, feed, bend in self.rules.bent:
                gap = bend * found.x[feed] ** 2 - found.x[rising]
                missing += max(gap, 0.0)
                if gap > 1e-10:
                    self.rules.tangent(rising, feed, bend, found.x[feed])
            if missing < 1e-7 * max(1.0, abs(found.value)):
                break
            found = self._staged(self.rules.cost, limit_s)
        return found

    def result(self, reached: list[Solved], made: Solved) -> Least:
        """What was found, with the schedule that is in it and what that costs by the rules."""
        short, excess = (max(found.value, 0.0) for found in reached)
        proven = all(found.proven for found in reached)
        bound = made.bound + self.rules.constant
        if made.x is None:
            return Least(short, excess, np.inf, bound, None, proven, 0.0)
        book = self.rules.book
        power = np.zeros((len(book.units), book.steps))
        for (row, step), column in self.rules.fed.items():
            power[row, step] = made.x[column] - made.x[self.rules.drawn[row, step]]
        curtailed = np.zeros_like(book.base_kw)
        for (site, step), column in self.rules.curtailed.items():
            curtailed[site, step] = made.x[column]
        schedule = Schedule(book, power, curtailed)
        cost = schedule.costs().net
        slack = self.slack_kwh if self.stages else 0.0
        return Least(short, excess, cost, bound, schedule, proven, slack)
