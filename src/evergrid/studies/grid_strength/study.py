"""Where does reactive power move the voltage, where will droop hunt, and what slope is safe?"""

from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.grid import ieee1547
from evergrid.grid.feeder import connections, geojson
from evergrid.grid.feeder.connections import Connections
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import base_case
from evergrid.studies.feeder_places import FeederPlaces
from evergrid.studies.grid_strength import report, tables
from evergrid.studies.grid_strength.config import Config
from evergrid.studies.grid_strength.findings import StrengthRequest, StrengthResults, find
from evergrid.studies.study import Context, Output, Study


def compute(config: Config, context: Context) -> Output[StrengthResults]:
    """Strength of a feeder everywhere, and what droop of inverters does on it.

    The seed is that of the draw of loads with an inverter.

    Raises:
        MissingFileError: There is no such feeder.
        InputError: OpenDSS refuses the feeder, a bus is unknown or not supplied, or the feeder
            cannot carry the power.
    """
    if config.at and config.share is not None:
        fix = "Take out share, or every [[at]]."
        fault = Fault("share", "not stand beside [[at]]", (config.share,), fix=fix)
        raise ConfigError("config", [fault])
    context.progress("reading the feeder", 0.0)
    feeder = config.feeder.read(context.folder)
    inverters, rating_kva = _inverters(config, feeder, context.seed)
    found = find(feeder, inverters, rating_kva, _request(config), context.progress)
    return Output(
        found,
        _headline(config, found),
        tables.results(found),
        inputs={"nodes": tables.nodes(found)},
        files={"feeder.geojson": geojson.text(feeder, tables.of_buses(found))},
        notes=_notes(feeder, found),
    )


def _request(config: Config) -> StrengthRequest:
    """The settings with the defaults of the category filled in."""
    droop, operation = config.droop, config.operation
    category = ieee1547.CATEGORIES[droop.category]
    return StrengthRequest(
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


def _notes(feeder: Feeder, found: StrengthResults) -> tuple[str, ...]:
    """What a reader must know."""
    notes = [f"{feeder.name}: {note}" for note in feeder.notes if "state no rating" not in note]
    if missing := FeederPlaces.everywhere(feeder).note:
        fix = "Put a file such as BusCoords.csv beside the feeder: bus, x, y."
        notes.append(f"{missing} {fix}")
    dead = feeder.buses.name[np.isnan(found.buses.impedance)]
    if len(dead):
        listed = ", ".join(str(name) for name in dead[:5])
        notes.append(f"No source feeds {len(dead):,} buses ({listed}): they are not judged.")
    if found.request.slope > ieee1547.STEEPEST_B:
        notes.append(
            f"The slope {found.request.slope:g} is steeper than IEEE 1547-2018 allows in category "
            f"B ({ieee1547.STEEPEST_B:g})."
        )
    if not found.by_power_flow:
        notes.append("The feeder is large: responses follow the linearised grid.")
    if np.isnan(found.response.swing_pu[0]).any():
        notes.append("With the slope asked for, hunting drives the voltage to collapse.")
    notes.append(ieee1547.CAVEAT)
    return tuple(notes)


def _headline(config: Config, found: StrengthResults) -> dict[str, Any]:
    feeder = found.feeder
    return {
        "status": "done",
        "feeder": feeder.name,
        "buses": len(feeder.buses.name),
        "nodes": len(feeder.nodes),
        **base_case.headline(feeder),
        **found.headline(config.weak_scr),
        "category": config.droop.category,
    }


STUDY = Study(
    name="grid_strength",
    question="Where does reactive power move the voltage, where will droop hunt, and what slope is "
    "safe?",
    config=Config,
    own_files=(
        "nodes.parquet",
        "inverters.parquet",
        "hunting.parquet",
        "feeder.geojson",
    ),
    compute=compute,
    report=report,
)
