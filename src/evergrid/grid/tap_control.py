"""When a regulator changes its tap: band, line drop compensation, delays, reverse flow.

A regulator that measures a voltage outside its band is *armed*; unless the voltage comes back
before the delay is over, the tap moves, and goes on moving tap by tap until the voltage that was
missing is made up. Controls look and act at the end of each step, so that a tap takes at least a
step where it has any delay.

OpenDSS forgets the first move when the voltage comes back, but not further ones that are under
way: they are carried out as soon as the voltage leaves the band again, without the delay, so that
its taps move more often. Here everything is forgotten, unless `LEFTOVERS` is asked for.

Source:
    The regulator control of OpenDSS, in its mode of time; see docs/concepts/volt_var.md.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from evergrid.core.arrays import Array, Float
from evergrid.grid.feeder import GROUND, Feeder, Regulator
from evergrid.grid.volt_var_kernels import INLINED

REVERSE_DELAY_S = 60.0  # before the settings of reverse flow hold, or cease to; OpenDSS' default

# Columns of settings.
TARGET, BAND, DROP_R, DROP_X, PT_RATIO, CT_PRIMARY, DELAY, TAP_DELAY = range(8)
LOWEST, HIGHEST, STEP, BOOST, REVERSE, REVERSE_KW = range(8, 14)
REVERSE_TARGET, REVERSE_BAND, REVERSE_R, REVERSE_X = range(14, 18)
SETTINGS = 18
# Columns of a regulator's state. Moves under way are the times they are due; the first of an
# excursion has its own place, for it is forgotten when the voltage comes back.
TAP, ARMED, PENDING, REVERSED, TURNING, TURN_DUE, LEFTOVERS, FIRST = range(8)
STATE = 15
NEVER = np.inf

EARLY = 1e-6  # s: an action this far ahead is due, against rounding of times


def settings(feeder: Feeder) -> Float[Array, "regulator setting"]:
    """Settings of the regulators' controls, as the kernels read them."""
    rows = [_row(feeder, regulator) for regulator in feeder.regulators]
    return np.array(rows).reshape(len(rows), SETTINGS)


def _row(feeder: Feeder, regulator: Regulator) -> list[float]:
    between = regulator.nodes[regulator.returning] != GROUND
    winding_v = feeder.base_v[regulator.nodes[regulator.measured]] * (3**0.5 if between else 1.0)
    target, band, drop = regulator.reverse or (0.0, 0.0, 0j)
    own = bool(regulator.tapped[regulator.measured])  # else the tap moves the other way
    return [
        regulator.target_v,
        regulator.band_v,
        regulator.compensation_v.real,
        regulator.compensation_v.imag,
        regulator.pt_ratio,
        regulator.ct_primary_a,
        regulator.delay_s,
        regulator.tap_delay_s,
        float(regulator.lowest),
        float(regulator.highest),
        regulator.step,
        (1.0 if own else -1.0) * regulator.pt_ratio / float(winding_v) / regulator.step,
        float(regulator.reverse is not None),
        regulator.reverse_kw,
        target,
        band,
        drop.real,
        drop.imag,
    ]


@njit(**INLINED)
@no_type_check
def measured_v(setting, voltage_v, current_a, reverse):
    """Voltage that the control sees: behind the compensator's image of the line.

    The current counts into the regulator at the terminal where it is measured.
    """
    r, x = setting[DROP_R], setting[DROP_X]
    if reverse:
        r, x = setting[REVERSE_R], setting[REVERSE_X]
    drop = complex(r, x) * current_a / setting[CT_PRIMARY]
    return abs(voltage_v / setting[PT_RATIO] + drop)


@njit(**INLINED)
@no_type_check
def turn(setting, state, forward_kw, now_s):
    """Mark that power has begun to flow the other way, or forget it when that ends."""
    if setting[REVERSE] == 0:
        return
    limit = setting[REVERSE_KW]
    other = forward_kw < -limit if state[REVERSED] == 0 else forward_kw > limit
    if not other:
        state[TURNING] = 0
    elif state[TURNING] == 0:
        state[TURNING], state[TURN_DUE] = 1, now_s + REVERSE_DELAY_S


@njit(**INLINED)
@no_type_check
def sample(setting, state, voltage_v, current_a, forward_kw, now_s):
    """Look at the voltage: arm the control outside its band, disarm it inside."""
    turn(setting, state, forward_kw, now_s)
    reverse = state[REVERSED] > 0
    target, band = setting[TARGET], setting[BAND]
    seen = measured_v(setting, voltage_v, current_a, reverse)
    if reverse:
        target, band = setting[REVERSE_TARGET], setting[REVERSE_BAND]
        seen /= 1.0 + state[TAP] * setting[STEP]
    if abs(target - seen) <= band / 2.0:
        if state[LEFTOVERS] == 0:
            state[FIRST:] = NEVER
        elif state[ARMED] > 0:
            state[FIRST] = NEVER
        state[PENDING], state[ARMED] = 0, 0
        return
    taps = np.round((target - seen) * setting[BOOST])
    state[PENDING] = -taps if reverse else taps
    up = state[PENDING] > 0 and state[TAP] < setting[HIGHEST]
    down = state[PENDING] < 0 and state[TAP] > setting[LOWEST]
    if (up or down) and state[ARMED] == 0:
        add_move(state, state[FIRST])
        state[ARMED], state[FIRST] = 1, now_s + setting[DELAY]


@njit(**INLINED)
@no_type_check
def add_move(state, due_s):
    """Put a further move under way."""
    for k in range(FIRST + 1, STATE):
        if state[k] == NEVER:
            state[k] = due_s
            return


@njit(**INLINED)
@no_type_check
def next_due(state, now_s):
    """Place of a move that is due; none is 0."""
    for k in range(FIRST, STATE):
        if state[k] <= now_s + EARLY:
            return k
    return 0


@njit(**INLINED)
@no_type_check
def act(setting, state, now_s):
    """Do what is due: turn to the other direction's settings, move taps. Tells if it did."""
    before, turned = state[TAP], False
    if state[TURNING] > 0 and state[TURN_DUE] <= now_s + EARLY:
        state[REVERSED], state[TURNING], turned = 1 - state[REVERSED], 0, True
    due = next_due(state, now_s)
    while due > 0:
        state[due] = NEVER
        way = np.sign(state[PENDING])
        state[TAP] = min(max(state[TAP] + way, setting[LOWEST]), setting[HIGHEST])
        state[PENDING] -= way
        if state[PENDING] == 0:
            state[ARMED] = 0
        else:
            add_move(state, now_s + setting[TAP_DELAY])
        due = next_due(state, now_s)
    return turned or state[TAP] != before
