"""A rolling plan believes what it is told of lengths; what it refuses."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.restoration.belief import OutageBelief, exponential
from evergrid.resilience.restoration.plan import plan
from evergrid.resilience.restoration.rolling import _lasting, follow
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.schedule import cost_kwh
from tests.resilience.restoration.cases import block, bus, site

GIVEN = site(block(), batteries=(bus(),))


def test_a_wait_that_is_not_positive_is_refused():
    with pytest.raises(InputError, match="expected_wait_h must be positive"):
        follow(GIVEN, RestorationRule(), 1.0, 0.25, expected_wait_h=0.0)


def test_an_expected_length_below_a_step_is_refused():
    with pytest.raises(InputError, match="expected_h must be at least one step"):
        follow(GIVEN, RestorationRule(expected_h=0.1), 1.0, 0.25)


def test_with_a_length_that_is_known_it_is_the_best_plan():
    """Energy for less than four hours: who believes an exponential length spends it too early."""
    given = site(
        block("ward", 20.0, weight=2.0),
        block("yard", 30.0, weight=1.5),
        batteries=(bus("a", 80.0),),
    )
    rule, hours, step_h = RestorationRule(interruption_h=0.0, expected_h=1.0), 4.0, 0.25
    steps = round(hours / step_h)
    known = OutageBelief(np.ones(steps), 0.0, np.zeros(steps))
    best = plan(given, rule, hours, step_h)
    found = follow(given, rule, hours, step_h, belief=known)
    blind = follow(given, rule, hours, step_h)
    assert cost_kwh(given, found) == pytest.approx(cost_kwh(given, best), rel=6e-3)
    assert cost_kwh(given, blind) > 1.02 * cost_kwh(given, best)


def test_a_belief_is_conditioned_on_what_has_passed():
    """After most outages have ended, those that go on go on for long: energy is kept for them."""
    lasting = np.concatenate([np.ones(4), np.full(12, 0.1)])
    found = _lasting(OutageBelief(lasting, 0.0, np.zeros(16)), 6, 0.25)
    assert found.tolist() == [1.0] * 10
    assert _lasting(OutageBelief(lasting, 0.0, np.zeros(16)), 0, 0.25).tolist() == [1.0] * 4
    long = _lasting(exponential(1.0, 16, 0.25), 6, 0.25)
    assert len(long) == 8  # two mean lengths, whatever has passed
    assert long == pytest.approx(np.exp(-0.25 * np.arange(8)))


def test_a_belief_of_another_number_of_steps_is_refused():
    with pytest.raises(InputError, match="lasting must have one value for each step, 4"):
        follow(GIVEN, RestorationRule(), 1.0, 0.25, belief=exponential(1.0, 8, 0.25))
