"""Days of a feeder step by step, taps and banks remembering: compiled loops.

One scenario at a time: each has taps of its own and with them other wires, and one voltage at a
time is found fastest by products along the rows of the impedance. Numbers are as in
`power_flow_kernels` and `switching`; complex ones are two rows, real and imaginary.
"""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.grid.devices import capacitor_control, tap_control
from evergrid.grid.flow.power_flow_kernels import add_loads, currents, error_left, move
from evergrid.grid.ieee1547 import REFERENCE_PU
from evergrid.grid.inverters.volt_var_kernels import (
    INNER,
    OPTIONS,
    InverterLanes,
    answer,
    drive,
)

REFERENCE_LOW, REFERENCE_HIGH = REFERENCE_PU
ROUNDS = 200  # looks at the controls in one step at most; more, and they hunt
ITERATIONS = 400
# What is told of each step.
LOW, HIGH, LOSS, HEAD, KVAR, CUT, UNSETTLED, LOST, UNDECIDED = range(9)
TOLD = 9

sample_tap, act_tap, prefers = tap_control.sample, tap_control.act, tap_control.prefers
sample_bank, act_bank = capacitor_control.sample, capacitor_control.act
chosen = capacitor_control.chosen
TAP_STATE, TAP_CHOICE, TAP_ONE = tap_control.STATE, tap_control.CHOICE, tap_control.ONE
REVERSE, REVERSE_W = tap_control.REVERSE, tap_control.REVERSE_W
REVERSED, NEVER = tap_control.REVERSED, tap_control.NEVER
LEFTOVERS, FIRST = tap_control.LEFTOVERS, tap_control.FIRST
LOST_MOVE, NO_DIRECTION = tap_control.LOST, tap_control.UNDECIDED
PT_RATIO, CT_RATIO = capacitor_control.PT_RATIO, capacitor_control.CT_RATIO
VOLTAGE_CHOICE = capacitor_control.VOLTAGE_CHOICE
CURRENT_CHOICE = capacitor_control.CURRENT_CHOICE
BANK_STATE, OPENED = capacitor_control.STATE, capacitor_control.OPENED
LONG_AGO_S = capacitor_control.LONG_AGO_S


@kernel(**INNER)
@no_type_check
def copy(source, target):
    """Fill an array of two axes from another; ``target[:] = source`` compiles for seconds."""
    for part in range(source.shape[0]):
        for k in range(source.shape[1]):
            target[part, k] = source[part, k]


@kernel(**INNER)
@no_type_check
def add_times(gain, x, y):
    """``y += gain x`` in complex numbers, all of them real and imaginary part apart."""
    x_re, x_im = x[0], x[1]
    for r in range(gain.shape[1]):
        g_re, g_im = gain[0, r], gain[1, r]
        re, im = 0.0, 0.0
        for k in range(gain.shape[2]):
            re += g_re[k] * x_re[k] - g_im[k] * x_im[k]
            im += g_re[k] * x_im[k] + g_im[k] * x_re[k]
        y[0, r] += re
        y[1, r] += im


@kernel(**INNER)
@no_type_check
def turns(tapped, conductor, ratio):
    """Turns of a conductor's winding at a ratio of the regulator."""
    return ratio if tapped[conductor] > 0 else 1.0


@kernel(**INNER)
@no_type_check
def add_moved(dy, port, admittance, tapped, ratio, ratio0):
    """Add what a regulator's admittance at a ratio exceeds the one at another ratio by."""
    for a in range(len(port)):
        for b in range(len(port)):
            if port[a] >= 0 and port[b] >= 0:
                now = turns(tapped, a, ratio) * turns(tapped, b, ratio)
                then = turns(tapped, a, ratio0) * turns(tapped, b, ratio0)
                dy[port[a], port[b]] += admittance[a, b] * (1.0 / now - 1.0 / then)


@kernel(**INNER)
@no_type_check
def solve(matrix, right):
    """Replace ``right`` by the solution of ``matrix x = right``; the matrix is used up.

    As fast as `np.linalg.solve` at these sizes, which compiles for ten seconds.

    Source:
        Elimination with partial pivoting: Golub and Van Loan (2013), Matrix Computations, 3.4.
    """
    count = len(matrix)
    for k in range(count):
        pivot = k
        for r in range(k + 1, count):
            if abs(matrix[r, k]) > abs(matrix[pivot, k]):
                pivot = r
        for c in range(count):
            matrix[k, c], matrix[pivot, c] = matrix[pivot, c], matrix[k, c]
            right[k, c], right[pivot, c] = right[pivot, c], right[k, c]
        for r in range(k + 1, count):
            share = matrix[r, k] / matrix[k, k]
            if share != 0:
                for c in range(k + 1, count):
                    matrix[r, c] -= share * matrix[k, c]
                for c in range(count):
                    right[r, c] -= share * right[k, c]
    for k in range(count - 1, -1, -1):
        for j in range(k + 1, count):
            for c in range(count):
                right[k, c] -= matrix[k, j] * right[j, c]
        for c in range(count):
            right[k, c] /= matrix[k, k]


@kernel(**INNER)
@no_type_check
def answer_of_ports(devices, between, stand, answers):
    """How the ports' currents answer to their voltages with taps and banks where they stand.

    With D the change of admittances, v the voltages that currents of branches alone would give
    and Z between ports, the ports' currents are ``-(1 + D Z)^-1 D v``; that factor is filled.
    """
    (port, admittance, tapped), (bank_port, bank_admittance), begin = devices
    ratios, connected = stand
    dy = np.zeros(between.shape, np.complex128)
    if len(dy) == 0:
        return
    for g in range(len(port)):
        add_moved(dy, port[g], admittance[g], tapped[g], ratios[g], begin[0][g])
    for b in range(len(bank_port)):
        share = connected[b] - begin[1][b]
        for a in range(bank_port.shape[1]):
            for c in range(bank_port.shape[1]):
                if bank_port[b, a] >= 0 and bank_port[b, c] >= 0:
                    dy[bank_port[b, a], bank_port[b, c]] += share * bank_admittance[b, a, c]
    matrix = np.zeros(dy.shape, np.complex128)
    for a in range(len(dy)):
        matrix[a, a] = 1.0
        for k in range(len(dy)):
            if dy[a, k] != 0:
                for b in range(len(dy)):
                    matrix[a, b] += dy[a, k] * between[k, b]
    solve(matrix, dy)
    for a in range(len(dy)):
        for b in range(len(dy)):
            answers[0, a, b], answers[1, a, b] = -dy[a, b].real, -dy[a, b].imag


@kernel(**INNER)
@no_type_check
def settle(maps, answers, fixed, own, law, inverters, tolerance, u, i, j):
    """Voltages and currents of a step, from where the voltages are.

    Args:
        maps: As in `run`.
        answers: As `answer_of_ports` leaves them.
        fixed: Powers that do not depend on voltage.
        own: Powers of the feeder's loads at nominal voltage.
        law: How they answer to voltage.
        inverters: `InverterLanes` of one lane.
        tolerance: Error that may be left.
        u: Voltages of the branches, moved.
        i: Currents of the branches, filled.
        j: Currents of the ports, filled.

    Returns:
        The error that is left.
    """
    open_pu, gain, port_open, to_port, from_port = maps[0], maps[1], maps[2], maps[3], maps[4]
    wide = u.shape[1]
    s, v, vp = np.empty_like(u), np.empty_like(u), np.empty_like(j)
    u3, i3 = u.reshape(2, wide, 1), i.reshape(2, wide, 1)
    s3, v3, own3 = s.reshape(2, wide, 1), v.reshape(2, wide, 1), own.reshape(2, wide, 1)
    change, gap, before, left = np.zeros(1), np.zeros(1), 0.0, np.inf
    # A fixed point: powers and voltages give currents, i = conj(s / u), and these give voltages
    # anew, v = open + Z i + Z_p j. The ports' currents j stand for what taps and banks have moved
    # since the feeder was reduced; they answer to the ports' voltages in one product.
    for _ in range(ITERATIONS):
        copy(fixed, s)
        add_loads(law, u3[0], u3[1], own3[0], own3[1], s3[0], s3[1])
        drive(inverters, u3, s3, gap)
        currents(s3[0], s3[1], u3[0], u3[1], i3[0], i3[1])
        copy(open_pu, v)
        copy(port_open, vp)
        j[:] = 0.0
        add_times(to_port, i, vp)
        add_times(answers, vp, j)
        add_times(gain, i, v)
        add_times(from_port, j, v)
        before = change[0]
        move(v3[0], v3[1], u3[0], u3[1], 1.0, change)
        change[0] = max(change[0], gap[0])
        left = error_left(change[0], before, inverters.damping[0])
        if left <= tolerance:
            break
        if not np.isfinite(change[0]):
            copy(open_pu, u)
    return left


@kernel(**INNER)
@no_type_check
def across(port, v, conductor):
    """Voltage of a device's conductor."""
    k = port[conductor]
    return complex(v[0, k], v[1, k]) if k >= 0 else 0j


@kernel(**INNER)
@no_type_check
def current_into(port, admittance, tapped, conductor, ratio, v):
    """Current into a regulator at a conductor, kVA at 1 pu."""
    flow = 0j
    for b in range(len(port)):
        over = turns(tapped, conductor, ratio) * turns(tapped, b, ratio)
        flow += admittance[conductor, b] / over * across(port, v, b)
    return flow


@kernel(**INNER)
@no_type_check
def forward_w(device, places, c, ratio, v):
    """Power out of a regulator through the winding where a control measures, watts."""
    port, admittance, tapped = device
    g, winding, into = places[0][c], places[1][c], 0.0
    for a in range(port.shape[1]):
        if winding[a] and port[g, a] >= 0:
            flow = current_into(port[g], admittance[g], tapped[g], a, ratio, v)
            into += (across(port[g], v, a) * flow.conjugate()).real
    return -1000.0 * into


@kernel(**INNER)
@no_type_check
def at_winding(device, places, c, choice, ratio, v):
    """Voltage of the phase that counts at a regulator's winding, volts, and its current."""
    port, admittance, tapped = device
    g, sensed, returning, base_v = places[0][c], places[2][c], places[3][c], places[4][c]
    voltage, m = 0j, -1
    for k in range(len(sensed)):
        if sensed[k] >= 0:
            to = across(port[g], v, sensed[k]) - across(port[g], v, returning[k])
            if m < 0 or (choice != TAP_ONE and prefers(choice, abs(to), abs(voltage))):
                voltage, m = to, sensed[k]
    flow = current_into(port[g], admittance[g], tapped[g], m, ratio, v)
    return voltage * base_v, flow * 1000.0 / base_v


@kernel(**INNER)
@no_type_check
def look_at_taps(device, controls, ratios, v, y, now_s, taps):
    """Show each control of a regulator what it measures."""
    settings, places, remote = controls
    for c in range(len(settings)):
        ratio = ratios[places[0][c]]
        choice = settings[c, TAP_CHOICE]
        local, current = at_winding(device, places, c, choice, ratio, v)
        voltage, power = local, 0.0
        if remote[c] >= 0:
            voltage = complex(y[0, remote[c]], y[1, remote[c]])
        elif settings[c, REVERSE] > 0:
            power = forward_w(device, places, c, ratio, v)
        seen = (voltage, local, current, power, remote[c] >= 0)
        sample_tap(settings[c], taps[c], seen, ratio, now_s)


@kernel(**INNER)
@no_type_check
def look_at_banks(controls, connected, y, now_s, banks):
    """Show each control of a bank what it measures."""
    settings, bank, places = controls
    for c in range(len(settings)):
        first, volts, overrides, amperes, conductors = places[c]
        setting = settings[c]
        voltage = chosen(setting[VOLTAGE_CHOICE], y, first, volts) / setting[PT_RATIO]
        first += volts
        override = chosen(setting[VOLTAGE_CHOICE], y, first, overrides) / setting[PT_RATIO]
        first += overrides
        current = chosen(setting[CURRENT_CHOICE], y, first, amperes) / setting[CT_RATIO]
        first += amperes
        kw, kvar = 0.0, 0.0
        for at in range(first, first + conductors):
            flow = at + conductors
            kw += (y[0, at] * y[0, flow] + y[1, at] * y[1, flow]) / 1000.0
            kvar += (y[1, at] * y[0, flow] - y[0, at] * y[1, flow]) / 1000.0
        seen = (voltage, override, current, kw, kvar)
        sample_bank(setting, banks[c], connected[bank[c]] > 0, seen, now_s)


@kernel(**INNER)
@no_type_check
def act_all(tap_controls, bank_controls, stand, states, moves, now_s):
    """Let every control do what is due. Tells whether anything was."""
    done = False
    for c in range(len(states[0])):
        at = tap_controls[1][0][c]
        done |= act_tap(tap_controls[0][c], states[0][c], at, stand[0], moves, now_s)
    for c in range(len(states[1])):
        done |= act_bank(states[1][c], bank_controls[1][c], stand[1], now_s)
    return done


@kernel(**INNER)
@no_type_check
def read(maps, i, j, vp, y):
    """Voltages of the ports and the control readings, from the currents."""
    copy(maps[2], vp)
    copy(maps[6], y)
    add_times(maps[3], i, vp)
    add_times(maps[5], j, vp)
    add_times(maps[7], i, y)
    add_times(maps[8], j, y)


@kernel(**INNER)
@no_type_check
def ask(power_kw, load_share, loads, rating, step, wanted, fixed, own):
    """Powers of a step: asked of inverters, fixed where there is none, and the feeder's loads."""
    fixed[:] = 0
    for k in range(len(power_kw)):
        wanted[k, 0] = power_kw[k, step]
        if rating[k, 0] == 0:
            fixed[0, k] = power_kw[k, step]
        share = load_share[min(k, len(load_share) - 1), step]
        own[0, k], own[1, k] = share * loads[0, k], share * loads[1, k]


@kernel(**INNER)
@no_type_check
def delayed(laws, rating, wanted, moved, seen, fixed, held):
    """Powers of inverters that answer to a voltage they have come to see; added to the others."""
    for k in range(len(rating)):
        if rating[k, 0] > 0:
            law = laws[k]
            p, q = answer(law, seen[k], moved[k, 0], wanted[k, 0], rating[k, 0])
            held[0, k, 0], held[1, k, 0] = p, q
            fixed[0, k] += p
            fixed[1, k] += q


@kernel(**INNER)
@no_type_check
def follow(u, lag, adjusting, nominal, rating, seen, moved):
    """Let what inverters see, and their references, follow the voltages of the step."""
    for k in range(len(rating)):
        if rating[k, 0] > 0:
            size = np.hypot(u[0, k], u[1, k])
            seen[k] += lag * (size - seen[k])
            if adjusting > 0:
                reference = nominal + moved[k, 0]
                reference += adjusting * (size - reference)
                moved[k, 0] = min(max(reference, REFERENCE_LOW), REFERENCE_HIGH) - nominal


@kernel(**INNER)
@no_type_check
def tell(u, i, y, source, rating, wanted, held, step, told, spans):
    """Keep what is told of a step."""
    first, count = source
    low, high, into = np.inf, -np.inf, 0.0
    for k in range(spans.shape[1]):
        size = np.hypot(u[0, k], u[1, k])
        low, high = min(low, size), max(high, size)
        spans[0, k], spans[1, k] = min(spans[0, k], size), max(spans[1, k], size)
        into += u[0, k] * i[0, k] + u[1, k] * i[1, k]
        if rating[k, 0] > 0:
            told[KVAR, step] += held[1, k, 0]
            told[CUT, step] += wanted[k, 0] - held[0, k, 0]
    head = 0.0 if count > 0 else np.nan
    for c in range(count):
        at, flow = first + c, first + count + c
        head += (y[0, at] * y[0, flow] + y[1, at] * y[1, flow]) / 1000.0
    told[LOW, step], told[HIGH, step] = low, high
    told[HEAD, step], told[LOSS, step] = head, head + into


@kernel(**INNER)
@no_type_check
def beginning(device, controls, ratios, v, leftovers, bank_controls):
    """States of the controls before the first step: nothing under way, power as it then flows."""
    settings, places, remote = controls
    taps = np.zeros((len(settings), TAP_STATE))
    banks = np.zeros((bank_controls, BANK_STATE))
    for c in range(len(taps)):
        taps[c, FIRST:], taps[c, LEFTOVERS] = NEVER, leftovers
        if settings[c, REVERSE] > 0 and remote[c] < 0:
            power = forward_w(device, places, c, ratios[places[0][c]], v)
            taps[c, REVERSED] = 1.0 if power < -settings[c, REVERSE_W] else 0.0
    for c in range(len(banks)):
        banks[c, OPENED] = LONG_AGO_S
    return taps, banks


@kernel(nogil=True, **OPTIONS)
@no_type_check
def run(maps, between, devices, tap_controls, bank_controls, source, start, given, how, out):
    """Step a scenario through time.

    Args:
        maps: Voltages of branches without load and impedance between them; voltages of ports
            without load, maps from branches to ports, from ports to branches and between ports;
            offset of the control readings, and maps from branches and ports to them.
        between: The map between ports as complex numbers.
        devices: Regulators, banks, and where everything stands in the reduction.
        tap_controls: Settings of the regulators' controls; which regulator each moves, the winding
            where it measures, the conductors there and what they are measured against, with their
            nominal voltage; and the reading of another bus.
        bank_controls: Settings of the banks' controls, the bank of each, and where its
            measurements are in the readings.
        source: Where the source is in the readings.
        start: Ratios of the regulators and which banks are connected before the first step.
        given: Powers asked for by branch and step; shares of the feeder's own loads, these loads
            and how they answer to voltage; law and rating of the inverter at each branch; share
            of the way by iteration, and by step for what inverters see and for their reference;
            where the reference begins.
        how: Length of a step, error that may be left, whether moves of taps are left over.
        out: Filled: ratios, banks, moves of each regulator, what is told of each step, span of
            each branch's voltage.
    """
    power_kw, load_share, loads, law, laws, rating_kva, damping, lag, adjusting, nominal = given
    step_s, tolerance, leftovers = how
    ratio_path, bank_path, moves, told, spans = out
    wide, tall = maps[1].shape[1], maps[3].shape[1]
    rating = rating_kva.reshape(wide, 1)
    wanted, moved, held = np.zeros((wide, 1)), np.zeros((wide, 1)), np.zeros((2, wide, 1))
    at_once = rating if lag >= 1.0 else np.zeros((wide, 1))
    fixed, own, i = np.zeros((2, wide)), np.zeros((2, wide)), np.zeros((2, wide))
    j, vp = np.zeros((2, tall)), np.zeros((2, tall))
    y, answers = np.zeros(maps[6].shape), np.zeros((2, tall, tall))
    u = maps[0].copy()
    seen = np.hypot(u[0], u[1])
    stand = (start[0].copy(), start[1].copy())
    answer_of_ports(devices, between, stand, answers)
    kind, share = np.zeros(1, np.int64), np.full(1, damping)
    law_rows = laws.reshape(1, wide, -1)
    inverters = InverterLanes(law_rows, kind, at_once, wanted, moved, share, held)
    # Which way power flows before the first step: all own loads on, nothing asked of inverters.
    copy(loads, own)
    settle(maps, answers, fixed, own, law, inverters, tolerance, u, i, j)
    read(maps, i, j, vp, y)
    taps, banks = beginning(
        devices[0], tap_controls, stand[0], vp, leftovers, len(bank_controls[0])
    )
    copy(maps[0], u)
    for step in range(power_kw.shape[1]):
        now_s = (step + 1) * step_s
        ask(power_kw, load_share, loads, rating, step, wanted, fixed, own)
        if lag < 1.0:
            delayed(laws, rating, wanted, moved, seen, fixed, held)
        told[UNSETTLED, step] = 1.0
        for _ in range(ROUNDS):
            left = settle(maps, answers, fixed, own, law, inverters, tolerance, u, i, j)
            read(maps, i, j, vp, y)
            if not left <= tolerance:
                break
            look_at_taps(devices[0], tap_controls, stand[0], vp, y, now_s, taps)
            look_at_banks(bank_controls, stand[1], y, now_s, banks)
            if not act_all(tap_controls, bank_controls, stand, (taps, banks), moves, now_s):
                told[UNSETTLED, step] = 0.0
                break
            answer_of_ports(devices, between, stand, answers)
        follow(u, lag, adjusting, nominal, rating, seen, moved)
        tell(u, i, y, source, rating, wanted, held, step, told, spans)
        for c in range(len(taps)):
            if taps[c, LOST_MOVE] > 0:
                told[LOST, step] = c + 1  # counted from 1: 0 is none
            if taps[c, NO_DIRECTION] > 0:
                told[UNDECIDED, step] = c + 1
        for g in range(len(ratio_path)):
            ratio_path[g, step] = stand[0][g]
        for b in range(len(bank_path)):
            bank_path[b, step] = stand[1][b] > 0
