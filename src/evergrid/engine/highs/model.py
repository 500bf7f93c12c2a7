"""The one door to HiGHS: a program as its columns and rows, solved, held and read."""

import time
from dataclasses import replace
from functools import cached_property

import highspy
import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.engine.certificate import Dual
from evergrid.engine.highs import sparse_program
from evergrid.engine.highs.linear_program import Least, LinearProgram
from evergrid.engine.parts import roots
from evergrid.engine.program import Program, cost, net_power
from evergrid.engine.solution import EXCESS_WEIGHT

BOTH_TOLERANCE = 1e-7  # share of the limits above which drawing and feeding at once is real
FEASIBLE = 2  # HiGHS' code of a primal solution that keeps every row and bound
WHOLE = 1e-7  # by which a flag may miss a whole number
HELD_KWH = 1e-7  # by which what gives way may exceed the least, for rounding
FEW_FLAGS = 300  # up to which branch and bound does without presolve
ABSOLUTE_GAP = 1e-9  # money at which branch and bound stops
TIE_TOLERANCE = 1e-9  # reduced costs below this leave a choice that costs nothing
FIRST_TANGENTS = (1.0, 0.5, 0.25)  # shares of a power limit at which a rising cost is met at first
MOST_ROUNDS = 40  # of further tangents
LITTLE, MUCH = 1e-3, 1e2  # kW of steps in total power that a kWh weighs, of use and of none
MISSED = 1e-9  # money of a rising cost that tangents may miss in a slot


class Model:
    """The program as HiGHS holds it: columns c, d, e, n, then what the options add."""

    def __init__(
        self,
        program: Program,
        *,
        smooth: bool = False,
        elastic: bool = False,
        budget_weight: float = EXCESS_WEIGHT,
        least: Least | None = None,
        short_price: float = 0.0,
    ) -> None:
        self.program, self.elastic, self.budget_weight = program, elastic, budget_weight
        self.least = least
        self.priced = least is not None or not elastic or short_price > 0
        self.short_price = short_price if self.priced else 1.0  # a kWh of what is owed
        self.side = np.full((program.nodes, program.steps), -1)
        self._columns: list[tuple[Array, Array, Array]] = []  # cost, lower, upper
        self._rows: list[tuple[Array, Array]] = []  # lower, upper
        self._entries: list[tuple[Array, Array, Array]] = []  # row, column, value
        self._add_stores(elastic=elastic)
        self._add_nodes(elastic=elastic)
        self._add_budgets(elastic=elastic)
        self._add_terms()
        if self.priced:  # else money would compete with what is owed
            self._add_meters()
            self._add_peaks()
        self._add_hull()
        self._add_curves()
        if least is not None:
            self._hold_least(least)
        self._swing = self._add_swing() if smooth else np.zeros(0, np.int64)

    # -- building ---------------------------------------------------------------------------

    def _add_stores(self, *, elastic: bool) -> None:
        p = self.program
        money = p.step_h if self.priced else 0.0
        self.draw = self._column(money * p.draw_price_per_kwh, np.zeros(p.slots), p.charge_limit_kw)
        self.feed = self._column(
            -money * p.feed_price_per_kwh, np.zeros(p.slots), p.discharge_limit_kw
        )
        value = np.zeros(p.slots)
        value[p.end] = -p.end_value_per_kwh if self.priced else 0.0
        floor = p.energy_low_kwh[p.store] if elastic else p.energy_floor_kwh
        self.energy = self._column(value, floor, p.energy_high_kwh[p.store])
        start = np.zeros(p.slots)
        start[p.begin] = p.energy_start_kwh
        self.balance = self._row(start, start)
        self._entry(self.balance, self.energy, np.ones(p.slots))
        self._entry(self.balance, self.draw, -p.gain)
        self._entry(self.balance, self.feed, p.drain)
        # Energy is that of the slot before, plus gain times drawn, less drain times fed.
        later = np.ones(p.slots, bool)
        later[p.begin] = False
        self._entry(self.balance[later], self.energy[np.nonzero(later)[0] - 1], -1.0)
        if elastic:
            endless = np.full(p.stores, np.inf)
            weight = np.full(p.stores, self.short_price)
            self.short = self._column(weight, np.zeros(p.stores), endless)
            owed = self._row(p.energy_end_kwh, endless)
            self._entry(owed, self.energy[p.end], np.ones(p.stores))
            self._entry(owed, self.short, np.ones(p.stores))

    def _add_nodes(self, *, elastic: bool) -> None:
        p = self.program
        shape = (p.nodes, p.steps)
        # The excess column takes over where the load alone breaks the limit.
        low, high = p.firm_range_kw if elastic else (p.net_low_kw, p.net_high_kw)
        self.net = self._column(np.zeros(low.size), low.ravel(), high.ravel()).reshape(shape)
        self.sums = self._row(np.zeros(self.net.size), np.zeros(self.net.size)).reshape(shape)
        self._entry(self.sums.ravel(), self.net.ravel(), 1.0)
        at = self.sums[p.node[p.store], p.step]
        self._entry(at, self.draw, 1.0)
        self._entry(at, self.feed, -1.0)
        below = p.parent >= 0
        self._entry(self.sums[p.parent[below]].ravel(), self.net[below].ravel(), -1.0)
        if elastic:
            self._add_excess()

    def _add_excess(self) -> None:
        """Columns that let a node break a limit as far as its load alone already breaks it.

        A kWh of excess weighs so little against one of shortfall that service comes first.
        """
        p = self.program
        self.excess = np.full((p.nodes, p.steps), -1)
        self._exceeded = np.full((p.nodes, p.steps), -1)  # rows of these limits
        for sign, limit in ((1.0, p.net_low_kw), (-1.0, -p.net_high_kw)):
            alone = limit - sign * p.rest_net_kw
            over = alone > 0
            weight = np.full(int(over.sum()), self.short_price * EXCESS_WEIGHT * p.step_h)
            self.excess[over] = self._column(weight, 0.0 * weight, alone[over])
            row = self._row(limit[over], np.full(len(weight), np.inf))
            self._exceeded[over] = row
            self._entry(row, self.net[over], sign)
            self._entry(row, self.excess[over], 1.0)

    def _add_budgets(self, *, elastic: bool) -> None:
        """Rows that keep the net energy of nodes within their budgets."""
        p = self.program
        nodes = np.flatnonzero(np.isfinite(p.budget))
        least = p.step_h * p.load_kw[nodes].sum(axis=1) - p.budget[nodes]
        row = self._row(least, np.full(len(nodes), np.inf))
        self._entry(np.repeat(row, p.steps), self.net[nodes].ravel(), p.step_h)
        self.budgets = np.full(p.nodes, -1)
        self.budgets[nodes] = row
        if elastic:  # as with limits, where the load alone exceeds a budget
            alone = least - p.step_h * p.rest_net_kw[nodes].sum(axis=1)
            over = alone > 0
            self.overdraft = np.full(p.nodes, -1)
            weight = np.full(int(over.sum()), self.short_price * self.budget_weight)
            self.overdraft[nodes[over]] = self._column(weight, 0.0 * weight, alone[over])
            self._entry(row[over], self.overdraft[nodes[over]], 1.0)

    def _add_terms(self) -> None:
        """Columns and rows that the terms of the program add."""
        self.terms: list[Array] = []  # rows of each
        self._term_flags: list[Array] = []
        for term in self.program.term_rows:
            of_own = term.columns
            own = self._column(of_own.cost * self.priced, of_own.lower, of_own.upper)
            self._term_flags.append(own[term.decisions])
            self.terms.append(row := self._row(term.lower, term.upper))
            columns = (self.draw, self.feed, self.energy, self.net.ravel(), own)
            matrices = (term.draw, term.feed, term.energy, term.net, term.own)
            places = [(row, *pair) for pair in zip(columns, matrices, strict=True)]
            for rows, column, matrix in (*places, (self.balance, self.draw, term.spent)):
                at, of = (entries := matrix.tocoo()).coords
                self._entry(rows[at], column[of], entries.data)

    def _add_meters(self) -> None:
        """Columns for what net meters draw, which costs the surcharge."""
        p = self.program
        if self.elastic:  # meters reach as far as limits give way
            low, high = p.firm_range_kw
            p = replace(p, net_low_kw=low, net_high_kw=high)
        convex = np.asarray((p.surcharge_per_kwh > 0).any(axis=1))
        price = p.step_h * np.maximum(p.surcharge_per_kwh[convex], 0.0).ravel()
        self._at_least_drawn(self._free(price), convex)
        always = (p.surcharge_per_kwh < 0) & ~p.concave & (p.drawn_range_kw[0] >= 0)
        drawn = self._free(p.step_h * p.surcharge_per_kwh[always])
        row = self._row(p.load_kw[always], p.load_kw[always])
        self._entry(row, drawn, 1.0)
        self._entry(row, self.net[always], 1.0)
        if p.concave.any():
            self._add_concave_meters(p)

    def _add_concave_meters(self, p: Program) -> None:
        """Columns for what is drawn where that costs less than feeding earns.

        A flag says whether the meter draws. Drawn is at most ``high flag`` and at most
        ``x - low (1 - flag)`` with x the power from above: for a flag of 0 or 1 just max(0, x), for
        any between them the chord from the least to the greatest x.
        """
        at = p.concave
        low, high = (side[at] for side in p.drawn_range_kw)
        count = len(low)
        drawn = self._column(p.step_h * p.surcharge_per_kwh[at], np.zeros(count), high)
        flag = self._column(np.zeros(count), np.zeros(count), np.ones(count))
        self.side[at] = flag
        row = self._row(np.full(count, -np.inf), np.zeros(count))
        self._entry(row, drawn, 1.0)
        self._entry(row, flag, -high)
        row = self._row(np.full(count, -np.inf), p.load_kw[at] - low)
        self._entry(row, drawn, 1.0)
        self._entry(row, self.net[at], 1.0)
        self._entry(row, flag, -low)

    def _add_peaks(self) -> None:
        """Columns for peaks; beyond the peak where it is the mean of several highest steps."""
        p = self.program
        peaked = p.peak_price_per_kw > 0
        before = p.peak_before_kw[peaked]
        peak = self._column(p.peak_price_per_kw[peaked], before, np.full(before.size, np.inf))
        shares = np.repeat((p.peak_price_per_kw / p.counted)[peaked], p.steps)
        several = np.repeat(p.counted[peaked] > 1, p.steps)
        beyond = self._column(
            np.where(several, shares, 0.0), np.zeros(several.size), np.where(several, np.inf, 0.0)
        )
        row = self._at_least_drawn(np.repeat(peak, p.steps), peaked)
        self._entry(row, beyond, 1.0)

    def _free(self, price: Array) -> Array:
        """Columns of any value of at least 0."""
        return self._column(price, np.zeros(price.size), np.full(price.size, np.inf))

    def _at_least_drawn(self, column: Array, nodes: Array) -> Array:
        """Rows that hold a column at or above the power these nodes draw from above."""
        load_kw = self.program.load_kw[nodes].ravel()
        row = self._row(load_kw, np.full(load_kw.size, np.inf))
        self._entry(row, column, 1.0)
        self._entry(row, self.net[nodes].ravel(), 1.0)
        return row

    def _add_hull(self) -> None:
        """Convex hull of drawing or feeding, but not both, where wasting energy could pay."""
        p = self.program
        slots = np.nonzero(p.simultaneous)[0]
        row = self._row(np.full(len(slots), -np.inf), np.ones(len(slots)))
        self._entry(row, self.draw[slots], 1 / p.charge_limit_kw[slots])
        self._entry(row, self.feed[slots], 1 / p.discharge_limit_kw[slots])

    def _hold_least(self, least: Least) -> None:
        """Rows by which no tree gives way more than it must."""
        p = self.program
        root = roots(p)
        tops = np.unique(root)
        row = self._row(np.full(len(tops), -np.inf), least.short_kwh[tops] + HELD_KWH)
        self._entry(row[np.searchsorted(tops, root[p.node])], self.short, 1.0)
        row = self._row(np.full(len(tops), -np.inf), least.beyond_kwh[tops] + HELD_KWH)
        node, step = np.nonzero(self.excess >= 0)
        self._entry(row[np.searchsorted(tops, root[node])], self.excess[node, step], p.step_h)
        over = np.nonzero(self.overdraft >= 0)[0]
        self._entry(row[np.searchsorted(tops, root[over])], self.overdraft[over], 1.0)

    def _add_curves(self) -> None:
        """Columns for what rising costs add, held above a few tangents of each parabola."""
        p = self.program
        none = np.zeros(p.slots)
        curves = p.curves or (none, none) if self.priced else (none, none)
        bend, limit = p.step_h * np.concatenate(curves), self._power_limits()
        rises = bend * limit > 0
        self.rising = np.concatenate([self.draw, self.feed])[rises]
        self.bend, limit = bend[rises], limit[rises]
        count = len(limit)
        self.rise = self._column(np.ones(count), np.zeros(count), np.full(count, np.inf))
        for share in FIRST_TANGENTS:
            row = self._row(-self.bend * (share * limit) ** 2, np.full(count, np.inf))
            self._entry(row, self.rise, 1.0)
            self._entry(row, self.rising, -2 * self.bend * share * limit)

    def _power_limits(self) -> Array:
        """Greatest power of each slot, drawn and then fed."""
        return np.concatenate([self.program.charge_limit_kw, self.program.discharge_limit_kw])

    def _add_swing(self) -> Array:
        """Columns above the change of each tree's net power from step to step, free of cost."""
        p = self.program
        net = self.net[p.parent < 0]
        ahead, behind = net[:, 1:].ravel(), net[:, :-1].ravel()
        endless = np.full(ahead.size, np.inf)
        swing = self._column(np.zeros(ahead.size), np.zeros(ahead.size), endless)
        for sign in (1.0, -1.0):
            row = self._row(np.zeros(ahead.size), endless)
            self._entry(row, swing, 1.0)
            self._entry(row, ahead, sign)
            self._entry(row, behind, -sign)
        return swing

    def _column(self, cost: Array, lower: Array, upper: Array) -> Array:
        start = sum(len(block[0]) for block in self._columns)
        self._columns.append((cost, lower, upper))
        return np.arange(start, start + len(cost))

    def _row(self, lower: Array, upper: Array) -> Array:
        start = sum(len(block[0]) for block in self._rows)
        self._rows.append((lower, upper))
        return np.arange(start, start + len(lower))

    def _entry(self, row: Array, column: Array, value: Array | float) -> None:
        self._entries.append((row, column, np.broadcast_to(np.asarray(value, float), row.shape)))

    @cached_property
    def arrays(self) -> LinearProgram:
        """The model as arrays, as it was built."""
        cost, lower, upper = (np.concatenate(part) for part in zip(*self._columns, strict=True))
        row_lower, row_upper = (np.concatenate(part) for part in zip(*self._rows, strict=True))
        row, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        return LinearProgram(
            cost=cost,
            lower=lower,
            upper=upper,
            row_lower=row_lower,
            row_upper=row_upper,
            whole=np.zeros(len(cost), bool),
            matrix=sparse.csc_array((value, (row, column)), shape=(len(row_lower), len(cost))),
            draw=self.draw,
            feed=self.feed,
            balance=self.balance,
            sums=self.sums,
            budgets=self.budgets,
            terms=tuple(self.terms),
        )

    @cached_property
    def _highs(self) -> highspy.Highs:
        return sparse_program.as_highs(self.arrays)

    # -- solving ----------------------------------------------------------------------------

    def use(self, algorithm: str) -> None:
        """Choose HiGHS' algorithm; only simplex can start from the last answer."""
        self._highs.setOptionValue("solver", algorithm)

    def solve(self, time_limit_s: float, gap: float) -> Status:
        """Solve, with tangents added where the answer lies until they miss little enough.

        What they miss falls about fourfold from round to round. HiGHS' own method for quadratic
        costs takes seconds for some hundred slots, and fails on many.

        Source:
            J. E. Kelley (1960), The cutting-plane method for solving convex programs, J. SIAM 8(4),
            doi 10.1137/0108053.
        """
        deadline = time.perf_counter() + time_limit_s
        status = self.run(time_limit_s)
        for _ in range(MOST_ROUNDS if status.good else 0):
            missed = self._missed(gap)
            if not missed.any():
                break
            before = (self.values, self.solution)
            self._add_tangents(missed)
            if not self.run(max(deadline - time.perf_counter(), 0.0)).good:
                self.values, self.solution = before  # it keeps every limit, and its gap is told
                break
        return status

    def _missed(self, gap: float) -> Bool[Array, " rise"]:
        """Rising costs that tangents miss notably; none where they miss little together."""
        power, paid = self.values[self.rising], self.values[self.rise]
        missed = self.bend * power**2 - paid
        if missed.sum() <= 0.3 * gap * abs(cost(self.program, self.power())):
            return np.zeros(len(missed), bool)
        return missed > max(MISSED, 0.01 * float(missed.max()))

    def _add_tangents(self, missed: Bool[Array, " rise"]) -> None:
        """Rows that hold rising costs above their tangents at the present powers."""
        column, bend, rise = self.rising[missed], self.bend[missed], self.rise[missed]
        power = self.values[column]
        low, high = -bend * power**2, np.full(len(column), np.inf)
        self._rows_of_two(low, high, rise, column, -2 * bend * power)

    def add_flowgates(self, gates: Flowgates) -> None:
        """Rows for flowgates beside those of the program."""
        gate, node = np.nonzero(gates.weight)
        at = (gate, self.net[node, gates.step[gate]])
        shape = (len(gates), self.columns)
        weight = sparse.csr_array((gates.weight[gate, node], at), shape=shape)
        self.add_rows(np.full(len(gates), -np.inf), gates.limit_kw, weight)

    def run(self, time_limit_s: float) -> Status:
        """Solve as the model stands."""
        highs = self._highs
        highs.setOptionValue("time_limit", highs.getRunTime() + time_limit_s)
        highs.run()
        self.solution = highs.getSolution()
        self.values = np.array(self.solution.col_value)
        known = {
            highspy.HighsModelStatus.kOptimal: Status.OPTIMAL,
            highspy.HighsModelStatus.kInfeasible: Status.INFEASIBLE,
            highspy.HighsModelStatus.kUnboundedOrInfeasible: Status.INFEASIBLE,
            highspy.HighsModelStatus.kTimeLimit: Status.TIME_LIMIT,
        }
        return known.get(highs.getModelStatus(), Status.NUMERICAL)

    def close(self, slots: Array, columns: Array) -> None:
        """Hold the power of these slots at 0 in one direction."""
        self._bound(columns[slots], np.zeros(len(slots)), np.zeros(len(slots)))

    def _bound(self, columns: Array, low: Array, high: Array) -> None:
        if len(columns):
            self._highs.changeColsBounds(len(columns), columns.astype(np.int32), low, high)

    def follow_energy(self, both: Bool[Array, " slot"]) -> None:
        """Close the direction against which a slot's stored energy moves."""
        p = self.program
        change = p.gain * self.values[self.draw] - p.drain * self.values[self.feed]
        for column, against in ((self.feed, change >= 0), (self.draw, change < 0)):
            self.close(np.nonzero(both & against)[0], column)

    # -- deciding ---------------------------------------------------------------------------

    def add_flags(self) -> None:
        """Whole-numbered columns for every decision: directions, meters' sides, reserves, terms."""
        p = self.program
        self._decisions: list[Array] = []
        self._whole(np.concatenate([np.zeros(0, np.int64), *self._term_flags]))
        self._flag_slots = np.nonzero(p.simultaneous)[0]
        self._flag_draw = self.add_whole(np.ones(len(self._flag_slots)))
        self._flag_directions()
        self._flag_side = self.side[self.side >= 0]
        self._whole(self._flag_side)
        self._reserve_slots = np.nonzero(np.isin(p.store, p.reserved))[0]
        self._flag_above = self.add_whole(np.ones(len(self._reserve_slots)))
        self._flag_reserves()

    def add_whole(self, most: Float[Array, " column"]) -> Int[Array, " column"]:
        """Whole-numbered columns from 0 to these values, free of cost; after `add_flags`."""
        count = len(most)
        first, none, zeros = self.columns, np.zeros(0, np.int32), np.zeros(count)
        self._highs.addCols(count, zeros, zeros, most, 0, none, none, np.zeros(0))
        self._whole(made := np.arange(first, first + count))
        return made

    def add_rows(
        self, low: Float[Array, " row"], high: Float[Array, " row"], matrix: sparse.csr_array
    ) -> None:
        """Rows over all columns there are."""
        start, column = matrix.indptr[:-1].astype(np.int32), matrix.indices.astype(np.int32)
        self._highs.addRows(
            len(low), low, high, matrix.nnz, start, column, matrix.data.astype(float)
        )

    def begin_with(self, column: Int[Array, " some"], value: Float[Array, " some"]) -> None:
        """Values of some columns from which branch and bound begins."""
        self._highs.setSolution(len(column), column.astype(np.int32), value)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return self._highs.getNumCol()

    def _whole(self, flags: Array, *, whole: bool = True) -> None:
        if whole:
            self._decisions.append(flags)
        kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
        if len(flags):
            self._highs.changeColsIntegrality(
                len(flags), flags.astype(np.int32), np.full(len(flags), kind)
            )

    def _flag_directions(self) -> None:
        """A flag of each slot for drawing: draw <= limit flag, feed <= limit (1 - flag)."""
        p, slots, flag = self.program, self._flag_slots, self._flag_draw
        none = np.full(len(slots), -np.inf)
        draw, feed = p.charge_limit_kw[slots], p.discharge_limit_kw[slots]
        self._rows_of_two(none, np.zeros(len(slots)), self.draw[slots], flag, -draw)
        self._rows_of_two(none, feed, self.feed[slots], flag, feed)

    def _flag_reserves(self) -> None:
        """A flag of each slot for holding the reserve at its end: it never falls, and lets feed.

        energy >= low + (reserve - low) flag,  energy <= reserve + (high - reserve) flag,
        feed <= limit flag,  flag >= the flag before.
        """
        p, slots, flag = self.program, self._reserve_slots, self._flag_above
        if not len(slots):
            return
        assert p.reserve_kwh is not None
        store = p.store[slots]
        reserve, low, high = p.reserve_kwh[store], p.energy_low_kwh[store], p.energy_high_kwh[store]
        none, endless = np.full(len(slots), -np.inf), np.full(len(slots), np.inf)
        energy, feed = self.energy[slots], self.feed[slots]
        self._rows_of_two(low, endless, energy, flag, low - reserve)
        self._rows_of_two(none, reserve, energy, flag, reserve - high)
        self._rows_of_two(none, np.zeros(len(slots)), feed, flag, -p.discharge_limit_kw[slots])
        later = np.nonzero(store[1:] == store[:-1])[0] + 1
        zeros = np.zeros(len(later))
        self._rows_of_two(zeros, endless[later], flag[later], flag[later - 1], zeros - 1.0)

    def _rows_of_two(self, low: Array, high: Array, one: Array, other: Array, by: Array) -> None:
        """Rows of one column plus a multiple of another."""
        row = np.arange(len(one))
        if len(row):
            at = (np.r_[row, row], np.r_[one, other])
            entries = (np.r_[np.ones(len(row)), by], at)
            self.add_rows(low, high, sparse.csr_array(entries, shape=(len(row), self.columns)))

    def decide(self, time_limit_s: float, gap: float) -> tuple[Status, float]:
        """Branch and bound over all flags; then they stay as they are. Its bound is told.

        The status is optimal where the gap is closed, and feasible where the time was over before.
        Where there is no schedule the bound is infinite; HiGHS' own is any number then.
        """
        self._highs.setOptionValue("mip_rel_gap", gap)
        self._highs.setOptionValue("mip_abs_gap", ABSOLUTE_GAP)
        self._highs.setOptionValue("mip_feasibility_tolerance", WHOLE)
        flags = np.concatenate([np.zeros(0, np.int64), *self._decisions])
        # Small programs are as fast without presolve, which has been seen to lose solutions.
        self._highs.setOptionValue("presolve", "off" if len(flags) <= FEW_FLAGS else "choose")
        status = self.run(time_limit_s)
        self._highs.setOptionValue("presolve", "choose")
        info = self._highs.getInfo()
        found = info.primal_solution_status == FEASIBLE and len(self.values) > 0
        bound = np.inf if status is Status.INFEASIBLE else float(info.mip_dual_bound)
        if status is Status.INFEASIBLE or not found:
            return (status if not status.good else Status.NUMERICAL), bound
        at = np.round(self.values[flags])
        self._whole(flags, whole=False)
        self._bound(flags, at, at)
        return (Status.OPTIMAL if status is Status.OPTIMAL else Status.FEASIBLE), bound

    def follow(self, power_kw: Float[Array, " slot"]) -> None:
        """Keep to the directions and sides of a schedule wherever they are a decision."""
        p = self.program
        self.close(np.nonzero(p.simultaneous & (power_kw >= 0))[0], self.draw)
        self.close(np.nonzero(p.simultaneous & (power_kw <= 0))[0], self.feed)
        sides = self.side >= 0
        drawn = (p.load_kw - net_power(p, power_kw) > 0)[sides].astype(float)
        self._bound(self.side[sides], drawn, drawn)

    def smooth(self, time_limit_s: float) -> Float[Array, " slot"] | None:
        """The steadiest schedule of the same cost as the present answer; None if not found in time.

        Above all it draws little that is of no use to anybody, such as generation curtailed.

        Columns with a reduced cost and rows with a price are held where they are, which by
        complementary slackness describes every optimal schedule and no other. Powers whose cost
        rises are the same in all of them.
        """
        before, solution = self.values, self.solution
        self._hold(np.array(solution.col_dual), np.array(solution.row_dual), before)
        costs = np.zeros(len(before))
        costs[self._swing] = 1.0
        costs[np.concatenate([self.draw, self.feed])] = LITTLE * self.program.step_h
        costs[self.draw[self.program.useless]] = MUCH * self.program.step_h
        columns = np.arange(len(costs), dtype=np.int32)
        self._highs.changeColsCost(len(costs), columns, costs)
        return self.power() if self.run(time_limit_s).good else None

    def _hold(self, col_dual: Array, row_dual: Array, values: Array) -> None:
        a = self.arrays
        row_dual = row_dual[: len(a.row_lower)]  # further tangents say nothing that is not held
        is_held = np.abs(col_dual) > TIE_TOLERANCE
        is_held[self.rising] = is_held[self.rise] = True
        held = np.nonzero(is_held)[0].astype(np.int32)
        at = np.clip(values[held], a.lower[held], a.upper[held])
        self._highs.changeColsBounds(len(held), held, at, at)
        priced = (np.abs(row_dual) > TIE_TOLERANCE) & (a.row_lower != a.row_upper)
        rows = np.nonzero(priced)[0].astype(np.int32)
        at = np.where(row_dual[rows] > 0, a.row_lower[rows], a.row_upper[rows])
        # In HiGHS, though missing from the type stubs it ships.
        self._highs.changeRowsBounds(len(rows), rows, at, at)  # pyright: ignore[reportAttributeAccessIssue]

    # -- reading ----------------------------------------------------------------------------

    def power(self) -> Float[Array, " slot"]:
        """Power of each slot, the smaller of the two directions cancelled."""
        return self.arrays.power(self.program, self.values)

    def both_directions(self) -> Bool[Array, " slot"]:
        """Slots that draw and feed at once by more than rounding."""
        p = self.program
        smaller = np.minimum(self.values[self.draw], self.values[self.feed])
        return smaller > BOTH_TOLERANCE * np.maximum(p.charge_limit_kw, p.discharge_limit_kw)

    def dual(self) -> Dual:
        """Prices of stored energy, of net power and of budgets, in the signs of `Dual`."""
        return self.arrays.dual(np.array(self.solution.row_dual))

    def end_energy(self) -> Float[Array, " store"]:
        """Energy of each store in its last slot."""
        return self.values[self.energy[self.program.end]]

    def slack(
        self,
    ) -> tuple[Float[Array, " store"], Float[Array, "node step"], Float[Array, " node"]]:
        """Energy short of what is owed, power beyond limits, energy beyond budgets, if elastic."""
        short = self.values[self.short]
        excess = np.where(self.excess >= 0, self.values[self.excess], 0.0)
        overdraft = np.where(self.overdraft >= 0, self.values[self.overdraft], 0.0)
        short, excess, overdraft = (
            np.where(part > 1e-7, part, 0.0) for part in (short, excess, overdraft)
        )
        return short, excess, overdraft

    def limit_price(self) -> Float[Array, "node step"]:
        """Saving per kWh if a node's limit were wider by a kW in a step."""
        prices = np.abs(np.array(self.solution.col_dual)[self.net])
        if self.least is not None:  # a limit that is kept, though the load alone exceeds it
            room_kw = 2.0 * HELD_KWH / self.program.step_h
            kept = (self._exceeded >= 0) & (self.values[self.excess] <= room_kw)
            prices[kept] += np.abs(np.array(self.solution.row_dual)[self._exceeded[kept]])
        return np.where(prices > TIE_TOLERANCE, prices, 0.0) / self.program.step_h
