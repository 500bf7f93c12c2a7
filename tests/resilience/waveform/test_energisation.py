"""Energising a transformer: closed forms at a stiff source, and what an inverter does instead."""

import numpy as np
import pytest

from evergrid.resilience.waveform.closed_forms import (
    core_current_pu,
    ramp_flux_offset_pu,
    step_flux_pu,
    worst_step_flux_pu,
)
from evergrid.resilience.waveform.simulation import Waveform, simulate
from tests.resilience.waveform.cases import (
    RESIDUAL,
    bus_pu,
    hard_closing,
    last_cycle_rms_pu,
    soft_start,
    stiff,
)

# -- closed forms ---------------------------------------------------------------------------------


def offset_pu(waveform: Waveform, after_s: float, angle_rad: float) -> np.ndarray:
    """What is left of phase a's flux beside its steady sine, from a second on."""
    later = waveform.time_s > after_s
    turned = 2 * np.pi * waveform.nominal_hz * waveform.time_s[later] + angle_rad
    return waveform.flux_pu[0, later] + np.cos(turned)


def test_the_flux_offset_of_a_ramp_is_the_published_one() -> None:
    assert ramp_flux_offset_pu(0.1042, nominal_hz=60.0) == pytest.approx(0.025455, abs=5e-7)
    left = offset_pu(simulate(stiff(0.1042)), 0.1042, 0.0)
    np.testing.assert_allclose(left, 0.025455, atol=5e-7, rtol=0)


@pytest.mark.parametrize(
    ("ramp_s", "nominal_hz", "angle_deg"),
    [(0.1042, 60.0, 0.0), (0.1042, 60.0, 37.0), (0.0737013, 50.0, -90.0), (0.02500087, 50.0, 10.0)],
)
def test_the_flux_offset_of_a_ramp_is_that_of_the_closed_form(
    ramp_s: float, nominal_hz: float, angle_deg: float
) -> None:
    # two of the ramps end between two steps, which must not matter
    case = stiff(ramp_s, nominal_hz=nominal_hz, angle_deg=angle_deg)
    expected = ramp_flux_offset_pu(
        ramp_s, nominal_hz=nominal_hz, angle_rad=float(np.radians(angle_deg))
    )
    left = offset_pu(simulate(case), ramp_s, np.radians(angle_deg))
    np.testing.assert_allclose(left, expected, atol=1e-11, rtol=0)
    assert abs(expected) <= 2 / (2 * np.pi * nominal_hz * ramp_s)


@pytest.mark.parametrize("cycles", [1, 6, 9])
def test_a_ramp_of_whole_cycles_leaves_no_offset(cycles: int) -> None:
    ramp_s = cycles / 60.0
    assert ramp_flux_offset_pu(ramp_s, nominal_hz=60.0, angle_rad=0.7) == pytest.approx(
        0.0, abs=1e-14
    )
    left = offset_pu(simulate(stiff(ramp_s)), ramp_s, 0.0)
    np.testing.assert_allclose(left, 0.0, atol=1e-11, rtol=0)


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 90.0, 200.0])
def test_the_flux_after_a_hard_closing_is_that_of_the_closed_form(angle_deg: float) -> None:
    case = stiff(0.0, close_s=0.0213, close_angle_deg=angle_deg, residual_flux_pu=(0.2, 0.0, 0.0))
    went = simulate(case)
    turns = went.closing_s * 60.0 - angle_deg / 360.0
    assert turns == pytest.approx(round(turns), abs=1e-9)
    assert 0.0213 <= went.closing_s < 0.0213 + 1 / 60
    since = went.time_s[went.time_s >= went.closing_s] - went.closing_s
    expected = step_flux_pu(
        since, nominal_hz=60.0, angle_rad=float(np.radians(angle_deg)), residual_pu=0.2
    )
    np.testing.assert_allclose(went.flux_pu[0, -len(since) :], expected, atol=1e-10, rtol=0)


def test_the_worst_closing_gives_twice_the_flux_and_the_current_of_the_air_core() -> None:
    went = simulate(stiff(0.0, close_s=0.02, close_angle_deg=0.0, residual_flux_pu=(0.2, 0.0, 0.0)))
    worst = worst_step_flux_pu(0.2)
    assert went.peak_flux_pu == pytest.approx(worst, abs=1e-9)
    expected = core_current_pu(worst, knee_pu=1.17, air_core_pu=0.3)
    assert expected == pytest.approx((2.2 - 1.17) / 0.3)
    assert went.peak_output_of_transformer_pu == pytest.approx(expected, rel=1e-6)


def test_at_300_kva_the_closed_form_gives_6_6_times_the_rating_of_an_inverter_of_125_kva() -> None:
    of_transformer = core_current_pu(worst_step_flux_pu(), knee_pu=1.17, air_core_pu=0.3)
    assert of_transformer == pytest.approx(2.77, abs=0.005)
    assert of_transformer * 300 / 125 == pytest.approx(6.6, abs=0.05)


# -- at an inverter -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rating_kva", "residual", "current", "flux", "amplitude"),
    [
        (125.0, (0.0, 0.0, 0.0), 0.68, 1.38, 0.57),
        (300.0, (0.0, 0.0, 0.0), 0.94, 1.29, 0.49),
        (300.0, RESIDUAL, 1.04, 1.31, 0.42),
        (1000.0, RESIDUAL, 1.14, 1.23, 0.39),
    ],
)
def test_a_hard_closing_makes_the_voltage_collapse(
    rating_kva: float,
    residual: tuple[float, float, float],
    current: float,
    flux: float,
    amplitude: float,
) -> None:
    # figures of another program with other gains: bands, not numbers
    went = simulate(hard_closing(rating_kva, residual_flux_pu=residual))
    assert went.peak_inverter_pu == pytest.approx(current, abs=0.25)
    assert went.peak_flux_pu == pytest.approx(flux, abs=0.03)
    assert went.least_amplitude_pu == pytest.approx(amplitude, abs=0.2)
    assert went.least_amplitude_pu < 0.7
    # far below what a source without impedance would feed, and it recovers
    assert went.peak_inverter_pu < 0.5 * (2.0 - 1.17) / 0.3 * rating_kva / 125
    np.testing.assert_allclose(last_cycle_rms_pu(went), 1.0, atol=0.02)


@pytest.mark.parametrize(
    ("ramp_s", "residual"), [(0.1, (0.0, 0.0, 0.0)), (1.0, RESIDUAL)], ids=["short", "residual"]
)
def test_a_soft_start_needs_next_to_no_current(
    ramp_s: float, residual: tuple[float, float, float]
) -> None:
    went = simulate(soft_start(300.0, ramp_s, residual))
    assert went.peak_inverter_pu == pytest.approx(0.04, abs=0.01)
    assert 0.99 < went.peak_flux_pu < 1.05
    assert went.least_voltage_pu == pytest.approx(1.0, abs=0.005)
    assert went.least_amplitude_pu == pytest.approx(1.0, abs=0.01)


def test_an_s_shaped_ramp_leaves_less_flux_than_a_straight_one() -> None:
    # where the straight one leaves most, at half a cycle beyond whole ones
    left = {}
    for shape in ("linear", "s_shaped"):
        case = stiff(6.25 / 60.0)
        ramp = type(case.ramp)(case.ramp.duration_s, shape=shape)
        went = simulate(type(case)(case.source, 0.3, ramp, case.transformer))
        left[shape] = abs(offset_pu(went, 0.2, 0.0)).max()
    assert left["s_shaped"] < 0.2 * left["linear"]


def test_the_voltage_of_a_dead_bus_rises_with_the_ramp() -> None:
    case = soft_start(300.0, 0.2)
    ramp = type(case.ramp)(0.2, start_s=0.05)
    went = simulate(type(case)(case.source, 0.4, ramp, case.transformer))
    before = went.time_s < 0.05
    assert not went.bus_v[:, before].any()
    assert not went.output_a[:, before].any()
    around = (went.time_s > 0.15 - 1 / 60) & (went.time_s < 0.15 + 1 / 60)
    assert np.abs(bus_pu(went)[:, around]).max() == pytest.approx(0.58, abs=0.03)
    np.testing.assert_allclose(last_cycle_rms_pu(went), 1.0, atol=2e-3)
    # three phases, 120 degrees apart
    np.testing.assert_allclose(went.bus_v.sum(axis=0), 0.0, atol=1.0)
