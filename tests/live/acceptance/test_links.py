"""Tests 8 and 13 of the live service at their figures: links that die, and peers that are slow."""

import asyncio
import time

import numpy as np
import pytest

from evergrid.live.devices.adapter import TransactionPart
from tests.live.controller_cases import HOUR_S, Run
from tests.live.ocpp.admission.test_handshake import Streams, _end, _half, _small_socket, _status
from tests.live.ocpp.recorder import SECRET, registered, running
from tests.live.ocpp.station_client import StationClient

OFFLINE_S = 45.0  # from the last word of a link until it is known to be lost
CLOSED_S = 10.0  # in which a handshake must be complete
ROUNDS = 4  # of the legitimate who connect meanwhile


def test_8_what_is_offline_is_out_of_the_offer_by_the_next_tick():
    async def scenario(run: Run) -> None:
        for station in range(4):
            await run.plug_in(station)
        await run.until(HOUR_S + 20.0, meter_every_s=600.0)
        before_kw = run.controller.fleet.available(1.0).symmetric_kw
        await run.controller.disconnected("s0")
        await run.ticker.tick()
        after_kw = run.controller.fleet.available(1.0).symmetric_kw
        assert 0.0 < after_kw < before_kw - 1.0
        assert not run.controller.fleet.under_orders(0)
        await run.event(1, TransactionPart.ENDED)
        await run.ticker.tick()
        assert run.controller.fleet.available(1.0).symmetric_kw < after_kw

    Run(4).go(scenario)


@pytest.mark.soak
def test_8_a_link_that_dies_without_a_word_is_offline_in_time():
    async def one() -> float:
        async with running(registered("cp-1")) as (
            _,
            handler,
            port,
        ):  # with the settings of a service
            station = StationClient("cp-1")
            await station.connect(port, secret=SECRET, ping_interval=None)
            await handler.until(lambda: "connected" in handler.names("cp-1"))
            assert station.socket is not None
            station.socket.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
            began_s = time.monotonic()
            told = ["connected", "disconnected"]
            await handler.until(lambda: handler.names("cp-1") == told, within_s=2 * OFFLINE_S)
            station.socket.transport.abort()
            return time.monotonic() - began_s

    assert asyncio.run(one()) < OFFLINE_S


@pytest.mark.slow
@pytest.mark.parametrize(
    ("partial", "silent"), [(100, 30), pytest.param(2000, 500, marks=pytest.mark.soak)]
)
def test_13_partial_handshakes_and_readers_that_never_read_hold_nobody_up(
    partial: int, silent: int
):
    asyncio.run(_slow_peers(partial, silent))


async def _slow_peers(partial: int, silent: int) -> None:
    names = [f"cp-{n}" for n in range(silent + 25)]
    records = [registered(name) for name in names]
    async with running(*records, reconnects_per_minute=1000) as (system, _, port):
        halves: list[Streams] = [await _half(port) for _ in range(partial)]
        began_s, readers = time.monotonic(), [StationClient(name) for name in names[:silent]]
        for reader in readers:
            await reader.connect(port, secret=SECRET, max_queue=1, sock=_small_socket(port))
            assert reader.socket is not None
            reader.socket.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        waits_s = []
        for name in ROUNDS * names[silent:]:
            at_s = time.monotonic()
            assert await _status(port, name, secret=SECRET) == 101
            waits_s.append(time.monotonic() - at_s)
        assert np.quantile(waits_s, 0.99) < 1.0
        await asyncio.gather(*(_end(half) for half in halves))
        # Those that came last were let wait as long as any.
        assert time.monotonic() - began_s < CLOSED_S + 5.0 + partial / 100
        unsent = [
            link._socket.transport.get_write_buffer_size()
            for link in system._registry
            if link._socket.transport is not None
        ]
        assert max(unsent) <= 256 * 1024
        for reader in readers:
            assert reader.socket is not None
            reader.socket.transport.abort()
