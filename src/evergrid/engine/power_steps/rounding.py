"""A schedule in whole steps, made of one of any powers: each store in turn, then again.

The first passes charge every store the congestion prices of the convex schedule, those with least
room to choose first, and fit each into what the limits leave. At these prices many slots cost the
same, so a small pull keeps the sum of all near to that of the convex schedule. Where a store does
not get what it is owed, all that stands in its way pays more in the next pass. Then each store is
planned anew at what it really costs, given what all others do, as long as that saves.
"""

import time
from dataclasses import dataclass

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int
from evergrid.engine.certificate import Dual, fed_price
from evergrid.engine.power_steps import level_costs, refinement
from evergrid.engine.power_steps.dynamic_program import StoreCase, cheapest
from evergrid.engine.power_steps.level_costs import Places, StoreSlots
from evergrid.engine.program import Program, cost, energy_path, net_power, peaks
from evergrid.engine.step_rules import ANY, PowerSteps
from evergrid.engine.terms import fed_energy, flowgates
from evergrid.engine.violations import violations

MOST_PASSES = 10
AT_PRICES = 3  # of which are at congestion prices, and more where a store is short
PULL = 0.05  # of the price of energy, for one kW in the place of a typical power
SHORT_PRICE = 1e4  # of a kWh owed and not served, over the highest price of energy
TIE_PRICE = 1e-7  # of a start, over the highest cost of a slot: among equals, fewer starts
TIE_SLOT = 1e-8  # of a slot on, in the same way: among equals, shorter and stronger runs
COARSE_BINS = 2  # bins to a step of energy where paths do not meet on whole steps, at first
FINE_BINS = 4  # the same where each store is planned at its true costs
MOST_BINS = 4000
DEAREST = 2.0  # prices of energy at which nothing is fed for money
PRICES = 8  # of fed energy that are tried where a store would feed more than it may
FINEST = 8  # bins of energy in one of the first width, with which a run is hardly ever dearer
RAISE = 0.5  # of the price of energy, by which room that is short becomes dearer in a pass
SHORT_KWH = 1e-6
FELT = 1e-6  # share of the price of energy below which a price of a node is none
LEAST_SAVED = 2e-5  # share of the cost that a pass must save to be followed by another


def whole(
    program: Program,
    steps: PowerSteps,
    power_kw: Float[Array, " slot"],
    dual: Dual,
    *,
    bound: float,
    gap: float,
    deadline: float,
) -> Float[Array, " slot"]:
    """A schedule whose stores keep their steps, and every limit that the given one keeps.

    What is owed is served as far as whole steps within the limits allow. Stores of any power keep
    the power that is given.

    Args:
        program: What is scheduled.
        steps: The rules of its stores.
        power_kw: The schedule that may take any power.
        dual: Its prices.
        bound: Below which no cost can lie; the search ends this near to it.
        gap: Relative distance to the bound at which it ends.
        deadline: In seconds of ``time.perf_counter``, after the first pass.
    """
    run = Rounding(program, steps, power_kw, dual)
    run.plan_in_turn()
    best, best_value = run.power_kw.copy(), run.value()

    def ends(value: float) -> bool:
        near = value - bound <= gap * max(abs(value), abs(bound))
        return near or time.perf_counter() > deadline

    futile = 0  # passes in a row that did not serve more
    while not ends(best_value) and futile < AT_PRICES - 1:
        before_kwh = run.short_kwh
        run.plan_at_prices()
        value = run.value()
        if value < best_value:
            best, best_value = run.power_kw.copy(), value
        futile = 0 if run.short_kwh < before_kwh - SHORT_KWH else futile + 1
    run.go_back_to(best)
    before = np.inf  # the first of these passes may cost more, where it serves more
    for _ in range(MOST_PASSES):
        if ends(best_value):
            break
        run.improve()
        value = run.value()
        if value < best_value:
            best, best_value = run.power_kw.copy(), value
        if before - value <= LEAST_SAVED * abs(value):
            break
        before = value
    return best


def improved(
    program: Program, steps: PowerSteps, power_kw: Float[Array, " slot"], dual: Dual
) -> Float[Array, " slot"]:
    """A schedule in whole steps after each store is planned anew, given what all others do."""
    run = Rounding(program, steps, power_kw, dual)
    run.go_back_to(power_kw)
    best, best_value = power_kw, run.value()
    for _ in range(MOST_PASSES):
        run.improve()
        value = run.value()
        if value >= best_value:
            break
        saved, best, best_value = best_value - value, run.power_kw.copy(), value
        if saved <= LEAST_SAVED * abs(value):
            break
    return best


@dataclass(frozen=True)
class StepStore:
    """One store: its slots in the program, and what does not change from pass to pass."""

    row: int
    at: slice
    slots: StoreSlots
    level: Int[Array, " level"]
    change_kwh: Float[Array, "slot level"]


class Rounding:
    """The schedule as it stands, with the sums of its nodes kept up to date."""

    def __init__(
        self, program: Program, steps: PowerSteps, power_kw: Float[Array, " slot"], dual: Dual
    ) -> None:
        self.program, self.steps, self.dual, self.bins = program, steps, dual, COARSE_BINS
        stepped = (steps.step_kw > 0)[program.store]
        # What any power may be taken by stays, and all others begin from nothing.
        self.power_kw, self.convex_kw = np.where(stepped, 0.0, power_kw), power_kw
        self.fed_group, self.fed_left_kwh = fed_energy.left(program, self.power_kw)
        self.fed_price = fed_price(program, dual)
        self.highest = max(float(np.abs(program.draw_price_per_kwh).max(initial=0.0)), 1e-3)
        drawn = np.maximum(program.load_kw - net_power(program, power_kw), 0.0)
        self.peak_kw = peaks(program, drawn)
        self.places = self._places(dual.power_price)
        draw, feed = steps.ranges(program)
        self.stores = [self._store(int(row), draw, feed) for row in steps.stores]
        self.stores.sort(key=self._room)

    # -- building ---------------------------------------------------------------------------

    def _places(self, power_price: Float[Array, "node step"]) -> Places:
        p = self.program
        own = power_price.copy()
        below = p.parent >= 0
        own[below] -= power_price[p.parent[below]]
        net = net_power(p, self.power_kw)
        first, gate, weight, gate_kw, limit = _gates(p, net)
        nothing = np.zeros(net.shape)
        return Places(
            parent=p.parent.astype(np.int64),
            net_kw=net,
            low_kw=p.net_low_kw,
            high_kw=p.net_high_kw,
            load_kw=p.load_kw,
            surcharge=nothing,
            peak_price=np.zeros(p.nodes),
            peak_kw=self.peak_kw,
            price=own,
            target_kw=net.copy(),
            pull=self._pull(own),
            gate_first=first,
            gate=gate,
            gate_weight=weight,
            gate_kw=gate_kw,
            gate_limit_kw=limit,
        )

    def _pull(self, price: Float[Array, "node step"]) -> Float[Array, " node"]:
        """How strongly net power is kept near to its target: where limits or peaks have a price."""
        p = self.program
        felt = (np.abs(price) > FELT * p.step_h * self.highest).any(axis=1)
        rated = self.steps.step_kw * self.steps.most_draw
        typical = max(float(np.median(rated[rated > 0])), 1e-6) if (rated > 0).any() else 1.0
        return np.where(felt, PULL * p.step_h * self.highest / typical, 0.0)

    def _store(self, row: int, draw: Int[Array, " slot"], feed: Int[Array, " slot"]) -> StepStore:
        p = self.program
        at = slice(int(p.begin[row]), int(p.end[row]) + 1)
        step_kw = p.share[at] * self.steps.step_kw[row]
        curves = p.curves or (np.zeros(p.slots), np.zeros(p.slots))
        level = np.arange(-int(feed[at].max()), int(draw[at].max()) + 1)
        slots = StoreSlots(
            first=int(p.first[row]),
            node=int(p.node[row]),
            step_kw=step_kw,
            most_draw=draw[at],
            most_feed=feed[at],
            least=int(self.steps.least[row]),
            draw_price=p.step_h * p.draw_price_per_kwh[at],
            feed_price=p.step_h * p.feed_price_per_kwh[at],
            draw_curve=p.step_h * curves[0][at],
            feed_curve=p.step_h * curves[1][at],
        )
        gained = np.where(level > 0, p.gain[at][0] * level, p.drain[at][0] * level)
        return StepStore(row, at, slots, level, step_kw[:, None] * gained)

    def _room(self, store: StepStore) -> float:
        """Share of its stay that a store need not charge; those with little choose first."""
        p = self.program
        owed = p.energy_end_kwh[store.row] - p.energy_start_kwh[store.row]
        reach = float(store.change_kwh.max(axis=1, initial=0.0).sum())
        return 1.0 - max(owed, 0.0) / reach if reach > 0 else 1.0

    # -- planning ---------------------------------------------------------------------------

    def plan_in_turn(self) -> None:
        """Plan all stores at congestion prices, each within what those before it leave."""
        for store in self.stores:
            level_costs.add_power(
                self.places.target_kw, self.places.parent, store.slots, self.convex_kw[store.at]
            )
            self._put(store, self._cheapest(store, self._case(store)))

    def plan_at_prices(self) -> None:
        """Plan each store anew at congestion prices, within what all others leave."""
        self._raise_prices()
        for store in self.stores:
            self._take_away(store)
            self._put(store, self._cheapest(store, self._case(store)))

    def _raise_prices(self) -> None:
        """Make what short stores could use dearer, wherever others take it."""
        p, price = self.program, self.places.price
        for store in self.stores:
            if self._short(store) > SHORT_KWH:
                steps = slice(store.slots.first, store.slots.first + len(store.slots.step_kw))
                room = tree.path(store.slots.node, p.parent)
                for node in room:
                    if np.isfinite(p.net_low_kw[node, steps]).any() or node == store.slots.node:
                        price[node, steps] += RAISE * p.step_h * self.highest
        self.stores.sort(key=lambda store: -self._short(store))

    def improve(self) -> None:
        """Plan each store anew at its true costs, and keep what is cheaper."""
        p, self.bins = self.program, FINE_BINS
        self.places = self.places._replace(
            surcharge=p.step_h * p.surcharge_per_kwh,
            peak_price=np.where(
                p.counted == 1, p.peak_price_per_kw, p.peak_price_per_kw / p.counted
            ),
            peak_kw=self._peaks_now(),
            price=np.zeros(self.places.price.shape),
            pull=np.zeros(p.nodes),
        )
        self.fed_price = np.zeros(p.slots)
        for store in self.stores:
            old = self._steps(store)
            self._take_away(store)
            case = self._case(store)
            run = self._cheapest(store, case)
            self._put(store, run if self._cost(case, run) < self._cost(case, old) else old)

    def _cheapest(self, store: StepStore, case: StoreCase) -> Int[Array, " slot"]:
        """The cheapest run that is found within the limit of what the store may feed.

        Where the limit is in the way, a price of what is fed takes its place: the least of some
        that keep it, or one beyond all others, at which nothing is fed.
        """
        run, fed_kw = cheapest(case).steps, self._fed_kw(store)
        left_kwh = self.fed_left_kwh[store.row] + SHORT_KWH
        if self._fed_kwh(store, run) <= left_kwh:
            return run
        never = np.where(fed_kw > 0, np.inf, case.cost)
        best = cheapest(case._replace(cost=never)).steps
        low, high = 0.0, DEAREST * self.program.step_h * self.highest
        for _ in range(PRICES):
            price = (low + high) / 2.0
            run = cheapest(case._replace(cost=case.cost + price * fed_kw)).steps
            if self._fed_kwh(store, run) > left_kwh:
                low = price
                continue
            high = price
            if self._cost(case, run) < self._cost(case, best):
                best = run
        return best

    def _fed_kw(self, store: StepStore) -> Float[Array, "slot level"]:
        return store.slots.step_kw[:, None] * np.maximum(-store.level, 0)

    def _fed_kwh(self, store: StepStore, run: Int[Array, " slot"]) -> float:
        return self.program.step_h * float((store.slots.step_kw * np.maximum(-run, 0)).sum())

    def _peaks_now(self) -> Float[Array, " node"]:
        p = self.program
        drawn = np.maximum(p.load_kw - self.places.net_kw, 0.0)
        return np.maximum(peaks(p, drawn), self.peak_kw)

    def price_freely(self, price: Float[Array, "node step"]) -> None:
        """Let nodes limit nothing: what they add to the price of power stands for that."""
        free = np.full(self.places.net_kw.shape, np.inf)
        self.places = self.places._replace(
            low_kw=-free,
            high_kw=free,
            surcharge=np.zeros(free.shape),
            peak_price=np.zeros(len(free)),
            price=price,
            pull=np.zeros(len(free)),
            gate_limit_kw=self._no_gates(),
        )

    def cheapest_at_prices(self, store: StepStore, near: float) -> refinement.Best:
        """The cheapest run of a store that is found, with a bound.

        Args:
            store: Whose run it is.
            near: Money between bound and run that is near enough.
        """
        case = self._case(store, ties=False)
        good, _ = self.good_at_prices(store, FINEST)
        return refinement.cheapest(case, good, near=near)

    def good_at_prices(self, store: StepStore, narrower: int) -> tuple[Int[Array, " slot"], float]:
        """A run that costs hardly more than the cheapest, and what it costs.

        Args:
            store: Whose run it is.
            narrower: Bins of energy, in one of the first width.
        """
        case = self._case(store, ties=False)
        bins = narrower * case.bins + 1 if narrower > 1 else case.bins
        steps = cheapest(case._replace(bin_kwh=case.bin_kwh / narrower, bins=bins)).steps
        return steps, refinement.run_cost(case, steps)

    def run_cost(self, store: StepStore, steps: Int[Array, " slot"]) -> float:
        """What a run costs."""
        return refinement.run_cost(self._case(store, ties=False), steps)

    def _no_gates(self) -> Float[Array, " flowgate"]:
        return np.full(self.places.gate_limit_kw.shape, np.inf)

    def _case(self, store: StepStore, *, ties: bool = True) -> StoreCase:
        p, row, steps = self.program, store.row, self.steps
        costs = level_costs.of_store(self.places, store.slots, store.level)
        costs += self.fed_price[store.at, None] * self._fed_kw(store)
        # Not the highest of these costs: what brings others back within a limit is far above them.
        strongest_kw = float(np.abs(store.level).max() * store.slots.step_kw.max(initial=0.0))
        highest = p.step_h * self.highest * strongest_kw
        if ties:
            costs[:, store.level != 0] += TIE_SLOT * highest
        start = float(p.energy_start_kwh[row])
        ahead = float(p.energy_end_kwh[row])
        floor = np.maximum(
            p.energy_low_kwh[row], 0.0 if p.floor_kwh is None else p.floor_kwh[store.at]
        )
        floor = np.full(len(costs), 1.0) * floor
        most = np.where(np.isfinite(costs), store.change_kwh, 0.0)
        gained, lost = most.max(axis=1).sum(), most.min(axis=1).sum()
        high = min(float(p.energy_high_kwh[row]), start + float(gained))
        low = max(float(floor.min()), start + float(lost))
        finite = costs[np.isfinite(costs)]
        pays = bool((finite < -TIE_SLOT * highest).any()) or p.end_value_per_kwh[row] > 0
        if not pays and low >= start:  # nothing is gained by holding more than is owed
            high = min(high, max(ahead, start) + float(most.max(initial=0.0)))
        step = float(self.steps.step_kw[row] * p.gain[store.at][0])
        aligned = low >= start and bool((p.share[store.at] == 1.0).all())
        parts = 1 if aligned else self.bins
        width = max(step / parts, (high - low) / (MOST_BINS * parts))
        low = start - width * np.ceil((start - low) / width)
        reserve = -np.inf if p.reserve_kwh is None else float(p.reserve_kwh[row])
        starts = int(steps.most_starts[row])
        return StoreCase(
            cost=costs,
            change_kwh=store.change_kwh,
            level=store.level,
            floor_kwh=floor,
            high_kwh=high,
            start_kwh=start,
            reserve_kwh=reserve,
            owed_kwh=ahead,
            short_price_per_kwh=SHORT_PRICE * self.highest,
            end_value_per_kwh=float(p.end_value_per_kwh[row]),
            worth_per_kwh=self._worth(store),
            start_price=TIE_PRICE * highest if ties else 0.0,
            bin_kwh=width,
            low_kwh=float(low),
            bins=int(np.ceil((high - low) / width)) + 2,
            least_on=max(int(steps.least_on[row]), 1),
            least_off=max(int(steps.least_off[row]), 1),
            most_starts=-1 if starts >= len(costs) or starts >= ANY else starts,
            on_before=int(steps.on_before[row]),
            off_before=int(steps.off_before[row]),
        )

    def _worth(self, store: StepStore) -> float:
        """What a kWh more in a bin is worth: its price in the convex schedule."""
        return float(np.median(np.maximum(self.dual.energy_value[store.at], 0.0)))

    def _cost(self, case: StoreCase, run: Int[Array, " slot"]) -> float:
        """What a run costs with its starts; infinite where it passes a limit."""
        starts = np.count_nonzero((run != 0) & (np.r_[case.on_before, run[:-1]] == 0))
        return refinement.run_cost(case, run) + case.start_price * starts

    # -- state ------------------------------------------------------------------------------

    def _steps(self, store: StepStore) -> Int[Array, " slot"]:
        return np.round(-self.power_kw[store.at] / store.slots.step_kw).astype(np.int64)

    def _take_away(self, store: StepStore) -> None:
        run = self._steps(store)
        level_costs.change(self.places, store.slots, run, -1.0)
        self._count_fed(store, -self._fed_kwh(store, run))
        self.power_kw[store.at] = 0.0

    def go_back_to(self, power_kw: Float[Array, " slot"]) -> None:
        """Take up an earlier schedule of this program again."""
        for store in self.stores:
            run = np.round(-power_kw[store.at] / store.slots.step_kw).astype(np.int64)
            self._take_away(store)
            self._put(store, run)

    def _put(self, store: StepStore, run: Int[Array, " slot"]) -> None:
        level_costs.change(self.places, store.slots, run, 1.0)
        self._count_fed(store, self._fed_kwh(store, run))
        self.power_kw[store.at] = 0.0 - run * store.slots.step_kw

    def _count_fed(self, store: StepStore, kwh: float) -> None:
        """What a store feeds more is left less to all that share its limit."""
        if np.isfinite(self.fed_left_kwh[store.row]):
            self.fed_left_kwh[self.fed_group == self.fed_group[store.row]] -= kwh

    def _short(self, store: StepStore) -> float:
        p = self.program
        column = self._steps(store) - int(store.level[0])
        gained = float(store.change_kwh[np.arange(len(column)), column].sum())
        return max(float(p.energy_end_kwh[store.row] - p.energy_start_kwh[store.row]) - gained, 0.0)

    @property
    def short_kwh(self) -> float:
        """Energy owed that is not served."""
        return sum(map(self._short, self.stores), start=0.0)

    def value(self) -> float:
        """What the schedule costs, with a high price on all that it leaves undone."""
        p = self.program
        beyond = violations(p, self.power_kw)
        over = beyond.worst_node_kw + float(np.maximum(beyond.budget_kwh, 0.0).sum())
        undone = self.short_kwh + (over if over > SHORT_KWH else 0.0)
        return cost(p, self.power_kw) + SHORT_PRICE * self.highest * undone


def _gates(
    program: Program, net: Float[Array, "node step"]
) -> tuple[Int[Array, " cells"], Array, Array, Array, Array]:
    """Entries of each node and step among the flowgates, their sums and limits."""
    gates, cells = flowgates.of(program), program.nodes * program.steps
    if gates is None:
        none = np.zeros(0)
        return np.zeros(cells + 1, np.int64), none.astype(np.int64), none, none, none
    weight = tree.add_down(gates.weight.T, program.parent).T
    gate, node = np.nonzero(weight)
    cell = node * program.steps + gates.step[gate]
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], np.arange(cells + 1))
    entries = (gate[order].astype(np.int64), weight[gate, node][order])
    return (first.astype(np.int64), *entries, gates.beyond_kw(net) + gates.limit_kw, gates.limit_kw)


def store_bounds(
    program: Program, steps: PowerSteps, power_kw: Float[Array, " slot"], dual: Dual
) -> Float[Array, " store"]:
    """What each store in whole steps costs at least, at prices of power; 0 for those of any power.

    Args:
        program: What is scheduled.
        steps: Rules of its stores.
        power_kw: A schedule of it.
        dual: The prices.
    """
    run, found = Rounding(program, steps, power_kw, dual), np.zeros(program.stores)
    run.price_freely(run.places.price)
    for store in run.stores:
        best = run.cheapest_at_prices(store, 0.0)
        found[store.row] = best.bound + worth_at_start(program, store.row)
    return found


def worth_at_start(program: Program, row: int) -> float:
    """Worth of what a store begins with, which no run is paid for."""
    return float(program.end_value_per_kwh[row] * program.energy_start_kwh[row])


def energy_short(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " store"]:
    """Energy owed to each store that a schedule does not serve."""
    held = energy_path(program, power_kw)[program.end]
    return np.maximum(program.energy_end_kwh - held, 0.0)
