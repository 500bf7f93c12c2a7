"""The configuration of a study of resilience."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.inputs.microgrid import HOURS_A_DAY, MicrogridEntry
from evergrid.model.microgrid import TIERS, Tier

WorkersName = Literal["process", "cluster"]

MOST_RUNS = 250_000  # outages times vehicles, beyond which a run needs more than 1 GB and an hour
MOST_STEPS = 10_000  # of one outage
MOST_VALUES = 200_000_000  # outages, blocks and vehicles, and steps multiplied: of memory
MOST_EACH = 1e6  # kW or kWh of one vehicle or charger
MOST_PRICE = 1e6  # of a kWh or MWh
MOST_PAIRS = 100  # energies and chargers for which the least fleet is searched
QUARTERS = 4  # in an hour, the steps of a usual day


class OutageEntry(BaseConfig):
    """When the grid is lost, and for how long."""

    scenarios: int = Field(default=1000, ge=20, le=100_000)
    """Outages that are drawn."""
    median_h: float = Field(default=8.0, gt=0, le=500)
    """Hours that half of the outages exceed; their logarithm is normally distributed."""
    spread: float = Field(default=0.8, ge=0, le=3)
    """Standard deviation of that logarithm; 0 for outages of one length."""
    most_h: float = Field(default=24.0, gt=0, le=1000)
    """Hours after which the grid is back at the latest, and to which every outage is followed."""
    start_hour: float | None = Field(default=None, ge=0, lt=HOURS_A_DAY, examples=[14.0])
    """Hour of the local clock at which the grid is lost; any hour, drawn, when absent."""
    per_year: float = Field(default=0.5, gt=0, le=100)
    """Outages in a year, on average."""
    step_min: float = Field(default=15.0, ge=0.06, le=60)
    """Length of a step of the restoration, minutes."""
    workers: WorkersName = "process"
    """Who follows the outages: this "process", or the workers of a Ray "cluster"."""

    @property
    def step_h(self) -> float:
        """Length of a step."""
        return self.step_min / 60.0

    @property
    def steps(self) -> int:
        """Of an outage of the greatest length."""
        return int(np.ceil(self.most_h / self.step_h - 1e-9))


class RestorationEntry(BaseConfig):
    """How blocks are picked up, and what whoever decides believes of the outage."""

    pickup_share: float = Field(default=0.8, gt=0, le=1)
    """Of the power of the sources that are on, the most that blocks closed in one step draw at
    first; the study black_start shows what such a step does to voltage and frequency."""
    reserve_for_largest: bool = False
    """Whether the load must be carried without the largest source, too."""
    closings_per_step: int = Field(default=3, ge=1, le=10_000)
    """Most blocks that are closed in one step."""
    expected_h: float | None = Field(default=None, gt=0, le=1e4, examples=[8.0])
    """Mean length of outages that is counted with, exponentially distributed; when absent, lengths
    are counted with as they are drawn."""
    hold_h: float = Field(default=0.5, ge=0, le=1e4)
    """Hours for which the energy there must hold a block before it is closed."""
    life_safety_confidence: float = Field(default=0.0, ge=0, le=0.9999, examples=[0.9])
    """Probability with which the energy there must be enough for life safety to the end of the
    outage before other tiers are fed; with 0, weights alone decide."""


class RecoveryEntry(BaseConfig):
    """What counts as recovered, and what is asked for."""

    tiers: tuple[Tier, ...] = TIERS
    """Whose demand counts for T_r and M_D: "life_safety", "critical", "comfort"."""
    shares: tuple[float, ...] = (0.8, 0.95, 1.0)
    """Of the demand that must be served; a recovery time is told for each."""
    hold_h: float | None = Field(default=None, ge=0, examples=[0.5])
    """Hours for which it must stay served; until the end of the outage when absent."""
    target_share: float = Field(default=0.8, gt=0, le=1)
    """Share that the required recovery time refers to; one of shares."""
    target_t_r_h: float = Field(default=2.0, ge=0, le=1e4)
    """Most hours until then."""
    target_m_d_kwh: float = Field(default=1000.0, ge=0, le=1e9)
    """Most energy not served in an outage."""
    probability: float = Field(default=0.95, gt=0, lt=1)
    """With which an outage must keep both."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of that statement, and of the bands."""

    @model_validator(mode="after")
    def _one_of_them(self) -> "RecoveryEntry":
        faults = []
        if not self.tiers:
            fix = "Leave it out for all tiers."
            faults.append(Fault("tiers", "name at least one tier", ("[]",), fix=fix))
        if len(set(self.tiers)) < len(self.tiers):
            faults.append(Fault("tiers", "name each tier at most once", (str(list(self.tiers)),)))
        if not self.shares or not all(0 < share <= 1 for share in self.shares):
            got = (str(self.shares),)
            faults.append(Fault("shares", "be numbers above 0 and at most 1", got))
        elif list(self.shares) != sorted(set(self.shares)):
            faults.append(Fault("shares", "rise", (str(self.shares),)))
        elif len({f"{share:g}" for share in self.shares}) < len(self.shares):
            # They name columns and keys with six digits.
            faults.append(Fault("shares", "differ within six digits", (str(self.shares),)))
        elif self.target_share not in self.shares:
            rule = f"be one of shares, {', '.join(f'{one:g}' for one in self.shares)}"
            faults.append(Fault("target_share", rule, (self.target_share,)))
        if faults:
            raise InputError("recovery", faults)
        return self


class SizingEntry(BaseConfig):
    """What is tried to find the least that keeps the target."""

    scenarios: int = Field(default=300, ge=20, le=100_000)
    """Of the outages, the first so many are used; all when there are fewer."""
    vehicles: tuple[int, int] = (0, 24)
    """Least and most vehicles."""
    energy_arrival_kwh: tuple[float, ...] = (60.0, 90.0, 120.0, 150.0)
    """Mean energy that a vehicle brings; each is tried."""
    charger_kw: tuple[float, ...] = (30.0, 60.0, 120.0)
    """Power of a charger; each is tried."""

    @model_validator(mode="after")
    def _rising(self) -> "SizingEntry":
        faults = []
        if not 0 <= self.vehicles[0] < self.vehicles[1] <= 1000:
            rule = "be two rising whole numbers between 0 and 1,000"
            faults.append(Fault("vehicles", rule, (str(list(self.vehicles)),)))
        for name in ("energy_arrival_kwh", "charger_kw"):
            values = getattr(self, name)
            if not values or min(values) <= 0 or max(values) > MOST_EACH:
                rule = f"be numbers above 0 and at most {MOST_EACH:g}"
                faults.append(Fault(name, rule, (str(list(values)),)))
            elif list(values) != sorted(set(values)):
                faults.append(Fault(name, "rise", (str(list(values)),)))
        if (pairs := len(self.energy_arrival_kwh) * len(self.charger_kw)) > MOST_PAIRS:
            rule = f"make at most {MOST_PAIRS} pairs with charger_kw"
            faults.append(Fault("energy_arrival_kwh", rule, (pairs,)))
        if faults:
            raise InputError("sizing", faults)
        return self


class LostLoadEntry(BaseConfig):
    """What a kWh that is not served costs, by tier."""

    life_safety_per_kwh: float = Field(default=100.0, ge=0, le=MOST_PRICE)
    """Of loads that lives depend on."""
    critical_per_kwh: float = Field(default=30.0, ge=0, le=MOST_PRICE)
    """Of critical loads."""
    comfort_per_kwh: float = Field(default=5.0, ge=0, le=MOST_PRICE)
    """Of all others."""


class StandingEntry(BaseConfig):
    """What is earned on usual days, and given up to be ready."""

    reserve_kwh: tuple[float, ...] = (31.0, 60.0, 90.0, 120.0, 140.0)
    """Energy that each vehicle keeps at all times while it is plugged in; each is tried, beside the
    energy_reserve_kwh of the vehicles."""
    plugged_in: tuple[float, float] = (17.0, 6.0)
    """Hours of the local clock from which to which vehicles are plugged in on usual days."""
    energy_arrival_kwh: float = Field(default=90.0, gt=0, le=MOST_EACH)
    """In each battery when it is plugged in."""
    energy_departure_kwh: float = Field(default=140.0, gt=0, le=MOST_EACH)
    """Owed to each vehicle when it leaves."""
    import_price_per_mwh: tuple[float, ...] = (
        *(60.0, 55.0, 52.0, 50.0, 52.0, 60.0, 80.0, 100.0, 95.0, 80.0, 70.0, 65.0),
        *(60.0, 60.0, 65.0, 75.0, 110.0, 180.0, 240.0, 220.0, 160.0, 110.0, 85.0, 70.0),
    )
    """Price of energy in each of 24 hours; what is fed earns the same less export_loss_per_mwh."""
    export_loss_per_mwh: float = Field(default=10.0, ge=0, le=MOST_PRICE)
    """By which feeding earns less than drawing costs."""
    wear_per_kwh: float = Field(default=0.03, ge=0, le=MOST_PRICE)
    """Battery wear for each kWh that is fed."""
    currency: str = Field(default="USD", min_length=1, max_length=16)
    """ISO 4217 code."""

    @model_validator(mode="after")
    def _a_day(self) -> "StandingEntry":
        faults = []
        if len(self.import_price_per_mwh) != HOURS_A_DAY:
            got = (f"{len(self.import_price_per_mwh)} numbers",)
            faults.append(Fault("import_price_per_mwh", "be 24 numbers", got))
        elif max(map(abs, self.import_price_per_mwh)) > MOST_PRICE:
            rule = f"be in [{-MOST_PRICE:g}, {MOST_PRICE:g}]"
            got = (max(self.import_price_per_mwh, key=abs),)
            faults.append(Fault("import_price_per_mwh", rule, got))
        start, end = self.plugged_in
        if not (0 <= start < HOURS_A_DAY and 0 <= end < HOURS_A_DAY and start != end):
            rule = "be two different hours of the clock, from 0 to below 24"
            faults.append(Fault("plugged_in", rule, (str(list(self.plugged_in)),)))
        elif any(QUARTERS * hour % 1 for hour in self.plugged_in):
            rule = "be full quarters of an hour, such as 17.25"
            faults.append(Fault("plugged_in", rule, (str(list(self.plugged_in)),)))
        if not self.reserve_kwh or list(self.reserve_kwh) != sorted(set(self.reserve_kwh)):
            faults.append(Fault("reserve_kwh", "rise", (str(list(self.reserve_kwh)),)))
        if faults:
            raise InputError("standing", faults)
        return self


class StormEntry(BaseConfig):
    """A warning before the grid is lost, on which vehicles that are plugged in charge."""

    warning_h: float = Field(default=4.0, gt=0, le=240)
    """Hours between the warning and the loss."""
    charge_share: float = Field(default=1.0, gt=0, le=1)
    """To which they charge, over the capacity."""
    come_early: bool = True
    """Whether the vehicles that would come later are called to their chargers on the warning."""


class RegulationEntry(BaseConfig):
    """Regulation that vehicles were selling when the grid was lost, which moved their energy."""

    award_kw: float = Field(default=30.0, gt=0, le=MOST_EACH)
    """Of each vehicle, up and down."""
    hours: float = Field(default=2.0, gt=0, le=24)
    """For which the signal was followed before the loss."""
    signal_file: str | None = Field(default=None, examples=["regd.parquet"])
    """Table of second and signal (or second_of_day and regd); a made-up one when absent."""


class Config(BaseConfig):
    """What is lost when the grid is gone, and what vehicles save of it."""

    study: Literal["resilience"] = "resilience"
    """Which study this is."""
    title: str = "Resilience of a microgrid"
    """Heading of the report."""
    microgrid: MicrogridEntry = MicrogridEntry()
    """The site: what is to be fed, and what feeds it."""
    outage: OutageEntry = OutageEntry()
    """When the grid is lost, and for how long."""
    restoration: RestorationEntry = RestorationEntry()
    """How blocks are picked up."""
    recovery: RecoveryEntry = RecoveryEntry()
    """What counts as recovered, and what is asked for."""
    lost_load: LostLoadEntry = LostLoadEntry()
    """What a kWh that is not served costs."""
    sizing: SizingEntry | None = None
    """What is tried to find the least fleet that keeps the target; left out when absent."""
    standing: StandingEntry | None = None
    """What being ready costs on usual days; left out when absent."""
    storm: StormEntry | None = None
    """A warning before the loss, compared with none; left out when absent."""
    regulation: RegulationEntry | None = None
    """Regulation that was sold before the loss; none when absent."""
    checked_outages: int = Field(default=5, ge=0, le=100)
    """Outages of which the best restoration with all known is solved, beside the policy's, within
    ten minutes in all."""

    @model_validator(mode="after")
    def _together(self) -> "Config":
        if self.microgrid.feeder is None:  # which tells the load blocks once it is read
            check(self)
        return self


def check(config: Config) -> None:
    """Refuse tables that do not go together.

    Raises:
        ConfigError: With the way out.
    """
    faults = []
    tiers = {block.tier for block in config.microgrid.load_block}
    if not tiers & set(config.recovery.tiers):
        rule = f"name a tier that has load blocks: {', '.join(sorted(tiers))}"
        faults.append(Fault("recovery.tiers", rule, (str(list(config.recovery.tiers)),)))
    fleet = config.microgrid.vehicles
    if len(fleet) != 1 and (config.sizing or config.standing):
        rule = "hold one table when [sizing] or [standing] is given"
        fix = "Give one kind of vehicles, or leave those tables out."
        faults.append(Fault("microgrid.vehicles", rule, (f"{len(fleet)} tables",), fix=fix))
    most = sum(entry.count for entry in fleet)
    if config.sizing is not None:
        most = max(most, config.sizing.vehicles[1])
        high = fleet[0].capacity_kwh if fleet else np.inf
        if max(config.sizing.energy_arrival_kwh) > high:
            rule = f"be at most the capacity of a vehicle, {high:g} kWh"
            got = (max(config.sizing.energy_arrival_kwh),)
            faults.append(Fault("sizing.energy_arrival_kwh", rule, got))
    faults += _too_much(config, most)
    if config.regulation is not None:
        limits = [kw for entry in fleet for kw in (entry.max_charge_kw, entry.max_discharge_kw)]
        if config.regulation.award_kw > (limit := min(limits, default=np.inf)):
            rule = f"be at most what each vehicle can feed and draw, {limit:g} kW"
            faults.append(Fault("regulation.award_kw", rule, (config.regulation.award_kw,)))
    if faults:
        raise ConfigError("config", faults)


def _too_much(config: Config, vehicles: int) -> list[Fault]:
    """Faults of runs that would take hours, or more memory than there is."""
    outage = config.outage
    if outage.most_h / outage.step_h > MOST_STEPS:
        rule = f"be at least {60 * outage.most_h / MOST_STEPS:.3g} with most_h of {outage.most_h:g}"
        return [Fault("outage.step_min", rule, (outage.step_min,))]
    others = len(config.microgrid.load_block) + len(config.microgrid.site_battery)
    others += len(config.microgrid.diesel_set)
    most = min(MOST_RUNS // max(vehicles, 1), MOST_VALUES // ((vehicles + others) * outage.steps))
    if outage.scenarios > most:
        rule = f"be at most {most:,} with {vehicles:,} vehicles and {outage.steps:,} steps"
        return [Fault("outage.scenarios", rule, (outage.scenarios,))]
    return []
