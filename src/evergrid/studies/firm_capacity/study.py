"""How much power can a fleet promise for the coming days, and how sure is that?"""

from pathlib import Path
from typing import Any

import polars as pl

from evergrid.core.arrays import Array, Shaped
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, local_midnight
from evergrid.data.files.locate import locate
from evergrid.data.meta import Meta
from evergrid.data.sessions import stated
from evergrid.data.tables import read_weather
from evergrid.fleet.firm_capacity.outages import Outage
from evergrid.fleet.history.past_days import Behaviour, history
from evergrid.fleet.synthetic import mobility
from evergrid.inputs import fleet_memory
from evergrid.inputs.assembly import read_sessions
from evergrid.model.session import Sessions
from evergrid.model.time_series.weather import Weather
from evergrid.studies.firm_capacity import notes as note
from evergrid.studies.firm_capacity import report, tables
from evergrid.studies.firm_capacity.config import Config, Drivers
from evergrid.studies.firm_capacity.offers import FirmCapacityResults, Request, find
from evergrid.studies.study import Context, Output, Study


def compute(config: Config, context: Context) -> Output[FirmCapacityResults]:
    """Promises of a fleet from its history.

    The seed is that of the draws of `Drivers`.

    Raises:
        InputError: Data or settings that break rules, or too few days for a confidence.
    """
    context.progress("reading the history", 0.0)
    folder, seed = context.folder, context.seed
    sessions, sources = _sessions(config, folder, seed)
    stated_utc = _stated(config, sessions, folder)
    weather = _weather(config, folder)
    record = history(
        sessions,
        config.time_zone,
        config.product.record(),
        stated_utc=stated_utc,
        behaviour=Behaviour(**config.drivers.model_dump()),
        gaps=config.gaps,
        holidays=config.days_off(),
        seed=seed,
    )
    request = _request(config)
    found = find(record, config.days_off(), request, weather=weather, progress=context.progress)
    generated, drawn = bool(config.fleet), config.drivers != Drivers()
    notes = note.of_inputs(record, stated_utc, sources, generated=generated, drawn=drawn)
    inputs = tables.inputs(sessions, weather)
    return Output(
        found,
        _headline(config, inputs, found),
        tables.results(found),
        inputs=inputs,
        notes=(
            *notes,
            note.GUARANTEES[config.guarantee],
            *note.of_product(record.product, config.product.block_h),
            *found.notes,
        ),
        sources=tuple(sources),
    )


def _request(config: Config) -> Request:
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


def _headline(
    config: Config, inputs: dict[str, pl.DataFrame], found: FirmCapacityResults
) -> dict[str, Any]:
    record = found.record
    return {
        "status": "done",
        **found.headline(),
        "direction": record.product.direction,
        "duration_h": record.product.duration_h,
        "step_h": record.product.step_h,
        "assets": len(record.asset_id),
        "sessions": inputs["sessions"].height,
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
    }


STUDY = Study(
    name="firm_capacity",
    question="How much power can a fleet promise for the coming days, and how sure is that?",
    config=Config,
    own_files=(
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
    ),
    compute=compute,
    report=report,
)
