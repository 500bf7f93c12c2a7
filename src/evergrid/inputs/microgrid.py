"""A microgrid as a configuration gives it: what is there, and what is drawn at random."""

from pathlib import Path

import numpy as np
from pydantic import Field, PrivateAttr, model_validator

from evergrid.core.config import Config, parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.inputs.microgrid_feeder import SectionEntry
from evergrid.model.microgrid import (
    TIERS,
    BatteryUnit,
    DieselSet,
    LoadBlock,
    Microgrid,
    Phases,
    Tier,
    UnitTransformer,
)
from evergrid.model.section_network import SectionNetwork

HOURS_A_DAY = 24
MOST_SOLAR_KW = 1e6
WEIGHTS: dict[Tier, float] = dict(zip(TIERS, (10.0, 3.0, 1.0), strict=True))


class LoadBlockEntry(Config):
    """Loads that one switch connects together."""

    name: str = Field(examples=["intensive care"])
    """Of the block."""
    power_kw: float = Field(examples=[150.0])
    """That it draws once it is warm."""
    tier: Tier = Field(examples=["critical"])
    """"life_safety" and "critical" come before "comfort"."""
    weight: float | None = Field(default=None, ge=0, examples=[10.0])
    """Worth of a kWh served beside that of other blocks; 10, 3 and 1 by tier when absent."""
    power_factor: float = 0.95
    """Lagging."""
    parent: str = ""
    """Block through whose switch it is fed; empty for one on the main bus."""
    cold_load_factor: float = 1.0
    """First power after an outage over warm power, 1 or more."""
    cold_load_delay_h: float = 0.0
    """Hours for which that lasts in full."""
    cold_load_decay_h: float = 0.5
    """Time constant of what follows, hours."""
    motor_share: float = 0.0
    """Share of the power that induction motors draw."""
    phases: Phases = "abc"
    """"abc", or the one phase that all of it is connected to."""
    bridge_h: float = 0.0
    """Hours for which batteries of its own carry it when it is dark; 0 for none."""
    bus: str = ""
    """Bus of the feeder's section where it hangs; empty for the main bus."""

    @model_validator(mode="after")
    def _valid(self) -> "LoadBlockEntry":
        self.record()
        return self

    def record(self) -> LoadBlock:
        """The block.

        Raises:
            InputError: A number out of range.
        """
        given = self.model_dump()
        given["weight"] = WEIGHTS[self.tier] if self.weight is None else self.weight
        return LoadBlock(**given)


class VehiclesEntry(Config):
    """Vehicles of one kind, such as school buses, each at a charger of its own."""

    name: str = Field(default="bus", examples=["bus"])
    """Start of their names."""
    count: int = Field(default=12, ge=1, le=10_000)
    """How many there are."""
    capacity_kwh: float = 155.0
    """Of each battery."""
    energy_arrival_kwh: tuple[float, float] = (62.0, 139.0)
    """Least and most in a battery when it comes, or when the grid is lost; drawn between them."""
    energy_reserve_kwh: float = 31.0
    """Kept for the way back to the depot."""
    max_discharge_kw: float = 60.0
    """Most that each feeds."""
    max_charge_kw: float = 60.0
    """Most that each draws."""
    apparent_kva: float | None = Field(default=None, gt=0, examples=[66.0])
    """Rating of each inverter; the larger of the two powers when absent."""
    efficiency_charge: float = 0.95
    """Cells over AC."""
    efficiency_discharge: float = 0.95
    """AC over cells."""
    plugged_in: int = Field(default=4, ge=0)
    """How many stand at their chargers when the grid is lost; the others come later."""
    arrival_mean_h: float = Field(default=0.75, gt=0, le=1000)
    """Mean hours until another comes; drawn from an exponential distribution."""
    arrival_least_h: float = Field(default=0.0, ge=0, le=1e4)
    """Hours before which none of the others comes."""
    arrival_share: float = Field(default=1.0, ge=0, le=1)
    """Probability that one comes at all."""
    stay_h: float | None = Field(default=None, gt=0, examples=[48.0])
    """Hours for which each stays; until the end when absent."""
    grid_forming: bool = True
    """Whether their chargers can hold voltage and frequency by themselves."""
    black_start: bool = True
    """Whether a charger starts with no voltage at its terminals, fed from the car's battery."""
    auxiliary_kw: float = Field(default=0.5, ge=0)
    """Control, contactors and network of a charger draw this while it is on."""

    @model_validator(mode="after")
    def _valid(self) -> "VehiclesEntry":
        self._check()
        # Vehicles of a kind differ in what is drawn: one of them shows what is out of range.
        one = {"count": 1, "plugged_in": 1}
        self.model_copy(update=one).records(None)
        return self

    def records(self, random: np.random.Generator | None) -> tuple[BatteryUnit, ...]:
        """Each vehicle that comes, with arrival and energy drawn, or at medians and means.

        What is drawn of a vehicle does not depend on how many there are: the first ones of a
        larger fleet are those of a smaller one.

        Args:
            random: What they are drawn with; None for no chance: energies are in the middle, and
                arrivals lie at evenly spaced quantiles of their distribution.

        Raises:
            InputError: A number out of range.
        """
        self._check()
        low, high = self.energy_arrival_kwh
        late = self.count - self.plugged_in
        if random is None:
            energy = np.full(self.count, (low + high) / 2)
            quantile = (np.arange(late) + 0.5) / max(late, 1)
            waits = -self.arrival_mean_h * np.log1p(-quantile)
            comes = np.arange(late) < round(late * self.arrival_share)
        else:
            # A row for each vehicle: the first ones have the same numbers however many there are.
            chance = random.uniform(size=(self.count, 3))
            energy = low + (high - low) * chance[:, 0]
            waits = -self.arrival_mean_h * np.log1p(-chance[self.plugged_in :, 1])
            comes = chance[self.plugged_in :, 2] < self.arrival_share
        arrival = np.concatenate([np.zeros(self.plugged_in), self.arrival_least_h + waits])
        there = np.concatenate([np.ones(self.plugged_in, bool), comes])
        rating = max(self.max_discharge_kw, self.max_charge_kw)
        return tuple(
            BatteryUnit(
                name=f"{self.name} {i + 1}",
                capacity_kwh=self.capacity_kwh,
                energy_arrival_kwh=float(energy[i]),
                max_discharge_kw=self.max_discharge_kw,
                max_charge_kw=self.max_charge_kw,
                apparent_kva=rating if self.apparent_kva is None else self.apparent_kva,
                energy_reserve_kwh=self.energy_reserve_kwh,
                arrival_h=float(arrival[i]),
                departure_h=np.inf if self.stay_h is None else float(arrival[i]) + self.stay_h,
                efficiency_charge=self.efficiency_charge,
                efficiency_discharge=self.efficiency_discharge,
                grid_forming=self.grid_forming,
                black_start=self.black_start,
                auxiliary_kw=self.auxiliary_kw,
            )
            for i in np.flatnonzero(there)
        )

    def _check(self) -> None:
        if not self.name.strip():
            fix = "Give each kind of vehicles a name."
            raise InputError("vehicles", [Fault("name", "not be empty", (self.name,), fix=fix)])
        low, high = self.energy_arrival_kwh
        if not 0 <= low <= high <= self.capacity_kwh:
            rule = f"be two rising numbers between 0 and the capacity, {self.capacity_kwh:g} kWh"
            got = (f"[{low:g}, {high:g}]",)
            raise InputError("vehicles", [Fault("energy_arrival_kwh", rule, got, (self.name,))])
        if self.plugged_in > self.count:
            rule = f"be at most count, {self.count}"
            got = (self.plugged_in,)
            raise InputError("vehicles", [Fault("plugged_in", rule, got, (self.name,))])


def place_of(vehicle: BatteryUnit) -> int:
    """Place in its fleet of a vehicle from `VehiclesEntry.records`, from 0 on.

    Vehicles that do not come have a place, too, and are not among the records.
    """
    return int(vehicle.name.rsplit(" ", 1)[1]) - 1


class SiteBatteryEntry(Config):
    """A battery of the site."""

    name: str = Field(default="site battery", examples=["site battery"])
    """Of the battery."""
    capacity_kwh: float = Field(examples=[200.0])
    """Of the cells."""
    power_kw: float = Field(examples=[100.0])
    """Most that it feeds, and draws."""
    energy_share: float = Field(default=0.8, ge=0, le=1)
    """Filled when the grid is lost, over the capacity."""
    reserve_share: float = Field(default=0.1, ge=0, le=1)
    """Over the capacity, below which it is not discharged."""
    efficiency: float = 0.95
    """Of charging, and of discharging."""
    grid_forming: bool = True
    """Whether its inverter can hold voltage and frequency by itself."""
    black_start: bool = True
    """Whether it starts with no voltage at its terminals."""

    @model_validator(mode="after")
    def _valid(self) -> "SiteBatteryEntry":
        self.record()
        return self

    def record(self) -> BatteryUnit:
        """The battery.

        Raises:
            InputError: A number out of range.
        """
        return BatteryUnit(
            name=self.name,
            capacity_kwh=self.capacity_kwh,
            energy_arrival_kwh=self.energy_share * self.capacity_kwh,
            max_discharge_kw=self.power_kw,
            max_charge_kw=self.power_kw,
            apparent_kva=self.power_kw,
            energy_reserve_kwh=self.reserve_share * self.capacity_kwh,
            efficiency_charge=self.efficiency,
            efficiency_discharge=self.efficiency,
            grid_forming=self.grid_forming,
            black_start=self.black_start,
            stationary=True,
        )


class DieselSetEntry(Config):
    """A generator set with a tank."""

    name: str = Field(default="diesel", examples=["diesel"])
    """Of the set."""
    power_kw: float = Field(examples=[300.0])
    """Rating."""
    fuel_kwh: float = Field(examples=[7200.0])
    """Electric energy that the fuel in the tank yields at full load."""
    idle_share: float = 0.25
    """Of the fuel used at full load, what is used at no load."""
    least_load_share: float = 0.3
    """Of the rating, below which it should not run for long."""
    start_s: float = 10.0
    """From the loss of the grid until it can be loaded, seconds."""
    start_probability: float = 0.9906
    """That it starts when it is called."""
    available_share: float = 0.995
    """Of the time in which it is not under repair."""
    mean_hours_to_failure: float = 1100.0
    """Of running."""

    @model_validator(mode="after")
    def _valid(self) -> "DieselSetEntry":
        self.record()
        return self

    def record(self) -> DieselSet:
        """The set.

        Raises:
            InputError: A number out of range.
        """
        return DieselSet(**self.model_dump())


class TransformerEntry(Config):
    """The transformer that is energised with the site."""

    rating_kva: float = Field(default=500.0, gt=0)
    """Of all three phases."""
    resistance_pu: float = 0.01
    """Of both windings, of its own rating."""
    reactance_pu: float = 0.05
    """Leakage."""
    knee_pu: float = 1.17
    """Flux at which the core saturates, over the peak flux at nominal voltage."""
    air_core_pu: float = 0.3
    """Inductance beyond the knee, as a reactance."""
    core_loss_pu: float = 0.003
    """Power lost in the core at nominal voltage."""
    residual_flux_pu: tuple[float, float, float] = (0.6, -0.3, -0.3)
    """Left in the three cores, over the peak flux at nominal voltage."""

    @model_validator(mode="after")
    def _valid(self) -> "TransformerEntry":
        self.record()
        return self

    def record(self) -> UnitTransformer:
        """The transformer.

        Raises:
            InputError: A number out of range.
        """
        return UnitTransformer(**self.model_dump())


class SolarEntry(Config):
    """Photovoltaic panels of the site."""

    kw_by_hour: tuple[float, ...] = Field(examples=[[0.0] * 24])
    """Power in each of the 24 hours of a day, by the local clock."""

    @model_validator(mode="after")
    def _a_day(self) -> "SolarEntry":
        given = self.kw_by_hour
        if len(given) != HOURS_A_DAY:
            raise InputError("solar", [Fault("kw_by_hour", "be 24 numbers", (len(given),))])
        if wrong := [kw for kw in given if not 0 <= kw <= MOST_SOLAR_KW]:
            rule = f"be in [0, {MOST_SOLAR_KW:g}]"
            raise InputError("solar", [Fault("kw_by_hour", rule, (wrong[0],))])
        return self

    def from_hour(self, hour: float, hours: float, step_h: float) -> np.ndarray:
        """Power by step from that hour of the clock on, for so many hours."""
        at = hour + step_h * np.arange(int(np.ceil(hours / step_h - 1e-9)))
        return np.array(self.kw_by_hour)[np.floor(at + 1e-9).astype(int) % HOURS_A_DAY]


class MicrogridEntry(Config):
    """A site that can run on its own."""

    nominal_hz: float = 60.0
    """50 or 60."""
    nominal_v: float = 480.0
    """Between two phases at the main bus."""
    load_block: tuple[LoadBlockEntry, ...] = Field(
        default=(
            LoadBlockEntry(name="intensive care", power_kw=150.0, tier="life_safety"),
            LoadBlockEntry(
                name="operating rooms", power_kw=150.0, tier="critical", cold_load_factor=1.2
            ),
            LoadBlockEntry(
                name="wards", power_kw=200.0, tier="comfort", cold_load_factor=1.3, motor_share=0.3
            ),
        )
    )
    """What is to be fed."""
    vehicles: tuple[VehiclesEntry, ...] = (VehiclesEntry(),)
    """Vehicles that come with their batteries."""
    site_battery: tuple[SiteBatteryEntry, ...] = ()
    """Batteries of the site."""
    diesel_set: tuple[DieselSetEntry, ...] = ()
    """Generator sets."""
    solar: SolarEntry | None = None
    """Photovoltaic panels."""
    transformer: TransformerEntry | None = TransformerEntry()
    """The transformer that is energised with the site."""
    feeder: SectionEntry | None = None
    """A section of an OpenDSS feeder, which gives load blocks, lines, voltage and frequency."""

    _section: SectionNetwork | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _valid(self) -> "MicrogridEntry":
        self.record()
        return self

    def with_feeder(self, folder: Path) -> tuple["MicrogridEntry", tuple[str, ...]]:
        """The microgrid with blocks and lines of its feeder, and what a reader must know of them.

        Args:
            folder: What a relative path starts from.

        Raises:
            MissingFileError: There is no such file.
            ConfigError: Blocks, voltage or frequency that are given beside the feeder.
            InputError: OpenDSS refuses it, it has no such section, a bus that is not there.
        """
        if self.feeder is None:
            return self, ()
        self._check_given()
        cut = self.feeder.cut(folder)
        blocks, notes = self.feeder.blocks(cut)
        made = self.model_copy(
            update={
                "feeder": None,
                "nominal_v": cut.nominal_v,
                "nominal_hz": cut.nominal_hz,
                "load_block": tuple(
                    parse(LoadBlockEntry, block, source="microgrid.feeder") for block in blocks
                ),
            }
        )
        made._section = cut.section
        made.record()
        return made, (*cut.notes, *notes)

    def _check_given(self) -> None:
        """Refuse what the feeder gives, too; a resolved configuration tells defaults."""
        fields = type(self).model_fields
        of_feeder = ("load_block", "nominal_hz", "nominal_v")
        given = [one for one in of_feeder if getattr(self, one) != fields[one].default]
        if given:
            fix = "Leave it out, or leave out [microgrid.feeder]; its table block tells the tier."
            rule = "not be given where a feeder is"
            raise ConfigError("microgrid", [Fault(one, rule, fix=fix) for one in given])

    def assumed(self, *, transformer: bool) -> tuple[str, ...]:
        """What a reader must know of what is not given: that of the built-in hospital is taken.

        Args:
            transformer: Whether it matters for what is asked.
        """
        names = {"vehicles": "vehicles"}
        if self.feeder is None:
            names["load_block"] = "load blocks"
        if transformer:
            names["transformer"] = "transformer"
        absent = [words for key, words in names.items() if key not in self.model_fields_set]
        if not absent:
            return ()
        return (f"Not given, so that of the built-in hospital is taken: {', '.join(absent)}.",)

    def with_all_arrivals(self) -> "MicrogridEntry":
        """The microgrid with vehicles that all come in the end."""
        come = tuple(one.model_copy(update={"arrival_share": 1.0}) for one in self.vehicles)
        return self.model_copy(update={"vehicles": come})

    def record(
        self,
        random: np.random.Generator | None = None,
        *,
        start_hour: float = 0.0,
        hours: float = 24.0,
        solar_step_h: float = 0.25,
    ) -> Microgrid:
        """The microgrid, with what is left to chance drawn, or in the middle.

        Args:
            random: What arrivals and energies are drawn with; None for no chance.
            start_hour: Hour of the local clock at which the grid is lost.
            hours: For which the power of the sun is needed.
            solar_step_h: Length of its steps.

        Raises:
            InputError: Every number out of range, names that are not unique or not known.
        """
        vehicles = [unit for entry in self.vehicles for unit in entry.records(random)]
        solar = self.solar
        return Microgrid(
            nominal_hz=self.nominal_hz,
            nominal_v=self.nominal_v,
            load_blocks=tuple(entry.record() for entry in self.load_block),
            batteries=(*vehicles, *(entry.record() for entry in self.site_battery)),
            diesel_sets=tuple(entry.record() for entry in self.diesel_set),
            solar_kw=None if solar is None else solar.from_hour(start_hour, hours, solar_step_h),
            solar_step_h=solar_step_h,
            transformer=None if self.transformer is None else self.transformer.record(),
            section=self._section,
        )
