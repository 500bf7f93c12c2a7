"""Who feeds the blocks of a plan: each battery, by a linear program that knows all arrivals."""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.highs.sparse_program import (
    ProgramBuilder,
    SparseAnswer,
    SparseProgram,
    solve,
)
from evergrid.resilience.restoration.limits import block_load, is_online, start_of_step
from evergrid.resilience.restoration.program import FleetCut, StartState, fleet_kwh, own_columns
from evergrid.resilience.restoration.steps import StepTables

CHARGE_COST = 1e-4  # of a kWh drawn beside one not served: none is charged and fed at once
NEAR = 1e-6  # kWh that may be missing, as a share of what is asked for


class SupplyCut(NamedTuple):
    """A limit of what all sources can feed: a sum over load and running sets, and the most of it.

    Attributes:
        load: Weight of a kW of load in each step.
        runs: Weight of each set that runs in a step.
        most: Of the sum.
    """

    load: Float[Array, " step"]
    runs: Float[Array, "set step"]
    most: float


class SourceDispatch(NamedTuple):
    """Power of every source, and what is missing.

    Attributes:
        battery_kw: Discharge is positive.
        battery_energy_kwh: In the cells at the end of the step.
        diesel_kw: Of each set.
        fuel_kwh: Left at the end of the step.
        solar_used_kw: The rest is curtailed.
        master: Which source forms the grid: batteries, then diesel sets.
        missing_kwh: That no source can feed.
        cut: Steps over which too much was asked of the fleet; None where nothing is missing.
        supply: What was asked of all sources and they cannot feed; None where nothing is missing.
    """

    battery_kw: Float[Array, "battery step"]
    battery_energy_kwh: Float[Array, "battery step"]
    diesel_kw: Float[Array, "set step"]
    fuel_kwh: Float[Array, "set step"]
    solar_used_kw: Float[Array, " step"]
    master: Bool[Array, "source step"]
    missing_kwh: float
    cut: FleetCut | None
    supply: SupplyCut | None


def dispatch(
    table: StepTables,
    closed: Bool[Array, "block step"],
    diesel_on: Bool[Array, "set step"],
    start: StartState,
    online: Bool[Array, "source step"],
) -> SourceDispatch:
    """Power of every source for blocks that are closed and sets that run.

    Batteries that are to be `online` in a step have the energy for that at its start; with an empty
    array that is not looked at.
    """
    made, step_h = ProgramBuilder(), table.step_h
    age = np.where(start.closed, start.age + 1, 0)
    load_kw = block_load(table, closed, age)[0].sum(axis=0)
    balance = made.rows((table.steps,), lower=load_kw, upper=load_kw)
    missing = made.columns((table.steps,), cost=step_h)
    solar = made.columns((table.steps,), upper=table.solar_kw)
    least = diesel_on * (table.least_share * table.diesel_kw)[:, None]
    diesel = made.columns(diesel_on.shape, lower=least, upper=diesel_on * table.diesel_kw[:, None])
    made.entries(balance, missing, 1.0)
    made.entries(balance, solar, 1.0)
    made.entries(balance, diesel, 1.0)
    idle = table.idle_share * table.diesel_kw * step_h
    room = table.fuel_kwh - idle * diesel_on.sum(axis=1)
    fuel = made.rows(diesel_on.shape[:1], lower=-np.inf, upper=room)
    made.entries(fuel[:, None], diesel, step_h * (1 - table.idle_share)[:, None])
    feed, charge = _add_batteries(made, table, online, balance, diesel, solar)
    program = made.program()
    answer = solve(program)
    live = np.logical_or(closed.any(axis=0), diesel_on.any(axis=0))
    values = answer.values
    if not len(values):
        return _nothing(table, load_kw)
    missing_kwh = float(values[missing].sum() * step_h)
    power = values[feed] - values[charge]
    cells = np.where(power > 0, power * table.cells_out[:, None], power * table.cells_in[:, None])
    energy = table.energy_kwh[:, None] - np.cumsum(cells, axis=1) * step_h
    burnt = (idle[:, None] * diesel_on) + step_h * (1 - table.idle_share)[:, None] * values[diesel]
    cut = supply = None
    if missing_kwh > NEAR * max(load_kw.sum() * step_h, 1.0):
        steps = answer.row_price[balance] > step_h / 2
        cut = FleetCut(steps, fleet_kwh(table, ~own_columns(table), steps))
        supply = _supply_cut(table, program, answer, balance, missing, fuel, diesel)
        if not (table.solar_kw.any() or table.diesel_there.any()):  # exact by max flow, min cut
            supply = supply._replace(load=step_h * steps, most=cut.most_kwh)
    return SourceDispatch(
        battery_kw=power,
        battery_energy_kwh=energy,
        diesel_kw=values[diesel],
        fuel_kwh=table.fuel_kwh[:, None] - np.cumsum(burnt, axis=1),
        solar_used_kw=values[solar],
        master=masters(table, energy, diesel_on, live),
        missing_kwh=missing_kwh,
        cut=cut,
        supply=supply,
    )


def _supply_cut(
    table: StepTables,
    program: SparseProgram,
    answer: SparseAnswer,
    balance: Int[Array, " step"],
    missing: Int[Array, " step"],
    fuel: Int[Array, " set"],
    diesel: Int[Array, "set step"],
) -> SupplyCut:
    """What the prices of a dispatch prove of all loads and running sets.

    For any prices, what is missing is at least the sum of prices times bounds of rows, and of what
    columns cost at these prices, each at its better bound. That is linear in the load, and in the
    sets that run, which bound power and fuel of these: where it is above 0, something is missing.

    Source:
        J. F. Benders (1962), Partitioning procedures for solving mixed-variables programming
        problems, Numerische Mathematik 4, doi:10.1007/BF01386316.
    """
    price = answer.row_price.copy()
    price[balance] = np.minimum(price[balance], table.step_h)  # none is worth more than missing
    price = np.where((price > 0) & np.isneginf(program.row_lower), 0.0, price)
    price = np.where((price < 0) & np.isposinf(program.row_upper), 0.0, price)
    bound = np.where(price > 0, program.row_lower, program.row_upper)
    bound = np.where(price == 0, 0.0, bound)
    bound[balance] = 0.0  # the load
    bound[fuel] = np.where(price[fuel] < 0, table.fuel_kwh, 0.0)
    cost = np.zeros(len(program.cost))
    cost[missing] = table.step_h
    reduced = cost - price @ program.matrix
    low, high = program.lower, program.upper
    best = np.where(reduced > 0, low, np.where(reduced < 0, high, 0.0))
    best[missing] = 0.0
    best[diesel] = 0.0
    rating = table.diesel_kw[:, None]
    runs = np.minimum(reduced[diesel] * table.least_share[:, None], reduced[diesel]) * rating
    runs -= (price[fuel] * table.idle_share * table.diesel_kw * table.step_h)[:, None]
    return SupplyCut(price[balance], runs, -float(price @ bound + reduced @ best))


def _add_batteries(
    made: ProgramBuilder,
    table: StepTables,
    online: Bool[Array, "source step"],
    balance: Int[Array, " step"],
    diesel: Int[Array, "set step"],
    solar: Int[Array, " step"],
) -> tuple[Int[Array, "battery step"], Int[Array, "battery step"]]:
    """Columns of what each battery feeds and draws, and the rows of its energy."""
    there, step_h, own = table.there, table.step_h, own_columns(table)
    feed = made.columns(there.shape, upper=there * table.discharge_kw[:, None])
    most = there * (own * table.charge_kw)[:, None]
    floor = np.repeat(table.floor_kwh[:, None], table.steps, axis=1)
    if len(online):
        own = np.ones_like(own)
        floor[:, :-1] += online[:, 1:] * table.online_kwh[:, None]
    charge = made.columns(there.shape, cost=CHARGE_COST * step_h, upper=most)
    made.entries(balance, feed, 1.0)
    made.entries(balance, charge, -1.0)
    room = table.energy_kwh - table.floor_kwh
    # Of a battery that cannot be charged the energy only falls, so that one row bounds all of it.
    total = made.rows((int((~own).sum()),), lower=-np.inf, upper=room[~own])
    made.entries(total[:, None], feed[~own], step_h * table.cells_out[~own, None])
    shape = (int(own.sum()), table.steps)
    energy = made.columns(shape, lower=floor[own], upper=table.capacity_kwh[own, None])
    comes = np.zeros(shape)
    comes[:, 0] = table.energy_kwh[own]
    row = made.rows(shape, lower=comes, upper=comes)
    made.entries(row, energy, 1.0)
    made.entries(row[:, 1:], energy[:, :-1], -1.0)
    made.entries(row, feed[own], step_h * table.cells_out[own, None])
    made.entries(row, charge[own], -step_h * table.cells_in[own, None])
    # Batteries are charged by sun and diesel sets alone, not by one another.
    row = made.rows((table.steps,), lower=-np.inf, upper=0.0)
    made.entries(row, charge, 1.0)
    made.entries(row, diesel, -1.0)
    made.entries(row, solar, -1.0)
    return feed, charge


def masters(
    table: StepTables,
    energy_kwh: Float[Array, "battery step"],
    diesel_on: Bool[Array, "set step"],
    live: Bool[Array, " step"],
) -> Bool[Array, "source step"]:
    """One master in each step with voltage: the one of the step before while it can be it.

    Else the battery with most energy above its reserve, else a set that runs; none where no source
    can form the grid.
    """
    online = is_online(table, start_of_step(table.energy_kwh, energy_kwh))
    able = online & table.grid_forming[:, None]
    left = start_of_step(table.energy_kwh, energy_kwh) - table.floor_kwh[:, None]
    worth = np.concatenate([np.where(able, left, -np.inf), np.where(diesel_on, 0.0, -np.inf)])
    black = np.concatenate([table.black_start, np.ones(len(diesel_on), bool)])
    found = np.zeros(worth.shape, bool)
    last = -1
    for step in np.flatnonzero(live):
        now = worth[:, step]
        if step == 0 or not live[step - 1]:
            now, last = np.where(black, now, -np.inf), -1
        if last < 0 or now[last] == -np.inf:
            last = int(np.argmax(now)) if now.max(initial=-np.inf) > -np.inf else -1
        if last >= 0:
            found[last, step] = True
    return found


def _nothing(table: StepTables, load_kw: Float[Array, " step"]) -> SourceDispatch:
    """No source feeds anything: the sets that are to run cannot."""
    batteries, sets = len(table.energy_kwh), len(table.diesel_kw)
    shape = (sets, table.steps)
    return SourceDispatch(
        battery_kw=np.zeros(table.there.shape),
        battery_energy_kwh=np.repeat(table.energy_kwh[:, None], table.steps, axis=1),
        diesel_kw=np.zeros(shape),
        fuel_kwh=np.repeat(table.fuel_kwh[:, None], table.steps, axis=1),
        solar_used_kw=np.zeros(table.steps),
        master=np.zeros((batteries + sets, table.steps), bool),
        missing_kwh=float(load_kw.sum() * table.step_h),
        cut=None,
        supply=None,
    )
