"""The configuration of a grid strength study."""

from typing import Literal

from pydantic import Field

from evergrid.core.config import Config as BaseConfig
from evergrid.grid.strength.droop_response import TAP_STEP_PU
from evergrid.grid.strength.strength import WEAK_SCR
from evergrid.inputs.feeder.source import FeederSource


class Place(BaseConfig):
    """An inverter at a bus, on all its phases."""

    bus: str = Field(examples=["675"], min_length=1)
    """Name of the bus."""
    rating_kva: float = Field(examples=[1000.0], gt=0)
    """Its rating, all phases together."""


class Droop(BaseConfig):
    """How the inverters answer to voltage."""

    category: Literal["A", "B"] = "B"
    """Category of IEEE 1547-2018, whose defaults hold where nothing else is given."""
    slope: float | None = Field(default=None, examples=[22.0], ge=0)
    """Reactive power over rating per voltage in pu; 2.5 in category A and 7.33 in B."""
    response_s: float | None = Field(default=None, examples=[5.0], gt=0)
    """Time in which 90 % of a change is made, seconds; 10 s in category A and 5 s in B."""
    step_s: float = Field(default=5.0, gt=0)
    """Time between two looks at the voltage, seconds: the inverter's own, or the round of
    measurement and command of whoever steers it."""
    margin: float = Field(default=0.5, gt=0, le=1)
    """Loop gain of the advised slopes as a share of the gain at which hunting begins."""


class Operation(BaseConfig):
    """The state that voltages are judged in, and the move that is answered to."""

    load_share: float = Field(default=1.0, ge=0)
    """Share of the feeder's own loads that is on."""
    power_share: float = Field(default=0.0, ge=-1, le=1)
    """Power of the inverters over their rating, positive into the grid."""
    source_step_pu: float = Field(default=TAP_STEP_PU, gt=0, le=0.1)
    """Step of the source's voltage that the inverters answer to; one tap by default."""
    steps: int = Field(default=60, ge=8, le=10_000)
    """How many looks at the voltage are followed."""


class Config(BaseConfig):
    """The configuration of a grid strength study."""

    study: Literal["grid_strength"] = "grid_strength"
    """Which study this is."""
    title: str = "Grid strength"
    """Heading of the report."""
    rating_kva: float = Field(default=100.0, gt=0)
    """Rating of an inverter: of those at loads, and the one that each bus is judged with."""
    share: float | None = Field(default=None, examples=[0.6], gt=0, le=1)
    """Share of the feeder's loads with an inverter beside them, drawn at random; all of them
    by default, none where [[at]] names buses."""
    weak_scr: float = Field(default=WEAK_SCR, gt=0)
    """Short-circuit ratio below which a bus counts as weak."""
    feeder: FeederSource = FeederSource()
    """The feeder."""
    droop: Droop = Droop()
    """How the inverters answer to voltage."""
    operation: Operation = Operation()
    """The state that voltages are judged in."""
    at: tuple[Place, ...] = ()
    """Inverters at named buses, in place of those at loads."""
