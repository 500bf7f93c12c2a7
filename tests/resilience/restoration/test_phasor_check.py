"""Steps in phasors: droop in closed form, a set beside inverters, and plans made again."""

import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import DieselSet
from evergrid.resilience.inverter.regfm_a1 import RegfmA1
from evergrid.resilience.restoration.phasor_check import PhasorStepChecker
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.verify import StepChecker, StepState, verify
from tests.resilience.restoration.cases import block, bus, site

LOAD_KW = 30.0
WARD = block("ward", LOAD_KW, power_factor=1.0)
SOFT = RegfmA1(power_droop_pu=0.02)


def test_it_is_a_checker_of_steps() -> None:
    assert isinstance(PhasorStepChecker(), StepChecker)


def test_the_frequency_falls_by_droop() -> None:
    given = site(WARD, batteries=(bus("a"), bus("b", apparent_kva=60.0)))
    state = StepState(0, (0, 1), (), (), (0,), 0.0, LOAD_KW)
    frequency, voltage = PhasorStepChecker(SOFT)(given, state)
    assert frequency.passed
    assert voltage.passed
    assert voltage.value < 1.0
    share = LOAD_KW / (120.0 + 60.0)  # both droop alike, by rating
    assert frequency.value == pytest.approx(50.0 * (1 - 0.02 * share), abs=0.02)


def test_a_running_set_shares_by_its_own_droop_and_is_slow() -> None:
    """From rest: it falls below where the droops of both let it settle, as an engine is slow."""
    given = site(WARD, batteries=(bus("a"),), diesel_sets=(DieselSet("set", 80.0, 500.0),))
    both = StepState(0, (0,), (0,), (), (0,), 0.0, LOAD_KW)
    alone = StepState(0, (), (0,), (), (0,), 0.0, LOAD_KW)
    settled = 50.0 * (1 - LOAD_KW / (120.0 / 0.01 + 100.0 / 0.05))
    found = PhasorStepChecker(deviation_hz=3.0)(given, both)[0]
    assert found.value == pytest.approx(settled, abs=0.1)
    slow = PhasorStepChecker(deviation_hz=3.0)(given, alone)[0]
    assert slow.value < 50.0 * (1 - 0.05 * LOAD_KW / 100.0)
    assert not PhasorStepChecker(deviation_hz=0.5)(given, alone)[0].passed


def test_motors_pull_the_voltage_lower_than_still_loads() -> None:
    dips = []
    for motors in (0.0, 0.6):
        given = site(block("pumps", 40.0, motor_share=motors), batteries=(bus("a"),))
        state = StepState(0, (0,), (), (), (0,), 0.0, 40.0)
        dips.append(PhasorStepChecker()(given, state)[1].value)
    assert dips[1] < dips[0] - 0.05


def test_an_overload_is_a_collapse_with_its_cause() -> None:
    given = site(block("plant", 400.0), batteries=(bus("a"),))
    state = StepState(0, (0,), (), (), (0,), 0.0, 400.0)
    found = PhasorStepChecker()(given, state)
    assert not all(one.passed for one in found)


def test_a_plan_is_made_again_until_its_steps_pass() -> None:
    blocks = tuple(block(f"{k}", 20.0, power_factor=1.0) for k in range(4))
    given = site(*blocks, batteries=(), diesel_sets=(DieselSet("set", 150.0, 900.0),))
    checker = PhasorStepChecker(deviation_hz=1.3, settle_s=2.0, trial_s=1.5)
    rule = RestorationRule(pickup_share=1.0, closings_per_step=4)
    found = verify(given, rule, 1.0, 0.25, [checker])
    assert found.passed
    first, last = found.rounds
    assert [(one.step, one.quantity) for one in first.failures] == [(0, "lowest_frequency_hz")]
    assert first.failures[0].value < first.failures[0].limit == 48.7
    assert last.failures == ()
    # All at once fall too far; three, then the last, do not.
    assert found.schedule.closed.sum(axis=0).tolist() == [3, 4, 4, 4]


def test_a_step_without_a_source_that_forms_the_grid_is_refused() -> None:
    follower = bus("a", grid_forming=False, black_start=False)
    given = site(WARD, batteries=(follower,))
    with pytest.raises(InputError, match="in step 2 that forms the grid"):
        PhasorStepChecker()(given, StepState(2, (0,), (), (), (0,), 0.0, LOAD_KW))


@pytest.mark.parametrize("trial_s", [0.0, float("nan")])
def test_a_trial_out_of_range_is_refused(trial_s: float) -> None:
    with pytest.raises(InputError, match="trial_s must be in"):
        PhasorStepChecker(trial_s=trial_s)
