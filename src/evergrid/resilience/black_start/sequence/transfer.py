"""Transfer switches by themselves: take the side that lives, and go back to the main bus."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from evergrid.resilience.black_start.assets.emergency import TransferSwitch
from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.results.outcome import Action, ClosingCheck
from evergrid.resilience.black_start.sequence.emergency import EmergencyStart
from evergrid.resilience.black_start.sequence.program import Steps, StopSequenceError
from evergrid.resilience.black_start.sequence.section_start import SectionStart
from evergrid.resilience.black_start.state.island import STRETCH_S
from evergrid.resilience.network.synchro_check import across_breaker

POLL_S = 0.1  # from look to look
GOOD_PU = 0.85  # voltage from which a side is good; usual settings are 0.8 to 0.9, unverified
AGAIN_S = 5.0  # after which a change that was refused is looked at again


@dataclass
class _Switch:
    """One switch and what it has seen."""

    given: TransferSwitch
    main_s: float = 0.0
    emergency_s: float = 0.0
    next_s: float = 0.0
    stays: bool = False


class TransferSwitches:
    """All transfer switches of the site.

    Args:
        site: The start of the site.
        emergency: That of the emergency bus.
        started: Places of sections whose own start is over.
    """

    def __init__(self, site: SectionStart, emergency: EmergencyStart, started: set[int]) -> None:
        self.site = site
        self.emergency = emergency
        self.started = started
        self.island = site.island
        self.blocks = emergency.blocks
        self.switches = [_Switch(one) for one in site.island.circuit.switches]

    def watch(self) -> Steps:
        """Look at both sides from time to time, until all is over."""
        island = self.island
        while island.time_s < island.duration_s - STRETCH_S:
            yield POLL_S
            for one in self.switches:
                self._count(one)
                if island.time_s >= one.next_s:
                    yield from self._act(one)

    def _count(self, one: _Switch) -> None:
        """For how long each side has been good."""
        one.main_s = one.main_s + POLL_S if self._good(self.site) else 0.0
        one.emergency_s = one.emergency_s + POLL_S if self._good(self.emergency) else 0.0

    def _good(self, side: SectionStart) -> bool:
        armed = side.place in self.island.armed
        return armed and self.island.reading(side.place).voltage_pu >= GOOD_PU

    def _act(self, one: _Switch) -> Steps:
        """Leave a dead side for one that is good, or go back to the main bus."""
        island, told = self.island, one.given
        on = island.is_on(told.block)
        on_main = on and island.is_on(told.normal)
        on_emergency = on and island.is_on(told.emergency)
        dead = not on or not (on_main or on_emergency)
        if dead and one.main_s >= told.transfer_s:
            yield from self._take(one, self.site, told.normal, told.emergency)
        elif dead and one.emergency_s >= told.transfer_s and self._settled():
            yield from self._take(one, self.emergency, told.emergency, told.normal)
        elif on_emergency and told.returns and one.main_s >= told.return_s and self._apart():
            yield from self._go_back(one)

    def _settled(self) -> bool:
        """Whether the emergency bus has done its own start, so that nobody else takes the block."""
        return self.emergency.place in self.started

    def _apart(self) -> bool:
        """Whether the emergency bus is an island of its own."""
        return self.emergency.place not in self.island.joined_sections()

    def _take(self, one: _Switch, side: SectionStart, to: str, other: str) -> Steps:
        """Close a block that has no supply onto one side."""
        island, block = self.island, self.blocks[one.given.block]
        one.next_s = island.time_s + AGAIN_S
        island.move(island.positions.opening(block.name, other).closing(to))
        done = False
        with suppress(StopSequenceError):  # an unstable one is noted, and looked at again
            done = yield from side.pick_up(block, last=False)
        if not done:
            island.move(island.positions.opening(to))

    def _go_back(self, one: _Switch) -> Steps:
        """Take the main bus again, if it carries the block."""
        island, told = self.island, one.given
        check = self._check(told)
        if not check.allowed and not self.site.forced(check):
            self._refuse(one, check)
        elif told.transition == "closed":
            yield from self._closed(told)
        else:
            island.checks.append(check)
            yield from self._open(told)
        one.next_s = island.time_s + AGAIN_S

    def _check(self, told: TransferSwitch) -> ClosingCheck:
        """Whether the main bus carries the block now."""
        after = self.island.positions.opening(told.emergency).closing(told.normal)
        return closing.check_transfer(self.island, told.block, after, self.site.sequence, 0)

    def _refuse(self, one: _Switch, check: ClosingCheck) -> None:
        """Say once why a block stays on the emergency bus."""
        if one.stays:
            return
        one.stays = True
        self.island.checks.append(check)
        words = f"stays on the emergency bus: {check.reason}"
        place = self.emergency.place
        self.island.log(Action.REFUSED, check.closing, words, self.island.reading(place), place)

    def _open(self, told: TransferSwitch) -> Steps:
        """Leave the emergency side, and take the main side after the dead time."""
        island, before = self.island, self.island.reading()
        island.move(island.positions.opening(told.emergency))
        yield told.dead_s
        check = self._check(told) if island.joined_units() else None
        if check is None or not (check.allowed or self.site.forced(check)):
            # The main bus has died in the meantime, or takes on another load.
            island.move(island.positions.closing(told.emergency))
            return
        island.move(island.positions.closing(told.normal))
        words = f"back to the main bus, dark for {told.dead_s:g} s"
        island.log(Action.TRANSFERRED, told.block, words, before)
        yield from self.site.settle(self.site.sequence.settle_s)

    def _closed(self, told: TransferSwitch) -> Steps:
        """Let the sets pass the main bus, close both sides, leave the emergency side."""
        island, together = self.island, self.site.synchronising
        place = self.emergency.place
        names = sorted(island.joined_units(place))
        slip_hz = min(together.told.slip_hz, together.told.greatest_slip_hz)
        off = island.frequency_hz() - island.frequency_hz(place) + slip_hz
        shift = 2.0 * np.pi * off
        apart = across_breaker(island.assembly(), island.state, told.normal)
        raise_v = apart.from_voltage_v - apart.to_voltage_v
        yield from together.shift(names, 0.0, shift, 0.0, raise_v)
        from_s = island.time_s
        found = yield from together.agreement(
            told.normal, place, lambda one: together.keep_slip(names, slip_hz, one)
        )
        # While it waited the main bus may have taken on another load.
        check = None if found is None else self._check(told)
        if found is not None and check is not None and (check.allowed or self.site.forced(check)):
            island.checks.append(check)
            before = island.reading()
            island.move(island.positions.closing(told.normal))
            together.note_wait(told.normal, island.time_s - from_s, found)
            yield told.overlap_s
            island.move(island.positions.opening(told.emergency))
            words = f"back to the main bus, both sides closed for {told.overlap_s:g} s"
            island.log(Action.TRANSFERRED, told.block, words, before)
        there = sorted(island.joined_units(place) & set(names))
        last = max((island.references[name].trim_rad_per_s for name in there), default=0.0)
        yield from together.shift(there, last, 0.0, raise_v, 0.0)
