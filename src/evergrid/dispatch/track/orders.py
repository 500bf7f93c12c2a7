"""Who is told what: the chosen numbers of chargers become orders to chargers, with few changes."""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.dispatch.track.allocation import call, load
from evergrid.dispatch.track.car_kernels import set_steps
from evergrid.dispatch.track.charger_types import (
    BUCKETS,
    DRAW,
    FEED,
    MOST_STEPS,
    PHASES,
    RUNNING,
    STUCK,
)
from evergrid.dispatch.track.fleet_state import (
    BASE,
    BLOCK,
    DUE,
    HELD_ON,
    MUST,
    NEXT_REVIEW,
    NOW,
    POWER,
    RESIDUAL,
    TICK,
)
from evergrid.dispatch.track.review import review_rows

WAY, LOW, HIGH, UPPER = range(4)  # rows of `loads`


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
    types, blocks = state.types, len(state.counts)
    due = base = 0
    for block in range(blocks):
        due += state.sums_w[block, DUE]
        base += state.sums_w[block, BASE]
    net_w = target_w + base + due + state.clock[RESIDUAL]
    totals = np.zeros(state.counts.shape[1], np.int64)
    for block in range(blocks):
        totals += state.counts[block]
    way = FEED if net_w >= 0.0 else DRAW
    net_w += opposed_w(types, totals, way)
    if (net_w >= 0.0) != (way == FEED):
        way = FEED if net_w >= 0.0 else DRAW
        net_w = target_w + base + due + state.clock[RESIDUAL] + opposed_w(types, totals, way)
    wanted = max(net_w if way == FEED else -net_w, 0.0)
    take = np.zeros(len(totals), np.int64)
    running = np.zeros(len(types.limits), np.int64)
    low, high, extra = np.zeros_like(running), np.zeros_like(running), np.zeros_like(running)
    call(types, totals, way, wanted, take, running)
    reached = load(types, way, wanted, running, low, high, extra)
    takes = shared_out(state, take)
    return reached, takes, loads_of(way, takes, low, high, extra)


@kernel(error_model="numpy")
@no_type_check
def opposed_w(types, totals, way):
    """What must be made up for: chargers that cannot stop and run the other way at least power."""
    total = 0.0
    for item in range(STUCK, len(totals), PHASES):
        if totals[item] == 0:
            continue
        kind, bucket = item // (BUCKETS * PHASES), item // PHASES % BUCKETS
        least = totals[item] * types.limits[kind].least * types.limits[kind].step_w
        if way == FEED and (bucket == 0 or types.ways[kind, FEED].most == 0):
            total += least
        elif way == DRAW and bucket == BUCKETS - 1:
            total -= least
    return total


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
def loads_of(way, takes, low, high, extra):
    """Direction, lower and upper loading, and how many have the upper one, by block and type."""
    per_type = BUCKETS * PHASES
    loads = np.zeros((len(takes), 4, len(low)), np.int64)
    for kind in range(len(low)):
        left = extra[kind]
        for block in range(len(takes)):
            running = takes[block, kind * per_type : (kind + 1) * per_type].sum()
            upper = min(left, running)
            left -= upper
            if running > 0:
                loads[block, WAY, kind] = way
                if upper < running:
                    loads[block, LOW, kind] = low[kind]
                if upper > 0:
                    loads[block, HIGH, kind] = high[kind]
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
                wanted = loads[LOW, kind]
                if loads[UPPER, kind] > 0:
                    loads[UPPER, kind] -= 1
                    wanted = loads[HIGH, kind]
                if loads[WAY, kind] == DRAW:
                    wanted = -wanted
            elif item % PHASES == STUCK:
                # On at its least power: the way it goes, or the only way that it may go.
                bucket = item // PHASES % BUCKETS
                feeds = bucket > 0 and (now > 0 or bucket == BUCKETS - 1)
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
    for block in range(len(state.sums_w)):
        goal -= state.sums_w[block, POWER] - state.sums_w[block, BASE]
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
    high = types.ways[kind, FEED].most if bucket > 0 else 0
    low = -types.ways[kind, DRAW].most if bucket < BUCKETS - 1 else 0
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
