"""How an island goes through events, minute after minute, and what ends it if something does.

Between two switchings a compiled loop follows it. Every switching, whether it is an event, a relay,
an empty battery or a charger that enters service, is written down with its time and cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.phasor import assembly, events, kernels, tables
from evergrid.resilience.phasor.events import IslandEvent
from evergrid.resilience.phasor.island import PhasorIsland
from evergrid.resilience.phasor.tables import PhasorMoment, PhasorSamples, PhasorStop, PhasorTables
from evergrid.resilience.phasor.units import DieselUnit, FollowingUnit, FormingUnit

STEP_S = 0.002
STEPS_S = (0.0005, 0.005)  # the longest is the shortest time constant that records allow
SAMPLE_S = 0.02
MOST_STEPS = 20_000_000
LIVE_PU = 0.1  # from which a bus is not dead, and a unit that starts there is synchronised
# Between two live parts, for a line to be closed; IEEE 1547 table for up to 500 kVA, unverified.
CLOSE_PU, CLOSE_RAD = 0.1, np.radians(20.0)


@dataclass(frozen=True)
class IslandSwitching:
    """One thing that switched.

    Attributes:
        time_s: When.
        what: Of what kind: the action of an event, ``shed``, ``empty``, ``trip``, ``enter``,
            ``refuse``.
        target: Name of what switched.
        cause: A sentence.
    """

    time_s: float
    what: str
    target: str
    cause: str


@dataclass(frozen=True)
class IslandCollapse:
    """The end of an island: from here on nothing has a voltage.

    Attributes:
        time_s: When.
        cause: A sentence with the number that broke a limit.
    """

    time_s: float
    cause: str


@dataclass(frozen=True)
class IslandRun:
    """How an island went.

    Attributes:
        time_s: Of the samples.
        frequency_hz: Mean of the units that form, by rating; NaN after a collapse.
        voltage_pu: Phasor of each bus, in a frame of nominal frequency.
        unit_names: Forming inverters, following ones, diesel sets.
        power_kw: Of each unit, into the grid.
        reactive_kvar: Likewise.
        unit_hz: Frequency of each unit.
        energy: State of energy of each unit's battery; 1 without one.
        load_kw: Drawn by each block.
        load_kvar: Likewise.
        motor_kw: Drawn by each motor.
        motor_kvar: Likewise.
        motor_speed_pu: Of each motor.
        least_hz: Lowest frequency at any step, and when.
        most_hz: Highest frequency, and when.
        least_voltage_pu: Lowest voltage of a bus with load that had one, and when; infinite without
            such a bus.
        switchings: In order of time.
        collapse: What ended it; None if nothing did.
    """

    time_s: Float[Array, " sample"]
    frequency_hz: Float[Array, " sample"]
    voltage_pu: Array
    unit_names: tuple[str, ...]
    power_kw: Float[Array, "unit sample"]
    reactive_kvar: Float[Array, "unit sample"]
    unit_hz: Float[Array, "unit sample"]
    energy: Float[Array, "unit sample"]
    load_kw: Float[Array, "load sample"]
    load_kvar: Float[Array, "load sample"]
    motor_kw: Float[Array, "motor sample"]
    motor_kvar: Float[Array, "motor sample"]
    motor_speed_pu: Float[Array, "motor sample"]
    least_hz: tuple[float, float]
    most_hz: tuple[float, float]
    least_voltage_pu: tuple[float, float]
    switchings: tuple[IslandSwitching, ...]
    collapse: IslandCollapse | None

    def unit(self, name: str) -> int:
        """Row of a unit."""
        return self.unit_names.index(name)


def simulate(
    island: PhasorIsland,
    given: Sequence[IslandEvent],
    duration_s: float,
    *,
    step_s: float = STEP_S,
    sample_s: float = SAMPLE_S,
) -> IslandRun:
    """Follow an island from a dead network through events.

    Units that are ``running`` start at second 0, onto a dead bus; the voltage rises from zero, and
    no power flow is needed. A unit that starts on a live bus is synchronised to it first.

    Args:
        island: With all that is in it.
        given: Events; those of one moment act in the order given.
        duration_s: For which it is followed.
        step_s: Of the integration; halving it tells how far it is right.
        sample_s: Between samples, a multiple of the step.

    Raises:
        InputError: Events that name nobody or ask for more than a rating; steps out of range.
    """
    _check(duration_s, step_s, sample_s)
    events.check(island, given)
    return _Simulation(island, duration_s, step_s, sample_s).run(given)


def _check(duration_s: float, step_s: float, sample_s: float) -> None:
    faults = []
    if not STEPS_S[0] <= step_s <= STEPS_S[1]:
        rule = f"be in [{STEPS_S[0]:g}, {STEPS_S[1]:g}] s"
        faults.append(Fault("step_s", rule, (step_s,)))
    elif not (sample_s >= step_s and abs(sample_s / step_s - round(sample_s / step_s)) < 1e-6):
        faults.append(Fault("sample_s", "be a multiple of step_s", (sample_s,)))
    elif not sample_s <= duration_s <= MOST_STEPS * step_s:
        rule = f"be in [{sample_s:g}, {MOST_STEPS * step_s:g}] s"
        faults.append(Fault("duration_s", rule, (duration_s,)))
    raise_if_any("island", faults)


class _Simulation:
    """An island under way: rows and moment that compiled loops change, and what has switched."""

    def __init__(
        self, island: PhasorIsland, duration_s: float, step_s: float, sample_s: float
    ) -> None:
        self.island, self.step_s, self.every = island, step_s, round(sample_s / step_s)
        self.last = round(duration_s / step_s)
        self.closed = assembly.closed_lines(island.lines)
        self.tables: PhasorTables = assembly.assembled(island)
        self.moment: PhasorMoment = assembly.at_rest(self.tables, island)
        self.found: PhasorSamples = assembly.room(island, self.last // self.every + 1)
        self.units = assembly.in_order(island)
        self.switchings: list[IslandSwitching] = []
        self.collapse: IslandCollapse | None = None

    def run(self, given: Sequence[IslandEvent]) -> IslandRun:
        """Through all events to the end, or to the collapse."""
        starts = [
            IslandEvent(0.0, "start", unit.name) for unit in self.island.units if unit.running
        ]
        queue = sorted([*starts, *given], key=lambda event: event.time_s)
        self._rewire(0.0)
        step = 0
        while self.collapse is None:
            while queue and self._step_of(queue[0]) <= step:
                self._act(queue.pop(0), step * self.step_s)
            if self.collapse is not None:
                break
            until = min(self._step_of(queue[0]), self.last) if queue else self.last
            stop = kernels.run(
                self.tables, self.moment, self.found, step, until, self.step_s, self.every
            )
            step = stop.step
            if stop.reason != tables.DONE:
                self._stopped(stop)
            elif step >= self.last:
                break
        return self._result()

    def _step_of(self, event: IslandEvent) -> int:
        return int(np.ceil(event.time_s / self.step_s - 1e-9))

    def _note(self, time_s: float, what: str, target: str, cause: str) -> None:
        self.switchings.append(IslandSwitching(time_s, what, target, cause))

    # -- events -------------------------------------------------------------------------------

    def _act(self, event: IslandEvent, now_s: float) -> None:
        """Let an event act, and write it down."""
        if event.action in ("connect", "disconnect"):
            if not self._switch(event.target, event.action == "connect", now_s):
                return
        elif event.action == "start":
            self._start(event.target, now_s)
        elif event.action == "trip":
            self._trip(event.target)
        else:
            self._move(event, now_s)
        self._note(now_s, event.action, event.target, "Event.")
        self._rewire(now_s)

    def _switch(self, name: str, closed: bool, now_s: float) -> bool:
        """Move a breaker; a line between two live parts only if they are synchronous."""
        for rows, members in (
            (self.tables.load, self.island.loads),
            (self.tables.motor, self.island.motors),
        ):
            for number, member in enumerate(members):
                if member.name == name:
                    rows[number]["closed" if rows is self.tables.load else "online"] = int(closed)
                    return True
        number = [line.name for line in self.island.lines].index(name)
        if closed and not self._synchronous(number, now_s):
            return False
        self.closed[number] = closed
        return True

    def _synchronous(self, number: int, now_s: float) -> bool:
        line = self.island.lines[number]
        ends = [self.island.buses.index(bus) for bus in (line.from_bus, line.to_bus)]
        first, second = self.moment.voltage[ends]
        part = assembly.components(self.island, self.closed)
        if part[ends[0]] == part[ends[1]] or not self.tables.alive[ends].all():
            return True
        apart_pu, apart_rad = abs(abs(first) - abs(second)), abs(np.angle(first * np.conj(second)))
        if apart_pu <= CLOSE_PU and apart_rad <= CLOSE_RAD:
            return True
        cause = f"Both ends are live, {apart_pu:.3g} pu and {np.degrees(apart_rad):.3g} deg apart."
        self._note(now_s, "refuse", line.name, cause)
        return False

    def _start(self, name: str, now_s: float) -> None:
        """Start a unit, from nothing on a dead bus and synchronised on a live one."""
        rows, number, own, unit = self._unit(name)
        speed = kernels.mean_deviation(self.tables, self.moment, now_s)
        rows[number]["online"] = 1
        here = complex(self.moment.voltage[rows[number]["bus"]])
        live = abs(here) >= LIVE_PU
        size, angle = (abs(here), float(np.angle(here))) if live else (0.0, 0.0)
        start_s = assembly.NEVER_S if live else now_s
        if isinstance(unit, FormingUnit):
            energy = own[tables.ENERGY]
            own[:] = 0.0
            own[tables.ENERGY], own[tables.ANGLE] = energy, angle
            own[tables.VOLTAGE] = own[tables.INTERNAL] = size
            rows[number]["start_s"] = start_s
        elif isinstance(unit, FollowingUnit):
            own[[tables.LOOP_ANGLE, tables.LOOP_SPEED]] = angle, 0.0
            self.moment.good_s[number] = self.moment.bad_s[number] = 0.0
        else:
            own[:] = 0.0
            own[tables.ROTOR], own[tables.SPEED], own[tables.FIELD] = angle, 1.0, size
            own[tables.SPEED] += speed if live else 0.0
            missing = unit.voltage_pu - size if live else 0.0
            own[tables.REGULATOR] = size - unit.regulator_gain * missing
            rows[number]["start_s"] = start_s

    def _trip(self, name: str) -> None:
        """Take a unit off."""
        rows, number, own, unit = self._unit(name)
        rows[number]["online"] = 0
        if isinstance(unit, FollowingUnit):
            rows[number]["serving"] = 0
            own[[tables.CURRENT_D, tables.CURRENT_Q]] = 0.0

    def _move(self, event: IslandEvent, now_s: float) -> None:
        """Ramp a set point, or a load, from where it is."""
        value = event.value or 0.0  # None does not come here: the event has been checked
        if event.action == "scale_load":
            number = [load.name for load in self.island.loads].index(event.target)
            row = self.tables.load[number]
        else:
            rows, number, _, unit = self._unit(event.target)
            row, value = rows[number], value / unit.rating_kva
        if now_s < row["ramp_to_s"]:
            part = (now_s - row["ramp_from_s"]) / (row["ramp_to_s"] - row["ramp_from_s"])
            row["from_pu"] += part * (row["to_pu"] - row["from_pu"])
        else:
            row["from_pu"] = row["to_pu"]
        row["to_pu"] = value
        row["ramp_from_s"], row["ramp_to_s"] = now_s, now_s + event.over_s

    def _unit(
        self, name: str
    ) -> tuple[Array, int, Array, FormingUnit | FollowingUnit | DieselUnit]:
        """Rows of a unit's kind, its number there, its states, and its record."""
        place = 0
        for kind, rows, size in (
            (FormingUnit, self.tables.forming, tables.FORMING_STATES),
            (FollowingUnit, self.tables.following, tables.FOLLOWING_STATES),
            (DieselUnit, self.tables.diesel, tables.DIESEL_STATES),
        ):
            members = [unit for unit in self.units if isinstance(unit, kind)]
            for number, unit in enumerate(members):
                if unit.name == name:
                    first = place + number * size
                    return rows, number, self.moment.state[first : first + size], unit
            place += len(members) * size
        raise KeyError(name)

    # -- what follows from a switching -----------------------------------------------------------

    def _rewire(self, now_s: float) -> None:
        """Find live parts and the impedance anew; chargers in dead parts fall off."""
        given, moment = self.tables, self.moment
        part = assembly.components(self.island, self.closed)
        leaders = [rows["bus"][rows["online"] == 1] for rows in (given.forming, given.diesel)]
        led = np.isin(part, part[np.concatenate(leaders)])
        was = bool(given.alive.any())
        given.alive[:] = led
        for number, unit in enumerate(u for u in self.units if isinstance(u, FollowingUnit)):
            row = given.following[number]
            if row["serving"] and not led[row["bus"]]:
                self._trip(unit.name)
                row["online"] = 1  # it waits for a voltage
                moment.good_s[number] = 0.0
                cause = "No unit forms the grid any more."
                self._note(now_s, "trip", unit.name, cause)
        moment.voltage[~led] = 0.0
        given.admittance[:] = assembly.admittance(self.island, given, self.closed)
        moment.clip[:] = 1.0
        kernels.invert(given, moment)
        if was and not led.any():
            self.collapse = IslandCollapse(now_s, "No unit forms the grid any more.")

    def _stopped(self, stop: PhasorStop) -> None:
        """Act on what stopped a run."""
        now_s, which = stop.step * self.step_s, stop.which
        if stop.reason == tables.NO_SOLUTION:
            bus = self.island.buses[which]
            cause = f"No voltage at bus {bus} carries the constant power that is drawn."
            self.collapse = IslandCollapse(now_s, cause)
        elif stop.reason == tables.FREQUENCY:
            deviation = kernels.mean_deviation(self.tables, self.moment, now_s)
            hz = self.island.nominal_hz * (1.0 + deviation)
            cause = f"The frequency is {hz:.2f} Hz, beyond what units stand; {self._saturated()}."
            self.collapse = IslandCollapse(now_s, cause)
        elif stop.reason == tables.COLLAPSE:
            size, bus = abs(self.moment.voltage[which]), self.island.buses[which]
            cause = f"The voltage at bus {bus} stays at {size:.3g} pu; {self._saturated()}."
            self.collapse = IslandCollapse(now_s, cause)
        elif stop.reason == tables.SHED:
            self._shed(which, now_s)
        else:
            self._unit_stopped(stop, now_s)

    def _shed(self, stage: int, now_s: float) -> None:
        given = self.tables
        given.stage_done[stage] = True
        relay = self.island.shedding[stage]
        for name in relay.loads:
            number = [load.name for load in self.island.loads].index(name)
            if given.load[number]["closed"]:
                given.load[number]["closed"] = 0
                cause = f"The frequency stayed below {relay.frequency_hz:g} Hz."
                self._note(now_s, "shed", name, cause)
        self._rewire(now_s)

    def _unit_stopped(self, stop: PhasorStop, now_s: float) -> None:
        """An empty battery, a charger that trips, or one that enters service."""
        kind = FormingUnit if stop.reason == tables.EMPTY else FollowingUnit
        unit = [unit for unit in self.units if isinstance(unit, kind)][stop.which]
        if stop.reason == tables.EMPTY:
            self._trip(unit.name)
            self._note(now_s, "empty", unit.name, "Its battery is empty.")
        elif stop.reason == tables.TRIP:
            self._trip(unit.name)
            self.tables.following[stop.which]["online"] = 1  # it waits to enter again
            cause = "Voltage or frequency stayed outside of its window."
            self._note(now_s, "trip", unit.name, cause)
        else:
            row = self.tables.following[stop.which]
            row["serving"], row["served_s"] = 1, now_s
            self._note(now_s, "enter", unit.name, "Voltage and frequency have been good.")
        self._rewire(now_s)

    def _saturated(self) -> str:
        """Which forming inverters are at a limit, for a message."""
        names = [unit.name for unit in self.units if isinstance(unit, FormingUnit)]
        own = self.moment.state[: len(names) * tables.FORMING_STATES]
        own = own.reshape(len(names), tables.FORMING_STATES)
        running = self.tables.forming["online"] == 1
        at: Bool[Array, " forming"] = running & (
            (own[:, tables.P_HIGH] < 0.0) | (own[:, tables.P_LOW] > 0.0) | (self.moment.clip < 1.0)
        )
        if not at.any():
            return "no inverter is at a limit"
        listed = ", ".join(name for name, is_at in zip(names, at, strict=True) if is_at)
        whole = "all inverters are at a limit" if at.sum() == running.sum() else "at a limit"
        return f"{whole}: {listed}"

    def _result(self) -> IslandRun:
        """The samples in the units of the records; nothing has a voltage after a collapse."""
        found, base, nominal = self.found, self.island.base_kva, self.island.nominal_hz
        time_s = np.arange(found.frequency_pu.shape[0]) * self.every * self.step_s
        frequency = nominal * (1.0 + found.frequency_pu)
        if self.collapse is not None:
            dead = time_s >= self.collapse.time_s
            frequency[dead] = np.nan
            for values in found:
                values[..., dead] = 0.0
        low, low_s, high, high_s, least, least_s = (float(v) for v in self.moment.extremes)
        return IslandRun(
            time_s=time_s,
            frequency_hz=frequency,
            voltage_pu=found.voltage,
            unit_names=tuple(unit.name for unit in self.units),
            power_kw=base * np.real(found.power),
            reactive_kvar=base * np.imag(found.power),
            unit_hz=nominal * (1.0 + found.deviation_pu),
            energy=found.energy,
            load_kw=base * np.real(found.drawn),
            load_kvar=base * np.imag(found.drawn),
            motor_kw=base * np.real(found.motor_power),
            motor_kvar=base * np.imag(found.motor_power),
            motor_speed_pu=found.motor_speed_pu,
            least_hz=(nominal * (1.0 + low), low_s),
            most_hz=(nominal * (1.0 + high), high_s),
            least_voltage_pu=(least, least_s),
            switchings=tuple(self.switchings),
            collapse=self.collapse,
        )
