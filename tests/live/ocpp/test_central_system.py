"""A station boots, charges, discharges and leaves, over a real socket."""

import asyncio

from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session, TransactionPart
from tests.live.ocpp.recorder import SECRET, registered, running
from tests.live.ocpp.station_client import TIME, StationClient

NEEDS = {
    "evseId": 1,
    "timestamp": TIME,
    "chargingNeeds": {
        "requestedEnergyTransfer": "DC_BPT",
        "controlMode": "DynamicControl",
        "departureTime": "2026-11-29T18:00:00Z",
        "v2xChargingParameters": {
            "maxChargePower": 11000,
            "maxDischargePower": 10000,
            "evTargetEnergyRequest": 20000,
            "evMinEnergyRequest": 5000,
            "evMaxEnergyRequest": 40000,
            "evMinV2XEnergyRequest": -2000,
        },
        "dcChargingParameters": {
            "evMaxCurrent": 32,
            "evMaxVoltage": 500,
            "evEnergyCapacity": 60000,
            "stateOfCharge": 40,
        },
    },
}


def test_a_station_is_taken_through_a_whole_session():
    asyncio.run(_whole_session())


async def _whole_session():
    async with running(registered("cp-1")) as (system, handler, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        assert (await station.boot())["status"] == "Accepted"
        await handler.until(lambda: "cp-1" in handler.found)
        found = handler.found["cp-1"]
        assert found.v2x
        assert found.dynamic
        assert station.last("SetChargingProfile")["chargingProfile"]["stackLevel"] == 0

        told = await station.ask("Authorize", {"idToken": {"idToken": "driver", "type": "eMAID"}})
        assert "DC_BPT" in told["allowedEnergyTransfer"]
        await station.transaction("Started", "tx-1", token="driver", trigger="CablePluggedIn")
        assert (await station.ask("NotifyEVChargingNeeds", NEEDS))["status"] == "Accepted"
        (needs,) = handler.all_needs
        assert (needs.v2x, needs.max_discharge_kw, needs.to_reserve_kwh) == (True, 10.0, -2.0)
        assert (needs.capacity_kwh, needs.soc, needs.to_target_kwh) == (60.0, 0.4, 20.0)

        session = Session("cp-1", 1, "tx-1", 11.0, 10.0, -7.0)
        assert await system.orders.begin(session) is OrderResult.ACCEPTED
        profile = station.last("SetChargingProfile")["chargingProfile"]
        assert profile["maxOfflineDuration"] == 60
        (period,) = profile["chargingSchedule"][0]["chargingSchedulePeriod"]
        assert (period["setpoint"], period["limit"], period["dischargeLimit"]) == (7e3, 11e3, -1e4)

        order = PowerOrder("cp-1", 1, "tx-1", 5.5)
        assert await system.orders.order(order) is OrderResult.ACCEPTED
        update = station.last("UpdateDynamicSchedule")
        assert update == {"chargingProfileId": profile["id"], "scheduleUpdate": {"setpoint": -5500}}

        await station.transaction("Updated", "tx-1", power_w=-5500)
        assert handler.events[-1].readings[0].power_kw == 5.5
        assert await system.orders.release("cp-1", 1, "tx-1") is OrderResult.ACCEPTED
        await station.transaction("Ended", "tx-1")
        assert handler.events[-1].part is TransactionPart.ENDED
        assert await system.orders.order(order) is OrderResult.REFUSED
        await station.close()
        await handler.until(lambda: handler.names("cp-1") == ["connected", "disconnected"])
        assert await system.orders.order(order) is OrderResult.OFFLINE
        assert system.messages("cp-1")[0].action == "TransactionEvent"
