"""A signal by MQTT 5 or 3.1.1. The door to `aiomqtt`."""

import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from evergrid.live.signals.brokers.entry import MqttEntry
from evergrid.live.signals.brokers.message import LARGEST_BYTES
from evergrid.live.signals.brokers.source import MOST_WAITING, AbstractLine, BrokerError

KEEP_ALIVE_S = 10  # between two signs of life; a line without one and a half is lost
PACKET_BYTES = 2 * LARGEST_BYTES + 512  # of a message with its topic
_LOG = logging.getLogger(__name__)


@final
class MqttLine(AbstractLine):
    """One topic of one broker.

    Args:
        entry: Of the broker.
        folder: What relative paths start from.
    """

    def __init__(self, entry: MqttEntry, folder: Path = Path()) -> None:
        self._entry, self._folder = entry, folder
        self.name = f"mqtt://{entry.host}:{entry.port}/{entry.topic}"

    async def payloads(self) -> AsyncGenerator[bytes, None]:
        """Each message of the topic; nothing that was published while we were away.

        Raises:
            BrokerError: The broker is not reached, refuses us, or is lost.
            InputError: A password or certificate cannot be read.
        """
        made = self._client()
        try:
            async with made as client:
                await client.subscribe(self._entry.topic, qos=0, timeout=self._entry.timeout_s)
                async for message in client.messages:
                    payload = message.payload
                    yield payload if isinstance(payload, bytes) else str(payload).encode()
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            raise BrokerError(f"{self.name}: {error}") from error

    def _client(self) -> aiomqtt.Client:
        entry = self._entry
        given: dict[str, Any] = {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": True}
        if entry.version == "5":
            properties = Properties(PacketTypes.CONNECT)
            properties.MaximumPacketSize = PACKET_BYTES
            properties.SessionExpiryInterval = 0
            given = {
                "protocol": aiomqtt.ProtocolVersion.V5,
                "properties": properties,
                "clean_start": True,
            }
        return aiomqtt.Client(
            entry.host,
            entry.port,
            username=entry.user,
            password=entry.password(self._folder),
            tls_context=entry.context(self._folder),
            timeout=entry.timeout_s,
            keepalive=KEEP_ALIVE_S,
            max_queued_incoming_messages=MOST_WAITING,
            logger=_LOG,
            **given,
        )
