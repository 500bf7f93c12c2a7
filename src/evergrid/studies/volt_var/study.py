"""Does V2G spare a feeder's tap changers and capacitor banks, or wear them out?"""

from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.grid import ieee1547
from evergrid.grid.devices import switching, time_series
from evergrid.grid.devices.time_series import Day, Series
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import base_case
from evergrid.grid.inverters.volt_var import Inverters
from evergrid.studies.feeder_places import FeederPlaces
from evergrid.studies.study import Context, Output, Study
from evergrid.studies.volt_var import report, tables
from evergrid.studies.volt_var.config import Config
from evergrid.studies.volt_var.fleet import load_pu, places, signal_pu
from evergrid.studies.volt_var.results import VoltVarResults


def compute(config: Config, context: Context) -> Output[VoltVarResults]:
    """A day of a feeder under each way of control.

    The seed is that of the places of vehicles and of the signal.

    Raises:
        MissingFileError: A file that is named is not there.
        InputError: OpenDSS refuses the feeder, or a table breaks rules.
    """
    folder, seed = context.folder, context.seed
    context.progress("reading the feeder", 0.0)
    feeder = config.feeder.read(folder)
    step_s, steps = config.step_min * 60, config.steps
    rated_kw = places(feeder, config.fleet, seed)
    if not rated_kw.any():
        fix = "The feeder has no load; set fleet.power_kw."
        raise InputError("config", [Fault("fleet", "have power", fix=fix)])
    request_pu = signal_pu(config.signal, step_s, steps, seed, folder)
    load_share = load_pu(config.load, step_s, steps, folder)
    context.progress("stepping through the day", 0.1)
    day = _day(config, feeder, rated_kw, request_pu, load_share)
    series = time_series.simulate(switching.reduce(feeder), day)
    results = VoltVarResults(feeder, series, float(rated_kw.sum()) * request_pu)
    return Output(
        results,
        _headline(config, results, rated_kw),
        tables.results(results, config.modes, config.step_min / 60),
        files={"feeder.geojson": tables.geojson(feeder, config.modes, series)},
        notes=_notes(feeder, series),
    )


def _day(
    config: Config,
    feeder: Feeder,
    rated_kw: Float[Array, " branch"],
    request_pu: Float[Array, " step"],
    load_share: Float[Array, " step"],
) -> Day:
    """One scenario for each mode; without vehicles nothing is asked of any inverter."""
    present = np.array([mode != "none" for mode in config.modes], float)
    rating = present[:, None] * rated_kw * config.fleet.kva_per_kw
    power = (present[:, None] * rated_kw)[:, :, None] * request_pu
    inverters = Inverters(rating, config.controls(), np.arange(len(config.modes)))
    own = np.where(feeder.branches.is_load[:, None], load_share, 1.0)  # generators keep their power
    return Day(config.step_min * 60, power, inverters, own[None])


def _notes(feeder: Feeder, series: Series) -> tuple[str, ...]:
    """What a reader must know."""
    notes = [*feeder.notes, ieee1547.CAVEAT]
    unsettled = int((~series.settled).sum())
    if unsettled:
        notes.append(
            f"In {unsettled:,} steps of all modes the power flow has no solution: the feeder "
            "cannot carry that power, and controls stood still; or controls without delay found no "
            "steady state. Counts of those modes are lower bounds."
        )
    if missing := FeederPlaces.with_branches(feeder).note:
        notes.append(missing)
    return tuple(notes)


def _headline(
    config: Config, results: VoltVarResults, rated_kw: Float[Array, " branch"]
) -> dict[str, Any]:
    feeder, limits = results.feeder, (config.low_pu, config.high_pu)
    rows = tables.by_mode(feeder, config.modes, results.series, limits, config.step_min / 60)
    return {
        "status": "done",
        "feeder": feeder.name,
        "regulators": len(feeder.regulators),
        "banks": len(feeder.capacitors),
        **base_case.headline(feeder),
        "load_kw": -float(feeder.branches.power_kw[feeder.branches.is_load].sum()),
        "fleet_kw": float(rated_kw.sum()),
        "places": len(set(feeder.branches.name[rated_kw > 0].tolist())),
        "steps": config.steps,
        "step_min": config.step_min,
        "limits_pu": list(limits),
        "modes": rows,
        **tables.answer(rows),
    }


STUDY = Study(
    name="volt_var",
    question="Does V2G spare a feeder's tap changers and capacitor banks, or wear them out?",
    config=Config,
    own_files=(
        "operations.parquet",
        "voltages.parquet",
        "taps.parquet",
        "feeder.geojson",
    ),
    compute=compute,
    report=report,
)
