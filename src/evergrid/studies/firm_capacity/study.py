"""How much power can a fleet promise for the coming days, and how sure is that?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import numpy as np
import polars as pl
from pydantic import Field, field_validator, model_validator

from evergrid.core import config as config_file
from evergrid.core.arrays import Array, Shaped
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, local_midnight, zone
from evergrid.data.files.locate import locate
from evergrid.data.meta import Meta
from evergrid.data.sessions import stated
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.data.tables import read_weather
from evergrid.fleet.firm_capacity.outages import Outage
from evergrid.fleet.history.past_days import Behaviour, Direction, Gaps, History, Product, history
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.inputs import fleet_memory
from evergrid.inputs.assembly import read_sessions
from evergrid.inputs.tables import SessionSource
from evergrid.model.session import Sessions
from evergrid.model.weather import Weather
from evergrid.studies import summary
from evergrid.studies.firm_capacity import notes as note
from evergrid.studies.firm_capacity import report, tables
from evergrid.studies.firm_capacity.offers import FirmCapacityResults, Request, find
from evergrid.studies.result import AbstractResult, AbstractTelling, Files

QUESTION = "Promise power that an unpredictable fleet will deliver"
OUTPUTS = (
    "summary.json",
    "config.toml",
    "report.html",
    "inputs/sessions.parquet",
    "inputs/weather.parquet",
    "offers.parquet",
    "blocks.parquet",
    "vehicles.parquet",
    "growth.parquet",
    "held_out.parquet",
    "rules.parquet",
    "quarters.parquet",
    "ahead.parquet",
    "model.parquet",
    "methods.parquet",
)


class ProductEntry(BaseConfig):
    """What is to be delivered when called."""

    direction: Direction = "up"
    """"up": more power into the grid than without a call; "down": less."""
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


class HistoryDays(BaseConfig):
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
    generated: HistoryDays | None = None
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


@final
@dataclass(frozen=True)
class Result(AbstractResult[Config]):
    """What came out.

    Attributes:
        config: As resolved.
        sessions: The history as read.
        weather: Temperatures as read, where there are any.
        record: What the fleet could have delivered.
        found: Promises, expectations and scores.
        summary: Headline numbers.
        tables: Tidy tables by file name without ending.
    """

    config: Config
    sessions: Sessions
    weather: Weather | None
    record: History
    found: FirmCapacityResults
    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    telling: ClassVar[AbstractTelling] = report
    outputs: ClassVar[tuple[str, ...]] = OUTPUTS

    def _beside(self) -> Files:
        read = tables.inputs(self.sessions, self.weather)
        return {f"inputs/{name}.parquet": table for name, table in read.items()}

    @cached_property
    def _shown(self) -> report.ReportInputs:
        return report.ReportInputs(
            self.config.title, self.config.time_zone, self.found, self.summary
        )


Progress = Callable[[str, float], None]


def run(
    config: Config,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = lambda label, share: None,
) -> Result:
    """Promises of a fleet from its history.

    Args:
        config: What to promise.
        seed: Of the draws of `Drivers`.
        folder: What relative paths in the configuration start from; the current one by default.
        progress: Called with what is being done and the share of the run that is done.

    Raises:
        InputError: Data or settings that break rules, or too few days for a confidence.
    """
    progress("reading the history", 0.0)
    folder = folder or Path.cwd()
    sessions, sources = _sessions(config, folder, seed)
    told = _stated(config, sessions, folder)
    weather = _weather(config, folder)
    record = history(
        sessions,
        config.time_zone,
        config.product.record(),
        stated_utc=told,
        behaviour=Behaviour(**config.drivers.model_dump()),
        gaps=config.gaps,
        holidays=config.days_off(),
        seed=seed,
    )
    found = find(record, config.days_off(), _asked(config), weather=weather, progress=progress)
    progress("writing down the results", 0.95)
    made = tables.results(found)
    notes = [
        *note.of_inputs(
            record,
            told,
            sources,
            generated=bool(config.fleet),
            drawn=config.drivers != Drivers(),
        ),
        note.GUARANTEES[config.guarantee],
    ]
    read = tables.inputs(sessions, weather)
    headline = _summary(config, read, record, found, notes=notes, sources=sources, seed=seed)
    return Result(config, sessions, weather, record, found, headline, made)


def _asked(config: Config) -> Request:
    return Request(
        confidence=tuple(sorted(set(config.confidence))),
        by_model=config.beyond_history == "model",
        proven=config.guarantee == "proven",
        outages=tuple(Outage(**entry.model_dump()) for entry in config.outage),
        coming=config.coming_days,
        judged_share=config.judged_share,
        block_h=config.product.block_h,
        time_zone=config.time_zone,
    )


def _sessions(config: Config, folder: Path, seed: int) -> tuple[Sessions, list[Meta]]:
    """The history, read or generated."""
    if (config.sessions is None) == (not config.fleet):
        fix = "Name a file in [sessions], or add a [[fleet]], not both."
        raise ConfigError("config", [Fault("sessions", "be one history", fix=fix)])
    if config.fleet and config.generated is None:
        fix = "Add [generated] with its start."
        raise ConfigError("config", [Fault("generated", "stand beside [[fleet]]", fix=fix)])
    if config.sessions is not None:
        sessions, sources = read_sessions(config.sessions, config.assumptions, folder)
    else:
        assert config.generated is not None
        start = local_midnight(config.generated.start, config.time_zone)
        grid = TimeGrid(start, 1.0, 24 * config.generated.days)
        fleet_memory.must_hold_sessions(config.fleet, grid)
        sessions, sources = mobility.sessions(grid, config.fleet, seed=seed), []
    if len(sessions) == 0:
        raise InputError("history", [Fault("sessions", "be at least one")])
    return sessions, sources


def _stated(config: Config, sessions: Sessions, folder: Path) -> Shaped[Array, " session"] | None:
    """Stated departures: of a table of their own, or those that ACN sessions carry."""
    if config.stated_file is not None:
        path, source = locate(config.stated_file, folder), "table"
    elif config.sessions is not None and config.sessions.format == "acn":
        path, source = locate(config.sessions.file, folder), "acn"
    else:
        return None
    if config.sessions is not None and config.sessions.shift_weeks:
        fix = "Set shift_weeks = 0; a history needs no shift."
        fault = Fault("sessions.shift_weeks", "be 0", (config.sessions.shift_weeks,), fix=fix)
        raise ConfigError("config", [fault])
    return stated.read(path, source, sessions.session_id, sessions.arrival_utc)


def _weather(config: Config, folder: Path) -> Weather | None:
    if config.weather_file is None:
        return None
    return read_weather(locate(config.weather_file, folder), time_zone=config.time_zone)


def _summary(
    config: Config,
    read: dict[str, pl.DataFrame],
    record: History,
    found: FirmCapacityResults,
    *,
    notes: list[str],
    sources: list[Meta],
    seed: int,
) -> dict[str, Any]:
    return {
        "study": "firm_capacity",
        "title": config.title,
        "status": "done",
        **found.headline(),
        "direction": record.product.direction,
        "duration_h": record.product.duration_h,
        "step_h": record.product.step_h,
        "assets": len(record.asset_id),
        "sessions": read["sessions"].height,
        "days": len(record.days),
        "days_known": int(record.known.sum()),
        "days_open": record.open_days,
        "site_holes": [
            {"site_id": hole.site_id, "first_day": str(hole.first), "last_day": str(hole.last)}
            for hole in record.holes
        ],
        "guarantee": config.guarantee,
        "first_day": str(record.days[0]),
        "last_day": str(record.days[-1]),
        "left_early_share": record.left_early,
        "notes": [*notes, *found.notes],
        "sources": [meta.to_dict() for meta in sources],
        "seed": seed,
        "versions": summary.versions(),
        "config_sha256": summary.text_hash(config_file.dump(config)),
        "input_sha256": {name: summary.table_hash(table) for name, table in read.items()},
    }
