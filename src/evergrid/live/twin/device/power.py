"""What a simulated station does with its power: it obeys its profiles, and supports its grid."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

from evergrid.core.units import W_PER_KW
from evergrid.live.clock import AbstractClock
from evergrid.live.twin.charging import profiles
from evergrid.live.twin.charging.battery import OutletState, StationCharger, Vehicle, whole_steps
from evergrid.live.twin.charging.der_controls import DerControls
from evergrid.live.twin.charging.outlet import Outlet, Sink
from evergrid.live.twin.charging.profiles import IDLE, ChargingProfile, Goal, Moment, Surroundings
from evergrid.live.twin.charging.station_rules import Abilities, Circumstances
from evergrid.live.twin.device.timers import Timers
from evergrid.live.twin.faults import StationBehaviour
from evergrid.live.twin.truth import StationRecord

NEAR_STEPS = 0.5  # by which power may miss an order that was obeyed
JUST_AFTER_S = 1e-3  # past the moment at which a limit is reached


@dataclass
class LocalGrid:
    """The grid where stations are connected.

    Attributes:
        frequency_hz: Of all.
        voltage_pu: Of a station, of its nominal voltage.
    """

    frequency_hz: float = 50.0
    voltage_pu: Callable[[str], float] = lambda station: 1.0


@dataclass
class Transaction:
    """A transaction that runs.

    Attributes:
        number: Its id.
        begun_s: By the station's clock.
        sequence: Of the next event.
        authorized: Whether the central system has been asked about the driver.
        may_discharge: Whether contract and vehicle allow it.
        state: Charging state that was last reported.
        mode: Operation mode that was last reported.
        reported_kw: Power that was last reported.
        reported_kvar: Reactive power that was last reported.
        needs_s: When the vehicle said what it asks for; None once a plan has come.
    """

    number: str
    begun_s: float
    sequence: int = 0
    authorized: bool = False
    may_discharge: bool = False
    state: str = "EVConnected"
    mode: str | None = None
    reported_kw: float = 0.0
    reported_kvar: float = 0.0
    needs_s: float | None = None


@dataclass(frozen=True)
class BaySpec:
    """What a bay is.

    Attributes:
        identity: Of its station.
        protocol: Such as ``ocpp2.1``.
        charger: Its ratings.
        able: What it can do with profiles.
        behaviour: What is wrong with it.
        evse: Number of the outlet.
    """

    identity: str
    protocol: str
    charger: StationCharger
    able: Abilities
    behaviour: StationBehaviour = field(default_factory=StationBehaviour)
    evse: int = 1


@final
class Power:
    """The power of one outlet: what it goes for, and what then flows.

    Args:
        spec: What it is.
        clock: Of everything.
        timers: Of the station.
        record: What is counted.
        sink: Is told every piece of constant power.
        grid: Where it is connected.
        report: Is called where power or mode may have changed.
        tell_control: Is told the id of a scheduled control that begins, or ends.
    """

    def __init__(
        self,
        spec: BaySpec,
        clock: AbstractClock,
        timers: Timers,
        record: StationRecord,
        *,
        sink: Sink,
        grid: LocalGrid,
        report: Callable[[], None],
        tell_control: Callable[[str, bool], None],
    ) -> None:
        self.grid = grid
        self.outlet = Outlet(spec.charger, sink, clock.monotonic_s())
        self.profiles: list[ChargingProfile] = []
        self.stored_s: dict[str, float] = {}
        self.controls = DerControls()
        self.running: Transaction | None = None
        self.aim: Goal = IDLE
        self.signal: int | None = None
        self.priority = False
        self.offline_since_s: float | None = 0.0
        self._spec, self._clock, self._timers, self._record = spec, clock, timers, record
        self._report, self._tell_control = report, tell_control
        self._scheduled: frozenset[str] = frozenset()
        self._wake_s = math.inf
        self._evaluated = True

    def now_s(self) -> float:
        """UTC seconds by the station's own clock."""
        return self._clock.now_s() + self._spec.behaviour.skew_s

    def advance(self) -> OutletState:
        """How things stand now."""
        return self.outlet.advance(self._clock.monotonic_s())

    # What is asked for

    def moment(self) -> Moment:
        """What the choice of a profile depends on, now."""
        running = self.running
        return Moment(
            self.now_s(),
            self.offline_since_s,
            None if running is None else running.number,
            0.0 if running is None else running.begun_s,
            self.priority,
        )

    def around(self) -> Surroundings:
        """What a profile's power depends on, now."""
        charger, running = self._spec.charger, self.running
        return Surroundings(
            frequency_hz=self.grid.frequency_hz,
            signal=self.signal,
            may_discharge=running is not None and running.may_discharge,
            most_w=charger.most_kw * W_PER_KW,
            discharge_w=charger.discharge_kw * W_PER_KW,
            phases=charger.phases,
            voltage_v=charger.voltage_v,
        )

    def circumstances(self) -> Circumstances:
        """What the rules of profiles depend on, now."""
        running = self.running
        return Circumstances(
            self.now_s(),
            self.profiles,
            None if running is None else running.number,
            running is not None and running.may_discharge,
            self.stored_s,
            self._spec.evse,
        )

    def supports_grid(self) -> bool:
        """Whether frequency or voltage may change what it does."""
        return bool(len(self.controls)) or self.aim.mode == "LocalFrequency"

    def reconsider(self) -> None:
        """Find out anew what to do, as a profile, the grid or the time has changed."""
        moment = self.moment()
        self._watch(moment)
        self._note_controls(moment)
        self._decide(moment)

    def _decide(self, moment: Moment) -> None:
        """Follow what the profiles ask for at a moment."""
        if self.running is None:
            return
        aim = profiles.goal(self.profiles, moment, self.around())
        changed_mode, self.aim = aim.mode != self.aim.mode, aim
        power_kw, reactive_kvar = self._supported(aim)
        before = self.outlet.target
        if (power_kw, reactive_kvar) != (before.power_kw, before.reactive_kvar):
            self._follow(power_kw, reactive_kvar)
        elif changed_mode and self._evaluated:
            self.advance()
            self._report()

    def _follow(self, power_kw: float, reactive_kvar: float) -> None:
        self._record.orders += 1
        if self._spec.behaviour.ignores:
            self._record.disobeyed += 1
            return
        if not self._evaluated:
            self._record.replaced += 1
        self._evaluated = False
        now_s = self._clock.monotonic_s()
        there_s = self.outlet.order(power_kw, reactive_kvar, now_s)
        self._timers.later("settle", there_s - now_s, self._settle)

    def _supported(self, aim: Goal) -> tuple[float, float]:
        """Power and reactive power for a goal, with grid support, in steps that can be held."""
        charger = self._spec.charger
        if not len(self.controls) or self._spec.behaviour.ignores_support:
            held_kw = whole_steps(charger, aim.power_kw, aim.low_kw, aim.high_kw)
            return held_kw, aim.reactive_kvar
        support = self.controls.support(
            aim.power_kw,
            charger.most_kw,
            charger.discharge_kw,
            now_s=self.now_s(),
            frequency_hz=self.grid.frequency_hz,
            voltage_pu=self.grid.voltage_pu(self._spec.identity),
        )
        allowed = self.running is not None and self.running.may_discharge
        high_kw = charger.discharge_kw if allowed else 0.0
        low_kw = min(aim.low_kw, support.power_kw)
        held_kw = whole_steps(charger, min(support.power_kw, high_kw), low_kw, high_kw)
        return held_kw, support.reactive_kvar or aim.reactive_kvar

    def _watch(self, moment: Moment) -> None:
        """Look again when the choice may change by time alone."""
        next_s = profiles.next_change_s(self.profiles, moment) if self.profiles else math.inf
        if len(self.controls):
            next_s = min(next_s, self.controls.next_change_s(moment.now_s))
        if next_s == self._wake_s:
            return
        self._wake_s = next_s
        if math.isinf(next_s):
            self._timers.cancel("profile")
        else:
            self._timers.later("profile", next_s - moment.now_s + JUST_AFTER_S, self._look_again)

    def _note_controls(self, moment: Moment) -> None:
        """Say which scheduled controls begin and end."""
        if not self._scheduled and not len(self.controls):
            return
        holding = self.controls.scheduled(moment.now_s)
        before, self._scheduled = self._scheduled, holding
        for number in sorted(before - holding):
            self._tell_control(number, False)
        for number in sorted(holding - before):
            self._tell_control(number, True)

    def _look_again(self) -> None:
        self._wake_s = math.inf
        self.reconsider()

    def forget_expired(self) -> None:
        """Profiles that may not be valid again after so long offline are gone for good."""
        moment = self.moment()
        self.profiles = [
            profile
            for profile in self.profiles
            if not profile.wire.get("invalidAfterOfflineDuration")
            or not profiles.expired(profile, moment)
        ]

    # What then flows

    def _settle(self) -> None:
        """Power is where it was to go, or has changed by itself: judge, report, look ahead."""
        self.advance()
        if not self._evaluated:
            self._evaluate()
        self._report()
        seconds = self.outlet.seconds_to_edge()
        if math.isinf(seconds):
            self._timers.cancel("edge")
        else:
            self._timers.later("edge", seconds + JUST_AFTER_S, self._settle)

    def _evaluate(self) -> None:
        """Count whether the order that has had its time was obeyed, or the vehicle did not."""
        self._evaluated = True
        charger, target = self._spec.charger, self.outlet.target
        apart = abs(self.outlet.state.power_kw - target.power_kw)
        if apart <= max(NEAR_STEPS * charger.step_kw, charger.standby_kw):
            self._record.obeyed += 1
        else:
            self._record.limited += 1

    def charging_state(self) -> str:
        """In the words of OCPP."""
        target = self.outlet.target
        if abs(self.outlet.state.power_kw) > self._spec.charger.standby_kw:
            return "Charging"
        if not target.power_kw:
            return "SuspendedEVSE" if self.profiles else "EVConnected"
        return "SuspendedEV"

    def plug_in(self, vehicle: Vehicle, energy_kwh: float) -> None:
        """A vehicle is plugged in."""
        self.outlet.plug_in(vehicle, energy_kwh, self._clock.monotonic_s())

    def begin(self, transaction: Transaction) -> None:
        """A transaction begins."""
        self.running = transaction
        self.reconsider()

    def end(self) -> None:
        """The transaction ends, and with it its profiles and its power."""
        assert self.running is not None, "there is a transaction"
        number, self.running = self.running.number, None
        self.priority, self.signal, self.aim = False, None, IDLE
        self.profiles = [kept for kept in self.profiles if kept.transaction != number]
        for name in ("settle", "edge"):
            self._timers.cancel(name)
        if not self._evaluated:
            self._evaluated = True
            self._record.replaced += 1
        self.outlet.order(0.0, 0.0, self._clock.monotonic_s())
        self._watch(self.moment())

    # Profiles

    def forget_transaction_profiles(self) -> None:
        """Profiles of a transaction do not outlast a reboot."""
        self.profiles = [kept for kept in self.profiles if kept.purpose != "TxProfile"]
        self.reconsider()

    def put_profile(self, evse: int, wire: dict[str, Any]) -> None:
        """Take a profile in, in place of one of its id."""
        found = ChargingProfile(wire, evse, self.now_s())
        self.profiles = [kept for kept in self.profiles if kept.number != found.number]
        self.profiles.append(found)
        self._note_safety(found)
        self.reconsider()

    def update_profile(self, number: int, update: dict[str, float | int]) -> None:
        """Change the period of a dynamic profile."""
        for place, profile in enumerate(self.profiles):
            if profile.number == number:
                changed = {**profile.updates, **update}
                self.profiles[place] = profile._replace(updates=changed)
        self._decide(self.moment())  # its times are as before

    def _note_safety(self, found: ChargingProfile) -> None:
        """Count what the specification allows, but should not be sent."""
        if found.kind == "Dynamic" and "startSchedule" not in found.schedule:
            self._record.without_begin += 1
        if found.kind == "Dynamic" and profiles.period_of(found, self.moment()) is None:
            self._record.begins_later += 1
        if not profiles.may_feed(found):
            return
        if "maxOfflineDuration" not in found.wire:
            self._record.unsupervised += 1
        moment = self.moment()
        for_ever = moment._replace(priority=False, offline_since_s=-math.inf)
        others = [kept for kept in self.profiles if kept is not found]
        if profiles.chosen(others, for_ever) is None:
            self._record.without_fallback += 1
