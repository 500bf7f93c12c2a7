"""A battery behind its adapter, and a handler that remembers what it was told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from evergrid.core.config import parse
from evergrid.live.clock import VirtualClock
from evergrid.live.devices.adapter import (
    AbstractHandler,
    Capabilities,
    ChargingNeeds,
    MeterReading,
    PowerOrder,
    Refusal,
    Session,
    TransactionEvent,
)
from evergrid.live.sunspec.adapter import SunSpecAdapter
from evergrid.live.sunspec.entry import ModbusBatteryEntry
from evergrid.live.sunspec.simulated import SimulatedBattery
from evergrid.live.sunspec.simulated_map import BatterySize

START_S = 1_657_598_400.0
OFFLINE_S = 30


@dataclass
class Remembered(AbstractHandler):
    """A controller that agrees to everything."""

    online: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    found: dict[str, Capabilities] = field(default_factory=dict)
    events: list[TransactionEvent] = field(default_factory=list)
    asked: list[ChargingNeeds] = field(default_factory=list)
    alarms: list[tuple[str, bool, str]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    broken: Exception | None = None

    async def connected(self, station: str, protocol: str) -> None:
        self.online.append(station)

    async def disconnected(self, station: str) -> None:
        self.lost.append(station)

    async def described(self, station: str, found: Capabilities) -> None:
        self.found[station] = found

    async def authorized(self, station: str, token: str) -> bool:
        return True

    def may_discharge(self, token: str | None) -> bool:
        return True

    async def transaction(self, event: TransactionEvent) -> None:
        if self.broken is not None:
            raise self.broken
        self.events.append(event)

    async def needs(self, needs: ChargingNeeds) -> bool:
        self.asked.append(needs)
        return True

    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        raise AssertionError("readings of a battery belong to its transaction")

    async def priority(self, station: str, transaction: str, active: bool) -> None:
        raise AssertionError("a battery has no driver who presses a button")

    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        self.alarms.append((kind, ended, detail))

    async def refused(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)

    @property
    def last(self) -> MeterReading:
        return self.events[-1].readings[-1]


@dataclass
class Plant:
    """One battery, its adapter and what the handler heard."""

    clock: VirtualClock
    battery: SimulatedBattery
    adapter: SunSpecAdapter
    handler: Remembered

    @property
    def transaction(self) -> str:
        return self.handler.events[0].transaction

    async def after(self, seconds: float) -> None:
        await self.clock.run(self.clock.monotonic_s() + seconds)
        self.battery.advance()

    async def begin(self, power_kw: float = 0.0, **changed: Any) -> Any:
        given = {"max_charge_kw": 50.0, "max_discharge_kw": 50.0, "offline_s": OFFLINE_S} | changed
        session = Session("battery-1", 1, self.transaction, power_kw=power_kw, **given)
        return await self.adapter.begin(session)

    async def order(self, power_kw: float, transaction: str | None = None) -> Any:
        named = self.transaction if transaction is None else transaction
        return await self.adapter.order(PowerOrder("battery-1", 1, named, power_kw))


def entry(port: int, **changed: Any) -> ModbusBatteryEntry:
    given = {
        "station": "battery-1",
        "site": "depot",
        "port": port,
        "charge_kw": 50.0,
        "discharge_kw": 50.0,
        "timeout_s": 0.5,
    }
    return parse(ModbusBatteryEntry, given | changed)


@asynccontextmanager
async def plant(
    family: str = "der", *, soc: float = 0.5, size: BatterySize | None = None, **changed: Any
) -> AsyncIterator[Plant]:
    clock = VirtualClock(START_S)
    battery = SimulatedBattery(size or BatterySize(family=family), clock, soc=soc)  # pyright: ignore[reportArgumentType] # one of two words
    await battery.start()
    handler = Remembered()
    adapter = SunSpecAdapter([entry(battery.port, **changed)], handler, clock)
    running = asyncio.create_task(adapter.run())
    made = Plant(clock, battery, adapter, handler)
    try:
        await made.after(1.0)
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await battery.stop()


def play(scene: Callable[[Plant], Awaitable[None]], family: str = "der", **changed: Any) -> None:
    """Play a scene with a battery of a family."""

    async def whole() -> None:
        async with plant(family, **changed) as made:
            await scene(made)

    asyncio.run(whole())
