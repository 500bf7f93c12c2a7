"""The part of the configuration that lies beyond the main bus: [upstream] and [[neighbour]]."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from evergrid.core.config import Config as BaseConfig
from evergrid.inputs.microgrid import (
    LoadBlockEntry,
    SiteBatteryEntry,
    TransformerEntry,
    VehiclesEntry,
)
from evergrid.model.microgrid import UnitTransformer
from evergrid.resilience.black_start.neighbour.feeder import (
    NeighbourSection,
    UpstreamFeeder,
    UpstreamTransformer,
)


class UpstreamEntry(TransformerEntry):
    """The transformer between the main bus and the feeder, energised from its low side."""

    energise: Literal["soft", "hard"] = "soft"
    """"soft": with the dead bus, from zero; "hard": at full voltage, after the site's blocks."""

    def record(self) -> UnitTransformer:
        """The transformer alone.

        Raises:
            InputError: A number out of range.
        """
        return UnitTransformer(**self.model_dump(exclude={"energise"}))

    def upstream(self) -> UpstreamTransformer:
        """The transformer and how it is energised.

        Raises:
            InputError: A number out of range.
        """
        return UpstreamTransformer(self.record(), self.energise)


class NeighbourBlockEntry(LoadBlockEntry):
    """Loads of a neighbouring section that one switch connects together."""

    name: str = Field(examples=["gym"])
    """Of the block; the site has none of this name."""


class NeighbourVehiclesEntry(VehiclesEntry):
    """Vehicles of one kind at chargers of a neighbouring section."""

    name: str = Field(default="neighbour bus", examples=["neighbour bus"])
    """Start of their names; the site has none of these."""


class NeighbourBatteryEntry(SiteBatteryEntry):
    """A battery of a neighbouring section."""

    name: str = Field(default="neighbour battery", examples=["neighbour battery"])
    """Of the battery; the site has none of this name."""


class NeighbourEntry(BaseConfig):
    """A neighbouring section of the feeder: its line, its blocks, and its vehicles if any."""

    name: str = Field(examples=["school"])
    """Of the section."""
    line_resistance_ohm: float = Field(examples=[0.02])
    """Of the line to it, per phase, referred to the nominal voltage of the site."""
    line_reactance_ohm: float = Field(examples=[0.01])
    """The same, at nominal frequency."""
    load_block: tuple[NeighbourBlockEntry, ...] = Field(
        examples=[({"name": "gym", "power_kw": 30.0, "tier": "critical"},)]
    )
    """What is to be fed there."""
    vehicles: tuple[NeighbourVehiclesEntry, ...] = ()
    """With them the section starts an island of its own; without, the site energises it."""
    site_battery: tuple[NeighbourBatteryEntry, ...] = ()
    """Batteries of the section, likewise."""
    master: str = ""
    """Unit that starts its dead bus; the one with most energy when empty."""

    def section(self, random: np.random.Generator | None) -> NeighbourSection:
        """The section, checked, with what is left to chance drawn.

        Raises:
            InputError: A number out of range, vehicles of which none can form an island.
        """
        vehicles = [unit for entry in self.vehicles for unit in entry.records(random)]
        return NeighbourSection(
            name=self.name,
            load_blocks=tuple(entry.record() for entry in self.load_block),
            resistance_ohm=self.line_resistance_ohm,
            reactance_ohm=self.line_reactance_ohm,
            batteries=(*vehicles, *(entry.record() for entry in self.site_battery)),
            master=self.master,
        )


def feeder(
    upstream: UpstreamEntry | None,
    neighbours: Sequence[NeighbourEntry],
    random: np.random.Generator | None = None,
) -> UpstreamFeeder:
    """All that lies beyond the main bus.

    Args:
        upstream: The transformer, if there is one.
        neighbours: Sections.
        random: What energies and arrivals are drawn with; None for no chance.

    Raises:
        InputError: Any number out of range.
    """
    return UpstreamFeeder(
        upstream=None if upstream is None else upstream.upstream(),
        neighbours=tuple(entry.section(random) for entry in neighbours),
    )
