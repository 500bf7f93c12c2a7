"""Does a regulator's control arm, wait, move and turn as its settings say?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.grid import tap_control
from evergrid.grid.tap_control import ARMED, FIRST, LEFTOVERS, NEVER, REVERSED, STATE, TAP
from tests.grid.day_cases import built_in

SETTING = np.array([
    120.0, 2.0, 0.0, 0.0, 20.0, 700.0, 15.0, 2.0, -16, 16, 0.00625, 20.0 / 2400 / 0.00625,
    0, 100.0, 118.0, 2.0, 0.0, 0.0,
])  # fmt: skip
STEP_S = 60.0


def fresh(*, leftovers: bool = False) -> np.ndarray:
    state = np.zeros(STATE)
    state[FIRST:], state[LEFTOVERS] = NEVER, leftovers
    return state


def watch(
    volts: list[float], *, step_s: float = STEP_S, state: np.ndarray | None = None
) -> list[int]:
    """Taps after each step of voltages on the control's side."""
    state = fresh() if state is None else state
    taps = []
    for k, volt in enumerate(volts):
        now_s = (k + 1) * step_s
        tap_control.sample(SETTING, state, complex(volt * 20.0), 0j, 500.0, now_s)
        tap_control.act(SETTING, state, now_s)
        taps.append(int(state[TAP]))
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
    state = fresh(leftovers=True)
    taps = []
    for k, (before, after) in enumerate([(117.0, 117.0), (117.0, 120.0), (117.0, 117.0)]):
        now_s = (k + 1) * STEP_S
        tap_control.sample(SETTING, state, complex(before * 20.0), 0j, 500.0, now_s)
        if tap_control.act(SETTING, state, now_s):
            tap_control.sample(SETTING, state, complex(after * 20.0), 0j, 500.0, now_s)
        taps.append(int(state[TAP]))
    assert taps == [0, 1, 2]


@given(volts=st.lists(st.floats(90.0, 150.0), min_size=1, max_size=60))
def test_taps_stay_within_their_range_and_move_against_the_error(volts: list[float]) -> None:
    state = fresh()
    for k, volt in enumerate(volts):
        before = state[TAP]
        now_s = (k + 1) * STEP_S
        tap_control.sample(SETTING, state, complex(volt * 20.0), 0j, 500.0, now_s)
        moved = tap_control.act(SETTING, state, now_s)
        assert -16 <= state[TAP] <= 16
        assert moved == (state[TAP] != before)
        if moved:
            assert abs(volt - 120.0) > 1.0
            assert (state[TAP] - before) * (120.0 - volt) > 0


def test_the_compensator_takes_the_drop_of_the_line_into_account() -> None:
    setting = SETTING.copy()
    setting[tap_control.DROP_R] = 3.0
    state = fresh()
    # Current out of the terminal counts negative; the far end then sees 3 V less.
    tap_control.sample(setting, state, 120.0 * 20.0 + 0j, -700.0 + 0j, 500.0, 60.0)
    assert state[ARMED] == 1
    assert tap_control.measured_v(setting, 2400.0 + 0j, -700.0 + 0j, False) == pytest.approx(117.0)


def test_reverse_flow_changes_target_and_direction_after_its_delay() -> None:
    setting = SETTING.copy()
    setting[tap_control.REVERSE] = 1
    state = fresh()
    for now_s in (60.0, 120.0):
        tap_control.sample(setting, state, 120.0 * 20 + 0j, 0j, -500.0, now_s)
        tap_control.act(setting, state, now_s)
    assert state[REVERSED] == 1
    for now_s in (180.0, 240.0):  # 120 V are too much for 118 V: the tap goes up in reverse
        tap_control.sample(setting, state, 120.0 * 20 + 0j, 0j, -500.0, now_s)
        tap_control.act(setting, state, now_s)
    assert state[TAP] == 1


def test_settings_are_those_of_the_feeder() -> None:
    feeder = built_in()
    table = tap_control.settings(feeder)
    assert table.shape == (len(feeder.regulators), tap_control.SETTINGS)
    first = feeder.regulators[0]
    assert table[0, tap_control.TARGET] == first.target_v
    volts_per_tap = 1 / table[0, tap_control.BOOST]
    assert volts_per_tap == pytest.approx(2401.8 / first.pt_ratio * first.step, rel=1e-3)
