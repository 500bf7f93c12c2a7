"""The configuration of a battery life study."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.battery.ageing import life
from evergrid.battery.ageing.profile import HIGHEST_C, LOWEST_C
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.nearest import did_you_mean


class Pack(BaseConfig):
    """The battery of each vehicle."""

    capacity_kwh: float = Field(default=60.0, gt=0, le=10_000)
    """Usable energy when new."""
    end_of_life: float = Field(default=0.8, gt=0, lt=1)
    """Share of the capacity at which a battery counts as worn out."""
    price_per_kwh: float = Field(default=100.0, gt=0)
    """Of a new battery, in the currency of the study."""


class Use(BaseConfig):
    """What drivers do, every day alike."""

    drive_kwh: float = Field(default=14.4, ge=0)
    """Energy that driving takes out of the cells in a day, half on the way out, half on the way
    back."""
    leave_h: float = Field(default=7.0, ge=0, lt=24)
    """When vehicles leave, hours of the local clock."""
    return_h: float = Field(default=18.0, gt=0, lt=24)
    """When they are back."""
    trip_h: float = Field(default=1.0, gt=0, le=6)
    """How long each way takes."""


class Climate(BaseConfig):
    """Temperature of the air around the cells, warmest in the middle of July at three o'clock."""

    name: str = Field(min_length=1, examples=["temperate"])
    """What it is called."""
    mean_c: float = Field(ge=LOWEST_C, le=HIGHEST_C, examples=[12.0])
    """Mean over the year, C."""
    season_c: float = Field(default=10.0, ge=0, le=40)
    """By how much summer is warmer, and winter colder, than the mean, C."""
    day_c: float = Field(default=4.0, ge=0, le=30)
    """By how much the afternoon is warmer, and the night colder, than the day's mean, C."""

    @model_validator(mode="after")
    def _within_reason(self) -> "Climate":
        swing = self.season_c + self.day_c
        ends = (self.mean_c - swing, self.mean_c + swing)
        if ends[0] < LOWEST_C or ends[1] > HIGHEST_C:
            rule = f"stay within {LOWEST_C:g} to {HIGHEST_C:g} C over the year"
            fix = "Lower season_c or day_c; no model here was measured outside."
            raise ConfigError("config", [Fault("climate.mean_c", rule, ends, fix=fix)])
        return self


class Strategy(BaseConfig):
    """How vehicles are charged, and what they feed."""

    name: str = Field(min_length=1, examples=["no V2G"])
    """What it is called."""
    charged_to: float = Field(default=0.9, gt=0, le=1)
    """State of charge with which vehicles leave, 0 to 1."""
    charge: Literal["on_arrival", "before_leaving"] = "on_arrival"
    """When they are charged: at once, or as late as possible."""
    charge_kw: float = Field(default=7.4, gt=0)
    """Power into the cells while they are charged."""
    export_kwh: float = Field(default=0.0, ge=0)
    """Energy out of the cells that is fed into the grid each day, before charging."""
    export_kw: float = Field(default=7.4, gt=0)
    """Power out of the cells while they feed."""
    compared_to: str | None = Field(default=None, examples=["no V2G"])
    """Name of the strategy that this one is held against; the first by default."""


class Config(BaseConfig):
    """The configuration of a battery life study."""

    study: Literal["battery_life"] = "battery_life"
    """Which study this is."""
    title: str = "Battery life"
    """Heading of the report."""
    currency: str = Field(default="EUR", min_length=1)
    """Of the battery's price."""
    years: int = Field(default=10, ge=1, le=30)
    """How long batteries are followed."""
    models: tuple[str, ...] = Field(default=tuple(life.MODELS), min_length=1)
    """Ageing models: "large_lfp", "large_nmc", "naumann_lfp", "schmalstieg". They are of different
    cells, and together show how far published models are apart."""
    pack: Pack = Pack()
    """The battery of each vehicle."""
    use: Use = Use()
    """What drivers do."""
    climate: tuple[Climate, ...] = Field(
        default=(Climate(name="temperate", mean_c=12.0), Climate(name="hot", mean_c=25.0)),
        min_length=1,
    )
    """Where vehicles stand."""
    strategy: tuple[Strategy, ...] = Field(
        default=(
            Strategy(name="no V2G"),
            Strategy(name="V2G", export_kwh=15.0),
        ),
        min_length=1,
    )
    """What is compared."""

    @model_validator(mode="after")
    def _checked(self) -> "Config":
        for name in self.models:
            life.named(name)
        faults = []
        for key, names in (
            ("models", self.models),
            ("climate.name", tuple(one.name for one in self.climate)),
            ("strategy.name", tuple(one.name for one in self.strategy)),
        ):
            if len(set(names)) < len(names):
                faults.append(Fault(key, "name each once", names))
        known = tuple(one.name for one in self.strategy)
        for one in self.strategy:
            if one.compared_to is not None and one.compared_to not in known:
                fix = did_you_mean(one.compared_to, known) or f"Strategies: {', '.join(known)}."
                rule = "name a strategy"
                faults.append(Fault("strategy.compared_to", rule, (one.compared_to,), fix=fix))
        use = self.use
        if use.return_h - use.trip_h < use.leave_h + use.trip_h:
            fix = "Vehicles are home over night; shorten trip_h, or return later."
            rule = "be after leave_h by two trips at least"
            faults.append(Fault("use.return_h", rule, (use.return_h,), fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self

    @property
    def compared_to(self) -> tuple[int, ...]:
        """Row of the strategy that each one is held against."""
        rows = {one.name: row for row, one in enumerate(self.strategy)}
        return tuple(rows[one.compared_to] if one.compared_to else 0 for one in self.strategy)
