"""The island while it is being started: state, breakers, relays, meters and batteries over time.

Everything is integrated in stretches of `STRETCH_S`, after each of which relays look at what was
sampled. A relay thus acts within a stretch of its delay, which is that of its contacts.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.units import S_PER_H
from evergrid.model.microgrid import TIERS
from evergrid.resilience.black_start.circuit import GRID, SiteCircuit
from evergrid.resilience.black_start.meters import MeterRow, dark_row, effective_pu
from evergrid.resilience.black_start.outcome import (
    Action,
    ClosingCheck,
    IslandReading,
    IslandSamples,
    StartEvent,
    SyncWait,
)
from evergrid.resilience.black_start.rest import RestingIsland, resting
from evergrid.resilience.black_start.settings import ProtectionLimits
from evergrid.resilience.inverter.droop import (
    I_O_X,
    I_O_Y,
    STATES,
    P,
    Q,
)
from evergrid.resilience.network.assembly import Assembly, assemble
from evergrid.resilience.network.breakers import BreakerPositions
from evergrid.resilience.network.dq_state import DqState, dead_state
from evergrid.resilience.network.references import UnitReference
from evergrid.resilience.network.simulation import STEP_S, DqTrajectory, Ending, simulate
from evergrid.resilience.network.switching import switched

STRETCH_S = 0.02
SAMPLE_S = 1e-3
SAMPLES = round(STRETCH_S / SAMPLE_S)
SWING_STRETCHES = 25
BOUND_PU = 50.0  # of a current, over that of all units together, beyond which it has run away
WS_PER_KWH = 3.6e6
ENERGY_OUT = "its energy has run out"


class IslandLostError(Exception):
    """The island has no unit left; ends the sequence, and is never seen outside of it."""


@dataclass
class Island:
    """Everything that changes during a black start; nothing else does.

    Attributes:
        circuit: The site; blocks that are cold draw more for a while.
        limits: Of the relays.
        duration_s: Until when it is followed.
        state: Now.
        positions: Of the breakers.
        references: What units are told.
        armed: Whether relays for voltage and frequency look: not while the dead bus is ramped.
    """

    circuit: SiteCircuit
    limits: ProtectionLimits
    duration_s: float
    state: DqState = field(init=False)
    positions: BreakerPositions = field(init=False)
    references: dict[str, UnitReference] = field(default_factory=dict)
    armed: bool = False
    events: list[StartEvent] = field(default_factory=list)
    checks: list[ClosingCheck] = field(default_factory=list)
    waits: list[SyncWait] = field(default_factory=list)

    def __post_init__(self) -> None:
        network = self.circuit.network
        units = [unit.name for unit in network.units]
        self.state = dead_state(network)
        loads = [block.name for block in self.circuit.blocks]
        self.positions = BreakerPositions().opening(*units, *loads).stopping(*units)
        self.rating_w = np.array([1e3 * unit.apparent_kva for unit in self.circuit.formers])
        count = len(self.circuit.formers)
        self.energy_kwh = np.zeros(count)
        self.auxiliary_kwh = np.zeros(count)
        self.auxiliary_on = np.zeros(count, bool)
        self.connected_s = np.full(count, np.inf)
        self.peak_pu = np.zeros(count)
        self.dead_units: set[str] = set()
        self.lost = False
        self._timers: dict[str, float] = {}
        self._picked_s: dict[str, float] = {}
        self._cold: dict[str, float] = {}
        self._rows: list[MeterRow] = []
        self._assembly: Assembly | None = None
        self._rest: RestingIsland | None = None
        self._seen_pu = np.zeros(SAMPLES + 1)  # of voltage; the last one is right before now
        self._modes_checked = False

    # What is connected

    @property
    def time_s(self) -> float:
        """Now, from the loss of the grid."""
        return self.state.time_s

    def assembly(self) -> Assembly:
        """What is connected now."""
        if self._assembly is None:
            network = self.circuit.with_block_power(self._cold).network
            self._assembly = assemble(network, self.positions, self.references)
        return self._assembly

    def assembly_with(self, positions: BreakerPositions) -> Assembly:
        """What would be connected with other positions of breakers."""
        network = self.circuit.with_block_power(self._cold).network
        return assemble(network, positions, self.references)

    def online(self) -> Bool[Array, " unit"]:
        """Whether each unit is connected to its bus."""
        return np.array([self.positions.has(unit.name) for unit in self.circuit.formers])

    def is_on(self, name: str) -> bool:
        """Whether a breaker is closed."""
        return self.positions.has(name)

    def alive(self) -> bool:
        """Whether any unit runs, or the grid feeds."""
        return bool(self.online().any()) or self.on_grid()

    def on_grid(self) -> bool:
        """Whether the grid is connected."""
        names = {unit.name for unit in self.circuit.network.units}
        return GRID in names and self.positions.has(GRID)

    def reading(self) -> IslandReading:
        """What meters show now."""
        if not self.alive():
            return IslandReading(np.nan, 0.0, 0.0)
        frequency, voltage, power = self._meters()
        return IslandReading(frequency, voltage, power)

    def frequency_hz(self) -> float:
        """Of the connected units, weighted by rating."""
        return self._meters()[0]

    def _meters(self) -> tuple[float, float, float]:
        assembly, values = self.assembly(), self.state.values[None]
        volts = assembly.voltages_v(self.state.values, self.time_s)[None]
        row = self._shown(assembly, np.array([self.time_s]), values, volts)
        return float(row.frequency[0]), float(row.voltage[0]), float(row.block_kw[0].sum())

    def swing_kw(self) -> float:
        """Greatest difference of a unit's power within the last stretches."""
        power = np.concatenate([row.power_kw for row in self._rows[-SWING_STRETCHES:]])
        return float((power.max(axis=0) - power.min(axis=0)).max())

    # Switching

    def log(self, action: Action, actor: str, cause: str, before: IslandReading) -> None:
        """Note what has happened, with the readings before and now."""
        after = self.reading()
        self.events.append(StartEvent(self.time_s, action, actor, cause, before, after))

    def settle(self, seconds: float) -> None:
        """Leave the island some time; the last event then has the readings after it.

        Raises:
            IslandLostError: As `advance`.
        """
        last = len(self.events) - 1
        self.advance(seconds)
        self.events[last] = replace(self.events[last], after=self.reading())

    def move(self, positions: BreakerPositions) -> None:
        """Move breakers; currents that are cut off end in arcs, and the rest adds up again."""
        self.positions = positions
        self._assembly = None
        self._modes_checked = False
        if not self.alive() and not self._anything_runs():
            self._die()
            return
        self.state = switched(self.state, self.assembly()).state

    def refer(self, name: str, reference: UnitReference) -> None:
        """Tell a unit something else."""
        self.references[name] = reference
        self._assembly = None

    def prepare(self, name: str) -> None:
        """A block that is to be closed would draw what it draws when it is cold."""
        self._picked_s.pop(name, None)
        self._cold[name] = self.block_factor(name)
        self._assembly = None

    def close_block(self, name: str) -> None:
        """Close a block; from now on it warms up."""
        self.prepare(name)
        self.move(self.positions.closing(name))
        self._picked_s[name] = self.time_s

    def block_factor(self, name: str) -> float:
        """Power that a block draws, or would draw right after closing, over its warm power."""
        block = next(one for one in self.circuit.blocks if one.name == name)
        if name not in self._picked_s:
            return block.cold_load_factor
        since_h = (self.time_s - self._picked_s[name]) / S_PER_H - block.cold_load_delay_h
        if since_h <= 0:
            return block.cold_load_factor
        if block.cold_load_decay_h <= 0:
            return 1.0
        return 1.0 + (block.cold_load_factor - 1.0) * float(
            np.exp(-since_h / block.cold_load_decay_h)
        )

    def _anything_runs(self) -> bool:
        units = {unit.name for unit in self.circuit.network.units}
        return bool(units - self.positions.stopped)

    def _running_w(self) -> float:
        """Rating of all units, and of the grid while its voltage is there."""
        grid_w = 0.0 if GRID in self.positions.stopped else self.circuit.source_w
        return float(self.rating_w.sum()) + grid_w

    def _die(self) -> None:
        """No unit is left: all is dark, and breakers of blocks open on a dead bus."""
        self.lost = True
        self.armed = False
        self.state = dead_state(self.circuit.network, self.time_s)
        names = [block.name for block in self.circuit.blocks]
        self.positions = self.positions.opening(*names)

    # Time

    def advance(self, seconds: float) -> None:
        """Follow the island for some time.

        Raises:
            IslandLostError: Its last unit trips, or a current runs away.
        """
        until_s = min(self.time_s + seconds, self.duration_s)
        while self.time_s < until_s - STRETCH_S / 2:
            self._stretch()

    def _stretch(self) -> None:
        if self.lost or not self._anything_runs():
            self._dark_stretch()
            return
        self._warm_up()
        assembly = self.assembly()
        if self._rest is not None and self._rest.went.assembly is assembly:
            self._resting_stretch(self._rest)
            return
        bound_a = BOUND_PU * self._running_w() / self.circuit.site.nominal_v
        before = self.state
        went = simulate(
            assembly,
            before,
            STRETCH_S,
            sample_s=SAMPLE_S,
            current_bound_a=bound_a,
            check_modes=not self._modes_checked,
        )
        self._modes_checked = True
        row = self._metered(went)
        self._rows.append(row)
        self.state = DqState(self._whole(went.final.time_s), went.final.values)
        self._count(went, self.state.time_s - before.time_s)
        if went.ending is not Ending.FINISHED:
            self._run_away(went.ending)
        self._rest = resting(before, went, row)
        self._relays(row)

    def _resting_stretch(self, rest: RestingIsland) -> None:
        """A stretch in which everything turns at its own speed and nothing else changes."""
        start_s = self.time_s
        row = rest.row._replace(time_s=start_s + SAMPLE_S * np.arange(SAMPLES))
        self._rows.append(row)
        self.state = DqState(self._whole(start_s + STRETCH_S), rest.turned(self.state.values))
        self._count(rest.went, STRETCH_S)
        self._relays(row)

    def _whole(self, time_s: float) -> float:
        """The time without the rounding of many steps."""
        return round(time_s / STEP_S) * STEP_S

    def _dark_stretch(self) -> None:
        time_s = self.time_s + SAMPLE_S * np.arange(SAMPLES)
        self._rows.append(dark_row(time_s, len(self.circuit.formers), len(self.circuit.blocks)))
        self._seen_pu = np.zeros(SAMPLES + 1)
        self._feed_auxiliaries(STRETCH_S)
        self.state = DqState(self._whole(self.time_s + STRETCH_S), self.state.values)

    def _warm_up(self) -> None:
        """Bring what cold blocks draw up to date, once it has moved by half a percent."""
        for name, told in list(self._cold.items()):
            if name not in self._picked_s:
                continue
            factor = self.block_factor(name)
            if abs(factor - told) > 5e-3:
                self._cold[name] = factor
                self._assembly = None

    def _count(self, went: DqTrajectory, seconds: float) -> None:
        """Energy out of each battery, and peaks of currents."""
        volts = self.circuit.site.nominal_v
        for place, unit in enumerate(went.assembly.units):
            if unit >= len(self.circuit.formers):
                continue
            battery = self.circuit.formers[unit]
            ac_kwh = went.unit_energy_ws[place] / WS_PER_KWH
            over = battery.efficiency_discharge if ac_kwh > 0 else 1.0 / battery.efficiency_charge
            self.energy_kwh[unit] += ac_kwh / over
            peak = went.peak_filter_current_a[place] * volts / self.rating_w[unit]
            self.peak_pu[unit] = max(self.peak_pu[unit], peak)
        self._feed_auxiliaries(seconds)

    def _feed_auxiliaries(self, seconds: float) -> None:
        left = self.energy_left_kwh()
        for unit, battery in enumerate(self.circuit.formers):
            if self.auxiliary_on[unit] and left[unit] > 0 and not self._has_left(unit):
                used = battery.auxiliary_kw * seconds / S_PER_H
                self.auxiliary_kwh[unit] += used
                self.energy_kwh[unit] += used

    def energy_left_kwh(self) -> Float[Array, " unit"]:
        """In each battery above its reserve."""
        had = [unit.energy_arrival_kwh - unit.energy_reserve_kwh for unit in self.circuit.formers]
        return np.array(had) - self.energy_kwh

    # Relays

    def _relays(self, row: MeterRow) -> None:
        for unit, cause in self._spent():
            name = self.circuit.formers[unit].name
            if name not in self.positions.stopped:
                self.trip(name, cause)
            elif name not in self.dead_units:
                self.dead_units.add(name)
                self.log(Action.REFUSED, name, cause, self.reading())
        for unit in np.flatnonzero(self.online()):
            name = self.circuit.formers[unit].name
            over = row.current[:, unit] > self.limits.over_current_pu
            if self._lasting(f"{name} over", over, self.limits.over_current_s):
                most = float(row.current[:, unit].max())
                self.trip(name, f"over-current, {most:.2f} of its rated current")
        if not self.armed or self.lost:
            return
        if self._lasting(
            "under", row.voltage < self.limits.under_voltage_pu, self.limits.under_voltage_s
        ):
            low = float(row.voltage.min())
            for name in self._online_names():
                self.trip(name, f"under-voltage, {low:.2f} pu")
        nominal = self.circuit.site.nominal_hz
        low_hz = row.frequency < nominal - self.limits.under_frequency_hz
        if self._lasting("slow", low_hz, self.limits.under_frequency_s):
            for name in self._online_names():
                self.trip(name, f"under-frequency, {np.nanmin(row.frequency):.2f} Hz")
        shed_hz = row.frequency < nominal - self.limits.shed_deviation_hz
        if not self.lost and self._lasting("shed", shed_hz, self.limits.shed_s):
            self._shed(float(np.nanmin(row.frequency)))

    def _spent(self) -> list[tuple[int, str]]:
        """Units that cannot feed any longer, and why."""
        left = self.energy_left_kwh()
        found = []
        for unit, battery in enumerate(self.circuit.formers):
            if self._has_left(unit):
                found.append((unit, f"it leaves {battery.departure_h:.3g} h after the loss"))
            elif left[unit] <= 0:
                short = battery.energy_arrival_kwh <= battery.energy_reserve_kwh
                cause = "it came with no energy above its reserve" if short else ENERGY_OUT
                found.append((unit, cause))
        return found

    def _has_left(self, unit: int) -> bool:
        return self.time_s >= S_PER_H * self.circuit.formers[unit].departure_h

    def _lasting(self, relay: str, low: Bool[Array, " sample"], seconds: float) -> bool:
        """Whether something has lasted for so long; the clock of the relay then starts anew."""
        if not low.any():
            self._timers[relay] = 0.0
            return False
        since = self._timers.get(relay, 0.0)
        for sample in low:
            since = since + SAMPLE_S if sample else 0.0
            if sample and since >= seconds:
                self._timers[relay] = 0.0
                return True
        self._timers[relay] = since
        return False

    def _online_names(self) -> list[str]:
        return [unit.name for unit in self.circuit.formers if self.positions.has(unit.name)]

    def _shed(self, low_hz: float) -> None:
        """Open the least worthy block that is on."""
        on = [block for block in self.circuit.blocks if self.positions.has(block.name)]
        if not on:
            return
        # One that feeds no other: a block goes after all that hang on it.
        feeding = {block.parent for block in on}
        last = [block for block in on if block.name not in feeding]
        block = max(last, key=lambda one: (TIERS.index(one.tier), -one.weight))
        before = self.reading()
        self.move(self.positions.opening(block.name))
        self._picked_s.pop(block.name, None)
        self.log(Action.SHED, block.name, f"frequency at {low_hz:.2f} Hz", before)

    def trip(self, name: str, cause: str) -> None:
        """A unit opens its breaker and stops.

        Raises:
            IslandLostError: It was the last one.
        """
        before = self.reading()
        self.dead_units.add(name)
        self.move(self.positions.opening(name).stopping(name))
        self.log(Action.TRIP, name, cause, before)
        if not self.alive():
            self._collapse(f"the last unit, {name}, has tripped: {cause}", before)

    def _run_away(self, ended: Ending) -> None:
        before = IslandReading(np.nan, np.nan, np.nan)
        words = "a state is no number" if ended is Ending.NOT_FINITE else "a current has run away"
        self.positions = self.positions.stopping(*(u.name for u in self.circuit.network.units))
        self._collapse(f"{words} at {self.time_s:.3f} s", before)

    def _collapse(self, cause: str, before: IslandReading) -> None:
        self.positions = self.positions.stopping(*(u.name for u in self.circuit.network.units))
        self._assembly = None
        self._die()
        self.log(Action.COLLAPSE, "island", cause, before)
        raise IslandLostError(cause)

    # Meters

    def meters(self, went: DqTrajectory, count: int | None = None) -> MeterRow:
        """What meters show during a run, at its first samples or at all."""
        part = slice(0, count)
        return self._shown(
            went.assembly, went.time_s[part], went.states[part], went.voltages_v[part]
        )

    def block_voltages_pu(self, went: DqTrajectory) -> list[Float[Array, " sample"]]:
        """Voltages during a run at buses of the section with a block that is on."""
        network, volts = self.circuit.network, self.circuit.site.nominal_v
        blocks = {block.name for block in self.circuit.blocks}
        on = [
            load.bus
            for load in network.loads
            if load.name in blocks and went.assembly.positions.has(load.name)
        ]
        numbers = [network.bus_index[bus] for bus in set(on) - {self.circuit.main_bus}]
        places = [np.flatnonzero(went.assembly.buses == number) for number in numbers]
        return [np.abs(went.voltages_v[:, place[0]]) / volts for place in places if len(place)]

    def _metered(self, went: DqTrajectory) -> MeterRow:
        """What meters show in a stretch, of voltages the effective value over half a cycle."""
        count = len(went.time_s) - 1 if went.ending is Ending.FINISHED else len(went.time_s)
        every = self.meters(went).voltage
        # At a switching instant the sample is of the time before it.
        seen = np.concatenate([self._seen_pu, every[1:]])
        self._seen_pu = seen[-SAMPLES - 1 :]
        window = self.circuit.half_cycle(SAMPLE_S)
        values = effective_pu(seen[SAMPLES + 1 - window : SAMPLES + count], window)
        return self.meters(went, count)._replace(voltage=values)

    def _shown(self, assembly: Assembly, time_s: Array, states: Array, volts_xy: Array) -> MeterRow:
        """What meters show at some states."""
        network, formers = self.circuit.network, self.circuit.formers
        count, samples = len(formers), len(time_s)
        volts = self.circuit.site.nominal_v
        all_units = states[:, : len(network.units) * len(STATES)].reshape(samples, -1, len(STATES))
        frequency = np.full((samples, len(network.units)), np.nan)
        running = assembly.units
        speed = assembly.speeds_rad_per_s(all_units[:, running, P])
        frequency[:, running] = speed / (2.0 * np.pi)
        units = all_units[:, :count]
        current = np.hypot(units[:, :, I_O_X], units[:, :, I_O_Y]) * volts / self.rating_w
        main = network.bus_index[self.circuit.main_bus]
        (place,) = np.nonzero(assembly.buses == main)
        voltage = np.zeros(samples)
        if len(place):
            voltage = np.abs(volts_xy[:, place[0]]) / volts
        weight = self.rating_w * self.online()
        if weight.any():
            whole = (np.nan_to_num(frequency[:, :count]) * weight).sum(axis=1) / weight.sum()
        elif self.on_grid():
            whole = frequency[:, count]
        else:
            whole = np.full(samples, np.nan)
        at = network.first_current + 2 * len(network.branches)
        currents = states[:, at:].reshape(samples, -1, 2)
        blocks = {block.name for block in self.circuit.blocks}
        loads = [i for i, load in enumerate(network.loads) if load.name in blocks]
        ohms = np.array([load.resistance_ohm for load in assembly.microgrid.loads])[loads]
        block_kw = ohms * (currents[:, loads] ** 2).sum(axis=2) / 1e3
        on = np.array([self.positions.has(block.name) for block in self.circuit.blocks])
        live = bool(len(place))
        return MeterRow(
            time_s,
            whole,
            voltage,
            frequency[:, :count],
            units[:, :, P] / 1e3,
            units[:, :, Q] / 1e3,
            current,
            block_kw,
            np.tile(on & live, (samples, 1)),
        )

    def samples(self) -> IslandSamples:
        """All that was sampled."""
        return IslandSamples(*(np.concatenate(column) for column in zip(*self._rows, strict=True)))
