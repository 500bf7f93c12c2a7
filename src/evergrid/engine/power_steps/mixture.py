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
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.all_cores import on_all_cores
from evergrid.engine.certificate import bound as bound_of
from evergrid.engine.certificate import store_bounds
from evergrid.engine.highs import sparse_program
from evergrid.engine.highs.growing_program import GrowingProgram
from evergrid.engine.highs.sparse_program import ProgramBuilder
from evergrid.engine.power_steps import rounding
from evergrid.engine.power_steps.rounding import FINEST, Rounding, StepStore, worth_at_start
from evergrid.engine.program import Program, cost, net_power
from evergrid.engine.solution import Solution
from evergrid.engine.step_rules import PowerSteps
from evergrid.engine.violations import TOLERANCE, violations

T = TypeVar("T")
# How runs are searched for in a tree: bins of energy in one of the first width (None: the cheapest
# runs, with a bound), rounds of prices at most, and share of the time until which they may go on.
SEARCHES = ((1, 40, 0.2), (FINEST, 40, 0.6), (None, 12, 1.0))
FUTILE_ROUNDS = 4  # that hardly make the mixture cheaper, after which the next search begins
OLD_PRICES = 0.5  # share of the best prices so far in those that are tried
CHOICE_S = 15.0  # for the choice of runs in one tree
CHOICES = 3  # of runs, each with those that the one before led to
SHARE_OF_GAP = 0.2  # of the gap asked for, within which mixture and bound count as one
LEAST_GAP = 1e-3  # that mixtures are proven to: one run of each store is rarely so near to them


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
    near = SHARE_OF_GAP * max(gap, LEAST_GAP) * abs(cost(program, power_kw))
    # At any prices the trees have a bound, so first those of the solution without steps are tried,
    # then mixtures of runs look for better ones: of runs found in bins, and at last of the
    # cheapest.
    work.price_freely(price)
    for one in trees:
        one.prove(work, price, near / len(work.stores))
        one.solve()
    for number, one in enumerate(trees):
        begun = time.perf_counter()
        left_s = (deadline - begun) / (len(trees) - number)
        for narrower, rounds, share in SEARCHES:
            search = _Search(work, price, near / len(trees), begun + share * left_s)
            search.over(one, rounds, narrower)
    for one in trees:
        price[one.nodes] = one.best_price
    # One run of each store is chosen and rounded further; its runs are added, to choose again.
    made = power_kw
    for _ in range(CHOICES):
        before = cost(program, made)
        made = _chosen(program, steps, found, trees, made, near)
        if before - cost(program, made) <= near:
            break
        work.price_freely(np.zeros(price.shape))
        for one in trees:
            one.add_schedule(work, made)
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


def _chosen(
    program: Program,
    steps: PowerSteps,
    found: Solution,
    trees: list["_Tree"],
    power_kw: Float[Array, " slot"],
    near: float,
) -> Float[Array, " slot"]:
    """The runs that cost least together, then each store anew given all others; never dearer."""
    made = power_kw.copy()
    for one in trees:
        one.choose(made, near / len(trees))
    kept = violations(program, made).worst_node_kw <= TOLERANCE
    if not kept or cost(program, made) > cost(program, power_kw):
        made = power_kw
    return rounding.improved(program, steps, made, found.dual)


class _Search(NamedTuple):
    """Runs that are added to a tree until prices ask for nothing new.

    Attributes:
        work: Plans stores at prices.
        price: Where prices are written that are tried.
        near: Money between mixture and bound that is near enough.
        deadline: In seconds of ``time.perf_counter``, after which no new prices are tried.
    """

    work: Rounding
    price: Float[Array, "node step"]
    near: float
    deadline: float

    def over(self, one: "_Tree", rounds: int, narrower: int | None) -> None:
        """Add runs as long as they make the mixture cheaper.

        Args:
            one: The tree.
            rounds: Of prices, at most.
            narrower: Bins of energy with which good runs are found, in one of the first width;
                where None, the cheapest are found, which also prove a bound and take far longer.
        """
        share, futile = OLD_PRICES, 0
        for _ in range(rounds):
            closed = one.cost - one.bound <= self.near
            if closed or share < 0.0 or time.perf_counter() > self.deadline:
                return
            self.price[one.nodes] = share * one.best_price + (1.0 - share) * one.price
            if self._new(one, narrower):
                before = one.cost
                one.solve()
                share = OLD_PRICES
                futile = futile + 1 if before - one.cost <= self.near else 0
                if narrower is not None and futile >= FUTILE_ROUNDS:
                    return
            else:  # these prices ask for nothing new: the mixture's own, at last
                share = 0.0 if share > 0.0 else -1.0

    def _new(self, one: "_Tree", narrower: int | None) -> bool:
        self.work.price_freely(self.price)
        if narrower is None:
            return one.prove(self.work, self.price, self.near / len(one.stores))
        return one.add_runs(self.work, self.price, narrower)


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
        self.runs, self._known = list[_Run](), dict[tuple[int, bytes], int]()
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
        self._known[key] = len(self.runs)
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

    def add_schedule(self, work: Rounding, power_kw: Float[Array, " slot"]) -> None:
        """Add the runs of a schedule; nodes limit nothing and have no prices."""
        for store in self.stores:
            steps = _whole_steps(store, power_kw)
            self.add(store, steps, work.run_cost(store, steps))

    def solve(self) -> None:
        """Mix what is known: its cost, and prices of the limits."""
        found = self._mixer.solve()
        if found is None:
            return
        values, prices = found
        self.cost = float(values @ np.array([run.cost for run in self.runs]))
        self.price = self.proving(np.where(self._row >= 0, prices[self._row], 0.0))

    def prove(self, work: Rounding, price: Float[Array, "node step"], near: float) -> bool:
        """Add each store's cheapest run at these prices; whether any is new.

        What the prices prove is kept. Those that prove no more than others before are not kept.
        """
        found = _each(self.stores, lambda store: work.cheapest_at_prices(store, near=near))
        bound, bounds, new = self._limits_at(price), dict[int, float](), False
        for store, best in zip(self.stores, found, strict=True):
            bounds[store.row] = best.bound
            bound += best.bound
            new |= self._add_priced(store, best.steps, best.cost, price)
        if bound > self.bound:
            self.best_price, self.bound, self.bounds = price[self.nodes], bound, bounds
        return new

    def add_runs(self, work: Rounding, price: Float[Array, "node step"], narrower: int) -> bool:
        """Add a good run of each store at these prices; whether any is new."""
        found = _each(self.stores, lambda store: work.good_at_prices(store, narrower))
        new = False
        for store, (steps, priced) in zip(self.stores, found, strict=True):
            new |= self._add_priced(store, steps, priced, price)
        return new

    def _add_priced(
        self,
        store: StepStore,
        steps: Int[Array, " slot"],
        priced: float,
        price: Float[Array, "node step"],
    ) -> bool:
        """Add a run whose cost is told at prices; whether it is new."""
        worth = self._value(store, -steps * store.slots.step_kw, price)
        return self.add(store, steps, priced + worth)

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
        """Write the powers of the runs that cost least together, one of each store.

        Args:
            power_kw: Of all slots; the runs in it are known.
            near: Money between the choice and the best one that is near enough.
        """
        made = ProgramBuilder()
        row = made.rows((len(self.stores),), lower=1.0, upper=1.0)
        limits = made.rows((len(self._low),), lower=self._low, upper=self._high)
        rows = np.concatenate([row, limits])
        costs = np.array([run.cost for run in self.runs])
        columns = made.columns((len(self.runs),), cost=costs, upper=1.0, whole=True)
        for column, run in zip(columns, self.runs, strict=True):
            at, values = self._entries(run.store, run.power_kw)
            made.entries(rows[at], np.full(len(at), column), values)
        whole = ((one.row, _whole_steps(one, power_kw).tobytes()) for one in self.stores)
        begun = [self._known[key] for key in whole]
        start = (columns, np.isin(columns, begun).astype(float))
        relative = near / max(abs(self.cost), 1.0)
        found = sparse_program.solve(
            made.program(), time_limit_s=CHOICE_S, gap=relative, start=start
        )
        chosen = found.values > 0.5 if len(found.values) else np.isin(columns, begun)
        for run in (run for run, one in zip(self.runs, chosen, strict=True) if one):
            power_kw[run.store.at] = run.power_kw


def _each(stores: list[StepStore], plan: Callable[[StepStore], T]) -> list[T]:
    """What comes out for each store, on all cores."""
    found = dict[int, T]()

    def work(first: int, stop: int) -> None:
        for number in range(first, stop):
            found[number] = plan(stores[number])

    on_all_cores(work, len(stores))
    return [found[number] for number in range(len(stores))]


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
        one.add_schedule(work, power_kw)
        made.append(one)
    return made


def _whole_steps(store: StepStore, power_kw: Float[Array, " slot"]) -> Int[Array, " own"]:
    """Steps that a store draws in each of its slots."""
    return np.round(-power_kw[store.at] / store.slots.step_kw).astype(np.int64)
