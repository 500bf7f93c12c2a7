"""What should every vehicle and battery do, what is that worth, and how far from optimal is it?"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import polars as pl
from pydantic import Field, model_validator

from evergrid.core import config as config_file
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.dispatch import forecast, plan, rolling
from evergrid.dispatch.network import feeder_check, feeder_plan
from evergrid.engine import solver
from evergrid.engine.interior_point.interior_point import Tell
from evergrid.inputs import feeder_sites
from evergrid.inputs.assembly import Loaded, load
from evergrid.inputs.feeder_sites import FeederSites, PlanFeeder
from evergrid.inputs.tables import ForecastSource, Inputs
from evergrid.model.portfolio import Portfolio
from evergrid.model.prices import Prices
from evergrid.studies import summary
from evergrid.studies.plan import (
    feeder as plan_feeder,
)
from evergrid.studies.plan import (
    report,
)
from evergrid.studies.plan import (
    summary as plan_summary,
)
from evergrid.studies.plan import (
    tables as plan_tables,
)
from evergrid.studies.plan.feeder import FeederResults
from evergrid.studies.result import AbstractResult, AbstractTelling, Files

QUESTION = "Schedule a fleet for the most value, with proof"
OUTPUTS = (
    "summary.json",
    "config.toml",
    "report.html",
    "inputs/sessions.parquet",
    "inputs/sites.parquet",
    "inputs/site_load.parquet",
    "inputs/site_limits.parquet",
    "inputs/site_generation.parquet",
    "inputs/prices.parquet",
    "schedule.parquet",
    "sites.parquet",
    "strategies.parquet",
    "curtailment.parquet",
    "strategy_schedules.parquet",
    "strategy_curtailment.parquet",
    "feeder_check.parquet",
    "site_limits.parquet",
    "congestion_prices.parquet",
    "feeder.geojson",
)
ROUNDING_STEPS = 1e-4  # by which a length given in hours may miss a whole number of steps


class Solve(BaseConfig):
    """How the plan is made."""

    on_shortfall: Literal["serve", "error"] = "serve"
    """When energy owed cannot be served: "serve" what can be and name the rest, or "error"."""
    method: solver.Method = "auto"
    """"highs" for exact vertices, "interior_point" for large fleets, "auto" by size; "device" for
    GPUs, "cluster" for the workers of a Ray cluster."""
    zones: int | None = Field(default=None, ge=1, examples=[8])
    """Workers of a cluster to use at most; all when absent."""
    smooth: bool = True
    """Among plans of equal cost, take the one whose total power moves least."""
    gap: float = Field(default=1e-6, gt=0, lt=1)
    """Largest relative gap that counts as optimal."""
    time_limit_s: float = Field(default=600.0, gt=0)
    """For each solve, seconds."""
    end_value_per_mwh: float | None = Field(default=None, ge=0, examples=[50.0])
    """Worth of energy in vehicles that stay beyond the horizon; the median price when absent."""


class Rolling(BaseConfig):
    """Planning again and again with only what was known then."""

    window_h: float = Field(default=24.0, gt=0)
    """How far each plan looks ahead, hours; like the next two, a whole number of steps."""
    replan_every_h: float = Field(default=1.0, gt=0)
    """Time between plans, hours; at most window_h."""
    known_h: float = Field(default=1.0, ge=0)
    """Time ahead for which the price is already known, hours; with 0 not even that of the step
    that begins."""
    forecast: ForecastSource | None = None
    """Forecast prices, made before the time they are for."""

    def steps(self, step_h: float) -> dict[str, int]:
        """Each length in steps.

        Raises:
            ConfigError: Lengths that are no whole numbers of steps; time between plans that is
                longer than they look ahead; steps that do not divide a day.
        """
        names = ("window_h", "replan_every_h", "known_h")
        faults = [
            fault for name in names for fault in _whole_steps(name, getattr(self, name), step_h)
        ]
        if self.replan_every_h > self.window_h:
            rule = f"be at most window_h, {self.window_h:g}"
            fix = "Plan again before a plan ends, or look further ahead."
            got = (self.replan_every_h,)
            faults.append(Fault("rolling.replan_every_h", rule, got, fix=fix))
        if abs(24 / step_h - round(24 / step_h)) > 1e-9:
            rule = "divide a day in a rolling plan, which looks for the same hour of another day"
            fix = "Choose 15, 30 or 60."
            faults.append(Fault("horizon.step_min", rule, (60 * step_h,), fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return {name: round(getattr(self, name) / step_h) for name in names}


def _whole_steps(name: str, hours: float, step_h: float) -> list[Fault]:
    """The fault of a length that is no whole number of steps, or is none where one is needed."""
    least = 0 if name == "known_h" else 1
    steps = hours / step_h
    if abs(steps - round(steps)) < ROUNDING_STEPS and round(steps) >= least:
        return []
    near = [step_h * count for count in (math.floor(steps), math.ceil(steps)) if count >= least]
    fix = f"Nearest are {' and '.join(f'{length:.6g}' for length in near)}."
    rule = f"be a whole number of steps of {60 * step_h:g} min"
    return [Fault(f"rolling.{name}", rule, (hours,), fix=fix)]


class Config(Inputs):
    """The configuration of a plan."""

    study: Literal["plan"] = "plan"
    """Which study this is."""
    title: str = "Fleet plan"
    """Heading of the report."""
    solve: Solve = Solve()
    """How the plan is made."""
    feeder: PlanFeeder | None = None
    """The feeder that the sites are connected to, whose limits the plan keeps."""
    rolling: Rolling | None = None
    """Also plan again and again as time passes, and compare."""

    @model_validator(mode="after")
    def _wires_by_highs(self) -> "Config":
        if self.feeder is not None and self.solve.method not in ("auto", "highs"):
            fix = "Choose auto, or leave the [feeder] out."
            rule = "be auto or highs where the plan has a feeder: other methods know no flowgates"
            fault = Fault("solve.method", rule, (self.solve.method,), fix=fix)
            raise ConfigError("config", [fault])
        return self

    @model_validator(mode="after")
    def _rolls_by_steps(self) -> "Config":
        if self.rolling is not None:
            self.rolling.steps(self.horizon.step_min / 60.0)
        return self


@final
@dataclass(frozen=True)
class Result(AbstractResult[Config]):
    """What came out.

    Attributes:
        config: As resolved.
        loaded: What it was computed from.
        plans: The plan by strategy: "uncontrolled", "smart", "v2g".
        rolled: What rolling planning came to by view of prices: "perfect", "forecast",
            "persistence"; empty when it was not asked for.
        feeder: What the feeder makes of them; None without one.
        summary: Headline numbers.
        tables: Tidy tables by file name without ending.
    """

    config: Config
    loaded: Loaded
    plans: dict[str, plan.Plan]
    rolled: dict[str, rolling.Rolled]
    feeder: FeederResults | None
    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    telling: ClassVar[AbstractTelling] = report
    outputs: ClassVar[tuple[str, ...]] = OUTPUTS

    def _beside(self) -> Files:
        inputs = plan_tables.inputs(self.loaded.portfolio)
        files: Files = {f"inputs/{name}.parquet": table for name, table in inputs.items()}
        if self.feeder is not None:
            files["feeder.geojson"] = plan_feeder.map_text(self.feeder)
        return files

    @cached_property
    def _shown(self) -> report.Shown:
        zone = self.config.horizon.time_zone
        return report.Shown(
            self.config.title,
            zone,
            self.loaded,
            self.plans,
            self.rolled,
            self.summary,
            self.feeder,
        )


Progress = Callable[[str, float], None]
Way = Callable[..., plan.Plan]


def run(
    config: Config,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = lambda label, share: None,
) -> Result:
    """Plan the fleet of a configuration.

    Args:
        config: What to plan.
        seed: Of generated sessions.
        folder: What relative paths in the configuration start from; the current one by default.
        progress: Called with what is being done and the share of the run that is done.

    Raises:
        InputError: Data or settings that break rules.
        InfeasibleError: Energy owed that cannot be served, when ``on_shortfall = "error"``.
        SolveError: No plan within the time limit.
    """
    progress("reading the inputs", 0.0)
    source = config.rolling.forecast if config.rolling else None
    folder = folder or Path.cwd()
    feeder = _feeder_sites(config, folder)
    loaded = load(config, source, folder=folder, seed=seed, feeder_sites=feeder)
    options = _options(config, loaded)
    on_feeder = None if feeder is None else _OnFeeder(loaded.portfolio, feeder)
    plans = _plans(config, loaded, options, progress, on_feeder)
    book = loaded.portfolio if on_feeder is None else on_feeder.made["v2g"].book
    rolled = _rolled(config, book, loaded.forecast, options, progress) if config.rolling else {}
    result_tables = plan_tables.results(loaded.portfolio, plans, rolled)
    found = None if on_feeder is None else on_feeder.found(plans, rolled)
    progress("writing down the results", 0.98)
    headline = _summary(config, loaded, plans, rolled, seed=seed, end_value=options)
    if found is not None:
        result_tables |= plan_feeder.results(found)
        headline["feeder"] = plan_feeder.summary(found)
    return Result(config, loaded, plans, rolled, found, headline, result_tables)


def _feeder_sites(config: Config, folder: Path) -> FeederSites | None:
    if config.feeder is None:
        return None
    horizon = config.horizon
    return feeder_sites.read(config.feeder, horizon.grid(), horizon.time_zone, folder)


class _OnFeeder:
    """A book on a feeder: its plans are brought within the limits of that."""

    def __init__(self, book: Portfolio, feeder_sites: FeederSites) -> None:
        self.book, self.feeder_sites = book, feeder_sites
        self.connections = feeder_sites.connections(book)
        self.made: dict[str, feeder_plan.FeederPlan] = {}

    def plan_within(self, name: str, options: plan.Options, tell: feeder_plan.Tell) -> plan.Plan:
        """The plan of that name within the limits of the feeder."""
        book = self.book
        if name == "smart":
            book = replace(book, sessions=book.sessions.without_discharge())
        rounds = self.feeder_sites.config.rounds
        connections = self.connections
        made = feeder_plan.within(book, connections, options, rounds=rounds, tell=tell)
        self.made[name] = made
        return made.plan

    def found(
        self, plans: dict[str, plan.Plan], rolled: dict[str, rolling.Rolled]
    ) -> FeederResults:
        """What everything that was planned does to the feeder."""
        schedules = {"uncontrolled": plans["uncontrolled"].schedule}
        schedules |= {f"rolling_{name}": made.schedule for name, made in rolled.items()}
        checked = {
            name: feeder_check.check(self.book, self.connections, made)
            for name, made in schedules.items()
        }
        return FeederResults(self.feeder_sites, self.connections, self.made, checked)


def _options(config: Config, loaded: Loaded) -> plan.Options:
    given = config.solve.end_value_per_mwh
    value = (
        plan.end_value_per_kwh(loaded.portfolio) if given is None else per_kwh_from_per_mwh(given)
    )
    return plan.Options(
        end_value_per_kwh=value,
        method=config.solve.method,
        smooth=config.solve.smooth,
        gap=config.solve.gap,
        time_limit_s=config.solve.time_limit_s,
        zones=config.solve.zones,
    )


def _plans(
    config: Config,
    loaded: Loaded,
    options: plan.Options,
    progress: Progress,
    on_feeder: _OnFeeder | None,
) -> dict[str, plan.Plan]:
    portfolio = loaded.portfolio
    whole = 0.3 if config.rolling else 0.9

    def nearing(label: str, low: float, high: float) -> Tell:
        return _nearing(progress, label, low * whole, high * whole, options.gap)

    def made(name: str, label: str, how: Way, low: float, high: float) -> plan.Plan:
        tell = nearing(label, low, high)
        if on_feeder is None:
            return how(portfolio, options, tell=tell)
        holding = _holding(progress, label, low * whole, high * whole)
        return on_feeder.plan_within(name, options, holding)

    v2g = made("v2g", "planning V2G", plan.v2g, 0.1, 0.5)
    if config.solve.on_shortfall == "error":
        plan.raise_on_shortfall(v2g)
    smart = made("smart", "planning smart charging", plan.smart, 0.5, 0.8)
    tell = nearing("simulating no control", 0.8, 1.0)
    return {
        "uncontrolled": plan.uncontrolled(portfolio, options, smart, tell=tell),
        "smart": smart,
        "v2g": v2g,
    }


def _nearing(progress: Progress, label: str, low: float, high: float, goal: float) -> Tell:
    """Tells of a gap as progress from ``low`` to ``high``, which is reached at the goal."""
    progress(label, low)
    first, reached = 1.0, 0.0

    def tell(iteration: int, gap: float) -> None:
        nonlocal first, reached
        first = max(first, gap)
        way = math.log(first / max(gap, goal)) / math.log(first / goal)
        reached = max(reached, min(way, 1.0))
        progress(f"{label}, gap {gap:.0e}", low + (high - low) * reached)

    return tell


def _holding(progress: Progress, label: str, low: float, high: float) -> feeder_plan.Tell:
    """Tells of rounds as progress from ``low`` towards ``high``."""

    def tell(number: int, made: feeder_plan.Round) -> None:
        share = 1.0 - 0.8**number
        beyond = f"{made.steps:,} steps beyond the wires" if made.steps else "the wires hold"
        progress(f"{label}, round {number}: {beyond}", low + (high - low) * share)

    progress(label, low)
    return tell


def _rolled(
    config: Config,
    book: Portfolio,
    believed: Prices | None,
    options: plan.Options,
    progress: Progress,
) -> dict[str, rolling.Rolled]:
    grid, actual = book.grid, book.prices
    assert config.rolling is not None
    window, every, known = config.rolling.steps(grid.step_h).values()
    views: dict[str, forecast.AbstractPriceView] = {"perfect": forecast.Perfect(actual)}
    if believed is not None:
        views["forecast"] = forecast.Forecast(actual, believed, known)
    views["persistence"] = forecast.Persistence(actual, known, forecast.steps_per_day(grid))
    rolled = {}
    for i, (name, view) in enumerate(views.items()):

        def tick(step: int, label: str = name, done: float = i / len(views)) -> None:
            share = done + step / grid.steps / len(views)
            progress(f"rolling with {label} prices", 0.3 + 0.65 * share)

        rolled[name] = rolling.simulate(book, view, options, window=window, every=every, tick=tick)
    return rolled


def _summary(
    config: Config,
    loaded: Loaded,
    plans: dict[str, plan.Plan],
    rolled: dict[str, rolling.Rolled],
    *,
    seed: int,
    end_value: plan.Options,
) -> dict[str, Any]:
    found = plan_summary.headline(
        loaded.portfolio, plans, rolled, end_value_per_kwh=end_value.end_value_per_kwh
    )
    return {
        "study": "plan",
        "title": config.title,
        **found,
        "notes": list(loaded.notes),
        "sources": [meta.to_dict() for meta in loaded.sources],
        "seed": seed,
        "versions": summary.versions(),
        "config_sha256": summary.text_hash(config_file.dump(config)),
        "input_sha256": {
            name: summary.table_hash(frame)
            for name, frame in plan_tables.inputs(loaded.portfolio).items()
        },
    }
