"""A restoration in time, step by step, by what is there: dispatch, and a policy that knows no more.

Sun first, then diesel sets, then batteries. Batteries feed by time to go, usable energy over power:
those with the longest feed first, so that all stay able to feed as long as can be.

Source:
    M. Evans, S. Tindemans, D. Angeli (2018), Robustly maximal utilisation of energy-constrained
    distributed resources: longest time to go first serves whatever can be served.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.kernels import kernel
from evergrid.resilience.restoration.steps import DIESEL_POWER_FACTOR

BISECTIONS = 50
WORTH_BISECTIONS = 30
WORTH_NEAR = 1e-6  # share of the largest weight below which a kWh is worth nothing
FOREVER = 14.0  # mean times after which one in a million is left
NEAR = 1e-9  # kW, and share of a power, by which limits are met


class BlockArrays(NamedTuple):
    """Load blocks, the same in all scenarios, and the order in which they are picked up."""

    power_kw: Float[Array, " block"]
    weight: Float[Array, " block"]
    power_factor: Float[Array, " block"]
    parent: Int[Array, " block"]
    cold_mean: Float[Array, "block step"]
    cold_first: Float[Array, "block step"]
    order: Int[Array, " block"]
    life_safety: Bool[Array, " block"]


class SourceArrays(NamedTuple):
    """What is there in each scenario; names as in `StepTables`."""

    there: Bool[Array, "scenario battery step"]
    energy_kwh: Float[Array, "scenario battery"]
    floor_kwh: Float[Array, "scenario battery"]
    capacity_kwh: Float[Array, "scenario battery"]
    discharge_kw: Float[Array, "scenario battery"]
    charge_kw: Float[Array, "scenario battery"]
    apparent_kva: Float[Array, "scenario battery"]
    cells_out: Float[Array, "scenario battery"]
    cells_in: Float[Array, "scenario battery"]
    online_kwh: Float[Array, "scenario battery"]
    grid_forming: Bool[Array, "scenario battery"]
    black_start: Bool[Array, "scenario battery"]
    diesel_there: Bool[Array, "scenario set step"]
    diesel_kw: Float[Array, "scenario set"]
    fuel_kwh: Float[Array, "scenario set"]
    idle_share: Float[Array, "scenario set"]
    least_share: Float[Array, "scenario set"]
    solar_kw: Float[Array, "scenario step"]


class PolicySettings(NamedTuple):
    """Numbers of a rule and of a belief.

    `keeping` has what a step more is worth to a block that is closed, over its weight. `wanted` has
    what a plan closes where there is one, else no scenario.
    """

    step_h: float
    pickup_share: Float[Array, " step"]
    reserve_for_largest: bool
    closings_per_step: int
    planned_trips: bool
    interruption_h: float
    hold_h: float
    life_safety_confidence: float
    lasting: Float[Array, " step"]
    keeping: Float[Array, " step"]
    tail_h: float
    coming_kwh: Float[Array, " step"]
    wanted: Bool[Array, "scenario block step"]


class Course(NamedTuple):
    """What comes of it; each array is filled in place."""

    closed: Bool[Array, "scenario block step"]
    load_kw: Float[Array, "scenario block step"]
    battery_kw: Float[Array, "scenario battery step"]
    battery_energy_kwh: Float[Array, "scenario battery step"]
    diesel_on: Bool[Array, "scenario set step"]
    diesel_kw: Float[Array, "scenario set step"]
    fuel_kwh: Float[Array, "scenario set step"]
    solar_used_kw: Float[Array, "scenario step"]
    master: Int[Array, "scenario step"]


class Now(NamedTuple):
    """One step of one scenario: what is at hand, and what is done with it."""

    energy_kwh: Float[Array, " battery"]
    usable_kwh: Float[Array, " battery"]
    online: Bool[Array, " battery"]
    fuel_kwh: Float[Array, " set"]
    closed: Bool[Array, " block"]
    before: Bool[Array, " block"]
    age: Int[Array, " block"]
    battery_kw: Float[Array, " battery"]
    on: Bool[Array, " set"]
    diesel_kw: Float[Array, " set"]
    totals: Float[Array, " total"]


FEED, ROOM, ONLINE, APPARENT, LARGEST, SOLAR, CAPACITY = range(7)  # places in Now.totals, kW or kVA


@kernel(error_model="numpy")
@no_type_check
def run_all(blocks, sources, settings, course):
    """Every scenario."""
    batteries, sets = sources.there.shape[1], sources.diesel_there.shape[1]
    count = len(blocks.power_kw)
    for scenario in range(sources.there.shape[0]):
        now = Now(
            sources.energy_kwh[scenario].copy(),
            np.zeros(batteries),
            np.zeros(batteries, np.bool_),
            sources.fuel_kwh[scenario].copy(),
            np.zeros(count, np.bool_),
            np.zeros(count, np.bool_),
            np.zeros(count, np.int64),
            np.zeros(batteries),
            np.zeros(sets, np.bool_),
            np.zeros(sets),
            np.zeros(7),
        )
        master, live = np.int64(-1), now.closed[0]  # typed as what follows, so compiled once
        for step in range(sources.there.shape[2]):
            # See what is there, open what cannot or should not stay, close what may be, and only
            # then let sources share what is closed.
            forming = _look(sources, settings, scenario, step, now, live)
            _open(blocks, sources, settings, scenario, step, now, forming)
            _close(blocks, sources, settings, scenario, step, now, forming)
            need = _balance(blocks, sources, settings, scenario, step, now, forming)
            _share(sources, settings, scenario, step, now, need)
            was_live, live = live, _is_live(now)
            master = _master(sources, scenario, now, master, was_live) if live else -1
            _record(blocks, sources, settings, course, scenario, step, now)
            course.master[scenario, step] = master


@kernel(error_model="numpy")
@no_type_check
def _look(sources, settings, scenario, step, now, live):
    """What batteries can do in a step; whether one of them can form the grid."""
    now.totals[:] = 0.0
    now.before[:] = now.closed
    forming = False
    for b in range(len(now.usable_kwh)):
        now.usable_kwh[b], now.online[b] = 0.0, False
        if not sources.there[scenario, b, step]:
            continue
        above = max(now.energy_kwh[b] - sources.floor_kwh[scenario, b], 0.0)
        usable = above / sources.cells_out[scenario, b]
        power = sources.discharge_kw[scenario, b]
        now.usable_kwh[b] = usable
        now.totals[FEED] += min(usable / settings.step_h, power)
        now.totals[ROOM] += _charge_room(sources, settings, scenario, now, b)
        now.online[b] = power > 0 and above >= sources.online_kwh[scenario, b]
        if now.online[b]:
            now.totals[ONLINE] += power
            now.totals[APPARENT] += sources.apparent_kva[scenario, b]
            now.totals[LARGEST] = max(now.totals[LARGEST], power)
            able = live or sources.black_start[scenario, b]
            forming |= able and sources.grid_forming[scenario, b]
    for k in range(len(now.closed)):
        now.age[k] = now.age[k] + 1 if now.closed[k] else 0
    return forming


@kernel(error_model="numpy")
@no_type_check
def _charge_room(sources, settings, scenario, now, b):
    """Most that a battery can draw in a step."""
    fill = sources.cells_in[scenario, b]
    if fill <= 0:
        return 0.0
    room = max(sources.capacity_kwh[scenario, b] - now.energy_kwh[b], 0.0)
    return min(sources.charge_kw[scenario, b], room / (fill * settings.step_h))


@kernel(error_model="numpy")
@no_type_check
def _balance(blocks, sources, settings, scenario, step, now, forming):
    """Who carries the blocks that are closed, and whether that keeps every limit.

    Sets the power of diesel sets and of the sun; returns the power of the batteries, infinite where
    the blocks cannot be carried.
    """
    load = first = apparent = 0.0
    for k in range(len(now.closed)):
        if now.closed[k]:
            load += blocks.power_kw[k] * (1.0 + blocks.cold_mean[k, now.age[k]])
            peak = blocks.power_kw[k] * (1.0 + blocks.cold_first[k, now.age[k]])
            first += peak
            apparent += peak / blocks.power_factor[k]
    sun = sources.solar_kw[scenario, step]
    running, largest, diesel = _diesel(sources, settings, scenario, step, now, load, sun)
    capacity = now.totals[ONLINE] + running
    now.totals[CAPACITY] = capacity
    if load == 0.0 or not (forming or running > 0.0):  # nobody charges on an island without load
        now.totals[SOLAR] = 0.0
        return 0.0 if load == 0.0 else np.inf
    used = min(sun, max(load - diesel, 0.0))
    battery = load - diesel - used
    if battery <= 0.0:  # the sun that is left charges
        more = min(sun - used, max(now.totals[ROOM] + battery, 0.0))
        used += more
        battery -= more
    now.totals[SOLAR] = used
    near = NEAR * max(load, 1.0)
    good = battery <= now.totals[FEED] + near and first - used <= capacity + near
    power = now.totals[APPARENT] + running / DIESEL_POWER_FACTOR
    good = good and apparent - used <= power + near
    if settings.reserve_for_largest:
        largest = max(largest, now.totals[LARGEST])
        good = good and first - used <= capacity - largest + near
    return battery if good else np.inf


@kernel(error_model="numpy")
@no_type_check
def _diesel(sources, settings, scenario, step, now, load, sun):
    """Sets that run, and at what power: for what the sun leaves, at least load by charging."""
    need = max(load - sun, 0.0)
    slack = now.totals[ROOM] + min(sun, load)  # what a least load beyond the need can go into
    running = largest = total = 0.0
    for g in range(len(now.on)):
        now.on[g], now.diesel_kw[g] = False, 0.0
        if need <= 0.0 or not sources.diesel_there[scenario, g, step]:
            continue
        rating, idle = sources.diesel_kw[scenario, g], sources.idle_share[scenario, g]
        most = min((now.fuel_kwh[g] / settings.step_h - idle * rating) / (1.0 - idle), rating)
        least = sources.least_share[scenario, g] * rating
        power = min(most, max(need, least))
        if power <= 0.0 or power < least or power - need > slack:
            continue
        slack -= max(power - need, 0.0)
        need = max(need - power, 0.0)
        now.on[g], now.diesel_kw[g] = True, power
        running += rating
        largest = max(largest, rating)
        total += power
    return running, largest, total


@kernel(error_model="numpy")
@no_type_check
def _open(blocks, sources, settings, scenario, step, now, forming):
    """Opens what a plan opens or what others are worth more than, then what cannot be carried."""
    planned = len(settings.wanted) > 0
    worth = 0.0
    if settings.planned_trips and not planned:
        worth = _worth(blocks, sources, settings, scenario, step, now)
    for place in range(len(blocks.order) - 1, -1, -1):
        k = blocks.order[place]
        if not now.closed[k] or _feeds(blocks, now, k):
            continue
        if planned:
            now.closed[k] = settings.wanted[scenario, k, step]
        elif settings.planned_trips:
            now.closed[k] = _stays(blocks, sources, settings, scenario, step, now, k, worth)
    while np.isinf(_balance(blocks, sources, settings, scenario, step, now, forming)):
        for place in range(len(blocks.order) - 1, -1, -1):
            k = blocks.order[place]
            if now.closed[k] and not _feeds(blocks, now, k):
                now.closed[k] = False
                break


@kernel(error_model="numpy")
@no_type_check
def _feeds(blocks, now, k):
    """Whether a block that is closed is fed through block k."""
    found = False
    for child in range(len(now.closed)):
        found |= now.closed[child] and blocks.parent[child] == k
    return found


@kernel(error_model="numpy")
@no_type_check
def _close(blocks, sources, settings, scenario, step, now, forming):
    """Closes blocks in their order, as long as limits and energy allow it."""
    planned = len(settings.wanted) > 0
    picked, count = 0.0, 0
    worth = 0.0 if planned else _worth(blocks, sources, settings, scenario, step, now)
    for k in blocks.order:
        above = blocks.parent[k]
        if now.closed[k] or now.before[k] or (above >= 0 and not now.closed[above]):
            continue
        if count == settings.closings_per_step:
            return
        if planned and not settings.wanted[scenario, k, step]:
            continue
        if not planned and not _lasts(blocks, sources, settings, scenario, step, now, k, worth):
            continue
        now.closed[k], now.age[k] = True, 0
        power = blocks.power_kw[k] * (1.0 + blocks.cold_first[k, 0])
        carried = _balance(blocks, sources, settings, scenario, step, now, forming)
        most = settings.pickup_share[step] * now.totals[CAPACITY]
        if np.isinf(carried) or picked + power > most * (1.0 + NEAR):
            now.closed[k] = False
            continue
        picked += power
        count += 1


@kernel(error_model="numpy")
@no_type_check
def _lasts(blocks, sources, settings, scenario, step, now, k, worth):
    """Whether energy at hand holds block k for long enough, and pays there more than it is worth.

    The block is taken to stay closed until a kWh is worth more elsewhere; it is served until then,
    if the outage lasts, and pays for its cold load and for being opened.
    """
    load = blocks.power_kw[k]
    for other in range(len(now.closed)):
        if now.closed[other]:
            load += blocks.power_kw[other]
    have = now.usable_kwh.sum() + _from_fuel(sources, scenario, step, now, settings.hold_h)
    if load * settings.hold_h > have:
        return False
    if not _beside_life_safety(blocks, sources, settings, scenario, step, now, k, settings.hold_h):
        return False
    if worth <= 0.0:
        return True
    stays = _until(settings, step, worth / max(blocks.weight[k], worth))
    served = _expected_h(settings, step, stays)
    ends = settings.interruption_h * _survival(settings, step, stays)
    draws = stays + settings.step_h * blocks.cold_mean[k].sum()
    return blocks.weight[k] * (served - ends) > worth * draws


@kernel(error_model="numpy")
@no_type_check
def _stays(blocks, sources, settings, scenario, step, now, k, worth):
    """Whether a block that is closed is worth its energy for one more step.

    To open it later may not be needed, as the grid may be back.
    """
    if not _beside_life_safety(blocks, sources, settings, scenario, step, now, k, settings.step_h):
        return False
    saved = settings.interruption_h * (1.0 - _survival(settings, step, settings.step_h))
    return blocks.weight[k] * (1.0 + saved / settings.step_h) >= worth


@kernel(error_model="numpy")
@no_type_check
def _beside_life_safety(blocks, sources, settings, scenario, step, now, k, hours):
    """Whether block k leaves life safety enough energy for the quantile of what is left."""
    if settings.life_safety_confidence <= 0.0 or blocks.life_safety[k]:
        return True
    claim = 0.0
    for other in range(len(now.closed)):
        if blocks.life_safety[other]:
            claim += blocks.power_kw[other]
    last = _until(settings, step, 1.0 - settings.life_safety_confidence)
    have = now.usable_kwh.sum() + _from_fuel(sources, scenario, step, now, last)
    return have >= claim * last + blocks.power_kw[k] * min(hours, last)


@kernel(error_model="numpy")
@no_type_check
def _worth(blocks, sources, settings, scenario, step, now):
    """What a kWh is worth where all of them go to where they are worth most.

    At a worth, each block is served until its weight falls to it, times the probability that the
    outage lasts, with what it saves to open it later. The worth is the least at which what is
    there, and what comes on average, is enough for that: blocks of more weight later come before
    blocks of less weight now.
    """
    energy = now.usable_kwh.sum() + settings.coming_kwh[step]
    low, high = 0.0, blocks.weight.max()
    for _ in range(WORTH_BISECTIONS):
        middle = 0.5 * (low + high)
        asked, longest = 0.0, 0.0
        for k in range(len(now.closed)):
            if blocks.weight[k] > middle:
                hours = _until(settings, step, middle / blocks.weight[k])
                asked += blocks.power_kw[k] * hours
                longest = max(longest, hours)
        if asked > energy + _from_fuel(sources, scenario, step, now, longest):
            low = middle
        else:
            high = middle
    return high if high > WORTH_NEAR * blocks.weight.max() else 0.0


@kernel(error_model="numpy")
@no_type_check
def _until(settings, step, share):
    """Hours from a step on until a block is worth no more than a share of its weight in it."""
    lasting = settings.keeping
    steps = len(lasting)
    least = share * settings.lasting[step]
    low, high = step, steps  # the first step in which it is no more than the least
    while low < high:
        middle = (low + high) // 2
        if lasting[middle] <= least:
            high = middle
        else:
            low = middle + 1
    hours = (low - step) * settings.step_h
    if low < steps or settings.tail_h <= 0.0:
        return hours
    if least <= 0.0:
        return hours + FOREVER * settings.tail_h
    return hours + settings.tail_h * np.log(lasting[steps - 1] / least)


@kernel(error_model="numpy")
@no_type_check
def _survival(settings, step, hours):
    """Probability that the outage lasts for so many hours more, if it lasts to this step."""
    lasting = settings.lasting
    steps = len(lasting)
    if lasting[step] <= 0.0:
        return 0.0
    at = step + np.int64(hours / settings.step_h + 0.5)
    if at < steps:
        return lasting[at] / lasting[step]
    if settings.tail_h <= 0.0:
        return 0.0
    late = (at - steps) * settings.step_h
    return lasting[steps - 1] / lasting[step] * np.exp(-late / settings.tail_h)


@kernel(error_model="numpy")
@no_type_check
def _expected_h(settings, step, hours):
    """Of the next hours, those for which the outage lasts on average, if it lasts to this step."""
    lasting = settings.lasting
    steps = len(lasting)
    if lasting[step] <= 0.0:
        return 0.0
    at = min(step + np.int64(hours / settings.step_h + 0.5), steps)
    found = settings.step_h * lasting[step:at].sum()
    late = hours - (steps - step) * settings.step_h
    if late > 0.0 and settings.tail_h > 0.0:
        found += lasting[steps - 1] * settings.tail_h * (1.0 - np.exp(-late / settings.tail_h))
    return found / lasting[step]


@kernel(error_model="numpy")
@no_type_check
def _from_fuel(sources, scenario, step, now, hours):
    """Energy that sets that are there give within so many hours, at most at full power."""
    energy = 0.0
    for g in range(len(now.fuel_kwh)):
        if not sources.diesel_there[scenario, g, step]:
            continue
        rating, idle = sources.diesel_kw[scenario, g], sources.idle_share[scenario, g]
        fuel = now.fuel_kwh[g] - idle * rating * hours
        energy += min(max(fuel, 0.0) / (1.0 - idle), rating * hours)
    return energy


@kernel(error_model="numpy")
@no_type_check
def _share(sources, settings, scenario, step, now, need):
    """The batteries' power among them: by time to go, or by what each can draw."""
    now.battery_kw[:] = 0.0
    if need > 0.0:
        _by_time_to_go(sources, settings, scenario, now, need)
    elif need < 0.0 and now.totals[ROOM] > 0.0:
        for b in range(len(now.battery_kw)):
            if sources.there[scenario, b, step]:
                room = _charge_room(sources, settings, scenario, now, b)
                now.battery_kw[b] = need * room / now.totals[ROOM]


@kernel(error_model="numpy")
@no_type_check
def _by_time_to_go(sources, settings, scenario, now, need):
    """Batteries feed so that none has more time to go than another that could feed more."""
    low, high = 0.0, 0.0
    for b in range(len(now.battery_kw)):
        power = sources.discharge_kw[scenario, b]
        if power > 0.0:
            high = max(high, now.usable_kwh[b] / power)
    for _ in range(BISECTIONS):
        level = 0.5 * (low + high)
        if _fed_above(sources, settings, scenario, now, level) > need:
            low = level
        else:
            high = level
    rest = need - _fed_above(sources, settings, scenario, now, high)
    for b in range(len(now.battery_kw)):
        most = min(now.usable_kwh[b] / settings.step_h, sources.discharge_kw[scenario, b])
        more = min(rest, most - now.battery_kw[b])
        now.battery_kw[b] += more
        rest -= more


@kernel(error_model="numpy")
@no_type_check
def _fed_above(sources, settings, scenario, now, level_h):
    """Sets each battery's power so that its time to go ends at the level or above it; the sum."""
    total = 0.0
    for b in range(len(now.battery_kw)):
        power = sources.discharge_kw[scenario, b]
        above = max(now.usable_kwh[b] - level_h * power, 0.0)
        now.battery_kw[b] = min(above / settings.step_h, power)
        total += now.battery_kw[b]
    return total


@kernel(error_model="numpy")
@no_type_check
def _is_live(now):
    """Whether the island has voltage."""
    return now.closed.any() or now.on.any() or now.totals[SOLAR] > 0.0


@kernel(error_model="numpy")
@no_type_check
def _master(sources, scenario, now, master, live):
    """The source that forms the grid: the one that does, or the battery with most energy."""
    batteries = len(now.online)
    best, most = -1, -1.0
    for b in range(batteries):
        able = live or sources.black_start[scenario, b]
        if not (able and now.online[b] and sources.grid_forming[scenario, b]):
            continue
        if b == master:
            return b
        if now.usable_kwh[b] > most:
            best, most = b, now.usable_kwh[b]
    for g in range(len(now.on)):
        if now.on[g] and (best < 0 or master == batteries + g):
            best = batteries + g
    return best


@kernel(error_model="numpy")
@no_type_check
def _record(blocks, sources, settings, course, scenario, step, now):
    """Writes the step, and takes what it uses."""
    for k in range(len(now.closed)):
        course.closed[scenario, k, step] = now.closed[k]
        if now.closed[k]:
            cold = blocks.cold_mean[k, now.age[k]]
            course.load_kw[scenario, k, step] = blocks.power_kw[k] * (1.0 + cold)
    for b in range(len(now.battery_kw)):
        power = now.battery_kw[b]
        scale = sources.cells_out[scenario, b] if power > 0.0 else sources.cells_in[scenario, b]
        now.energy_kwh[b] -= power * scale * settings.step_h
        course.battery_kw[scenario, b, step] = power
        course.battery_energy_kwh[scenario, b, step] = now.energy_kwh[b]
    for g in range(len(now.on)):
        if now.on[g]:
            idle = sources.idle_share[scenario, g] * sources.diesel_kw[scenario, g]
            burnt = idle + (1.0 - sources.idle_share[scenario, g]) * now.diesel_kw[g]
            now.fuel_kwh[g] = max(now.fuel_kwh[g] - burnt * settings.step_h, 0.0)
        course.diesel_on[scenario, g, step] = now.on[g]
        course.diesel_kw[scenario, g, step] = now.diesel_kw[g]
        course.fuel_kwh[scenario, g, step] = now.fuel_kwh[g]
    course.solar_used_kw[scenario, step] = now.totals[SOLAR]
