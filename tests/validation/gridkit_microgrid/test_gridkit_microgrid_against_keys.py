"""Chains of 4, 8 and 16 inverters from a dead bus against the keys of GridKit, and our own."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.arrays import Array, Float
from evergrid.resilience.network import implicit
from evergrid.resilience.network.assembly import Assembly, assemble
from evergrid.resilience.network.dq_state import dead_state
from evergrid.resilience.network.simulation import simulate
from tests.validation.gridkit_microgrid.case import VIRTUAL_RESISTOR_OHM, chain

EXPECTED = pl.read_csv(Path(__file__).parent / "expected.csv")
FRAME_RAD_PER_S = {4: 311.999576042192, 8: 311.543402422187, 16: 311.408200092424}
SIZES = [4, *(pytest.param(size, marks=pytest.mark.slow) for size in (8, 16))]
# Of the form without virtual resistors, from an independent program: powers of the first units.
POWER_W = {
    4: [22960.729389],
    8: [27812.658442, 27816.40659, 20938.367816, 20944.500395],
    16: [29250.777966, 29281.085146, 22166.757995, 22233.368083],
}
REACTIVE_POWER_VAR = {4: 12753.493687, 8: 10603.016406, 16: 9843.588595}


@cache
def with_virtual_resistors(inverters: int) -> tuple[Assembly, Float[Array, " state"]]:
    """The equations, and the state after 1 s from zero."""
    grid = chain(inverters)
    whole = assemble(grid, virtual_resistor_ohm=VIRTUAL_RESISTOR_OHM)
    ended = implicit.solve(whole, dead_state(grid), 1.0, tolerance=1e-6)
    assert ended.finished
    return whole, ended.state.values


@pytest.mark.parametrize("inverters", SIZES)
def test_the_keys_are_met_with_virtual_resistors(inverters: int) -> None:
    """After 1 s from zero, so that the whole black start is in the number."""
    whole, state = with_virtual_resistors(inverters)
    states = state[: 13 * inverters].reshape(inverters, 13)
    key = EXPECTED.filter(pl.col("inverters") == inverters)
    assert states[:, 1] == pytest.approx(key["power_w"].to_numpy(), rel=1e-8)
    assert states[:, 2] == pytest.approx(key["reactive_power_var"].to_numpy(), rel=1e-8)
    speed = whole.speeds_rad_per_s(state)[0]
    assert speed == pytest.approx(FRAME_RAD_PER_S[inverters], rel=1e-11)


def test_angles_voltages_and_currents_of_the_key_are_met() -> None:
    """In the key all angles are those ahead of the first inverter, which carries the frame."""
    whole, state = with_virtual_resistors(4)
    own, ahead = state[:52].reshape(4, 13), state[0]
    delta = [0.0, -0.00755583999797958, -0.0827401584095097, -0.0844566209033113]
    assert own[:, 0] - ahead == pytest.approx(delta, abs=1e-11)
    v_od = [363.420924977355, 368.635407345931, 355.25957014696, 366.226354188735]
    assert own[:, 9] == pytest.approx(v_od, rel=1e-9)
    turned = (state[11::13][:4] + 1j * state[12::13][:4]) * np.exp(-1j * own[:, 0])
    i_o = [
        63.2193618667302 - 35.0920143829141j,
        62.3296560841534 - 23.7157298601546j,
        48.6166481095298 - 46.4283022775928j,
        47.19063792117 - 25.0705499054599j,
    ]
    assert turned == pytest.approx(i_o, rel=1e-8)
    v_b = [
        357.692287974629 - 5.85078929333349j,
        364.119335219897 - 8.84631033126304j,
        347.214535767435 - 32.7241067379802j,
        360.411028950125 - 34.9283280833745j,
    ]
    assert whole.voltages_v(state) * np.exp(-1j * ahead) == pytest.approx(v_b, rel=1e-7)
    currents = (state[52::2] + 1j * state[53::2]) * np.exp(-1j * ahead)
    key = [
        -18.8125403122072 + 21.1471334522508j,
        43.2997340692497 - 3.03798323340816j,
        -44.8715356440453 + 28.9585224749495j,
        81.99613295014 - 56.2385627562355j,
        132.749774614687 - 82.280664729262j,
    ]
    assert currents == pytest.approx(key, rel=1e-8)


@pytest.mark.parametrize("inverters", SIZES)
def test_without_virtual_resistors_our_own_values_are_met(inverters: int) -> None:
    grid = chain(inverters)
    went = simulate(assemble(grid), dead_state(grid), 1.0)
    known = POWER_W[inverters]
    assert went.power_w[-1, : len(known)] == pytest.approx(known, abs=1e-6, rel=0)
    reactive = went.reactive_power_var[-1, 0]
    assert reactive == pytest.approx(REACTIVE_POWER_VAR[inverters], abs=1e-6, rel=0)


def test_digits_that_are_known_beyond_those_are_met_too() -> None:
    grid = chain(4)
    went = simulate(assemble(grid), dead_state(grid), 1.0)
    assert went.power_w[-1, 0] == pytest.approx(22960.729389351, rel=1e-12)
    assert went.reactive_power_var[-1, 0] == pytest.approx(12753.493686861, rel=1e-12)
    delta = went.angle_rad[-1] - went.angle_rad[-1, 0]
    assert delta[1:] == pytest.approx([-0.00755253, -0.0827171, -0.08442943], abs=5e-9)
