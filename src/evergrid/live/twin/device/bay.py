"""The bay of a simulated station: a driver who plugs in, and the transaction that follows."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

from evergrid.core.units import S_PER_H
from evergrid.live.clock import AbstractClock
from evergrid.live.twin.charging.battery import Vehicle
from evergrid.live.twin.charging.outlet import Outlet, Sink
from evergrid.live.twin.charging.profiles import stamp
from evergrid.live.twin.charging.station_rules import update_rejection
from evergrid.live.twin.device.power import BaySpec, LocalGrid, Power, Transaction
from evergrid.live.twin.device.timers import Timers
from evergrid.live.twin.driver import Stay
from evergrid.live.twin.truth import Departure, StationRecord
from evergrid.live.twin.wire import messages
from evergrid.live.twin.wire.messages import EventHead, StationReading
from evergrid.live.twin.wire.outbox import Message, Outbox
from evergrid.live.twin.wire.variables import Variables

PLAN_WITHIN_S = 60.0  # after which a vehicle no longer waits for a plan
LEAST_CHANGE_KW = 1e-3  # that is ever reported


@dataclass
class _Lie:
    """Registers of a meter that shows what was ordered."""

    time_s: float = 0.0
    power_kw: float = 0.0
    drawn_kwh: float = 0.0
    fed_kwh: float = 0.0


@final
class Bay:
    """One outlet with all that happens at it.

    Args:
        spec: What it is.
        clock: Of everything.
        timers: Of the station.
        variables: Of the station.
        outbox: Of the station.
        record: What is counted.
        sink: Is told every piece of constant power.
        grid: Where it is connected.
        rng: Of the station.
    """

    def __init__(
        self,
        spec: BaySpec,
        clock: AbstractClock,
        timers: Timers,
        variables: Variables,
        outbox: Outbox,
        record: StationRecord,
        *,
        sink: Sink,
        grid: LocalGrid,
        rng: random.Random,
    ) -> None:
        self.spec, self.record, self.variables = spec, record, variables
        self._clock, self.timers, self._outbox, self._rng = clock, timers, outbox, rng
        self.power = Power(
            spec,
            clock,
            timers,
            record,
            sink=sink,
            grid=grid,
            report=self.report_changes,
            tell_control=self.tell_control,
        )
        self.stay: Stay | None = None
        self.renew_password: Callable[[str], None] = lambda password: None
        """What a station does with a new password."""
        self.outlets: Sequence[Bay] = (self,)
        """All outlets of the station, this one among them."""
        self._lie = _Lie(clock.monotonic_s())
        self._begin_registers = (0.0, 0.0)
        self._plugged_s = 0.0

    @property
    def online(self) -> bool:
        """Whether the station is connected and accepted, as far as it knows."""
        return self.power.offline_since_s is None

    # Messages

    def call(self, action: str, payload: dict[str, Any], **more: Any) -> None:
        """Send a message, where the station is connected, and accepted unless it says so."""
        if self.online or more.get("before_boot"):
            self._put(Message(action, payload, failed=partial(self._failed, action), **more))

    def _put(self, message: Message) -> None:
        self.record.sent[message.action] += 1
        self._outbox.put(message)

    def _failed(self, action: str, code: str) -> None:
        """A call was answered with an error."""
        self.record.errors[f"{action}: {code}"] += 1

    def tell_status(self) -> None:
        """Say whether somebody is plugged in."""
        occupied, now_s = self.stay is not None, self.power.now_s()
        self.call("StatusNotification", messages.status(occupied, now_s, self.spec.evse))

    def events_wait(self) -> bool:
        """Whether events of a transaction have not been sent yet."""
        return self._outbox.holds_transaction_events()

    def tell_control(self, control: str, started: bool) -> None:
        """A scheduled control of grid support begins or ends."""
        told = {"controlId": control, "started": started, "timestamp": stamp(self.power.now_s())}
        self.call("NotifyDERStartStop", told)

    def alarm(self, kind: str, fault: str, *, ended: bool) -> None:
        """Report a fault of the grid, in the words of OCPP, or that it is over."""
        told = {
            "controlType": kind,
            "gridEventFault": fault,
            "alarmEnded": ended,
            "timestamp": stamp(self.power.now_s()),
        }
        self.call("NotifyDERAlarm", told)

    def report_changes(self) -> None:
        """Say it where charging state, mode or power have changed enough."""
        running = self.power.running
        if running is None:
            return
        state = self.power.charging_state()
        share = self.variables.number("SmartChargingCtrlr", "LimitChangeSignificance") / 100
        least_kw = max(share * self.spec.charger.most_kw, LEAST_CHANGE_KW)
        now = self.power.outlet.state
        apart = max(
            abs(now.power_kw - running.reported_kw), abs(now.reactive_kvar - running.reported_kvar)
        )
        if state != running.state:
            self.event("Updated", "ChargingStateChanged")
        elif messages.operation_mode(self.power.aim, self.spec.protocol) != running.mode:
            self.event("Updated", "OperationModeChanged")
        elif apart >= least_kw:
            self.event("Updated", "ChargingRateChanged")

    def shown(self) -> StationReading:
        """What the meter shows now."""
        state, target = self.power.advance(), self.power.outlet.target
        soc = None if self.stay is None else state.energy_kwh / self.stay.capacity_kwh
        grid = self.power.grid
        volt = self.spec.charger.voltage_v * grid.voltage_pu(self.spec.identity)
        if self.spec.behaviour.lies:
            lie = self._lie
            self._tell_lie(target.power_kw)
            state = state._replace(
                power_kw=lie.power_kw, drawn_kwh=lie.drawn_kwh, fed_kwh=lie.fed_kwh
            )
        return messages.reading(state, soc, target.power_kw, volt, grid.frequency_hz)

    def _tell_lie(self, power_kw: float) -> None:
        """Go on with registers of what was ordered."""
        lie, now_s = self._lie, self._clock.monotonic_s()
        energy_kwh = lie.power_kw * (now_s - lie.time_s) / S_PER_H
        lie.drawn_kwh += max(-energy_kwh, 0.0)
        lie.fed_kwh += max(energy_kwh, 0.0)
        lie.time_s, lie.power_kw = now_s, power_kw

    def event(
        self,
        part: str,
        trigger: str,
        *,
        stopped: str | None = None,
        context: str = "Sample.Periodic",
    ) -> None:
        """Send an event of the transaction that runs, with what the meter shows."""
        running, stay, power = self.power.running, self.stay, self.power
        assert running is not None, "there is a transaction"
        assert stay is not None, "somebody is plugged in"
        shown, now_s = self.shown(), power.now_s()
        running.state = "EVConnected" if part == "Started" else power.charging_state()
        running.mode = messages.operation_mode(power.aim, self.spec.protocol)
        running.reported_kw = power.outlet.state.power_kw
        running.reported_kvar = power.outlet.state.reactive_kvar
        card = messages.token(stay.token) if part == "Started" else None
        head = EventHead(
            part,
            trigger,
            now_s,
            running.sequence,
            running.number,
            running.state,
            not self.online,
            running.mode,
            stopped,
            card,
            self.spec.evse,
        )
        running.sequence += 1
        measurands = self.variables.names("SampledDataCtrlr", f"Tx{part}Measurands")
        values = messages.meter_value(shown, measurands, now_s, context)
        self._put(
            Message(
                "TransactionEvent",
                messages.transaction_event(head, values),
                kept=True,
                dispensable=part == "Updated",
                answered=partial(self._event_answered, running.number),
                failed=partial(self._failed, "TransactionEvent"),
            )
        )

    def _event_answered(self, number: str, answer: dict[str, Any]) -> None:
        status = answer.get("idTokenInfo", {}).get("status", "Accepted")
        running = self.power.running
        if status != "Accepted" and running is not None and running.number == number:
            self.record.turned_away += 1
            self.end("Deauthorized", "DeAuthorized")

    # Drivers

    def plug_in(self, stay: Stay) -> None:
        """A driver plugs in, with a card."""
        self.stay, self._plugged_s = stay, self._clock.monotonic_s()
        self.power.plug_in(Vehicle(stay.capacity_kwh, stay.reserve_kwh), stay.energy_kwh)
        state = self.power.outlet.state
        self._begin_registers = (state.drawn_kwh, state.fed_kwh)
        self.tell_status()
        if self.online:
            self.authorize()
        else:
            self._begin()

    def authorize(self) -> None:
        """Ask whether the driver may charge here, and discharge."""
        assert self.stay is not None, "somebody is plugged in"
        name, card = self.stay.name, messages.token(self.stay.token)
        self.call("Authorize", {"idToken": card}, answered=partial(self._authorized, name))

    def _authorized(self, name: str, answer: dict[str, Any]) -> None:
        if self.stay is None or self.stay.name != name:
            return
        if answer["idTokenInfo"]["status"] != "Accepted":
            self.record.turned_away += 1
            self.end("Deauthorized", "DeAuthorized")
            return
        running = self.power.running or self._begin()
        running.authorized = True
        self.allow(answer.get("allowedEnergyTransfer", []))
        self.ask()

    def _begin(self) -> Transaction:
        """A transaction begins."""
        running = Transaction(f"{self._rng.getrandbits(96):024x}", self.power.now_s())
        self.power.running = running
        self.event("Started", "Authorized", context="Transaction.Begin")
        self.meter()
        self.power.begin(running)
        return running

    def allow(self, transfers: list[str]) -> None:
        """Discharging is allowed where a transfer both ways is among these."""
        running, stay = self.power.running, self.stay
        assert running is not None, "there is a transaction"
        assert stay is not None, "somebody is plugged in"
        both_ways = messages.transfers(self.spec.charger, True)[-1] in transfers
        running.may_discharge = both_ways and stay.wants_v2x and self.spec.able.v2x

    def ask(self) -> None:
        """Say what the vehicle asks for, and wait for a plan."""
        running, stay = self.power.running, self.stay
        assert running is not None, "there is a transaction"
        assert stay is not None, "somebody is plugged in"
        energy_kwh = self.power.advance().energy_kwh
        v2x = running.may_discharge
        payload = messages.needs(
            stay, self.spec.charger, energy_kwh, v2x, self.spec.protocol, evse=self.spec.evse
        )
        running.needs_s = self._clock.monotonic_s()
        self.call("NotifyEVChargingNeeds", payload)
        self.timers.later("plan", PLAN_WITHIN_S, self._no_plan)
        self.power.reconsider()

    def _no_plan(self) -> None:
        running = self.power.running
        if running is not None and running.needs_s is not None:
            running.needs_s = None
            self.record.no_plan += 1

    def planned(self) -> None:
        """A profile for the transaction has come."""
        running = self.power.running
        if running is not None and running.needs_s is not None:
            self.record.plan_delays_s.append(self._clock.monotonic_s() - running.needs_s)
            running.needs_s = None

    def pull_later(self, number: int) -> None:
        """Ask for an update of a dynamic profile after its interval, where it has one."""
        for profile in self.power.profiles:
            interval_s = profile.wire.get("dynUpdateInterval", 0)
            if profile.number == number and interval_s:
                act = partial(self._pull, number)
                self.timers.later(f"pull {number}", float(interval_s), act)

    def _pull(self, number: int) -> None:
        if any(profile.number == number for profile in self.power.profiles):
            asked = {"chargingProfileId": number}
            self.call("PullDynamicScheduleUpdate", asked, answered=partial(self._pulled, number))
            self.pull_later(number)

    def _pulled(self, number: int, answer: dict[str, Any]) -> None:
        update = answer.get("scheduleUpdate")
        if answer["status"] != "Accepted" or not update:
            return
        now = self.power.circumstances()
        if found := update_rejection(number, update, self.spec.able, now):
            self.record.break_rule("PullDynamicScheduleUpdate", found.rule, str(answer))
            return
        self.power.update_profile(number, update)

    def meter(self) -> None:
        """Report the meter every so often from now on."""
        interval_s = self.variables.number("SampledDataCtrlr", "TxUpdatedInterval")
        if interval_s > 0 and self.power.running is not None:
            self.timers.later("meter", interval_s, self._sample)

    def _sample(self) -> None:
        if self.power.running is not None:
            self.event("Updated", "MeterValuePeriodic")
            self.meter()

    def press_priority(self, active: bool) -> None:
        """The driver wants to charge now, or no longer."""
        running = self.power.running
        if running is None or self.power.priority == active:
            return
        self.power.priority = active
        if self.spec.protocol == "ocpp2.1":
            payload = {"transactionId": running.number, "activated": active}
            self.call("NotifyPriorityCharging", payload)
        self.power.reconsider()

    def unplug(self) -> None:
        """The driver unplugs and leaves."""
        stay = self.stay
        if stay is None:
            return
        self.power.advance()
        self.end("EVDeparted", "EVDisconnected")
        self._tell_lie(0.0)
        state = self.power.outlet.unplug(self._clock.monotonic_s())
        begun, now_s = self._begin_registers, self._clock.now_s()
        self.record.departures.append(
            Departure(
                station=self.spec.identity,
                stay=stay.name,
                token=stay.token,
                left_s=now_s,
                early_s=max(stay.departure_s - now_s, 0.0),
                energy_kwh=state.energy_kwh,
                owed_kwh=stay.owed_kwh,
                reserve_kwh=stay.reserve_kwh,
                least_kwh=state.least_kwh,
                drawn_kwh=state.drawn_kwh - begun[0],
                fed_kwh=state.fed_kwh - begun[1],
                reachable_kwh=self._reachable_kwh(stay),
            )
        )
        self.stay = None
        self.tell_status()

    def _reachable_kwh(self, stay: Stay) -> float:
        """Energy that charging at full power had given in the same time."""
        charger = self.spec.charger
        uncontrolled = Outlet(charger, lambda piece: None, 0.0)
        vehicle = Vehicle(stay.capacity_kwh, stay.reserve_kwh)
        uncontrolled.plug_in(vehicle, stay.energy_kwh, 0.0)
        uncontrolled.order(-charger.most_kw, 0.0, 0.0)
        return uncontrolled.advance(self._clock.monotonic_s() - self._plugged_s).energy_kwh

    def end(self, trigger: str, reason: str) -> None:
        """The transaction ends, where there is one."""
        if self.power.running is None:
            return
        self.event("Ended", trigger, stopped=reason, context="Transaction.End")
        self.power.end()

    # Connection

    def go_offline(self) -> None:
        """The station has lost its connection."""
        if self.online:
            self.power.offline_since_s = self.power.now_s()
            self.power.reconsider()

    def go_online(self) -> None:
        """The station is connected, and accepted."""
        self.power.forget_expired()
        self.power.offline_since_s = None
        running = self.power.running
        if self.stay is not None and (running is None or not running.authorized):
            self.authorize()
        self.power.reconsider()
