"""Do inverters answer as their curves say, within their limits, and agree with the wires?"""

from collections.abc import Callable
from importlib import resources
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.power_flow import Network
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import CATEGORY_A, CATEGORY_B, Control, Curve, VoltWatt
from evergrid.grid.inverters.volt_var_kernels import VOLT_VARS, answer

RATING_KVA = 60.0
FALL = (0.4, 0.0, 0.0, -0.4)
CONTROLS = (
    volt_var.UNITY,
    CATEGORY_A,
    CATEGORY_B,
    volt_var.WATT_VAR,
    volt_var.COMPENSATION,
    Control(CATEGORY_B.volt_var, VoltWatt()),
    Control(CATEGORY_B.volt_var, VoltWatt(), compensation=1.0, priority="reactive"),
)


@pytest.fixture(scope="module")
def network() -> Network:
    with resources.as_file(resources.files("evergrid.grid.feeder") / "built_in/ieee13.dss") as path:
        feeder = opendss.read(path)
    return power_flow.reduce(feeder, feeder.branches.constant_power())


def asked(network: Network, *power_kw: float) -> tuple[np.ndarray, np.ndarray]:
    """An inverter at every branch: ratings, and the same power asked of each."""
    shape = (len(power_kw), len(network.branches))
    return np.full(shape, RATING_KVA), np.broadcast_to(np.array(power_kw)[:, None], shape).copy()


@given(
    row=st.sampled_from(range(len(CONTROLS))),
    voltage=st.floats(0.0, 2.0),
    moved=st.floats(-0.05, 0.05),
    wanted=st.floats(-2.0, 2.0),
    rating=st.floats(0.1, 1e4),
)
def test_apparent_power_never_exceeds_the_rating(
    row: int, voltage: float, moved: float, wanted: float, rating: float
) -> None:
    law = CONTROLS[row].row()
    p, q = answer(law, voltage, moved, wanted * rating, rating)
    assert np.hypot(p, q) <= rating * (1 + 1e-12)
    assert abs(p) <= abs(wanted * rating) * (1 + 1e-12)


@given(voltage=st.floats(0.8, 1.2), reference=st.floats(0.95, 1.05))
def test_reactive_power_opposes_the_error_of_the_voltage(voltage: float, reference: float) -> None:
    for control in (CATEGORY_A, CATEGORY_B):
        _, q = answer(control.row(), voltage, reference - 1.0, 0.0, 1.0)
        assert q * (voltage - reference) <= 0


@pytest.mark.parametrize("control", CONTROLS)
def test_the_equilibrium_is_the_answer_to_its_own_voltage(
    network: Network, control: Control
) -> None:
    rating, power = asked(network, -50.0, 0.0, 50.0, 90.0)
    base = np.broadcast_to(network.branches.power_kw, power.shape).copy()
    kvar = np.broadcast_to(network.branches.reactive_kvar, power.shape).copy()
    inverters = volt_var.everywhere(rating, control)
    flow = power_flow.solve(
        network, base, kvar, inverters=inverters, inverter_kw=power, tolerance_pu=1e-10
    )
    assert flow.settled.all()
    assert flow.inverter_kw is not None
    assert flow.inverter_kvar is not None
    laws = volt_var.laws((control,), network.impedance)[0]
    for n, k in np.ndindex(power.shape):
        p, q = answer(laws[k], abs(flow.voltage_pu[n, k]), 0.0, power[n, k], RATING_KVA)
        assert p == pytest.approx(flow.inverter_kw[n, k], abs=1e-7)
        assert q == pytest.approx(flow.inverter_kvar[n, k], abs=1e-7)
    again = power_flow.solve(
        network, base + flow.inverter_kw, kvar + flow.inverter_kvar, tolerance_pu=1e-10
    )
    np.testing.assert_allclose(again.voltage_pu, flow.voltage_pu, rtol=0, atol=1e-9)


def test_it_settles_where_undamped_answers_would_hunt(network: Network) -> None:
    rating, power = asked(network, 100.0)
    rating[:] = 3000.0
    steep = Control(Curve((0.96, 0.98, 1.0, 1.02), (0.44, 0.0, 0.0, -0.44)))
    inverters = volt_var.everywhere(rating, steep)
    assert volt_var.loop_gain(inverters, network.impedance, network.open_pu)[0] > 5
    zero = np.zeros_like(power)
    flow = power_flow.solve(network, zero, zero, inverters=inverters, inverter_kw=power)
    assert flow.settled.all()


def test_the_loop_gain_bounds_the_spectral_radius_closely(network: Network) -> None:
    rating, _ = asked(network, 0.0)
    bound = volt_var.loop_gain(
        volt_var.everywhere(rating, CATEGORY_B), network.impedance, network.open_pu
    )[0]
    turn = network.open_pu / np.abs(network.open_pu)
    seen = np.abs((network.impedance * np.conj(turn)[:, None] * turn[None, :]).imag)
    radius = np.abs(np.linalg.eigvals(seen * RATING_KVA * 0.44 / 0.06)).max()
    assert radius <= bound <= 1.2 * radius


def test_compensation_cancels_the_rise_by_the_own_power(network: Network) -> None:
    count = len(network.branches)
    zero = np.zeros((count, count))
    power = 20.0 * np.eye(count)
    still = np.abs(power_flow.solve(network, zero, zero).voltage_pu)
    rise = {}
    for control in (volt_var.UNITY, volt_var.COMPENSATION):
        inverters = volt_var.everywhere(np.full_like(power, 100.0), control)
        flow = power_flow.solve(network, zero, zero, inverters=inverters, inverter_kw=power)
        rise[control] = np.abs(np.diagonal(np.abs(flow.voltage_pu) - still))
    assert np.max(rise[volt_var.COMPENSATION]) < 0.15 * np.max(rise[volt_var.UNITY])


def test_a_moved_reference_moves_the_curve(network: Network) -> None:
    rating, power = asked(network, 0.0, 0.0)
    zero = np.zeros_like(power)
    reference = np.array([[1.0], [0.95]]) * np.ones_like(power)
    inverters = volt_var.Inverters(rating, (CATEGORY_B,), np.zeros(2, np.int64), reference)
    flow = power_flow.solve(network, zero, zero, inverters=inverters, inverter_kw=power)
    assert flow.inverter_kvar is not None
    assert (flow.inverter_kvar[1] <= flow.inverter_kvar[0]).all()
    assert flow.inverter_kvar[1].sum() < 0.8 * flow.inverter_kvar[0].sum() < 0


def test_volt_watt_lets_less_through_the_higher_the_voltage() -> None:
    law = Control(volt_watt=VoltWatt()).row()
    passed = [answer(law, v, 0.0, 1.0, 1.0)[0] for v in (1.0, 1.06, 1.08, 1.10, 1.2)]
    np.testing.assert_allclose(passed, [1.0, 1.0, 0.6, 0.2, 0.2])
    assert answer(law, 1.2, 0.0, -1.0, 1.0)[0] == -1.0


def test_watt_var_absorbs_when_feeding_and_injects_when_charging() -> None:
    law = volt_var.WATT_VAR.row()
    kvar = [answer(law, 1.0, 0.0, p, 1.0)[1] for p in (-0.75, -0.3, 0.3, 0.75)]
    np.testing.assert_allclose(kvar, [0.22, 0.0, 0.0, -0.22], atol=1e-12)


@pytest.mark.parametrize(
    ("priority", "power", "reactive"),
    [("reactive", 0.8, 0.6), ("active", 1.0, 0.0)],
)
def test_what_has_priority_leaves_the_other_the_rest_of_the_rating(
    priority: Literal["active", "reactive"], power: float, reactive: float
) -> None:
    law = Control(CATEGORY_B.volt_var, priority=priority).row()
    law[VOLT_VARS] = 0.6  # at every voltage
    for sign in (1.0, -1.0):
        p, q = answer(law, 1.0, 0.0, sign * 50.0, 50.0)
        assert (p, q) == pytest.approx((sign * 50.0 * power, 50.0 * reactive))
    half, q = answer(law, 1.0, 0.0, 25.0, 50.0)
    assert (half, q) == pytest.approx((25.0, 30.0))


@pytest.mark.parametrize(
    ("made", "field", "way_out"),
    [
        (lambda: Curve((0.92, 0.98, 0.97, 1.08), (0.44, 0.0, 0.0, -0.44)), "at", "left to right"),
        (lambda: Curve((0.92, 0.98, 1.02, 1.08), (0.0, 0.0, 0.2, -0.44)), "value", "High voltage"),
        (lambda: Curve((0.92, 0.98, 1.02, 1.08), (44.0, 0.0, 0.0, -44.0)), "value", "shares"),
        (lambda: Control(Curve((0.7, 0.98, 1.02, 1.08), FALL)), "volt_var.at[0]", "1547"),
        (lambda: Control(Curve((0.92, 0.94, 1.02, 1.08), FALL)), "volt_var.at[1]", "1547"),
        (lambda: Control(CATEGORY_B.volt_var, reference_pu=1.2), "reference_pu", "0.95"),
        (lambda: Control(response_s=0.1), "response_s", "90"),
        (lambda: Control(reference_s=10.0), "reference_s", "300"),
        (lambda: VoltWatt(start_pu=float("nan")), "start_pu", "1.06"),
    ],
)  # fmt: skip
def test_settings_outside_the_standard_are_refused(
    made: Callable[[], object], field: str, way_out: str
) -> None:
    with pytest.raises(InputError) as refused:
        made()
    assert refused.value.field == field
    assert way_out in str(refused.value)


def test_inverters_need_their_powers(network: Network) -> None:
    rating, power = asked(network, 0.0)
    with pytest.raises(InputError, match="together"):
        power_flow.solve(network, power, power, inverters=volt_var.everywhere(rating, CATEGORY_B))


@settings(max_examples=20)
@given(power=st.lists(st.floats(-80, 80), min_size=2, max_size=6))
def test_scenarios_do_not_see_each_other(network: Network, power: list[float]) -> None:
    rating, asked_kw = asked(network, *power)
    zero = np.zeros_like(asked_kw)
    kinds = np.arange(len(power)) % 2
    both = volt_var.Inverters(rating, (CATEGORY_A, CATEGORY_B), kinds)
    flow = power_flow.solve(
        network, zero, zero, inverters=both, inverter_kw=asked_kw, tolerance_pu=1e-9
    )
    for n, kind in enumerate(kinds):
        one = volt_var.everywhere(rating[n : n + 1], both.controls[kind])
        alone = power_flow.solve(
            network,
            zero[:1],
            zero[:1],
            inverters=one,
            inverter_kw=asked_kw[n : n + 1],
            tolerance_pu=1e-9,
        )
        np.testing.assert_allclose(alone.voltage_pu[0], flow.voltage_pu[n], rtol=0, atol=2e-9)
