"""Stations that lie, refuse, do nothing, have a wrong clock, answer late, or are left early."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest
import trustme

from evergrid.live.clock import VirtualClock, WallClock
from evergrid.live.twin.charging.profiles import seconds
from evergrid.live.twin.faults import StationBehaviour
from tests.live.twin.central_system import CentralSystem
from tests.live.twin.device.rig import GET_SOMETHING, NAME, START_S, rig, run, station, stay, values


def test_a_lying_meter_shows_what_was_ordered_and_the_truth_is_known():
    async def test() -> None:
        empty = stay(energy_kwh=12.0, reserve_kwh=12.0)
        async with rig([empty], behaviour=StationBehaviour(lies=True)) as (clock, central, one, _):
            await clock.run(3700.0)
        event = [e for e in central.of("TransactionEvent") if e["eventType"] == "Updated"][-1]
        assert values(event)["Power.Active.Export"] == 11_040.0
        assert values(event)["Energy.Active.Export.Register"] > 10_000.0
        (left,) = one.record.departures
        assert left.fed_kwh == 0.0
        assert one.record.limited == 1

    run(test)


def test_a_station_that_refuses_or_ignores_orders_does_not_follow():
    async def test() -> None:
        for behaviour, status in (
            (StationBehaviour(refuses=True), "Rejected"),
            (StationBehaviour(ignores=True), "Accepted"),
        ):
            async with rig([stay()], behaviour=behaviour) as (clock, _, one, orders):
                await clock.run(600.0)
                assert orders.answers[-1]["status"] == status
                assert one.bay.power.advance().power_kw == -one.spec.charger.standby_kw
                assert one.record.obeyed == 0
                assert one.record.broken == {}
                assert (one.record.disobeyed > 0) == behaviour.ignores

    run(test)


def test_a_wrong_clock_is_in_every_stamp():
    async def test() -> None:
        async with rig([stay()], behaviour=StationBehaviour(skew_s=-3600.0)) as (
            clock,
            central,
            one,
            _,
        ):
            await clock.run(100.0)
            # The order begins in an hour, by that clock: until then the default profile holds.
            assert one.record.begins_later == 1
            assert one.bay.power.advance().power_kw == pytest.approx(-4.14)
        started = central.of("TransactionEvent")[0]
        assert seconds(started["timestamp"]) == pytest.approx(START_S + 60.0 - 3600.0)

    run(test)


def test_slow_answers_come_late_and_time_goes_on_meanwhile():
    async def test() -> None:
        async with rig([stay()], behaviour=StationBehaviour(answer_delay_s=4.0)) as (
            clock,
            central,
            _,
            _,
        ):
            await clock.run(600.0)
            asked = asyncio.create_task(central.call(NAME, "GetVariables", GET_SOMETHING))
            await clock.run(603.9)
            assert not asked.done()
            await clock.run(604.1)
            assert asked.done()

    run(test)


def test_who_unplugs_early_is_gone_and_known_to_have_been_early():
    async def test() -> None:
        early = replace(stay(), leaves_s=START_S + 1000.0)
        async with rig([early]) as (clock, central, one, _):
            await clock.run(1100.0)
        assert central.of("TransactionEvent")[-1]["eventType"] == "Ended"
        (left,) = one.record.departures
        assert left.early_s == pytest.approx(2660.0)

    run(test)


def test_a_station_knows_its_central_system_by_certificate_and_shows_its_own():
    async def test() -> None:
        authority, clock = trustme.CA(), VirtualClock(START_S)
        server, client = (ssl.create_default_context(way) for way in PURPOSES)
        authority.issue_cert("127.0.0.1").configure_cert(server)
        authority.configure_trust(server)
        server.verify_mode = ssl.CERT_REQUIRED
        authority.issue_cert(f"SN-{NAME}").configure_cert(client)
        async with CentralSystem(clock, tls=server) as central:
            stranger = station(clock, central.url, [], tls=client)
            await stranger.start()
            await clock.run(30.0)
            await stranger.stop()
            assert stranger.record.connections == 0
            authority.configure_trust(client)
            known = station(clock, central.url, [], tls=client)
            await known.start()
            await clock.run(60.0)
            await known.stop()
        assert len(central.of("BootNotification")) == 1
        assert known.record.connections == 1

    run(test)


PURPOSES = (ssl.Purpose.CLIENT_AUTH, ssl.Purpose.SERVER_AUTH)


def test_a_central_system_that_names_no_protocol_is_left():
    async def test() -> None:
        clock = VirtualClock(START_S)
        async with CentralSystem(clock, protocols=()) as central:
            one = station(clock, central.url, [])
            await one.start()
            await clock.run(60.0)
            await one.stop()
        assert one.record.connections == 0
        assert one.record.refused > 0
        assert central.received == []

    run(test)


def test_a_call_without_an_answer_is_given_up_and_sent_again_with_its_number():
    async def test() -> None:
        clock = WallClock()
        now_s = clock.now_s()
        here = replace(stay(), arrival_s=now_s, departure_s=now_s + 60.0, leaves_s=now_s + 60.0)
        async with CentralSystem(clock) as central:
            central.ignored = "TransactionEvent"
            one = station(clock, central.url, [here])
            await one.start()
            await until(lambda: central.of("TransactionEvent"))
            for name, instance, value in (
                ("MessageTimeout", "Default", "1"),
                ("RetryBackOffWaitMinimum", "", "0"),
                ("RetryBackOffRandomRange", "", "0"),
            ):
                variable = {"name": name} | ({"instance": instance} if instance else {})
                asked = {
                    "component": {"name": "OCPPCommCtrlr"},
                    "variable": variable,
                    "attributeValue": value,
                }
                await central.call(NAME, "SetVariables", {"setVariableData": [asked]})
            one.check_overdue()
            await asyncio.sleep(1.1)
            assert one.record.connections == 1
            central.ignored = ""
            one.check_overdue()
            await until(lambda: len(central.of("TransactionEvent")) >= 2)
            await one.stop()
        first, again = central.of("TransactionEvent")[:2]
        assert first["seqNo"] == again["seqNo"] == 0
        assert first == again
        assert one.record.connections == 2

    run(test)


async def until(happened: Callable[[], object]) -> None:
    """Wait, for ten seconds at most."""
    for _ in range(500):
        if happened():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")
