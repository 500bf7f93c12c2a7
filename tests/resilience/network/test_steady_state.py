"""Where an island settles: sharing, frequency, and that it stays there."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.elements import ShuntResistor
from evergrid.resilience.network.references import UnitReference
from evergrid.resilience.network.simulation import simulate
from evergrid.resilience.network.steady_state import steady_state
from tests.resilience.network.cases import POGAKU, island, lone, opened


def test_the_island_of_the_notes_settles_where_they_say() -> None:
    """Section 2.4, loads of 10 uH."""
    found = steady_state(assemble(island(1e-5)))
    own = found.state.values[:39].reshape(3, 13)
    assert own[:, 1] == pytest.approx([4346.755] * 3, abs=5e-4)
    assert own[:, 9] == pytest.approx([380.975, 381.692, 380.227], abs=6e-4)
    assert own[:, 0] == pytest.approx([0.0, 0.00111, -0.01196], abs=6e-6)
    assert found.w_rad_per_s == pytest.approx([313.7507], abs=5e-5)
    assert found.residual < 1e-12


def test_an_island_that_rests_stays_at_rest() -> None:
    found = steady_state(assemble(island()))
    went = simulate(found.assembly, found.state, 0.2)
    assert went.power_w == pytest.approx(np.broadcast_to(went.power_w[0], (201, 3)), rel=1e-9)
    turned = found.w_rad_per_s[0] - 100.0 * np.pi
    assert went.angle_rad[-1] - went.angle_rad[0] == pytest.approx([turned * 0.2] * 3, rel=1e-9)


def test_the_frequency_is_that_of_the_droop() -> None:
    told = {"u1": UnitReference(trim_rad_per_s=0.5)}
    found = steady_state(assemble(island(), references=told))
    power = found.state.values[[1, 14, 27]]
    droop = POGAKU.droop_rad_per_s_per_w
    expected = 100.0 * np.pi + np.array([0.5, 0.0, 0.0]) - droop * power
    assert found.w_rad_per_s[0] == pytest.approx(expected, rel=1e-12)


def test_each_island_settles_at_a_speed_of_its_own() -> None:
    found = steady_state(assemble(island(), opened("line 1")))
    alone = steady_state(assemble(island(), opened("line 1", stopped=("u1",))))
    assert found.w_rad_per_s[0] != pytest.approx(found.w_rad_per_s[1], abs=1e-3)
    assert found.w_rad_per_s[1] == pytest.approx(alone.w_rad_per_s[0], rel=1e-12)


def test_a_unit_at_its_limit_of_current_has_a_steady_state() -> None:
    found = steady_state(assemble(lone(replace(POGAKU, current_limit_a=15.0)), opened("more")))
    assert np.hypot(*found.state.values[7:9]) == pytest.approx(15.0, rel=1e-9)
    assert found.residual < 1e-12


def test_pure_resistors_draw_what_ohm_says() -> None:
    grid = replace(lone(), loads=(), resistors=(ShuntResistor("r", "b1", 20.0),))
    found = steady_state(assemble(grid))
    voltage = abs(found.assembly.voltages_v(found.state.values)[0])
    loss = voltage**2 / 20.0 * (1.0 + 0.03 / 20.0)
    assert found.state.values[1] == pytest.approx(loss, rel=1e-9)


def test_where_none_is_found_that_is_said() -> None:
    """More power than the line from the unit can carry: two units that droop cannot meet."""
    told = {"u1": UnitReference(trim_rad_per_s=300.0), "u3": UnitReference(trim_rad_per_s=-300.0)}
    with pytest.raises(InputError, match="have a steady state"):
        steady_state(assemble(island(), references=told))
