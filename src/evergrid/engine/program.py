"""The scheduling problem as arrays: stores of energy, and nodes that limit their sum."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.term import AbstractTerm, Flows, TermRows


@dataclass(frozen=True)
class Program:
    """A convex program over stores of energy in a forest of nodes.

    A store takes part in the steps ``first .. stop - 1``. Each such pair of store and step is a
    *slot*; slots are laid out store by store, in time order. In a slot the store draws ``c`` kW and
    feeds ``d`` kW, and holds ``e`` kWh at the end::

        e = e_before + efficiency_charge c step_h - d step_h / efficiency_discharge
        0 <= c <= share charge_kw,   0 <= d <= share discharge_kw,   c d = 0
        energy_low_kwh <= e <= energy_high_kwh,   e >= energy_end_kwh in the last slot

    A node's net power ``n`` is the sum of ``d - c`` over its own stores and the nodes below it,
    held in ``[net_low_kw, net_high_kw]``. What it draws from above over all steps, the sum of
    ``step_h (load - n)``, is at most ``budget_kwh``. Further limits and payments, such as flowgates
    and reserves, are ``terms``, each of which says by itself what it adds, see
    `evergrid.engine.term`. The cost to be minimised is::

        sum over slots   step_h (draw_price c + draw_curve c^2 - feed_price d + feed_curve d^2)
        - sum over stores end_value (e_last - e_start)
        + sum over nodes and steps  step_h surcharge max(0, load - n)
        + sum over nodes  peak_price peak
        + sum over terms  cost
        + constant

    Prices are money per kWh (``peak_price`` per kW), powers are measured at the plug; the formula
    leaves out the units that the fields' names end with. The peak is the mean of the
    ``peak_count`` highest of ``load - n`` (one when None), where ``peak_before_kw`` (at least 0)
    stands for as many that were drawn before the first step. A curve (at least 0) is by how much
    the price of each kWh rises for every kW: a loss or a wear that grows with power. Where no cost
    rises, or no node has a budget, they are None; infinity is no budget too.

    Three rules are not convex. ``c d = 0``: `simultaneous` marks the slots where it matters. A
    surcharge below 0, where a meter pays more for feeding than it charges for drawing. And the
    reserve: a store that begins below its ``reserve_kwh`` may not lose energy until it holds that
    much, and never falls below it afterwards (-inf, or None for all stores, where there is none).

    Decisions about these rules restrict a program: a direction that is closed in a slot, and a
    higher least energy in a slot. They are None where nothing is decided.

    ``rest_kw`` is what stores do when the fleet is at rest: nothing (None) but for stores that draw
    what must be curtailed. What the nodes then do breaks limits by the load alone.
    """

    step_h: float
    steps: int
    first: Int[Array, " store"]
    stop: Int[Array, " store"]
    share: Float[Array, " slot"]
    charge_kw: Float[Array, " store"]
    discharge_kw: Float[Array, " store"]
    efficiency_charge: Float[Array, " store"]
    efficiency_discharge: Float[Array, " store"]
    energy_start_kwh: Float[Array, " store"]
    energy_low_kwh: Float[Array, " store"]
    energy_high_kwh: Float[Array, " store"]
    energy_end_kwh: Float[Array, " store"]
    end_value_per_kwh: Float[Array, " store"]
    draw_price_per_kwh: Float[Array, " slot"]
    feed_price_per_kwh: Float[Array, " slot"]
    node: Int[Array, " store"]
    parent: Int[Array, " node"]
    net_low_kw: Float[Array, "node step"]
    net_high_kw: Float[Array, "node step"]
    load_kw: Float[Array, "node step"]
    surcharge_per_kwh: Float[Array, "node step"]
    peak_price_per_kw: Float[Array, " node"]
    peak_before_kw: Float[Array, " node"]
    constant: float = 0.0
    draw_curve_per_kwh_kw: Float[Array, " slot"] | None = None
    feed_curve_per_kwh_kw: Float[Array, " slot"] | None = None
    budget_kwh: Float[Array, " node"] | None = None
    terms: tuple[AbstractTerm, ...] = ()
    peak_count: Int[Array, " node"] | None = None
    reserve_kwh: Float[Array, " store"] | None = None
    closed_draw: Bool[Array, " slot"] | None = None
    closed_feed: Bool[Array, " slot"] | None = None
    floor_kwh: Float[Array, " slot"] | None = None
    rest_kw: Float[Array, " slot"] | None = None

    @property
    def stores(self) -> int:
        """How many stores there are."""
        return len(self.first)

    @property
    def slots(self) -> int:
        """How many pairs of store and step there are."""
        return len(self.share)

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.parent)

    @cached_property
    def store(self) -> Int[Array, " slot"]:
        """Store of each slot."""
        return np.repeat(np.arange(self.stores), self.stop - self.first)

    @cached_property
    def begin(self) -> Int[Array, " store"]:
        """First slot of each store."""
        lengths = self.stop - self.first
        return np.cumsum(lengths) - lengths

    @cached_property
    def end(self) -> Int[Array, " store"]:
        """Last slot of each store."""
        return self.begin + (self.stop - self.first) - 1

    @cached_property
    def step(self) -> Int[Array, " slot"]:
        """Step of each slot."""
        return np.arange(self.slots) - self.begin[self.store] + self.first[self.store]

    @cached_property
    def charge_limit_kw(self) -> Float[Array, " slot"]:
        """Greatest power drawn in each slot."""
        limit = self.share * self.charge_kw[self.store]
        return limit if self.closed_draw is None else np.where(self.closed_draw, 0.0, limit)

    @cached_property
    def discharge_limit_kw(self) -> Float[Array, " slot"]:
        """Greatest power fed in each slot."""
        limit = self.share * self.discharge_kw[self.store]
        return limit if self.closed_feed is None else np.where(self.closed_feed, 0.0, limit)

    @cached_property
    def gain(self) -> Float[Array, " slot"]:
        """Energy stored per kW drawn for the step."""
        return self.step_h * self.efficiency_charge[self.store]

    @cached_property
    def drain(self) -> Float[Array, " slot"]:
        """Energy taken from store per kW fed for the step."""
        return self.step_h / self.efficiency_discharge[self.store]

    @cached_property
    def curves(self) -> tuple[Float[Array, " slot"], Float[Array, " slot"]] | None:
        """Both curves, of drawing and of feeding; None where no cost rises with power."""
        if self.draw_curve_per_kwh_kw is None and self.feed_curve_per_kwh_kw is None:
            return None
        none = np.zeros(self.slots)
        draw, feed = self.draw_curve_per_kwh_kw, self.feed_curve_per_kwh_kw
        return none if draw is None else draw, none if feed is None else feed

    @cached_property
    def budget(self) -> Float[Array, " node"]:
        """Most net energy drawn by each node; infinite where there is no budget."""
        return np.full(self.nodes, np.inf) if self.budget_kwh is None else self.budget_kwh

    @cached_property
    def energy_floor_kwh(self) -> Float[Array, " slot"]:
        """Least energy at the end of each slot, with what is owed in the last."""
        floor = self.energy_low_kwh[self.store]
        if self.floor_kwh is not None:
            floor = np.maximum(floor, self.floor_kwh)
        floor[self.end] = np.maximum(floor[self.end], self.energy_end_kwh)
        return floor

    @cached_property
    def counted(self) -> Int[Array, " node"]:
        """How many highest steps each node's peak is the mean of."""
        count = self.peak_count
        return np.ones(self.nodes, np.int64) if count is None else count

    @cached_property
    def reserved(self) -> Int[Array, " some"]:
        """Stores that begin below a reserve."""
        none = np.zeros(0, np.int64)
        return none if self.reserve_kwh is None else np.nonzero(np.isfinite(self.reserve_kwh))[0]

    @cached_property
    def concave(self) -> Bool[Array, "node step"]:
        """Where a meter pays more for feeding than it charges, and could do either."""
        low, high = self.drawn_range_kw
        return (self.surcharge_per_kwh < 0) & (low < 0) & (high > 0)

    @property
    def useless(self) -> Bool[Array, " slot"]:
        """Slots whose drawing serves nobody: the store owes, feeds and is worth nothing later."""
        idle = (self.discharge_kw == 0) & (self.energy_end_kwh <= self.energy_start_kwh)
        return (idle & (self.end_value_per_kwh == 0))[self.store]

    @property
    def convex(self) -> bool:
        """Whether no rule but that of one direction could be in the way of a convex solver."""
        return not ((self.surcharge_per_kwh < 0).any() or len(self.reserved))

    @cached_property
    def term_rows(self) -> tuple[TermRows, ...]:
        """What each term adds, as columns and rows."""
        return tuple(term.rows(self) for term in self.terms)

    @property
    def tied(self) -> bool:
        """Whether any term ties all trees together."""
        return any(term.ties_trees for term in self.terms)

    @cached_property
    def simultaneous(self) -> Array:
        """Slots where drawing and feeding at once could pay, by wasting energy in the losses.

        To waste one stored kWh, draw 1/efficiency_charge and feed efficiency_discharge. Shared
        limits shift both prices by the same amount, and only a binding export limit shifts them
        downwards; so slots of nodes that could bind in export are marked as well, and slots whose
        powers or energy a term counts. Costs that rise with power and budgets only speak against
        it.
        """
        eta_c = self.efficiency_charge[self.store]
        eta_d = self.efficiency_discharge[self.store]
        least = self._least_surcharge[self.node[self.store], self.step]
        pays = (self.draw_price_per_kwh + least) / eta_c < (self.feed_price_per_kwh + least) * eta_d
        both = (self.charge_limit_kw > 0) & (self.discharge_limit_kw > 0)
        export = self._export_can_bind[self.node[self.store], self.step]
        of_terms = np.zeros(self.slots, bool)
        for rows in self.term_rows:
            of_terms |= rows.of_slots()
        return both & (pays | export | of_terms)

    @cached_property
    def net_range_kw(self) -> tuple[Float[Array, "node step"], Float[Array, "node step"]]:
        """Least and greatest net power that each node's stores could reach at all."""
        low = of_own_stores(self, -self.charge_limit_kw)
        high = of_own_stores(self, self.discharge_limit_kw)
        return tree.add_up(low, self.parent), tree.add_up(high, self.parent)

    @cached_property
    def drawn_range_kw(self) -> tuple[Float[Array, "node step"], Float[Array, "node step"]]:
        """Least and greatest power that each node could draw from above within its limits."""
        low, high = self.net_range_kw
        low, high = np.maximum(low, self.net_low_kw), np.minimum(high, self.net_high_kw)
        return self.load_kw - high, self.load_kw - low

    @cached_property
    def _least_surcharge(self) -> Float[Array, "node step"]:
        """What meters at and above each node could take off the price of drawing."""
        least = np.minimum(self.surcharge_per_kwh, 0.0)
        return tree.add_down(least, self.parent) if least.any() else least

    @cached_property
    def rest_net_kw(self) -> Float[Array, "node step"]:
        """Net power of each node when the fleet is at rest."""
        if self.rest_kw is None:
            return np.zeros((self.nodes, self.steps))
        return net_power(self, self.rest_kw)

    @cached_property
    def firm_range_kw(self) -> tuple[Float[Array, "node step"], Float[Array, "node step"]]:
        """Limits of net power, widened as far as the fleet at rest exceeds them."""
        rest = self.rest_net_kw
        return np.minimum(self.net_low_kw, rest), np.maximum(self.net_high_kw, rest)

    @cached_property
    def _export_can_bind(self) -> Array:
        """Whether a limit of feeding at or above each node is within the reach of its stores."""
        binds = self.net_range_kw[1] > self.net_high_kw
        for rows in self.term_rows:
            binds |= rows.limits_export().reshape(binds.shape)
        return tree.add_down(binds, self.parent)


def net_power(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, "node step"]:
    """Net power of every node when its stores deliver these powers, positive into the grid."""
    return tree.add_up(of_own_stores(program, power_kw), program.parent)


def of_own_stores(program: Program, values: Float[Array, " slot"]) -> Float[Array, "node step"]:
    """Sum over the stores directly in each node, step by step."""
    cell = program.node[program.store] * program.steps + program.step
    total = np.bincount(cell, values, program.nodes * program.steps)
    # without any slot it counts in integers
    return total.astype(float).reshape(program.nodes, program.steps)


def energy_path(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " slot"]:
    """Energy of each store at the end of each slot under these powers; limits are not applied."""
    change = np.where(power_kw > 0, -power_kw * program.drain, -power_kw * program.gain)
    for rows in program.term_rows:
        if rows.spent.nnz:
            change = change - rows.spent @ np.maximum(-power_kw, 0.0)
    summed = np.cumsum(change)
    before = summed[program.begin] - change[program.begin]
    return program.energy_start_kwh[program.store] + summed - before[program.store]


def cost(program: Program, power_kw: Float[Array, " slot"]) -> float:
    """What a schedule costs, by the formula of `Program`."""
    done = flows(program, power_kw)
    of_stores = store_costs(program, power_kw, done.energy_kwh)
    of_nodes, of_terms = node_costs(program, done.net_kw), term_costs(program, done)
    return float(of_stores.sum() + of_nodes.sum() + of_terms.sum() + program.constant)


def store_costs(
    program: Program, power_kw: Float[Array, " slot"], energy: Float[Array, " slot"]
) -> Float[Array, " store"]:
    """What each store pays for its energy, less what is left in it."""
    paid = slot_costs(program, power_kw)
    left = program.end_value_per_kwh * (energy[program.end] - program.energy_start_kwh)
    return np.bincount(program.store, paid, program.stores) - left


def slot_costs(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " slot"]:
    """What is paid in each slot for the energy drawn or fed."""
    draws = power_kw < 0
    price = np.where(draws, program.draw_price_per_kwh, program.feed_price_per_kwh)
    paid = -program.step_h * price * power_kw
    if program.curves is not None:
        paid += program.step_h * np.where(draws, *program.curves) * power_kw**2
    return paid


def flows(program: Program, power_kw: Float[Array, " slot"]) -> Flows:
    """What comes of powers: energies of stores and net powers of nodes."""
    return Flows(power_kw, energy_path(program, power_kw), net_power(program, power_kw))


def term_costs(program: Program, done: Flows) -> Float[Array, " node"]:
    """What terms cost each node."""
    total = np.zeros(program.nodes)
    for term in program.terms:
        total += term.evaluate(program, done).cost
    return total


def node_costs(program: Program, net: Float[Array, "node step"]) -> Float[Array, " node"]:
    """What each node pays at its meter and for its peak."""
    drawn = np.maximum(program.load_kw - net, 0)
    metered = program.step_h * (program.surcharge_per_kwh * drawn).sum(axis=1)
    return metered + program.peak_price_per_kw * peaks(program, drawn)


def peaks(program: Program, drawn_kw: Float[Array, "node step"]) -> Float[Array, " node"]:
    """Mean of the highest powers that each node draws, with those drawn before."""
    peak = np.maximum(drawn_kw.max(axis=1), program.peak_before_kw)
    for node in np.nonzero(program.counted > 1)[0]:
        count = int(program.counted[node])
        highest = np.sort(drawn_kw[node])[::-1][:count]
        highest = np.append(highest, np.zeros(count - len(highest)))  # the rest was never drawn
        peak[node] = np.maximum(highest, program.peak_before_kw[node]).mean()
    return peak


def over_budget(program: Program, net: Float[Array, "node step"]) -> Float[Array, " node"]:
    """Net energy that each node draws beyond its budget; below 0 within it."""
    if program.budget_kwh is None:
        return np.full(program.nodes, -np.inf)
    return program.step_h * (program.load_kw - net).sum(axis=1) - program.budget_kwh
