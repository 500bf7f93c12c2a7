"""Does a regulator's control arm, wait, move and turn as its settings say?"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.grid.devices import tap_control
from evergrid.grid.devices.tap_control import FIRST, LEFTOVERS, NEVER, REVERSED, STATE
from tests.grid.day_cases import built_in

STEP_S = 60.0
SETTING = np.zeros(tap_control.SETTINGS)
for name, value in {
    "TARGET": 120.0,
    "BAND": 2.0,
    "PT_RATIO": 20.0,
    "CT_PRIMARY": 700.0,
    "DELAY": 15.0,
    "TAP_DELAY": 2.0,
    "STEP": 0.00625,
    "LOWEST": 0.9,
    "HIGHEST": 1.1,
    "BOOST": 20.0 / 2400,
    "SAME_WINDING": 1.0,
    "REVERSE_W": 100e3,
    "REVERSE_DELAY": 60.0,
    "REVERSE_TARGET": 118.0,
    "REVERSE_BAND": 2.0,
}.items():
    SETTING[getattr(tap_control, name)] = value


def fresh(*, leftovers: bool = False) -> np.ndarray:
    state = np.zeros(STATE)
    state[FIRST:], state[LEFTOVERS] = NEVER, leftovers
    return state


class Watched:
    """A control that is shown voltages, and the regulator that it moves."""

    def __init__(self, *, leftovers: bool = False, **more: float) -> None:
        self.setting, self.state = SETTING.copy(), fresh(leftovers=leftovers)
        for name, value in more.items():
            self.setting[getattr(tap_control, name.upper())] = value
        self.ratio, self.moves = np.ones(1), np.zeros(1, np.int64)

    def look(self, volt: float, now_s: float, *, amperes: float = 0.0, kw: float = 500.0) -> None:
        """Show it a voltage on its own side."""
        volts = complex(volt * 20.0)
        seen = (volts, volts, complex(amperes), kw * 1000.0, False)
        tap_control.sample(self.setting, self.state, seen, self.ratio[0], now_s)

    def act(self, now_s: float) -> bool:
        """Let it act."""
        return tap_control.act(self.setting, self.state, 0, self.ratio, self.moves, now_s)

    @property
    def tap(self) -> int:
        """Where it stands."""
        return round((self.ratio[0] - 1.0) / 0.00625)


def watch(volts: list[float], *, step_s: float = STEP_S, **more: Any) -> list[int]:
    """Taps after each step of voltages on the control's side."""
    watched, taps = Watched(**more), []
    for k, volt in enumerate(volts):
        now_s = (k + 1) * step_s
        watched.look(volt, now_s)
        watched.act(now_s)
        taps.append(watched.tap)
    return taps


def test_the_first_move_waits_for_the_delay() -> None:
    assert watch([118.0] * 4, step_s=5.0) == [0, 0, 0, 1]
    assert watch([118.0] * 3) == [0, 1, 2]


def test_further_moves_wait_for_the_delay_between_taps() -> None:
    assert watch([115.0] * 20, step_s=1.0)[15:20] == [1, 1, 2, 2, 3]


def test_a_voltage_that_comes_back_disarms() -> None:
    assert watch([118.0, 120.0, 118.0, 120.0, 118.0, 118.0]) == [0, 0, 0, 0, 0, 1]


def test_what_is_left_over_moves_without_the_delay() -> None:
    volts = [117.0, 117.0, 120.0, 117.0]
    assert watch(volts) == [0, 1, 1, 1]
    watched, taps = Watched(leftovers=True), []
    for k, (before, after) in enumerate([(117.0, 117.0), (117.0, 120.0), (117.0, 117.0)]):
        now_s = (k + 1) * STEP_S
        watched.look(before, now_s)
        if watched.act(now_s):
            watched.look(after, now_s)
        taps.append(watched.tap)
    assert taps == [0, 1, 2]


def test_a_move_without_a_place_among_those_under_way_is_marked() -> None:
    watched = Watched(leftovers=True, tap_delay=1e6, highest=10.0)
    lost = []
    for k in range(tap_control.FURTHER + 2):
        now_s = (k + 1) * STEP_S
        watched.look(117.0, now_s)
        assert watched.act(now_s + 15.0)
        watched.look(120.0, now_s + 30.0)
        lost.append(watched.state[tap_control.LOST])
    assert lost == [0.0] * tap_control.FURTHER + [1.0, 1.0]


@given(volts=st.lists(st.floats(90.0, 150.0), min_size=1, max_size=60))
def test_taps_stay_within_their_range_and_move_against_the_error(volts: list[float]) -> None:
    watched = Watched()
    for k, volt in enumerate(volts):
        before, moves = watched.tap, int(watched.moves[0])
        now_s = (k + 1) * STEP_S
        watched.look(volt, now_s)
        watched.act(now_s)
        assert -16 <= watched.tap <= 16
        assert watched.moves[0] - moves == abs(watched.tap - before)
        if watched.tap != before:
            assert abs(volt - 120.0) > 1.0
            assert (watched.tap - before) * (120.0 - volt) > 0


def test_an_axis_that_ends_between_taps_ends_there() -> None:
    watched = Watched(highest=1.02)
    for k in range(9):
        watched.look(110.0, 60.0 * k)
        watched.act(60.0 * k)
    assert watched.ratio[0] == 1.02
    assert watched.moves[0] == 4


def test_the_limit_comes_before_the_band() -> None:
    assert watch([120.9] * 3, limit=120.6) == [0, 0, 0]  # less than half a tap too much
    assert watch([120.9] * 3, limit=120.2) == [0, -1, -1]
    assert watch([120.9] * 3) == [0, 0, 0]


def test_a_frozen_control_never_moves() -> None:
    assert watch([100.0] * 5, frozen=1.0) == [0] * 5


def test_the_inverse_time_shortens_the_delay() -> None:
    # 4 V off is four half bands: a quarter of 60 s; at most a tenth of it.
    assert watch([116.0] * 4, step_s=5.0, delay=60.0, inverse=1.0) == [0, 0, 0, 1]
    assert watch([90.0] * 3, step_s=3.0, delay=60.0, inverse=1.0)[1:] == [0, 1]


def test_the_compensator_takes_the_drop_of_the_line_into_account() -> None:
    setting = SETTING.copy()
    setting[tap_control.DROP_R] = 3.0
    # Current out of the terminal counts negative; the far end then sees 3 V less.
    assert tap_control.compensated_v(setting, 120 + 0j, -700.0 + 0j, False) == pytest.approx(117.0)
    setting[tap_control.DROP_Z] = 2.0  # by magnitudes, whatever the angle
    assert tap_control.compensated_v(setting, 120 + 0j, 700j, False) == pytest.approx(118.0)
    setting[tap_control.REVERSE_Z] = 1.0
    assert tap_control.compensated_v(setting, 120 + 0j, 700j, True) == pytest.approx(119.0)


def test_a_compensator_that_is_off_forwards_is_off_backwards() -> None:
    setting = SETTING.copy()
    setting[tap_control.REVERSE_R] = 5.0
    assert tap_control.compensated_v(setting, 120 + 0j, 700 + 0j, True) == 120.0


def test_reverse_flow_changes_target_and_direction_after_its_delay() -> None:
    watched = Watched(reverse=1.0)
    for now_s in (60.0, 120.0):
        watched.look(120.0, now_s, kw=-500.0)
        watched.act(now_s)
    assert watched.state[REVERSED] == 1
    for now_s in (180.0, 240.0):  # 120 V are too much for 118 V: the tap goes up in reverse
        watched.look(120.0, now_s, kw=-500.0)
        watched.act(now_s)
    assert watched.tap == 1


def test_cogeneration_changes_the_target_alone() -> None:
    watched = Watched(reverse=1.0, cogeneration=1.0)
    for now_s in (60.0, 120.0, 180.0, 240.0):
        watched.look(120.0, now_s, kw=-500.0)
        watched.act(now_s)
    assert watched.state[REVERSED] == 1
    assert watched.tap == -1


def test_reverse_flow_may_send_the_tap_to_the_nominal_ratio() -> None:
    watched = Watched(reverse=1.0, to_neutral=1.0)
    watched.ratio[0] = 1.0 + 3 * 0.00625
    for k in range(6):
        watched.look(120.0, 60.0 * k, kw=-500.0)
        watched.act(60.0 * k)
    assert watched.tap == 0
    assert watched.moves[0] == 3


def test_settings_are_those_of_the_feeder() -> None:
    feeder = built_in()
    table = tap_control.settings(feeder)
    assert table.shape == (len(feeder.regulators), tap_control.SETTINGS)
    first = feeder.regulators[0]
    (control,) = first.controls
    assert table[0, tap_control.TARGET] == control.target_v
    volts_per_tap = first.step / table[0, tap_control.BOOST]
    assert volts_per_tap == pytest.approx(2401.8 / control.pt_ratio * first.step, rel=1e-3)
