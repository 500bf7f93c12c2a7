"""Test 16 of the live service: what one station says changes nothing of another."""

import asyncio
import json
from typing import Any

from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp.charging import profiles
from tests.live.ocpp.recorder import SECRET, registered, running
from tests.live.ocpp.station_client import TIME, StationClient


def test_16_transactions_profiles_and_reports_of_another_station_are_refused():
    asyncio.run(_cross())


async def _cross():
    async with running(registered("cp-a"), registered("cp-b")) as (system, handler, port):
        a, b = StationClient("cp-a"), StationClient("cp-b")
        for station in (a, b):
            await station.connect(port, secret=SECRET)
            await station.boot()
        await handler.until(lambda: len(handler.found) == 2)
        await b.transaction("Started", "tx-b", token="driver")
        session = Session("cp-b", 1, "tx-b", 11.0, 11.0, 3.0)
        assert await system.orders.begin(session) is OrderResult.ACCEPTED
        before, events = _state_of_b(system), len(handler.events)
        number = profiles.session_id("cp-b", "tx-b")
        report = {"requestId": 1, "freqDroop": []}
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("TransactionEvent", a.event("Updated", "tx-b", power_w=-9e3)),
            ("TransactionEvent", a.event("Ended", "tx-b")),
            ("TransactionEvent", a.event("Started", "tx-b", token="thief")),
            ("NotifyPriorityCharging", {"transactionId": "tx-b", "activated": True}),
            ("PullDynamicScheduleUpdate", {"chargingProfileId": number}),
            ("ReportDERControl", {**report, "freqDroop": [_droop()]}),
        ]
        for action, payload in wrong:
            message = await a.call(action, payload)
            assert message[0] == 4 or message[2].get("status") == "Rejected" or not message[2]
        assert len(handler.refusals) == len(wrong)
        assert {refusal.station for refusal in handler.refusals} == {"cp-a"}
        assert len(handler.events) == events
        assert _state_of_b(system) == before
        assert (await b.ask("PullDynamicScheduleUpdate", {"chargingProfileId": number})) == {
            "status": "Accepted",
            "scheduleUpdate": {"setpoint": -3000.0},
        }
        order = PowerOrder("cp-a", 1, "tx-b", -1.0)  # under the name of the wrong station
        assert await system.orders.order(order) is OrderResult.REFUSED
        assert b.count("UpdateDynamicSchedule") == 0
        await a.close()
        await b.close()


def _state_of_b(system: Any) -> str:
    state = system.stations.get("cp-b")
    live = {
        name: (one.evse, one.token, one.power_kw, one.profile_there)
        for name, one in state.transactions.items()
    }
    return json.dumps([live, state.profiles, system.stations.owner("tx-b")])


def _droop() -> dict[str, Any]:
    droop = {
        "priority": 0,
        "overFreq": 50.2,
        "underFreq": 49.8,
        "overDroop": 5,
        "underDroop": 5,
        "responseTime": 1,
    }
    return {"id": "x", "isDefault": False, "isSuperseded": False, "freqDroop": droop}


def test_a_station_that_ends_a_transaction_with_events_missing_is_asked_for_them():
    async def one():
        async with running(registered("cp-1"), boot_wait_s=30.0) as (_, handler, port):
            station = StationClient("cp-1")
            await station.connect(port, secret=SECRET)
            station.on["GetTransactionStatus"] = lambda _: {"messagesInQueue": True}
            await station.transaction("Started", "tx-1")
            await station.transaction("Ended", "tx-1")
            await station.transaction("Started", "tx-2")
            skipped = station.event("Updated", "tx-2")
            await station.transaction("Ended", "tx-2")
            await station.ask("TransactionEvent", skipped)
            asked = [told for name, told in station.received if name == "GetTransactionStatus"]
            assert asked == [{"transactionId": "tx-2"}]
            assert [event.sequence for event in handler.events] == [0, 1, 2, 4, 3]
            await station.close()

    asyncio.run(one())


def test_late_and_repeated_events_are_passed_on_and_do_not_bring_a_transaction_back():
    asyncio.run(_late())


async def _late():
    async with running(registered("cp-a")) as (system, handler, port):
        station = StationClient("cp-a")
        await station.connect(port, secret=SECRET)
        started = station.event("Started", "tx", token="driver")
        ended = station.event("Ended", "tx")
        for payload in (started, started, ended, ended, station.event("Updated", "tx")):
            await station.ask("TransactionEvent", payload)
        assert [event.sequence for event in handler.events] == [0, 0, 1, 1, 2]
        state = system.stations.get("cp-a")
        assert state is not None
        assert state.transactions == {}
        again = {**station.event("Started", "tx"), "timestamp": "2026-11-29T13:00:00Z"}
        await station.ask("TransactionEvent", again)  # of a station that counts from 1 again
        assert list(state.transactions) == ["tx"]
        only_the_stop = station.event("Ended", "another")
        assert await station.ask("TransactionEvent", only_the_stop) == {}
        assert handler.events[-1].transaction == "another"
        await station.close()


def test_secrets_and_tokens_are_not_among_the_last_messages():
    asyncio.run(_secrets())


async def _secrets():
    async with running(registered("cp-a")) as (system, _, port):
        station = StationClient("cp-a")
        await station.connect(port, secret=SECRET)
        token = {"idToken": "CANARY-TOKEN", "type": "eMAID"}
        await station.ask("Authorize", {"idToken": token, "certificate": "CANARY-CERT"})
        await station.ask("TransactionEvent", station.event("Started", "tx", token="CANARY-TOKEN"))
        await station.call("DataTransfer", {"vendorId": "v", "data": "CANARY-DATA"})
        event = {"type": "t", "timestamp": TIME, "techInfo": "CANARY-INFO"}
        await station.ask("SecurityEventNotification", event)
        component = {"component": {"name": "Ctrlr"}, "variable": {"name": "Key"}}
        data = [{**component, "attributeValue": "CANARY-SECRET"}]
        await system.orders.call("cp-a", "SetVariables", {"setVariableData": data})
        rows = system.messages("cp-a")
        assert {"SetVariables", "Authorize", "DataTransfer"} <= {row.action for row in rows}
        assert "CANARY" not in json.dumps([row.text for row in rows])
        await station.close()
