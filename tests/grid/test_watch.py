"""What is watched is what OpenDSS measures there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.grid import opendss, power_flow, watch
from evergrid.grid.feeder import Feeder
from evergrid.grid.power_flow import Network
from tests.grid.cases import IEEE13

Solved = tuple[Network, watch.Watch, Any, Any]


@pytest.fixture(scope="module")
def solved(ieee13: Feeder) -> Solved:
    """The built-in feeder solved as it is, with its watch and the currents of its branches."""
    network = power_flow.reduce(ieee13)
    nothing = np.zeros((1, len(network.branches)))
    flow = power_flow.solve(network, nothing, nothing, load_share=nothing + 1, tolerance_pu=1e-12)
    current = np.linalg.solve(network.impedance, flow.voltage_pu[0] - network.open_pu)
    return network, watch.watch(network), current, opendss.opened(IEEE13).ActiveCircuit


def test_loadings_are_the_currents_that_opendss_has(solved: Solved):
    network, watched, current, circuit = solved
    feeder = network.feeder
    loading = np.abs(watched.loading.of(current))
    for row, line in enumerate(watched.line):
        circuit.SetActiveElement(f"line.{feeder.lines.name[line]}")
        amps = np.asarray(circuit.ActiveCktElement.CurrentsMagAng)[::2]
        assert np.abs(amps / feeder.lines.rating_a[line] - loading[row]).min() < 1e-5


def test_transformers_carry_what_opendss_has(solved: Solved):
    network, watched, current, circuit = solved
    found = watch.seen(watched, current[None])
    circuit.SetActiveElement("transformer.xfm1")
    powers = np.asarray(circuit.ActiveCktElement.Powers)[:6]
    kva = abs(powers[::2].sum() + 1j * powers[1::2].sum())
    assert found.transformer[0, 0] * network.feeder.transformers.rating_kva[0] == pytest.approx(
        kva, rel=1e-6
    )


def test_unbalance_is_that_of_the_sequences_of_opendss(solved: Solved):
    network, watched, current, circuit = solved
    found = watch.seen(watched, current[None]).unbalance[0]
    for row, bus in enumerate(watched.bus):
        circuit.SetActiveBus(str(network.feeder.buses.name[bus]))
        _, positive, negative = circuit.ActiveBus.SeqVoltages
        assert found[row] == pytest.approx(negative / positive, rel=1e-5)


def test_every_node_has_the_voltage_that_opendss_has(solved: Solved):
    network, _, current, circuit = solved
    ours = watch.node_voltages(network).of(current)
    flat = np.asarray(circuit.YNodeVarray)
    theirs = (flat[::2] + 1j * flat[1::2]) / network.feeder.base_v
    assert np.abs(ours - theirs).max() < 1e-7


def test_lines_that_carry_the_same_current_are_judged_by_the_weakest(ieee13: Feeder):
    lines = ieee13.lines
    ratings = lines.rating_a.copy()
    weakest = int(np.flatnonzero(lines.name == "rg60-632")[0])
    ratings[weakest] = 10.0  # in a row with the switch before the regulators, but not the same
    feeder = replace(ieee13, lines=replace(lines, rating_a=ratings))
    watched = watch.watch(power_flow.reduce(feeder))
    every = len(lines.currents.element)
    assert len(watched.loading) <= every
    assert weakest in watched.line


def test_lines_without_a_rating_are_not_watched(ieee13: Feeder):
    nothing = np.full(len(ieee13.lines), np.nan)
    feeder = replace(ieee13, lines=replace(ieee13.lines, rating_a=nothing))
    assert len(watch.watch(power_flow.reduce(feeder)).loading) == 0
