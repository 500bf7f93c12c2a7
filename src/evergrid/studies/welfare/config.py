"""The configuration of a study of welfare."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.units import KG_PER_TONNE
from evergrid.impact.welfare.dollars import DEFLATOR
from evergrid.model.time_series.emission_factors import LARGEST_KG_PER_MWH, SMALLEST_KG_PER_MWH

HOURS = 24
MOST_DAYS = 366.0
MOST_PER_MMBTU = 100.0  # of any fuel; more is a price of something else than a million Btu
LARGEST_OTHER_KG_PER_MWH = 100.0  # of other pollutants; unscrubbed lignite emits 20 of SO2
PolicyName = Literal[
    "flat",
    "flat_carbon",
    "time_of_use",
    "time_of_use_carbon",
    "real_time",
    "real_time_carbon",
    "single_buyer",
]
StorageOwner = Literal[
    "utility", "generators", "aggregator", "consumers", "ev_owners", "government", "neighbours"
]
SourceName = Literal["epa_2.5", "epa_2.0", "epa_1.5", "iwg_2021", "own", "none"]


class PlantBlock(BaseConfig):
    """Plants of one cost."""

    name: str = Field(min_length=1, examples=["coal"])
    """What they are called."""
    capacity_mw: float = Field(gt=0, examples=[2000.0])
    """What they give together."""
    cost_per_mwh: float = Field(ge=0, examples=[24.0])
    """Fuel and variable operation; with the carbon price or without it, as carbon.in_costs says. A
    subsidy is a payment and no cost: what runs for one costs 0."""
    co2_kg_per_mwh: float = Field(default=0.0, ge=0)
    """Carbon dioxide: 0, or from 3 to 3,000."""
    ch4_kg_per_mwh: float = Field(default=0.0, ge=0)
    """Methane; at most 100, as of the three below."""
    so2_kg_per_mwh: float = Field(default=0.0, ge=0)
    """Sulphur dioxide."""
    nox_kg_per_mwh: float = Field(default=0.0, ge=0)
    """Nitrogen oxides."""
    pm25_kg_per_mwh: float = Field(default=0.0, ge=0)
    """Particles below 2.5 micrometres."""
    imported: bool = False
    """Whether they are neighbours' plants."""
    pays_carbon: bool = True
    """Whether they pay the carbon price."""

    @model_validator(mode="after")
    def _units(self) -> "PlantBlock":
        faults, co2 = [], self.co2_kg_per_mwh
        if co2 and not SMALLEST_KG_PER_MWH <= co2 <= LARGEST_KG_PER_MWH:
            rule = f"be 0, or from {SMALLEST_KG_PER_MWH:g} to {LARGEST_KG_PER_MWH:g} kg/MWh"
            fix = "Give kg per MWh: 0.35 t/MWh or kg/kWh is 350, 350,000 g/MWh is 350, 770 lb/MWh "
            fix += "is 349; what emits less than the least counts as 0."
            faults.append(Fault("co2_kg_per_mwh", rule, (co2,), (self.name,), fix=fix))
        for name in ("ch4", "so2", "nox", "pm25"):
            value = getattr(self, f"{name}_kg_per_mwh")
            if value > LARGEST_OTHER_KG_PER_MWH:
                rule = f"be at most {LARGEST_OTHER_KG_PER_MWH:g} kg/MWh"
                fix = "Give kg per MWh: 1 lb/MWh is 0.454, 1,000 g/MWh is 1."
                faults.append(Fault(f"{name}_kg_per_mwh", rule, (value,), (self.name,), fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self


class RtsPlants(BaseConfig):
    """The generators of the RTS-GMLC test system and its year of load, wind and sun."""

    folder: str = Field(examples=["generation/rts_gmlc"])
    """With gen.csv and the hourly series; relative to this file or to the data folder."""
    treatment: Literal["hull", "as_given"] = "hull"
    """Heat rates that fall with the output: "hull" runs no increment before the block below it."""
    capacity_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of every block that is out of service."""
    load_factor: float = Field(default=1.0, gt=0)
    """What the load is multiplied by."""


class PjmPlants(BaseConfig):
    """The generators of PJM and its load, as the ICARUS data set has them."""

    generators: str = Field(examples=["generation/pjm_generators_icarus_2024.parquet"])
    """Table of units; relative to this file or to the data folder, as `load` is."""
    load: str = Field(examples=["generation/pjm_zonal_load_hourly_icarus.parquet"])
    """Table of 8,760 hours with the load of each zone in MW, in columns such as PJM_AP."""
    fuel_price_per_mmbtu: dict[str, Annotated[float, Field(ge=0, le=MOST_PER_MMBTU)]] = Field(
        examples=[{"Natural Gas": 3.5, "Bituminous": 2.2, "Nuclear Fuel": 0.8}]
    )
    """Of each fuel that is burnt, by its name in the table; the data set has none."""
    other_cost_per_mwh: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, examples=[{"Coal Steam": 5.0}]
    )
    """Operation and maintenance by plant type; 0 where none is given."""
    year: int = Field(default=2025, ge=1990, le=2080)
    """Units that are on line through it, and the year whose days the hours are; no leap year."""
    capacity_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of every unit that is out of service."""
    load_factor: float = Field(default=1.0, gt=0)
    """What the load is multiplied by."""


class CommitmentDays(BaseConfig):
    """Days of the test system with units that run or stand, beside the merit order."""

    first_day: str = Field(examples=["2020-06-17"])
    """First of them."""
    days: int = Field(default=7, ge=1, le=14)
    """How many."""
    gap: float = Field(default=0.005, gt=0, le=0.1)
    """Share of the cost by which a schedule may exceed the least and is still called optimal."""
    time_limit_s: float = Field(default=300.0, gt=0)
    """For each of two schedules of whole units; after it the best known is told, with its gap."""

    @field_validator("first_day", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return value.isoformat() if isinstance(value, date) else value


class DayType(BaseConfig):
    """A day that stands for many like it."""

    name: str = Field(min_length=1, examples=["summer"])
    """What it is called."""
    days: float = Field(gt=0, examples=[122.0])
    """Of the year that are like it."""
    kind: str = Field(default="all", min_length=1)
    """Days of one kind share a time-of-use rate."""
    load_mw: tuple[float, ...] = Field(
        min_length=HOURS, max_length=HOURS, examples=[(1000.0,) * HOURS]
    )
    """At meters, hour by hour of the local clock, without vehicles."""
    renewable_mw: tuple[float, ...] = ()
    """Wind and sun at the grid, hour by hour; none when empty."""

    @model_validator(mode="after")
    def _hours(self) -> "DayType":
        faults = []
        if self.renewable_mw and len(self.renewable_mw) != HOURS:
            rule = f"have {HOURS} values, or none"
            faults.append(Fault("renewable_mw", rule, (len(self.renewable_mw),), (self.name,)))
        for name in ("load_mw", "renewable_mw"):
            values = getattr(self, name)
            if any(value < 0 for value in values):
                faults.append(Fault(name, "be at least 0", (min(values),), (self.name,)))
        if faults:
            raise ConfigError("config", faults)
        return self


class Vehicles(BaseConfig):
    """The vehicles that may feed."""

    count: int = Field(default=100_000, gt=0)
    """How many could take part."""
    charger_kw: float = Field(default=7.4, gt=0)
    """Of each, both ways, at the meter."""
    plugged_share: float = Field(default=0.6, gt=0, le=1)
    """Of them, plugged in at any hour."""
    feed_kwh_per_day: float = Field(default=12.0, gt=0)
    """Most that one feeds in a day."""
    driving_kwh_per_day: float = Field(default=8.0, ge=0)
    """Charged for driving, at the meter."""
    round_trip: float = Field(default=0.87, gt=0, le=1)
    """Fed over charged, at the meter (Schram et al. 2020 measured 0.87, 0.79 to 0.88)."""
    wear_per_mwh: float = Field(default=24.0, ge=0)
    """Of the battery per MWh fed, as owners count it when they decide."""
    real_wear_per_mwh: float | None = Field(default=None, ge=0, examples=[33.0])
    """The same as it comes to, if that is another; the difference is told."""
    baseline: Literal["uncontrolled", "smart"] = "smart"
    """What vehicles do without V2G: charge when they come home, or in the hours of least load."""


class StationaryStorage(BaseConfig):
    """Batteries of the grid, which every case has, with V2G and without."""

    power_mw: float = Field(gt=0, examples=[200.0])
    """Charging and feeding, all together, at the grid."""
    energy_mwh: float = Field(gt=0, examples=[800.0])
    """That they hold."""
    round_trip: float = Field(default=0.86, gt=0, le=1)
    """Fed over charged."""
    wear_per_mwh: float = Field(default=0.0, ge=0)
    """Of each MWh fed."""
    owner: StorageOwner = "generators"
    """The one party that they belong to, which is paid the price of the hour for what they feed."""


class Owners(BaseConfig):
    """What owners ask for beside wear."""

    lowest_per_mwh: float = Field(default=2.0, ge=0)
    """Effort of the readiest owner, per MWh fed."""
    highest_per_mwh: float = Field(default=60.0, gt=0)
    """Effort of the least ready owner; the others are spread evenly between."""
    effort_per_year: float = Field(default=60.0, gt=0)
    """Of the least ready owner for being in a programme at all, for a tariff of two parts; the
    others are spread evenly from 0."""
    unplanned_trips_per_day: float = Field(default=0.01, ge=0)
    """Trips of a vehicle that nobody planned, while its battery is lower."""
    mean_trip_kwh: float = Field(default=8.0, gt=0)
    """Energy of such a trip on average."""
    cost_per_failure: float = Field(default=30.0, ge=0)
    """Of such a trip that cannot be made."""
    stored_kwh: float = Field(default=45.0, gt=0)
    """In the battery of a vehicle that does not feed."""

    @model_validator(mode="after")
    def _spread(self) -> "Owners":
        if self.highest_per_mwh <= self.lowest_per_mwh:
            fault = Fault("highest_per_mwh", "be above lowest_per_mwh", (self.highest_per_mwh,))
            raise ConfigError("config", [fault])
        return self


class Carbon(BaseConfig):
    """What emissions are paid for, and what they cost the world."""

    price_per_t: float = Field(default=0.0, ge=0)
    """Paid by plants to the government for a tonne of carbon dioxide."""
    in_costs: bool = False
    """Whether the costs of plants hold that price already; it is then taken out of them."""
    social_cost: SourceName = "epa_2.0"
    """Of a tonne: of the EPA (2023) at 2.5, 2.0 or 1.5 %, of the working group of 2021 (as quoted
    by others, not verified), or own."""
    compared: tuple[SourceName, ...] = ("none", "iwg_2021", "epa_2.5", "epa_2.0", "epa_1.5")
    """Social costs under which policies are ranked."""
    own_per_t: float | None = Field(default=None, examples=[100.0])
    """Social cost of a tonne of carbon dioxide, where "own" is named."""
    own_ch4_per_t: float = 0.0
    """Of a tonne of methane, likewise."""
    own_dollar_year: int | None = Field(default=None, examples=[2023])
    """Year of the dollars of these two."""
    so2_per_short_ton: float = Field(default=40_000.0, ge=0)
    """Damage of sulphur dioxide to health, per short ton; this and the next two as quoted by
    others, not verified."""
    nox_per_short_ton: float = Field(default=6_000.0, ge=0)
    """Of nitrogen oxides."""
    pm25_per_short_ton: float = Field(default=140_000.0, ge=0)
    """Of particles."""
    local_dollar_year: int = 2015
    """Year of the dollars of these three."""

    @model_validator(mode="after")
    def _own(self) -> "Carbon":
        wanted = "own" in (self.social_cost, *self.compared)
        faults = []
        if wanted and self.own_per_t is None:
            faults.append(Fault("own_per_t", 'be given where a social cost is "own"'))
        if wanted and self.own_dollar_year is None:
            fix = "Say in dollars of which year own_per_t is."
            faults.append(Fault("own_dollar_year", 'be given where a cost is "own"', fix=fix))
        if not self.compared:
            faults.append(Fault("compared", "name at least one social cost"))
        if faults:
            raise ConfigError("config", faults)
        return self


class Tariffs(BaseConfig):
    """What is paid for electricity, and to owners."""

    policy: PolicyName = "real_time"
    """How owners are paid in the case that is accounted for in full."""
    retail_per_mwh: float | None = Field(default=None, ge=0, examples=[120.0])
    """Paid by consumers without tax; the price of the hour with losses when absent."""
    tax_per_mwh: float = Field(default=0.0, ge=0)
    """On consumption and on charging for driving."""
    tax_on_feeding: bool = False
    """Whether charging to feed later is taxed too."""
    programme_per_mwh: float = Field(default=3.0, ge=0)
    """What running V2G costs the aggregator per MWh fed."""
    capacity_per_kw_year: float = Field(default=0.0, ge=0)
    """Worth of a kW that is surely there, which a tariff of two parts pays for."""


class NetworkTerms(BaseConfig):
    """Between plants and meters."""

    loss_share: float = Field(default=0.05, ge=0, lt=1)
    """Of what is sent out, what is lost before it is metered."""
    voll_per_mwh: float = Field(default=10_000.0, gt=0)
    """Value of lost load, at meters."""


class IncomeGroup(BaseConfig):
    """People of one income in one region, and their part in what is gained and lost."""

    name: str = Field(min_length=1, examples=["low income"])
    """What they are called."""
    region: str = Field(default="all", examples=["city"])
    """Where they live."""
    income_per_year: float = Field(gt=0, examples=[25_000.0])
    """Of a household."""
    households_share: float = Field(ge=0, le=1, examples=[0.2])
    """Of all households."""
    vehicles_share: float = Field(ge=0, le=1, examples=[0.05])
    """Of the vehicles that may feed."""
    consumption_share: float = Field(ge=0, le=1, examples=[0.15])
    """Of the electricity of households."""
    pollution_share: float = Field(ge=0, le=1, examples=[0.3])
    """Of the harm of local pollutants."""


class AssumptionRanges(BaseConfig):
    """Assumptions that are tried against one another, beside those of the study itself."""

    wear_factor: tuple[Annotated[float, Field(ge=0, le=100)], ...] = (0.5, 1.0, 2.0)
    """What wear is multiplied by."""
    round_trip: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.791, 0.87)
    """Fed over charged."""
    social_cost: tuple[SourceName, ...] = ("none", "iwg_2021", "epa_2.0", "epa_1.5")
    """Of a tonne."""
    effort_factor: tuple[Annotated[float, Field(gt=0, le=100)], ...] = (0.5, 1.0, 2.0)
    """What the effort of owners is multiplied by."""
    baseline: tuple[Literal["uncontrolled", "smart"], ...] = ("smart", "uncontrolled")
    """What vehicles do without V2G."""


class Config(BaseConfig):
    """The configuration of a study of welfare."""

    study: Literal["welfare"] = "welfare"
    """Which study this is."""
    title: str = "Welfare"
    """Heading of the report."""
    currency: Literal["USD"] = "USD"
    """Of all amounts; published social costs are in dollars."""
    dollar_year: int = 2023
    """Year of the dollars of all amounts that name no other."""
    year: int = Field(default=2025, ge=2020, le=2080)
    """In which is emitted."""
    plants: tuple[PlantBlock, ...] = ()
    """A stack of plants; or `rts`, or `pjm`."""
    rts: RtsPlants | None = None
    """The RTS-GMLC test system in the place of `plants` and `days`."""
    pjm: PjmPlants | None = None
    """The generators and the load of PJM in their place."""
    commitment: CommitmentDays | None = None
    """Days of `rts` with units that run or stand; none when absent."""
    days: tuple[DayType, ...] = ()
    """Days that stand for the year."""
    vehicles: Vehicles = Vehicles()
    """The vehicles that may feed."""
    storage: StationaryStorage | None = None
    """Batteries of the grid; none when absent."""
    owners: Owners = Owners()
    """What owners ask for."""
    carbon: Carbon = Carbon()
    """What emissions cost."""
    tariffs: Tariffs = Tariffs()
    """Who pays what."""
    network: NetworkTerms = NetworkTerms()
    """Between plants and meters."""
    group: tuple[IncomeGroup, ...] = Field(default=(), max_length=50)
    """Groups of people; examples when there are none."""
    assumed: AssumptionRanges = AssumptionRanges()
    """Assumptions that are tried."""
    nodes: int = Field(default=121, ge=11, le=2001)
    """At which the worth of feeding is found, between none and all vehicles."""


def check(config: Config) -> None:
    """Refuse a configuration whose tables do not go together.

    Raises:
        ConfigError: No system or two, groups whose shares are not of a whole, ranges without a
            value; all are listed.
    """
    faults = []
    fleets = [name for name in ("rts", "pjm") if getattr(config, name) is not None]
    if not fleets and not (config.plants and config.days):
        fix = "Add [[plants]] and [[days]], or [rts] with the folder of the test system, or [pjm]."
        faults.append(Fault("plants", "be given, with days", fix=fix))
    if fleets and (config.plants or config.days):
        fix = f"Remove [[plants]] and [[days]], or [{fleets[0]}]."
        faults.append(Fault(fleets[0], "stand alone", fix=fix))
    if len(fleets) > 1:
        faults.append(Fault("rts", "stand alone", fix="Remove [pjm], or [rts]."))
    if config.commitment is not None and config.rts is None:
        fix = "Other plants have no starts and no least output: leave [commitment] out."
        faults.append(Fault("commitment", "be given with [rts] only", fix=fix))
    faults += _carbon_in_costs(config) + _dollar_years(config) + _calendar(config)
    faults += _repeated("plants.name", [one.name for one in config.plants])
    faults += _repeated("days.name", [one.name for one in config.days])
    faults += _repeated("group.name", [f"{one.name}, {one.region}" for one in config.group])
    faults += _retail(config)
    shares = ("households_share", "vehicles_share", "consumption_share", "pollution_share")
    for name in shares if config.group else ():
        total = sum(getattr(one, name) for one in config.group)
        if abs(total - 1) > 1e-6:
            faults.append(Fault(f"group.{name}", "add up to 1", (total,)))
    for name in AssumptionRanges.model_fields:
        if not getattr(config.assumed, name):
            faults.append(Fault(f"assumed.{name}", "have at least one value"))
    if "own" in config.assumed.social_cost and config.carbon.own_per_t is None:
        fault = Fault("carbon.own_per_t", 'be given where a social cost is "own"')
        faults.append(fault)
    if faults:
        raise ConfigError("config", faults)


def _carbon_in_costs(config: Config) -> list[Fault]:
    """Costs that are said to hold a price of carbon, and cannot."""
    carbon, faults = config.carbon, []
    if not carbon.in_costs:
        return []
    for name in ("rts", "pjm"):
        if getattr(config, name) is not None and carbon.price_per_t:
            fix = "The costs of that fleet hold no price of carbon: it is added to them."
            fault = Fault("carbon.in_costs", f"be false with [{name}]", (True,), fix=fix)
            faults.append(fault)
    for plant in config.plants:
        price = carbon.price_per_t * plant.co2_kg_per_mwh / KG_PER_TONNE
        if plant.pays_carbon and plant.cost_per_mwh < price:
            rule = f"be at least {price:,.2f}, the carbon price that carbon.in_costs says it holds"
            fix = "Give the cost with the carbon price, or set carbon.in_costs = false, or "
            fix += "pays_carbon = false for plants that do not pay it."
            got = (plant.cost_per_mwh,)
            faults.append(Fault("plants.cost_per_mwh", rule, got, (plant.name,), fix=fix))
    return faults


def _dollar_years(config: Config) -> list[Fault]:
    """Years of dollars that the deflator does not cover, by the key that names them."""
    carbon = config.carbon
    own = "own" in (carbon.social_cost, *carbon.compared, *config.assumed.social_cost)
    years = {
        "dollar_year": config.dollar_year,
        "carbon.local_dollar_year": carbon.local_dollar_year,
    }
    if own and carbon.own_dollar_year is not None:
        years["carbon.own_dollar_year"] = carbon.own_dollar_year
    rule = f"be a year from {min(DEFLATOR)} to {max(DEFLATOR)}"
    fix = "Give the amount in dollars of a year that the deflator covers."
    return [
        Fault(name, rule, (got,), fix=fix) for name, got in years.items() if got not in DEFLATOR
    ]


def _calendar(config: Config) -> list[Fault]:
    """Days that are more than a year holds."""
    total = sum(one.days for one in config.days)
    if total <= MOST_DAYS:
        return []
    fix = "Give how many days of one year each stands for; hours are not days."
    return [Fault("days.days", f"add up to a year at most, {MOST_DAYS:g}", (total,), fix=fix)]


def _repeated(field: str, names: Sequence[str]) -> list[Fault]:
    """Names that stand for more than one thing."""
    twice = tuple(name for name, count in Counter(names).items() if count > 1)
    fix = "Tables of the results go by these names."
    return [Fault(field, "not repeat", twice, fix=fix)] if twice else []


def _retail(config: Config) -> list[Fault]:
    """A price to consumers at which nobody would want to be served."""
    paid = config.tariffs.tax_per_mwh + (config.tariffs.retail_per_mwh or 0.0)
    if paid <= config.network.voll_per_mwh:
        return []
    rule = f"be at most network.voll_per_mwh, {config.network.voll_per_mwh:g}, with the tax"
    fix = "Above it nobody would want to be served: lower it, or raise voll_per_mwh."
    return [Fault("tariffs.retail_per_mwh", rule, (paid,), fix=fix)]
