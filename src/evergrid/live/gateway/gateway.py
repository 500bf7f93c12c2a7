"""A gateway: it holds stations' connections, and the controller behind it decides."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, final

from evergrid.core.errors import InputError
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import AbstractHandler, OrderResult, Session
from evergrid.live.gateway import messages
from evergrid.live.gateway.broker import (
    AbstractBroker,
    controller_subject,
    gateway_subject,
    gateways_subject,
)
from evergrid.live.gateway.exchange import Exchange, FaultError
from evergrid.live.gateway.gateway_stations import SIGN_S
from evergrid.live.gateway.messages import Permission
from evergrid.live.gateway.remote_controller import RemoteController
from evergrid.live.gateway.remote_issuer import RemoteIssuer
from evergrid.live.gateway.remote_register import RemoteRegister
from evergrid.live.gateway.site import site_plan
from evergrid.live.gateway.site.site_controller import SiteController, SiteRules
from evergrid.live.gateway.site.site_log import SiteLog
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.store.key import Key

NAME_BYTES = 6


@dataclass(frozen=True)
class GatewayPlace:
    """Where a gateway is, and whom it serves.

    Attributes:
        service: Name of the service on the broker.
        listener: Where stations connect.
        settings: Of the central system.
        name: Of the gateway on the broker; another one for each that runs.
        site_log: Where a site keeps what it does on its own; None for a gateway that waits for
            the controller.
        site_rules: When a site goes on by itself.
        signs: Whether the service signs certificates of stations.
    """

    service: str
    listener: Listener
    settings: Settings
    name: str = ""
    site_log: SiteLog | None = None
    site_rules: SiteRules = field(default_factory=SiteRules)
    signs: bool = False


@final
class Gateway:
    """A gateway that runs.

    Args:
        broker: To the controller.
        key: Of the hashes of stations' secrets.
        clock: What time it is.
        place: Where it is.
    """

    def __init__(
        self, broker: AbstractBroker, key: Key, clock: AbstractClock, place: GatewayPlace
    ) -> None:
        self._place, self._clock = place, clock
        self._controller_subject = controller_subject(place.service)
        name = place.name or secrets.token_hex(NAME_BYTES)
        subject = gateway_subject(place.service, name)
        self._exchange = Exchange(broker, subject, clock, self._answer, self._take_notice)
        self.controller = RemoteController(
            self._exchange, self._controller_subject, self._drop, self._restore, self._hold
        )
        self.register = RemoteRegister(key, self.controller.ask)
        self._term, self._joining = "", False
        self.site: SiteController | None = None
        handler: AbstractHandler = self.controller
        if place.site_log is not None:
            handler = self.site = SiteController(
                self.controller, place.site_log, clock, place.site_rules
            )
        issuer = RemoteIssuer(self.controller) if place.signs else None
        self.central = CentralSystem(handler, self.register, clock, place.settings, issuer)
        orders, functions = self.central.orders, self.central.grid_functions
        care = self.central.maintenance
        self._answers: dict[str, Callable[..., Awaitable[Any]]] = {
            "begin": orders.begin,
            "order": orders.order,
            "release": orders.release,
            "allow": orders.allow,
            "signal": orders.signal,
            "set_function": functions.set,
            "clear_function": self._clear_function,
            "call": orders.call,
            "hold": care.hold,
            "renew_password": care.renew_password,
            "renew_certificate": care.renew_certificate,
            "connection": care.connection,
        }
        if self.site is not None:
            self.site.use(self.central.orders)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Learn the register, and let stations connect; the port.

        Raises:
            NoAnswerError: The controller does not answer.
        """
        await self._exchange.start(gateways_subject(self._place.service))
        await self.register.load()
        if self.site is not None:
            await self.site.load()
        (port,) = await self.central.start(self._place.listener)
        self._spawn(self._signs())
        if self.site is not None:
            self._spawn(self.site.run())
        return port

    async def stop(self) -> None:
        """Close every connection."""
        await self.central.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._exchange.stop()

    async def _answer(self, sender: str, kind: str, body: bytes) -> bytes:
        """Do what the controller asks, where the claim that it asks under still counts."""
        claim, arguments = messages.arguments_of(kind, body)
        first = arguments[0]
        station = first if isinstance(first, str) else first.station
        if not self.controller.is_held(station, claim):
            if messages.ANSWERS.get(kind) is not OrderResult:
                raise FaultError("the station is not connected here")
            return messages.encoded(OrderResult.OFFLINE)
        self._permit(station, kind, arguments)
        try:
            return messages.encoded(await self._answers[kind](*arguments))
        except InputError as error:  # in its own words
            raise FaultError(str(error)) from error

    async def _clear_function(self, station: str, control: str, default: bool) -> OrderResult:
        return await self.central.grid_functions.clear(station, control, default=default)

    def _permit(self, station: str, kind: str, arguments: tuple[Any, ...]) -> None:
        """Where the controller has decided that a vehicle may discharge, its driver has agreed."""
        if kind == "begin":
            session: Session = arguments[0]
            transaction, agreed = session.transaction, session.max_discharge_kw > 0
        elif kind == "allow":
            _, transaction, agreed = arguments
        else:
            return
        state = self.central.stations.get(station)
        live = None if state is None else state.transactions.get(transaction)
        if agreed and live is not None:
            self.controller.permit(live.token, Permission(True, True))

    def _take_notice(self, sender: str, kind: str, body: bytes) -> None:
        if kind == messages.ALIVE:
            term = messages.text_of(body)
            if self.site is not None:
                self.site.heard()
            if term != self._term:
                anew, self._term = bool(self._term), term
                if anew:
                    self._spawn(self._join_again())
        elif kind == messages.JOIN_AGAIN:
            self._spawn(self._join_again())
        elif kind == messages.SITE_PLAN:
            if self.site is not None:
                self.site.take_plan(site_plan.decoded(body))
        elif kind == messages.DROP:
            self.controller.lost(messages.text_of(body))
        elif kind == messages.RECORD:
            self.register.take([messages.record_of(body)])

    async def _join_again(self) -> None:
        """The controller has started anew, or had taken us for lost."""
        if self._joining:
            return
        self._joining = True
        try:
            await self.controller.ask(messages.JOIN)
            await self.register.load()
            if self.site is None or not self.site.alone:  # else once it has handed over
                self.controller.new_term()
        finally:
            self._joining = False

    async def _drop(self, station: str, reason: str) -> None:
        await self.central.drop(station, reason)

    def _restore(self, station: str, transaction: str, evse: int | None, token: str | None) -> None:
        self.central.restore(station, transaction, evse, token)

    def _hold(self, station: str, on_hold: bool) -> None:
        state = self.central.stations.get(station)
        if on_hold or (state is not None and state.on_hold):  # else there is nobody to let go
            self.central.hold(station, on_hold)

    async def _signs(self) -> None:
        """Signs of life, by which the controller keeps the claims."""
        while True:
            told = messages.encoded("" if self.site is None else messages.OF_SITE)
            self._exchange.notice(self._controller_subject, messages.ALIVE, told)
            await self._clock.sleep(SIGN_S)

    def _spawn(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def gateway(
    broker: AbstractBroker, key: Key, clock: AbstractClock, place: GatewayPlace
) -> AsyncIterator[tuple[Gateway, int]]:
    """A gateway for as long as the context lasts, and its port."""
    one = Gateway(broker, key, clock, place)
    port = await one.start()
    try:
        yield one, port
    finally:
        await one.stop()
