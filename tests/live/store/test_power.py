"""Test 6 of the service: the power fails at any moment, and nothing acknowledged is lost."""

import asyncio
import random
from pathlib import Path

import pytest

from evergrid.core.errors import StoreError
from evergrid.live.clock import WallClock
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store, StoreRules, open_store
from tests.live.store.cases import with_store
from tests.live.store.disk import FAILED_SYNC, OK, Disk, forgetful_disk

STATIONS = 20


async def load(
    store: Store, station: int, acknowledged: set[tuple[str, int]], chance: random.Random
):
    """A station that sends one event after the other, and remembers what was acknowledged."""
    sequence = 0
    while True:
        name = f"cp-{station}"
        body = chance.randbytes(chance.randint(1, 3000))
        try:
            await store.log.append([Entry("transaction_event", 0.0, name, "tx", sequence, body)])
        except OSError:
            await asyncio.sleep(0.001)
            continue
        acknowledged.add((name, sequence))
        sequence += 1


def cut_often(folder: Path, cuts: int, rules: StoreRules, *, failing: bool = False):
    """Folders as power cuts under load left them, with what was acknowledged before each."""

    async def run(disk: Disk):
        chance, left = random.Random(1), []
        acknowledged: set[tuple[str, int]] = set()
        async with open_store(folder / "a.db", clock=WallClock(), rules=rules) as store:
            tasks = [
                asyncio.create_task(load(store, station, acknowledged, random.Random(station)))
                for station in range(STATIONS)
            ]
            while not acknowledged:  # a busy machine may take longer than until the first cut
                await asyncio.sleep(0.001)
            for number in range(cuts):
                if failing:
                    disk.sync_code = FAILED_SYNC
                    await asyncio.sleep(chance.uniform(0, 0.01))
                    disk.sync_code = OK
                await asyncio.sleep(chance.uniform(0, 0.06))
                there, place = set(acknowledged), folder / f"cut-{number}"
                place.mkdir()
                disk.cut(place, chance)
                (place / "a.db.key").write_bytes((folder / "a.db.key").read_bytes())
                left.append((place, there))
            for task in tasks:
                task.cancel()
        return left

    with forgetful_disk() as disk:
        return asyncio.run(run(disk))


def lost(left: list[tuple[Path, set[tuple[str, int]]]]):
    """How many acknowledged entries each cut lost; the store opens, is whole, and writes again."""

    async def read(store: Store):
        whole = await store.read(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalar_one())
        assert whole == "ok"
        found = set()
        after = 0
        while entries := await store.log.entries(after=after, limit=10_000):
            found |= {(one.entry.station, one.entry.sequence) for one in entries}
            after = entries[-1].number
        assert await store.log.append([Entry("again", 0.0)]) == 1
        return found

    return [len(there - with_store(place / "a.db", read)) for place, there in left]


def check(folder: Path, cuts: int, *, failing: bool = False):
    left = cut_often(folder, cuts, StoreRules(), failing=failing)
    assert lost(left) == [0] * cuts
    assert len(left[-1][1]) > cuts  # it was under load


def test_6_a_power_cut_loses_nothing_acknowledged(tmp_path: Path):
    check(tmp_path, 12)


def test_6_a_power_cut_after_syncs_that_failed_loses_nothing_acknowledged(tmp_path: Path):
    check(tmp_path, 8, failing=True)


@pytest.mark.soak
def test_6_fifty_power_cuts_lose_nothing_acknowledged(tmp_path: Path):
    check(tmp_path, 50)


def test_6_power_cuts_while_the_log_is_moved_into_the_file_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("evergrid.live.store.database.engine.CHECKPOINT_PAGES", 20)
    check(tmp_path, 8)


def test_a_restart_after_a_sync_that_failed_builds_on_nothing_that_may_be_lost(tmp_path: Path):
    """The process dies after a failed sync, comes back, acknowledges more; then the power fails."""
    held, memory, cut = tmp_path / "held", tmp_path / "memory", tmp_path / "cut"
    for folder in (held, memory, cut):
        folder.mkdir()

    async def dies(store: Store, disk: Disk):
        await store.log.append([Entry("before", 0.0)])
        disk.sync_code = FAILED_SYNC
        with pytest.raises(StoreError):
            await store.log.append([Entry("failed", 0.0, body=bytes(5000))])
        disk.cut(held)
        for file in tmp_path.glob("a.db*"):
            if file.suffix != ".db-shm":
                (memory / file.name).write_bytes(file.read_bytes())
        disk.sync_code = OK

    async def comes_back(store: Store, disk: Disk):
        await store.log.append([Entry("after", 0.0)])
        disk.cut(cut)

    async def kinds(store: Store):
        return {one.entry.kind for one in await store.log.entries()}

    with forgetful_disk() as disk:
        with_store(tmp_path / "a.db", lambda store: dies(store, disk))
    with forgetful_disk({file.name: file.read_bytes() for file in held.iterdir()}) as disk:
        with_store(memory / "a.db", lambda store: comes_back(store, disk))
    assert {"before", "after"} <= with_store(cut / "a.db", kinds)


def test_the_disk_of_these_tests_does_forget(tmp_path: Path):
    """Without syncs the same load loses what was acknowledged: the tests above can fail."""
    left = cut_often(tmp_path, 3, StoreRules("off"))
    assert [len(there) > 0 for _, there in left] == [True] * 3
    with pytest.raises((AssertionError, StoreError)):
        assert lost(left) == [0] * 3
