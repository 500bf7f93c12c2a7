"""The linear program of a power system, block by block, and where to find what in it.

Columns of each step: output of each block of a unit, curtailed, lost, and for stores drawn, fed and
energy. With commitment also whether a unit runs, u, and whether it starts, v. The block below the
minimum output then is all of it or nothing: its output is its width times u.

Source:
    D. Rajan, S. Takriti (2005), Minimum up/down polytopes of the unit commitment problem with start
    costs, IBM Research Report RC23628: the rows of least times up and down.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.engine.highs.sparse_program import ProgramBuilder, SparseProgram
from evergrid.impact.merit_order import AggregateStorage
from evergrid.impact.merit_order.convex import CostBlocks, blocks

NEAR = 1e-9  # MW and hours that are rounding


@dataclass(frozen=True)
class Layout:
    """Where things stand among the columns and rows.

    Attributes:
        output: Of each block of the cost curves.
        on: Whether a unit runs; empty without commitment.
        start: Whether it starts.
        curtailed: Of all that is available for nothing.
        lost: Load.
        drawn: By each store.
        fed: By each store.
        balance: Row of each step.
        reserve: Row of each step; empty where none is needed.
    """

    output: Int[Array, "block step"]
    on: Int[Array, "unit step"]
    start: Int[Array, "unit step"]
    curtailed: Int[Array, " step"]
    lost: Int[Array, " step"]
    drawn: Int[Array, "store step"]
    fed: Int[Array, "store step"]
    balance: Int[Array, " step"]
    reserve: Int[Array, "..."]


def cost_blocks(problem: GenerationProblem) -> CostBlocks:
    """Blocks of the units, pooled as the commitment asks for, carbon price included."""
    extra = problem.fleet.carbon_cost_per_mwh(problem.carbon_price_per_tonne)
    treatment = "hull" if problem.commitment == "none" else "above_minimum"
    return blocks(problem.fleet, treatment, extra)


def build(problem: GenerationProblem, curve: CostBlocks) -> tuple[SparseProgram, Layout]:
    """The program of a problem."""
    made = ProgramBuilder()
    steps, step_h = problem.load.grid.steps, problem.load.grid.step_h
    shape = (len(curve.unit), steps)
    price, width = curve.low_price_per_mwh[:, None], curve.width_mw[:, None]
    output = made.columns(shape, cost=step_h * price, upper=width)
    available_mw = problem.load.available_mw.sum(axis=0)
    curtailed = made.columns((steps,), upper=available_mw)
    voll = problem.voll_per_mwh
    most_lost = 0.0 if voll is None else problem.load.load_mw
    lost = made.columns((steps,), cost=step_h * (voll or 0.0), upper=most_lost)
    net_mw = problem.load.net_load_mw
    balance = made.rows((steps,), lower=net_mw, upper=net_mw)
    made.entries(balance, output, 1.0)
    made.entries(balance, curtailed, -1.0)
    made.entries(balance, lost, 1.0)
    stores = [_add_store(made, store, balance, step_h) for store in problem.storage]
    on, start = _add_commitment(made, problem, curve, output)
    _add_ramps(made, problem, curve, output, on, start)
    reserve = _add_reserve(made, problem, curve, output, on)
    none = np.zeros((0, steps), np.int64)
    drawn, fed = (np.stack(part) for part in zip(*stores, strict=True)) if stores else (none, none)
    layout = Layout(output, on, start, curtailed, lost, drawn, fed, balance, reserve)
    return made.program(), layout


def _add_store(
    made: ProgramBuilder, store: AggregateStorage, balance: Int[Array, " step"], step_h: float
) -> tuple[Int[Array, " step"], Int[Array, " step"]]:
    """Columns of one store, and the rows of its energy."""
    shape = (store.steps,)
    low, high = store.energy_low_mwh.copy(), store.energy_high_mwh.copy()
    low[-1] = high[-1] = store.energy_end_mwh
    drawn = made.columns(shape, upper=store.charge_limit_mw)
    wear = step_h * store.wear_cost_per_mwh
    fed = made.columns(shape, cost=wear, upper=store.discharge_limit_mw)
    energy = made.columns(shape, lower=low, upper=high)
    made.entries(balance, drawn, -1.0)
    made.entries(balance, fed, 1.0)
    comes = store.inflow_mwh.copy()
    comes[0] += store.energy_start_mwh
    row = made.rows(shape, lower=comes, upper=comes)
    made.entries(row, energy, 1.0)
    made.entries(row[1:], energy[:-1], -1.0)
    made.entries(row, drawn, -step_h * store.efficiency_charge)
    made.entries(row, fed, step_h / store.efficiency_discharge)
    return drawn, fed


def _add_commitment(
    made: ProgramBuilder,
    problem: GenerationProblem,
    curve: CostBlocks,
    output: Int[Array, "block step"],
) -> tuple[Int[Array, "unit step"], Int[Array, "unit step"]]:
    """Columns for running and starting, and the rows that tie blocks to them."""
    fleet, steps = problem.fleet, problem.load.grid.steps
    if problem.commitment == "none":
        none = np.zeros((0, steps), np.int64)
        return none, none
    shape = (len(fleet), steps)
    on = made.columns(shape, upper=1.0, whole=problem.commitment == "whole")
    start = made.columns(shape, cost=fleet.start_cost[:, None], upper=1.0)
    first = np.searchsorted(curve.unit, np.arange(len(fleet)))
    whole = np.zeros(len(curve.unit), bool)
    whole[first] = fleet.minimum_mw > 0
    least = np.where(whole, 0.0, -np.inf)[:, None]
    row = made.rows(output.shape, lower=least, upper=0.0)  # output - width u <= 0, or = 0
    made.entries(row, output, 1.0)
    made.entries(row, on[curve.unit], -curve.width_mw[:, None])
    _add_starts(made, problem, on, start)
    return on, start


def _add_starts(
    made: ProgramBuilder,
    problem: GenerationProblem,
    on: Int[Array, "unit step"],
    start: Int[Array, "unit step"],
) -> None:
    """A unit starts where it runs and did not run before; then it runs, and once stopped stands."""
    fleet = problem.fleet
    row = made.rows(on[:, 1:].shape, lower=-np.inf, upper=0.0)
    made.entries(row, on[:, 1:], 1.0)
    made.entries(row, on[:, :-1], -1.0)
    made.entries(row, start[:, 1:], -1.0)
    if problem.on_before is not None:
        row = made.rows((len(fleet),), lower=-np.inf, upper=problem.on_before.astype(float))
        made.entries(row, on[:, 0], 1.0)
        made.entries(row, start[:, 0], -1.0)
    for unit, (up, down) in enumerate(zip(*least_steps(problem), strict=True)):
        at = np.arange(on.shape[1])
        row = made.rows(at.shape, lower=-np.inf, upper=0.0)  # starts of the last steps - u <= 0
        _add_last(made, row, start[unit], at - np.minimum(up - 1, at), at)
        made.entries(row, on[unit], -1.0)
        before = np.maximum(at[1:] - down, 0)
        row = made.rows(before.shape, lower=-np.inf, upper=1.0)  # starts since then + u then <= 1
        _add_last(made, row, start[unit], before + 1, at[1:])
        made.entries(row, on[unit, before], 1.0)


def least_steps(problem: GenerationProblem) -> tuple[Int[Array, " unit"], Int[Array, " unit"]]:
    """Least steps that each unit runs once started, and stands once stopped."""
    step_h, fleet = problem.load.grid.step_h, problem.fleet
    up, down = (
        np.maximum(np.ceil(hours / step_h - NEAR).astype(int), 1)
        for hours in (fleet.min_up_h, fleet.min_down_h)
    )
    return up, down


def _add_last(
    made: ProgramBuilder,
    row: Int[Array, " row"],
    column: Int[Array, " step"],
    first: Int[Array, " row"],
    last: Int[Array, " row"],
) -> None:
    """Columns of the steps from a first to a last one, in the row of each pair."""
    count = last - first + 1
    back = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    made.entries(np.repeat(row, count), column[np.repeat(first, count) + back], 1.0)


def _add_ramps(
    made: ProgramBuilder,
    problem: GenerationProblem,
    curve: CostBlocks,
    output: Int[Array, "block step"],
    on: Int[Array, "unit step"],
    start: Int[Array, "unit step"],
) -> None:
    """Output changes by at most the ramp; starts and stops may jump to and from the minimum."""
    fleet, step_h = problem.fleet, problem.load.grid.step_h
    ramp_mw = fleet.ramp_mw_per_h * step_h
    for unit in np.flatnonzero(ramp_mw < fleet.capacity_mw - NEAR):
        of = output[curve.unit == unit]
        jump = max(ramp_mw[unit], fleet.minimum_mw[unit])
        for sign in (1.0, -1.0):
            committed = len(on) > 0
            limit = 0.0 if committed else ramp_mw[unit]
            row = made.rows((output.shape[1] - 1,), lower=-np.inf, upper=limit)
            made.entries(row, of[:, 1:], sign)
            made.entries(row, of[:, :-1], -sign)
            if committed:
                before, now, began = on[unit, :-1], on[unit, 1:], start[unit, 1:]
                if sign > 0:  # ramp for what ran before, jump for a start
                    made.entries(row, before, -ramp_mw[unit])
                    made.entries(row, began, -jump)
                else:  # ramp for what runs now, jump for a stop: u before less u now, plus v
                    made.entries(row, now, jump - ramp_mw[unit])
                    made.entries(row, before, -jump)
                    made.entries(row, began, -jump)


def _add_reserve(
    made: ProgramBuilder,
    problem: GenerationProblem,
    curve: CostBlocks,
    output: Int[Array, "block step"],
    on: Int[Array, "unit step"],
) -> Int[Array, "..."]:
    """Columns of what each unit could add in time, within its capacity, and the need."""
    if problem.reserve_mw is None:
        return np.zeros(0, np.int64)
    fleet, steps = problem.fleet, len(problem.reserve_mw)
    quick = np.minimum(fleet.ramp_mw_per_h * problem.reserve_h, fleet.capacity_mw)
    shape = (len(fleet), steps)
    reserve = made.columns(shape, upper=quick[:, None])
    committed = len(on) > 0
    capacity = fleet.capacity_mw[:, None]
    room = made.rows(shape, lower=-np.inf, upper=0.0 if committed else capacity)
    made.entries(room, reserve, 1.0)
    made.entries(room[curve.unit], output, 1.0)
    if committed:
        made.entries(room, on, -capacity)
        row = made.rows(shape, lower=-np.inf, upper=0.0)
        made.entries(row, reserve, 1.0)
        made.entries(row, on, -quick[:, None])
    need = made.rows((steps,), lower=problem.reserve_mw, upper=np.inf)
    made.entries(need, reserve, 1.0)
    return need


def unit_output(
    curve: CostBlocks, units: int, output_mw: Float[Array, "block step"]
) -> Float[Array, "unit step"]:
    """Output of each unit, over its blocks."""
    total = np.zeros((units, output_mw.shape[1]))
    np.add.at(total, curve.unit, output_mw)
    return total
