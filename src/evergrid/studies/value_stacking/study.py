"""What is each service worth on top of energy and of the others?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import KW_PER_MW, MIN_PER_H
from evergrid.data import tables as input_tables
from evergrid.data.files.locate import locate
from evergrid.data.meta import Meta
from evergrid.dispatch import plan as energy_plan
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.options import Options
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.services import pay_as_bid
from evergrid.dispatch.services import plan as service_plan
from evergrid.dispatch.services.plan import LITTLE_KW, ServicePlan
from evergrid.dispatch.services.service import Service
from evergrid.inputs import information
from evergrid.inputs.assembly import load, read_prices
from evergrid.inputs.tables import PriceSource
from evergrid.model.portfolio import Portfolio
from evergrid.studies.study import Context, Output, Study
from evergrid.studies.value_stacking import report, tables
from evergrid.studies.value_stacking.config import BidCurve as BidEntry
from evergrid.studies.value_stacking.config import Config, ServiceEntry
from evergrid.studies.value_stacking.results import (
    BidCurve,
    RealisedValue,
    StackingResults,
    Tranches,
)


def compute(config: Config, context: Context) -> Output[StackingResults]:
    """Plan energy alone, then with one service more each time.

    Raises:
        ConfigError: No service.
        InputError: Data or settings that break rules, prices that are not known in time.
        SolveError: No plan within the time limit.
    """
    progress = context.progress
    progress("reading the inputs", 0.0)
    grid = config.horizon.grid()
    given = load(config, None, folder=context.folder, seed=context.seed)
    if not config.service:
        fix = "Add a [[service]] with a name and a price."
        raise ConfigError("config", [Fault("service", "be at least one", fix=fix)])
    actual = given.portfolio
    read = [_capacity_price(one, config, grid, context) for one in config.service]
    came = np.array([one.price_per_mw for one in read])
    portfolio, expected = actual, came
    if config.information.prices == "persistence":
        progress("looking up what is known", 0.05)
        known = config.information
        prices = information.expected_energy(known, config.prices, grid, context.folder)
        portfolio = replace(actual, prices=prices)
        longer = information.with_days_before(known, grid)
        with information.reaching_back(known):
            seen = [_capacity_price(one, config, longer, context) for one in config.service]
        expected = np.array([information.expected(known, grid, x.price_per_mw) for x in seen])
    options = Options(energy_plan.end_value_per_kwh(portfolio), time_limit_s=config.time_limit_s)
    progress("planning energy alone", 0.1)
    alone = energy_plan.v2g(portfolio, options)
    services = _services(config, expected)
    stack: list[ServicePlan] = []
    for count in range(1, len(services) + 1):
        progress(f"adding {services[count - 1].name}", 0.1 + 0.6 * count / len(services))
        fewer = stack[-1] if stack else None
        sold = services[:count]
        stack.append(service_plan.plan(portfolio, sold, options, alone=alone, fewer=fewer))
    realised = None
    if config.information.prices == "persistence":
        progress("settling at the prices that came", 0.75)
        sold = _services(config, came)
        realised = _realised(actual, stack[-1], alone, sold, options)
    curve = None
    if config.bid_curve is not None:
        progress("finding the bid curve", 0.85)
        curve = _bid_curve(config, portfolio, services, options, alone)
        if config.bid_curve.price_error_per_mw is not None:
            curve = _asked(
                curve, expected[curve.service], services[curve.service], config.bid_curve
            )
    results = StackingResults(given, alone, tuple(stack), came, realised, curve)
    return Output(
        results,
        tables.headline(config, results),
        tables.results(results),
        inputs=tables.inputs(results),
        notes=(
            *given.notes,
            *(note for one in read for note in one.notes),
            *report.notes(config, results),
        ),
        sources=(*given.sources, *(source for one in read for source in one.sources)),
    )


# -- prices ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _CapacityPrice:
    """What a service is paid.

    Attributes:
        price_per_mw: In each step, for a MW held through an hour.
        sources: Where it comes from.
        notes: What was done to its rows.
    """

    price_per_mw: Float[Array, " step"]
    sources: tuple[Meta, ...] = ()
    notes: tuple[str, ...] = ()


def _capacity_price(
    entry: ServiceEntry, config: Config, grid: TimeGrid, context: Context
) -> _CapacityPrice:
    """Price of a service over a grid.

    Raises:
        InputError: A file in another currency than energy, or that does not cover the grid.
    """
    always, notes = float(entry.price_per_mw or 0.0), list[str]()
    if entry.file is None:
        return _CapacityPrice(np.full(grid.steps, always))
    if entry.format == "table":
        path = locate(entry.file, context.folder)
        read = input_tables.read_capacity_prices(path, tell=notes.append)
        return _CapacityPrice(read.on(grid) + always, notes=tuple(notes))
    source = PriceSource(file=entry.file, format=entry.format, options=entry.options)
    prices, sources = read_prices(source, grid, context.folder, tell=notes.append)
    energy, _ = read_prices(config.prices, grid, context.folder)
    if prices.currency != energy.currency:
        rule = f"be of prices in {energy.currency}, as those of energy"
        raise InputError("service", [Fault("file", rule, (prices.currency,), (entry.name,))])
    paid = prices.on(grid).import_price_per_mwh + always
    return _CapacityPrice(paid, tuple(sources), tuple(notes))


# -- plans -------------------------------------------------------------------------------------


def _services(config: Config, price_per_mw: Float[Array, "service step"]) -> list[Service]:
    """The services at these prices."""
    return [
        Service(
            name=one.name,
            credit_per_kw=one.share_paid * price / KW_PER_MW,
            up=one.direction != "down",
            down=one.direction != "up",
            block_steps=round(one.block_min / config.horizon.step_min),
            hold_h=one.hold_min / MIN_PER_H,
            at_end=one.hold_at == "both",
            step_kw=one.step_kw,
            least_kw=one.least_kw,
            most_kw=np.inf if one.most_kw is None else one.most_kw,
            fed_share=one.fed_share,
            window=one.window,
        )
        for one, price in zip(config.service, price_per_mw, strict=True)
    ]


def _realised(
    actual: Portfolio,
    made: ServicePlan,
    alone: Plan,
    sold: Sequence[Service],
    options: Options,
) -> RealisedValue:
    """What plans made on forecasts come to at the prices that came, and what foresight would."""
    step_h, steps = actual.grid.step_h, actual.grid.steps
    credit = 0.0
    for service, award_kw in zip(sold, made.award_kw, strict=True):
        credit += step_h * float(service.credit_per_kw @ service.by_step(award_kw, steps))
    fed = np.array([one.fed_share for one in sold])
    called = np.einsum("k,kst,st->", fed, made.held_kw, service_plan.fed_cost_per_kwh(actual))
    known_alone = energy_plan.v2g(actual, options)
    known = service_plan.plan(actual, sold, options, alone=known_alone)
    at_end = options.end_value_per_kwh
    return RealisedValue(
        alone=costs(actual, alone.schedule, at_end).net,
        net=costs(actual, made.schedule, at_end).net + step_h * float(called) - credit,
        foresight=known.net,
        foresight_alone=known_alone.costs.net,
    )


def _bid_curve(
    config: Config,
    portfolio: Portfolio,
    services: Sequence[Service],
    options: Options,
    alone: Plan,
) -> BidCurve:
    """Awards of one service at rising prices, the others sold at theirs.

    What a plan holds of it at one price can be held at a higher one, so that an offer is the least
    that is planned at its price or any above.
    """
    assert config.bid_curve is not None
    place = [one.name for one in services].index(config.bid_curve.service)
    planned = []
    for price in config.bid_curve.prices_per_mw:
        paid = config.service[place].share_paid * price / KW_PER_MW
        tried = replace(services[place], credit_per_kw=np.full(portfolio.grid.steps, paid))
        sold = [tried if at == place else one for at, one in enumerate(services)]
        planned.append(service_plan.plan(portfolio, sold, options, alone=alone).award_kw[place])
    offered = np.minimum.accumulate(np.array(planned)[::-1], axis=0)[::-1]
    return BidCurve(place, np.array(config.bid_curve.prices_per_mw), offered)


def _asked(
    curve: BidCurve, expected: Float[Array, " step"], service: Service, asked: BidEntry
) -> BidCurve:
    """The curve with what to ask for each part, around the mean expected price of its block."""
    assert asked.price_error_per_mw is not None
    begins = np.arange(0, len(expected), service.block_steps)
    steps = np.diff(np.append(begins, len(expected)))
    mean = np.add.reduceat(expected, begins) / steps
    added = np.diff(curve.award_kw, axis=0, prepend=0.0)
    price, block = np.nonzero(added > LITTLE_KW)
    cost = curve.price_per_mw[price]
    error = np.full(len(cost), asked.price_error_per_mw)
    bids = pay_as_bid.best(cost, mean[block], error)
    return replace(curve, tranches=Tranches(block, added[price, block], cost, bids))


STUDY = Study(
    name="value_stacking",
    question="What is each service worth on top of energy and of the others?",
    config=Config,
    own_files=(
        "inputs/sessions.parquet",
        "stack.parquet",
        "awards.parquet",
        "schedule.parquet",
        "bid_curve.parquet",
        "bids.parquet",
    ),
    compute=compute,
    report=report,
)
