"""Who is told what: the chosen numbers of chargers become orders to chargers, with few changes."""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.dispatch.track.allocation import empty_choice, is_full, planned_full, split
from evergrid.dispatch.track.car_kernels import set_steps
from evergrid.dispatch.track.charger_types import (
    BUCKETS,
    DRAW,
    FEED,
    FULL_DRAW,
    FULL_FEED,
    MOST_STEPS,
    PHASES,
    RUNNING,
    STUCK,
)
from evergrid.dispatch.track.fleet_state import (
    BASE,
    BLOCK,
    HELD_ON,
    MUST,
    NEXT_REVIEW,
    NOW,
    RESIDUAL,
    TICK,
)
from evergrid.dispatch.track.review import review_rows

WAY, LOW, HIGH, UPPER, ODD, FULL = range(6)  # rows of `loads`


@kernel(error_model="numpy")
@no_type_check
def begin_tick(state, dt_s):
    """Move the clock and forget the last orders; the chargers whose turn it is to be reviewed."""
    clock, count = state.clock, len(state.steps)
    clock[NOW] += dt_s
    clock[TICK] += 1.0
    state.changed_count[:] = 0
    first = int(clock[NEXT_REVIEW])
    stop = min(first + int(np.ceil(count * dt_s / state.settings.review_s)), count)
    clock[NEXT_REVIEW] = stop % count
    return first, stop


@kernel(error_model="numpy")
@no_type_check
def choose(state, target_w):
    """How many chargers of each item and block run, in which direction, at which steps."""
    totals = np.zeros(state.counts.shape[1], np.int64)
    planned_w = np.zeros(state.planned_w.shape[1:], np.int64)
    for block in range(len(state.counts)):
        totals += state.counts[block]
        planned_w += state.planned_w[block]
    choice = empty_choice(len(state.types.limits), len(totals))
    asked_w = target_w + state.clock[RESIDUAL]
    reached = split(state.types, totals, planned_w, asked_w, choice)
    takes = shared_out(state, choice.take)
    return reached, takes, loads_of(takes, choice)


@kernel(error_model="numpy")
@no_type_check
def shared_out(state, take):
    """The chosen numbers by block: one block after the other, so that few blocks change."""
    takes = np.zeros((len(state.counts), len(take)), np.int64)
    for item in range(len(take)):
        left, block = take[item], 0
        while left > 0:
            takes[block, item] = min(left, state.counts[block, item])
            left -= takes[block, item]
            block += 1
    return takes


@kernel(error_model="numpy")
@no_type_check
def loads_of(takes, choice):
    """Direction, loadings and how many have them, by block and type."""
    per_type = BUCKETS * PHASES
    loads = np.zeros((len(takes), 6, len(choice.way)), np.int64)
    for kind in range(len(choice.way)):
        left, odd, full_left = choice.extra[kind], choice.odd[kind], choice.full[kind]
        for block in range(len(takes)):
            running = takes[block, kind * per_type : (kind + 1) * per_type].sum()
            if running == 0:
                continue
            loads[block, WAY, kind] = choice.way[kind]
            if full_left > 0:
                full = min(full_left, planned_full(takes[block], kind, choice.way[kind]))
                loads[block, FULL, kind] = full
                full_left -= full
                running -= full
            upper = min(left, running)
            left -= upper
            if running > 0:
                if upper < running and odd > 0:
                    loads[block, ODD, kind], odd = odd, 0
                    running -= 1
                if upper < running:
                    loads[block, LOW, kind] = choice.low[kind]
                if upper > 0:
                    loads[block, HIGH, kind] = choice.high[kind]
                loads[block, UPPER, kind] = upper
    return loads


@kernel(error_model="numpy", nogil=True)
@no_type_check
def follow_blocks(state, first, stop, takes, loads, dt_s):
    """Orders to the chargers of some blocks; a block that needs no change is passed by."""
    for block in range(first, stop):
        if state.dirty[block] or changes(state, block, takes[block], loads[block]):
            state.loads[block] = loads[block]
            state.dirty[block] = follow_block(state, block, takes[block], loads[block], dt_s)


@kernel(error_model="numpy")
@no_type_check
def changes(state, block, take, loads):
    """Whether a block's numbers are not those that its chargers have."""
    for item in range(len(take)):
        kept = state.counts[block, item] if item % PHASES in (RUNNING, STUCK) else 0
        if take[item] != kept:
            return True
    for part in range(loads.shape[0]):
        for kind in range(loads.shape[1]):
            if loads[part, kind] != state.loads[block, part, kind]:
                return True
    return False


@kernel(error_model="numpy")
@no_type_check
def follow_block(state, block, take, loads, dt_s):
    """Orders to the chargers of one block; returns whether some are still on their way."""
    under_way, number = False, 0
    ramps = np.any(state.types.limits.ramp * dt_s < 2 * MOST_STEPS)
    rows, steps = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int16)
    for row in range(block * BLOCK, min((block + 1) * BLOCK, len(state.steps))):
        item, now, wanted = state.item[row], state.steps[row], 0
        if item < 0:
            if item == MUST:
                wanted = -state.cars[row].due
        else:
            kind = item // (BUCKETS * PHASES)
            if take[item] > 0:
                take[item] -= 1
                way, bucket = loads[WAY, kind], item // PHASES % BUCKETS
                wanted = loads[LOW, kind]
                if loads[FULL, kind] > 0 and is_full(bucket, way):
                    loads[FULL, kind] -= 1
                    wanted = state.types.ways[kind, way].most
                elif loads[UPPER, kind] > 0:
                    loads[UPPER, kind] -= 1
                    wanted = loads[HIGH, kind]
                elif loads[ODD, kind] > 0:
                    wanted, loads[ODD, kind] = loads[ODD, kind], 0
                if way == DRAW:
                    wanted = -wanted
            elif item % PHASES == STUCK:
                # On at its least power: the way it goes, or the only way that it may go.
                bucket = item // PHASES % BUCKETS
                feeds = bucket >= FULL_DRAW and (now > 0 or bucket > FULL_FEED)
                wanted = state.types.limits[kind].least * (1 if feeds else -1)
        if wanted != now:
            if ramps:
                reached = ramped(state.types.limits[state.cars[row].kind], now, wanted, dt_s)
                under_way |= reached != wanted
                wanted = reached
            rows[number], steps[number] = row, wanted
            number += 1
    set_steps(state, block, rows, steps, number)
    return under_way


@kernel(error_model="numpy")
@no_type_check
def ramped(limit, now, wanted, dt_s):
    """As many steps towards what is wanted as the charger can make in a tick."""
    reach = limit.ramp * dt_s
    if abs(wanted - now) <= reach:
        return wanted
    reach = max(int(reach), 1)
    steps = now + reach if wanted > now else now - reach
    least = limit.least
    if abs(steps) >= least or steps == 0:
        return steps
    if wanted == 0 or (wanted > 0) != (steps > 0):
        # From the least power it goes to zero, or to the least power the other way.
        return 0 if wanted == 0 or limit.zero_held else -least * (1 if now > 0 else -1)
    return least if wanted > 0 else -least


@kernel(error_model="numpy")
@no_type_check
def remainder(state, target_w, reached, dt_s):
    """Move one charger, or a few, by what whole numbers left over; keep what is still left.

    Where the fleet cannot reach the target nothing is kept, so that nothing winds up.
    """
    goal = target_w + state.clock[RESIDUAL]
    for block in range(len(state.power_w)):
        goal -= state.power_w[block] - state.planned_w[block, :, BASE].sum()
    short = not reached and abs(goal) > 0.0
    limits, per_type = state.types.limits, BUCKETS * PHASES
    smallest = limits.step_w.min()
    starts = ((limits.least - 0.5) * limits.step_w).min()  # what an idle charger may take over
    for block in range(0 if short else len(state.counts)):
        if abs(goal) < 0.5 * smallest:
            break
        if abs(goal) < starts and not _any_runs(state.counts[block]):
            continue
        for row in range(block * BLOCK, min((block + 1) * BLOCK, len(state.steps))):
            item = state.item[row]
            # Most rows are passed by without a look at their records, which lie far apart.
            if item < 0 or (state.steps[row] == 0 and abs(goal) < starts):
                continue
            goal -= _move(state, row, item // per_type, goal, dt_s)
            if abs(goal) < 0.5 * smallest:
                break
    largest = float(state.types.limits.step_w.max())
    state.clock[RESIDUAL] = 0.0 if short else min(max(goal, -largest), largest)


@kernel(error_model="numpy")
@no_type_check
def _any_runs(counts):
    """Whether a block has a charger that runs and can be called."""
    for item in range(0, len(counts), PHASES):
        if counts[item + RUNNING] or counts[item + STUCK]:
            return True
    return False


@kernel(error_model="numpy")
@no_type_check
def _move(state, row, kind, goal, dt_s):
    """Move one charger towards the goal; returns by how many watts."""
    types, now = state.types, state.steps[row]
    step_w, least = types.limits[kind].step_w, types.limits[kind].least
    asked = int(np.round(goal / step_w))
    if asked == 0 or (now == 0 and abs(asked) < least):
        return 0.0
    bucket = state.item[row] // PHASES % BUCKETS
    high = types.ways[kind, FEED].most if bucket >= FULL_DRAW else 0
    low = -types.ways[kind, DRAW].most if bucket <= FULL_FEED else 0
    # Between 0 and the least power there is nothing: it goes to the nearer of both that is still on
    # the side of the goal, and to 0 only where its contactor may open.
    stays = now != 0 and not types.limits[kind].zero_held and state.mode[row] & HELD_ON
    wanted = min(max(now + asked, low), high)
    if abs(wanted) < least:
        towards = least if asked > 0 else -least
        across = low <= towards <= high and abs(now + asked) >= least // 2 + 1
        wanted = towards if across and (towards > 0) == (asked > 0) and now * asked <= 0 else 0
        if wanted == 0 and now * asked < 0 and abs(asked) < least:
            wanted = least if now > 0 else -least
        if wanted == 0 and stays:
            wanted = least if now > 0 else -least
    told = state.cars[row].changed_tick == int(state.clock[TICK])
    start = state.cars[row].before if told else now
    wanted = ramped(types.limits[kind], start, wanted, dt_s)
    if wanted == now or (wanted == 0 and stays):
        return 0.0
    if abs(goal - (wanted - now) * step_w) >= abs(goal):
        return 0.0
    set_steps(state, row // BLOCK, np.array([row]), np.array([wanted]), 1)
    state.dirty[row // BLOCK] = True
    return float((wanted - now) * step_w)


@kernel(error_model="numpy")
@no_type_check
def follow(state, target_w, dt_s):
    """One tick on one core; returns whether the fleet reaches the target."""
    first, stop = begin_tick(state, dt_s)
    review_rows(state, first, stop)
    reached, takes, loads = choose(state, target_w)
    follow_blocks(state, 0, len(takes), takes, loads, dt_s)
    remainder(state, target_w, reached, dt_s)
    return reached
