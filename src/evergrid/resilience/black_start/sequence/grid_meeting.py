"""The grid comes back: the island passes it, meets it by synchro-check, and hands its load over."""

from dataclasses import replace

import numpy as np

from evergrid.resilience.black_start.checks import closing
from evergrid.resilience.black_start.circuit import GRID
from evergrid.resilience.black_start.results.outcome import Action
from evergrid.resilience.black_start.sequence.bottom_up import BottomUp
from evergrid.resilience.black_start.sequence.program import Steps, StopSequenceError
from evergrid.resilience.black_start.sequence.section_start import SectionStart
from evergrid.resilience.black_start.sequence.synchronising import (
    OWN_RAMP_S,
    SETTLED_S,
    difference_words,
)
from evergrid.resilience.black_start.settings import GridReturn
from evergrid.resilience.network.references import UnitReference


class GridMeeting:
    """What the site does about a grid that returns, if one does.

    Args:
        site: The start of the site.
        beyond: What brings the transformer upstream to life, behind which the grid is met.
        grid: That returns; None for none.
    """

    def __init__(self, site: SectionStart, beyond: BottomUp, grid: GridReturn | None) -> None:
        self.site = site
        self.beyond = beyond
        self.grid = grid
        self.unmet = ""  # why the grid that is back is not met

    def look(self) -> Steps:
        """Meet the grid if it is back."""
        if self.grid is not None and self.site.island.time_s >= self.grid.at_s:
            yield from self._reconnect(self.grid)

    def wait(self) -> Steps:
        """Wait for the grid, and meet it."""
        if self.grid is None or self.site.island.on_grid():
            return
        yield max(self.grid.at_s - self.site.island.time_s, 0.0)
        yield from self._reconnect(self.grid)

    def _reconnect(self, grid: GridReturn) -> Steps:
        """Bring the island to pass the grid, close, and hand the load over."""
        island, together = self.site.island, self.site.synchronising
        if island.on_grid() or together.over() or self.unmet:
            return
        self.unmet = self._unfit(grid)
        if self.unmet:
            island.log(Action.REFUSED, GRID, self.unmet, island.reading())
            return
        if not (yield from self.beyond.energise_upstream()):
            self.unmet = "the transformer upstream, behind which the grid is met, is not energised"
            island.log(Action.REFUSED, GRID, self.unmet, island.reading())
            return
        before = island.reading()
        w_n = together.nominal_rad_per_s
        grid_trim = 2.0 * np.pi * grid.frequency_hz - w_n
        volts = grid.voltage_pu * together.nominal_v
        steady = UnitReference(voltage_v=volts, trim_rad_per_s=grid_trim)
        ramp = replace(steady, ramp_from_v=0.0, ramp_start_s=island.time_s, ramp_s=OWN_RAMP_S)
        island.refer(GRID, ramp)
        island.move(island.positions.starting(GRID))
        words = f"{grid.frequency_hz:g} Hz and {grid.voltage_pu:g} pu beyond the open breaker"
        island.log(Action.GRID_BACK, GRID, words, before)
        yield OWN_RAMP_S + SETTLED_S
        island.refer(GRID, steady)
        slip = 2.0 * np.pi * together.told.slip_hz
        target = grid_trim + slip
        joined = island.joined_units()
        online = [unit.name for unit in island.circuit.formers if unit.name in joined]
        shift = target - (2.0 * np.pi * island.frequency_hz() - w_n)
        raise_v = together.nominal_v * (grid.voltage_pu - island.reading().voltage_pu)
        yield from together.shift(online, 0.0, shift, 0.0, raise_v)
        check = closing.check_stability(island, island.positions.closing(GRID), GRID)
        found, from_s = None, island.time_s
        stop = None
        try:
            self.site.act_on(check)
            found = yield from together.agreement(GRID)
        except StopSequenceError as refused:
            stop = refused
        if found is None:
            if not island.lost:
                self.unmet = check.reason or "phase, slip and voltage do not agree in time"
                island.move(island.positions.stopping(GRID))
                yield from together.shift(online, shift, 0.0, raise_v, 0.0)
            if stop is not None:
                raise stop
            return
        before = island.reading()
        island.move(island.positions.closing(GRID))
        together.note_wait(GRID, island.time_s - from_s, found)
        island.log(Action.RECONNECTED, GRID, difference_words(found), before)
        # The load is handed over, that of units with a share of their own, too.
        base, island.base_trim = island.base_trim, {}
        yield from together.shift(online, shift - slip, grid_trim, raise_v, 0.0, from_base=base)
        yield self.site.sequence.settle_s

    def _unfit(self, grid: GridReturn) -> str:
        """Why nobody connects to such a grid; empty where it is fit."""
        island = self.site.island
        limits = island.limits
        off_hz = grid.frequency_hz - island.circuit.site.nominal_hz
        if abs(grid.voltage_pu - 1.0) > 1.0 - limits.pick_up_voltage_pu:
            return f"its voltage of {grid.voltage_pu:g} pu is too far from 1 for what is to be fed"
        if abs(off_hz) > limits.pick_up_deviation_hz:
            most_hz = limits.pick_up_deviation_hz
            return f"its frequency is {off_hz:+.3g} Hz off, more than {most_hz:g}"
        return ""
