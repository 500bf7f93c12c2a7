"""Frequency after a loss: closed forms, published figures, and an integrator of its own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from evergrid.core.errors import InputError
from evergrid.resilience.frequency import stability
from evergrid.resilience.frequency.area import Area, Governor, SheddingStage
from evergrid.resilience.frequency.response import Control, StepResponse, straight
from evergrid.resilience.frequency.simulation import Disturbance, Trajectories, simulate
from tests.resilience.frequency.cases import (
    SPAN_HZ,
    area,
    award_of,
    droop,
    no_governor,
)

LOSS = Disturbance(100.0, 80.0)


def one(of: Area, gain_pu: float, control: Control, loss: Disturbance = LOSS) -> Trajectories:
    return simulate([of], droop(control), [award_of(gain_pu, of.nominal_hz)], loss)


# -- closed forms ---------------------------------------------------------------------------


def sfr_nadir(of: Area, loss_pu: float) -> tuple[float, float]:
    """Time and deviation of the nadir by Anderson and Mirheydar, for damping below and above 1."""
    governor = of.governor
    inertia, damping, droop_pu = of.inertia_s, of.damping_pu, governor.droop_pu
    gain, fast, reheat = governor.governed_share, governor.high_pressure_share, governor.reheat_s
    whole = damping * droop_pu + gain
    natural = np.sqrt(whole / (2 * inertia * droop_pu * reheat))
    ratio = (
        natural
        * (2 * inertia * droop_pu + (damping * droop_pu + gain * fast) * reheat)
        / (2 * whole)
    )
    roots = np.roots([1.0, 2 * ratio * natural, natural**2])
    slow, quick = (1 + reheat * roots[0]), (1 + reheat * roots[1])
    if ratio < 1:
        ringing = natural * np.sqrt(1 - ratio**2)
        at = np.arctan2(ringing * reheat, ratio * natural * reheat - 1) / ringing
    else:
        at = float(np.log(np.real(quick / slow)) / np.real(roots[0] - roots[1]))
    parts = [
        (1 + reheat * s) / (s * (s - other)) * (np.exp(s * at) - 1)
        for s, other in ((roots[0], roots[1]), (roots[1], roots[0]))
    ]
    return at, float(np.real(-loss_pu / (2 * inertia * reheat) * sum(parts)))


def test_the_closed_form_gives_the_published_numbers() -> None:
    at, deviation = sfr_nadir(area(), 0.1)
    assert at == pytest.approx(2.369, abs=5e-4)
    assert deviation == pytest.approx(-0.010832, abs=5e-7)
    at, deviation = sfr_nadir(area(2.0), 0.1)
    assert at == pytest.approx(1.45, abs=5e-3)
    assert 50.0 * deviation == pytest.approx(-0.5983, abs=5e-5)


@pytest.mark.parametrize("nominal_hz", [50.0, 60.0])
@pytest.mark.parametrize("inertia_s", [1.0, 2.0, 2.75, 4.0, 8.0])
def test_the_nadir_is_that_of_the_closed_form(inertia_s: float, nominal_hz: float) -> None:
    of = area(inertia_s, nominal_hz=nominal_hz, least_hz=nominal_hz - 4.5)
    went = one(of, 0.0, Control())
    at, deviation = sfr_nadir(of, 0.1)
    assert went.nadir_hz[0] == pytest.approx(nominal_hz * (1 + deviation), abs=1e-6)
    assert went.nadir_s[0] == pytest.approx(at, abs=0.002)
    assert went.settled_hz[0] == pytest.approx(nominal_hz * (1 - 0.005), abs=1e-5)
    assert went.still[0]


@pytest.mark.parametrize(
    ("gain", "lag_s", "nadir", "settled"),
    [
        (0, 0.1, -0.5416, -0.2500),
        (5, 0.1, -0.3637, -0.2000),
        (5, 0.5, -0.3917, -0.2000),
        (10, 0.1, -0.2723, -0.1667),
        (10, 0.5, -0.3173, -0.1667),
        (20, 0.1, -0.1810, -0.1250),
        (20, 0.5, -0.2435, -0.1250),
    ],
)
def test_a_fleet_in_droop_raises_the_nadir_as_measured_before(
    gain: float, lag_s: float, nadir: float, settled: float
) -> None:
    went = one(area(), gain, Control(lag_s=lag_s))
    assert went.nadir_hz[0] - 50.0 == pytest.approx(nadir, abs=6e-5)
    assert went.settled_hz[0] - 50.0 == pytest.approx(settled, abs=6e-5)
    slope = award_of(gain) / SPAN_HZ
    ends = stability.settled_deviation_hz(area(), 100.0, slope)
    assert went.settled_hz[0] - 50.0 == pytest.approx(ends, abs=1e-5)


@pytest.mark.parametrize(("lag_s", "nadir"), [(0.1, -0.2884), (0.5, -0.3718)])
def test_half_the_inertia_costs_more_with_a_slow_fleet(lag_s: float, nadir: float) -> None:
    assert one(area(2.0), 10, Control(lag_s=lag_s)).nadir_hz[0] - 50.0 == pytest.approx(
        nadir, abs=6e-5
    )


def test_droop_with_a_lag_does_not_change_how_fast_the_frequency_begins_to_fall() -> None:
    first = stability.initial_rocof_hz_per_s(area(), 100.0)
    assert first == pytest.approx(-0.625)
    for gain in (0.0, 20.0):
        went = simulate([area()], droop(Control()), [award_of(gain)], Disturbance(100.0, 5.0, 0.02))
        assert went.rocof_hz_per_s[0] == pytest.approx(first, rel=0.03)
    over_half_a_second = [one(area(), gain, Control()).rocof_hz_per_s[0] for gain in (0.0, 20.0)]
    assert abs(over_half_a_second[1]) < 0.7 * abs(over_half_a_second[0])  # the window counts


def test_inertia_and_droop_alone_follow_their_closed_form() -> None:
    """-dP (1 + T s) / s / ((2 H s + D)(1 + T s) + K) by partial fractions; tau is 0.3 s."""
    of, lag_s = area(3.0, governor=no_governor()), 0.02
    went = one(of, 19.0, Control(lag_s=lag_s), Disturbance(50.0, 10.0))
    assert went.settled_hz[0] - 50.0 == pytest.approx(-0.125, abs=1e-6)
    roots = np.roots([6.0 * lag_s, 6.0 + lag_s, 20.0])
    lead = 6.0 * lag_s
    expected = np.full(len(went.time_s), -0.05 / 20.0)
    for root, other in (roots, roots[::-1]):
        part = -0.05 / lead * (1 + lag_s * root) / (root * (root - other))
        expected += np.real(part * np.exp(root * went.time_s))
    assert went.frequency_hz[0] - 50.0 == pytest.approx(50.0 * expected, abs=1e-7)
    assert -1.0 / roots.max() == pytest.approx(0.3, rel=0.08)


def test_a_blind_delay_is_paid_for_by_inertia() -> None:
    of = area(3.0, governor=no_governor(), damping_pu=0.0)
    fleet = replace(
        straight(50.0, lambda deviation: 0.0 * deviation, 1.0, Control()),
        step=StepResponse(50.0, 49.99999, 0.5, 100.0),
    )
    went = simulate([of], fleet, [50.0], Disturbance(50.0, 10.0))
    assert went.nadir_hz[0] == pytest.approx(50 - 0.05 * 50 * 0.5 / 6, abs=2e-3)
    assert went.settled_hz[0] == pytest.approx(went.nadir_hz[0], abs=1e-9)


@pytest.mark.parametrize(("loss", "nadir", "at"), [(1200.0, 1.2, 8.0), (800.0, 0.53333, 5.33333)])
def test_a_reserve_that_comes_as_a_ramp_has_the_nadir_of_its_closed_form(
    loss: float, nadir: float, at: float
) -> None:
    ramp = Governor(
        droop_pu=1e-4,
        governed_share=1.0,
        high_pressure_share=1.0,
        servo_s=0.02,
        reserve_mw=1500.0,
        ramp_mw_per_s=150.0,
    )
    of = Area(50.0, 20_000.0, 5.0, 0.0, 1.0, 47.5, ramp)
    went = simulate([of], droop(Control()), [0.0], Disturbance(loss, 30.0))
    assert 50.0 - went.nadir_hz[0] == pytest.approx(nadir, abs=0.003)
    assert went.nadir_s[0] == pytest.approx(at, abs=0.03)


# -- an integrator of its own ---------------------------------------------------------------


def reference(
    of: Area, gain_mw_per_hz: float, lag_s: float, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same equations anew in pu, by SciPy's implicit method, with dead band and servo."""
    governor, base = of.governor, of.base_mw

    def rates(_: float, y: np.ndarray) -> list[float]:
        w, valve, reheated, fleet = y
        band = governor.deadband_hz / of.nominal_hz
        beyond = np.sign(w) * max(abs(w) - band, 0.0)
        limit = governor.reserve_mw / base
        asked = np.clip(-governor.governed_share / governor.droop_pu * beyond, -limit, limit)
        share = governor.high_pressure_share
        mechanical = share * valve + (1 - share) * reheated
        droop_pu = gain_mw_per_hz * of.nominal_hz / base
        return [
            (mechanical + fleet - 0.1 - of.damping_pu * w) / (2 * of.inertia_s),
            (asked - valve) / governor.servo_s,
            (valve - reheated) / governor.reheat_s,
            (-droop_pu * w - fleet) / lag_s,
        ]

    solved = solve_ivp(
        rates, (0, seconds), [0.0] * 4, "Radau", rtol=1e-10, atol=1e-12, max_step=0.01
    )
    return solved.t, of.nominal_hz * (1 + solved.y[0])


@settings(max_examples=6)
@given(
    st.floats(1.0, 8.0),
    st.floats(0.0, 30.0),
    st.floats(0.05, 1.0),
    st.floats(0.05, 0.5),
    st.floats(0.0, 0.05),
    st.floats(30.0, 200.0),
)
def test_the_frequency_is_that_of_an_implicit_integrator(
    inertia_s: float, gain: float, lag_s: float, servo_s: float, deadband_hz: float, reserve: float
) -> None:
    governor = Governor(servo_s=servo_s, deadband_hz=deadband_hz, reserve_mw=reserve)
    of = area(inertia_s, governor=governor)
    slope = award_of(gain) / SPAN_HZ
    went = one(of, gain, Control(lag_s=lag_s), Disturbance(100.0, 10.0))
    time_s, frequency_hz = reference(of, slope, lag_s, 10.0)
    expected = np.interp(went.time_s, time_s, frequency_hz)
    known = ~np.isnan(went.frequency_hz[0])
    assert known[:50].all()
    assert went.frequency_hz[0][known] == pytest.approx(expected[known], abs=2e-5)


@pytest.mark.parametrize("gain", [0.0, 20.0])
def test_halving_the_step_changes_nothing_that_is_shown(gain: float) -> None:
    control = Control(delay_s=0.2, lag_s=0.2, full_s=2.0, look_s=0.1)
    award = [award_of(gain)]
    coarse = simulate([area()], droop(control), award, LOSS)
    fine = simulate([area()], droop(control), award, LOSS, step_s=0.0005)
    assert coarse.nadir_hz == pytest.approx(fine.nadir_hz, abs=1e-4)


def test_energy_balance_holds_at_every_moment() -> None:
    """Loss, plants, load and fleet together move the rotors, and nothing else does."""
    of, control = area(3.0), Control(delay_s=0.1, lag_s=0.2, look_s=0.1, full_s=1.0)
    went = simulate([of], droop(control), [award_of(15.0)], Disturbance(100.0, 20.0))
    missing = (
        went.governor_mw[0]
        + went.fleet_mw[0]
        - 100.0
        - of.damping_mw_per_hz * (went.frequency_hz[0] - 50.0)
    )
    moved = np.diff(went.frequency_hz[0]) * of.inertia_mws_per_hz
    middle = (missing[1:] + missing[:-1]) / 2 * 0.02
    assert moved == pytest.approx(middle, abs=0.02)


def test_many_events_are_each_what_one_alone_is() -> None:
    areas, awards = [area(value) for value in (2.0, 4.0, 6.0)], [0.0, 50.0, 100.0]
    control = Control(delay_s=0.1, look_s=0.1)
    together = simulate(areas, droop(control), awards, LOSS)
    for row, (of, award) in enumerate(zip(areas, awards, strict=True)):
        alone = simulate([of], droop(control), [award], LOSS)
        assert together.nadir_hz[row] == alone.nadir_hz[0]
        assert together.frequency_hz[row] == pytest.approx(alone.frequency_hz[0], abs=0)


# -- relays, limits, collapse ---------------------------------------------------------------


def test_relays_disconnect_load_stage_by_stage_when_the_frequency_stays_low() -> None:
    stages = (SheddingStage(49.5, 0.05, 0.2), SheddingStage(48.0, 0.05, 0.2))
    went = one(area(2.0, shedding=stages), 0.0, Control())
    assert went.shed_mw[0].max() == pytest.approx(45.0)
    below = went.time_s[np.argmax(went.frequency_hz[0] < 49.5)]
    acts = went.time_s[np.argmax(went.shed_mw[0] > 0)]
    assert acts - below == pytest.approx(0.2, abs=0.03)
    assert went.nadir_hz[0] > one(area(2.0), 0.0, Control()).nadir_hz[0]


def test_where_plants_disconnect_nothing_is_told_of_what_follows() -> None:
    went = simulate(
        [area(1.0, governor=no_governor())], droop(Control()), [0.0], Disturbance(200.0, 20.0)
    )
    assert went.disconnected_s[0] > 0
    after = went.time_s > went.disconnected_s[0] + 0.02
    assert np.isnan(went.frequency_hz[0][after]).all()
    assert np.isnan(went.settled_hz[0])


def test_a_fleet_gives_no_more_than_its_award_and_its_energy() -> None:
    fleet = straight(30.0, lambda d: -np.clip(d / 0.2, -1, 1), 0.2, Control(), energy_mwh=0.1)
    went = simulate([area()], fleet, [30.0], Disturbance(100.0, 60.0))
    assert went.fleet_mw.max() == pytest.approx(30.0, abs=1e-6)
    assert went.fleet_energy_mwh[0] == pytest.approx(0.1, rel=0.02)
    assert abs(went.fleet_mw[0][-1]) < 1e-6  # the energy is spent


def test_fast_response_comes_after_its_activation_and_goes_after_its_support() -> None:
    nothing = straight(50.0, lambda deviation: 0.0 * deviation, 1.0, Control())
    fleet = replace(nothing, step=StepResponse(40.0, 49.7, 1.0, 5.0, 2.0))
    went = simulate([area()], fleet, [50.0], Disturbance(100.0, 20.0))
    crossed = went.time_s[np.argmax(went.frequency_hz[0] < 49.7)]
    given = np.flatnonzero(went.fleet_mw[0] > 0)
    assert went.time_s[given[0]] - crossed == pytest.approx(1.0, abs=0.03)
    assert went.fleet_mw.max() == 40.0
    assert went.time_s[given[-1]] - crossed == pytest.approx(8.0, abs=0.05)
    half = np.argmin(np.abs(went.time_s - crossed - 7.0))
    assert went.fleet_mw[0][half] == pytest.approx(20.0, abs=0.6)


def test_a_fleet_moves_no_faster_than_its_ramp() -> None:
    control = Control(lag_s=0.02, full_s=4.0)
    fleet = straight(50.0, lambda d: -np.clip(d / 0.02, -1, 1), 0.02, control)
    went = simulate([area()], fleet, [50.0], Disturbance(100.0, 10.0))
    assert np.diff(went.fleet_mw[0]).max() <= 50.0 / 4.0 * 0.02 + 1e-9
    assert went.fleet_mw[0].max() == pytest.approx(50.0, abs=1e-6)


# -- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inertia_s": -3.0}, "inertia_s"),
        ({"inertia_s": float("nan")}, "inertia_s"),
        ({"inertia_s": 6250.0}, "inertia_s"),
        ({"nominal_hz": 55.0}, "nominal_hz"),
        ({"least_hz": 57.0}, "least_hz"),
        ({"damping_pu": -1.0}, "damping_pu"),
        ({"shedding": (SheddingStage(59.3, 0.1),)}, "shedding.frequency_hz"),
        ({"shedding": (SheddingStage(49.0, 0.6), SheddingStage(48.5, 0.6))}, "load_share"),
    ],
)
def test_an_area_that_cannot_be_is_refused(change: dict, field: str) -> None:
    with pytest.raises(InputError, match=field):
        replace(area(), **change)


def test_thresholds_of_another_grid_are_told_to_be_so() -> None:
    with pytest.raises(InputError, match="grid of 60 Hz"):
        replace(area(), least_hz=57.0)


@pytest.mark.parametrize("loss_mw", [-100.0, 0.0, float("nan")])
def test_a_loss_that_is_none_is_refused(loss_mw: float) -> None:
    with pytest.raises(InputError, match="loss_mw"):
        Disturbance(loss_mw)


def test_awards_and_areas_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="as many as awards"):
        simulate([area()], droop(Control()), [1.0, 2.0], LOSS)
    with pytest.raises(InputError, match="award_mw"):
        simulate([area()], droop(Control()), [float("nan")], LOSS)
    with pytest.raises(InputError, match="nominal_hz"):
        simulate([area(), area(nominal_hz=60.0, least_hz=57.0)], droop(Control()), [0.0, 0.0], LOSS)
    with pytest.raises(InputError, match="delay_s"):
        simulate([area()], droop(Control(delay_s=0.001)), [1.0], LOSS)
