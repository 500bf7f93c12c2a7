"""What happens to one charger: energy counted, power set, and the sums that follow it."""

from typing import no_type_check

from evergrid.core.computing.kernels import kernel
from evergrid.dispatch.track.charger_types import OPEN, PHASES, READY, RUNNING, STUCK
from evergrid.dispatch.track.fleet_state import (
    BARRED,
    BLOCK,
    CELLS,
    CLOSED,
    DRAWN,
    FED,
    HELD_OFF,
    HELD_ON,
    IDLING,
    LOST,
    NOW,
    REFUSED,
    TICK,
)

H_PER_S = 1.0 / 3600.0  # multiplied with, as a division takes as long as ten sums


@kernel(error_model="numpy")
@no_type_check
def item_of(cell, mode, steps):
    """Item of a charger that can be called, by its cell and phase."""
    if steps != 0:
        return cell * PHASES + (STUCK if mode & HELD_ON else RUNNING)
    if mode & CLOSED:
        return cell * PHASES + READY
    return BARRED if mode & HELD_OFF else cell * PHASES + OPEN


@kernel(error_model="numpy")
@no_type_check
def settle(car, steps, closed, limit, powers_kw, told, until_s):
    """Count the energy of a charger until a time, at the power it has.

    Full cells take no more, and empty ones give no more: what was told nevertheless is refused.
    """
    span_h = (until_s - car.settled_s) * H_PER_S
    if span_h <= 0.0:
        return
    car.settled_s = until_s
    if steps == 0:
        if closed:
            told[IDLING] += limit.idle_kw * span_h
        return
    power = (powers_kw.shape[1] // 2) + steps
    energy = car.energy_kwh
    left = energy - powers_kw[car.kind, power, 0] * span_h
    kept = min(max(left, 0.0), max(car.ceiling_kwh, energy))
    told[REFUSED] += left - kept
    told[CELLS] += energy - kept
    told[LOST] += powers_kw[car.kind, power, 1] * span_h
    told[FED if steps > 0 else DRAWN] += abs(steps) * limit.step_w / 1000.0 * span_h
    car.energy_kwh = kept


@kernel(error_model="numpy")
@no_type_check
def switch(car, mode, zero_held, now):
    """Close or open a charger's contactor, which then stays so for a while; the new mode."""
    mode = (mode ^ CLOSED) & (255 - HELD_ON - HELD_OFF)
    if not mode & CLOSED:
        mode |= HELD_OFF
    elif not zero_held:
        mode |= HELD_ON
    car.switches += 1
    car.switched_s = now
    return mode


@kernel(error_model="numpy")
@no_type_check
def set_steps(state, block, rows, steps, number):
    """Tell chargers of a block a power, with what that does to contactors and to the sums."""
    now, tick, told = state.clock[NOW], int(state.clock[TICK]), state.energies_kwh[block]
    until_s, limits, powers_kw = (
        now + state.settings.latency_s,
        state.types.limits,
        state.types.powers_kw,
    )
    change_w, changed = 0, state.changed_count[block]
    # Sums of the block and counts of chargers that could move are kept up with each order, so that
    # no tick looks at chargers that are told nothing.
    for place in range(number):
        row, wanted = rows[place], steps[place]
        car, old, mode, item = state.cars[row], state.steps[row], state.mode[row], state.item[row]
        limit = limits[car.kind]
        if car.changed_tick != tick:
            car.changed_tick = tick
            car.before, car.before_mode, car.before_item = old, mode, item
            state.changed_rows[block * BLOCK + changed] = row
            changed += 1
        settle(car, old, mode & CLOSED, limit, powers_kw, told, until_s)
        change_w += (wanted - old) * limit.step_w
        state.steps[row] = wanted
        if (old == 0) != (wanted == 0):
            car.moved_s = now
            closed = mode & CLOSED != 0
            if (wanted != 0 and not closed) or (wanted == 0 and closed and not limit.zero_held):
                mode = switch(car, mode, limit.zero_held, now)
                state.mode[row] = mode
            if item >= 0:
                recount(state.item, state.counts, row, item_of(item // PHASES, mode, wanted))
    state.power_w[block] += change_w
    state.changed_count[block] = changed


@kernel(error_model="numpy")
@no_type_check
def recount(items, counts, row, item):
    """Count a charger under another item, or none, among those that can be called."""
    block, old = row // BLOCK, items[row]
    if old >= 0:
        counts[block, old] -= 1
    if item >= 0:
        counts[block, item] += 1
    items[row] = item


@kernel(error_model="numpy")
@no_type_check
def take_back(state, rows):
    """Undo what the last tick told chargers that did not hear it."""
    for row in rows:
        car, block = state.cars[row], row // BLOCK
        change = car.before - state.steps[row]
        state.power_w[block] += change * state.types.limits[car.kind].step_w
        if (state.mode[row] ^ car.before_mode) & CLOSED:
            car.switches -= 1
            car.switched_s = state.clock[NOW] - state.settings.dwell_s  # it was free to move
        state.steps[row], state.mode[row] = car.before, car.before_mode
        state.dirty[block] = True
        recount(state.item, state.counts, row, car.before_item)
