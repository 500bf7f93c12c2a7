"""The stations in memory, where looking one up never waits; changes go to the disk first."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import final

from evergrid.live.store.registry import stations
from evergrid.live.store.registry.stations import Registration, Station
from evergrid.live.store.store import Store


@final
class StationRegister:
    """All stations of a store. While it is in use, they are changed through it alone.

    Args:
        store: Where they are kept.
        known: By their identities.
    """

    def __init__(self, store: Store, known: Mapping[str, Station]) -> None:
        self._store = store
        self._known = dict(known)

    @classmethod
    async def load(cls, store: Store) -> "StationRegister":
        """The stations of a store.

        Raises:
            StoreError: They could not be read.
        """
        return cls(store, {one.device.station: one for one in await stations.every(store)})

    @property
    def known(self) -> Mapping[str, Station]:
        """All stations by their identities, as of now."""
        return MappingProxyType(self._known)

    def find(self, station: str) -> Station | None:
        """One station; None where it is not registered."""
        return self._known.get(station)

    async def register(self, registrations: list[Registration]) -> dict[str, str]:
        """Register stations; their passwords, as `stations.register` gives them."""
        passwords = await stations.register(self._store, registrations)
        for one in registrations:
            await self._read(one.device.station)
        return passwords

    async def block(self, station: str, blocked: bool = True) -> None:
        """Turn a station away from now on, or no longer; see `stations.block`."""
        await stations.block(self._store, station, blocked)
        await self._read(station)

    async def rotate(self, station: str) -> str:
        """A new password for a station; see `stations.rotate`."""
        password = await stations.rotate(self._store, station)
        await self._read(station)
        return password

    async def set_next_secret(self, station: str, secret_hmac: str) -> None:
        """A second secret is good beside the first; see `stations.set_next_secret`."""
        await stations.set_next_secret(self._store, station, secret_hmac)
        await self._read(station)

    async def use_next_secret(self, station: str) -> None:
        """The second secret takes the place of the first; see `stations.use_next_secret`."""
        await stations.use_next_secret(self._store, station)
        await self._read(station)

    async def set_next_certificate(self, station: str, fingerprint: str) -> None:
        """A second certificate is good beside the first; see `stations.set_next_certificate`."""
        await stations.set_next_certificate(self._store, station, fingerprint)
        await self._read(station)

    async def use_next_certificate(self, station: str) -> None:
        """No other certificate is good any more; see `stations.use_next_certificate`."""
        await stations.use_next_certificate(self._store, station)
        await self._read(station)

    async def forget_certificates(self, station: str) -> None:
        """Any certificate of its name is good again; see `stations.forget_certificates`."""
        await stations.forget_certificates(self._store, station)
        await self._read(station)

    async def raise_profile(self, station: str, security_profile: int) -> None:
        """Accept a station on this profile only; see `stations.raise_profile`."""
        await stations.raise_profile(self._store, station, security_profile)
        await self._read(station)

    async def remove(self, station: str) -> None:
        """Forget a station; see `stations.remove`."""
        await stations.remove(self._store, station)
        await self._read(station)

    async def _read(self, station: str) -> None:
        """Take over what is on the disk."""
        found = await stations.find(self._store, station)
        if found is None:
            self._known.pop(station, None)
        else:
            self._known[station] = found
