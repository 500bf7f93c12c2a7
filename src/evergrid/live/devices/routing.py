"""Which adapter reaches a device: one for each kind, and the controller sees only this one."""

from collections.abc import Iterable
from typing import Any, final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.devices.adapter import AbstractAdapter, OrderResult, PowerOrder, Session


@final
class DeviceAdapters(AbstractAdapter):
    """Devices of several kinds.

    Args:
        usual: Reaches every device that no other adapter was given.

    Raises:
        InputError: Two adapters were given one device.
    """

    def __init__(
        self, usual: AbstractAdapter, *others: tuple[AbstractAdapter, Iterable[str]]
    ) -> None:
        self._usual = usual
        self._of: dict[str, AbstractAdapter] = {}
        for adapter, stations in others:
            for station in stations:
                if station in self._of:
                    fault = Fault("station", "be of one kind only", (station,))
                    raise InputError("devices", [fault])
                self._of[station] = adapter

    def adapter(self, station: str) -> AbstractAdapter:
        """Who reaches a device."""
        return self._of.get(station, self._usual)

    async def begin(self, session: Session) -> OrderResult:
        """Put a session under orders."""
        return await self.adapter(session.station).begin(session)

    async def order(self, order: PowerOrder) -> OrderResult:
        """Tell a device its power."""
        return await self.adapter(order.station).order(order)

    async def release(self, station: str, evse: int, transaction: str) -> OrderResult:
        """End our orders for a session."""
        return await self.adapter(station).release(station, evse, transaction)

    async def allow(self, station: str, transaction: str, discharge: bool) -> OrderResult:
        """Say whether a vehicle may discharge from now on."""
        return await self.adapter(station).allow(station, transaction, discharge)

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a message of the device's own protocol.

        Raises:
            InputError: The message breaks the protocol, or the device is not connected.
        """
        return await self.adapter(station).call(station, action, payload)
