"""What every inverter of a chunk answers to the voltages of an iteration: compiled loops."""

from typing import Any, NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.computing.kernels import kernel

# NaN and infinity keep their meaning: they are how a divergence shows.
OPTIONS: dict[str, Any] = {
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


@kernel(**INNER)
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


@kernel(**INNER)
@no_type_check
def let_through(law, voltage_pu):
    """Share of the rating that may go into the grid at a voltage."""
    start, end = law[WATT_START], law[WATT_END]
    share = min(max((voltage_pu - start) / (end - start), 0.0), 1.0)
    return 1.0 - share * (1.0 - law[WATT_FLOOR])


@kernel(**INLINED)
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


class InverterLanes(NamedTuple):
    """The inverters of a chunk, by branch and lane; arrays without rows where there are none.

    Attributes:
        laws: What each way of control does at each branch.
        control: Way of control of each lane.
        rating_kva: Rated apparent powers; 0 where there is no inverter.
        wanted_kw: Powers that are asked for.
        moved_pu: How far references have moved.
        damping: Share of the way to its answer that an inverter goes in an iteration, by lane.
        power: Powers they have, real and reactive; moved from iteration to iteration.
    """

    laws: Array
    control: Array
    rating_kva: Array
    wanted_kw: Array
    moved_pu: Array
    damping: Array
    power: Array


@kernel(**INNER)
@no_type_check
def idle_lanes(laws, rows, lanes):
    """Inverters of a chunk that are asked for nothing, to be filled."""
    rating, wanted = np.zeros((rows, lanes)), np.zeros((rows, lanes))
    moved, power = np.zeros((rows, lanes)), np.zeros((2, rows, lanes))
    control, damping = np.zeros(lanes, np.int64), np.ones(lanes)
    return InverterLanes(laws, control, rating, wanted, moved, damping, power)


@kernel(**INNER)
@no_type_check
def drive(inverters, u, s, gap):
    """Move the inverters of a chunk towards their answers and add their powers to the others.

    Args:
        inverters: `InverterLanes`, whose powers are moved.
        u: Voltages.
        s: Powers, added to.
        gap: Filled: how far the farthest answer of a lane was, over the rating.
    """
    # Taken from the record once: each time that an array is, it is counted as used.
    laws, control, rating = inverters.laws, inverters.control, inverters.rating_kva
    wanted, moved, damping = inverters.wanted_kw, inverters.moved_pu, inverters.damping
    power = inverters.power
    gap[:] = 0
    for k in range(rating.shape[0]):
        for n in range(rating.shape[1]):
            size = rating[k, n]
            if size > 0:
                voltage = (u[0, k, n] * u[0, k, n] + u[1, k, n] * u[1, k, n]) ** 0.5
                p, q = answer(laws[control[n], k], voltage, moved[k, n], wanted[k, n], size)
                dp, dq = p - power[0, k, n], q - power[1, k, n]
                gap[n] = max(gap[n], (dp * dp + dq * dq) ** 0.5 / size)
                power[0, k, n] += damping[n] * dp
                power[1, k, n] += damping[n] * dq
                s[0, k, n] += power[0, k, n]
                s[1, k, n] += power[1, k, n]
