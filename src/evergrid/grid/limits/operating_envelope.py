"""How much each place may draw and feed so that every limit holds whatever the others do.

In each step the limits are rows: a row rises by ``rise`` per kW that a place feeds, and it may rise
by ``room``. Places draw and feed independently within an envelope; it holds a row if even the worst
choice of all of them does. Of all such envelopes the one is taken that contains what places want
to do, as far as that fits, and beyond it cuts what they could do by the least sum of squares.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float

ITERATIONS = 400
POWER_ITERATIONS = 12
LOOK = 20  # iterations between two looks at whether they can end
STILL = 1e-9  # change of the prices in one iteration, of the largest, at which they do
AT_ONCE = 2**19  # numbers of rows and places taken together, so that they fit a cache


@dataclass(frozen=True)
class Envelope:
    """What each place may do in each step.

    Attributes:
        draw_kw: Most that it may draw.
        feed_kw: Most that it may feed.
    """

    draw_kw: Float[Array, "step place"]
    feed_kw: Float[Array, "step place"]


def fit(
    rise: Float[Array, "step row place"],
    room: Float[Array, "step row"],
    wanted_kw: Float[Array, "step place"],
    reach: Envelope,
    weight: Float[Array, "step place"],
) -> Envelope:
    """The envelope of each step.

    Args:
        rise: Of each row per kW into the grid.
        room: By how much each row may rise above what it is without any of this power; nothing
            fits in the direction of a row that has none.
        wanted_kw: What places want to do, into the grid.
        reach: What they could do.
        weight: How dear it is to cut each place.
    """
    made = Envelope(np.zeros(reach.draw_kw.shape), np.zeros(reach.feed_kw.shape))
    steps, rows, _ = rise.shape
    able = (reach.draw_kw > 0) | (reach.feed_kw > 0)
    each = max(1, AT_ONCE // max(1, rows * int(able.sum(axis=1).max(initial=1))))
    for first in range(0, steps, each):
        some = slice(first, first + each)
        place = np.flatnonzero(able[some].any(axis=0))
        if not place.size:
            continue
        part = Envelope(reach.draw_kw[some, place], reach.feed_kw[some, place])
        given = rise[some, :, place], room[some], wanted_kw[some, place], part, weight[some, place]
        fitted = _fit(*given)
        made.draw_kw[some, place], made.feed_kw[some, place] = fitted.draw_kw, fitted.feed_kw
    return made


def _fit(
    rise: Float[Array, "step row place"],
    room: Float[Array, "step row"],
    wanted_kw: Float[Array, "step place"],
    reach: Envelope,
    weight: Float[Array, "step place"],
) -> Envelope:
    """The envelope of some steps."""
    both = np.concatenate([np.maximum(rise, 0.0), np.maximum(-rise, 0.0)], axis=2)
    most = np.concatenate([reach.feed_kw, reach.draw_kw], axis=1)
    room = np.maximum(room, 0.0)
    binding = np.einsum("trp,tp->tr", both, most) > room
    rows, room = _packed(both, room, binding)
    wish = np.concatenate([np.maximum(wanted_kw, 0.0), np.maximum(-wanted_kw, 0.0)], axis=1)
    wish = np.minimum(wish, most)
    none, dear = np.zeros_like(wish), np.concatenate([weight, weight], axis=1)
    kept = _nearest(rows, room, wish, (none, wish), dear)
    kept = _scaled(rows, room, none, kept)
    grown = _nearest(rows, room, most, (kept, most), dear)
    found = _scaled(rows, room, kept, grown)
    feed, draw = np.hsplit(found, 2)
    return Envelope(draw, feed)


def _packed(
    rise: Float[Array, "step row column"],
    room: Float[Array, "step row"],
    binding: Array,
) -> tuple[Float[Array, "step some column"], Float[Array, "step some"]]:
    """The rows that can bind at all, scaled to size 1; idle rows fill up the others."""
    steps, _, columns = rise.shape
    count = binding.sum(axis=1)
    most = int(count.max(initial=0))
    packed, left = np.zeros((steps, most, columns)), np.ones((steps, most))
    step, row = np.nonzero(binding)
    place = np.arange(len(step)) - np.repeat(np.cumsum(count) - count, count)
    size = np.linalg.norm(rise[step, row], axis=1)
    packed[step, place] = rise[step, row] / size[:, None]
    left[step, place] = room[step, row] / size
    return packed, left


def _nearest(
    rows: Float[Array, "step row column"],
    room: Float[Array, "step row"],
    target: Float[Array, "step column"],
    box: tuple[Float[Array, "step column"], Float[Array, "step column"]],
    weight: Float[Array, "step column"],
) -> Float[Array, "step column"]:
    """The point of the box nearest to the target that keeps the rows, nearly.

    Source:
        Beck and Teboulle (2009), A fast iterative shrinkage-thresholding algorithm for linear
        inverse problems, SIAM J. Imaging Sciences 2(1), on the dual of the projection.
    """
    pace = 1.0 / _largest(rows, weight)[:, None]
    price = ahead = np.zeros(room.shape)
    momentum = 1.0

    def at(price: Float[Array, "step row"]) -> Float[Array, "step column"]:
        cut = (price[:, None] @ rows)[:, 0] / weight
        return np.clip(target - cut, *box)

    for count in range(ITERATIONS):
        over = (rows @ at(ahead)[:, :, None])[:, :, 0] - room
        after = np.maximum(ahead + pace * over, 0.0)
        faster = 0.5 + np.sqrt(0.25 + momentum**2)
        ahead = after + (momentum - 1.0) / faster * (after - price)
        still = np.abs(after - price).max(initial=0.0) <= STILL * after.max(initial=0.0)
        price, momentum = after, faster
        if still and count % LOOK == 0:
            break
    return at(price)


def _largest(
    rows: Float[Array, "step row column"], weight: Float[Array, "step column"]
) -> Float[Array, " step"]:
    """A little more than the largest eigenvalue of rows times rows, over the weights."""
    vector = np.ones(rows.shape[:2])
    found = np.ones(len(rows))
    for _ in range(POWER_ITERATIONS):
        vector = np.einsum("trc,tc->tr", rows, np.einsum("trc,tr->tc", rows, vector) / weight)
        found = np.linalg.norm(vector, axis=1)
        vector /= np.maximum(found, 1e-12)[:, None]
    return 1.2 * np.maximum(found, 1e-12)


def _scaled(
    rows: Float[Array, "step row column"],
    room: Float[Array, "step row"],
    start: Float[Array, "step column"],
    end: Float[Array, "step column"],
) -> Float[Array, "step column"]:
    """As far from start to end as the rows that each column adds to allow; end is no less."""
    before = np.einsum("trc,tc->tr", rows, start)
    change = np.einsum("trc,tc->tr", rows, end) - before
    left = np.maximum(room - before, 0.0)
    share = np.divide(left, change, out=np.ones_like(change), where=change > left)
    least = np.where(rows > 0, share[:, :, None], 1.0).min(axis=1, initial=1.0)
    return start + least * (end - start)
