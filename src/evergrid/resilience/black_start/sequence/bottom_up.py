"""From the site outwards: the emergency bus, the transformer upstream, neighbouring sections."""

from collections.abc import Generator, Sequence

import numpy as np

from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.circuit import GRID
from evergrid.resilience.black_start.neighbour.feeder import UPSTREAM_TRANSFORMER
from evergrid.resilience.black_start.neighbour.inrush import HardClosing, hard_closing
from evergrid.resilience.black_start.results.outcome import Action, ClosingCheck
from evergrid.resilience.black_start.sequence.emergency import EmergencyStart
from evergrid.resilience.black_start.sequence.program import Steps
from evergrid.resilience.black_start.sequence.section_start import SectionStart
from evergrid.resilience.black_start.sequence.synchronising import difference_words
from evergrid.resilience.black_start.state.island import STRETCH_S
from evergrid.resilience.network.synchro_check import BreakerDifference, across_breaker

NEARLY = 0.98  # of the greatest slip, so that two islands which move stay within it


class BottomUp:
    """What the site does beyond its main bus once its own blocks are served.

    Args:
        site: The start of the site.
        neighbours: Of each neighbouring section, in the order in which they are taken.
        current_limit_pu: Of the control of all inverters.
        emergency: Of the emergency bus, which the site takes first; None without one that joins.
    """

    def __init__(
        self,
        site: SectionStart,
        neighbours: Sequence[SectionStart],
        current_limit_pu: float,
        emergency: EmergencyStart | None = None,
    ) -> None:
        self.site = site
        self.neighbours = tuple(neighbours)
        self.emergency = emergency
        self.current_limit_pu = current_limit_pu
        self.inrush: HardClosing | None = None
        self.started: set[int] = set()  # sections whose own start is over
        self._upstream_refused = False

    def follow(self) -> Steps:
        """Take the emergency bus, then energise or take each neighbouring section."""
        if self.emergency is not None and not self.site.over():
            while self.emergency.place not in self.started and not self.site.over():
                yield STRETCH_S
            if not self.site.over() and self.site.island.joined_units(self.emergency.place):
                yield from self._take(self.emergency)
        if self.site.over() or not (yield from self.energise_upstream()):
            return
        for neighbour in self.neighbours:
            if self.site.over():
                return
            if neighbour.section.units:
                while neighbour.place not in self.started and not self.site.over():
                    yield STRETCH_S
            if self.site.over():
                return
            if self.site.island.joined_units(neighbour.place):
                yield from self._take(neighbour)
            else:
                yield from self._energise(neighbour)

    # The transformer upstream

    def energise_upstream(self) -> Generator[float, None, bool]:
        """Close the transformer upstream from its low side; whether it is on then."""
        island, upstream = self.site.island, self.site.island.circuit.feeder.upstream
        if upstream is None or island.is_on(UPSTREAM_TRANSFORMER):
            return True
        if self._upstream_refused:
            return False
        self.inrush = self._inrush()
        check = self._upstream_check(self.inrush)
        if not check.allowed and not self.site.forced(check):
            self._upstream_refused = True
            self._note_refusal(check)
            return False
        island.checks.append(check)
        before = island.reading()
        island.move(island.positions.closing(UPSTREAM_TRANSFORMER))
        words = f"closed hard from its low side, {self.inrush.words}"
        island.log(Action.ENERGISED, UPSTREAM_TRANSFORMER, words, before)
        self._trip_by_inrush(self.inrush)
        yield from self.site.settle(self.site.sequence.settle_s)
        return True

    def _inrush(self) -> HardClosing:
        """The hard closing onto all units of the site's island, in waveforms."""
        island, circuit = self.site.island, self.site.island.circuit
        assert circuit.feeder.upstream is not None
        rating_kva = float(island.rating_w[island.joined()].sum()) / 1e3
        if island.on_grid():
            rating_kva += circuit.source_w / 1e3
        return hard_closing(
            circuit.feeder.upstream.transformer,
            rating_kva=rating_kva,
            load_kva=sum(
                block.power_kw * island.block_factor(block.name) / block.power_factor
                for block in circuit.blocks
                if island.is_on(block.name) and block.name in self.site.blocks
            ),
            line_voltage_v=circuit.site.nominal_v,
            nominal_hz=circuit.site.nominal_hz,
            current_limit_pu=self.current_limit_pu,
        )

    def _upstream_check(self, inrush: HardClosing) -> ClosingCheck:
        """Eigenvalues and look ahead in dq, and the voltage in waveforms, which dq does not see."""
        island, sequence = self.site.island, self.site.sequence
        check = closing.check_energising(island, UPSTREAM_TRANSFORMER, sequence, island.limits)
        least = island.limits.pick_up_voltage_pu
        if check.reason.startswith(closing.UNSTABLE) or inrush.voltage_pu >= least:
            return check
        words = (
            f"closed hard it would draw an {inrush.words}, below {least:g}; attach it while the "
            f'dead bus is raised, energise = "soft"'
        )
        reason = f"{check.reason}; {words}" if check.reason else words
        return closing.refused(check, reason, lowest_voltage_pu=inrush.voltage_pu)

    def _trip_by_inrush(self, inrush: HardClosing) -> None:
        """What relays do about a voltage that only the waveform shows.

        Raises:
            IslandLostError: They trip every unit.
        """
        island, limits = self.site.island, self.site.island.limits
        low_s = inrush.below_s(limits.under_voltage_pu)
        if island.on_grid() or low_s < limits.under_voltage_s:
            return
        cause = f"under-voltage in the inrush, {inrush.voltage_pu:.2f} pu, for {low_s:.2f} s"
        for name in sorted(island.joined_units()):
            island.trip(name, cause)

    def _note_refusal(self, check: ClosingCheck) -> None:
        """Leave something beyond the main bus open; the site itself goes on."""
        island = self.site.island
        island.checks.append(check)
        island.log(Action.REFUSED, check.closing, check.reason, island.reading())

    # A section without an island of its own

    def _energise(self, neighbour: SectionStart) -> Steps:
        """Close the line onto a dead section, and pick up its blocks."""
        island, line = self.site.island, neighbour.section.line
        sequence = self.site.sequence
        check = closing.check_energising(island, line, sequence, island.limits)
        if not check.allowed and not self.site.forced(check):
            self._note_refusal(check)
            return
        island.checks.append(check)
        before = island.reading(neighbour.place)
        island.move(island.positions.closing(line))
        words = f"{neighbour.section.name} is live from the site, its blocks still open"
        island.log(Action.ENERGISED, line, words, before, neighbour.place)
        yield from neighbour.settle(sequence.settle_s)
        for block in neighbour.by_worth():
            yield from neighbour.pick_up(block, last=True)

    # A second island

    def _take(self, neighbour: SectionStart) -> Steps:
        """Let a second island pass the site, close the line, and let all share by droop."""
        island, together = self.site.island, self.site.synchronising
        line, place = neighbour.section.line, neighbour.place
        check = closing.check_join(island, line, place, self.site.sequence)
        if not check.allowed and not self.site.forced(check):
            self._note_refusal(check)
            return
        island.checks.append(check)
        before = island.reading(place)
        names = sorted(island.joined_units(place))
        w_n = together.nominal_rad_per_s
        slip_hz = min(together.told.slip_hz, NEARLY * together.told.greatest_slip_hz)
        target = 2.0 * np.pi * (island.frequency_hz() + slip_hz) - w_n
        shift = target - (2.0 * np.pi * before.frequency_hz - w_n)
        apart = across_breaker(island.assembly(), island.state, line)
        raise_v = apart.from_voltage_v - apart.to_voltage_v
        yield from together.shift(names, 0.0, shift, 0.0, raise_v)
        from_s = island.time_s

        def follow(apart: BreakerDifference) -> None:
            together.keep_slip(names, slip_hz, apart)

        found = yield from together.agreement(line, place, follow)
        shift = island.references[names[0]].trim_rad_per_s
        if found is None:
            yield from together.shift(names, shift, 0.0, raise_v, 0.0)
            return
        before = island.reading(place)
        site_hz, drawn_kw = island.frequency_hz(), closing.demand_kw(island, place)
        island.move(island.positions.closing(line))
        together.note_wait(line, island.time_s - from_s, found)
        action = Action.JOINED if together.told.check else Action.CLOSED_BLIND
        words = f"{neighbour.section.name} and the site become one island"
        island.log(action, line, f"{words}: {difference_words(found)}", before, place)
        # At the speed of the site it takes over nothing at first; then droop shares, or the grid.
        end = island.references[GRID].trim_rad_per_s if island.on_grid() else 0.0
        base = dict(island.base_trim)
        if isinstance(neighbour, EmergencyStart) and not island.on_grid():
            island.base_trim |= neighbour.shares(names, site_hz, drawn_kw)
        from_w = shift - 2.0 * np.pi * slip_hz
        yield from together.shift(names, from_w, end, raise_v, 0.0, from_base=base)
        yield from neighbour.settle(self.site.sequence.settle_s)
