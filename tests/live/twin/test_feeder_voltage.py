"""Voltages of simulated stations: those of OpenDSS, on their own phase, and answered by them."""

import asyncio
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.core.arrays import Array, Float
from evergrid.grid.feeder import opendss
from evergrid.live.clock import VirtualClock
from evergrid.live.twin import feeder_voltage
from evergrid.live.twin.feeder_voltage import (
    HOMES_OF_SECONDARY,
    SECONDARY_BUSES,
    STATIONS_OF_FEEDER,
    Connection,
    FeederVoltages,
)
from evergrid.live.twin.fleet import TwinConfig, TwinFleet, drivers
from evergrid.live.twin.truth import FleetTruth
from tests.live.twin.aggregator import Aggregator

CURVE = [{"x": 92, "y": 100}, {"x": 98, "y": 0}, {"x": 100, "y": 0}, {"x": 104, "y": -100}]
VOLT_VAR = {
    "isDefault": True,
    "controlId": "v1",
    "controlType": "VoltVar",
    "curve": {"priority": 0, "yUnit": "PctMaxVar", "curveData": CURVE},
}
SAME_PU = 1e-4


def homes(count: int, phases: int = 3) -> list[Connection]:
    return [Connection(f"street-{place // 20 + 1:02}", phases) for place in range(count)]


@pytest.fixture(scope="module")
def mixed() -> tuple[list[Connection], FeederVoltages]:
    stations = [*homes(40), *homes(7, 1), *([Connection("depot", 3)] * 10)]
    return stations, FeederVoltages(stations)


def of_opendss(loads: dict[str, tuple[int, float, float]]) -> dict[str, Float[Array, " phase"]]:
    """Voltages at buses, per unit, with loads (phase or 0 for three, kW, kvar into the grid)."""
    with resources.as_file(resources.files("evergrid.grid.feeder") / "built_in") as folder:
        engine = opendss.opened(Path(folder) / "ieee13.dss", feeder_voltage._secondaries())
    engine.Text.Command = "Set ControlMode=OFF"
    for number, (bus, (phase, kw, kvar)) in enumerate(loads.items()):
        kv = 0.48 if bus == "634" else 0.4
        end = f"{bus}.{phase} phases=1 kv={kv / np.sqrt(3)}" if phase else f"{bus} phases=3 kv={kv}"
        engine.Text.Command = (
            f"New Load.test{number} bus1={end} kw={-kw} kvar={-kvar} model=1 vminpu=0.5 vmaxpu=1.5"
        )
    engine.ActiveCircuit.Solution.Solve()
    found = {}
    for bus in (*(f"secondary_{n}" for n in range(1, 6)), "634"):
        engine.ActiveCircuit.SetActiveBus(bus)
        found[bus] = np.array(engine.ActiveCircuit.ActiveBus.puVmagAngle[::2])
    return found


@pytest.mark.parametrize(("kw", "kvar"), [(0.0, 0.0), (-9.0, 1.5), (8.0, -4.0)])
def test_voltages_are_those_of_opendss(kw: float, kvar: float):
    stations = [*homes(40), *([Connection("depot", 3)] * 10)]
    wires = FeederVoltages(stations)
    power, reactive = np.full(50, kw), np.full(50, kvar)
    found = wires.solve(power, reactive)
    loads = dict.fromkeys(("secondary_1", "secondary_2"), (0, 20 * kw, 20 * kvar))
    expected = of_opendss(loads | {"634": (0, 10 * kw, 10 * kvar)})
    assert found[0] == pytest.approx(expected["secondary_1"].mean(), abs=SAME_PU)
    assert found[39] == pytest.approx(expected["secondary_2"].mean(), abs=SAME_PU)
    assert found[49] == pytest.approx(expected["634"].mean(), abs=SAME_PU)


def test_a_station_of_one_phase_has_the_voltage_of_its_own():
    wires = FeederVoltages(homes(3, 1))
    found = wires.solve(np.array([0.0, -30.0, 0.0]), np.zeros(3))
    expected = of_opendss({"secondary_1": (2, -30.0, 0.0)})["secondary_1"]
    np.testing.assert_allclose(found, expected, atol=SAME_PU)


def test_who_feeds_raises_the_voltage_and_who_draws_lowers_it(
    mixed: tuple[list[Connection], FeederVoltages],
):
    stations, wires = mixed
    none = np.zeros(len(stations))
    idle = wires.solve(none, none)
    assert (wires.solve(none + 5.0, none) > idle).all()
    assert (wires.solve(none - 5.0, none) < idle).all()
    assert (wires.solve(none, none + 5.0) > idle).all()
    assert (wires.solve(none, none - 5.0) < idle).all()


def test_streets_beyond_one_feeder_hang_on_another_of_their_own():
    count = STATIONS_OF_FEEDER + HOMES_OF_SECONDARY
    wires = FeederVoltages(homes(count))
    assert wires.range.feeders == 2
    none = np.zeros(count)
    idle = wires.solve(none, none).copy()
    only_first = none.copy()
    only_first[:STATIONS_OF_FEEDER] = -8.0
    found = wires.solve(only_first, none)
    assert (found[:STATIONS_OF_FEEDER] < idle[:STATIONS_OF_FEEDER] - 0.01).all()
    np.testing.assert_allclose(found[STATIONS_OF_FEEDER:], idle[STATIONS_OF_FEEDER:], atol=1e-9)
    assert len(SECONDARY_BUSES) * HOMES_OF_SECONDARY == STATIONS_OF_FEEDER


def test_power_that_the_wires_cannot_carry_is_counted_and_the_voltage_before_stays():
    wires = FeederVoltages(homes(20))
    before = wires.solve(np.full(20, -5.0), np.zeros(20)).copy()
    after = wires.solve(np.full(20, -5000.0), np.zeros(20))
    assert wires.range.unsolved == 1
    np.testing.assert_array_equal(before, after)
    assert wires.range.lowest_pu > 0.8


def play(controls: bool) -> tuple[FleetTruth, list[tuple[float, float]], dict[str, Any]]:
    """Two hours of 20 stations that charge; voltage and reactive power of each, and a meter."""
    config = TwinConfig(
        stations=20,
        hours=2.0,
        start_utc="2025-12-01T17:00:00Z",
        shares=(1.0, 0.0, 0.0, 0.0),
        feeder="ieee13",
    )

    async def run() -> tuple[FleetTruth, list[tuple[float, float]], dict[str, Any]]:
        clock = VirtualClock(config.window.begin_s)
        aggregator = Aggregator(clock, drivers(config), tick_s=1e9)
        async with aggregator.central as central:
            fleet = TwinFleet(config, clock, central.url, {})
            await fleet.start()
            await clock.run(3600.0)
            for target in fleet.targets():
                if controls:
                    answer = await central.call(target.station, "SetDERControl", VOLT_VAR)
                    assert answer["status"] == "Accepted"
            await clock.run(3900.0)
            there = [one.bay for one in fleet.stations if one.bay.power.running is not None]
            shown = [bay.shown() for bay in there]
            truth = fleet.truth()
            await fleet.stop()
        event = central.of("TransactionEvent")[-1]
        meter = {one["measurand"]: one["value"] for one in event["meterValue"][0]["sampledValue"]}
        return truth, [(one.voltage_v / 230.0, one.reactive_kvar) for one in shown], meter

    return asyncio.run(run())


def test_stations_meter_their_voltage_and_answer_to_it_where_they_are_told_to():
    free, without, meter = play(controls=False)
    _, held, _ = play(controls=True)
    assert free.voltage is not None
    assert 0.9 < free.voltage.lowest_pu < free.voltage.highest_pu < 1.1
    assert free.voltage.lowest_pu * 230 - 0.1 <= meter["Voltage"]
    assert meter["Voltage"] <= free.voltage.highest_pu * 230 + 0.1
    assert len(without) == len(held) > 5
    assert all(kvar == 0 for _, kvar in without)
    curve = [(point["x"] / 100, point["y"] / 100) for point in CURVE]
    x, y = map(list, zip(*curve, strict=True))
    for pu, kvar in held:
        assert kvar == pytest.approx(11.04 * np.interp(pu, x, y), abs=0.2)
    assert any(abs(kvar) > 1.0 for _, kvar in held)
    apart = [abs(pu - 0.99) for pu, _ in without], [abs(pu - 0.99) for pu, _ in held]
    assert max(apart[1]) < max(apart[0])
