"""The rules of a plan as rows and columns of a mixed-integer program.

Drawing or feeding of each unit and step, and importing or exporting of each meter where that
matters, are binaries. A unit below its reserve may not feed, which its direction decides.
"""

import numpy as np

from tests.referee.book import Book, Unit
from tests.referee.least_cost.model import Model


class Formulation:
    """The unknowns of a book, with the rules between them."""

    def __init__(self, book: Book, discharge: bool, *, rigid: bool = False) -> None:
        self.book, self.discharge, self.rigid = book, discharge, rigid
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
        self.sold: dict[tuple[int, int], int] = {}
        self.exported: dict[tuple[int, int], int] = {}
        self.unpaid: dict[tuple[int, int], int] = {}
        for row, unit in enumerate(book.units):
            self._unit(row, unit)
        for site, step in zip(*np.nonzero(book.may_curtail_kw > 0), strict=True):
            most = float(book.may_curtail_kw[site, step])
            self.curtailed[int(site), step] = self.model.column(0.0, most)
            if book.meter(int(site)) < 0:  # in no bill, but its emissions are not avoided
                worth = book.step_h * float(book.carbon[step])
                self.cost[self.curtailed[int(site), step]] = worth
        for site in range(len(book.site_id)):
            self._site(site)
        for site in sorted(range(len(book.site_id)), key=lambda site: -len(book.chain(site))):
            self._unpaid(site)

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
                self.tangent(rising, feed, hour * unit.wear_rise, share * feeds)

    def tangent(self, rising: int, feed: int, bend: float, at: float) -> None:
        """Cut off what lies below a curve of wear, at one power."""
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
                draw, 1.0, book.import_limit_kw[site, step], book.alone_import_kw[site, step]
            )
            out = self._limit(
                draw, -1.0, book.export_limit_kw[site, step], book.alone_export_kw[site, step]
            )
            if out is not None:
                self.exported[site, step] = out
            if book.metered[site]:
                self._meter(site, step, draw)
        if np.isfinite(book.budget_kwh[site]):
            over = model.column(0.0, 0.0 if self.rigid else float(book.alone_budget_kwh[site]))
            self.overdrawn.append(over)
            spent = [(draw, book.step_h) for draw in draws]
            model.row([*spent, (over, -1.0)], -np.inf, float(book.budget_kwh[site]))
        if book.demand_rate[site] > 0:
            self._demand(site, draws)

    def _limit(self, draw: int, sign: float, limit: float, alone: float) -> int | None:
        """A limit gives way only where load or generation alone exceed it, and by no more."""
        if not np.isfinite(limit):
            return None
        entries, beyond = [(draw, sign)], None
        if alone > 0 and not self.rigid:
            beyond = self.model.column(0.0, float(alone))
            self.beyond.append(beyond)
            entries.append((beyond, -1.0))
        self.model.row(entries, -np.inf, float(limit))
        return beyond

    def _meter(self, site: int, step: int, draw: int) -> None:
        """A meter imports or exports."""
        book, model = self.book, self.model
        buy, sell = float(book.buy[step]), float(book.sell[step])
        reach = self._reach_kw(site, step)
        bought, fed = model.column(0.0, reach), model.column(0.0, reach)
        model.row([(draw, 1.0), (bought, -1.0), (fed, 1.0)], 0.0, 0.0)
        if buy < sell:
            exports = model.column(0.0, 1.0, integer=True)
            model.row([(fed, 1.0), (exports, -reach)], -np.inf, 0.0)
            model.row([(bought, 1.0), (exports, reach)], -np.inf, reach)
        self.sold[site, step] = fed
        self._pay(bought, book.step_h * buy)
        self._pay(fed, -book.step_h * sell)

    def _unpaid(self, site: int) -> None:
        """What leaves beyond an export limit and is sold by a meter, which nobody pays for."""
        book, model = self.book, self.model
        meter = book.meter(site)
        behind = meter not in (-1, site)
        below = [s for s in range(len(book.site_id)) if site in book.chain(s)]
        children = [s for s in range(len(book.site_id)) if book.parent[s] == site]
        beyond = (book.sell > 0) & (book.alone_export_kw[below] > 0).any(axis=0)
        for step in map(int, np.flatnonzero(beyond)):
            sold = [self.sold[s, step] for s in below if (s, step) in self.sold]
            below_it = [self.unpaid[s, step] for s in children if (s, step) in self.unpaid]
            most = model.column(0.0, np.inf)
            model.row([(most, 1.0), *((column, -1.0) for column in below_it)], 0.0, np.inf)
            # Neither what is sold nor what goes unpaid below, side by side, can be more.
            apart = sum(float(book.alone_export_kw[s, step]) for s in below)
            feeding = [s for s in below if book.metered[s]]
            reach = self._reach_kw(site, step) + apart
            reach += sum(self._reach_kw(s, step) for s in feeding)
            if (site, step) in self.exported:
                model.row([(most, 1.0), (self.exported[site, step], -1.0)], 0.0, np.inf)
            self.unpaid[site, step] = most
            if behind:
                continue
            if not sold:  # what passes the limit is nobody's sale
                del self.unpaid[site, step]
                continue
            # No more goes unpaid than is sold: a binary says which of the two it is.
            capped, all_sold = model.column(0.0, np.inf), model.column(0.0, 1.0, integer=True)
            model.row([(capped, 1.0), (most, -1.0), (all_sold, reach)], 0.0, np.inf)
            cap = [(column, -1.0) for column in sold]
            model.row([(capped, 1.0), *cap, (all_sold, -reach)], -reach, np.inf)
            self.unpaid[site, step] = capped
            if book.parent[site] < 0:
                self._pay(capped, book.step_h * float(book.sell[step]))

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
