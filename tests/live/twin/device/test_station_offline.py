"""A simulated station that loses its connection: what it does, keeps, and says afterwards."""

import asyncio
from typing import Any

import pytest

from evergrid.live.clock import VirtualClock
from evergrid.live.twin.charging.profiles import seconds
from evergrid.live.twin.faults import StationBehaviour, Window
from tests.live.twin.central_system import CentralSystem, order_profile
from tests.live.twin.device.rig import GET_SOMETHING, NAME, START_S, rig, run, station, stay

Payload = dict[str, Any]


def test_offline_events_are_kept_and_sent_in_order_and_marked():
    async def test() -> None:
        window = Window(START_S + 900.0, START_S + 1800.0)
        async with rig([stay()], behaviour=StationBehaviour(offline=(window,))) as (
            clock,
            central,
            one,
            _,
        ):
            await clock.run(930.0)
            assert one.bay.power.advance().power_kw == 11.04
            await clock.run(970.0)
            # 60 s offline: the order is no longer valid, the default profile is.
            assert one.bay.power.advance().power_kw == pytest.approx(-4.14)
            before = len(central.of("TransactionEvent"))
            await clock.run(1790.0)
            assert len(central.of("TransactionEvent")) == before
            await clock.run(3700.0)
        events = central.of("TransactionEvent")
        assert [event["seqNo"] for event in events] == list(range(len(events)))
        offline = [event for event in events if event["offline"]]
        moments = [seconds(event["timestamp"]) for event in offline]
        assert window.begin_s <= min(moments)
        assert max(moments) <= window.end_s + 60.0
        assert len(offline) >= 15
        assert len(central.of("BootNotification")) == 1
        assert one.record.connections == 2

    run(test)


@pytest.mark.parametrize(("full_s", "tries"), [(5.0, 2), (25.0, 3), (60.0, 3)])
def test_an_event_that_is_answered_with_an_error_is_sent_again_in_its_place(
    full_s: float, tries: int
):
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(100.0)
            before = len(central.of("TransactionEvent"))
            central.refused = "TransactionEvent"
            await clock.run(119.0)  # the sample of 120 s fails
            await clock.run(120.0 + full_s)
            central.refused = ""
            await clock.run(400.0)
        numbers = [event["seqNo"] for event in central.of("TransactionEvent")[before:]]
        assert numbers.count(before) == tries
        assert numbers == sorted(numbers)
        assert len(set(numbers)) == max(numbers) - before + 1
        assert sum(one.record.errors.values()) >= tries - 1

    run(test)


def test_without_a_central_system_the_tries_become_rarer():
    async def test() -> None:
        clock = VirtualClock(START_S)
        async with CentralSystem(clock) as central:
            url = central.url
        one = station(clock, url, [])
        await one.start()
        await clock.run(900.0)
        await one.stop()
        # 5 s and up to 10 more at first, doubled four times at most.
        assert 8 <= one.record.refused <= 15

    run(test)


def test_who_arrives_offline_charges_by_the_default_and_is_asked_about_afterwards():
    async def test() -> None:
        window = Window(START_S + 30.0, START_S + 600.0)
        async with rig([stay()], behaviour=StationBehaviour(offline=(window,))) as (
            clock,
            central,
            one,
            _,
        ):
            await clock.run(300.0)
            assert one.bay.power.advance().power_kw == pytest.approx(-4.14)
            assert central.of("TransactionEvent") == []
            assert central.of("Authorize") == []
            await clock.run(900.0)
            started = central.of("TransactionEvent")[0]
            assert (started["eventType"], started["offline"]) == ("Started", True)
            assert len(central.of("Authorize")) == 1
            statuses = [one["connectorStatus"] for one in central.of("StatusNotification")]
            assert statuses == ["Available", "Occupied"]
            assert one.bay.power.advance().power_kw == 11.04
            await clock.run(3700.0)
        events = central.of("TransactionEvent")
        assert [event["seqNo"] for event in events] == list(range(len(events)))

    run(test)


def test_without_a_lower_profile_an_expired_order_leaves_the_vehicle_idle():
    async def test() -> None:
        window = Window(START_S + 900.0, START_S + 1800.0)
        async with rig([stay()], behaviour=StationBehaviour(offline=(window,))) as (
            clock,
            central,
            one,
            _,
        ):
            await clock.run(600.0)
            cleared = await central.call(NAME, "ClearChargingProfile", {"chargingProfileId": 1})
            assert cleared == {"status": "Accepted"}
            await clock.run(1000.0)
            assert one.bay.power.advance().power_kw == -one.spec.charger.standby_kw

    run(test)


def test_a_profile_that_may_not_come_back_is_gone_after_so_long_offline():
    async def test() -> None:
        window = Window(START_S + 900.0, START_S + 1800.0)
        async with rig([stay()], behaviour=StationBehaviour(offline=(window,))) as (
            clock,
            central,
            one,
            orders,
        ):
            await clock.run(600.0)
            wire = order_profile(orders.transaction, -6_900.0, clock.now_s())
            wire |= {"invalidAfterOfflineDuration": True}
            await central.call(NAME, "SetChargingProfile", {"evseId": 1, "chargingProfile": wire})
            await clock.run(2000.0)
            assert [profile.number for profile in one.bay.power.profiles] == [1]

    run(test)


def test_a_half_open_link_is_given_up_after_a_timeout_and_nothing_is_lost():
    async def test() -> None:
        window = Window(START_S + 900.0, START_S + 1800.0)
        async with rig([stay()], behaviour=StationBehaviour(half_open=(window,))) as (
            clock,
            central,
            one,
            _,
        ):
            await clock.run(910.0)
            assert one.bay.online
            asked = asyncio.create_task(central.call(NAME, "GetVariables", GET_SOMETHING))
            await clock.run(1000.0)
            assert not one.bay.online
            with pytest.raises(ConnectionError):
                await asked
            await clock.run(3700.0)
        events = central.of("TransactionEvent")
        assert [event["seqNo"] for event in events] == list(range(len(events)))
        assert one.record.connections == 2

    run(test)
