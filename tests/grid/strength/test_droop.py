"""Hunting begins exactly where the loop gain says, and ends with the advised slopes."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.grid import ieee1547
from evergrid.grid.feeder import connections
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.sensitivity import OperatingPoint, Sensitivity, linearise
from evergrid.grid.strength import droop, droop_response, strength
from evergrid.grid.strength.droop import Droop, Loop
from evergrid.grid.strength.droop_response import Response
from tests.grid.strength_cases import thevenin, tree

STEPS = 400
SETTLED_PU = 1e-6
NEAR = 0.03  # so close to the bound, hunting takes longer than is followed


def random_feeder(rng: np.random.Generator) -> Feeder:
    count = int(rng.integers(2, 9))
    parents = np.array([-1, *(int(rng.integers(0, i)) for i in range(1, count))])
    ohm = rng.uniform(0.02, 0.3, count) * np.exp(1j * rng.uniform(0.2, 1.4, count))
    return tree(parents, ohm, [f"b{i}" for i in range(count)])


def followed(
    feeder: Feeder, slopes: list[Array], rating: Array, weight: float
) -> tuple[Sensitivity, list[Loop], Response]:
    """Growth by the criterion, and the response by power flow, for each setting."""
    places = connections.at_loads(feeder)
    network = power_flow.reduce(feeder)
    count = len(network.branches)
    operating = OperatingPoint(np.zeros(count), np.ones(count))
    found = linearise(network, places, operating)
    settings = [Droop(slope, rating, 0.44, weight) for slope in slopes]
    loops = [droop.loop(setting, found.rise_pu_per_kvar) for setting in settings]
    grid = droop_response.by_power_flow(network, places, operating, 1e-4)
    response = droop_response.respond(grid, found.voltage_pu, settings, steps=STEPS)
    return found, loops, response


@settings(max_examples=20)
@given(
    seed=st.integers(0, 100_000),
    reaches=st.lists(st.floats(0.3, 3.0), min_size=4, max_size=4),  # followed side by side
    weight=st.floats(0.2, 1.0),
)
def test_the_simulated_loop_hunts_exactly_where_the_gain_is_above_the_bound(
    seed: int, reaches: list[float], weight: float
) -> None:
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng)
    rating = rng.uniform(2.0, 10.0, len(feeder.branches))
    places, network = connections.at_loads(feeder), power_flow.reduce(feeder)
    operating = OperatingPoint(np.zeros(len(rating)), np.ones(len(rating)))
    unit = np.ones(len(rating))
    rise = linearise(network, places, operating).rise_pu_per_kvar
    radius = droop.loop(Droop(unit, rating, 0.44, weight), rise).spectral_radius
    told = [reach for reach in reaches if abs(reach - 1) > NEAR]
    assume(told)
    slopes = [unit * reach * droop.stable_gain(weight) / radius for reach in told]
    _, loops, response = followed(feeder, slopes, rating, weight)
    for loop, swing in zip(loops, response.swing_pu, strict=True):
        assert loop.hunts == (loop.spectral_radius > loop.stable_gain)
        calm = bool((swing < SETTLED_PU).all())  # NaN, a collapse, is not calm
        assert calm == (not loop.hunts)


@pytest.mark.parametrize("seed", range(5))
def test_hunting_vanishes_with_the_advised_slopes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng)
    rating = rng.uniform(2.0, 10.0, len(feeder.branches))
    places, network = connections.at_loads(feeder), power_flow.reduce(feeder)
    rise = linearise(
        network, places, OperatingPoint(np.zeros(len(rating)), np.ones(len(rating)))
    ).rise_pu_per_kvar
    advised = droop.steepest(rating, rise, most_gain=0.5 * droop.stable_gain(0.9))
    _, (wild, calm), response = followed(feeder, [6 * advised, advised], rating, 0.9)
    assert wild.hunts
    assert not calm.hunts
    assert response.swing_pu[0].max() > 1e-3
    assert response.swing_pu[1].max() < 1e-9


@settings(max_examples=50)
@given(seed=st.integers(0, 100_000), kept=st.integers(1, 7))
def test_advised_slopes_hold_for_any_part_of_the_inverters_and_flatter_ones(
    seed: int, kept: int
) -> None:
    rng = np.random.default_rng(seed)
    count = 8
    half = rng.uniform(0, 1, (count, count))
    rise = half @ half.T / 1000.0
    rating = rng.uniform(1, 20, count)
    slope = droop.steepest(rating, rise, most_gain=0.6)
    whole = droop.loop(Droop(slope, rating, 0.44, 0.9), rise)
    assert whole.spectral_radius == pytest.approx(0.6)  # it is not stricter than it must be
    some = rng.choice(count, kept, replace=False)
    flatter = slope[some] * rng.uniform(0, 1, kept)
    part = droop.loop(Droop(flatter, rating[some], 0.44, 0.9), rise[np.ix_(some, some)])
    assert part.spectral_radius <= 0.6 + 1e-12


@pytest.mark.parametrize("scr", [2.0, 5.0, 7.0, 20.0])
@pytest.mark.parametrize("slope", [ieee1547.CATEGORIES["B"].slope, ieee1547.STEEPEST_B])
def test_one_inverter_hunts_below_the_ratio_of_the_closed_form(scr: float, slope: float) -> None:
    x_over_r = 3.0
    feeder = thevenin(scr, x_over_r, rating_kva=50.0)
    seen = strength.strength_at(feeder, connections.at_buses(feeder, ["home"]))
    one = np.ones(1)
    setting = Droop(slope * one, 50.0 * one, 0.44, 1.0)
    loop = droop.loop(setting, seen.rise_pu_per_kvar[:, None])
    gain = slope * np.sin(np.arctan(x_over_r)) / scr
    assert loop.spectral_radius == pytest.approx(gain)
    assert loop.hunts == (scr < slope * np.sin(np.arctan(x_over_r)))
    assert loop.damping == pytest.approx(1 + gain)  # without steps it never hunts


@given(weight=st.floats(0.01, 1.0))
def test_the_bound_is_where_growth_is_one(weight: float) -> None:
    bound = droop.stable_gain(weight)
    assert droop.Loop(np.array([[bound]]), weight).growth_per_step == pytest.approx(1.0)
    assert droop.Loop(np.array([[0.999 * bound]]), weight).growth_per_step < 1
    assert droop.Loop(np.array([[1.001 * bound]]), weight).hunts


def test_the_step_weight_is_ninety_per_cent_after_the_response_time() -> None:
    assert droop.step_weight(5.0, 5.0) == pytest.approx(0.9)
    weight = droop.step_weight(1.0, 5.0)
    assert 1 - (1 - weight) ** 5 == pytest.approx(0.9)


def test_defaults_are_the_points_of_the_standard() -> None:
    assert ieee1547.CATEGORIES["B"].slope == pytest.approx(7.3333, abs=1e-4)
    assert ieee1547.CATEGORIES["A"].slope == pytest.approx(2.5)


def test_the_linearised_grid_answers_like_the_power_flow_to_a_small_step() -> None:
    feeder = random_feeder(np.random.default_rng(3))
    places, network = connections.at_loads(feeder), power_flow.reduce(feeder)
    count = len(network.branches)
    operating = OperatingPoint(np.zeros(count), np.zeros(count))
    found = linearise(network, places, operating)
    q = np.array([np.linspace(-0.05, 0.05, count)])
    exact = droop_response.by_power_flow(network, places, operating, 1e-3)(q)
    near = droop_response.by_sensitivity(found, 1e-3)(q)
    np.testing.assert_allclose(near, exact, atol=2e-6)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InputError) as refused:
        Droop(np.array([-1.0]), np.array([0.0]), 0.44, 1.5)
    assert [fault.field for fault in refused.value.faults] == ["slope", "rating_kva", "step_weight"]
