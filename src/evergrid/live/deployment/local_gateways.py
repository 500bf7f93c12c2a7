"""The controller's end of the gateways, as a configuration says."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import final

from evergrid.core import config as config_file
from evergrid.core.errors import WorkerError
from evergrid.live import outlets
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config
from evergrid.live.controller.books.drivers import Driver
from evergrid.live.controller.controller import Controller
from evergrid.live.deployment import processes
from evergrid.live.deployment.processes import KeptProcess
from evergrid.live.devices.adapter import AbstractHandler
from evergrid.live.gateway.entry import NatsServerEntry
from evergrid.live.gateway.gateway_stations import GatewayStations, OpenNow, Records
from evergrid.live.gateway.messages import RECORDS_AT_ONCE, OpenTransactionMessage
from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.certificates import AbstractIssuer
from evergrid.live.registers.credentials import StoreCredentials

COMMAND = (sys.executable, "-c", "from evergrid.cli.main import main; main()", "gateway")
"""Starts a gateway by the verb of the command, with the interpreter that runs now."""
READY_S = 60.0


@dataclass(frozen=True)
class GatewayPlaces:
    """What gateways of this machine are started with.

    Attributes:
        file: Of the service's configuration; None where there is none, and none is started.
        folder: What relative paths of the configuration start from.
    """

    file: Path | None
    folder: Path


@final
class LocalGateways:
    """The controller's end, and the gateways of this machine.

    Args:
        config: Of the service.
        places: What gateways are started with.
        stations: The adapter of the controller.
        nats: The broker, and what its paths start from.
        stack: All ends with it.
    """

    def __init__(
        self,
        config: Config,
        places: GatewayPlaces,
        stations: GatewayStations,
        nats: tuple[NatsServerEntry, Path],
        stack: AsyncExitStack,
    ) -> None:
        self._config, self._places, self._nats, self._stack = config, places, nats, stack
        self.stations = stations
        self.processes: list[KeptProcess] = []

    async def start(self) -> int:
        """Listen to gateways, and start those of this machine; where stations connect there.

        Raises:
            WorkerError: A gateway does not start.
        """
        await self.stations.start()
        self._stack.push_async_callback(self.stations.stop)
        count, file = self._config.gateways.count, self._places.file
        port = self._config.listen.ocpp_port
        if not count or file is None:
            return port
        port = port or processes.free_port()
        started = processes.gateways(self._commands(file, port))
        self.processes = await self._stack.enter_async_context(started)
        await self._ready(count)
        return port

    def _commands(self, file: Path, port: int) -> Sequence[Sequence[str]]:
        folder = tempfile.TemporaryDirectory(prefix="evergrid-gateways-")
        broker_file = Path(self._stack.enter_context(folder)) / "broker.toml"
        entry, at = self._nats
        names = ("password_file", "ca_file", "certificate_file", "key_file")
        paths = {name: str(at / given) for name in names if (given := getattr(entry, name))}
        broker_file.write_text(config_file.dump(entry.model_copy(update=paths)))
        words = (
            "--broker",
            str(broker_file),
            "--ocpp-port",
            str(port),
            "--parent",
            str(os.getpid()),
        )
        return [
            (*COMMAND, str(file.resolve()), *words, "--name", f"{os.getpid()}-{number}")
            for number in range(self._config.gateways.count)
        ]

    async def _ready(self, count: int) -> None:
        """Until all have given a sign of life."""
        try:
            async with asyncio.timeout(READY_S):
                while len(self.stations.gateways) < count:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            there = len(self.stations.gateways)
            text = f"{there} of {count} gateways started within {READY_S:g} s"
            raise WorkerError(f"{text}; what they wrote says why.") from None


async def prepared(
    config: Config,
    places: GatewayPlaces,
    controller: Controller,
    told: AbstractHandler,
    credentials: StoreCredentials,
    clock: AbstractClock,
    stack: AsyncExitStack,
    issuer: AbstractIssuer | None,
) -> LocalGateways:
    """The controller's end, connected to the broker; a server is started where none is named.

    Args:
        config: Of the service.
        places: What gateways are started with.
        controller: Who knows what is live where.
        told: What stations say is told to it, outlet by outlet.
        credentials: Of stations.
        clock: Of the service.
        stack: All ends with it.
        issuer: Signs certificates of stations.

    Raises:
        BrokerDownError: The broker is not reached.
        WorkerError: It is not installed, or does not start.
    """
    from evergrid.live.gateway.nats import NatsBroker  # its library is loaded only where it is used

    settings = config.gateways
    if settings.nats is None:
        nats = await stack.enter_async_context(processes.nats_server())
    else:
        nats = (settings.nats, places.folder)
    broker = await NatsBroker.connect(*nats)
    stack.push_async_callback(broker.close)
    stations = GatewayStations(
        broker,
        settings.service,
        told,
        credentials,
        _records(credentials),
        _open_now(controller),
        clock,
        lease_s=settings.lease_s,
        log=controller.log,
        issuer=issuer,
    )
    return LocalGateways(config, places, stations, nats, stack)


def _records(credentials: StoreCredentials) -> Records:
    """The register in parts, by identity."""

    def after(last: str) -> Sequence[StationRecord]:
        later = sorted(name for name in credentials.known if name > last)[:RECORDS_AT_ONCE]
        return [one for name in later if (one := credentials.find(name)) is not None]

    return after


def _open_now(controller: Controller) -> OpenNow:
    """What is live at a station, each driver by a token of our own."""
    tickets: dict[Driver, str] = {}

    def told(station: str) -> list[OpenTransactionMessage]:
        found = []
        for evse in range(outlets.FIRST, outlets.MOST + 1):
            known = controller.transactions.get(outlets.device_name(station, evse))
            if known is None:
                continue
            driver, ticket = known.driver, None
            if driver is not None:
                ticket = tickets.get(driver) or controller.drivers.ticket(driver)
                tickets[driver] = ticket
            may = controller.may_discharge(ticket)
            found.append(OpenTransactionMessage(known.transaction, evse, ticket, may))
        return found

    return told
