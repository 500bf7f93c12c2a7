"""The sequence of a black start: who does what next, and what is looked at before it is done."""

from dataclasses import replace

import numpy as np

from evergrid.core.units import S_PER_H
from evergrid.model.microgrid import TIERS, BatteryUnit, LoadBlock, Microgrid
from evergrid.resilience.black_start import closing
from evergrid.resilience.black_start.circuit import (
    GRID,
    InverterSettings,
    circuit,
)
from evergrid.resilience.black_start.island import (
    STRETCH_S,
    Island,
    IslandLostError,
)
from evergrid.resilience.black_start.outcome import (
    Action,
    BlackStart,
    ClosingCheck,
    StartStatus,
    SyncWait,
)
from evergrid.resilience.black_start.sequence_check import check_sequence
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from evergrid.resilience.network.references import UnitReference
from evergrid.resilience.network.synchro_check import BreakerDifference, across_breaker

OWN_RAMP_S = 0.2  # in which a unit that is not connected yet raises its own voltage
SETTLED_S = 0.3  # after which its filter is quiet
RELEASE_S = 1.0  # in which a unit takes over its share after closing
RELEASE_STEPS = 20
NEAR = 1e-6  # by which a slip may pass its limit: it is driven to it
MOST_REASONS = 5  # dark blocks whose reasons are told
PATIENCE = 2.0  # periods of the slip after which waiting is given up
DEGREES_A_STRETCH = 360.0 * STRETCH_S  # for a slip of 1 Hz


class _StopError(Exception):
    """The sequence ends early, while the island goes on."""

    def __init__(self, status: StartStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def black_start(
    site: Microgrid,
    sequence: StartSequence | None = None,
    *,
    inverter: InverterSettings | None = None,
    synchronise: SynchroCheck | None = None,
    limits: ProtectionLimits | None = None,
    grid: GridReturn | None = None,
) -> BlackStart:
    """Start a dead site from its batteries, and follow it to the end of the sequence.

    The same input gives the same output, to the last digit. Before each closing the eigenvalues
    of what would be connected are looked at, and before that of a block a look ahead of the same
    equations; a closing that fails is refused, unless the sequence says otherwise.

    Args:
        site: What is there; vehicles that come after the loss of the grid are used from then on.
        sequence: In what order, how fast and how boldly.
        inverter: What all inverters that form the grid have in common.
        synchronise: When a breaker may close between two live parts.
        limits: Of the relays.
        grid: That comes back; none by default.

    Raises:
        InputError: A site that cannot start: no unit forms the grid or starts without voltage,
            a master that cannot, names in the order that are not there or are there twice, a
            grid of another nominal frequency.
    """
    sequence = sequence or StartSequence()
    made = circuit(site, inverter or InverterSettings(), grid)
    check_sequence(site, sequence, grid)
    island = Island(made, limits or ProtectionLimits(), sequence.duration_s)
    run = _Procedure(island, sequence, synchronise or SynchroCheck(), grid)
    status, reason = run.follow()
    left = island.energy_left_kwh()
    return BlackStart(
        circuit=made,
        status=status,
        reason=reason,
        events=tuple(island.events),
        checks=tuple(island.checks),
        samples=island.samples(),
        waits=tuple(island.waits),
        energy_kwh=island.energy_kwh,
        auxiliary_kwh=island.auxiliary_kwh,
        energy_left_kwh=left,
        connected_s=island.connected_s,
        duration_s=sequence.duration_s,
        peak_current_pu=island.peak_pu,
    )


class _Procedure:
    """Who does what next."""

    def __init__(
        self,
        island: Island,
        sequence: StartSequence,
        synchronise: SynchroCheck,
        grid: GridReturn | None,
    ) -> None:
        self.island = island
        self.sequence = sequence
        self.synchronise = synchronise
        self.grid = grid
        self.site = island.circuit.site
        self.units = {unit.name: unit for unit in island.circuit.formers}
        self.blocks = {block.name: block for block in island.circuit.blocks}
        self.unmet = ""  # why the grid that is back is not met

    def follow(self) -> tuple[StartStatus, str]:
        """Do the whole sequence; how it ended, and why not better."""
        island, status, reason = self.island, StartStatus.RESTORED, ""
        try:
            for part in (self._start_and_connect, self._await_grid):
                try:
                    part()
                except _StopError as stop:
                    status, reason = stop.status, f"{reason}; {stop.reason}".removeprefix("; ")
            island.advance(self.sequence.duration_s)
        except IslandLostError as error:
            status, reason = StartStatus.COLLAPSED, str(error)
            island.advance(self.sequence.duration_s)
        island.log(Action.END, "site", "the time that is followed is over", island.reading())
        dark = [name for name in self.blocks if not island.is_on(name)]
        unstable = self._unstable_end()
        if unstable and status in (StartStatus.RESTORED, StartStatus.COLLAPSED):
            return StartStatus.UNSTABLE, f"{unstable}; {reason}".removesuffix("; ")
        if status is StartStatus.RESTORED and dark:
            status, reason = StartStatus.PARTLY, self._dark_words(dark)
        if self.unmet and status in (StartStatus.RESTORED, StartStatus.PARTLY):
            reason = f"{reason}; the grid is not met: {self.unmet}".removeprefix("; ")
        return status, reason

    def _start_and_connect(self) -> None:
        self._start()
        self._connect_all()

    def _dark_words(self, dark: list[str]) -> str:
        """Which blocks are dark at the end, and why."""
        shown = [f"{name} ({self._why_dark(name)})" for name in dark[:MOST_REASONS]]
        more = f" and {len(dark) - len(shown)} more" if len(dark) > len(shown) else ""
        return f"dark at the end: {', '.join(shown)}{more}"

    def _why_dark(self, name: str) -> str:
        done = [event for event in self.island.events if event.actor == name]
        if done and done[-1].action is Action.SHED:
            return f"shed, {done[-1].cause}"
        refused = [one.reason for one in self.island.checks if one.closing == name and one.reason]
        if refused:
            return refused[-1]
        parent = self.blocks[name].parent
        if parent and not self.island.is_on(parent):
            return f"fed through {parent}, which is dark"
        if self.sequence.order and name not in self.sequence.order:
            return "not in start.order"
        return f"start.duration_s of {self.sequence.duration_s:g} s ends before it is closed"

    def _unstable_end(self) -> str:
        """What came of a closing that the eigenvalues had called unstable; empty without one."""
        island = self.island
        done = {
            event.actor: event.time_s
            for event in island.events
            if event.action in (Action.SYNCHRONISED, Action.PICK_UP, Action.RECONNECTED)
        }
        closed = [
            check
            for check in island.checks
            if check.reason.startswith(closing.UNSTABLE) and check.closing in done
        ]
        if not closed:
            return ""
        first = closed[0]
        since_s = done[first.closing]
        said = f"{first.closing} was closed though {first.reason.removeprefix('unstable: ')}"
        trips = [
            event
            for event in island.events
            if event.action in (Action.TRIP, Action.COLLAPSE) and event.time_s > since_s
        ]
        if trips:
            return (
                f"{said}; {trips[0].actor} trips {trips[0].time_s - since_s:.2f} s later on "
                f"{trips[0].cause}"
            )
        swing_kw = island.swing_kw()
        return f"{said}; units still swing by {swing_kw:.3g} kW at the end"

    # The dead bus

    def _start(self) -> None:
        island, master = self.island, self._master()
        quiet = island.reading()
        island.log(Action.GRID_LOST, "grid", "all breakers open, the bus is dead", quiet)
        present = [i for i, unit in enumerate(self.units.values()) if unit.arrival_h <= 0]
        able = [i for i in present if island.circuit.formers[i].black_start]
        island.auxiliary_on[able] = True
        island.advance(self.sequence.auxiliary_s)
        count = len(able)
        island.log(
            Action.AUXILIARIES,
            f"{count} chargers",
            "control, contactors and network run from the vehicles' batteries",
            quiet,
        )
        volts = self.site.nominal_v
        start_s = island.time_s
        ramp = UnitReference(ramp_from_v=0.0, ramp_start_s=start_s, ramp_s=self.sequence.ramp_s)
        island.refer(master.name, ramp)
        positions = island.positions.closing(master.name).starting(master.name)
        check = closing.check_stability(island, positions, master.name)
        self._act_on(check)
        island.move(positions)
        self._mark_connected(master.name)
        island.advance(self.sequence.ramp_s)
        island.refer(master.name, UnitReference())
        island.armed = True
        at = "with the transformer" if self.site.transformer is not None else "alone"
        island.log(
            Action.SOFT_START,
            master.name,
            f"raises the dead bus {at} to {volts:g} V in {self.sequence.ramp_s:g} s",
            quiet,
        )
        island.auxiliary_on[present] = True
        island.advance(self.sequence.settle_s)

    def _master(self) -> BatteryUnit:
        if self.sequence.master:
            return self.units[self.sequence.master]
        able = [unit for unit in self.units.values() if unit.black_start and unit.arrival_h <= 0]
        named = [self.units[name] for name in self.sequence.order if name in self.units]
        first = [unit for unit in named[:1] if unit in able]
        return first[0] if first else max(able, key=lambda unit: unit.energy_usable_kwh)

    # Units and blocks

    def _connect_all(self) -> None:
        if self.sequence.order:
            for name in self.sequence.order:
                if name in self.units:
                    self._bring(name)
                else:
                    self._pick_up(self.blocks[name], last=True)
                self._look_at_grid()
            return
        for block in self._by_worth():
            while not self._pick_up(block, last=not self._waiting()):
                waiting = self._waiting()
                if not waiting or self._over():
                    break
                self._bring(waiting[0])
                self._look_at_grid()
            if self._over():
                return
            self._look_at_grid()
        for name in self._waiting():
            self._bring(name)
            self._look_at_grid()

    def _over(self) -> bool:
        return self.island.time_s >= self.sequence.duration_s - STRETCH_S

    def _by_worth(self) -> list[LoadBlock]:
        """Blocks by tier, then by weight; right before each come those through which it is fed."""
        order = sorted(self.blocks.values(), key=lambda one: (TIERS.index(one.tier), -one.weight))
        done: list[LoadBlock] = []
        for block in order:
            # Through whatever feeds it, as worthy as it may be.
            way = [block]
            while way[-1].parent:
                way.append(self.blocks[way[-1].parent])
            done += [one for one in reversed(way) if one not in done]
        return done

    def _waiting(self) -> list[str]:
        """Units that could come, those that are there first, then in order of arrival."""
        island, end_s = self.island, self.sequence.duration_s
        free = [
            unit
            for unit in self.units.values()
            if not island.is_on(unit.name)
            and unit.name not in island.dead_units
            and S_PER_H * unit.arrival_h < end_s
        ]
        return [unit.name for unit in sorted(free, key=lambda unit: max(unit.arrival_h, 0.0))]

    def _mark_connected(self, name: str) -> None:
        number = list(self.units).index(name)
        self.island.connected_s[number] = self.island.time_s
        self.island.auxiliary_on[number] = True

    def _pick_up(self, block: LoadBlock, *, last: bool) -> bool:
        """Close a block, if it may; whether it is on then.

        Raises:
            _StopError: The closing is refused for a reason that more units do not mend.
        """
        island = self.island
        if self._over() or island.is_on(block.name):
            return island.is_on(block.name)
        if block.parent and not island.is_on(block.parent):
            return False
        island.prepare(block.name)
        check = closing.check_pick_up(island, block.name, self.sequence, island.limits)
        if not check.allowed and not self._forced(check):
            if last or check.reason.startswith(closing.UNSTABLE):
                self._refuse(check)
            return False
        island.checks.append(check)
        before = island.reading()
        island.close_block(block.name)
        island.log(Action.PICK_UP, block.name, self._block_words(block), before)
        island.settle(self.sequence.settle_s)
        return True

    def _block_words(self, block: LoadBlock) -> str:
        words = f"{block.power_kw:g} kW, {block.tier.replace('_', ' ')}"
        if block.cold_load_factor > 1.0:
            words += f", cold: {block.cold_load_factor:g} times as much at first"
        return words

    def _forced(self, check: ClosingCheck) -> bool:
        unstable = check.reason.startswith(closing.UNSTABLE)
        return self.sequence.run_unstable if unstable else self.sequence.force

    def _refuse(self, check: ClosingCheck) -> None:
        """Note a closing that is not done; an unstable one ends the sequence."""
        island = self.island
        island.checks.append(check)
        island.log(Action.REFUSED, check.closing, check.reason, island.reading())
        if check.reason.startswith(closing.UNSTABLE):
            raise _StopError(StartStatus.REFUSED, f"{check.closing}: {check.reason}")

    def _act_on(self, check: ClosingCheck) -> None:
        if check.allowed or self._forced(check):
            self.island.checks.append(check)
            return
        self._refuse(check)

    # Synchronising a unit

    def _bring(self, name: str) -> None:
        """Start a unit beside the island, let it pass, close, and let it take its share."""
        island, unit = self.island, self.units[name]
        if island.is_on(name) or name in island.dead_units or self._over():
            return
        wait_s = S_PER_H * unit.arrival_h + self.sequence.auxiliary_s - island.time_s
        if wait_s > 0:
            island.advance(wait_s)
        if self._over() or name in island.dead_units:
            return
        before = island.reading()
        started = island.positions.starting(name)
        coming = self._pass_island(name)
        self.island.refer(name, coming)
        island.move(started)
        island.log(Action.UNIT_START, name, "starts beside the island and lets it pass", before)
        island.advance(OWN_RAMP_S + SETTLED_S)
        if name in island.dead_units:
            return
        self.island.refer(name, self._pass_island(name, ramp=False))
        check = closing.check_stability(island, island.positions.closing(name), name)
        self._act_on(check)
        from_s = island.time_s
        found = self._await(name)
        if found is None:
            island.dead_units.add(name)
            island.move(island.positions.stopping(name))
            return
        before = island.reading()
        # Told the speed of the island, it gives nothing at first.
        slow = 2.0 * np.pi * (before.frequency_hz - self.site.nominal_hz)
        voltage = island.references[name].voltage_v
        island.refer(name, UnitReference(voltage_v=voltage, trim_rad_per_s=slow))
        island.move(island.positions.closing(name))
        island.waits.append(_wait(name, island.time_s - from_s, found, self.site.nominal_v))
        self._mark_connected(name)
        action = Action.SYNCHRONISED if self.synchronise.check else Action.CLOSED_BLIND
        island.log(action, name, _difference_words(found), before)
        self._release(name)
        island.advance(self.sequence.settle_s)

    def _pass_island(self, name: str, *, ramp: bool = True) -> UnitReference:
        """What a unit is told so that its phase passes that of the island at its voltage."""
        island = self.island
        w_n = 2.0 * np.pi * self.site.nominal_hz
        slow = 2.0 * np.pi * island.frequency_hz() - w_n
        trim = slow + 2.0 * np.pi * self.synchronise.slip_hz
        voltage = island.reading().voltage_pu * self.site.nominal_v
        if not self.synchronise.check:
            voltage = self.site.nominal_v
        if not ramp:
            return UnitReference(voltage_v=voltage, trim_rad_per_s=trim)
        return UnitReference(
            voltage_v=voltage,
            ramp_from_v=0.0,
            ramp_start_s=island.time_s,
            ramp_s=OWN_RAMP_S,
            trim_rad_per_s=trim,
        )

    def _await(self, name: str) -> BreakerDifference | None:
        """Wait until both sides agree; none if that takes more than twice a period of the slip."""
        island, told = self.island, self.synchronise
        until_s = island.time_s + PATIENCE / told.slip_hz
        while not self._over() and island.time_s < until_s and name not in island.dead_units:
            found = across_breaker(island.assembly(), island.state, name)
            if not told.check:
                return found
            if found.phase_rad is not None and found.slip_hz is not None:
                degrees = abs(np.degrees(found.phase_rad))
                near = 0.6 * abs(found.slip_hz) * DEGREES_A_STRETCH
                share = found.voltage_difference_share
                if (
                    degrees <= min(told.greatest_angle_deg, max(near, 0.1))
                    and abs(found.slip_hz) <= told.greatest_slip_hz * (1.0 + NEAR)
                    and share is not None
                    and abs(share) <= told.greatest_voltage_pu
                ):
                    return found
            island.advance(STRETCH_S)
        if not self._over() and name not in island.dead_units:
            found = across_breaker(island.assembly(), island.state, name)
            words = f"phase, slip and voltage never agree: {_difference_words(found)}"
            island.log(Action.REFUSED, name, words, island.reading())
        return None

    def _release(self, name: str) -> None:
        """Let a unit that has just closed without power take over its share."""
        island, told = self.island, self.island.references[name]
        from_v = told.voltage_v if told.voltage_v is not None else self.site.nominal_v
        start_s = island.time_s
        for step in range(RELEASE_STEPS):
            if not island.is_on(name):
                return
            left = 1.0 - step / RELEASE_STEPS
            island.refer(
                name,
                UnitReference(
                    voltage_v=self.site.nominal_v,
                    ramp_from_v=from_v,
                    ramp_start_s=start_s,
                    ramp_s=RELEASE_S,
                    trim_rad_per_s=told.trim_rad_per_s * left,
                ),
            )
            island.advance(RELEASE_S / RELEASE_STEPS)
        island.refer(name, UnitReference())

    # The grid

    def _look_at_grid(self) -> None:
        """Meet the grid if it is back."""
        if self.grid is not None and self.island.time_s >= self.grid.at_s:
            self._reconnect()

    def _await_grid(self) -> None:
        if self.grid is None or self.island.on_grid():
            return
        self.island.advance(max(self.grid.at_s - self.island.time_s, 0.0))
        self._reconnect()

    def _reconnect(self) -> None:
        """Bring the island to pass the grid, close, and hand the load over."""
        island, grid = self.island, self.grid
        if grid is None or island.on_grid() or self._over() or self.unmet:
            return
        self.unmet = self._unfit(grid)
        if self.unmet:
            island.log(Action.REFUSED, GRID, self.unmet, island.reading())
            return
        before = island.reading()
        w_n = 2.0 * np.pi * self.site.nominal_hz
        grid_trim = 2.0 * np.pi * grid.frequency_hz - w_n
        volts = grid.voltage_pu * self.site.nominal_v
        steady = UnitReference(voltage_v=volts, trim_rad_per_s=grid_trim)
        ramp = replace(steady, ramp_from_v=0.0, ramp_start_s=island.time_s, ramp_s=OWN_RAMP_S)
        island.refer(GRID, ramp)
        island.move(island.positions.starting(GRID))
        words = f"{grid.frequency_hz:g} Hz and {grid.voltage_pu:g} pu beyond the open breaker"
        island.log(Action.GRID_BACK, GRID, words, before)
        island.advance(OWN_RAMP_S + SETTLED_S)
        island.refer(GRID, steady)
        slip = 2.0 * np.pi * self.synchronise.slip_hz
        target = grid_trim + slip
        online = [name for name in self.units if island.is_on(name)]
        shift = target - (2.0 * np.pi * island.frequency_hz() - w_n)
        raise_v = self.site.nominal_v * (grid.voltage_pu - island.reading().voltage_pu)
        self._shift(online, 0.0, shift, 0.0, raise_v)
        check = closing.check_stability(island, island.positions.closing(GRID), GRID)
        found = None
        from_s = island.time_s
        try:
            self._act_on(check)
            from_s = island.time_s
            found = self._await(GRID)
        finally:
            if found is None and not island.lost:
                self.unmet = check.reason or "phase, slip and voltage do not agree in time"
                island.move(island.positions.stopping(GRID))
                self._shift(online, shift, 0.0, raise_v, 0.0)
        if found is None:
            return
        before = island.reading()
        island.move(island.positions.closing(GRID))
        island.waits.append(_wait(GRID, island.time_s - from_s, found, self.site.nominal_v))
        island.log(Action.RECONNECTED, GRID, _difference_words(found), before)
        self._shift(online, shift - slip, grid_trim, raise_v, 0.0)
        island.advance(self.sequence.settle_s)

    def _unfit(self, grid: GridReturn) -> str:
        """Why nobody connects to such a grid; empty where it is fit."""
        limits, off_hz = self.island.limits, grid.frequency_hz - self.site.nominal_hz
        if abs(grid.voltage_pu - 1.0) > 1.0 - limits.pick_up_voltage_pu:
            return f"its voltage of {grid.voltage_pu:g} pu is too far from 1 for what is to be fed"
        if abs(off_hz) > limits.pick_up_deviation_hz:
            most_hz = limits.pick_up_deviation_hz
            return f"its frequency is {off_hz:+.3g} Hz off, more than {most_hz:g}"
        return ""

    def _shift(
        self, names: list[str], from_w: float, to_w: float, from_v: float, to_v: float
    ) -> None:
        """Move frequency and voltage of connected units together, in small steps."""
        island = self.island
        for step in range(1, RELEASE_STEPS + 1):
            share = step / RELEASE_STEPS
            for name in names:
                if island.is_on(name):
                    told = UnitReference(
                        voltage_v=self.site.nominal_v + from_v + share * (to_v - from_v),
                        trim_rad_per_s=from_w + share * (to_w - from_w),
                    )
                    island.refer(name, told)
            island.advance(RELEASE_S / RELEASE_STEPS)


def _wait(name: str, wait_s: float, found: BreakerDifference, nominal_v: float) -> SyncWait:
    angle = 0.0 if found.phase_rad is None else float(np.degrees(found.phase_rad))
    slip = 0.0 if found.slip_hz is None else found.slip_hz
    voltage = (found.from_voltage_v - found.to_voltage_v) / nominal_v
    return SyncWait(name, wait_s, angle, slip, voltage)


def _difference_words(found: BreakerDifference) -> str:
    angle = 0.0 if found.phase_rad is None else float(np.degrees(found.phase_rad))
    slip = 0.0 if found.slip_hz is None else found.slip_hz
    share = found.voltage_difference_share or 0.0
    return f"{angle:+.2f} degrees, {slip:+.3f} Hz, {100 * share:+.2f} % of voltage apart"
