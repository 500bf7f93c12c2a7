"""A simulated station: it boots, stays connected as well as it can, and does what it is told."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, final

from evergrid.live.clock import AbstractClock
from evergrid.live.twin.charging.outlet import Sink
from evergrid.live.twin.charging.profiles import seconds
from evergrid.live.twin.device import station_calls
from evergrid.live.twin.device.bay import Bay
from evergrid.live.twin.device.certificate import TRIGGER, CertificateRenewal
from evergrid.live.twin.device.power import BaySpec, LocalGrid
from evergrid.live.twin.device.timers import Timers
from evergrid.live.twin.driver import Stay
from evergrid.live.twin.faults import Window
from evergrid.live.twin.truth import StationRecord
from evergrid.live.twin.wire import messages
from evergrid.live.twin.wire.connection import (
    COULD_NOT_CONNECT,
    Connection,
    Endpoint,
    StationCallError,
)
from evergrid.live.twin.wire.outbox import Message, Outbox
from evergrid.live.twin.wire.schema_checks import schema_fault
from evergrid.live.twin.wire.variables import HEARTBEAT, of_station

VENDOR = "Evergrid"
REBOOT_S = 5.0
LONGEST_BACK_OFF_S = 600.0


@final
class Station:
    """A station with one outlet, or several that are alike.

    Args:
        spec: What its first outlet is.
        endpoint: Where it connects.
        stays: Who plugs in, in order of time.
        clock: Of everything.
        sink: Is told every piece of constant power.
        grid: Where it is connected.
        seed: Of everything that it draws.
        strict: Whether every message is checked against its schema.
        others: Who plugs in at each further outlet, in order of time.
    """

    def __init__(
        self,
        spec: BaySpec,
        endpoint: Endpoint,
        stays: Sequence[Stay],
        clock: AbstractClock,
        *,
        sink: Sink,
        grid: LocalGrid,
        seed: str,
        strict: bool = False,
        others: Sequence[Sequence[Stay]] = (),
    ) -> None:
        self.spec, self.record = spec, StationRecord()
        self._endpoint, self._clock, self._strict = endpoint, clock, strict
        self._stays = (stays, *others)
        self._rng = random.Random(seed)
        self._serial = f"SN-{spec.identity}"
        variables = of_station(
            spec.able, spec.charger, self._serial, spec.protocol, len(self._stays)
        )
        self._variables = variables
        timeout_s = variables.number("OCPPCommCtrlr", "MessageTimeout", "Default")
        self.outbox = Outbox(
            clock,
            timeout_s,
            attempts=int(variables.number("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent")),
            attempt_s=variables.number(
                "OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"
            ),
        )
        self._timers = Timers(clock)
        self.bays = tuple(
            self._outlet(replace(spec, evse=evse), sink, grid, seed)
            for evse in range(1, len(self._stays) + 1)
        )
        """Its outlets, in the order of their numbers."""
        for bay in self.bays:
            bay.outlets = self.bays
        self.certificate = CertificateRenewal(
            self.bay, self._serial, self._timers, self._renew_certificate
        )
        """Its certificate, and the request for another one."""
        self._connection: Connection | None = None
        self._booted = asyncio.Event()
        self._boot_reason: str | None = "PowerUp"
        self._resumes = False
        self._reset_when_idle = False
        self._unreachable: Window | None = None
        self._failures = 0

    @property
    def bay(self) -> Bay:
        """The first outlet, which most stations have alone."""
        return self.bays[0]

    def power_kw(self) -> float:
        """Of all outlets into the grid, now."""
        return sum(bay.power.advance().power_kw for bay in self.bays)

    def _outlet(self, spec: BaySpec, sink: Sink, grid: LocalGrid, seed: str) -> Bay:
        """An outlet; what it does later is apart from what others do."""
        first = spec.evse == 1
        bay = Bay(
            spec,
            self._clock,
            self._timers if first else Timers(self._clock),
            self._variables,
            self.outbox,
            self.record,
            sink=sink,
            grid=grid,
            rng=self._rng if first else random.Random(f"{seed}/{spec.evse}"),
        )
        bay.renew_password = self._renew_password
        return bay

    async def start(self) -> None:
        """Switch it on."""
        self._timers.run(self._keep_connected())
        for bay, stays in zip(self.bays, self._stays, strict=True):
            self._timers.run(self._drivers(bay, stays))
        for window in self.spec.behaviour.offline:
            self._timers.run(self._be_offline(window))
        for window in self.spec.behaviour.half_open:
            self._timers.run(self._be_deaf(window))

    async def stop(self) -> None:
        """Switch it off.

        Raises:
            Exception: What went wrong in the simulation itself, if anything did.
        """
        connection = self._connection
        if connection is not None:
            await (connection.abort() if connection.deaf else connection.close())
        timers = dict.fromkeys([self._timers, *(bay.timers for bay in self.bays)])
        for one in timers:
            await one.stop()
        for failure in (failure for one in timers for failure in one.failures):
            raise failure

    def check_overdue(self) -> None:
        """Give up a connection on which a call has waited too long for its answer."""
        timeout_s = self._variables.number("OCPPCommCtrlr", "MessageTimeout", "Default")
        connection = self._connection
        if connection is not None and connection.overdue(timeout_s):
            self._timers.run(connection.abort())

    # Connection

    async def _keep_connected(self) -> None:
        while True:
            await self._reachable()
            connection = Connection(
                self._endpoint,
                self._clock,
                self._answer,
                inspect=self._inspect if self._strict else None,
                delay_s=self.spec.behaviour.answer_delay_s,
            )
            try:
                with self._clock.working():
                    await connection.open()
            except COULD_NOT_CONNECT:
                self.record.refused += 1
                await self._back_off()
                continue
            self._failures = 0
            self.record.connections += 1
            self._connection = connection
            await self._serve(connection)
            self._connection = None
            for bay in self.bays:
                bay.go_offline()
            await self._back_off()

    async def _serve(self, connection: Connection) -> None:
        """Be connected, until the connection is lost."""
        with self._clock.working():
            self.outbox.accepted = self._boot_reason is None
            self.outbox.open()
            if self._boot_reason is not None:
                self._boot()
            else:
                self._online()
            sending = self._timers.run(self.outbox.run(connection))
            await asyncio.sleep(0)
        try:
            await connection.read()
        finally:
            # Where the simulation itself fails, the central system must not wait for it.
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await connection.abort()

    def _boot(self) -> None:
        assert self._boot_reason is not None
        payload = messages.boot(
            f"Twin {self.spec.charger.most_kw:.0f} kW", VENDOR, self._serial, self._boot_reason
        )
        self.record.sent["BootNotification"] += 1
        self.outbox.put_first(
            Message("BootNotification", payload, before_boot=True, answered=self._boot_answered)
        )

    def _boot_answered(self, answer: dict[str, Any]) -> None:
        seconds(answer["currentTime"])  # a station would set its clock by it; ours keeps its skew
        if answer["status"] != "Accepted":
            self._timers.later("boot", max(float(answer["interval"]), 1.0), self._boot)
            return
        self._boot_reason = None
        if answer["interval"]:
            self._variables.write(HEARTBEAT, str(answer["interval"]))
        self.outbox.accept()
        self._online()
        self._booted.set()

    def _online(self) -> None:
        """Connected and accepted: say how things stand, and go on."""
        for bay in self.bays:
            offline_since_s = bay.power.offline_since_s
            bay.power.offline_since_s = None
            bay.tell_status()
            if self._resumes and bay.power.running is not None:
                bay.event("Updated", "TxResumed")
            bay.power.offline_since_s = offline_since_s
            bay.go_online()
        self._resumes = False
        self._beat(first=True)

    def _beat(self, *, first: bool = False) -> None:
        if not first:
            self.bay.call("Heartbeat", {})
        interval_s = float(self._variables.text(HEARTBEAT))
        self._timers.later("heartbeat", interval_s, self._beat)

    async def _back_off(self) -> None:
        """Wait for a while that is drawn, and is longer after every failure."""
        names = ("RetryBackOffWaitMinimum", "RetryBackOffRandomRange", "RetryBackOffRepeatTimes")
        least_s, range_s, doublings = (
            self._variables.number("OCPPCommCtrlr", name) for name in names
        )
        times = min(self._failures, int(doublings))
        self._failures += 1
        wait_s = least_s * 2**times + self._rng.uniform(0.0, range_s)
        await self._clock.sleep(min(wait_s, LONGEST_BACK_OFF_S))

    def _renew_password(self, password: str) -> None:
        """Connect anew with another password."""
        self._endpoint = replace(self._endpoint, password=password)
        self._timers.run(self._go_down())

    def _renew_certificate(self, chain: str, key: bytes) -> None:
        """Connect anew with another certificate, where it shows one."""
        certified = self._endpoint.certified
        if certified is not None:
            self._endpoint = replace(self._endpoint, tls=certified(chain, key))
            self._timers.run(self._go_down())

    # Calls of the central system

    def _answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.record.received[action] += 1
        try:
            own = ("Reset", "CertificateSigned")
            if self._strict and (action in own or action in station_calls.ACTIONS):
                self._check(action, payload)
            if action == "CertificateSigned":
                return self.certificate.signed(payload)
            if action == "TriggerMessage" and payload["requestedMessage"] == TRIGGER:
                return self.certificate.trigger()
            if action == "Reset":
                return self._reset(payload)
            return station_calls.answer(self.bays, action, payload)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            self.record.break_rule(action, "the payload has the form of its schema", repr(error))
            raise StationCallError("FormatViolation", repr(error)) from error

    def _inspect(self, name: str, payload: dict[str, Any], own: bool) -> None:
        """Check what the station says, and what it is answered."""
        fault = schema_fault(self.spec.protocol, name, payload)
        if fault is not None and own:
            self.record.own_faults.append(f"{name}: {fault}")
        elif fault is not None:
            self.record.break_rule(name, "the payload keeps its schema", fault)

    def _check(self, action: str, payload: dict[str, Any]) -> None:
        fault = schema_fault(self.spec.protocol, f"{action}Request", payload)
        if fault is not None:
            self.record.break_rule(action, "the payload keeps its schema", fault)
            raise StationCallError("FormatViolation", fault)

    def _reset(self, payload: dict[str, Any]) -> dict[str, Any]:
        if payload.get("evseId"):
            return station_calls.rejected(
                station_calls.Rejection("UnsupportedRequest", "the whole station is reset")
            )
        kind = payload["type"]
        if kind == "OnIdle" and self._busy():
            self._reset_when_idle = True
            return {"status": "Scheduled"}
        self._timers.later("reset", 0.0, lambda: self._reboot(resume=kind == "ImmediateAndResume"))
        return {"status": "Accepted"}

    def _reboot(self, *, resume: bool) -> None:
        """Go down and come up again; a transaction ends, or goes on afterwards."""
        self._resumes = resume and self._busy()
        for bay in self.bays:
            if not resume:
                bay.end("ResetCommand", "ImmediateReset")
            bay.power.forget_transaction_profiles()
        self._boot_reason = "RemoteReset"
        now_s = self._clock.now_s()
        self._unreachable = Window(now_s, now_s + REBOOT_S)
        self._timers.run(self._go_down())

    def _busy(self) -> bool:
        """Whether a transaction runs at any outlet."""
        return any(bay.power.running is not None for bay in self.bays)

    async def _go_down(self) -> None:
        while len(self.outbox) and self._connection is not None:
            await asyncio.sleep(0)
        if self._connection is not None:
            await self._connection.close()

    # Drivers and faults

    async def _drivers(self, bay: Bay, stays: Sequence[Stay]) -> None:
        await self._booted.wait()
        for stay in stays:
            await self._clock.sleep(stay.arrival_s - self._clock.now_s())
            if stay.leaves_s <= self._clock.now_s():
                continue
            with self._clock.working():
                bay.plug_in(stay)
            if stay.priority_s is not None:
                await self._clock.sleep(stay.priority_s - self._clock.now_s())
                with self._clock.working():
                    bay.press_priority(True)
            await self._clock.sleep(stay.leaves_s - self._clock.now_s())
            with self._clock.working():
                bay.unplug()
                if self._reset_when_idle and not self._busy():
                    self._reset_when_idle = False
                    self._reboot(resume=False)

    async def _reachable(self) -> None:
        """Wait until an outage is over."""
        while self._unreachable is not None and self._clock.now_s() < self._unreachable.end_s:
            await self._clock.sleep(self._unreachable.end_s - self._clock.now_s())
        self._unreachable = None

    async def _be_offline(self, window: Window) -> None:
        """Lose the connection at the begin of an outage."""
        await self._clock.sleep(window.begin_s - self._clock.now_s())
        self._unreachable = window
        if self._connection is not None:
            await self._connection.abort()

    async def _be_deaf(self, window: Window) -> None:
        """Lose packets during an outage, with the connection open; then begin anew."""
        await self._clock.sleep(window.begin_s - self._clock.now_s())
        self._unreachable = window
        with ExitStack() as stack:
            stack.enter_context(self._clock.silent(self.spec.identity))
            connection = self._connection
            if connection is not None:
                connection.go_deaf()
            await self._clock.sleep(window.end_s - self._clock.now_s())
        if connection is not None and connection is self._connection:
            await connection.abort()
