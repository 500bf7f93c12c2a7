"""The store's register of stations, as the central system asks for it."""

from collections.abc import Iterable, Sequence
from typing import final

from evergrid.live.ocpp.admission.authority import holds
from evergrid.live.ocpp.admission.credentials import AbstractCredentials, StationRecord
from evergrid.live.store.key import STATION, Key
from evergrid.live.store.registry.station_register import StationRegister


@final
class StoreCredentials(AbstractCredentials):
    """Stations as the store knows them.

    Args:
        register: All of them, in memory.
        key: Of the hashes of their secrets.
    """

    def __init__(self, register: StationRegister, key: Key) -> None:
        self._register, self._key = register, key

    @property
    def known(self) -> Iterable[str]:
        """Identities of all stations."""
        return self._register.known

    def hashed(self, station: str, secret: str) -> str:
        """What the store keeps of a secret."""
        return self._key.hashed(STATION, station, secret)

    def find(self, station: str) -> StationRecord | None:
        """The record of a station."""
        one = self._register.find(station)
        if one is None:
            return None
        device = one.device
        return StationRecord(
            station=device.station,
            profile=one.security_profile,
            secret_hmac=one.secret_hmac,
            next_secret_hmac=one.next_secret_hmac,
            serial_number=one.serial_number,
            blocked=one.blocked,
            charge_kw=device.charge_kw,
            discharge_kw=device.discharge_kw,
            voltage_v=device.voltage_v,
            phases=device.phases,
            certificate=one.certificate,
            next_certificate=one.next_certificate,
        )

    async def set_next_secret(self, station: str, secret_hmac: str) -> None:
        """Accept a second secret from now on."""
        await self._register.set_next_secret(station, secret_hmac)

    async def use_next_secret(self, station: str) -> None:
        """The second secret takes the place of the first."""
        await self._register.use_next_secret(station)

    def named_by(self, common_name: str) -> Sequence[str]:
        """Stations whose serial number the name of a certificate holds."""
        known = self._register.known.items()
        return [name for name, one in known if holds(common_name, one.serial_number)]

    async def set_next_certificate(self, station: str, fingerprint: str) -> None:
        """Accept a second certificate from now on."""
        await self._register.set_next_certificate(station, fingerprint)

    async def use_next_certificate(self, station: str) -> None:
        """The second certificate alone is good."""
        await self._register.use_next_certificate(station)

    async def forget_certificates(self, station: str) -> None:
        """Any certificate of the station's name is good again."""
        await self._register.forget_certificates(station)
