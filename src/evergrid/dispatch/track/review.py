"""What may each charger do until it is looked at again?"""

from typing import no_type_check

from evergrid.core.computing.kernels import kernel
from evergrid.dispatch.track.car_kernels import H_PER_S, item_of, recount, settle, switch
from evergrid.dispatch.track.charger_types import (
    BUCKETS,
    DRAW,
    DRAW_ONLY,
    FEED,
    FEED_ONLY,
    FULL_DRAW,
    FULL_DRAW_ONLY,
    FULL_FEED,
    FULL_FEED_ONLY,
    PHASES,
    STUCK,
)
from evergrid.dispatch.track.fleet_state import (
    BLOCK,
    BLOCK_END,
    CLOSED,
    DAY_END,
    DAY_S,
    DUE,
    HELD_OFF,
    HELD_ON,
    IDLE,
    LATE,
    LEAST_SWITCHES,
    MUST,
    NOW,
    ONLINE,
    PLUGGED,
)

BUCKETS_PER_H = 7.0  # of distance from the plan, at full power
# How far ahead the plan is looked at: at the best loading it is about a bucket, so that of two that
# are as they were planned the one that is to charge now is called to draw.
AHEAD_S = 2.0 * 3600.0 / BUCKETS_PER_H
# Of full power, from which a plan counts as full: what is missed then is not caught up.
FULL_SHARE = 0.9
SPARED_H = 1.0  # at full power, below which a charger is called later
MARGIN_S = 20.0  # beside the time between two looks: orders that are lost and told again
LATE_S = 300.0  # by which a driver's charging must be ahead before it ends


@kernel(error_model="numpy")
@no_type_check
def review(state, rows):
    """Count the energy of some chargers and say how they may be called."""
    for row in rows:
        review_rows(state, row, row + 1)


@kernel(error_model="numpy", nogil=True)
@no_type_check
def review_rows(state, first, stop):
    """Count the energy of chargers side by side, and say how each may be called.

    A charger that could break a promise before it is looked at again is not called that way: it
    must then charge, may not feed, or may not draw.
    """
    now, day_end_s, settings = state.clock[NOW], state.clock[DAY_END], state.settings
    margin_s = settings.review_s + MARGIN_S
    limits, powers_kw = state.types.limits, state.types.powers_kw
    until_s = max(now, state.clock[BLOCK_END])
    # A charger is looked at every `review_s`; until then its energy can move by full power for as
    # long, and an order may be lost and told again (`MARGIN_S`). Who is late stays so until it is
    # `LATE_S` ahead, so that a charger does not change its part at every look.
    for row in range(first, stop):
        car, mode, steps, block = state.cars[row], state.mode[row], state.steps[row], row // BLOCK
        limit = limits[car.kind]
        settle(car, steps, mode & CLOSED, limit, powers_kw, state.energies_kwh[block], now)
        due, item = 0, IDLE
        if mode & PLUGGED and mode & ONLINE:
            if late(car, limit, now + margin_s + (LATE_S if mode & LATE else 0.0)):
                mode |= LATE
                item, due = MUST, due_steps(car, limit, powers_kw, settings.review_s)
            else:
                mode &= 255 - LATE
                cell = cell_of(car, limit, now, until_s, margin_s)
                if cell >= 0:
                    mode = hold(car, steps, mode, limit, settings, now, day_end_s)
                    item = item_of(cell, mode, steps)
        if due != car.due:
            state.planned_w[block, limit.group, DUE] += (due - car.due) * limit.step_w
            car.due = due
        state.mode[row] = mode
        if (item < 0 and steps != -due) or item % PHASES == STUCK:
            state.dirty[block] = True
        if item != state.item[row]:
            recount(state.item, state.counts, row, item)


@kernel(error_model="numpy")
@no_type_check
def needed_kwh(car, limit, at_s):
    """Least energy at a time from which full charging still reaches what is owed."""
    return car.owed_kwh - limit.into_kw * max(car.departure_s - at_s, 0.0) * H_PER_S


@kernel(error_model="numpy")
@no_type_check
def late(car, limit, at_s):
    """Whether a vehicle's latest start has come by a time."""
    return car.energy_kwh < car.owed_kwh and car.energy_kwh < needed_kwh(car, limit, at_s)


@kernel(error_model="numpy")
@no_type_check
def due_steps(car, limit, powers_kw, review_s):
    """Power to draw for the driver: all, or what is enough until the next look."""
    middle = powers_kw.shape[1] // 2
    # Twice that, as orders are late or lost; what is too much is little.
    wanted_kw = 2.0 * (car.owed_kwh - car.energy_kwh) * 3600.0 / review_s
    steps = limit.least
    while steps < limit.most_draw and -powers_kw[car.kind, middle - steps, 0] < wanted_kw:
        steps += 1
    return steps


@kernel(error_model="numpy")
@no_type_check
def cell_of(car, limit, now, until_s, margin_s):
    """Type and bucket of a charger, or that it can do nothing.

    It feeds no more than that it need not charge before ``until_s``, the end of a block: nobody
    becomes late because of an award.
    """
    energy, margin_h = car.energy_kwh, margin_s * H_PER_S
    able_draw = energy + limit.into_kw * margin_h <= car.ceiling_kwh
    feeds = limit.out_kw > 0.0
    able_feed, floor = False, 0.0
    if feeds:
        floor = max(car.reserve_kwh, needed_kwh(car, limit, until_s + 2.0 * margin_s))
        able_feed = energy - limit.out_kw * margin_h >= floor
    if not (able_draw or able_feed):
        return IDLE
    way = full_way(car, limit)
    if feeds and not able_feed:
        return car.kind * BUCKETS + (FULL_DRAW_ONLY if way == DRAW else DRAW_ONLY)
    if not able_draw:
        return car.kind * BUCKETS + (FULL_FEED_ONLY if way == FEED else FEED_ONLY)
    if way >= 0:
        return car.kind * BUCKETS + (FULL_FEED if way == FEED else FULL_DRAW)
    ahead_s = now + AHEAD_S - car.plan_s
    planned = car.plan_kwh - car.base_cells_kw * ahead_s * H_PER_S
    ahead_h = (energy - planned) / limit.into_kw
    # Who can feed, or draw, for less than an hour is spared, so that all can when all must.
    ahead_h += max(SPARED_H - (car.ceiling_kwh - energy) / limit.into_kw, 0.0)
    if feeds:
        ahead_h -= max(SPARED_H - (energy - floor) / limit.out_kw, 0.0)
    ahead_h = min(max(ahead_h, -2.0), 2.0)
    bucket = BUCKETS // 2 + int(ahead_h * BUCKETS_PER_H + 100.5) - 100
    return car.kind * BUCKETS + min(max(bucket, FULL_DRAW + 1), FULL_FEED - 1)


@kernel(error_model="numpy")
@no_type_check
def full_way(car, limit):
    """Direction in which a charger is planned to run at full power, or -1."""
    share_w = FULL_SHARE * limit.step_w
    if limit.most_feed > 0 and car.base_w >= share_w * limit.most_feed:
        return FEED
    return DRAW if -car.base_w >= share_w * limit.most_draw else -1


@kernel(error_model="numpy")
@no_type_check
def hold(car, steps, mode, limit, settings, now, day_end_s):
    """Say whether a contactor may move: after its dwell, and within the day's limit.

    Those that open are spread over the day, and leave enough for a promise that is kept late. One
    that has had no power for long, and draws some to stay ready, is opened.
    """
    used = car.switches
    elapsed = min(max(1.0 - (day_end_s - now) / DAY_S, 0.0), 1.0)
    rested = now - car.switched_s >= settings.dwell_s
    may_open = rested and used + 2 <= 2.0 + (settings.switch_limit - LEAST_SWITCHES) * elapsed
    mode &= 255 - HELD_ON - HELD_OFF
    if not mode & CLOSED:
        if not rested or used + 4 > settings.switch_limit:
            mode |= HELD_OFF
    elif not limit.zero_held:
        if not may_open:
            mode |= HELD_ON
    elif steps == 0 and may_open and limit.idle_kw > 0.0 and now - car.moved_s >= settings.hold_s:
        mode = switch(car, mode, limit.zero_held, now)
    return mode
