"""The strategies of a plan: V2G, smart charging, no control, and rolling plans."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from evergrid.core.progress import Progress
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.dispatch import forecast, plan, rolling, shortfall
from evergrid.dispatch.network import feeder_plan
from evergrid.dispatch.network.feeder_check import SiteConnections
from evergrid.engine.progress import GapProgress
from evergrid.inputs.assembly import StudyInputs
from evergrid.inputs.feeder.sites import FeederSites
from evergrid.model.portfolio import Portfolio
from evergrid.model.prices import Prices
from evergrid.studies.plan.config import Config

Solver = Callable[..., plan.Plan]


@dataclass(frozen=True)
class SitesOnFeeder:
    """A portfolio on a feeder, whose plans must keep the limits of the network.

    Attributes:
        portfolio: Who is where.
        feeder_sites: The feeder and its sites.
        connections: How the sites connect to it.
    """

    portfolio: Portfolio
    feeder_sites: FeederSites
    connections: SiteConnections

    def plan(
        self, name: str, options: plan.Options, tell: feeder_plan.Tell
    ) -> feeder_plan.FeederPlan:
        """The strategy of that name within the limits of the network."""
        portfolio = self.portfolio
        if name == "smart":
            portfolio = replace(portfolio, sessions=portfolio.sessions.without_discharge())
        rounds = self.feeder_sites.config.rounds
        return feeder_plan.within(portfolio, self.connections, options, rounds=rounds, tell=tell)


def sites_on_feeder(portfolio: Portfolio, feeder_sites: FeederSites) -> SitesOnFeeder:
    """The portfolio with its sites connected to a feeder."""
    return SitesOnFeeder(portfolio, feeder_sites, feeder_sites.connections(portfolio))


def options_of(config: Config, loaded: StudyInputs) -> plan.Options:
    """How to plan, with the worth of energy left that the configuration or the prices give."""
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


def plans(
    config: Config,
    portfolio: Portfolio,
    options: plan.Options,
    progress: Progress,
    network: SitesOnFeeder | None,
    v2g: plan.Plan | None = None,
) -> tuple[dict[str, plan.Plan], dict[str, feeder_plan.FeederPlan]]:
    """The plan of each strategy, and how those were made that keep the limits of a network.

    Args:
        config: How to plan, and what beside.
        portfolio: What to plan.
        options: How.
        progress: Told what is done.
        network: The feeder, if there is one.
        v2g: The plan with V2G, where it is made already.

    Raises:
        InfeasibleError: Energy owed that cannot be served, when ``on_shortfall = "error"``.
        SolveError: No plan within the time limit.
    """
    whole = 0.3 if config.rolling else 0.9
    within: dict[str, feeder_plan.FeederPlan] = {}

    def made(name: str, label: str, solve: Solver, low: float, high: float) -> plan.Plan:
        tell = _gap_progress(progress, label, low * whole, high * whole, options.gap)
        if network is None:
            return solve(portfolio, options, progress=tell)
        tell_round = _round_progress(progress, label, low * whole, high * whole)
        within[name] = network.plan(name, options, tell_round)
        return within[name].plan

    if v2g is None:
        v2g = made("v2g", "planning V2G", plan.v2g, 0.1, 0.5)
    if config.solve.on_shortfall == "error":
        shortfall.raise_on_shortfall(v2g.shortfalls, v2g.assessment)
    smart = made("smart", "planning smart charging", plan.smart, 0.5, 0.8)
    label = "simulating no control"
    tell = _gap_progress(progress, label, 0.8 * whole, whole, options.gap)
    uncontrolled = plan.uncontrolled(portfolio, options, smart, progress=tell)
    return {"uncontrolled": uncontrolled, "smart": smart, "v2g": v2g}, within


def _gap_progress(
    progress: Progress, label: str, low: float, high: float, goal: float
) -> GapProgress:
    """Reports a gap as progress from ``low`` to ``high``, which is reached at the goal."""
    progress(label, low)
    first, reached = 1.0, 0.0

    def tell(iteration: int, gap: float) -> None:
        nonlocal first, reached
        first = max(first, gap)
        way = math.log(first / max(gap, goal)) / math.log(first / goal)
        reached = max(reached, min(way, 1.0))
        progress(f"{label}, gap {gap:.0e}", low + (high - low) * reached)

    return tell


def _round_progress(progress: Progress, label: str, low: float, high: float) -> feeder_plan.Tell:
    """Reports rounds as progress from ``low`` towards ``high``."""

    def tell(number: int, made: feeder_plan.Round) -> None:
        share = 1.0 - 0.8**number
        beyond = f"{made.steps:,} steps beyond" if made.steps else "within"
        progress(f"{label}, round {number}: {beyond} network limits", low + (high - low) * share)

    progress(label, low)
    return tell


def rolling_plans(
    config: Config,
    portfolio: Portfolio,
    believed: Prices | None,
    options: plan.Options,
    progress: Progress,
) -> dict[str, rolling.RollingResult]:
    """Plans made again and again as time passes, by the view of prices they believe."""
    grid, actual = portfolio.grid, portfolio.prices
    assert config.rolling is not None
    window, every, known = config.rolling.steps(grid.step_h).values()
    views: dict[str, forecast.AbstractPriceView] = {"perfect": forecast.Perfect(actual)}
    if believed is not None:
        views["forecast"] = forecast.Forecast(actual, believed, known)
    views["persistence"] = forecast.Persistence(actual, known, forecast.steps_per_day(grid))
    if believed is not None and config.carbon is not None:  # forecasts of prices tell no factors
        views["forecast"] = forecast.CarbonFrom(views["forecast"], views["persistence"])
    rolled = {}
    for i, (name, view) in enumerate(views.items()):

        def tick(step: int, label: str = name, done: float = i / len(views)) -> None:
            share = done + step / grid.steps / len(views)
            progress(f"rolling with {label} prices", 0.3 + 0.65 * share)

        rolled[name] = rolling.simulate(
            portfolio, view, options, window=window, every=every, tick=tick
        )
    return rolled
