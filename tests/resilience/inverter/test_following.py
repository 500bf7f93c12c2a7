"""An inverter that follows: its loop, its power, and a second program of its equations."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.resilience.black_start.assets.ratings import rated
from evergrid.resilience.inverter.droop import DELTA, I_O_X, STATES, V_O_D, V_O_Q
from evergrid.resilience.inverter.following import PLL_INTEGRAL, PllInverter
from evergrid.resilience.network.assembly import Assembly, assemble
from evergrid.resilience.network.breakers import BreakerPositions
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.elements import (
    GridFollowingUnit,
    GridFormingUnit,
    ImpedanceLoad,
)
from evergrid.resilience.network.references import PowerReference, UnitReference
from evergrid.resilience.network.simulation import Ending, simulate
from evergrid.resilience.network.small_signal import modes
from evergrid.resilience.network.steady_state import steady_state

FORMING = rated(10e3, 400.0, 50.0)
SIZE = len(STATES)


def follower(**changed: Any) -> PllInverter:
    """10 kVA at 400 V and 50 Hz; a loop of 3 Hz with a damping of 0.7."""
    told: dict[str, Any] = {
        "nominal_hz": 50.0,
        "voltage_v": 400.0,
        "pll_gain_rad_per_s": 2 * 0.7 * 6 * np.pi,
        "pll_integral_rad_per_s2": (6 * np.pi) ** 2,
        "pll_filter_rad_per_s": 2 * np.pi * 66.0,
        "power_filter_rad_per_s": 31.41,
        "current_gain_p": FORMING.current_gain_p,
        "current_gain_i": FORMING.current_gain_i,
        "filter_inductance_h": FORMING.filter_inductance_h,
        "filter_resistance_ohm": FORMING.filter_resistance_ohm,
        "filter_capacitance_f": FORMING.filter_capacitance_f,
        "coupling_inductance_h": 1.4e-3,
        "coupling_resistance_ohm": 0.2,
    }
    return PllInverter(**(told | changed))


NETWORK = DqNetwork(
    50.0,
    ("b",),
    (GridFormingUnit("u", "b", FORMING), GridFollowingUnit("f", "b", follower())),
    (),
    (ImpedanceLoad("load", "b", 20.0, 1e-3),),
)
ALONE = BreakerPositions().opening("f").stopping("f")


def entering(reference: PowerReference) -> tuple[Assembly, DqState]:
    """Both units connected, the follower having just found the voltage of the other one."""
    before = steady_state(assemble(NETWORK, ALONE))
    voltage = before.assembly.voltages_v(before.state.values)[0]
    values = before.state.values.copy()
    w = float(before.w_rad_per_s[0])
    values[SIZE : 2 * SIZE] = follower().synchronised(complex(voltage), w)
    return assemble(NETWORK, references={"f": reference}), DqState(0.0, values)


@pytest.mark.parametrize("power_w", [5e3, -2e3])
def test_it_feeds_what_it_is_told_and_the_other_one_the_rest(power_w: float):
    settled = steady_state(assemble(NETWORK, references={"f": PowerReference(power_w)}))
    assert settled.residual < 1e-12
    values = settled.state.values
    assert values[SIZE + 1] == pytest.approx(power_w, rel=1e-9)
    assert values[SIZE + V_O_Q] == pytest.approx(0.0, abs=1e-6)  # its axis is on the voltage
    w = 100 * np.pi - FORMING.droop_rad_per_s_per_w * values[1]
    assert settled.w_rad_per_s[0] == pytest.approx(w, rel=1e-12)
    slow = follower().pll_integral_rad_per_s2 * values[SIZE + PLL_INTEGRAL]
    assert slow == pytest.approx(w - 100 * np.pi, rel=1e-6)


def test_its_loop_at_a_stiff_source_has_the_modes_of_the_cubic():
    stiff = rated(3e6, 400.0, 50.0, droop_hz=0.0, droop_voltage_pu=0.0)
    network = DqNetwork(
        50.0, ("b",), (GridFormingUnit("u", "b", stiff), GridFollowingUnit("f", "b", follower()))
    )
    found = modes(steady_state(assemble(network, references={"f": PowerReference(1e3)})))
    loop, cut = follower(), 2 * np.pi * 66.0
    cubic = [1.0, cut, cut * loop.pll_gain_rad_per_s, cut * loop.pll_integral_rad_per_s2]
    for expected in np.roots(cubic):
        assert np.abs(found.eigenvalue_per_s - expected).min() < 2e-3 * abs(expected)


def test_a_small_one_at_a_large_source_has_a_steady_state():
    large = rated(1e8, 400.0, 50.0, droop_hz=0.0, droop_voltage_pu=0.0)
    network = DqNetwork(
        50.0, ("b",), (GridFormingUnit("u", "b", large), GridFollowingUnit("f", "b", follower()))
    )
    settled = steady_state(assemble(network, references={"f": PowerReference(1e3)}))
    assert settled.residual < 1e-11
    assert settled.state.values[SIZE + 1] == pytest.approx(1e3, rel=1e-9)


def test_it_connects_without_a_shock_and_ramps():
    assembly, state = entering(PowerReference(5e3, ramp_start_s=0.1, ramp_s=0.5))
    went = simulate(assembly, state, 2.0)
    assert went.ending is Ending.FINISHED
    power = went.power_w
    early = went.time_s < 0.1
    assert np.abs(power[early, 1]).max() < 15.0  # W of 10 kW
    assert np.abs(power[early, 0] - power[0, 0]).max() < 15.0
    assert power[-1, 1] == pytest.approx(5e3, rel=1e-4)
    assert power[-1, 0] < power[0, 0] - 4.8e3
    balance = went.unit_energy_ws.sum() / went.branch_energy_ws.sum()
    assert 1.0 < balance < 1.03  # couplings lose a little, nothing is made


def test_a_second_program_of_its_equations_goes_the_same_way():
    """In complex numbers, in its own frame, at the bus voltage that the first one saw."""
    stiff = rated(3e6, 400.0, 50.0, droop_hz=0.0, droop_voltage_pu=0.0)
    network = DqNetwork(
        50.0, ("b",), (GridFormingUnit("u", "b", stiff), GridFollowingUnit("f", "b", follower()))
    )
    assembly = assemble(network, references={"f": PowerReference(6e3, 1e3, 0.02, 0.1, 500.0)})
    start = steady_state(assemble(network, references={"f": PowerReference(1e3)})).state
    went = simulate(assembly, start, 0.2, sample_s=1e-3)
    seen = went.voltages_v[:, 0]
    assert np.abs(np.abs(seen) - 400.0).max() < 0.05
    u, w_n = follower(), 100 * np.pi

    def rates(t_s: float, x: Array) -> Array:
        theta, eps, error = x[:3]
        gamma, i_l, v, i_o = x[3::2] + 1j * x[4::2]
        bus = np.interp(t_s, went.time_s, np.real(seen)) + 1j * np.interp(
            t_s, went.time_s, np.imag(seen)
        )
        bus = bus * np.exp(-1j * theta)
        w = w_n + u.pll_gain_rad_per_s * error + u.pll_integral_rad_per_s2 * eps
        power = 1e3 + 5e3 * min(max((t_s - 0.02) / 0.1, 0.0), 1.0)
        reference = (power - 500j) / v.real + 1j * w_n * u.filter_capacitance_f * v
        miss = reference - i_l
        bridge = u.current_gain_p * miss + u.current_gain_i * gamma
        bridge += 1j * w_n * u.filter_inductance_h * i_l
        pairs = np.array(
            [
                miss,
                (bridge - v - u.filter_resistance_ohm * i_l) / u.filter_inductance_h - 1j * w * i_l,
                (i_l - i_o) / u.filter_capacitance_f - 1j * w * v,
                (v - bus - u.coupling_resistance_ohm * i_o) / u.coupling_inductance_h
                - 1j * w * i_o,
            ]
        )
        loop = [w - w_n, error, u.pll_filter_rad_per_s * (v.imag / 400.0 - error)]
        return np.concatenate([loop, np.column_stack([np.real(pairs), np.imag(pairs)]).ravel()])

    own = start.values[SIZE:]
    turned = (own[I_O_X] + 1j * own[I_O_X + 1]) * np.exp(-1j * own[DELTA])
    x0 = np.concatenate([own[[0, 3, 4]], own[5:11], [turned.real, turned.imag]])
    other: Any = solve_ivp(rates, (0.0, 0.2), x0, method="Radau", rtol=1e-8, atol=1e-10)
    final = went.final.values[SIZE:]
    np.testing.assert_allclose(other.y[7, -1], final[V_O_D], rtol=1e-5)
    np.testing.assert_allclose(other.y[5:7, -1], final[7:9], atol=2e-3)
    assert other.y[0, -1] == pytest.approx(final[DELTA], abs=1e-5)


def test_a_grid_that_only_followers_are_at_is_dead():
    dead = BreakerPositions().opening("u")
    made = assemble(NETWORK, dead)
    assert made.islands.of_bus.tolist() == [-1]
    assert made.islands.of_unit[1] == -1
    with pytest.raises(InputError, match="Start a unit that forms the grid"):
        assemble(NETWORK, BreakerPositions().stopping("u"))
    with pytest.raises(InputError, match="hold a unit that forms the grid"):
        DqNetwork(50.0, ("b",), (GridFollowingUnit("f", "b", follower()),))


def test_a_power_is_told_to_followers_and_a_voltage_to_others():
    with pytest.raises(InputError, match="tell a power to units that follow"):
        assemble(NETWORK, references={"f": UnitReference()})
    with pytest.raises(InputError, match="tell a power to units that follow"):
        assemble(NETWORK, references={"u": PowerReference()})


@pytest.mark.parametrize(
    ("field", "value"),
    [("pll_gain_rad_per_s", 0.0), ("voltage_v", float("nan")), ("nominal_hz", 55.0)],
)
def test_a_number_out_of_range_is_named(field: str, value: float):
    with pytest.raises(InputError) as caught:
        follower(**{field: value})
    assert caught.value.field == field
    with pytest.raises(InputError, match="ramp_s"):
        PowerReference(ramp_s=-1.0)
