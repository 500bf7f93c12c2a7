"""How many vehicles can a feeder take, charging and feeding, where, and what stops it?"""

from typing import Any

import numpy as np
import polars as pl

from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.data.meta import Meta
from evergrid.grid import ieee1547
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import base_case
from evergrid.grid.limits.case import FeederCase
from evergrid.model.session import Sessions
from evergrid.studies.feeder_places import FeederPlaces
from evergrid.studies.hosting_capacity import report, tables
from evergrid.studies.hosting_capacity.compute import CaseResults, HostingResults, find
from evergrid.studies.hosting_capacity.config import Config
from evergrid.studies.hosting_capacity.inputs import behaviour
from evergrid.studies.hosting_capacity.workers import evaluate_on
from evergrid.studies.study import Context, Output, Study


def compute(config: Config, context: Context) -> Output[HostingResults]:
    """Hosting capacity of a feeder.

    The seed is that of places, behaviour and draws.

    Raises:
        InputError: Data or settings that break rules, a feeder that cannot carry its own load, or
            a cluster without Ray.
        WorkerError: No cluster answers, or a part of the draws loses its worker again and again.
    """
    seed = context.seed
    evaluate = evaluate_on(config.sampling.workers)
    context.progress("reading the feeder", 0.0)
    feeder = config.feeder.read(context.folder)
    case = _case_of(config, context, feeder)
    context.progress("behaviour of vehicles", 0.05)
    sessions, sources = _sessions(config, context)
    found = find(
        case,
        config.places.parking(feeder.branches, seed),
        sessions,
        behaviours=config.cases,
        controls=config.controls,
        oversize=config.oversize,
        call=config.call.record(),
        time_zone=config.time_zone,
        vehicle_counts=config.sampling.vehicle_counts,
        draws=config.sampling.draws,
        vehicle_days=config.sampling.vehicle_days,
        most_kw=config.most_kw,
        seed=seed,
        evaluate=evaluate,
        progress=context.progress,
    )
    return Output(
        found,
        _headline(config, found),
        tables.results(found),
        inputs={"sessions": pl.DataFrame(sessions.columns())},
        files={"feeder.geojson": tables.map_text(found)},
        notes=_notes(config, found, sources),
        sources=tuple(sources),
    )


def _case_of(config: Config, context: Context, feeder: Feeder) -> FeederCase:
    """The feeder with its load and its limits."""
    step_h = config.sampling.step_min / 60
    source, folder = config.feeder, context.folder
    base_kw, base_kvar = config.load.power(source, feeder, folder, step_h)
    states = config.load.states(source, feeder, folder)
    networks, state = states.settled(base_kw, base_kvar)
    return FeederCase(networks, state, base_kw, base_kvar, step_h, config.limits.record())


def _sessions(config: Config, context: Context) -> tuple[Sessions, list[Meta]]:
    """Sessions to draw the behaviour of vehicles from, read or generated."""
    sessions, sources = behaviour(
        config.sessions,
        config.fleet,
        config.generated,
        assumptions=config.assumptions,
        time_zone=config.time_zone,
        folder=context.folder,
        seed=context.seed,
    )
    if "feed" in config.cases and not sessions.can_discharge.any():
        fix = "Give chargers a max_discharge_kw, or leave the case out."
        fault = Fault("cases", "not hold feed where no session can discharge", ("feed",), fix=fix)
        raise ConfigError("config", [fault])
    return sessions, sources


def _notes(config: Config, found: HostingResults, sources: list[Meta]) -> tuple[str, ...]:
    """What a reader must know about the inputs."""
    feeder = found.limits.case.feeder
    notes = list(feeder.notes)
    notes.append("Loads and vehicles draw the same power at any voltage.")
    if found.limits.case.feeder.regulators:
        follow = "follow the load without vehicles" if config.load.taps == "follow" else "stay put"
        notes.append(f"Taps and banks {follow}; vehicles do not move them.")
    if config.load.shape == "evening":
        notes.append("The load over the day is an illustrative shape, not measured.")
    if config.sessions is None:
        notes.append("Behaviour of vehicles is generated, not measured.")
    if set(config.controls) - {"unity", "compensation"}:
        notes.append(ieee1547.CAVEAT)
    if missing := FeederPlaces.with_branches(feeder).note:
        notes.append(missing)
    violated = len(tables.base_rows(found))
    if violated:
        notes.append(
            f"{violated:,} limits are violated without any vehicle; there it must hardly get worse."
        )
    for meta in sources:
        quality = meta.quality
        notes.append(
            f"{meta.title}: {quality.rows_kept:,} of {quality.rows_read:,} rows used, "
            f"{quality.rows_rejected:,} rejected."
        )
    return tuple(notes)


def _headline(config: Config, found: HostingResults) -> dict[str, Any]:
    case = found.limits.case
    place, envelope = found.place, found.envelope
    return {
        "status": "done",
        "feeder": case.feeder.name,
        "buses": len(case.feeder.buses.name),
        **base_case.headline(case.feeder),
        "loads": len(set(case.branches.name)),
        "lines": len(case.feeder.lines),
        "lines_unrated": int(np.isnan(case.feeder.lines.rating_a).sum()),
        "peak_load_kw": float(-case.base_kw.sum(axis=0).min()),
        "vehicles_everybody": int(found.deployments.vehicles[-1]),
        "draws": found.deployments.draws,
        "vehicle_counts": found.deployments.counts,
        "most_kw": config.most_kw,
        "cases": [_case(found, one) for one in found.cases.values()],
        "place_import_kw": _ends(place["import"].power_kw),
        "place_export_kw": _ends(place["export"].power_kw),
        "envelope_import_kw": float(envelope["import"].power_kw.min()),
        "envelope_export_kw": float(envelope["export"].power_kw.min()),
        "base_violations": len(tables.base_rows(found)),
    }


def _ends(values: np.ndarray) -> list[float]:
    return [float(values.min()), float(values.max())]


def _case(found: HostingResults, case: CaseResults) -> dict[str, Any]:
    """Headline numbers of one case."""
    rows = [row for row in tables.capacity_rows(found) if row["case"] == case.name]
    by_share = {f"vehicles_{100 * row['quantile']:.0f}": row["vehicles"] for row in rows}
    stopped = [row for row in tables.stopper_rows(found) if row["case"] == case.name]
    first = stopped[0] if stopped else {"limit": "", "element": "", "share": 0.0}
    return {
        "case": case.name,
        **by_share,
        "limit": first["limit"],
        "element": first["element"],
        "limit_share": first["share"],
    }


STUDY = Study(
    name="hosting_capacity",
    question="How many vehicles can a feeder take, charging and feeding, where, and what stops it?",
    config=Config,
    own_files=(
        "feeder.geojson",
        "curve.parquet",
        "capacity.parquet",
        "draws.parquet",
        "stoppers.parquet",
        "places.parquet",
        "envelope.parquet",
        "base_case.parquet",
        "transformers.parquet",
    ),
    compute=compute,
    report=report,
)
