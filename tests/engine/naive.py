"""The program of one page, built row by row in plain Python: a referee for the fast construction.

It shares no code with the engine. SciPy solves it, so that only the mathematics is in common. Costs
that rise with power are met by equally spaced tangents, which cost a little less: see `missed`.
"""

import itertools

import numpy as np
from scipy.optimize import linprog

from evergrid.core.flowgates import Flowgates
from evergrid.engine.program import Program
from evergrid.engine.terms import flowgates
from evergrid.engine.terms.fed_energy import FedEnergyLimits

TANGENTS = 24  # of each cost that rises


def missed(program: Program) -> float:
    """By how much the optimum told here may lie below the true one."""
    total = 0.0
    for bend, limit in _curves(program).values():
        total += bend * (limit / (TANGENTS - 1)) ** 2 / 4
    return total


def _curves(program: Program) -> dict[tuple, tuple[float, float]]:
    """What a cost is of the square of the power, and the greatest power, where any cost rises."""
    p, found, slot = program, {}, 0
    for u in range(p.stores):
        for t in range(p.first[u], p.stop[u]):
            for name, curve, rating in (
                ("c", p.draw_curve_per_kwh_kw, p.charge_kw[u]),
                ("d", p.feed_curve_per_kwh_kw, p.discharge_kw[u]),
            ):
                if curve is not None and curve[slot] > 0 and rating > 0:
                    bend = float(p.step_h * curve[slot])
                    found[name, u, t] = (bend, float(p.share[slot] * rating))
            slot += 1
    return found


def optimum(program: Program, directions: dict[tuple[int, int], str] | None = None) -> float:
    """Least cost; ``directions`` closes "draw" or "feed" of some (store, step) pairs.

    Infinite where no schedule keeps every limit.
    """
    directions = directions or {}
    names: dict[tuple, int] = {}
    costs: list[float] = []
    bounds: list[tuple[float, float | None]] = []

    def variable(name: tuple, cost: float, low: float, high: float | None) -> None:
        names[name] = len(costs)
        costs.append(cost)
        bounds.append((low, high))

    p, h = program, program.step_h
    slot = 0
    for u in range(p.stores):
        for t in range(p.first[u], p.stop[u]):
            most_draw = p.share[slot] * p.charge_kw[u]
            most_feed = p.share[slot] * p.discharge_kw[u]
            closed = directions.get((u, t))
            variable(
                ("c", u, t), h * p.draw_price_per_kwh[slot], 0, 0 if closed == "draw" else most_draw
            )
            variable(
                ("d", u, t),
                -h * p.feed_price_per_kwh[slot],
                0,
                0 if closed == "feed" else most_feed,
            )
            last = t == p.stop[u] - 1
            low = max(p.energy_low_kwh[u], p.energy_end_kwh[u]) if last else p.energy_low_kwh[u]
            variable(
                ("e", u, t), -p.end_value_per_kwh[u] if last else 0.0, low, p.energy_high_kwh[u]
            )
            slot += 1
    for g, t in itertools.product(range(p.nodes), range(p.steps)):
        variable(("over", g, t), h * p.surcharge_per_kwh[g, t], 0, None)
    curves = _curves(p)
    for name in curves:
        variable(("rise", *name), 1.0, 0, None)
    for g in range(p.nodes):
        variable(("peak", g), p.peak_price_per_kw[g], p.peak_before_kw[g], None)

    equal, equal_to, most, at_most = [], [], [], []

    def row(entries: dict[tuple, float]) -> np.ndarray:
        values = np.zeros(len(costs))
        for name, value in entries.items():
            values[names[name]] = value
        return values

    for u in range(p.stores):
        for t in range(p.first[u], p.stop[u]):
            entries = {
                ("e", u, t): 1.0,
                ("c", u, t): -h * p.efficiency_charge[u],
                ("d", u, t): h / p.efficiency_discharge[u],
            }
            if t > p.first[u]:
                entries["e", u, t - 1] = -1.0
            equal.append(row(entries))
            equal_to.append(p.energy_start_kwh[u] if t == p.first[u] else 0.0)
    for g, t in itertools.product(range(p.nodes), range(p.steps)):
        net = _net(p, g, t)
        minus = {name: -value for name, value in net.items()}
        if np.isfinite(p.net_high_kw[g, t]):
            most.append(row(net))
            at_most.append(p.net_high_kw[g, t])
        if np.isfinite(p.net_low_kw[g, t]):
            most.append(row(minus))
            at_most.append(-p.net_low_kw[g, t])
        for name in (("over", g, t), ("peak", g)):  # load - net - variable <= 0
            most.append(row({**minus, name: -1.0}))
            at_most.append(-p.load_kw[g, t])
    none = Flowgates(np.zeros(0, np.int64), np.zeros((0, p.nodes)), np.zeros(0))
    gates = flowgates.of(p) or none
    for gate in range(len(gates)):
        weighted: dict[tuple, float] = {}
        for g in range(p.nodes):
            for name, value in _net(p, g, int(gates.step[gate])).items():
                weighted[name] = weighted.get(name, 0.0) + value * gates.weight[gate, g]
        most.append(row(weighted))
        at_most.append(gates.limit_kw[gate])
    for term in p.terms:
        if isinstance(term, FedEnergyLimits):
            for group, limit_kwh in enumerate(term.limit_kwh):
                together = {
                    ("d", u, t): h
                    for u in np.flatnonzero(term.group == group)
                    for t in range(p.first[u], p.stop[u])
                }
                most.append(row(together))
                at_most.append(limit_kwh)
    for name, (bend, limit) in curves.items():
        for at in np.linspace(0.0, limit, TANGENTS):  # 2 bend at x - rise <= bend at^2
            most.append(row({name: 2 * bend * at, ("rise", *name): -1.0}))
            at_most.append(bend * at**2)
    for g in range(p.nodes):
        if p.budget_kwh is not None and np.isfinite(p.budget_kwh[g]):
            drawn = {}
            for u in range(p.stores):
                if _is_below(p, int(p.node[u]), g):
                    for t in range(p.first[u], p.stop[u]):
                        drawn["c", u, t], drawn["d", u, t] = h, -h
            most.append(row(drawn))
            at_most.append(p.budget_kwh[g] - h * float(p.load_kw[g].sum()))
    result = linprog(costs, most, at_most, equal, equal_to, bounds, method="highs")
    if result.status == 2:  # infeasible, as some choices of directions are
        return np.inf
    assert result.success, result.message
    return result.fun + float(p.end_value_per_kwh @ p.energy_start_kwh) + p.constant


def _net(program: Program, node: int, step: int) -> dict[tuple, float]:
    """What each power adds to the net power of a node in a step."""
    net = {}
    for u in range(program.stores):
        is_there = program.first[u] <= step < program.stop[u]
        if is_there and _is_below(program, int(program.node[u]), node):
            net["d", u, step], net["c", u, step] = 1.0, -1.0
    return net


def _is_below(program: Program, node: int, above: int) -> bool:
    while node not in (-1, above):
        node = int(program.parent[node])
    return node == above


def best_without_both(program: Program) -> float:
    """Least cost with one direction per slot, by trying every choice where both are open."""
    pairs = [
        (u, t)
        for u in range(program.stores)
        if program.discharge_kw[u] > 0 and program.charge_kw[u] > 0
        for t in range(program.first[u], program.stop[u])
    ]
    choices = itertools.product(("draw", "feed"), repeat=len(pairs))
    return min(optimum(program, dict(zip(pairs, choice, strict=True))) for choice in choices)
