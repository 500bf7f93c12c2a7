"""The one door to HiGHS: the program solved exactly, as referee and for fleets of modest size."""

import time
from dataclasses import dataclass, replace
from functools import cached_property

import highspy
import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.engine.certificate import Certificate, Dual, certify
from evergrid.engine.program import Program, cost
from evergrid.engine.solution import EXCESS_WEIGHT, Relaxation, Solution, failed

BOTH_TOLERANCE = 1e-7  # share of the limits above which drawing and feeding at once is real
FEASIBLE = 2  # HiGHS' code of a primal solution that keeps every row and bound
MOST_BRANCHED = 2000  # slots beyond which branch and bound is not tried
BRANCHING_S = 10.0  # time given to it
TIE_TOLERANCE = 1e-9  # reduced costs below this leave a choice that costs nothing
FIRST_TANGENTS = (1.0, 0.5, 0.25)  # shares of a power limit at which a rising cost is met at first
MOST_ROUNDS = 40  # of further tangents
MISSED = 1e-9  # money of a rising cost that tangents may miss in a slot


def solve(
    program: Program,
    *,
    smooth: bool = False,
    time_limit_s: float = 600.0,
    gap: float = 1e-6,
    algorithm: str = "choose",
    branch: bool = True,
) -> Solution:
    """The least-cost schedule, with its certificate.

    The linear program is solved first; where its answer draws and feeds in one slot, directions
    are decided and the program solved again: by branch and bound where few slots are concerned,
    else by following the stored energy. The bound is that of the first solve, so whatever the
    decision costs shows in the gap. Costs that rise with power are met by tangents, which are added
    where the answer lies until they miss no more than the gap allows.

    Args:
        program: What to solve.
        smooth: Among schedules of equal cost, prefer the one whose total power moves least.
        time_limit_s: For each of the solves.
        gap: Largest relative gap that still counts as optimal.
        algorithm: Which of HiGHS' own: "choose", "simplex", "ipm" or "pdlp".
        branch: Search for better directions, for some seconds, where wasting energy pays.
    """
    begun = time.perf_counter()
    model = _Model(program, smooth=smooth)
    model.use(algorithm)
    status = model.solve(time_limit_s, gap)
    if not status.good:
        return failed(program, status, time.perf_counter() - begun)
    dual, limit_price = model.dual(), model.limit_price()
    both = model.both_directions()
    if both.any():
        model.follow_energy(both)
        model.solve(time_limit_s, gap)
        proven = certify(program, model.power(), dual).gap <= gap
        if branch and not proven and model.open_slots().size <= MOST_BRANCHED:
            model.branch(min(time_limit_s, BRANCHING_S), gap)
    certificate = certify(program, model.power(), dual)
    if smooth and not both.any():
        certificate = model.smooth(dual, certificate, time_limit_s)
    status = Status.OPTIMAL if certificate.gap <= gap else Status.FEASIBLE
    taken_s = time.perf_counter() - begun
    return Solution(status, model.power(), dual, limit_price, certificate, taken_s)


def relax(program: Program, *, time_limit_s: float = 600.0) -> Relaxation:
    """Serve what can be served: least shortfall of owed energy under every limit.

    Limits and budgets give way only where the load beside the units exceeds them by itself and the
    units cannot make up for it.
    """
    model = _Model(program, elastic=True)
    model.run(time_limit_s)
    shortfall, excess, overdrawn = model.slack()
    wide, wider = (np.where(over > 0, over + 1e-7, 0.0) for over in (excess, overdrawn))
    served = model.end_energy() - 1e-7  # room for rounding
    return Relaxation(
        program=replace(
            program,
            energy_end=np.where(shortfall > 0, served, program.energy_end),
            net_low=program.net_low - np.where(program.net_low > 0, wide, 0.0),
            net_high=program.net_high + np.where(program.net_high < 0, wide, 0.0),
            budget_kwh=program.budget + wider,
        ),
        shortfall_kwh=shortfall,
        excess_kw=excess,
        limiting=model.limit_price() > 0,
        excess_kwh=overdrawn,
        exhausted=model.dual().budget_price > TIE_TOLERANCE,
    )


class Growing:
    """A program to which flowgates are added, each answer beginning from the last one.

    A few new rows cost HiGHS some hundred pivots, where solving anew costs ten thousands.
    """

    def __init__(self, program: Program) -> None:
        self._model = _Model(program)

    def solve(
        self, added: Flowgates, *, time_limit_s: float = 600.0, gap: float = 1e-6
    ) -> Float[Array, " slot"] | None:
        """Power of each slot at least cost within all flowgates so far; None where there is none.

        Where wasting energy pays it is only near the least: what is drawn and fed at once cancels.

        Args:
            added: Further flowgates.
            time_limit_s: For this solve.
            gap: That rising costs may be missed by.
        """
        self._model.add_flowgates(added)
        return self._model.power() if self._model.solve(time_limit_s, gap).good else None


@dataclass(frozen=True)
class LinearProgram:
    """The least of ``cost x``, where x and ``matrix x`` keep within their bounds.

    Attributes:
        cost: Of each column.
        lower: Least value of each column.
        upper: Greatest value of each column.
        row_lower: Least value of each row.
        row_upper: Greatest value of each row.
        matrix: Rows by columns.
        draw: Column of the power that each slot draws.
        feed: Column of the power that each slot feeds.
        balance: Row of each slot's energy balance.
        sums: Row of each group's net power in each step.
        budgets: Row of each group's budget; -1 where it has none.
        gates: Row of each flowgate.
    """

    cost: Float[Array, " column"]
    lower: Float[Array, " column"]
    upper: Float[Array, " column"]
    row_lower: Float[Array, " row"]
    row_upper: Float[Array, " row"]
    matrix: sparse.csc_array
    draw: Int[Array, " slot"]
    feed: Int[Array, " slot"]
    balance: Int[Array, " slot"]
    sums: Int[Array, "group step"]
    budgets: Int[Array, " group"]
    gates: Int[Array, " flowgate"]

    def dual(self, row_dual: Float[Array, " row"]) -> Dual:
        """Prices of energy, net power, budgets and flowgates: the cost of one more of each row."""
        return Dual(
            energy_value=-row_dual[self.balance],
            power_price=-row_dual[self.sums],
            budget_price=np.where(self.budgets >= 0, row_dual[self.budgets], 0.0),
            flowgate_price=-row_dual[self.gates],
        )

    def power(self, program: Program, values: Float[Array, " column"]) -> Float[Array, " slot"]:
        """Power of each slot, the smaller of the two directions cancelled."""
        draw = np.clip(values[self.draw], 0.0, program.charge_limit)
        feed = np.clip(values[self.feed], 0.0, program.discharge_limit)
        change = program.gain * draw - program.drain * feed
        return np.where(change >= 0, -change / program.gain, -change / program.drain)


def linear_program(program: Program) -> LinearProgram:
    """The linear program that `solve` gives to HiGHS, for other solvers of such programs.

    Costs that rise with power are met by their first tangents only.
    """
    return _Model(program).arrays


class _Model:
    """The program as HiGHS holds it: columns c, d, e, n, then what the options add."""

    def __init__(self, program: Program, *, smooth: bool = False, elastic: bool = False) -> None:
        self.program = program
        self._columns: list[tuple[Array, Array, Array]] = []  # cost, lower, upper
        self._rows: list[tuple[Array, Array]] = []  # lower, upper
        self._entries: list[tuple[Array, Array, Array]] = []  # row, column, value
        self._add_units(elastic=elastic)
        self._add_groups(elastic=elastic)
        self._add_budgets(elastic=elastic)
        self._add_flowgates()
        self._add_peaks_and_surcharges()
        self._add_hull()
        self._add_curves(elastic=elastic)
        self._swing = self._add_swing() if smooth else np.zeros(0, np.int64)

    # -- building ---------------------------------------------------------------------------

    def _add_units(self, *, elastic: bool) -> None:
        p = self.program
        money = 0.0 if elastic else p.step_h
        self.draw = self._column(money * p.draw_price, np.zeros(p.slots), p.charge_limit)
        self.feed = self._column(-money * p.feed_price, np.zeros(p.slots), p.discharge_limit)
        value = np.zeros(p.slots)
        value[p.end] = 0.0 if elastic else -p.end_value
        floor = p.energy_low[p.unit] if elastic else p.energy_floor
        self.energy = self._column(value, floor, p.energy_high[p.unit])
        start = np.zeros(p.slots)
        start[p.begin] = p.energy_start
        self.balance = self._row(start, start)
        self._entry(self.balance, self.energy, np.ones(p.slots))
        self._entry(self.balance, self.draw, -p.gain)
        self._entry(self.balance, self.feed, p.drain)
        later = np.ones(p.slots, bool)
        later[p.begin] = False
        self._entry(self.balance[later], self.energy[np.nonzero(later)[0] - 1], -1.0)
        if elastic:
            endless = np.full(p.units, np.inf)
            self.short = self._column(np.ones(p.units), np.zeros(p.units), endless)
            owed = self._row(p.energy_end, endless)
            self._entry(owed, self.energy[p.end], np.ones(p.units))
            self._entry(owed, self.short, np.ones(p.units))

    def _add_groups(self, *, elastic: bool) -> None:
        p = self.program
        shape = (p.groups, p.steps)
        low, high = p.net_low, p.net_high
        if elastic:  # the excess column takes over where the load alone breaks the limit
            low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
        self.net = self._column(np.zeros(p.groups * p.steps), low.ravel(), high.ravel())
        self.net = self.net.reshape(shape)
        self.sums = self._row(np.zeros(self.net.size), np.zeros(self.net.size)).reshape(shape)
        self._entry(self.sums.ravel(), self.net.ravel(), 1.0)
        at = self.sums[p.group[p.unit], p.step]
        self._entry(at, self.draw, 1.0)
        self._entry(at, self.feed, -1.0)
        below = p.parent >= 0
        self._entry(self.sums[p.parent[below]].ravel(), self.net[below].ravel(), -1.0)
        if elastic:
            self._add_excess()

    def _add_excess(self) -> None:
        """Columns that let a group break a limit which its load alone already breaks.

        One kW of excess weighs more than the shortfall it could save, so that limits come first.
        """
        p = self.program
        self.excess = np.full((p.groups, p.steps), -1)
        for sign, limit in ((1.0, p.net_low), (-1.0, -p.net_high)):
            over = limit > 0
            weight = np.full(int(over.sum()), EXCESS_WEIGHT * p.step_h)
            self.excess[over] = self._column(weight, 0.0 * weight, limit[over])
            row = self._row(limit[over], np.full(len(weight), np.inf))
            self._entry(row, self.net[over], sign)
            self._entry(row, self.excess[over], 1.0)

    def _add_budgets(self, *, elastic: bool) -> None:
        """Rows that keep the net energy of groups within their budgets."""
        p = self.program
        groups = np.flatnonzero(np.isfinite(p.budget))
        least = p.step_h * p.load[groups].sum(axis=1) - p.budget[groups]
        row = self._row(least, np.full(len(groups), np.inf))
        self._entry(np.repeat(row, p.steps), self.net[groups].ravel(), p.step_h)
        self.budgets = np.full(p.groups, -1)
        self.budgets[groups] = row
        if elastic:  # as with limits, where the load alone exceeds a budget
            over = least > 0
            self.overdraft = np.full(p.groups, -1)
            weight = np.full(int(over.sum()), EXCESS_WEIGHT)
            self.overdraft[groups[over]] = self._column(weight, 0.0 * weight, least[over])
            self._entry(row[over], self.overdraft[groups[over]], 1.0)

    def _add_flowgates(self) -> None:
        """Rows that hold weighted sums of groups' net power below their limits."""
        gates = self.program.flowgates
        if gates is None:
            self.gates = np.zeros(0, np.int64)
            return
        self.gates = self._row(np.full(len(gates), -np.inf), gates.limit_kw)
        gate, group = np.nonzero(gates.weight)
        net = self.net[group, gates.step[gate]]
        self._entry(self.gates[gate], net, gates.weight[gate, group])

    def _add_peaks_and_surcharges(self) -> None:
        p = self.program
        metered = (p.surcharge != 0).any(axis=1)
        price = p.step_h * p.surcharge[metered].ravel()
        drawn = self._column(price, np.zeros(price.size), np.full(price.size, np.inf))
        self._at_least_drawn(drawn, metered)
        peaked = p.peak_price > 0
        before = p.peak_before[peaked]
        peak = self._column(p.peak_price[peaked], before, np.full(before.size, np.inf))
        self._at_least_drawn(np.repeat(peak, p.steps), peaked)

    def _at_least_drawn(self, column: Array, groups: Array) -> None:
        """Rows that hold a column at or above the power these groups draw from above."""
        load = self.program.load[groups].ravel()
        row = self._row(load, np.full(load.size, np.inf))
        self._entry(row, column, 1.0)
        self._entry(row, self.net[groups].ravel(), 1.0)

    def _add_hull(self) -> None:
        """Convex hull of drawing or feeding, but not both, where wasting energy could pay."""
        p = self.program
        slots = np.nonzero(p.burn)[0]
        row = self._row(np.full(len(slots), -np.inf), np.ones(len(slots)))
        self._entry(row, self.draw[slots], 1 / p.charge_limit[slots])
        self._entry(row, self.feed[slots], 1 / p.discharge_limit[slots])

    def _add_curves(self, *, elastic: bool) -> None:
        """Columns for what rising costs add, held above a few tangents of each parabola."""
        p = self.program
        none = np.zeros(p.slots)
        curves = (none, none) if elastic else p.curves or (none, none)
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
        return np.concatenate([self.program.charge_limit, self.program.discharge_limit])

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
            matrix=sparse.csc_array((value, (row, column)), shape=(len(row_lower), len(cost))),
            draw=self.draw,
            feed=self.feed,
            balance=self.balance,
            sums=self.sums,
            budgets=self.budgets,
            gates=self.gates,
        )

    @cached_property
    def _highs(self) -> highspy.Highs:
        a = self.arrays
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(a.cost), len(a.row_lower)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = a.cost, a.lower, a.upper
        lp.row_lower_, lp.row_upper_ = a.row_lower, a.row_upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = a.matrix.indptr.astype(np.int32)
        lp.a_matrix_.index_ = a.matrix.indices.astype(np.int32)
        lp.a_matrix_.value_ = a.matrix.data.astype(np.float64)
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("primal_feasibility_tolerance", 1e-9)
        highs.setOptionValue("dual_feasibility_tolerance", 1e-9)
        highs.passModel(lp)
        return highs

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
        power, count = self.values[column], len(column)
        start = np.arange(0, 2 * count, 2, dtype=np.int32)
        entries = np.stack([rise, column], axis=1).astype(np.int32).ravel()
        values = np.stack([np.ones(count), -2 * bend * power], axis=1).ravel()
        low, high = -bend * power**2, np.full(count, np.inf)
        self._highs.addRows(count, low, high, 2 * count, start, entries, values)

    def add_flowgates(self, gates: Flowgates) -> None:
        """Rows for flowgates beside those of the program."""
        gate, group = np.nonzero(gates.weight)
        start = np.searchsorted(gate, np.arange(len(gates))).astype(np.int32)
        column = self.net[group, gates.step[gate]].astype(np.int32)
        low, weight = np.full(len(gates), -np.inf), gates.weight[gate, group]
        self._highs.addRows(len(gates), low, gates.limit_kw, len(gate), start, column, weight)

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

    def open_slots(self) -> Array:
        """Slots where drawing and feeding at once could pay."""
        return np.nonzero(self.program.burn)[0]

    def follow_energy(self, both: Bool[Array, " slot"]) -> None:
        """Close the direction against which a slot's stored energy moves."""
        p = self.program
        change = p.gain * self.values[self.draw] - p.drain * self.values[self.feed]
        closed = np.where(change >= 0, self.feed, self.draw)[both]
        zeros = np.zeros(len(closed))
        self._highs.changeColsBounds(len(closed), closed.astype(np.int32), zeros, zeros)

    def branch(self, time_limit_s: float, gap: float) -> None:
        """Decide the direction of every open slot by branch and bound, from the present answer."""
        p, highs = self.program, self._highs
        slots = self.open_slots()
        before = self.values
        for columns, limit in ((self.draw, p.charge_limit), (self.feed, p.discharge_limit)):
            at = columns[slots].astype(np.int32)
            highs.changeColsBounds(len(at), at, np.zeros(len(at)), limit[slots])
        first = highs.getNumCol()
        count = len(slots)
        none = np.zeros(0, np.int32)
        zeros = np.zeros(count)
        highs.addCols(count, zeros, zeros, np.ones(count), 0, none, none, np.zeros(0))
        flags = np.arange(first, first + count, dtype=np.int32)
        highs.changeColsIntegrality(count, flags, np.full(count, highspy.HighsVarType.kInteger))
        start = np.arange(0, 2 * count, 2, dtype=np.int32)
        for columns, limit, sign, most in (
            (self.draw, p.charge_limit, -1.0, 0.0),
            (self.feed, p.discharge_limit, 1.0, 1.0),
        ):
            entries = np.stack([columns[slots], flags], axis=1).astype(np.int32).ravel()
            values = np.stack([1 / limit[slots], np.full(count, sign)], axis=1).ravel()
            low, high = np.full(count, -np.inf), np.full(count, most)
            highs.addRows(count, low, high, 2 * count, start, entries, values)
        highs.setOptionValue("mip_rel_gap", gap)
        least = cost(p, self.power())
        self.run(time_limit_s)
        if highs.getInfo().primal_solution_status != FEASIBLE or cost(p, self.power()) > least:
            self.values = before

    def smooth(self, dual: Dual, first: Certificate, time_limit_s: float) -> Certificate:
        """Move to the steadiest schedule of equal cost, unless precision would be lost.

        Columns with a reduced cost and rows with a price are held where they are, which by
        complementary slackness describes every optimal schedule and no other. Powers whose cost
        rises are the same in all of them.
        """
        before = self.values
        solution = self.solution
        self._hold(np.array(solution.col_dual), np.array(solution.row_dual), before)
        costs = np.zeros(len(before))
        costs[self._swing] = 1.0
        costs[np.concatenate([self.draw, self.feed])] = 1e-3 * self.program.step_h
        columns = np.arange(len(costs), dtype=np.int32)
        self._highs.changeColsCost(len(costs), columns, costs)
        status = self.run(time_limit_s)
        if status.good:
            second = certify(self.program, self.power(), dual)
            if second.objective <= first.objective + 1e-9 * max(1.0, abs(first.objective)):
                return second
        self.values = before
        return first

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
        return smaller > BOTH_TOLERANCE * np.maximum(p.charge_limit, p.discharge_limit)

    def dual(self) -> Dual:
        """Prices of stored energy, of net power and of budgets, in the signs of `Dual`."""
        return self.arrays.dual(np.array(self.solution.row_dual))

    def end_energy(self) -> Float[Array, " unit"]:
        """Energy of each unit in its last slot."""
        return self.values[self.energy[self.program.end]]

    def slack(
        self,
    ) -> tuple[Float[Array, " unit"], Float[Array, "group step"], Float[Array, " group"]]:
        """Energy short of what is owed, power beyond limits, energy beyond budgets, if elastic."""
        short = self.values[self.short]
        excess = np.where(self.excess >= 0, self.values[self.excess], 0.0)
        overdraft = np.where(self.overdraft >= 0, self.values[self.overdraft], 0.0)
        short, excess, overdraft = (
            np.where(part > 1e-7, part, 0.0) for part in (short, excess, overdraft)
        )
        return short, excess, overdraft

    def limit_price(self) -> Float[Array, "group step"]:
        """Saving per kWh if a group's limit were wider by a kW in a step."""
        prices = np.array(self.solution.col_dual)[self.net]
        return np.where(np.abs(prices) > TIE_TOLERANCE, np.abs(prices), 0.0) / self.program.step_h
