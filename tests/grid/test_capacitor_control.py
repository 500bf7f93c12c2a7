"""Does a bank's control switch at its settings, and only after its delays?"""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid import capacitor_control
from evergrid.grid.capacitor_control import (
    CLOSE,
    CONNECTED,
    CURRENT,
    KVAR,
    LONG_AGO_S,
    OPEN,
    OPENED,
    STATE,
    STAY,
    VOLTAGE,
)
from tests.grid.day_cases import built_in


def setting(kind: int, on: float, off: float, **more: float) -> np.ndarray:
    row = np.array([kind, on, off, 60.0, -np.inf, np.inf, 15.0, 30.0, 300.0])
    for name, value in more.items():
        row[getattr(capacitor_control, name.upper())] = value
    return row


@pytest.mark.parametrize(
    ("kind", "on", "off", "connected", "seen", "wish"),
    [
        (VOLTAGE, 118.0, 125.0, False, (117.0, 0.0, 0.0), CLOSE),
        (VOLTAGE, 118.0, 125.0, False, (119.0, 0.0, 0.0), STAY),
        (VOLTAGE, 118.0, 125.0, True, (126.0, 0.0, 0.0), OPEN),
        (VOLTAGE, 118.0, 125.0, True, (124.0, 0.0, 0.0), STAY),
        (CURRENT, 5.0, 3.0, False, (120.0, 6.0, 0.0), CLOSE),
        (CURRENT, 5.0, 3.0, True, (120.0, 4.0, 0.0), STAY),
        (CURRENT, 5.0, 3.0, True, (120.0, 2.0, 0.0), OPEN),
        (KVAR, 300.0, -150.0, False, (120.0, 0.0, 400.0), CLOSE),
        (KVAR, 300.0, -150.0, True, (120.0, 0.0, 0.0), STAY),
        (KVAR, 300.0, -150.0, True, (120.0, 0.0, -200.0), OPEN),
    ],
)
def test_it_wants_what_its_settings_say(
    kind: int, on: float, off: float, connected: bool, seen: tuple[float, ...], wish: int
) -> None:
    volts, amperes, kvar = seen
    row = setting(kind, on, off)
    found = capacitor_control.wish(row, connected, volts * 60.0, amperes * 60.0, kvar)
    assert found == wish


def test_the_voltage_overrides_what_is_measured_else() -> None:
    row = setting(KVAR, 300.0, -150.0, over_low=115.0, over_high=126.0)
    assert capacitor_control.wish(row, True, 127.0 * 60, 0.0, 0.0) == OPEN
    assert capacitor_control.wish(row, False, 114.0 * 60, 0.0, 0.0) == CLOSE


def test_it_waits_for_its_delays_and_for_the_bank_to_discharge() -> None:
    row, state = setting(VOLTAGE, 118.0, 125.0), np.zeros(STATE)
    state[OPENED] = LONG_AGO_S
    closed = []
    for k in range(60):
        now_s = 10.0 * (k + 1)
        volts = 117.0 if k < 5 or k >= 15 else 126.0
        capacitor_control.sample(row, state, volts * 60, 0.0, 0.0, now_s)
        capacitor_control.act(state, now_s)
        closed.append(bool(state[CONNECTED]))
    changes = np.flatnonzero(np.diff(closed)) + 2
    # Closes 15 s after 10 s; opens 30 s after 160 s; is dead until 300 s later, plus 15 s.
    assert changes.tolist() == [3, 9, 41]


def test_a_bank_without_control_never_switches() -> None:
    feeder = built_in()
    assert (capacitor_control.settings(feeder)[:, 0] == capacitor_control.NONE).all()
    state = np.zeros(STATE)
    capacitor_control.sample(capacitor_control.settings(feeder)[0], state, 0.0, 0.0, 0.0, 60.0)
    assert not capacitor_control.act(state, 1e9)


def test_a_control_of_another_kind_is_refused() -> None:
    commands = ("New CapControl.c capacitor=675 element=line.692-675 type=time on=6 off=18",)
    with pytest.raises(InputError, match="voltage, current or kvar"):
        capacitor_control.settings(built_in(*commands))
