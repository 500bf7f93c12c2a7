"""Breakers that open under current, and without."""

import numpy as np
import pytest

from evergrid.resilience.network import assembly as assemblies
from evergrid.resilience.network.assembly import Assembly, assemble
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.simulation import simulate
from evergrid.resilience.network.switching import switched
from tests.resilience.network.cases import at_rest, island, lone, opened


def sums(assembly: Assembly, state: DqState) -> np.ndarray:
    """Of currents into each bus."""
    entries = assemblies.current_entries(assembly)
    currents = state.values[entries] + 1j * state.values[entries + 1]
    return assemblies.incidence_of(assembly) @ currents


def test_a_load_that_is_opened_under_current_is_told_and_currents_add_up() -> None:
    after = assemble(island(), opened("load 3"))
    before = at_rest(island())
    found = switched(before, after)
    assert found.under_current
    assert found.interrupted_a == pytest.approx({"load 3": 18.8}, rel=0.02)
    assert found.jump_a > 1.0
    assert np.abs(sums(after, found.state)).max() < 1e-12
    went = simulate(after, found.state, 0.5)
    assert went.power_w[-1].sum() == pytest.approx(381.0**2 / 25.0, rel=0.02)


def test_energy_that_is_lost_is_the_least_that_makes_currents_add_up() -> None:
    """Of one unit and one load, both coils lose all: the current has no other way."""
    before = at_rest(lone(), opened("more"))
    found = switched(before, assemble(lone(), opened("load", "more")))
    current_a = np.hypot(*before.values[13:15])
    assert found.lost_ws == pytest.approx(0.5 * (1e-3 + 0.35e-3) * current_a**2, rel=1e-9)
    assert found.interrupted_a == pytest.approx({"load": current_a})
    assert found.state.values[11:13] == pytest.approx([0.0, 0.0], abs=1e-12)


def test_fluxes_change_by_impulses_at_the_buses() -> None:
    """Around a mesh that stays closed the flux linkage is what it was."""
    before, after = at_rest(island()), assemble(island(), opened("load 1"))
    found = switched(before, after)
    change = found.state.values - before.values
    inverter = island().units[0].device.coupling_inductance_h
    line = island().branches[0].inductance_h
    for axis in (0, 1):
        mesh = inverter * change[11 + axis] + line * change[39 + axis]
        assert mesh == pytest.approx(inverter * change[24 + axis], abs=1e-12)


def test_closing_changes_nothing() -> None:
    before = at_rest(island(), opened("load 3"))
    found = switched(before, assemble(island()))
    assert not found.under_current
    assert found.state.values == pytest.approx(before.values, abs=1e-10)
    assert found.lost_ws == pytest.approx(0.0, abs=1e-12)


def test_a_part_that_dies_loses_its_currents_and_says_which() -> None:
    after = assemble(island(), opened("line 2", stopped=("u3",)))
    found = switched(at_rest(island()), after)
    assert set(found.interrupted_a) == {"line 2", "u3", "load 3"}
    assert (found.state.values[27:39] == 0.0).all()
    assert found.state.values[26] == at_rest(island()).values[26]  # its angle
    assert simulate(after, found.state, 0.05).message == ""


def test_a_unit_that_is_disconnected_runs_on() -> None:
    after = assemble(island(), opened("u2"))
    found = switched(at_rest(island()), after)
    assert set(found.interrupted_a) == {"u2"}
    went = simulate(after, found.state, 0.5)
    assert np.abs(went.capacitor_voltage_v[-1, 1]) == pytest.approx(381.0, rel=1e-3)
    assert went.power_w[-1, 1] == pytest.approx(0.0, abs=1.0)
