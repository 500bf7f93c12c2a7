"""The portfolio that a study's inputs make: data read or generated, and put together."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.timegrid import TimeGrid
from evergrid.data import prices as price_formats
from evergrid.data import sessions as session_formats
from evergrid.data import tables
from evergrid.data.files.locate import locate
from evergrid.data.meta import Meta
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.data.tables import NoteCallback, ignore_notes
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.inputs import fleet_memory
from evergrid.inputs import sites as site_sources
from evergrid.inputs.chargers import ChargerSource, at_chargers
from evergrid.inputs.feeder.sites import FeederSites
from evergrid.inputs.tables import ForecastSource, Inputs, PriceSource, SessionSource
from evergrid.model.batteries import battery
from evergrid.model.portfolio import Portfolio, assemble, touching
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions, joined

Reader = TypeVar("Reader", bound=Callable[..., object])


@dataclass(frozen=True)
class StudyInputs:
    """Everything a study was given.

    Attributes:
        portfolio: Every session and battery, the sites they share, and the prices.
        forecast: Forecast prices on the same grid, where there are any.
        sources: Where each part came from, with what its reader did to dirty rows.
        notes: What the reader of a report must know about the inputs.
    """

    portfolio: Portfolio
    forecast: Prices | None = None
    sources: tuple[Meta, ...] = ()
    notes: tuple[str, ...] = field(default=())


def load(
    inputs: Inputs,
    forecast: ForecastSource | None,
    *,
    folder: Path,
    seed: int,
    feeder_sites: FeederSites | None = None,
    chargers: ChargerSource | None = None,
) -> StudyInputs:
    """Read, generate and put together everything a study is given.

    Args:
        inputs: The tables of the configuration.
        forecast: Where forecast prices are, if the study uses them.
        folder: What relative paths start from.
        seed: Of everything that is generated.
        feeder_sites: The feeder that the sites are connected to, if there is one.
        chargers: The chargers of the sessions; without them any power may be taken.

    Raises:
        InputError: Data that breaks rules, all faults listed.
        MissingFileError: A file that is not there.
    """
    grid = inputs.horizon.grid()
    expected = fleet_memory.expected_sessions(inputs.fleet, grid)
    fleet_memory.must_hold_plan(expected, inputs.site_tree, grid)
    placed = site_sources.sites_and_fleet(inputs, folder, seed=seed, feeder_sites=feeder_sites)
    sessions, sources, notes = all_sessions(inputs, placed.fleet, grid, folder, seed)
    fleet_memory.must_hold_plan(len(sessions), inputs.site_tree, grid)
    at = None
    if chargers is not None:
        batteries = frozenset(entry.asset_id for entry in inputs.battery)
        at = at_chargers(chargers, sessions, folder, batteries=batteries)
        sessions, notes = at.sessions, [*notes, *at.notes]
    sites = site_sources.of_sessions(sessions) if placed.sites is None else placed.sites
    tell = notes.append
    base_load = site_sources.load(
        inputs, sites, grid, folder, seed=seed, feeder_sites=feeder_sites, tell=tell
    )
    prices, price_sources = read_prices(inputs.prices, grid, folder, tell=tell)
    sources += price_sources
    forecast_prices = None
    if forecast is not None:
        like = forecast.like(inputs.prices)
        read, forecast_sources = read_prices(like, grid, folder, tell=tell)
        _check_currency(read, prices)
        forecast_prices = read.on(grid)
        sources += forecast_sources
    portfolio = assemble(
        grid,
        sessions,
        sites,
        base_load,
        prices,
        site_sources.limits(inputs, folder, tell=tell),
        site_sources.generation(inputs, folder, tell=tell),
        inputs.horizon.time_zone,
        None if at is None else at.chargers,
    )
    notes += site_sources.generation_notes(portfolio)
    return StudyInputs(portfolio, forecast_prices, tuple(sources), (*notes, *placed.notes))


def _check_currency(forecast: Prices, prices: Prices) -> None:
    """Refuse forecasts of other money than what is settled on."""
    if forecast.currency != prices.currency:
        rule = f"be the currency of the prices, {prices.currency}"
        fix = "Amounts are not converted: give a forecast of these prices."
        fault = Fault("rolling.forecast.currency", rule, (forecast.currency,), fix=fix)
        raise InputError("prices", [fault])


def read_prices(
    source: PriceSource, grid: TimeGrid, folder: Path, *, tell: NoteCallback = ignore_notes
) -> tuple[Prices, list[Meta]]:
    """Prices of a source over the grid, with its fee, export share and shift applied."""
    path = locate(source.file, folder)
    if source.format == "table":
        prices, sources = tables.read_prices(path, currency=source.currency, tell=tell), []
    else:
        reader = named(price_formats.FORMATS, source.format, field="prices.format")
        _check_options(source.options, reader)
        shift = timedelta(weeks=source.shift_weeks)
        start = grid.start_utc.replace(minute=0, second=0, microsecond=0) - shift
        end = grid.end_utc + timedelta(hours=1) - shift
        prices, meta = reader(path, start=start, end=end, **source.options)
        sources = [meta]
    shifted = replace(
        prices,
        time_utc=prices.time_utc + np.timedelta64(7 * source.shift_weeks, "D"),
        import_price_per_mwh=prices.import_price_per_mwh + source.import_fee_per_mwh,
        export_price_per_mwh=prices.export_price_per_mwh * source.export_share,
    )
    return shifted, sources


def _check_options(options: Mapping[str, str], reader: Callable[..., object]) -> None:
    """Refuse options that the reader of a format does not have."""
    names = set(inspect.signature(reader).parameters) - {"path", "start", "end"}
    unknown = [name for name in options if name not in names]
    if unknown:
        fix = f"Options of this format: {', '.join(sorted(names))}."
        fault = Fault("prices.options", "be options of the format", got=tuple(unknown), fix=fix)
        raise ConfigError("config", [fault])


def all_sessions(
    inputs: Inputs, fleet: tuple[FleetGroup, ...], grid: TimeGrid, folder: Path, seed: int
) -> tuple[Sessions, list[Meta], list[str]]:
    """Sessions that are read, drawn for a fleet, and those of batteries, with sources and notes.

    Raises:
        ConfigError: None of the three is given.
        InputError: Data that breaks rules, or sessions of which none touches the grid.
    """
    parts: list[Sessions] = []
    sources: list[Meta] = []
    notes: list[str] = []
    if inputs.sessions is not None:
        sessions, sources = read_sessions(inputs.sessions, inputs.assumptions, folder)
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
    if fleet:
        # What habits are drawn by takes longer to load than many a fleet to read.
        from evergrid.fleet.synthetic import mobility

        parts.append(mobility.sessions(grid, fleet, seed=seed))
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


def read_sessions(
    source: SessionSource, assumptions: Assumptions, folder: Path
) -> tuple[Sessions, list[Meta]]:
    """Sessions of a source, with its choice of sites and its shift applied.

    Raises:
        ConfigError: An unknown format, or sites the source does not have.
        InputError: Data that breaks rules, all faults listed.
        MissingFileError: A file that is not there.
    """
    path = locate(source.file, folder)
    if source.format == "table":
        wear = {
            "wear_cost_per_kwh": assumptions.wear_cost_per_kwh,
            "wear_rise_per_kwh_per_kw": assumptions.wear_rise_per_kwh_per_kw,
        }
        sessions, sources = tables.read_sessions(path, **wear), []
    else:
        reader = named(session_formats.FORMATS, source.format, field="sessions.format")
        sessions, meta = reader(path, assumptions)
        sources = [meta]
    if source.sites:
        have = np.unique(sessions.site_id.astype(str))
        unknown = tuple(name for name in source.sites if name not in have)
        if unknown:
            fix = f"Sites of this source: {', '.join(have[:12])}."
            fault = Fault("sessions.sites", "be sites of the source", got=unknown, fix=fix)
            raise ConfigError("config", [fault])
        sessions = sessions.select(np.isin(sessions.site_id.astype(str), source.sites))
    shift = np.timedelta64(7 * source.shift_weeks, "D")
    moved = {
        "arrival_utc": sessions.arrival_utc + shift,
        "departure_utc": sessions.departure_utc + shift,
    }
    return replace(sessions, **moved), sources


def named(formats: Mapping[str, Reader], name: str, *, field: str) -> Reader:
    """The reader of that name.

    Raises:
        ConfigError: No reader has it.
    """
    if name in formats:
        return formats[name]
    question = did_you_mean(name, ["table", *formats])
    fix = f"{question} Known formats: table, {', '.join(formats)}.".lstrip()
    raise ConfigError("config", [Fault(field, "be a known format", got=(name,), fix=fix)])
