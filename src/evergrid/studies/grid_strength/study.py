"""Where does reactive power move the voltage, where will droop hunt, and what slope is safe?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import numpy as np
import polars as pl
from pydantic import Field

from evergrid.core import config as config_file
from evergrid.core.arrays import Array, Float
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.grid.feeder import connections, geojson
from evergrid.grid.feeder.connections import Connections
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import base_case
from evergrid.grid.strength.droop import CATEGORIES, STEEPEST_B
from evergrid.grid.strength.droop_response import TAP_STEP_PU
from evergrid.grid.strength.strength import WEAK_SCR
from evergrid.inputs.feeder_source import FeederSource
from evergrid.studies import summary
from evergrid.studies.feeder_places import FeederPlaces
from evergrid.studies.grid_strength import report, tables
from evergrid.studies.grid_strength.findings import Asked, Found, find
from evergrid.studies.result import AbstractResult, AbstractTelling, Files

QUESTION = "Find where the grid is weak, where droop will hunt, and a slope that is safe"
OUTPUTS = (
    "summary.json",
    "config.toml",
    "report.html",
    "nodes.parquet",
    "inverters.parquet",
    "hunting.parquet",
    "feeder.geojson",
)


class Place(BaseConfig):
    """An inverter at a bus, on all its phases."""

    bus: str = Field(examples=["675"], min_length=1)
    """Name of the bus."""
    rating_kva: float = Field(examples=[1000.0], gt=0)
    """Its rating, all phases together."""


class Droop(BaseConfig):
    """How the inverters answer to voltage."""

    category: Literal["A", "B"] = "B"
    """Category of IEEE 1547-2018, whose defaults hold where nothing else is given."""
    slope: float | None = Field(default=None, examples=[22.0], ge=0)
    """Reactive power over rating per voltage in pu; 2.5 in category A and 7.33 in B."""
    response_s: float | None = Field(default=None, examples=[5.0], gt=0)
    """Time in which 90 % of a change is made, seconds; 10 s in category A and 5 s in B."""
    step_s: float = Field(default=5.0, gt=0)
    """Time between two looks at the voltage, seconds: the inverter's own, or the round of
    measurement and command of whoever steers it."""
    margin: float = Field(default=0.5, gt=0, le=1)
    """Loop gain of the advised slopes as a share of the gain at which hunting begins."""


class Operation(BaseConfig):
    """The state that voltages are judged in, and the move that is answered to."""

    load_share: float = Field(default=1.0, ge=0)
    """Share of the feeder's own loads that is on."""
    power_share: float = Field(default=0.0, ge=-1, le=1)
    """Power of the inverters over their rating, positive into the grid."""
    source_step_pu: float = Field(default=TAP_STEP_PU, gt=0, le=0.1)
    """Step of the source's voltage that the inverters answer to; one tap by default."""
    steps: int = Field(default=60, ge=8, le=10_000)
    """How many looks at the voltage are followed."""


class Config(BaseConfig):
    """The configuration of a grid strength study."""

    study: Literal["grid_strength"] = "grid_strength"
    """Which study this is."""
    title: str = "Grid strength"
    """Heading of the report."""
    rating_kva: float = Field(default=100.0, gt=0)
    """Rating of an inverter: of those at loads, and the one that each bus is judged with."""
    share: float | None = Field(default=None, examples=[0.6], gt=0, le=1)
    """Share of the feeder's loads with an inverter beside them, drawn at random; all of them
    by default, none where [[at]] names buses."""
    weak_scr: float = Field(default=WEAK_SCR, gt=0)
    """Short-circuit ratio below which a bus counts as weak."""
    feeder: FeederSource = FeederSource()
    """The wires."""
    droop: Droop = Droop()
    """How the inverters answer to voltage."""
    operation: Operation = Operation()
    """The state that voltages are judged in."""
    at: tuple[Place, ...] = ()
    """Inverters at named buses, in place of those at loads."""


@final
@dataclass(frozen=True)
class Result(AbstractResult[Config]):
    """What came out.

    Attributes:
        config: As resolved.
        feeder: As read.
        found: Strength, loop gains and responses.
        summary: Headline numbers.
        tables: Tidy tables by file name without ending.
    """

    config: Config
    feeder: Feeder
    found: Found
    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    telling: ClassVar[AbstractTelling] = report
    outputs: ClassVar[tuple[str, ...]] = OUTPUTS

    def _beside(self) -> Files:
        return {"feeder.geojson": geojson.text(self.feeder, tables.of_buses(self.found))}

    @cached_property
    def _shown(self) -> report.Shown:
        return report.Shown(self.config.title, self.feeder, self.found, self.summary)


Progress = Callable[[str, float], None]


def run(
    config: Config,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = lambda label, share: None,
) -> Result:
    """Strength of a feeder everywhere, and what droop of inverters does on it.

    Args:
        config: What to judge.
        seed: Of the draw of loads with an inverter.
        folder: What relative paths in the configuration start from; the current one by default.
        progress: Called with what is being done and the share of the run that is done.

    Raises:
        MissingFileError: There is no such feeder.
        InputError: OpenDSS refuses the feeder, a bus is unknown or fed by nothing, or the wires
            cannot carry the power.
    """
    if config.at and config.share is not None:
        fix = "Take out share, or every [[at]]."
        fault = Fault("share", "not stand beside [[at]]", (config.share,), fix=fix)
        raise ConfigError("config", [fault])
    progress("reading the feeder", 0.0)
    feeder = config.feeder.read(folder or Path.cwd())
    inverters, rating_kva = _inverters(config, feeder, seed)
    found = find(feeder, inverters, rating_kva, _asked(config), progress)
    progress("writing down the results", 0.95)
    headline = _summary(config, feeder, found, seed)
    return Result(config, feeder, found, headline, tables.results(found))


def _asked(config: Config) -> Asked:
    """The settings with the defaults of the category filled in."""
    droop, operation = config.droop, config.operation
    category = CATEGORIES[droop.category]
    return Asked(
        unit_kva=config.rating_kva,
        slope=category.slope if droop.slope is None else droop.slope,
        most=category.most,
        response_s=droop.response_s or category.response_s,
        step_s=droop.step_s,
        margin=droop.margin,
        **operation.model_dump(),
    )


def _inverters(
    config: Config, feeder: Feeder, seed: int
) -> tuple[Connections, Float[Array, " connection"]]:
    """Where inverters stand, and their ratings."""
    if config.at:
        places = connections.at_buses(feeder, [place.bus for place in config.at])
        return places.beside(feeder.branches), np.array([p.rating_kva for p in config.at])
    loads = connections.at_loads(feeder)
    share = 1.0 if config.share is None else config.share
    count = round(share * len(loads))
    if count == 0:
        rule = f"leave one of the {len(loads)} loads"
        fix = "Raise it, or name buses in [[at]]."
        raise InputError("config", [Fault("share", rule, (config.share,), fix=fix)])
    drawn = np.random.default_rng(seed).choice(len(loads), count, replace=False)
    return loads.rows(np.sort(drawn)), np.full(count, config.rating_kva)


def _notes(config: Config, feeder: Feeder, found: Found) -> list[str]:
    """What a reader must know."""
    notes = [f"{feeder.name}: {note}" for note in feeder.notes if "state no rating" not in note]
    if missing := FeederPlaces.everywhere(feeder).note:
        fix = "Put a file such as BusCoords.csv beside the feeder: bus, x, y."
        notes.append(f"{missing} {fix}")
    dead = feeder.buses.name[np.isnan(found.buses.impedance)]
    if len(dead):
        listed = ", ".join(str(name) for name in dead[:5])
        notes.append(f"No source feeds {len(dead):,} buses ({listed}): they are not judged.")
    if found.asked.slope > STEEPEST_B:
        notes.append(
            f"The slope {found.asked.slope:g} is steeper than IEEE 1547-2018 allows in category B "
            f"({STEEPEST_B:g})."
        )
    if not found.by_power_flow:
        notes.append("The feeder is large: responses follow the linearised grid.")
    if np.isnan(found.response.swing_pu[0]).any():
        notes.append("With the slope asked for, hunting drives the voltage to collapse.")
    return notes


def _summary(config: Config, feeder: Feeder, found: Found, seed: int) -> dict[str, Any]:
    return {
        "study": "grid_strength",
        "title": config.title,
        "status": "done",
        "feeder": feeder.name,
        "buses": len(feeder.buses.name),
        "nodes": len(feeder.nodes),
        **base_case.headline(feeder),
        **found.headline(config.weak_scr),
        "category": config.droop.category,
        "notes": _notes(config, feeder, found),
        "sources": [],
        "seed": seed,
        "versions": summary.versions(),
        "config_sha256": summary.text_hash(config_file.dump(config)),
        "input_sha256": {"nodes": summary.table_hash(tables.nodes(found))},
    }
