"""The central system of OCPP: it lets stations connect, and keeps each connection to its rules."""

import asyncio
import contextlib
import logging
import socket
import ssl
from dataclasses import dataclass
from functools import partial
from typing import final

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import AbstractHandler
from evergrid.live.ocpp import actions, discovery
from evergrid.live.ocpp.actions import Context
from evergrid.live.ocpp.admission.credentials import AbstractCredentials
from evergrid.live.ocpp.admission.handshake import Handshake, Socket
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.certificates import AbstractIssuer, Certificates
from evergrid.live.ocpp.charging.profiles import Profile
from evergrid.live.ocpp.grid_functions import GridFunctions
from evergrid.live.ocpp.maintenance import Maintenance
from evergrid.live.ocpp.orders import Orders
from evergrid.live.ocpp.rotation import Rotation
from evergrid.live.ocpp.stations.connection import CLOSE_GOING, StationConnection
from evergrid.live.ocpp.stations.gate import Gate
from evergrid.live.ocpp.stations.station import Stations
from evergrid.live.ocpp.wire.envelope import LARGEST_FRAME
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, VERSIONS, Schemas, shipped
from evergrid.live.view import MessageRow

log = structlog.get_logger()
# The library's lines for debugging hold every header, and so every station's secret.
_quiet = logging.getLogger("evergrid.live.ocpp.websockets")
_quiet.setLevel(logging.WARNING)

CHECK_S = 1.0  # between two looks at what has waited too long
UNSENT_IN_SYSTEM = 64 * 1024  # bytes of one connection; left to itself, the system keeps 4 MB
QUEUED_FRAMES = 16  # of one connection, before it is read no further


@dataclass(frozen=True)
class Listener:
    """Where stations connect.

    Attributes:
        host: Address.
        port: 0 for a free one.
        tls: For security profiles 2 and 3; None for 0 and 1.
        shared: Whether other processes of this machine listen there too, and the system deals
            connections out among them.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    shared: bool = False


@final
class CentralSystem:
    """The stations' counterpart. Its `orders` are the adapter of the controller.

    `grid_functions` gives stations what they do by themselves, `maintenance` renews what they show
    themselves with, and lets them wait at their boot.

    Args:
        handler: Told what stations say.
        credentials: The register of stations.
        clock: Of the service.
        settings: Bounds and intervals.
        issuer: Signs certificates of stations; None where no authority is configured.
    """

    def __init__(
        self,
        handler: AbstractHandler,
        credentials: AbstractCredentials,
        clock: AbstractClock,
        settings: Settings | None = None,
        issuer: AbstractIssuer | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._handler, self._credentials, self._clock = handler, credentials, clock
        per_minute = self.settings.reconnects_per_minute
        self._registry: Registry[StationConnection] = Registry(clock, per_minute)
        self.stations = Stations()
        gate = Gate(handler)
        self.orders = Orders(self._registry, gate, handler, clock, self.settings)
        self.rotation = Rotation(self._registry, credentials, self.settings)
        self.grid_functions = GridFunctions(self._registry, gate, handler, clock, self.settings)
        certificates = Certificates(self._registry, issuer, handler, clock, self.settings)
        self.maintenance = Maintenance(
            self._registry, self.stations, self.hold, self.rotation, certificates, self.settings
        )
        context = Context(handler, self.stations, self.orders, certificates, clock, self.settings)
        self._answer = partial(actions.answer, context)
        self._handshake = Handshake(credentials, handler, self._registry, clock, self.settings)
        folders = dict(self.settings.schemas)
        self._schemas = {
            version: Schemas(version, folders[version]) if version in folders else shipped(version)
            for version in VERSIONS
        }
        self._servers: list[Server] = []
        self._watch: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self, *listeners: Listener) -> tuple[int, ...]:
        """Let stations connect; the port of each listener."""
        for listener in listeners:
            self._servers.append(await self._serve(listener))
        self._watch = asyncio.create_task(self._check())
        return tuple(server.sockets[0].getsockname()[1] for server in self._servers)

    async def stop(self) -> None:
        """Close every connection; each station that was announced is announced as gone."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        for server in self._servers:
            server.close(code=CLOSE_GOING, reason="the service stops")
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def restore(self, station: str, transaction: str, evse: int | None, token: str | None) -> None:
        """Tell of a transaction that was live when the service last stopped.

        The station may go on with it without naming its outlet or driver again. Nothing happens
        where the station is no longer registered.
        """
        record = self._credentials.find(station)
        if record is not None:
            state = self.stations.get(station) or self.stations.admit(record, OCPP_2_1)
            self.stations.resume(state, transaction, evse, token)

    def hold(self, station: str, on_hold: bool) -> None:
        """Let a station boot only later, or let it go; it then boots again when it is asked to.

        A station on hold is answered that its boot is pending, and nothing else is taken from it.

        Raises:
            InputError: No such station is registered.
        """
        record = self._credentials.find(station)
        if record is None:
            raise InputError("hold", [Fault("station", "be a registered one", (station,))])
        state = self.stations.get(station) or self.stations.admit(record, OCPP_2_1)
        state.on_hold = on_hold

    def online(self, station: str) -> bool:
        """Whether a station is connected."""
        return self._registry.get(station) is not None

    async def drop(self, station: str, reason: str) -> None:
        """Close a station's connection, such as of one that was blocked or registered anew."""
        link = self._registry.get(station)
        if link is not None:
            await link.close(reason)

    def messages(self, station: str) -> tuple[MessageRow, ...]:
        """The last messages from and to a station, newest first."""
        state = self.stations.get(station)
        return state.messages.rows() if state else ()

    def profiles(self, station: str) -> tuple[Profile, ...]:
        """The profiles that a station has accepted, lowest stack level first."""
        state = self.stations.get(station)
        return state.profiles_by_level if state else ()

    async def _serve(self, listener: Listener) -> Server:
        settings = self.settings
        server = await serve(
            self._connected,
            listener.host,
            listener.port,
            ssl=listener.tls,
            reuse_port=listener.shared or None,
            subprotocols=[*VERSIONS],  # pyright: ignore[reportArgumentType]
            process_request=self._handshake.decide,
            create_connection=Socket,
            compression=None,
            logger=_quiet,
            server_header=None,
            open_timeout=settings.open_timeout_s,
            close_timeout=settings.close_timeout_s,
            ping_interval=settings.ping_s,
            ping_timeout=settings.ping_s,
            max_size=LARGEST_FRAME,
            max_queue=QUEUED_FRAMES,
        )
        for listening in server.sockets:  # connections inherit it
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_IN_SYSTEM)
        return server

    async def _connected(self, connection: ServerConnection) -> None:
        """One connection, from the upgrade to its end."""
        if not isinstance(connection, Socket) or connection.admission is None:
            return
        admission = connection.admission
        state = self.stations.admit(admission.record, admission.version)
        schemas = self._schemas[admission.version]
        link = StationConnection(
            connection, state, schemas, self._clock, self._answer, admission.profile
        )
        older = self._registry.put(state.identity, link)
        if older is not None:
            await self._end(older)
            self._close_beside(older)
        if admission.next_secret:
            await self._credentials.use_next_secret(state.identity)
        if admission.next_certificate:
            await self._credentials.use_next_certificate(state.identity)
        try:
            await self._announce(link)
            link.spawn(
                discovery.describe_when_ready(
                    link, self._handler, self.orders, self._clock, self.settings
                )
            )
            connection.take = link.take
            await link.run()
        finally:
            await self._end(link)

    async def _announce(self, link: StationConnection) -> None:
        if link.ended:
            return
        link.announced = True
        with self._clock.working():
            await self._handler.connected(link.state.identity, link.state.version)

    async def _end(self, link: StationConnection) -> None:
        """End a connection; the handler hears of it once, if it has heard of its begin."""
        link.end()
        self._registry.remove(link.state.identity, link)
        if link.announced:
            link.announced = False
            with self._clock.working():
                await self._handler.disconnected(link.state.identity)

    def _close_beside(self, link: StationConnection) -> None:
        """Close a connection that a newer one replaced, without waiting for its other end."""
        task = asyncio.create_task(link.close("replaced by a newer connection"))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _check(self) -> None:
        """Every second: end what has waited too long."""
        while True:
            await self._clock.sleep(CHECK_S)
            for link in self._registry:
                link.outbox.check()
