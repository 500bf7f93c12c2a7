"""Vehicles that come and go, chargers that are lost, and energies that are measured."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import between, broken
from evergrid.dispatch.track.car_kernels import recount, settle
from evergrid.dispatch.track.fleet_state import (
    BASE,
    BLOCK,
    CLOSED,
    DUE,
    IDLE,
    NOW,
    ONLINE,
    PLUGGED,
    FleetState,
)
from evergrid.dispatch.track.review import review

STATED_TO_KWH = 1e-9  # within which an energy may pass its limit


@dataclass(frozen=True)
class Connections:
    """Vehicles as they plug in, one each for some chargers.

    Attributes:
        kind: Index of the type.
        energy_kwh: In the cells.
        reserve_kwh: Below which it does not discharge.
        owed_kwh: Least energy at departure.
        ceiling_kwh: Most energy.
        departure_s: When it leaves, on the fleet's clock.
        base_kw: Planned power, into the grid.

    Raises:
        InputError: Every energy out of its range, and every number that is not finite.
    """

    kind: Int[Array, " car"]
    energy_kwh: Float[Array, " car"]
    reserve_kwh: Float[Array, " car"]
    owed_kwh: Float[Array, " car"]
    ceiling_kwh: Float[Array, " car"]
    departure_s: Float[Array, " car"]
    base_kw: Float[Array, " car"]

    def __post_init__(self) -> None:
        ids = np.arange(len(self.kind))
        top = self.ceiling_kwh + STATED_TO_KWH
        faults = [
            *between("ceiling_kwh", self.ceiling_kwh, 0.0, 1e6, ids=ids, rule="be finite, above 0"),
            *between("departure_s", self.departure_s, 0.0, 1e12, ids=ids, rule="be finite"),
            *between("base_kw", self.base_kw, -1e6, 1e6, ids=ids, rule="be finite"),
        ]
        for name in ("energy_kwh", "reserve_kwh", "owed_kwh"):
            rule = "lie in [0, ceiling_kwh]"
            faults += between(name, getattr(self, name), 0.0, top, ids=ids, rule=rule)
        raise_if_any("connections", faults)


def plug_in(state: FleetState, rows: Int[Array, " car"], cars: Connections) -> Float[Array, " car"]:
    """Vehicles plug in now.

    Returns:
        Energy owed that not even charging at once would reach; the rest is promised.

    Raises:
        InputError: A charger has a vehicle already, or a type is unknown.
    """
    free = state.mode[rows] & PLUGGED == 0
    ids = rows.astype(str)
    known = (cars.kind >= 0) & (cars.kind < len(state.types.limits))
    raise_if_any(
        "connections",
        [
            *broken("charger", free, "be free", values=ids),
            *broken("kind", known, "be the index of a type", values=cars.kind, ids=ids),
        ],
    )
    now = state.clock[NOW]
    state.cars["kind"][rows] = cars.kind
    into_kw = state.types.limits["into_kw"][cars.kind]
    stay_h = np.maximum(cars.departure_s - now - state.settings.latency_s, 0.0) / 3600.0
    reached = np.minimum(cars.energy_kwh + into_kw * stay_h, cars.ceiling_kwh)
    owed = np.minimum(cars.owed_kwh, np.maximum(reached, cars.energy_kwh))
    for name in ("energy_kwh", "reserve_kwh", "ceiling_kwh", "departure_s"):
        state.cars[name][rows] = getattr(cars, name)
    state.cars["owed_kwh"][rows] = owed
    state.cars["settled_s"][rows] = now
    state.mode[rows] = PLUGGED | ONLINE
    set_plan(state, rows, cars.base_kw, cars.energy_kwh)
    return cars.owed_kwh - owed


def set_plan(
    state: FleetState,
    rows: Int[Array, " car"],
    base_kw: Float[Array, " car"],
    plan_kwh: Float[Array, " car"],
) -> None:
    """A new plan from now on: a power, and the energy from which it starts.

    The fleet's response is counted above the planned powers, and chargers are called so that
    energies return to the planned ones.
    """
    base_w = np.round(base_kw * 1000.0).astype(np.int32)
    kind, middle = state.cars["kind"][rows], state.types.powers_kw.shape[1] // 2
    steps = np.arange(-middle, middle + 1)
    cells = np.empty(len(rows))
    for each in np.unique(kind):
        of = kind == each
        power_kw = steps * state.types.limits["step_w"][each] / 1000.0
        cells[of] = np.interp(base_kw[of], power_kw, state.types.powers_kw[each, :, 0])
    state.cars["plan_kwh"][rows], state.cars["plan_s"][rows] = plan_kwh, state.clock[NOW]
    state.cars["base_cells_kw"][rows] = cells
    at = rows // BLOCK, state.types.limits["group"][kind]
    np.add.at(state.planned_w[:, :, BASE], at, base_w - state.cars["base_w"][rows])
    state.cars["base_w"][rows] = base_w
    review(state, rows)


def unplug(state: FleetState, rows: Int[Array, " car"]) -> Float[Array, " car"]:
    """Vehicles leave now.

    Returns:
        Energy that is missing to what was promised.
    """
    stop(state, rows, PLUGGED | ONLINE | CLOSED)
    return np.maximum(state.cars["owed_kwh"][rows] - state.cars["energy_kwh"][rows], 0.0)


def disconnect(state: FleetState, rows: Int[Array, " car"]) -> None:
    """Chargers are lost: they have no power, and the next tick calls others."""
    stop(state, rows, ONLINE | CLOSED)


def reconnect(state: FleetState, rows: Int[Array, " car"]) -> None:
    """Lost chargers are back."""
    state.mode[rows] |= ONLINE
    review(state, rows)


def measure(state: FleetState, rows: Int[Array, " car"], energy_kwh: Float[Array, " car"]) -> None:
    """Vehicles report their energy, which replaces what was counted."""
    review(state, rows)
    state.cars["energy_kwh"][rows] = energy_kwh
    review(state, rows)


@kernel(error_model="numpy")
@no_type_check
def stop(state, rows, bits):
    """End the power of some chargers at once, and clear bits of their mode."""
    for row in rows:
        car, block, mode = state.cars[row], row // BLOCK, state.mode[row]
        limit, told = state.types.limits[car.kind], state.energies_kwh[block]
        steps, powers_kw = state.steps[row], state.types.powers_kw
        settle(car, steps, mode & CLOSED, limit, powers_kw, told, state.clock[NOW])
        recount(state.item, state.counts, row, IDLE)
        state.power_w[block] -= steps * limit.step_w
        state.planned_w[block, limit.group, DUE] -= car.due * limit.step_w
        state.steps[row] = car.due = 0
        state.dirty[block] = True
        state.mode[row] = mode & (255 - bits)
        if bits & PLUGGED:
            state.planned_w[block, limit.group, BASE] -= car.base_w
            car.base_w = 0
