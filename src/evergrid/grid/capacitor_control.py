"""When a capacitor bank switches: by voltage, current or reactive power, with its delays.

Source:
    The capacitor control of OpenDSS; see docs/concepts/volt_var.md.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.grid.feeder import Capacitor, Feeder
from evergrid.grid.tap_control import EARLY
from evergrid.grid.volt_var_kernels import INLINED

KINDS = ("none", "voltage", "current", "kvar")
NONE, VOLTAGE, CURRENT, KVAR = range(4)

# Columns of settings.
KIND, ON, OFF, RATIO, OVER_LOW, OVER_HIGH, DELAY, DELAY_OFF, DEAD = range(9)
SETTINGS = 9
# Columns of a bank's state.
CONNECTED, ARMED, DUE, PENDING, OPENED = range(5)
STATE = 5
STAY, CLOSE, OPEN = 0, 1, 2  # what is pending
LONG_AGO_S = -1e12


def settings(feeder: Feeder) -> Float[Array, "bank setting"]:
    """Settings of the banks' controls, as the kernels read them.

    Raises:
        InputError: A control of a kind that is not known here.
    """
    odd = [
        bank
        for bank in feeder.capacitors
        if bank.control is not None and bank.control.kind not in KINDS
    ]
    kinds = tuple(bank.control.kind for bank in odd if bank.control is not None)
    names = tuple(bank.name for bank in odd)
    rule, fix = "be voltage, current or kvar", "Disable it, or give it another type."
    raise_if_any("feeder", [Fault("capcontrol.type", rule, kinds, names, fix=fix)] if odd else [])
    rows = [_row(bank) for bank in feeder.capacitors]
    return np.array(rows).reshape(len(rows), SETTINGS)


def _row(bank: Capacitor) -> list[float]:
    control = bank.control
    if control is None:
        return [float(NONE), 0.0, 0.0, 1.0, -np.inf, np.inf, 0.0, 0.0, 0.0]
    # The ratio of a current control is that of its current; its override is not judged.
    voltage = control.override_v if control.kind != "current" else None
    low, high = voltage or (-np.inf, np.inf)
    return [
        float(KINDS.index(control.kind)),
        control.on,
        control.off,
        control.ratio,
        low,
        high,
        control.delay_s,
        control.delay_off_s,
        control.dead_s,
    ]


@njit(**INLINED)
@no_type_check
def wish(setting, connected, voltage_v, current_a, kvar):
    """What the control wants at what it measures: to stay, to close or to open."""
    volts = voltage_v / setting[RATIO]
    kind = setting[KIND]
    if kind == VOLTAGE:
        if connected:
            return OPEN if volts > setting[OFF] else STAY
        return CLOSE if volts < setting[ON] else STAY
    if connected and volts > setting[OVER_HIGH]:
        return OPEN
    if not connected and volts < setting[OVER_LOW]:
        return CLOSE
    value = current_a / setting[RATIO] if kind == CURRENT else kvar
    if connected:
        return OPEN if value < setting[OFF] else STAY
    return CLOSE if value > setting[ON] else STAY


@njit(**INLINED)
@no_type_check
def sample(setting, state, voltage_v, current_a, kvar, now_s):
    """Look at what is measured: arm the control if it should switch, disarm it if not."""
    if setting[KIND] == NONE:
        return
    state[PENDING] = wish(setting, state[CONNECTED] > 0, voltage_v, current_a, kvar)
    if state[PENDING] == STAY:
        state[ARMED] = 0
    elif state[ARMED] == 0:
        delay = setting[DELAY_OFF]
        if state[PENDING] == CLOSE:
            waited = now_s - state[OPENED]
            delay = max(setting[DELAY], setting[DEAD] + setting[DELAY] - waited)
        state[ARMED], state[DUE] = 1, now_s + delay


@njit(**INLINED)
@no_type_check
def act(state, now_s):
    """Do what is due. Tells whether the bank switched."""
    if state[ARMED] == 0 or state[DUE] > now_s + EARLY:
        return False
    state[ARMED] = 0
    if state[PENDING] == OPEN:
        state[OPENED] = now_s
    state[CONNECTED] = 1 if state[PENDING] == CLOSE else 0
    return True
