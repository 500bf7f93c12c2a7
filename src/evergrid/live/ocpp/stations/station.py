"""What is known of a station that outlives its connection, and whose is a transaction?"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import final

from evergrid.live.devices.adapter import Session, TransactionEvent, TransactionPart
from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.charging.profiles import Profile, Response
from evergrid.live.ocpp.wire.message_ring import MessageRing
from evergrid.live.ocpp.wire.outbox import Request

MOST_TRANSACTIONS = 32  # live at one station; beyond it, the oldest has ended without being told
REMEMBERED_ENDS = 64  # of transactions, so that a late message does not bring one back


@final
class LiveTransaction:
    """A vehicle that is plugged in, and the order that holds for it.

    Attributes:
        transaction: Identity.
        evse: Outlet; None while not told.
        token: Of the driver; None while not told.
        allowed: Whether the controller lets it discharge; None while it has not said.
        direct_current: Whether the outlet is DC, where known.
        session: Its limits, while it is under our orders.
        response: How it follows the frequency or a signal by itself; None where it does not.
        power_kw: Last order.
        two_way: Whether its profile may discharge.
        profile_there: Whether the station has accepted its profile and may still hold it.
        profile_request: The last that gave it a profile.
        sequence: Highest of its events; None before the first.
    """

    __slots__ = (
        "allowed",
        "direct_current",
        "evse",
        "power_kw",
        "profile_request",
        "profile_there",
        "response",
        "sequence",
        "session",
        "token",
        "transaction",
        "two_way",
    )

    def __init__(self, transaction: str, evse: int | None, token: str | None) -> None:
        self.transaction, self.evse, self.token = transaction, evse, token
        self.allowed: bool | None = None
        self.direct_current: bool | None = None
        self.session: Session | None = None
        self.response: Response | None = None
        self.power_kw = 0.0
        self.two_way = self.profile_there = False
        self.profile_request: Request | None = None
        self.sequence: int | None = None


@final
class StationState:
    """A station.

    Attributes:
        record: As registered.
        version: Under which it last connected.
        abilities: As it said; None while it has not.
        transactions: Live ones.
        profiles: That it has accepted, by id.
        floor_request: The last that gave it the default profile.
        next_profile_s: When it takes another profile, of the monotonic clock.
        on_hold: Whether an operator lets it boot only later; until then it may say nothing else.
        faulted: Connectors that are out of order.
        clock_skew_s: Its clock less ours, at its last message that has a time.
        last_seen_s: Of its last message.
        messages: The last ones.
    """

    def __init__(self, record: StationRecord, version: str) -> None:
        self.record, self.version = record, version
        self.abilities: Abilities | None = None
        self.transactions: dict[str, LiveTransaction] = {}
        self.profiles: dict[int, Profile] = {}
        self.floor_request: Request | None = None
        self.next_profile_s = 0.0
        self.on_hold = False
        self.faulted: set[tuple[int, int]] = set()
        self.clock_skew_s: float | None = None
        self.last_seen_s: float | None = None
        self.messages = MessageRing()
        self._ended: OrderedDict[str, float] = OrderedDict()

    @property
    def identity(self) -> str:
        """Its name."""
        return self.record.station

    @property
    def profiles_by_level(self) -> tuple[Profile, ...]:
        """The profiles that it has accepted, lowest stack level first."""
        return tuple(sorted(self.profiles.values(), key=lambda profile: profile["stackLevel"]))

    def at(self, evse: int) -> LiveTransaction | None:
        """The newest transaction of an outlet."""
        for live in reversed(self.transactions.values()):
            if live.evse == evse:
                return live
        return None

    def is_over(self, event: TransactionEvent) -> bool:
        """Whether an event is a late one of a transaction that has ended here.

        A station that counts its transactions may begin one under a name that it used before.
        """
        ended_s = self._ended.get(event.transaction)
        if ended_s is None:
            return False
        return event.part is not TransactionPart.STARTED or event.time_s <= ended_s

    def forget_profiles(self) -> None:
        """The station has started anew, and may hold none of our profiles."""
        self.profiles.clear()
        for live in self.transactions.values():
            live.profile_there = False

    def end(self, transaction: str, time_s: float) -> None:
        """A transaction is over since a moment, and its profile with it."""
        self._ended[transaction] = time_s
        self._ended.move_to_end(transaction)
        if len(self._ended) > REMEMBERED_ENDS:
            self._ended.popitem(last=False)
        live = self.transactions.pop(transaction, None)
        if live is None:
            return
        for number, profile in tuple(self.profiles.items()):
            if profile.get("transactionId") == transaction:
                del self.profiles[number]


@final
class Stations:
    """Every station that has connected, and whose each live transaction is."""

    def __init__(self) -> None:
        self._states: dict[str, StationState] = {}
        self._owners: dict[str, str] = {}

    def __iter__(self) -> Iterator[StationState]:
        return iter(tuple(self._states.values()))

    def get(self, station: str) -> StationState | None:
        """A station's state; None where it has not connected yet."""
        return self._states.get(station)

    def admit(self, record: StationRecord, version: str) -> StationState:
        """The state of a station that connects, under its present record and version."""
        state = self._states.get(record.station)
        if state is None:
            state = self._states[record.station] = StationState(record, version)
        if state.version != version:
            state.abilities = None
        state.record, state.version = record, version
        return state

    def owner(self, transaction: str) -> str | None:
        """The station where a transaction is live; None where it is nowhere."""
        return self._owners.get(transaction)

    def note(self, state: StationState, event: TransactionEvent) -> None:
        """Take in what an event says of its transaction, which is of this station."""
        if event.part is TransactionPart.ENDED:
            self._owners.pop(event.transaction, None)
            state.end(event.transaction, event.time_s)
        elif not state.is_over(event):
            live = self.resume(state, event.transaction, event.evse, event.token)
            live.sequence = max(event.sequence, live.sequence or 0)

    def resume(
        self, state: StationState, transaction: str, evse: int | None, token: str | None
    ) -> LiveTransaction:
        """A transaction is live at a station; what is not told stays as it was."""
        live = state.transactions.get(transaction)
        if live is None:
            live = state.transactions[transaction] = LiveTransaction(transaction, evse, token)
            self._owners[transaction] = state.identity
            if len(state.transactions) > MOST_TRANSACTIONS:
                oldest = next(iter(state.transactions))
                self._owners.pop(oldest, None)
                state.end(oldest, -math.inf)
            return live
        if evse is not None:
            live.evse = evse
        if token is not None:
            live.token = token
        return live
