"""The interface and the pages of a fake service on a real socket of this machine."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog

from evergrid import console
from evergrid.live.api import app as interface
from evergrid.live.api.server import Server, listening, server
from evergrid.live.api.settings import Settings
from tests.live.fake_accounts import PASSWORD, FakeAccounts
from tests.live.fake_service import FakeService

LINES = structlog.processors.JSONRenderer()
OPEN = Settings(secure=False, requests_per_s=10_000.0, requests_burst=100_000, logins_burst=1000)


@dataclass
class Served:
    """A server in a thread of its own."""

    fake: FakeService
    accounts: FakeAccounts
    port: int
    server: Server
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **how: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20, trust_env=False, **how)

    def elsewhere(self, address: str) -> httpx.Client:
        """Somebody at another address of this machine."""
        transport = httpx.HTTPTransport(local_address=address)
        return httpx.Client(base_url=self.url, timeout=20, transport=transport)

    def as_(self, person: str) -> httpx.Client:
        """A program of this person; "" for nobody."""
        if person and person not in self.tokens:
            with self.client() as client:
                shown = {"person": person, "password": PASSWORD}
                self.tokens[person] = client.post("/api/v1/login", json=shown).json()["token"]
        headers = {"Authorization": f"Bearer {self.tokens[person]}"} if person else {}
        return self.client(headers=headers)

    def stop(self) -> None:
        """End it, if it has not ended."""
        if not self.thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(10)
        self.thread.join(10)
        assert not self.thread.is_alive()


def start(
    fake: FakeService,
    settings: Settings = OPEN,
    *,
    accounts: FakeAccounts | None = None,
    port: int = 0,
    **how: Any,
) -> Served:
    """Serve until `Served.stop`."""
    # As by default it shows the variables around an exception, which is slow and tells secrets.
    structlog.configure(processors=[structlog.processors.format_exc_info, LINES])
    people = accounts or FakeAccounts()
    app = interface.create(fake, fake, people, settings, **how)
    console.mount(app)
    socket = listening("127.0.0.1", port)
    serving, loop = server(app), asyncio.new_event_loop()

    def run() -> None:
        with socket:
            loop.run_until_complete(serving.serve([socket]))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    served = Served(fake, people, socket.getsockname()[1], serving, thread, loop)
    with served.client() as client:
        for _ in range(200):
            try:
                client.get("/api/v1/healthz")
                break
            except httpx.TransportError:
                threading.Event().wait(0.02)
    return served


@contextmanager
def serving(*args: Any, **how: Any) -> Iterator[Served]:
    """Serve while inside."""
    served = start(*args, **how)
    try:
        yield served
    finally:
        served.stop()
