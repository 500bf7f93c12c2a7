"""Voltages of buses follow from currents; dead parts are left out; impossible options refused."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network import assembly as assemblies
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.elements import ShuntResistor
from evergrid.resilience.network.references import UnitReference
from tests.resilience.network.cases import LINES, POGAKU, UNITS, at_rest, island, opened


def test_a_dead_bus_and_what_hangs_on_it_are_left_out() -> None:
    found = assemble(island(), opened("line 2", stopped=("u3",)))
    assert found.buses.tolist() == [0, 1]
    assert found.branches.tolist() == [0, 2]  # line 1 and load 1
    assert not any(name.startswith(("u3", "line 2", "load 3")) for name in found.state_names)
    assert np.isfinite(found.tables.solve).all()


def test_currents_that_add_up_keep_adding_up() -> None:
    found, state = assemble(island()), at_rest(island()).values.copy()
    state[found.unit_at + 9] += 5.0  # the voltages of all capacitors are disturbed
    rates = found.rates(state)
    entries = assemblies.current_entries(found)
    rate = rates[entries] + 1j * rates[entries + 1]
    assert np.abs(rate).max() > 1e3
    assert np.abs(assemblies.incidence_of(found) @ rate).max() < 1e-9 * np.abs(rate).max()


def test_currents_that_do_not_add_up_are_led_back_at_the_rate_asked_for() -> None:
    found, state = assemble(island(), baumgarte_per_s=500.0), at_rest(island()).values.copy()
    state[found.unit_at[0] + 11] += 1.0
    entries = assemblies.current_entries(found)
    rates, incidence = found.rates(state), assemblies.incidence_of(found)
    error = incidence @ (state[entries] + 1j * state[entries + 1])
    error_rate = incidence @ (rates[entries] + 1j * rates[entries + 1])
    assert error_rate == pytest.approx(-(500.0 + 1j * 100.0 * np.pi) * error, rel=1e-6, abs=1e-6)


def test_a_resistor_gives_its_bus_the_voltage_of_the_currents_into_it() -> None:
    grid = DqNetwork(50.0, ("b1", "b2"), UNITS[:1], LINES[:1], (), (ShuntResistor("r", "b2", 7.0),))
    found = assemble(grid)
    state = np.zeros(len(grid.state_names))
    state[[11, 13]] = 3.0  # from the unit over line 1
    state[[12, 14]] = -2.0
    assert found.voltages_v(state)[1] == pytest.approx(7.0 * (3.0 - 2.0j))


def test_the_jacobian_is_that_of_differences() -> None:
    found, state = assemble(island()), at_rest(island()).values
    exact, step = found.jacobian(state), 1e-4
    for column, entry in enumerate(found.active):
        up, down = state.copy(), state.copy()
        up[entry] += step
        down[entry] -= step
        slope = ((found.rates(up) - found.rates(down)) / (2.0 * step))[found.active]
        assert slope == pytest.approx(exact[:, column], rel=1e-5, abs=1e-3)


def test_unknown_units_and_impossible_options_are_refused() -> None:
    with pytest.raises(InputError, match="references must name units of the microgrid, got u9"):
        assemble(island(), references={"u9": UnitReference()})
    with pytest.raises(InputError, match="baumgarte_per_s must be above 0"):
        assemble(island(), baumgarte_per_s=-1.0)
    with pytest.raises(InputError, match="virtual_resistor_ohm must be above 0"):
        assemble(island(), virtual_resistor_ohm=np.nan)


def test_frames_turn_at_the_speed_of_their_island() -> None:
    found = assemble(island(), opened("line 1"))
    tables = found.with_frame_speeds(np.array([310.0, 311.0]))
    still = found.rates(at_rest(island()).values, tables=tables)
    turning = found.rates(at_rest(island()).values)
    delta = turning[found.unit_at] - still[found.unit_at]
    assert delta == pytest.approx(np.array([310.0, 311.0, 311.0]) - POGAKU.nominal_rad_per_s)
