"""Does a bank's control switch at its settings, and only after its delays?"""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.devices import capacitor_control, switching, time_series
from evergrid.grid.devices.capacitor_control import (
    CLOSE,
    CURRENT,
    KVAR,
    LONG_AGO_S,
    OPEN,
    OPENED,
    PF,
    STATE,
    STAY,
    TIME,
    VOLTAGE,
)
from evergrid.grid.inverters.volt_var import UNITY
from tests.grid.day_cases import a_day, built_in


def setting(kind: int, on: float, off: float, **more: float) -> np.ndarray:
    row = np.zeros(capacitor_control.SETTINGS)
    given = {"kind": kind, "on": on, "off": off, "over_low": -np.inf, "over_high": np.inf}
    for name, value in {**given, "delay": 15.0, "delay_off": 30.0, "dead": 300.0, **more}.items():
        row[getattr(capacitor_control, name.upper())] = value
    return row


@pytest.mark.parametrize(
    ("kind", "on", "off", "connected", "seen", "wish"),
    [
        (VOLTAGE, 118.0, 125.0, False, {"volts": 117.0}, CLOSE),
        (VOLTAGE, 118.0, 125.0, False, {"volts": 119.0}, STAY),
        (VOLTAGE, 118.0, 125.0, True, {"volts": 126.0}, OPEN),
        (VOLTAGE, 118.0, 125.0, True, {"volts": 124.0}, STAY),
        (CURRENT, 5.0, 3.0, False, {"amperes": 6.0}, CLOSE),
        (CURRENT, 5.0, 3.0, True, {"amperes": 4.0}, STAY),
        (CURRENT, 5.0, 3.0, True, {"amperes": 2.0}, OPEN),
        (KVAR, 300.0, -150.0, False, {"kvar": 400.0}, CLOSE),
        (KVAR, 300.0, -150.0, True, {"kvar": 0.0}, STAY),
        (KVAR, 300.0, -150.0, True, {"kvar": -200.0}, OPEN),
        (PF, 0.95, 1.02, False, {"kw": 80.0, "kvar": 60.0}, CLOSE),
        (PF, 0.95, 1.02, False, {"kw": 8.0, "kvar": 6.0}, STAY),  # too little for the bank
        (PF, 0.95, 1.02, True, {"kw": 80.0, "kvar": -60.0}, OPEN),
        (PF, 0.95, 1.02, True, {"kw": 80.0, "kvar": -1.0}, STAY),
        (TIME, 6.0, 18.0, False, {"hour": 6.0}, CLOSE),
        (TIME, 6.0, 18.0, True, {"hour": 18.0}, OPEN),
        (TIME, 18.0, 6.0, True, {"hour": 2.0}, STAY),
        (TIME, 18.0, 6.0, False, {"hour": 23.0}, CLOSE),
        (TIME, 18.0, 6.0, True, {"hour": 7.0}, OPEN),
    ],
)
def test_it_wants_what_its_settings_say(
    kind: int, on: float, off: float, connected: bool, seen: dict[str, float], wish: int
) -> None:
    row = setting(kind, on, off, least_kvar=20.0)
    assert wished(row, connected, **seen) == wish


def wished(
    row: np.ndarray,
    connected: bool,
    *,
    volts: float = 0.0,
    override: float = 120.0,
    amperes: float = 0.0,
    kw: float = 0.0,
    kvar: float = 0.0,
    hour: float = 12.0,
) -> int:
    return capacitor_control.wish(row, connected, volts, override, amperes, kw, kvar, hour)


def test_the_voltage_overrides_what_is_measured_else() -> None:
    row = setting(KVAR, 300.0, -150.0, over_low=115.0, over_high=126.0)
    assert wished(row, True, override=127.0) == OPEN
    assert wished(row, False, override=114.0) == CLOSE


@pytest.mark.parametrize(("choice", "found"), [(0, 5.0), (1, 13.0), (2, 1.0), (3, 19.0 / 3)])
def test_the_phase_that_counts_is_chosen(choice: int, found: float) -> None:
    readings = np.array([[3.0, 12.0, 0.0], [4.0, 5.0, 1.0]])
    count = 1 if choice == 0 else 3
    assert capacitor_control.chosen(choice, readings, 0, count) == pytest.approx(found)


def test_it_waits_for_its_delays_and_for_the_bank_to_discharge() -> None:
    row, state, connected = setting(VOLTAGE, 118.0, 125.0), np.zeros(STATE), np.zeros(1)
    state[OPENED] = LONG_AGO_S
    closed = []
    for k in range(60):
        now_s = 10.0 * (k + 1)
        volts = 117.0 if k < 5 or k >= 15 else 126.0
        seen = (volts, 0.0, 0.0, 0.0, 0.0)
        capacitor_control.sample(row, state, connected[0] > 0, seen, now_s)
        capacitor_control.act(state, 0, connected, now_s)
        closed.append(bool(connected[0]))
    changes = np.flatnonzero(np.diff(closed)) + 2
    # Closes 15 s after 10 s; opens 30 s after 160 s; is dead until 300 s later, plus 15 s.
    assert changes.tolist() == [3, 9, 41]


def test_controls_of_one_bank_know_where_it_stands() -> None:
    bank = "capacitor=675 element=line.692-675 ptratio=20"
    feeder = built_in(
        f"New CapControl.a {bank} type=voltage onsetting=117 offsetting=121",
        f"New CapControl.b {bank} type=kvar onsetting=300 offsetting=-700",
    )
    rows = [bank.name for bank in feeder.capacitors]
    assert [rows[b] for b in capacitor_control.banks(feeder)] == ["675", "675"]
    table = capacitor_control.settings(feeder)
    assert table[:, capacitor_control.KIND].tolist() == [VOLTAGE, KVAR]


def test_a_control_of_another_kind_is_named_and_operations_are_not_counted() -> None:
    shape = "New Loadshape.s npts=2 interval=12 mult=[0 1]"
    control = "New CapControl.c capacitor=675 element=line.692-675 type=follow controlsignal=s"
    feeder = built_in(shape, control)
    assert feeder.not_modelled == (("capcontrol.c", "type=Follow"),)
    assert any("capcontrol.c" in note for note in feeder.notes)
    with pytest.raises(InputError, match=r"type=Follow for capcontrol\.c"):
        time_series.simulate(switching.reduce(feeder), a_day(feeder, [UNITY], steps=1))
