"""The runbook tells every step that somebody does, and when to stop."""

import pytest

from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action, BlackStart
from evergrid.resilience.black_start.results.runbook import runbook
from evergrid.resilience.black_start.settings import (
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from tests.resilience.black_start.cases import QUICK, block, site

TOLD = SynchroCheck(slip_hz=0.3)


@pytest.fixture(scope="module")
def found() -> BlackStart:
    """Two vans, lights, and a laundry that is too much for them."""
    blocks = (block("lights", 1.5, "life_safety"), block("laundry", 30.0, "comfort"))
    sequence = StartSequence(duration_s=6.0, **QUICK)
    return black_start(site(2, load_blocks=blocks), sequence, synchronise=TOLD)


def test_each_step_has_somebody_a_check_and_an_abort(found: BlackStart):
    steps = runbook(found, ProtectionLimits(), TOLD)
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    assert all(step.who and step.action and step.check and step.abort for step in steps)
    assert [step.time_s for step in steps] == sorted(step.time_s for step in steps)


def test_the_steps_are_those_that_are_done_or_refused(found: BlackStart):
    words = " ".join(step.action for step in runbook(found, ProtectionLimits(), TOLD))
    assert "Close lights (1.5 kW, life safety)" in words
    assert "Start van 2 beside the island" in words
    assert "Do not close laundry" in words
    assert not any(event.action is Action.TRIP for event in found.events)


def test_a_pick_up_tells_what_to_expect(found: BlackStart):
    step = next(one for one in runbook(found, ProtectionLimits(), TOLD) if "lights" in one.action)
    check = next(one for one in found.checks if one.closing == "lights")
    assert f"{check.lowest_voltage_pu:.2f} pu" in step.check
    assert f"{check.settled_hz:.2f} Hz" in step.check
    assert "Voltage below 0.85 pu or frequency below 49.5 Hz" in step.abort
