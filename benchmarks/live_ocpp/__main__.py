"""Prints the CPU time of the central system; stations run in another process.

Usage: ``python -m benchmarks.live_ocpp [--stations N] [--events N] [--rounds N] [--hold S]``
"""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benchmarks.live_ocpp.handler import CountingHandler, DurableHandler, Stations
from benchmarks.plan import machine
from evergrid.live.clock import WallClock
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.store.store import open_store

PATIENCE_S = 120.0
PARTS = ("hold", "orders", "events", "durable", "bare")
GARBAGE_EVERY = 100_000  # as the command `evergrid` sets it
REPOSITORY = Path(__file__).parents[2]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the stations did not do what they should")
        await asyncio.sleep(0.02)


def used(before: os.times_result, count: int) -> str:
    """CPU since then for each of so many, apart for ourselves and for the operating system."""
    now = os.times()
    ours = (now.user - before.user) / count * 1e6
    system = (now.system - before.system) / count * 1e6
    return f"{ours + system:.1f} us CPU each ({system:.1f} in the operating system)"


def started(port: int, stations: int, events: int) -> subprocess.Popen[bytes]:
    """Stations in a process of their own."""
    words = [str(number) for number in (port, stations, events)]
    call = [sys.executable, "-m", "benchmarks.live_ocpp.stations", *words]
    return subprocess.Popen(call, cwd=REPOSITORY)


class Run:
    """A central system with stations in another process."""

    def __init__(self, stations: int, events: int, handler: CountingHandler | None = None) -> None:
        self.count, self.handler = stations, handler or CountingHandler()
        settings = Settings(boot_wait_s=0.0)
        self.system = CentralSystem(self.handler, Stations(stations), WallClock(), settings)
        self.events = events
        self.child: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> "Run":
        (port,) = await self.system.start(Listener())
        self.begin_s, self.cpu_s = time.monotonic(), time.process_time()
        self.child = started(port, self.count, self.events)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.system.stop()
        if self.child is not None:
            self.child.wait(timeout=PATIENCE_S)


async def events(
    stations: int, each: int, handler: CountingHandler | None = None, words: str = "answered"
) -> None:
    """Events in, checked, read and answered."""
    async with Run(stations, each, handler) as run:
        await until(lambda: run.handler.described_count == stations)
        cpu, begin_s, before = os.times(), time.monotonic(), run.handler.events
        await until(lambda: run.handler.events == stations * (each + 1))
        count = run.handler.events - before
        rate = count / (time.monotonic() - begin_s)
        print(f"TransactionEvent {words}: {used(cpu, count)}, {rate:,.0f}/s, {count:,} in all")


async def durable(stations: int, each: int) -> None:
    """The same, each on the disk before it is answered."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder) / "a.db", clock=WallClock()) as store:
            await events(stations, each, DurableHandler(store.log), "on the disk and answered")


async def bare(stations: int, each: int) -> None:
    """The same events into a socket that reads nothing of them: what no reader can save."""
    count = 0

    async def echo(connection: ServerConnection) -> None:
        nonlocal count
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.recv(decode=False)
                count += 1
                broadcast([connection], '[3,"1",{}]')

    subprotocols = [Subprotocol("ocpp2.1")]
    server = await serve(echo, "127.0.0.1", 0, compression=None, subprotocols=subprotocols)
    child = started(server.sockets[0].getsockname()[1], stations, each)
    await until(lambda: count >= stations)
    cpu, before = os.times(), count
    await until(lambda: count == stations * (each + 1))
    print(f"bare socket, the same events: {used(cpu, count - before)}")
    server.close()
    await server.wait_closed()
    child.wait(timeout=PATIENCE_S)


async def orders(stations: int, rounds: int) -> None:
    """Orders to all stations at once, until all are acknowledged."""
    async with Run(stations, 0) as run:
        await until(lambda: run.handler.described_count == stations)
        adapter = run.system.orders
        sessions = [Session(f"cp-{n}", 1, f"tx-{n}", 11.0, 11.0, 0.0) for n in range(stations)]
        begun = await asyncio.gather(*(adapter.begin(session) for session in sessions))
        if set(begun) != {OrderResult.ACCEPTED}:
            raise RuntimeError(f"{set(begun)}, {run.handler.refusals[:2]}")
        cpu, walls = os.times(), []
        for step in range(rounds):
            begin_s = time.monotonic()
            results = await asyncio.gather(
                *(
                    adapter.order(PowerOrder(f"cp-{n}", 1, f"tx-{n}", -5.0 + step % 10))
                    for n in range(stations)
                )
            )
            walls.append(time.monotonic() - begin_s)
            if set(results) != {OrderResult.ACCEPTED}:
                raise RuntimeError(str(set(results)))
        print(
            f"order acknowledged: {used(cpu, rounds * stations)}, "
            f"{stations} at once in {sorted(walls)[len(walls) // 2] * 1e3:.0f} ms (median)"
        )


async def hold(stations: int, hold_s: float) -> None:
    """Stations that are connected and do nothing."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with Run(stations, 0) as run:
        await until(lambda: run.handler.described_count == stations)
        ready_s, cpu_s = time.monotonic() - run.begin_s, time.process_time() - run.cpu_s
        await asyncio.sleep(hold_s)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(
            f"{stations} stations: all ready in {ready_s:.1f} s "
            f"({cpu_s / stations * 1e3:.2f} ms CPU each), held {hold_s:g} s, "
            f"{run.handler.lost} lost, {grown / stations:.1f} KiB each"
        )


def main() -> None:
    """Run all, one after the other, with the collector set as the command sets it."""
    gc.set_threshold(GARBAGE_EVERY)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=1000)
    parser.add_argument("--events", type=int, default=20_000, help="in all")
    parser.add_argument("--rounds", type=int, default=20, help="of orders to all stations")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--hold", type=float, default=20.0, help="seconds")
    asked = parser.parse_args()
    stations, each = asked.stations, asked.events // asked.stations
    print(f"{machine.description()}, load {os.getloadavg()[0]:.1f}")
    runs: dict[str, Callable[[], Coroutine[None, None, None]]] = {
        "hold": lambda: hold(stations, asked.hold),
        "orders": lambda: orders(stations, asked.rounds),
        "events": lambda: events(stations, each),
        "durable": lambda: durable(stations, each),
        "bare": lambda: bare(stations, each),
    }
    for part in asked.parts:
        uvloop.run(runs[part]())


if __name__ == "__main__":
    main()
