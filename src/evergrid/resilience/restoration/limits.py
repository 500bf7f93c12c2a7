"""Every limit of a restoration, recomputed from the microgrid and the schedule alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration.schedule import RestorationSchedule
from evergrid.resilience.restoration.steps import DIESEL_POWER_FACTOR, StepTables, step_tables

TOLERANCE = 1e-6  # kW and kWh, as a share of the site's power where that is above 1 kW


@dataclass(frozen=True)
class LimitViolation:
    """A limit that a schedule breaks, where it does so most.

    Attributes:
        limit: Which.
        amount: By which it is broken, in kW, kWh or as a count.
        step: In which that is.
        steps: In how many it is broken.
    """

    limit: str
    amount: float
    step: int
    steps: int


def violations(microgrid: Microgrid, schedule: RestorationSchedule) -> tuple[LimitViolation, ...]:
    """The limits that a schedule breaks; empty where it keeps them all.

    Raises:
        InputError: A schedule that has other blocks or sources than the microgrid.
    """
    _check_shapes(microgrid, schedule)
    table = step_tables(microgrid, schedule.hours, schedule.step_h, schedule.failures)
    tolerance = TOLERANCE * max(microgrid.power_kw, 1.0)
    return tuple(
        LimitViolation(limit, float(by.max()), int(np.argmax(by)), int((by > tolerance).sum()))
        for limit, by in _excess(table, schedule)
        if by.size and by.max() > tolerance
    )


def _excess(
    table: StepTables, schedule: RestorationSchedule
) -> Iterator[tuple[str, Float[Array, " step"]]]:
    """Name of each limit and the amount by step by which it is broken, at most 0 where kept."""
    mean_kw, first_kw = block_load(table, schedule.closed)
    start_kwh = start_of_step(table.energy_kwh, schedule.battery_energy_kwh)
    yield "cold_load", _most(np.abs(schedule.load_kw - mean_kw))
    fed = schedule.battery_kw.sum(0) + schedule.diesel_kw.sum(0) + schedule.solar_used_kw
    yield "balance", np.abs(fed - mean_kw.sum(0))
    yield from _battery_excess(table, schedule, start_kwh)
    yield from _diesel_excess(table, schedule)
    used = schedule.solar_used_kw
    yield "solar", np.maximum(used - table.solar_kw, -used)
    yield "solar_without_load", used * ~schedule.closed.any(axis=0)
    charged = np.maximum(-schedule.battery_kw, 0.0).sum(0)
    yield "charging_source", charged - schedule.diesel_kw.sum(0) - used
    online = is_online(table, start_kwh)
    yield from _capacity_excess(table, schedule, online, first_kw.sum(0))
    yield from _switching_excess(table, schedule, online, start_kwh)
    yield from _master_excess(table, schedule, online)


def ages(
    closed: Bool[Array, "block step"], first: Int[Array, " block"] | None = None
) -> Int[Array, "block step"]:
    """Steps since each block was closed, 0 where it is open; in the first step as given, or 0."""
    age = np.zeros(closed.shape, np.int64)
    if first is not None:
        age[:, 0] = first
    for step in range(1, closed.shape[1]):
        age[:, step] = np.where(closed[:, step - 1], age[:, step - 1] + 1, 0)
    return age


def block_load(
    table: StepTables,
    closed: Bool[Array, "block step"],
    first: Int[Array, " block"] | None = None,
) -> tuple[Float[Array, "block step"], Float[Array, "block step"]]:
    """Power of each block, mean over a step and at its start, by steps since it was closed."""
    age = ages(closed, first)
    at = np.arange(len(closed))[:, None]
    warm = table.power_kw[:, None] * closed
    return warm * (1 + table.cold_mean[at, age]), warm * (1 + table.cold_first[at, age])


def start_of_step(
    first: Float[Array, " source"], end: Float[Array, "source step"]
) -> Float[Array, "source step"]:
    """What there is at the start of each step, of what there is at the ends."""
    return np.concatenate([first[:, None], end[:, :-1]], axis=1)


def is_online(
    table: StepTables, start_kwh: Float[Array, "battery step"]
) -> Bool[Array, "battery step"]:
    """Whether a battery is there with energy for a minute of its full power."""
    near = 1e-6 * table.online_kwh
    enough = start_kwh - (table.floor_kwh + table.online_kwh - near)[:, None] >= 0
    return table.there & enough & (table.discharge_kw > 0)[:, None]


def _battery_excess(
    table: StepTables, schedule: RestorationSchedule, start_kwh: Float[Array, "battery step"]
) -> Iterator[tuple[str, Float[Array, " step"]]]:
    power, end_kwh = schedule.battery_kw, schedule.battery_energy_kwh
    yield "presence", _most(np.abs(power) * ~table.there)
    yield "discharge_power", _most(power - table.discharge_kw[:, None])
    yield "charge_power", _most(-power - table.charge_kw[:, None])
    cells = np.where(power > 0, power * table.cells_out[:, None], power * table.cells_in[:, None])
    yield "energy_balance", _most(np.abs(start_kwh - cells * schedule.step_h - end_kwh))
    yield "return_reserve", _most(table.floor_kwh[:, None] - end_kwh)
    yield "capacity", _most(end_kwh - table.capacity_kwh[:, None])


def _diesel_excess(
    table: StepTables, schedule: RestorationSchedule
) -> Iterator[tuple[str, Float[Array, " step"]]]:
    on, power = schedule.diesel_on, schedule.diesel_kw
    rating = table.diesel_kw[:, None]
    yield "diesel_presence", _most((on & ~table.diesel_there) * rating)
    yield "diesel_power", _most(power - on * rating)
    yield "diesel_least_load", _most(on * table.least_share[:, None] * rating - power)
    idle = table.idle_share[:, None]
    burnt = idle * rating * on + (1 - idle) * power
    start = start_of_step(table.fuel_kwh, schedule.fuel_kwh)
    yield "fuel_balance", _most(np.abs(start - burnt * schedule.step_h - schedule.fuel_kwh))
    yield "fuel", _most(-schedule.fuel_kwh)


def _capacity_excess(
    table: StepTables,
    schedule: RestorationSchedule,
    online: Bool[Array, "battery step"],
    first_kw: Float[Array, " step"],
) -> Iterator[tuple[str, Float[Array, " step"]]]:
    """Loads at the start of a step against the sources that are on."""
    running = schedule.diesel_on * table.diesel_kw[:, None]
    feeding = online | (schedule.battery_kw > 0)
    battery = feeding * table.discharge_kw[:, None]
    sources = battery.sum(0) + running.sum(0)
    yield "source_power", first_kw - schedule.solar_used_kw - sources
    loads = (block_load(table, schedule.closed)[1] / table.power_factor[:, None]).sum(0)
    apparent = (feeding * table.apparent_kva[:, None]).sum(0) + running.sum(0) / DIESEL_POWER_FACTOR
    yield "apparent_power", loads - schedule.solar_used_kw - apparent
    battery_online = online * table.discharge_kw[:, None]
    capacity = battery_online.sum(0) + running.sum(0)
    picked = schedule.closings * table.power_kw[:, None] * (1 + table.cold_first[:, :1])
    yield "pickup", picked.sum(0) - schedule.pickup_share * capacity
    share = schedule.pickup_share - schedule.rule.pickup_share
    yield "pickup_share", share * capacity
    if schedule.rule.reserve_for_largest:
        largest = np.maximum(_most(battery_online), _most(running))
        yield "reserve_for_largest", first_kw - schedule.solar_used_kw - (capacity - largest)


def _switching_excess(
    table: StepTables,
    schedule: RestorationSchedule,
    online: Bool[Array, "battery step"],
    start_kwh: Float[Array, "battery step"],
) -> Iterator[tuple[str, Float[Array, " step"]]]:
    """Order of blocks, number of closings, and openings that nothing forces; as counts."""
    child = table.parent >= 0
    alone = schedule.closed[child] & ~schedule.closed[table.parent[child]]
    yield "parent", _count(alone)
    yield "closings", _count(schedule.closings) - schedule.rule.closings_per_step
    if not schedule.rule.planned_trips:
        yield "needless_opening", _count(schedule.openings) * ~forced(table, schedule, start_kwh)


def forced(
    table: StepTables, schedule: RestorationSchedule, start_kwh: Float[Array, "battery step"]
) -> Bool[Array, " step"]:
    """Whether the sources could not carry in a step all blocks that were closed in the one before.

    They cannot where these draw more than all batteries and sets that are there can feed, by power
    or by the energy that they have, where the first or the apparent power passes what the sources
    can do, the largest left out if the rule says so, or where none forms the grid.
    """
    kept = np.zeros_like(schedule.closed)
    kept[:, 1:] = schedule.closed[:, :-1]
    mean_kw, first_kw = (part * kept for part in block_load(table, schedule.closed | kept))
    online = is_online(table, start_kwh)
    left_kwh = np.maximum(start_kwh - table.floor_kwh[:, None], 0.0) / table.cells_out[:, None]
    can_kw = np.minimum(left_kwh / schedule.step_h, table.discharge_kw[:, None]) * table.there
    diesel_kw = _diesel_able(table, schedule)
    rating_kw = (diesel_kw > 0) * table.diesel_kw[:, None]
    battery_kw = online * table.discharge_kw[:, None]
    capacity = battery_kw.sum(0) + rating_kw.sum(0)
    if schedule.rule.reserve_for_largest:
        capacity -= np.maximum(_most(battery_kw), np.maximum(_most(rating_kw), 0.0))
    apparent = (online * table.apparent_kva[:, None]).sum(0)
    apparent += rating_kw.sum(0) / DIESEL_POWER_FACTOR
    forming = (online & table.grid_forming[:, None]).any(0) | (diesel_kw > 0).any(0)
    near, sun = 1 - 1e-6, table.solar_kw
    return (
        (mean_kw.sum(0) > (can_kw.sum(0) + diesel_kw.sum(0) + sun) * near)
        | (first_kw.sum(0) > (capacity + sun) * near)
        | ((first_kw / table.power_factor[:, None]).sum(0) > (apparent + sun) * near)
        | ~forming
    )


def _diesel_able(table: StepTables, schedule: RestorationSchedule) -> Float[Array, "set step"]:
    """Most that each set can give in a step; 0 where its fuel does not last at the least load."""
    fuel = start_of_step(table.fuel_kwh, schedule.fuel_kwh) / schedule.step_h
    rating, idle = table.diesel_kw[:, None], table.idle_share[:, None]
    most = np.minimum((fuel - idle * rating) / (1 - idle), rating)
    runs = (most > 0) & (most >= table.least_share[:, None] * rating) & table.diesel_there
    return np.where(runs, most, 0.0)


def _master_excess(
    table: StepTables, schedule: RestorationSchedule, online: Bool[Array, "battery step"]
) -> Iterator[tuple[str, Float[Array, " step"]]]:
    """One master while the island lives, that can be it; as counts."""
    live = alive(schedule)
    yield "one_master", np.abs(_count(schedule.master) - live)
    black = np.zeros_like(live)
    black[1:] = live[:-1]
    able = online & table.grid_forming[:, None] & (table.black_start[:, None] | black)
    able = np.concatenate([able, schedule.diesel_on])
    yield "master_able", _count(schedule.master & ~able)


def alive(schedule: RestorationSchedule) -> Bool[Array, " step"]:
    """Whether the island has voltage: something is closed, charged or runs."""
    return (
        schedule.closed.any(0)
        | (schedule.battery_kw != 0).any(0)
        | schedule.diesel_on.any(0)
        | (schedule.solar_used_kw > 0)
    )


def _most(amount: Float[Array, "source step"]) -> Float[Array, " step"]:
    return amount.max(axis=0, initial=-np.inf)


def _count(flags: Bool[Array, "source step"]) -> Float[Array, " step"]:
    return flags.sum(axis=0).astype(float)


def _check_shapes(microgrid: Microgrid, schedule: RestorationSchedule) -> None:
    steps = schedule.steps
    sources = len(microgrid.batteries) + len(microgrid.diesel_sets)
    faults = []
    for name, count in (
        ("closed", len(microgrid.load_blocks)),
        ("battery_kw", len(microgrid.batteries)),
        ("diesel_kw", len(microgrid.diesel_sets)),
        ("master", sources),
    ):
        shape = getattr(schedule, name).shape
        if shape != (count, steps):
            faults.append(Fault(name, f"have the shape ({count}, {steps})", (f"{shape}",)))
    if faults:
        raise InputError("restoration schedule", faults)
