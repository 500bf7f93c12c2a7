"""Steps of a restoration plan are checked in dq, and the plan is made again where one fails."""

from dataclasses import replace
from types import ModuleType
from typing import NoReturn

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.model.microgrid import DieselSet
from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.checks import step as step_check
from evergrid.resilience.black_start.checks.step import DqStepChecker
from evergrid.resilience.black_start.circuit import InverterSettings, circuit
from evergrid.resilience.black_start.settings import ProtectionLimits, StartSequence
from evergrid.resilience.black_start.state.island import Island
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.steady_state import steady_state
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.verify import StepChecker, StepState, verify
from tests.resilience.black_start.cases import block, site, van

RULE = RestorationRule(pickup_share=0.9)
LIGHTS = block("lights", 1.5, "life_safety", weight=10.0)
BLOCKS = (
    LIGHTS,
    block("cold room", 4.0, "critical", weight=5.0, cold_load_factor=1.2),
    block("offices", 3.0, "comfort"),
)
HOSPITAL = site(load_blocks=BLOCKS, batteries=(van(1), van(2, arrival_h=0.25)))
ALL_AT_ONCE = StepState(0, (0, 1), (), (), (0, 1, 2), 0.0, 9.3)
LONG_CABLE = InverterSettings(connection_reactance_pu=0.1)


def test_a_plan_of_a_small_hospital_passes_as_it_is():
    found = verify(HOSPITAL, RULE, 1.0, 0.25, [DqStepChecker()])
    assert found.passed
    (only,) = found.rounds
    assert only.checked == 3  # one van, two that pick up the rest, two that carry all
    assert only.failures == ()
    assert found.schedule.closed[:, -1].all()


def test_too_much_droop_fails_with_its_eigenvalue_and_what_was_tried():
    # One van has none to swing against, and may run as slowly as its droop has it here.
    limits = ProtectionLimits(pick_up_deviation_hz=2.0)
    checker = DqStepChecker(InverterSettings(droop_hz=1.5), limits)
    found = verify(HOSPITAL, RULE, 1.0, 0.25, [checker])
    assert not found.passed
    assert {failure.step for one in found.rounds for failure in one.failures} == {1, 2}
    first = found.rounds[0].failures[0]
    assert first.value > 0
    assert first.quantity.startswith("eigenvalue_per_s, unstable: the eigenvalue +")
    assert "van 1.delta" in first.quantity
    assert "van 2.delta" in first.quantity
    tried = [steps for one in found.rounds[:-1] for steps, _ in one.tightened]
    assert tried == [(1, 2, 3)] * (len(found.rounds) - 1)
    # At last nothing is picked up there, and what one van picked up before is still unstable.
    assert found.rounds[-1].tightened == ()
    assert not found.schedule.closings[:, 1:].any()


def test_a_dip_that_is_too_deep_makes_a_large_block_wait_for_another_unit():
    laundry = block("laundry", 12.0, "comfort", power_factor=0.7)
    lights = replace(LIGHTS, power_kw=2.0)
    of = site(load_blocks=(lights, laundry), batteries=(van(1), van(2), van(3, arrival_h=0.25)))
    checker = DqStepChecker(LONG_CABLE, ProtectionLimits(pick_up_voltage_pu=0.9))
    found = verify(of, RULE, 0.75, 0.25, [checker])
    assert found.passed
    first, last = found.rounds
    assert [(one.step, one.quantity) for one in first.failures] == [(0, "lowest_voltage_pu")]
    assert first.failures[0].value < first.failures[0].limit == 0.9
    assert first.tightened == (((0,), pytest.approx(0.85 * 14.0 / 20.0)),)
    assert last.failures == ()
    assert found.schedule.closed.tolist() == [[True, True, True], [False, True, True]]


def test_a_pick_up_is_what_the_black_start_looks_ahead_at():
    checker = DqStepChecker(LONG_CABLE)
    found = checker(HOSPITAL, StepState(0, (0, 1), (), (0,), (1,), 1.5, 4.8))
    island = Island(circuit(HOSPITAL, LONG_CABLE), ProtectionLimits(), 1.0)
    vans = ("van 1", "van 2")
    island.positions = island.positions.starting(*vans).closing(*vans, "lights")
    island.state = steady_state(island.assembly()).state
    island.prepare("cold room")
    seen = closing.check_pick_up(island, "cold room", StartSequence(), ProtectionLimits())
    told = [seen.worst_per_s.real, seen.lowest_voltage_pu, seen.lowest_frequency_hz]
    assert [one.value for one in found] == pytest.approx(told, rel=1e-9)
    assert all(one.passed for one in found)


def test_blocks_draw_what_the_plan_says():
    checker = DqStepChecker()
    cold = checker(HOSPITAL, StepState(0, (0, 1), (), (0, 1), (2,), 1.1 * 5.5, 3.0))
    drawn = (replace(LIGHTS, power_kw=1.65), replace(BLOCKS[1], power_kw=4.4), BLOCKS[2])
    warm_site = replace(HOSPITAL, load_blocks=drawn)
    warm = checker(warm_site, StepState(0, (0, 1), (), (0, 1), (2,), 6.05, 3.0))
    assert [one.value for one in cold] == pytest.approx([one.value for one in warm], rel=1e-9)


def test_frequency_and_voltage_have_limits_of_their_own():
    limits = ProtectionLimits(pick_up_deviation_hz=0.05)
    growth, voltage, frequency = DqStepChecker(limits=limits)(HOSPITAL, ALL_AT_ONCE)
    assert growth.passed
    assert voltage.passed
    assert not frequency.passed
    assert frequency.limit == 49.95
    # Droop alone at nominal voltage: 0.15 Hz at the rating of two vans.
    assert frequency.value == pytest.approx(50.0 - 0.15 * 9.3 / 20.0, abs=0.01)


def test_where_nothing_is_simulated_the_values_that_settle_are_looked_at():
    carried = StepState(0, (0, 1), (), (0, 1, 2), (), 9.3, 0.0)
    _, voltage, frequency = DqStepChecker(trial_s=0.0)(HOSPITAL, ALL_AT_ONCE)
    assert (voltage.quantity, frequency.quantity) == ("settled_voltage_pu", "settled_frequency_hz")
    whole = replace(HOSPITAL, load_blocks=(BLOCKS[0], replace(BLOCKS[1], power_kw=4.8), BLOCKS[2]))
    values = [one.value for one in DqStepChecker()(whole, carried)[1:]]
    assert values == pytest.approx([voltage.value, frequency.value], rel=1e-12)
    # What is simulated for long enough ends there.
    lowest = DqStepChecker(trial_s=1.0)(HOSPITAL, ALL_AT_ONCE)[2]
    assert lowest.value == pytest.approx(frequency.value, abs=1e-3)


def test_an_overload_that_settles_at_the_limit_of_current_has_not_passed():
    of = site(1, load_blocks=(block("laundry", 60.0, "comfort"),))
    growth, voltage, _ = DqStepChecker()(of, StepState(0, (0,), (), (0,), (), 60.0, 0.0))
    assert growth.passed
    assert not voltage.passed
    assert voltage.value < 0.5


@pytest.mark.parametrize(
    ("module", "place", "words"),
    [
        (closing, 0, "eigenvalue_per_s, unstable: there is no steady state to settle in"),
        (step_check, 1, "lowest_voltage_pu, there is no steady state before (end)"),
    ],
)
def test_a_step_that_cannot_settle_says_so(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, place: int, words: str
):
    # Every overload that was tried settles at the limit of current, so that the end is forced.
    def endless(assembly: Assembly) -> NoReturn:
        raise InputError("steady state", [Fault("load", "end")])

    monkeypatch.setattr(module, "steady_state", endless)
    found = DqStepChecker()(HOSPITAL, ALL_AT_ONCE)
    assert len(found) == place + 1
    assert found[place].quantity == words
    assert np.isnan(found[place].value)
    assert not found[place].passed


def test_it_is_a_checker_of_steps():
    assert isinstance(DqStepChecker(), StepChecker)


@pytest.mark.parametrize("trial_s", [-0.1, np.nan, np.inf])
def test_a_trial_out_of_range_is_named(trial_s: float):
    with pytest.raises(InputError, match="trial_s must be in"):
        DqStepChecker(trial_s=trial_s)


def test_what_the_circuit_does_not_hold_is_refused_not_passed():
    diesel = replace(HOSPITAL, diesel_sets=(DieselSet("set", 20.0, 100.0),))
    with pytest.raises(InputError, match="ClosedFormChecker") as caught:
        DqStepChecker()(diesel, StepState(3, (0,), (0,), (), (0,), 0.0, 1.5))
    assert caught.value.field == "diesel_sets"
    follower = van(3, grid_forming=False, black_start=False)
    of = replace(HOSPITAL, batteries=(*HOSPITAL.batteries, follower))
    with pytest.raises(InputError, match="in step 3 that forms the grid") as caught:
        DqStepChecker()(of, StepState(3, (2,), (), (), (0,), 0.0, 1.5))
    assert caught.value.field == "batteries"
