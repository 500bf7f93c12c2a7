"""A handler and a register of stations that tests look into."""

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

from evergrid.live.clock import AbstractClock, WallClock
from evergrid.live.devices.adapter import (
    AbstractHandler,
    Capabilities,
    ChargingNeeds,
    MeterReading,
    Refusal,
    TransactionEvent,
)
from evergrid.live.ocpp.admission.authority import holds
from evergrid.live.ocpp.admission.credentials import AbstractCredentials, StationRecord
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.ocpp.certificates import AbstractIssuer

KEY = b"a key that only tests know"
SECRET = "a secret of sixteen"


class Recorder(AbstractHandler):
    """Remembers what it is told; `discharging` are the tokens of drivers who agreed."""

    def __init__(self, discharging: Sequence[str] = ("driver",)) -> None:
        self.discharging = set(discharging)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.events: list[TransactionEvent] = []
        self.all_needs: list[ChargingNeeds] = []
        self.found: dict[str, Capabilities] = {}
        self.refusals: list[Refusal] = []
        self.changed = asyncio.Condition()

    def names(self, station: str) -> list[str]:
        """What was told of the connection of a station, in order."""
        kinds = ("connected", "disconnected")
        return [name for name, told in self.calls if name in kinds and told[0] == station]

    async def until(self, condition: Any, *, within_s: float = 10.0) -> None:
        """Wait until something was told that makes a condition true."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(condition), within_s)

    async def _note(self, name: str, *told: Any) -> None:
        self.calls.append((name, told))
        async with self.changed:
            self.changed.notify_all()

    async def connected(self, station: str, protocol: str) -> None:
        await self._note("connected", station, protocol)

    async def disconnected(self, station: str) -> None:
        await self._note("disconnected", station)

    async def described(self, station: str, found: Capabilities) -> None:
        self.found[station] = found
        await self._note("described", station, found)

    async def authorized(self, station: str, token: str) -> bool:
        return token != "stolen"

    def may_discharge(self, token: str | None) -> bool:
        return token in self.discharging

    async def transaction(self, event: TransactionEvent) -> None:
        self.events.append(event)
        await self._note("transaction", event)

    async def needs(self, needs: ChargingNeeds) -> bool:
        self.all_needs.append(needs)
        await self._note("needs", needs)
        return True

    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        await self._note("readings", station, evse, tuple(readings))

    async def priority(self, station: str, transaction: str, active: bool) -> None:
        await self._note("priority", station, transaction, active)

    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        await self._note("alarm", station, kind, ended, detail)

    async def refused(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)
        await self._note("refused", refusal)


def hashed(station: str, secret: str) -> str:
    return hmac.new(KEY, f"{station}\0{secret}".encode(), hashlib.sha256).hexdigest()


class Register(AbstractCredentials):
    """Stations by name, all with the same secret unless a record says otherwise."""

    def __init__(self, *records: StationRecord) -> None:
        self.records = {record.station: record for record in records}

    def hashed(self, station: str, secret: str) -> str:
        return hashed(station, secret)

    def find(self, station: str) -> StationRecord | None:
        return self.records.get(station)

    async def set_next_secret(self, station: str, secret_hmac: str) -> None:
        self.records[station] = replace(self.records[station], next_secret_hmac=secret_hmac)

    async def use_next_secret(self, station: str) -> None:
        record = self.records[station]
        self.records[station] = replace(
            record, secret_hmac=record.next_secret_hmac, next_secret_hmac=""
        )

    def named_by(self, common_name: str) -> list[str]:
        found = self.records.values()
        return [one.station for one in found if holds(common_name, one.serial_number)]

    async def set_next_certificate(self, station: str, fingerprint: str) -> None:
        self.records[station] = replace(self.records[station], next_certificate=fingerprint)

    async def use_next_certificate(self, station: str) -> None:
        record = self.records[station]
        self.records[station] = replace(
            record, certificate=record.next_certificate, next_certificate=""
        )


def registered(station: str, **more: Any) -> StationRecord:
    """A station of security profile 1 that can charge and discharge at 11 kW."""
    told = {"profile": 1, "charge_kw": 11.0, "discharge_kw": 11.0, **more}
    return StationRecord(station, secret_hmac=hashed(station, SECRET), **told)


@contextlib.asynccontextmanager
async def running(
    *records: StationRecord,
    handler: Recorder | None = None,
    clock: AbstractClock | None = None,
    listener: Listener | None = None,
    issuer: Callable[[Register], AbstractIssuer] | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[CentralSystem, Recorder, int]]:
    """A central system, its handler and its port."""
    handler = handler or Recorder()
    chosen = Settings(**{"boot_wait_s": 0.05, **settings})
    register = Register(*records)
    signs = None if issuer is None else issuer(register)
    system = CentralSystem(handler, register, clock or WallClock(), chosen, signs)
    (port,) = await system.start(listener or Listener())
    try:
        yield system, handler, port
    finally:
        await system.stop()
