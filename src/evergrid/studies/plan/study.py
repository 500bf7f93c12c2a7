"""What should every vehicle and battery do, what is that worth, and how far from optimal is it?"""

from collections.abc import Mapping
from dataclasses import replace

from evergrid.dispatch.network import feeder_check
from evergrid.dispatch.network.feeder_plan import FeederPlan
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.inputs.assembly import load
from evergrid.inputs.feeder import sites as feeder_sites
from evergrid.inputs.feeder.sites import FeederSites
from evergrid.model.portfolio import Portfolio
from evergrid.studies.plan import carbon as plan_carbon
from evergrid.studies.plan import chargers as plan_chargers
from evergrid.studies.plan import report, strategies, tables
from evergrid.studies.plan import summary as plan_summary
from evergrid.studies.plan.config import Config
from evergrid.studies.plan.feeder import feeder as plan_feeder
from evergrid.studies.plan.feeder import report as feeder_report
from evergrid.studies.plan.feeder.feeder import FeederResults
from evergrid.studies.plan.results import PlanResults
from evergrid.studies.plan.strategies import SitesOnFeeder
from evergrid.studies.plan.wear import losses as plan_losses
from evergrid.studies.plan.wear import pack as plan_pack
from evergrid.studies.plan.wear import refinement
from evergrid.studies.plan.wear import wear as plan_wear
from evergrid.studies.study import Context, Output, Study


def compute(config: Config, context: Context) -> Output[PlanResults]:
    """Plan the fleet of a configuration.

    The seed is that of generated sessions.

    Raises:
        InputError: Data or settings that break rules.
        InfeasibleError: Energy owed that cannot be served, when ``on_shortfall = "error"``.
        SolveError: No plan within the time limit.
    """
    progress = context.progress
    progress("reading the inputs", 0.0)
    source = config.rolling.forecast if config.rolling else None
    sites = _feeder_sites(config, context)
    given = load(
        config,
        source,
        folder=context.folder,
        seed=context.seed,
        feeder_sites=sites,
        chargers=config.chargers,
    )
    told: list[str] = []
    carbon = plan_carbon.read(config, context.folder, tell=told.append)
    if carbon is not None:
        given = replace(given, portfolio=carbon.on(given.portfolio))
    models = refinement.begin(
        plan_wear.with_warranty(config, given.portfolio, context.folder),
        plan_wear.batteries(config, given.portfolio, context.folder),
        plan_losses.losses(config),
        plan_pack.packs(config),
    )
    portfolio = models.portfolio
    options = strategies.options_of(config, given)
    network = None if sites is None else strategies.sites_on_feeder(portfolio, sites)
    capped = None
    if carbon is not None and carbon.config.cap_tonnes is not None:
        capped = plan_carbon.within_cap(carbon, portfolio, options, progress)
    plans, within = strategies.plans(
        config, portfolio, options, progress, network, None if capped is None else capped.plan
    )

    def again(changed: Portfolio, number: int) -> Mapping[str, Plan]:
        progress(f"refinement {number}", 0.0)
        return strategies.plans(config, changed, options, progress, None)[0]

    models, plans, refinements = refinement.refined(
        models, plans, again, most=config.solve.refinements
    )
    portfolio = models.portfolio
    given = replace(given, portfolio=portfolio)
    rolled: dict[str, RollingResult] = {}
    if config.rolling:
        limited = within["v2g"].portfolio if within else portfolio
        rolled = strategies.rolling_plans(config, limited, given.forecast, options, progress)
    feeder = None if network is None else _on_feeder(network, within, plans, rolled)
    wear, losses = None, None
    if models.batteries is not None:
        wear = plan_wear.results(
            config, portfolio, models.batteries, plans, rolled, options, refinements=refinements
        )
    done = {name: made.schedule for name, made in plans.items()}
    done |= {f"rolling_{name}": made.schedule for name, made in rolled.items()}
    if models.losses is not None:
        losses = plan_losses.assessments(portfolio, models.losses, done)
    headline = plan_summary.headline(
        portfolio, plans, rolled, end_value_per_kwh=options.end_value_per_kwh
    )
    result_tables = tables.results(portfolio, plans, rolled)
    files, input_tables = {}, tables.inputs(portfolio)
    if carbon is not None:
        emitted = plan_carbon.emissions(carbon, portfolio, options, plans, rolled)
        headline["carbon"] = plan_carbon.summary(carbon, emitted, capped)
        result_tables["carbon"] = plan_carbon.table(emitted)
        input_tables["factors"] = carbon.factors.frame(portfolio.grid)
        told += plan_carbon.notes(carbon, capped)
        if capped is not None:
            for name in plan_carbon.beyond_cap(headline["carbon"]):
                headline["strategies"][name]["same_service"] = False
    if portfolio.chargers is not None:
        runs = plan_chargers.schedules(plans, rolled)
        headline["chargers"] = plan_chargers.summary(portfolio, plans["v2g"], runs)
        result_tables |= plan_chargers.results(portfolio, plans["v2g"])
        input_tables |= plan_chargers.inputs(portfolio)
    if feeder is not None:
        headline["feeder"] = plan_feeder.summary(feeder)
        if not headline["feeder"]["holds"]:  # a plan within the limits may cost more than any
            for name, made in headline["strategies"].items():
                made["same_service"] = name == "v2g"
        told += feeder_report.notes(headline)
        result_tables |= plan_feeder.results(feeder)
        files["feeder.geojson"] = plan_feeder.map_text(feeder)
    if wear is not None:
        headline["wear"] = plan_wear.summary(wear, portfolio)
        result_tables["wear"] = plan_wear.table(wear)
    if losses is not None:
        headline["converter"] = plan_losses.summary(losses)
    if models.packs is not None:
        asked = plan_pack.assessments(portfolio, models.packs, done)
        headline["pack"] = plan_pack.summary(asked)
    if portfolio.warranties is not None:
        headline["warranty"] = plan_wear.warranty_summary(portfolio, plans["v2g"])
    return Output(
        PlanResults(given, plans, rolled, feeder, wear),
        headline,
        result_tables,
        inputs=input_tables,
        files=files,
        notes=(*given.notes, *told),
        sources=given.sources if carbon is None else (*given.sources, *carbon.factors.sources),
    )


def _feeder_sites(config: Config, context: Context) -> FeederSites | None:
    if config.feeder is None:
        return None
    horizon = config.horizon
    return feeder_sites.read(config.feeder, horizon.grid(), horizon.time_zone, context.folder)


def _on_feeder(
    network: SitesOnFeeder,
    within: dict[str, FeederPlan],
    plans: Mapping[str, Plan],
    rolled: Mapping[str, RollingResult],
) -> FeederResults:
    """What every strategy does to the feeder."""
    schedules = {"uncontrolled": plans["uncontrolled"].schedule}
    schedules |= {f"rolling_{name}": made.schedule for name, made in rolled.items()}
    others = {
        name: feeder_check.check(network.portfolio, network.connections, made)
        for name, made in schedules.items()
    }
    return FeederResults(network.feeder_sites, network.connections, within, others)


STUDY = Study(
    name="plan",
    question="What should every vehicle and battery do, what is that worth, and how far from "
    "optimal is it?",
    config=Config,
    own_files=(
        "inputs/sessions.parquet",
        "inputs/sites.parquet",
        "inputs/site_load.parquet",
        "inputs/site_limits.parquet",
        "inputs/site_generation.parquet",
        "inputs/prices.parquet",
        "inputs/factors.parquet",
        "inputs/chargers.parquet",
        "schedule.parquet",
        "sites.parquet",
        "strategies.parquet",
        "curtailment.parquet",
        "strategy_schedules.parquet",
        "strategy_curtailment.parquet",
        "charger_currents.parquet",
        "charger_starts.parquet",
        "site_phases.parquet",
        "feeder_check.parquet",
        "site_limits.parquet",
        "congestion_prices.parquet",
        "feeder.geojson",
        "wear.parquet",
        "carbon.parquet",
    ),
    compute=compute,
    report=report,
)
