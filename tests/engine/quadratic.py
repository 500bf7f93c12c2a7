"""The program with its squares as they are, solved by HiGHS' own method for them: a referee.

It shares no code with the engine beyond the fields of a program, and knows no tangents. Slow: for
programs of some hundred slots.
"""

import highspy
import numpy as np
from scipy import sparse

from evergrid.engine.program import Program


def optimum(program: Program) -> float:
    """Least cost where drawing and feeding at once is allowed."""
    p, count = program, program.slots
    at = {name: i * count + np.arange(count) for i, name in enumerate(("draw", "feed", "held"))}
    over = 3 * count + np.arange(p.nodes * p.steps).reshape(p.nodes, p.steps)
    peak = over.max() + 1 + np.arange(p.nodes)
    columns = int(peak[-1]) + 1
    cost, low, square = np.zeros((3, columns))
    high = np.full(columns, np.inf)
    for name, price, limit, curve in (
        ("draw", p.draw_price_per_kwh, p.charge_limit_kw, p.draw_curve_per_kwh_kw),
        ("feed", -p.feed_price_per_kwh, p.discharge_limit_kw, p.feed_curve_per_kwh_kw),
    ):
        cost[at[name]], high[at[name]] = p.step_h * price, limit
        square[at[name]] = 0.0 if curve is None else 2 * p.step_h * curve
    low[at["held"]], high[at["held"]] = p.energy_low_kwh[p.store], p.energy_high_kwh[p.store]
    last = at["held"][p.end]
    low[last] = np.maximum(low[last], p.energy_end_kwh)
    cost[last] = -p.end_value_per_kwh
    cost[over], cost[peak], low[peak] = (
        p.step_h * p.surcharge_per_kwh,
        p.peak_price_per_kw,
        p.peak_before_kw,
    )

    rows: list[tuple[np.ndarray, np.ndarray, float, float]] = []  # columns, values, low, high
    for slot in range(count):
        store = p.store[slot]
        first = slot == p.begin[store]
        parts = [at[name][slot] for name in ("held", "draw", "feed")]
        values = [1.0, -p.gain[slot], p.drain[slot]]
        if not first:
            parts, values = [*parts, at["held"][slot - 1]], [*values, -1.0]
        start = float(p.energy_start_kwh[store]) if first else 0.0
        rows.append((np.array(parts), np.array(values), start, start))
    for node in range(p.nodes):
        below = _below(p, node)
        for step in range(p.steps):
            slots = np.flatnonzero(below & (p.step == step))
            parts = np.concatenate([at["feed"][slots], at["draw"][slots]])
            net = np.repeat([1.0, -1.0], len(slots))
            rows.append((parts, net, p.net_low_kw[node, step], p.net_high_kw[node, step]))
            for more in (over[node, step], peak[node]):
                rows.append(
                    (np.append(parts, more), np.append(net, 1.0), p.load_kw[node, step], np.inf)
                )
        if p.budget_kwh is not None and np.isfinite(p.budget_kwh[node]):
            slots = np.flatnonzero(below)
            parts = np.concatenate([at["draw"][slots], at["feed"][slots]])
            drawn = np.repeat([p.step_h, -p.step_h], len(slots))
            most = p.budget_kwh[node] - p.step_h * float(p.load_kw[node].sum())
            rows.append((parts, drawn, -np.inf, most))
    return (
        _solved(cost, square, low, high, rows)
        + float(p.end_value_per_kwh @ p.energy_start_kwh)
        + p.constant
    )


def _below(program: Program, node: int) -> np.ndarray:
    """Slots of stores in the node or below it."""
    inside = np.zeros(program.nodes, bool)
    for other in range(program.nodes):
        above = other
        while above not in (-1, node):
            above = int(program.parent[above])
        inside[other] = above == node
    return inside[program.node[program.store]]


def _solved(
    cost: np.ndarray,
    square: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    rows: list[tuple[np.ndarray, np.ndarray, float, float]],
) -> float:
    starts = np.cumsum([0] + [len(parts) for parts, *_ in rows])
    matrix = sparse.csr_matrix(
        (
            np.concatenate([values for _, values, *_ in rows]),
            np.concatenate([parts for parts, *_ in rows]),
            starts,
        ),
        shape=(len(rows), len(cost)),
    )
    model = highspy.HighsModel()
    lp = model.lp_
    lp.num_col_, lp.num_row_ = len(cost), len(rows)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, low, high
    lp.row_lower_ = np.array([row[2] for row in rows])
    lp.row_upper_ = np.array([row[3] for row in rows])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = starts.tolist(), matrix.indices.tolist()
    lp.a_matrix_.value_ = matrix.data.tolist()
    squared = np.flatnonzero(square)
    hessian = model.hessian_
    hessian.dim_, hessian.format_ = len(cost), highspy.HessianFormat.kTriangular
    hessian.start_ = np.searchsorted(squared, np.arange(len(cost) + 1)).tolist()
    hessian.index_, hessian.value_ = squared.tolist(), square[squared].tolist()
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.passModel(model)
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(highs.getInfo().objective_function_value)
