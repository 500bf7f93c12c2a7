"""A central system with a store, and what it takes of memory, descriptors and time meanwhile."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.live_ocpp.handler import DurableHandler, Stations
from evergrid.live.clock import WallClock
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.store.store import Store, open_store

KIB_PER_MIB = 1024.0
REST_SHARE = 0.5  # of a run, in which memory settles before its slope is read


@dataclass(frozen=True)
class Sample:
    """What the process holds at one moment.

    Attributes:
        time_s: Of the monotonic clock.
        memory_mib: Resident.
        descriptors: Open files and sockets.
        tasks: Of the event loop.
    """

    time_s: float
    memory_mib: float
    descriptors: int
    tasks: int


@dataclass
class Loaded:
    """A central system under load.

    Attributes:
        system: Of OCPP.
        handler: Writes each event to the store.
        store: On a disk.
        port: Where stations connect.
    """

    system: CentralSystem
    handler: DurableHandler
    store: Store
    port: int


@asynccontextmanager
async def served(
    folder: Path, stations: int, listener: Listener | None = None, *, profile: int = 1
) -> AsyncIterator[Loaded]:
    """A central system whose events are on the disk before they are answered."""
    async with open_store(folder / "load.db", clock=WallClock()) as store:
        handler = DurableHandler(store.log)
        known = Stations(stations, profile=profile)
        settings = Settings(boot_wait_s=0.5, reconnects_per_minute=1000)
        system = CentralSystem(handler, known, WallClock(), settings)
        (port,) = await system.start(listener or Listener())
        try:
            yield Loaded(system, handler, store, port)
        finally:
            await system.stop()


def sample() -> Sample:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 1024 / KIB_PER_MIB
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return Sample(time.monotonic(), memory, descriptors, len(asyncio.all_tasks()))


async def watched(samples: list[Sample], every_s: float) -> None:
    """Sample until cancelled."""
    while True:
        gc.collect()
        samples.append(sample())
        await asyncio.sleep(every_s)


def slope_mib_per_h(samples: list[Sample]) -> float:
    """How fast memory grows once it has settled, by least squares."""
    rest_s = samples[0].time_s + REST_SHARE * (samples[-1].time_s - samples[0].time_s)
    kept = [one for one in samples if one.time_s >= rest_s]
    hours = np.array([one.time_s for one in kept]) / 3600.0
    memory = np.array([one.memory_mib for one in kept])
    return float(np.polyfit(hours - hours[0], memory, 1)[0])
