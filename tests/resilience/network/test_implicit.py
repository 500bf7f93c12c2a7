"""The implicit solver: the same answer as explicit steps, and an honest stall."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network import implicit
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.dq_state import dead_state
from evergrid.resilience.network.simulation import simulate
from tests.resilience.network.cases import lone, opened


def test_it_agrees_with_explicit_steps() -> None:
    whole, start = assemble(lone(), opened("more")), dead_state(lone())
    expected = simulate(whole, start, 0.1).final.values
    found = implicit.solve(whole, start, 0.1)
    assert found.finished
    assert found.state.time_s == pytest.approx(0.1)
    assert found.state.values == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_stall_is_told_with_its_time() -> None:
    found = implicit.solve(assemble(lone()), dead_state(lone()), 1.0, most_steps=20)
    assert not found.finished
    assert found.reason == "no end after 20 steps"
    assert 0.0 < found.state.time_s < 1.0


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="tolerance must be above 0"):
        implicit.solve(assemble(lone()), dead_state(lone()), 1.0, tolerance=np.nan)
    with pytest.raises(InputError, match="duration_s must be above 0"):
        implicit.solve(assemble(lone()), dead_state(lone()), 0.0)
