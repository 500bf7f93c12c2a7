"""Energy beside the plan comes back by its deadline, and what is new has one of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.dispatch.track.recovery import hours_left, renewed

ENERGIES = st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=8)


@given(moved=ENERGIES)
def test_nothing_is_left_when_the_last_deadline_has_come(moved: list[float]) -> None:
    """The signal moves some energy in each half hour and then none; looks are as far apart."""
    parts, ahead, now_s = (), 0.0, 0.0
    for energy in [*moved, 0.0, 0.0, 0.0]:
        parts = renewed(parts, ahead, now_s, 1.0)
        ahead += energy - 0.5 * sum(part.power_kw for part in parts)
        now_s += 1800.0
    assert ahead == pytest.approx(0.0, abs=1e-9)


def test_what_is_on_its_way_is_not_counted_again() -> None:
    parts = renewed((), 12.0, 0.0, 1.0)
    parts = renewed(parts, 6.0, 1800.0, 1.0)
    assert sum(part.power_kw for part in parts) == pytest.approx(12.0)
    assert hours_left(parts, 6.0, shortest_h=0.25, longest_h=1.0) == pytest.approx(0.5)


def test_energies_that_cancel_are_brought_back_slowly() -> None:
    parts = renewed((), 0.0, 0.0, 1.0)
    assert hours_left(parts, 0.0, shortest_h=0.25, longest_h=0.75) == 0.75
    up_and_down = renewed(renewed((), 10.0, 0.0, 1.0), -1.0, 600.0, 1.0)
    assert hours_left(up_and_down, 3.0, shortest_h=0.25, longest_h=0.75) == 0.75
