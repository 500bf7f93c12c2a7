"""Strength is what closed forms, finite differences and OpenDSS say, on any feeder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.grid.feeder import connections, opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.sensitivity import OperatingPoint, linearise
from evergrid.grid.strength import strength
from tests.grid.strength_cases import BASE_V, radial, thevenin

IEEE13 = Path(opendss.__file__).parent / "built_in" / "ieee13.dss"


@pytest.fixture(scope="module")
def ieee13() -> Feeder:
    return opendss.read(IEEE13)


def at_rest(network: power_flow.Network) -> OperatingPoint:
    count = len(network.branches)
    return OperatingPoint(np.zeros(count), np.zeros(count))


@pytest.mark.parametrize("x_over_r", [0.2, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("scr", [2.0, 5.0, 20.0])
def test_a_thevenin_feeder_has_the_ratio_and_the_rises_of_the_closed_forms(
    scr: float, x_over_r: float
) -> None:
    feeder = thevenin(scr, x_over_r, rating_kva=50.0)
    place = connections.at_buses(feeder, ["home"])
    seen = strength.strength_at(feeder, place)
    rating = np.array([50.0])
    theta = np.arctan(x_over_r)
    assert seen.scr(rating)[0] == pytest.approx(scr, rel=1e-9)
    assert seen.x_over_r[0] == pytest.approx(x_over_r, rel=1e-9)
    assert seen.rise_pu_per_kvar[0] * 50.0 == pytest.approx(np.sin(theta) / scr, rel=1e-9)
    assert seen.rise_pu_per_kw[0] * 50.0 == pytest.approx(np.cos(theta) / scr, rel=1e-9)
    network = power_flow.reduce(feeder, place.branches)
    exact = linearise(network, place, at_rest(network))
    assert exact.rise_pu_per_kvar[0, 0] == pytest.approx(seen.rise_pu_per_kvar[0], rel=1e-7)
    assert exact.rise_pu_per_kw[0, 0] == pytest.approx(seen.rise_pu_per_kw[0], rel=1e-7)


@pytest.mark.parametrize(
    ("scr", "x_over_r", "reactive", "measured", "closed"),
    [(2.0, 10.0, True, 0.49506, 0.49752), (5.0, 2.0, False, 0.08920, 0.08944)],
)
def test_a_hundredth_of_the_rating_moves_the_voltage_as_published_forms_say_within_a_hundredth(
    scr: float, x_over_r: float, reactive: bool, measured: float, closed: float
) -> None:
    feeder = thevenin(scr, x_over_r, rating_kva=50.0)
    network = power_flow.reduce(feeder, connections.at_buses(feeder, ["home"]).branches)
    little, none = np.array([[0.5]]), np.zeros((1, 1))
    power, kvar = (none, little) if reactive else (little, none)
    flow = power_flow.solve(network, power, kvar, tolerance_pu=1e-11)
    rise = (abs(flow.voltage_pu[0, 0]) - 1.0) / 0.01
    assert rise == pytest.approx(measured, abs=3e-4)
    assert rise == pytest.approx(closed, rel=0.01)


@pytest.mark.parametrize("load_share", [0.0, 1.0])
def test_the_linearisation_is_the_finite_difference_of_the_power_flow(
    ieee13: Feeder, load_share: float
) -> None:
    places = connections.at_buses(ieee13, ["675", "652", "634", "646"]).beside(ieee13.branches)
    network = power_flow.reduce(ieee13, places.branches)
    count, inverters = len(network.branches), len(places)
    base_kw = np.array([100.0, -80.0, 60.0, 40.0]) @ places.share
    share = np.full(count, load_share)
    found = linearise(network, places, OperatingPoint(base_kw, share))
    step = 0.5
    nudged = np.concatenate([np.eye(inverters), -np.eye(inverters)]) * step @ places.share
    still = np.zeros_like(nudged)
    for column, moves in (
        ("rise_pu_per_kw", (nudged, still)),
        ("rise_pu_per_kvar", (still, nudged)),
    ):
        flow = power_flow.solve(
            network,
            base_kw + moves[0],
            moves[1],
            load_share=np.tile(share, (2 * inverters, 1)),
            tolerance_pu=1e-12,
        )
        size = np.abs(flow.voltage_pu) @ places.share.T
        differences = (size[:inverters] - size[inverters:]).T / (2 * step)
        np.testing.assert_allclose(getattr(found, column), differences, rtol=1e-5, atol=1e-11)


def test_more_reactive_power_never_lowers_the_voltage_where_it_enters(ieee13: Feeder) -> None:
    places = connections.at_loads(ieee13)
    network = power_flow.reduce(ieee13)
    found = linearise(network, places, OperatingPoint(np.zeros(17), np.ones(17)))
    assert (np.diag(found.rise_pu_per_kvar) > 0).all()
    assert (np.diag(found.rise_pu_per_kw) > 0).all()


def test_impedance_between_places_is_symmetric_and_its_diagonal_is_what_each_sees(
    ieee13: Feeder,
) -> None:
    places = connections.at_loads(ieee13)
    network = power_flow.reduce(ieee13)
    between = strength.interaction(network, places)
    seen = strength.strength_at(ieee13, places)
    np.testing.assert_allclose(np.diag(between), seen.impedance, rtol=1e-9)
    # In its own rotation it is reciprocal where one phase meets one phase: Z is symmetric.
    np.testing.assert_allclose(network.impedance, network.impedance.T, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(np.abs(between), np.abs(between).T, rtol=0.2, atol=1e-7)


def test_the_kernel_gives_the_diagonal_of_the_whole_inverse(ieee13: Feeder) -> None:
    count = len(ieee13.nodes)
    inverse = power_flow.Factor(ieee13, ieee13.state).voltage(np.eye(count, dtype=complex))
    seen = strength.strength_at(ieee13, connections.at_nodes(ieee13))
    whole = np.diag(inverse) * 1000.0 / ieee13.base_v**2
    np.testing.assert_allclose(seen.impedance, whole, rtol=1e-9)


LENGTHS = st.lists(st.floats(0.05, 3.0), min_size=2, max_size=8)


@settings(max_examples=25)
@given(lengths=LENGTHS, x_over_r=st.floats(0.2, 5.0))
def test_the_ratio_falls_along_a_radial_feeder(lengths: list[float], x_over_r: float) -> None:
    feeder = radial(lengths, x_over_r)
    seen = strength.strength_at(feeder, connections.at_buses(feeder))
    assert (np.diff(seen.short_circuit_kva) < 0).all()
    total = np.cumsum([1.0, *lengths]) * abs(1.0 + 1j * x_over_r)
    np.testing.assert_allclose(seen.short_circuit_kva, BASE_V**2 / total / 1000.0, rtol=1e-9)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_places_changes_nothing_else(seed: int) -> None:
    feeder = radial([0.5, 1.0, 0.3, 2.0, 0.1], 0.8)
    order = np.random.default_rng(seed).permutation(6)
    all_of_them = connections.at_buses(feeder)
    names = [str(all_of_them.name[i]) for i in order]
    mixed, straight = connections.at_buses(feeder, names), connections.at_buses(feeder)
    np.testing.assert_array_equal(mixed.name, straight.name[order])
    first, second = strength.strength_at(feeder, mixed), strength.strength_at(feeder, straight)
    np.testing.assert_allclose(first.impedance, second.impedance[order], rtol=1e-12)
    part = straight.rows(order[:3])
    np.testing.assert_allclose(
        strength.strength_at(feeder, part).impedance, second.impedance[order[:3]], rtol=1e-12
    )


def test_many_inverters_share_what_is_there() -> None:
    feeder = radial([1.0, 1.0], 1.0)
    places = connections.at_buses(feeder)
    between = strength.interaction(power_flow.reduce(feeder, places.branches), places)
    ratings = np.array([10.0, 20.0, 30.0])
    alone = strength.strength_at(feeder, places).scr(ratings)
    together = strength.scr_with_others(between, ratings)
    assert (together < alone).all()
    one_place = np.full((3, 3), between[0, 0])
    np.testing.assert_allclose(
        strength.scr_with_others(one_place, ratings), 1 / abs(between[0, 0]) / 60.0
    )
    equal = np.full(3, 1 / abs(between[0, 0]))
    assert strength.weighted_scr(equal, ratings) == pytest.approx(equal[0] / 60.0)


def test_a_three_phase_place_sees_the_positive_sequence(ieee13: Feeder) -> None:
    place = connections.at_buses(ieee13, ["671"])
    seen = strength.strength_at(ieee13, place)
    nodes = place.branches.node
    columns = np.zeros((len(ieee13.nodes), 3), dtype=complex)
    columns[nodes, np.arange(3)] = 1.0
    block = power_flow.Factor(ieee13, ieee13.state).voltage(columns)[nodes]
    off = (block.sum() - np.trace(block)) / 6
    positive = np.trace(block) / 3 - off
    kva = 3 * place.branches.base_v[0] ** 2 / abs(positive) / 1000.0
    assert seen.short_circuit_kva[0] == pytest.approx(kva, rel=1e-9)


def test_what_no_source_feeds_has_no_strength() -> None:
    feeder = radial([1.0, 1.0], 1.0)
    cut = feeder.admittance.tolil()
    cut[1, 2] = cut[2, 1] = 0.0
    cut[2, 2] = 1e-6j
    island = replace(feeder, admittance=cut.tocsc())
    seen = strength.strength_at(island, connections.at_buses(island))
    assert np.isnan(seen.impedance).tolist() == [False, False, True]


def test_an_ideal_source_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"other than zero, got 0j for a.*R1, X1"):
        strength.Strength(np.array(["a"], dtype=object), np.array([0j]))


def test_an_unknown_bus_and_one_named_twice_are_refused(ieee13: Feeder) -> None:
    with pytest.raises(
        InputError, match=r"bus must be a bus of the feeder, got 67x.*Did you mean 67"
    ):
        connections.at_buses(ieee13, ["671", "67x"])
    with pytest.raises(InputError, match="be named once, got 671"):
        connections.at_buses(ieee13, ["671", "671"])


def test_powers_beyond_the_wires_leave_nothing_to_linearise(ieee13: Feeder) -> None:
    places = connections.at_loads(ieee13)
    network = power_flow.reduce(ieee13)
    beyond = OperatingPoint(np.full(17, -1e6), np.ones(17))
    with pytest.raises(InputError, match="lower load_share, power_share or the ratings"):
        linearise(network, places, beyond)


def test_voltages_that_are_no_numbers_are_not_settled(ieee13: Feeder) -> None:
    network = power_flow.reduce(ieee13)
    none = np.zeros((1, 17))
    flow = power_flow.solve(network, none, none, load_share=np.full((1, 17), 50.0))
    assert not flow.settled.any()


def opendss_short_circuits(engine: Any, feeder: Feeder) -> tuple[Array, Array]:
    """Impedance to ground of each node and positive sequence of each bus as OpenDSS has them."""
    for kind in ("load", "generator", "storage", "pvsystem"):
        for name in engine.ActiveCircuit.AllElementNames:
            if name.lower().startswith(f"{kind}."):
                engine.Text.Command = f"disable {name}"
    engine.ActiveCircuit.Solution.ControlMode = -1  # taps stay where they are
    engine.ActiveCircuit.Solution.Solve()
    alone = np.full(len(feeder.nodes), np.nan, dtype=complex)
    together = np.full(len(feeder.buses.name), np.nan, dtype=complex)
    for row, bus in enumerate(feeder.buses.name):
        engine.ActiveCircuit.SetActiveBus(str(bus))
        active = engine.ActiveCircuit.ActiveBus
        active.ZscRefresh()
        flat = np.asarray(active.ZscMatrix)
        flat = flat if np.iscomplexobj(flat) else flat[0::2] + 1j * flat[1::2]
        phases = list(active.Nodes)
        block = flat.reshape(len(phases), len(phases))
        for place, phase in enumerate(phases):
            alone[feeder.node(str(bus), int(phase))] = block[place, place]
        if len(phases) == 3:
            positive = np.asarray(active.Zsc1)
            together[row] = positive[0] + 1j * positive[1] if len(positive) == 2 else positive[0]
    return alone, together


FEEDERS = {
    "ieee13": (None, 1e-7),
    "ieee34": ("34Bus/ieee34Mod1.dss", 1e-7),
    "ieee123": ("123Bus/IEEE123Master.dss", 1e-7),
    "eulv": ("LVTestCase/Master.dss", 1e-7),
}


@pytest.mark.parametrize("name", list(FEEDERS))
def test_impedances_are_those_of_opendss(name: str, request: pytest.FixtureRequest) -> None:
    file, tolerance = FEEDERS[name]
    path = IEEE13 if file is None else request.getfixturevalue("data_folder") / "feeders" / file
    feeder, engine = opendss.read(path), opendss.opened(path)
    alone, together = opendss_short_circuits(engine, feeder)
    seen = strength.strength_at(feeder, connections.at_nodes(feeder))
    ohm = seen.impedance * feeder.base_v**2 / 1000.0
    np.testing.assert_allclose(ohm, alone, rtol=tolerance)
    buses = strength.strength_at(feeder, connections.at_buses(feeder))
    ours = buses.impedance * 3 * feeder.buses.base_v**2 / 1000.0
    judged = ~np.isnan(together)
    assert judged.sum() >= 8
    np.testing.assert_allclose(ours[judged], together[judged], rtol=tolerance)
