"""Many power flows at once obey Kirchhoff, agree with one another, and say when there is none."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.feeder.load_law import CONSTANT, HIGH, LOW, NOMINAL
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.power_flow import Network
from tests.grid.cases import street


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return power_flow.reduce(opendss.read(street(tmp_path_factory.mktemp("street"))))


def random_powers(network: Network, scenarios: int, size: float, seed: int = 0):
    random = np.random.default_rng(seed)
    shape = (scenarios, len(network.branches))
    return random.uniform(-size, size, shape), random.uniform(-size / 3, size / 3, shape)


@given(st.integers(0, 1000), st.sampled_from([1, 63, 64, 65, 130]))
@settings(max_examples=15)
def test_voltages_satisfy_the_equation_they_were_solved_for(
    network: Network, seed: int, scenarios: int
):
    power, reactive = random_powers(network, scenarios, 8.0, seed)
    flow = power_flow.solve(network, power, reactive, tolerance_pu=1e-10)
    current = np.conj((power + 1j * reactive) / flow.voltage_pu)
    again = network.open_pu + current @ network.impedance.T
    assert flow.settled.all()
    assert np.abs(again - flow.voltage_pu).max() < 1e-9


def test_losses_are_never_negative_and_grow_with_the_square_of_small_powers(network: Network):
    power, reactive = random_powers(network, 200, 2.0)
    losses = []
    for factor in (1.0, 2.0):
        flow = power_flow.solve(network, factor * power, factor * reactive, tolerance_pu=1e-11)
        current = np.conj(factor * (power + 1j * reactive) / flow.voltage_pu)
        lost = np.conj(current) * (current @ network.impedance.T)
        losses.append(np.real(lost).sum(axis=1))
    assert (losses[0] > 0).all()
    assert losses[1] / losses[0] == pytest.approx(4, rel=0.05)


def test_a_permutation_of_scenarios_permutes_the_voltages(network: Network):
    power, reactive = random_powers(network, 100, 8.0)
    order = np.random.default_rng(1).permutation(100)
    one = power_flow.solve(network, power, reactive, tolerance_pu=1e-10).voltage_pu
    other = power_flow.solve(network, power[order], reactive[order], tolerance_pu=1e-10).voltage_pu
    assert other == pytest.approx(one[order], abs=1e-9)


def test_without_power_voltages_are_those_of_the_open_feeder(network: Network):
    nothing = np.zeros((3, len(network.branches)))
    flow = power_flow.solve(network, nothing, nothing)
    assert flow.voltage_pu == pytest.approx(np.tile(network.open_pu, (3, 1)), abs=1e-7)


def test_feeding_raises_and_drawing_lowers_the_voltage_where_it_happens(network: Network):
    each = 3.0 * np.eye(len(network.branches))
    nothing = np.zeros_like(each)
    size = {
        way: np.abs(power_flow.solve(network, sign * each, nothing).voltage_pu).diagonal()
        for way, sign in (("feeding", 1), ("drawing", -1))
    }
    assert (size["feeding"] > np.abs(network.open_pu)).all()
    assert (size["drawing"] < np.abs(network.open_pu)).all()


def test_reciprocity_makes_the_impedance_symmetric_in_volts(network: Network):
    base_v = network.branches.base_v
    ohm = network.impedance * base_v[:, None] * base_v[None, :]
    assert ohm == pytest.approx(ohm.T, rel=1e-9, abs=1e-9)


def test_the_tolerance_is_kept(ieee13: Feeder):
    network = power_flow.reduce(ieee13)
    random = np.random.default_rng(0)
    share = random.uniform(0.2, 1.3, (500, len(network.branches)))
    power, reactive = share * network.branches.power_kw, share * network.branches.reactive_kvar
    exact = power_flow.solve(network, power, reactive, tolerance_pu=1e-12)
    for tolerance in (1e-4, 1e-6, 1e-8):
        flow = power_flow.solve(network, power, reactive, tolerance_pu=tolerance)
        assert np.abs(flow.voltage_pu - exact.voltage_pu).max() <= tolerance


def test_more_than_the_wires_can_carry_is_reported_and_does_not_disturb_the_others(
    network: Network,
):
    power, reactive = random_powers(network, 70, 5.0)
    power[7] = -500.0
    flow = power_flow.solve(network, power, reactive)
    assert not flow.settled[7]
    assert flow.error_pu[7] > 1e-6
    assert flow.settled.sum() == 69
    alone = power_flow.solve(network, power[:7], reactive[:7])
    assert flow.voltage_pu[:7] == pytest.approx(alone.voltage_pu, abs=2e-6)


def test_loads_answer_to_voltage_as_their_law_says(ieee13: Feeder):
    network = power_flow.reduce(ieee13)
    nothing = np.zeros((1, len(network.branches)))
    flow = power_flow.solve(network, nothing, nothing, load_share=nothing + 1, tolerance_pu=1e-11)
    current = np.linalg.solve(network.impedance, flow.voltage_pu[0] - network.open_pu)
    drawn = -(flow.voltage_pu[0] * current.conj())
    branches = network.branches
    law = branches.law
    size = np.abs(flow.voltage_pu[0]) / law[:, NOMINAL]
    powers = np.column_stack([size**2, size, np.ones_like(size)])
    expected = (law[:, : CONSTANT + 1] * powers).sum(axis=1)
    inside = (size > law[:, LOW]) & (size < law[:, HIGH])
    inside &= branches.name != "671"  # what circulates in a delta leaves its voltages alone
    assert inside.sum() > 10
    assert drawn.real[inside] == pytest.approx((-branches.power_kw * expected)[inside], rel=1e-5)


def test_powers_that_are_no_numbers_are_refused(network: Network):
    power = np.zeros((2, len(network.branches)))
    power[1, 0] = np.nan
    with pytest.raises(InputError, match="power_kw must be finite in every scenario"):
        power_flow.solve(network, power, np.zeros_like(power))


@pytest.mark.parametrize("model", [1, 2, 5])
@pytest.mark.parametrize("source_pu", [0.45, 0.6, 0.8, 0.97, 1.1])
def test_loads_outside_their_window_answer_as_in_opendss(
    tmp_path: Path, model: int, source_pu: float
):
    load = f"New Load.odd bus1=c.2 phases=1 kv=0.23 kw=8 kvar=3 model={model}"
    path = street(tmp_path, f"{load} vminpu=0.98 vmaxpu=1.02 vlowpu=0.5")
    source = [f"edit vsource.source pu={source_pu}"]
    feeder = opendss.read(path, commands=source)
    nothing = np.zeros((1, len(feeder.branches)))
    network = power_flow.reduce(feeder)
    flow = power_flow.solve(network, nothing, nothing, load_share=nothing + 1, tolerance_pu=1e-11)
    at = feeder.branches.node
    theirs = opendss.voltages(opendss.opened(path, source))[at] / feeder.branches.base_v
    assert np.abs(flow.voltage_pu[0] - theirs).max() < 1e-8
