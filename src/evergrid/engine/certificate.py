"""How good a schedule is, from first principles: what it violates, what it costs, and a bound.

Everything here is float64 arithmetic on the program and on numbers that any solver may have
proposed; nothing of a solver's own claims is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.engine.parts import roots
from evergrid.engine.program import Program, cost, flows, node_costs, store_costs, term_costs
from evergrid.engine.violations import TOLERANCE, violations

LEAST_MONEY = 2e-9  # a gap below this is rounding
ROUNDING = 1e-6  # of money, or share of a cost, by which it may lie below its bound


@dataclass(frozen=True)
class Dual:
    """Prices that a solver proposes; any numbers give a valid bound, good ones a tight one.

    Attributes:
        energy_value: Worth of a kWh in store at the end of each slot.
        power_price: Worth, to each node and step, of one kW more net power over the step.
        budget_price: Worth, to each node, of one kWh more budget; counts as 0 where there is no
            budget, or where it is below 0.
        term_prices: For each term of the program, the cost of one more of each of its rows; counts
            as 0 where the row has no limit on that side. Empty is 0 for all.
    """

    energy_value: Float[Array, " slot"]
    power_price: Float[Array, "node step"]
    budget_price: Float[Array, " node"]
    term_prices: tuple[Float[Array, "..."], ...] = ()


@dataclass(frozen=True)
class Certificate:
    """What is proven about a schedule.

    Attributes:
        objective: Its cost.
        bound: No schedule that keeps every limit costs less.
        power_kw: Largest violation of a store's power limits.
        energy_kwh: Largest violation of a store's energy limits, of the energy owed, or of a node's
            energy budget.
        node_kw: Largest violation of a node's limits, or of a term.
    """

    objective: float
    bound: float
    power_kw: float
    energy_kwh: float
    node_kw: float

    @property
    def keeps_limits(self) -> bool:
        """Whether every limit is kept within the tolerance."""
        return max(self.power_kw, self.energy_kwh, self.node_kw) <= TOLERANCE

    @property
    def below_bound(self) -> bool:
        """Whether it costs less than any schedule can, which proves that something is wrong."""
        scale = max(1.0, abs(self.objective), abs(self.bound))
        return self.objective < self.bound - ROUNDING * scale

    @property
    def gap(self) -> float:
        """Relative distance between cost and bound, at least 0; 0 means optimal."""
        scale = max(abs(self.objective), abs(self.bound), 1e-9)
        return max(0.0, self.objective - self.bound) / scale


def certify(
    program: Program,
    power_kw: Float[Array, " slot"],
    dual: Dual,
    tree_bound: Float[Array, " node"] | None = None,
) -> Certificate:
    """The certificate of a schedule with the bound that these prices prove.

    Args:
        program: What was solved.
        power_kw: Power of each slot.
        dual: Prices that prove a bound.
        tree_bound: Bounds on the cost of each node's tree that branch and bound proved, counted
            at the roots; -inf, or None for all, where it was not used.
    """
    found = violations(program, power_kw)
    paid, least = cost(program, power_kw), bound(program, dual, tree_bound)
    if least < paid < least + LEAST_MONEY:
        least = paid  # rounding, which would be all of the gap where the cost is 0
    return Certificate(
        objective=paid,
        bound=least,
        power_kw=found.worst_power_kw,
        energy_kwh=found.worst_energy_kwh,
        node_kw=found.worst_node_kw,
    )


def together(parts: Sequence[Certificate | None], constant: float) -> Certificate | None:
    """The certificate of parts that share nothing; None where one of them has none.

    Args:
        parts: Their certificates.
        constant: What the whole costs beside them.
    """
    given = [part for part in parts if part is not None]
    if not given or len(given) < len(parts):
        return None
    return Certificate(
        objective=sum(part.objective for part in given) + constant,
        bound=sum(part.bound for part in given) + constant,
        power_kw=max(part.power_kw for part in given),
        energy_kwh=max(part.energy_kwh for part in given),
        node_kw=max(part.node_kw for part in given),
    )


def proven(
    program: Program, power_kw: Float[Array, " slot"], dual: Dual, gap: float
) -> Bool[Array, " node"]:
    """Whether each node's tree is proven this near to optimal, with every limit kept.

    Args:
        program: What was solved.
        power_kw: Power of each slot.
        dual: Prices that prove a bound.
        gap: Relative gap allowed, of each tree's own cost.
    """
    paid = tree_costs(program, power_kw)
    over = paid - tree_bounds(program, dual)
    kept = violations(program, power_kw).by_tree(program) <= TOLERANCE
    return (over <= gap * np.abs(paid))[roots(program)] & kept


def tree_costs(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " node"]:
    """What each tree costs, at its root; without the constant."""
    done = flows(program, power_kw)
    of_nodes = node_costs(program, done.net_kw) + term_costs(program, done)
    return _at_roots(program, store_costs(program, power_kw, done.energy_kwh), of_nodes)


def tree_bounds(program: Program, dual: Dual) -> Float[Array, " node"]:
    """What each tree costs at least, at its root; without the constant."""
    terms = _priced_terms(program, dual)
    of_nodes = _node_bounds(program, dual, terms) + terms.of_nodes
    return _at_roots(program, _store_bounds(program, dual, terms), of_nodes)


def store_bounds(program: Program, dual: Dual) -> Float[Array, " store"]:
    """What each store costs at least at these prices, of its energy and its power together."""
    return _store_bounds(program, dual, _priced_terms(program, dual))


def fed_price(program: Program, dual: Dual) -> Float[Array, " slot"]:
    """What terms add to the price of a kW fed over each slot."""
    return _priced_terms(program, dual).feed


def _at_roots(
    program: Program, of_stores: Float[Array, " store"], of_nodes: Float[Array, " node"]
) -> Float[Array, " node"]:
    root = roots(program)
    total = np.bincount(root[program.node], of_stores, program.nodes)
    return total + np.bincount(root, of_nodes, program.nodes)


def bound(program: Program, dual: Dual, tree_bound: Float[Array, " node"] | None = None) -> float:
    """A lower bound on the cost of every schedule that keeps every limit.

    Both the energy balance and the sums of the nodes are priced by the dual instead of enforced.
    What remains falls apart into a minimum over each slot's powers, each slot's energy and each
    node's net power, all of them in closed form. So are budgets, and the rows of terms. Prices of
    either sign are valid. Where branch and bound proved more of a tree, that counts.

    Source:
        Lagrangian weak duality; no outside source.
    """
    of_trees = tree_bounds(program, dual)
    if tree_bound is None or not np.isfinite(tree_bound).any():
        return program.constant + float(of_trees.sum())
    is_root = program.parent < 0
    return program.constant + float(np.maximum(of_trees, tree_bound)[is_root].sum())


@dataclass(frozen=True)
class _PricedTerms:
    """What prices of the terms' rows add to the price of everything that the rows count.

    Attributes:
        draw: Per kW drawn, in each slot.
        feed: Per kW fed.
        energy: Per kWh held at the end.
        net: Per kW of net power.
        of_nodes: Least priced cost of the terms' own columns and rows, at a node of their tree.
    """

    draw: Float[Array, " slot"]
    feed: Float[Array, " slot"]
    energy: Float[Array, " slot"]
    net: Float[Array, "node step"]
    of_nodes: Float[Array, " node"]


def _priced_terms(program: Program, dual: Dual) -> _PricedTerms:
    """The rows of all terms, priced instead of enforced.

    A row that is not enforced may have any value within its limits, so it comes to its price times
    the limit on that side; an own column comes to its priced cost at one of its ends.
    """
    draw, feed, energy = (np.zeros(program.slots) for _ in range(3))
    net, of_nodes = np.zeros(program.nodes * program.steps), np.zeros(program.nodes)
    for number, rows in enumerate(program.term_rows):
        price = rows.proving(dual.term_prices[number] if dual.term_prices else None)
        draw += rows.spent.T @ dual.energy_value - rows.draw.T @ price
        feed -= rows.feed.T @ price
        energy -= rows.energy.T @ price
        net -= rows.net.T @ price
        own = rows.columns
        cost = own.cost - rows.own.T @ price
        np.add.at(of_nodes, own.node, cost * np.where(cost > 0, own.lower, own.upper))
        limit = np.where(price > 0, rows.lower, rows.upper)
        np.add.at(of_nodes, rows.node, price * np.where(price != 0, limit, 0.0))
    return _PricedTerms(draw, feed, energy, net.reshape(program.nodes, -1), of_nodes)


def _store_bounds(program: Program, dual: Dual, terms: _PricedTerms) -> Float[Array, " store"]:
    """Least priced cost of each store's powers and energies."""
    of_slots = _power_bounds(program, dual, terms) + _energy_bounds(program, dual, terms)
    value = dual.energy_value[program.begin]
    start = (program.end_value_per_kwh - value) * program.energy_start_kwh
    return np.add.reduceat(of_slots, program.begin) + start


def _power_bounds(program: Program, dual: Dual, terms: _PricedTerms) -> Float[Array, " slot"]:
    """Least priced cost of each slot's powers, over drawing or feeding but not both."""
    price = dual.power_price[program.node[program.store], program.step]
    value = dual.energy_value
    draw = program.step_h * program.draw_price_per_kwh - value * program.gain + price + terms.draw
    feed = -program.step_h * program.feed_price_per_kwh + value * program.drain - price + terms.feed
    draw_curve_per_kwh_kw, feed_curve_per_kwh_kw = program.curves or (None, None)
    best_draw = _least_power_cost(program, draw, draw_curve_per_kwh_kw, program.charge_limit_kw)
    best_feed = _least_power_cost(program, feed, feed_curve_per_kwh_kw, program.discharge_limit_kw)
    return np.minimum(best_draw, best_feed)


def _least_power_cost(
    program: Program,
    price: Float[Array, " slot"],
    curve: Float[Array, " slot"] | None,
    limit: Float[Array, " slot"],
) -> Float[Array, " slot"]:
    """Least of ``price x + step_h curve x^2`` for x from 0 to the limit."""
    earned = np.minimum(price, 0)
    if curve is None:
        return earned * limit
    bend = program.step_h * curve
    # Up to where the marginal cost is 0, or to the limit where that lies beyond.
    inside = -earned < 2 * bend * limit
    power = np.where(inside, -earned / np.where(inside, 2 * bend, 1.0), limit)
    return (earned + bend * power) * power


def _energy_bounds(program: Program, dual: Dual, terms: _PricedTerms) -> Float[Array, " slot"]:
    """Least priced cost of the energy held in each slot, within its own limits."""
    value = dual.energy_value
    slope = value.copy()
    slope[:-1] -= value[1:]
    slope[program.end] = value[program.end] - program.end_value_per_kwh
    slope += terms.energy
    held = np.where(slope > 0, program.energy_floor_kwh, program.energy_high_kwh[program.store])
    return slope * held


def _node_bounds(program: Program, dual: Dual, terms: _PricedTerms) -> Float[Array, " node"]:
    """Least priced cost of each node's net power, with its surcharge, peak price and budget.

    Works on the power drawn from above, ``x = load - n``, whose limits are narrowed to what the
    stores could reach at all, so that an absent limit does no harm.
    """
    price = dual.power_price.copy()
    below = program.parent >= 0
    price[below] -= dual.power_price[program.parent[below]]
    price += terms.net
    reach_low, reach_high = program.net_range_kw
    net_low_kw = np.maximum(program.net_low_kw, reach_low)
    net_high_kw = np.minimum(program.net_high_kw, reach_high)
    low, high = program.load_kw - net_high_kw, program.load_kw - net_low_kw
    has_budget = np.isfinite(program.budget)
    energy_price = np.where(has_budget, np.maximum(dual.budget_price, 0.0), 0.0)
    under = program.step_h * energy_price[:, None] - price
    over = under + program.step_h * program.surcharge_per_kwh
    total = (price * program.load_kw).sum(axis=1) + _least_costs(low, high, under, over)
    for node in np.nonzero(program.peak_price_per_kw)[0]:
        at = [node]
        row = (low[at], high[at], under[at], over[at])
        peak = (float(program.peak_price_per_kw[node]), float(program.peak_before_kw[node]))
        count = int(program.counted[node])
        total[node] += _least_with_peak(*row, *peak, count) - float(_least_costs(*row)[0])
    return total - energy_price * np.where(has_budget, program.budget, 0.0)


def _least_costs(
    low: Float[Array, "row step"],
    high: Float[Array, "row step"],
    under: Float[Array, "row step"],
    over: Float[Array, "row step"],
) -> Float[Array, " row"]:
    """Least of ``sum(under x)`` for x <= 0 and ``over x`` for x >= 0, within low <= x <= high."""
    corners = (low, high, np.clip(0.0, low, high))
    return np.minimum.reduce([np.where(x > 0, over * x, under * x) for x in corners]).sum(axis=-1)


def _least_with_peak(
    low: Float[Array, "1 step"],
    high: Float[Array, "1 step"],
    under: Float[Array, "1 step"],
    over: Float[Array, "1 step"],
    peak_price_per_kw: float,
    peak_before_kw: float,
    count: int,
) -> float:
    """Least cost with a price on the peak: the mean of the highest, and of the one before.

    The mean of the ``count`` highest is the least of ``z + sum(max(0, x - z)) / count`` over z. So
    the sum is convex and piecewise linear in z, and its least value lies at a corner. With one
    highest, going beyond z costs as much as raising z, and is left out.
    """
    if count == 1:
        lowest = max(peak_before_kw, float(low.max()))
        corners = np.unique(np.append(high[high > lowest], lowest))
        capped = np.minimum(high, corners[:, None])
        low, under, over = (np.broadcast_to(row, capped.shape) for row in (low, under, over))
        return float((peak_price_per_kw * corners + _least_costs(low, capped, under, over)).min())
    edges = np.concatenate([low[low > peak_before_kw], high[high > peak_before_kw]])
    corners = np.unique(np.append(edges, peak_before_kw))
    beyond = peak_price_per_kw / count
    best = np.inf
    for z in corners:  # at most two for each step
        x = np.stack([low, high, np.clip(0.0, low, high), np.clip(z, low, high)])
        paid = np.where(x > 0, over * x, under * x) + beyond * np.maximum(x - z, 0.0)
        best = min(best, peak_price_per_kw * z + float(paid.min(axis=0).sum()))
    return best
