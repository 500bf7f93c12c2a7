"""A schedule that keeps every limit, made from one that does not quite: for when time runs out."""

from typing import no_type_check

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.computing.kernels import kernel
from evergrid.engine.compiled import OPTIONS
from evergrid.engine.program import Program
from evergrid.engine.violations import TOLERANCE, violations

KEPT_BACK = 1e-9  # share of a node's room that is left, for rounding
SHARES = (1.0, 0.999, 0.99, 0.97, 0.93, 0.85, 0.7, 0.5, 0.3, 0.1, 0.0)


def kept(program: Program, power_kw: Float[Array, " slot"]) -> Bool[Array, " node"]:
    """Whether the schedule keeps every limit in each node's tree."""
    return violations(program, power_kw).by_tree(program) <= TOLERANCE


def towards(
    program: Program, wished: Float[Array, " slot"], safe: Float[Array, " slot"]
) -> Float[Array, " slot"]:
    """As much of the wished schedule as keeps every limit, tree by tree; the rest is the safe one.

    A mixture of two schedules stores at least the mixture of their energies, and limits and budgets
    of nodes are linear, so a small share of a safe schedule mends a small breach.
    """
    made = safe.copy()
    waiting = np.ones(program.nodes, bool)
    for share in SHARES:
        mixed = share * wished + (1.0 - share) * safe
        fits = kept(program, mixed) & waiting
        at = fits[program.node][program.store]
        made[at] = mixed[at]
        waiting &= ~fits
        if not waiting.any():
            break
    return made


def earliest(program: Program) -> Float[Array, " slot"]:
    """Charging what is owed and nothing else, those first who can wait least, within every limit.

    A heuristic: it can fail to serve all where a plan exists.

    Source:
        Least laxity first: M. Dertouzos, A. Mok (1989), Multiprocessor on-line scheduling of
        hard-real-time tasks, IEEE Trans. Softw. Eng. 15(12), doi 10.1109/32.58762.
    """
    by_step = np.argsort(program.step, kind="stable")
    starts = np.searchsorted(program.step[by_step], np.arange(program.steps + 1))
    full = program.charge_limit_kw * program.gain
    summed = np.cumsum(full)
    later = summed[program.end][program.store] - summed
    room = np.maximum(-program.net_low_kw, 0.0) * (1.0 - KEPT_BACK)
    need = np.maximum(program.energy_end_kwh - program.energy_start_kwh, 0.0)
    power = np.zeros(program.slots)
    above = (program.node, program.parent)
    limits = (program.charge_limit_kw, program.gain, later)
    _serve(by_step, starts, program.store, *above, *limits, room, need, power)
    return power


@kernel(**OPTIONS)
@no_type_check
def _serve(by_step, starts, store, node, parent, limit, gain, later, room, need, power):
    """Step by step, give those of least laxity as much as they need and every node above has."""
    for t in range(len(starts) - 1):
        slots = by_step[starts[t] : starts[t + 1]]
        laxity = np.empty(len(slots))
        for k in range(len(slots)):
            j = slots[k]
            full = limit[j] * gain[j]
            spare = later[j] + full - need[store[j]]
            laxity[k] = spare / full if full > 0 else np.inf
        for k in np.argsort(laxity):
            j = slots[k]
            u = store[j]
            most = min(limit[j], need[u] / gain[j])
            g = node[u]
            while g >= 0:
                most = min(most, room[g, t])
                g = parent[g]
            if most <= 0:
                continue
            power[j] = -most
            need[u] -= most * gain[j]
            g = node[u]
            while g >= 0:
                room[g, t] -= most
                g = parent[g]
