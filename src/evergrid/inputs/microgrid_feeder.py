"""A microgrid's loads and lines from a section of an OpenDSS feeder."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import Field

from evergrid.core.config import Config
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.grid.feeder.section import BusLoad, SectionOfFeeder, cut_out
from evergrid.inputs.feeder.source import FeederSource
from evergrid.model.microgrid import Tier
from evergrid.model.section_network import SectionNetwork

LEAST_FACTOR = 0.1  # power factor of a block


class SectionBlockEntry(Config):
    """What the files do not tell of the loads at one bus."""

    bus: str = Field(examples=["675"])
    """Bus of the feeder."""
    name: str | None = Field(default=None, examples=["water works"])
    """Of the block; that of the bus when absent."""
    tier: Tier | None = Field(default=None, examples=["critical"])
    """ "life_safety", "critical" or "comfort"; default_tier when absent."""
    weight: float | None = Field(default=None, ge=0, examples=[10.0])
    """Worth of a kWh served beside that of other blocks; by tier when absent."""
    cold_load_factor: float = Field(default=1.0, ge=1, le=10)
    """First power after an outage over warm power, 1 or more."""
    cold_load_delay_h: float = Field(default=0.0, ge=0, le=24)
    """Hours for which that lasts in full."""
    cold_load_decay_h: float = Field(default=0.5, ge=0, le=24)
    """Time constant of what follows, hours."""
    motor_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the power that induction motors draw."""
    bridge_h: float = Field(default=0.0, ge=0, le=1e4)
    """Hours for which batteries of its own carry it when it is dark; 0 for none."""


class SectionEntry(FeederSource):
    """The part of a feeder below one line or transformer; each bus with load is a block."""

    head: str = Field(examples=["671-692"])
    """Line or transformer at whose lower end the site's main bus is; it stays open."""
    default_tier: Tier = "comfort"
    """Of buses that have no table of their own."""
    block: tuple[SectionBlockEntry, ...] = ()
    """What the files do not tell of the loads at some buses."""

    def cut(self, folder: Path) -> SectionOfFeeder:
        """The section, cut out of the feeder.

        Raises:
            MissingFileError: There is no such file.
            InputError: OpenDSS refuses it, or it has no such section.
        """
        return cut_out(self.read(folder), self.head)

    def blocks(self, cut: SectionOfFeeder) -> tuple[list[dict[str, Any]], list[str]]:
        """Fields of each block, and what a reader must know of them.

        Raises:
            InputError: A table for a bus without loads, or two for one bus.
        """
        self._check(cut)
        told = {entry.bus.lower(): entry for entry in self.block}
        notes = []
        if leading := [load.bus for load in cut.loads if load.reactive_kvar < 0]:
            notes.append(f"Loads that lead count with a power factor of 1: {', '.join(leading)}.")
        return [self._block(load, told.get(load.bus)) for load in cut.loads], notes

    def _block(self, load: BusLoad, entry: SectionBlockEntry | None) -> dict[str, Any]:
        entry = entry or SectionBlockEntry(bus=load.bus)
        lagging_kvar = max(load.reactive_kvar, 0.0)
        factor = load.power_kw / float(np.hypot(load.power_kw, lagging_kvar))
        given = entry.model_dump(exclude={"bus", "name", "tier"})
        return given | {
            "name": entry.name or load.bus,
            "tier": entry.tier or self.default_tier,
            "power_kw": load.power_kw,
            "power_factor": max(factor, LEAST_FACTOR),
            "bus": load.bus,
        }

    def _check(self, cut: SectionOfFeeder) -> None:
        known = [load.bus for load in cut.loads]
        told = [entry.bus.lower() for entry in self.block]
        faults = []
        if unknown := tuple(bus for bus in told if bus not in known):
            fix = did_you_mean(unknown[0], known) or f"Known: {', '.join(known[:12])}."
            rule = f"be a bus with loads below {self.head}"
            faults.append(Fault("microgrid.feeder.block.bus", rule, unknown, fix=fix))
        if twice := tuple(sorted({bus for bus in told if told.count(bus) > 1})):
            faults.append(Fault("microgrid.feeder.block.bus", "be named once", twice))
        raise_if_any("config", faults)


def section_table(section: SectionNetwork) -> pl.DataFrame:
    """Lines and transformers of a section as a table, for what a study was computed from."""
    schema = {
        "branch": pl.String,
        "from_bus": pl.String,
        "to_bus": pl.String,
        "resistance_ohm": pl.Float64,
        "reactance_ohm": pl.Float64,
        "rating_kva": pl.Float64,
    }
    rows = [{"branch": one.name, **vars(one)} for one in section.branches]
    return pl.DataFrame(rows, schema=schema)
