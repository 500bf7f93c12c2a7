"""Gateways as processes over NATS: killed or cut off under load, they lose nothing acknowledged."""

import asyncio
from pathlib import Path

import pytest

from evergrid.live.deployment.local_gateways import COMMAND
from evergrid.live.deployment.processes import KeptProcess, free_port
from evergrid.live.service import Service
from tests.live.gateway.cases import grid_client, soon
from tests.live.gateway.load import LoadedStation, all_written, killed, served
from tests.live.servers import NatsServer

pytestmark = pytest.mark.slow

STATIONS = 20


@pytest.fixture
def nats() -> NatsServer:
    """Where there is no server the test is skipped, or fails where it must be there."""
    return NatsServer()


async def check_all(service: Service, stations: list[LoadedStation]) -> None:
    """What was acknowledged is in the log, and nothing is there twice."""
    written = await all_written(service)
    assert len(written) == len(set(written))
    for one in stations:
        missing = {(one.name, number) for number in one.acknowledged} - set(written)
        assert not missing


@pytest.mark.usefixtures("nats")
def test_a_gateway_that_is_killed_loses_nothing_and_its_stations_are_back_through_another(
    tmp_path: Path,
):
    async def run():
        async with served(tmp_path, STATIONS) as (service, stations):
            assert service.gateways is not None
            await asyncio.gather(*(one.more(10) for one in stations))
            assert len(service.controller.online) == STATIONS
            before = [one.connections for one in stations]
            killed(service.gateways.processes[0].pid)
            begin = asyncio.get_running_loop().time()
            await asyncio.gather(*(one.more(10) for one in stations))
            took_s = asyncio.get_running_loop().time() - begin
            moved = sum(one.connections > n for one, n in zip(stations, before, strict=True))
            assert 0 < moved < STATIONS
            assert took_s < 5.0
            assert len(service.controller.online) == STATIONS
            for one in stations:
                one.going = False
            await asyncio.sleep(0.3)
            await check_all(service, stations)
            return service.gateways.processes[0].starts

    assert asyncio.run(run()) >= 1


@pytest.mark.parametrize("away_s", [4.0, pytest.param(60.0, marks=pytest.mark.soak)])
def test_22_nats_that_is_away_for_a_while_loses_nothing_acknowledged(
    tmp_path: Path, nats: NatsServer, away_s: float
):
    nats.start()
    gateways = {"count": 2, "lease_s": 2.0, "nats": {"port": nats.port}}

    async def run():
        async with served(tmp_path, STATIONS, gateways=gateways) as (service, stations):
            await asyncio.gather(*(one.more(10) for one in stations))
            nats.kill()
            await asyncio.sleep(1.0)
            before = [len(one.acknowledged) for one in stations]
            await asyncio.sleep(away_s)
            assert [len(one.acknowledged) for one in stations] == before
            assert not service.controller.online  # nobody is counted on
            nats.start()
            await asyncio.gather(*(one.more(10) for one in stations))
            assert len(service.controller.online) == STATIONS
            for one in stations:
                one.going = False
            await asyncio.sleep(0.3)
            await check_all(service, stations)

    try:
        asyncio.run(run())
    finally:
        nats.kill()


def test_a_site_whose_line_is_cut_answers_its_stations_and_tells_afterwards(
    tmp_path: Path, nats: NatsServer
):
    nats.start()
    gateways = {
        "elsewhere": True,
        "lease_s": 2.0,
        "alone_after_s": 4.0,
        "nats": {"port": nats.port},
    }
    site = KeptProcess("site", ())

    async def run():
        port = free_port()
        changed = {"gateways": gateways, "listen": {"ocpp_port": port, "http_port": 0}}
        async with served(tmp_path, 4, **changed) as (service, stations):
            words = (str(tmp_path / "service.toml"), "--site-log", str(tmp_path / "site.db"))
            site._command = (*COMMAND, *words, "--name", "site")
            await site.start()
            await asyncio.gather(*(one.more(10, within_s=60.0) for one in stations))
            await soon(lambda: len(service.controller.online) == 4, 30.0)
            nats.kill()
            await asyncio.sleep(7.0)  # it finds that it is alone
            in_service = len(await all_written(service))
            await asyncio.gather(*(one.more(20) for one in stations))
            assert len(await all_written(service)) == in_service
            assert not service.controller.online
            killed(site.pid)  # what it answered is on its disk
            nats.start()
            await asyncio.gather(*(one.more(10, within_s=60.0) for one in stations))
            await soon(lambda: len(service.controller.online) == 4, 30.0)
            for one in stations:
                one.going = False
            await asyncio.sleep(0.3)
            await check_all(service, stations)

    async def all_of_it():
        try:
            await run()
        finally:
            await site.stop()

    try:
        asyncio.run(all_of_it())
    finally:
        nats.kill()


@pytest.mark.usefixtures("nats")
def test_a_grid_function_and_a_hold_reach_a_station_behind_a_gateway(tmp_path: Path):
    async def run():
        changed = {"frequency_droop": {}, "gateways": {"count": 1, "lease_s": 2.0}}
        async with served(tmp_path, 2, **changed) as (service, (one, _)):
            one.going = False
            await soon(lambda: one.client is None or "cp-0" not in service.controller.online)
            station = grid_client("cp-0")
            port = int(service.ocpp_url.rpartition(":")[2].partition("/")[0])
            await station.connect(port, secret=service.passwords["cp-0"])
            await soon(lambda: station.count("GetDERControl") == 1, 20.0)
            support = service.controller.support
            assert support is not None
            await soon(lambda: bool(support.responses))
            found = await service.view.station("cp-0")
            assert found is not None
            (row,) = found.grid_functions
            assert (row.kind, row.state) == ("FreqDroop", "read back")
            assert {"SetDERControl", "GetDERControl"} <= {row.action for row in found.messages}
            assert found.security_profile == 1
            assert [one["id"] for one in found.profiles] == [900]
            await service.commands.hold("cp-0", True)
            assert (await station.boot())["status"] == "Pending"
            await service.commands.hold("cp-0", False)
            await soon(lambda: station.count("TriggerMessage") == 1)
            await station.close()

    asyncio.run(run())
