"""One tick of following a signal: the fleet's power becomes orders to chargers.

The same functions serve a simulation and the live service. They change the state's arrays in place,
read no clock and draw no random numbers.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.all_cores import on_all_cores
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.dispatch.track import orders
from evergrid.dispatch.track.car_kernels import take_back
from evergrid.dispatch.track.fleet_state import (
    BLOCK,
    BLOCK_END,
    CLOSED,
    DAY_END,
    DAY_S,
    NOW,
    FleetState,
)
from evergrid.dispatch.track.review import review_rows

MANY = 100_000  # chargers from which all cores work on a tick


@dataclass(frozen=True)
class Orders:
    """What a tick tells the chargers, those only whose power changes.

    Attributes:
        rows: Chargers, rows of the state.
        power_kw: Their new power into the grid.
        connected: Whether the contactor is closed; at zero power it may be.
        response_kw: Power of the fleet above its plan, once all orders are followed.
        short_kw: What is missing to the target; negative where the fleet cannot draw enough.
    """

    rows: Int[Array, " order"]
    power_kw: Float[Array, " order"]
    connected: Bool[Array, " order"]
    response_kw: float
    short_kw: float


def advance(state: FleetState, target_kw: float, dt_s: float) -> bool:
    """Follow the signal for one tick, and leave the orders in the state.

    Args:
        state: Changed in place.
        target_kw: Power to deliver above the plan, into the grid; a fleet whose plan is to charge
            delivers by charging less.
        dt_s: Since the last tick.

    Returns:
        Whether the fleet can deliver it.

    Raises:
        InputError: The target is not finite, or the time not above 0: `signal.read` makes both
            of a signal with gaps and jumps.
    """
    if not np.isfinite(target_kw):
        raise_if_any("tick", [Fault("target_kw", "be finite", (target_kw,), fix=CLEAN)])
    if not 0 < dt_s <= state.settings.review_s:
        rule = f"be above 0 and at most review_s, {state.settings.review_s:g}"
        raise_if_any("tick", [Fault("dt_s", rule, (dt_s,), fix=CLEAN)])
    if state.clock[NOW] + dt_s >= state.clock[DAY_END]:
        state.cars["switches"] = 0
        state.clock[DAY_END] += DAY_S
    follow = _follow_on_all_cores if len(state.steps) >= MANY else orders.follow
    return bool(follow(state, target_kw * 1000.0, dt_s))


def _follow_on_all_cores(state: FleetState, target_w: float, dt_s: float) -> bool:
    """`orders.follow`, with blocks of chargers shared by all cores."""
    first, stop = orders.begin_tick(state, dt_s)
    lowest = first // BLOCK

    def reviews(one: int, other: int) -> None:
        begin, end = (one + lowest) * BLOCK, (other + lowest) * BLOCK
        review_rows(state, max(begin, first), min(end, stop))

    on_all_cores(reviews, -(-stop // BLOCK) - lowest)
    reached, takes, loads = orders.choose(state, target_w)

    def blocks(one: int, other: int) -> None:
        orders.follow_blocks(state, one, other, takes, loads, dt_s)

    on_all_cores(blocks, len(takes))
    orders.remainder(state, target_w, reached, dt_s)
    return reached


CLEAN = "Pass the signal through evergrid.dispatch.track.signal first."


def tick(state: FleetState, target_kw: float, dt_s: float) -> Orders:
    """`advance`, and the orders to send."""
    advance(state, target_kw, dt_s)
    rows = changed_rows(state)
    response = state.fleet_power_kw - state.base_kw
    short = target_kw - response
    return Orders(
        rows,
        state.steps[rows] * state.types.limits["step_w"][state.cars["kind"][rows]] / 1000.0,
        state.mode[rows] & CLOSED != 0,
        response,
        short,
    )


def hold_until(state: FleetState, block_end_s: float) -> None:
    """Say when the block of an award ends: until then nobody feeds so much as to become late."""
    state.clock[BLOCK_END] = block_end_s


def changed_rows(state: FleetState) -> Int[Array, " order"]:
    """Chargers to which the last tick told another power."""
    segments = [
        state.changed_rows[block * BLOCK : block * BLOCK + count]
        for block, count in enumerate(state.changed_count)
    ]
    return np.concatenate(segments)


def unheard(state: FleetState, rows: Int[Array, " order"]) -> None:
    """Chargers of the last tick's orders that did not confirm: they go on as before.

    The next tick counts with that, and tells them, or others, again.
    """
    if len(rows):
        take_back(state, rows)
