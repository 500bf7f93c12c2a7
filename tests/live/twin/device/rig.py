"""One station and a central system that gives it orders, in virtual time."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from evergrid.live.clock import AbstractClock, VirtualClock
from evergrid.live.twin.charging.battery import charger
from evergrid.live.twin.charging.station_rules import Abilities
from evergrid.live.twin.device.power import BaySpec, LocalGrid
from evergrid.live.twin.device.station import Station
from evergrid.live.twin.driver import Stay
from evergrid.live.twin.faults import StationBehaviour
from evergrid.live.twin.wire.connection import Endpoint
from tests.live.twin.central_system import CentralSystem, default_profile, order_profile

START_S = 1_764_547_200.0  # 2025-12-01T00:00:00Z
NAME = "cp-1"


def stay(begin_s: float = 60.0, end_s: float = 3660.0, **more: Any) -> Stay:
    given = {
        "name": "stay-1",
        "token": "card-1",
        "arrival_s": START_S + begin_s,
        "departure_s": START_S + end_s,
        "leaves_s": START_S + end_s,
        "capacity_kwh": 60.0,
        "energy_kwh": 30.0,
        "owed_kwh": 40.0,
        "reserve_kwh": 12.0,
        "wants_v2x": True,
    }
    return Stay(**(given | more))


def station(
    clock: AbstractClock,
    url: str,
    stays: list[Stay],
    *,
    behaviour: StationBehaviour | None = None,
    protocol: str = "ocpp2.1",
    discharge_kw: float = 11.0,
    able: Abilities | None = None,
    grid: LocalGrid | None = None,
    tls: ssl.SSLContext | None = None,
    certified: Callable[[str, bytes], ssl.SSLContext] | None = None,
    password: str | None = "secret",
) -> Station:
    able = able or Abilities(v2x=discharge_kw > 0, update_rate_s=0.0)
    spec = BaySpec(
        NAME, protocol, charger(11.0, discharge_kw, 3), able, behaviour or StationBehaviour()
    )
    return Station(
        spec,
        Endpoint(url, NAME, protocol, password=password, tls=tls, certified=certified),
        stays,
        clock,
        sink=lambda piece: None,
        grid=grid or LocalGrid(),
        seed="1",
        strict=True,
    )


class Orders:
    """Sends a default profile at boot and an order profile when a vehicle asks."""

    def __init__(self, clock: VirtualClock, setpoint_w: float = -11_040.0) -> None:
        self.clock, self.setpoint_w = clock, setpoint_w
        self.central: CentralSystem | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.transaction = ""
        self.answers: list[dict[str, Any]] = []
        self.wants_orders = True

    def __call__(self, name: str, action: str, payload: dict[str, Any]) -> None:
        if action == "StatusNotification" and payload["connectorStatus"] == "Available":
            self.send("SetChargingProfile", {"evseId": 0, "chargingProfile": default_profile()})
        if action == "TransactionEvent" and payload["eventType"] == "Started":
            self.transaction = payload["transactionInfo"]["transactionId"]
        if action == "NotifyEVChargingNeeds" and self.wants_orders:
            wire = order_profile(self.transaction, self.setpoint_w, self.clock.now_s())
            self.send("SetChargingProfile", {"evseId": 1, "chargingProfile": wire})

    def send(self, action: str, payload: dict[str, Any]) -> None:
        self.tasks.append(asyncio.create_task(self._send(action, payload)))

    async def _send(self, action: str, payload: dict[str, Any]) -> None:
        assert self.central is not None
        self.answers.append(await self.central.call(NAME, action, payload))


@asynccontextmanager
async def rig(
    stays: list[Stay], *, setpoint_w: float = -11_040.0, **more: Any
) -> AsyncIterator[tuple[VirtualClock, CentralSystem, Station, Orders]]:
    """A station that is switched on, and everything around it; it is switched off at the end."""
    clock = VirtualClock(START_S)
    orders = Orders(clock, setpoint_w)
    async with CentralSystem(clock, orders) as central:
        orders.central = central
        one = station(clock, central.url, stays, **more)
        await one.start()
        yield clock, central, one, orders
        await one.stop()
    assert central.faults == []
    assert one.record.own_faults == []
    assert clock.stalls == 0


GET_SOMETHING = {
    "getVariableData": [
        {"component": {"name": "SmartChargingCtrlr"}, "variable": {"name": "Enabled"}}
    ]
}


def values(event: dict[str, Any]) -> dict[str, float]:
    """What a meter value of an event shows."""
    return {one["measurand"]: one["value"] for one in event["meterValue"][0]["sampledValue"]}


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # pyright: ignore[reportArgumentType]
