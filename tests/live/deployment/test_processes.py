"""Processes of a service are started again when they end, and end with it."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from evergrid.core.errors import WorkerError
from evergrid.live.deployment import processes
from evergrid.live.deployment.processes import KeptProcess
from evergrid.live.gateway.nats import NatsBroker
from tests.live.gateway.cases import soon
from tests.live.servers import NatsServer

SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")


def test_a_process_that_is_killed_is_started_again_and_stops_for_good(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(processes, "LEAST_AGAIN_S", 0.05)

    async def run():
        one = KeptProcess("sleeper", SLEEPS)
        await one.start()
        first = one.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await soon(lambda: one.starts == 2 and one.pid not in (None, first))
        last = one.pid
        assert last is not None
        await one.stop()
        assert one.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(last, 0)
        await asyncio.sleep(0.2)
        return one.starts

    assert asyncio.run(run()) == 2


def test_one_that_ends_at_once_is_started_less_and_less_often(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "LEAST_AGAIN_S", 0.1)

    async def run():
        one = KeptProcess("quitter", (sys.executable, "-S", "-c", "raise SystemExit(1)"))
        await one.start()
        await asyncio.sleep(1.5)
        await one.stop()
        return one.starts

    assert 2 <= asyncio.run(run()) <= 5


def test_the_nats_server_of_a_service_takes_nobody_without_its_password():
    NatsServer()  # it is skipped where there is none

    async def run():
        async with processes.nats_server() as (entry, folder):
            assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
            assert stat.S_IMODE((folder / "server").stat().st_mode) == 0o600
            broker = await NatsBroker.connect(entry, folder)
            assert broker.up
            await broker.close()
            wrong = entry.model_copy(update={"user": None, "password_file": None, "timeout_s": 1.0})
            with pytest.raises(OSError, match=r"127\.0\.0\.1"):
                await NatsBroker.connect(wrong, folder)
            return entry.port, folder

    port, folder = asyncio.run(run())
    assert not folder.exists()
    with pytest.raises(OSError, match="Connect call failed"):
        asyncio.run(asyncio.open_connection("127.0.0.1", port))


def test_without_the_program_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(processes, "PROGRAM", "no-such-server")

    async def run():
        async with processes.nats_server():
            pass

    with pytest.raises(WorkerError, match=r"no-such-server is not installed.*gateways\.nats"):
        asyncio.run(run())
