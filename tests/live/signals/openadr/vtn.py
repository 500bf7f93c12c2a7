"""A small OpenADR server of the tests, written from the specification; it can misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

PROGRAM = {
    "id": "flex-1",
    "objectType": "PROGRAM",
    "programName": "flex",
    "payloadDescriptors": [
        {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "units": units}
        | ({"currency": "EUR"} if "PRICE" in kind else {})
        for kind, units in (
            ("PRICE", "KWH"),
            ("EXPORT_PRICE", "KWH"),
            ("IMPORT_CAPACITY_LIMIT", "KW"),
            ("EXPORT_CAPACITY_LIMIT", "KW"),
            ("DISPATCH_SETPOINT", "KW"),
        )
    ],
}


@dataclass
class SmallVtn:
    """What it answers, and what it was asked.

    Attributes:
        events: Listed.
        program: Told.
        secret: That a token is had for; none is asked for where None.
        status: Of every answer to a GET.
        headers: Beside its own.
        body: Instead of what was asked for.
        slow_s: Of the wall's clock, between two pieces of an answer.
        clock_s: Of its own clock; none where None.
        asked: Paths, in order.
        tokens: Handed out so far.
        reports: Handed in, in order.
        port: Where it listens.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    program: dict[str, Any] = field(default_factory=lambda: dict(PROGRAM))
    secret: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    slow_s: float = 0.0
    clock_s: float | None = None
    asked: list[str] = field(default_factory=list)
    tokens: int = 0
    port: int = 0
    reports: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/openadr3/3.1.0"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split()
                headers = {}
                while (field_line := (await reader.readline()).decode().strip()) != "":
                    name, value = field_line.split(":", 1)
                    headers[name.lower()] = value.strip()
                given = await reader.readexactly(int(headers.get("content-length", 0)))
                self.asked.append(path)
                await self._answer(writer, *self._found(method, path, headers, given))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has hung up
        finally:
            writer.close()

    def _found(
        self, method: str, path: str, headers: dict[str, str], given: bytes
    ) -> tuple[int, bytes]:
        parts = urlsplit(path)
        if parts.path.endswith("/auth/token") and method == "POST":
            told = parse_qs(given.decode())
            if told.get("client_secret") != [self.secret]:
                return 401, b"{}"
            self.tokens += 1
            return 200, json.dumps(
                {"access_token": f"token-{self.tokens}", "expires_in": 3600}
            ).encode()
        if self.secret is not None and headers.get("authorization") != (
            f"Bearer token-{self.tokens}"
        ):
            return 401, b"{}"
        if self.status != 200 or self.body is not None:
            return self.status, self.body or b'{"title": "no"}'
        if parts.path.endswith("/reports") and method == "POST":
            self.reports.append(json.loads(given))
            return 201, given
        if parts.path.endswith("/programs/flex-1"):
            return 200, json.dumps(self.program).encode()
        if parts.path.endswith("/events"):
            query = parse_qs(parts.query)
            skip, limit = int(query["skip"][0]), int(query["limit"][0])
            return 200, json.dumps(self.events[skip : skip + limit]).encode()
        return 404, b"{}"

    async def _answer(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        headers = {"content-length": str(len(body)), "content-type": "application/json"}
        if self.clock_s is not None:
            headers["date"] = formatdate(self.clock_s, usegmt=True)
        lines = [f"HTTP/1.1 {status} Status"]
        lines += [f"{name}: {value}" for name, value in (headers | self.headers).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        step = 10 if self.slow_s else 1 << 16
        for at in range(0, len(body), step):
            writer.write(body[at : at + step])
            await writer.drain()
            await asyncio.sleep(self.slow_s)


@asynccontextmanager
async def listening(vtn: SmallVtn) -> AsyncIterator[SmallVtn]:
    """The server, as long as the context lasts."""
    server = await asyncio.start_server(vtn.handle, "127.0.0.1", 0)
    vtn.port = server.sockets[0].getsockname()[1]
    try:
        yield vtn
    finally:
        server.close()
        await asyncio.sleep(0.01)


def event(name: str, kind: str, values: list[float], **changed: Any) -> dict[str, Any]:
    """An event of an hour for each value, from noon on."""
    made = {
        "id": name,
        "createdDateTime": "2026-11-29T10:00:00Z",
        "modificationDateTime": "2026-11-29T10:00:00Z",
        "objectType": "EVENT",
        "programID": "flex-1",
        "intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "PT1H"},
        "intervals": [
            {"id": nth, "payloads": [{"type": kind, "values": [value]}]}
            for nth, value in enumerate(values)
        ],
    }
    return made | changed
