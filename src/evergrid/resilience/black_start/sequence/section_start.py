"""The start of one section: its dead bus, its units, its blocks."""

from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np

from evergrid.model.microgrid import TIERS, LoadBlock
from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.circuit import FormingSource
from evergrid.resilience.black_start.results.outcome import (
    Action,
    ClosingCheck,
    IslandReading,
    StartStatus,
)
from evergrid.resilience.black_start.sequence.program import Steps, StopSequenceError
from evergrid.resilience.black_start.sequence.synchronising import (
    OWN_RAMP_S,
    SETTLED_S,
    Synchronising,
    difference_words,
)
from evergrid.resilience.black_start.settings import StartSequence
from evergrid.resilience.black_start.state.island import Island
from evergrid.resilience.network.references import UnitReference


def no_grid() -> Steps:
    """Nobody to meet between two steps."""
    yield from ()


class SectionStart:
    """What is done in one section, the site or a neighbour; each method is a part of a program.

    Args:
        island: With everything in it.
        place: Of the section among those of the circuit.
        sequence: How it is done; order and master are those of the site.
        synchronising: How units are brought to the island.
        between: What is done between two steps.
    """

    def __init__(
        self,
        island: Island,
        place: int,
        sequence: StartSequence,
        synchronising: Synchronising,
        between: Callable[[], Steps] = no_grid,
    ) -> None:
        self.island = island
        self.place = place
        self.section = island.circuit.sections[place]
        self.sequence = sequence
        self.synchronising = synchronising
        self.between = between
        circuit = island.circuit
        self.units = {one.name: one for one in circuit.formers if one.name in self.section.units}
        self.blocks = {one.name: one for one in circuit.blocks if one.name in self.section.blocks}

    def settle(self, seconds: float) -> Steps:
        """Leave the island some time; the last event then has the readings after it."""
        last = len(self.island.events) - 1
        yield seconds
        events = self.island.events
        events[last] = replace(events[last], after=self.island.reading(self.place))

    # The dead bus

    def start(self) -> Steps:
        """Feed the chargers' control, then raise the dead bus with one unit."""
        island, master = self.island, self._master()
        quiet = island.reading(self.place)
        there = [unit for unit in self.units.values() if unit.arrival_h <= 0]
        able = [unit for unit in there if unit.black_start]
        self._feed(able)
        yield self.sequence.auxiliary_s
        self._log(
            Action.AUXILIARIES,
            f"{len(able)} chargers" if self.place == 0 else f"{len(able)} of {self.section.name}",
            "control, contactors and network run from the vehicles' batteries",
            quiet,
        )
        volts = island.circuit.site.nominal_v
        start_s = island.time_s
        ramp = UnitReference(ramp_from_v=0.0, ramp_start_s=start_s, ramp_s=self.sequence.ramp_s)
        island.refer(master.name, ramp)
        positions = island.positions.closing(master.name).starting(master.name)
        check = closing.check_stability(island, positions, master.name, self.place)
        self.act_on(check)
        island.move(positions)
        self._mark_connected(master.name)
        yield self.sequence.ramp_s
        island.refer(master.name, island.rest_reference(master.name))
        island.armed.add(self.place)
        self._log(
            Action.SOFT_START,
            master.name,
            f"raises the dead bus {self._attached()} to {volts:g} V in {self.sequence.ramp_s:g} s",
            quiet,
        )
        self._feed(there)
        yield self.sequence.settle_s

    def _attached(self) -> str:
        if self.place > 0:
            return f"of {self.section.name}"
        site, upstream = self.island.circuit.site, self.island.circuit.feeder.upstream
        if upstream is not None and upstream.energise == "soft":
            own = "both transformers" if site.transformer is not None else "the one upstream"
            return f"with {own}"
        return "with the transformer" if site.transformer is not None else "alone"

    def _feed(self, units: list[FormingSource]) -> None:
        """Chargers' own use is on from now."""
        names = {unit.name for unit in units}
        for place, unit in enumerate(self.island.circuit.formers):
            if unit.name in names:
                self.island.energy.auxiliary_on[place] = True

    def _master(self) -> FormingSource:
        told = self.sequence.master if self.place == 0 else self.section.master
        if told:
            return self.units[told]
        able = [unit for unit in self.units.values() if unit.black_start and unit.arrival_h <= 0]
        named = [self.units[name] for name in self.sequence.order if name in self.units]
        first = [unit for unit in named[:1] if unit in able]
        return first[0] if first else max(able, key=lambda unit: unit.energy_usable_kwh)

    # Units and blocks

    def connect_all(self) -> Steps:
        """Blocks by worth as the units that are there can carry them, or the order as told."""
        if self.place == 0 and self.sequence.order:
            for name in self.sequence.order:
                if name in self.units:
                    yield from self.bring(name)
                else:
                    yield from self.pick_up(self.blocks[name], last=True)
                yield from self.between()
            return
        yield from self.pick_up_all()
        for name in self.waiting():
            yield from self.bring(name)
            yield from self.between()

    def pick_up_all(self) -> Steps:
        """Blocks by worth, with further units where those that are there do not carry them."""
        for block in self.by_worth():
            while not (yield from self.pick_up(block, last=not self.waiting())):
                waiting = self.waiting()
                if not waiting or self.over():
                    break
                yield from self.bring(waiting[0])
                yield from self.between()
            if self.over():
                return
            yield from self.between()

    def over(self) -> bool:
        """Whether the time that is followed is over."""
        return self.synchronising.over()

    def by_worth(self) -> list[LoadBlock]:
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

    def waiting(self) -> list[str]:
        """Units that could come, those that are there first, then in order of arrival."""
        island, end_s = self.island, self.sequence.duration_s
        free = [
            unit
            for unit in self.units.values()
            if not island.is_on(unit.name)
            and unit.name not in island.dead_units
            and 3600.0 * unit.arrival_h < end_s
        ]
        return [unit.name for unit in sorted(free, key=lambda unit: max(unit.arrival_h, 0.0))]

    def _mark_connected(self, name: str) -> None:
        number = [unit.name for unit in self.island.circuit.formers].index(name)
        self.island.connected_s[number] = self.island.time_s
        self.island.energy.auxiliary_on[number] = True

    def pick_up(self, block: LoadBlock, *, last: bool) -> Generator[float, None, bool]:
        """Close a block, if it may; whether it is on then.

        Raises:
            StopSequenceError: The closing is refused for a reason that more units do not mend.
        """
        island = self.island
        if self.over() or island.is_on(block.name):
            return island.is_on(block.name)
        if block.parent and not island.is_on(block.parent):
            return False
        island.prepare(block.name)
        limits = island.limits_of(self.place)
        check = closing.check_pick_up(island, block.name, self.sequence, limits, self.place)
        if not check.allowed and not self.forced(check):
            if last or check.reason.startswith(closing.UNSTABLE):
                self.refuse(check)
            return False
        island.checks.append(check)
        before = island.reading(self.place)
        island.close_block(block.name)
        self._log(Action.PICK_UP, block.name, self._block_words(block), before)
        yield from self.settle(self.sequence.settle_s)
        return True

    def _block_words(self, block: LoadBlock) -> str:
        words = f"{block.power_kw:g} kW, {block.tier.replace('_', ' ')}"
        if block.cold_load_factor > 1.0:
            words += f", cold: {block.cold_load_factor:g} times as much at first"
        return words if self.place == 0 else f"{self.section.name}, {words}"

    def forced(self, check: ClosingCheck) -> bool:
        """Whether a closing that is refused is done nevertheless."""
        unstable = check.reason.startswith(closing.UNSTABLE)
        return self.sequence.run_unstable if unstable else self.sequence.force

    def refuse(self, check: ClosingCheck) -> None:
        """Note a closing that is not done; an unstable one ends the sequence.

        Raises:
            StopSequenceError: It is unstable.
        """
        island = self.island
        island.checks.append(check)
        self._log(Action.REFUSED, check.closing, check.reason, island.reading(self.place))
        if check.reason.startswith(closing.UNSTABLE):
            raise StopSequenceError(StartStatus.REFUSED, f"{check.closing}: {check.reason}")

    def act_on(self, check: ClosingCheck) -> None:
        """Keep a check, and end the sequence where it refuses.

        Raises:
            StopSequenceError: It is unstable, and not done nevertheless.
        """
        if check.allowed or self.forced(check):
            self.island.checks.append(check)
            return
        self.refuse(check)

    # Synchronising a unit

    def bring(self, name: str) -> Steps:
        """Start a unit beside the island, let it pass, close, and let it take its share."""
        island, unit, place = self.island, self.units[name], self.place
        if island.is_on(name) or name in island.dead_units or self.over():
            return
        wait_s = 3600.0 * unit.arrival_h + self.sequence.auxiliary_s - island.time_s
        if wait_s > 0:
            yield wait_s
        if self.over() or name in island.dead_units:
            return
        before = island.reading(place)
        started = island.positions.starting(name)
        coming = self.synchronising.passing(place)
        island.refer(name, coming)
        island.move(started)
        self._log(Action.UNIT_START, name, "starts beside the island and lets it pass", before)
        yield OWN_RAMP_S + SETTLED_S
        if name in island.dead_units:
            return
        island.refer(name, self.synchronising.passing(place, ramp=False))
        check = closing.check_stability(island, island.positions.closing(name), name, place)
        self.act_on(check)
        from_s = island.time_s
        found = yield from self.synchronising.agreement(name, place)
        if found is None:
            island.dead_units.add(name)
            island.move(island.positions.stopping(name))
            return
        before = island.reading(place)
        # Told the speed of the island, it gives nothing at first.
        slow = 2.0 * np.pi * (before.frequency_hz - island.circuit.site.nominal_hz)
        voltage = island.references[name].voltage_v
        island.refer(name, UnitReference(voltage_v=voltage, trim_rad_per_s=slow))
        island.move(island.positions.closing(name))
        self.synchronising.note_wait(name, island.time_s - from_s, found)
        self._mark_connected(name)
        action = Action.SYNCHRONISED if self.synchronising.told.check else Action.CLOSED_BLIND
        self._log(action, name, difference_words(found), before)
        yield from self.synchronising.release(name)
        yield self.sequence.settle_s

    def _log(self, action: Action, actor: str, cause: str, before: IslandReading) -> None:
        self.island.log(action, actor, cause, before, self.place)
