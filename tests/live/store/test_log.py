"""What is acknowledged is in the log, once, in the order of writing."""

import asyncio
import math
import random
from itertools import pairwise

import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock, WallClock
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store, open_store
from tests.live.store.cases import Place, with_store


def event(sequence: int, station: str = "cp-1", body: bytes = b"{}"):
    return Entry("transaction_event", 1.0, station, "tx", sequence, body)


def test_an_entry_is_read_as_it_was_written(place: Place):
    given = [event(0, body=b"\x00{}"), Entry("order", 2.5, body=b'{"power_kw":-7.2}')]

    async def work(store: Store):
        assert await store.log.append(given) == 2
        return await store.log.entries()

    found = with_store(place, work)
    assert [one.entry for one in found] == given
    assert [one.number for one in found] == [1, 2]


def test_entries_outlive_the_process(place: Place):
    with_store(place, lambda store: store.log.append([event(0)]))
    found = with_store(place, lambda store: store.log.entries())
    assert [one.entry for one in found] == [event(0)]


def test_an_entry_of_the_same_name_is_ignored_and_its_neighbours_are_not(place: Place):
    async def work(store: Store):
        counts = await asyncio.gather(
            store.log.append([event(0), event(1)]),
            store.log.append([event(1), event(2)]),
            store.log.append([event(1)]),
            store.log.append([event(1, station="cp-2")]),
        )
        again = await store.log.append([event(0), event(3)])
        return counts, again, await store.log.entries("transaction_event", station="cp-1")

    counts, again, found = with_store(place, work)
    assert counts == [2, 1, 0, 1]
    assert again == 1
    assert [one.entry.sequence for one in found] == [0, 1, 2, 3]


def test_entries_that_are_not_numbered_are_all_kept(place: Place):
    async def work(store: Store):
        return await store.log.append([Entry("order", 1.0, "cp-1", "tx")] * 3)

    assert with_store(place, work) == 3


def test_entries_are_found_by_kind_station_transaction_and_place(place: Place):
    async def work(store: Store):
        await store.log.append(
            [Entry("a", float(i), f"s{i % 2}", f"t{i % 3}", i) for i in range(12)]
        )
        await store.log.append([Entry("b", 99.0)])
        log = store.log
        assert len(await log.entries("a")) == 12
        assert [one.number for one in await log.entries("a", station="s1", transaction="t0")] == [
            4,
            10,
        ]
        assert [one.number for one in await log.entries(after=11)] == [12, 13]
        assert [one.number for one in await log.entries(after=2, limit=3)] == [3, 4, 5]
        assert [one.number for one in await log.newest("a", limit=2)] == [12, 11]
        last = await log.last("a")
        assert last is not None
        assert last.number == 12
        assert await log.last("c") is None
        assert await log.count() == 13
        assert await log.count("b") == 1

    with_store(place, work)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Entry("", 1.0), "kind"),
        (Entry("k" * 33, 1.0), "kind"),
        (Entry("k", math.nan), "time_s"),
        (Entry("k", math.inf), "time_s"),
        (Entry("k", 1.0, "s" * 49), "station"),
        (Entry("k", 1.0, "s", "t" * 37), "transaction"),
        (Entry("k", 1.0, "s", "t", 2**63), "sequence"),
        (Entry("k", 1.0, body=bytes(2**20 + 1)), "body"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused_with_all_beside_it(
    place: Place, entry: Entry, field: str
):
    async def work(store: Store):
        with pytest.raises(InputError) as caught:
            await store.log.append([event(0), entry])
        return caught.value.field, await store.log.count()

    assert with_store(place, work) == (field, 0)


def test_an_entry_that_cannot_be_written_costs_those_of_others_nothing(place: Place):
    async def work(store: Store):
        bad = Entry("k", 1.0, "half a character \ud800")
        results = await asyncio.gather(
            store.log.append([event(0)]),
            store.log.append([bad]),
            store.log.append([event(1)]),
            return_exceptions=True,
        )
        return results, store.healthy, await store.log.count()

    results, healthy, count = with_store(place, work)
    assert results[0] == results[2] == 1
    assert isinstance(results[1], UnicodeEncodeError)
    assert healthy
    assert count == 2


def test_virtual_time_stands_still_until_entries_are_on_the_disk(place: Place):
    async def run():
        clock = VirtualClock(0.0)
        done_s = []

        async def one():
            await clock.sleep(1.0)
            async with asyncio.timeout(5):
                await store.log.append([event(0)])
            done_s.append(clock.monotonic_s())

        async with open_store(place.name, clock=clock, rules=place.rules(None)) as store:
            task = asyncio.create_task(one())
            await clock.run(10.0)
            await task
        return done_s

    assert asyncio.run(run()) == [1.0]


def test_who_no_longer_waits_disturbs_nobody(place: Place):
    async def work(store: Store):
        gone = asyncio.create_task(store.log.append([event(0)]))
        await asyncio.sleep(0)
        gone.cancel()
        return await store.log.append([event(1)]), gone.cancelled()

    assert with_store(place, work)[0] == 1


def test_in_any_order_and_with_repeats_a_transaction_reads_the_same(place: Place):
    chance = random.Random(17)

    async def work(store: Store):
        for number in range(100):
            sent = [Entry("e", float(i), "cp-1", f"tx-{number}", i, b"%d" % i) for i in range(12)]
            again = chance.choices(sent, k=chance.randint(0, 12))
            came = chance.sample(sent + again, 12 + len(again))
            cuts = sorted(chance.sample(range(1, len(came)), 3))
            parts = [came[a:b] for a, b in pairwise([0, *cuts, len(came)])]
            counts = await asyncio.gather(*(store.log.append(part) for part in parts))
            assert sum(counts) == 12
            found = await store.log.in_sequence("e", "cp-1", f"tx-{number}")
            assert [one.entry for one in found] == sent
        later = await store.log.in_sequence("e", "cp-1", "tx-0", after=9)
        return [one.entry.sequence for one in later]

    assert with_store(place, work) == [10, 11]


def test_it_works_the_same_under_uvloop(place: Place):
    uvloop = pytest.importorskip("uvloop", reason="is not there on Windows")

    async def work():
        async with open_store(place.name, clock=WallClock(), rules=place.rules(None)) as store:
            counts = await asyncio.gather(*(store.log.append([event(n)]) for n in range(50)))
            return sum(counts), len(await store.log.entries())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(work()) == (50, 50)


def test_a_moment_is_found_in_the_log(place: Place):
    chance = random.Random(3)

    async def work(store: Store):
        assert await store.log.number_at("a", 0.0) == 0
        await store.log.append([Entry(chance.choice("ab"), float(second)) for second in range(200)])
        for kind in "ab":
            times = [one.entry.time_s for one in await store.log.entries(kind)]
            for moment in [-1.0, *chance.choices(times, k=20), 0.5, 57.5, 199.0, 500.0]:
                after = await store.log.number_at(kind, moment)
                found = [one.entry.time_s for one in await store.log.entries(kind, after=after)]
                assert found == [time_s for time_s in times if time_s >= moment]

    with_store(place, work)
