"""Loops of price making: the cost to come as a function of energy stored, back and then forward.

The least cost of all steps from t on, as a function V_t of the energy in the store, is convex. What
is kept of it is its derivative: pieces of a width, with a slope where each begins and ends. Going
back a step adds the stage: V_t(e) is the least, over the change d of energy, of
phi_t(d) + V_{t+1}(e + inflow + d). That is a convolution of two convex functions, whose derivatives
add up sideways: their pieces are merged in order of slope. Then V_t is cut to the energies allowed.
Nothing is iterated and nothing is gridded; the answer is exact up to rounding.

Source:
    R. T. Rockafellar (1970), Convex Analysis, theorem 16.4 and section 31: infimal convolution.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel

OPTIONS = {"nogil": True, "error_model": "numpy"}
NEAR = 1e-10  # share of the energies met within which an edge counts as met
TINY = 1e-9  # share of them by which the limits may be missed


class Supply(NamedTuple):
    """Marginal cost over net load, below 0 and beyond the capacity too.

    Attributes:
        edge_mw: Where pieces begin and end.
        low: Marginal cost where a piece begins.
        high: Marginal cost where it ends.
    """

    edge_mw: Float[Array, " edge"]
    low: Float[Array, " piece"]
    high: Float[Array, " piece"]


class Store(NamedTuple):
    """A store as the loops take it; limits as in `AggregateStorage`."""

    charge_limit_mw: Float[Array, " step"]
    discharge_limit_mw: Float[Array, " step"]
    energy_low_mwh: Float[Array, " step"]
    energy_high_mwh: Float[Array, " step"]
    inflow_mwh: Float[Array, " step"]
    energy_start_mwh: float
    energy_end_mwh: float
    efficiency_charge: float
    efficiency_discharge: float
    wear_cost_per_mwh: float


class Path(NamedTuple):
    """The best path of a store.

    Attributes:
        change_mwh: Of the energy in the cells by charging and discharging.
        energy_mwh: At the end of each step.
        value_per_mwh: Of energy in the cells during each step.
        pieces: Most pieces that a cost to come had.
        stuck: First step, seen from the end, from which the limits cannot be kept; -1 if none.
    """

    change_mwh: Float[Array, " step"]
    energy_mwh: Float[Array, " step"]
    value_per_mwh: Float[Array, " step"]
    pieces: int
    stuck: int


class CostToCome(NamedTuple):
    """Derivatives of the costs to come, one after the other from the last step to the first.

    Attributes:
        start_mwh: Least energy of each.
        first: Its first piece.
        pieces_of: How many pieces it has.
        width: Of each piece, in MWh.
        low: Slope where a piece begins.
        high: Slope where it ends.
        pieces: Most pieces of one.
        stuck: As in `Path`.
    """

    start_mwh: Float[Array, " point"]
    first: Int[Array, " point"]
    pieces_of: Int[Array, " point"]
    width: Float[Array, " piece"]
    low: Float[Array, " piece"]
    high: Float[Array, " piece"]
    pieces: int
    stuck: int


@kernel(**OPTIONS)
@no_type_check
def best_path(supply, store, net_load_mw, step_h):
    """The path of least cost, and what stored energy is worth along it."""
    to_come = _cost_to_come(supply, store, net_load_mw, step_h)
    if to_come.stuck >= 0:
        none = np.zeros(0)
        return Path(none, none, none, to_come.pieces, to_come.stuck)
    return _forward(supply, store, net_load_mw, step_h, to_come)


@kernel(**OPTIONS)
@no_type_check
def _stage(supply, store, net_load_mw, step_h, t):
    """Derivative of the cost of step t over the change of energy in the cells.

    The net load meets the supply curve at its own place and moves along it; a MW drawn brings less
    than a MWh an hour into the cells, and one fed takes more out.
    """
    load = net_load_mw[t]
    lowest = load - store.discharge_limit_mw[t]
    highest = min(load + store.charge_limit_mw[t], supply.edge_mw[-1])
    eta_c, eta_d, wear = (
        store.efficiency_charge,
        store.efficiency_discharge,
        store.wear_cost_per_mwh,
    )
    piece = max(np.searchsorted(supply.edge_mw, lowest, side="right") - 1, 0)
    last = np.searchsorted(supply.edge_mw, highest, side="left")
    most = max(last - piece, 0) + 2
    width, low, high = np.empty(most), np.empty(most), np.empty(most)
    count, at = 0, lowest
    start = (lowest - load) * step_h / eta_d if lowest <= load else np.inf
    # Pieces of the supply curve from full feeding to full drawing, cut at the net load. One MWh
    # more in the cells is 1 / eta_c MWh drawn, or eta_d MWh not fed, which saves their wear.
    while at < highest and piece < len(supply.low):
        to = min(supply.edge_mw[piece + 1], highest)
        if at < load < to:
            to = load
        if to > at:
            begin, end = supply.edge_mw[piece], supply.edge_mw[piece + 1]
            rise = (supply.high[piece] - supply.low[piece]) / (end - begin)
            if rise == 0.0:
                one = other = supply.low[piece]
            else:
                one = supply.low[piece] + rise * (at - begin)
                other = supply.low[piece] + rise * (to - begin)
            if to <= load:
                width[count] = (to - at) * step_h / eta_d
                low[count], high[count] = eta_d * (one - wear), eta_d * (other - wear)
            else:
                width[count] = (to - at) * step_h * eta_c
                low[count], high[count] = one / eta_c, other / eta_c
            count += 1
        at = to
        if at >= supply.edge_mw[piece + 1]:
            piece += 1
    return start, width[:count], low[:count], high[:count], highest >= lowest


@kernel(**OPTIONS)
@no_type_check
def _cost_to_come(supply, store, net_load_mw, step_h):
    """Derivatives of V_T to V_0, by merging the pieces of each stage into those of the next."""
    steps = len(net_load_mw)
    start_mwh = np.empty(steps + 1)
    first, count = np.zeros(steps + 1, np.int64), np.zeros(steps + 1, np.int64)
    width, low, high = np.empty(1024), np.empty(1024), np.empty(1024)
    start_mwh[steps] = store.energy_end_mwh
    used, most, stuck = 0, 0, -1
    tiny = TINY * _scale(store, step_h)
    for t in range(steps - 1, -1, -1):
        # The least cost of two convex stages in a row spends each MWh where it is cheapest, so the
        # derivative of their sum holds the pieces of both in order of their slopes.
        begin, w, a, b, possible = _stage(supply, store, net_load_mw, step_h, t)
        old = slice(first[t + 1], first[t + 1] + count[t + 1])
        n_width, n_low, n_high = _merged(
            width[old], low[old], high[old], w[::-1], -b[::-1], -a[::-1]
        )
        start = start_mwh[t + 1] - store.inflow_mwh[t] - (begin + w.sum())
        least = store.energy_start_mwh if t == 0 else store.energy_low_mwh[t - 1]
        greatest = store.energy_start_mwh if t == 0 else store.energy_high_mwh[t - 1]
        reach = start + n_width.sum()
        if not possible or start > greatest + tiny or reach < least - tiny:
            stuck = t
            break
        start, n_width, n_low, n_high = _cut(start, n_width, n_low, n_high, least, greatest)
        # All stages lie one after the other; room is doubled, so that copying stays in proportion.
        size = len(n_width)
        if used + size > len(width):
            room = 2 * (used + size)
            width, low, high = _larger(width, room), _larger(low, room), _larger(high, room)
        width[used : used + size] = n_width
        low[used : used + size] = n_low
        high[used : used + size] = n_high
        start_mwh[t], first[t], count[t] = start, used, size
        used += size
        most = max(most, size)
    return CostToCome(start_mwh, first, count, width, low, high, most, stuck)


@kernel(**OPTIONS)
@no_type_check
def _scale(store, step_h):
    """Size of the energies that are added up, of which rounding is a share."""
    moved = store.charge_limit_mw.max() + store.discharge_limit_mw.max()
    moved *= step_h / store.efficiency_discharge
    return store.energy_high_mwh.max() + np.abs(store.inflow_mwh).max() + moved + 1e-300


@kernel(**OPTIONS)
@no_type_check
def _larger(values, room):
    more = np.empty(room)
    more[: len(values)] = values
    return more


@kernel(**OPTIONS)
@no_type_check
def _merged(w1, a1, b1, w2, a2, b2):
    """Pieces of two rising derivatives added up sideways: for each slope, both widths.

    Pieces of one slope go in whole, in order of slope. Rising pieces that overlap in slope are cut
    where one begins or ends, and widths of the same slopes are added. Neighbours on one line are
    joined, so that equal prices of many hours make one piece.
    """
    room = 2 * (len(w1) + len(w2)) + 2
    width, low, high = np.empty(room), np.empty(room), np.empty(room)
    count, i, j = 0, 0, 0
    left1, left2 = (w1[0] if len(w1) else 0.0), (w2[0] if len(w2) else 0.0)
    at1, at2 = (a1[0] if len(a1) else np.inf), (a2[0] if len(a2) else np.inf)
    # As in merging two sorted lists: what begins at the lower slope goes first, up to where the
    # other begins or its own piece ends.
    while i < len(w1) or j < len(w2):
        if i < len(w1) and j < len(w2) and at1 == at2 and b1[i] > at1 and b2[j] > at2:
            to = min(b1[i], b2[j])
            share1 = left1 if to == b1[i] else left1 * (to - at1) / (b1[i] - at1)
            share2 = left2 if to == b2[j] else left2 * (to - at2) / (b2[j] - at2)
            count = _append(width, low, high, count, share1 + share2, at1, to)
            left1, left2, at1, at2 = left1 - share1, left2 - share2, to, to
        elif j >= len(w2) or (i < len(w1) and (at1 < at2 or (at1 == at2 and b1[i] == at1))):
            to = b1[i] if j >= len(w2) else min(b1[i], max(at2, at1))
            share1 = left1 if to == b1[i] else left1 * (to - at1) / (b1[i] - at1)
            count = _append(width, low, high, count, share1, at1, to)
            left1, at1 = left1 - share1, to
        else:
            to = b2[j] if i >= len(w1) else min(b2[j], max(at1, at2))
            share2 = left2 if to == b2[j] else left2 * (to - at2) / (b2[j] - at2)
            count = _append(width, low, high, count, share2, at2, to)
            left2, at2 = left2 - share2, to
        if i < len(w1) and at1 == b1[i] and left1 <= 0.0:
            i += 1
            left1, at1 = (w1[i], a1[i]) if i < len(w1) else (0.0, np.inf)
        if j < len(w2) and at2 == b2[j] and left2 <= 0.0:
            j += 1
            left2, at2 = (w2[j], a2[j]) if j < len(w2) else (0.0, np.inf)
    return width[:count], low[:count], high[:count]


@kernel(**OPTIONS)
@no_type_check
def _append(width, low, high, count, more, at, to):
    """A piece put behind the others, or joined to the last where that has the same one slope."""
    if more <= 0.0:
        return count
    if count and at == to and low[count - 1] == high[count - 1] == at:
        width[count - 1] += more
        return count
    width[count], low[count], high[count] = more, at, to
    return count + 1


@kernel(**OPTIONS)
@no_type_check
def _cut(start, width, low, high, least, greatest):
    """The part of a derivative between two energies."""
    first, at = 0, start
    while first < len(width) and at + width[first] <= least:
        at += width[first]
        first += 1
    if first == len(width):
        return min(max(at, least), greatest), width[:0], low[:0], high[:0]
    width, low, high = width[first:].copy(), low[first:].copy(), high[first:].copy()
    if at < least:
        share = (least - at) / width[0]
        low[0] += share * (high[0] - low[0])
        width[0] -= least - at
        at = least
    begin, last = at, 0
    while last < len(width) and at < greatest:
        if at + width[last] > greatest:
            share = (greatest - at) / width[last]
            high[last] = low[last] + share * (high[last] - low[last])
            width[last] = greatest - at
        at += width[last]
        last += 1
    return begin, width[:last], low[:last], high[:last]


@kernel(**OPTIONS)
@no_type_check
def _forward(supply, store, net_load_mw, step_h, to_come):
    """From the energy at the start, each step to where stage and cost to come have one slope.

    The value of energy keeps within what both slopes allow, and changes only where a limit of
    energy is met, so that it proves the path to be best.
    """
    steps = len(net_load_mw)
    change, energy, value = np.empty(steps), np.empty(steps), np.empty(steps)
    now, worth = store.energy_start_mwh, np.nan
    near = NEAR * _scale(store, step_h)
    for t in range(steps):
        stored = now + store.inflow_mwh[t]
        begin, w, a, b, _ = _stage(supply, store, net_load_mw, step_h, t)
        of = slice(to_come.first[t + 1], to_come.first[t + 1] + to_come.pieces_of[t + 1])
        s2, w2, a2, b2 = (
            to_come.start_mwh[t + 1],
            to_come.width[of],
            to_come.low[of],
            to_come.high[of],
        )
        to = _meeting(stored + begin, w, a, b, s2, w2, a2, b2)
        under1, over1 = _slopes(stored + begin, w, a, b, to, near)
        under2, over2 = _slopes(s2, w2, a2, b2, to, near)
        least, most = max(under1, -over2), min(over1, -under2)
        if np.isnan(worth):
            worth = least if np.isfinite(least) else most if np.isfinite(most) else 0.0
        worth = min(max(worth, least), most)
        change[t], energy[t], value[t] = to - stored, to, worth
        now = to
    return Path(change, energy, value, to_come.pieces, -1)


@kernel(**OPTIONS)
@no_type_check
def _meeting(s1, w1, a1, b1, s2, w2, a2, b2):
    """Where the sum of two rising derivatives passes 0, or the end of the range nearest to that."""
    i, j, at = 0, 0, max(s1, s2)
    from1, from2 = s1, s2
    while i < len(w1) and from1 + w1[i] <= at:
        from1 += w1[i]
        i += 1
    while j < len(w2) and from2 + w2[j] <= at:
        from2 += w2[j]
        j += 1
    while i < len(w1) and j < len(w2):
        over1 = a1[i] + (b1[i] - a1[i]) * (at - from1) / w1[i]
        over2 = a2[j] + (b2[j] - a2[j]) * (at - from2) / w2[j]
        if over1 + over2 >= 0.0:
            break
        to1, to2 = from1 + w1[i], from2 + w2[j]
        to = min(to1, to2)
        end1 = b1[i] if to == to1 else a1[i] + (b1[i] - a1[i]) * (to - from1) / w1[i]
        end2 = b2[j] if to == to2 else a2[j] + (b2[j] - a2[j]) * (to - from2) / w2[j]
        if end1 + end2 > 0.0:  # it passes 0 within rising pieces
            return at - (over1 + over2) / (end1 + end2 - over1 - over2) * (to - at)
        at = to
        if to == to1:
            from1, i = to1, i + 1
        if to == to2:
            from2, j = to2, j + 1
    return at


@kernel(**OPTIONS)
@no_type_check
def _slopes(start, width, low, high, place, near):
    """Slopes of a derivative just before and just after a place; infinite beyond its ends.

    An edge within ``near`` counts as met, so that rounding does not hide a kink.
    """
    before, after, at = -np.inf, np.inf, start
    for k in range(len(width)):
        end = at + width[k]
        if at < place - near:
            share = min((place - near - at) / width[k], 1.0)
            before = low[k] + share * (high[k] - low[k])
        if end > place + near:
            share = max((place + near - at) / width[k], 0.0)
            after = low[k] + share * (high[k] - low[k])
            break
        at = end
    return before, after
