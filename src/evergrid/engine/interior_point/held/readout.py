"""Powers read off the iterate: what is held is made to fit every limit to the last digit.

Cancelling what is drawn and fed at once raises net power a little. So what is held is scaled down
where it would no longer fit, then in each step to the award of its block; an award that is fixed is
filled up from what room there is.
"""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.tree import add_up
from evergrid.engine.interior_point.held.awards import Awards
from evergrid.engine.interior_point.held.layout import Layout
from evergrid.engine.interior_point.held.records import HeldPoint
from evergrid.engine.interior_point.held.slot_rows import DRAINS, DRAW, FEED

PASSES = 4  # of filling up
NEAR = 1e-4  # share of a limit by which an award that lies below is filled up to it
LITTLE_KW = 1e-9  # of an award, or of a kW, that is not filled up


def powers(made: Layout, point: HeldPoint, awards: Awards) -> Float[Array, " slot"]:
    """Power of each slot of the program, holders' among them."""
    p, source = made.program, made.source
    of_slot = made.kernels.of_slot
    store = p.store[source]
    stored = p.gain[source] * of_slot[:, DRAW] * point.share[:, 0]
    stored -= p.drain[source] * of_slot[:, FEED] * point.share[:, 1]
    kw = np.where(stored >= 0, -stored / p.gain[source], -stored / p.drain[source])
    kw = np.clip(np.nan_to_num(kw), -of_slot[:, DRAW], of_slot[:, FEED])
    held = np.where(made.alive, made.whole_kw * point.share[:, 2:].T, 0.0)
    held = np.maximum(np.nan_to_num(held), 0.0)
    room = _Room(made, kw, store)
    held = room.fitted(held)
    held = _awarded(made, held, awards, room)
    power = np.zeros(p.slots)
    power[source] = kw
    for a in range(made.term.awards):
        at = made.held[a] >= 0
        power[made.held[a][at]] = -held[a, at]
    return power


class _Room:
    """What could be held in each slot at these powers.

    Args:
        made: The layout.
        kw: Power of each slot.
        store: Store of each slot.
    """

    def __init__(self, made: Layout, kw: Float[Array, " slot"], store: Array) -> None:
        p, source = made.program, made.source
        self.made, self.kw, self.store = made, kw, store
        self.drain = made.kernels.of_store[:, DRAINS:]
        self.row = np.repeat(np.arange(len(made.store)), np.diff(made.kernels.stores[:, :2])[:, 0])
        self.feed, self.draw = p.discharge_limit_kw[source], p.charge_limit_kw[source]
        self.low, self.high = p.energy_low_kwh[store], p.energy_high_kwh[store]
        self.into, self.out_of = p.efficiency_charge[store], 1.0 / p.efficiency_discharge[store]
        self.change = np.where(kw > 0, -kw * p.drain[source], -kw * p.gain[source])
        self.cell = made.of_node * p.steps + made.step

    def _energy(self, held: Float[Array, "award slot"]) -> tuple[Array, Array]:
        """Energy at the begin and at the end of each slot."""
        p, row = self.made.program, self.row
        change = self.change - p.step_h * (self.drain[row].T * held).sum(axis=0)
        summed = np.cumsum(change)
        begin = self.made.kernels.stores[:, 0]
        before = (summed - change)[begin]
        after = p.energy_start_kwh[self.store] + summed - before[row]
        return after - change, after

    def kinds(self, held: Float[Array, "award slot"]) -> list[tuple[Array, Array]]:
        """What each row of a slot counts of a kW of each award, and what it has room for."""
        sets, kw = self.made.sets, self.kw
        begin, end = self._energy(held)
        ones = np.ones(len(kw))
        rows = [
            (sets.up, ones, self.feed - kw),
            (sets.down, ones, self.draw + kw),
            (sets.begin_low, self.out_of, begin - self.low),
            (sets.begin_high, self.into, self.high - begin),
            (sets.end_low, self.out_of, end - self.low),
            (sets.end_high, self.into, self.high - end),
        ]
        made = [(one[:, None] * scale, free) for table, scale, free in rows for one in table]
        if len(sets.caps):
            limit = self.made.program.charge_limit_kw[self.made.held]
            unit = np.eye(len(sets.awards))
            made += [(unit[a][:, None] * ones, limit[a]) for a in range(len(sets.awards))]
        return made

    def fitted(self, held: Float[Array, "award slot"]) -> Float[Array, "award slot"]:
        """What is held, scaled down where it does not fit."""
        for counts, free in self.kinds(held):
            used = (counts * held).sum(axis=0)
            over = used > np.maximum(free, 0.0)
            share = np.where(over, np.maximum(free, 0.0) / np.where(over, used, 1.0), 1.0)
            held = np.where(counts > 0, held * share, held)
        for part, free, used in self._nodes(held):
            over = used > np.maximum(free, 0.0)
            share = np.where(over, np.maximum(free, 0.0) / np.where(over, used, 1.0), 1.0)
            least = self._lowest(share)
            held = np.where(part[:, None] > 0, held * least.ravel()[self.cell], held)
        return held

    def _nodes(self, held: Float[Array, "award slot"]) -> list[tuple[Array, Array, Array]]:
        """Which awards each limit of nodes counts, what is free, and what is held."""
        p, sets = self.made.program, self.made.sets
        size = p.nodes * p.steps

        def summed(values: Array) -> Array:
            return add_up(np.bincount(self.cell, values, size).reshape(p.nodes, -1), p.parent)

        net = summed(self.kw)
        of_awards = [summed(one) for one in held]
        made = []
        for table, free in ((sets.up, p.net_high_kw - net), (sets.down, net - p.net_low_kw)):
            for part in table:
                used = sum(weight * one for weight, one in zip(part, of_awards, strict=True))
                made.append((part, free, np.asarray(used)))
        return made

    def _lowest(self, share: Float[Array, "node step"]) -> Float[Array, "node step"]:
        """The least of each node's and all above it."""
        least, parent = share.copy(), self.made.program.parent
        at = parent.copy()
        while (at >= 0).any():
            inside = at >= 0
            least[inside] = np.minimum(least[inside], share[at[inside]])
            at = np.where(inside, parent[at], -1)
        return least

    def spare(self, held: Float[Array, "award slot"], award: int) -> Float[Array, " slot"]:
        """How much more of an award could be held in each slot, nodes left out."""
        spare = np.full(held.shape[1], np.inf)
        for counts, free in self.kinds(held):
            at = counts[award] > 0
            left = np.maximum(free - (counts * held).sum(axis=0), 0.0)
            spare[at] = np.minimum(spare[at], left[at] / counts[award][at])
        return np.where(self.made.alive[award], spare, 0.0)


def _awarded(
    made: Layout, held: Float[Array, "award slot"], awards: Awards, room: _Room
) -> Float[Array, "award slot"]:
    """What is held, the same through each block: filled up to the award, or what all steps hold."""
    goal = np.zeros(made.block.shape)
    inside = made.block >= 0
    goal[inside] = _wanted(made, awards)[made.block[inside]]
    for _ in range(PASSES):
        short = goal - _by_step(made, held)
        if not (short > LITTLE_KW * np.maximum(goal, 1.0)).any():
            break
        for a in np.flatnonzero((short > 0).any(axis=1)):
            spare = np.minimum(room.spare(held, int(a)), made.whole_kw)
            there = np.bincount(made.step, spare, made.program.steps)
            part = np.maximum(short[a], 0.0) / np.where(there > 0, there, 1.0)
            held[a] += spare * np.minimum(part, 1.0)[made.step]
        held = room.fitted(held)
    total = _by_step(made, held)
    least = np.full(len(awards.kw), np.inf)
    np.minimum.at(least, made.block[inside], total[inside])
    goal[inside] = np.minimum(goal[inside], least[made.block[inside]])
    share = np.where(total > goal, goal / np.where(total > 0, total, 1.0), 1.0)
    return held * share[:, made.step]


def _wanted(made: Layout, awards: Awards) -> Float[Array, " block"]:
    """Awards to be filled up to: those of the iterate, and a limit that is nearly reached."""
    kw = np.clip(np.nan_to_num(awards.kw), made.least_kw, made.most_kw)
    return np.where(kw >= (1.0 - NEAR) * made.most_kw, made.most_kw, kw)


def _by_step(made: Layout, held: Float[Array, "award slot"]) -> Float[Array, "award step"]:
    return np.stack([np.bincount(made.step, one, made.program.steps) for one in held])
