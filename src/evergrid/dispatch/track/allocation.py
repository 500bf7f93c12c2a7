"""How many chargers of each type run, and at which power, so that least is lost?

Of a charger that runs, k0 is lost whatever its power, and k2 rises with its square: least is lost
per energy at p* = sqrt(k0 / k2). So for a power P about P / p* chargers run, not all of them and
not as few as can. Types are called by their loss at p*; once a further one would cost more than
loading those that run, all are loaded to the same marginal loss. What remains is that chargers are
whole.
"""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.dispatch.track.charger_types import BUCKETS, PHASES, STUCK

BISECTIONS = 50  # of a marginal loss, to a milliwatt in a gigawatt


@kernel(error_model="numpy")
@no_type_check
def loading_w(types, kind, way, marginal):
    """Power at which a type's loss rises so fast with power, within its limits."""
    power = (marginal - types.ways[kind, way].k1) / types.ways[kind, way].curvature_per_w
    least = types.limits[kind].least * types.limits[kind].step_w
    return min(
        max(power, float(least)), float(types.ways[kind, way].most * types.limits[kind].step_w)
    )


@kernel(error_model="numpy")
@no_type_check
def total_w(types, way, running, marginal):
    """Power of all that run at one marginal loss."""
    total = 0.0
    for kind in range(len(running)):
        if running[kind] > 0:
            total += running[kind] * loading_w(types, kind, way, marginal)
    return total


@kernel(error_model="numpy")
@no_type_check
def call(types, counts, way, wanted_w, take, running):
    """Choose how many of each item run.

    Args:
        types: Tables of the types.
        counts: Chargers of each item.
        way: Direction.
        wanted_w: Power in that direction, at least 0.
        take: How many of each item run; written.
        running: How many of each type; written.
    """
    take[:] = 0
    running[:] = 0
    marginal = total = 0.0
    for item in types.order[way]:
        if item < 0:
            break
        there = counts[item]
        if there == 0:
            continue
        kind = item // (BUCKETS * PHASES)
        # What cannot stop comes first, then items by their least loss per energy and the plan.
        # Before a type that loses more begins to run, all that run are loaded until their marginal
        # loss is as high as that.
        if types.ways[kind, way].slope > marginal:
            marginal = types.ways[kind, way].slope
            total = total_w(types, way, running, marginal)
        each = loading_w(types, kind, way, marginal)
        if item % PHASES == STUCK:
            chosen = there
        elif total >= wanted_w:
            break
        else:
            chosen = min(there, _whole((wanted_w - total) / each, total / each))
            if chosen == 0 and total == 0.0:
                least = types.limits[kind].least * types.limits[kind].step_w
                chosen = 1 if wanted_w >= 0.5 * least else 0
        take[item] = chosen
        running[kind] += chosen
        total += chosen * each
        if chosen < there:
            break


@kernel(error_model="numpy")
@no_type_check
def _whole(more, already):
    """Of ``more`` further chargers, the whole number at which least is lost.

    With n chargers alike, n k0 + k2 P^2 / n is least at the n with n (n - 1) < (P / p*)^2 <=
    n (n + 1).
    """
    below = np.floor(more)
    n = already + below
    return int(below) + (1 if n > 0.0 and (already + more) ** 2 > n * (n + 1.0) else 0)


@kernel(error_model="numpy")
@no_type_check
def load(types, way, wanted_w, running, base, high, extra):
    """Steps of those that run: ``base`` for each type, and ``high`` for ``extra`` of them.

    Returns:
        Whether all of them together reach the wanted power.
    """
    below, above = 0.0, 0.0  # marginal losses
    for kind in range(len(running)):
        if running[kind] > 0:
            able = types.ways[kind, way]
            full = able.most * types.limits[kind].step_w * able.curvature_per_w
            above = max(above, able.k1 + full)
    reached = total_w(types, way, running, above) >= wanted_w
    for _ in range(BISECTIONS):
        middle = 0.5 * (below + above)
        if total_w(types, way, running, middle) < wanted_w:
            below = middle
        else:
            above = middle
    for kind in range(len(running)):
        base[kind] = high[kind] = extra[kind] = 0
        if running[kind] > 0:
            power_w = loading_w(types, kind, way, above)
            base[kind], high[kind], share = stepped(types, kind, way, power_w)
            extra[kind] = int(np.round(share * running[kind]))
    return reached


@kernel(error_model="numpy")
@no_type_check
def stepped(types, kind, way, power_w):
    """Loadings below and above a power, and the share of chargers that have the upper one."""
    limit, most = types.limits[kind], types.ways[kind, way].most
    steps = power_w / limit.step_w
    base = limit.least + int(max(steps - limit.least, 0.0)) // limit.stride * limit.stride
    base = min(base, most)
    high = min(base + limit.stride, most)
    share = 0.0 if high == base else min(max((steps - base) / (high - base), 0.0), 1.0)
    return base, high, share
