"""Can the vehicles that are there start a dead site, and how long and how deep did it suffer?"""

import numpy as np

from evergrid.core.units import W_PER_KW
from evergrid.model.microgrid import BatteryUnit
from evergrid.resilience.black_start.assets.panels import panels
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.oscillogram import Oscillogram, oscillogram
from evergrid.resilience.black_start.results.outcome import Action, BlackStart
from evergrid.resilience.black_start.results.runbook import runbook
from evergrid.resilience.metrics.recovery import recovery
from evergrid.resilience.waveform.protection import FuseClearing, fuse_clearing
from evergrid.studies.black_start import notes, report, runbook_sheet, tables
from evergrid.studies.black_start.config import Config
from evergrid.studies.black_start.machines_config import emergency
from evergrid.studies.black_start.neighbour_config import feeder
from evergrid.studies.black_start.results import BlackStartResults, extremes
from evergrid.studies.black_start.sections import joined_units, sections, upstream_waveforms
from evergrid.studies.study import Context, Output, Study


def compute(config: Config, context: Context) -> Output[BlackStartResults]:
    """Start the site step by step, and measure how long and how deep it suffered.

    Energies of vehicles are drawn with the seed where their least and most differ.

    Raises:
        MissingFileError: The feeder's file is not there.
        InputError: A feeder without such a section, a site that cannot start, an order that names
            what is not there, gains that do not hold the first unit's own waveform.
        SolveError: A waveform that leaves every bound.
    """
    progress = context.progress
    entry, told = config.microgrid.with_feeder(context.folder)
    if told:
        config = config.model_copy(update={"microgrid": entry})
        config.check()
    progress("starting the dead bus", 0.05)
    random = np.random.default_rng(context.seed)
    hour = 0.0 if config.panels is None else config.panels.hour
    site = config.microgrid.record(random, start_hour=hour)
    beyond = feeder(config.upstream, config.neighbour, random)
    start = black_start(
        site,
        config.start.record(),
        inverter=config.inverter.record(),
        synchronise=config.synchronise.record(),
        limits=config.limits.record(),
        grid=None if config.grid_return is None else config.grid_return.record(),
        feeder=beyond,
        following=None if config.following is None else config.following.record(),
        motors=None if config.motors is None else config.motors.record(),
        emergency=emergency(site, config.diesel, config.transfer_switch, random),
        panels=None if config.panels is None else panels(site, config.panels.apparent_kva),
    )
    progress("drawing the waveform", 0.85)
    found = _results(config, start, _oscillogram(config, start))
    sheet = runbook_sheet.page(config, found)
    return Output(
        found,
        tables.headline(config, found),
        tables.results(found),
        inputs=tables.inputs(found),
        files={"runbook.html": sheet},
        notes=(*told, *notes.notes(config, found)),
    )


def _master(start: BlackStart) -> BatteryUnit:
    """The unit that started the bus of the site."""
    own = start.circuit.sections[0].units
    first = [
        event.actor
        for event in start.events
        if event.action is Action.SOFT_START and event.actor in own
    ]
    formers = [unit for unit in start.circuit.formers if isinstance(unit, BatteryUnit)]
    units = {unit.name: unit for unit in formers}
    return units[first[0]] if first else formers[0]


def _oscillogram(config: Config, start: BlackStart) -> Oscillogram:
    """Waveforms of the unit that started the bus."""
    return oscillogram(
        start.circuit.site,
        _master(start),
        ramp_s=config.start.ramp_s,
        current_limit_pu=config.inverter.current_limit_pu,
    )


def _results(config: Config, start: BlackStart, waveforms: Oscillogram) -> BlackStartResults:
    parts = sections(start)
    curves = parts[0].curves
    low_hz, low_pu, current = extremes(start)
    return BlackStartResults(
        start=start,
        waveforms=waveforms,
        curves=curves,
        sustained=parts[0].recovery,
        first=recovery(curves, hold_h=0.0),
        degradation=parts[0].degradation,
        runbook=runbook(start, config.limits.record(), config.synchronise.record()),
        fuse=_fuse(config, start),
        lowest_frequency=low_hz,
        lowest_voltage=low_pu,
        greatest_current=current,
        served_kw=parts[0].served_kw,
        sections=parts,
        upstream=upstream_waveforms(
            start,
            _master(start),
            ramp_s=config.start.ramp_s,
            current_limit_pu=config.inverter.current_limit_pu,
        ),
    )


def _fuse(config: Config, start: BlackStart) -> FuseClearing | None:
    """The fuse in a fault that all connected inverters feed until they trip on under-voltage."""
    if config.fuse is None:
        return None
    inverters = np.array([isinstance(unit, BatteryUnit) for unit in start.circuit.formers])
    there = np.isfinite(start.connected_s) & joined_units(start) & inverters
    kva = np.array([unit.apparent_kva for unit in start.circuit.formers])
    rating_kva = float(kva[there].sum())
    rated_a = W_PER_KW * rating_kva / (np.sqrt(3.0) * start.circuit.site.nominal_v)
    if rated_a == 0.0:
        return None
    current_a = config.fuse.fault_current_pu * rated_a
    return fuse_clearing(
        config.fuse.record(), current_a, within_s=max(config.limits.under_voltage_s, 1e-3)
    )


STUDY = Study(
    name="black_start",
    question="Can the vehicles at their chargers start the dead site, and how long and how deep "
    "did it suffer?",
    config=Config,
    own_files=(
        "inputs/units.parquet",
        "inputs/load_blocks.parquet",
        "inputs/diesel_sets.parquet",
        "inputs/section.parquet",
        "events.parquet",
        "island.parquet",
        "units.parquet",
        "blocks.parquet",
        "sections.parquet",
        "section_course.parquet",
        "following.parquet",
        "motors.parquet",
        "eigenvalues.parquet",
        "runbook.parquet",
        "runbook.html",
    ),
    compute=compute,
    report=report,
)
