"""Test 25 of the live service: a store of the version before is brought along, and comes back.

Stations are connected to a process that is stopped, the store is upgraded, and they come back to
the new one. The version before is that of today with a migration less.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection

from benchmarks.live_ocpp.handler import DurableHandler, Stations
from evergrid.live.clock import WallClock
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.store import backup
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store, StoreRules, open_store
from tests.live.ocpp.station_client import StationClient
from tests.live.store.test_opening import NEXT, versions_with

BATCH, BODY = 5000, os.urandom(400)


async def fill(store: Store, rows: int) -> None:
    for first in range(0, rows, BATCH):
        await store.log.append(
            [
                Entry("transaction_event", 1e9 + n, f"cp-{n % 1000}", "tx", n, BODY)
                for n in range(first, min(first + BATCH, rows))
            ]
        )


def checksum(connection: Connection) -> str:
    """Of the whole log, row by row in the order of writing."""
    found = sha256()
    columns = 'number, kind, time_s, station, "transaction", sequence, body'
    for row in connection.exec_driver_sql(f"SELECT {columns} FROM log ORDER BY number"):
        found.update(repr(tuple(row)).encode())
    return found.hexdigest()


async def connected(system: CentralSystem, port: int, stations: Sequence[StationClient]) -> None:
    """Let all stations connect, fifty at a time, and send an event each."""
    secret = "a secret of sixteen"
    for first in range(0, len(stations), 50):
        some = stations[first : first + 50]
        await asyncio.gather(*(one.connect(port, secret=secret) for one in some))
    await asyncio.gather(*(one.transaction("Started", f"t-{one.identity}") for one in stations))
    assert all(system.online(one.identity) for one in stations)


async def upgrade(folder: Path, rows: int, count: int) -> None:
    newer = versions_with(folder / "versions", NEXT)
    stations = [StationClient(f"cp-{n}") for n in range(count)]
    port, before, manifest = 0, "", None
    for rules in (StoreRules(), newer):
        began_s = time.monotonic()
        async with open_store(folder / "a.db", clock=WallClock(), rules=rules) as store:
            if not before:
                await fill(store, rows)
            else:
                assert await store.read(checksum) == before
                assert time.monotonic() - began_s < 10.0 + rows / 50_000
            handler = DurableHandler(store.log)
            system = CentralSystem(
                handler, Stations(count), WallClock(), Settings(boot_wait_s=60.0)
            )
            (port,) = await system.start(Listener(port=port))
            await connected(system, port, stations)
            assert handler.events == count
            await system.stop()
            for one in stations:
                await one.close()
            if not before:
                before = await store.read(checksum)
                manifest = await backup.make(store, folder / "b.db")
    assert backup.restore(folder / "b.db", folder / "c.db") == manifest
    (folder / "c.db.key").write_bytes((folder / "a.db.key").read_bytes())
    async with open_store(folder / "c.db", clock=WallClock()) as store:
        assert await store.read(checksum) == before
        assert await store.log.count("transaction_event") == rows + count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "count"), [(20_000, 20), pytest.param(10_000_000, 1000, marks=pytest.mark.soak)]
)
def test_25_an_upgrade_and_a_restored_backup_keep_every_row(tmp_path: Path, rows: int, count: int):
    asyncio.run(upgrade(tmp_path, rows, count))
