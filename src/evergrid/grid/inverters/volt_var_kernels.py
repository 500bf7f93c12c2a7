"""What every inverter of a chunk answers to the voltages of an iteration: compiled loops."""

from typing import Any, no_type_check

import numpy as np
from numba import njit

# NaN and infinity keep their meaning: they are how a divergence shows.
OPTIONS: dict[str, Any] = {
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}

# Called by other kernels. Where they are not inlined, a process that has just compiled them links
# other copies than one that loads what was compiled, and the last digits of results differ.
INLINED: dict[str, Any] = OPTIONS | {"forceinline": True}
# Called by other kernels only: the way in from Python takes long to compile.
INNER: dict[str, Any] = INLINED | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# Columns of a law: what an inverter does. Points of curves lie side by side.
VOLTS, VOLT_VARS, POWERS, WATT_VARS = slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 16)
WATT_START, WATT_END, WATT_FLOOR, RATIO, REACTIVE_FIRST = range(16, 21)
COLUMNS = 21
VOLT_CURVE, WATT_CURVE = VOLTS.start, POWERS.start


@njit(**INNER)
@no_type_check
def on_curve(law, first, x):
    """Value at ``x`` of the curve whose points begin at column ``first``."""
    if x <= law[first]:
        return law[first + 4]
    for k in range(first, first + 3):
        if x < law[k + 1]:
            share = (x - law[k]) / (law[k + 1] - law[k])
            return law[k + 4] + share * (law[k + 5] - law[k + 4])
    return law[first + 7]


@njit(**INNER)
@no_type_check
def let_through(law, voltage_pu):
    """Share of the rating that may go into the grid at a voltage."""
    start, end = law[WATT_START], law[WATT_END]
    share = min(max((voltage_pu - start) / (end - start), 0.0), 1.0)
    return 1.0 - share * (1.0 - law[WATT_FLOOR])


@njit(**INLINED)
@no_type_check
def answer(law, voltage_pu, moved_pu, wanted_kw, rating_kva):
    """Power and reactive power of an inverter at a voltage, within its rated apparent power.

    The curve of reactive power by voltage moves with the reference by ``moved_pu``; the limit of
    power does not.
    """
    p = min(wanted_kw, rating_kva * let_through(law, voltage_pu))
    p = min(max(p, -rating_kva), rating_kva)
    q = rating_kva * on_curve(law, VOLT_CURVE, voltage_pu - moved_pu)
    q += rating_kva * on_curve(law, WATT_CURVE, p / rating_kva) + law[RATIO] * p
    if law[REACTIVE_FIRST] > 0:
        q = min(max(q, -rating_kva), rating_kva)
        most = max(rating_kva * rating_kva - q * q, 0.0) ** 0.5
        return min(max(p, -most), most), q
    most = max(rating_kva * rating_kva - p * p, 0.0) ** 0.5
    return p, min(max(q, -most), most)


@njit(**INNER)
@no_type_check
def no_inverters():
    """What stands for inverters in `drive` where there are none."""
    none, laws = np.zeros((0, 0)), np.zeros((0, 0, COLUMNS))
    return laws, np.zeros(0, np.int64), none, none, none, np.zeros(0), np.zeros((2, 0, 0))


@njit(**INNER)
@no_type_check
def drive(inverters, u, s, gap):
    """Move the inverters of a chunk towards their answers and add their powers to the others.

    Args:
        inverters: Laws by control and branch; control of each lane; ratings, powers asked for and
            moved references by branch and lane; share of the way by lane; and the powers they
            have, moved.
        u: Voltages.
        s: Powers, added to.
        gap: Filled: how far the farthest answer of a lane was, over the rating.
    """
    laws, control, rating, wanted, moved, pace, held = inverters
    gap[:] = 0
    for k in range(rating.shape[0]):
        for n in range(rating.shape[1]):
            size = rating[k, n]
            if size > 0:
                voltage = (u[0, k, n] * u[0, k, n] + u[1, k, n] * u[1, k, n]) ** 0.5
                p, q = answer(laws[control[n], k], voltage, moved[k, n], wanted[k, n], size)
                dp, dq = p - held[0, k, n], q - held[1, k, n]
                gap[n] = max(gap[n], (dp * dp + dq * dq) ** 0.5 / size)
                held[0, k, n] += pace[n] * dp
                held[1, k, n] += pace[n] * dq
                s[0, k, n] += held[0, k, n]
                s[1, k, n] += held[1, k, n]
