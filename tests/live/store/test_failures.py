"""Test 7 of the service: a disk that is full, read-only or fails acknowledges nothing."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

from evergrid.core.errors import StoreError
from evergrid.live.store.entry import Entry
from evergrid.live.store.registry import stations
from evergrid.live.store.store import Store, StoreRules
from evergrid.live.store.writer import WriterRules
from tests.live.store.cases import with_store
from tests.live.store.disk import FAILED_SYNC, FULL, OK, READONLY, Disk, forgetful_disk

QUICK = StoreRules(writer=WriterRules(retry_s=0.02))
BODY = bytes(2000)


def event(sequence: int):
    return Entry("transaction_event", 1.0, "cp-1", "tx", sequence, BODY)


async def recovers(store: Store):
    """The store finds by itself that it can write again."""
    async with asyncio.timeout(5):
        while not store.healthy:
            await asyncio.sleep(0.005)
    assert store.reason == ""


async def fails(store: Store, first: int):
    """Nothing is acknowledged, whoever asks, and the reason is told; how it reads."""
    asked = [store.log.append([event(first + number)]) for number in range(5)]
    results = await asyncio.gather(
        *asked, store.write(lambda c: c.exec_driver_sql("DELETE FROM log")), return_exceptions=True
    )
    assert [type(result) for result in results] == [StoreError] * 6
    assert not store.healthy
    assert str(results[0]) == store.reason
    return store.reason


@pytest.mark.parametrize(
    ("write_code", "sync_code", "reason"),
    [
        (FULL, OK, "The store cannot write: database or disk is full."),
        (READONLY, OK, "The store cannot write: attempt to write a readonly database."),
        (OK, FAILED_SYNC, "The store cannot write: disk I/O error."),
    ],
    ids=["full", "read-only", "failing sync"],
)
def test_7_a_disk_that_fails_acknowledges_nothing_and_the_store_recovers_by_itself(
    tmp_path: Path, write_code: int, sync_code: int, reason: str
):
    async def work(store: Store, disk: Disk):
        assert await store.log.append([event(0)]) == 1
        disk.write_code, disk.sync_code = write_code, sync_code
        assert await fails(store, 1) == reason
        await asyncio.sleep(0.1)
        assert not store.healthy
        assert len(await store.log.entries()) == 1  # what is there can be read meanwhile
        disk.write_code = disk.sync_code = OK
        await recovers(store)
        counted = await store.log.append([event(number) for number in range(8)])
        return counted, [one.entry.sequence for one in await store.log.entries()]

    with forgetful_disk() as disk:
        counted, there = with_store(tmp_path / "a.db", lambda store: work(store, disk), rules=QUICK)
    assert counted == 7
    assert there == list(range(8))


def test_a_data_base_that_may_not_grow_acknowledges_nothing_beyond(tmp_path: Path):
    async def work(store: Store):
        written: list[int] = []
        await store.log.append([event(0)])
        pages = await store.read(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())
        await limit(store, pages + 3)
        with pytest.raises(StoreError, match="full"):
            await write_on(store, written)
        assert await store.log.count() == 1 + len(written)
        await limit(store, 1_000_000)
        await recovers(store)
        assert await store.log.append([event(5000)]) == 1

    with_store(tmp_path / "a.db", work, rules=QUICK)


async def write_on(store: Store, written: list[int]):
    """Write until that fails, and note what was acknowledged."""
    for number in range(1, 1000):
        await store.log.append([event(number)])
        written.append(number)


async def limit(store: Store, pages: int):
    """Let the data base have so many pages; as the writer sets it, on the one connection."""
    raw = store._database.writer.raw_connection()
    raw.cursor().execute(f"PRAGMA max_page_count={pages}")
    raw.close()


def test_a_closed_store_takes_nothing(tmp_path: Path):
    async def work(store: Store):
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.log.append([event(0)])
        await store.close()

    with_store(tmp_path / "a.db", work)


def test_what_waits_is_written_when_the_store_is_closed(tmp_path: Path):
    async def work(store: Store):
        waiting = [asyncio.create_task(store.log.append([event(n)])) for n in range(100)]
        await asyncio.sleep(0)
        await store.close()
        return sum(await asyncio.gather(*waiting))

    assert with_store(tmp_path / "a.db", work) == 100


@pytest.mark.parametrize(
    "rules",
    [WriterRules(waiting_requests=5), WriterRules(waiting_bytes=3 * len(BODY))],
    ids=["requests", "bytes"],
)
def test_what_waits_is_bounded_and_whoever_comes_later_waits(tmp_path: Path, rules: WriterRules):
    async def work(store: Store):
        most = 0
        tasks = [asyncio.create_task(store.log.append([event(n)])) for n in range(200)]
        while not all(task.done() for task in tasks):
            most = max(most, store.waiting[0])
            await asyncio.sleep(0)
        assert store.waiting == (0, 0)
        return most, sum(task.result() for task in tasks), await store.log.entries()

    most, written, entries = with_store(tmp_path / "a.db", work, rules=StoreRules(writer=rules))
    assert 1 <= most <= 5
    assert written == 200
    assert [one.entry.sequence for one in entries] == list(range(200))  # first come, first served


def test_whoever_comes_while_others_wait_does_not_overtake_them(tmp_path: Path):
    async def work(store: Store):
        tasks = [asyncio.create_task(store.log.append([event(n)])) for n in range(20)]
        while not all(task.done() for task in tasks):
            if len(tasks) < 200:
                tasks.append(asyncio.create_task(store.log.append([event(len(tasks))])))
            await asyncio.sleep(0)
        return [one.entry.sequence for one in await store.log.entries()]

    rules = StoreRules(writer=WriterRules(waiting_requests=3, group_wait_s=0.0))
    assert with_store(tmp_path / "a.db", work, rules=rules) == list(range(200))


def test_who_leaves_the_line_gives_the_room_to_the_next(tmp_path: Path):
    async def work(store: Store):
        tasks = [asyncio.create_task(store.log.append([event(n)])) for n in range(100)]
        for number in range(100):
            await asyncio.sleep(0)
            if number % 3:
                tasks[number].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert store.waiting == (0, 0)
        kept = [number for number, result in enumerate(results) if result == 1]
        return kept, [one.entry.sequence for one in await store.log.entries()]

    rules = StoreRules(writer=WriterRules(waiting_requests=3))
    kept, there = with_store(tmp_path / "a.db", work, rules=rules)
    assert len(kept) >= 34
    assert set(kept) <= set(there)
    assert there == sorted(there)


def test_an_entry_larger_than_the_bound_goes_alone(tmp_path: Path):
    rules = StoreRules(writer=WriterRules(waiting_bytes=100))
    assert with_store(tmp_path / "a.db", lambda s: s.log.append([event(0)]), rules=rules) == 1


def test_a_write_that_raises_is_taken_back_and_costs_the_others_nothing(tmp_path: Path):
    def bad(connection: Connection):
        connection.exec_driver_sql("DELETE FROM log")
        raise KeyError("of the caller")

    async def work(store: Store):
        await store.log.append([event(0)])
        results = await asyncio.gather(
            store.log.append([event(1)]),
            store.write(bad),
            store.write(lambda c: c.exec_driver_sql("SELECT * FROM nowhere")),
            store.log.append([event(2)]),
            return_exceptions=True,
        )
        return results, store.healthy, await store.log.count()

    results, healthy, count = with_store(tmp_path / "a.db", work)
    assert (results[0], results[3]) == (1, 1)
    assert isinstance(results[1], KeyError)
    assert "no such table" in str(results[2])
    assert (healthy, count) == (True, 3)


def test_a_slow_disk_does_not_hold_the_loop(tmp_path: Path):
    def slow(connection: Connection):
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)"
            " SELECT sum(i) FROM n"
        )

    async def work(store: Store):
        turns, writing = 0, asyncio.create_task(store.write(slow))
        while not writing.done():
            turns += 1
            await asyncio.sleep(0.001)
        return turns

    assert with_store(tmp_path / "a.db", work) > 10


def test_a_store_that_cannot_be_read_says_so(tmp_path: Path):
    async def work(store: Store):
        with pytest.raises(StoreError, match="cannot be read: no such table"):
            await store.read(lambda c: c.exec_driver_sql("SELECT * FROM nowhere"))
        with pytest.raises(StoreError, match="cannot be read: attempt to write a readonly"):
            await store.read(lambda c: c.exec_driver_sql("DELETE FROM log"))
        return await stations.every(store)

    assert with_store(tmp_path / "a.db", work) == ()


def test_7_a_disk_that_hangs_is_told_while_it_hangs(tmp_path: Path):
    held = threading.Event()

    async def work(store: Store):
        writing = asyncio.create_task(store.write(lambda _: held.wait(10)))
        await asyncio.sleep(0.01)
        assert store.healthy
        async with asyncio.timeout(5):
            while store.healthy:
                await asyncio.sleep(0.01)
        reason = store.reason
        held.set()
        await writing
        await recovers(store)
        return reason

    rules = StoreRules(writer=WriterRules(slow_s=0.1))
    reason = with_store(tmp_path / "a.db", work, rules=rules)
    assert reason == "The store hangs: a commit has taken 0 s so far."
