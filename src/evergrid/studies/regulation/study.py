"""What does a fleet earn by following a regulation signal, and does it keep its promises?"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.core.units import KW_PER_MW, MIN_PER_H, S_PER_H, per_kwh_from_per_mwh
from evergrid.data import signals
from evergrid.data.files.locate import locate
from evergrid.dispatch import plan as energy_plan
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.options import Options
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.services import delivery
from evergrid.dispatch.services import plan as service_plan
from evergrid.dispatch.services.delivery import ChargerRules
from evergrid.dispatch.services.plan import ServicePlan
from evergrid.dispatch.services.service import Service
from evergrid.dispatch.track.simulation import Record
from evergrid.inputs import information, regulation
from evergrid.inputs.assembly import load
from evergrid.markets.performance import pjm_score
from evergrid.markets.performance.pjm_score import SAMPLE_S, PjmScore
from evergrid.markets.rules import pjm
from evergrid.markets.rules.pjm import PJM_TICK_S, PjmRegulation
from evergrid.markets.settlement.pjm_regulation import RegulationPrices, credits
from evergrid.markets.settlement.statement import to_the_cent
from evergrid.model.portfolio import Portfolio
from evergrid.model.time_series.signal import RegulationMarket, Signal
from evergrid.studies.regulation import report, tables
from evergrid.studies.regulation.config import Config
from evergrid.studies.regulation.results import RegulationResults
from evergrid.studies.regulation.trials import Trial, best, trial
from evergrid.studies.study import Context, Output, Study

PJM_ZONE = ZoneInfo("America/New_York")


def compute(config: Config, context: Context) -> Output[RegulationResults]:
    """Plan a fleet with regulation, follow the signal, score and settle.

    The seed is that of generated sessions and of lost orders.

    Raises:
        InputError: Data or settings that break rules, a horizon without rules or prices.
        SolveError: No plan within the time limit.
    """
    progress = context.progress
    progress("reading the inputs", 0.0)
    grid = config.horizon.grid()
    rules = _rules(grid)
    given = load(config, None, folder=context.folder, seed=context.seed)
    portfolio = given.portfolio
    signal = _signal(config.signal.file, context)
    market = regulation.market(config.market, context.folder)
    chargers = ChargerRules(seed=context.seed, **config.control.model_dump())
    expected, believed = _expected(config, portfolio, market, context)
    offer = _Offer(config, expected, portfolio, market, believed, rules, chargers)
    progress("planning energy alone", 0.1)
    alone = energy_plan.v2g(expected, offer.options)
    progress("planning with regulation", 0.25)
    made = offer.planned(alone)
    tried, share = list[Trial](), config.award.share
    if config.trial is not None:
        trial_signal = _signal(config.trial.file, context)
        for number, other in enumerate(config.trial.shares):
            done = 0.4 + 0.3 * number / len(config.trial.shares)
            progress(f"trying {other:.0%} of what is held", done)
            tried.append(trial(other, *offer.tried(made, other, trial_signal), rules))
        share = best(tried).share
    progress("following the signal", 0.7)
    record, found = offer.followed(made, share, signal)
    foresight = None
    if config.information.prices == "persistence":
        progress("doing the same with all prices known", 0.85)
        foresight = _with_foresight(offer, share, signal)
    at_end = offer.options.end_value_per_kwh
    results = RegulationResults(
        inputs=given,
        signal=signal,
        rules=rules,
        alone=alone,
        plan=made,
        net_cost_without=costs(portfolio, alone.schedule, at_end).net,
        plan_cost=costs(portfolio, made.schedule, at_end).net,
        foresight=foresight,
        offered_kw=offer.service.rounded(share * made.award_kw[0]),
        record=record,
        share=share,
        trials=tuple(tried),
        **found,
    )
    return Output(
        results,
        tables.headline(config, results),
        tables.results(config, results),
        inputs=tables.inputs(results),
        notes=(*given.notes, *report.notes(config, results)),
        sources=given.sources,
    )


@dataclass(frozen=True)
class _Offer:
    """What is planned on what is known, and followed at what comes.

    Attributes:
        config: Of the study.
        expected: The fleet at the prices of energy that are expected.
        actual: At those that came.
        market: Prices of regulation that came.
        believed: Those that are expected.
        rules: Of the era.
        chargers: What they can do.
    """

    config: Config
    expected: Portfolio
    actual: Portfolio
    market: RegulationMarket
    believed: RegulationMarket
    rules: PjmRegulation
    chargers: ChargerRules

    @cached_property
    def options(self) -> Options:
        """How plans are made."""
        at_end = energy_plan.end_value_per_kwh(self.expected)
        return Options(at_end, time_limit_s=self.config.time_limit_s)

    @cached_property
    def service(self) -> Service:
        """Regulation at the prices that are expected."""
        return regulation.service(
            self.config.market,
            self.config.award,
            self.expected.grid,
            self.believed,
            block_h=self.rules.block_h,
        )

    def planned(self, alone: Plan) -> ServicePlan:
        """The plan with regulation."""
        return service_plan.plan(self.expected, [self.service], self.options, alone=alone)

    def tried(
        self, made: ServicePlan, share: float, signal: Signal
    ) -> tuple[Record, dict[str, Any]]:
        """What came of following a share of what the plan holds, at the prices expected."""
        seen = replace(self, actual=self.expected, market=self.believed)
        return seen.followed(made, share, signal)

    def followed(
        self, made: ServicePlan, share: float, signal: Signal
    ) -> tuple[Record, dict[str, Any]]:
        """What comes of following a share of what the plan holds, at the prices that came."""
        record = delivery.follow(
            self.actual,
            made,
            self.service.rounded(share * made.award_kw[0]),
            signal,
            self.chargers,
            service=self.service,
            block_h=self.rules.block_h,
        )
        settled = (self.config, self.actual, self.rules, self.market, signal, made, record)
        value = self.options.end_value_per_kwh
        return record, {
            **_settled(*settled),
            "energy_left": _energy_left(self.actual, made, record, value),
        }


def _expected(
    config: Config, actual: Portfolio, market: RegulationMarket, context: Context
) -> tuple[Portfolio, RegulationMarket]:
    """The fleet at the prices of energy, and the prices of regulation, that an offer may count on.

    Raises:
        InputError: Prices that do not begin so many days before, or are not known in time.
    """
    grid, known = actual.grid, config.information
    if known.prices == "foresight":
        return actual, market
    prices = information.expected_energy(known, config.prices, grid, context.folder)
    with information.reaching_back(known):
        before = market.at(information.with_days_before(known, grid).times)
    believed = (
        information.expected(known, grid, one)
        for one in (before.capability_per_mw, before.performance_per_mw)
    )
    return replace(actual, prices=prices), RegulationMarket(grid.times, *believed)


def _with_foresight(offer: _Offer, share: float, signal: Signal) -> float:
    """Net cost where the plan knows the prices that come, on the same signal."""
    known = replace(offer, expected=offer.actual, believed=offer.market)
    alone = energy_plan.v2g(known.actual, known.options)
    made = known.planned(alone)
    _, found = known.followed(made, share, signal)
    at_end = offer.options.end_value_per_kwh  # energy that is left is worth the same in both
    plan_cost = costs(known.actual, made.schedule, at_end).net
    following = found["signal_energy"] + found["energy_left"] + found["following_wear"]
    return plan_cost + following - float(found["credits"].total.sum())


def _signal(file: str, context: Context) -> Signal:
    """A signal of a file, in ticks that can be scored.

    Raises:
        InputError: Other ticks.
    """
    signal = signals.read_signal(locate(file, context.folder))
    every = SAMPLE_S / signal.tick_s
    if abs(every - round(every)) > 1e-9 or every < 1:
        rule = f"divide the {SAMPLE_S:g} s at which responses are scored"
        fix = f"PJM sends a value every {PJM_TICK_S:g} s: look whether seconds are counted right."
        raise InputError("signal", [Fault("tick_s", rule, (signal.tick_s,), (file,), fix=fix)])
    return signal


def _rules(grid: TimeGrid) -> PjmRegulation:
    """The rules of the horizon, which must not change within it."""
    days = [moment.astimezone(PJM_ZONE).date() for moment in (grid.start_utc, _last(grid))]
    first, last = (pjm.on(day) for day in days)
    if first is not last:
        rule = f"lie on one side of {last.first}, when the rules change"
        got = tuple(str(day) for day in days)
        raise InputError("regulation", [Fault("horizon", rule, got)])
    steps, blocks = first.block_h / grid.step_h, grid.horizon_h / first.block_h
    if max(abs(steps - round(steps)), abs(blocks - round(blocks))) > 1e-9 or steps < 1 - 1e-9:
        minutes = first.block_h * MIN_PER_H
        fix = f"Choose steps that divide {minutes:g} minutes, such as 15."
        rule = f"be made of awards of {minutes:g} minutes, and each of whole steps"
        raise ConfigError("config", [Fault("horizon", rule, (grid.step_h,), fix=fix)])
    return first


def _last(grid: TimeGrid) -> datetime:
    return grid.end_utc - timedelta(hours=grid.step_h)


def _settled(
    config: Config,
    portfolio: Portfolio,
    rules: PjmRegulation,
    market: RegulationMarket,
    signal: Signal,
    made: ServicePlan,
    record: Record,
) -> dict[str, Any]:
    """Score, prices and credits of each interval, and each asset's part."""
    score = _score(config, rules, signal, record)
    per = round(rules.payment_h * S_PER_H / record.tick_s)
    count = min(len(score.total), len(record.award_kw) // per)
    begins = np.timedelta64(1, "s") * np.round(np.arange(count) * rules.payment_h * S_PER_H)
    at = market.at(portfolio.grid.times[0] + begins.astype("timedelta64[us]"))
    prices = RegulationPrices(
        at.capability_per_mw,
        at.performance_per_mw,
        np.full(count, config.market.mileage_ratio),
    )
    award_mw = record.award_kw[: count * per].reshape(count, per).mean(axis=1) / KW_PER_MW
    paid = credits(award_mw, score.total[:count], prices, rules)
    price = per_kwh_from_per_mwh(portfolio.prices.import_price_per_mwh)
    beside = _beside_plan_kwh(portfolio, made, record)
    ids, asset = np.unique(portfolio.sessions.asset_id.astype(str), return_inverse=True)
    held = portfolio.grid.step_h * made.held_kw[0].sum(axis=1)
    held_kwh = np.bincount(asset, held, len(ids))
    return {
        "score": score,
        "prices": prices,
        "credits": paid,
        "statement": to_the_cent(float(paid.total.sum()), held_kwh),
        "asset_id": ids,
        "held_kwh": held_kwh,
        "beside_plan_kwh": beside,
        "signal_energy": -float(price @ beside),
        "following_wear": _following_wear(portfolio, made, record),
    }


def _following_wear(portfolio: Portfolio, made: ServicePlan, record: Record) -> float:
    """What it wears batteries to follow the signal upwards, shared by what each holds.

    All of it counts as fed, also where a vehicle only draws less.
    """
    sessions, held_kw = portfolio.sessions, made.held_kw[0]
    per = round(portfolio.grid.step_h * S_PER_H / record.tick_s)
    up_kw = np.maximum(record.response_kw[: portfolio.grid.steps * per], 0.0)
    fed_kwh = up_kw.reshape(-1, per).sum(axis=1) * record.tick_s / S_PER_H
    wear = np.where(sessions.max_discharge_kw > 0, sessions.wear_cost_per_kwh, 0.0)
    total_kw = held_kw.sum(axis=0)
    mean = np.divide(wear @ held_kw, total_kw, out=0.0 * total_kw, where=total_kw > 0)
    return float(fed_kwh @ mean)


def _score(config: Config, rules: PjmRegulation, signal: Signal, record: Record) -> PjmScore:
    """Scores of the response over the award; where nothing is awarded, of the signal itself."""
    asked = np.nan_to_num(signal.share[: len(record.award_kw)])
    awarded = record.award_kw > 0
    given = np.divide(record.response_kw, record.award_kw, out=asked.copy(), where=awarded)
    return pjm_score.score(
        pjm_score.sampled(asked, record.tick_s),
        pjm_score.sampled(given, record.tick_s),
        rules,
        interval_h=rules.payment_h,
        reading=config.market.reading,
    )


def _beside_plan_kwh(
    portfolio: Portfolio, made: ServicePlan, record: Record
) -> Float[Array, " step"]:
    """Energy that the fleet fed beyond its plan in each step, below 0 for what it drew more.

    What brings energies back to the plan afterwards is part of it.
    """
    per = round(portfolio.grid.step_h * S_PER_H / record.tick_s)
    power_kw = (record.base_kw + record.response_kw)[: portfolio.grid.steps * per]
    fed = power_kw.reshape(-1, per).sum(axis=1) * record.tick_s / S_PER_H
    return fed - portfolio.grid.step_h * made.schedule.power_kw.sum(axis=0)


def _energy_left(
    portfolio: Portfolio, made: ServicePlan, record: Record, value_per_kwh: float
) -> float:
    """Worth of what is missing to the plan in batteries at the end of the horizon, less of more.

    Of those that are still there. Whoever leaves earlier has what was promised, or is told short.
    """
    there = portfolio.sessions.departure_utc >= datetime64(portfolio.grid.end_utc)
    missing_kwh = made.schedule.energy_kwh[:, -1] - record.energy_end_kwh
    return value_per_kwh * float(missing_kwh[there].sum())


STUDY = Study(
    name="regulation",
    question="What does a fleet earn by following a regulation signal, and does it keep its "
    "promises?",
    config=Config,
    own_files=(
        "inputs/sessions.parquet",
        "inputs/signal.parquet",
        "intervals.parquet",
        "ticks.parquet",
        "schedule.parquet",
        "statement.parquet",
        "kinds.parquet",
        "trials.parquet",
    ),
    compute=compute,
    report=report,
)
