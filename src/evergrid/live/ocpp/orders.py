"""How does a power become a message to a station, and which never become one?"""

import asyncio
from dataclasses import replace
from typing import Any, final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import W_PER_KW
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import (
    AbstractAdapter,
    AbstractHandler,
    OrderResult,
    PowerOrder,
    Refusal,
    Session,
)
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.charging import profiles, transfers
from evergrid.live.ocpp.charging.profiles import LocalFrequency, Profile, Response, SignalResponse
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.stations.gate import Gate, amps
from evergrid.live.ocpp.stations.station import LiveTransaction, StationState
from evergrid.live.ocpp.wire.outbox import Answer, Priority, Request
from evergrid.live.ocpp.wire.schemas import OCPP_2_1
from evergrid.live.ocpp.wire.times import utc_text

_FLOOR_KEY, _SIGNAL_KEY = "\0floor", "\0signal"  # no transaction's names


@final
class Orders(AbstractAdapter):
    """Orders to the stations that are connected.

    Args:
        registry: Of connections.
        gate: Of what may leave.
        handler: Told what is refused.
        clock: Of the service.
        settings: Time-outs, and the floor.
    """

    def __init__(
        self,
        registry: Registry[StationConnection],
        gate: Gate,
        handler: AbstractHandler,
        clock: AbstractClock,
        settings: Settings,
    ) -> None:
        self._registry, self._gate, self._handler = registry, gate, handler
        self._clock, self._settings = clock, settings

    async def begin(self, session: Session, response: Response | None = None) -> OrderResult:
        """Put a session under orders, over a default plan that the station has accepted before.

        Args:
            session: With its limits and its first order.
            response: How it follows the frequency, or a signal for all, by itself; None for
                orders of its own only.
        """
        link = self._registry.get(session.station)
        if link is None:
            return OrderResult.OFFLINE
        live = link.state.transactions.get(session.transaction)
        if live is None or (live.evse is not None and live.evse != session.evse):
            return await self._refuse(session.station, "no such live transaction", session)
        rule = self._gate.session_rule(link.state, live, session)
        if response is not None and not self._gate.takes_setpoints(link.state):
            rule = "the station follows nothing by itself"
        if rule:
            return await self._refuse(session.station, rule, session)
        live.session, live.power_kw, live.response = session, session.power_kw, response
        live.profile_there = False
        return await self._send_profile(link, live, Priority.SETPOINT)

    async def order(self, order: PowerOrder) -> OrderResult:
        """Tell a station its power; a newer order replaces one that still waits."""
        link = self._registry.get(order.station)
        if link is None:
            return OrderResult.OFFLINE
        live = link.state.transactions.get(order.transaction)
        if live is None or live.session is None:
            return await self._refuse(order.station, "order without a session", order)
        rule = self._gate.power_rule(link.state, live, live.session, order.power_kw)
        if isinstance(live.response, LocalFrequency):
            rule = "the session follows the frequency and takes no orders"
        if rule:
            return await self._refuse(order.station, rule, order)
        live.power_kw = order.power_kw
        priority = Priority.URGENT if order.urgent else Priority.SETPOINT
        if not self._has_dynamic(link.state, live):
            return await self._send_profile(link, live, priority)
        number = profiles.session_id(order.station, order.transaction)
        payload = profiles.update(number, order.power_kw, v2x=live.two_way)
        answer = await link.request(
            "UpdateDynamicSchedule",
            payload,
            priority,
            timeout_s=self._settings.order_timeout_s,
            key=live.transaction,
        )
        if answer.order_result is OrderResult.REJECTED:
            live.profile_there = False  # so that the next order gives it the whole profile
        return answer.order_result

    async def release(self, station: str, evse: int, transaction: str) -> OrderResult:
        """Take a session's profile away; the default takes over."""
        link = self._registry.get(station)
        if link is None:
            return OrderResult.OFFLINE
        live = link.state.transactions.get(transaction)
        if live is None:
            return await self._refuse(station, "no such live transaction", transaction)
        live.session, live.profile_there = None, False
        number = profiles.session_id(station, transaction)
        answer = await link.request(
            "ClearChargingProfile",
            {"chargingProfileId": number},
            Priority.SETPOINT,
            timeout_s=self._settings.order_timeout_s,
            key=live.transaction,
        )
        if answer.payload.get("status") in ("Accepted", "Unknown"):  # unknown: it is not there
            link.state.profiles.pop(number, None)
            return OrderResult.ACCEPTED
        return answer.order_result

    async def allow(self, station: str, transaction: str, discharge: bool) -> OrderResult:
        """Say whether a vehicle may discharge from now on; forbidding stops it at once."""
        link = self._registry.get(station)
        if link is None:
            return OrderResult.OFFLINE
        live = link.state.transactions.get(transaction)
        if live is None:
            return await self._refuse(station, "no such live transaction", transaction)
        if discharge and not self._handler.may_discharge(live.token):
            return await self._refuse(station, "driver has not agreed to discharging", transaction)
        live.allowed = discharge
        if link.state.version != OCPP_2_1:
            return OrderResult.REJECTED if discharge else OrderResult.ACCEPTED
        if not discharge:
            await self._stop_discharging(link, live)
        abilities = link.state.abilities
        modes = (transfers.both_ways if discharge else transfers.charging_only)(abilities)
        answer = await link.request(
            "NotifyAllowedEnergyTransfer",
            {"transactionId": transaction, "allowedEnergyTransfer": modes},
            Priority.URGENT,
            timeout_s=self._settings.order_timeout_s,
        )
        return answer.order_result

    async def signal(self, station: str, value: int) -> OrderResult:
        """Send a signal (AFRRSignal) that sessions of a station turn into power by their curve."""
        link = self._registry.get(station)
        if link is None:
            return OrderResult.OFFLINE
        live = link.state.transactions.values()
        if not any(isinstance(one.response, SignalResponse) and one.profile_there for one in live):
            return await self._refuse(station, "no session follows a signal", value)
        payload = {"timestamp": utc_text(self._clock.now_s()), "signal": value}
        answer = await link.request(
            "AFRRSignal",
            payload,
            Priority.SETPOINT,
            timeout_s=self._settings.order_timeout_s,
            key=_SIGNAL_KEY,
        )
        return answer.order_result

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a message for an operator; profiles keep the same rules as ours.

        Raises:
            InputError: It breaks the protocol, the station is not connected or does not answer.
        """
        link = self._registry.get(station)
        if link is None:
            raise InputError(action, [Fault("station", "be connected", (station,))])
        if not link.schemas.knows(action):
            raise InputError(action, [Fault("action", f"be one of {link.schemas.version}")])
        fault = link.schemas.request_fault(action, payload)
        if fault is not None:
            raise InputError(action, [Fault("payload", "keep its schema", (fault.reason,))])
        faults = self._gate.faults(link.state, action, payload)
        if faults:
            raise InputError(action, faults)
        answer = await link.request(action, payload, timeout_s=self._settings.call_timeout_s)
        if answer.result is OrderResult.ACCEPTED:
            _note_call(link.state, action, payload, answer)
            return answer.payload
        got = answer.error or answer.result.value
        raise InputError(
            action, [Fault("answer", "be one", (got,), (station,), fix=answer.description)]
        )

    async def send_floor(self, link: StationConnection) -> bool:
        """Give a station its default profile; whether it has accepted it."""
        state = link.state
        if state.floor_request is not None and not state.floor_request.future.done():
            return (await asyncio.shield(state.floor_request.future)).accepted
        record, abilities = state.record, state.abilities
        unit = "W" if abilities is None or "W" in abilities.rate_units else "A"
        floor_kw = min(self._settings.floor_kw, record.charge_kw)
        limit = floor_kw * W_PER_KW if unit == "W" else amps(state, floor_kw)
        profile = profiles.default_profile(
            limit, unit=unit, dynamic_kinds=state.version == OCPP_2_1
        )
        answer = await self._put_profile(
            link, profile, profiles.ALL_OUTLETS, None, Priority.SETPOINT, key=_FLOOR_KEY
        )
        return answer.accepted

    def renew(self, link: StationConnection, transaction: str) -> None:
        """Give a station the profile of a session again, with the last order."""
        live = link.state.transactions.get(transaction)
        if live is None or live.session is None:
            return
        live.profile_there = False
        request = self._send_profile(link, live, Priority.SETPOINT)
        link.spawn(request)

    def present_update(self, state: StationState, number: int) -> dict[str, Any] | None:
        """The set-point that holds for a profile of a station; None where it has none such."""
        for live in state.transactions.values():
            if live.session is None or isinstance(live.response, LocalFrequency):
                continue
            if profiles.session_id(state.identity, live.transaction) == number:
                return profiles.update(number, live.power_kw, v2x=live.two_way)["scheduleUpdate"]
        return None

    def _has_dynamic(self, state: StationState, live: LiveTransaction) -> bool:
        """Whether a set-point alone is enough: the station has the profile, or is getting it."""
        if not self._gate.takes_setpoints(state):
            return False
        out = live.profile_request
        return live.profile_there or (out is not None and bool(out.id) and not out.future.done())

    async def _send_profile(
        self, link: StationConnection, live: LiveTransaction, priority: Priority
    ) -> OrderResult:
        """Give a station the whole profile of a session, with its last order."""
        state = link.state
        if profiles.DEFAULT_ID not in state.profiles:
            await self.send_floor(link)
        session = live.session
        if session is None:
            return OrderResult.REPLACED  # it was released meanwhile
        session = replace(session, power_kw=live.power_kw)
        profile = self._profile(state, live, session)
        answer = await self._put_profile(
            link, profile, session.evse, live, priority, key=live.transaction
        )
        live.profile_there = answer.accepted or (live.profile_there and _is_replaced(answer))
        return answer.order_result

    def _profile(self, state: StationState, live: LiveTransaction, session: Session) -> Profile:
        number = profiles.session_id(state.identity, live.transaction)
        found = state.abilities
        if found is not None and found.takes_setpoints:
            live.two_way = session.max_discharge_kw > 0 and self._gate.may_discharge(state, live)
            if isinstance(live.response, LocalFrequency):
                start_s = self._clock.now_s()
                return profiles.frequency_profile(session, number, live.response, start_s=start_s)
            if live.response is not None:
                return profiles.signal_profile(session, number, live.response)
            return profiles.dynamic_profile(session, number, v2x=live.two_way)
        live.two_way = False
        profile = profiles.absolute_profile(
            session,
            number,
            start_s=self._clock.now_s(),
            unit="W" if found is None or "W" in found.rate_units else "A",
            amps=amps(state, -session.power_kw),
            modern=state.version == OCPP_2_1,
        )
        if found is not None and found.highest_level is not None:
            # One that only charges may stand beside the default: its purpose goes before that's.
            profile["stackLevel"] = min(profile["stackLevel"], found.highest_level)
        return profile

    async def _put_profile(
        self,
        link: StationConnection,
        profile: Profile,
        evse: int,
        live: LiveTransaction | None,
        priority: Priority,
        *,
        key: str,
    ) -> Answer:
        """Send a profile that keeps every rule, no sooner than the station takes one."""
        state = link.state
        payload = {"evseId": evse, "chargingProfile": profile}
        faults = self._gate.faults(state, "SetChargingProfile", payload)
        if faults:
            text = "; ".join(str(fault) for fault in faults)
            await self._refuse(state.identity, "profile breaks rules", text)
            return Answer(OrderResult.REFUSED, {}, "", text)
        request = Request(
            "SetChargingProfile",
            payload,
            priority,
            key=key,
            timeout_s=self._settings.order_timeout_s,
            earliest_s=self._profile_slot(link, key),
        )
        if live is None:
            state.floor_request = request
        else:
            live.profile_request = request
        answer = await link.outbox.put(request)
        if answer.accepted and (live is None or live.transaction in state.transactions):
            state.profiles[profile["id"]] = profile
        return answer

    def _profile_slot(self, link: StationConnection, key: str) -> float:
        """When the station takes the next profile; one that is replaced leaves its place."""
        state, older = link.state, link.outbox.waiting(key)
        least_s = state.abilities.least_update_s if state.abilities else 0.0
        if older is not None and older.action == "SetChargingProfile":
            return older.earliest_s
        slot = max(self._clock.monotonic_s(), state.next_profile_s)
        state.next_profile_s = slot + least_s
        return slot

    async def _stop_discharging(self, link: StationConnection, live: LiveTransaction) -> None:
        """A limit of 0 at once, before the vehicle is told."""
        session = live.session
        if session is None or not live.two_way:
            return
        live.session = replace(session, max_discharge_kw=0.0)
        live.power_kw = min(live.power_kw, 0.0)
        number = profiles.session_id(session.station, session.transaction)
        payload = profiles.update(number, live.power_kw, v2x=True)
        payload["scheduleUpdate"]["dischargeLimit"] = profiles.discharge_limit_w(0.0)
        await link.request(
            "UpdateDynamicSchedule",
            payload,
            Priority.URGENT,
            timeout_s=self._settings.order_timeout_s,
            key=live.transaction,
        )

    async def _refuse(self, station: str, rule: str, detail: object) -> OrderResult:
        await self._handler.refused(Refusal(station, rule, str(detail)[:300]))
        return OrderResult.REFUSED


def _note_call(state: StationState, action: str, payload: dict[str, Any], answer: Answer) -> None:
    """Remember which profiles a station has after an operator's message."""
    if action == "SetChargingProfile" and answer.accepted:
        state.profiles[payload["chargingProfile"]["id"]] = payload["chargingProfile"]
    if action == "ClearChargingProfile" and answer.accepted:
        number = payload.get("chargingProfileId")
        if number is None:  # by criteria: what is left is not known
            state.forget_profiles()
        else:
            state.profiles.pop(number, None)


def _is_replaced(answer: Answer) -> bool:
    return answer.result is OrderResult.REPLACED
