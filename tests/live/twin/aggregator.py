"""A small aggregator on the central system of these tests: a safe default, a plan, and a tick."""

import asyncio
import math
from typing import Any

from evergrid.live.clock import AbstractClock
from evergrid.live.twin.driver import Driver
from tests.live.twin.central_system import CentralSystem, default_profile, order_profile

SWING_S = 900.0
EVERY_FIVE_MINUTES = {
    "component": {"name": "SampledDataCtrlr"},
    "variable": {"name": "TxUpdatedInterval"},
    "attributeValue": "300",
}


class Aggregator:
    """Gives every V2G vehicle an order profile, and moves its set-point every tick."""

    def __init__(
        self, clock: AbstractClock, drivers: tuple[Driver, ...], *, tick_s: float = 60.0
    ) -> None:
        self.clock, self.tick_s = clock, tick_s
        self.may = {driver.token: driver.may_discharge for driver in drivers}
        self.central = CentralSystem(clock, self)
        self.central.answer_authorize = self.authorize
        self.tasks: set[asyncio.Task[None]] = set()
        self.under: dict[str, bool] = {}
        self.transactions: dict[str, str] = {}
        self.needs: dict[str, dict[str, Any]] = {}
        self.results: dict[str, int] = {}

    def authorize(self, payload: dict[str, Any]) -> bool:
        return self.may[payload["idToken"]["idToken"]]

    def __call__(self, station: str, action: str, payload: dict[str, Any]) -> None:
        if action == "BootNotification":
            self.send(station, "SetVariables", {"setVariableData": [EVERY_FIVE_MINUTES]})
            self.send(station, "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"})
            self.send(
                station, "SetChargingProfile", {"evseId": 0, "chargingProfile": default_profile()}
            )
        elif action == "TransactionEvent":
            number = payload["transactionInfo"]["transactionId"]
            if payload["eventType"] == "Ended":
                self.under.pop(station, None)
                self.transactions.pop(station, None)
            else:
                self.transactions[station] = number
        elif action == "NotifyEVChargingNeeds":
            self.needs[station] = payload["chargingNeeds"]
            self.plan(station, "v2xChargingParameters" in payload["chargingNeeds"])

    def plan(self, station: str, v2x: bool) -> None:
        socket = self.central.sockets[station]
        if socket.subprotocol != "ocpp2.1":
            return
        transaction = self.transactions[station]
        wire = order_profile(transaction, 0.0, self.clock.now_s(), number=2)
        period = wire["chargingSchedule"][0]["chargingSchedulePeriod"][0]
        if not v2x:
            period["dischargeLimit"] = 0.0
        self.under[station] = v2x
        self.send(station, "SetChargingProfile", {"evseId": 1, "chargingProfile": wire})

    def send(self, station: str, action: str, payload: dict[str, Any]) -> None:
        task = asyncio.create_task(self._send(station, action, payload))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _send(self, station: str, action: str, payload: dict[str, Any]) -> None:
        try:
            answer = await self.central.call(station, action, payload)
        except (ConnectionError, KeyError):
            return
        result = str(answer.get("status", answer.get("error")))
        self.results[f"{action} {result}"] = self.results.get(f"{action} {result}", 0) + 1

    async def run(self) -> None:
        while True:
            await self.clock.sleep(self.tick_s)
            angle = 2 * math.pi * self.clock.monotonic_s() / SWING_S
            for number, (station, v2x) in enumerate(list(self.under.items())):
                wanted = 8_000.0 * math.sin(angle + number)
                setpoint = wanted if v2x else max(wanted, 0.0)
                update = {"chargingProfileId": 2, "scheduleUpdate": {"setpoint": setpoint}}
                self.send(station, "UpdateDynamicSchedule", update)
