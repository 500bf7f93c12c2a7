"""The configuration of a battery life study."""

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from evergrid.battery.ageing import life
from evergrid.battery.ageing.profile import HIGHEST_C, LOWEST_C
from evergrid.battery.converter import MEASURED_ROUND_TRIP
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.units import W_PER_KW


class Pack(BaseConfig):
    """The battery of each vehicle."""

    capacity_kwh: float = Field(default=60.0, ge=0.1, le=10_000)
    """Usable energy when new."""
    end_of_life: float = Field(default=0.8, gt=0, lt=1)
    """Share of the capacity at which a battery counts as worn out."""
    end_of_life_resistance: float = Field(default=2.0, gt=1, le=10)
    """Resistance over that of a new battery at which it counts as worn out."""
    price_per_kwh: float = Field(default=100.0, gt=0, le=1e6)
    """Of a new battery, in the currency of the study."""
    voltage_v: float = Field(default=400.0, gt=0, le=2_000)
    """At rest."""
    resistance_ohm: float = Field(default=0.08, gt=0, le=10)
    """Of the pack when new, at any temperature."""
    most_a: float = Field(default=200.0, gt=0, le=10_000)
    """Greatest current with which cells are charged where they are warm enough."""
    charge_temperature_c: tuple[float, ...] = Field(default=(-20.0, 0.0, 15.0), min_length=1)
    """Temperatures of the cells, ascending, at which charging is limited."""
    charge_share: tuple[float, ...] = Field(default=(0.0, 0.1, 1.0), min_length=1)
    """Share of `most_a` with which cells may be charged there. An assumption: use your maker's."""


class Use(BaseConfig):
    """What drivers do, every day alike."""

    drive_kwh: float = Field(default=14.4, ge=0, le=10_000)
    """Energy that driving takes out of the cells on a mild day, half on the way out, half on the
    way back."""
    more_per_c_below: float = Field(default=0.0242, ge=0, le=0.2)
    """Share that driving takes more for every C that the day is colder than `mild_from_c`. Cars on
    the road: Wu et al. (2019), doi 10.1021/acs.est.9b00648."""
    more_per_c_above: float = Field(default=0.0210, ge=0, le=0.2)
    """Share that driving takes more for every C that the day is warmer than `mild_to_c`."""
    mild_from_c: float = Field(default=15.5, ge=LOWEST_C, le=HIGHEST_C)
    """Mean of a day, C, from which cabins need no heat."""
    mild_to_c: float = Field(default=23.9, ge=LOWEST_C, le=HIGHEST_C)
    """Mean of a day, C, up to which cabins need no cooling."""
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
    mean_c: float | None = Field(default=None, ge=LOWEST_C, le=HIGHEST_C, examples=[12.0])
    """Mean over the year, C. The days of a `weather_file` are shifted to it; without one it must be
    given."""
    weather_file: str | None = Field(default=None, examples=["weather.csv"])
    """Table of temperatures over a year, by day or by `time_utc`. The means of its first 365 days
    stand in place of the seasons."""
    time_zone: str = "UTC"
    """Of the local clock, by which a file with `time_utc` is cut into days; IANA name."""
    season_c: float = Field(default=10.0, ge=0, le=40)
    """By how much summer is warmer, and winter colder, than the mean, C."""
    day_c: float = Field(default=4.0, ge=0, le=30)
    """By how much the afternoon is warmer, and the night colder, than the day's mean, C."""

    @model_validator(mode="after")
    def _within_reason(self) -> "Climate":
        if self.weather_file is not None:
            return self
        if self.mean_c is None:
            fix = f"{self.name}: give the mean of the year, or a file of its days."
            rule = "be given where weather_file is not"
            raise ConfigError("config", [Fault("mean_c", rule, fix=fix)])
        swing = self.season_c + self.day_c
        ends = (self.mean_c - swing, self.mean_c + swing)
        if ends[0] < LOWEST_C or ends[1] > HIGHEST_C:
            rule = f"stay within {LOWEST_C:g} to {HIGHEST_C:g} C over the year"
            fix = "Lower season_c or day_c; no model here was measured outside."
            raise ConfigError("config", [Fault("mean_c", rule, ends, fix=fix)])
        return self


class Thermal(BaseConfig):
    """How warm cells get beside the air."""

    heat_capacity_kj_per_k: float = Field(default=450.0, gt=0, le=1e5)
    """Of the pack: 450 kg at 1 kJ/(kg K)."""
    conductance_w_per_k: float = Field(default=20.0, gt=0, le=1e5)
    """Heat from the pack to the air per difference of temperature."""
    preheat_c: float | None = Field(default=None, ge=LOWEST_C, le=40, examples=[10.0])
    """Temperature to which colder packs are heated from the grid before vehicles leave; never by
    default."""


class Charger(BaseConfig):
    """What stands between the battery and the grid."""

    rating_kw: float = Field(default=11.0, gt=0, le=1_000)
    """Greatest power at the grid, either way."""
    round_trip: float = Field(default=MEASURED_ROUND_TRIP, gt=0, lt=1)
    """Share of the energy drawn at the rating that comes back at the rating, losses of cells
    included. Measured: 0.79 to 0.88, 0.87 on average, Schram et al. (2020)."""
    standby_w: float = Field(default=0.0, ge=0, le=1_000)
    """What it draws while a vehicle is plugged in and nothing flows."""


class CellTests(BaseConfig):
    """Your own tests of a cell, as one more model."""

    name: str = Field(min_length=1, examples=["my cell"])
    """What the cell is called."""
    files: tuple[str, ...] = Field(min_length=1, max_length=4, examples=[["storage.csv"]])
    """Tables of tests, one for each kind: capacity or resistance, over days or over cycles.
    `evergrid check FILE --as ageing` says what they hold."""


class Strategy(BaseConfig):
    """How vehicles are charged, and what they feed."""

    name: str = Field(min_length=1, examples=["no V2G"])
    """What it is called."""
    charged_to: float = Field(default=0.9, gt=0, le=1)
    """State of charge with which vehicles leave, 0 to 1."""
    charge: Literal["on_arrival", "before_leaving"] = "on_arrival"
    """When they are charged: at once, or as late as possible."""
    charge_kw: float = Field(default=7.4, gt=0, le=1_000)
    """Power into the cells while they are charged."""
    export_kwh: float = Field(default=0.0, ge=0, le=10_000)
    """Energy out of the cells that is fed into the grid each day, before charging."""
    export_kw: float = Field(default=7.4, gt=0, le=1_000)
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
    models: tuple[str, ...] = tuple(life.MODELS)
    """Ageing models: "large_lfp", "large_nmc", "naumann_lfp", "schmalstieg". They are of different
    cells, and together show how far published models are apart."""
    cell_tests: tuple[CellTests, ...] = ()
    """Your own cells, each one more model."""
    cell_spread: float = Field(default=0.15, ge=0, le=1)
    """How far batteries of one make differ: standard deviation of the logarithm of their fade, as
    in BLAST-Lite 1.1.1."""
    pack: Pack = Pack()
    """The battery of each vehicle."""
    use: Use = Use()
    """What drivers do."""
    thermal: Thermal = Thermal()
    """How warm cells get beside the air."""
    charger: Charger = Charger()
    """What stands between the battery and the grid."""
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
        if not self.model_names:
            fix = f"Models: {', '.join(life.MODELS)}."
            faults.append(Fault("models", "name one at least, or give cell_tests", fix=fix))
        for key, names in (
            ("models, cell_tests.name", self.model_names),
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
        if use.mild_from_c > use.mild_to_c:
            got = (use.mild_from_c, use.mild_to_c)
            faults.append(Fault("use.mild_from_c", "be at most mild_to_c", got))
        faults += self._current_faults()
        at_c, share = self.pack.charge_temperature_c, self.pack.charge_share
        if len(at_c) != len(share):
            rule = "have as many values as charge_temperature_c"
            faults.append(Fault("pack.charge_share", rule, (len(share),)))
        if any(low >= high for low, high in pairwise(at_c)):
            faults.append(Fault("pack.charge_temperature_c", "ascend", at_c))
        if not all(0.0 <= one <= 1.0 for one in share):
            fix = "Give fractions of most_a, not percentages."
            faults.append(Fault("pack.charge_share", "lie in [0, 1]", share, fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self

    def _current_faults(self) -> list[Fault]:
        """Powers out of cells of which the pack cannot deliver any at its terminals."""
        pack, use = self.pack, self.use
        most_kw = pack.voltage_v**2 / (2.0 * pack.resistance_ohm) / W_PER_KW
        powers = [("use.drive_kwh", use.drive_kwh / 2.0 / use.trip_h)]
        powers += [("strategy.export_kw", one.export_kw) for one in self.strategy]
        fix = "Beyond, the pack's resistance takes more than its voltage gives."
        rule = f"be at most {most_kw:.4g} kW out of the cells, V^2/2R"
        return [
            Fault(key, rule, (power_kw,), fix=fix) for key, power_kw in powers if power_kw > most_kw
        ]

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names of the published models and of the user's own cells."""
        return (*self.models, *(one.name for one in self.cell_tests))

    @property
    def compared_to(self) -> tuple[int, ...]:
        """Row of the strategy that each one is held against."""
        rows = {one.name: row for row, one in enumerate(self.strategy)}
        return tuple(rows[one.compared_to] if one.compared_to else 0 for one in self.strategy)
