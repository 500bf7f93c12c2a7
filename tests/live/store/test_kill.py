"""Test 5 of the service, for its store: killed under load, it loses nothing acknowledged."""

import os
import random
import subprocess
import sys
import time

import pytest

from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store
from tests.live.store import appending
from tests.live.store.cases import Place, with_store

UP_S = 5.0


def killed(place: Place, life: str, chance: random.Random):
    """What a process acknowledged that was killed at some moment under load."""
    words = [str(place.name), str(place.key_file or ""), life]
    call = [sys.executable, appending.__file__, *words]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen(call, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.3))
        process.kill()
        lines = (first + process.stdout.read()).decode().splitlines(keepends=True)
    return {tuple(line.split()) for line in lines if line.endswith("\n")}


def kill_often(place: Place, kills: int):
    chance = random.Random(kills)
    acknowledged: set[tuple[str, ...]] = set()

    async def read(store: Store):
        assert await store.log.append([Entry("again", 0.0)]) == 1
        up_s = time.monotonic() - begin
        check = "SELECT 'ok'" if place.on_server else "PRAGMA integrity_check"
        whole = await store.read(lambda c: c.exec_driver_sql(check).scalar_one())
        found, after = set(), 0
        while entries := await store.log.entries("transaction_event", after=after, limit=10_000):
            for one in entries:
                entry = one.entry
                found.add(
                    (entry.station.removeprefix("cp-"), entry.transaction, str(entry.sequence))
                )
            after = entries[-1].number
        return up_s, whole, found

    for number in range(kills):
        acknowledged |= killed(place, f"life-{number}", chance)
        begin = time.monotonic()
        up_s, whole, found = with_store(place, read)
        assert whole == "ok"
        assert len(acknowledged - found) == 0
        assert up_s < UP_S
    assert len(acknowledged) > 20 * kills  # it was under load


def test_5_five_kills_under_load_lose_nothing_acknowledged(place: Place):
    kill_often(place, 5)


@pytest.mark.soak
def test_5_twenty_kills_under_load_lose_nothing_acknowledged(place: Place):
    kill_often(place, 20)
