"""Many power flows of one feeder at once: compiled loops over branches and scenarios.

Arrays of a *chunk* have one row per branch and one column (a *lane*) per scenario, real and
imaginary part apart, so that one instruction works on several scenarios. Voltages are per unit of
each branch's base, powers in kVA into the grid, and currents in kVA at 1 pu. Impedances are padded
with zeros to an even number of rows and columns.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.computing.kernels import kernel
from evergrid.grid.feeder.load_law import (
    ABOVE,
    CONSTANT,
    CUTOFF,
    EXPONENT,
    FADED,
    HIGH,
    LEVEL,
    LINEAR,
    LOW,
    NOMINAL,
    PART,
    RISE,
    SQUARE,
    STEEPNESS,
)
from evergrid.grid.inverters.volt_var_kernels import (
    INLINED,
    INNER,
    OPTIONS,
    InverterLanes,
    drive,
    idle_lanes,
)

SLOW = 0.05  # shrinking of changes from one iteration to the next that counts as no progress
SINGLE_ERROR = 2e-6  # pu: where single precision hands over to double
SINGLE_LIMIT = 12  # iterations in single precision at most
LANES = 64  # scenarios of a chunk, whose arrays then stay in the cache
AWAY = 1e9  # voltage beyond which a lane has run away, pu
STILL = 1e-13  # change of nothing but rounding, pu
SAFETY = 1.5  # changes may shrink less from now on than they just did
LEAST_LEFT = 0.1  # of a change at least is taken to be left, however fast changes shrink


class NetworkArrays(NamedTuple):
    """Impedance between branches and their voltages without load, real and imaginary."""

    gain_re: Array
    gain_im: Array
    open_re: Array
    open_im: Array


class Search(NamedTuple):
    """How voltages are iterated.

    Attributes:
        share: Share of the way to new voltages that an iteration goes.
        tolerance_pu: Error that may be left.
        iterations: Most iterations.
    """

    share: float
    tolerance_pu: float
    iterations: int


class OwnLoads(NamedTuple):
    """The feeder's own loads; no rows where they are left out.

    Attributes:
        power: Power and reactive power at nominal voltage.
        law: How they answer to voltage.
    """

    power: Array
    law: Array


@kernel(**INNER)
@no_type_check
def add_product(gain_re, gain_im, x_re, x_im, y_re, y_im):
    """``y += gain x`` in complex numbers; two rows and two columns at a time fill the registers."""
    rows, columns = gain_re.shape
    lanes = x_re.shape[1]
    for i in range(0, rows, 2):
        for k in range(0, columns, 2):
            a0, a1, b0, b1 = gain_re[i, k], gain_re[i, k + 1], gain_im[i, k], gain_im[i, k + 1]
            c0, c1 = gain_re[i + 1, k], gain_re[i + 1, k + 1]
            d0, d1 = gain_im[i + 1, k], gain_im[i + 1, k + 1]
            for n in range(lanes):
                r0, r1, s0, s1 = x_re[k, n], x_re[k + 1, n], x_im[k, n], x_im[k + 1, n]
                y_re[i, n] += a0 * r0 - b0 * s0 + a1 * r1 - b1 * s1
                y_im[i, n] += a0 * s0 + b0 * r0 + a1 * s1 + b1 * r1
                y_re[i + 1, n] += c0 * r0 - d0 * s0 + c1 * r1 - d1 * s1
                y_im[i + 1, n] += c0 * s0 + d0 * r0 + c1 * s1 + d1 * r1


@kernel(**INNER)
@no_type_check
def answer(x, law, first, ends, bent):
    """Share of its nominal power that a load takes, by the columns from ``first`` on."""
    faded, low, high, cutoff = ends
    if x <= faded:
        return x * x
    if x < low:
        taken = (law[first + RISE] * x + law[first + LEVEL]) * x
    elif x > high:
        taken = law[first + ABOVE] * x * x
    else:
        constant = law[first + CONSTANT]
        if bent:
            constant *= x ** law[first + EXPONENT]
        taken = (law[first + SQUARE] * x + law[first + LINEAR]) * x + constant
    if cutoff > 0:
        taken /= 1 + np.exp(STEEPNESS * (cutoff - x))
    return taken


@kernel(**INLINED)
@no_type_check
def add_loads(law, u_re, u_im, own_re, own_im, s_re, s_im):
    """Add the feeder's own loads, as they answer to the voltages, to the powers."""
    for k in range(len(law)):
        row, nominal = law[k], law[k, NOMINAL]
        ends = (law[k, FADED], law[k, LOW], law[k, HIGH], law[k, CUTOFF])
        bent = law[k, EXPONENT] != 0 or law[k, PART + EXPONENT] != 0
        for n in range(u_re.shape[1]):
            x = (u_re[k, n] ** 2 + u_im[k, n] ** 2) ** 0.5 / nominal
            s_re[k, n] += own_re[k, n] * answer(x, row, 0, ends, bent)
            s_im[k, n] += own_im[k, n] * answer(x, row, PART, ends, bent)


@kernel(**INNER)
@no_type_check
def currents(s_re, s_im, u_re, u_im, i_re, i_im):
    """Currents ``conj(s / u)`` of the powers at the voltages."""
    one = u_re.dtype.type(1)  # a plain 1.0 would make single precision double
    for k in range(s_re.shape[0]):
        for n in range(s_re.shape[1]):
            over = one / (u_re[k, n] * u_re[k, n] + u_im[k, n] * u_im[k, n])
            i_re[k, n] = (s_re[k, n] * u_re[k, n] + s_im[k, n] * u_im[k, n]) * over
            i_im[k, n] = (s_re[k, n] * u_im[k, n] - s_im[k, n] * u_re[k, n]) * over


@kernel(**INNER)
@no_type_check
def spread(column_re, column_im, y_re, y_im):
    """One complex column, copied to every lane."""
    for k in range(len(column_re)):
        y_re[k, :] = column_re[k]
        y_im[k, :] = column_im[k]


@kernel(**INNER)
@no_type_check
def copy(source, target):
    """Fill an array of three axes from another; ``target[:] = source`` compiles for seconds."""
    for part in range(source.shape[0]):
        for k in range(source.shape[1]):
            for n in range(source.shape[2]):
                target[part, k, n] = source[part, k, n]


@kernel(**INNER)
@no_type_check
def move(v_re, v_im, u_re, u_im, share, change):
    """Move voltages by a share of the way to their new values; tell how far those were.

    A lane that has run away is told by an infinite change; in it no voltage is a number any more,
    because every branch feels every current.
    """
    change[:] = 0
    for k in range(v_re.shape[0]):
        for n in range(v_re.shape[1]):
            d_re, d_im = v_re[k, n] - u_re[k, n], v_im[k, n] - u_im[k, n]
            change[n] = max(change[n], d_re * d_re + d_im * d_im)
            u_re[k, n] += share * d_re
            u_im[k, n] += share * d_im
    for n in range(len(change)):
        away = not abs(v_re[0, n]) < AWAY  # true for NaN
        change[n] = np.inf if away else np.sqrt(change[n])


@kernel(**INNER)
@no_type_check
def error_left(change, before, damping=1.0):
    """Error after a change, from how fast the changes shrink; infinite while they do not.

    Where only a share ``damping`` of the way is gone, changes may shrink by so much less.
    """
    if change < STILL:
        return change
    ratio = change / before
    if not ratio < 1.0 - SLOW * damping:  # also where either is NaN
        return np.inf
    return change * max(SAFETY * ratio / (1.0 - ratio), LEAST_LEFT)


@kernel(**INNER)
@no_type_check
def iterate(network, fixed, own, inverters, search, u, i, change, left):
    """Iterate the voltages of a chunk until the error that is left is tolerable in every lane.

    Args:
        network: `NetworkArrays`.
        fixed: Powers that do not depend on voltage.
        own: `OwnLoads` of the chunk.
        inverters: `InverterLanes`; without rows where there are none.
        search: `Search`.
        u: Voltages, from where they are to where they end.
        i: Currents, filled.
        change: What the last iteration changed in each lane.
        left: Least error left in each lane, filled; what has settled stays so while other lanes
            go on.

    Returns:
        The number of iterations.
    """
    s, v = np.empty_like(u), np.empty_like(u)
    before, gap = np.empty_like(change), np.zeros_like(change)
    any_inverter, damped = len(inverters.rating_kva) > 0, inverters.damping
    left[:] = np.inf
    for iteration in range(search.iterations):
        # Powers at the voltages so far, the currents that they drive, and what these make of the
        # voltages without load.
        copy(fixed, s)
        if len(own.law) > 0:
            add_loads(own.law, u[0], u[1], own.power[0], own.power[1], s[0], s[1])
        if any_inverter:
            drive(inverters, u, s, gap)
        currents(s[0], s[1], u[0], u[1], i[0], i[1])
        spread(network.open_re, network.open_im, v[0], v[1])
        add_product(network.gain_re, network.gain_im, i[0], i[1], v[0], v[1])
        for n in range(len(change)):
            before[n] = change[n]
        move(v[0], v[1], u[0], u[1], search.share, change)
        # The error that is left follows from how fast the changes shrink, inverters' too.
        worst = 0.0
        for n in range(len(change)):
            change[n] = max(change[n], gap[n])
            damping = damped[n] if any_inverter else 1.0
            left[n] = min(left[n], error_left(change[n], before[n], damping))
            worst = max(worst, left[n])
        if worst <= search.tolerance_pu:
            return iteration + 1
    return search.iterations


@kernel(**INNER)
@no_type_check
def in_single(inverters):
    """`InverterLanes` in single precision."""
    f4 = np.float32
    return InverterLanes(
        inverters.laws.astype(f4),
        inverters.control,
        inverters.rating_kva.astype(f4),
        inverters.wanted_kw.astype(f4),
        inverters.moved_pu.astype(f4),
        inverters.damping.astype(f4),
        inverters.power.astype(f4),
    )


@kernel(**INNER)
@no_type_check
def solve_chunk(single, double, fixed, own, inverters, search, u, i, left):
    """Voltages and currents of a chunk: most of the way in single precision, the end in double.

    Args:
        single: `NetworkArrays` in single precision.
        double: `NetworkArrays` in double precision.
        fixed: Powers that do not depend on voltage.
        own: `OwnLoads` of the chunk.
        inverters: `InverterLanes`, whose powers are filled; without rows where there are none.
        search: `Search`.
        u: Voltages, filled.
        i: Currents that drive them, filled.
        left: Error left in each lane, filled.

    Returns:
        The number of iterations.
    """
    f4 = np.float32
    change, change4 = np.ones_like(left), np.ones(len(left), f4)
    u4, i4, left4 = np.empty(u.shape, f4), np.zeros(i.shape, f4), np.empty(len(left), f4)
    fixed4, own4 = fixed.astype(f4), OwnLoads(own.power.astype(f4), own.law.astype(f4))
    inverters4 = in_single(inverters)
    spread(single.open_re, single.open_im, u4[0], u4[1])
    search4 = Search(f4(search.share), SINGLE_ERROR, SINGLE_LIMIT)
    first = iterate(single, fixed4, own4, inverters4, search4, u4, i4, change4, left4)
    # Double precision goes on from there; a lane that ran away begins anew without load.
    power, power4 = inverters.power, inverters4.power
    open_re, open_im = double.open_re, double.open_im
    for n in range(len(left)):
        settled = np.isfinite(change4[n])
        change[n] = change4[n] if settled else 1.0
        for k in range(u.shape[1]):
            u[0, k, n] = u4[0, k, n] if settled else open_re[k]
            u[1, k, n] = u4[1, k, n] if settled else open_im[k]
        for k in range(power.shape[1] if settled else 0):
            power[0, k, n], power[1, k, n] = power4[0, k, n], power4[1, k, n]
    i[:] = 0
    return first + iterate(double, fixed, own, inverters, search, u, i, change, left)


@kernel(**INNER)
@no_type_check
def lanes_of(given, share, order, wide):
    """`InverterLanes` of the scenarios of a chunk; they begin with what is asked of them.

    Args:
        given: `InverterLanes` by scenario and branch.
        share: Of `Search`, by which inverters are damped too.
        order: Scenarios of the chunk.
        wide: Branches, padded.
    """
    count = len(order) if len(given.rating_kva) > 0 else 0
    lanes = idle_lanes(given.laws, wide if count > 0 else 0, count)
    rating, wanted, power = lanes.rating_kva, lanes.wanted_kw, lanes.power
    own_kva, asked, given_moved = given.rating_kva, given.wanted_kw, given.moved_pu
    moved = lanes.moved_pu
    for n in range(count):
        row = order[n]
        lanes.damping[n], lanes.control[n] = share * given.damping[row], given.control[row]
        for k in range(own_kva.shape[1]):
            rating[k, n], wanted[k, n] = own_kva[row, k], asked[row, k]
            moved[k, n] = given_moved[row, k]
            power[0, k, n] = min(max(wanted[k, n], -rating[k, n]), rating[k, n])
    return lanes


class Scenarios(NamedTuple):
    """Powers by scenario and branch.

    Attributes:
        power_kw: Into the grid.
        reactive_kvar: Reactive power into the grid.
        load_share: Share of the feeder's own loads that is on.
    """

    power_kw: Array
    reactive_kvar: Array
    load_share: Array


class Solutions(NamedTuple):
    """What is found of each scenario: filled.

    Attributes:
        voltage: Voltages of the branches.
        iterations: Iterations taken.
        error_pu: Error left.
        inverter_power: Power and reactive power of the inverters.
    """

    voltage: Array
    iterations: Array
    error_pu: Array
    inverter_power: Array


@kernel(nogil=True, **OPTIONS)
@no_type_check
def solve(single, double, scenarios, own, inverters, order, search, found, first, stop):
    """Voltages of many scenarios: chunks from the first to before the last one.

    Args:
        single: `NetworkArrays` in single precision.
        double: `NetworkArrays` in double precision.
        scenarios: `Scenarios`.
        own: `OwnLoads`, at a share of 1.
        inverters: `InverterLanes`, by scenario and branch.
        order: Scenarios to be solved, similar ones beside each other.
        search: `Search`.
        found: `Solutions`.
        first: First chunk.
        stop: Chunk to stop at.
    """
    power_kw, reactive_kvar = scenarios.power_kw, scenarios.reactive_kvar
    load_share, own_power, law = scenarios.load_share, own.power, own.law
    voltage, answers = found.voltage, found.inverter_power
    branches, wide = power_kw.shape[1], double.gain_re.shape[0]
    # Scenarios of a chunk are copied side by side, so that one instruction works on all of them and
    # each entry of the impedance is read once for all; a chunk ends with its slowest scenario.
    for chunk in range(first, stop):
        here = order[chunk * LANES : (chunk + 1) * LANES]
        lanes = len(here)
        fixed, power = np.zeros((2, wide, lanes)), np.zeros((2, wide, lanes))
        u, i, left = np.empty((2, wide, lanes)), np.empty((2, wide, lanes)), np.empty(lanes)
        for n in range(lanes):
            row = here[n]
            for k in range(branches):
                fixed[0, k, n] = power_kw[row, k]
                fixed[1, k, n] = reactive_kvar[row, k]
                if len(law) > 0:
                    power[0, k, n] = load_share[row, k] * own_power[0, k]
                    power[1, k, n] = load_share[row, k] * own_power[1, k]
        chunk_own = OwnLoads(power, law)
        driven = lanes_of(inverters, search.share, here, wide)
        rounds = solve_chunk(single, double, fixed, chunk_own, driven, search, u, i, left)
        answered = driven.power
        for n in range(lanes):
            row = here[n]
            found.iterations[row] = rounds
            found.error_pu[row] = left[n]
            for k in range(branches):
                voltage[row, k] = complex(u[0, k, n], u[1, k, n])
                if answered.shape[1] > 0:
                    answers[0, row, k] = answered[0, k, n]
                    answers[1, row, k] = answered[1, k, n]
