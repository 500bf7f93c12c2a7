"""When a capacitor bank switches: by what its controls measure, with their delays.

Controls of one bank each have their own clock; whichever is due first switches it.

Source:
    The capacitor control of OpenDSS; see docs/concepts/volt_var.md.
"""

from typing import no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.computing.kernels import kernel
from evergrid.grid.devices.tap_control import EARLY
from evergrid.grid.feeder.feeder import CapacitorControl, Feeder
from evergrid.grid.inverters.volt_var_kernels import INLINED

KINDS = ("voltage", "current", "kvar", "pf", "time")
VOLTAGE, CURRENT, KVAR, PF, TIME = range(5)
CHOICES = ("one", "highest", "lowest", "mean")
ONE, HIGHEST, LOWEST, MEAN = range(4)

# Columns of settings.
KIND, ON, OFF, PT_RATIO, CT_RATIO, LEAST_KVAR, OVER_LOW, OVER_HIGH = range(8)
DELAY, DELAY_OFF, DEAD, VOLTAGE_CHOICE, CURRENT_CHOICE = range(8, 13)
SETTINGS = 13
# Columns of a control's state.
ARMED, DUE, PENDING, OPENED = range(4)
STATE = 4
STAY, CLOSE, OPEN = 0, 1, 2  # what is pending
LONG_AGO_S = -1e12
DAY_H = 24.0


def settings(feeder: Feeder) -> Float[Array, "control setting"]:
    """Settings of the banks' controls, as the kernels read them."""
    rows = [_row(control) for bank in feeder.capacitors for control in bank.controls]
    return np.array(rows).reshape(len(rows), SETTINGS)


def banks(feeder: Feeder) -> Int[Array, " control"]:
    """Row of the bank that each control switches."""
    counts = [len(bank.controls) for bank in feeder.capacitors]
    return np.repeat(np.arange(len(counts)), counts)


def _row(control: CapacitorControl) -> list[float]:
    low, high = control.override_v if control.override else (-np.inf, np.inf)
    return [
        float(KINDS.index(control.kind)),
        control.on,
        control.off,
        control.pt_ratio,
        control.ct_ratio,
        control.least_kvar,
        low,
        high,
        control.delay_s,
        control.delay_off_s,
        control.dead_s,
        float(CHOICES.index(control.voltage.choice)),
        float(CHOICES.index(control.current.choice)),
    ]


@kernel(**INLINED)
@no_type_check
def chosen(choice, y, first, count):
    """The magnitude that counts among some readings."""
    found = 0.0
    for k in range(first, first + count):
        size = np.hypot(y[0, k], y[1, k])
        if choice == MEAN:
            found += size / count
        elif k == first or (size > found) == (choice == HIGHEST):
            found = size
    return found


@kernel(**INLINED)
@no_type_check
def factor_of(kw, kvar):
    """Power factor of a consumption; 2 less it where reactive power flows the other way."""
    size = np.hypot(kw, kvar)
    factor = abs(kw) / size if size > 0 else 1.0
    return 2.0 - factor if kvar < 0 else factor


@kernel(**INLINED)
@no_type_check
def on_at(hour, on, off):
    """Whether an hour of the day lies between that of connecting and that of disconnecting."""
    return on <= hour < off if on < off else hour >= on or hour < off


@kernel(**INLINED)
@no_type_check
def wish(setting, connected, volts, override_volts, amperes, kw, kvar, hour):
    """What the control wants at what it measures: to stay, to close or to open."""
    kind, on, off = setting[KIND], setting[ON], setting[OFF]
    if kind == VOLTAGE:
        closing, opening = volts < on, volts > off
    elif kind == CURRENT:
        closing, opening = amperes > on, amperes < off
    elif kind == KVAR:
        closing, opening = kvar > on, kvar < off
    elif kind == PF:
        factor = factor_of(kw, kvar)
        closing, opening = factor < on and kvar > setting[LEAST_KVAR], factor > off
    else:
        # Where the hour of disconnecting lies on the next day, it waits for midnight's other side.
        closing = on_at(hour, on, off) if on < off else on <= hour < DAY_H
        opening = not on_at(hour, on, off)
    if kind != VOLTAGE:
        opening = opening or override_volts > setting[OVER_HIGH]
        closing = closing or override_volts < setting[OVER_LOW]
    if connected:
        return OPEN if opening else STAY
    return CLOSE if closing else STAY


@kernel(**INLINED)
@no_type_check
def sample(setting, state, connected, seen, now_s):
    """Look at what is measured: arm the control if it should switch, disarm it if not."""
    volts, override_volts, amperes, kw, kvar = seen
    whole = np.floor(now_s / 3600.0)
    hour = whole + (now_s - 3600.0 * whole) / 3600.0
    if hour > DAY_H:  # midnight itself is hour 24
        hour -= DAY_H * np.floor((hour - 1e-12) / DAY_H)
    state[PENDING] = wish(setting, connected, volts, override_volts, amperes, kw, kvar, hour)
    if state[PENDING] == STAY:
        state[ARMED] = 0
    elif state[ARMED] == 0:
        delay = setting[DELAY_OFF]
        if state[PENDING] == CLOSE:
            waited = now_s - state[OPENED]
            delay = max(setting[DELAY], setting[DEAD] + setting[DELAY] - waited)
        state[ARMED], state[DUE] = 1, now_s + delay


@kernel(**INLINED)
@no_type_check
def act(state, bank, connected, now_s):
    """Do what is due. Tells whether anything was."""
    if state[ARMED] == 0 or state[DUE] > now_s + EARLY:
        return False
    state[ARMED] = 0
    if state[PENDING] == OPEN:
        state[OPENED] = now_s
    connected[bank] = 1.0 if state[PENDING] == CLOSE else 0.0
    return True
