"""Holds stations, takes events in, sends orders and restarts, and prints what was measured.

``python -m benchmarks.live_load held|ingest|orders|restart|kill``, with ``--stations`` and more.
Stations run in another process and send events of 1.2 kB, each on the disk (SQLite, FULL) before it
is answered. Loopback only.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from sqlalchemy import Connection

from benchmarks.live_load import certificates
from benchmarks.live_load.service import Loaded, Sample, served, slope_mib_per_h, watched
from benchmarks.live_load.stations import Load
from benchmarks.live_store.__main__ import sync_times
from benchmarks.plan import machine
from evergrid.live.clock import WallClock
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp.central_system import Listener
from evergrid.live.ocpp.wire.message_ring import KEPT
from evergrid.live.store.store import Store, open_store

REPOSITORY = Path(__file__).parents[2]
LONGEST_LINE = 64 * 2**20  # bytes; an outcome holds the wait of every event
SAMPLES = 200  # of memory in a run
WARM = KEPT // 2 + 1  # events of a station, each with its answer, that fill its last messages
BETWEEN_KILLS_S = (0.5, 2.0)
Figures = dict[str, Any]


@asynccontextmanager
async def loading(load: Load) -> AsyncIterator[Process]:
    """Stations in a process of their own, from the moment that all are connected."""
    call = [sys.executable, "-m", "benchmarks.live_load.stations", json.dumps(asdict(load))]
    process = await asyncio.create_subprocess_exec(
        *call, stdout=PIPE, cwd=REPOSITORY, limit=LONGEST_LINE
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if line != b"connected\n":
            raise RuntimeError(f"the stations said {line!r}")
        yield process
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()


async def outcome(process: Process) -> Figures:
    """What the stations tell at their end."""
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    waits_s = told.pop("waits_s")
    if waits_s:
        told["p50_ms"], told["p99_ms"] = (1e3 * np.quantile(waits_s, [0.5, 0.99])).tolist()
    return told


async def lost(store: Store, told: Figures) -> int:
    """Answered events that are not on the disk; takes the answers of each station out of `told`."""
    answered: dict[str, int] = told.pop("answered_of")

    def there(connection: Connection) -> dict[str, int]:
        words = "SELECT station, sequence FROM log WHERE kind = 'transaction_event'"
        counts = dict.fromkeys(answered, 0)
        for station, sequence in connection.exec_driver_sql(words):
            counts[station] += sequence < answered.get(station, 0)
        return counts

    found = await store.read(there)
    return sum(count - found[station] for station, count in answered.items())


async def held(
    folder: Path, stations: int, seconds: float, interval_s: float, *, warm: int = WARM
) -> Figures:
    """Stations that send an event at each interval: tests 1, 2 and 24."""
    sync = sync_times(folder)
    async with served(folder, stations) as loaded:
        load = Load(loaded.port, stations, interval_s, seconds, spread_s=interval_s, warm=warm)
        samples: list[Sample] = []
        async with loading(load) as process:
            began_s, cpu_s = time.monotonic(), time.process_time()
            watch = asyncio.create_task(watched(samples, max(seconds / SAMPLES, 0.5)))
            told = await outcome(process)
            watch.cancel()
        took_s = time.monotonic() - began_s
        figures = {
            "lost": await lost(loaded.store, told),
            "cpu_share": (time.process_time() - cpu_s) / took_s,
            "events_per_s": told["answered"] / seconds,
            "on_disk": await loaded.store.log.count("transaction_event") - warm * stations,
        }
    figures |= told
    middle = samples[len(samples) // 4 : -1] or samples
    return figures | {
        "memory_mib_course": [
            round(one.memory_mib, 1) for one in samples[:: len(samples) // 8 or 1]
        ],
        "memory_mib": max(one.memory_mib for one in samples),
        "memory_mib_per_h": slope_mib_per_h(samples),
        "descriptors": sorted({one.descriptors for one in middle}),
        "tasks_median": float(np.median([one.tasks for one in middle])),
        "fdatasync_p50_ms": sync.p50_ms,
    }


async def orders(folder: Path, stations: int, ticks: int, tick_s: float) -> Figures:
    """Orders to all stations at each tick, until each is acknowledged: test 3."""
    async with served(folder, stations) as loaded:
        load = Load(loaded.port, stations, 1e6, ticks * tick_s + 10.0, spread_s=2.0)
        async with loading(load) as process:
            while loaded.handler.events < stations or loaded.handler.described_count < stations:
                await asyncio.sleep(0.05)
            waits_s, missed = await _ticks(loaded, stations, ticks, tick_s)
            told = await outcome(process)
    del told["answered_of"]
    p50_ms, p99_ms = (1e3 * np.quantile(waits_s, [0.5, 0.99])).tolist()
    return {
        "orders": len(waits_s),
        "ticks": ticks,
        "ticks_missed": missed,
        "order_p50_ms": p50_ms,
        "order_p99_ms": p99_ms,
        "dropped": told["dropped"],
    }


async def _ticks(
    loaded: Loaded, stations: int, ticks: int, tick_s: float
) -> tuple[list[float], int]:
    """The wait of each order, and how many ticks had not ended when the next was due."""
    adapter = loaded.system.orders
    sessions = [Session(f"cp-{n}", 1, f"tx-{n}", 11.0, 11.0, 0.0) for n in range(stations)]
    begun = await asyncio.gather(*(adapter.begin(session) for session in sessions))
    if set(begun) != {OrderResult.ACCEPTED}:
        raise RuntimeError(f"{set(begun)}, {loaded.handler.refusals[:2]}")
    waits_s: list[float] = []

    async def send(number: int, power_kw: float) -> None:
        began_s = time.monotonic()
        result = await adapter.order(PowerOrder(f"cp-{number}", 1, f"tx-{number}", power_kw))
        waits_s.append(time.monotonic() - began_s)
        if result is not OrderResult.ACCEPTED:
            raise RuntimeError(f"cp-{number}: {result}")

    due_s, missed = time.monotonic(), 0
    for tick in range(ticks):
        await asyncio.sleep(max(due_s - time.monotonic(), 0.0))
        await asyncio.gather(*(send(n, -5.0 + (tick % 10)) for n in range(stations)))
        due_s += tick_s
        missed += time.monotonic() > due_s
    return waits_s, missed


async def restart(folder: Path, stations: int, seconds: float, profile: int) -> Figures:
    """The service ends and starts again while stations send: test 4."""
    tls, authority, certificate = None, "", ""
    if profile > 1:
        tls, authority, certificate = certificates.made(folder, stations=profile == 3)
    async with served(folder, stations, Listener(tls=tls), profile=profile) as loaded:
        port = loaded.port
        load = Load(port, stations, 2.0, seconds, 2.0, authority, certificate)
        running = loading(load)
        process = await running.__aenter__()
        await asyncio.sleep(1.0)
    began_s, cpu_s = time.monotonic(), time.process_time()
    async with served(folder, stations, Listener(port=port, tls=tls), profile=profile) as loaded:
        while (there := sum(loaded.system.online(f"cp-{n}") for n in range(stations))) < stations:
            if time.monotonic() > began_s + seconds:
                break
            await asyncio.sleep(0.05)
        back_s, back_cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
        told = await outcome(process)
        await running.__aexit__(None, None, None)
        refusals, on_disk = loaded.handler.refusals, loaded.store.log
        missing = await lost(loaded.store, told)
        return told | {
            "back": there,
            "back_s": back_s,
            "cpu_ms_each": 1e3 * back_cpu_s / stations,
            "turned_away": len(refusals),
            "on_disk": await on_disk.count("transaction_event"),
            "lost": missing,
            "profile": profile,
        }


async def kill(folder: Path, stations: int, kills: int) -> Figures:
    """The service is killed at random while stations send, and started again: test 5."""
    process, port, ups_s = await _killable(folder, stations, 0)
    seconds = 3.0 + kills * (BETWEEN_KILLS_S[1] + 1.0)
    load = Load(port, stations, 0.2, seconds, 1.0, return_s=0.2)
    async with loading(load) as clients:
        for _ in range(kills):
            await asyncio.sleep(random.uniform(*BETWEEN_KILLS_S))
            process.kill()
            await process.wait()
            process, port, up_s = await _killable(folder, stations, port)
            ups_s = max(ups_s, up_s)
        told = await outcome(clients)
    process.kill()
    await process.wait()
    async with open_store(folder / "load.db", clock=WallClock()) as store:
        on_disk, missing = await store.log.count("transaction_event"), await lost(store, told)
        whole = await store.read(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalar_one())
    figures = {"kills": kills, "on_disk": on_disk, "lost": missing, "up_s": ups_s}
    return told | figures | {"integrity": whole}


async def _killable(folder: Path, stations: int, port: int) -> tuple[Process, int, float]:
    """A service in a process of its own, its port, and how long it took to start."""
    call = [sys.executable, "-m", "benchmarks.live_load.killed", str(folder), str(stations)]
    began_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(*call, str(port), stdout=PIPE, cwd=REPOSITORY)
    assert process.stdout is not None
    line = await process.stdout.readline()
    return process, int(line), time.monotonic() - began_s


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("held", "ingest", "orders", "restart", "kill"))
    parser.add_argument("--stations", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--interval", type=float, default=10.0, help="between events, held")
    parser.add_argument("--per-s", type=float, default=2500.0, help="events, ingest")
    parser.add_argument("--ticks", type=int, default=10)
    parser.add_argument("--tick", type=float, default=4.0, help="seconds, orders")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--profile", type=int, default=1, choices=(1, 2, 3), help="restart")
    parser.add_argument("--json", action="store_true", help="for machines")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, stations = Path(name), asked.stations
        if asked.what == "held":
            run = held(folder, stations, asked.seconds, asked.interval)
        elif asked.what == "ingest":
            run = held(folder, stations, asked.seconds, stations / asked.per_s, warm=0)
        elif asked.what == "orders":
            run = orders(folder, stations, asked.ticks, asked.tick)
        elif asked.what == "kill":
            run = kill(folder, stations, asked.kills)
        else:
            run = restart(folder, stations, asked.seconds, asked.profile)
        load = os.getloadavg()[0]
        figures = {"what": asked.what, "stations": stations} | uvloop.run(run)
    figures |= {"load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1)}
    if not asked.json:
        print(machine.description())
    print(json.dumps(figures) if asked.json else json.dumps(figures, indent=1))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
