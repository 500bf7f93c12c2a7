"""Islands in phasors: closed forms, balance, limits, relays, collapse."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.inverter.regfm_a1 import RegfmA1
from evergrid.resilience.phasor.events import IslandEvent
from evergrid.resilience.phasor.island import (
    IslandLimits,
    PhasorIsland,
    PhasorLine,
    PhasorLoad,
    PhasorMotor,
    UnderFrequencyStage,
    open_circuit_ratio,
)
from evergrid.resilience.phasor.simulation import IslandRun, simulate
from evergrid.resilience.phasor.units import DieselUnit, FollowingUnit, FormingUnit
from tests.resilience.phasor.cases import BASE_KVA, dc_side, hospital, pair

MORE = [IslandEvent(5.0, "connect", "more")]


def at(run: IslandRun, time_s: float) -> int:
    return int(np.searchsorted(run.time_s, time_s - 1e-9))


def names(run: IslandRun, what: str) -> list[str]:
    return [switched.target for switched in run.switchings if switched.what == what]


# -- REGFM_A1 -------------------------------------------------------------------------------


def test_a_saturated_inverter_feeds_its_limit_and_the_other_sets_the_frequency() -> None:
    run = simulate(pair(), MORE, 20.0)
    before, end = at(run, 4.9), -1
    assert run.power_kw[:, before] / BASE_KVA == pytest.approx([0.69506, 0.29506], abs=5e-6)
    assert np.diff(run.power_kw[:, before]) == pytest.approx(-400.0, abs=1e-4)
    assert run.frequency_hz[before] == pytest.approx(60.00296, abs=5e-6)
    one, two = run.power_kw[:, end] / BASE_KVA
    assert one == pytest.approx(0.9, abs=1e-6)
    assert two == pytest.approx(0.57791, abs=5e-6)
    assert run.frequency_hz[end] == pytest.approx(59.83325, abs=5e-6)
    assert run.frequency_hz[end] == pytest.approx(60.0 * (1.0 + 0.01 * (0.3 - two)), abs=1e-9)
    assert run.collapse is None


def test_reactive_power_and_voltage_follow_their_droop() -> None:
    run = simulate(pair(), [], 5.0)
    reactive = run.reactive_kvar[:, -1] / BASE_KVA
    voltage = abs(run.voltage_pu[0, -1])
    assert voltage == pytest.approx(1.0 - 0.05 * reactive, abs=1e-6)
    assert reactive.sum() == pytest.approx(0.2 * voltage**2, abs=1e-6)


def test_inverters_of_unlike_size_share_by_rating() -> None:
    small = FormingUnit("small", "b", 250.0, running=True)
    large = FormingUnit("large", "b", 1000.0, running=True)
    run = simulate(pair(units=(large, small)), [], 8.0)
    assert run.power_kw[0, -1] == pytest.approx(4 * run.power_kw[1, -1], rel=1e-6)
    assert run.unit_hz[:, -1] == pytest.approx(run.frequency_hz[-1], abs=1e-9)


def test_the_internal_voltage_is_held_where_the_terminals_are_not() -> None:
    model = RegfmA1().without_voltage_control()
    unit = FormingUnit("one", "b", 1000.0, model, running=True)
    load = PhasorLoad("base", "b", 500.0, closed=True)
    run = simulate(pair(units=(unit,), loads=(load,)), [], 3.0)
    internal = 1.0 - 0.05 * run.reactive_kvar[0, -1] / BASE_KVA
    divided = internal / abs(1.0 + 0.5 * complex(0.03, 0.15))
    assert abs(run.voltage_pu[0, -1]) == pytest.approx(divided, abs=1e-9)


def test_a_current_is_clipped_at_its_limit() -> None:
    model = RegfmA1(most_current_pu=1.2, power_limit_gain=0.0, power_limit_integral_per_s=0.0)
    unit = FormingUnit("one", "b", 1000.0, model, running=True)
    load = PhasorLoad("short", "b", 20_000.0)
    limits = IslandLimits(voltage_s=60.0, least_hz=55.0)
    island = pair(units=(unit,), loads=(load,), limits=limits)
    run = simulate(island, [IslandEvent(2.0, "connect", "short")], 2.5)
    current = abs(run.power_kw[0] + 1j * run.reactive_kvar[0]) / BASE_KVA
    current = current / np.maximum(abs(run.voltage_pu[0]), 1e-9)
    assert current[at(run, 2.02) :] == pytest.approx(1.2, abs=1e-6)


def test_an_isochronous_unit_holds_the_frequency_and_takes_the_rest() -> None:
    master = FormingUnit("master", "b", 1000.0, isochronous=True, running=True)
    helper = FormingUnit("helper", "b", 1000.0, power_kw=400.0, running=True)
    run = simulate(pair(units=(master, helper)), [], 8.0)
    assert run.unit_hz[0, -1] == 60.0
    assert run.power_kw[1, -1] == pytest.approx(400.0, abs=1e-3)


# -- the network --------------------------------------------------------------------------------


def busy() -> tuple[PhasorIsland, list[IslandEvent]]:
    """An island with one of everything."""
    island = hospital(
        units=(
            FormingUnit("first", "plaza", 125.0, RegfmA1().bidirectional(), running=True),
            FollowingUnit("charger", "hospital", 60.0, 40.0, 10.0, enter_s=1.0, running=True),
            DieselUnit("diesel", "hospital", 200.0, 50.0),
        ),
        loads=(
            PhasorLoad("a", "hospital", 60.0, 20.0, constant_power_share=0.5),
            PhasorLoad("b", "plaza", 40.0, 10.0),
        ),
        motors=(PhasorMotor("pump", "hospital", 20.0),),
    )
    events = [
        IslandEvent(1.0, "connect", "a"),
        IslandEvent(2.0, "connect", "pump"),
        IslandEvent(12.0, "start", "diesel"),
        IslandEvent(16.0, "connect", "b"),
        IslandEvent(18.0, "scale_load", "b", 1.5, 2.0),
        IslandEvent(20.0, "set_power", "charger", -30.0, 2.0),
    ]
    return island, events


def test_powers_balance_with_the_losses_of_the_lines_at_every_sample() -> None:
    island, events = busy()
    run = simulate(island, events, 26.0)
    assert run.collapse is None
    plaza, there = run.voltage_pu
    through = (plaza - there) / complex(0.02, 0.05)
    lost = 250.0 * (plaza - there) * through.conjugate()
    fed = run.power_kw.sum(axis=0) + 1j * run.reactive_kvar.sum(axis=0)
    drawn = run.load_kw.sum(axis=0) + 1j * run.load_kvar.sum(axis=0)
    drawn = drawn + run.motor_kw.sum(axis=0) + 1j * run.motor_kvar.sum(axis=0)
    assert np.abs(fed - drawn - lost).max() < 1e-5
    # The motor's start takes the voltage out of the charger's window.
    assert names(run, "trip") == ["charger"]
    assert names(run, "enter") == ["charger", "charger"]
    assert run.power_kw[1, -1] == pytest.approx(-30.0, abs=0.5)
    scaled = run.load_kw[1, -1] / abs(plaza[-1]) ** 2
    assert scaled == pytest.approx(60.0, abs=1e-9)


def test_half_the_step_changes_little() -> None:
    island, events = busy()
    whole, half = (simulate(island, events, 26.0, step_s=step) for step in (0.002, 0.001))
    assert whole.frequency_hz == pytest.approx(half.frequency_hz, abs=2e-3)
    assert np.abs(whole.voltage_pu[:, -1]) == pytest.approx(
        np.abs(half.voltage_pu[:, -1]), abs=1e-5
    )


def test_a_dead_bus_rises_as_its_ramp_and_a_part_that_is_cut_off_stays_dead() -> None:
    island = hospital(lines=(PhasorLine("cable", "plaza", "hospital", 0.02, 0.05, closed=False),))
    run = simulate(island, [IslandEvent(2.0, "connect", "a")], 3.0)
    size = np.abs(run.voltage_pu)
    assert size[0, 0] == 0.0
    assert (np.diff(size[0, : at(run, 0.4)]) > 0).all()
    assert size[0, -1] == pytest.approx(1.0, abs=1e-3)
    assert (size[1] == 0.0).all()
    assert run.load_kw[0, -1] == 0.0


def test_constant_power_in_a_dead_part_draws_nothing_and_harms_nobody() -> None:
    line = PhasorLine("cable", "plaza", "hospital", 0.02, 0.05, closed=False)
    load = PhasorLoad("server", "hospital", 50.0, 0.0, 1.0, 0.0, closed=True)
    run = simulate(hospital(lines=(line,), loads=(load,)), [], 2.0)
    assert run.collapse is None
    assert (run.load_kw[0] == 0.0).all()
    assert abs(run.voltage_pu[0, -1]) == pytest.approx(1.0, abs=1e-3)


def test_a_started_unit_meets_a_live_bus_without_a_jump() -> None:
    island = hospital()
    units = (island.units[0], replace(island.units[1], running=False))
    island = replace(island, units=units)
    connect = IslandEvent(1.0, "connect", "a")
    events = [connect, IslandEvent(3.0, "start", "second")]
    run = simulate(island, events, 10.0)
    before, after = at(run, 2.98), at(run, 3.0)
    assert abs(run.voltage_pu[1, after]) == pytest.approx(abs(run.voltage_pu[1, before]), abs=1e-6)
    assert run.power_kw[1, after] == pytest.approx(0.0, abs=1e-6)
    assert np.diff(run.power_kw[:, -1]) == pytest.approx(0.0, abs=1e-4)


def test_a_motor_runs_at_the_slip_of_its_equivalent_circuit() -> None:
    motor = PhasorMotor("pump", "b", 20.0)
    island = pair(motors=(motor,))
    run = simulate(island, [IslandEvent(1.0, "connect", "pump")], 12.0)
    voltage, speed = abs(run.voltage_pu[0, -1]), run.motor_speed_pu[0, -1]
    slip = run.frequency_hz[-1] / 60.0 - speed
    # At a frequency near nominal, reactances are taken as nominal, as the model does.
    rotor = complex(motor.rotor_resistance_pu / slip, motor.rotor_reactance_pu)
    shunt = 1j * motor.magnetising_reactance_pu
    seen = complex(motor.stator_resistance_pu, motor.stator_reactance_pu)
    current = voltage / (seen + shunt * rotor / (shunt + rotor))
    air_gap = (abs(current) ** 2) * (shunt * rotor / (shunt + rotor)).real
    assert air_gap == pytest.approx(motor.torque_pu * speed**2, rel=2e-3)
    drawn = 20.0 * (voltage * current.conjugate()).real
    assert run.motor_kw[0, -1] == pytest.approx(drawn, rel=2e-3)
    whole, transient, _ = open_circuit_ratio(motor)
    assert whole == pytest.approx(3.3)
    assert transient == pytest.approx(0.1 + 3.2 * 0.1 / 3.3)


def test_a_diesel_set_settles_at_its_droop_and_an_isochronous_one_at_nominal() -> None:
    load = PhasorLoad("base", "b", 300.0, closed=True)
    for isochronous in (False, True):
        unit = DieselUnit("set", "b", 1000.0, 100.0, isochronous=isochronous, running=True)
        run = simulate(pair(units=(unit,), loads=(load,)), [], 30.0)
        current = abs(run.power_kw[0, -1] / run.voltage_pu[0, -1]) / 1000.0
        share = (run.power_kw[0, -1] - 100.0) / 1000.0 + 0.01 * current**2  # the stator's loss
        expected = 60.0 if isochronous else 60.0 * (1.0 - 0.05 * share)
        assert run.frequency_hz[-1] == pytest.approx(expected, abs=1e-3 if isochronous else 1e-6)
        assert abs(run.voltage_pu[0, -1]) == pytest.approx(1.0, abs=1e-6)
        assert run.power_kw[0, -1] == pytest.approx(300.0, abs=1e-2)


# -- chargers that follow ----------------------------------------------------------------------


def test_a_charger_waits_ramps_and_trips_on_a_low_frequency() -> None:
    charger = FollowingUnit(
        "charger", "hospital", 60.0, 40.0, enter_s=2.0, ramp_s=1.0, running=True
    )
    island = hospital(units=(*hospital().units, charger), shedding=())
    events = [IslandEvent(5.0, "connect", name) for name in "abc"]
    run = simulate(island, events, 12.0)
    entered = next(switched for switched in run.switchings if switched.what == "enter")
    assert entered.time_s == pytest.approx(2.65, abs=0.05)  # good after two thirds of a second
    assert (run.power_kw[2, : at(run, entered.time_s)] == 0.0).all()
    assert run.power_kw[2, at(run, 4.9)] == pytest.approx(40.0, abs=0.05)
    assert "charger" in names(run, "trip")
    assert run.collapse is not None


def test_chargers_fall_off_with_the_last_unit_that_forms() -> None:
    charger = FollowingUnit("charger", "hospital", 60.0, 40.0, enter_s=0.5, running=True)
    island = hospital(units=(hospital().units[0], charger))
    events = [IslandEvent(1.0, "connect", "a"), IslandEvent(6.0, "trip", "first")]
    run = simulate(island, events, 8.0)
    assert run.collapse is not None
    assert run.collapse.time_s == 6.0
    assert "No unit forms" in run.collapse.cause
    assert names(run, "trip") == ["first", "charger"]
    assert (run.power_kw[:, at(run, 6.0) :] == 0.0).all()
    assert np.isnan(run.frequency_hz[-1])


# -- saturation, shedding, collapse ------------------------------------------------------------

BLOCKS = [IslandEvent(2.0 * number + 2.0, "connect", name) for number, name in enumerate("abc")]


def test_when_all_are_saturated_shedding_saves_the_island() -> None:
    island = hospital(shedding=(UnderFrequencyStage(59.0, ("c",), 0.1),))
    run = simulate(island, BLOCKS, 15.0)
    assert run.collapse is None
    assert names(run, "shed") == ["c"]
    shed = next(switched for switched in run.switchings if switched.what == "shed")
    assert 6.1 < shed.time_s < 7.0
    assert run.least_hz[0] < 59.0
    assert run.frequency_hz[-1] > 59.5
    assert (run.power_kw[:, -1] < 112.5).all()


def test_when_all_are_saturated_and_nothing_sheds_the_frequency_falls_to_a_named_collapse() -> None:
    run = simulate(hospital(), BLOCKS, 15.0)
    assert run.collapse is not None
    assert "56." in run.collapse.cause or "57.00" in run.collapse.cause
    assert "all inverters are at a limit: first, second" in run.collapse.cause
    assert 6.0 < run.collapse.time_s < 12.0
    dead = run.time_s >= run.collapse.time_s
    assert (run.load_kw[:, dead] == 0.0).all()
    assert np.isnan(run.frequency_hz[dead]).all()


def test_a_constant_power_without_a_voltage_is_a_named_collapse() -> None:
    load = PhasorLoad("server", "hospital", 800.0, constant_power_share=1.0, impedance_below_pu=0.0)
    run = simulate(hospital(loads=(load,)), [IslandEvent(2.0, "connect", "server")], 5.0)
    assert run.collapse is not None
    assert run.collapse.time_s == pytest.approx(2.0)
    assert "bus hospital carries the constant power" in run.collapse.cause


def test_constant_power_is_found_up_to_the_nose_and_not_beyond() -> None:
    """One source behind a reactance: the nose is at V^2 / (2 X)."""
    model = RegfmA1(
        reactance_pu=0.2,
        resistance_pu=0.0,
        most_current_pu=5.0,
        reactive_droop_pu=0.0,
        reactive_limit_gain=0.0,
        reactive_limit_integral_per_s=0.0,
        voltage_control=False,
        most_power_pu=1.5,
    )
    nose_kw = 1000.0 / (2 * 0.6)  # 0.2 inside, 0.4 of line
    unit = FormingUnit("one", "b", 1000.0, model, running=True)
    for share, survives in ((0.995, True), (1.005, False)):
        load = PhasorLoad("l", "far", share * nose_kw, 0.0, 1.0, 0.0)
        line = PhasorLine("line", "b", "far", 0.0, 0.4)
        island = pair(buses=("b", "far"), units=(unit,), loads=(load,), lines=(line,))
        run = simulate(island, [IslandEvent(2.0, "connect", "l")], 2.2)
        assert (run.collapse is None) == survives
        if survives:
            size = abs(run.voltage_pu[1, -1])
            power = share * nose_kw / 1000.0
            expected = np.sqrt(0.5 + np.sqrt(0.25 - (0.6 * power) ** 2))
            assert size == pytest.approx(expected, abs=1e-4)


def test_a_load_that_becomes_an_impedance_pulls_the_voltage_down_and_is_named() -> None:
    load = PhasorLoad("server", "hospital", 1200.0, constant_power_share=1.0)
    run = simulate(hospital(loads=(load,)), [IslandEvent(2.0, "connect", "server")], 5.0)
    assert run.collapse is not None
    assert "voltage at bus hospital stays at" in run.collapse.cause
    assert run.collapse.time_s == pytest.approx(2.5, abs=0.05)


# -- batteries ----------------------------------------------------------------------------------


def test_energy_that_leaves_the_cells_is_what_the_terminals_feed_and_what_is_lost() -> None:
    side = dc_side(0.5)
    unit = FormingUnit("first", "plaza", 125.0, RegfmA1().bidirectional(), dc=side, running=True)
    island = hospital(units=(unit,))
    run = simulate(island, [IslandEvent(1.0, "connect", "a")], 61.0)
    power = run.power_kw[0, at(run, 30.0)]
    cells_kw = power / side.efficiency
    rest = 650.0
    current = (rest - np.sqrt(rest**2 - 4 * side.resistance_ohm * cells_kw * 1e3)) / (
        2 * side.resistance_ohm
    )
    used = (run.energy[0, at(run, 2.0)] - run.energy[0, -1]) * 155.0
    assert used == pytest.approx(rest * current / 1e3 * 59.0 / 3600.0, rel=2e-3)


def test_an_empty_battery_takes_its_unit_off() -> None:
    unit = FormingUnit("first", "plaza", 125.0, dc=dc_side(0.2, capacity_kwh=2.0), running=True)
    run = simulate(hospital(units=(unit,)), [IslandEvent(1.0, "connect", "b")], 60.0)
    assert names(run, "empty") == ["first"]
    assert run.collapse is not None
    assert 1.0 + 0.4 * 3600.0 / 110.0 < run.collapse.time_s < 1.0 + 0.4 * 3600.0 / 90.0


def test_a_battery_in_the_cold_limits_the_power_before_the_inverter_does() -> None:
    def end(temperature_c: float) -> IslandRun:
        side = dc_side(0.05, temperature_c=temperature_c)
        unit = FormingUnit("first", "plaza", 125.0, dc=side, running=True)
        helper = FormingUnit("second", "plaza", 125.0, running=True)
        events = [IslandEvent(1.0, "connect", "a"), IslandEvent(2.0, "scale_load", "a", 1.4)]
        return simulate(hospital(units=(unit, helper)), events, 20.0)

    warm, cold = end(25.0), end(-20.0)
    limit = dc_side(temperature_c=-20.0).limits(np.array([0.05])).discharge_kw[0]
    assert limit < 60.0
    assert warm.power_kw[0, -1] == pytest.approx(warm.power_kw[1, -1], abs=1e-3)
    assert cold.power_kw[0, -1] == pytest.approx(limit, rel=0.01)


def test_a_sagging_dc_voltage_takes_the_ac_voltage_with_it() -> None:
    side = dc_side(0.02, ac_voltage_v=440.0, regulated=False, temperature_c=-10.0)
    unit = FormingUnit("first", "plaza", 125.0, dc=side, running=True)
    run = simulate(hospital(units=(unit,)), [IslandEvent(1.0, "connect", "a")], 4.0)
    most = side.most_voltage_pu(run.energy[0, -1], run.power_kw[0, -1])
    assert most < 0.95
    power = complex(run.power_kw[0, -1], run.reactive_kvar[0, -1]) / 125.0
    here = run.voltage_pu[0, -1]
    internal = abs(here + complex(0.03, 0.15) * (power / here).conjugate())
    assert internal == pytest.approx(most, abs=1e-4)


# -- switching -----------------------------------------------------------------------------------


def test_a_line_between_two_live_parts_closes_only_when_they_are_synchronous() -> None:
    model = RegfmA1()
    line = PhasorLine("tie", "one", "two", 0.01, 0.05, closed=False)
    units = (
        FormingUnit("first", "one", 125.0, model, running=True),
        FormingUnit("second", "two", 125.0, model, 12.5, running=True),  # 0.1 % faster
    )
    island = hospital(buses=("one", "two"), units=units, lines=(line,), loads=())
    # The slip is 0.06 Hz: opposite after 8.33 s, together again after 16.67 s.
    far, near = (simulate(island, [IslandEvent(t, "connect", "tie")], 20.0) for t in (8.3, 16.7))
    assert names(far, "refuse") == ["tie"]
    assert names(far, "connect") == []
    assert names(near, "connect") == ["tie"]
    assert near.unit_hz[0, -1] == pytest.approx(near.unit_hz[1, -1], abs=1e-6)


def test_a_run_says_the_same_twice() -> None:
    island, events = busy()
    first, second = simulate(island, events, 5.0), simulate(island, events, 5.0)
    assert (first.voltage_pu == second.voltage_pu).all()
    assert first.switchings == second.switchings


# -- what is refused -----------------------------------------------------------------------------


def test_an_island_without_a_grid_forming_unit_is_refused() -> None:
    with pytest.raises(InputError, match="grid_forming must be true for one unit"):
        pair(units=(FollowingUnit("charger", "b", 60.0),))


def test_two_masters_are_refused() -> None:
    units = (
        FormingUnit("one", "b", 100.0, isochronous=True),
        DieselUnit("two", "b", 100.0, isochronous=True),
    )
    with pytest.raises(InputError, match="at most one unit") as error:
        pair(units=units)
    assert error.value.ids == ("one", "two")


def test_names_that_are_unknown_or_twice_are_refused() -> None:
    with pytest.raises(InputError, match="be given once"):
        pair(buses=("b", "one"))
    with pytest.raises(InputError, match="one of the buses"):
        pair(loads=(PhasorLoad("far", "moon", 1.0),))
    with pytest.raises(InputError, match="among the loads"):
        pair(shedding=(UnderFrequencyStage(59.0, ("none",)),))


def test_thresholds_of_another_nominal_frequency_are_refused() -> None:
    with pytest.raises(InputError, match="Is it a threshold of a grid of 50 Hz"):
        pair(shedding=(UnderFrequencyStage(49.0, ("more",)),))
    with pytest.raises(InputError, match=r"limits.least_hz"):
        pair(nominal_hz=50.0)
    limits, charger = IslandLimits(47.5, 51.5), FollowingUnit("charger", "b", 60.0)
    with pytest.raises(InputError, match="frequency_window_hz must be around 50 Hz"):
        pair(units=(*pair().units, charger), nominal_hz=50.0, limits=limits)


def test_powers_above_a_rating_are_refused() -> None:
    with pytest.raises(InputError, match="within the rating"):
        FormingUnit("one", "b", 100.0, power_kw=95.0)
    with pytest.raises(InputError, match="within the rating"):
        FormingUnit("one", "b", 100.0, power_kw=-1.0)
    with pytest.raises(InputError, match="within the rating"):
        FollowingUnit("one", "b", 60.0, 50.0, 50.0)
    with pytest.raises(InputError, match="within the rating"):
        DieselUnit("one", "b", 100.0, power_kw=90.0)
    with pytest.raises(InputError, match="within the rating"):
        simulate(pair(), [IslandEvent(1.0, "set_power", "one", 950.0)], 2.0)


def test_events_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="be a member that connect acts on"):
        simulate(pair(), [IslandEvent(1.0, "connect", "one")], 2.0)
    with pytest.raises(InputError, match="value must be left out"):
        IslandEvent(1.0, "connect", "more", 3.0)
    with pytest.raises(InputError, match="value must be a finite number"):
        IslandEvent(1.0, "set_power", "one")
    with pytest.raises(InputError, match="time_s must be at least 0"):
        IslandEvent(float("nan"), "connect", "more")
    with pytest.raises(InputError, match=r"value must be in \[0, 10\]"):
        IslandEvent(1.0, "scale_load", "more", -1.0)


def test_steps_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="step_s"):
        simulate(pair(), [], 2.0, step_s=0.01)
    with pytest.raises(InputError, match="sample_s must be a multiple"):
        simulate(pair(), [], 2.0, sample_s=0.0033)
    with pytest.raises(InputError, match="duration_s"):
        simulate(pair(), [], float("nan"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_number_that_is_none_is_refused_by_every_record(value: float) -> None:
    makers = (
        lambda: PhasorLine("l", "a", "b", value, 0.1),
        lambda: PhasorLoad("l", "b", value),
        lambda: PhasorMotor("m", "b", value),
        lambda: FormingUnit("u", "b", value),
        lambda: FormingUnit("u", "b", 100.0, ramp_s=value),
        lambda: FollowingUnit("u", "b", 100.0, enter_s=value),
        lambda: DieselUnit("u", "b", 100.0, inertia_s=value),
        lambda: RegfmA1(reactance_pu=value),
    )
    for make in makers:
        with pytest.raises(InputError, match="be in"):
            make()
    with pytest.raises(InputError, match="reactance_pu must be above 0"):
        PhasorLine("l", "a", "b", 0.0, 0.0)
