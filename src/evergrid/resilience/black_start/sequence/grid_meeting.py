"""The grid comes back: the island passes it, meets it by synchro-check, and hands its load over."""

from dataclasses import replace

import numpy as np

from evergrid.resilience.black_start import closing
from evergrid.resilience.black_start.circuit import GRID
from evergrid.resilience.black_start.outcome import Action
from evergrid.resilience.black_start.sequence.bottom_up import BottomUp
from evergrid.resilience.black_start.sequence.program import Steps
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
        self.out_of_reach = False

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
        if island.on_grid() or together.over() or self.out_of_reach:
            return
        if not (yield from self.beyond.energise_upstream()):
            self.out_of_reach = True
            words = "the transformer upstream, behind which the grid is met, is not energised"
            island.log(Action.REFUSED, GRID, words, island.reading())
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
        self.site.act_on(check)
        from_s = island.time_s
        found = yield from together.agreement(GRID)
        if found is None:
            return
        before = island.reading()
        island.move(island.positions.closing(GRID))
        together.note_wait(GRID, island.time_s - from_s, found)
        island.log(Action.RECONNECTED, GRID, difference_words(found), before)
        yield from together.shift(online, shift - slip, grid_trim, raise_v, 0.0)
        yield self.site.sequence.settle_s
