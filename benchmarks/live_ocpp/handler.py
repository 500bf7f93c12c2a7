"""A controller that does nothing but count, and a register of stations for it."""

import hashlib
import hmac
from collections.abc import Sequence

from benchmarks.live_ocpp.stations import SECRET
from evergrid.live.controller import records
from evergrid.live.devices.adapter import (
    AbstractHandler,
    Capabilities,
    ChargingNeeds,
    MeterReading,
    Refusal,
    TransactionEvent,
)
from evergrid.live.ocpp.admission.credentials import AbstractCredentials, StationRecord
from evergrid.live.store.log import Log

KEY = b"a key for benchmarks only"
SERIAL_NUMBER = "SN1"  # of all stations, so that one certificate serves them


def hashed(station: str, secret: str) -> str:
    """What is kept of a station's secret."""
    return hmac.new(KEY, f"{station}\0{secret}".encode(), hashlib.sha256).hexdigest()


class CountingHandler(AbstractHandler):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.events = self.described_count = self.lost = 0
        self.refusals: list[Refusal] = []

    async def connected(self, station: str, protocol: str) -> None:
        """Not counted."""

    async def disconnected(self, station: str) -> None:
        """A station is gone."""
        self.lost += 1

    async def described(self, station: str, found: Capabilities) -> None:
        """A station is ready."""
        self.described_count += 1

    async def authorized(self, station: str, token: str) -> bool:
        """Everybody may charge."""
        return True

    def may_discharge(self, token: str | None) -> bool:
        """Everybody has agreed."""
        return True

    async def transaction(self, event: TransactionEvent) -> None:
        """An event has come."""
        self.events += 1

    async def needs(self, needs: ChargingNeeds) -> bool:
        """No plan follows."""
        return False

    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        """Not counted."""

    async def priority(self, station: str, transaction: str, active: bool) -> None:
        """Not counted."""

    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        """Not counted."""

    async def refused(self, refusal: Refusal) -> None:
        """Should not happen."""
        self.refusals.append(refusal)


class DurableHandler(CountingHandler):
    """Counts events that are on the disk, written as the controller writes them.

    Args:
        log: Of an open store.
    """

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    async def transaction(self, event: TransactionEvent) -> None:
        """An event has come; it is answered once it is on the disk."""
        await self._log.append([records.of_transaction(event, "")])
        self.events += 1


class Stations(AbstractCredentials):
    """So many stations that charge and discharge at 11 kW.

    Args:
        count: How many.
        profile: Their security profile.
    """

    def __init__(self, count: int, *, profile: int = 1) -> None:
        self._records = {
            name: StationRecord(
                name,
                profile,
                hashed(name, SECRET),
                serial_number=SERIAL_NUMBER,
                charge_kw=11.0,
                discharge_kw=11.0,
            )
            for name in (f"cp-{n}" for n in range(count))
        }

    def hashed(self, station: str, secret: str) -> str:
        """What is kept of a secret."""
        return hashed(station, secret)

    def find(self, station: str) -> StationRecord | None:
        """By name."""
        return self._records.get(station)

    async def set_next_secret(self, station: str, secret_hmac: str) -> None:
        """Secrets do not change."""

    async def use_next_certificate(self, station: str) -> None:
        """Certificates do not change."""

    async def use_next_secret(self, station: str) -> None:
        """Secrets do not change."""
