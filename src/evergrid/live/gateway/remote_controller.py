"""The controller as a gateway sees it: what stations say goes there, and waits for its answer.

A station is answered once the controller has: what happened is then on its disk. Where the
controller does not answer, the station is not answered either, and is read no further.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, final

import structlog

from evergrid.core.errors import StoreError
from evergrid.live.devices.adapter import (
    AbstractHandler,
    Capabilities,
    ChargingNeeds,
    MeterReading,
    Refusal,
    TransactionEvent,
)
from evergrid.live.gateway import messages
from evergrid.live.gateway.claims import Claim
from evergrid.live.gateway.exchange import Exchange, FaultError, NoAnswerError
from evergrid.live.gateway.messages import ClaimAnswer, OpenTransactionMessage, Permission

log = structlog.get_logger()

PATIENCE_S = 60.0  # with a controller that does not answer; stations have given up long before
KNOWN_TOKENS = 50_000
MOST_TASKS = 20_000  # beside the messages; refusals beyond are not told

Drop = Callable[[str, str], Awaitable[None]]
"""Closes a station's connection, for a reason."""
Restore = Callable[[str, str, int | None, str | None], None]
"""Tells the central system of a live transaction: station, transaction, outlet, token."""
Hold = Callable[[str, bool], None]
"""Tells the central system whether a station is to boot only later."""


class SupersededError(StoreError):
    """The station is connected to another gateway by now: it is not answered here."""


@final
class RemoteController(AbstractHandler):
    """What the central system of a gateway tells.

    Args:
        exchange: With the controller.
        subject: Where the controller listens.
        drop: Closes the connection of a station that is connected elsewhere.
        restore: Tells the central system of live transactions.
        hold: Tells it of stations that are to boot only later.
    """

    def __init__(
        self, exchange: Exchange, subject: str, drop: Drop, restore: Restore, hold: Hold
    ) -> None:
        self._exchange, self._subject = exchange, subject
        self._drop, self._restore, self._hold = drop, restore, hold
        self._claims: dict[str, Claim] = {}
        self._online: dict[str, str] = {}  # protocol of each station that is connected here
        self._described: dict[str, Capabilities] = {}
        self._claiming: dict[str, asyncio.Task[None]] = {}
        self._permissions = OrderedDict[str, Permission]()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def online(self) -> int:
        """Stations that are connected here."""
        return len(self._online)

    def is_held(self, station: str, claim: Claim | None) -> bool:
        """Whether this is the claim that counts here: an order under another one is dropped."""
        return claim is not None and self._claims.get(station) == claim

    def permit(self, token: str | None, permission: Permission) -> None:
        """Remember what a token is good for."""
        if token is None:
            return
        self._permissions[token] = permission
        self._permissions.move_to_end(token)
        if len(self._permissions) > KNOWN_TOKENS:
            self._permissions.popitem(last=False)

    def lost(self, station: str) -> None:
        """The station is connected to another gateway."""
        self._claims.pop(station, None)
        self._online.pop(station, None)
        log.info("station_superseded", station=station)
        self.spawn(self._drop(station, "connected elsewhere"))

    def new_term(self) -> None:
        """The controller has started anew, or has taken us for lost: claim what is here again."""
        self._claims.clear()
        for station in tuple(self._online):
            self.spawn(self._claim_again(station))

    # What the controller of a site notes while it does not tell it.

    def forget_claims(self) -> None:
        """Nothing that the controller orders counts until the stations are claimed again."""
        self._claims.clear()

    def note_online(self, station: str, protocol: str) -> None:
        """A station is connected here."""
        self._online[station] = protocol

    def note_offline(self, station: str) -> None:
        """A station is no longer connected here."""
        self._online.pop(station, None)
        self._claims.pop(station, None)

    def note_described(self, station: str, found: Capabilities) -> None:
        """A station has told what it can do."""
        self._described[station] = found

    def is_known(self, token: str) -> bool:
        """Whether the controller has said of a token that it may charge."""
        known = self._permissions.get(token)
        return known is not None and known.known

    # What the central system tells.

    async def connected(self, station: str, protocol: str) -> None:
        """Claim the station, and take up the transactions that are live there."""
        self._online[station] = protocol
        try:
            await self._claim(station)
        except (NoAnswerError, FaultError) as error:
            log.warning("station_not_claimed", station=station, error=str(error))
            self._online.pop(station, None)
            self.spawn(self._drop(station, "the service does not answer"))

    async def disconnected(self, station: str) -> None:
        """Give the claim back, where it still is ours."""
        self._online.pop(station, None)
        claim = self._claims.pop(station, None)
        if claim is not None:
            await self._ask_quietly("disconnected", claim, station)

    async def described(self, station: str, found: Capabilities) -> None:
        """A device has told what it can do."""
        self._described[station] = found
        try:
            await self.tell(station, "described", station, found)
        except StoreError as error:
            log.warning("not_told", kind="described", error=str(error))

    async def authorized(self, station: str, token: str) -> bool:
        """Whether a driver's token may charge here."""
        try:
            permission: Permission = await self._ask("authorized", None, station, token)
        except (NoAnswerError, FaultError) as error:
            raise StoreError(f"nobody can say whether a driver may charge: {error}") from None
        self.permit(token, permission)
        return permission.known

    def may_discharge(self, token: str | None) -> bool:
        """Whether the driver has agreed, as the controller last said; it says so with each order.

        A token that nobody has spoken of may not.
        """
        known = None if token is None else self._permissions.get(token)
        return known is not None and known.may_discharge

    async def transaction(self, event: TransactionEvent) -> None:
        """Something happened in a transaction. Returns once it is on the controller's disk."""
        permission = await self.tell(event.station, "transaction", event)
        if permission is not None:
            self.permit(event.token, permission)

    async def needs(self, needs: ChargingNeeds) -> bool:
        """A vehicle says what it asks for; whether a plan will follow."""
        return await self.tell(needs.station, "needs", needs)

    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        """Meter values outside a transaction."""
        await self.tell(station, "readings", station, evse, tuple(readings))

    async def priority(self, station: str, transaction: str, active: bool) -> None:
        """A driver wants to charge now, or no longer."""
        await self.tell(station, "priority", station, transaction, active)

    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        """A device reports a fault, or that it is over."""
        await self.tell(station, "alarm", station, kind, ended, detail)

    async def refused(self, refusal: Refusal) -> None:
        """A message broke a rule; nobody waits for this to be known."""
        if len(self._tasks) < MOST_TASKS:
            self.spawn(self._ask_quietly("refused", None, refusal))

    # How it is told.

    async def ask(self, kind: str, *arguments: Any) -> Any:
        """Ask what needs no claim.

        Raises:
            NoAnswerError: The controller does not answer.
        """
        return await self._ask(kind, None, *arguments)

    async def tell(self, station: str, kind: str, *arguments: Any) -> Any:
        """Tell under the claim; where the controller does not know it, claim again before.

        Raises:
            SupersededError: The station is connected elsewhere.
            StoreError: It could not be written, or the controller does not answer.
        """
        for _ in range(3):
            claim = self._claims.get(station)
            if claim is None:
                if station not in self._online:
                    raise SupersededError(f"{station} is not connected here")
                await self._claim_again(station, unless=kind == "described")
                claim = self._claims.get(station)
            try:
                return await self._ask(kind, claim, *arguments)
            except FaultError as error:
                if str(error) == messages.SUPERSEDED:
                    if self._claimed_anew(station, claim):
                        continue  # by ourselves, while this was on its way
                    self.lost(station)
                    raise SupersededError(f"{station} is connected elsewhere") from None
                if str(error) != messages.UNCLAIMED:
                    raise StoreError(str(error)) from None
                if self._claims.get(station) == claim:
                    self._claims.pop(station, None)
            except NoAnswerError as error:
                raise StoreError(str(error)) from None
        raise StoreError(f"{station} could not be claimed")

    def _claimed_anew(self, station: str, before: Claim | None) -> bool:
        """Whether this gateway has another claim by now, or is about to get one."""
        now = self._claims.get(station)
        claimed = now is not None and now != before
        return station in self._online and (claimed or station in self._claiming)

    async def _ask(self, kind: str, claim: Claim | None, *arguments: Any) -> Any:
        body = messages.asked(claim, *arguments)
        answer = await self._exchange.ask(self._subject, kind, body, patience_s=PATIENCE_S)
        return messages.answer_of(kind, answer)

    async def _ask_quietly(self, kind: str, claim: Claim | None, *arguments: Any) -> None:
        try:
            await self._ask(kind, claim, *arguments)
        except (NoAnswerError, FaultError) as error:
            log.warning("not_told", kind=kind, error=str(error))

    async def _claim(self, station: str) -> None:
        """Claim a station and take up what is live there.

        Raises:
            NoAnswerError: The controller does not answer.
        """
        told: ClaimAnswer = await self._ask("connected", None, station, self._online[station])
        if station not in self._online:
            return
        self._claims[station] = told.claim
        self._hold(station, told.on_hold)
        for one in told.open:
            self._take_up(station, one)

    def _take_up(self, station: str, one: OpenTransactionMessage) -> None:
        self.permit(one.token, Permission(True, one.may_discharge))
        self._restore(station, one.transaction, one.evse, one.token)

    async def _claim_again(self, station: str, *, unless: bool = False) -> None:
        """Claim a station that is connected, once however many ask, and say what it can do."""
        task = self._claiming.get(station)
        if task is None:
            task = asyncio.create_task(self._claim_and_describe(station, unless))
            self._claiming[station] = task
            task.add_done_callback(lambda _: self._claiming.pop(station, None))
        await asyncio.shield(task)

    async def _claim_and_describe(self, station: str, undescribed: bool) -> None:
        await self._claim(station)
        found, claim = self._described.get(station), self._claims.get(station)
        if found is not None and claim is not None and not undescribed:
            await self._ask("described", claim, station, found)

    def spawn(self, work: Awaitable[None]) -> None:
        """Do something beside the messages; a failure is told in the log."""

        async def run() -> None:
            try:
                await work
            except (NoAnswerError, FaultError, StoreError) as error:
                log.warning("gateway_task_failed", error=str(error))

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
