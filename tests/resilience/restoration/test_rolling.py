"""What a rolling plan refuses."""

import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.restoration.rolling import follow
from evergrid.resilience.restoration.rule import RestorationRule
from tests.resilience.restoration.cases import block, bus, site

GIVEN = site(block(), batteries=(bus(),))


def test_a_wait_that_is_not_positive_is_refused():
    with pytest.raises(InputError, match="expected_wait_h must be positive"):
        follow(GIVEN, RestorationRule(), 1.0, 0.25, expected_wait_h=0.0)


def test_an_expected_length_below_a_step_is_refused():
    with pytest.raises(InputError, match="expected_h must be at least one step"):
        follow(GIVEN, RestorationRule(expected_h=0.1), 1.0, 0.25)
