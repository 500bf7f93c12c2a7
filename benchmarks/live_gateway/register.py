"""A register of stations, and a controller that writes events durably and does nothing else."""

from collections.abc import Sequence

from benchmarks.live_ocpp.handler import CountingHandler
from benchmarks.live_ocpp.stations import SECRET
from evergrid.live.controller import records
from evergrid.live.devices.adapter import TransactionEvent
from evergrid.live.ocpp.admission.credentials import AbstractCredentials, StationRecord
from evergrid.live.store.key import STATION, Key
from evergrid.live.store.log import Log

KEY = Key(bytes(range(32)))
AT_ONCE = 500


class DurableHandler(CountingHandler):
    """Writes every event before it is answered.

    Args:
        log: Of a store.
    """

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    async def transaction(self, event: TransactionEvent) -> None:
        """An event has come."""
        await self._log.append([records.of_transaction(event, "")])
        self.events += 1


class KeyedStations(AbstractCredentials):
    """So many stations that charge and discharge at 11 kW."""

    def __init__(self, count: int) -> None:
        self._records = {
            name: StationRecord(
                name, 1, KEY.hashed(STATION, name, SECRET), charge_kw=11.0, discharge_kw=11.0
            )
            for name in sorted(f"cp-{n}" for n in range(count))
        }

    def hashed(self, station: str, secret: str) -> str:
        """What is kept of a secret."""
        return KEY.hashed(STATION, station, secret)

    def find(self, station: str) -> StationRecord | None:
        """By name."""
        return self._records.get(station)

    def after(self, last: str) -> Sequence[StationRecord]:
        """Some records, by name."""
        return [one for name, one in self._records.items() if name > last][:AT_ONCE]

    async def set_next_secret(self, station: str, secret_hmac: str) -> None:
        """Secrets do not change."""

    async def use_next_certificate(self, station: str) -> None:
        """Certificates do not change."""

    async def use_next_secret(self, station: str) -> None:
        """Secrets do not change."""
