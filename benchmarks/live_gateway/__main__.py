"""Prints the CPU time of controller, gateway and NATS for each event and order.

Usage: ``python -m benchmarks.live_gateway [--stations N] [--events N] [--rounds N]``
"""

import argparse
import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from benchmarks.live_gateway.register import DurableHandler, KeyedStations
from benchmarks.live_ocpp.__main__ import PATIENCE_S, REPOSITORY, started, until
from evergrid.live.clock import WallClock
from evergrid.live.deployment.processes import free_port, nats_server
from evergrid.live.devices.adapter import AbstractAdapter, OrderResult, PowerOrder, Session
from evergrid.live.gateway.gateway_stations import GatewayStations
from evergrid.live.gateway.nats import NatsBroker
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.store.store import open_store

US = 1e6


def used_s(pid: int) -> float:
    """CPU that a process has used, of its own and in the operating system."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def nats_pid() -> int:
    """Of the server that this process started."""
    for folder in Path("/proc").glob("[0-9]*"):
        words = (folder / "stat").read_text().rpartition(")")[2].split()
        if int(words[1]) == os.getpid() and "nats-server" in (folder / "cmdline").read_text():
            return int(folder.name)
    raise RuntimeError("no NATS server was started here")


class Scene:
    """A controller with a durable log, and stations behind it."""

    def __init__(self, handler: DurableHandler, adapter: AbstractAdapter, port: int) -> None:
        self.handler, self.adapter, self.port = handler, adapter, port
        self.pids: dict[str, int] = {"controller": os.getpid()}

    def cpu(self) -> dict[str, float]:
        """CPU of each process so far."""
        return {name: used_s(pid) for name, pid in self.pids.items()}

    def shares(self, before: dict[str, float], count: int) -> str:
        """CPU of each process since then, for each of so many."""
        now = self.cpu()
        each = {name: (now[name] - before[name]) / count * US for name in now}
        parts = ", ".join(f"{name} {us:.0f}" for name, us in each.items())
        return f"{sum(each.values()):.0f} us CPU each ({parts})"


@asynccontextmanager
async def one_process(stations: int, folder: Path) -> AsyncIterator[Scene]:
    """The central system in the controller's process."""
    async with open_store(folder / "one.db", clock=WallClock()) as store:
        handler = DurableHandler(store.log)
        settings = Settings(boot_wait_s=0.0)
        system = CentralSystem(handler, KeyedStations(stations), WallClock(), settings)
        (port,) = await system.start(Listener())
        yield Scene(handler, system.orders, port)
        await system.stop()


@asynccontextmanager
async def behind_a_gateway(stations: int, folder: Path) -> AsyncIterator[Scene]:
    """The central system in a gateway, and NATS between."""
    async with (
        open_store(folder / "gateway.db", clock=WallClock()) as store,
        nats_server() as (entry, at),
    ):
        handler, register = DurableHandler(store.log), KeyedStations(stations)
        broker, port = await NatsBroker.connect(entry, at), free_port()
        ends = GatewayStations(
            broker,
            "bench",
            handler,
            register,
            register.after,
            lambda _: [],
            WallClock(),
            lease_s=30.0,
        )
        await ends.start()
        words = (str(entry.port), str(at), str(port))
        call = [sys.executable, "-m", "benchmarks.live_gateway.gateway", *words]
        child = subprocess.Popen(call, cwd=REPOSITORY)
        try:
            await until(lambda: bool(ends.gateways))
            scene = Scene(handler, ends, port)
            scene.pids |= {"gateway": child.pid, "NATS": nats_pid()}
            yield scene
        finally:
            child.terminate()
            await asyncio.to_thread(child.wait, PATIENCE_S)
            await ends.stop()
            await broker.close()


async def measured(name: str, scene: Scene, stations: int, each: int, rounds: int) -> None:
    """Events in, durable and answered; then orders to all, acknowledged."""
    child = started(scene.port, stations, each)
    handler = scene.handler
    await until(lambda: handler.described_count >= stations)
    before, begin_s, count = scene.cpu(), time.monotonic(), handler.events
    total = stations * (each + 1)
    await until(lambda: handler.events >= total)
    count = total - count
    rate = count / (time.monotonic() - begin_s)
    print(f"{name}: durable event {scene.shares(before, count)}, {rate:,.0f}/s", flush=True)
    sessions = [Session(f"cp-{n}", 1, f"tx-{n}", 11.0, 11.0, 0.0) for n in range(stations)]
    begun = await asyncio.gather(*(scene.adapter.begin(one) for one in sessions))
    if set(begun) != {OrderResult.ACCEPTED}:
        raise RuntimeError(f"{set(begun)}, {handler.refusals[:2]}")
    before, walls = scene.cpu(), []
    for step in range(rounds):
        begin_s = time.monotonic()
        results = await asyncio.gather(
            *(
                scene.adapter.order(PowerOrder(f"cp-{n}", 1, f"tx-{n}", -5.0 + step % 10))
                for n in range(stations)
            )
        )
        walls.append(time.monotonic() - begin_s)
        if set(results) != {OrderResult.ACCEPTED}:
            raise RuntimeError(str(set(results)))
    middle_ms = sorted(walls)[len(walls) // 2] * 1e3
    told = scene.shares(before, rounds * stations)
    print(f"{name}: order {told}, {stations} at once in {middle_ms:.0f} ms (median)", flush=True)
    child.terminate()
    await asyncio.to_thread(child.wait, PATIENCE_S)


async def run(stations: int, each: int, rounds: int) -> None:
    """Both ways, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        async with one_process(stations, Path(folder)) as scene:
            await measured("one process", scene, stations, each, rounds)
        kept = sum(file.stat().st_size for file in Path(folder).glob("one.db*"))
        print(f"store: {kept / scene.handler.events:,.0f} bytes an event", flush=True)
        async with behind_a_gateway(stations, Path(folder)) as scene:
            await measured("behind a gateway", scene, stations, each, rounds)


def main() -> None:
    """Run, with the collector set as a service sets it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=500)
    parser.add_argument("--events", type=int, default=20_000, help="in all")
    parser.add_argument("--rounds", type=int, default=10, help="of orders to all stations")
    asked = parser.parse_args()
    uvloop.run(run(asked.stations, asked.events // asked.stations, asked.rounds))


if __name__ == "__main__":
    main()
