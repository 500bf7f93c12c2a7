"""Critical droop, eigenvalues and steady state against the linearisation by meshes."""

import numpy as np
import pytest

from evergrid.resilience.network import small_signal
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.steady_state import steady_state
from tests.resilience.network.cases import POGAKU, island
from tests.validation.droop_microgrid import by_meshes


def test_the_critical_droop_is_that_of_the_meshes() -> None:
    found = small_signal.critical_droop(
        island(), low_rad_per_s_per_w=1.5e-4, high_rad_per_s_per_w=2.0e-4
    )
    droop, eigenvalue = by_meshes.critical_droop()
    assert found.droop_rad_per_s_per_w == pytest.approx(droop, rel=1e-9)
    assert abs(found.eigenvalue_per_s.imag) == pytest.approx(abs(eigenvalue.imag), rel=1e-9)
    assert found.droop_rad_per_s_per_w == pytest.approx(1.82829e-4, rel=3e-6)  # as noted before
    assert abs(found.eigenvalue_per_s.imag) == pytest.approx(66.903, abs=5e-4)


def test_all_eigenvalues_are_those_of_the_meshes() -> None:
    ours = small_signal.modes(steady_state(assemble(island()))).eigenvalue_per_s
    theirs = by_meshes.eigenvalues(POGAKU.droop_rad_per_s_per_w)
    assert len(ours) == len(theirs) == 40
    nearest = np.abs(theirs[:, None] - ours).min(axis=1)
    assert (nearest / np.abs(theirs)).max() < 1e-7


def test_the_steady_state_is_that_of_the_meshes() -> None:
    ours = steady_state(assemble(island())).state.values
    theirs = by_meshes.settled(POGAKU.droop_rad_per_s_per_w)
    for number in range(3):
        assert ours[13 * number + 1 : 13 * number + 11] == pytest.approx(
            theirs[10 * number : 10 * number + 10], rel=1e-9, abs=1e-9
        )
    assert ours[[13, 26]] == pytest.approx(theirs[30:32], rel=1e-9)
