"""How good a schedule is, from first principles: what it violates, what it costs, and a bound.

Everything here is float64 arithmetic on the program and on numbers that any solver may have
proposed; nothing of a solver's own claims is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.engine.parts import roots
from evergrid.engine.program import (
    Program,
    cost,
    energy_path,
    group_costs,
    net_power,
    over_budget,
    over_flowgates,
    unit_costs,
)

TOLERANCE = 1e-6  # kW or kWh by which a schedule may break a limit


@dataclass(frozen=True)
class Dual:
    """Prices that a solver proposes; any numbers give a valid bound, good ones a tight one.

    Attributes:
        energy_value: Worth of a kWh in store at the end of each slot.
        power_price: Worth, to each group and step, of one kW more net power over the step.
        budget_price: Worth, to each group, of one kWh more budget; counts as 0 where there is no
            budget, or where it is below 0.
        flowgate_price: Worth of one kW more limit of each flowgate over its step; counts as 0 where
            it is below 0. None is 0 for all.
    """

    energy_value: Float[Array, " slot"]
    power_price: Float[Array, "group step"]
    budget_price: Float[Array, " group"]
    flowgate_price: Float[Array, " flowgate"] | None = None


@dataclass(frozen=True)
class Certificate:
    """What is proven about a schedule.

    Attributes:
        objective: Its cost.
        bound: No schedule that keeps every limit costs less.
        power_kw: Largest violation of a unit's power limits.
        energy_kwh: Largest violation of a unit's energy limits, of the energy owed, or of a group's
            energy budget.
        group_kw: Largest violation of a group's limits, or of a flowgate.
    """

    objective: float
    bound: float
    power_kw: float
    energy_kwh: float
    group_kw: float

    @property
    def gap(self) -> float:
        """Relative distance between cost and bound, at least 0; 0 means optimal."""
        scale = max(abs(self.objective), abs(self.bound), 1e-9)
        return max(0.0, self.objective - self.bound) / scale


def certify(program: Program, power_kw: Float[Array, " slot"], dual: Dual) -> Certificate:
    """The certificate of a schedule with the bound that these prices prove."""
    energy = energy_path(program, power_kw)
    net = net_power(program, power_kw)
    over_power = np.maximum(power_kw - program.discharge_limit, -power_kw - program.charge_limit)
    over_energy = np.maximum(
        program.energy_floor - energy, energy - program.energy_high[program.unit]
    )
    over_group = np.maximum(program.net_low - net, net - program.net_high)
    over_group = np.append(over_group, over_flowgates(program, net))
    over_energy = np.append(over_energy, over_budget(program, net))
    return Certificate(
        objective=cost(program, power_kw),
        bound=bound(program, dual),
        power_kw=float(np.maximum(over_power, 0).max(initial=0.0)),
        energy_kwh=float(np.maximum(over_energy, 0).max(initial=0.0)),
        group_kw=float(np.maximum(over_group, 0).max(initial=0.0)),
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
        group_kw=max(part.group_kw for part in given),
    )


def proven(
    program: Program, power_kw: Float[Array, " slot"], dual: Dual, gap: float
) -> Bool[Array, " group"]:
    """Whether each group's tree is proven this near to optimal, with every limit kept.

    Args:
        program: What was solved.
        power_kw: Power of each slot.
        dual: Prices that prove a bound.
        gap: Relative gap allowed, of each tree's own cost.
    """
    root = roots(program)
    tree = root[program.group]
    energy = energy_path(program, power_kw)
    net = net_power(program, power_kw)
    by_unit = unit_costs(program, power_kw, energy) - _unit_bounds(program, dual)
    by_group = group_costs(program, net) - _group_terms(program, dual)
    over = np.bincount(tree, by_unit, program.groups) + np.bincount(root, by_group, program.groups)
    paid = np.bincount(tree, unit_costs(program, power_kw, energy), program.groups)
    paid += np.bincount(root, group_costs(program, net), program.groups)
    outside = np.maximum(program.energy_floor - energy, energy - program.energy_high[program.unit])
    beyond = np.maximum(power_kw - program.discharge_limit, -power_kw - program.charge_limit)
    outside = np.maximum(outside, beyond)
    worst = np.maximum(program.net_low - net, net - program.net_high).max(axis=1)
    worst = np.maximum(worst, over_budget(program, net))
    np.maximum.at(worst, program.group[program.unit], outside)
    broken = np.bincount(root, worst > TOLERANCE, program.groups) > 0
    return ((over <= gap * np.abs(paid)) & ~broken)[root]


def bound(program: Program, dual: Dual) -> float:
    """A lower bound on the cost of every schedule that keeps every limit.

    Both the energy balance and the sums of the groups are priced by the dual instead of enforced.
    What remains falls apart into a minimum over each slot's powers, each slot's energy and each
    group's net power, all of them in closed form. So are budgets and flowgates. Prices of either
    sign are valid.

    Source:
        Lagrangian weak duality; no outside source.
    """
    limits = np.zeros(0) if program.flowgates is None else program.flowgates.limit_kw
    return (
        program.constant
        + float(_unit_bounds(program, dual).sum())
        + float(_group_terms(program, dual).sum())
        - float(_flowgate_prices(program, dual) @ limits)
    )


def _unit_bounds(program: Program, dual: Dual) -> Float[Array, " unit"]:
    """Least priced cost of each unit's powers and energies."""
    of_slots = _power_terms(program, dual) + _energy_terms(program, dual)
    value = dual.energy_value[program.begin]
    start = (program.end_value - value) * program.energy_start
    return np.add.reduceat(of_slots, program.begin) + start


def _power_terms(program: Program, dual: Dual) -> Float[Array, " slot"]:
    """Least priced cost of each slot's powers, over drawing or feeding but not both."""
    price = dual.power_price[program.group[program.unit], program.step]
    value = dual.energy_value
    draw = program.step_h * program.draw_price - value * program.gain + price
    feed = -program.step_h * program.feed_price + value * program.drain - price
    draw_curve, feed_curve = program.curves or (None, None)
    best_draw = _least_power_cost(program, draw, draw_curve, program.charge_limit)
    best_feed = _least_power_cost(program, feed, feed_curve, program.discharge_limit)
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


def _energy_terms(program: Program, dual: Dual) -> Float[Array, " slot"]:
    """Least priced cost of the energy held in each slot, within its own limits."""
    value = dual.energy_value
    slope = value.copy()
    slope[:-1] -= value[1:]
    slope[program.end] = value[program.end] - program.end_value
    held = np.where(slope > 0, program.energy_floor, program.energy_high[program.unit])
    return slope * held


def _group_terms(program: Program, dual: Dual) -> Float[Array, " group"]:
    """Least priced cost of each group's net power, with its surcharge, peak price and budget.

    Works on the power drawn from above, ``x = load - n``, whose limits are narrowed to what the
    units could reach at all, so that an absent limit does no harm.
    """
    price = dual.power_price.copy()
    below = program.parent >= 0
    price[below] -= dual.power_price[program.parent[below]]
    if program.flowgates is not None:
        gate_price = _flowgate_prices(program, dual)
        price += program.flowgates.price_of_power(gate_price, program.steps)
    reach_low, reach_high = program.net_range
    net_low = np.maximum(program.net_low, reach_low)
    net_high = np.minimum(program.net_high, reach_high)
    low, high = program.load - net_high, program.load - net_low
    has_budget = np.isfinite(program.budget)
    energy_price = np.where(has_budget, np.maximum(dual.budget_price, 0.0), 0.0)
    under = program.step_h * energy_price[:, None] - price
    over = under + program.step_h * program.surcharge
    total = (price * program.load).sum(axis=1) + _least_costs(low, high, under, over)
    for group in np.nonzero(program.peak_price)[0]:
        at = [group]
        row = (low[at], high[at], under[at], over[at])
        peak = (float(program.peak_price[group]), float(program.peak_before[group]))
        total[group] += _least_with_peak(*row, *peak) - float(_least_costs(*row)[0])
    return total - energy_price * np.where(has_budget, program.budget, 0.0)


def _flowgate_prices(program: Program, dual: Dual) -> Float[Array, " flowgate"]:
    """Prices of the flowgates that prove something: at least 0."""
    if program.flowgates is None or dual.flowgate_price is None:
        return np.zeros(0 if program.flowgates is None else len(program.flowgates))
    return np.maximum(dual.flowgate_price, 0.0)


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
    peak_price: float,
    peak_before: float,
) -> float:
    """The same with a price on the peak z, which is at least x and at least the one before.

    The sum is convex and piecewise linear in z, so its least value lies at a corner.
    """
    lowest = max(peak_before, float(low.max()))
    corners = np.unique(np.append(high[high > lowest], lowest))
    capped = np.minimum(high, corners[:, None])
    low, under, over = (np.broadcast_to(row, capped.shape) for row in (low, under, over))
    return float((peak_price * corners + _least_costs(low, capped, under, over)).min())
