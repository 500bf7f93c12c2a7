"""Fleets of simulated stations in virtual time: the same twice, honest in their truth."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock, WallClock
from evergrid.live.twin.faults import FaultShares
from evergrid.live.twin.fleet import TwinConfig, TwinFleet, devices, drivers, planned
from evergrid.live.twin.truth import FleetTruth, summary
from evergrid.model.session import Sessions
from tests.live.twin.aggregator import Aggregator

AFTERNOON = "2025-12-01T15:00:00Z"
SOME_OF_ALL = FaultShares(
    offline=0.3,
    half_open=0.3,
    lying_meter=0.1,
    refuses=0.1,
    ignores=0.1,
    clock_skew=0.2,
    slow_answers=0.1,
    unplugs_early=0.2,
)


@dataclass(frozen=True)
class Played:
    """What came of a simulation."""

    truth: FleetTruth
    aggregator: Aggregator
    clock: VirtualClock


def play(config: TwinConfig, *, tick_s: float = 60.0, sessions: Sessions | None = None) -> Played:
    async def run() -> Played:
        clock = VirtualClock(config.window.begin_s)
        aggregator = Aggregator(clock, drivers(config), tick_s=tick_s)
        async with aggregator.central as central:
            fleet = TwinFleet(config, clock, central.url, {}, sessions=sessions)
            ticking = asyncio.create_task(aggregator.run())
            await fleet.start()
            await clock.run(config.hours * 3600.0)
            truth = fleet.truth()
            ticking.cancel()
            await fleet.stop()
        return Played(truth, aggregator, clock)

    return asyncio.run(run())


def test_a_day_of_20_stations_keeps_every_schema_and_every_energy():
    config = TwinConfig(stations=20, hours=24.0, start_utc=AFTERNOON, strict_share=1.0)
    played = play(config, tick_s=300.0)
    truth, counts = played.truth, played.truth.counts
    assert played.aggregator.central.faults == []
    assert played.clock.stalls == 0
    assert truth.violations == 0, counts.broken
    assert counts.own_faults == []
    assert counts.errors == {}
    assert truth.reserve_crossings == 0
    assert len(truth.departures) >= 15
    judged = counts.obeyed + counts.limited + counts.replaced
    assert counts.orders - config.stations <= judged <= counts.orders  # the last are on their way
    assert counts.disobeyed == 0
    headline = summary(truth)
    assert headline["rule_violations"] == 0
    assert headline["departures"] == len(truth.departures)
    assert headline["orders"] == counts.orders
    # What the meters of all who left counted, and of those still there, is what flowed.
    left = sum(one.fed_kwh - one.drawn_kwh for one in truth.departures)
    registers: dict[str, float] = {}
    for station, action, payload in played.aggregator.central.received:
        if action == "TransactionEvent" and payload["eventType"] == "Ended":
            shown = {
                one["measurand"]: one["value"] for one in payload["meterValue"][0]["sampledValue"]
            }
            net_wh = shown["Energy.Active.Export.Register"] - shown["Energy.Active.Import.Register"]
            registers[station] = net_wh / 1000.0
    assert sum(registers.values()) == pytest.approx(left, abs=0.01)


@pytest.mark.parametrize("faults", [FaultShares(), SOME_OF_ALL], ids=["good", "faulty"])
def test_the_same_seed_gives_the_same_truth_twice(faults: FaultShares):
    config = TwinConfig(stations=15, hours=3.0, start_utc=AFTERNOON, seed=3, faults=faults)
    one, other = play(config), play(config)
    assert one.truth == other.truth
    assert one.clock.stalls == 0
    assert play(config.model_copy(update={"seed": 4})).truth != one.truth


def test_faults_are_survived_without_a_lost_event_or_a_crossed_reserve():
    faults = SOME_OF_ALL.model_copy(update={"offline": 1.0, "half_open": 0.5, "ignores": 0.0})
    config = TwinConfig(stations=15, hours=6.0, start_utc=AFTERNOON, faults=faults)
    played = play(config)
    assert played.truth.reserve_crossings == 0
    assert played.truth.dropped == 0
    assert played.truth.counts.connections > 15
    by_transaction: dict[str, list[int]] = {}
    offline = 0
    for event in played.aggregator.central.of("TransactionEvent"):
        number = event["transactionInfo"]["transactionId"]
        by_transaction.setdefault(number, []).append(event["seqNo"])
        offline += event["offline"]
    assert offline > 0
    for numbers in by_transaction.values():
        # Sent again after a lost answer at most, and else each once and in order.
        assert sorted(set(numbers)) == list(range(max(numbers) + 1))
        assert numbers == sorted(numbers)


def test_the_power_of_a_fleet_is_that_of_its_registers():
    config = TwinConfig(stations=10, hours=2.0, start_utc=AFTERNOON, tick_s=7.0)

    async def run() -> tuple[FleetTruth, float]:
        clock = VirtualClock(config.window.begin_s)
        aggregator = Aggregator(clock, drivers(config))
        async with aggregator.central as central:
            fleet = TwinFleet(config, clock, central.url, {})
            ticking = asyncio.create_task(aggregator.run())
            await fleet.start()
            await clock.run(7200.0)
            truth = fleet.truth()
            states = [station.bay.power.outlet.state for station in fleet.stations]
            ticking.cancel()
            await fleet.stop()
        return truth, sum(state.fed_kwh - state.drawn_kwh for state in states)

    truth, net_kwh = asyncio.run(run())
    assert len(truth.power_kw) == 1029
    assert max(map(abs, truth.power_kw)) > 5.0
    assert truth.energy_kwh == pytest.approx(net_kwh, abs=1e-6)


def test_devices_and_drivers_are_those_of_the_stations():
    config = TwinConfig(stations=40, may_discharge_share=0.5)
    registered = {device.station: device for device in devices(config)}
    assert len(registered) == 40
    kinds = {(d.charge_kw, d.discharge_kw, d.phases) for d in registered.values()}
    assert {tuple(np.round(kind, 2).tolist()) for kind in kinds} == {
        (11.04, 11.04, 3),
        (7.36, 7.36, 1),
        (11.04, 0.0, 3),
    }
    known = {driver.token: driver for driver in drivers(config)}
    assert len(known) == 40
    agreed = [driver.may_discharge for driver in known.values()]
    assert 5 < sum(agreed) < 35
    for plan in planned(config):
        assert plan.spec.identity in registered
        assert all(stay.token in known for stay in plan.stays)
        times = [moment for stay in plan.stays for moment in (stay.arrival_s, stay.leaves_s)]
        assert times == sorted(times)


def test_sessions_that_are_given_are_played_as_they_are():
    config = TwinConfig(hours=2.0, start_utc=AFTERNOON)
    begin = np.datetime64("2025-12-01T15:10:00", "us")
    columns: dict[str, Any] = {
        "session_id": np.array(["a/1"], object),
        "asset_id": np.array(["a"], object),
        "site_id": np.array(["here"], object),
        "arrival_utc": np.array([begin]),
        "departure_utc": np.array([begin + np.timedelta64(60, "m")]),
    }
    numbers = {
        "capacity_kwh": 50.0,
        "energy_arrival_kwh": 20.0,
        "energy_departure_kwh": 25.0,
        "energy_reserve_kwh": 10.0,
        "max_charge_kw": 7.4,
        "max_discharge_kw": 7.4,
        "efficiency_charge": 0.93,
        "efficiency_discharge": 0.93,
        "wear_cost_per_kwh": 0.0,
    }
    sessions = Sessions(**columns, **{name: np.array([value]) for name, value in numbers.items()})
    (plan,) = planned(config, sessions)
    assert plan.spec.charger.phases == 1
    assert plan.stays[0].arrival_s == config.window.begin_s + 600.0
    (left,) = play(config, sessions=sessions).truth.departures
    assert left.left_s == pytest.approx(config.window.begin_s + 4200.0)


def test_a_begin_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        TwinConfig(start_utc="2025-12-01T00:00:00")


def test_shares_that_are_none_are_refused():
    with pytest.raises(InputError, match="shares must add up to 1"):
        planned(TwinConfig(shares=(0.5, 0.5, 0.5, 0.0)))


def test_a_set_of_the_grid_reaches_the_stations_that_support_it():
    config = TwinConfig(stations=3, hours=1.0, start_utc=AFTERNOON)

    async def run() -> float:
        clock = VirtualClock(config.window.begin_s)
        aggregator = Aggregator(clock, drivers(config))
        async with aggregator.central as central:
            fleet = TwinFleet(config, clock, central.url, {})
            await fleet.start()
            await clock.run(600.0)
            droop = {
                "isDefault": True,
                "controlId": "d1",
                "controlType": "FreqDroop",
                "freqDroop": {
                    "priority": 0,
                    "overFreq": 50.02,
                    "underFreq": 49.98,
                    "overDroop": 0.02,
                    "underDroop": 0.02,
                    "responseTime": 1.0,
                },
            }
            for target in fleet.targets():
                await central.call(target.station, "SetDERControl", droop)
            before = fleet.power_kw()
            fleet.set_grid(frequency_hz=49.0)
            await clock.run(610.0)
            after = fleet.power_kw()
            await fleet.stop()
        return after - before

    assert asyncio.run(run()) > 5.0


def test_a_fleet_runs_by_the_wall_clock_as_well():
    async def run() -> tuple[FleetTruth, Aggregator]:
        clock = WallClock()
        begin = datetime.fromtimestamp(clock.now_s(), UTC).isoformat()
        config = TwinConfig(stations=3, hours=0.01, start_utc=begin, boot_spread_s=0.2)
        aggregator = Aggregator(clock, drivers(config), tick_s=0.5)
        async with aggregator.central as central:
            fleet = TwinFleet(config, clock, central.url, {})
            ticking = asyncio.create_task(aggregator.run())
            await fleet.start()
            for _ in range(100):
                await asyncio.sleep(0.1)
                if len(central.of("BootNotification")) == 3 and central.of("NotifyReport"):
                    break
            truth = fleet.truth()
            ticking.cancel()
            await fleet.stop()
        return truth, aggregator

    truth, aggregator = asyncio.run(run())
    assert truth.counts.sent["BootNotification"] == 3
    assert truth.counts.errors == {}
    assert aggregator.central.faults == []
