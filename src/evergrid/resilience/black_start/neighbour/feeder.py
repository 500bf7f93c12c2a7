"""The feeder beyond the site's main bus: a transformer, and neighbouring sections with lines."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.model.microgrid import BatteryUnit, LoadBlock, Microgrid, UnitTransformer
from evergrid.resilience.black_start.settings import faults_outside

SITE = "site"  # name of the site among the sections
RESERVED = (SITE, "chargers", "main", "upstream", "grid", "emergency")
UPSTREAM_TRANSFORMER, UPSTREAM = "upstream transformer", "upstream"
UPSTREAM_CORE = "upstream core loss"
LINE = "line to {}"
MOST_RATIO = 500.0  # of transformer over units; at a hundred its core takes a third of their rating


@dataclass(frozen=True)
class UpstreamTransformer:
    """The transformer between the main bus and the feeder, energised from its low side.

    Attributes:
        transformer: Its data, of its own rating.
        energise: ``soft`` attaches it while the dead bus is raised from zero; ``hard`` closes it at
            full voltage once the blocks of the site are served, if the inverters stand the inrush.
    """

    transformer: UnitTransformer
    energise: Literal["soft", "hard"] = "soft"


@dataclass(frozen=True)
class NeighbourSection:
    """A section of the feeder with blocks of its own, and perhaps with an island of its own.

    Attributes:
        name: Of the section.
        load_blocks: In it.
        resistance_ohm: Of the line from the site's side, at the nominal voltage of the site; what
            is measured at another voltage is referred by the square of the ratio.
        reactance_ohm: The same, at nominal frequency.
        batteries: Vehicles and batteries of it. With them it starts on its own and is taken by
            synchro-check; without, the site energises it.
        master: Of them, the one that starts its dead bus; empty for the one with the most energy.
    """

    name: str
    load_blocks: tuple[LoadBlock, ...]
    resistance_ohm: float
    reactance_ohm: float
    batteries: tuple[BatteryUnit, ...] = ()
    master: str = ""

    def __post_init__(self) -> None:
        records.check(self, "neighbour")
        faults = faults_outside(
            self, ("resistance_ohm", 0.0, 1e4, ""), ("reactance_ohm", 1e-6, 1e4, "Lines have one.")
        )
        if not self.name.strip() or not self.name.isprintable() or self.name in RESERVED:
            rule = f"be a printable word other than {', '.join(RESERVED)}"
            faults.append(Fault("name", rule, (self.name,)))
        if not self.load_blocks:
            fix = "A section without blocks has nothing to be energised for."
            faults.append(Fault("load_blocks", "hold at least one", ids=(self.name,), fix=fix))
        faults += self._source_faults()
        raise_if_any("neighbour", faults)

    def _source_faults(self) -> list[Fault]:
        """Faults of a second island that cannot start, or whose master cannot."""
        able = [one for one in self.batteries if one.black_start and one.arrival_h <= 0]
        if self.batteries and not able:
            fix = (
                "An island needs a unit that forms it: set grid_forming and black_start for one "
                "that is plugged in, or leave the vehicles out, and the site feeds the section."
            )
            rule = "hold one that forms the grid, starts without voltage and is there"
            return [Fault("batteries", rule, ids=(self.name,), fix=fix)]
        names = [one.name for one in able]
        if self.master and self.master not in names:
            fix = did_you_mean(self.master, names) or f"Known: {', '.join(names[:8])}."
            rule = "be one of its batteries that starts without voltage and is there"
            return [Fault("master", rule, (self.master,), ids=(self.name,), fix=fix)]
        return []

    @property
    def formers(self) -> tuple[BatteryUnit, ...]:
        """Batteries that can form the grid."""
        return tuple(unit for unit in self.batteries if unit.grid_forming)

    @property
    def line(self) -> str:
        """Name of its line and the breaker of it."""
        return LINE.format(self.name)


@dataclass(frozen=True)
class UpstreamFeeder:
    """All that lies beyond the main bus.

    Attributes:
        upstream: The transformer; None where neighbours and the grid are at the main bus itself.
        neighbours: In the order in which they are energised or taken.
    """

    upstream: UpstreamTransformer | None = None
    neighbours: tuple[NeighbourSection, ...] = ()

    def check(self, site: Microgrid) -> None:
        """Refuse names that the site or another section has already, and a transformer too large.

        Raises:
            InputError: Names that are there twice, a tree of blocks that is none, a transformer far
                beyond the units that energise it.
        """
        names = [one.name for one in (*site.load_blocks, *site.batteries)]
        faults = self._rating_faults(site)
        for section in self.neighbours:
            # A site of its own: parents of its blocks must be among them, names unique.
            Microgrid(site.nominal_hz, site.nominal_v, section.load_blocks, section.batteries)
            own = [one.name for one in (*section.load_blocks, *section.batteries)]
            again = tuple(name for name in own if name in names)
            if again:
                fix = "Breakers are switched by these names; give each a name of its own."
                rule = "not be there twice among the site and its neighbours"
                faults.append(Fault("neighbour.name", rule, again, ids=(section.name,), fix=fix))
            names += own
        sections = [section.name for section in self.neighbours]
        twice = tuple({name for name in sections if sections.count(name) > 1})
        if twice:
            faults.append(Fault("neighbour.name", "be unique", twice))
        raise_if_any("neighbour", faults)

    def _rating_faults(self, site: Microgrid) -> list[Fault]:
        """The fault of a transformer whose core alone would swamp the inverters."""
        most_kva = MOST_RATIO * sum(one.apparent_kva for one in site.batteries if one.grid_forming)
        if self.upstream is None or self.upstream.transformer.rating_kva <= max(most_kva, 1e-3):
            return []
        rule = f"be at most {MOST_RATIO:g} times that of all units that form the grid"
        got = (self.upstream.transformer.rating_kva,)
        fix = f"Give at most {most_kva:g} kVA: their waveform beside a larger one has no meaning."
        return [Fault("upstream.rating_kva", rule, got, fix=fix)]

    def line_inductance_h(self, section: NeighbourSection, nominal_hz: float) -> float:
        """Of the line to a section."""
        return section.reactance_ohm / (2.0 * np.pi * nominal_hz)


NO_FEEDER = UpstreamFeeder()
