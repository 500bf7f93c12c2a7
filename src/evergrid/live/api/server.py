"""Serves interface and pages on a socket, and cuts whoever is too slow to ask or to read."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 10.0  # for the head of a request to come
STALLED_S = 15.0  # for a reader to take something, once what waits for it fills the buffer
KEEP_ALIVE_S = 30
STOPPING_S = 3  # for answers under way as the service stops
LARGEST_HEAD = 16 * 1024
CONNECTIONS = 500
SEND_BYTES = 128 * 1024  # that the system holds for a reader who does not read
WAITING_CONNECTIONS = 128


@final
class Protocol(H11Protocol):
    """HTTP/1.1 with an end to waiting, as a connection costs its peer nothing."""

    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A peer is there; beyond twice the limit it is not even answered."""
        super().connection_made(transport)
        if len(self.connections) > 2 * (self.limit_concurrency or CONNECTIONS):
            transport.abort()
            return
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Bytes came; the head of a request that began must end in time."""
        super().data_received(data)
        if self._idle() and self._head_timer is None:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        super().connection_lost(exc)
        for timer in (self._head_timer, self._read_timer):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """What waits for the reader fills the buffer."""
        self.flow.pause_writing()
        self._read_timer = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has taken most of it."""
        self.flow.resume_writing()
        if self._read_timer is not None:
            self._read_timer.cancel()

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(REQUEST_S, self._check_head)

    def _check_head(self) -> None:
        self._head_timer = None
        if self._idle() and self.timeout_keep_alive_task is None:
            self.transport.abort()

    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete


@final
class Server(uvicorn.Server):
    """Serves until `stop`; signals are for the whole service to catch."""

    def capture_signals(self) -> AbstractContextManager[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Leave them alone."""
        return nullcontext()

    async def stop(self) -> None:
        """End streams, and then serving, which gives answers under way a little time."""
        app: Any = self.config.app
        await app.state.service.stream.close()
        self.should_exit = True


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 for any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.create_server((host, port), family=family, backlog=WAITING_CONNECTIONS)
    # Connections have the options of their listener. Without the second, each answer waits 40 ms
    # between head and body, as asyncio sets it only on sockets that name their protocol.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def server(
    app: FastAPI,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    proxies: Sequence[str] = (),
    connections: int = CONNECTIONS,
) -> Server:
    """What serves the interface: ask it to ``serve`` sockets from `listening`, and to ``stop``.

    Args:
        app: With or without pages.
        certificate: For TLS, with those that it rests on.
        key: Of the certificate.
        proxies: Addresses of those whose word for an address behind them is taken.
        connections: At the same time; more are answered with 503.
    """
    return Server(
        uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            ssl_certfile=certificate,
            ssl_keyfile=key,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOPPING_S,
            limit_concurrency=connections,
            h11_max_incomplete_event_size=LARGEST_HEAD,
        )
    )
