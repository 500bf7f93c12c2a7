"""Equilibrium, modes and steps of single inverters; what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from evergrid.core.errors import InputError, SolveError
from evergrid.resilience.inverter import modes, published
from evergrid.resilience.inverter.circuit import InfiniteBus, LclFilter
from evergrid.resilience.inverter.equilibrium import jacobian, resting, scheduled
from evergrid.resilience.inverter.model import (
    AbstractInverter,
    CurrentControl,
    GridFormingInverter,
    PowerControl,
    ReducedPll,
    References,
)
from evergrid.resilience.inverter.outer_control import (
    KauraPll,
    PowerDroop,
    ReactiveDroop,
    VirtualOscillator,
    VirtualSynchronousMachine,
)
from evergrid.resilience.inverter.rotation import angle_rad, powers, rotated
from evergrid.resilience.inverter.transient import ReferenceStep, respond

MODELS = {
    "droop": published.DROOP,
    "virtual_synchronous_machine": published.VIRTUAL_SYNCHRONOUS_MACHINE,
    "virtual_oscillator": published.VIRTUAL_OSCILLATOR,
    "grid_following": published.GRID_FOLLOWING,
}
EACH = pytest.mark.parametrize("inverter", MODELS.values(), ids=MODELS)
BUS = InfiniteBus(1.0, 0.1, 0.02)


@EACH
@pytest.mark.parametrize(("power_pu", "voltage_pu"), [(0.6, 1.0), (-0.4, 1.02)])
def test_a_schedule_is_kept_at_the_terminals(
    inverter: AbstractInverter, power_pu: float, voltage_pu: float
) -> None:
    found = scheduled(inverter, BUS, power_pu, voltage_pu)
    grid = inverter.circuit(found.state)[4:6]
    terminal = BUS.terminal_voltage(grid)
    assert float(powers(terminal, grid)[0]) == pytest.approx(power_pu, abs=1e-12)
    assert float(np.hypot(*terminal)) == pytest.approx(voltage_pu, abs=1e-12)
    assert found.residual_per_s < 1e-9


@EACH
def test_derivatives_are_those_of_differences(inverter: AbstractInverter) -> None:
    at = scheduled(inverter, BUS, 0.5, 1.0)
    exact = modes.state_matrix(inverter, BUS, at)
    given, size = at.references.array(), 1e-6
    for column in range(len(at.state)):
        step = np.zeros_like(at.state)
        step[column] = size
        ahead = inverter.rates_per_s(at.state + step, given, BUS)
        behind = inverter.rates_per_s(at.state - step, given, BUS)
        scale = np.abs(exact).max()
        assert (ahead - behind) / (2 * size) == pytest.approx(exact[:, column], abs=1e-8 * scale)


@EACH
def test_the_names_of_states_are_as_many_as_states_and_differ(inverter: AbstractInverter) -> None:
    at = scheduled(inverter, BUS, 0.5, 1.0)
    assert len(inverter.states) == len(at.state) == len(set(inverter.states))


def test_a_small_step_is_that_of_the_linear_system() -> None:
    inverter = published.DROOP
    at = scheduled(inverter, BUS, 0.5, 1.0)
    small = 1e-5
    step = References(at.references.power_pu + small, *at.references.array()[1:].tolist())
    time_s = np.linspace(0.0, 0.3, 31)
    went = respond(inverter, BUS, at, [ReferenceStep(0.0, step)], time_s, relative=1e-9)
    matrix = modes.state_matrix(inverter, BUS, at)
    moved = inverter.rates_per_s(at.state, step.array(), BUS)
    whole = np.zeros((16, 16))
    whole[:15, :15], whole[:15, 15] = matrix, moved
    end = (expm(whole * time_s[-1]) @ np.eye(16)[15])[:15]
    assert went.state[:, -1] - at.state == pytest.approx(end, abs=1e-9)
    assert np.abs(end).max() > 1e-6


def test_participation_of_a_triangular_system_is_known() -> None:
    found = modes.modes(np.diag([-1.0, -2.0, 3.0]), ("a", "b", "c"))
    assert found.eigenvalue_per_s.real == pytest.approx([3.0, -1.0, -2.0])
    assert found.participation == pytest.approx(np.eye(3)[[2, 0, 1]])
    assert not found.stable
    assert found.main_states(0)[0] == "c"


def test_shares_of_a_mode_add_up_to_one_and_swings_have_their_frequency() -> None:
    found = modes.linearised(published.DROOP, BUS, scheduled(published.DROOP, BUS, 0.5, 1.0))
    assert found.participation.sum(axis=1) == pytest.approx(1.0)
    assert found.stable
    swing = modes.modes(np.array([[-1.0, 10.0], [-10.0, -1.0]]), ("x", "y"))
    assert swing.frequency_hz == pytest.approx(10.0 / (2 * np.pi))
    assert swing.damping_ratio == pytest.approx(1.0 / np.sqrt(101.0))


def unstable() -> GridFormingInverter:
    """Droop that is far too steep for a filter this slow."""
    return replace(
        published.DROOP, outer=PowerDroop(0.9, 2 * np.pi * 5, ReactiveDroop(0.2, 1000.0))
    )


def test_an_unstable_droop_is_refused_with_its_eigenvalue_and_states() -> None:
    at = scheduled(unstable(), published.BUS, 0.5, 1.0)
    worst = modes.linearised(unstable(), published.BUS, at).eigenvalue_per_s[0]
    with pytest.raises(InputError, match="every eigenvalue must have a real part below 0") as error:
        respond(unstable(), published.BUS, at, [], np.array([0.0, 1.0]))
    assert f"{worst.real:.6g}" in str(error.value)
    assert "filtered_power" in error.value.rule


def test_an_unstable_droop_grows_as_its_eigenvalue_says() -> None:
    inverter = unstable()
    at = scheduled(inverter, published.BUS, 0.5, 1.0)
    values, vectors = np.linalg.eig(modes.state_matrix(inverter, published.BUS, at))
    worst = int(values.real.argmax())
    push, time_s = 1e-6 * vectors[:, worst], np.linspace(0.0, 0.1, 101)
    pushed = replace(at, state=at.state + push.real)
    went = respond(
        inverter, published.BUS, pushed, [], time_s, allow_unstable=True, relative=1e-9
    )
    expected = np.real(push[:, None] * np.exp(values[worst] * time_s))
    assert np.abs(expected[:, -10:]).max() > 50 * np.abs(push).max()
    away = went.state - at.state[:, None]
    assert away == pytest.approx(expected, abs=5e-3 * np.abs(expected).max())


def test_steps_and_samples_out_of_order_are_refused() -> None:
    at = scheduled(published.DROOP, BUS, 0.5, 1.0)
    samples = np.array([0.0, 1.0])
    for steps in (
        [ReferenceStep(2.0, at.references)],
        [ReferenceStep(0.5, at.references), ReferenceStep(0.2, at.references)],
    ):
        with pytest.raises(InputError, match="steps must ascend"):
            respond(published.DROOP, BUS, at, steps, samples)
    with pytest.raises(InputError, match="time_s must be two samples"):
        respond(published.DROOP, BUS, at, [], np.array([0.0, 0.0]))


def test_another_nominal_frequency_is_refused_where_it_meets() -> None:
    bus = replace(published.BUS, nominal_hz=50.0)
    with pytest.raises(InputError, match="be that of the inverter, 60 Hz"):
        scheduled(published.DROOP, bus, 0.5, 1.0)
    with pytest.raises(InputError, match="nominal_hz must be 50 or 60"):
        replace(published.DROOP, nominal_hz=377.0)


def test_more_power_than_a_reactance_carries_is_refused() -> None:
    weak = InfiniteBus(1.0, 2.0)
    with pytest.raises(InputError, match=r"be at most 0\.5 pu"):
        scheduled(published.DROOP, weak, 0.6, 1.0)
    with pytest.raises(InputError, match="reactance_pu must be above 0"):
        scheduled(published.DROOP, InfiniteBus(1.0, 0.0), 0.5, 1.0)


def test_references_beyond_the_rating_are_refused() -> None:
    with pytest.raises(InputError, match="within the rating"):
        References(0.9, 0.6)
    with pytest.raises(InputError, match="voltage_pu"):
        References(0.1, 0.0, float("nan"))


def test_references_without_an_equilibrium_are_told() -> None:
    weak = InfiniteBus(1.0, 1.5)
    stiff = replace(published.DROOP, outer=PowerDroop(0.05, 30.0, ReactiveDroop(0.0, 1000.0)))
    at = scheduled(stiff, weak, 0.3, 1.0)
    with pytest.raises(SolveError, match="no equilibrium"):
        resting(stiff, weak, References(1.0, 0.0, 0.8), at.state)


def test_an_angle_and_its_derivative_hold_in_every_quadrant() -> None:
    for turn in np.arange(-3.0, 3.1, 0.5):
        phasor = rotated(np.array([1.3, 0.0]), np.asarray(turn))
        assert float(angle_rad(phasor)) == pytest.approx(turn)
        slopes = jacobian(lambda x: angle_rad(x)[None], phasor)
        expected = np.array([[-phasor[1], phasor[0]]]) / 1.3**2
        assert slopes == pytest.approx(expected)


def broken(value: float) -> list[object]:
    """Makers of records of which one number is bad."""
    reactive = ReactiveDroop(0.2, 1000.0)
    return [
        lambda: LclFilter(value, 0.0, 0.1, 0.1, 0.0),
        lambda: InfiniteBus(1.0, value),
        lambda: ReactiveDroop(0.1, value),
        lambda: PowerDroop(value, 30.0, reactive),
        lambda: KauraPll(500.0, value, 1.0),
        lambda: VirtualSynchronousMachine(value, 1.0, 1.0, reactive, KauraPll(500.0, 0.1, 1.0)),
        lambda: VirtualOscillator(value, 0.1, 0.5),
        lambda: CurrentControl(value, 1.0),
        lambda: PowerControl(1.0, value, 30.0),
        lambda: ReducedPll(value, 1.0, 1.0),
        lambda: replace(published.VOLTAGE_CONTROL, current_gain=value),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_number_that_is_none_is_refused_by_every_record(value: float) -> None:
    for make in broken(value):
        with pytest.raises(InputError, match="be in"):
            make()  # pyright: ignore[reportCallIssue]
