"""The mixed-integer program of a restoration: which block is closed when.

Columns by step: z whether a block is closed, s that it is closed then, o that it is opened then, c
what it draws cold; D what the fleet feeds, Q what it has fed. Batteries that nothing can charge are
one fleet: D is theirs if, for every set S of steps,

    sum of D over S <= sum over batteries of the lesser of energy and power times steps of S there

(max flow, min cut). The sets that begin with the first step are in the program from the start,
others come as they are broken: the aggregate is exact, and small. Where that does not end after
a few, each battery has columns of its own. Batteries that may charge, which
takes a sun or a diesel set, have columns of their own.

Source:
    Cold load: a state that decays, exact for exponentials. Balance, pick-up, order and masters:
    the formulation of PowerModelsONM (Los Alamos National Laboratory), blocks by steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.highs.sparse_program import ProgramBuilder, SparseProgram
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.steps import DIESEL_POWER_FACTOR, StepTables


class RestorationLayout(NamedTuple):
    """Where things stand among the columns.

    Attributes:
        closed: Whether a block is closed.
        fleet: What batteries that do not charge feed together.
        feed: By each battery with columns of its own.
        charge: By each of these.
        diesel_on: Whether a set runs.
        diesel: Power of each set.
        solar: Power of the sun that is used.
        online: Whether a battery counts as a source; empty where that is not looked at.
    """

    closed: Int[Array, "block step"]
    fleet: Int[Array, " step"]
    feed: Int[Array, "single step"]
    charge: Int[Array, "single step"]
    diesel_on: Int[Array, "set step"]
    diesel: Int[Array, "set step"]
    solar: Int[Array, " step"]
    online: Int[Array, "source step"]


class StartState(NamedTuple):
    """Blocks as they are before the first step, and how likely each step is to be needed.

    Attributes:
        closed: Whether a block is closed.
        age: Steps since it was closed, the first of which is step 0 of its age.
        lasting: Probability that the outage lasts to a step: 1 where its length is known.
    """

    closed: Bool[Array, " block"]
    age: Int[Array, " block"]
    lasting: Float[Array, " step"]


class FleetCut(NamedTuple):
    """Steps over which the fleet can feed at most so much."""

    steps: Bool[Array, " step"]
    most_kwh: float


def all_open(blocks: int, steps: int) -> StartState:
    """The start of an outage of that many steps."""
    return StartState(np.zeros(blocks, bool), np.zeros(blocks, np.int64), np.ones(steps))


def own_columns(table: StepTables) -> Bool[Array, " battery"]:
    """Batteries that may charge, because there is a source that may charge them."""
    source = bool(table.solar_kw.any() or table.diesel_there.any())
    return source & (table.charge_kw > 0) & (table.cells_in > 0)


def usable_kwh(table: StepTables) -> Float[Array, " battery"]:
    """AC energy of each battery above its floor when it comes."""
    return np.maximum(table.energy_kwh - table.floor_kwh, 0.0) / table.cells_out


def fleet_kwh(table: StepTables, fleet: Bool[Array, " battery"], steps: Array) -> float:
    """Most that a fleet can feed over a set of steps."""
    there = (table.there[fleet] & steps).sum(axis=1)
    most = table.discharge_kw[fleet] * table.step_h * there
    return float(np.minimum(usable_kwh(table)[fleet], most).sum())


def fleet_limits(
    table: StepTables, own: Bool[Array, " battery"]
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Most that batteries without columns of their own feed in a step, kW, and to its end, kWh."""
    of, at = ~own, np.arange(table.steps)
    power = (table.there[of] * table.discharge_kw[of, None]).sum(axis=0)
    return power, np.array([fleet_kwh(table, of, at <= step) for step in at])


class SourceLimits(NamedTuple):
    """Batteries that count as sources in each step, each as long as it is there.

    Attributes:
        power_kw: Of all.
        apparent_kva: Of all.
        largest_kw: Of the largest.
        forming: Whether one of them forms the grid.
    """

    power_kw: Float[Array, " step"]
    apparent_kva: Float[Array, " step"]
    largest_kw: Float[Array, " step"]
    forming: Bool[Array, " step"]


def source_limits(table: StepTables) -> SourceLimits:
    """What batteries can do for pick-up and reserve in each step."""
    enough = (table.energy_kwh - table.floor_kwh >= table.online_kwh) | own_columns(table)
    on = table.there & (enough & (table.discharge_kw > 0))[:, None]
    power_kw = on * table.discharge_kw[:, None]
    return SourceLimits(
        power_kw.sum(axis=0),
        (on * table.apparent_kva[:, None]).sum(axis=0),
        power_kw.max(axis=0, initial=0.0),
        np.logical_or.reduce(on & table.grid_forming[:, None], axis=0),
    )


def build(
    table: StepTables,
    rule: RestorationRule,
    pickup_share: Float[Array, " step"],
    start: StartState,
    own: Bool[Array, " battery"],
    cuts: Sequence[FleetCut] = (),
    *,
    online: bool = False,
) -> tuple[SparseProgram, RestorationLayout]:
    """The program, with what has been found of the fleet so far.

    Batteries in ``own`` have columns of their own: at least those that may charge. With ``online``,
    which needs all of them, a battery counts for pick-up, reserve and as master only in steps that
    it begins with enough energy; without, as long as it is there.
    """
    made = ProgramBuilder()
    steps = table.steps
    balance = made.rows((steps,), lower=0.0, upper=0.0)  # sources - load = 0
    solar = made.columns((steps,), upper=table.solar_kw)
    made.entries(balance, solar, 1.0)
    on, diesel = _add_diesel(made, table, balance)
    fleet = _add_fleet(made, table, own, balance, cuts)
    feed, charge, energy = _add_batteries(made, table, own, balance, diesel, solar)
    source = _add_online(made, table, energy) if online else np.zeros((0, steps), np.int64)
    closed = _add_blocks(made, table, rule, start, balance, pickup_share, on, solar, source)
    return made.program(), RestorationLayout(closed, fleet, feed, charge, on, diesel, solar, source)


def _add_diesel(
    made: ProgramBuilder, table: StepTables, balance: Int[Array, " step"]
) -> tuple[Int[Array, "set step"], Int[Array, "set step"]]:
    """Sets with their least load, and the fuel that idling and feeding take."""
    shape = table.diesel_there.shape
    rating, idle = table.diesel_kw[:, None], table.idle_share[:, None]
    on = made.columns(shape, upper=table.diesel_there, whole=True)
    power = made.columns(shape, upper=rating * table.diesel_there)
    made.entries(balance, power, 1.0)
    most = made.rows(shape, lower=-np.inf, upper=0.0)
    made.entries(most, power, 1.0)
    made.entries(most, on, -rating)
    least = made.rows(shape, lower=0.0, upper=np.inf)
    made.entries(least, power, 1.0)
    made.entries(least, on, -rating * table.least_share[:, None])
    fuel = made.rows((shape[0], 1), lower=-np.inf, upper=table.fuel_kwh[:, None])
    made.entries(fuel, on, table.step_h * idle * rating)
    made.entries(fuel, power, table.step_h * (1 - idle))
    return on, power


def _add_fleet(
    made: ProgramBuilder,
    table: StepTables,
    own: Bool[Array, " battery"],
    balance: Int[Array, " step"],
    cuts: Sequence[FleetCut],
) -> Int[Array, " step"]:
    """What the batteries that do not charge feed together."""
    step_h = table.step_h
    power, since = fleet_limits(table, own)
    feed = made.columns((table.steps,), upper=power)
    fed = made.columns((table.steps,), upper=since)
    made.entries(balance, feed, 1.0)
    row = made.rows((table.steps,), lower=0.0, upper=0.0)
    made.entries(row, fed, 1.0)
    made.entries(row[1:], fed[:-1], -1.0)
    made.entries(row, feed, -step_h)
    for cut in cuts:
        row = made.rows((1,), lower=-np.inf, upper=cut.most_kwh)
        ends = np.diff(cut.steps.astype(int), prepend=0, append=0)
        first, last = np.flatnonzero(ends > 0), np.flatnonzero(ends < 0) - 1
        made.entries(row, fed[last], 1.0)
        made.entries(row, fed[first[first > 0] - 1], -1.0)
    return feed


def _add_batteries(
    made: ProgramBuilder,
    table: StepTables,
    own: Bool[Array, " battery"],
    balance: Int[Array, " step"],
    diesel: Int[Array, "set step"],
    solar: Int[Array, " step"],
) -> tuple[Int[Array, "single step"], Int[Array, "single step"], Int[Array, "single step"]]:
    """Single batteries; they charge from the sun and from diesel sets, not from each other."""
    there, step_h = table.there[own], table.step_h
    shape = there.shape
    feed = made.columns(shape, upper=there * table.discharge_kw[own, None])
    most = (own_columns(table) * table.charge_kw)[own, None]
    charge = made.columns(shape, upper=there * most)
    energy = made.columns(
        shape, lower=table.floor_kwh[own, None], upper=table.capacity_kwh[own, None]
    )
    made.entries(balance, feed, 1.0)
    made.entries(balance, charge, -1.0)
    comes = np.zeros(shape)
    comes[:, 0] = table.energy_kwh[own]
    row = made.rows(shape, lower=comes, upper=comes)
    made.entries(row, energy, 1.0)
    made.entries(row[:, 1:], energy[:, :-1], -1.0)
    made.entries(row, feed, step_h * table.cells_out[own, None])
    made.entries(row, charge, -step_h * table.cells_in[own, None])
    if own.any():
        row = made.rows((table.steps,), lower=-np.inf, upper=0.0)
        made.entries(row, charge, 1.0)
        made.entries(row, diesel, -1.0)
        made.entries(row, solar, -1.0)
    return feed, charge, energy


def _add_online(
    made: ProgramBuilder, table: StepTables, energy: Int[Array, "battery step"]
) -> Int[Array, "battery step"]:
    """Whether each battery begins a step with energy for a minute of its full power."""
    able = table.there & (table.discharge_kw > 0)[:, None]
    able[:, 0] &= table.energy_kwh - table.floor_kwh >= table.online_kwh
    online = made.columns(able.shape, upper=able, whole=True)
    row = made.rows(online[:, 1:].shape, lower=table.floor_kwh[:, None], upper=np.inf)
    made.entries(row, energy[:, :-1], 1.0)
    made.entries(row, online[:, 1:], -table.online_kwh[:, None])
    return online


def _add_blocks(
    made: ProgramBuilder,
    table: StepTables,
    rule: RestorationRule,
    start: StartState,
    balance: Int[Array, " step"],
    pickup_share: Float[Array, " step"],
    on: Int[Array, "set step"],
    solar: Int[Array, " step"],
    online: Int[Array, "source step"],
) -> Int[Array, "block step"]:
    """Blocks: closed, closing, opening, cold; and what that asks of the sources."""
    shape = len(table.power_kw), table.steps
    worth = (table.weight * table.power_kw)[:, None] * start.lasting
    made.columns((1,), cost=float(worth.sum()) * table.step_h, lower=1.0, upper=1.0)
    closed = made.columns(shape, cost=-worth * table.step_h, upper=1.0, whole=True)
    closing = made.columns(shape, upper=1.0)
    opens = 1.0 if rule.planned_trips else 0.0
    opening = made.columns(shape, cost=worth * rule.interruption_h, upper=opens)
    was = np.zeros(shape)
    was[:, 0] = start.closed
    row = made.rows(shape, lower=was, upper=was)  # z - z before - s + o = 0
    made.entries(row, closed, 1.0)
    made.entries(row[:, 1:], closed[:, :-1], -1.0)
    made.entries(row, closing, -1.0)
    made.entries(row, opening, 1.0)
    row = made.rows(shape, lower=-np.inf, upper=0.0)  # s <= z, which tightens the relaxation
    made.entries(row, closing, 1.0)
    made.entries(row, closed, -1.0)
    most = 1.0 + shape[1] * opens
    times = made.columns((shape[0], 1), upper=most, whole=True)  # how often a block is closed
    row = made.rows((shape[0], 1), lower=0.0, upper=0.0)
    made.entries(row, closing, 1.0)
    made.entries(row, times, -1.0)
    times = made.columns((shape[0], 1), upper=most - 1.0, whole=True)  # and opened
    row = made.rows((shape[0], 1), lower=0.0, upper=0.0)
    made.entries(row, opening, 1.0)
    made.entries(row, times, -1.0)
    child = np.flatnonzero(table.parent >= 0)
    row = made.rows((len(child), shape[1]), lower=-np.inf, upper=0.0)
    made.entries(row, closed[child], 1.0)
    made.entries(row, closed[table.parent[child]], -1.0)
    row = made.rows((shape[1],), lower=-np.inf, upper=float(rule.closings_per_step))
    made.entries(row, closing, 1.0)
    made.entries(balance, closed, -table.power_kw[:, None])
    first = _add_cold_load(made, table, start, balance, closing, opening)
    _add_source_limits(
        made, table, rule, start, pickup_share, closed, closing, first, on, solar, online
    )
    return closed


def _add_cold_load(
    made: ProgramBuilder,
    table: StepTables,
    start: StartState,
    balance: Int[Array, " step"],
    closing: Int[Array, "block step"],
    opening: Int[Array, "block step"],
) -> list[tuple[int, Int[Array, " step"], float]]:
    """Cold load of each block; returns columns whose multiple is the excess as steps begin.

    With c the excess: c >= decay * c before + what closing adds - what opening ends. While the
    excess is constant for a delay, each step of it has a row of its own.
    """
    first: list[tuple[int, Int[Array, " step"], float]] = []
    for block in np.flatnonzero(table.cold_mean[:, 0] > 0):
        falls = float(table.cold_factor[block]), int(table.cold_steps[block])
        age = int(start.age[block]) + 1 if start.closed[block] else -1
        mean, begins = table.cold_mean[block], table.cold_first[block]
        cold = _add_excess(made, mean, *falls, age, closing[block], opening[block])
        made.entries(balance, cold, -table.power_kw[block])
        if falls[1] == 0:
            first.append((int(block), cold, float(begins[0] / mean[0])))
        else:
            own = _add_excess(made, begins, *falls, age, closing[block], opening[block])
            first.append((int(block), own, 1.0))
    return first


def _add_excess(
    made: ProgramBuilder,
    profile: Float[Array, " age"],
    decay: float,
    delay: int,
    start_age: int,
    closing: Int[Array, " step"],
    opening: Int[Array, " step"],
) -> Int[Array, " step"]:
    """An excess that follows the profile since a block was closed, and ends when it is opened.

    A block that is closed from before has an age at the first step, others have -1.
    """
    steps = len(closing)
    cold = made.columns((steps,), upper=profile[0])
    row = made.rows((steps,), lower=0.0, upper=np.inf)
    made.entries(row, cold, 1.0)
    made.entries(row[1:], cold[:-1], -decay)
    made.entries(row, closing, -profile[0])
    made.entries(row, opening, profile[0])
    for age in range(1, min(delay + 1, steps)):
        row = made.rows((steps - age,), lower=0.0, upper=np.inf)
        made.entries(row, cold[age:], 1.0)
        made.entries(row, closing[: steps - age], -profile[age])
        for back in range(age):
            made.entries(row, opening[age - back : steps - back], profile[age])
    if start_age >= 0:
        left = profile[start_age : start_age + max(delay - start_age, 0) + 1]
        for step, excess in enumerate(left[:steps]):
            row = made.rows((1,), lower=excess, upper=np.inf)
            made.entries(row, cold[step : step + 1], 1.0)
            made.entries(row, opening[: step + 1], excess)
    return cold


def _add_source_limits(
    made: ProgramBuilder,
    table: StepTables,
    rule: RestorationRule,
    start: StartState,
    pickup_share: Float[Array, " step"],
    closed: Int[Array, "block step"],
    closing: Int[Array, "block step"],
    first: Sequence[tuple[int, Int[Array, " step"], float]],
    on: Int[Array, "set step"],
    solar: Int[Array, " step"],
    online: Int[Array, "source step"],
) -> None:
    """Pick-up, first power, apparent power, the largest source, and a master, in each step."""
    source = source_limits(table)
    steps, power = (table.steps,), table.power_kw[:, None]
    most = 0.0 if len(online) else pickup_share * source.power_kw
    row = made.rows(steps, lower=-np.inf, upper=most)
    made.entries(row, closing, power * (1 + table.cold_first[:, :1]))
    made.entries(row, on, -pickup_share * table.diesel_kw[:, None])
    if len(online):
        made.entries(row, online, -pickup_share * table.discharge_kw[:, None])
    limits = [
        (np.ones(len(power)), source.power_kw, 1.0),
        (1 / table.power_factor, source.apparent_kva, 1 / DIESEL_POWER_FACTOR),
    ]
    # A limit that all blocks together cannot reach is left out.
    highest = (power * (1 + table.cold_first[:, :1])).sum() / table.power_factor.min()
    limits = [limit for limit in limits if (limit[1] < highest).any()]
    for scale, capacity, diesel_scale in limits:
        row = made.rows(steps, lower=-np.inf, upper=capacity)
        _add_first_power(made, table, row, scale, closed, first, solar)
        made.entries(row, on, -diesel_scale * table.diesel_kw[:, None])
    if rule.reserve_for_largest:
        _add_reserve(made, table, source, closed, first, on, solar, online)
    forming = np.zeros(table.steps) if len(online) else source.forming.astype(float)
    row = made.rows(closed.shape, lower=-np.inf, upper=forming)
    made.entries(row, closed, 1.0)
    for unit in (*on, *(online[table.grid_forming] if len(online) else ())):
        made.entries(row, unit, -1.0)
    _add_black_start(made, table, start, closed, on, solar, online)


def _add_black_start(
    made: ProgramBuilder,
    table: StepTables,
    start: StartState,
    closed: Int[Array, "block step"],
    on: Int[Array, "set step"],
    solar: Int[Array, " step"],
    online: Int[Array, "source step"],
) -> None:
    """After a step without load, a set or a unit with black start begins; no sun without load."""
    root = closed[table.parent < 0]
    if table.solar_kw.any():
        row = made.rows((table.steps,), lower=-np.inf, upper=0.0)
        made.entries(row, solar, 1.0)
        made.entries(row, root, -table.solar_kw)
    able = table.grid_forming & table.black_start
    if np.array_equal(able, table.grid_forming):
        return
    starts = source_limits(table._replace(grid_forming=able)).forming.astype(float)
    starts = np.zeros(table.steps) if len(online) else starts
    starts[0] += start.closed.any()
    row = made.rows(root.shape, lower=-np.inf, upper=starts)
    made.entries(row, root, 1.0)
    for before in root:
        made.entries(row[:, 1:], before[:-1], -1.0)
    for unit in (*on, *(online[able] if len(online) else ())):
        made.entries(row, unit, -1.0)


def _add_first_power(
    made: ProgramBuilder,
    table: StepTables,
    row: Int[Array, " step"],
    scale: Float[Array, " block"],
    closed: Int[Array, "block step"],
    first: Sequence[tuple[int, Int[Array, " step"], float]],
    solar: Int[Array, " step"],
) -> None:
    """The load as steps begin, less the sun, into a row."""
    made.entries(row, closed, (table.power_kw * scale)[:, None])
    for block, cold, times in first:
        made.entries(row, cold, table.power_kw[block] * scale[block] * times)
    made.entries(row, solar, -1.0)


def _add_reserve(
    made: ProgramBuilder,
    table: StepTables,
    source: SourceLimits,
    closed: Int[Array, "block step"],
    first: Sequence[tuple[int, Int[Array, " step"], float]],
    on: Int[Array, "set step"],
    solar: Int[Array, " step"],
    online: Int[Array, "source step"],
) -> None:
    """The load is carried without the largest battery, or each of them, and without each set."""
    ones, none = np.ones(len(table.power_kw)), np.zeros(table.steps)
    power = np.concatenate([table.discharge_kw if len(online) else none[:0], table.diesel_kw])
    units = np.concatenate([online, on])
    for without in range(-1 if not len(online) else 0, len(units)):
        battery_kw = none if len(online) else source.power_kw
        largest = source.largest_kw if without < 0 else none
        row = made.rows((table.steps,), lower=-np.inf, upper=battery_kw - largest)
        _add_first_power(made, table, row, ones, closed, first, solar)
        for place, unit in enumerate(units):
            if place != without:
                made.entries(row, unit, -power[place])
