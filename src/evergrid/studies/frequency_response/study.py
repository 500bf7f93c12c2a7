"""What does a fleet do to the frequency after a loss of generation, and through a real record?"""

from dataclasses import replace
from datetime import UTC, timedelta

import numpy as np

from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.data import signals
from evergrid.data.files.locate import locate
from evergrid.data.meta import Meta
from evergrid.inputs.assembly import read_sessions
from evergrid.model.session import Sessions, joined
from evergrid.resilience.frequency import playback, stability
from evergrid.resilience.frequency.parked import (
    Chargers,
    ParkedVehicles,
    chargers_of,
    fleet_response,
    parked,
)
from evergrid.resilience.frequency.playback import Award
from evergrid.resilience.frequency.requirements import Limit
from evergrid.resilience.frequency.response import FleetResponse
from evergrid.resilience.frequency.simulation import STEP_S, simulate
from evergrid.studies.frequency_response import report, tables
from evergrid.studies.frequency_response.config import Config
from evergrid.studies.frequency_response.results import (
    EventResults,
    FrequencyResults,
    Needs,
    RecordResults,
)
from evergrid.studies.study import Context, Output, Study

AROUND = timedelta(hours=24)  # before the first moment, so that who is there came when they came
SIZES = 25  # of fleets, from none to all that can be held
HIGHEST_HZ = 1.5  # above nominal, at which chargers disconnect: EN 50549-1


def compute(config: Config, context: Context) -> Output[FrequencyResults]:
    """Follow the frequency after a loss, or play a record against the fleet.

    The seed is that of generated sessions.

    Raises:
        InputError: Data or settings that break rules, an award above what the fleet can hold, a
            fleet that would hunt.
        MissingFileError: A file that is not there.
    """
    if config.record is not None:
        found, sources, notes = _record(config, context)
    else:
        found, sources, notes = _event(config, context)
    return Output(
        found,
        tables.headline(config, found),
        tables.results(config, found),
        inputs=tables.inputs(found),
        notes=(*notes, *report.notes(config, found)),
        sources=tuple(sources),
    )


def _sessions(
    config: Config, first: np.datetime64, last: np.datetime64, context: Context
) -> tuple[Sessions, list[Meta], list[str]]:
    """Sessions around a span of time: read, generated, or both."""
    parts, sources, notes = [], list[Meta](), list[str]()
    if config.sessions is not None:
        read, sources = read_sessions(config.sessions, config.assumptions, context.folder)
        parts.append(read)
    if config.fleet:
        # What habits are drawn by takes longer to load than many a fleet to read.
        from evergrid.fleet.synthetic import mobility

        begin = first.astype("datetime64[h]").item().replace(tzinfo=UTC) - AROUND
        hours = (
            int((last - first) / np.timedelta64(1, "h")) + 2 + round(AROUND.total_seconds() / 1800)
        )
        grid = TimeGrid(begin, 1.0, hours)
        parts.append(mobility.sessions(grid, config.fleet, seed=context.seed))
        notes.append("Sessions of [[fleet]] are generated, not measured.")
    if not parts:
        fix = "Name a file in [sessions], or add a [[fleet]]."
        raise ConfigError("config", [Fault("sessions", "be given", fix=fix)])
    return joined(parts), sources, notes


def _event(config: Config, context: Context) -> tuple[EventResults, list[Meta], list[str]]:
    """A loss of generation, with and without the fleet."""
    progress, area, moment = context.progress, config.area_record(), config.moment()
    progress("reading the inputs", 0.0)
    sessions, sources, notes = _sessions(config, moment, moment, context)
    chargers = chargers_of(sessions)
    vehicles = parked(sessions, chargers, moment, config.response.energy_h)
    each = config.event.vehicles_each
    up, down = (each * vehicles.most_mw(up=up, down=not up) for up in (True, False))
    fleet = _fleet(config, vehicles, chargers, up, down)
    award, disturbance = fleet.award_mw, config.disturbance()
    stability.check(area, fleet, award)
    progress("following the frequency", 0.2)
    pair = simulate([area] * 2, fleet, [0.0, award], disturbance)
    finer = simulate([area] * 2, fleet, [0.0, award], disturbance, step_s=STEP_S / 2)
    limit = Limit(area, fleet, disturbance, config.event.limit_hz)
    progress("varying inertia and fleet", 0.35)
    sweep = award * np.array([0.0, *config.sweep.award_share])
    inertia = config.sweep.inertia_s
    areas = [replace(area, inertia_s=value) for _ in sweep for value in inertia]
    awards = np.repeat(sweep, len(inertia)).tolist()
    sizes = np.linspace(0.0, max(up, award), SIZES)
    progress("searching what keeps the limit", 0.6)
    return (
        EventResults(
            sessions=sessions,
            vehicles=vehicles,
            area=area,
            disturbance=disturbance,
            fleet=fleet,
            headroom_mw=(up, down),
            trajectories=pair,
            step_error_hz=float(np.abs(pair.nadir_hz - finer.nadir_hz).max()),
            delay_margin_s=stability.delay_margin_s(area, fleet, award),
            sweep=sweep,
            swept=simulate(areas, fleet, awards, disturbance),
            swept_stable=limit.stable(areas, awards),
            sizes_mw=sizes,
            sized=simulate([area] * SIZES, fleet, sizes.tolist(), disturbance),
            sized_stable=limit.stable([area] * SIZES, sizes.tolist()),
            needs=_needs(limit, award, max(up, award)),
        ),
        sources,
        notes,
    )


def _fleet(
    config: Config, vehicles: ParkedVehicles, chargers: Chargers, up_mw: float, down_mw: float
) -> FleetResponse:
    """The answer of the parked vehicles, scaled to all that they stand for."""
    response, each = config.response, config.event.vehicles_each
    due, step = response.due(), config.step_record()
    share = due(np.array([-response.span_hz, response.span_hz]))
    held = min([up_mw] * bool(share[0] > 0) + [down_mw] * bool(share[1] < 0))
    award = response.share * held
    if response.most_mw is not None:
        award = min(award, response.most_mw)
    if step is not None and award + step.power_mw > up_mw:
        rule = f"be at most {max(up_mw - award, 0.0):,.4g} MW, what is left beside the award"
        fix = "Lower it or response.share, or add vehicles."
        raise InputError("fleet", [Fault("step.power_mw", rule, (step.power_mw,), fix=fix)])
    if award <= 0:
        fix = "Choose another event.start, or add vehicles that can feed."
        rule = "be plugged in with something to hold"
        raise InputError("fleet", [Fault("vehicles", rule, (len(vehicles),), fix=fix)])
    made = fleet_response(
        vehicles,
        chargers,
        award / each,
        due,
        response.span_hz,
        hours=response.energy_h,
        control=config.control_record(),
    )
    return replace(made.with_award(award), step=step)


def _needs(limit: Limit, award_mw: float, most_mw: float) -> Needs:
    inertia = tuple(limit.least_inertia_s(award) for award in (0.0, award_mw))
    reserve = tuple(limit.least_reserve_mw(award) for award in (0.0, award_mw))
    return Needs(limit.least_fleet_mw(most_mw), (inertia[0], inertia[1]), (reserve[0], reserve[1]))


def _record(config: Config, context: Context) -> tuple[RecordResults, list[Meta], list[str]]:
    """A record played against the fleet."""
    assert config.record is not None
    context.progress("reading the record", 0.0)
    given, nominal_hz = config.record, config.area.nominal_hz
    path = locate(given.file, context.folder)
    record = signals.read_frequency(path, nominal_hz, given.columns())
    sessions, sources, notes = _sessions(config, record.times[0], record.times[-1], context)
    response, due = config.response, config.response.due()
    share = due(np.array([-response.span_hz, response.span_hz]))
    award = Award(
        share=response.share,
        block_h=response.block_h,
        hours=response.energy_h,
        up=bool(share[0] > 0),
        down=bool(share[1] < 0),
        most_mw=np.inf if response.most_mw is None else response.most_mw,
    )
    context.progress("playing the record", 0.2)
    most_hz = nominal_hz + HIGHEST_HZ if given.most_hz is None else given.most_hz
    played = playback.play(
        record,
        sessions,
        chargers_of(sessions),
        due,
        award,
        config.control_record(),
        connected_hz=(config.area.least_hz, most_hz),
    )
    gaps = int(np.isnan(played.record.frequency_hz).sum())
    dead_utc = record.times[record.alive] if record.dead.any() else None
    dead = int(record.dead.sum())
    return RecordResults(sessions, played, len(record), dead, dead_utc, gaps), sources, notes


STUDY = Study(
    name="frequency_response",
    question="What does a fleet do to the frequency after a loss of generation, and what does a "
    "real record ask of it?",
    config=Config,
    own_files=(
        "inputs/sessions.parquet",
        "inputs/record.parquet",
        "frequency.parquet",
        "sweep.parquet",
        "sizes.parquet",
        "parked.parquet",
        "ticks.parquet",
        "vehicles.parquet",
    ),
    compute=compute,
    report=report,
)
