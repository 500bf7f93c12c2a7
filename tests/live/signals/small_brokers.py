"""A small MQTT broker and a small NATS server of the tests; and real ones, where they are there."""

import asyncio
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest


class SmallBroker(ABC):
    """Takes in clients, and publishes what a test says.

    Attributes:
        port: Where it listens.
        user: Who may log in, with the password ``canary``; everybody where None.
        silent: Whether it answers no more, and lets the line be.
    """

    def __init__(self, *, user: str | None = None) -> None:
        self.port, self.user, self.silent = 0, user, False
        self._writers: set[asyncio.StreamWriter] = set()
        self._listeners: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.close()
        await asyncio.sleep(0.05)

    async def publish(self, payload: bytes) -> None:
        for writer in tuple(self._listeners):
            writer.write(self.framed(payload))
            await writer.drain()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.serve(reader, writer)
        self._writers.discard(writer)
        self._listeners.discard(writer)
        writer.close()

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client."""

    @abstractmethod
    def framed(self, payload: bytes) -> bytes:
        """A message as it goes on the wire."""


class SmallMqtt(SmallBroker):
    """MQTT 5 or 3.1.1, QoS 0, one topic for all: written from the OASIS specifications."""

    version = 5

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, body = await self._packet(reader)
            if self.silent:
                continue
            if kind == 0x10:  # CONNECT
                self.version = body[6]
                known = self.user is None or (self.user.encode() in body and b"canary" in body)
                code = 0 if known else (0x86 if self.version == 5 else 5)
                writer.write(self._with_length(0x20, bytes([0, code]) + self._properties()))
                if not known:
                    return
            elif kind == 0x82:  # SUBSCRIBE
                writer.write(self._with_length(0x90, body[:2] + self._properties() + b"\0"))
                self._listeners.add(writer)
            elif kind == 0xC0:  # PINGREQ
                writer.write(b"\xd0\x00")
            elif kind == 0xE0:  # DISCONNECT
                return

    def framed(self, payload: bytes) -> bytes:
        topic = b"market/regulation"
        head = len(topic).to_bytes(2, "big") + topic + self._properties()
        return self._with_length(0x30, head + payload)

    def _properties(self) -> bytes:
        return b"\0" if self.version == 5 else b""

    @staticmethod
    def _with_length(kind: int, body: bytes) -> bytes:
        length, left = b"", len(body)
        while True:
            left, digit = divmod(left, 128) if left else (0, 0)
            length += bytes([digit | (0x80 if left else 0)])
            if not left:
                return bytes([kind]) + length + body

    @staticmethod
    async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind = (await reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            digit = (await reader.readexactly(1))[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, await reader.readexactly(length)


class SmallNats(SmallBroker):
    """A NATS server for one subject: written from the protocol's description."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"small","version":"2.9.0","max_payload":1048576}\r\n')
        while line := await reader.readline():
            if self.silent:
                continue
            if line.startswith(b"CONNECT"):
                known = self.user is None or (self.user.encode() in line and b"canary" in line)
                if not known:
                    writer.write(b"-ERR 'Authorization Violation'\r\n")
                    return
            elif line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
            elif line.startswith(b"SUB"):
                self._listeners.add(writer)

    def framed(self, payload: bytes) -> bytes:
        return b"MSG market.regulation 1 %d\r\n%s\r\n" % (len(payload), payload)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@asynccontextmanager
async def real(program: str, *arguments: str, port: int) -> AsyncIterator[int]:
    """A server of this machine on its loopback; the test is skipped where it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"{program} is not installed; make services brings it")
    running = subprocess.Popen(
        [path, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            break
        yield port
    finally:
        running.terminate()
        await asyncio.to_thread(running.wait, 10)


def mosquitto_file(folder: Path, port: int) -> str:
    path = folder / "mosquitto.conf"
    path.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    return str(path)
