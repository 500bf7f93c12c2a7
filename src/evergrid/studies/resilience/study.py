"""Follows many outages of one site: with and without vehicles, with more, with a warning."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.inputs.microgrid import MicrogridEntry
from evergrid.model.microgrid import BatteryUnit, Microgrid
from evergrid.resilience.restoration import plan, policy
from evergrid.resilience.restoration.belief import OutageBelief
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures
from evergrid.resilience.restoration.schedule import cost_kwh
from evergrid.studies.resilience import report, sizing, tables
from evergrid.studies.resilience import standing as usual_days
from evergrid.studies.resilience.cases import followed, lost_cost, requirement
from evergrid.studies.resilience.config import Config, StormEntry, check
from evergrid.studies.resilience.results import PolicyCheck, ResilienceResults, StandingWorth
from evergrid.studies.resilience.scenarios import (
    Outages,
    after_regulation,
    believed,
    changed,
    drawn,
)
from evergrid.studies.resilience.workers import HERE, OutageWorkers, chosen
from evergrid.studies.study import Context, Output, Study

MORE = 1.1  # energy or power that is tried beside what there is
DAYS_A_YEAR = 365
PLAN_S = 20.0  # for the best restoration of one outage
PLANS_S = 600.0  # for those of all outages that are checked
PLANS_EACH = 2  # of an outage


def compute(config: Config, context: Context) -> Output[ResilienceResults]:
    """How soon and how far a site recovers, and what vehicles change.

    Raises:
        ConfigError: Tables that do not go together.
        MissingFileError, UnreadableFileError: The signal is not there, or is none.
        InputError: Numbers out of range, a cluster without Ray.
        SolveError: A usual day that was not planned to the end.
        WorkerError: No cluster answers, or some outages lose their worker again and again.
    """
    progress, workers = context.progress, chosen(config.outage.workers)
    entry, told = config.microgrid.with_feeder(context.folder)
    config = config.model_copy(update={"microgrid": entry})
    check(config)
    progress("drawing outages", 0.0)
    wide = _wide(config, context)
    own = changed(wide, vehicles=None if len(config.microgrid.vehicles) != 1 else _owned(config))
    rule = restoration_rule(config, own)
    progress("following outages", 0.1)
    fleet = followed(config, own, rule, causes=True, workers=workers)
    progress("following outages without vehicles", 0.2)
    dark = changed(own, vehicles=0)
    none = followed(config, dark, rule, causes=True, workers=workers)
    progress("trying more energy and more power", 0.25)
    richer = [changed(own, change=change) for change in (_more_energy, _more_power)]
    more = [followed(config, one, rule, workers=workers).m_d_kwh.mean() for one in richer]
    storm = None
    if config.storm is not None:
        progress("following outages with a warning", 0.35)
        warned = _warned(own, config.storm)
        storm = followed(config, warned, rule, causes=True, workers=workers)
    sizes = least = None
    if config.sizing is not None:
        progress("trying sizes of the fleet", 0.4)
        sizes = sizing.swept(config, wide, rule, workers)
        progress("searching the least fleet", 0.5)
        least = sizing.least(config, wide, rule, workers)
    standing = None
    if config.standing is not None:
        progress("planning usual days", 0.8)
        standing = _standing(config, own, rule, workers)
    check_of = None
    if config.checked_outages:
        progress("solving some outages with all known", 0.9)
        check_of = checked(config, own, rule, config.checked_outages, workers)
    findings = ResilienceResults(
        outages=own,
        fleet=fleet,
        none=none,
        storm=storm,
        requirement=requirement(config, fleet),
        more_energy_kwh=float(more[0]),
        more_power_kwh=float(more[1]),
        lost_cost=(lost_cost(config, fleet), lost_cost(config, none)),
        sizes=sizes,
        least=least,
        standing=standing,
        check=check_of,
        signal_made_up=_made_up(config),
    )
    return Output(
        findings=findings,
        headline=tables.headline(config, findings),
        tables=tables.results(config, findings),
        inputs=tables.inputs(findings),
        notes=(*told, *report.notes(config, findings)),
    )


def _owned(config: Config) -> int:
    return config.microgrid.vehicles[0].count


def _wide(config: Config, context: Context) -> Outages:
    """Outages with as many vehicles as any size needs; those of the study are the first ones."""
    site = config.microgrid
    if config.sizing is not None and len(site.vehicles) == 1:
        (kind,) = site.vehicles
        most = max(kind.count, config.sizing.vehicles[1])
        site = MicrogridEntry.model_copy(
            site, update={"vehicles": (kind.model_copy(update={"count": most}),)}
        )
    outages = drawn(config, context.seed, entry=site)
    if config.regulation is not None:
        outages = after_regulation(outages, config.regulation, context.folder, context.seed)
    return outages


def restoration_rule(config: Config, outages: Outages) -> RestorationRule:
    """The rule by which blocks are picked up."""
    given = config.restoration
    mean_h = float(outages.length_h.mean())
    return RestorationRule(
        pickup_share=given.pickup_share,
        reserve_for_largest=given.reserve_for_largest,
        closings_per_step=given.closings_per_step,
        expected_h=mean_h if given.expected_h is None else given.expected_h,
        hold_h=given.hold_h,
        life_safety_confidence=given.life_safety_confidence,
    )


def _more_energy(_: int, unit: BatteryUnit) -> BatteryUnit:
    energy = min(MORE * unit.energy_arrival_kwh, unit.capacity_kwh)
    return replace(unit, energy_arrival_kwh=energy)


def _more_power(_: int, unit: BatteryUnit) -> BatteryUnit:
    return replace(
        unit,
        max_discharge_kw=MORE * unit.max_discharge_kw,
        max_charge_kw=MORE * unit.max_charge_kw,
        apparent_kva=MORE * unit.apparent_kva,
    )


def _warned(outages: Outages, entry: StormEntry) -> Outages:
    """The same outages, of vehicles that come and charge from the warning on."""

    def warn(_: int, unit: BatteryUnit) -> BatteryUnit:
        arrival = unit.arrival_h
        if entry.come_early and arrival > 0:
            arrival -= entry.warning_h
        hours = entry.warning_h if unit.arrival_h <= 0 else float(np.clip(-arrival, 0.0, None))
        most = max(entry.charge_share * unit.capacity_kwh, unit.energy_arrival_kwh)
        charged = unit.energy_arrival_kwh + hours * unit.max_charge_kw * unit.efficiency_charge
        return replace(unit, arrival_h=arrival, energy_arrival_kwh=min(charged, most))

    return changed(outages, change=warn)


def _standing(
    config: Config, outages: Outages, rule: RestorationRule, workers: OutageWorkers
) -> StandingWorth:
    """Usual days with each reserve, and outages that find vehicles as those days left them."""
    assert config.standing is not None
    days = usual_days.planned(config.standing, config.microgrid.vehicles[0])
    found = []
    for place in range(len(days.reserve_kwh)):
        energy = days.energy_at(place, outages.start_hour)
        found.append(followed(config, _as_left(outages, energy), rule, workers=workers))
    lost = np.array([lost_cost(config, case) for case in found])
    count = config.microgrid.vehicles[0].count
    return StandingWorth(
        days=days,
        given_up=days.given_up_per_day * count * DAYS_A_YEAR,
        lost_cost=lost,
        avoided=(lost[0] - lost) * config.outage.per_year,
        m_d_kwh=np.array([case.m_d_kwh.mean() for case in found]),
    )


def _as_left(outages: Outages, energy_kwh: Float[Array, " scenario"]) -> Outages:
    """The same outages with that energy in vehicles, all of which are there when it is no NaN."""

    def leave(number: int, unit: BatteryUnit) -> BatteryUnit:
        energy = float(energy_kwh[number])
        if np.isnan(energy):
            return unit
        return replace(unit, arrival_h=0.0, energy_arrival_kwh=energy)

    return changed(outages, change=leave)


class _CheckQuestion(NamedTuple):
    """What is asked of every outage that is checked."""

    rule: RestorationRule
    belief: OutageBelief
    step_h: float
    limit_s: float


def checked(
    config: Config,
    outages: Outages,
    rule: RestorationRule,
    count: int,
    workers: OutageWorkers = HERE,
) -> PolicyCheck:
    """The first outages by the policy and by two plans that know who comes.

    One knows the length, too, and goes to the end of the outage. The other knows of lengths what
    the policy knows, and both are weighted by the probability that the outage lasts to each step.
    """
    count = min(count, len(outages))
    limit_s = min(PLAN_S, PLANS_S / (PLANS_EACH * count))
    asked = _CheckQuestion(rule, believed(config, outages), config.outage.step_h, limit_s)
    parts = [outages.part(number, number + 1) for number in range(count)]
    return PolicyCheck(*np.array(workers.each(_check_one, asked, parts)).T)


def _check_one(asked: _CheckQuestion, outage: Outages) -> tuple[float, ...]:
    """Costs and bounds of one outage, in the order of `PolicyCheck`."""
    rule, belief, step_h, limit_s = asked
    (site,), (length_h,) = outage.microgrids, outage.length_h.tolist()
    lasting = belief.lasting
    most_h = len(lasting) * step_h
    hours = step_h * max(int(np.ceil(length_h / step_h - 1e-9)), 1)
    fails = _failures(site, outage.diesel_fails_h[0])
    decided = policy.follow(site, rule, most_h, step_h, failures=fails, belief=belief)
    until = (np.arange(len(lasting)) * step_h < hours - 1e-9).astype(float)
    given = {"failures": fails, "time_limit_s": limit_s}
    best = plan.plan(site, rule, hours, step_h, **given)
    mean = plan.plan(site, rule, most_h, step_h, lasting=lasting, **given)
    return (
        cost_kwh(site, decided, until),
        cost_kwh(site, best),
        best.bound_kwh,
        cost_kwh(site, decided, lasting),
        cost_kwh(site, mean, lasting),
        mean.bound_kwh,
    )


def _failures(site: Microgrid, diesel_h: Float[Array, " set"]) -> SourceFailures:
    return SourceFailures(np.full(len(site.batteries), np.inf), diesel_h)


def _made_up(config: Config) -> bool | None:
    return None if config.regulation is None else config.regulation.signal_file is None


STUDY: Study[Config, Any] = Study(
    name="resilience",
    question="How soon and how far does a site recover when the grid is gone, and what do "
    "vehicles change?",
    config=Config,
    own_files=(
        "inputs/outages.parquet",
        "inputs/vehicles.parquet",
        "inputs/load_blocks.parquet",
        "inputs/section.parquet",
        "outages.parquet",
        "survival.parquet",
        "served.parquet",
        "sizes.parquet",
        "least_fleet.parquet",
        "standing.parquet",
        "policy_check.parquet",
    ),
    compute=compute,
    report=report,
)
