"""A station behind a gateway is served as one at the service, and by one gateway at a time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from evergrid.core.errors import InputError
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session, TransactionEvent
from evergrid.live.gateway.messages import OpenTransactionMessage
from tests.live.gateway.cases import Scene, scene, soon
from tests.live.gateway.memory_broker import MemoryBroker, Network
from tests.live.ocpp.recorder import SECRET, Recorder
from tests.live.ocpp.station_client import StationClient
from tests.live.ocpp.test_central_system import NEEDS

SESSION = Session("cp-1", 1, "tx-1", 11.0, 11.0, 0.0)


def played(
    work: Callable[[Scene, Network], Awaitable[None]],
    *stations: str,
    handler: Recorder | None = None,
    signs: bool = False,
) -> None:
    """A scene on a broker in memory with two gateways, "a" and "b"."""

    async def run() -> None:
        network = Network()

        async def broker() -> MemoryBroker:
            return MemoryBroker(network)

        async with scene(broker, *(stations or ("cp-1",)), handler=handler) as found:
            for name in "ab":
                await found.gateway(name, signs=signs)
            await work(found, network)

    asyncio.run(run())


def test_a_station_is_taken_through_a_whole_session_behind_a_gateway():
    async def work(found: Scene, network: Network):
        station = await found.station("cp-1", "a")
        handler, orders = found.handler, found.stations
        assert handler.found["cp-1"].v2x
        told = await station.ask("Authorize", {"idToken": {"idToken": "driver", "type": "eMAID"}})
        assert "DC_BPT" in told["allowedEnergyTransfer"]
        started = await station.transaction("Started", "tx-1", token="driver")
        assert started["idTokenInfo"]["status"] == "Accepted"
        assert (await station.ask("NotifyEVChargingNeeds", NEEDS))["status"] == "Accepted"
        assert handler.all_needs[0].max_discharge_kw == 10.0
        assert await orders.begin(SESSION) is OrderResult.ACCEPTED
        assert await orders.order(PowerOrder("cp-1", 1, "tx-1", 5.0)) is OrderResult.ACCEPTED
        update = station.last("UpdateDynamicSchedule")["scheduleUpdate"]
        assert update["setpoint"] == -5000
        too_much = PowerOrder("cp-1", 1, "tx-1", 12.0)
        assert await orders.order(too_much) is OrderResult.REFUSED
        await soon(lambda: bool(handler.refusals))
        assert await orders.release("cp-1", 1, "tx-1") is OrderResult.ACCEPTED
        await station.transaction("Ended", "tx-1", power_w=-1000.0)
        assert handler.events[-1].readings[0].power_kw == 1.0
        assert await orders.call("cp-1", "ClearCache", {}) == {"status": "Accepted"}
        with pytest.raises(InputError, match="keep its schema"):
            await orders.call("cp-1", "ClearCache", {"nonsense": 1})
        await station.close()
        await soon(lambda: handler.names("cp-1") == ["connected", "disconnected"])
        assert await orders.order(PowerOrder("cp-1", 1, "tx-1", 5.0)) is OrderResult.OFFLINE

    played(work)


def test_a_wrong_secret_is_turned_away_by_the_gateway_and_told():
    async def work(found: Scene, network: Network):
        with pytest.raises(Exception, match="401"):
            await StationClient("cp-1").connect(found.ports["a"], secret="another of sixteen")
        await soon(lambda: bool(found.handler.refusals))
        assert found.handler.refusals[0].rule == "wrong secret or certificate"
        assert found.handler.names("cp-1") == []

    played(work)


def test_a_station_that_connects_elsewhere_is_served_there_alone():
    async def work(found: Scene, network: Network):
        first = await found.station("cp-1", "a")
        await first.transaction("Started", "tx-1", token="driver")
        second = await found.station("cp-1", "b")
        await soon(lambda: first.closed is not None)
        assert found.handler.names("cp-1") == ["connected", "disconnected", "connected"]
        await second.transaction("Updated", "tx-1")
        await second.close()
        await soon(lambda: len(found.handler.names("cp-1")) == 4)

    played(work)


def test_a_gateway_that_missed_that_it_was_superseded_answers_its_station_no_more():
    async def work(found: Scene, network: Network):
        first = await found.station("cp-1", "a")
        stale_broker = found.brokers["a"]
        assert isinstance(stale_broker, MemoryBroker)
        stale_broker.cut = True
        second = await found.station("cp-1", "b")
        stale_broker.cut = False
        events = len(found.handler.events)
        message = await first.call("TransactionEvent", first.event("Started", "tx-9"))
        assert message[0] == 4  # an error, which is no acknowledgement
        assert len(found.handler.events) == events
        await soon(lambda: first.closed is not None)
        await second.transaction("Started", "tx-9")
        assert len(found.handler.events) == events + 1
        assert found.handler.names("cp-1")[-1] == "connected"

    played(work)


def test_an_order_under_a_claim_that_no_longer_counts_is_dropped():
    async def work(found: Scene, network: Network):
        station = await found.station("cp-1", "a")
        await station.transaction("Started", "tx-1", token="driver")
        assert await found.stations.begin(SESSION) is OrderResult.ACCEPTED
        before = station.count("UpdateDynamicSchedule")
        # As of a controller that does not know yet that the station has connected anew.
        old, _ = found.stations.claims.give("cp-1", found.stations.gateways[0])
        assert old.epoch > 1
        order = PowerOrder("cp-1", 1, "tx-1", 3.0)
        assert await found.stations.order(order) is OrderResult.OFFLINE
        assert station.count("UpdateDynamicSchedule") == before

    played(work)


def test_a_transaction_goes_on_through_another_gateway_with_its_driver():
    async def work(found: Scene, network: Network):
        first = await found.station("cp-1", "a")
        await first.transaction("Started", "tx-1", token="driver")
        await first.close()
        found.handler.discharging.add("ticket")
        found.open_now["cp-1"] = [OpenTransactionMessage("tx-1", 1, "ticket", True)]
        second = await found.station("cp-1", "b")
        assert await found.stations.begin(SESSION) is OrderResult.ACCEPTED
        profile = second.last("SetChargingProfile")["chargingProfile"]
        assert profile["transactionId"] == "tx-1"
        order = PowerOrder("cp-1", 1, "tx-1", 4.0)
        assert await found.stations.order(order) is OrderResult.ACCEPTED

    played(work)


class SlowRecorder(Recorder):
    """Is on the disk only once it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    async def transaction(self, event: TransactionEvent) -> None:
        await self.written.wait()
        await super().transaction(event)


def test_a_station_is_answered_only_once_the_controller_has_written():
    async def run():
        handler = SlowRecorder()

        async def work(found: Scene, network: Network):
            station = await found.station("cp-1", "a")
            sending = asyncio.create_task(station.transaction("Started", "tx-1"))
            await asyncio.sleep(0.3)
            assert not sending.done()
            handler.written.set()
            await sending
            assert len(handler.events) == 1

        network = Network()

        async def broker() -> MemoryBroker:
            return MemoryBroker(network)

        async with scene(broker, "cp-1", handler=handler) as found:
            await found.gateway("a")
            await work(found, network)

    asyncio.run(run())


def test_while_the_bus_is_away_nothing_is_acknowledged_and_afterwards_all_is():
    async def work(found: Scene, network: Network):
        station = await found.station("cp-1", "a")
        await station.transaction("Started", "tx-1")
        network.down = True
        sending = asyncio.create_task(station.transaction("Updated", "tx-1"))
        await soon(lambda: found.handler.names("cp-1")[-1] == "disconnected")
        assert not sending.done()
        assert await found.stations.order(PowerOrder("cp-1", 1, "tx-1", 1.0)) is (
            OrderResult.OFFLINE
        )
        network.down = False
        await asyncio.wait_for(sending, 10)
        assert [event.sequence for event in found.handler.events] == [0, 1]
        await soon(lambda: found.handler.names("cp-1")[-1] == "connected")

    played(work)


def test_an_idle_station_is_back_after_the_bus_was_away():
    async def work(found: Scene, network: Network):
        await found.station("cp-1", "a")
        network.down = True
        await soon(lambda: found.handler.names("cp-1")[-1] == "disconnected")
        described = found.described("cp-1")
        network.down = False
        await soon(lambda: found.handler.names("cp-1")[-1] == "connected")
        await soon(lambda: found.described("cp-1") == described + 1)

    played(work)


def test_a_secret_that_a_station_takes_into_use_counts_at_every_gateway():
    async def work(found: Scene, network: Network):
        new = "another secret of more than twenty"
        register = found.gateways["a"].register
        await register.set_next_secret("cp-1", register.hashed("cp-1", new))
        at_b = found.gateways["b"].register

        def known(name: str) -> str:
            record = at_b.find("cp-1")
            assert record is not None
            return getattr(record, name)

        await soon(lambda: known("next_secret_hmac") != "")
        station = StationClient("cp-1")
        await station.connect(found.ports["b"], secret=new)
        await soon(lambda: known("next_secret_hmac") == "")
        with pytest.raises(Exception, match="401"):
            await StationClient("cp-1").connect(found.ports["a"], secret=SECRET)

    played(work)
