"""The emergency bus: diesel sets run up by themselves, and take the blocks of transfer switches."""

import numpy as np

from evergrid.core.units import S_PER_H
from evergrid.resilience.black_start.assets.emergency import DieselSource
from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.results.outcome import Action
from evergrid.resilience.black_start.sequence.program import Steps
from evergrid.resilience.black_start.sequence.section_start import SectionStart
from evergrid.resilience.black_start.state.island import IslandLostError
from evergrid.resilience.network.references import UnitReference

RAMP_SHARE = 0.6  # of the time in which the voltage rises, in which its reference does
LOADED = 0.9  # of what blocks draw, what sets may be told to feed beside inverters


class EmergencyStart(SectionStart):
    """What is done at the emergency bus; what its section has are diesel sets and their blocks."""

    def start(self) -> Steps:
        """Call all sets; the first that is at speed raises the bus."""
        island = self.island
        sets = [one for one in self.units.values() if isinstance(one, DieselSource)]
        first = min(sets, key=lambda one: (one.arrival_h, -one.given.power_kw))
        for one in sorted(sets, key=lambda one: one.given.start_s):
            if not one.starts:
                yield from self._wait_until(one.given.start_s)
                words = "it was called and does not start"
                self._log(Action.NO_START, one.name, words, island.reading(self.place))
                island.dead_units.add(one.name)
            elif one is first:
                yield from self._raise(one)

    def _raise(self, first: DieselSource) -> Steps:
        """Raise the voltage of the dead bus, so that the set can be loaded in time."""
        island, emergency = self.island, self.island.circuit.emergency
        assert emergency is not None
        build_up_s = emergency.rules.build_up_s
        yield from self._wait_until(first.given.start_s - build_up_s)
        if self.over():
            return
        quiet, start_s = island.reading(self.place), island.time_s
        ramp_s = RAMP_SHARE * build_up_s
        ramp = UnitReference(ramp_from_v=0.0, ramp_start_s=start_s, ramp_s=ramp_s)
        island.refer(first.name, ramp)
        positions = island.positions.closing(first.name).starting(first.name)
        self.act_on(closing.check_stability(island, positions, first.name, self.place))
        island.move(positions)
        self._mark_connected(first.name)
        yield build_up_s  # the field follows the regulator with some delay
        island.refer(first.name, island.rest_reference(first.name))
        island.armed.add(self.place)
        volts = island.circuit.site.nominal_v
        words = f"runs up and raises the emergency bus to {volts:g} V"
        self._log(Action.SOFT_START, first.name, words, quiet)

    def _wait_until(self, time_s: float) -> Steps:
        """Wait, whatever becomes of the rest of the site in the meantime."""
        while self.island.time_s < time_s and not self.over():
            try:
                yield time_s - self.island.time_s
            except IslandLostError:
                continue

    def connect_all(self) -> Steps:
        """Transfer switches take what has no supply, the worthiest first, as the sets allow."""
        island, live_s = self.island, self.island.time_s
        if not island.joined_units(self.place):
            return
        switches = {one.block: one for one in island.circuit.switches}
        for block in self.by_worth():
            switch = switches[block.name]
            if (wait_s := live_s + switch.transfer_s - island.time_s) > 0:
                yield wait_s
            if self.over() or island.is_on(block.name):
                continue
            island.move(island.positions.closing(switch.emergency).opening(switch.normal))
            while not (yield from self.pick_up(block, last=not self.waiting())):
                waiting = self.waiting()
                if not waiting or self.over():
                    break
                yield from self.bring(waiting[0])
            if not island.is_on(block.name):
                island.move(island.positions.opening(switch.emergency))

    def shares(self, names: list[str], site_hz: float, drawn_kw: float) -> dict[str, float]:
        """Trims at which sets feed what they are told to beside the inverters of the site.

        Together they feed at most what the blocks that are on draw, less a tenth, so that they do
        not charge vehicles.

        Args:
            names: Of the sets.
            site_hz: Frequency of the site before they joined.
            drawn_kw: What the blocks of the emergency bus draw, which all carry together now.
        """
        island, emergency = self.island, self.island.circuit.emergency
        assert emergency is not None
        formers = {unit.name: place for place, unit in enumerate(island.circuit.formers)}
        told_kw = {
            name: emergency.rules.load_share * self.units[name].max_discharge_kw for name in names
        }
        most_kw = LOADED * closing.demand_kw(island, self.place)
        share = min(1.0, most_kw / max(sum(told_kw.values()), 1e-9))
        stiffness = island.circuit.stiffness_w_per_hz
        inverters = island.joined(0)
        inverters[[formers[name] for name in names]] = False
        less_kw = share * sum(told_kw.values()) - drawn_kw  # than before, of the inverters
        off_hz = site_hz - island.circuit.site.nominal_hz
        off_hz += 1e3 * less_kw / max(float(stiffness[inverters].sum()), 1e-9)
        return {
            name: 2.0 * np.pi * (off_hz + 1e3 * share * kw / float(stiffness[formers[name]]))
            for name, kw in told_kw.items()
        }

    def wait_ready(self) -> float:
        """When the first set can be loaded, seconds from the loss; infinite where none starts."""
        return S_PER_H * min(unit.arrival_h for unit in self.units.values())
