"""``python -m benchmarks.live_store``: entries a second on the disk, CPU of each, waits, restarts.

Each entry is a transaction event of 1.4 kB from one of 1,000 stations, in a transaction of its
own, acknowledged once the commit that holds it is on the disk (SQLite, WAL, synchronous FULL).
With ``--server`` the same on PostgreSQL; the CPU is then that of the service alone, without the
server's. Every run is printed beside the time of fdatasync on the same disk, before and after it.
"""

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.plan import machine
from evergrid.live.clock import WallClock
from evergrid.live.store import backup
from evergrid.live.store.database.engine import sqlite_module
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store, StoreRules, open_store
from evergrid.live.store.writer import WriterRules

STATIONS = 1000
BODY_BYTES = 1400
SYNCS = 50
BURST_S = 0.002
MS, US, MB = 1e3, 1e6, 1e6
PARTS = "together steady restart"


@dataclass(frozen=True)
class Sync:
    """What fdatasync takes after 70 kB were written, median and worst of a hundred, ms.

    Attributes:
        p50_ms: Median.
        p99_ms: Of a hundred, the second worst.
    """

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Row:
    """One load.

    Attributes:
        load: In words.
        entries: How many were written.
        per_s: On the disk each second.
        cpu_us: Of the whole process, for each.
        group: Entries in a commit, mean.
        p50_ms: From asking to being acknowledged, median.
        p99_ms: The same, of the slowest hundredth.
        sync: Of the disk, around the run.
    """

    load: str
    entries: int
    per_s: float
    cpu_us: float
    group: float
    p50_ms: float
    p99_ms: float
    sync: Sync


@dataclass(frozen=True)
class Restart:
    """Opening a store again whose process died, and a backup of it.

    Attributes:
        entries: In its log.
        size_mb: Of its files.
        open_s: Until the first new entry is on the disk.
        read_s: Until all entries are read as well.
        backup_s: Of a copy with its checksum, while it is open.
        verify_s: Of the proof that the copy is whole.
        sync: Of the disk, around the run.
    """

    entries: int
    size_mb: float
    open_s: float
    read_s: float
    backup_s: float
    verify_s: float
    sync: Sync


def events(count: int) -> list[Entry]:
    """Events of all stations in turns."""
    body = os.urandom(BODY_BYTES)
    return [
        Entry(
            "transaction_event",
            1.8e9 + number / STATIONS,
            f"station-{number % STATIONS:05d}",
            f"c0ffee00-1234-4321-aaaa-{number % STATIONS:012d}",
            number // STATIONS,
            body,
        )
        for number in range(count)
    ]


async def together(folder: Path, askers: int, count: int, server: str | None = None) -> Row:
    """So many who each ask again once they are answered."""
    given = iter(events(count))
    waits_s: list[float] = []

    async def ask(store: Store) -> None:
        for entry in given:
            began = time.perf_counter()
            await store.log.append([entry])
            waits_s.append(time.perf_counter() - began)

    async def load(store: Store) -> None:
        await asyncio.gather(*(ask(store) for _ in range(askers)))

    words = f"{askers:,} at once"
    return await _timed(folder, words, count, load, waits_s, WriterRules(), server)


async def steady(folder: Path, per_s: int, seconds: float, rules: WriterRules) -> Row:
    """So many a second, whether or not the last ones were answered."""
    given, waits_s = events(round(per_s * seconds)), list[float]()

    async def ask(store: Store, entry: Entry, due: float) -> None:
        await store.log.append([entry])
        waits_s.append(time.perf_counter() - due)

    async def load(store: Store) -> None:
        begin, tasks = time.perf_counter(), set[asyncio.Task[None]]()
        for number, entry in enumerate(given):
            due = begin + number / per_s
            if due > time.perf_counter():
                await asyncio.sleep(BURST_S)  # as sockets are read, those that are due at once
            task = asyncio.create_task(ask(store, entry, due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    words = f"{per_s:,} a second, commits wait {rules.group_wait_s * MS:g} ms"
    return await _timed(folder, words, len(given), load, waits_s, rules)


async def restart(folder: Path, count: int) -> Restart:
    """A store is opened from the files of one that was never closed, and read from its begin."""
    before, died = sync_times(folder), folder / "died"
    died.mkdir()
    given = events(count)
    async with open_store(folder / "a.db", clock=WallClock()) as store:
        for first in range(0, count, 1000):
            await store.log.append(given[first : first + 1000])
        for end in ("", "-wal", ".key"):
            shutil.copyfile(folder / f"a.db{end}", died / f"a.db{end}")
    size_mb = sum(file.stat().st_size for file in died.iterdir()) / MB
    began, after, found = time.perf_counter(), 0, 0
    async with open_store(died / "a.db", clock=WallClock()) as store:
        await store.log.append([Entry("started", 0.0)])
        open_s = time.perf_counter() - began
        while entries := await store.log.entries(after=after, limit=10_000):
            after, found = entries[-1].number, found + len(entries)
        read_s = time.perf_counter() - began
        began = time.perf_counter()
        await backup.make(store, folder / "b.db")
        backup_s = time.perf_counter() - began
    began = time.perf_counter()
    backup.verify(folder / "b.db")
    verify_s = time.perf_counter() - began
    assert found == count + 1, "every entry is read"
    sync = worse(before, sync_times(folder))
    return Restart(count, size_mb, open_s, read_s, backup_s, verify_s, sync)


async def _timed(
    folder: Path,
    words: str,
    count: int,
    load: Callable[[Store], Awaitable[None]],
    waits_s: list[float],
    rules: WriterRules,
    server: str | None = None,
) -> Row:
    place = server or folder / f"{time.monotonic_ns()}.db"
    before, key = sync_times(folder), None if server is None else folder / "key"
    how = StoreRules(writer=rules, key_file=key)
    async with open_store(place, clock=WallClock(), rules=how) as store:
        if server is not None:
            await store.write(lambda c: c.exec_driver_sql("TRUNCATE log").rowcount)
        began, busy = time.perf_counter(), time.process_time()
        await load(store)
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - busy
        counters = store.counters
    assert counters.entries == count, "every entry is new"
    p50_s, p99_s = np.quantile(waits_s, [0.5, 0.99])
    return Row(
        words,
        count,
        count / took_s,
        cpu_s / count * US,
        count / counters.commits,
        float(p50_s) * MS,
        float(p99_s) * MS,
        worse(before, sync_times(folder)),
    )


def sync_times(folder: Path) -> Sync:
    """What the disk takes to sync, now."""
    taken_s, block = [], os.urandom(50 * BODY_BYTES)
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            file.write(block)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken_s.append(time.perf_counter() - began)
    p50_s, p99_s = np.quantile(taken_s, [0.5, 0.99])
    return Sync(float(p50_s) * MS, float(p99_s) * MS)


def worse(one: Sync, other: Sync) -> Sync:
    """The slower of two measurements."""
    return max(one, other, key=lambda sync: sync.p50_ms)


def rows(
    folder: Path, parts: Sequence[str], *, quick: bool, server: str | None
) -> Iterator[Row | Restart]:
    """Every load, one after the other; on a server, those who ask again once answered alone."""
    if "together" in parts:
        for askers in (1, 10, 50, 200, 1000):
            count = min(askers * 200, 4000 if quick else 40_000)
            yield asyncio.run(together(folder, askers, count, server))
    if server is not None:
        return
    if "steady" in parts:
        for per_s in (500, 2500, 5000):
            for wait_s in (0.0, 0.002, 0.005):
                rules = WriterRules(group_wait_s=wait_s)
                yield asyncio.run(steady(folder, per_s, 1.0 if quick else 10.0, rules))
    if "restart" in parts:
        yield asyncio.run(restart(folder, 10_000 if quick else 200_000))


def line(row: Row | Restart) -> str:
    """A row as it is printed."""
    disk = f"fdatasync p50 {row.sync.p50_ms:.2f}, p99 {row.sync.p99_ms:.1f} ms"
    if isinstance(row, Restart):
        return (
            f"restart with {row.entries:,} entries, {row.size_mb:.0f} MB, after the process died: "
            f"first new one on the disk after {row.open_s:.2f} s, all read after {row.read_s:.2f} "
            f"s; backup {row.backup_s:.1f} s, its proof {row.verify_s:.1f} s; {disk}"
        )
    return (
        f"{row.load}: {row.per_s:,.0f} entries a second, {row.cpu_us:.1f} us CPU each, "
        f"{row.group:.1f} in a commit, answered in p50 {row.p50_ms:.1f}, p99 {row.p99_ms:.1f} ms; "
        f"{disk}"
    )


def main() -> None:
    """Run what is asked, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {PARTS}; all by default")
    parser.add_argument("--folder", type=Path, help="on the disk that is measured")
    parser.add_argument("--server", help="URL of an empty PostgreSQL data base, instead of a file")
    parser.add_argument("--quick", action="store_true", help="under ten seconds")
    parser.add_argument("--json", action="store_true", help="for machines")
    asked = parser.parse_args()
    if not asked.json:
        print(f"{machine.description()}, {machine.versions()}")
        print(f"SQLite {sqlite_module().sqlite_version}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        parts = asked.parts or PARTS.split()
        for row in rows(Path(name), parts, quick=asked.quick, server=asked.server):
            print(json.dumps(asdict(row)) if asked.json else line(row), flush=True)


if __name__ == "__main__":
    main()
