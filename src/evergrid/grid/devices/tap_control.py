"""When a regulator changes its tap: band, limit, line drop compensation, delays, reverse flow.

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

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel
from evergrid.grid.feeder.feeder import Feeder, Regulator, ReverseFlow, TapControl
from evergrid.grid.inverters.volt_var_kernels import INLINED

CHOICES = ("one", "highest", "lowest")
ONE, HIGHEST_PHASE, LOWEST_PHASE = range(3)

# Columns of settings.
TARGET, BAND, DROP_R, DROP_X, DROP_Z, PT_RATIO, CT_PRIMARY, DELAY, TAP_DELAY, INVERSE = range(10)
STEP, LOWEST, HIGHEST, BOOST, SAME_WINDING, CHOICE, FROZEN, LIMIT, REMOTE_RATIO = range(10, 19)
REVERSE, COGENERATION, REVERSE_W, REVERSE_DELAY, TO_NEUTRAL = range(19, 24)
REVERSE_TARGET, REVERSE_BAND, REVERSE_R, REVERSE_X, REVERSE_Z = range(24, 29)
SETTINGS = 29
# Columns of a control's state. Moves under way are the times they are due; the first of an
# excursion has its own place, for it is forgotten when the voltage comes back. `LOST` tells that a
# move found no place, `UNDECIDED` that no power flows where any would tell a direction.
ARMED, PENDING, REVERSED, TURNING, TURN_DUE, LEFTOVERS, LOST, UNDECIDED, FIRST = range(9)
FURTHER = 32  # places of moves beyond the first
STATE = FIRST + 1 + FURTHER
NEVER = np.inf

EARLY = 1e-6  # s: an action this far ahead is due, against rounding of times
LEAST_SHARE = 0.9  # of a step: what is still wanted and less than this is forgotten
NO_FLOW_W = 0.01  # power below which its sign is one of rounding
NEUTRAL = 1e-12  # of a ratio from the nominal one: nearer than this it is nominal
LEAST_MOVE = 1e-6  # of a step: less than this is rounding, no operation
FASTEST = 10.0  # that the inverse time shortens the delay by, at most


def settings(feeder: Feeder) -> Float[Array, "control setting"]:
    """Settings of the regulators' controls, as the kernels read them."""
    rows = [_row(regulator, control) for regulator, control in pairs(feeder)]
    return np.array(rows).reshape(len(rows), SETTINGS)


def pairs(feeder: Feeder) -> list[tuple[Regulator, TapControl]]:
    """Every control and the regulator whose tap it moves, in the order of every control axis."""
    return [
        (regulator, control) for regulator in feeder.regulators for control in regulator.controls
    ]


def regulators(feeder: Feeder) -> Int[Array, " control"]:
    """Row of the regulator whose tap each control moves."""
    counts = [len(regulator.controls) for regulator in feeder.regulators]
    return np.repeat(np.arange(len(counts)), counts)


def _row(regulator: Regulator, control: TapControl) -> list[float]:
    return [
        control.target_v,
        control.band_v,
        control.compensation_v.real,
        control.compensation_v.imag,
        control.compensation_z_v,
        control.pt_ratio,
        control.ct_primary_a,
        control.delay_s,
        control.tap_delay_s,
        float(control.inverse_time),
        regulator.step,
        regulator.lowest,
        regulator.highest,
        control.pt_ratio / control.winding_v,
        float(control.same_winding),
        float(CHOICES.index(control.choice)),
        float(control.frozen),
        control.limit_v,
        control.remote_pt_ratio,
        *_reverse_row(control.reverse),
    ]


def _reverse_row(reverse: ReverseFlow | None) -> list[float]:
    if reverse is None:
        return [0.0] * (SETTINGS - REVERSE)
    return [
        1.0,
        float(reverse.cogeneration),
        1000.0 * reverse.threshold_kw,
        reverse.delay_s,
        float(reverse.to_neutral),
        reverse.target_v,
        reverse.band_v,
        reverse.compensation_v.real,
        reverse.compensation_v.imag,
        reverse.compensation_z_v,
    ]


@kernel(**INLINED)
@no_type_check
def prefers(choice, size, found):
    """Whether a phase counts rather than the one found before."""
    return size > found if choice == HIGHEST_PHASE else size < found


@kernel(**INLINED)
@no_type_check
def compensated_v(setting, control_v, current_a, back):
    """Voltage that the control sees: behind the compensator's image of the line.

    The current counts into the regulator at the terminal where it is measured.
    """
    r, x, z = setting[DROP_R], setting[DROP_X], setting[DROP_Z]
    if r == 0 and x == 0 and z <= 0:  # the compensator is off, whatever its reverse settings
        return abs(control_v)
    by_magnitude = z != 0
    if back:
        r, x, z = setting[REVERSE_R], setting[REVERSE_X], setting[REVERSE_Z]
    current = current_a / setting[CT_PRIMARY]
    if by_magnitude:
        return abs(abs(control_v) - abs(current) * z)
    return abs(control_v + complex(r, x) * current)


@kernel(**INLINED)
@no_type_check
def turn(setting, state, forward_w, now_s):
    """Mark that power has begun to flow the other way, or forget it when that ends."""
    limit = setting[REVERSE_W]
    if limit == 0 and abs(forward_w) < NO_FLOW_W:
        state[UNDECIDED] = 1.0
    other = forward_w < -limit if state[REVERSED] == 0 else forward_w > limit
    if not other:
        state[TURNING] = 0
    elif state[TURNING] == 0:
        state[TURNING], state[TURN_DUE] = 1, now_s + setting[REVERSE_DELAY]


@kernel(**INLINED)
@no_type_check
def go_to_neutral(setting, state, ratio, now_s):
    """Arm the move to the nominal ratio, unless a move is under way."""
    if state[ARMED] > 0:
        return
    state[PENDING] = 0
    if abs(ratio - 1.0) > NEUTRAL:
        state[PENDING] = np.round((1.0 - ratio) / setting[STEP]) * setting[STEP]
        if state[PENDING] != 0:
            add_move(state, now_s + setting[TAP_DELAY])
            state[ARMED] = 1


@kernel(**INLINED)
@no_type_check
def sample(setting, state, seen, ratio, now_s):
    """Look at the voltage: arm the control outside its band, disarm it inside.

    Args:
        setting: Settings of the control.
        state: Its state, changed.
        seen: Voltage of the winding or of the other bus; voltage of the winding, as a limit
            judges it; current; power forward, watts; whether the voltage is of another bus.
        ratio: Ratio of turns where the regulator stands.
        now_s: Time.
    """
    voltage_v, local_v, current_a, forward_w, remote = seen
    if setting[FROZEN] > 0:
        return
    watching = setting[REVERSE] > 0 and not remote
    if watching:
        before = state[REVERSED] > 0
        turn(setting, state, forward_w, now_s)
        if before and setting[TO_NEUTRAL] > 0:
            go_to_neutral(setting, state, ratio, now_s)
            return
    # With power reversed, the control has settings of its own. Unless it cogenerates, it then
    # regulates the side it took for the source: there the voltage is that of its own winding over
    # the ratio, and raising it takes a lower tap.
    back = state[REVERSED] > 0
    other_side = back and setting[COGENERATION] == 0
    target, band = setting[TARGET], setting[BAND]
    if back:
        target, band = setting[REVERSE_TARGET], setting[REVERSE_BAND]
    if remote:
        seen_v = abs(voltage_v / setting[REMOTE_RATIO])
    else:
        seen_v = compensated_v(setting, voltage_v / setting[PT_RATIO], current_a, back)
    if other_side:
        seen_v /= ratio
    off_v = target - seen_v
    here_v = abs(local_v / setting[PT_RATIO])
    passed = setting[LIMIT] > 0 and here_v > setting[LIMIT]
    if abs(off_v) <= band / 2.0 and not passed:
        if state[LEFTOVERS] == 0:
            state[FIRST:] = NEVER
        elif state[ARMED] > 0:
            state[FIRST] = NEVER
        state[PENDING], state[ARMED] = 0, 0
        return
    if passed:
        off_v = setting[LIMIT] - here_v
    # What is missing, as a share of the winding's voltage, in whole steps of the ratio.
    wanted = np.round(off_v * setting[BOOST] / setting[STEP]) * setting[STEP]
    against = (setting[SAME_WINDING] == 0) or other_side
    state[PENDING] = -wanted if against else wanted
    up = state[PENDING] > 0 and ratio < setting[HIGHEST]
    down = state[PENDING] < 0 and ratio > setting[LOWEST]
    if (up or down) and state[ARMED] == 0:
        delay = setting[DELAY]
        if setting[INVERSE] > 0:
            delay /= min(FASTEST, 2.0 * abs(setting[TARGET] - seen_v) / setting[BAND])
        add_move(state, state[FIRST])
        state[ARMED], state[FIRST] = 1, now_s + delay


@kernel(**INLINED)
@no_type_check
def add_move(state, due_s):
    """Put a further move under way, or mark that there is no place for it."""
    if due_s == NEVER:
        return
    for k in range(FIRST + 1, STATE):
        if state[k] == NEVER:
            state[k] = due_s
            return
    state[LOST] = 1.0


@kernel(**INLINED)
@no_type_check
def next_due(state, now_s):
    """Place of a move that is due; none is 0."""
    for k in range(FIRST, STATE):
        if state[k] <= now_s + EARLY:
            return k
    return 0


@kernel(**INLINED)
@no_type_check
def act(setting, state, regulator, ratios, moves, now_s):
    """Do what is due: turn to the other direction's settings, move taps. Tells if anything was."""
    done = False
    if state[TURNING] > 0 and state[TURN_DUE] <= now_s + EARLY:
        state[REVERSED], state[TURNING], done = 1 - state[REVERSED], 0, True
    due = next_due(state, now_s)
    while due > 0:
        state[due], done = NEVER, True
        if state[PENDING] != 0:
            way = np.sign(state[PENDING]) * setting[STEP]
            before = ratios[regulator]
            ratios[regulator] = min(max(before + way, setting[LOWEST]), setting[HIGHEST])
            if abs(ratios[regulator] - before) > LEAST_MOVE * setting[STEP]:
                moves[regulator] += 1
            state[PENDING] -= way
            if abs(state[PENDING]) < LEAST_SHARE * setting[STEP]:
                state[PENDING] = 0
        if state[PENDING] == 0:
            state[ARMED] = 0
        else:
            add_move(state, now_s + setting[TAP_DELAY])
        due = next_due(state, now_s)
    return done
