"""Stations that send an event at set times, come back when the link is lost, and say how it went.

A process of its own, called with a JSON text of `Load`; it prints a JSON text of `Outcome`.
"""

import asyncio
import base64
import contextlib
import json
import random
import ssl
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from benchmarks.live_ocpp.stations import SECRET, answer, event

CONNECTING = 50  # handshakes at a time of one process
WAIT_S = 30.0  # for an answer


@dataclass(frozen=True)
class Load:
    """What stations do.

    Attributes:
        port: Of the central system.
        stations: How many.
        interval_s: Between two events of a station; 0 for no events.
        seconds: For which they are sent, once all are connected.
        authority: File with the authority of the service's certificate; "" without TLS.
        certificate: File with certificate and key of the stations; "" for a secret.
        spread_s: Over which their first events are spread.
        warm: Events of each station before all that, one after the other: what is kept of a
            station is then full, so that memory that grows later is a leak.
        return_s: After a lost link a station comes back within so long, at random.
    """

    port: int
    stations: int
    interval_s: float
    seconds: float
    spread_s: float = 1.0
    authority: str = ""
    certificate: str = ""
    warm: int = 0
    return_s: float = 2.0


@dataclass
class Outcome:
    """How it went.

    Attributes:
        sent: Events that were sent first, repeats not counted.
        answered: Of them.
        answered_of: Of each station, those of its warming up too: its first so many.
        dropped: Links that ended before the end.
        refused: Handshakes that were answered with a status of HTTP.
        connected_s: Until all were connected.
        waits_s: From each event to its answer.
        orders: Requests of the central system that were answered.
    """

    sent: int = 0
    answered: int = 0
    answered_of: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    refused: int = 0
    connected_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    orders: int = 0


class Station:
    """One station, for as long as the load lasts."""

    def __init__(self, number: int, load: Load, outcome: Outcome, gate: asyncio.Semaphore) -> None:
        self.name, self.load, self.outcome, self.gate = f"cp-{number}", load, outcome, gate
        self.transaction, self.number = f"tx-{number}", number
        self.socket: ClientConnection | None = None
        self.there, self.ending = asyncio.Event(), False
        self.waiting: dict[str, asyncio.Future[None]] = {}
        word = base64.b64encode(f"{self.name}:{SECRET}".encode()).decode()
        self.headers = {} if load.certificate else {"Authorization": f"Basic {word}"}

    async def run(self, context: ssl.SSLContext | None) -> None:
        """Connect, answer, and connect again, until `end`."""
        while not self.ending:
            try:
                async with self.gate:
                    self.socket = await self._connect(context)
            except InvalidStatus:
                self.outcome.refused += 1
                await asyncio.sleep(random.uniform(0.0, self.load.return_s))
                continue
            except (OSError, WebSocketException, TimeoutError):  # nobody there yet
                await asyncio.sleep(random.uniform(0.0, self.load.return_s))
                continue
            self.there.set()
            with contextlib.suppress(ConnectionClosed):
                await self._read(self.socket)
            self.there.clear()
            if not self.ending:
                self.outcome.dropped += 1
                for future in self.waiting.values():
                    future.cancel()
                await asyncio.sleep(random.uniform(0.0, self.load.return_s))

    async def _connect(self, context: ssl.SSLContext | None) -> ClientConnection:
        scheme = "ws" if context is None else "wss"
        return await connect(
            f"{scheme}://127.0.0.1:{self.load.port}/ocpp/{self.name}",
            subprotocols=["ocpp2.1"],  # pyright: ignore[reportArgumentType]
            additional_headers=self.headers,
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=20.0,
            ssl=context,
        )

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            message: list[Any] = json.loads(text)
            if message[0] == 2:
                self.outcome.orders += 1
                await socket.send(json.dumps([3, message[1], answer(message[2], message[3])]))
            elif (future := self.waiting.get(message[1])) is not None and not future.done():
                future.set_result(None)

    async def warm(self) -> None:
        """Send the first events, which do not count."""
        for sequence in range(self.load.warm):
            kind = "Updated" if sequence else "Started"
            if not await self._told(json.dumps(event(self.transaction, sequence, kind))):
                raise RuntimeError(f"{self.name} had no answer")

    async def send(self, until_s: float) -> None:
        """Send events at their times; one without an answer is sent again, as a station does."""
        await asyncio.sleep(self.load.spread_s * random.random())
        sequence, due_s = self.load.warm, time.monotonic()
        while due_s < until_s:
            await asyncio.sleep(max(due_s - time.monotonic(), 0.0))
            kind = "Updated" if sequence else "Started"
            self.outcome.sent += 1
            began_s = time.monotonic()
            while not await self._told(json.dumps(event(self.transaction, sequence, kind))):
                if time.monotonic() > until_s + WAIT_S:
                    return
            self.outcome.waits_s.append(time.monotonic() - began_s)
            self.outcome.answered += 1
            self.outcome.answered_of[self.name] = sequence + 1
            sequence += 1
            due_s += self.load.interval_s

    async def _told(self, payload: str) -> bool:
        """Whether an event was answered, over the link there is now."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.there.wait(), WAIT_S)
        if self.socket is None or not self.there.is_set():
            return False
        id_ = f"{random.getrandbits(48):x}"
        future = self.waiting[id_] = asyncio.get_running_loop().create_future()
        try:
            await self.socket.send(f'[2,"{id_}","TransactionEvent",{payload}]')
            await asyncio.wait_for(future, WAIT_S)
        except (ConnectionClosed, TimeoutError, asyncio.CancelledError):
            if not future.cancelled() and not future.done():
                future.cancel()
            return False
        finally:
            del self.waiting[id_]
        return True

    async def end(self) -> None:
        """Close the link."""
        self.ending = True
        if self.socket is not None:
            await self.socket.close()


def context_of(load: Load) -> ssl.SSLContext | None:
    """TLS of the stations, with a certificate where they have one."""
    if not load.authority:
        return None
    context = ssl.create_default_context(cafile=load.authority)
    if load.certificate:
        context.load_cert_chain(load.certificate)
    return context


async def main(load: Load) -> Outcome:
    """All stations, from the first handshake to the last answer."""
    outcome, gate, context = Outcome(), asyncio.Semaphore(CONNECTING), context_of(load)
    stations = [Station(number, load, outcome, gate) for number in range(load.stations)]
    began_s = time.monotonic()
    links = [asyncio.create_task(station.run(context)) for station in stations]
    for station in stations:
        await station.there.wait()
    outcome.connected_s = time.monotonic() - began_s
    await asyncio.gather(*(station.warm() for station in stations))
    print("connected", flush=True)
    until_s = time.monotonic() + load.seconds
    if load.interval_s:
        await asyncio.gather(*(station.send(until_s) for station in stations))
    await asyncio.sleep(max(until_s - time.monotonic(), 0.0))
    await asyncio.gather(*(station.end() for station in stations))
    for link in links:
        link.cancel()
    return outcome


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(main(Load(**json.loads(sys.argv[1])))))))
