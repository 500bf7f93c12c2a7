"""The island while it is being started: state, breakers, relays, meters and batteries over time.

Everything is integrated in stretches of `STRETCH_S`, after each of which relays look at what was
sampled. A relay thus acts within a stretch of its delay, which is that of its contacts.
"""

from dataclasses import dataclass, field

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.model.microgrid import TIERS
from evergrid.resilience.black_start.circuit import GRID, SiteCircuit
from evergrid.resilience.black_start.results.outcome import (
    Action,
    ClosingCheck,
    IslandReading,
    IslandSamples,
    StartEvent,
    SyncWait,
)
from evergrid.resilience.black_start.settings import ProtectionLimits
from evergrid.resilience.black_start.state.cold_load import ColdLoads
from evergrid.resilience.black_start.state.energy import EnergyMeters
from evergrid.resilience.black_start.state.meters import (
    SAMPLE_S,
    MeterRow,
    dark_row,
    effective_pu,
    ratings_w,
    shown,
)
from evergrid.resilience.black_start.state.motors import CoastingMotors
from evergrid.resilience.black_start.state.rest import RestingIsland, resting
from evergrid.resilience.network.assembly import Assembly, assemble
from evergrid.resilience.network.breakers import BreakerPositions, islands
from evergrid.resilience.network.dq_state import DqState, dead_state
from evergrid.resilience.network.references import PowerReference, UnitReference
from evergrid.resilience.network.simulation import STEP_S, DqTrajectory, Ending, simulate
from evergrid.resilience.network.switching import switched

STRETCH_S = 0.02
SAMPLES = round(STRETCH_S / SAMPLE_S)
SWING_STRETCHES = 25
BOUND_PU = 50.0  # of a current, over that of all units together, beyond which it has run away


class IslandLostError(Exception):
    """Sections have no unit left; ends their sequences, and is never seen outside of them.

    Attributes:
        sections: Places of those that are dark from now on.
    """

    def __init__(self, cause: str, sections: tuple[int, ...]) -> None:
        super().__init__(cause)
        self.sections = sections


@dataclass
class Island:
    """Everything that changes during a black start; nothing else does.

    Attributes:
        circuit: The site; blocks that are cold draw more for a while.
        limits: Of the relays.
        duration_s: Until when it is followed.
        state: Now.
        positions: Of the breakers.
        references: What units that form the grid are told.
        powers: What those that follow are told.
        armed: Places of sections whose relays for voltage and frequency look: not while the dead
            bus is ramped.
    """

    circuit: SiteCircuit
    limits: ProtectionLimits
    duration_s: float
    state: DqState = field(init=False)
    positions: BreakerPositions = field(init=False)
    references: dict[str, UnitReference] = field(default_factory=dict)
    powers: dict[str, PowerReference] = field(default_factory=dict)
    armed: set[int] = field(default_factory=set)
    events: list[StartEvent] = field(default_factory=list)
    checks: list[ClosingCheck] = field(default_factory=list)
    waits: list[SyncWait] = field(default_factory=list)

    def __post_init__(self) -> None:
        network = self.circuit.network
        units = self._sources()
        self.state = dead_state(network)
        loads = [block.name for block in self.circuit.blocks]
        opened = BreakerPositions().opening(*units, *loads, *self.circuit.breakers)
        self.positions = opened.stopping(*units)
        self.rating_w = ratings_w(self.circuit)
        self.energy = EnergyMeters(self.circuit, self.rating_w)
        self.connected_s = np.full(len(self.circuit.formers), np.inf)
        self.dead_units: set[str] = set()
        self.lost = False
        # What a unit is told at rest beside the speed of the grid: its share of the power.
        self.base_trim: dict[str, float] = {}
        self._timers: dict[str, float] = {}
        self._cold = ColdLoads(self.circuit.blocks)
        self._coasting = CoastingMotors(self.circuit)
        emergency = self.circuit.emergency
        self._diesel_limits = None if emergency is None else emergency.rules.limits(self.limits)
        self._rows: list[MeterRow] = []
        self._assembly: Assembly | None = None
        self._rest: RestingIsland | None = None
        # Of voltage; the last one is right before now.
        self._seen_pu = np.zeros((SAMPLES + 1, len(self.circuit.sections)))
        self._modes_checked = False

    # What is connected

    @property
    def time_s(self) -> float:
        """Now, from the loss of the grid."""
        return self.state.time_s

    def assembly(self) -> Assembly:
        """What is connected now."""
        if self._assembly is None:
            network = self.circuit.with_block_power(self._cold.drawn).network
            told = self.references | self.powers
            self._assembly = assemble(network, self.positions, told)
        return self._assembly

    def assembly_with(self, positions: BreakerPositions) -> Assembly:
        """What would be connected with other positions of breakers."""
        network = self.circuit.with_block_power(self._cold.drawn).network
        return assemble(network, positions, self.references | self.powers)

    def online(self) -> Bool[Array, " unit"]:
        """Whether each unit is connected to its bus."""
        return np.array([self.positions.has(unit.name) for unit in self.circuit.formers])

    def is_on(self, name: str) -> bool:
        """Whether a breaker is closed."""
        return self.positions.has(name)

    def alive(self) -> bool:
        """Whether any unit is connected, or the grid feeds."""
        return bool(self.online().any()) or self._grid_closed()

    def on_grid(self, section: int = 0) -> bool:
        """Whether a section is connected to the grid."""
        return self._grid_closed() and GRID in self.joined_units(section)

    def _grid_closed(self) -> bool:
        names = {unit.name for unit in self.circuit.network.units}
        return GRID in names and self.positions.has(GRID)

    def joined_units(
        self, section: int = 0, positions: BreakerPositions | None = None
    ) -> frozenset[str]:
        """Names of the units that form it, the grid among them, of the island of a section.

        Args:
            section: Its place.
            positions: Of breakers; as they are where none are given.
        """
        names = self.all_joined_units(section, positions)
        forming = {unit.name for unit in self.circuit.network.units if unit.forms}
        return names & forming

    def all_joined_units(
        self, section: int = 0, positions: BreakerPositions | None = None
    ) -> frozenset[str]:
        """Names of all units of the island of a section, those that follow among them."""
        network, now = self.circuit.network, positions or self.positions
        found = islands(network, now)
        number = found.of_bus[network.bus_index[self.circuit.sections[section].bus]]
        if number < 0:
            return frozenset()
        pairs = zip(network.units, found.of_unit, strict=True)
        return frozenset(unit.name for unit, island in pairs if island == number)

    def joined_sections(
        self, section: int = 0, positions: BreakerPositions | None = None
    ) -> tuple[int, ...]:
        """Places of all sections that are one island with this one; none where it is dead."""
        units = self.joined_units(section, positions)
        places = range(len(self.circuit.sections))
        if not units:
            return ()
        return tuple(one for one in places if self.joined_units(one, positions) == units)

    def joined(
        self, section: int = 0, positions: BreakerPositions | None = None
    ) -> Bool[Array, " unit"]:
        """Whether each unit is connected to the bus of a section."""
        names = self.joined_units(section, positions)
        return np.array([unit.name in names for unit in self.circuit.formers])

    def blocks_of(self, section: int, positions: BreakerPositions | None = None) -> tuple[str, ...]:
        """Names of the blocks of a section; transfer switches move some between two."""
        now, made = positions or self.positions, self.circuit
        own = made.sections[section]
        moved = {
            one.block for one in made.switches if now.has(one.normal) or not now.has(one.emergency)
        }
        on_main = moved if section == 0 else set()
        return (*(name for name in own.blocks if name not in moved), *sorted(on_main))

    def limits_of(self, section: int) -> ProtectionLimits:
        """Limits of the island of a section: diesel sets alone stand more than inverters allow."""
        if self._diesel_limits is None or self.on_grid(section):
            return self.limits
        units = self.joined_units(section)
        alone = bool(units) and units <= {one.name for one in self.circuit.engines}
        return self._diesel_limits if alone else self.limits

    def reading(self, section: int = 0) -> IslandReading:
        """What meters of a section show now."""
        if not self.joined_units(section):
            return IslandReading(np.nan, 0.0, 0.0)
        assembly, values = self.assembly(), self.state.values[None]
        volts = assembly.voltages_v(self.state.values, self.time_s)[None]
        now_s = np.array([self.time_s])
        row = shown(self.circuit, self.positions, assembly, now_s, values, volts)
        here = self.blocks_of(section)
        own = np.array([block.name in here for block in self.circuit.blocks])
        frequency, voltage = row.section_frequency[0, section], row.section_voltage[0, section]
        return IslandReading(float(frequency), float(voltage), float(row.block_kw[0, own].sum()))

    def frequency_hz(self, section: int = 0) -> float:
        """Of the units that are connected to a section, weighted by rating."""
        return self.reading(section).frequency_hz

    def swing_kw(self) -> float:
        """Greatest difference of a unit's power within the last stretches."""
        power = np.concatenate([row.power_kw for row in self._rows[-SWING_STRETCHES:]])
        return float((power.max(axis=0) - power.min(axis=0)).max())

    # Switching

    def log(
        self, action: Action, actor: str, cause: str, before: IslandReading, section: int = 0
    ) -> None:
        """Note what has happened, with the readings of a section before and now."""
        after = self.reading(section)
        self.events.append(StartEvent(self.time_s, action, actor, cause, before, after))

    def move(self, positions: BreakerPositions) -> None:
        """Move breakers; currents that are cut off end in arcs, and the rest adds up again."""
        self.positions = positions
        self._assembly = None
        self._modes_checked = False
        if not self.alive() and not self._anything_runs():
            self._die()
            return
        self.lost = False
        before = self.state
        after = switched(before, self.assembly()).state
        self.state = self._coasting.switched(before, after, self.assembly())

    def refer(self, name: str, reference: UnitReference) -> None:
        """Tell a unit something else."""
        self.references[name] = reference
        self._assembly = None

    def rest_reference(self, name: str) -> UnitReference:
        """What a unit that forms the grid is told once it has taken over its share."""
        trim = self.base_trim.get(name, 0.0)
        if self.on_grid(self.section_of(name)):
            trim += self.references[GRID].trim_rad_per_s  # else it would feed what the grid is off
        return UnitReference(trim_rad_per_s=trim)

    def follow_power(self, name: str, reference: PowerReference) -> None:
        """Tell a unit that follows something else."""
        self.powers[name] = reference
        self._assembly = None

    def prepare(self, name: str) -> None:
        """A block that is to be closed would draw what it draws when it is cold."""
        self._cold.prepare(name)
        self._assembly = None

    def close_block(self, name: str) -> None:
        """Close a block; from now on it warms up."""
        self.prepare(name)
        self.move(self.positions.closing(name))
        self._cold.closed(name, self.time_s)

    def block_factor(self, name: str) -> float:
        """Power that a block draws, or would draw right after closing, over its warm power."""
        return self._cold.factor(name, self.time_s)

    def _sources(self) -> list[str]:
        """Names of all units but motors, which stop and start with their blocks."""
        motors = {one.name for one in self.circuit.motors}
        return [unit.name for unit in self.circuit.network.units if unit.name not in motors]

    def _anything_runs(self) -> bool:
        units = {unit.name for unit in self.circuit.network.units if unit.forms}
        return bool(units - self.positions.stopped)

    def _running_w(self) -> float:
        """Rating of all units, and of the grid while its voltage is there."""
        grid_w = 0.0 if GRID in self.positions.stopped else self.circuit.source_w
        return float(self.rating_w.sum()) + grid_w

    def _die(self) -> None:
        """No unit is left: all is dark, and breakers of blocks open on a dead bus."""
        self.lost = True
        self.armed.clear()
        before, dead = self.state, dead_state(self.circuit.network, self.time_s)
        self.state = self._coasting.switched(before, dead, None)
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
        if self._cold.warm_up(self.time_s):
            self._assembly = None
        assembly = self.assembly()
        # An island at rest only turns: what it did in one stretch it does in the next.
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
        made = self.circuit
        of_each = made.formers, made.blocks, made.sections, made.followers, made.motors
        self._rows.append(dark_row(time_s, *(len(one) for one in of_each)))
        self._seen_pu = np.zeros_like(self._seen_pu)
        self.energy.feed_auxiliaries(STRETCH_S, self.time_s)
        self.state = DqState(self._whole(self.time_s + STRETCH_S), self.state.values)

    @property
    def rows(self) -> list[MeterRow]:
        """What meters have shown, stretch by stretch."""
        return self._rows

    def _count(self, went: DqTrajectory, seconds: float) -> None:
        """Energy out of each battery, and peaks of currents."""
        self.energy.count(went, seconds)
        self.energy.feed_auxiliaries(seconds, self.time_s)

    # Relays

    def _relays(self, row: MeterRow) -> None:
        for unit, cause in self.energy.spent(self.time_s):
            name = self.circuit.formers[unit].name
            if name not in self.positions.stopped:
                self.trip(name, cause)
            elif name not in self.dead_units:
                self.dead_units.add(name)
                section = self.section_of(name)
                self.log(Action.REFUSED, name, cause, self.reading(section), section)
        for unit in np.flatnonzero(self.online()):
            name = self.circuit.formers[unit].name
            over = row.current[:, unit] > self.limits.over_current_pu
            if self.lasting(f"{name} over", over, self.limits.over_current_s):
                most = float(row.current[:, unit].max())
                self.trip(name, f"over-current, {most:.2f} of its rated current")
        for section in sorted(self.armed):
            if not self.lost:
                self._section_relays(row, section)
        if not self.lost:
            self._shedding(row)
            self._stalled(row)

    def _stalled(self, row: MeterRow) -> None:
        """Blocks whose motors do not come up to speed are opened, before the motors burn."""
        rules = self.circuit.motor_rules
        for place, one in enumerate(self.circuit.motors):
            speed = row.motor_speed[:, place]
            live = self.is_on(one.block) & (speed < rules.stalled_pu)
            if self.lasting(f"{one.name} stalled", live, rules.stalled_s):
                cause = f"its motors do not come up: {float(speed[-1]):.2f} of nominal speed"
                self._open_block(one.block, cause)

    def _section_relays(self, row: MeterRow, section: int) -> None:
        """Units of a section trip on the voltage and the frequency of its bus."""
        limits, nominal = self.limits_of(section), self.circuit.site.nominal_hz
        voltage = row.section_voltage[:, section]
        names = [name for name in self.circuit.sections[section].units if self.positions.has(name)]
        low_pu = voltage < limits.under_voltage_pu
        if self.lasting(f"under {section}", low_pu, limits.under_voltage_s):
            for name in names:
                self.trip(name, f"under-voltage, {float(voltage.min()):.2f} pu")
        frequency = row.section_frequency[:, section]
        low_hz = frequency < nominal - limits.under_frequency_hz
        if self.lasting(f"slow {section}", low_hz, limits.under_frequency_s):
            for name in names:
                self.trip(name, f"under-frequency, {np.nanmin(frequency):.2f} Hz")

    def _shedding(self, row: MeterRow) -> None:
        """One block of each island whose frequency is low for long."""
        nominal = self.circuit.site.nominal_hz
        for section in sorted(self.armed):
            limits = self.limits_of(section)
            frequency = row.section_frequency[:, section]
            low_hz = frequency < nominal - limits.shed_deviation_hz
            # Joined sections have one frequency: the first of them that has relays looks for all.
            if low_hz.any() and section != self._first_armed(section):
                continue
            if self.lasting(f"shed {section}", low_hz, limits.shed_s):
                self._shed(float(np.nanmin(frequency)), self.joined_sections(section))

    def _first_armed(self, section: int) -> int:
        """The first section with relays among those that are one island with this one."""
        together = [one for one in self.joined_sections(section) if one in self.armed]
        return min(together, default=section)

    def lasting(self, relay: str, low: Bool[Array, " sample"], seconds: float) -> bool:
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

    def _shed(self, low_hz: float, sections: tuple[int, ...]) -> None:
        """Open the least worthy block that is on in these sections."""
        own = {name for one in sections for name in self.blocks_of(one)}
        on = [
            block
            for block in self.circuit.blocks
            if block.name in own and self.positions.has(block.name)
        ]
        if not on:
            return
        # One that feeds no other: a block goes after all that it feeds.
        feeding = {block.parent for block in on}
        last = [block for block in on if block.name not in feeding]
        block = max(last, key=lambda one: (TIERS.index(one.tier), -one.weight))
        self._open_block(block.name, f"frequency at {low_hz:.2f} Hz")

    def _open_block(self, name: str, cause: str) -> None:
        """Open a block for a reason that its own breaker or relay sees."""
        section = self.section_of(name)
        before = self.reading(section)
        self.move(self.positions.opening(name))
        self._cold.opened(name)
        self.log(Action.SHED, name, cause, before, section)

    def section_of(self, name: str) -> int:
        """Place of the section of a unit or block."""
        sections = self.circuit.sections
        return next(
            place
            for place, one in enumerate(sections)
            if name in (*one.units, *one.followers) or name in self.blocks_of(place)
        )

    def trip(self, name: str, cause: str) -> None:
        """A unit opens its breaker and stops.

        Raises:
            IslandLostError: It was the last one of its island.
        """
        section = self.section_of(name)
        before, together = self.reading(section), self.joined_sections(section)
        self.dead_units.add(name)
        self.move(self.positions.opening(name).stopping(name))
        self.log(Action.TRIP, name, cause, before, section)
        last = f"the last unit, {name}, has tripped: {cause}"
        if not self.alive():
            self._collapse(last, before)
        dead = tuple(one for one in together if not self.joined_units(one))
        if dead:
            self._darken(dead, last, before)

    def _darken(self, sections: tuple[int, ...], cause: str, before: IslandReading) -> None:
        """Sections are dark while others live: their breakers open on dead buses."""
        for place in sections:
            section = self.circuit.sections[place]
            self.armed.discard(place)
            blocks = self.blocks_of(place)
            stopped = self.positions.stopping(*section.units, *section.followers)
            self.move(stopped.opening(*blocks))
            for name in blocks:
                self._cold.opened(name)
            self.log(Action.COLLAPSE, section.name, cause, before, place)
        raise IslandLostError(cause, sections)

    def _run_away(self, ended: Ending) -> None:
        before = IslandReading(np.nan, np.nan, np.nan)
        words = "a state is no number" if ended is Ending.NOT_FINITE else "a current has run away"
        self.positions = self.positions.stopping(*self._sources())
        self._collapse(f"{words} at {self.time_s:.3f} s", before)

    def _collapse(self, cause: str, before: IslandReading) -> None:
        self.positions = self.positions.stopping(*self._sources())
        self._assembly = None
        self._die()
        self.log(Action.COLLAPSE, "island", cause, before)
        raise IslandLostError(cause, tuple(range(len(self.circuit.sections))))

    # Meters

    def meters(self, went: DqTrajectory, count: int | None = None) -> MeterRow:
        """What meters show during a run, at its first samples or at all."""
        part = slice(0, count)
        return shown(
            self.circuit,
            self.positions,
            went.assembly,
            went.time_s[part],
            went.states[part],
            went.voltages_v[part],
        )

    def _metered(self, went: DqTrajectory) -> MeterRow:
        """What meters show in a stretch, of voltages the effective value over half a cycle."""
        count = len(went.time_s) - 1 if went.ending is Ending.FINISHED else len(went.time_s)
        every = self.meters(went).section_voltage
        # At a switching instant the sample is of the time before it.
        seen = np.concatenate([self._seen_pu, every[1:]])
        self._seen_pu = seen[-SAMPLES - 1 :]
        window = self.circuit.half_cycle(SAMPLE_S)
        part = seen[SAMPLES + 1 - window : SAMPLES + count]
        values = np.column_stack([effective_pu(column, window) for column in part.T])
        row = self.meters(went, count)
        return row._replace(voltage=values[:, 0], section_voltage=values)

    def block_voltages_pu(self, went: DqTrajectory, section: int) -> list[Float[Array, " sample"]]:
        """Voltages during a run at other buses of a section where a block is on."""
        network, volts = self.circuit.network, self.circuit.site.nominal_v
        own, blocks = self.circuit.sections[section], self.blocks_of(section)
        on = {
            load.bus
            for load in network.loads
            if load.name in blocks and went.assembly.positions.has(load.name)
        }
        numbers = [network.bus_index[bus] for bus in sorted(on - {own.bus})]
        places = [np.flatnonzero(went.assembly.buses == number) for number in numbers]
        return [np.abs(went.voltages_v[:, place[0]]) / volts for place in places if len(place)]

    def samples(self) -> IslandSamples:
        """All that was sampled."""
        return IslandSamples(*(np.concatenate(column) for column in zip(*self._rows, strict=True)))
