"""The register of stations in a gateway: told by the controller, looked up without waiting."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, final

from evergrid.live.ocpp.admission.credentials import AbstractCredentials, StationRecord
from evergrid.live.store.key import STATION, Key

Ask = Callable[..., Awaitable[Any]]
"""Asks the controller, by kind and arguments."""


@final
class RemoteRegister(AbstractCredentials):
    """Stations as the controller has told them.

    What stations prove themselves with never leaves the gateway: it has the key of the hashes.

    Args:
        key: Of the hashes of stations' secrets.
        ask: Asks the controller.
    """

    def __init__(self, key: Key, ask: Ask) -> None:
        self._key, self._ask = key, ask
        self._records: dict[str, StationRecord] = {}

    def __len__(self) -> int:
        return len(self._records)

    def take(self, records: Iterable[StationRecord]) -> None:
        """Stations as they are registered from now on."""
        self._records.update((one.station, one) for one in records)

    async def load(self) -> None:
        """All stations, in parts.

        Raises:
            NoAnswerError: The controller does not answer.
        """
        last = ""
        while records := await self._ask("register", last):
            self.take(records)
            last = records[-1].station

    def hashed(self, station: str, secret: str) -> str:
        """What is kept of a secret."""
        return self._key.hashed(STATION, station, secret)

    def find(self, station: str) -> StationRecord | None:
        """The record of a station."""
        return self._records.get(station)

    async def set_next_secret(self, station: str, secret_hmac: str) -> None:
        """Accept a second secret from now on."""
        await self._ask("set_next_secret", station, secret_hmac)

    async def use_next_secret(self, station: str) -> None:
        """The second secret takes the place of the first."""
        await self._ask("use_next_secret", station)

    async def use_next_certificate(self, station: str) -> None:
        """The second certificate takes the place of the first."""
        await self._ask("use_next_certificate", station)
