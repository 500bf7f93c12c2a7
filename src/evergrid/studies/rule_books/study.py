"""Which market's rules let a fleet sell most, and what keeps it from selling more elsewhere?"""

import numpy as np

from evergrid.data import signals
from evergrid.data.files.locate import locate
from evergrid.dispatch.services.delivery import ChargerRules
from evergrid.dispatch.services.firm_power import even_plan, firm_power
from evergrid.inputs import made_up_signals
from evergrid.inputs.assembly import load
from evergrid.markets.rules.markets import MARKET_OF, PRODUCTS
from evergrid.model.time_series.frequency import FrequencyRecord
from evergrid.model.time_series.signal import Signal
from evergrid.studies.rule_books import duty, income, offers, qualification, report, tables
from evergrid.studies.rule_books.config import Config
from evergrid.studies.rule_books.results import ProductResult, RuleComparison
from evergrid.studies.study import Context, Output, Study

DURATIONS_H = np.array([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])


def compute(config: Config, context: Context) -> Output[RuleComparison]:
    """Hold one fleet against the rules of many markets.

    The seed is that of generated sessions and of lost orders.

    Raises:
        InputError: Data or settings that break rules.
    """
    progress = context.progress
    progress("reading the inputs", 0.0)
    given = load(config, None, folder=context.folder, seed=context.seed)
    portfolio = given.portfolio
    signal, frequency = _signal(config, context), _frequency(config, context)
    progress("holding the fleet against the rules", 0.2)
    plan = even_plan(portfolio)
    names = config.products or tuple(PRODUCTS)
    chosen = [(MARKET_OF[name], PRODUCTS[name]) for name in names]
    rules = ChargerRules(seed=context.seed, **config.control.model_dump())
    found = []
    for number, offer in enumerate(offers.find(portfolio, plan, chosen)):
        progress(f"testing {offer.product.name}", 0.3 + 0.6 * number / len(chosen))
        asked = duty.of(offer.product, signal, frequency)
        test = (
            qualification.run(portfolio, plan, offer, rules, signal) if config.prequalify else None
        )
        found.append(
            ProductResult(
                offer,
                asked,
                duty.losses_mwh(asked, offer.sold_mwh, portfolio.sessions),
                income.of(offer, asked, config, portfolio.grid, context.folder),
                test,
            )
        )
    by_time = [firm_power(portfolio, plan, float(hours)) for hours in DURATIONS_H]
    results = RuleComparison(
        given,
        plan,
        signal,
        frequency,
        (config.signal.file is None, config.frequency is None),
        tuple(found),
        DURATIONS_H,
        np.array([float(one.up_kw.mean()) for one in by_time]),
        np.array([float(one.down_kw.mean()) for one in by_time]),
    )
    return Output(
        results,
        tables.headline(results),
        tables.results(results),
        inputs=tables.inputs(results),
        notes=(*report.notes(config, results), *given.notes),
        sources=given.sources,
    )


def _signal(config: Config, context: Context) -> Signal:
    if config.signal.file is None:
        return made_up_signals.signal()
    return signals.read_signal(locate(config.signal.file, context.folder))


def _frequency(config: Config, context: Context) -> FrequencyRecord:
    source = config.frequency
    if source is None:
        return made_up_signals.frequency()
    path = locate(source.file, context.folder)
    return signals.read_frequency(path, source.nominal_hz, source.columns())


STUDY = Study(
    name="rule_books",
    question="Which market's rules let a fleet sell most, and what keeps it from selling more "
    "elsewhere?",
    config=Config,
    own_files=(
        "inputs/sessions.parquet",
        "inputs/signal.parquet",
        "inputs/frequency.parquet",
        "products.parquet",
        "blocks.parquet",
        "statements.parquet",
        "tests.parquet",
        "constants.parquet",
    ),
    compute=compute,
    report=report,
)
