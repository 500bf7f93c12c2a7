"""Every deployment of vehicles through every step, judged: compiled loops over power flows.

Lanes of a chunk are steps of one or several deployments that the feeder meets in the same state.
Only the worst of each kind of limit is kept, with where and when it was.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from evergrid.grid.devices.transformer_ageing import (
    highest_average,
    hottest,
    oil_rises,
    shared_heating,
)
from evergrid.grid.flow.power_flow_kernels import (
    INNER,
    LANES,
    OPTIONS,
    add_product,
    solve_chunk,
    spread,
)

# Columns of `worst`: how far each kind of limit is passed at most, negative while it is kept.
LOW, HIGH, LINE, TRANSFORMER, TRANSFORMER_MEAN, HOT_SPOT, UNBALANCE, UNSOLVED = range(8)
KINDS = 8
# Columns of `sums` over a deployment's steps.
VIOLATED, AGEING, CURTAILED = range(3)
SUMS = 3

f4 = np.float32


@njit(**INNER)
@no_type_check
def note(worst, where, when, row, kind, excess, place, step):
    """Keep an excess if it is the worst of its kind."""
    if excess > worst[row, kind]:
        worst[row, kind] = excess
        where[row, kind] = place
        when[row, kind] = step


@njit(**INNER)
@no_type_check
def add_vehicles(vehicles, rating, branch, newcomers, profile, profiles):
    """Add the power and rating of the slots that get a vehicle now to those of their branches.

    An inverter answers only in steps in which its vehicle draws or feeds.
    """
    profiles_kw, profiles_kva = profiles
    for s in newcomers:
        phases = (branch[s] >= 0).sum()
        for j in range(phases):
            for step in range(vehicles.shape[1]):
                power = profiles_kw[profile[s], step] / phases
                vehicles[branch[s, j], step] += power
                if power != 0.0:
                    rating[branch[s, j], step] += profiles_kva[profile[s]] / phases


@njit(**INNER)
@no_type_check
def fill(fixed, inverters, base, vehicles, rating_kva, lane_draw, lane_step):
    """Powers of a chunk's lanes: what is there anyway, and the vehicles, controlled or not."""
    base_kw, base_kvar = base
    _, _, rating, wanted, _, _, held = inverters
    for k in range(len(base_kw)):
        for n in range(fixed.shape[2]):
            draw, step = lane_draw[n], lane_step[n]
            fixed[0, k, n] = base_kw[k, step]
            fixed[1, k, n] = base_kvar[k, step]
            if len(rating) > 0:
                rating[k, n] = rating_kva[draw, k, step]
                wanted[k, n] = vehicles[draw, k, step]
                held[0, k, n] = vehicles[draw, k, step]
            else:
                fixed[0, k, n] += vehicles[draw, k, step]
    fixed[:, len(base_kw) :] = 0


@njit(**INNER)
@no_type_check
def inverters_of(laws, pace, wide, lanes):
    """Inverters of a chunk as `drive` wants them, to be filled; no rows without a law."""
    rows = wide if len(laws) > 0 else 0
    rating, wanted, moved = (
        np.zeros((rows, lanes)),
        np.zeros((rows, lanes)),
        np.zeros((rows, lanes)),
    )
    share, held = np.full(lanes, pace), np.zeros((2, rows, lanes))
    return laws, np.zeros(lanes, np.int64), rating, wanted, moved, share, held


@njit(**INNER)
@no_type_check
def judge_voltages(u, limits, lane, branches, row, step, told):
    """The lowest and the highest voltage of a lane against the limits of their branches."""
    worst, where, when, sums = told
    low, high = limits
    violated = 0
    for k in range(branches):
        size = np.sqrt(u[0, k, lane] ** 2 + u[1, k, lane] ** 2)
        violated += size < low[k] or size > high[k]
        note(worst, where, when, row, LOW, low[k] - size, k, step)
        note(worst, where, when, row, HIGH, size - high[k], k, step)
    sums[row, VIOLATED] += violated


@njit(**INNER)
@no_type_check
def judge_readings(y, watched, limits, lane, row, step, told, loading):
    """Lines, transformers and unbalance of a lane; what transformers carry is kept.

    Rows of ``loading`` are the phases of windings, then transformers as a whole.
    """
    worst, where, when, _ = told
    lines, phases, conductors, buses, transformer = watched
    line_limit, unbalance_limit = limits
    for r in range(lines):
        size = np.sqrt(y[0, r, lane] ** 2 + y[1, r, lane] ** 2)
        note(worst, where, when, row, LINE, size - line_limit[r], r, step)
    at = lines
    for p in range(phases):
        loading[p, step] = np.sqrt(y[0, at + p, lane] ** 2 + y[1, at + p, lane] ** 2)
    at += phases
    real, imaginary = np.zeros(len(loading) - phases), np.zeros(len(loading) - phases)
    for c in range(conductors):
        v_re, v_im = y[0, at + c, lane], y[1, at + c, lane]
        i_re, i_im = y[0, at + conductors + c, lane], y[1, at + conductors + c, lane]
        real[transformer[c]] += v_re * i_re + v_im * i_im
        imaginary[transformer[c]] += v_im * i_re - v_re * i_im
    for t in range(len(real)):
        loading[phases + t, step] = np.sqrt(real[t] ** 2 + imaginary[t] ** 2)
    at += 2 * conductors
    for b in range(buses):
        positive = y[0, at + b, lane] ** 2 + y[1, at + b, lane] ** 2
        negative = y[0, at + buses + b, lane] ** 2 + y[1, at + buses + b, lane] ** 2
        share = np.sqrt(negative / positive)
        note(worst, where, when, row, UNBALANCE, share - unbalance_limit[b], b, step)


@njit(**INNER)
@no_type_check
def judge_transformers(loading, limits, thermal, row, told):
    """Loadings of transformers over a deployment's steps: at once, on average, and their heat."""
    worst, where, when, sums = told
    instant, mean, hot, owner, window, ambient_c, step_h = limits
    oil = oil_rises(shared_heating(loading, owner), step_h, thermal, True)
    for t in range(len(loading)):
        step = np.argmax(loading[t])
        note(worst, where, when, row, TRANSFORMER, loading[t, step] - instant[t], t, step)
        average, end = highest_average(loading[t], window)
        note(worst, where, when, row, TRANSFORMER_MEAN, average - mean[t], t, end)
        spot, warmest, ageing = hottest(loading[t], oil[owner[t]], ambient_c, thermal)
        note(worst, where, when, row, HOT_SPOT, spot - hot[t], t, warmest)
        sums[row, AGEING] = max(sums[row, AGEING], ageing)


@njit(nogil=True, **OPTIONS)
@no_type_check
def judge(
    wires,
    steps_of,
    base,
    slots,
    chosen,
    controlled,
    watched,
    limits,
    thermal,
    how,
    told,
    first,
    stop,
):
    """Judge deployments: draw by draw, adding vehicles from level to level.

    Args:
        wires: Impedance and voltages without load of each state of the feeder, in single and in
            double precision.
        steps_of: Steps sorted by the state they are in, and where each state begins among them.
        base: Power and reactive power by branch and step of what is there anyway.
        slots: Branches of each slot, and vehicles at each level.
        chosen: Slots of each draw in their order, the profile of each slot, and the profiles with
            the ratings of their vehicles.
        controlled: Law of the inverters by state, control and branch, without rows where they only
            deliver power, and the share of the way that they go in an iteration.
        watched: Maps and offsets of readings of each state, their numbers, and the conductors'
            transformers, as `hosting_capacity.Rules` has them.
        limits: Of voltages, of readings, and of transformers.
        thermal: `Thermal.numbers` of the transformers.
        how: Tolerance, limit of iterations, and draws that one thread works through together.
        told: Filled: worst excess, where and when by deployment and kind, and sums.
        first: First group of draws.
        stop: Group to stop at.
    """
    rough, exact = wires
    maps, counts, transformer = watched
    lines, phases, conductors, buses, transformers = counts
    of_voltage, of_reading, of_transformer = limits
    tolerance, most, together = how
    order, starts = steps_of
    branches, steps = base[0].shape
    wide, readings_wide = exact[0].shape[1], maps[0].shape[1]
    draws = len(chosen[0])
    none = np.zeros((0, 10))
    branch, level_counts = slots
    slot_order, profile, profiles_kw, profiles_kva = chosen
    laws, pace = controlled
    for group in range(first, stop):
        begin, end = group * together, min(draws, (group + 1) * together)
        vehicles = np.zeros((end - begin, branches, steps))
        rating = np.zeros((end - begin, branches, steps))
        for level in range(len(level_counts)):
            before = level_counts[level - 1] if level > 0 else 0
            for d in range(end - begin):
                newcomers = slot_order[begin + d, before : level_counts[level]]
                own_profile, given = profile[begin + d], (profiles_kw, profiles_kva)
                add_vehicles(vehicles[d], rating[d], branch, newcomers, own_profile, given)
            first_row = level * draws + begin
            loading = np.zeros((end - begin, phases + transformers, steps))
            for state in range(len(starts) - 1):
                mine = order[starts[state] : starts[state + 1]]
                total = (end - begin) * len(mine)
                a = (rough[0][state], rough[1][state], rough[2][state], rough[3][state])
                b = (exact[0][state], exact[1][state], exact[2][state], exact[3][state])
                for at in range(0, total, LANES):
                    lanes = min(LANES, total - at)
                    lane_draw = (at + np.arange(lanes)) // len(mine)
                    lane_step = mine[(at + np.arange(lanes)) % len(mine)]
                    fixed, own = np.empty((2, wide, lanes)), np.empty((2, wide, 0))
                    u, i = np.empty((2, wide, lanes)), np.empty((2, wide, lanes))
                    left, y = np.empty(lanes), np.empty((2, readings_wide, lanes), f4)
                    inverters = inverters_of(laws[state], pace, wide, lanes)
                    fill(fixed, inverters, base, vehicles, rating, lane_draw, lane_step)
                    search = (1.0, tolerance, most)
                    solve_chunk(a, b, fixed, own, none, inverters, search, u, i, left)
                    spread(maps[2][state], maps[3][state], y[0], y[1])
                    i4 = i.astype(f4)
                    add_product(maps[0][state], maps[1][state], i4[0], i4[1], y[0], y[1])
                    for n in range(lanes):
                        row, step = first_row + lane_draw[n], lane_step[n]
                        if not left[n] <= tolerance:
                            note(told[0], told[1], told[2], row, UNSOLVED, 1.0, 0, step)
                            continue
                        judge_voltages(u, of_voltage, n, branches, row, step, told)
                        wanted, held = inverters[3], inverters[6]
                        for k in range(len(wanted)):
                            told[3][row, CURTAILED] += abs(wanted[k, n] - held[0, k, n])
                        counted = (lines, phases, conductors, buses, transformer)
                        loaded = loading[lane_draw[n]]
                        judge_readings(y, counted, of_reading, n, row, step, told, loaded)
            for d in range(end - begin):
                judge_transformers(loading[d], of_transformer, thermal, first_row + d, told)
