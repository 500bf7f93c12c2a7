"""The stations as the controller sees them where gateways hold their connections."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, final

import structlog

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import (
    AbstractAdapter,
    AbstractHandler,
    OrderResult,
    PowerOrder,
    Session,
)
from evergrid.live.gateway import messages
from evergrid.live.gateway.broker import AbstractBroker, controller_subject, gateways_subject
from evergrid.live.gateway.claims import Claim, Claims
from evergrid.live.gateway.exchange import Exchange, FaultError, NoAnswerError
from evergrid.live.gateway.messages import ClaimAnswer, OpenTransactionMessage, Permission
from evergrid.live.gateway.site import site_controller
from evergrid.live.gateway.site.site_plan import SitePlan
from evergrid.live.ocpp.admission.credentials import AbstractCredentials, StationRecord
from evergrid.live.ocpp.certificates import AbstractIssuer, IssuedCertificate
from evergrid.live.ocpp.charging.profiles import Response
from evergrid.live.store.entry import AbstractLog, Entry

log = structlog.get_logger()

SIGN_S = 1.0  # between two signs of life
PLAN_S = 5.0  # between two plans that a site is told
ORDER_PATIENCE_S = 15.0  # longer than a gateway waits for a station's answer
CALL_PATIENCE_S = 40.0

Records = Callable[[str], Sequence[StationRecord]]
"""Registered stations whose identities follow one, in order, so many at a time."""
OpenNow = Callable[[str], list[OpenTransactionMessage]]
"""Transactions that are live at a station."""


SitePlanner = Callable[[Sequence[str]], SitePlan]
"""What a gateway that holds some stations goes on by."""


@final
class GatewayStations(AbstractAdapter):
    """Takes what gateways say to the handler, and orders to the gateway that holds a station.

    Args:
        broker: Between the processes.
        service: Name on it.
        handler: The controller.
        credentials: The register of stations, where secrets are changed.
        records: The same register, in parts.
        open_now: What is live at a station.
        clock: Of the service.
        lease_s: Without a sign of life, after which a gateway is lost.
        log: Takes what sites did while they were on their own; None where there are no such sites.
        issuer: Signs certificates of stations; None where no authority is configured.
    """

    def __init__(
        self,
        broker: AbstractBroker,
        service: str,
        handler: AbstractHandler,
        credentials: AbstractCredentials,
        records: Records,
        open_now: OpenNow,
        clock: AbstractClock,
        *,
        lease_s: float,
        log: AbstractLog | None = None,
        issuer: AbstractIssuer | None = None,
    ) -> None:
        self._issuer = issuer
        self.on_hold: set[str] = set()
        """Stations that are to boot only later."""
        self._handler, self._credentials = handler, credentials
        self._records, self._open_now = records, open_now
        self._clock, self._lease_s = clock, lease_s
        self._everybody = gateways_subject(service)
        subject = controller_subject(service)
        self._exchange = Exchange(broker, subject, clock, self._answer, self._take_notice)
        self.claims = Claims(self._exchange.life)
        self._seen_s: dict[str, float] = {}  # of each gateway that lives
        self._lost: set[str] = set()  # gateways that must claim their stations again
        self._log = log
        self._of_sites: dict[str, float] = {}  # when each gateway of a site was last told a plan
        self._site_plan: SitePlanner | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def tell_plans(self, planner: SitePlanner) -> None:
        """Tell gateways of sites from now on what to go on by."""
        self._site_plan = planner

    @property
    def gateways(self) -> tuple[str, ...]:
        """Those that live and let stations connect."""
        return tuple(sorted(self._seen_s))

    async def start(self) -> None:
        """Listen to gateways."""
        await self._exchange.start()
        self._spawn(self._watch())

    async def stop(self) -> None:
        """Listen no more; the gateways go on, and wait."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._exchange.stop()

    def is_registered(self, station: str) -> bool:
        """Whether a station may connect."""
        return self._credentials.find(station) is not None

    def tell_record(self, record: StationRecord) -> None:
        """A station is registered anew: all gateways must know."""
        self._exchange.notice(self._everybody, messages.RECORD, messages.encoded(record))

    # What the controller asks.

    async def begin(self, session: Session, response: Response | None = None) -> OrderResult:
        """Put a session under orders, or let it follow the frequency or a signal by itself."""
        return await self.ask_order("begin", session.station, session, response)

    async def signal(self, station: str, value: int) -> OrderResult:
        """Send a signal that sessions of a station turn into power by their curve."""
        return await self.ask_order("signal", station, station, value)

    async def order(self, order: PowerOrder) -> OrderResult:
        """Tell a device its power."""
        return await self.ask_order("order", order.station, order)

    async def release(self, station: str, evse: int, transaction: str) -> OrderResult:
        """End our orders for a session."""
        return await self.ask_order("release", station, station, evse, transaction)

    async def allow(self, station: str, transaction: str, discharge: bool) -> OrderResult:
        """Say whether a vehicle may discharge from now on."""
        return await self.ask_order("allow", station, station, transaction, discharge)

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a message of the protocol itself, for an operator.

        Raises:
            InputError: The message breaks the protocol, or the device is not connected.
        """
        if self.claims.holder(station) is None:
            raise InputError(action, [Fault("station", "be connected", (station,))])
        try:
            return await self.ask("call", station, station, action, payload)
        except (NoAnswerError, FaultError) as error:
            fault = Fault("answer", "be one", (str(error),), (station,))
            raise InputError(action, [fault]) from error

    async def ask(
        self, kind: str, station: str, *arguments: Any, patience_s: float = CALL_PATIENCE_S
    ) -> Any:
        """Ask the gateway that holds a station, which does it under the same claim only.

        Raises:
            NoAnswerError: It does not answer.
            FaultError: The station is not connected, or it cannot be done.
        """
        holder = self.claims.holder(station)
        if holder is None:
            raise FaultError("the station is not connected")
        body = messages.asked(holder.claim, *arguments)
        answer = await self._exchange.ask(holder.gateway, kind, body, patience_s=patience_s)
        return messages.answer_of(kind, answer)

    async def ask_order(
        self, kind: str, station: str, *arguments: Any, patience_s: float = ORDER_PATIENCE_S
    ) -> OrderResult:
        """`ask`, where the answer says what became of an order."""
        if self.claims.holder(station) is None:
            return OrderResult.OFFLINE
        try:
            return await self.ask(kind, station, *arguments, patience_s=patience_s)
        except NoAnswerError:
            return OrderResult.TIMED_OUT
        except FaultError as error:
            log.warning("order_failed", station=station, kind=kind, fault=str(error))
            return OrderResult.REFUSED

    # What gateways say.

    async def _answer(self, sender: str, kind: str, body: bytes) -> bytes:
        claim, arguments = messages.arguments_of(kind, body)
        if kind not in (messages.JOIN, messages.REGISTER):  # it lets stations connect afterwards
            self._seen_s[sender] = self._clock.monotonic_s()
        if kind in messages.UNDER_CLAIM:
            self._check(kind, claim, arguments)
        method = getattr(self, f"_{kind}", None)
        if method is not None:
            return messages.encoded(await method(sender, claim, *arguments))
        return messages.encoded(await getattr(self._handler, kind)(*arguments))

    def _check(self, kind: str, claim: Claim | None, arguments: tuple[Any, ...]) -> None:
        """Refuse what comes under a claim that does not count.

        Raises:
            FaultError: It is superseded, or not known here.
        """
        first = arguments[0]
        station = first if isinstance(first, str) else first.station
        if claim is not None and self.claims.is_newest(station, claim):
            return
        if claim is not None and self.claims.is_superseded(station, claim):
            raise FaultError(messages.SUPERSEDED)
        if kind != "disconnected":  # of one that is not known, nothing is left to do
            raise FaultError(messages.UNCLAIMED)

    async def _connected(self, sender: str, _: Any, station: str, protocol: str) -> ClaimAnswer:
        claim, older = self.claims.give(station, sender)
        if older is not None:
            if older.gateway != sender:
                self._exchange.notice(older.gateway, messages.DROP, messages.encoded(station))
            await self._handler.disconnected(station)
        await self._handler.connected(station, protocol)
        return ClaimAnswer(claim, self._open_now(station), station in self.on_hold)

    async def _disconnected(self, sender: str, claim: Claim | None, station: str) -> None:
        if claim is not None and self.claims.end(station, claim):
            await self._handler.disconnected(station)

    async def _authorized(self, sender: str, _: Any, station: str, token: str) -> Permission:
        known = await self._handler.authorized(station, token)
        return Permission(known, self._handler.may_discharge(token))

    async def _transaction(self, sender: str, claim: Any, event: Any) -> Permission | None:
        await self._handler.transaction(event)
        if event.token is None:
            return None
        return await self._authorized(sender, claim, event.station, event.token)

    async def _register(self, sender: str, _: Any, after: str) -> list[StationRecord]:
        return list(self._records(after))

    async def _set_next_secret(self, sender: str, _: Any, station: str, secret: str) -> None:
        await self._credentials.set_next_secret(station, secret)
        self.tell_of(station)

    async def _use_next_secret(self, sender: str, _: Any, station: str) -> None:
        await self._credentials.use_next_secret(station)
        self.tell_of(station)

    async def _use_next_certificate(self, sender: str, _: Any, station: str) -> None:
        await self._credentials.use_next_certificate(station)
        self.tell_of(station)

    async def _issue_certificate(
        self, sender: str, _: Any, station: str, csr: str
    ) -> IssuedCertificate:
        if self._issuer is None:
            raise FaultError("the service has no [certificate_authority]")
        issued = await self._issuer.issue(station, csr)
        self.tell_of(station)
        return issued

    async def _certificate_answered(
        self, sender: str, _: Any, station: str, fingerprint: str, result: OrderResult
    ) -> None:
        if self._issuer is not None:
            await self._issuer.answered(station, fingerprint, result)
            self.tell_of(station)

    def tell_of(self, station: str) -> None:
        """The record of a station has changed: all gateways must know."""
        record = self._credentials.find(station)
        if record is not None:
            self.tell_record(record)

    async def _join(self, sender: str, _: Any) -> None:
        """A gateway that was taken for lost claims its stations again."""
        self._lost.discard(sender)

    async def _hand_over(self, sender: str, _: Any, entries: list[Entry]) -> None:
        """What a site did on its own, in order; what comes twice is taken once."""
        if self._log is None:
            raise FaultError("this service has no sites that go on by themselves")
        for entry in entries:
            if entry.kind == site_controller.EVENT:
                await self._handler.transaction(messages.event_of(entry))
                continue
            new = await self._log.append([entry])
            if new and entry.kind == site_controller.ALARM:
                told = messages.alarm_of(entry)
                await self._handler.alarm(entry.station, told.kind, told.ended, told.detail)

    def _take_notice(self, sender: str, kind: str, body: bytes) -> None:
        if kind == messages.ALIVE:
            self._seen_s[sender] = self._clock.monotonic_s()
            if messages.text_of(body) == messages.OF_SITE:
                self._of_sites.setdefault(sender, -math.inf)
            if sender in self._lost:
                self._exchange.notice(sender, messages.JOIN_AGAIN, b"")

    async def _watch(self) -> None:
        """Give signs of life, and lose gateways that give none."""
        while True:
            self._exchange.notice(
                self._everybody, messages.ALIVE, messages.encoded(self.claims.term)
            )
            await self._clock.sleep(SIGN_S)
            now_s = self._clock.monotonic_s()
            self._tell_site_plans(now_s)
            silent = [one for one, at_s in self._seen_s.items() if now_s - at_s > self._lease_s]
            for gateway in silent:
                await self._lose(gateway)

    def _tell_site_plans(self, now_s: float) -> None:
        if self._site_plan is None:
            return
        for gateway, told_s in self._of_sites.items():
            if gateway in self._seen_s and now_s >= told_s + PLAN_S:
                plan = self._site_plan(self.claims.held_by(gateway))
                self._exchange.notice(gateway, messages.SITE_PLAN, messages.encoded(plan))
                self._of_sites[gateway] = now_s

    async def _lose(self, gateway: str) -> None:
        """A gateway is gone: its stations are not connected until another one claims them."""
        del self._seen_s[gateway]
        self._lost.add(gateway)
        lost = self.claims.lose(gateway)
        log.warning("gateway_lost", gateway=gateway, stations=len(lost))
        for station in lost:
            await self._handler.disconnected(station)

    def _spawn(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
