"""Stations with several outlets: a vehicle at each, orders for each, one limit for both."""

import asyncio
from pathlib import Path

import pytest

from evergrid.core.config import parse
from evergrid.live import outlets
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config, StationEntry
from evergrid.live.devices.adapter import ChargingNeeds, Device, TransactionEvent, TransactionPart
from evergrid.live.outlets import OutletHandler
from evergrid.live.service import Run, Service, running
from evergrid.live.store.store import StoreRules
from evergrid.live.twin import day
from evergrid.live.twin.fleet import TwinConfig, TwinFleet
from evergrid.live.twin.play import Play, begun, configuration
from tests.live.ocpp.recorder import Recorder

ENTRY = {"station": "a", "site": "depot", "charge_kw": 11.0}


def test_an_outlet_has_a_name_of_its_own_that_leads_back_to_it():
    assert [outlets.device_name("a", evse) for evse in (1, 2, 12)] == ["a", "a#2", "a#12"]
    assert [outlets.place(name) for name in ("a", "a#2", "a#12")] == [
        ("a", 1),
        ("a", 2),
        ("a", 12),
    ]


def test_a_station_that_shares_a_connection_is_a_site_of_its_own():
    alone, pair = (
        parse(StationEntry, ENTRY),
        parse(StationEntry, ENTRY | {"station": "b", "outlets": 2, "station_kw": 15.0}),
    )
    stations = [Device(one.station, "depot", 11.0, 0.0) for one in (alone, pair)]
    found = outlets.devices(stations, [alone, pair])
    assert [(one.station, one.site) for one in found] == [
        ("a", "depot"),
        ("b", "station b"),
        ("b#2", "station b"),
    ]


def test_a_station_that_is_in_the_store_alone_keeps_its_one_outlet():
    station = Device("old", "depot", 11.0, 0.0)
    assert outlets.devices([station], []) == [station]


def play_of(folder: Path) -> tuple[Play, Config]:
    fleet = TwinConfig(
        stations=8,
        start_utc=day.START.isoformat(),
        hours=1.0,
        time_zone="America/New_York",
        shares=(0.0, 0.0, 0.0, 1.0),
        pair_share=0.5,
        direct_current_share=0.5,
        strict_share=1.0,
    )
    play = Play(fleet, day.made_up(folder / "day", 1), folder)
    return play, parse(Config, configuration(play))


async def ask_for_much(service: Service) -> None:
    """Every driver leaves soon with a full battery."""
    fleet, departure_s = service.controller.fleet, day.START.timestamp() + 2400.0
    for number, vehicle in list(fleet.vehicles.items()):
        station = fleet.devices[number].station
        await service.controller.change_needs(
            station, departure_s=departure_s, owed_kwh=vehicle.capacity_kwh
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outlets")


def both_busy(service: Service) -> list[str]:
    """Stations with a vehicle at each of their two outlets."""
    known = service.controller.transactions
    return [name for name in known if f"{name}#2" in known]


def test_two_vehicles_at_one_station_are_told_apart_and_limited_together(folder: Path):
    play, config = play_of(folder)
    pairs = [one for one in config.station if one.outlets == 2]
    assert len(pairs) == 4
    assert {one.direct_current for one in pairs} == {True, False}

    async def scene(service: Service, twin: TwinFleet, clock: VirtualClock) -> None:
        await clock.run(600.0)
        busy = both_busy(service)
        assert {one.direct_current for one in pairs if one.station in busy} == {True, False}
        await ask_for_much(service)
        await clock.run(1200.0)
        fleet, truth = service.controller.fleet, twin.truth()
        by_name = {one.spec.identity: one for one in twin.stations}
        kinds = {alarm.kind for alarm in service.view.alarms()}
        assert not kinds & {"site_limit", "not_following", "order_refused", "profile_refused"}
        full = 0
        for name in busy:
            rows = [fleet.row[name], fleet.row[f"{name}#2"]]
            ordered = [float(fleet.following.ordered_kw[row]) for row in rows]
            metered = [float(fleet.following.measured_kw[row]) for row in rows]
            real = [bay.power.advance().power_kw for bay in by_name[name].bays]
            assert real == pytest.approx(ordered, abs=0.1)
            assert metered == pytest.approx(ordered, abs=0.1)
            limit_kw = next(one.station_kw for one in pairs if one.station == name)
            assert limit_kw is not None
            assert -limit_kw - 1e-6 <= sum(ordered) < 0.0
            full += max(ordered) < 0.0 and sum(ordered) < -0.9 * limit_kw
        assert full >= 2
        assert truth.violations == 0, truth.counts.broken
        assert truth.counts.own_faults == []
        assert truth.station_beyond_kw <= 0.5  # a step of one ramp before that of the other

    async def whole() -> None:
        async with begun(play, config) as (service, twin, clock):
            assert isinstance(clock, VirtualClock)
            await scene(service, twin, clock)

    asyncio.run(whole())


def test_both_outlets_are_taken_up_after_a_restart(folder: Path):
    _, config = play_of(folder)

    async def whole() -> None:
        clock = VirtualClock(day.START.timestamp() + 1200.0)
        rules = StoreRules(synchronous="off")
        async with running(config, Run(folder, clock, virtual=True, store=rules)) as service:
            assert both_busy(service)
            assert service.central is not None
            for name in both_busy(service):
                state = service.central.stations.get(name)
                assert state is not None
                assert {live.evse for live in state.transactions.values()} == {1, 2}

    asyncio.run(whole())


def told_of(*events: TransactionEvent) -> Recorder:
    """What a controller hears of events of a station with two outlets."""
    recorder = Recorder()
    there = {("a", "t1"), ("a#2", "t2")}
    entry = parse(StationEntry, ENTRY | {"outlets": 2})
    handler = OutletHandler(recorder, [entry], lambda *which: which in there)

    async def tell() -> None:
        for event in events:
            await handler.transaction(event)
        for evse in (0, 1, 2, 3):
            await handler.needs(ChargingNeeds("a", evse, 0.0, v2x=False))
            await handler.readings("a", evse, ())

    asyncio.run(tell())
    return recorder


def event(transaction: str, evse: int | None) -> TransactionEvent:
    part = TransactionPart.UPDATED
    return TransactionEvent("a", transaction, 1, part, "Trigger", 0.0, 0.0, evse)


def test_an_event_without_an_outlet_is_of_the_one_where_its_transaction_is_live():
    told = told_of(event("t2", None), event("t1", None), event("t9", None), event("t9", 2))
    assert [(one.station, one.evse) for one in told.events] == [
        ("a#2", 1),
        ("a", 1),
        ("a", 1),
        ("a#2", 1),
    ]


def test_an_outlet_that_a_station_should_not_have_ends_no_transaction_and_is_told():
    told = told_of(event("t9", 3))
    assert [one.station for one in told.events] == ["a#3"]
    assert [one.rule for one in told.refusals] == ["unknown outlet"]
    assert [one.station for one in told.all_needs] == ["a", "a#2"]
    readings = [call[1][0] for call in told.calls if call[0] == "readings"]
    assert readings == ["a", "a#2"]  # and none of the station as a whole
