"""What a study is given: the tables of its configuration that name data."""

from datetime import date, datetime, timedelta

from pydantic import Field, field_validator, model_validator

from evergrid.core.config import Config
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, local_midnight, utc, zone
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.fleet.synthetic.site_levels import SiteTree
from evergrid.model import billing
from evergrid.model.batteries import battery
from evergrid.model.charging.charger import Charger

CHARGES = ("import_fee_per_mwh", "export_share")


class Horizon(Config):
    """The time that is planned."""

    start: str = Field(examples=["2022-07-04"])
    """First local day, such as 2022-07-04, or a time stamp with its offset."""
    days: float = Field(default=1.0, gt=0, le=366)
    """Length in days; whole local days may have 23 or 25 hours."""
    time_zone: str = "UTC"
    """IANA name of the local clock, such as Europe/Oslo."""
    step_min: float = Field(default=15.0, ge=1, le=60)
    """Length of a planning step, minutes."""

    @field_validator("start", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return value.isoformat() if isinstance(value, date | datetime) else value

    @model_validator(mode="after")
    def _whole_steps(self) -> "Horizon":
        self.grid()
        return self

    def grid(self) -> TimeGrid:
        """The steps of the horizon.

        Raises:
            InputError: A start, zone or length that makes no whole number of steps.
        """
        try:
            start, end = self._span()
        except OverflowError:
            rule = "lie, with the whole horizon, in the years 1 to 9999"
            raise InputError("horizon", [Fault("start", rule, got=(self.start,))]) from None
        steps = (end - start) / timedelta(minutes=self.step_min)
        if steps < 1 or abs(steps - round(steps)) > 1e-9:
            rule = f"hold a whole number of steps of {self.step_min:g} min"
            raise InputError("horizon", [Fault("days", rule, got=(self.days,))])
        return TimeGrid(start, self.step_min / 60.0, round(steps))

    def _span(self) -> tuple[datetime, datetime]:
        zone(self.time_zone)
        if len(self.start) > len("2022-07-04"):
            start = utc(self.start, field="start")
            return start, start + timedelta(days=self.days)
        try:
            first = date.fromisoformat(self.start)
        except ValueError:
            fault = Fault("start", "be a date or a time stamp", got=(self.start,))
            raise InputError("horizon", [fault]) from None
        begin = local_midnight(first, self.time_zone)
        whole = int(self.days)
        if whole != self.days:
            return begin, begin + timedelta(days=self.days)
        return begin, local_midnight(first + timedelta(days=whole), self.time_zone)


class SessionSource(Config):
    """A file of plug-in sessions."""

    file: str = Field(examples=["sessions.parquet"])
    """Path, relative to this file; ${NAME:-default} is taken from the environment."""
    format: str = "table"
    """"table" for the columns of the documentation, or a public format such as "acn"."""
    sites: tuple[str, ...] = ()
    """Sites to keep; all when empty."""
    shift_weeks: int = Field(default=0, ge=-5200, le=5200)
    """Weeks added to every time stamp."""


class SiteEntry(Config):
    """One site of the tree."""

    site_id: str = Field(examples=["transformer-1"], min_length=1)
    """Name that sessions refer to."""
    parent_id: str = ""
    """Site above it; empty for a root."""
    import_limit_kw: float | None = Field(default=None, ge=0, examples=[100.0])
    """Greatest power drawn from above; no limit when absent."""
    export_limit_kw: float | None = Field(default=None, ge=0, examples=[100.0])
    """Greatest power fed upwards; no limit when absent."""
    demand_charge_per_kw: float = Field(default=0.0, ge=0)
    """Price of the highest power drawn in a billing period."""
    demand_charge_period: billing.Period = "month"
    """What that is paid for: each "month", "week" or "day" of the local clock, or the "horizon"."""
    demand_peak_kw: float = Field(default=0.0, ge=0)
    """Highest power drawn before the horizon in the period in which it begins."""
    demand_charge_peaks: int = Field(default=1, ge=1)
    """How many of the highest steps of a period the charge takes the mean of."""
    net_metering: bool = False
    """Bill sessions here together with the site's load and generation, at one meter."""
    energy_budget_kwh: float | None = Field(default=None, ge=0, examples=[500.0])
    """Most energy drawn in the horizon, load included, less what is fed; no budget when absent."""
    generation_curtailable: bool = True
    """Whether the site may produce less than its generation could."""
    phase_limit_a: float | None = Field(default=None, gt=0, examples=[63.0])
    """Greatest current of each phase, A; needs [chargers]; no limit when absent."""
    phase_unbalance_limit_a: float | None = Field(default=None, gt=0, examples=[20.0])
    """Greatest difference of the currents of two phases, A; no limit when absent."""


class BatteryEntry(Config):
    """One stationary battery."""

    asset_id: str = Field(examples=["battery-1"], min_length=1)
    """Its name."""
    site_id: str = Field(examples=["transformer-1"])
    """Site it is connected to."""
    capacity_kwh: float = Field(examples=[200.0], gt=0)
    """Usable energy."""
    power_kw: float = Field(examples=[100.0], gt=0)
    """Greatest power, both ways."""
    energy_start_kwh: float = Field(examples=[100.0], ge=0)
    """Energy when the horizon begins."""
    energy_end_kwh: float | None = Field(default=None, ge=0, examples=[100.0])
    """Least energy when it ends; as at the start when absent."""
    energy_reserve_kwh: float = Field(default=0.0, ge=0)
    """Energy that is never discharged."""
    efficiency: float = Field(default=0.95, gt=0, le=1)
    """One way, between cells and grid."""
    wear_cost_per_kwh: float = Field(default=0.0, ge=0)
    """Wear per kWh fed."""
    wear_rise_per_kwh_per_kw: float = Field(default=0.0, ge=0)
    """By how much that wear rises for every kW that is fed."""

    def record(self) -> battery.Battery:
        """The battery as a checked record."""
        end = self.energy_start_kwh if self.energy_end_kwh is None else self.energy_end_kwh
        return battery.Battery(
            asset_id=self.asset_id,
            site_id=self.site_id,
            capacity_kwh=self.capacity_kwh,
            energy_start_kwh=self.energy_start_kwh,
            energy_end_kwh=end,
            energy_reserve_kwh=self.energy_reserve_kwh,
            charger=Charger(self.power_kw, self.power_kw, self.efficiency, self.efficiency),
            wear_cost_per_kwh=self.wear_cost_per_kwh,
            wear_rise_per_kwh_per_kw=self.wear_rise_per_kwh_per_kw,
        )


class PriceFile(Config):
    """A file of energy prices, of any currency."""

    file: str = Field(examples=["prices.parquet"])
    """Path, relative to this file; ${NAME:-default} is taken from the environment."""
    format: str = "table"
    """"table" for the columns of the documentation, or a public format such as "nl_dayahead"."""
    options: dict[str, str] = Field(default_factory=dict)
    """Choices of the format, such as { point = "HB_HOUSTON" } for ERCOT."""
    shift_weeks: int = Field(default=0, ge=-5200, le=5200)
    """Weeks added to every time stamp, to bring prices of one year to sessions of another."""


class PriceSource(PriceFile):
    """A file of energy prices."""

    currency: str = "EUR"
    """ISO 4217 code; read from the format where that has one."""
    import_fee_per_mwh: float = 0.0
    """Grid fee and tax on energy drawn, added to the price."""
    export_share: float = Field(default=1.0, ge=0)
    """Share of the market price that energy fed earns."""


class ForecastSource(PriceFile):
    """A file of forecasts of those prices."""

    currency: str | None = Field(default=None, examples=["EUR"])
    """ISO 4217 code; that of [prices] when absent, and never another."""
    import_fee_per_mwh: float | None = Field(default=None, examples=[20.0])
    """Grid fee and tax added to the forecast; as in [prices] when absent."""
    export_share: float | None = Field(default=None, ge=0, examples=[1.0])
    """Share of the forecast price that energy fed earns; as in [prices] when absent."""

    def like(self, prices: PriceSource) -> PriceSource:
        """The same source, with what it leaves out as those prices have it."""
        given = self.model_dump(exclude_none=True)
        own = {name: getattr(prices, name) for name in ("currency", *CHARGES)}
        return PriceSource(**(own | given))


class Inputs(Config):
    """What every study that plans is given."""

    sites_file: str | None = Field(default=None, examples=["sites.csv"])
    """Table of sites, which [[site]] and [[site_tree]] may add to."""
    site_load_file: str | None = Field(default=None, examples=["site_load.parquet"])
    """Table of the load beside the chargers."""
    site_generation_file: str | None = Field(default=None, examples=["site_generation.parquet"])
    """Table of what sites could generate themselves, such as the power of their PV."""
    site_limits_file: str | None = Field(default=None, examples=["site_limits.parquet"])
    """Table of limits of sites that change over time, such as a utility's operating envelopes."""
    horizon: Horizon
    """The time that is planned."""
    sessions: SessionSource | None = None
    """Plug-in sessions from a file; [[fleet]] generates some instead or beside them."""
    assumptions: Assumptions = Assumptions()
    """What the source of sessions does not tell."""
    fleet: tuple[FleetGroup, ...] = ()
    """Vehicles whose sessions are generated from published statistics."""
    site: tuple[SiteEntry, ...] = ()
    """Sites of the tree; without any, every site named by a session is a root without limits."""
    site_tree: tuple[SiteTree, ...] = ()
    """Trees of sites that are generated, beside those of [[site]] and sites_file."""
    battery: tuple[BatteryEntry, ...] = ()
    """Stationary batteries."""
    prices: PriceSource
    """What energy costs."""

    @model_validator(mode="after")
    def _trees_once(self) -> "Inputs":
        names = [tree.name for tree in self.site_tree]
        again = tuple(name for i, name in enumerate(names) if name in names[:i])
        if again:
            fix = "Give each tree a name of its own."
            raise InputError("config", [Fault("site_tree.name", "be unique", again, fix=fix)])
        return self
