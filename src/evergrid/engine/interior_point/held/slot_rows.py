"""What the rows of a slot count: shares, and energy at its begin or at its end.

Rows come in this order: each share drawn, fed, and the rest; what is held of each award, and what
it is limited to; power with all called, upwards and downwards; energy at the begin of the slot, low
and high; at the end, low and high; and last the limits of energy itself.
"""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.engine.compiled import OPTIONS
from evergrid.engine.interior_point.held.records import Scratch

# Columns of a store.
GAIN, DRAIN, INTO, OUT_OF, LOW, HIGH, START, WORTH, DRAINS = range(9)
# Columns of a slot.
DRAW, FEED, COST_X, COST_Y, FLOOR, CURVE_X, CURVE_Y, AWARDS = range(8)
X, Y, S, FIRST = range(4)  # rows of a slot; those of awards follow
EMPTY = 1e-12  # a slack that is no more than this to begin with belongs to an empty row
HELD_SHARE = 0.25  # of what there is room for, that all awards together hold to begin with


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def count_rows(sets):
    """How many rows a slot has."""
    count = FIRST + len(sets.awards) + len(sets.caps) + len(sets.ups) + len(sets.downs)
    count += len(sets.begin_lows) + len(sets.begin_highs)
    return count + len(sets.end_lows) + len(sets.end_highs) + 2


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def first_of_energy(sets):
    """The first row of a slot that counts energy: at the begin."""
    count = FIRST + len(sets.awards) + len(sets.caps)
    return count + len(sets.ups) + len(sets.downs)


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def first_at_end(sets):
    """The first row of a slot that counts energy at its end."""
    return first_of_energy(sets) + len(sets.begin_lows) + len(sets.begin_highs)


@kernel(**OPTIONS)
@no_type_check
def scratch(sets):
    """Room for one slot, with what is the same in all of them."""
    awards, rows = len(sets.awards), count_rows(sets)
    shares = 2 + awards
    made = Scratch(
        np.zeros((rows, shares)),
        np.zeros(shares),
        np.zeros(2),
        np.zeros(awards),
        np.zeros(rows),
        np.zeros((shares, shares)),
        np.zeros(shares),
        np.zeros(shares),
        np.zeros((shares, 1 + awards)),
    )
    made.rows[X, 0] = made.rows[Y, 1] = 1.0
    made.rows[S, 0] = made.rows[S, 1] = -1.0
    for a in range(awards):
        made.rows[FIRST + a, 2 + a] = 1.0
    for a in range(len(sets.caps)):
        made.rows[FIRST + awards + a, 2 + a] = -1.0
    return made


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def read(sets, store, slot, step_h, made):
    """Fill in what rows, energy and net power count of the shares of a slot."""
    awards = len(sets.awards)
    draw, feed = slot[DRAW], slot[FEED]
    whole = draw + feed
    whole = whole if whole > 0 else 1.0
    made.net[0], made.net[1] = -draw, feed
    made.gain[0], made.gain[1] = store[GAIN] * draw, -store[DRAIN] * feed
    for a in range(awards):
        made.held[a] = whole * slot[AWARDS + a]
        made.gain[2 + a] = -step_h * store[DRAINS + a] * made.held[a]
    row = FIRST + awards + len(sets.caps)
    # Power: what flows and all that may be called with it, as a share of the slot's whole power.
    for k in range(len(sets.ups)):
        made.rows[row, 0], made.rows[row, 1] = draw / whole, -feed / whole
        for a in range(awards):
            made.rows[row, 2 + a] = -sets.up[k, a] * slot[AWARDS + a]
        row += 1
    for k in range(len(sets.downs)):
        made.rows[row, 0], made.rows[row, 1] = -draw / whole, feed / whole
        for a in range(awards):
            made.rows[row, 2 + a] = -sets.down[k, a] * slot[AWARDS + a]
        row += 1
    # Energy: what a call takes out or puts in for as long as it must last. The energy itself, at
    # the begin or the end of the slot, is no share; `moved` adds it.
    for k in range(len(sets.begin_lows)):
        for a in range(awards):
            made.rows[row, 2 + a] = -sets.begin_low[k, a] * store[OUT_OF] * made.held[a]
        row += 1
    for k in range(len(sets.begin_highs)):
        for a in range(awards):
            made.rows[row, 2 + a] = -sets.begin_high[k, a] * store[INTO] * made.held[a]
        row += 1
    for k in range(len(sets.end_lows)):
        for a in range(awards):
            made.rows[row, 2 + a] = -sets.end_low[k, a] * store[OUT_OF] * made.held[a]
        row += 1
    for k in range(len(sets.end_highs)):
        for a in range(awards):
            made.rows[row, 2 + a] = -sets.end_high[k, a] * store[INTO] * made.held[a]
        row += 1


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def moved(sets, made, shares, begin, end, moved):
    """What each row counts of these shares and energies, without constants."""
    awards = len(sets.awards)
    moved[X], moved[Y], moved[S] = shares[0], shares[1], -shares[0] - shares[1]
    for a in range(awards):
        moved[FIRST + a] = shares[2 + a]
    for a in range(len(sets.caps)):
        moved[FIRST + awards + a] = -shares[2 + a]
    for r in range(FIRST + awards + len(sets.caps), count_rows(sets) - 2):
        total = 0.0
        if r < first_of_energy(sets):
            total = made.rows[r, 0] * shares[0] + made.rows[r, 1] * shares[1]
        for a in range(awards):
            total += made.rows[r, 2 + a] * shares[2 + a]
        moved[r] = total
    # Rows of energy also count that energy itself, in the order in which `read` fills them in.
    row = first_of_energy(sets)
    for _ in range(len(sets.begin_lows)):
        moved[row] += begin
        row += 1
    for _ in range(len(sets.begin_highs)):
        moved[row] -= begin
        row += 1
    for _ in range(len(sets.end_lows)):
        moved[row] += end
        row += 1
    for _ in range(len(sets.end_highs)):
        moved[row] -= end
        row += 1
    moved[row], moved[row + 1] = end, -end


# -- begin ----------------------------------------------------------------------------------


@kernel(**OPTIONS)
@no_type_check
def _constants(sets, store, slot, made):
    """Constants of all rows of a slot, in place of what is in ``made.slope``."""
    awards = len(sets.awards)
    whole = slot[DRAW] + slot[FEED]
    whole = whole if whole > 0 else 1.0
    made.slope[:] = 0.0
    made.slope[S] = 1.0
    row = FIRST + awards  # from here in the order in which `read` fills in the rows
    for a in range(len(sets.caps)):
        made.slope[row] = slot[AWARDS + 2 * awards + a]
        row += 1
    for _ in range(len(sets.ups)):
        made.slope[row] = slot[FEED] / whole
        row += 1
    for _ in range(len(sets.downs)):
        made.slope[row] = slot[DRAW] / whole
        row += 1
    for _ in range(len(sets.begin_lows)):
        made.slope[row] = -store[LOW]
        row += 1
    for _ in range(len(sets.begin_highs)):
        made.slope[row] = store[HIGH]
        row += 1
    for _ in range(len(sets.end_lows)):
        made.slope[row] = -store[LOW]
        row += 1
    for _ in range(len(sets.end_highs)):
        made.slope[row] = store[HIGH]
        row += 1
    made.slope[row], made.slope[row + 1] = -slot[FLOOR], store[HIGH]


@kernel(nogil=True, **OPTIONS)
@no_type_check
def begin_straight(begin, stop, sets, layout, point, centre, worth, step_h):
    """Begin with a straight line of energy to what is owed, and a part of what could be held.

    Every row is kept; only the balance of energy is missed. Products are all ``centre``.
    """
    for c in range(begin, stop):
        _begin_chunk(c, sets, layout, point, centre, worth, step_h)


@kernel(**OPTIONS)
@no_type_check
def _begin_chunk(c, sets, layout, point, centre, worth, step_h):
    made, rows = scratch(sets), count_rows(sets)
    awards = len(sets.awards)
    values = np.zeros(rows)
    for u in range(layout.chunks[c, 0], layout.chunks[c, 1]):
        begin, stop, _ = layout.stores[u]
        store = layout.of_store[u]
        held = store[START]
        slope = (max(layout.of_slot[stop - 1, FLOOR], held) - held) / (stop - begin)
        for t in range(begin, stop):
            slot, shares = layout.of_slot[t], point.share[t]
            read(sets, store, slot, step_h, made)
            low, high = slot[FLOOR], store[HIGH]
            margin = min(0.05 * (high - low), 1.0)
            line = store[START] + slope * (t - begin + 1)
            energy = min(max(line, low + margin), high - margin)
            stored = energy - held - 0.1 * made.gain[1]
            share = stored / made.gain[0] if made.gain[0] > 0 else stored
            shares[0], shares[1] = min(max(share, 0.05), 0.8), 0.1
            shares[2:] = 0.0
            # as much of every award as each row has room for, and a part of that
            _constants(sets, store, slot, made)
            moved(sets, made, shares, held, energy, values)
            room = 1.0
            for r in range(FIRST + awards, rows):
                used = 0.0
                for a in range(awards):
                    used -= made.rows[r, 2 + a]
                if used > 0:
                    room = min(room, (values[r] + made.slope[r]) / used)
            for a in range(awards):
                shares[2 + a] = HELD_SHARE * max(room, 1e-9)
            moved(sets, made, shares, held, energy, values)
            for r in range(rows):
                slack = values[r] + made.slope[r]
                slack = slack if slack > EMPTY else 1.0
                point.slack[t, r], point.multiplier[t, r] = slack, centre / slack
            point.energy[t], point.value[t] = energy, worth
            held = energy
