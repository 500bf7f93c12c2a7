"""The controller of a site: the remote one while it is reached, and the site itself while not.

On its own the site keeps what stations say on its disk and answers them then; it orders vehicles by
the last plan, within the site's limits, with the stations' meters in the loop. Once the controller
is back it is given all of that in order, and only then does it decide again.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, final

import msgspec
import structlog
from msgspec import structs

from evergrid.core.errors import EvergridError
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import (
    AbstractAdapter,
    AbstractHandler,
    Capabilities,
    ChargingNeeds,
    MeterReading,
    PowerOrder,
    Refusal,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.gateway import messages
from evergrid.live.gateway.exchange import FaultError, NoAnswerError
from evergrid.live.gateway.remote_controller import RemoteController
from evergrid.live.gateway.site.setpoints import SiteState, decide
from evergrid.live.gateway.site.site_log import SiteLog
from evergrid.live.gateway.site.site_plan import PlannedSession, SitePlan
from evergrid.live.store.entry import Entry

log = structlog.get_logger()

TICK_S = 2.0  # between two decisions of a site on its own
DEAD_BAND_KW = 0.1  # by which a set-point must change to be sent
WRITTEN_S = 0.05  # until an entry that is being written is looked for again
MS = 1000
EVENT, ALARM = "transaction_event", "site_alarm"

Answer = TypeVar("Answer")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class SiteRules:
    """When a site goes on by itself.

    Attributes:
        alone_after_s: Without a sign of life of the controller.
        tick_s: Between two decisions.
    """

    alone_after_s: float = 10.0
    tick_s: float = TICK_S


@final
class SiteController(AbstractHandler):
    """What the central system of a site's gateway tells.

    Args:
        remote: The controller behind the broker.
        kept: What it does not have yet.
        clock: What time it is.
        rules: When the site goes on by itself.
    """

    def __init__(
        self, remote: RemoteController, kept: SiteLog, clock: AbstractClock, rules: SiteRules
    ) -> None:
        self._remote, self._kept, self._clock, self._rules = remote, kept, clock, rules
        self._orders: AbstractAdapter | None = None
        self._heard_s = clock.monotonic_s()
        self._alone = asyncio.Event()
        self._plan: SitePlan | None = None
        self._state = SiteState()
        self._measured: dict[str, float] = {}
        self._energies: dict[str, float] = {}
        self._live: dict[str, str] = {}  # transaction of each station that has one
        self._last_kw: dict[str, float] = {}
        self._needs: dict[str, ChargingNeeds] = {}  # told while on its own
        self._urgent: dict[str, str] = {}  # transactions whose drivers want to charge now
        self.beyond_kw: dict[str, float] = {}

    @property
    def alone(self) -> bool:
        """Whether the site decides by itself."""
        return self._alone.is_set()

    def use(self, orders: AbstractAdapter) -> None:
        """Reach stations through this adapter."""
        self._orders = orders

    def heard(self) -> None:
        """The controller gave a sign of life."""
        self._heard_s = self._clock.monotonic_s()

    def take_plan(self, plan: SitePlan) -> None:
        """What to go on by; while the site is on its own it keeps to the one it has."""
        if not self.alone:
            self._plan = plan

    async def load(self) -> None:
        """Take up what an earlier run could not hand over: that comes first."""
        if await self._kept.load():
            self._begin()

    async def run(self) -> None:
        """Look whether the controller is there, and decide while it is not.

        Called once the controller has told the register, so that it was there a moment ago.
        """
        self.heard()
        next_s = self._clock.monotonic_s()
        while True:
            silent_s = self._clock.monotonic_s() - self._heard_s
            if not self.alone and silent_s > self._rules.alone_after_s:
                self._begin()
            if self.alone:
                if silent_s <= self._rules.alone_after_s and await self._hand_over():
                    self._end()
                else:
                    with self._clock.working():
                        await self._decide()
            next_s = max(next_s + self._rules.tick_s, self._clock.monotonic_s())
            await self._clock.sleep_until(next_s)

    def _begin(self) -> None:
        log.warning("site_alone", sessions=0 if self._plan is None else len(self._plan.sessions))
        self._remote.forget_claims()
        self._state, self._last_kw = SiteState(energy_s=self._clock.now_s()), {}
        self._energies.clear()
        self._alone.set()

    def _end(self) -> None:
        log.info("site_joined_again")
        self._alone.clear()
        self._remote.new_term()
        for needs in self._needs.values():
            if needs.station in self._live:
                self._remote.spawn(self._tell_needs(needs))
        for station, transaction in self._urgent.items():
            if self._live.get(station) == transaction:
                self._remote.spawn(self._remote.priority(station, transaction, True))
        self._needs.clear()
        self._urgent.clear()

    async def _tell_needs(self, needs: ChargingNeeds) -> None:
        await self._remote.needs(needs)

    # What the site decides.

    async def _decide(self) -> None:
        """One tick on its own: write the orders, then send them."""
        plan, now_s = self._plan, self._clock.now_s()
        if plan is None or self._orders is None:
            return
        there = tuple(
            self._as_asked(one)
            for one in plan.sessions
            if self._live.get(one.station) == one.transaction
        )
        plan = replace(plan, sessions=there)
        known = {**self._state.energy_kwh, **self._energies}
        self._energies.clear()
        found = decide(plan, replace(self._state, energy_kwh=known), self._measured, now_s)
        self._state, self.beyond_kw = found.state, dict(found.beyond_kw)
        orders = [
            PowerOrder(one.station, one.evse, one.transaction, found.power_kw[one.station])
            for one in there
            if self._changes(one.station, found.power_kw[one.station])
        ]
        if not orders:
            return
        try:
            await self._kept.append([_order_entry(order, now_s) for order in orders])
        except EvergridError as error:
            log.warning("site_order_not_kept", error=str(error))
            return
        for order in orders:
            self._last_kw[order.station] = order.power_kw
        results = await asyncio.gather(*(self._orders.order(order) for order in orders))
        for order, result in zip(orders, results, strict=True):
            if result != "accepted":
                self._last_kw.pop(order.station, None)  # it is told again in the next tick

    def _as_asked(self, one: PlannedSession) -> PlannedSession:
        """A vehicle as planned, or charging at once where its driver wants that."""
        if self._urgent.get(one.station) != one.transaction:
            return one
        return replace(one, power_kw=(-one.max_charge_kw,) * len(one.power_kw))

    def _changes(self, station: str, power_kw: float) -> bool:
        last = self._last_kw.get(station)
        return last is None or abs(last - power_kw) > DEAD_BAND_KW

    async def _hand_over(self) -> bool:
        """Give the controller what it does not have, in order; whether it has all of it."""
        try:
            while self._kept.entries:
                entries = await self._kept.oldest()
                if not entries:  # one is being written
                    await self._clock.sleep(WRITTEN_S)
                    continue
                await self._remote.ask(messages.HAND_OVER, [one.entry for one in entries])
                await self._kept.forget(entries)
        except (NoAnswerError, FaultError, EvergridError) as error:
            log.warning("not_handed_over", error=str(error))
            return False
        return True

    # What stations say.

    async def connected(self, station: str, protocol: str) -> None:
        """A device is there."""
        self._remote.note_online(station, protocol)
        await self._until_alone(self._remote.connected(station, protocol))
        self._remote.note_online(station, protocol)

    async def disconnected(self, station: str) -> None:
        """A device is no longer there: its power is not known, and counted as it was."""
        await self._until_alone(self._remote.disconnected(station))
        self._remote.note_offline(station)

    async def described(self, station: str, found: Capabilities) -> None:
        """A device has told what it can do."""
        self._remote.note_described(station, found)
        await self._until_alone(self._remote.described(station, found))

    async def authorized(self, station: str, token: str) -> bool:
        """Whether a token may charge; on its own, those that were told before may."""
        found = await self._until_alone(self._remote.authorized(station, token))
        return self._remote.is_known(token) if found is None else found

    def may_discharge(self, token: str | None) -> bool:
        """Whether the driver has agreed, as the controller last said."""
        return self._remote.may_discharge(token)

    async def transaction(self, event: TransactionEvent) -> None:
        """Something happened in a transaction: on the controller's disk, or on the site's."""
        self._note(event)
        kept = structs.replace(event, offline=True)
        entry = Entry(
            EVENT,
            event.time_s,
            event.station,
            event.transaction,
            event.sequence,
            _encode(kept),
        )
        await self._told_or_kept(self._remote.transaction(event), entry)

    async def needs(self, needs: ChargingNeeds) -> bool:
        """A vehicle says what it asks for; on its own the site makes no plan for it."""
        found = await self._until_alone(self._remote.needs(needs))
        if found is not None:
            return found
        self._needs[needs.station] = needs
        return False

    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        """Meter values outside a transaction."""
        self._measure(station, readings)
        body = {"evse": evse, "readings": readings}
        entry = self._entry("readings", station, body)
        await self._told_or_kept(self._remote.readings(station, evse, readings), entry)

    async def priority(self, station: str, transaction: str, active: bool) -> None:
        """A driver wants to charge now, or no longer; the site does so on its own too."""
        if active:
            self._urgent[station] = transaction
        else:
            self._urgent.pop(station, None)
        entry = self._entry("site_priority", station, {"active": active}, transaction)
        await self._told_or_kept(self._remote.priority(station, transaction, active), entry)

    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        """A device reports a fault, or that it is over."""
        body = {"kind": kind, "ended": ended, "detail": detail}
        entry = self._entry(ALARM, station, body)
        await self._told_or_kept(self._remote.alarm(station, kind, ended, detail), entry)

    async def refused(self, refusal: Refusal) -> None:
        """A message broke a rule."""
        await self._remote.refused(refusal)

    async def _told_or_kept(self, report: Coroutine[Any, Any, None], entry: Entry) -> None:
        """Tell the controller; where it does not answer until the site is alone, keep it.

        The controller may have it then too: it takes it once.
        """

        async def tell() -> bool:
            await report
            return True

        if self.alone:
            report.close()
        elif await self._until_alone(tell()):
            return
        await self._kept.append([entry])

    async def _until_alone(self, report: Coroutine[Any, Any, Answer]) -> Answer | None:
        """What the controller answers; None where the site is alone before it does."""
        if self.alone:
            report.close()
            return None
        told = asyncio.ensure_future(report)
        alone = asyncio.ensure_future(self._alone.wait())
        try:
            await asyncio.wait((told, alone), return_when=asyncio.FIRST_COMPLETED)
            return told.result() if told.done() else None
        finally:
            alone.cancel()
            told.cancel()
            await asyncio.wait((told,))

    def _entry(self, kind: str, station: str, body: dict[str, Any], transaction: str = "") -> Entry:
        now_s = self._clock.now_s()
        return Entry(kind, now_s, station, transaction, round(now_s * MS), _encode(body))

    def _note(self, event: TransactionEvent) -> None:
        if event.part is TransactionPart.ENDED:
            self._live.pop(event.station, None)
            self._measured.pop(event.station, None)
            return
        self._live[event.station] = event.transaction
        if not event.offline:
            self._measure(event.station, event.readings)

    def _measure(self, station: str, readings: Sequence[MeterReading]) -> None:
        for reading in readings:
            if reading.power_kw is not None:
                self._measured[station] = reading.power_kw
            capacity = self._capacity(station)
            if reading.soc is not None and capacity is not None:
                self._energies[station] = reading.soc * capacity

    def _capacity(self, station: str) -> float | None:
        sessions = () if self._plan is None else self._plan.sessions
        return next((one.capacity_kwh for one in sessions if one.station == station), None)


def _order_entry(order: PowerOrder, now_s: float) -> Entry:
    body = {"power_kw": order.power_kw, "evse": order.evse}
    return Entry(
        "site_order", now_s, order.station, order.transaction, round(now_s * MS), _encode(body)
    )
