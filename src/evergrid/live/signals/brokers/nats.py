"""A signal by NATS. The door to `nats-py`; its own reconnection is off."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from evergrid.live.signals.brokers.entry import NatsEntry
from evergrid.live.signals.brokers.source import MOST_WAITING, AbstractLine, BrokerError

PING_S = 5  # between two signs of life
MOST_PINGS = 2  # without an answer, after which the line is lost


@final
class NatsLine(AbstractLine):
    """One subject of one server.

    Args:
        entry: Of the server.
        folder: What relative paths start from.
    """

    def __init__(self, entry: NatsEntry, folder: Path = Path()) -> None:
        self._entry, self._folder = entry, folder
        self.name = f"nats://{entry.host}:{entry.port}/{entry.subject}"

    async def payloads(self) -> AsyncGenerator[bytes, None]:
        """Each message of the subject.

        Raises:
            BrokerError: The server is not reached, refuses us, or is lost.
            InputError: A password or certificate cannot be read.
        """
        client, waiting = Client(), asyncio.Queue[bytes | None](MOST_WAITING)

        def put(payload: bytes | None) -> None:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(payload)

        async def heard(message: Msg) -> None:
            put(message.data)

        async def lost(*_: Any) -> None:
            put(None)

        try:
            await self._connect(client, lost)
            await client.subscribe(self._entry.subject, cb=heard)
            while (payload := await waiting.get()) is not None:
                yield payload
            raise BrokerError(f"{self.name}: the line is lost")
        except (NatsError, OSError, TimeoutError) as error:
            if isinstance(error, BrokerError):
                raise
            raise BrokerError(f"{self.name}: {type(error).__name__} {error}") from error
        finally:
            await client.close()

    async def _connect(self, client: Client, lost: Any) -> None:
        entry = self._entry
        given: dict[str, Any] = {}
        context = entry.context(self._folder)
        if context is not None:
            given |= {"tls": context, "tls_hostname": entry.host}
        if entry.user is not None:
            given |= {"user": entry.user, "password": entry.password(self._folder)}
        scheme = "nats" if context is None else "tls"
        async with asyncio.timeout(entry.timeout_s):
            await client.connect(
                f"{scheme}://{entry.host}:{entry.port}",
                allow_reconnect=False,
                connect_timeout=max(round(entry.timeout_s), 1),
                ping_interval=PING_S,
                max_outstanding_pings=MOST_PINGS,
                error_cb=lost,
                disconnected_cb=lost,
                closed_cb=lost,
                **given,
            )
