"""How many vehicles can a feeder take, charging and feeding, where, and what stops it?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from evergrid.core import config as config_file
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import zone
from evergrid.data.meta import Meta
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.fleet.history.day_profiles import Behaviour
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.grid.flow import base_case
from evergrid.grid.limits.case import FeederCase
from evergrid.inputs.base_load import BaseLoad
from evergrid.inputs.feeder_source import FeederSource
from evergrid.inputs.tables import SessionSource
from evergrid.model.session import Sessions
from evergrid.studies import summary
from evergrid.studies.feeder_places import FeederPlaces
from evergrid.studies.hosting_capacity import report, tables
from evergrid.studies.hosting_capacity.compute import (
    CaseResults,
    ControlName,
    HostingResults,
    find,
)
from evergrid.studies.hosting_capacity.inputs import (
    CallEntry,
    DayLimitSettings,
    GeneratedDays,
    Places,
    Sampling,
    behaviour,
)
from evergrid.studies.hosting_capacity.workers import evaluate_on
from evergrid.studies.result import AbstractResult, AbstractTelling, Files

QUESTION = "Find how much V2G a feeder can take, where, and what stops it"
OUTPUTS = (
    "summary.json",
    "config.toml",
    "report.html",
    "feeder.geojson",
    "curve.parquet",
    "capacity.parquet",
    "draws.parquet",
    "stoppers.parquet",
    "places.parquet",
    "envelope.parquet",
    "base_case.parquet",
    "transformers.parquet",
)


class Config(BaseConfig):
    """The configuration of a hosting capacity study."""

    study: Literal["hosting_capacity"] = "hosting_capacity"
    """Which study this is."""
    title: str = "Hosting capacity"
    """Heading of the report."""
    time_zone: str = "UTC"
    """IANA name of the local clock, such as Europe/Oslo."""
    cases: tuple[Behaviour, ...] = Field(default=("charge", "charge_evenly", "feed"), min_length=1)
    """What vehicles do: "charge" on arrival, "charge_evenly" over the stay, "feed" when called."""
    controls: tuple[ControlName, ...] = Field(default=("unity",), min_length=1)
    """What inverters do beside, each case under each: "unity" for nothing, "category_a" or
    "category_b" for the volt-var curves of IEEE 1547, "volt_watt", "category_b_watt" for both,
    "compensation" of the own power by each place's R/X."""
    oversize: float = Field(default=1.1, ge=1, le=3)
    """Rating of an inverter over the greatest power of its vehicle."""
    most_kw: float = Field(default=100.0, gt=0, le=100_000)
    """Greatest power that is tried at a single place and for each vehicle."""
    feeder: FeederSource = FeederSource()
    """The feeder."""
    load: BaseLoad = BaseLoad()
    """What the feeder carries beside the vehicles."""
    places: Places = Places()
    """Where vehicles may be."""
    limits: DayLimitSettings = DayLimitSettings()
    """What must hold."""
    sampling: Sampling = Sampling()
    """How many deployments are evaluated, and by whom."""
    call: CallEntry = CallEntry()
    """When vehicles feed."""
    sessions: SessionSource | None = None
    """Past sessions to draw behaviour from; by default they are generated."""
    assumptions: Assumptions = Assumptions()
    """What the source of sessions does not tell."""
    fleet: tuple[FleetGroup, ...] = ()
    """Vehicles to generate behaviour of; by default 200 that park at home."""
    generated: GeneratedDays = GeneratedDays()
    """Which days of theirs are generated."""

    @model_validator(mode="after")
    def _checked(self) -> "Config":
        zone(self.time_zone)
        self.limits.record()
        for name in ("cases", "controls"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                raise InputError("config", [Fault(name, "name each once", given)])
        return self


@final
@dataclass(frozen=True)
class Result(AbstractResult[Config]):
    """What came out.

    Attributes:
        config: As resolved.
        sessions: What behaviour was drawn from.
        found: Curves, places and envelopes.
        summary: Headline numbers.
        tables: Tidy tables by file name without ending.
    """

    config: Config
    sessions: Sessions
    found: HostingResults
    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    telling: ClassVar[AbstractTelling] = report
    outputs: ClassVar[tuple[str, ...]] = OUTPUTS

    def _beside(self) -> Files:
        return {"feeder.geojson": tables.map_text(self.found)}

    @cached_property
    def _shown(self) -> report.Shown:
        return report.Shown(self.config.title, self.found, self.summary)


Progress = Callable[[str, float], None]


def run(
    config: Config,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = lambda label, share: None,
) -> Result:
    """Hosting capacity of a feeder.

    Args:
        config: What to evaluate.
        seed: Of places, behaviour and draws.
        folder: What relative paths in the configuration start from; the current one by default.
        progress: Called with what is being done and the share of the run that is done.

    Raises:
        InputError: Data or settings that break rules, a feeder that cannot carry its own load, or
            a cluster without Ray.
        WorkerError: No cluster answers, or a part of the draws loses its worker again and again.
    """
    evaluate = evaluate_on(config.sampling.workers)
    progress("reading the feeder", 0.0)
    folder = folder or Path.cwd()
    feeder = config.feeder.read(folder)
    step_h = config.sampling.step_min / 60
    base_kw, base_kvar = config.load.power(config.feeder, feeder, folder, step_h)
    progress("behaviour of vehicles", 0.05)
    sessions, sources = behaviour(
        config.sessions,
        config.fleet,
        config.generated,
        assumptions=config.assumptions,
        time_zone=config.time_zone,
        folder=folder,
        seed=seed,
    )
    if "feed" in config.cases and not sessions.can_discharge.any():
        fix = "Give chargers a max_discharge_kw, or leave the case out."
        fault = Fault("cases", "not hold feed where no session can discharge", ("feed",), fix=fix)
        raise ConfigError("config", [fault])
    states = config.load.states(config.feeder, feeder, folder)
    networks, state = states.settled(base_kw, base_kvar)
    case = FeederCase(networks, state, base_kw, base_kvar, step_h, config.limits.record())
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
        progress=progress,
    )
    progress("writing down the results", 0.95)
    headline = _summary(config, found, notes=_notes(config, found, sources), sources=sources)
    headline |= {"seed": seed, "versions": summary.versions()}
    headline["config_sha256"] = summary.text_hash(config_file.dump(config))
    headline["input_sha256"] = {"sessions": summary.table_hash(pl.DataFrame(sessions.columns()))}
    return Result(config, sessions, found, headline, tables.results(found))


def _notes(config: Config, found: HostingResults, sources: list[Meta]) -> list[str]:
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
    return notes


def _summary(
    config: Config, found: HostingResults, *, notes: list[str], sources: list[Meta]
) -> dict[str, Any]:
    case = found.limits.case
    place, envelope = found.place, found.envelope
    return {
        "study": "hosting_capacity",
        "title": config.title,
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
        "notes": notes,
        "sources": [meta.to_dict() for meta in sources],
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
