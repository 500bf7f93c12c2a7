"""Loads, droop, limits, unbalance and switching of one inverter."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError, SolveError
from evergrid.resilience.waveform import simulation
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.circuit import circuit_of, controller_of
from evergrid.resilience.waveform.earthing import earth_fault_voltages
from evergrid.resilience.waveform.harmonics import harmonics, phasors_of
from evergrid.resilience.waveform.measurement import (
    frequency_hz,
    sequence_components,
    space_vector,
)
from evergrid.resilience.waveform.network import (
    Connection,
    EarthFault,
    PhaseLoad,
    SaturableTransformer,
)
from evergrid.resilience.waveform.simulation import simulate
from evergrid.resilience.waveform.sources import (
    EmtControl,
    EmtInverter,
    StiffSource,
    VoltageRamp,
    Wires,
)
from evergrid.resilience.waveform.step_limit import sampled_modes
from tests.resilience.waveform.cases import bus_pu, hard_closing, last_cycle_rms_pu, loaded

STEP = VoltageRamp(0.0)


def test_droop_sets_the_frequency_that_the_waveform_has() -> None:
    went = simulate(loaded())
    power_pu = went.power_kw[-1] / 125.0
    assert went.frequency_hz[-1] == pytest.approx(60.0 * (1 - 0.01 * power_pu), abs=1e-5)
    assert power_pu == pytest.approx(37 * 3 / 125, rel=0.02)
    seen = frequency_hz(went.bus_v, went.sample_s, window_s=0.1)
    assert seen[-1] == pytest.approx(went.frequency_hz[-1], abs=1e-5)


def test_voltage_droop_lowers_the_voltage_by_reactive_power() -> None:
    control = EmtControl(voltage_droop_pu=0.05)
    load = PhaseLoad("motor", (10.0, 10.0, 10.0), (20.0, 20.0, 20.0))
    case = WaveformCase(EmtInverter(control=control), 0.8, loads=(load,))
    level = last_cycle_rms_pu(simulate(case))[0]
    # the load's reactive power falls with the square of the voltage; filter capacitors lie before
    assert level == pytest.approx(1 - 0.05 * 0.48 * level**2, abs=2e-3)


def test_a_load_draws_its_rated_power_at_rated_voltage() -> None:
    loads = (
        PhaseLoad("resistors", (12.0, 8.0, 4.0)),
        PhaseLoad("motors", (9.0, 9.0, 9.0), (6.0, 6.0, 6.0)),
        PhaseLoad("pumps", (3.0, 0.0, 5.0), (1.0, 0.0, 4.0)),
    )
    went = simulate(WaveformCase(StiffSource(125.0), 0.4, STEP, loads=loads))
    cycle = went.power_kw[-round(1 / 60 / went.sample_s) :]
    assert cycle.mean() == pytest.approx(24 + 27 + 8, rel=1e-3)


@pytest.mark.parametrize("resistive", [False, True], ids=["inductive", "mixed"])
def test_currents_behind_a_transformer_are_those_of_its_impedances(resistive: bool) -> None:
    # two inductive loads meet at a node without state, or a resistance lies beside them
    loads = [
        PhaseLoad("one", (20.0, 20.0, 20.0), (15.0, 15.0, 15.0)),
        PhaseLoad("two", (5.0, 5.0, 5.0), (8.0, 8.0, 8.0), close_s=0.05),
    ]
    loads += [PhaseLoad("three", (10.0, 10.0, 10.0))] if resistive else []
    transformer = SaturableTransformer(200.0)
    source = StiffSource(200.0)
    went = simulate(WaveformCase(source, 0.6, STEP, transformer, tuple(loads)))
    found = phasors_of(went.winding_a, went.sample_s, nominal_hz=60.0)
    admittance = sum(
        1 / (complex(*impedance) / source.base_ohm)
        for load in loads
        if (impedance := load.impedances_ohm(480.0)[0])
    )
    expected = 1 / (0.01 + 0.05j + 1 / admittance)
    np.testing.assert_allclose(np.abs(found) / source.peak_current_a, abs(expected), rtol=1e-4)


def test_halving_the_step_changes_nothing_that_matters() -> None:
    case = hard_closing(300.0)
    coarse, fine = simulate(case), simulate(case, step_s=1e-6)
    assert coarse.closing_s == pytest.approx(fine.closing_s, abs=1e-12)
    assert coarse.peak_inverter_pu == pytest.approx(fine.peak_inverter_pu, abs=1e-4)
    np.testing.assert_allclose(coarse.bus_v, fine.bus_v, atol=0.5)


def test_an_overload_ends_at_the_current_limit_with_a_collapsed_voltage() -> None:
    loads = (PhaseLoad("base", (20.0, 20.0, 20.0)), PhaseLoad("all", (90.0, 90.0, 90.0)))
    with pytest.raises(InputError, match=r"rating, 125 kVA, got '?330 kVA of base, all"):
        WaveformCase(EmtInverter(), 0.5, loads=loads)
    went = simulate(WaveformCase(EmtInverter(), 0.5, loads=loads, allow_overload=True))
    current = np.abs(space_vector(went.inverter_a[:, -800:])) / EmtInverter().peak_current_a
    assert current.max() == pytest.approx(1.2, abs=0.01)
    np.testing.assert_allclose(last_cycle_rms_pu(went), 1.2 / (330 / 125), atol=0.02)


@pytest.mark.parametrize(
    ("wires", "connection", "zero"),
    [("four_wire", "Yg-yg", 0.02), ("three_wire", "D-yg", 0.0), ("four_wire", "D-yg", 0.0)],
)
def test_a_single_phase_load_unbalances_what_the_connection_lets_through(
    wires: Wires, connection: Connection, zero: float
) -> None:
    load = PhaseLoad("one phase", (25.0, 0.0, 0.0), (10.0, 0.0, 0.0))
    transformer = SaturableTransformer(125.0, connection=connection)
    went = simulate(
        WaveformCase(EmtInverter(wires=wires), 0.8, VoltageRamp(0.1), transformer, (load,))
    )
    voltage, current = (
        sequence_components(phasors_of(values, went.sample_s, nominal_hz=60.0))
        for values in (went.bus_v, went.output_a)
    )
    # the controller holds positive and negative sequence, not zero sequence
    assert voltage.negative_share < 1e-3
    assert voltage.zero_share == pytest.approx(zero, abs=0.005)
    assert current.negative_share == pytest.approx(1.0, abs=0.1)
    assert current.zero_share == pytest.approx(1.0 if zero else 0.0, abs=0.1)


def test_without_its_integrator_the_negative_sequence_stays() -> None:
    load = PhaseLoad("one phase", (25.0, 0.0, 0.0))
    inverter = EmtInverter(control=EmtControl(negative_integral_per_s=0.0))
    went = simulate(WaveformCase(inverter, 0.6, VoltageRamp(0.1), loads=(load,)))
    found = sequence_components(phasors_of(went.bus_v, went.sample_s, nominal_hz=60.0))
    assert found.negative_share > 0.1


def test_a_fault_to_earth_lifts_healthy_phases_of_an_ungrounded_island_by_root_three() -> None:
    inverter = EmtInverter(wires="three_wire")
    fault = EarthFault("a", 0.5, 0.2)
    went = simulate(WaveformCase(inverter, 0.7, VoltageRamp(0.1), earth_faults=(fault,)))
    found = phasors_of(bus_pu(went), went.sample_s, nominal_hz=60.0)
    expected = earth_fault_voltages(
        zero_admittance_pu=1j * inverter.filter.earth_capacitance_pu,
        positive_impedance_pu=0.0,
        fault_resistance_pu=0.5 / inverter.base_ohm,
    )
    np.testing.assert_allclose(np.abs(found), expected.phase_pu, atol=1e-4)
    assert np.abs(found)[1:] == pytest.approx(math.sqrt(3), abs=0.005)
    assert abs(found[0]) < 0.01
    # earth moves; what loads between phases see does not
    assert sequence_components(found).negative_share < 1e-3
    assert went.peak_inverter_pu < 0.1


def test_with_an_earthed_neutral_the_same_fault_draws_the_current_and_is_gone_after() -> None:
    faults = (EarthFault("a", 0.5, 0.2, 0.3),)
    went = simulate(WaveformCase(EmtInverter(), 0.6, VoltageRamp(0.1), earth_faults=faults))
    assert went.peak_inverter_pu > 1.0
    np.testing.assert_allclose(last_cycle_rms_pu(went), 1.0, atol=0.01)


# -- switching ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wires", ["four_wire", "three_wire"])
def test_switching_adds_ripple_and_little_distortion(wires: Wires) -> None:
    averaged, switching = simulate(loaded("averaged", wires)), simulate(loaded("switching", wires))
    spectra = [
        harmonics(went.bus_v[0], went.sample_s, nominal_hz=60.0) for went in (averaged, switching)
    ]
    assert spectra[0].thd < 1e-4
    assert 5e-4 < spectra[1].thd < 5e-3
    assert spectra[1].rest > 10 * spectra[0].rest
    assert abs(spectra[1].phasors[1]) == pytest.approx(abs(spectra[0].phasors[1]), rel=2e-3)
    assert switching.frequency_hz[-1] == pytest.approx(averaged.frequency_hz[-1], abs=0.005)


# -- what is refused ------------------------------------------------------------------------------


def test_a_step_too_long_is_refused_with_the_element() -> None:
    small = loaded(kw_per_phase=0.5)
    assert simulate(small).peak_output_pu < 0.1
    with pytest.raises(InputError, match="leakage of the transformer with load wards") as refused:
        simulate(small, step_s=5e-6)
    assert refused.value.field == "step_s"
    assert "eigenvalue -6.28e+05 +0j 1/s" in str(refused.value)
    # a small load is fast only while it is alone, which its closing time does not tell
    both = replace(loaded(), loads=(*loaded().loads, *small.loads))
    with pytest.raises(InputError, match="leakage of the transformer with load wards"):
        simulate(both, step_s=5e-6)


def test_the_longest_step_is_stable_and_a_longer_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = PhaseLoad("small", (0.2, 0.2, 0.2))
    case = WaveformCase(EmtInverter(), 0.1, VoltageRamp(0.02), SaturableTransformer(125.0), (load,))
    with pytest.raises(InputError, match="step_s must be at most") as refused:
        simulate(case, step_s=2.5e-6, sample_s=1e-5)
    assert "load small" in str(refused.value)
    went = simulate(case, step_s=5e-7, sample_s=1e-5)
    assert went.peak_output_pu < 0.2
    monkeypatch.setattr(simulation, "_check_modes", lambda *_: None)
    with pytest.raises(SolveError, match=r"At 0\.\d+ s the voltage of the bus passed 50 pu"):
        simulate(case, step_s=2.5e-6, sample_s=1e-5)


def test_gains_that_do_not_hold_the_voltage_are_refused_as_foretold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def worst(gain: float) -> float:
        case = WaveformCase(
            EmtInverter(control=EmtControl(current_gain_pu=gain)), 0.3, VoltageRamp(0.05)
        )
        return float(np.real(sampled_modes(circuit_of(case), controller_of(case))).max())

    low, high = 0.5, 3.0
    assert worst(low) < 0 < worst(high)
    while high - low > 1e-4:
        low, high = (low, middle) if worst(middle := (low + high) / 2) > 0 else (middle, high)

    def ringing(gain: float) -> float:
        inverter = EmtInverter(control=EmtControl(current_gain_pu=gain))
        went = simulate(WaveformCase(inverter, 0.3, VoltageRamp(0.05)))
        return float(np.ptp(np.abs(space_vector(bus_pu(went)[:, -2000:]))))

    with pytest.raises(InputError, match="hold the voltage at no load, got"):
        ringing(1.03 * high)
    monkeypatch.setattr(simulation, "_check_modes", lambda *_: None)
    assert ringing(0.97 * low) < 1e-4
    assert ringing(1.03 * high) > 1e-2


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ({"step_s": 3e-6}, "step_s"),
        ({"step_s": math.nan}, "step_s"),
        ({"step_s": -1e-6}, "step_s"),
        ({"sample_s": 3e-6}, "sample_s"),
        ({"sample_s": 7e-5, "step_s": 1e-6}, "duration_s"),
    ],
)
def test_steps_that_do_not_fit_are_refused(steps: dict[str, float], field: str) -> None:
    with pytest.raises(InputError) as refused:
        simulate(loaded(), **steps)
    assert refused.value.field == field
