"""Gateways and what is behind them, in one process over a broker in memory or NATS."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from evergrid.live.clock import WallClock
from evergrid.live.gateway.broker import AbstractBroker
from evergrid.live.gateway.gateway import Gateway, GatewayPlace
from evergrid.live.gateway.gateway_stations import GatewayStations
from evergrid.live.gateway.messages import OpenTransactionMessage
from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import Listener
from evergrid.live.store.key import STATION, Key
from tests.live.ocpp.recorder import SECRET, Recorder, Register
from tests.live.ocpp.station_client import V2X_VARIABLES, StationClient

KEY = Key(bytes(range(32)))
SERVICE = "test"


def record(station: str, **more: Any) -> StationRecord:
    """A station that can charge and discharge at 11 kW, with `SECRET`."""
    given = {"profile": 1, "charge_kw": 11.0, "discharge_kw": 11.0, **more}
    return StationRecord(station, secret_hmac=KEY.hashed(STATION, station, SECRET), **given)


@dataclass
class Scene:
    """A controller's end, and gateways that come and go."""

    broker: Callable[[], Any]
    handler: Recorder
    register: Register
    stations: GatewayStations
    open_now: dict[str, list[OpenTransactionMessage]]
    ports: dict[str, int] = field(default_factory=dict)
    gateways: dict[str, Gateway] = field(default_factory=dict)
    brokers: dict[str, AbstractBroker] = field(default_factory=dict)

    async def gateway(self, name: str, port: int = 0, *, signs: bool = False) -> int:
        """Start a gateway; its port."""
        broker = self.brokers[name] = await self.broker()
        listener = Listener(port=port, shared=port != 0)
        place = GatewayPlace(SERVICE, listener, Settings(boot_wait_s=0.05), name, signs=signs)
        one = self.gateways[name] = Gateway(broker, KEY, WallClock(), place)
        self.ports[name] = await one.start()
        return self.ports[name]

    async def station(self, name: str, gateway: str) -> StationClient:
        """A station that has connected through a gateway and has been described."""
        client = StationClient(name)
        described = self.described(name)
        await client.connect(self.ports[gateway], secret=SECRET)
        await self.handler.until(lambda: self.described(name) > described)
        return client

    def described(self, station: str) -> int:
        """How often a station was described."""
        return sum(kind == "described" and told[0] == station for kind, told in self.handler.calls)


@contextlib.asynccontextmanager
async def scene(
    broker: Callable[[], Any],
    *stations: str,
    handler: Recorder | None = None,
    lease_s: float = 1.5,
) -> AsyncIterator[Scene]:
    """A controller's end with these stations registered."""
    handler = handler or Recorder()
    register = Register(*(record(station) for station in stations))
    open_now: dict[str, list[OpenTransactionMessage]] = {}
    of_controller = await broker()

    def records(after: str) -> list[StationRecord]:
        later = sorted(name for name in register.records if name > after)[:3]
        return [register.records[name] for name in later]

    ends = GatewayStations(
        of_controller,
        SERVICE,
        handler,
        register,
        records,
        lambda station: open_now.get(station, []),
        WallClock(),
        lease_s=lease_s,
    )
    await ends.start()
    found = Scene(broker, handler, register, ends, open_now)
    try:
        yield found
    finally:
        for one in found.gateways.values():
            await one.stop()
        await ends.stop()
        for one in (of_controller, *found.brokers.values()):
            await one.close()


async def soon(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Until something is so."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


GRID = V2X_VARIABLES | {
    ("DCDERCtrlr", "Available"): "true",
    ("DCDERCtrlr", "ModesSupported"): "VoltVar,FreqDroop",
}


def grid_client(name: str) -> StationClient:
    """A station that keeps the functions that it is given, and reports them."""
    client, held, tasks = StationClient(name, variables=GRID), dict[str, Any](), set[Any]()

    def take(payload: dict[str, Any]) -> dict[str, Any]:
        held[payload["controlId"]] = payload
        return {"status": "Accepted"}

    def clear(payload: dict[str, Any]) -> dict[str, Any]:
        gone = held.pop(payload["controlId"], None)
        return {"status": "NotFound" if gone is None else "Accepted"}

    def report(payload: dict[str, Any]) -> dict[str, Any]:
        one = held.get(payload["controlId"])
        if one is None:
            return {"status": "NotFound"}
        field_name = "curve" if "curve" in one else "freqDroop"
        told = {"id": one["controlId"], "isDefault": True, "isSuperseded": False}
        told |= {field_name: one[field_name]}
        told |= {"curveType": one["controlType"]} if field_name == "curve" else {}
        message = {"requestId": payload["requestId"], field_name: [told]}
        tasks.add(asyncio.create_task(client.ask("ReportDERControl", message)))
        return {"status": "Accepted"}

    client.on |= {"SetDERControl": take, "ClearDERControl": clear, "GetDERControl": report}
    return client
