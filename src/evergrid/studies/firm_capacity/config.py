"""The configuration of a firm capacity study."""

from datetime import date
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from evergrid.core.arrays import Array, Shaped
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import zone
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.fleet.history.past_days import Direction, Gaps, Product
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.inputs.tables import SessionSource


class ProductEntry(BaseConfig):
    """What is to be delivered when called."""

    direction: Direction = "up"
    """"up": more power into the grid than without a call; "down": less; "both": as much either way,
    for a signal that is followed all the time; "around_plan": as much either way of a power that a
    plan chooses, from an energy that it chooses too."""
    duration_h: float = Field(default=1.0, gt=0, le=12)
    """How long a call holds, hours."""
    step_min: float = Field(default=60.0, ge=5, le=60)
    """Time between the instants at which a call may come, minutes; divides an hour."""
    block_h: float = Field(default=4.0, gt=0, le=24)
    """Length of the blocks that one power is promised for, hours; divides a day."""

    @model_validator(mode="after")
    def _whole(self) -> "ProductEntry":
        for name, minutes, of in (
            ("step_min", self.step_min, 60.0),
            ("block_h", self.block_h * 60, 24 * 60.0),
            ("step_min", self.step_min, self.block_h * 60),
        ):
            if abs(of / minutes - round(of / minutes)) > 1e-9:
                rule = f"divide {of / 60:g} h without a rest"
                raise InputError("product", [Fault(name, rule, got=(getattr(self, name),))])
        return self

    def record(self) -> Product:
        """The product as a record."""
        return Product(self.direction, self.duration_h, self.step_min / 60)


class GeneratedHistory(BaseConfig):
    """Which days of generated vehicles are the history."""

    start: date = Field(examples=["2023-01-02"])
    """First local day."""
    days: int = Field(default=365, ge=4, le=3660)
    """How many."""


class Drivers(BaseConfig):
    """What drivers do that the history does not show, drawn at random; nothing by default."""

    participation: float = Field(default=1.0, gt=0, le=1)
    """Share of the vehicles that take part."""
    forgotten_plug: float = Field(default=0.0, ge=0, lt=1)
    """Share of stays without plugging in."""
    opt_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of stays for which the driver says no."""
    early_departure_per_h: float = Field(default=0.0, ge=0, lt=1)
    """Chance per hour of an unforeseen departure."""


class OutageEntry(BaseConfig):
    """A rare event that the history does not show."""

    name: str = Field(examples=["telecom"], min_length=1)
    """What fails."""
    probability: float = Field(examples=[0.002], gt=0, lt=1)
    """Share of the time it does."""
    share: float = Field(default=0.0, ge=0, lt=1)
    """What it leaves of the fleet's power."""


class Config(BaseConfig):
    """The configuration of a firm capacity study."""

    study: Literal["firm_capacity"] = "firm_capacity"
    """Which study this is."""
    title: str = "Firm capacity"
    """Heading of the report."""
    time_zone: str = "UTC"
    """IANA name of the local clock, such as Europe/Oslo."""
    confidence: tuple[float, ...] = Field(default=(0.9, 0.95, 0.99), min_length=1)
    """Shares of the promises above zero to be kept."""
    guarantee: Literal["asymptotic", "proven"] = "asymptotic"
    """"asymptotic": recent days count more, which is sharper and follows a fleet that changes, but
    holds only for many days that change slowly; "proven": all days count alike, and no more is
    broken than asked, whatever the distribution, if days are exchangeable."""
    beyond_history: Literal["refuse", "model"] = "refuse"
    """When the history is too short to vouch for a confidence: "refuse", or promise by the
    "model" of vehicles, which no held-out day has judged at that confidence."""
    holidays: tuple[str, ...] = Field(default=(), examples=[["2019-07-04"]])
    """Days off beside weekends, past and coming; nothing is promised for them."""
    gaps: Gaps = "refuse"
    """Long runs of days without a vehicle: "refuse" them, take them as "missing" from the
    record, or as an "idle" fleet. Holes of one busy site are left out unless "idle"."""
    coming_days: int = Field(default=7, ge=1, le=28)
    """Days after the history to promise for."""
    judged_share: float = Field(default=0.5, gt=0, lt=1)
    """Last share of the history on which promises are judged."""
    stated_file: str | None = Field(default=None, examples=["stated.csv"])
    """Table of stated departures; ACN sessions carry their own."""
    weather_file: str | None = Field(default=None, examples=["weather.csv"])
    """Table of temperatures, measured for past days and forecast for coming ones."""
    sessions: SessionSource | None = None
    """The history: past sessions from a file; [[fleet]] generates one instead."""
    assumptions: Assumptions = Assumptions()
    """What the source of sessions does not tell."""
    product: ProductEntry = ProductEntry()
    """What is to be delivered when called."""
    fleet: tuple[FleetGroup, ...] = ()
    """Vehicles whose history is generated from published statistics, to try things out."""
    generated: GeneratedHistory | None = None
    """Which days of [[fleet]] are the history."""
    drivers: Drivers = Drivers()
    """What drivers do that the history does not show."""
    outage: tuple[OutageEntry, ...] = ()
    """Rare events that the history does not show."""

    @field_validator("holidays", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return tuple(v.isoformat() if isinstance(v, date) else v for v in value)
        return value

    @model_validator(mode="after")
    def _checked(self) -> "Config":
        zone(self.time_zone)
        bad = tuple(level for level in self.confidence if not 0.5 <= level < 1)
        if bad:
            fix = "Give a fraction such as 0.99, not a percentage."
            raise InputError("config", [Fault("confidence", "be in [0.5, 1)", bad, fix=fix)])
        chances = tuple(entry.probability for entry in self.outage)
        if sum(chances) >= 1:
            rule = "sum to below 1"
            raise InputError("config", [Fault("outage.probability", rule, got=(sum(chances),))])
        self.days_off()
        return self

    def days_off(self) -> Shaped[Array, " holiday"]:
        """The holidays as dates.

        Raises:
            InputError: A text that is no date.
        """
        try:
            days = [date.fromisoformat(day) for day in self.holidays]
        except ValueError:
            rule = "be dates such as 2019-07-04"
            raise InputError("config", [Fault("holidays", rule, self.holidays)]) from None
        return np.array(days, dtype="datetime64[D]")
