"""What a study is given: the tables of its configuration that name data, and the book they make."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import Field, field_validator, model_validator

from evergrid.core.config import Config
from evergrid.core.errors import ConfigError, InputError, raise_if_any
from evergrid.core.faults import Fault, known
from evergrid.core.timegrid import TimeGrid, local_midnight, utc, zone
from evergrid.data import prices as price_formats
from evergrid.data import sessions as session_formats
from evergrid.data import tables
from evergrid.data.assumptions import Assumptions
from evergrid.data.locate import locate
from evergrid.data.meta import Meta
from evergrid.fleet import mobility
from evergrid.fleet.group import FleetGroup
from evergrid.model import battery
from evergrid.model.charger import Charger
from evergrid.model.portfolio import Portfolio, assemble, touching
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions, joined
from evergrid.model.site import SiteLoad, Sites, no_load

Reader = TypeVar("Reader", bound=Callable[..., object])


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
    """Price of the highest power drawn in the horizon."""
    net_metering: bool = False
    """Bill sessions here together with the site's load, at one meter."""


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
        )


class PriceSource(Config):
    """A file of energy prices."""

    file: str = Field(examples=["prices.parquet"])
    """Path, relative to this file; ${NAME:-default} is taken from the environment."""
    format: str = "table"
    """"table" for the columns of the documentation, or a public format such as "nl_dayahead"."""
    currency: str = "EUR"
    """ISO 4217 code; read from the format where that has one."""
    options: dict[str, str] = Field(default_factory=dict)
    """Choices of the format, such as { point = "HB_HOUSTON" } for ERCOT."""
    shift_weeks: int = Field(default=0, ge=-5200, le=5200)
    """Weeks added to every time stamp, to bring prices of one year to sessions of another."""
    import_fee_per_mwh: float = 0.0
    """Grid fee and tax on energy drawn, added to the price."""
    export_share: float = Field(default=1.0, ge=0)
    """Share of the market price that energy fed earns."""


class Inputs(Config):
    """What every study that plans is given."""

    sites_file: str | None = Field(default=None, examples=["sites.csv"])
    """Table of sites, instead of [[site]]."""
    site_load_file: str | None = Field(default=None, examples=["site_load.parquet"])
    """Table of the load beside the chargers."""
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
    battery: tuple[BatteryEntry, ...] = ()
    """Stationary batteries."""
    prices: PriceSource
    """What energy costs."""


@dataclass(frozen=True)
class Loaded:
    """Everything a study was given.

    Attributes:
        portfolio: The book.
        forecast: Forecast prices on the same grid, where there are any.
        sources: Where each part came from, with what its reader did to dirty rows.
        notes: What the reader of a report must know about the inputs.
    """

    portfolio: Portfolio
    forecast: Prices | None = None
    sources: tuple[Meta, ...] = ()
    notes: tuple[str, ...] = field(default=())


def load(inputs: Inputs, forecast: PriceSource | None, *, folder: Path, seed: int) -> Loaded:
    """Read, generate and put together everything a study is given.

    Args:
        inputs: The tables of the configuration.
        forecast: Where forecast prices are, if the study uses them.
        folder: What relative paths start from.
        seed: Of generated sessions.

    Raises:
        InputError: Data that breaks rules, all faults listed.
        MissingFileError: A file that is not there.
    """
    grid = inputs.horizon.grid()
    sessions, sources, notes = _sessions(inputs, grid, folder, seed)
    sites = _sites(inputs, sessions, folder)
    prices, price_sources = read_prices(inputs.prices, grid, folder)
    sources += price_sources
    believed = None
    if forecast is not None:
        forecast_prices, forecast_sources = read_prices(forecast, grid, folder)
        believed = forecast_prices.on(grid)
        sources += forecast_sources
    portfolio = assemble(grid, sessions, sites, _site_load(inputs, folder), prices)
    if not inputs.site and inputs.sites_file is None:
        notes.append("No sites are given: nothing limits the sum of the chargers.")
    return Loaded(portfolio, believed, tuple(sources), tuple(notes))


def read_prices(source: PriceSource, grid: TimeGrid, folder: Path) -> tuple[Prices, list[Meta]]:
    """Prices of a source over the grid, with its fee, export share and shift applied."""
    path = locate(source.file, folder)
    if source.format == "table":
        prices, sources = tables.read_prices(path, currency=source.currency), []
    else:
        reader = named(price_formats.FORMATS, source.format, field="prices.format")
        shift = timedelta(weeks=source.shift_weeks)
        start = grid.start_utc.replace(minute=0, second=0, microsecond=0) - shift
        end = grid.end_utc + timedelta(hours=1) - shift
        prices, meta = reader(path, start=start, end=end, **source.options)
        sources = [meta]
    shifted = Prices(
        time_utc=prices.time_utc + np.timedelta64(7 * source.shift_weeks, "D"),
        import_price_per_mwh=prices.import_price_per_mwh + source.import_fee_per_mwh,
        export_price_per_mwh=prices.export_price_per_mwh * source.export_share,
        carbon_price_per_mwh=prices.carbon_price_per_mwh,
        currency=prices.currency,
    )
    return shifted, sources


def _sessions(
    inputs: Inputs, grid: TimeGrid, folder: Path, seed: int
) -> tuple[Sessions, list[Meta], list[str]]:
    parts: list[Sessions] = []
    sources: list[Meta] = []
    notes: list[str] = []
    if inputs.sessions is not None:
        sessions, sources = _read_sessions(inputs.sessions, inputs.assumptions, folder)
        inside = touching(sessions, grid)
        if (~inside).any():
            outside = int((~inside).sum())
            notes.append(f"{outside:,} sessions lie outside the horizon and are left out.")
        if inside.any():
            begun, count = _begun(sessions.select(inside), grid)
            parts.append(begun)
            if count:
                notes.append(
                    f"{count:,} sessions began before the horizon; they are taken to have charged "
                    "at full power until it begins."
                )
    if inputs.fleet:
        parts.append(mobility.sessions(grid, inputs.fleet, seed=seed))
        notes.append("Sessions of [[fleet]] are generated, not measured.")
    if inputs.battery:
        parts.append(battery.as_sessions([entry.record() for entry in inputs.battery], grid))
    if not parts and inputs.sessions is not None:
        fix = "Choose a horizon in which vehicles are plugged in, or shift_weeks."
        raise InputError("sessions", [Fault("horizon", "touch at least one session", fix=fix)])
    if not parts:
        fix = "Name a file in [sessions], or add a [[fleet]] or a [[battery]]."
        raise ConfigError("config", [Fault("sessions", "be given", fix=fix)])
    return joined(parts), sources, notes


def _begun(sessions: Sessions, grid: TimeGrid) -> tuple[Sessions, int]:
    """The sessions as they stand when the grid begins, and how many began before it.

    What they held at that moment is not in the data: charging at full power up to what is owed,
    as an uncontrolled charger does, is assumed.
    """
    start = grid.times[0]
    before_h = np.maximum((start - sessions.arrival_utc) / np.timedelta64(1, "h"), 0.0)
    charged = before_h * sessions.max_charge_kw * sessions.efficiency_charge
    goal = np.maximum(sessions.energy_departure_kwh, sessions.energy_arrival_kwh)
    begun = replace(
        sessions,
        arrival_utc=np.maximum(sessions.arrival_utc, start),
        energy_arrival_kwh=np.minimum(sessions.energy_arrival_kwh + charged, goal),
    )
    return begun, int((before_h > 0).sum())


def _read_sessions(
    source: SessionSource, assumptions: Assumptions, folder: Path
) -> tuple[Sessions, list[Meta]]:
    path = locate(source.file, folder)
    if source.format == "table":
        wear = assumptions.wear_cost_per_kwh
        sessions, sources = tables.read_sessions(path, wear_cost_per_kwh=wear), []
    else:
        reader = named(session_formats.FORMATS, source.format, field="sessions.format")
        sessions, meta = reader(path, assumptions)
        sources = [meta]
    if source.sites:
        have = np.unique(sessions.site_id.astype(str))
        wanted = np.array(source.sites, dtype=object)
        raise_if_any("config", known("sessions.sites", wanted, have, ids=wanted, what="sites"))
        sessions = sessions.select(np.isin(sessions.site_id.astype(str), source.sites))
    shift = np.timedelta64(7 * source.shift_weeks, "D")
    moved = {
        "arrival_utc": sessions.arrival_utc + shift,
        "departure_utc": sessions.departure_utc + shift,
    }
    return replace(sessions, **moved), sources


def _sites(inputs: Inputs, sessions: Sessions, folder: Path) -> Sites:
    if inputs.sites_file is not None:
        return tables.read_sites(locate(inputs.sites_file, folder))
    entries = inputs.site or tuple(
        SiteEntry(site_id=str(name)) for name in np.unique(sessions.site_id.astype(str))
    )

    def limits(values: list[float | None]) -> np.ndarray:
        return np.array([np.inf if value is None else value for value in values])

    return Sites(
        site_id=np.array([entry.site_id for entry in entries], dtype=object),
        parent_id=np.array([entry.parent_id for entry in entries], dtype=object),
        import_limit_kw=limits([entry.import_limit_kw for entry in entries]),
        export_limit_kw=limits([entry.export_limit_kw for entry in entries]),
        demand_charge_per_kw=np.array([entry.demand_charge_per_kw for entry in entries]),
        net_metering=np.array([entry.net_metering for entry in entries]),
    )


def _site_load(inputs: Inputs, folder: Path) -> SiteLoad:
    if inputs.site_load_file is None:
        return no_load()
    return tables.read_site_load(locate(inputs.site_load_file, folder))


def named(formats: Mapping[str, Reader], name: str, *, field: str) -> Reader:
    """The reader of that name.

    Raises:
        ConfigError: No reader has it.
    """
    if name in formats:
        return formats[name]
    near = difflib.get_close_matches(name, ["table", *formats], n=1)
    fix = f"Did you mean {near[0]}? " if near else ""
    fix += f"Known formats: table, {', '.join(formats)}."
    raise ConfigError("config", [Fault(field, "be a known format", got=(name,), fix=fix)])
