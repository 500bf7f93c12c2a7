"""What must chargers lose whose contactors may move only so often? A lower bound of its own.

Chargers alike, of which n are closed. A closed charger gives at least its least power in some
direction, so the sum of squares of n powers that add up to P is at least max(P^2 / n, n least^2);
floors, dwell times, and who is closed, are left out. Contactors together move at most so often as
all may. With a price on each movement the best n for all ticks is a shortest path; whatever the
price is, its length less the price of all movements that are allowed is a lower bound.
"""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.dispatch.track.charger_types import ChargerType

PRICES = 14  # that are tried, by halving between none and one that stops all movement


class Bound(NamedTuple):
    """The greatest lower bound that was found.

    Attributes:
        loss_kwh: Lost at least.
        price_kwh: Of a movement, at that bound.
        movements: Of all contactors, at the best path there.
    """

    loss_kwh: float
    price_kwh: float
    movements: int


def lower_bound(
    power_kw: Float[Array, " tick"],
    kind: ChargerType,
    chargers: int,
    movements: int,
    *,
    tick_s: float,
) -> Bound:
    """Least loss of chargers that give a power, with so many movements of contactors in all."""
    loss = losses_kwh(power_kw, kind, chargers, tick_s)
    low, high = 0.0, float(loss[np.isfinite(loss)].max())
    length, moved = shortest_path(loss, 0.0)
    best = Bound(length if moved <= movements else 0.0, 0.0, moved)
    if moved <= movements:
        return best
    for _ in range(PRICES):
        price = 0.5 * (low + high)
        length, moved = shortest_path(loss, price)
        bound = length - price * movements
        if bound > best.loss_kwh:
            best = Bound(bound, price, moved)
        low, high = (price, high) if moved > movements else (low, price)
    return best


def losses_kwh(
    power_kw: Float[Array, " tick"], kind: ChargerType, chargers: int, tick_s: float
) -> Float[Array, "tick closed"]:
    """Least loss of each tick with 0, 1, ... chargers closed; infinite where that cannot be."""
    closed = np.arange(chargers + 1.0)
    power = np.abs(power_kw)[:, None]
    curve, rating = kind.discharge, kind.rating_kva
    with np.errstate(divide="ignore", invalid="ignore"):
        square = np.maximum(power**2 / closed, closed * kind.least_kw**2)
    square[:, 0] = 0.0
    loss = closed * curve.k0 * rating + curve.k1 * power + curve.k2 * square / rating
    loss[power > closed * rating + 1e-9] = np.inf
    return loss * tick_s / 3600.0


def shortest_path(loss: Float[Array, "tick closed"], price: float) -> tuple[float, int]:
    """Length of the best path, and the movements in it; how many are closed at first is free."""
    closed = np.arange(loss.shape[1])
    came = np.empty(loss.shape, np.int16)
    total = loss[0].copy()
    for tick in range(1, len(loss)):
        # From fewer closed: least of total - price x closed so far; from more: the same backwards.
        up, down = total - price * closed, (total + price * closed)[::-1]
        from_up, from_down = _least_so_far(up), len(closed) - 1 - _least_so_far(down)[::-1]
        cost_up = total[from_up] + price * (closed - from_up)
        cost_down = total[from_down] + price * (from_down - closed)
        came[tick] = np.where(cost_up <= cost_down, from_up, from_down)
        total = np.minimum(cost_up, cost_down) + loss[tick]
    at = int(total.argmin())
    moved, length = 0, float(total[at])
    for tick in range(len(loss) - 1, 0, -1):
        before = int(came[tick, at])
        moved, at = moved + abs(before - at), before
    return length, moved


def _least_so_far(values: Float[Array, " closed"]) -> Array:
    """Place of the least value up to each."""
    least = np.minimum.accumulate(values)
    new = np.r_[True, least[1:] < least[:-1]]
    return np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
