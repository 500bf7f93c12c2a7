"""Packs keep their limits, and no energy is lost between grid, charger, cells and air."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evergrid.battery.converter import Converter, LossCurve
from evergrid.battery.pack import Pack, PackPath, driven
from evergrid.battery.thermal import ThermalMass
from evergrid.core.errors import InputError

CURVE = LossCurve(0.0058, 0.0121, 0.0190)
CHARGER = Converter(11.0, CURVE, CURVE, standby_kw=0.02)


def pack(**changed: object) -> Pack:
    settings: dict[str, object] = {
        "capacity_kwh": 60.0,
        "state": np.array([0.0, 0.1, 0.9, 1.0]),
        "rest_v": np.array([310.0, 340.0, 390.0, 400.0]),
        "least_v": 280.0,
        "most_v": 410.0,
        "most_a": 200.0,
        "resistance_ohm": 0.08,
        "activation_k": 3000.0,
        "charge_temperature_c": np.array([-20.0, 0.0, 15.0]),
        "charge_share": np.array([0.0, 0.1, 1.0]),
        "mass": ThermalMass(450.0 * 1000.0, 20.0),
    }
    return Pack(**(settings | changed))  # type: ignore[arg-type]


def day(
    asked: list[float], *, state: float = 0.5, warm: float = 20.0, air: float = 20.0
) -> PackPath:
    power = np.array([asked])
    return driven(
        pack(),
        CHARGER,
        power,
        np.full(power.shape, air),
        state=np.array([state]),
        temperature_c=np.array([warm]),
        growth=np.ones(1),
        step_h=0.25,
    )


@given(
    st.lists(st.floats(-11, 11), min_size=1, max_size=30),
    st.floats(0, 1),
    st.floats(-25, 45),
    st.floats(-25, 45),
)
def test_what_the_grid_gives_is_stored_or_lost(
    asked: list[float], state: float, warm: float, air: float
):
    path = day(asked, state=state, warm=warm, air=air)
    balance = path.grid_kw + path.stored_kw + path.heat_kw + path.converter_kw
    assert np.abs(balance).max() < 1e-9
    stored = np.diff(path.state, axis=1) * 60.0 / 0.25
    np.testing.assert_allclose(stored, path.stored_kw, atol=1e-9)
    assert (path.heat_kw >= 0).all()
    assert (path.converter_kw >= 0).all()


@given(st.lists(st.floats(-11, 11), min_size=1, max_size=30), st.floats(0, 1), st.floats(-25, 45))
def test_cells_are_never_emptied_or_overfilled(asked: list[float], state: float, warm: float):
    path = day(asked, state=state, warm=warm)
    assert path.state.min() >= -1e-12
    assert path.state.max() <= 1 + 1e-12


@given(st.floats(-11, 11), st.floats(0.2, 0.8))
def test_a_warm_half_full_pack_does_what_it_is_asked(asked: float, state: float):
    path = day([asked], state=state)
    wanted = asked if asked else -CHARGER.standby_kw
    assume(not 0 < asked <= 0.0058 * 11)  # of the order of what the charger needs itself
    assert path.grid_kw[0, 0] == pytest.approx(wanted, abs=1e-9)


def test_the_cold_limits_charging_and_not_feeding():
    lowest, highest = pack().power_limits_kw(np.array([0.5]), np.array([-20.0]), np.ones(1))
    assert lowest[0] == 0.0
    assert highest[0] > 11.0
    path = day([-11.0, 11.0], warm=-20.0, air=-20.0)
    assert path.stored_kw[0, 0] == 0
    assert path.grid_kw[0, 1] == pytest.approx(11.0)


def test_limits_by_hand():
    lowest, highest = pack().power_limits_kw(np.array([0.9]), np.array([25.0]), np.ones(1))
    assert highest[0] == pytest.approx((390 * 200 - 0.08 * 200**2) / 1000)
    assert lowest[0] == pytest.approx(-(390 * 200 + 0.08 * 200**2) / 1000)
    lowest, _ = pack().power_limits_kw(np.array([1.0]), np.array([25.0]), np.ones(1))
    in_a = (410 - 400) / 0.08
    assert lowest[0] == pytest.approx(-(400 * in_a + 0.08 * in_a**2) / 1000)


def test_old_cells_give_less():
    state, warm = np.array([0.05, 0.05]), np.array([-20.0, -20.0])
    _, highest = pack(most_a=2000.0).power_limits_kw(state, warm, np.array([1.0, 2.0]))
    assert highest[1] < highest[0]


def test_preheating_by_hand():
    heat = pack().preheat_kwh(np.array([-10.0, 20.0]), np.array([10.0, 10.0]))
    assert heat.tolist() == pytest.approx([450e3 * 20 / 3.6e6, 0.0])


@given(st.floats(-10.9, 10.9))
def test_the_charger_is_undone_by_its_inverse(power: float):
    at_grid = np.array([power])
    at_battery = CHARGER.battery_kw(at_grid, np.zeros(1))
    back = CHARGER.grid_kw(at_battery)
    assume(power > 1e-6 or (power < 0 and at_battery[0] < 0))  # else it takes more than it gives
    assert back == pytest.approx(at_grid, abs=1e-9)


def test_packs_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="around the voltages at rest, 310 to 400 V"):
        pack(most_v=395.0)
    with pytest.raises(InputError, match="state must ascend"):
        pack(state=np.array([0.0, 0.9, 0.1, 1.0]))
    with pytest.raises(InputError, match="rest_v must not fall with state"):
        pack(rest_v=np.array([400.0, 390.0, 340.0, 310.0]))
