"""How do stations that are connected here wait at their boot, and renew their secrets?"""

from collections.abc import Callable
from typing import final

from evergrid.live.devices.adapter import OrderResult
from evergrid.live.maintenance import AbstractMaintenance, ConnectionDetail, Renewal
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.certificates import Certificates
from evergrid.live.ocpp.rotation import Rotation
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.stations.station import Stations

Hold = Callable[[str, bool], None]
"""Lets a station boot only later, or no longer."""
REASONS = {
    OrderResult.OFFLINE: "it is not connected",
    OrderResult.REJECTED: "it takes no password from afar",
    OrderResult.TIMED_OUT: "it has not answered; the old password and the new one are good now",
}


@final
class Maintenance(AbstractMaintenance):
    """What operators ask of the stations of a central system.

    Args:
        registry: Of connections.
        stations: All that have connected.
        hold: Of the central system.
        rotation: Of passwords.
        certificates: Of certificates.
        settings: Time-outs.
    """

    def __init__(
        self,
        registry: Registry[StationConnection],
        stations: Stations,
        hold: Hold,
        rotation: Rotation,
        certificates: Certificates,
        settings: Settings,
    ) -> None:
        self._registry, self._stations, self._hold = registry, stations, hold
        self._rotation, self._certificates, self._settings = rotation, certificates, settings

    async def hold(self, station: str, on_hold: bool) -> None:
        """Let a station boot only later, or let it go; one that waits is then told to boot.

        Raises:
            InputError: No such station is registered.
        """
        self._hold(station, on_hold)
        link = self._registry.get(station)
        if link is not None and link.pending and not on_hold:
            link.request(  # it would boot again by itself, only later
                "TriggerMessage",
                {"requestedMessage": "BootNotification"},
                timeout_s=self._settings.order_timeout_s,
            )

    async def renew_password(self, station: str) -> Renewal:
        """Give a station another password, which is shown to nobody."""
        result = await self._rotation.rotate(station)
        return Renewal(result, REASONS.get(result, ""))

    async def renew_certificate(self, station: str) -> Renewal:
        """Let a station ask for another certificate, and sign it."""
        return await self._certificates.renew(station)

    async def connection(self, station: str) -> ConnectionDetail:
        """What is known of a station here."""
        state, link = self._stations.get(station), self._registry.get(station)
        if state is None:
            return ConnectionDetail()
        return ConnectionDetail(
            state.messages.rows(),
            state.profiles_by_level,
            link is not None and link.pending,
            None if link is None else link.profile,
        )
