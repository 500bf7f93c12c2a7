"""Test 22 of the service, for its store: PostgreSQL is away for a while, and nothing is lost."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, create_engine, make_url

from evergrid.core.errors import StoreError
from evergrid.live.clock import WallClock
from evergrid.live.store.database import postgresql
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store, StoreRules, open_store
from evergrid.live.store.writer import WriterRules
from tests.live.servers import PostgresServer
from tests.live.store.cases import Place, with_store

pytestmark = pytest.mark.xdist_group("postgresql")

STATIONS, AWAY_S = 40, 2.0
WAITING = 15  # requests that may wait: fewer than there are stations
RULES = StoreRules(writer=WriterRules(retry_s=0.1, waiting_requests=WAITING))


@pytest.fixture
def server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """The server, which is there again after the test."""
    postgres.empty()
    yield postgres
    if not postgres.up:
        postgres.start()


@pytest.fixture
def place(server: PostgresServer, tmp_path: Path) -> Place:
    return Place(server.url("postgres"), tmp_path / "key")


class Stations:
    """Stations that send one event after the other, each until it is acknowledged."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.acknowledged: set[tuple[str, int]] = set()
        self.refused = self.most_waiting = 0
        self.going = True

    async def run(self, station: int) -> None:
        sequence = 0
        while self.going:
            entry = Entry("transaction_event", 1.0, f"cp-{station}", "tx", sequence, bytes(1400))
            try:
                await self.store.log.append([entry])
            except StoreError:
                self.refused += 1
                await asyncio.sleep(0.05)
                continue
            finally:
                self.most_waiting = max(self.most_waiting, self.store.waiting[0])
            self.acknowledged.add((f"cp-{station}", sequence))
            sequence += 1

    async def more(self, than: int) -> None:
        async with asyncio.timeout(20):
            while len(self.acknowledged) <= than:
                await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("away_s", [AWAY_S, pytest.param(60.0, marks=pytest.mark.soak)])
def test_22_a_data_base_that_is_away_for_a_while_loses_nothing_acknowledged(
    server: PostgresServer, place: Place, away_s: float
):
    async def work(store: Store):
        stations = Stations(store)
        tasks = [asyncio.create_task(stations.run(number)) for number in range(STATIONS)]
        for _ in range(2):
            await stations.more(len(stations.acknowledged) + 200)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(0.2)
            before = len(stations.acknowledged)
            await asyncio.sleep(away_s)
            assert len(stations.acknowledged) == before
            assert not store.healthy
            assert store.reason.startswith("The store cannot write: ")
            with pytest.raises(StoreError):
                await store.log.count()
            await asyncio.to_thread(server.start)
            await stations.more(before + 200)
            assert store.healthy
        stations.going = False
        await asyncio.gather(*tasks)
        assert stations.refused > 0
        assert 0 < stations.most_waiting <= WAITING
        return stations.acknowledged, await all_events(store)

    acknowledged, found = with_store(place, work, rules=RULES)
    assert acknowledged <= set(found)
    assert len(found) == len(set(found))


async def all_events(store: Store) -> list[tuple[str, int]]:
    found, after = list[tuple[str, int]](), 0
    while entries := await store.log.entries("transaction_event", after=after, limit=10_000):
        found += [(one.entry.station, one.entry.sequence) for one in entries]
        after = entries[-1].number
    return found


def test_two_services_do_not_write_to_one_data_base(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgresql, "LOCK_WAIT_MS", 200)

    async def again(store: Store):
        with pytest.raises(StoreError, match="open elsewhere"):
            async with open_store(place.name, clock=WallClock(), rules=place.rules(None)):
                pass
        return await store.log.append([Entry("order", 1.0)])

    assert with_store(place, again) == 1
    assert with_store(place, lambda store: store.log.count()) == 1


def test_a_service_whose_connection_was_ended_does_not_write_beside_the_one_that_took_its_place(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgresql, "LOCK_WAIT_MS", 200)

    async def work(store: Store):
        await store.log.append([Entry("order", 1.0)])
        held = take_lock_from(place)
        try:
            with pytest.raises(StoreError):
                await store.log.append([Entry("order", 2.0)])
            async with asyncio.timeout(10):
                while "open elsewhere" not in store.reason:
                    await asyncio.sleep(0.05)
            assert await store.log.count() == 1
        finally:
            held.close()
            held.engine.dispose()
        async with asyncio.timeout(10):
            while not store.healthy:
                await asyncio.sleep(0.05)
        return await store.log.append([Entry("order", 3.0)])

    assert with_store(place, work, rules=RULES) == 1


def take_lock_from(place: Place) -> Connection:
    """End the connection that holds the lock, and hold it instead."""
    address = str(place.name).replace("postgresql://", "postgresql+pg8000://")
    connection = create_engine(address, isolation_level="AUTOCOMMIT").connect()
    connection.exec_driver_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    )
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({postgresql.LOCK})")
    return connection


def test_a_statement_that_is_wrong_costs_the_others_nothing(place: Place):
    async def work(store: Store):
        results = await asyncio.gather(
            store.log.append([Entry("order", 1.0)]),
            store.write(lambda c: c.exec_driver_sql("SELECT * FROM nowhere")),
            store.log.append([Entry("order", 1.0, "a NUL \0")]),
            store.log.append([Entry("order", 2.0)]),
            return_exceptions=True,
        )
        return results, store.healthy, await store.log.count()

    results, healthy, count = with_store(place, work)
    assert (results[0], results[3]) == (1, 1)
    assert "nowhere" in str(results[1])
    assert isinstance(results[2], Exception)
    assert (healthy, count) == (True, 2)


def test_who_reads_cannot_write(place: Place):
    async def work(store: Store):
        with pytest.raises(StoreError, match="read-only"):
            await store.read(lambda c: c.exec_driver_sql("DELETE FROM log"))
        return await store.log.count()

    assert with_store(place, work) == 0


def test_text_that_no_encoding_knows_leaves_the_connection_as_it_was(place: Place):
    async def work(store: Store):
        for _ in range(10):
            with pytest.raises(UnicodeEncodeError):
                await store.log.entries(station="half a character \ud800")
        await store.log.append([Entry("order", 1.0, "cp-é")])
        return await store.log.entries(station="cp-é")

    assert len(with_store(place, work)) == 1


def test_a_commit_waits_for_the_disk_unless_it_is_a_simulation(place: Place):
    async def mode(store: Store):
        shown = await store.write(
            lambda c: c.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        )
        return shown, any("may lose" in note for note in store.notes)

    assert with_store(place, mode) == ("on", False)
    assert with_store(place, mode, rules=StoreRules("off")) == ("off", True)


@pytest.mark.parametrize(
    ("host", "encrypted"),
    [
        ("127.0.0.1", False),
        ("localhost", False),
        ("::1", False),
        ("db.example", True),
        ("192.0.2.1", True),
    ],
)
def test_another_machine_is_spoken_to_over_tls_only(host: str, encrypted: bool):
    context = postgresql._tls(URL.create("postgresql", host=host), None)
    assert (context is not None) is encrypted
    assert context is None or context.check_hostname


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path):
    place = Place("postgresql://me:canary-password@127.0.0.1:1/evergrid", tmp_path / "key")
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        with_store(place, lambda store: store.log.count())
    assert "canary" not in str(caught.value)


def test_22_a_server_that_says_nothing_is_given_up_and_the_store_recovers(
    server: PostgresServer, place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgresql, "SILENCE_S", 1.0)

    async def work(store: Store):
        await store.log.append([Entry("order", 1.0)])
        writer = await store.write(
            lambda c: c.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        )
        os.kill(writer, signal.SIGSTOP)
        try:
            with pytest.raises(StoreError):
                await store.log.append([Entry("order", 2.0)])
        finally:
            os.kill(writer, signal.SIGCONT)
        async with asyncio.timeout(15):
            while not store.healthy:
                await asyncio.sleep(0.05)
        return await store.log.append([Entry("order", 3.0)])

    assert with_store(place, work, rules=RULES) == 1


def test_a_connection_to_a_dead_end_leaves_no_socket_behind(server: PostgresServer):
    """A socket that is left to the garbage collector is a warning, and so fails this test."""
    made = postgresql.engines(make_url(server.empty()), durable=True)
    connection = made.writer.connect()
    raw: Any = connection.connection.dbapi_connection
    way = raw._usock
    way.shutdown(socket.SHUT_RDWR)
    raw._sock.write(b"half a message")  # which waits to be sent
    connection.invalidate()
    for engine in made[:2]:
        engine.dispose()
    assert way.fileno() == -1
    del connection, raw, way, made
    gc.collect()
