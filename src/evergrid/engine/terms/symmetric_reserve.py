"""Symmetric reserve as a term: power held ready both ways through a block of steps, for a price."""

from dataclasses import dataclass
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.tree import depth
from evergrid.engine.program import Program
from evergrid.engine.term import Flows, OwnColumns, RowBuilder, TermResult, TermRows


@final
@dataclass(frozen=True)
class SymmetricReserve:
    """Reserve that stores at and below some nodes hold, up and down alike.

    Each offer holds ``r`` kW, constant over each block of steps. In every step of the block the
    stores at and below its node share it among themselves, each so that it could feed its share
    more and draw its share more than planned within its power limits, and, from what it holds at
    the end of the step, for as long as a whole block within its energy limits. The node and those
    above it could carry all reserve below them, up and down, within their own limits.

    How much is held follows from the powers: first what is required, then the best paid. Limits
    that several offers share lie above each other in a tree, so that this order is the best one.

    Attributes:
        node: Of each offer; none lies above another.
        block_steps: Steps of a block; the last one may be shorter.
        price_per_kw: What a kW earns for being held through each block, at least 0.
        required_kw: Least reserve of each block, at least 0.

    Raises:
        InputError: A price or requirement below 0, or no steps to a block.

    Source:
        Formulation is ours. Headroom both ways for one offered power, and energy for the whole
        time it may be called, are the usual conditions of symmetric reserve products.
    """

    node: Int[Array, " offer"]
    block_steps: int
    price_per_kw: Float[Array, "offer block"]
    required_kw: Float[Array, "offer block"]
    name = "symmetric reserve (power held ready both ways)"
    methods = frozenset({"highs"})
    ties_trees = False

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        for field in ("price_per_kw", "required_kw"):
            values = getattr(self, field).ravel()
            faults += broken(field, values >= 0, "be at least 0", values=values)
        if self.block_steps < 1:
            faults.append(Fault("block_steps", "be at least 1", got=(self.block_steps,)))
        raise_if_any("symmetric_reserve", faults)

    def part(
        self, nodes: Int[Array, " some"], stores: Int[Array, " some_store"]
    ) -> "SymmetricReserve | None":
        """The offers of these nodes, by their rows among them."""
        inside = np.isin(self.node, nodes)
        if not inside.any():
            return None
        node = np.searchsorted(nodes, self.node[inside])
        prices, required = self.price_per_kw[inside], self.required_kw[inside]
        return SymmetricReserve(node, self.block_steps, prices, required)

    def block(self, program: Program) -> Int[Array, " step"]:
        """Block of each step."""
        return np.arange(program.steps) // self.block_steps

    def hours(self, program: Program) -> float:
        """Time for which reserve must last."""
        return self.block_steps * program.step_h

    # -- HiGHS and the bound ----------------------------------------------------------------

    def rows(self, program: Program) -> TermRows:
        """Reserve of each offer and block, shares of it by slot, and what limits these."""
        below = _Below.of(program, self.node)
        blocks = self.price_per_kw.shape[1]
        held = np.arange(self.price_per_kw.size).reshape(-1, blocks)
        share = held.size + np.arange(len(below.slots))
        made = RowBuilder(program.slots, program.nodes * program.steps, held.size + len(share))
        self._limit_shares(program, made, below, share)
        self._add_shares(program, made, below, held, share)
        self._limit_nodes(program, made, held)
        most = below.most_kw(program)
        least_sum = np.minimum.reduceat(below.sums(program, most), self._firsts(program), axis=1)
        required, zeros = self.required_kw.ravel(), np.zeros(len(share))
        columns = OwnColumns(
            cost=np.concatenate([-self.price_per_kw.ravel(), zeros]),
            lower=np.concatenate([required, zeros]),
            upper=np.concatenate([np.maximum(least_sum.ravel(), required), most]),
            node=np.concatenate([np.repeat(self.node, blocks), program.node[below.store]]),
        )
        return made.rows(columns)

    def _limit_shares(
        self, program: Program, made: RowBuilder, below: "_Below", share: Int[Array, " share"]
    ) -> None:
        """Each share within its slot's limits of feeding, drawing, and of energy both ways."""
        p, slots, store = program, below.slots, below.store
        ones, node = np.ones(len(slots)), p.node[store]
        for sign, limit in ((1.0, p.discharge_limit_kw), (-1.0, p.charge_limit_kw)):
            row = made.add(-np.inf * ones, limit[slots], node)
            made.enter(row, draw=(slots, -sign * ones), feed=(slots, sign * ones))
            made.enter(row, own=(share, ones))
        row = made.add(p.energy_floor_kwh[slots], np.inf * ones, node)
        made.enter(row, energy=(slots, ones))
        made.enter(row, own=(share, -self.hours(p) / p.efficiency_discharge[store]))
        row = made.add(-np.inf * ones, p.energy_high_kwh[store], node)
        made.enter(row, energy=(slots, ones))
        made.enter(row, own=(share, self.hours(p) * p.efficiency_charge[store]))

    def _add_shares(
        self,
        program: Program,
        made: RowBuilder,
        below: "_Below",
        held: Int[Array, "offer block"],
        share: Int[Array, " share"],
    ) -> None:
        """In every step the shares make up what the offer holds in that block."""
        steps = program.steps
        offer, step = np.divmod(np.arange(len(self.node) * steps), steps)
        ones = np.ones(len(step))
        row = made.add(0.0 * ones, np.inf * ones, self.node[offer])
        made.enter(row, own=(held[offer, self.block(program)[step]], -ones))
        at = row[below.offer * steps + program.step[below.slots]]
        made.enter(at, own=(share, np.ones(len(share))))

    def _limit_nodes(
        self, program: Program, made: RowBuilder, held: Int[Array, "offer block"]
    ) -> None:
        """Nodes at and above the offers carry all reserve below them, up and down."""
        p, block = program, self.block(program)
        offer, above = _carrying(p, self.node)
        for sign, limit in ((1.0, p.net_high_kw), (-1.0, -p.net_low_kw)):
            for node in np.unique(above):
                steps = np.flatnonzero(np.isfinite(limit[node]))
                ones = np.ones(len(steps))
                row = made.add(-np.inf * ones, limit[node, steps], np.full(len(steps), node))
                made.enter(row, net=(node * p.steps + steps, sign * ones))
                for k in offer[above == node]:
                    made.enter(row, own=(held[k, block[steps]], ones))

    def _firsts(self, program: Program) -> Int[Array, " block"]:
        """First step of each block."""
        return np.arange(0, program.steps, self.block_steps)

    # -- under a schedule -------------------------------------------------------------------

    def evaluate(self, program: Program, flows: Flows) -> TermResult:
        """What the reserve that can be held earns, and what is missing of that required."""
        held = self.held_kw(program, flows)
        cost = np.zeros(program.nodes)
        np.add.at(cost, self.node, -(self.price_per_kw * held).sum(axis=1))
        missing = (self.required_kw - held).max(axis=1, initial=-np.inf)
        return TermResult(cost, missing, self.node)

    def held_kw(self, program: Program, flows: Flows) -> Float[Array, "offer block"]:
        """The reserve of each offer and block that a schedule can hold."""
        firsts = np.arange(0, program.steps, self.block_steps)
        of_stores = self._of_stores(program, flows.power_kw, flows.energy_kwh)
        held, net_kw = np.minimum.reduceat(of_stores, firsts, axis=1), flows.net_kw
        room = np.minimum(program.net_high_kw - net_kw, net_kw - program.net_low_kw)
        room = np.maximum(np.minimum.reduceat(room, firsts, axis=1), 0.0)
        offer, above = _carrying(program, self.node)
        given = np.zeros(held.shape)
        for most in (np.minimum(self.required_kw, held), held):  # what is required comes first
            for block in range(held.shape[1]):
                for k in np.argsort(-self.price_per_kw[:, block], kind="stable"):
                    carriers = above[offer == k]
                    free = room[carriers, block].min(initial=np.inf)
                    more = max(min(most[k, block] - given[k, block], free), 0.0)
                    given[k, block] += more
                    room[carriers, block] -= more
        return given

    def _of_stores(
        self, program: Program, power_kw: Float[Array, " slot"], energy_kwh: Float[Array, " slot"]
    ) -> Float[Array, "offer step"]:
        """The sum of what the stores below each offer can hold in each step."""
        p, hours, below = program, self.hours(program), _Below.of(program, self.node)
        power = np.minimum(p.discharge_limit_kw - power_kw, p.charge_limit_kw + power_kw)
        up = (energy_kwh - p.energy_floor_kwh) * p.efficiency_discharge[p.store] / hours
        down = (p.energy_high_kwh[p.store] - energy_kwh) / (p.efficiency_charge[p.store] * hours)
        each = np.maximum(np.minimum(power, np.minimum(up, down)), 0.0)
        return below.sums(p, each[below.slots])


@dataclass(frozen=True)
class _Below:
    """Slots of the stores at and below the nodes of offers.

    Attributes:
        slots: Their rows in the program.
        store: Store of each.
        offer: Offer of each.
        offers: How many offers there are.
    """

    slots: Int[Array, " share"]
    store: Int[Array, " share"]
    offer: Int[Array, " share"]
    offers: int

    @staticmethod
    def of(program: Program, node: Int[Array, " offer"]) -> "_Below":
        """Those of a program."""
        offer = _offer_at_or_above(program, node)[program.node[program.store]]
        slots = np.flatnonzero(offer >= 0)
        return _Below(slots, program.store[slots], offer[slots], len(node))

    def most_kw(self, program: Program) -> Float[Array, " share"]:
        """Most that each slot could hold both ways: half of its whole range of power."""
        return 0.5 * (program.charge_limit_kw + program.discharge_limit_kw)[self.slots]

    def sums(self, program: Program, values: Float[Array, " share"]) -> Float[Array, "offer step"]:
        """Sum of the slots' values, by offer and step."""
        total = np.zeros((self.offers, program.steps))
        np.add.at(total, (self.offer, program.step[self.slots]), values)
        return total


def _offer_at_or_above(program: Program, node: Int[Array, " offer"]) -> Int[Array, " node"]:
    """The offer whose node is each node or lies above it; -1 for none.

    Raises:
        InputError: The node of an offer lies above that of another, which would share its stores.
    """
    offer = np.full(program.nodes, -1)
    offer[node] = np.arange(len(node))
    own = offer.copy()
    for at in np.argsort(depth(program.parent), kind="stable"):
        parent = program.parent[at]
        if parent >= 0 and offer[parent] >= 0:
            if own[at] >= 0:
                rule = "lie neither above nor below the node of another offer"
                raise InputError("symmetric_reserve", [Fault("node", rule, got=(int(at),))])
            offer[at] = offer[parent]
    return offer


def _carrying(
    program: Program, node: Int[Array, " offer"]
) -> tuple[Int[Array, " pair"], Int[Array, " pair"]]:
    """Pairs of an offer and a node at or above it."""
    pairs: list[tuple[int, int]] = []
    for k, at in enumerate(node):
        above = int(at)
        while above >= 0:
            pairs.append((k, above))
            above = int(program.parent[above])
    made = np.array(pairs, np.int64).reshape(-1, 2)
    return made[:, 0], made[:, 1]
