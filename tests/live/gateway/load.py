"""Stations that send one event after the other, and come back by themselves when cut off."""

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evergrid.core.config import parse
from evergrid.live.clock import WallClock
from evergrid.live.config import Config
from evergrid.live.service import Run, Service, running
from evergrid.live.store.entry import StoredEntry
from tests.live.ocpp.station_client import Payload, StationClient

AGAIN_S = 0.2


class LoadedStation:
    """One station; `acknowledged` are the sequence numbers that were answered without an error."""

    def __init__(self, name: str, secret: str, port: int, pause_s: float = 0.0) -> None:
        self.name, self._secret, self._port, self._pause_s = name, secret, port, pause_s
        self.transaction = f"tx-{name}"
        self.acknowledged: list[int] = []
        self.connections = 0
        self.going = True
        self.client: StationClient | None = None

    async def run(self) -> None:
        sequence = 0
        while self.going:
            client = self.client = StationClient(self.name)
            try:
                await client.connect(self._port, secret=self._secret)
                self.connections += 1
                while self.going:
                    kind = "Updated" if sequence else "Started"
                    payload = client.event(kind, self.transaction, power_w=1000.0)
                    answer = await _answer(client, payload | {"seqNo": sequence})
                    if answer[0] == 3:
                        self.acknowledged.append(sequence)
                        sequence += 1
                    await asyncio.sleep(self._pause_s if answer[0] == 3 else AGAIN_S)
            except Exception:  # whatever it is, it comes back
                await asyncio.sleep(AGAIN_S)
            finally:
                with contextlib.suppress(Exception):
                    await client.close()

    async def more(self, count: int, within_s: float = 30.0) -> None:
        """Until so many more are acknowledged."""
        goal = len(self.acknowledged) + count
        async with asyncio.timeout(within_s):
            while len(self.acknowledged) < goal:
                await asyncio.sleep(0.02)


async def _answer(client: StationClient, payload: Payload) -> list[object]:
    """The answer to an event; an error at once where the connection ends."""
    calling = asyncio.create_task(client.call("TransactionEvent", payload))
    assert client.reading is not None
    await asyncio.wait((calling, client.reading), return_when=asyncio.FIRST_COMPLETED)
    if not calling.done():
        calling.cancel()
        raise ConnectionError("the connection has ended")
    return calling.result()


def config_file(folder: Path, stations: int, **changed: object) -> tuple[Config, Path]:
    """A service of one site, with prices for the days around now."""
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    rows = "\n".join(
        f"{(begin + timedelta(hours=h)).strftime('%Y-%m-%dT%H:%MZ')},50,40" for h in range(144)
    )
    (folder / "prices.csv").write_text(
        f"time_utc,import_price_per_mwh,export_price_per_mwh\n{rows}\n"
    )
    raw = {
        "store": "data/store.sqlite",
        "listen": {"ocpp_port": 0, "http_port": 0},
        "site": [{"site_id": "depot", "import_limit_kw": 1000.0, "export_limit_kw": 1000.0}],
        "station": [
            {"station": f"cp-{n}", "site": "depot", "charge_kw": 11.0, "discharge_kw": 11.0}
            for n in range(stations)
        ],
        "prices": {"file": "prices.csv", "currency": "EUR"},
        "gateways": {"count": 2, "lease_s": 2.0},
        **changed,
    }
    from evergrid.core import config as files

    config = parse(Config, raw)
    (folder / "service.toml").write_text(files.dump(config))
    return config, folder / "service.toml"


@contextlib.asynccontextmanager
async def served(folder: Path, stations: int, **changed: object):
    """A service with gateways, and stations under load."""
    config, file = config_file(folder, stations, **changed)
    async with running(config, Run(folder, WallClock(), config_file=file)) as service:
        port = int(service.ocpp_url.rpartition(":")[2].partition("/")[0])
        found = [
            LoadedStation(name, service.passwords[name], port, pause_s=0.02)
            for name in (f"cp-{n}" for n in range(stations))
        ]
        tasks = [asyncio.create_task(one.run()) for one in found]
        try:
            yield service, found
        finally:
            for one in found:
                one.going = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def all_written(service: Service) -> list[tuple[str, int]]:
    """What stands in the log of transactions: station and sequence."""
    found, after = list[StoredEntry](), 0
    log = service.store.log
    while entries := await log.entries("transaction_event", after=after, limit=10_000):
        found += entries
        after = entries[-1].number
    return [(one.entry.station, one.entry.sequence) for one in found]


def killed(pid: int | None) -> None:
    """End a process at once."""
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
