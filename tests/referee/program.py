"""A mixed-integer program of the rules of a plan: what must give way, then least cost, with proof.

Drawing or feeding of each unit and step, and importing or exporting of each meter where that
matters, are binaries. A unit below its reserve may not feed, which its direction decides. What
cannot be kept is found in stages: least energy short, then least excess of limits and budgets,
then least cost; no money takes part in the first two. Wear that rises with power is cut by
tangents until they touch.
"""

from dataclasses import dataclass

import numpy as np

from tests.referee.accounts import Schedule
from tests.referee.book import Book, Unit
from tests.referee.model import Model, Solved

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
        tied: Whether an import limit gives way to an export limit below it.
        slack_kwh: Energy by which the cost may fall behind least shortfall and excess.
    """

    shortfall_kwh: float
    excess_kwh: float
    cost: float
    bound: float
    schedule: Schedule | None
    proven: bool
    tied: bool
    slack_kwh: float


def least(book: Book, *, discharge: bool = True, limit_s: float = 30.0) -> Least | None:
    """What is possible at best under the rules.

    An export limit below may force curtailing that an import limit above cannot spare. Where the
    fleet cannot help, more than the load alone then exceeds that limit: `Least.tied` says so.

    Args:
        book: What is planned.
        discharge: Whether units may feed.
        limit_s: For each of the solves.

    Returns:
        None where nothing keeps the rules, not even the fleet at rest: limits that contradict.
    """
    # Most plans have nothing that gives way: try that first.
    program = _Program(book, discharge, rigid=True)
    made = program.cheapest(limit_s)
    if made is not None:
        return program.result([Solved(None, 0.0, 0.0)] * 2, made)
    for tied in (False, True):
        program = _Program(book, discharge, tied=tied)
        reached = program.giving_way(limit_s)
        if reached is not None:
            made = program.cheapest(limit_s) or Solved(None, np.inf, -np.inf)
            return program.result(reached, made, tied=tied)
    return None


def least_curtailed_kwh(book: Book, cost: float, *, limit_s: float = 30.0) -> float:
    """Least curtailed of plans that cost no more, where nothing gives way; infinite for none."""
    program = _Program(book, discharge=True, rigid=True)
    program.model.row(list(program.cost.items()), -np.inf, cost - program.constant)
    goal = dict.fromkeys(program.curtailed.values(), book.step_h)
    found = program.model.solve(goal, limit_s)
    return np.inf if found is None else found.bound


class _Program:
    """The unknowns of a book, with the rules between them."""

    def __init__(
        self, book: Book, discharge: bool, *, rigid: bool = False, tied: bool = False
    ) -> None:
        self.book, self.discharge, self.rigid = book, discharge, rigid
        self.most_import_kw = book.alone_curtailed_import_kw if tied else book.alone_import_kw
        self.most_budget_kwh = book.alone_curtailed_budget_kwh if tied else book.alone_budget_kwh
        self.model = Model()
        self.cost: dict[int, float] = {}
        self.constant = 0.0
        self.drawn: dict[tuple[int, int], int] = {}
        self.fed: dict[tuple[int, int], int] = {}
        self.curtailed: dict[tuple[int, int], int] = {}
        self.short: list[int] = []
        self.beyond: list[int] = []
        self.overdrawn: list[int] = []
        self.bent: list[tuple[int, int, float]] = []
        self.stages: list[tuple[int, float]] = []
        self.slack_kwh = 0.0
        for row, unit in enumerate(book.units):
            self._unit(row, unit)
        for site, step in zip(*np.nonzero(book.may_curtail_kw > 0), strict=True):
            most = float(book.may_curtail_kw[site, step])
            self.curtailed[int(site), int(step)] = self.model.column(0.0, most)
        for site in range(len(book.site_id)):
            self._site(site)

    def _unit(self, row: int, unit: Unit) -> None:
        """Energy balance, direction and reserve of one unit, and what is owed at its end."""
        book, model, hour = self.book, self.model, self.book.step_h
        rated = unit.discharge_kw if self.discharge else 0.0
        plugs = book.meter(unit.site) < 0
        most = max(unit.capacity_kwh, unit.start_kwh)
        before = None
        for step in map(int, unit.slots):
            draws, feeds = unit.charge_kw * unit.share[step], rated * unit.share[step]
            draw, feed = model.column(0.0, draws), model.column(0.0, feeds)
            held = model.column(min(unit.reserve_kwh, unit.start_kwh), most)
            self.drawn[row, step], self.fed[row, step] = draw, feed
            balance = [(held, 1.0), (draw, -hour * unit.efficiency_charge)]
            balance.append((feed, hour / unit.efficiency_discharge))
            start = unit.start_kwh if before is None else 0.0
            model.row(balance + ([] if before is None else [(before, -1.0)]), start, start)
            before = held
            if feeds > 0:
                feeding = model.column(0.0, 1.0, integer=True)
                model.row([(feed, 1.0), (feeding, -feeds)], -np.inf, 0.0)
                model.row([(draw, 1.0), (feeding, draws)], -np.inf, draws)
                if unit.start_kwh < unit.reserve_kwh:
                    lacking = unit.reserve_kwh - unit.start_kwh
                    model.row([(held, 1.0), (feeding, -lacking)], unit.start_kwh, np.inf)
                self._wear(unit, feed, feeds)
            if plugs:
                self._pay(draw, hour * book.buy[step])
                self._pay(feed, -hour * book.sell[step])
        if before is None:
            return
        short = model.column(0.0, 0.0 if self.rigid else np.inf)
        self.short.append(short)
        model.row([(before, 1.0), (short, 1.0)], unit.owed_kwh, np.inf)
        if unit.outlasts:
            self._pay(before, -book.end_value)
            self.constant += book.end_value * unit.start_kwh

    def _wear(self, unit: Unit, feed: int, feeds: float) -> None:
        hour = self.book.step_h
        self._pay(feed, hour * unit.wear)
        if unit.wear_rise > 0:
            rising = self.model.column(0.0, np.inf)
            self._pay(rising, 1.0)
            self.bent.append((rising, feed, hour * unit.wear_rise))
            for share in (0.1, 0.3, 0.5, 0.75, 1.0):
                self._tangent(rising, feed, hour * unit.wear_rise, share * feeds)

    def _tangent(self, rising: int, feed: int, bend: float, at: float) -> None:
        self.model.row([(rising, 1.0), (feed, -2 * bend * at)], -bend * at**2, np.inf)

    def _pay(self, column: int, each: float) -> None:
        self.cost[column] = self.cost.get(column, 0.0) + each

    def _site(self, site: int) -> None:
        """Draw from above of one site, its limits, budget, meter and demand charge."""
        book, model = self.book, self.model
        below = [s for s in range(len(book.site_id)) if site in book.chain(s)]
        units = [row for row, unit in enumerate(book.units) if unit.site in below]
        draws = []
        for step in range(book.steps):
            entries = [(self.drawn[r, step], -1.0) for r in units if (r, step) in self.drawn]
            entries += [(self.fed[r, step], 1.0) for r in units if (r, step) in self.fed]
            cut = [self.curtailed[s, step] for s in below if (s, step) in self.curtailed]
            draw = model.column(-np.inf, np.inf)
            base = float(book.base_kw[site, step])
            model.row([(draw, 1.0), *entries, *((column, -1.0) for column in cut)], base, base)
            draws.append(draw)
            self._limit(
                draw, 1.0, book.import_limit_kw[site, step], self.most_import_kw[site, step]
            )
            self._limit(
                draw, -1.0, book.export_limit_kw[site, step], book.alone_export_kw[site, step]
            )
            if book.metered[site]:
                self._meter(site, step, draw)
        if np.isfinite(book.budget_kwh[site]):
            over = model.column(0.0, 0.0 if self.rigid else float(self.most_budget_kwh[site]))
            self.overdrawn.append(over)
            spent = [(draw, book.step_h) for draw in draws]
            model.row([*spent, (over, -1.0)], -np.inf, float(book.budget_kwh[site]))
        if book.demand_rate[site] > 0:
            self._demand(site, draws)

    def _limit(self, draw: int, sign: float, limit: float, alone: float) -> None:
        """A limit gives way only where load or generation alone exceed it, and by no more."""
        if not np.isfinite(limit):
            return
        entries = [(draw, sign)]
        if alone > 0 and not self.rigid:
            beyond = self.model.column(0.0, float(alone))
            self.beyond.append(beyond)
            entries.append((beyond, -1.0))
        self.model.row(entries, -np.inf, float(limit))

    def _meter(self, site: int, step: int, draw: int) -> None:
        """A meter imports or exports; export beyond the limit of its site earns nothing."""
        book, model = self.book, self.model
        buy, sell = float(book.buy[step]), float(book.sell[step])
        reach = self._reach_kw(site, step)
        bought, fed = model.column(0.0, reach), model.column(0.0, reach)
        model.row([(draw, 1.0), (bought, -1.0), (fed, 1.0)], 0.0, 0.0)
        if buy < sell:
            exports = model.column(0.0, 1.0, integer=True)
            model.row([(fed, 1.0), (exports, -reach)], -np.inf, 0.0)
            model.row([(bought, 1.0), (exports, reach)], -np.inf, reach)
        paid = fed
        if sell > 0 and book.alone_export_kw[site, step] > 0:
            paid = model.column(0.0, max(0.0, float(book.export_limit_kw[site, step])))
            model.row([(paid, 1.0), (fed, -1.0)], -np.inf, 0.0)
        self._pay(bought, book.step_h * buy)
        self._pay(paid, -book.step_h * sell)

    def _reach_kw(self, site: int, step: int) -> float:
        """A power that no draw or feed of a site can exceed."""
        book = self.book
        below = [s for s in range(len(book.site_id)) if site in book.chain(s)]
        units = [unit for unit in book.units if unit.site in below]
        rated = sum(max(u.charge_kw, u.discharge_kw) * u.share[step] for u in units)
        cut = sum(book.may_curtail_kw[s, step] for s in below)
        return float(abs(book.base_kw[site, step]) + rated + cut + 1.0)

    def _demand(self, site: int, draws: list[int]) -> None:
        """Mean of the k highest steps: k times a level, and what the steps exceed it by."""
        book, model, k = self.book, self.model, int(self.book.peaks[site])
        for period in range(int(book.period[site].max()) + 1):
            level = model.column(0.0, np.inf)
            self._pay(level, float(book.demand_rate[site]))
            each = float(book.demand_rate[site]) / k
            for step in np.flatnonzero(book.period[site] == period):
                above = model.column(0.0, np.inf)
                model.row([(above, 1.0), (level, 1.0), (draws[step], -1.0)], 0.0, np.inf)
                self._pay(above, each)
            if period == 0 and book.peak_before_kw[site] > 0:
                above = model.column(0.0, np.inf)
                model.row([(above, 1.0), (level, 1.0)], float(book.peak_before_kw[site]), np.inf)
                self._pay(above, each * k)

    def giving_way(self, limit_s: float) -> list[Solved] | None:
        """Least energy short, and least excess within it; both hold from then on."""
        served = dict.fromkeys(self.short, 1.0)
        kept = dict.fromkeys(self.beyond, self.book.step_h) | dict.fromkeys(self.overdrawn, 1.0)
        reached = []
        for goal in (served, kept):
            found = self._staged(goal, limit_s) if goal else Solved(None, 0.0, 0.0)
            if found is None:
                return None
            reached.append(found)
            if goal:
                self.stages.append((len(self.model.rows), found.value))
                self.model.row(list(goal.items()), -np.inf, found.value)
        return reached

    def _staged(self, goal: dict[int, float], limit_s: float) -> Solved | None:
        """Least sum of a goal, with what the stages before reached kept as nearly as can be."""
        found = None
        for self.slack_kwh in SLACKS_KWH:
            for row, value in self.stages:
                entries, low, _ = self.model.rows[row]
                self.model.rows[row] = (entries, low, value + self.slack_kwh)
            found = self.model.solve(goal, limit_s)
            if not self.stages or (found is not None and found.x is not None):
                break
        return found

    def cheapest(self, limit_s: float) -> Solved | None:
        """Least cost under the rules as they are, with tangents until they touch the curves."""
        found = self._staged(self.cost, limit_s)
        for _ in range(20):
            if found is None or found.x is None:
                break
            missing = 0.0
            for rising, feed, bend in self.bent:
                gap = bend * found.x[feed] ** 2 - found.x[rising]
                missing += max(gap, 0.0)
                if gap > 1e-10:
                    self._tangent(rising, feed, bend, found.x[feed])
            if missing < 1e-7 * max(1.0, abs(found.value)):
                break
            found = self._staged(self.cost, limit_s)
        return found

    def result(self, reached: list[Solved], made: Solved, *, tied: bool = False) -> Least:
        """What was found, with the schedule that is in it and what that costs by the rules."""
        short, excess = (max(found.value, 0.0) for found in reached)
        proven = all(found.proven for found in reached)
        if made.x is None:
            return Least(short, excess, np.inf, made.bound + self.constant, None, proven, tied, 0.0)
        book = self.book
        power = np.zeros((len(book.units), book.steps))
        for (row, step), column in self.fed.items():
            power[row, step] = made.x[column] - made.x[self.drawn[row, step]]
        curtailed = np.zeros_like(book.base_kw)
        for (site, step), column in self.curtailed.items():
            curtailed[site, step] = made.x[column]
        schedule = Schedule(book, power, curtailed)
        cost = schedule.costs().net
        bound, slack = made.bound + self.constant, self.slack_kwh if self.stages else 0.0
        return Least(short, excess, cost, bound, schedule, proven, tied, slack)
