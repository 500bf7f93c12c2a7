"""A plan is tightened until every step passes its checks, and says so where that is not enough."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration.closed_forms import ClosedFormChecker
from evergrid.resilience.restoration.limits import violations
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.verify import StepFinding, StepState, step_states, verify
from tests.resilience.restoration.cases import block, bus, site

RULE = RestorationRule(pickup_share=1.0, closings_per_step=4)
GIVEN = site(
    *(block(f"block {k}", 25.0) for k in range(4)), batteries=(bus("a", 150.0), bus("b", 150.0))
)


def most(limit_kw: float):
    def check(microgrid: Microgrid, state: StepState) -> list[StepFinding]:
        return [StepFinding("pickup_kw", state.pickup_kw, limit_kw, state.pickup_kw <= limit_kw)]

    return check


def test_pick_up_is_lowered_until_every_step_passes():
    found = verify(GIVEN, RULE, 2.0, 0.25, [most(55.0)])
    assert found.passed
    first, second, last = found.rounds
    assert [failure.value for failure in first.failures] == [100.0]
    assert [failure.value for failure in second.failures] == [75.0]
    assert first.tightened == ((tuple(range(8)), pytest.approx(0.85 * 100.0 / 120.0)),)
    assert second.tightened == ((tuple(range(8)), pytest.approx(0.85 * 75.0 / 120.0)),)
    assert last.failures == () == last.tightened
    assert max(state.pickup_kw for state in step_states(GIVEN, found.schedule)) == 50.0
    assert violations(GIVEN, found.schedule) == ()


def test_what_less_pick_up_does_not_help_has_not_passed():
    def never(microgrid: Microgrid, state: StepState) -> list[StepFinding]:
        unstable = StepFinding("eigenvalue_per_s", 0.4, 0.0, passed=False)
        return [] if state.picked_up else [unstable]

    found = verify(GIVEN, RULE, 2.0, 0.25, [never])
    assert not found.passed
    assert len(found.rounds) == 1
    assert found.rounds[0].failures[0].quantity == "eigenvalue_per_s"


def test_states_are_checked_once_each():
    found = verify(GIVEN, RULE, 2.0, 0.25, [most(1e6)])
    assert [round_.checked for round_ in found.rounds] == [2]  # picking up, and all on


def test_closed_forms_by_hand():
    state = StepState(0, (0, 1), (), (), (0,), 0.0, 30.0)
    of = site(
        block("ward", 20.0, cold_load_factor=1.5, power_factor=0.8),
        batteries=(bus("a", 150.0, 50.0), bus("b", 150.0, 50.0)),
    )
    frequency, rocof, dip = ClosedFormChecker(droop=0.02, inertia_s=0.5)(of, state)
    assert frequency.value == pytest.approx(50.0 * 30.0 * 0.02 / 200.0)
    assert rocof.value == pytest.approx(50.0 * 30.0 / (2 * 0.5 * 200.0))
    assert dip.value == pytest.approx((0.03 * 30.0 + 0.15 * 30.0 * 0.75) / 200.0)


def test_closed_forms_tighten_a_plan():
    checker = ClosedFormChecker(droop=0.02, frequency_limit_hz=0.25, rocof_limit_hz_per_s=99.0)
    found = verify(GIVEN, RULE, 2.0, 0.25, [checker])
    assert found.passed
    assert {failure.quantity for failure in found.rounds[0].failures} == {"frequency_hz"}
    assert len(found.rounds) > 1


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="checkers must hold at least one"):
        verify(GIVEN, RULE, 2.0, 0.25, [])
    with pytest.raises(InputError, match="droop must be in"):
        ClosedFormChecker(droop=-0.01)
    with pytest.raises(InputError, match="motor_power_factor must be at most 1"):
        ClosedFormChecker(motor_power_factor=1.1)
    with pytest.raises(InputError, match="inertia_s must be in"):
        ClosedFormChecker(inertia_s=np.nan)


def test_a_plan_that_closes_nothing_any_more_has_not_passed():
    found = verify(GIVEN, RULE, 2.0, 0.25, [most(20.0)])
    assert not found.schedule.closed.any()
    assert found.rounds[-1].failures == ()
    assert not found.passed
