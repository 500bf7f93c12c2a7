"""The state of a fleet that follows a signal: one row for each charger, and running sums.

Among chargers alike in all that counts, lower rows are called first; who is called does not depend
on anything else. The arrays are changed in place by `evergrid.dispatch.track.tick`; `copy` makes
a state that stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.dispatch.track.charger_types import (
    BUCKETS,
    PHASES,
    ChargerType,
    TypeTables,
    tables,
)

# Rows that one thread works through; few, as a block is searched where its orders change.
BLOCK = 2048
# Items of chargers that are not called: nothing to do, charging for the driver, kept open for now.
IDLE, MUST, BARRED = -1, -2, -3
PLUGGED, ONLINE, CLOSED, HELD_ON, HELD_OFF, LATE = 1, 2, 4, 8, 16, 32  # bits of `mode`
BASE, DUE = range(2)  # columns of `planned_w`
FED, DRAWN, LOST, REFUSED, IDLING, CELLS = range(6)  # columns of `energies_kwh`
NOW, DAY_END, RESIDUAL, NEXT_REVIEW, TICK, BLOCK_END = range(6)  # of `clock`
DAY_S = 86400.0
LEAST_SWITCHES = 6  # of a limit: what a promise may need, and one interruption


@dataclass(frozen=True)
class Rules:
    """What holds for all chargers.

    Attributes:
        switch_limit: Contactor operations of a charger in a day that tracking may cause.
        dwell_s: For which a contactor stays as it is.
        hold_s: At zero power after which a charger that draws idle power may be disconnected.
        latency_s: Until an order takes effect.
        review_s: Within which every charger's energy is looked at once.

    Raises:
        InputError: Every number that is out of range.
    """

    switch_limit: int = 20
    dwell_s: float = 60.0
    hold_s: float = 900.0
    latency_s: float = 0.2
    review_s: float = 60.0

    def __post_init__(self) -> None:
        faults = []
        if self.switch_limit < LEAST_SWITCHES:
            fix = "A stay takes two, and so does a promise that is kept late."
            rule = f"be at least {LEAST_SWITCHES}"
            faults.append(Fault("switch_limit", rule, (self.switch_limit,), fix=fix))
        for name in ("dwell_s", "hold_s", "latency_s"):
            if not 0 <= (value := getattr(self, name)) < DAY_S:
                faults.append(Fault(name, "lie in [0, 86400)", (value,)))
        if not 0 < self.review_s <= 900:
            faults.append(Fault("review_s", "lie in (0, 900]", (self.review_s,)))
        raise_if_any("rules", faults)


class Settings(NamedTuple):
    """`Rules` as the kernels see them."""

    switch_limit: int
    dwell_s: float
    hold_s: float
    latency_s: float
    review_s: float


CARS = np.dtype(
    [
        ("energy_kwh", np.float64),  # in the cells, at settled_s
        ("settled_s", np.float64),  # until when energy is counted
        ("reserve_kwh", np.float64),  # below which it does not discharge
        ("owed_kwh", np.float64),  # at departure
        ("ceiling_kwh", np.float64),  # most in the cells
        ("departure_s", np.float64),  # as the driver stated
        ("plan_kwh", np.float64),  # planned energy at plan_s
        ("plan_s", np.float64),
        ("base_cells_kw", np.float64),  # planned power, out of the cells
        ("switched_s", np.float64),  # last contactor operation
        ("moved_s", np.float64),  # when it last began or ended to have power
        ("base_w", np.int32),  # planned power
        ("changed_tick", np.int32),  # number of the tick that last changed its power
        ("kind", np.int16),  # type of the charger with its vehicle
        ("due", np.int16),  # steps that it must draw for its driver
        ("switches", np.int16),  # contactor operations today
        ("before", np.int16),  # steps before the tick that last changed them
        ("before_item", np.int16),  # item before that
        ("before_mode", np.uint8),  # mode before that
    ],
    align=True,
)


class FleetState(NamedTuple):
    """Every charger with its vehicle. Powers are positive into the grid; times count from a start.

    Attributes:
        types: Tables of the types.
        settings: What holds for all.
        cars: `CARS` of each charger.
        mode: Whether it is plugged in, online, connected, held as it is, or late for its driver.
        item: Type, bucket and phase under which it is called, or why it is not.
        steps: Power that it was told last.
        changed_rows: Rows that the last tick changed, block by block.
        changed_count: How many of each block.
        counts: Chargers by block and item.
        power_w: Power that was told, by block.
        planned_w: Planned power, and power due to drivers, by block and group of types.
        energies_kwh: Fed, drawn, lost, refused by full cells, idle draw, out of the cells.
        dirty: Blocks in which an order may be due though their numbers stay as they are.
        loads: Direction, and steps and numbers by type, that a block's last orders had.
        clock: Now, end of the day, residual in W, next row to review, number of the tick,
            end of the block of which the fleet must not be late for a driver.
    """

    types: TypeTables
    settings: Settings
    cars: Shaped[Array, " charger"]
    mode: Int[Array, " charger"]
    item: Int[Array, " charger"]
    steps: Int[Array, " charger"]
    changed_rows: Int[Array, " charger"]
    changed_count: Int[Array, " block"]
    counts: Int[Array, "block item"]
    power_w: Int[Array, " block"]
    planned_w: Int[Array, "block group 2"]
    energies_kwh: Float[Array, "block 6"]
    dirty: Bool[Array, " block"]
    loads: Int[Array, "block 6 type"]
    clock: Float[Array, " 6"]

    @property
    def power_kw(self) -> Float[Array, " charger"]:
        """Power that each charger was told last, into the grid."""
        return self.steps * self.types.limits["step_w"][self.cars["kind"]] / 1000.0

    @property
    def fleet_power_kw(self) -> float:
        """Sum of these powers."""
        return float(self.power_w.sum()) / 1000.0

    @property
    def base_kw(self) -> float:
        """Planned power of all vehicles that are plugged in."""
        return float(self.planned_w[:, :, BASE].sum()) / 1000.0

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return float(self.clock[NOW])


def empty(chargers: int, types: Sequence[ChargerType], rules: Rules | None = None) -> FleetState:
    """A fleet of chargers without vehicles, at time 0.

    Raises:
        InputError: There is no charger, or the types are none or too many.
    """
    if chargers < 1:
        raise_if_any("fleet", [Fault("chargers", "be at least 1", (chargers,))])
    rules = rules or Rules()
    known, blocks = tables(types), -(-chargers // BLOCK)
    cars = np.zeros(chargers, CARS)
    cars["switched_s"] = cars["moved_s"] = -DAY_S
    cars["changed_tick"] = -1
    return FleetState(
        known,
        Settings(*(getattr(rules, name) for name in Settings._fields)),
        cars,
        np.zeros(chargers, np.uint8),
        np.full(chargers, IDLE, np.int16),
        np.zeros(chargers, np.int16),
        np.zeros(chargers, np.int32),
        np.zeros(blocks, np.int32),
        np.zeros((blocks, len(types) * BUCKETS * PHASES), np.int32),
        np.zeros(blocks, np.int64),
        np.zeros((blocks, known.groups, 2), np.int64),
        np.zeros((blocks, 6)),
        np.ones(blocks, np.bool_),
        np.zeros((blocks, 6, len(types)), np.int64),
        np.array([0.0, DAY_S, 0.0, 0.0, 0.0, 0.0]),
    )


def copy(state: FleetState) -> FleetState:
    """A state that later ticks of the first do not change."""
    shared = {"types", "settings"}
    fresh = {name: getattr(state, name).copy() for name in state._fields if name not in shared}
    return state._replace(**fresh)


def with_types(state: FleetState, types: Sequence[ChargerType]) -> FleetState:
    """The same fleet with more types after those that it has, as when a new vehicle comes.

    Args:
        state: It must not be used any more, as arrays are shared.
        types: All types; the first are those that the fleet has, unchanged.

    Raises:
        InputError: The types are too many.
    """
    known, more = tables(types), len(types) * BUCKETS * PHASES - state.counts.shape[1]
    wider = np.pad(state.counts, ((0, 0), (0, more)))
    loads = np.pad(state.loads, ((0, 0), (0, 0), (0, len(types) - state.loads.shape[2])))
    new = known.groups - state.planned_w.shape[1]
    planned_w = np.pad(state.planned_w, ((0, 0), (0, new), (0, 0)))
    return state._replace(
        types=known,
        counts=wider,
        planned_w=planned_w,
        loads=loads,
        dirty=np.ones_like(state.dirty),
    )
