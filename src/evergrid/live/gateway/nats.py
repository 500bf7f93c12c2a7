"""The broker between gateways and controller over NATS. The door to `nats-py` for it.

It connects again by itself, for as long as it takes; meanwhile nothing is kept here, as whoever
asks keeps what is not answered.
"""

import asyncio
from pathlib import Path
from typing import Any, final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from evergrid.core.errors import EvergridError
from evergrid.live.gateway.broker import AbstractBroker, Take
from evergrid.live.gateway.entry import NatsServerEntry

log = structlog.get_logger()

PING_S, MOST_PINGS = 5, 2  # after 10 s without a sign of life the line is lost
AGAIN_S = 0.25  # between two tries to connect
WAITING_BYTES = 64 * 2**20  # of frames that came and were not taken yet, as the library counts


class BrokerDownError(EvergridError, ConnectionError):
    """The broker cannot be reached, or refuses us."""


@final
class NatsBroker(AbstractBroker):
    """A connection to a NATS server.

    Args:
        client: Connected.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    async def connect(cls, entry: NatsServerEntry, folder: Path) -> "NatsBroker":
        """Connect to a server.

        Raises:
            BrokerDownError: It is not reached, or refuses us.
            InputError: A password or certificate cannot be read.
        """
        client, context = Client(), entry.context(folder)
        scheme = "nats" if context is None else "tls"
        address = f"{scheme}://{entry.host}:{entry.port}"
        given: dict[str, Any] = {}
        if context is not None:
            given |= {"tls": context, "tls_hostname": entry.host}
        if entry.user is not None:
            given |= {"user": entry.user, "password": entry.password(folder)}

        async def lost() -> None:
            log.warning("broker_lost", address=address)

        async def back() -> None:
            log.info("broker_back", address=address)

        async def noted(error: Exception) -> None:
            log.debug("broker_error", error=type(error).__name__)  # four times a second while away

        try:
            async with asyncio.timeout(entry.timeout_s):
                await client.connect(
                    address,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=AGAIN_S,  # pyright: ignore[reportArgumentType] # it only sleeps
                    connect_timeout=max(round(entry.timeout_s), 1),
                    ping_interval=PING_S,
                    max_outstanding_pings=MOST_PINGS,
                    pending_size=0,
                    error_cb=noted,
                    disconnected_cb=lost,
                    reconnected_cb=back,
                    **given,
                )
        except (NatsError, OSError, TimeoutError) as error:
            raise BrokerDownError(f"{address}: {type(error).__name__} {error}") from error
        return cls(client)

    @property
    def up(self) -> bool:
        """Whether it is connected."""
        return self._client.is_connected

    async def listen(self, subject: str, take: Take) -> None:
        """Take every frame of a subject from now on."""

        async def heard(message: Msg) -> None:
            take(message.data)

        await self._client.subscribe(subject, cb=heard, pending_bytes_limit=WAITING_BYTES)

    async def send(self, subject: str, frame: bytes) -> bool:
        """Send a frame; False where it certainly did not leave."""
        if not self._client.is_connected:
            return False
        try:
            await self._client.publish(subject, frame)
        except (NatsError, OSError):
            return False
        return True

    async def close(self) -> None:
        """Let go of it."""
        await self._client.close()
