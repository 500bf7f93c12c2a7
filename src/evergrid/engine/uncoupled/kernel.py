"""The least cost of one store over time, exactly, by what it costs to hold each energy.

Let ``V_t(e)`` be the least cost by which a store can hold ``e`` at the end of slot ``t``. It is
convex and piecewise linear. A slot adds at most one piece for feeding and one for drawing to it:
``V_t`` is the infimal convolution of ``V_(t-1)`` with the cost of the slot, which for convex
piecewise linear functions only merges their pieces by slope, and the limits of energy then cut
pieces off at both ends. So a slot costs the time to put two pieces into a sorted list. Going back
from the last slot, the energy held before each slot is where the pieces of both functions, taken
by rising slope, add up to the energy held after it. The slope there is the worth of a kWh held,
which proves the optimum.

Source:
    Rockafellar (1970), Convex Analysis, theorem 16.4 and 23.8: infimal convolutions and their
    subgradients. The list of pieces is the "slope trick" of competitive programming; no code of
    others.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import prange

from evergrid.core.arrays import Array
from evergrid.core.computing.kernels import kernel

FIRST_PIECES = 64  # for which memory is taken at first
ROUNDING_KWH = 1e-9  # by which sums of pieces may miss one another


class StoreSlots(NamedTuple):
    """What stores may do in their slots, in energy of the cells.

    Attributes:
        first: First slot of each store.
        stop: Slot after its last.
        drain_kwh: Most energy taken from the cells to feed, of each slot.
        gain_kwh: Most energy put into them by drawing.
        feed_slope: What a kWh less in the cells earns when it is fed.
        draw_slope: What a kWh more in the cells costs when it is drawn; at least ``feed_slope``
            where both can be done.
        floor_kwh: Least energy at the end of each slot.
        ceiling_kwh: Most.
        start_kwh: Energy of each store before its first slot.
        end_value: Worth of a kWh held after its last.
    """

    first: Array
    stop: Array
    drain_kwh: Array
    gain_kwh: Array
    feed_slope: Array
    draw_slope: Array
    floor_kwh: Array
    ceiling_kwh: Array
    start_kwh: Array
    end_value: Array


@kernel(nogil=True)
@no_type_check
def _grown(values, least):
    """An array's values with room for more."""
    larger = np.empty(max(2 * len(values), least), values.dtype)
    larger[: len(values)] = values
    return larger


@kernel(nogil=True)
@no_type_check
def _insert(slope, length, head, count, new_slope, new_length):
    """Put a piece into the sorted pieces ``head .. head + count - 1``; how many there are then."""
    low, high = head, head + count
    while low < high:
        middle = (low + high) // 2
        if slope[middle] < new_slope:
            low = middle + 1
        else:
            high = middle
    if low < head + count and slope[low] == new_slope:
        length[low] += new_length
        return count
    for i in range(head + count, low, -1):
        slope[i] = slope[i - 1]
        length[i] = length[i - 1]
    slope[low] = new_slope
    length[low] = new_length
    return count + 1


@kernel(nogil=True)
@no_type_check
def _store(slots, store, change_kwh, worth):
    """The best change of energy in each slot of a store, and the worth of a kWh held.

    Returns whether the store can keep its limits at all.
    """
    first, stop = slots.first[store], slots.stop[store]
    steps = stop - first
    slope, length = np.empty(FIRST_PIECES), np.empty(FIRST_PIECES)
    kept_slope, kept_length = np.empty(4 * FIRST_PIECES), np.empty(4 * FIRST_PIECES)
    kept_from = np.empty(steps + 1, np.int64)  # pieces of V before each slot
    kept_left = np.empty(steps)  # and the least energy at which it is finite
    head, count, used = 0, 0, 0
    left = right = slots.start_kwh[store]

    # Forward: the pieces of V before each slot are kept, then those of the slot are merged in.
    for t in range(steps):
        k = first + t
        if used + count > len(kept_slope):
            kept_slope = _grown(kept_slope, used + count)
            kept_length = _grown(kept_length, used + count)
        kept_from[t], kept_left[t] = used, left
        kept_slope[used : used + count] = slope[head : head + count]
        kept_length[used : used + count] = length[head : head + count]
        used += count
        if head + count + 2 > len(slope):
            if head > count:  # half of the room is free at the front
                slope[:count] = slope[head : head + count].copy()
                length[:count] = length[head : head + count].copy()
            else:
                slope, length = _grown(slope, 0), _grown(length, 0)
                slope[:count] = slope[head : head + count].copy()
                length[:count] = length[head : head + count].copy()
            head = 0
        if slots.drain_kwh[k] > ROUNDING_KWH:
            count = _insert(slope, length, head, count, slots.feed_slope[k], slots.drain_kwh[k])
            left -= slots.drain_kwh[k]
        if slots.gain_kwh[k] > ROUNDING_KWH:
            count = _insert(slope, length, head, count, slots.draw_slope[k], slots.gain_kwh[k])
            right += slots.gain_kwh[k]
        floor, ceiling = slots.floor_kwh[k], slots.ceiling_kwh[k]
        if right < floor - ROUNDING_KWH or left > ceiling + ROUNDING_KWH:
            return False
        # Cut off what lies outside the limits, at either end, and no piece to less than rounding:
        # its slope would pass for a worth.
        floor, ceiling = min(floor, right), max(ceiling, left)
        while left < floor and count > 0:
            if left + length[head] <= floor + ROUNDING_KWH:
                left += length[head]
                head += 1
                count -= 1
            else:
                length[head] -= floor - left
                left = floor
        left = max(left, floor)
        while right > ceiling and count > 0:
            last = head + count - 1
            if right - length[last] >= ceiling - ROUNDING_KWH:
                right -= length[last]
                count -= 1
            else:
                length[last] -= right - ceiling
                right = ceiling
        right = max(min(right, ceiling), left)
    kept_from[steps] = used

    # The end: as much as is held until a further kWh costs more than it is worth.
    energy, price = left, slots.end_value[store]
    for i in range(head, head + count):
        if slope[i] >= price:
            break
        energy += length[i]

    # Backward: before each slot, as much as makes both functions' pieces add up to what is held.
    for t in range(steps - 1, -1, -1):
        k = first + t
        fed, drawn = slots.drain_kwh[k], slots.gain_kwh[k]
        fed = fed if fed > ROUNDING_KWH else 0.0
        drawn = drawn if drawn > ROUNDING_KWH else 0.0
        feed_slope, draw_slope = slots.feed_slope[k], slots.draw_slope[k]
        fill = energy - (kept_left[t] - fed)
        change = -fed
        below, above = -np.inf, np.inf  # slopes of the last piece filled and of the next one
        todo_feed, todo_draw = fed > 0, drawn > 0
        i = kept_from[t]
        while fill > ROUNDING_KWH:  # less is the edge of a piece
            own = kept_slope[i] if i < kept_from[t + 1] else np.inf
            # A tie is broken for the slot that does least.
            if todo_feed and feed_slope <= own:
                piece, at, todo_feed, move = fed, feed_slope, False, True
            elif todo_draw and draw_slope < own:
                piece, at, todo_draw, move = drawn, draw_slope, False, True
            elif i < kept_from[t + 1]:
                piece, at, move = kept_length[i], own, False
                i += 1
            else:
                break
            below = at
            if piece > fill + ROUNDING_KWH:
                above = at
                piece = fill
            fill -= piece
            if move:
                change += piece
        if above == np.inf:  # filled up to the edge of a piece: the next one
            above = kept_slope[i] if i < kept_from[t + 1] else np.inf
            if todo_feed:
                above = min(above, feed_slope)
            if todo_draw:
                above = min(above, draw_slope)
        price = min(max(price, below), above)
        worth[k] = price
        change_kwh[k] = change
        energy -= change
    return True


@kernel(parallel=True)
@no_type_check
def minimise(slots, change_kwh, worth, kept):
    """Solve every store; ``kept`` tells which of them can keep their limits."""
    for store in prange(len(slots.first)):
        kept[store] = _store(slots, store, change_kwh, worth)
