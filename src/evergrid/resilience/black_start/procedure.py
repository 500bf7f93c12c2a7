"""The sequence of a black start: who does what next, and what is looked at before it is done."""

import numpy as np

from evergrid.model.microgrid import Microgrid
from evergrid.resilience.black_start.assets.emergency import EmergencySupply
from evergrid.resilience.black_start.assets.following import FollowingRules
from evergrid.resilience.black_start.assets.motors import MotorRules
from evergrid.resilience.black_start.assets.panels import PanelSource
from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.checks.sequence import check_sequence
from evergrid.resilience.black_start.circuit import InverterSettings, circuit
from evergrid.resilience.black_start.neighbour.feeder import NO_FEEDER, UpstreamFeeder
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, StartStatus
from evergrid.resilience.black_start.sequence.bottom_up import BottomUp
from evergrid.resilience.black_start.sequence.emergency import EmergencyStart
from evergrid.resilience.black_start.sequence.following import FollowingChargers
from evergrid.resilience.black_start.sequence.grid_meeting import GridMeeting
from evergrid.resilience.black_start.sequence.program import Steps, StopSequenceError, run
from evergrid.resilience.black_start.sequence.section_start import SectionStart
from evergrid.resilience.black_start.sequence.synchronising import Synchronising
from evergrid.resilience.black_start.sequence.transfer import TransferSwitches
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from evergrid.resilience.black_start.state.island import Island, IslandLostError

MOST_REASONS = 5  # dark blocks whose reasons are told
CLOSINGS = (
    Action.SYNCHRONISED,
    Action.PICK_UP,
    Action.ENERGISED,
    Action.JOINED,
    Action.ENTERED,
    Action.RECONNECTED,
    Action.TRANSFERRED,
)


def black_start(
    site: Microgrid,
    sequence: StartSequence | None = None,
    *,
    inverter: InverterSettings | None = None,
    synchronise: SynchroCheck | None = None,
    limits: ProtectionLimits | None = None,
    grid: GridReturn | None = None,
    feeder: UpstreamFeeder = NO_FEEDER,
    following: FollowingRules | None = None,
    motors: MotorRules | None = None,
    emergency: EmergencySupply | None = None,
    panels: PanelSource | None = None,
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
        feeder: What lies beyond the main bus, and is brought to life after the site: a transformer,
            neighbouring sections. Sections with units of their own start at the same time.
        following: Rules of chargers that follow; none to leave them out.
        motors: What motors of blocks have in common; none for blocks that are impedances.
        emergency: Diesel sets and transfer switches; none to leave them out.
        panels: Of the site, which follow by the same rules as chargers; none to leave them out.

    Raises:
        InputError: A site that cannot start: no unit forms the grid or starts without voltage,
            a master that cannot, names in the order that are not there or are there twice, a
            grid of another nominal frequency.
    """
    sequence = sequence or StartSequence()
    inverter = inverter or InverterSettings()
    made = circuit(
        site, inverter, grid, feeder, following, motors=motors, emergency=emergency, panels=panels
    )
    check_sequence(site, sequence, grid, emergency)
    island = Island(made, limits or ProtectionLimits(), sequence.duration_s)
    procedure = _Procedure(island, sequence, synchronise or SynchroCheck(), grid, inverter)
    chargers = FollowingChargers(island, sequence, following or FollowingRules())
    others = [chargers.follow()] if made.followers else []
    run(island, [*procedure.programs(), *others, *procedure.switching()])
    together = island.joined_sections()
    return BlackStart(
        circuit=made,
        status=procedure.status,
        reason=procedure.reason,
        events=tuple(island.events),
        checks=tuple(island.checks),
        samples=island.samples(),
        waits=tuple(island.waits),
        energy_kwh=island.energy.used_kwh,
        auxiliary_kwh=island.energy.auxiliary_kwh,
        energy_left_kwh=island.energy.left_kwh(),
        connected_s=island.connected_s,
        duration_s=sequence.duration_s,
        peak_current_pu=island.energy.peak_pu,
        joined=tuple(place in together for place in range(len(made.sections))),
        followers=chargers.outcomes(),
        inrush=procedure.beyond.inrush,
        trim_hz=np.array([island.base_trim.get(one.name, 0.0) for one in made.formers])
        / (2.0 * np.pi),
        on_emergency=tuple(one.block for one in made.switches if island.is_on(one.emergency)),
    )


class _Procedure:
    """Programs of the site and its neighbours, and what became of the site."""

    def __init__(
        self,
        island: Island,
        sequence: StartSequence,
        synchronise: SynchroCheck,
        grid: GridReturn | None,
        inverter: InverterSettings,
    ) -> None:
        self.island = island
        self.sequence = sequence
        self.status = StartStatus.RESTORED
        self.reason = ""
        together = Synchronising(island, synchronise)
        self.site = SectionStart(island, 0, sequence, together, self._between)
        places = {place: one.of_site for place, one in enumerate(island.circuit.sections)}
        self.emergency = [
            EmergencyStart(island, place, sequence, together)
            for place, of_site in places.items()
            if of_site
        ]
        self.neighbours = [
            SectionStart(island, place, sequence, together)
            for place, of_site in places.items()
            if place > 0 and not of_site
        ]
        supply = island.circuit.emergency
        joins = supply is not None and supply.rules.parallel
        self.beyond = BottomUp(
            self.site,
            self.neighbours,
            inverter.current_limit_pu,
            self.emergency[0] if joins else None,
        )
        self.meeting = GridMeeting(self.site, self.beyond, grid)

    def programs(self) -> list[Steps]:
        """Of each section."""
        others = (*self.emergency, *self.neighbours)
        return [self._site(), *(self._neighbour(one) for one in others)]

    def switching(self) -> list[Steps]:
        """Of transfer switches."""
        started = self.beyond.started
        return [TransferSwitches(self.site, one, started).watch() for one in self.emergency]

    def _between(self) -> Steps:
        yield from self.meeting.look()

    def _site(self) -> Steps:
        """The whole sequence of the site; how it ended, and why not better."""
        island, quiet = self.island, self.island.reading()
        words = "all breakers open, the bus is dead"
        island.log(Action.GRID_LOST, "grid", words, quiet)
        try:
            try:
                yield from self.site.start()
                yield from self.site.connect_all()
                yield from self.beyond.follow()
            except StopSequenceError as stop:
                self.status, self.reason = stop.status, stop.reason
            try:
                yield from self.meeting.wait()
            except StopSequenceError as stop:
                self.status, self.reason = stop.status, self.reason or stop.reason
            yield self.sequence.duration_s
        except IslandLostError as error:
            self.status, self.reason = StartStatus.COLLAPSED, str(error)
            yield self.sequence.duration_s
        island.log(Action.END, "site", "the time that is followed is over", island.reading())
        self._conclude()

    def _neighbour(self, neighbour: SectionStart) -> Steps:
        """The start of another island on its own; nothing for a section without units."""
        try:
            if neighbour.units:
                yield from neighbour.start()
                yield from neighbour.connect_all()
        except (StopSequenceError, IslandLostError):
            pass  # the log tells; what is left of it is energised, or taken as it is
        self.beyond.started.add(neighbour.place)

    def _conclude(self) -> None:
        """What dark blocks and unstable closings make of how it ended."""
        island = self.island
        dark = [block.name for block in island.circuit.blocks if not island.is_on(block.name)]
        unstable = self._unstable_end()
        if unstable and self.status in (StartStatus.RESTORED, StartStatus.COLLAPSED):
            self.reason = f"{unstable}; {self.reason}".removesuffix("; ")
            self.status = StartStatus.UNSTABLE
        elif self.status is StartStatus.RESTORED and dark:
            self.status = StartStatus.PARTLY
            self.reason = self._dark_words(dark)
        if self.meeting.unmet and self.status in (StartStatus.RESTORED, StartStatus.PARTLY):
            words = f"the grid is not met: {self.meeting.unmet}"
            self.reason = f"{self.reason}; {words}".removeprefix("; ")

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
        blocks = {block.name: block for block in self.island.circuit.blocks}
        parent = blocks[name].parent
        if parent and not self.island.is_on(parent):
            return f"fed through {parent}, which is dark"
        if name in {one.block for one in self.island.circuit.switches}:
            return "neither side of its transfer switch could carry it"
        if name not in self.site.blocks:
            return "its section is dark, or the time ends before it is closed"
        if self.sequence.order and name not in self.sequence.order:
            return "not in start.order"
        return f"start.duration_s of {self.sequence.duration_s:g} s ends before it is closed"

    def _unstable_end(self) -> str:
        """What came of a closing that the eigenvalues had called unstable; empty without one."""
        island = self.island
        done = {event.actor: event.time_s for event in island.events if event.action in CLOSINGS}
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
