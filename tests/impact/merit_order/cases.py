"""Small fleets, and the same dispatch as a linear program written down by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from evergrid.core.arrays import Array
from evergrid.impact.merit_order import AggregateStorage, Stack
from evergrid.model.generators import GeneratorFleet


def fleet_of(
    width_mw: Sequence[float],
    cost_per_mwh: Sequence[float],
    *,
    rise_per_mwh: Sequence[float] | None = None,
    co2_kg_per_mwh: Sequence[float] | None = None,
    unit: Sequence[int] | None = None,
    **more: Any,
) -> GeneratorFleet:
    """Segments of these widths and costs, one unit each unless units are told."""
    segments = len(width_mw)
    rows = np.arange(segments) if unit is None else np.array(unit)
    count = int(rows.max()) + 1
    values: dict[str, Any] = {
        "unit_id": np.array([f"u{i}" for i in range(count)], object),
        "unit_type": np.array([f"type{i}" for i in range(count)], object),
        "fuel": np.array(["gas"] * count, object),
        "area_id": np.array(["1"] * count, object),
        "minimum_mw": np.zeros(count),
        "ramp_mw_per_h": np.full(count, np.inf),
        "min_up_h": np.zeros(count),
        "min_down_h": np.zeros(count),
        "start_cost": np.zeros(count),
        "fuel_price_per_mmbtu": np.ones(count),
        "other_cost_per_mwh": np.zeros(count),
        "segment_unit": rows,
        "segment_mw": np.array(width_mw, float),
        "heat_rate_mmbtu_per_mwh": np.array(cost_per_mwh, float),
        "cost_rise_per_mwh": np.array(rise_per_mwh or [0.0] * segments, float),
        "pollutant": np.array(["co2"], object),
        "emissions_kg_per_mwh": np.array([co2_kg_per_mwh or [0.0] * segments], float),
        "currency": "EUR",
    }
    return GeneratorFleet(**(values | more))


def least_cost(
    stack: Stack,
    net_load_mw: Array,
    store: AggregateStorage,
    *,
    step_h: float,
    voll_per_mwh: float | None,
) -> float | None:
    """Cost of a stack of flat pieces with a store as a linear program; None if there is no answer.

    Columns: output of each piece in each step, curtailed, charged, fed, energy, lost.
    """
    steps, pieces = len(net_load_mw), len(stack.low_price_per_mwh)
    one, none = sparse.identity(steps, format="csr"), np.zeros(steps)
    endless = np.full(steps, np.inf)
    low, high = store.energy_low_mwh.copy(), store.energy_high_mwh.copy()
    low[-1] = high[-1] = store.energy_end_mwh
    price = np.tile(stack.low_price_per_mwh, steps)
    wear, lost = np.full(steps, store.wear_cost_per_mwh), np.full(steps, voll_per_mwh or 0.0)
    cost = step_h * np.concatenate([price, none, none, wear, none, lost])
    lower = np.concatenate([0 * price, none, none, none, low, none])
    width = np.tile(np.diff(stack.edge_mw), steps)
    most = [width, endless, store.charge_limit_mw, store.discharge_limit_mw, high]
    upper = np.concatenate([*most, none if voll_per_mwh is None else endless])
    output = sparse.kron(one, np.ones((1, pieces)))
    balance = sparse.hstack([output, -one, -one, one, 0 * one, one])
    cells = [-step_h * store.efficiency_charge * one, step_h / store.efficiency_discharge * one]
    energy = sparse.hstack([0 * output, 0 * one, *cells, one - sparse.eye(steps, k=-1), 0 * one])
    begins = store.inflow_mwh + np.eye(1, steps)[0] * store.energy_start_mwh
    answer = linprog(
        cost,
        A_eq=sparse.vstack([balance, energy]).tocsc(),
        b_eq=np.concatenate([net_load_mw, begins]),
        bounds=np.stack([lower, upper], axis=1),
        method="highs",
    )
    return float(answer.fun) if answer.status == 0 else None
