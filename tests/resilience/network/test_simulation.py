"""Islands in time: load steps, sharing, soft start, limits, and how a run says that it stopped."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network import kernels
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.dq_state import DqState, dead_state
from evergrid.resilience.network.elements import GridFormingUnit, ImpedanceLoad, ShuntResistor
from evergrid.resilience.network.references import UnitReference
from evergrid.resilience.network.simulation import Ending, simulate
from evergrid.resilience.network.switching import switched
from tests.resilience.network.cases import POGAKU, at_rest, island, lone, opened

SOFT = {"u1": UnitReference(ramp_from_v=0.0, ramp_s=0.2)}


def test_a_load_step_swings_as_in_the_notes() -> None:
    """Section 2.4: 25 ohm becomes 25 in parallel with 38.2 ohm, at 1 mH."""
    after = island(load_1_ohm=1.0 / (1 / 25.0 + 1 / 38.2))
    went = simulate(assemble(after), at_rest(island()), 1.0, sample_s=1e-4)
    assert went.power_w[0] == pytest.approx([4343.36] * 3, abs=0.005)
    assert went.power_w[-1] == pytest.approx([5598.0] * 3, abs=0.5)
    assert went.power_w.max(axis=0) == pytest.approx([6010.7, 5917.1, 5715.0], rel=1e-4)
    assert went.time_s[went.power_w.argmax(axis=0)] == pytest.approx(
        [0.0428, 0.089, 0.175], rel=0.01
    )
    assert went.frequency_hz[0] == pytest.approx(49.9350, abs=5e-5)
    assert went.frequency_hz[-1] == pytest.approx(49.9163, abs=6e-5)


def test_units_with_one_droop_share_alike_and_others_by_its_inverse() -> None:
    grid = island()
    last = grid.units[2]
    assert isinstance(last, GridFormingUnit)
    steep = replace(last.inverter, droop_rad_per_s_per_w=2.0 * POGAKU.droop_rad_per_s_per_w)
    grid = replace(grid, units=(*grid.units[:2], replace(last, inverter=steep)))
    went = simulate(assemble(grid), at_rest(island()), 3.0)
    first, second, third = went.power_w[-1]
    assert second == pytest.approx(first, rel=1e-7)
    assert third == pytest.approx(first / 2.0, rel=1e-7)
    assert np.ptp(went.reactive_power_var[-1]) > 100.0  # of which nothing makes them share alike


def test_halving_the_step_changes_nothing_that_matters() -> None:
    """Also what the state of a cold bus becomes."""
    runs = [
        simulate(assemble(lone(), opened("more"), SOFT), dead_state(lone()), 0.3, step_s=step)
        for step in (20e-6, 10e-6)
    ]
    assert runs[0].power_w[-1] == pytest.approx(runs[1].power_w[-1], rel=1e-11)


def test_a_soft_start_follows_its_ramp() -> None:
    went = simulate(assemble(lone(), opened("more"), SOFT), dead_state(lone()), 0.4)
    voltage = np.abs(went.capacitor_voltage_v[:, 0])
    assert voltage[100] == pytest.approx(381.0 / 2.0, rel=0.02)
    assert voltage[0] == 0.0
    assert voltage.max() < 381.5
    assert went.peak_filter_current_a[0] < 25.0


def test_energy_out_of_a_unit_is_that_of_load_and_losses() -> None:
    went = simulate(assemble(lone(), opened("more"), SOFT), dead_state(lone()), 0.5, sample_s=2e-5)
    current = np.abs(went.output_current_a[:, 0]) ** 2
    weight = np.full(len(current), 20e-6)
    weight[[0, -1]] /= 2.0
    stored = 0.5 * (0.35e-3 + 1e-3) * current[-1]
    spent = (20.0 + 0.03) * float(weight @ current) + stored
    assert went.unit_energy_ws[0] == pytest.approx(spent, rel=1e-9)
    assert went.branch_energy_ws[0] == pytest.approx(20.0 * float(weight @ current), rel=1e-3)
    assert np.abs(went.branch_current_a("load")) == pytest.approx(np.sqrt(current), abs=1e-9)


def test_the_limit_of_current_holds_and_lets_go() -> None:
    """An overload pulls the voltage down; after it nothing is wound up."""
    grid = lone(replace(POGAKU, current_limit_a=40.0))
    before = at_rest(grid, opened("more"))
    over = simulate(assemble(grid), before, 0.3)
    assert over.ending == Ending.FINISHED
    assert np.abs(over.filter_current_a[-1]) == pytest.approx([40.0], rel=1e-6)
    assert np.abs(over.voltages_v[-1]) < 150.0
    off = assemble(grid, opened("more"))
    back = simulate(off, switched(over.final, off).state, 0.3)
    rest = np.abs(simulate(off, before, 0.001).voltages_v[0])
    assert np.abs(back.voltages_v[-1]) == pytest.approx(rest, rel=1e-4)
    assert np.abs(back.voltages_v).max() < 1.15 * rest


def test_a_dc_voltage_that_is_too_low_caps_the_voltage() -> None:
    """Line-to-line rms of the bridge is the DC voltage over the root of two."""
    for dc_v, voltage_v in ((700.0, 381.0), (480.0, 480.0 / np.sqrt(2.0))):
        told = {"u1": replace(SOFT["u1"], dc_voltage_v=dc_v)}
        went = simulate(assemble(lone(), opened("more"), told), dead_state(lone()), 0.6)
        assert np.abs(went.capacitor_voltage_v[-1, 0]) == pytest.approx(voltage_v, rel=2e-3)


def test_a_trim_moves_the_frequency_by_itself() -> None:
    told = {"u1": UnitReference(trim_rad_per_s=-2.0 * np.pi * 0.15)}
    positions = opened("u1", "load", "more")
    went = simulate(assemble(lone(), positions, told), dead_state(lone()), 0.2)
    assert went.frequency_hz == pytest.approx(49.85)
    assert went.angle_rad[-1] == pytest.approx(-2.0 * np.pi * 0.15 * 0.2)


def test_islands_that_are_not_connected_go_their_own_ways() -> None:
    """Two halves simulated together are the same as each by itself."""
    apart = opened("line 1", "u2")
    start = DqState(0.0, at_rest(island(), apart).values)
    both = simulate(assemble(island(), apart), start, 0.3)
    for stopped, kept in ((("u2", "u3"), 0), (("u1", "u2"), 2)):
        alone_at = opened("line 1", stopped=stopped)
        values = start.values.copy()
        idle = np.setdiff1d(np.arange(len(values)), assemble(island(), alone_at).active)
        values[idle] = 0.0
        alone = simulate(assemble(island(), alone_at), DqState(0.0, values), 0.3)
        assert alone.power_w[:, 0] == pytest.approx(both.power_w[:, kept], rel=1e-12)
    assert both.frequency_hz[-1, 0] != pytest.approx(both.frequency_hz[-1, 2], abs=1e-4)


def test_a_current_beyond_the_bound_stops_the_run_which_says_so() -> None:
    wild = lone(replace(POGAKU, voltage_gain_i=39e3))
    went = simulate(assemble(wild, opened("more")), dead_state(wild), 1.0, current_bound_a=500.0)
    assert went.ending == Ending.OVER_CURRENT
    assert went.final.time_s < 0.1
    assert len(went.time_s) == int(went.final.time_s / 1e-3) + 1
    assert "beyond the bound" in went.message
    assert "u1.i_l" in went.message


def test_a_value_that_is_not_a_number_stops_the_kernel() -> None:
    """No checked state holds one; overflow is found as soon as it is there."""
    whole = assemble(lone(), opened("more"))
    moving = at_rest(lone(), opened("more")).values[whole.moving]
    for entry in (1, 7, 11, 13):
        bad = moving.copy()
        bad[entry] = np.nan
        recorded = kernels.DqRecording(
            *(np.zeros(shape) for shape in ((2, len(bad)), (2, 1), (2, 1), 1, 1, 1))
        )
        ended, steps = kernels.run(whole.tables, bad, 0.0, 20e-6, 100, 100, 1e10, recorded)
        assert (ended, steps < 5) == (kernels.NOT_FINITE, True)


def test_a_state_beyond_all_numbers_is_refused() -> None:
    begun = at_rest(lone(), opened("more")).values.copy()
    begun[9] = 1e300
    with pytest.raises(InputError, match="state must have finite rates of change"):
        simulate(assemble(lone(), opened("more")), DqState(0.0, begun), 0.1)


def test_a_finished_run_has_no_message() -> None:
    assert simulate(assemble(lone()), dead_state(lone()), 0.01).message == ""


def test_a_load_with_hardly_any_inductance_under_an_explicit_step_is_refused_by_name() -> None:
    heater = ImpedanceLoad("heater", "b1", 25.0, 1e-6)
    grid = island(more=(heater,))
    with pytest.raises(InputError, match=r"step_s must be at most .* s: heater has a mode of"):
        simulate(assemble(grid), dead_state(grid), 0.1)


def test_a_resistor_that_is_too_quick_for_the_step_is_named() -> None:
    grid = replace(lone(), loads=(), resistors=(ShuntResistor("heater", "b1", 300.0),))
    with pytest.raises(InputError, match=r"u1 at resistor heater has a mode of 8\.57"):
        simulate(assemble(grid), dead_state(grid), 0.1)
    went = simulate(assemble(grid), dead_state(grid), 0.1, step_s=2e-6)
    assert went.power_w[-1, 0] == pytest.approx(381.0**2 / 300.0, rel=0.06)


def test_times_and_states_that_do_not_fit_are_refused() -> None:
    whole, start = assemble(lone()), dead_state(lone())
    with pytest.raises(InputError, match="duration_s must be a whole number of steps"):
        simulate(whole, start, 0.10001)
    with pytest.raises(InputError, match="duration_s must make at most"):
        simulate(whole, start, 1e4)
    with pytest.raises(InputError, match="step_s must be above 0"):
        simulate(whole, start, 0.1, step_s=np.nan)
    with pytest.raises(InputError, match="current_bound_a must be above 0"):
        simulate(whole, start, 0.1, current_bound_a=0.0)
    with pytest.raises(InputError, match="state must have the 17 entries"):
        simulate(whole, DqState(0.0, np.zeros(5)), 0.1)
    bad = start.values.copy()
    bad[3] = np.nan
    with pytest.raises(InputError, match=r"state must be finite, got nan for u1\.phi_d"):
        simulate(whole, DqState(0.0, bad), 0.1)


def test_a_current_through_an_open_breaker_is_refused() -> None:
    with pytest.raises(InputError, match=r"no current where a breaker is open.*switching.switched"):
        simulate(assemble(island(), opened("load 3")), at_rest(island()), 0.1)


def test_a_branch_that_is_not_there_has_no_current() -> None:
    went = simulate(assemble(lone()), dead_state(lone()), 0.001)
    with pytest.raises(InputError, match="name must be a branch or a load, got u1"):
        went.branch_current_a("u1")
