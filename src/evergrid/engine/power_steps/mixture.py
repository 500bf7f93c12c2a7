"""Runs of stores in whole steps that together cost least within the limits of their tree.

A linear program mixes runs that are known, one of each store. Its prices of the limits ask for
better runs, each the cheapest of its store by itself; these are added, and so on. In the end one
run of each is chosen by branch and bound. What prices prove is computed for any prices: each
store's cheapest run, with all else as `engine.certificate` has it.

Source:
    Column generation; M. E. Luebbecke, J. Desrosiers (2005), Selected topics in column generation,
    Operations Research 53, doi 10.1287/opre.1050.0234: prices are kept near to the best ones so far
    (section 6.2).
"""

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.certificate import bound as bound_of
from evergrid.engine.certificate import store_bounds
from evergrid.engine.highs import sparse_program
from evergrid.engine.highs.growing_program import GrowingProgram
from evergrid.engine.highs.sparse_program import ProgramBuilder
from evergrid.engine.power_steps import rounding
from evergrid.engine.power_steps.rounding import Rounding, StepStore, worth_at_start
from evergrid.engine.program import Program, cost, net_power
from evergrid.engine.solution import Solution
from evergrid.engine.step_rules import PowerSteps
from evergrid.engine.violations import TOLERANCE, violations

MOST_ROUNDS = 40  # of prices
OLD_PRICES = 0.5  # share of the best prices so far in those that are tried
CHOICE_S = 5.0  # for the choice of runs in one tree
SHARE_OF_GAP = 0.2  # of the gap asked for, within which mixture and bound count as one


class MixtureResult(NamedTuple):
    """What runs that were mixed came to.

    Attributes:
        power_kw: The schedule, at most as dear as the given one.
        bound: No schedule in whole steps costs less.
    """

    power_kw: Float[Array, " slot"]
    bound: float


def fits(program: Program) -> bool:
    """Whether all that ties stores together are limits of power.

    Payments of meters and for peaks, budgets and terms are not mixed.
    """
    paid = program.surcharge_per_kwh.any() or program.peak_price_per_kw.any()
    return not paid and program.budget_kwh is None and not program.terms


def mixed(
    program: Program,
    steps: PowerSteps,
    found: Solution,
    power_kw: Float[Array, " slot"],
    *,
    gap: float,
    deadline: float,
) -> MixtureResult:
    """A schedule of mixed runs, and the bound that its prices prove.

    Args:
        program: What is scheduled; only limits of power tie its stores.
        steps: Rules of its stores.
        found: The solution that may take any power.
        power_kw: A schedule in whole steps that keeps all limits.
        gap: Relative distance to the bound that is asked for.
        deadline: In seconds of ``time.perf_counter``, after which no new prices are tried.
    """
    work = Rounding(program, steps, power_kw, found.dual)
    trees = _trees(program, work, power_kw)
    own, price = _own(program, found.dual.power_price), np.zeros(program.net_low_kw.shape)
    for one in trees:
        price[one.nodes] = one.proving(own[one.nodes])
    near = SHARE_OF_GAP * gap * abs(cost(program, power_kw))
    work.price_freely(price)
    for one in trees:
        one.prove(work, price, near / len(work.stores))
        one.solve()
    share = np.full(len(trees), OLD_PRICES)
    for _ in range(MOST_ROUNDS):
        open_ = [k for k, one in enumerate(trees) if one.cost - one.bound > near / len(trees)]
        open_ = [k for k in open_ if share[k] >= 0.0]
        if not open_ or time.perf_counter() > deadline:
            break
        for k in open_:
            one = trees[k]
            price[one.nodes] = share[k] * one.best_price + (1.0 - share[k]) * one.price
        work.price_freely(price)
        for k in open_:
            if trees[k].add_runs(work, price):
                trees[k].solve()
                share[k] = OLD_PRICES
            else:  # these prices ask for nothing new: those of the mixture by themselves, at last
                share[k] = 0.0 if share[k] > 0.0 else -1.0
    made = power_kw.copy()
    for one in trees:
        price[one.nodes] = one.best_price
        one.choose(made, near / len(trees))
    kept = violations(program, made).worst_node_kw <= TOLERANCE
    if not kept or cost(program, made) > cost(program, power_kw):
        made = power_kw
    made = rounding.improved(program, steps, made, found.dual)
    bounds = {row: least for one in trees for row, least in one.bounds.items()}
    return MixtureResult(made, _proven(program, found, bounds, price))


def _own(program: Program, power_price: Float[Array, "node step"]) -> Float[Array, "node step"]:
    """What each node adds to the price of power below it."""
    own, below = power_price.copy(), program.parent >= 0
    own[below] -= power_price[program.parent[below]]
    return own


def _proven(
    program: Program, found: Solution, bounds: dict[int, float], price: Float[Array, "node step"]
) -> float:
    """The bound at prices of each node's own power, from those of stores in whole steps there.

    Source:
        Lagrangian relaxation; A. M. Geoffrion (1974), Lagrangean relaxation for integer
        programming, Mathematical Programming Study 2, doi 10.1007/BFb0120690.
    """
    dual = replace(found.dual, power_price=tree.add_down(price, program.parent))
    any_power = store_bounds(program, dual)
    more = sum(
        max(least + worth_at_start(program, row) - float(any_power[row]), 0.0)
        for row, least in bounds.items()
    )
    return bound_of(program, dual) + more


class _Run(NamedTuple):
    """A run of a store.

    Attributes:
        store: Whose it is.
        steps: Drawn in each slot.
        power_kw: In each slot.
        cost: Without prices of limits.
    """

    store: StepStore
    steps: Int[Array, " slot"]
    power_kw: Float[Array, " slot"]
    cost: float


class _Tree:
    """The runs that are known of the stores of one tree, and the program that mixes them."""

    def __init__(
        self,
        program: Program,
        nodes: Int[Array, " node"],
        stores: list[StepStore],
        others_kw: Float[Array, "node step"],
    ) -> None:
        """The rows of the program: one run of each store, and the limits of the nodes.

        Args:
            program: What is scheduled.
            nodes: Of the tree.
            stores: Those in whole steps.
            others_kw: Net power of all nodes by other stores.
        """
        self.program, self.nodes, self.stores = program, nodes, stores
        self.runs, self._known = list[_Run](), set[tuple[int, bytes]]()
        self._number = {store.row: number for number, store in enumerate(stores)}
        self._place = {int(node): k for k, node in enumerate(nodes)}
        low = program.net_low_kw[nodes] - others_kw[nodes]
        high = program.net_high_kw[nodes] - others_kw[nodes]
        limits = np.nonzero(_binding(program, nodes))
        self._low, self._high = low[limits], high[limits]
        self._limits, self._row = limits, np.full(low.shape, -1)
        self._row[limits] = len(stores) + np.arange(len(self._low))
        self._mixer, none = GrowingProgram(), (np.zeros(0, np.int64), np.zeros(0))
        for _ in stores:
            self._mixer.add_row(1.0, 1.0, *none)
        for least, most in zip(self._low, self._high, strict=True):
            self._mixer.add_row(least, most, *none)
        self.price, self.cost = np.zeros(low.shape), np.inf
        self.best_price, self.bound, self.bounds = self.price, -np.inf, dict[int, float]()

    def proving(self, price: Float[Array, "node step"]) -> Float[Array, "node step"]:
        """Prices of the tree's nodes, but 0 where there is no limit that they could be of."""
        own, kept = price[self._limits], np.zeros(price.shape)
        one_sided = np.where(own > 0, self._low, self._high)
        kept[self._limits] = np.where(np.isfinite(one_sided), own, 0.0)
        return kept

    def add(self, store: StepStore, steps: Int[Array, " slot"], cost_: float) -> bool:
        """A run; whether it is new."""
        key = (store.row, steps.tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        power = 0.0 - steps * store.slots.step_kw
        self.runs.append(_Run(store, steps, power, cost_))
        rows, values = self._entries(store, power)
        self._mixer.add_column(cost_, rows, values)
        return True

    def _entries(self, store: StepStore, power_kw: Float[Array, " slot"]) -> tuple[Array, Array]:
        """Rows that a run stands in, and with what."""
        at = np.flatnonzero(power_kw)
        step = store.slots.first + at
        rows, values = [np.array([self._number[store.row]])], [np.ones(1)]
        for node in tree.path(store.slots.node, self.program.parent):
            if node not in self._place:  # nothing above binds
                break
            row = self._row[self._place[node], step]
            rows.append(row[row >= 0])
            values.append(power_kw[at][row >= 0])
        return np.concatenate(rows), np.concatenate(values)

    def solve(self) -> None:
        """Mix what is known: its cost, and prices of the limits."""
        found = self._mixer.solve()
        if found is None:
            return
        values, prices = found
        self.cost = float(values @ np.array([run.cost for run in self.runs]))
        self.price = self.proving(np.where(self._row >= 0, prices[self._row], 0.0))

    def prove(self, work: Rounding, price: Float[Array, "node step"], near: float) -> None:
        """Add each store's cheapest run at these prices, and keep what they prove."""
        self.bound = self._limits_at(price)
        for store in self.stores:
            best = work.cheapest_at_prices(store, near=near)
            self.bounds[store.row] = best.bound
            self.bound += best.bound
            worth = self._value(store, -best.steps * store.slots.step_kw, price)
            self.add(store, best.steps, best.cost + worth)
        self.best_price = price[self.nodes]

    def add_runs(self, work: Rounding, price: Float[Array, "node step"]) -> bool:
        """Add a good run of each store at these prices; whether any is new."""
        new = False
        for store in self.stores:
            steps, priced = work.good_at_prices(store)
            worth = self._value(store, -steps * store.slots.step_kw, price)
            new |= self.add(store, steps, priced + worth)
        return new

    def _limits_at(self, price: Float[Array, "node step"]) -> float:
        """What the limits are worth at these prices."""
        own = price[self.nodes][self._limits]
        limit = np.where(own > 0, self._low, self._high)
        return float((own * np.where(own == 0.0, 0.0, limit)).sum())

    def _value(
        self, store: StepStore, power_kw: Float[Array, " slot"], price: Float[Array, "node step"]
    ) -> float:
        """What a store's power is worth at prices of all nodes above it."""
        steps = slice(store.slots.first, store.slots.first + len(power_kw))
        path = list(tree.path(store.slots.node, self.program.parent))
        return float(price[path, steps].sum(axis=0) @ power_kw)

    def choose(self, power_kw: Float[Array, " slot"], near: float) -> None:
        """Write the powers of the runs that cost least together, one of each store."""
        made = ProgramBuilder()
        row = made.rows((len(self.stores),), lower=1.0, upper=1.0)
        limits = made.rows((len(self._low),), lower=self._low, upper=self._high)
        rows = np.concatenate([row, limits])
        costs = np.array([run.cost for run in self.runs])
        columns = made.columns((len(self.runs),), cost=costs, upper=1.0, whole=True)
        for column, run in zip(columns, self.runs, strict=True):
            at, values = self._entries(run.store, run.power_kw)
            made.entries(rows[at], np.full(len(at), column), values)
        begun = np.arange(len(self.stores))  # the schedule that was given comes first
        start = (columns, np.isin(columns, begun).astype(float))
        relative = near / max(abs(self.cost), 1.0)
        found = sparse_program.solve(
            made.program(), time_limit_s=CHOICE_S, gap=relative, start=start
        )
        chosen = found.values > 0.5 if len(found.values) else np.isin(columns, begun)
        for run in (run for run, one in zip(self.runs, chosen, strict=True) if one):
            power_kw[run.store.at] = run.power_kw


def _binding(program: Program, nodes: Int[Array, " node"]) -> Bool[Array, "node step"]:
    """Limits of nodes that stores can reach at all."""
    low, high = program.net_range_kw
    below = program.net_low_kw[nodes] > low[nodes]
    return below | (program.net_high_kw[nodes] < high[nodes])


def _tops(program: Program) -> Int[Array, " node"]:
    """The topmost node above each, or itself, whose limits could bind; -1 where there is none."""
    nodes = np.arange(program.nodes)
    top = np.where(_binding(program, nodes).any(axis=1), nodes, -1)
    for rows in tree.levels(program.parent)[1:]:
        above = top[program.parent[rows]]
        top[rows] = np.where(above >= 0, above, top[rows])
    return top


def _trees(program: Program, work: Rounding, power_kw: Float[Array, " slot"]) -> list[_Tree]:
    """Every part that no limit ties to another, with the runs of a schedule."""
    stepped = np.zeros(program.slots, bool)
    for store in work.stores:
        stepped[store.at] = True
    others = net_power(program, np.where(stepped, 0.0, power_kw))
    top = _tops(program)
    work.price_freely(np.zeros(program.net_low_kw.shape))
    made = []
    for node in np.unique(top):
        at = np.flatnonzero(top == node)
        stores = [one for one in work.stores if top[one.slots.node] == node]
        if not stores:
            continue
        stores.sort(key=lambda one: one.row)
        one = _Tree(program, at, stores, others)
        for store in stores:
            steps = np.round(-power_kw[store.at] / store.slots.step_kw).astype(np.int64)
            one.add(store, steps, work.run_cost(store, steps))
        made.append(one)
    return made
