"""What each level of power of one store costs in each of its slots, given what all others do."""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel

TOLERANCE_KW = 1e-7  # by which a level may pass a limit, for rounding
BEYOND_PRICE = 1e6  # of a kW beyond a limit that others have passed, so that it is brought back


class Places(NamedTuple):
    """The nodes of a program with the power they have without the store that is looked at.

    Attributes:
        parent: Node above each; -1 for a root.
        net_kw: Net power of each node now; changed as stores change.
        low_kw: Least net power.
        high_kw: Greatest net power.
        load_kw: Load of each node.
        surcharge: Money per kW drawn from above in a step.
        peak_price: Money per kW drawn from above beyond the peak.
        peak_kw: Peak that is paid for in any case.
        price: Money per kW of net power in a step that is added to that of the store.
        target_kw: Net power that the convex schedule has.
        pull: Money per kW squared by which net power is kept near to its target.
        gate_first: First entry of each node and step among its flowgates, and the end.
        gate: Flowgate of each entry.
        gate_weight: Weight of each entry: that of the node with those of all nodes above it.
        gate_kw: Weighted sum of each flowgate now; changed as stores change.
        gate_limit_kw: Greatest weighted sum of each.
    """

    parent: Int[Array, " node"]
    net_kw: Float[Array, "node step"]
    low_kw: Float[Array, "node step"]
    high_kw: Float[Array, "node step"]
    load_kw: Float[Array, "node step"]
    surcharge: Float[Array, "node step"]
    peak_price: Float[Array, " node"]
    peak_kw: Float[Array, " node"]
    price: Float[Array, "node step"]
    target_kw: Float[Array, "node step"]
    pull: Float[Array, " node"]
    gate_first: Int[Array, " cells"]
    gate: Int[Array, " entry"]
    gate_weight: Float[Array, " entry"]
    gate_kw: Float[Array, " flowgate"]
    gate_limit_kw: Float[Array, " flowgate"]


class StoreSlots(NamedTuple):
    """The slots of one store.

    Attributes:
        first: Its first step.
        node: The node it is in.
        step_kw: Power of a step in each slot.
        most_draw: Most steps drawn in each slot.
        most_feed: Most steps fed in each slot.
        least: Fewest steps while it is on.
        draw_price: Money per kW drawn in each slot.
        feed_price: Money per kW fed, earned.
        draw_curve: Money per kW squared, drawn.
        feed_curve: Money per kW squared, fed.
    """

    first: int
    node: int
    step_kw: Float[Array, " slot"]
    most_draw: Int[Array, " slot"]
    most_feed: Int[Array, " slot"]
    least: int
    draw_price: Float[Array, " slot"]
    feed_price: Float[Array, " slot"]
    draw_curve: Float[Array, " slot"]
    feed_curve: Float[Array, " slot"]


@kernel(nogil=True)
@no_type_check
def change(places, slots, steps, sign):
    """Add a store's power to all nodes and flowgates that it is part of, or take it away."""
    for t in range(len(steps)):
        if steps[t] == 0:
            continue
        power = -sign * steps[t] * slots.step_kw[t]
        node, step = slots.node, slots.first + t
        while node >= 0:
            places.net_kw[node, step] += power
            node = places.parent[node]
        cell = slots.node * places.net_kw.shape[1] + step
        for entry in range(places.gate_first[cell], places.gate_first[cell + 1]):
            places.gate_kw[places.gate[entry]] += places.gate_weight[entry] * power


@kernel(nogil=True)
@no_type_check
def add_power(net_kw, parent, slots, power_kw):
    """Add powers of a store's slots to the net power of its node and all above."""
    for t in range(len(power_kw)):
        node = slots.node
        while node >= 0:
            net_kw[node, slots.first + t] += power_kw[t]
            node = parent[node]


@kernel(nogil=True)
@no_type_check
def of_store(places, slots, level):
    """Cost of each level in each slot; infinite where it would pass a limit further.

    Args:
        places: All nodes, without this store.
        slots: The store.
        level: Steps drawn by each level, below 0 where they are fed.
    """
    made = np.full((len(slots.step_kw), len(level)), np.inf)
    for t in range(len(slots.step_kw)):
        for i in range(len(level)):
            n = level[i]
            if n > slots.most_draw[t] or -n > slots.most_feed[t] or 0 < abs(n) < slots.least:
                continue
            made[t, i] = _of_level(places, slots, t, -n * slots.step_kw[t])
    return made


@kernel(nogil=True)
@no_type_check
def _of_level(places, slots, t, power):
    """Cost of one power of a store, positive into the grid, in one slot."""
    if power < 0.0:
        paid = -slots.draw_price[t] * power + slots.draw_curve[t] * power * power
    else:
        paid = -slots.feed_price[t] * power + slots.feed_curve[t] * power * power
    node, step = slots.node, slots.first + t
    # Up the tree: what the other stores do is known, so each node above costs what this one adds.
    # A power is impossible only where it makes an excess worse, as others may have to give way.
    while node >= 0:
        idle = places.net_kw[node, step]
        net = idle + power
        over = max(places.low_kw[node, step] - net, net - places.high_kw[node, step], 0.0)
        if over > TOLERANCE_KW:
            before = max(places.low_kw[node, step] - idle, idle - places.high_kw[node, step], 0.0)
            if over > before + TOLERANCE_KW:
                return np.inf
            paid += BEYOND_PRICE * over
        drawn = max(places.load_kw[node, step] - net, 0.0)
        paid += places.surcharge[node, step] * drawn
        paid += places.peak_price[node] * max(drawn - places.peak_kw[node], 0.0)
        paid -= places.price[node, step] * power
        if places.pull[node] > 0.0:
            drift = idle - places.target_kw[node, step]
            paid += places.pull[node] * power * (drift + 0.5 * power)
        node = places.parent[node]
    cell = slots.node * places.net_kw.shape[1] + step
    for entry in range(places.gate_first[cell], places.gate_first[cell + 1]):
        gate = places.gate[entry]
        room = places.gate_limit_kw[gate] - places.gate_kw[gate]
        more = places.gate_weight[entry] * power
        if more > max(room, 0.0) + TOLERANCE_KW:
            return np.inf
        if room < more - TOLERANCE_KW:
            paid += BEYOND_PRICE * (more - room)
    return paid
