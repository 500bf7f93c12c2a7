"""What operators ask of a station beside power: to wait at its boot, and to renew its secrets.

Like orders it goes to whoever holds the station's connection: this process, or a gateway.
"""

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from evergrid.live.devices.adapter import OrderResult
from evergrid.live.view import MessageRow


class Renewal(msgspec.Struct, frozen=True):
    """What became of a new password or certificate.

    Attributes:
        result: ACCEPTED where the station has it.
        reason: Why not, or "".
    """

    result: OrderResult
    reason: str = ""


class ConnectionDetail(msgspec.Struct, frozen=True):
    """What is known of a station where its connection is held.

    Attributes:
        messages: The last ones, newest first.
        profiles: Charging profiles that it has accepted, lowest stack level first.
        pending: Whether it waits at its boot, and may say nothing else.
        security_profile: Of its connection, 0 to 3; None while it is not connected.
        reason: Why nothing is known; "" where it is.
    """

    messages: tuple[MessageRow, ...] = ()
    profiles: tuple[dict[str, Any], ...] = ()
    pending: bool = False
    security_profile: int | None = None
    reason: str = ""


class AbstractMaintenance(ABC):
    """What operators ask of stations; each is written to the audit trail by the caller."""

    @abstractmethod
    async def hold(self, station: str, on_hold: bool) -> None:
        """Let a station boot only later, or let it go; one that waits is then told to boot."""

    @abstractmethod
    async def renew_password(self, station: str) -> Renewal:
        """Give a station another password, which is shown to nobody."""

    @abstractmethod
    async def renew_certificate(self, station: str) -> Renewal:
        """Let a station ask for another certificate, and sign it."""

    @abstractmethod
    async def connection(self, station: str) -> ConnectionDetail:
        """What is known of it where its connection is held."""
