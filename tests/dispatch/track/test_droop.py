"""Answers to the frequency: the curve, and that no step is common to the fleet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.dispatch.track.droop import Droop, phases, steps

COUNT = 1000
FCR = Droop(0.0, 0.2)


def test_the_curve_is_that_of_frequency_containment() -> None:
    deviation = np.array([-0.05, -0.1, -0.2, -0.3, 0.1, 0.0])
    assert FCR.share(deviation) == pytest.approx([0.25, 0.5, 1.0, 1.0, -0.5, 0.0])
    assert Droop(0.1, 0.3).share(np.array([-0.1, -0.2, 0.05])) == pytest.approx([0.0, 0.5, 0.0])


@given(st.floats(-1.0, 1.0))
def test_the_sum_is_straight_though_each_charger_has_whole_amperes(share: float) -> None:
    award, least = np.full(COUNT, 16.0), np.full(COUNT, 6)
    told = steps(share, award, least, phases(COUNT))
    assert np.all((told == 0) | (np.abs(told) >= 6))
    assert np.all(np.abs(told) <= 16)
    assert told.mean() == pytest.approx(16.0 * share, abs=0.06)


def test_no_two_steps_of_the_fleet_fall_together() -> None:
    award, least, own = np.full(COUNT, 16.0), np.full(COUNT, 6), phases(COUNT)
    shares = np.linspace(0.0, 1.0, 5001)
    sums = np.array([steps(share, award, least, own).sum() for share in shares])
    assert np.diff(sums).max() <= 0.001 * 16 * COUNT
    together = np.array([steps(share, award, least, np.full(COUNT, 0.5)).sum() for share in shares])
    assert np.diff(together).max() >= 0.05 * 16 * COUNT  # what phases are for


def test_a_frequency_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        FCR.share(np.array([np.nan]))
    with pytest.raises(InputError, match="full_hz"):
        Droop(0.2, 0.2)
